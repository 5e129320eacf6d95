"""Market data as strategies see it: one time × instrument array per field."""

import numpy as np
from msgspec import Struct
from numpy.typing import NDArray

Floats = NDArray[np.float64]
Flags = NDArray[np.bool_]


class Panel(Struct, frozen=True, kw_only=True):
    """Closed bars. All fields are float64 of shape (rows, instruments), NaN where an instrument has no bar.

    `ts` (int64, UTC ms) is each row's closing time, `ts_open` its opening time; rows are `interval_ms` apart.
    `funding` is the last settled funding rate known at the row's close (NaN: none known).
    """

    instruments: tuple[str, ...]
    interval_ms: int
    ts_open: NDArray[np.int64]
    open: Floats
    high: Floats
    low: Floats
    close: Floats
    volume: Floats
    funding: Floats

    @property
    def ts(self) -> NDArray[np.int64]:
        return self.ts_open + self.interval_ms

    @property
    def rows(self) -> int:
        return int(self.ts_open.shape[0])

    def window(self, start: int, stop: int) -> "Panel":
        """Rows start..stop as views (nothing is copied)."""
        return self._part(slice(start, stop), slice(None), self.instruments)

    def only(self, instrument: int) -> "Panel":
        """One instrument's column as a panel (a view)."""
        return self._part(slice(None), slice(instrument, instrument + 1), (self.instruments[instrument],))

    def _part(self, rows: slice, columns: slice, instruments: tuple[str, ...]) -> "Panel":
        return Panel(
            instruments=instruments,
            interval_ms=self.interval_ms,
            ts_open=self.ts_open[rows],
            open=self.open[rows, columns],
            high=self.high[rows, columns],
            low=self.low[rows, columns],
            close=self.close[rows, columns],
            volume=self.volume[rows, columns],
            funding=self.funding[rows, columns],
        )
