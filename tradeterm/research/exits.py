"""The first exit of a position: bar by bar, which is the reference, and jumping over bars on which nothing can happen.

Both give the same answer, to the last bit. The rules are those of `fills.py`.
"""

import math
from collections.abc import Callable, Sequence
from enum import IntEnum
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from tradeterm.desk.sessions import is_last_bar, session_of
from tradeterm.domain.instrument import Calendar
from tradeterm.domain.market import DAY_MS, HOUR_MS, MINUTE_MS
from tradeterm.research.bars import Bars
from tradeterm.research.fills import EntryBar, ExitPolicy, Levels, Reason, Watch, levels
from tradeterm.strategies.panel import Floats

_FIRST_WINDOW, _LARGEST_WINDOW, _GROWTH = 256, 4096, 4
_IST = 5 * HOUR_MS + 30 * MINUTE_MS
_NSE_CLOSE = 15 * HOUR_MS + 30 * MINUTE_MS


class Moment(IntEnum):
    """When in its bar an exit fills."""

    OPEN = 0
    INSIDE = 1
    CLOSE = 2


class Exit(NamedTuple):
    """`price` is before slippage; `reason` one of `Reason` or a strategy's own."""

    row: int
    price: float
    reason: str
    moment: Moment


class Latest(NamedTuple):
    """The last row a position sees before something other than prices ends it, and what (`rows` and "" for nothing).
    That is decided at the row's close, or in the hole after it by the clock, at the moment `clock` (UTC ms; 0: not)."""

    row: int
    reason: str
    clock: int = 0


class ExitSignals(NamedTuple):
    """The rows, rising, at whose close a strategy wants out of an instrument's position on one side."""

    reason: str
    rows: NDArray[np.intp]
    requires_profit: bool = False


FirstExit = Callable[[Bars, int, int, float, ExitPolicy, Sequence[ExitSignals], float, float], Exit]
"""`(bars, row, side, entry, policy, signals, anchor, met)`: `entry` is the price of the fill at the open of `row`,
`side` +1 or −1, `anchor` the price stop and target are measured from, `met` that of the entry before slippage (the
open, or what a late order found). There must be a bar at `row`."""


def first_exit_every_bar(
    bars: Bars,
    row: int,
    side: int,
    entry: float,
    policy: ExitPolicy,
    signals: Sequence[ExitSignals] = (),
    anchor: float | None = None,
    met: float | None = None,
) -> Exit:
    """The reference: every bar in turn."""
    at = levels(policy, side, entry, entry if anchor is None else anchor, bars.tick)
    watch = Watch(at, entry * side, -math.inf if met is None else met * side)
    flagged = [set(signal.rows.tolist()) for signal in signals]
    ts_opened, calendar, interval = bars.opened(row), bars.calendar, bars.interval_ms
    limit = policy.time_limit_ms
    due, been_in_profit, last = "", False, row
    for r in range(row, bars.rows):
        if not bars.has_bar(r):
            continue
        opened, best, worst, close = signed_bar(bars, r, side)
        due = due or _overdue(bars, ts_opened, last, r, policy)
        if due:
            return Exit(r, opened * side, due, Moment.OPEN)
        hit = watch.inside(opened, best, worst)
        if hit is not None:
            return Exit(r, hit[0] * side, hit[1], Moment.INSIDE)
        ts, last = bars.closed(r), r
        if watch.close(best, close):
            due = Reason.TRAILING
        elif limit is not None and ts - ts_opened >= limit:
            due = Reason.TIME_LIMIT
        elif policy.session_end and (
            is_last_bar(calendar, ts, interval) or session_of(calendar, ts_opened) < session_of(calendar, ts - 1)
        ):
            due = Reason.SESSION_END
        else:
            for signal, rows in zip(signals, flagged, strict=True):
                if r in rows and (been_in_profit or not signal.requires_profit):
                    due = signal.reason
                    break
        been_in_profit = been_in_profit or close > entry * side
    return Exit(last, float(bars.close[last]), Reason.DATA_END, Moment.CLOSE)


