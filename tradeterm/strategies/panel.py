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
        cut = slice(start, stop)
        return Panel(
            instruments=self.instruments,
            interval_ms=self.interval_ms,
            ts_open=self.ts_open[cut],
            open=self.open[cut],
            high=self.high[cut],
            low=self.low[cut],
            close=self.close[cut],
            volume=self.volume[cut],
            funding=self.funding[cut],
        )
