"""Trading sessions: what day a moment belongs to, whether the market is open, which bar is a session's last.

ALWAYS is open around the clock with a session per UTC day. NSE is 09:15-15:30 India time (UTC+05:30, no summer time) on
weekdays; exchange holidays show as missing data, which denies entries by itself.
"""

from tradeterm.domain.instrument import Calendar
from tradeterm.domain.market import DAY_MS, HOUR_MS, MINUTE_MS

_IST = 5 * HOUR_MS + 30 * MINUTE_MS
_NSE_OPEN = 9 * HOUR_MS + 15 * MINUTE_MS
_NSE_CLOSE = 15 * HOUR_MS + 30 * MINUTE_MS
_THURSDAY = 3
_WORKDAYS = 5


def session_of(calendar: Calendar, ts: int) -> int:
    """The day number of the session `ts` falls in (local days of the calendar)."""
    return (ts + (_IST if calendar is Calendar.NSE else 0)) // DAY_MS


def is_open(calendar: Calendar, ts: int) -> bool:
    """Whether orders sent at `ts` can trade."""
    if calendar is Calendar.ALWAYS:
        return True
    local = ts + _IST
    return _is_workday(local // DAY_MS) and _NSE_OPEN <= local % DAY_MS < _NSE_CLOSE


def last_close(calendar: Calendar, ts: int, interval_ms: int) -> int:
    """When the newest bar that must be closed at `ts` closed: around the clock bars end at whole intervals, on NSE they
    are counted from the session's opening, and its last one ends with it."""
    if calendar is Calendar.ALWAYS:
        return ts // interval_ms * interval_ms
    day, time = divmod(ts + _IST, DAY_MS)
    while not _is_workday(day) or (time < _NSE_CLOSE and time < _NSE_OPEN + interval_ms):
        day, time = day - 1, _NSE_CLOSE
    closed = _NSE_CLOSE if time >= _NSE_CLOSE else time - (time - _NSE_OPEN) % interval_ms
    return day * DAY_MS + closed - _IST


def is_last_bar(calendar: Calendar, ts_close: int, interval_ms: int) -> bool:
    """Whether the bar that closes at `ts_close` is its session's last.

    Around the clock that is the bar that closes at midnight. Where the market shuts it is the last one after which an
    order can still trade, so the bar before the final one.
    """
    if calendar is Calendar.ALWAYS:
        return ts_close % DAY_MS == 0
    return is_open(calendar, ts_close) and not is_open(calendar, ts_close + interval_ms)


def _is_workday(day: int) -> bool:
    return (day + _THURSDAY) % 7 < _WORKDAYS