def first_exit(
    bars: Bars,
    row: int,
    side: int,
    entry: float,
    policy: ExitPolicy,
    signals: Sequence[ExitSignals] = (),
    anchor: float | None = None,
    met: float | None = None,
) -> Exit:
    """The same by jumping: where it must end at the latest, and then the first bar whose prices end it sooner."""
    at = levels(policy, side, entry, entry if anchor is None else anchor, bars.tick)
    due_row, due, _ = latest_exit(bars, row, side, entry, policy, signals)
    watch = Watch(at, entry * side, -math.inf if met is None else met * side)
    hit = _first_hit(bars, row, min(due_row, bars.last) + 1, side, at, watch)
    if hit is not None and hit.reason != "":
        return hit
    if hit is not None:  # the close of that bar set off the trailing stop
        due_row, due = hit.row, Reason.TRAILING
    out = bars.next_bar(due_row + 1)
    if out < bars.rows:
        return Exit(out, float(bars.open[out]), due, Moment.OPEN)
    return Exit(bars.last, float(bars.close[bars.last]), Reason.DATA_END, Moment.CLOSE)


def stop_at(
    bars: Bars, row: int, last: int, side: int, entry: float, policy: ExitPolicy, anchor: float
) -> float | None:
    """Where the stop of a position entered at the open of `row` lies after the close of `last`, if it is open then;
    None without one."""
    at = levels(policy, side, entry, anchor, bars.tick)
    best, _ = _best_and_worst(bars, row, last + 1, side)
    if at.entry_bar is EntryBar.CLOSE:
        best = np.append(bars.close[row : row + 1] * side, best[1:])
    peak = float(np.fmax.reduce(best, initial=entry * side))
    stop = at.stop
    if peak >= at.arm:
        trailed = peak * at.keep
        stop = max(stop, trailed if at.tick is None else at.tick.up(trailed))
    return stop * side if math.isfinite(stop) else None


def signed_bar(bars: Bars, row: int, side: int) -> tuple[float, float, float, float]:
    """Open, best, worst and closing price for a position on `side`, times `side`."""
    opened, high, low, close = bars.open[row], bars.high[row], bars.low[row], bars.close[row]
    if side > 0:
        return float(opened), float(high), float(low), float(close)
    return -float(opened), -float(low), -float(high), -float(close)


def session_exit(bars: Bars, row: int) -> Latest:
    """How a position entered at the open of `row` is ended by its session."""
    calendar, ts = bars.calendar, bars.opened(row)
    if calendar is Calendar.ALWAYS:
        return _by_time(bars, row, (session_of(calendar, ts) + 1) * DAY_MS, Reason.SESSION_END)
    midnight = (session_of(calendar, ts) + 1) * DAY_MS - _IST
    last_order = midnight - DAY_MS + _NSE_CLOSE - bars.interval_ms
    at = bars.next_bar(max(row, bars.first_closing(last_order)))
    if at < bars.rows and is_last_bar(calendar, bars.closed(at), bars.interval_ms):
        return Latest(at, Reason.SESSION_END)
    return Latest(bars.next_bar(max(row, bars.first_closing(midnight + 1))), Reason.SESSION_END)


def latest_exit(
    bars: Bars, row: int, side: int, entry: float, policy: ExitPolicy, signals: Sequence[ExitSignals] = ()
) -> Latest:
    """What other than prices ends the position first.

    Candidates come in the order of the rules, and of those at one moment the first is taken.
    """
    at, why, clock = bars.rows, "", 0
    if policy.time_limit_ms is not None:
        limit = _by_time(bars, row, bars.opened(row) + policy.time_limit_ms, Reason.TIME_LIMIT)
        if limit.row < at:
            at, why, clock = limit
    if policy.session_end:
        session = session_exit(bars, row)
        if (session.row, session.clock) < (at, clock):
            at, why, clock = session
    profit = None
    for signal in signals:
        since, before = row, at + 1 if clock else at
        if signal.requires_profit:
            if profit is None:
                profit = _first_profit(bars, row, before, side, entry)
            since = profit + 1
        flagged = _first_flagged(bars, signal.rows, since, before)
        if flagged < before:
            at, why, clock = flagged, signal.reason, 0
    return Latest(at, why, clock)


def _by_time(bars: Bars, row: int, due: int, reason: str) -> Latest:
    """Decided at the first close at `due` or later; by the clock where the bar of that close is missing and the next
    one too, so that the first open after them is what it gets. Where the market shuts it waits for the next bar."""
    at = bars.next_bar(max(row, bars.first_closing(due)))
    if at >= bars.rows or bars.calendar is not Calendar.ALWAYS:
        return Latest(at, reason)
    late = (bars.closed(at) - due) // bars.interval_ms
    if late < 2:
        return Latest(at, reason)
    return Latest(bars.last_bar(at - 1), reason, bars.closed(at) - late * bars.interval_ms)


