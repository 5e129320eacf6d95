"""Equity of a finished simulation at any times: cash and open positions marked to the newest closes, vectorised."""

import numpy as np
from numpy.typing import NDArray

from tradeterm.domain.instrument import Calendar
from tradeterm.domain.market import DAY_MS
from tradeterm.research.bars import Bars
from tradeterm.research.desk_simulation import DeskSimulation
from tradeterm.research.exits import Moment
from tradeterm.research.simulate import Simulation
from tradeterm.strategies.panel import Floats

Times = NDArray[np.int64]


def equity_at(simulation: Simulation, times: Times) -> Floats:
    """Equity at each of `times` (UTC ms, rising), after the exits inside the bars that close then and before funding
    and what fills at the opens of then; 0 once the account was lost. That of several books is the sum of theirs."""
    if isinstance(simulation, DeskSimulation):
        whole: Floats = np.sum([equity_at(part, times) for part in simulation.parts], axis=0)
        return whole
    trades, payments = simulation.trades, simulation.payments
    entered = np.searchsorted(times, trades.entry_ts, side="right")
    left = np.searchsorted(times, trades.exit_ts + (trades.moment == Moment.OPEN), side="left")
    paid = np.searchsorted(times, payments.ts, side="right")
    entry_fee = trades.quantity * trades.entry_price * simulation.costs.fee
    moves = np.zeros(len(times) + 1)
    np.subtract.at(moves, entered, entry_fee)
    np.add.at(moves, left, trades.gross - (trades.fees - entry_fee))
    np.subtract.at(moves, paid, payments.amount)
    equity: Floats = simulation.capital + np.cumsum(moves[:-1])
    for number, bars in enumerate(simulation.market):
        mine = np.flatnonzero((trades.instrument == number) & (left > entered))
        if not mine.size:
            continue
        held = left[mine] - entered[mine]
        which = np.repeat(mine, held)
        at = np.repeat(entered[mine] - np.cumsum(held) + held, held) + np.arange(len(which))
        np.add.at(
            equity, at, (trades.side * trades.quantity)[which] * (_marks(bars, times[at]) - trades.entry_price[which])
        )
        bars.release()
    if simulation.lost_at is not None:
        equity[times >= simulation.lost_at] = 0.0
    return equity


def daily_equity(simulation: Simulation, since: int | None = None) -> tuple[Times, Floats]:
    """Times and equity at the start (or at `since`, UTC ms, where that is later), at each UTC day's end and at the end
    of the data. Days without any bar, where markets shut, are left out."""
    times = _days(simulation.market, since)
    return times, equity_at(simulation, times)


def every_close(simulation: Simulation) -> tuple[Times, Floats]:
    """Times and equity at the start and at every close of any instrument."""
    market = [bars for bars in simulation.market if bars.rows]
    if not market:
        return np.empty(0, np.int64), np.empty(0)
    closes = [bars.ts_open[:] + bars.length_ms for bars in market]
    times = np.unique(np.concatenate([np.array([min(bars.start for bars in market)]), *closes])).astype(np.int64)
    return times, equity_at(simulation, times)


def _days(market: tuple[Bars, ...], since: int | None) -> Times:
    known = [bars for bars in market if bars.rows]
    if not known:
        return np.empty(0, np.int64)
    start, end = min(bars.start for bars in known), max(bars.closed(bars.rows - 1) for bars in known)
    if since is not None:
        start = min(max(start, since), end)
    ends = np.arange((start // DAY_MS + 1) * DAY_MS, end, DAY_MS, dtype=np.int64)
    if all(bars.calendar is not Calendar.ALWAYS or not bars.regular for bars in known):
        ends = np.array([day for day in ends.tolist() if any(_traded(bars, day) for bars in known)], dtype=np.int64)
    return np.concatenate((np.array([start]), ends, np.array([end]))).astype(np.int64)


def _traded(bars: Bars, day_end: int) -> bool:
    """Whether a bar closed in the UTC day that ends then."""
    first, after = bars.first_closing(day_end - DAY_MS + 1), bars.first_closing(day_end + 1)
    return bars.next_bar(first) < after


def _marks(bars: Bars, times: Times) -> Floats:
    """The newest close at each time."""
    rows = np.searchsorted(bars.ts_open, times - bars.length_ms, side="right") - 1
    marks: Floats = bars.close[np.maximum(rows, 0)].astype(np.float64)
    for missing in np.flatnonzero(np.isnan(marks)):
        marks[missing] = bars.last_close(int(times[missing]))
    return marks
