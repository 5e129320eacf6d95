"""One instrument's bars without the holes, as indicators are computed on them."""

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from tradeterm.domain.market import DAY_MS, HOUR_MS
from tradeterm.strategies.declared.averages import Floats
from tradeterm.strategies.panel import Flags, Panel


class Bars(NamedTuple):
    """The bars that exist, in time order: "n bars ago" skips a missing one. All fields are of the same length.

    `rows` are their rows in the panel, `ts` their closes (UTC ms), `day` the UTC day they opened in; `whole` says
    whether the panel reaches back to that day's beginning.
    """

    rows: NDArray[np.int64]
    ts: NDArray[np.int64]
    day: NDArray[np.int64]
    whole: Flags
    open: Floats
    high: Floats
    low: Floats
    close: Floats
    volume: Floats
    funding: Floats

    @property
    def hour(self) -> Floats:
        """Hour of the UTC day at which the bar closes, 0 to 23."""
        return (self.ts // HOUR_MS % 24).astype(np.float64)


def bars_of(panel: Panel, column: int) -> Bars:
    prices = [field[:, column] for field in (panel.open, panel.high, panel.low, panel.close)]
    rows = np.flatnonzero(np.isfinite(prices).all(axis=0))
    day = panel.ts_open[rows] // DAY_MS
    begins = int(panel.ts_open[0]) if panel.rows else 0
    fields = (field[rows] for field in (*prices, panel.volume[:, column], panel.funding[:, column]))
    return Bars(rows, panel.ts[rows], day, day * DAY_MS >= begins, *fields)
