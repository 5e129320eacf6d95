"""The last bars of every instrument without a hole in them: what an indicator may look at."""

import math
from collections.abc import Sequence

import numpy as np
from msgspec import Struct
from numpy.typing import NDArray

from tradeterm.desk.sessions import session_of
from tradeterm.domain.instrument import Calendar, Instrument
from tradeterm.domain.market import Bar

Floats = NDArray[np.float64]

_FIELDS = 4  # high, low, close, variance


class Run(Struct, frozen=True):
    """Bars in a row, oldest first. `variance` is each bar's own, not annualised: Garman & Klass (1980), and where the
    market shuts the squared gap from the close before on top (Yang & Zhang 2000), NaN for a bar that has none before.
    """

    high: Floats
    low: Floats
    close: Floats
    variance: Floats


class Runs:
    """At most `length` bars of each instrument, without a hole: a bar that is missing or makes no sense ends the run,
    and the next one begins anew. So what is computed from a run depends on those bars alone, whoever saw them when.

    Where a market shuts, the first bar of a session follows the last one of the session before.
    """

    def __init__(self, instruments: Sequence[Instrument], interval_ms: int, length: int) -> None:
        self._instruments = tuple(instruments)
        self._interval_ms = interval_ms
        self._length = length
        self._capacity = 2 * length
        self._data = np.empty((len(self._instruments), _FIELDS, self._capacity))
        self._start = [0] * len(self._instruments)
        self._end = [0] * len(self._instruments)
        self._opened: list[int | None] = [None] * len(self._instruments)

    def put(self, column: int, bar: Bar) -> bool:
        """Take a bar in. False for one that is not newer than the last."""
        last = self._opened[column]
        if last is not None and bar.ts_open <= last:
            return False
        if last is None or not self._follows(column, last, bar.ts_open):
            self._start[column] = self._end[column]
        self._opened[column] = bar.ts_open
        if _makes_sense(bar):
            self._append(column, bar)
        else:
            self._start[column] = self._end[column]
        return True

    def run(self, column: int) -> Run:
        """The instrument's run as it is now, as views that are valid until the next `put`; perhaps empty."""
        end = self._end[column]
        high, low, close, variance = self._data[column, :, max(self._start[column], end - self._length) : end]
        return Run(high, low, close, variance)

    def _follows(self, column: int, last: int, opened: int) -> bool:
        if opened == last + self._interval_ms:
            return True
        calendar = self._instruments[column].calendar
        return calendar is not Calendar.ALWAYS and session_of(calendar, opened) > session_of(calendar, last)

    def _append(self, column: int, bar: Bar) -> None:
        variance = _variance(bar)
        if self._instruments[column].calendar is not Calendar.ALWAYS:
            variance += self._gap(column, bar)
        if self._end[column] == self._capacity:
            kept = min(self._length, self._end[column] - self._start[column])
            self._data[column, :, :kept] = self._data[column, :, self._capacity - kept :].copy()
            self._start[column], self._end[column] = 0, kept
        self._data[column, :, self._end[column]] = (bar.high, bar.low, bar.close, variance)
        self._end[column] += 1

    def _gap(self, column: int, bar: Bar) -> float:
        """ln²(open / close before), overnight or not; NaN without a bar before."""
        end = self._end[column]
        before: float = self._data[column, 2, end - 1] if end > self._start[column] else math.nan
        return math.log(bar.open / before) ** 2


def _makes_sense(bar: Bar) -> bool:
    return 0 < bar.low <= bar.open <= bar.high < math.inf and bar.low <= bar.close <= bar.high


def _variance(bar: Bar) -> float:
    return math.log(bar.high / bar.low) ** 2 / 2 - (2 * math.log(2) - 1) * math.log(bar.close / bar.open) ** 2
