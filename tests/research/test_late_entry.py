"""A position that was entered late ends by prices of after its entry."""

from typing import Any

import numpy as np
import pytest
from research_kit import candles

from tradeterm.research.costs import Costs
from tradeterm.research.every_bar import simulate_every_bar
from tradeterm.research.exits import first_exit_every_bar
from tradeterm.research.fills import ExitPolicy
from tradeterm.research.simulate import InstrumentSignals, simulate
from tradeterm.research.sizers import FixedQuantity


@pytest.mark.parametrize("side", (1, -1))
def test_a_late_entry_is_not_stopped_at_a_price_of_before_it(side: int) -> None:
    quiet, wide = (100.0, 100.0, 100.0, 100.0), ((100.0, 112.0, 100.0, 111.0), (100.0, 100.0, 88.0, 89.0))[side < 0]
    bars = candles(quiet, wide, quiet)
    costs = Costs(fee=0.0, slippage=0.0, least_latency_ms=2.9e6, most_latency_ms=2.9e6)
    terms: dict[str, Any] = {"costs": costs, "capital": 1000.0, "sizer": FixedQuantity(1.0)}
    signals = [InstrumentSignals(np.array([0]), np.array([side], np.int8))]
    policy = ExitPolicy(stop=0.02)
    every = simulate_every_bar([bars], [lambda row, bar, held: side if row == 0 else 0], policy, **terms)
    for found in (
        simulate([bars], signals, policy, **terms),
        simulate([bars], signals, policy, exits=first_exit_every_bar, **terms),
        every,
    ):
        (trade,) = found.trades
        assert trade.entry_price == pytest.approx(100 + side * 12 * np.sqrt(2.9e6 / 3.6e6))  # 110.77 of a long
        assert (trade.reason, trade.exit_row) == ("STOP", 1)
        assert trade.exit_price == pytest.approx(trade.entry_price * (1 - side * 0.02))
