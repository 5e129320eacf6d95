"""The last bars of a few instruments, kept in arrays that are written in place and never grow."""

from collections.abc import Iterable, Sequence

import numpy as np
from numpy.typing import NDArray

from tradeterm.domain.market import Bar, FundingRate
from tradeterm.strategies.panel import Panel

_FIELDS = 6  # open, high, low, close, volume, funding


class Window:
    """A panel of at least the last `rows` rows. Missing bars are NaN rows, so rows stay `interval_ms` apart."""

    def __init__(self, instruments: Sequence[str], interval_ms: int, rows: int) -> None:
        self.instruments = tuple(instruments)
        self.interval_ms = interval_ms
        self.length = rows
        self._column = {name: i for i, name in enumerate(self.instruments)}
        self._capacity = 2 * rows + 64
        self._data = np.full((_FIELDS, self._capacity, len(self.instruments)), np.nan)
        self._ts_open: NDArray[np.int64] = np.zeros(self._capacity, dtype=np.int64)
        self._funding = np.full(len(self.instruments), np.nan)
        self._end = 0

    @property
    def rows(self) -> int:
        """Rows held so far, at most `length`."""
        return min(self._end, self.length)

    @property
    def last_ts(self) -> int | None:
        """Closing time of the last row."""
        return int(self._ts_open[self._end - 1]) + self.interval_ms if self._end else None

    def knows(self, instrument: str) -> bool:
        return instrument in self._column

    def column(self, instrument: str) -> int:
        return self._column[instrument]

    def set_funding(self, funding: FundingRate) -> None:
        """The rate every later row carries."""
        if funding.instrument in self._column:
            self._funding[self._column[funding.instrument]] = funding.rate

    def put(self, bars: Iterable[Bar]) -> None:
        """Write bars that close at one instant, the last row's or a later one."""
        for bar in bars:
            if bar.interval_ms != self.interval_ms:
                raise ValueError(f"{bar.instrument}: a bar of {bar.interval_ms} ms, not {self.interval_ms} ms")
            self._advance(bar.ts_open)
            values = (bar.open, bar.high, bar.low, bar.close, bar.volume)
            self._data[:5, self._end - 1, self._column[bar.instrument]] = values

    def panel(self) -> Panel:
        """The last `rows` rows, as views: valid until the next `put`."""
        cut = slice(self._end - self.rows, self._end)
        o, h, low, c, v, f = (self._data[field, cut] for field in range(_FIELDS))
        return Panel(
            instruments=self.instruments,
            interval_ms=self.interval_ms,
            ts_open=self._ts_open[cut],
            open=o,
            high=h,
            low=low,
            close=c,
            volume=v,
            funding=f,
        )

    def _advance(self, ts_open: int) -> None:
        """Append rows until the last one opens at `ts_open`; a gap longer than the window starts it anew."""
        if self._end:
            gap = (ts_open - int(self._ts_open[self._end - 1])) // self.interval_ms
            if gap == 0:
                return
            if gap > self.length:
                self._end = 0
        new = gap if self._end else 1
        if self._end + new > self._capacity:
            keep = self.length
            self._data[:, :keep] = self._data[:, self._end - keep : self._end].copy()
            self._ts_open[:keep] = self._ts_open[self._end - keep : self._end].copy()
            self._end = keep
        rows = slice(self._end, self._end + new)
        self._data[:5, rows] = np.nan
        self._data[5, rows] = self._funding
        self._ts_open[rows] = ts_open - self.interval_ms * np.arange(new - 1, -1, -1)
        self._end += new


def panel_from_bars(
    bars: Iterable[Bar], funding: Iterable[FundingRate], instruments: Sequence[str], interval_ms: int
) -> Panel:
    """All of `bars` (any order) as one panel from the first to the last of them."""
    by_instant: dict[int, list[Bar]] = {}
    for bar in bars:
        by_instant.setdefault(bar.ts_event, []).append(bar)
    if not by_instant:
        return Window(instruments, interval_ms, 1).panel()
    rows = (max(by_instant) - min(by_instant)) // interval_ms + 1
    window = Window(instruments, interval_ms, rows)
    rates = sorted(funding, key=lambda rate: rate.ts_event)
    settled = 0
    for ts in sorted(by_instant):
        while settled < len(rates) and rates[settled].ts_event <= ts:
            window.set_funding(rates[settled])
            settled += 1
        window.put(by_instant[ts])
    return window.panel()
