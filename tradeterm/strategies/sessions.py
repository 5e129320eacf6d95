"""A panel cut into sessions, so that what happens "since the session's open" is an accumulation along one axis."""

from typing import TypeVar

import numpy as np
from numpy.typing import NDArray

from tradeterm.domain.market import DAY_MS, HOUR_MS
from tradeterm.strategies.panel import Flags, Floats, Panel

Scalar = TypeVar("Scalar", bound=np.generic)


class Sessions:
    """Daily sessions that open at `offset_hours` UTC. A session's first bar is the first that opens in it."""

    def __init__(self, panel: Panel, offset_hours: int = 0) -> None:
        self.rows = panel.rows
        self._length = DAY_MS // panel.interval_ms
        into = int(panel.ts_open[0] - offset_hours * HOUR_MS) % DAY_MS if panel.rows else 0
        self._lead = into // panel.interval_ms

    def split(self, x: NDArray[Scalar], fill: float | bool) -> NDArray[Scalar]:
        """(rows, instruments) → (sessions, rows of a session, instruments); rows outside the panel are `fill`."""
        sessions = max(1, -(-(self._lead + self.rows) // self._length))
        out = np.full((sessions * self._length, x.shape[1]), fill, dtype=x.dtype)
        out[self._lead : self._lead + self.rows] = x
        return out.reshape(sessions, self._length, x.shape[1])

    def join(self, x: NDArray[Scalar]) -> NDArray[Scalar]:
        """The inverse of `split`."""
        return x.reshape(-1, x.shape[2])[self._lead : self._lead + self.rows]

    def opening(self, x: Floats) -> Floats:
        """The session's first value, on every row of it; NaN where that row is not in the panel."""
        parts = self.split(x, np.nan)
        return self.join(np.broadcast_to(parts[:, :1], parts.shape))

    def rows_since_record(self, x: Floats) -> Floats:
        """Rows since `x` last rose above all its earlier values of the session; NaN before its first value."""
        parts = self.split(x, np.nan)
        best = np.fmax.accumulate(parts, axis=1)
        before = np.full_like(best, -np.inf)
        before[:, 1:] = np.where(np.isnan(best[:, :-1]), -np.inf, best[:, :-1])
        row = np.arange(self._length)[None, :, None]
        last = np.maximum.accumulate(np.where(parts > before, row, -1), axis=1)
        return self.join(np.where(last >= 0, (row - last).astype(np.float64), np.nan))

    def first_since_armed(self, wanted: Flags, arms: Flags) -> Flags:
        """The first `wanted` row of each session, and the first one after every row that `arms` again."""
        want, arm = self.split(wanted, False), self.split(arms, False)
        count = np.cumsum(want, axis=1)
        row = np.arange(self._length)[None, :, None]
        last_arm = np.maximum.accumulate(np.where(arm, row, 0), axis=1)
        base: NDArray[np.int64] = np.take_along_axis(count - want, last_arm, axis=1)
        return self.join(want & (count - base == 1))
