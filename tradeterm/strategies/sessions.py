"""A panel cut into sessions, so that what happens "since the session's open" is an accumulation along one axis."""

from typing import TypeVar

import numpy as np
from numpy.typing import NDArray

from tradeterm.domain.market import DAY_MS, HOUR_MS
from tradeterm.strategies.panel import Flags, Floats, Panel

Scalar = TypeVar("Scalar", bound=np.generic)


class Sessions:
    """Daily sessions that open at `offset_hours` UTC. A session's first bar is the first that opens in it.

    All methods take and return arrays of the panel's shape (rows, instruments).
    """

    def __init__(self, panel: Panel, offset_hours: int = 0) -> None:
        self._rows = panel.rows
        self._length = DAY_MS // panel.interval_ms
        into = int(panel.ts_open[0] - offset_hours * HOUR_MS) % DAY_MS if panel.rows else 0
        self._lead = into // panel.interval_ms
        self._count = max(1, -(-(self._lead + self._rows) // self._length))

    def opening(self, x: Floats) -> Floats:
        """The session's first value, on every row of it; NaN where that row is not in the panel."""
        parts = self._split(x, np.nan)
        return self._join(np.repeat(parts[:, :, :1], self._length, axis=2))

    def rows_since_record(self, x: Floats) -> Floats:
        """Rows since `x` last rose above all its earlier values of the session; NaN before its first value."""
        parts = self._split(x, -np.inf)
        parts[np.isnan(parts)] = -np.inf
        best = np.maximum.accumulate(parts, axis=2)
        record = np.empty(parts.shape, dtype=np.bool_)
        record[:, :, 0] = parts[:, :, 0] > -np.inf
        record[:, :, 1:] = parts[:, :, 1:] > best[:, :, :-1]
        records = np.flatnonzero(record)
        flat = np.full(parts.size, np.inf)
        if records.size:
            lasts = np.diff(records, append=parts.size)
            flat[records[0] :] = np.arange(records[0], parts.size) - np.repeat(records, lasts)
        since: Floats = flat.reshape(parts.shape)
        since[since > np.arange(self._length)] = np.nan  # that was another session's
        return self._join(since)

    def first_since_armed(self, wanted: Flags, arms: Flags) -> Flags:
        """The first `wanted` row of each session, and the first one after every row that `arms` again."""
        want, arm = self._split(wanted, False), self._split(arms, False)
        begins = want.copy()
        begins[:, :, 1:] &= ~want[:, :, :-1] | arm[:, :, 1:]  # no other row of a run can be a first
        rows, armed = np.flatnonzero(begins), np.flatnonzero(arm)
        since = rows - rows % self._length
        if armed.size:
            last = np.searchsorted(armed, rows, side="right") - 1
            since = np.maximum(since, np.where(last >= 0, armed[last], 0))
        earlier = np.concatenate(([0], np.cumsum(want, dtype=np.int64)))
        first = np.zeros(want.size, dtype=np.bool_)
        first[rows[earlier[rows] == earlier[since]]] = True
        return self._join(first.reshape(want.shape))

    def _split(self, x: NDArray[Scalar], fill: float | bool) -> NDArray[Scalar]:
        """(rows, instruments) → (instruments, sessions, rows of a session); rows outside the panel are `fill`."""
        out = np.full((x.shape[1], self._count * self._length), fill, dtype=x.dtype)
        out[:, self._lead : self._lead + self._rows] = x.T
        return out.reshape(x.shape[1], self._count, self._length)

    def _join(self, x: NDArray[Scalar]) -> NDArray[Scalar]:
        """The inverse of `_split`."""
        return x.reshape(x.shape[0], -1)[:, self._lead : self._lead + self._rows].T
