"""Positions held over a hole in an instrument's bars."""

from typing import Any

import numpy as np
import pytest
from research_kit import MONDAY

from tradeterm.domain.market import DAY_MS, HOUR_MS
from tradeterm.research.bars import Bars, Settlements
from tradeterm.research.costs import Costs
from tradeterm.research.every_bar import EXIT_REASON, LEAVE, simulate_every_bar
from tradeterm.research.exits import first_exit_every_bar
from tradeterm.research.fills import ExitPolicy
from tradeterm.research.metrics import cautions
from tradeterm.research.result import Result
from tradeterm.research.simulate import InstrumentSignals, Simulation, simulate
from tradeterm.research.sizers import FixedQuantity


def held_over(hours: list[int], policy: ExitPolicy, *, rows_missing: bool) -> list[Simulation]:
    """A short of 1 from the open of the second bar, at 100, by each of the loops; funding of 0.1 every 8 hours."""
    ts = MONDAY + HOUR_MS * np.array(hours, dtype=np.int64)
    price = np.full(len(hours), 100.0)
    if not rows_missing:
        every = MONDAY + HOUR_MS * np.arange(hours[-1] + 1, dtype=np.int64)
        price, ts = np.where(np.isin(every, ts), 100.0, np.nan), every
    times = np.arange(MONDAY, int(ts[-1]) + DAY_MS, 8 * HOUR_MS, dtype=np.int64)
    bars = Bars("X", HOUR_MS, ts, price, price, price, price, funding=Settlements(times, np.full(len(times), -0.001)))
    terms: dict[str, Any] = {"costs": Costs(fee=0.0, slippage=0.0), "capital": 1000.0, "sizer": FixedQuantity(1.0)}
    signals = [InstrumentSignals(np.array([0]), np.array([-1], np.int8))]
    return [
        simulate([bars], signals, policy, **terms),
        simulate([bars], signals, policy, exits=first_exit_every_bar, **terms),
        simulate_every_bar([bars], [lambda row, bar, side: -1 if row == 0 else 0], policy, **terms),
    ]


@pytest.mark.parametrize("rows_missing", (False, True))
def test_no_funding_is_settled_over_a_hole(rows_missing: bool) -> None:
    hours = [*range(20), *range(4000, 4030)]
    for found in held_over(hours, ExitPolicy(stop=0.5), rows_missing=rows_missing):
        (trade,) = found.trades
        paid = [(int(ts) - MONDAY) // HOUR_MS for ts in found.payments.ts]
        assert paid == [8, 16, 24, 4008, 4016, 4024]  # the last bar before the hole closed at 20
        assert trade.funding == pytest.approx(0.1 * len(paid))


@pytest.mark.parametrize("rows_missing", (False, True))
def test_a_position_held_over_a_hole_is_named(rows_missing: bool) -> None:
    hours = [*range(20), *range(4000, 4030)]
    found, *_ = held_over(hours, ExitPolicy(session_end=True), rows_missing=rows_missing)
    (said,) = [each for each in cautions(Result(found, 365)) if "without bars" in each]
    assert said.startswith("A position in X was held from 2025-01-06")
    assert "over 165 d 21 h without bars" in said


@pytest.mark.parametrize("hours", (list(range(60)), [*range(20), *range(40, 60)]))
def test_a_day_without_bars_is_no_hole(hours: list[int]) -> None:
    found, *_ = held_over(hours, ExitPolicy(), rows_missing=True)
    assert len(found.trades) == 1
    assert not [each for each in cautions(Result(found, 365)) if "without bars" in each]


@pytest.mark.parametrize("rows_missing", (False, True))
@pytest.mark.parametrize(
    "policy", (ExitPolicy(time_limit_hours=22), ExitPolicy(session_end=True)), ids=("limit", "day")
)
def test_what_is_due_in_a_hole_is_the_same_in_every_loop(policy: ExitPolicy, rows_missing: bool) -> None:
    found = held_over([*range(20), *range(40, 60)], policy, rows_missing=rows_missing)
    for (trade,) in (simulation.trades for simulation in found):
        assert trade.exit_ts == MONDAY + 40 * HOUR_MS
        assert trade.reason == ("SESSION_END" if policy.session_end else "TIME_LIMIT")


def test_a_function_that_leaves_before_the_hole_came_first() -> None:
    ts = MONDAY + HOUR_MS * np.array([*range(20), *range(40, 60)], dtype=np.int64)
    price = np.full(len(ts), 100.0)
    bars = Bars("X", HOUR_MS, ts, price, price, price, price)
    wanted = {0: -1, 19: LEAVE}
    found = simulate_every_bar(
        [bars], [lambda row, bar, side: wanted.get(row, 0)], ExitPolicy(time_limit_hours=22),
        costs=Costs(fee=0.0, slippage=0.0), capital=1000.0, sizer=FixedQuantity(1.0),
    )  # fmt: skip
    (trade,) = found.trades
    assert (trade.exit_ts, trade.reason) == (MONDAY + 40 * HOUR_MS, EXIT_REASON)
