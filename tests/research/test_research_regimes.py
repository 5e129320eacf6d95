"""The models a simulated desk decides by, against those the engine computes bar by bar."""

import numpy as np
import pytest
from research_kit import random_bars
from study_kit import contract, demo_study

from tradeterm.domain.instrument import Calendar
from tradeterm.domain.market import MINUTE_MS, Bar
from tradeterm.domain.states import Regime
from tradeterm.engine.models.instruments import HISTORY_BARS as LIVE_HISTORY
from tradeterm.engine.models.instruments import InstrumentModels
from tradeterm.research.bars import Bars, bars_of
from tradeterm.research.regimes import HISTORY_BARS, Regimes


def compare(bars: Bars) -> set[Regime | None]:
    """The regimes seen; both agree at every row."""
    item = contract(bars.instrument, calendar=bars.calendar)
    live = InstrumentModels([item], bars.interval_ms)
    simulated = Regimes([bars])
    seen: set[Regime | None] = set()
    before: tuple[int, dict[str, float | None]] | None = None
    for row in range(bars.rows):
        if before is not None and bars.has_bar(row):
            found = simulated.at(0, row)
            old = bars.closed(row) - before[0] > 3 * bars.interval_ms
            code, volatility = (None, None) if old else (before[1]["regime"], before[1]["volatility"])
            regime = None if code is None else tuple(Regime)[int(code)]
            assert found.regime is regime, row
            assert found.volatility == (None if volatility is None else pytest.approx(volatility, rel=1e-9)), row
            seen.add(found.regime)
        if bars.has_bar(row):
            prices = (float(column[row]) for column in (bars.open, bars.high, bars.low, bars.close))
            bar = Bar(bars.instrument, bars.interval_ms, bars.opened(row), *prices, 1.0, 0)
            (update,) = live.on_bars([bar])
            before = (bars.closed(row), update.values)
    return seen


def test_on_every_bar_of_the_recording() -> None:
    assert HISTORY_BARS == LIVE_HISTORY
    (bars,) = bars_of(demo_study(("SUIUSDT",)).panel)
    assert len(compare(bars)) >= 4


def test_after_holes() -> None:
    bars = random_bars(3, 1500, step=0.002, interval_ms=5 * MINUTE_MS, missing=0.004)
    assert compare(bars) > {None}


def test_where_the_market_shuts() -> None:
    bars = random_bars(5, 6 * 96, step=0.002, interval_ms=15 * MINUTE_MS, calendar=Calendar.NSE)
    here = np.flatnonzero(~np.isnan(bars.close))
    shut = Bars(
        "N", bars.interval_ms, bars.ts_open[here], bars.open[here], bars.high[here], bars.low[here], bars.close[here],
        calendar=Calendar.NSE,
    )  # fmt: skip
    for market in (bars, shut):
        assert compare(market) > {None}
