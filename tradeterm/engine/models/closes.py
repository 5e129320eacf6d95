"""Closing prices and volumes by the hour, of all instruments at common times: what the risk models are fitted to."""

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from tradeterm.domain.market import Bar

Floats = NDArray[np.float64]


class Closes:
    """A row for each `step_ms` (an hour, or a longer bar), the last `rows` of them and `spare` more.

    A row's close is that of the last bar within the step, NaN where there was none; its volume is their sum.
    """

    def __init__(self, instruments: Sequence[str], step_ms: int, rows: int, spare: int) -> None:
        self._column = {name: column for column, name in enumerate(instruments)}
        self._step_ms = step_ms
        self._rows = rows
        slots, names = rows + spare, len(self._column)
        self._times: NDArray[np.int64] = np.zeros(slots, dtype=np.int64)
        self._closes = np.full((slots, names), np.nan)
        self._volumes = np.zeros((slots, names))
        self._newest = [0] * names

    def put(self, bar: Bar) -> None:
        """Take a bar in; one that is not newer than the last of its instrument says nothing new."""
        column = self._column.get(bar.instrument)
        if column is None or bar.ts_event <= self._newest[column]:
            return
        self._newest[column] = bar.ts_event
        end = -(-bar.ts_event // self._step_ms) * self._step_ms
        slot = end // self._step_ms % self._times.size
        if end > self._times[slot]:
            self._times[slot], self._closes[slot], self._volumes[slot] = end, np.nan, 0.0
        if end == self._times[slot] and 0 < bar.close < np.inf:
            self._closes[slot, column] = bar.close
            self._volumes[slot, column] += bar.volume if 0 < bar.volume < np.inf else 0.0

    def until(self, ts: int) -> tuple[NDArray[np.int64], Floats, Floats]:
        """The rows that had ended by `ts`, at most `rows` of them: times, closes and volumes (rows, names)."""
        first = ts - self._rows * self._step_ms
        wanted = np.flatnonzero((self._times > max(0, first)) & (self._times <= ts))
        order = wanted[np.argsort(self._times[wanted])]
        return self._times[order], self._closes[order], self._volumes[order]
