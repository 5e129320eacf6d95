"""One instrument's bars as the kernel reads them, with what its costs depend on."""

import math
import mmap
from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from tradeterm.domain.instrument import Calendar
from tradeterm.domain.market import DAY_MS, HOUR_MS, MINUTE_MS
from tradeterm.research.ticks import Step
from tradeterm.strategies.panel import Floats, Panel

_CHUNK = 1024
_NSE_SESSION_MS = 6 * HOUR_MS + 15 * MINUTE_MS


class Settlements(NamedTuple):
    """Funding: at `ts` (UTC ms, rising) longs pay shorts `rate` of the notional."""

    ts: NDArray[np.int64]
    rate: Floats


class Liquidity(NamedTuple):
    """What an order's impact depends on: from `ts` on (UTC ms, rising) the average daily volume, in units of quantity,
    and the daily volatility, a fraction, are known to be these. NaN: unknown."""

    ts: NDArray[np.int64]
    adv: Floats
    volatility: Floats

    def at(self, ts: int) -> tuple[float, float]:
        """Volume and volatility known at `ts`; NaN before the first."""
        row = int(np.searchsorted(self.ts, ts, side="right")) - 1
        return (float(self.adv[row]), float(self.volatility[row])) if row >= 0 else (math.nan, math.nan)


def length_of(interval_ms: int, calendar: Calendar) -> int:
    """From a bar's opening to its close: a day of NSE ends with its session, at 15:30 India time."""
    return _NSE_SESSION_MS if calendar is Calendar.NSE and interval_ms == DAY_MS else interval_ms


class Bars:
    """Closed bars in rows that rise in time and do not overlap; NaN in all four prices where there is no bar.

    Arrays are used as they are and are not checked: what comes from outside goes through `panel_of`. Memory-mapped
    columns stay on disk until a row is read, and the kernel lets go of them again as it moves on. With a `tick` fills
    and stops lie on it; `volume` (in units of quantity) and `lot` matter where the costs have a participation.
    """

    __slots__ = (
        "calendar",
        "close",
        "funding",
        "high",
        "instrument",
        "interval_ms",
        "last",
        "length_ms",
        "liquidity",
        "lot",
        "low",
        "mappings",
        "open",
        "regular",
        "rows",
        "start",
        "tick",
        "ts_open",
        "volume",
    )

    def __init__(
        self,
        instrument: str,
        interval_ms: int,
        ts_open: NDArray[np.int64],
        open: Floats,
        high: Floats,
        low: Floats,
        close: Floats,
        *,
        calendar: Calendar = Calendar.ALWAYS,
        funding: Settlements | None = None,
        liquidity: Liquidity | None = None,
        volume: Floats | None = None,
        tick: Step | None = None,
        lot: Step | None = None,
    ) -> None:
        self.instrument, self.interval_ms, self.calendar = instrument, interval_ms, calendar
        self.length_ms = length_of(interval_ms, calendar)
        self.ts_open = np.asarray(ts_open)
        self.open, self.high, self.low, self.close = (np.asarray(prices) for prices in (open, high, low, close))
        self.funding, self.liquidity = funding, liquidity
        self.volume, self.tick, self.lot = volume, tick, lot
        self.rows = rows = int(self.ts_open.shape[0])
        self.start = int(self.ts_open[0]) if rows else 0
        self.regular = rows > 0 and int(self.ts_open[-1]) - self.start == (rows - 1) * interval_ms
        self.last = self.last_bar(rows - 1)
        columns = (self.ts_open, self.open, self.high, self.low, self.close, volume)
        self.mappings = {
            id(found): found for column in columns if column is not None and (found := _mapping(column)) is not None
        }

    def opened(self, row: int) -> int:
        """When the row's bar opens, UTC ms."""
        return self.start + row * self.interval_ms if self.regular else int(self.ts_open[row])

    def closed(self, row: int) -> int:
        """When the row's bar closes, UTC ms."""
        return self.opened(row) + self.length_ms

    def first_closing(self, ts: int) -> int:
        """The first row that closes at `ts` or later; `rows` where none does."""
        if self.regular:
            return min(max(-((self.start + self.length_ms - ts) // self.interval_ms), 0), self.rows)
        return int(np.searchsorted(self.ts_open, ts - self.length_ms, side="left"))

    def has_bar(self, row: int) -> bool:
        return bool(self.close[row] == self.close[row])

    def next_bar(self, row: int) -> int:
        """The first row from `row` on that has a bar; `rows` where none has."""
        if row > self.last:
            return self.rows
        while row < self.rows:
            part = self.close[row : row + _CHUNK]
            if part[0] == part[0]:
                return row
            found = np.flatnonzero(part == part)
            if found.size:
                return row + int(found[0])
            row += _CHUNK
        return self.rows

    def last_close(self, ts: int) -> float:
        """The newest close at `ts`; NaN before the first."""
        row = self.last_bar(self.first_closing(ts + 1) - 1)
        return float(self.close[row]) if row >= 0 else math.nan

    def closes(self, first: int, stop: int) -> Floats:
        """The newest close at each of the rows; NaN before the first."""
        part: Floats = self.close[first:stop]
        missing = np.isnan(part)
        if not missing.any():
            return part
        known = np.maximum.accumulate(np.where(missing, -1, np.arange(len(part))))
        before = self.last_bar(first - 1)
        return np.where(known >= 0, part[known], self.close[before] if before >= 0 else math.nan)

    def release(self) -> None:
        """Give the memory of mapped columns back; what is read again comes from the page cache."""
        release_all((self,))

    def last_bar(self, row: int) -> int:
        """The last row up to `row` that has a bar; −1 where none has."""
        while row >= 0:
            part = self.close[max(0, row + 1 - _CHUNK) : row + 1]
            if part[-1] == part[-1]:
                return row
            found = np.flatnonzero(part == part)
            if found.size:
                return row + 1 - len(part) + int(found[-1])
            row -= len(part)
        return -1


def release_all(market: Sequence[Bars]) -> None:
    """`release` of every instrument: those of one panel may share their files."""
    for mapping in {key: found for bars in market for key, found in bars.mappings.items()}.values():
        mapping.madvise(mmap.MADV_DONTNEED)


def bars_of(
    panel: Panel,
    *,
    calendar: Calendar = Calendar.ALWAYS,
    funding: Sequence[Settlements | None] | None = None,
    liquidity: Sequence[Liquidity | None] | None = None,
    steps: Sequence[tuple[Step, Step]] | None = None,
) -> tuple[Bars, ...]:
    """The panel's instruments one by one (views, nothing is copied); `steps` are the tick and the lot of each."""
    return tuple(
        Bars(
            name,
            panel.interval_ms,
            panel.ts_open,
            panel.open[:, i],
            panel.high[:, i],
            panel.low[:, i],
            panel.close[:, i],
            calendar=calendar,
            funding=funding[i] if funding is not None else None,
            liquidity=liquidity[i] if liquidity is not None else None,
            volume=panel.volume[:, i],
            tick=steps[i][0] if steps is not None else None,
            lot=steps[i][1] if steps is not None else None,
        )
        for i, name in enumerate(panel.instruments)
    )


def _mapping(column: NDArray[np.generic]) -> mmap.mmap | None:
    """The file mapping behind an array, if it is one that cannot hold changes."""
    base: object = column
    while isinstance(base, np.ndarray):
        base = base.base
    if isinstance(base, mmap.mmap) and hasattr(mmap, "MADV_DONTNEED"):
        with memoryview(base) as view:
            return base if view.readonly else None
    return None
