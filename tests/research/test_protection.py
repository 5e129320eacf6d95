"""Stops by range and targets in stops, in a study: the desk's own prices, whichever way an exit is found."""

from decimal import Decimal
from typing import Any

import numpy as np
import pytest
from hypothesis import given as for_all
from hypothesis import strategies as st
from msgspec.structs import replace
from study_kit import contract, demo_study, study_of

from tradeterm.config import BookConfig, ExitsConfig, SizingConfig, SizingMethod
from tradeterm.desk.protection import protection_prices
from tradeterm.desk.state import Book
from tradeterm.domain.orders import PositionSide
from tradeterm.domain.states import BookState
from tradeterm.indicators import atr
from tradeterm.research import panel_of
from tradeterm.research.exits import first_exit_every_bar
from tradeterm.research.fills import Anchor, EntryBar, ExitPolicy, levels
from tradeterm.research.honesty.parameters import exit_neighbours
from tradeterm.research.protection import Protection
from tradeterm.research.regimes import HISTORY_BARS
from tradeterm.research.study import Study, market_of, run
from tradeterm.research.ticks import Step

FIXED = SizingConfig(method=SizingMethod.FIXED)
BY_RANGE = ExitsConfig(stop_atr=2.0, target_stops=1.7)


def book_of(exits: ExitsConfig) -> BookConfig:
    return BookConfig(strategy="eos", venue="paper", instruments=("X",), capital=1e5, exits=exits)


class Known:
    """Models that know one range."""

    def __init__(self, value: float | None) -> None:
        self._value = value

    def atr(self, number: int, row: int) -> float | None:
        return self._value


@for_all(
    st.integers(100, 10_000_000),
    st.sampled_from([1, -1]),
    st.sampled_from(["0.1", "0.01", "0.05"]),
    st.floats(0.1, 10),
    st.floats(1e-6, 0.2),
    st.none() | st.floats(0.1, 20),
)
def test_levels_are_the_desks_to_the_tick(
    ticks: int, side: int, tick: str, stops: float, share: float, times: float | None
) -> None:
    price = float(Decimal(tick) * ticks)
    exits = ExitsConfig(stop_atr=stops, target_stops=times)
    policy = ExitPolicy(stop=0.02, target=0.03, anchor=Anchor.SIGNAL, entry_bar=EntryBar.CLOSE)
    item = contract("X", tick_size=tick)
    protect: Any = Protection(book_of(exits), (item,), Known(price * share), policy)  # type: ignore[arg-type]
    at = levels(protect(0, 5, side, price), side, price, price, Step.of(item.tick_size))
    book = Book("b", book_of(exits), 300_000, BookState.RUNNING, Decimal(1), Decimal(1))
    bought = PositionSide.LONG if side > 0 else PositionSide.SHORT
    stop, target = protection_prices(book, item, bought, Decimal(str(price)), price * share)
    assert at.stop * side == float(stop)
    assert at.target * side == (float(target) if target is not None else side * np.inf)


@pytest.fixture(scope="module")
def study() -> Study:
    return demo_study(exits=BY_RANGE, sizing=FIXED)


def test_the_range_is_that_of_the_bar_before_the_signal(study: Study) -> None:
    trades, panel = list(run(study).trades), study.panel
    assert len(trades) >= 20
    for trade in trades:
        number = panel.instruments.index(trade.instrument)
        known = atr(panel.high[:, number], panel.low[:, number], panel.close[:, number])[trade.signal_row - 1]
        close = panel.close[trade.signal_row, number]
        away = float(np.clip(2.0 * known, 0.001 * close, 0.5 * close))
        stop = trade.entry_price - trade.side * trade.risk / trade.quantity
        tick = float(study.instruments[number].tick_size)
        assert -1e-6 * tick <= away - trade.side * (close - stop) < tick * (1 + 1e-6)


def test_every_bar_and_jumping_find_the_same(study: Study) -> None:
    found = run(study)
    assert {str(trade.reason) for trade in found.trades} >= {"STOP", "TARGET"}
    assert list(run(study, exits=first_exit_every_bar).trades) == list(found.trades)


def test_part_of_the_time_has_the_same_stops(study: Study) -> None:
    """History before the part is enough for the range too."""
    start = int(study.panel.ts[3 * 288])
    part = study.between(start, int(study.panel.ts[-1]))
    known = {(t.instrument, t.entry_ts): t.risk / t.quantity for t in run(study).trades}
    same = [(t.risk / t.quantity, known.get((t.instrument, t.entry_ts))) for t in run(part).trades]
    assert len(same) >= 10
    assert all(mine == pytest.approx(whole, rel=1e-12) for mine, whole in same if whole is not None)
    assert sum(whole is not None for _, whole in same) >= 10


def test_without_a_known_range_there_is_no_entry(study: Study) -> None:
    """As tier 1 says it of a stop that is not there; a hole makes it unknown anew."""
    holes = study.panel.close.copy()
    market = market_of(study)
    first = next(t for t in run(study).trades if t.instrument == study.panel.instruments[0])
    holes[first.signal_row - 10 : first.signal_row - 5, 0] = np.nan
    panel = replace(study.panel, close=holes)
    assert len(market[0].close) > HISTORY_BARS
    found = run(replace(study, panel=panel))
    assert found.ignored["NOT_FINITE"] >= 1
    assert (first.instrument, first.entry_ts) not in {(t.instrument, t.entry_ts) for t in found.trades}


def test_a_market_that_stands_still_has_no_range() -> None:
    rows = 600
    close = np.full(rows, 100.0)
    close[500:] = 110.0
    panel = panel_of(close, close, close, close, np.full(rows, 1e6), ts=np.arange(rows) * 300_000, interval="5m")
    parameters = {"threshold": 0.05, "min_confirmations": 0, "stall_bars": 1}
    found = run(study_of(panel, exits=BY_RANGE, sizing=FIXED, parameters=parameters))
    assert len(found.trades) == 0


def test_what_is_shaken_are_the_exits_that_are_on(study: Study) -> None:
    names = {near.name for near in exit_neighbours(study)}
    assert {"stop_atr", "target_stops"} <= names
    assert not {"stop", "target"} & names
    assert {"stop", "target"} <= {near.name for near in exit_neighbours(demo_study())}
