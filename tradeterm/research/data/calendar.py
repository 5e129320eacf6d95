"""Trading sessions for arrays of bars: the hours of `desk.sessions` as numbers that whole columns are judged by."""

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from tradeterm.domain.instrument import Calendar
from tradeterm.domain.market import DAY_MS, HOUR_MS, MINUTE_MS

Stamps = NDArray[np.int64]
_NSE_VENUES = ("nse", "bse", "kite", "zerodha", "dhan")


class Hours(NamedTuple):
    """A session opens `open_ms` after midnight UTC and lasts `length_ms`; `zone` is where its exchange is."""

    calendar: Calendar
    open_ms: int
    length_ms: int
    workdays_only: bool
    zone: str
    offset_ms: int
    """How far the exchange's clock is ahead of UTC, all year."""

    def date(self, ts: Stamps) -> Stamps:
        """Number, since 1970, of the date a calendar at the exchange shows."""
        return (ts + self.offset_ms) // DAY_MS

    def day(self, ts: Stamps) -> Stamps:
        """Number of the session's day since 1970; a moment before the opening belongs to the day before."""
        return (ts - self.open_ms) // DAY_MS

    def into(self, ts: Stamps) -> Stamps:
        """Milliseconds since the session's opening, 0 to a day."""
        return (ts - self.open_ms) % DAY_MS

    def outside(self, ts: Stamps) -> NDArray[np.bool_]:
        """Which moments lie outside the session's hours."""
        return self.into(ts) >= self.length_ms

    def workday(self, day: Stamps) -> NDArray[np.bool_]:
        """Which days the market may be open on (1970-01-01 was a Thursday)."""
        return np.full(day.shape, True) if not self.workdays_only else (day + 3) % 7 < 5

    def slots(self, interval_ms: int) -> int:
        """Bars of a session, the last of which may be cut short by the close."""
        return -(-self.length_ms // interval_ms)

    def opening(self, day: int) -> int:
        return day * DAY_MS + self.open_ms


ALWAYS = Hours(Calendar.ALWAYS, 0, DAY_MS, False, "UTC", 0)
NSE = Hours(
    Calendar.NSE,
    3 * HOUR_MS + 45 * MINUTE_MS,
    6 * HOUR_MS + 15 * MINUTE_MS,
    True,
    "Asia/Kolkata",
    5 * HOUR_MS + 30 * MINUTE_MS,
)


def hours_of(venue: str) -> Hours:
    """Sessions of a venue by its name; what is not an Indian exchange or broker trades around the clock."""
    return NSE if venue.lower().startswith(_NSE_VENUES) else ALWAYS