def _overdue(bars: Bars, ts_opened: int, last: int, row: int, policy: ExitPolicy) -> str:
    """What the clock ends at a close that has no bar, between those of the rows `last` and `row`; "" for nothing."""
    if bars.calendar is not Calendar.ALWAYS:
        return ""
    for ts in range(bars.closed(last) + bars.interval_ms, bars.opened(row), bars.interval_ms):
        if policy.time_limit_ms is not None and ts - ts_opened >= policy.time_limit_ms:
            return Reason.TIME_LIMIT
        if policy.session_end and session_of(bars.calendar, ts_opened) < session_of(bars.calendar, ts):
            return Reason.SESSION_END
    return ""


def _first_flagged(bars: Bars, rows: NDArray[np.intp], since: int, before: int) -> int:
    """The first of `rows` from `since` on, with a bar and below `before`; `before` if there is none."""
    for flagged in rows[int(np.searchsorted(rows, since)) :]:
        if flagged >= before:
            break
        if bars.has_bar(int(flagged)):
            return int(flagged)
    return before


def _first_profit(bars: Bars, row: int, stop: int, side: int, entry: float) -> int:
    """The first row that closes beyond the entry price; `stop` if none below it does."""
    size = _FIRST_WINDOW
    while row < stop:
        end = min(row + size, stop)
        close = bars.close[row:end]
        found = (close > entry if side > 0 else close < entry).nonzero()[0]
        if found.size:
            return row + int(found[0])
        row, size = end, min(size * _GROWTH, _LARGEST_WINDOW)
    return stop


def _first_hit(bars: Bars, row: int, stop: int, side: int, at: Levels, watch: Watch) -> Exit | None:
    """The first exit by prices in rows `row` to `stop`; with an empty reason where it is the close that arms it.

    Windows are searched for the first row on which `Watch` has something to say; what it says is left to `Watch`.
    """
    size = _FIRST_WINDOW
    found: int | None = row  # the entry's own bar has rules of its own
    while True:
        if found is not None:
            opened, best, worst, close = signed_bar(bars, found, side)
            hit = watch.inside(opened, best, worst)
            if hit is not None:
                return Exit(found, hit[0] * side, hit[1], Moment.INSIDE)
            if watch.close(best, close):
                return Exit(found, close * side, "", Moment.CLOSE)
            row = found + 1
        if row >= stop:
            return None
        end = min(row + size, stop)
        best_, worst_ = _best_and_worst(bars, row, end, side)
        if watch.peak < at.arm:
            found = _first(row, (worst_ <= watch.stop) | (best_ >= min(at.arm, at.target)))
        else:
            found = _first_armed(bars, row, side, at, watch, best_, worst_)
        row, size = end, min(size * _GROWTH, _LARGEST_WINDOW)


def _first_armed(bars: Bars, row: int, side: int, at: Levels, watch: Watch, best: Floats, worst: Floats) -> int | None:
    """The first row that reaches the stop, which follows the best price of the rows before it, or the target, or closes
    at the new level. Moves the watch to that row, or past the window."""
    peaks = np.fmax.accumulate(best)
    np.fmax(peaks, watch.peak, out=peaks)
    stops = np.empty(len(peaks) + 1)
    stops[0] = watch.stop
    np.multiply(peaks, at.keep, out=stops[1:])
    if at.tick is not None:
        stops[1:] = at.tick.all_up(stops[1:])
    np.fmax(stops[1:], watch.stop, out=stops[1:])
    close = bars.close[row : row + len(peaks)]
    closed = close <= stops[1:] if side > 0 else close >= -stops[1:]
    found = _first(0, (worst <= stops[:-1]) | (best >= at.target) | closed)
    before = len(peaks) if found is None else found
    if before:
        watch.peak, watch.stop = float(peaks[before - 1]), float(stops[before])
    return None if found is None else row + found


def _best_and_worst(bars: Bars, row: int, end: int, side: int) -> tuple[Floats, Floats]:
    if side > 0:
        return bars.high[row:end], bars.low[row:end]
    return -bars.low[row:end], -bars.high[row:end]


def _first(row: int, hits: NDArray[np.bool_]) -> int | None:
    at = int(hits.argmax())
    return row + at if hits[at] else None
