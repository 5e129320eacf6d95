"""Steps in floats against exact decimals."""

from decimal import ROUND_CEILING, ROUND_FLOOR, Decimal

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from research_kit import candles

from tradeterm.research.costs import Costs
from tradeterm.research.exits import Moment, first_exit, first_exit_every_bar
from tradeterm.research.fills import Anchor, EntryBar, ExitPolicy
from tradeterm.research.simulate import InstrumentSignals, simulate
from tradeterm.research.sizers import FixedQuantity
from tradeterm.research.ticks import Step

SIZES = tuple(Decimal(text) for text in ("0.1", "0.01", "0.0001", "0.05", "0.5", "5", "0.00001"))


@given(size=st.sampled_from(SIZES), count=st.integers(-(10**7), 10**7), off=st.floats(0.001, 0.999))
def test_multiples_are_the_floats_of_their_decimals(size: Decimal, count: int, off: float) -> None:
    step, exact = Step.of(size), size * count
    assert step.up(float(exact)) == step.down(float(exact)) == float(exact)
    between = float(exact) + off * float(size)
    found = Decimal(repr(between)) / size
    assert step.up(between) == float(found.to_integral_value(ROUND_CEILING) * size)
    assert step.down(between) == float(found.to_integral_value(ROUND_FLOOR) * size)
    assert step.all_up(np.array([between]))[0] == step.up(between)


def test_stop_target_and_fills_lie_on_the_tick() -> None:
    bars = candles((100, 100, 100, 100.03), (100.03, 100.03, 90, 95))
    bars.tick = Step(0.05, 2)
    rows = InstrumentSignals(np.array([0]), np.array([1], np.int8))
    policy = ExitPolicy(stop=0.02, anchor=Anchor.SIGNAL)
    (trade,) = simulate(
        [bars], [rows], policy, costs=Costs(fee=0.0, slippage=0.0001), capital=1000.0, sizer=FixedQuantity(1.0)
    ).trades
    assert trade.entry_price == 100.05  # 100.040003 up
    assert trade.exit_price == 98.0  # the stop, 98.0294, is up at 98.05; less slippage 98.0402, down
    assert trade.risk == pytest.approx(2.0)


@pytest.mark.parametrize("find", (first_exit, first_exit_every_bar))
def test_a_desk_trails_by_the_close_of_the_entrys_bar(find: object) -> None:
    """Its high of 103 is not known to have come after the entry; the close of 101 is."""
    assert callable(find)
    bars = candles((100, 103, 99.5, 101), (101, 101, 99.9, 100.2), (100, 100, 100, 100))
    policy = ExitPolicy(stop=0.05, trail=0.01, trail_after=0.005, entry_bar=EntryBar.CLOSE)
    found = find(bars, 0, 1, 100.0, policy)
    assert (found.row, found.reason, found.moment) == (1, "TRAILING", Moment.INSIDE)
    assert found.price == pytest.approx(101 * 0.99)
