"""Our own VaR forecasts against what happened: how often the loss of the day after was larger.

What the ledger's risk_snapshots hold is enough: a book's (the desk's) VaR and equity at each refresh. A day begins at
the first forecast with something at risk after the day before ended; it ends 24 hours later, and the loss is that of
the equity between. A day whose end was not seen within `LATE_MS` is dropped.

The forecast is of what was held when it was made, the loss is that of the book with its trading in that day: with its
stops, costs and flows. So the count judges the VaR as a limit that a traded book lives under, not the model alone: a
book that is flat by the evening has fewer hits than a right model would, one that trades a lot may have more.
"""

import sqlite3

from msgspec import Struct

from tradeterm.domain.market import DAY_MS, HOUR_MS

LATE_MS = 12 * HOUR_MS
LONGEST_DAYS = 1500


class _Forecast(Struct, frozen=True):
    ts: int
    var_95: float
    var_99: float
    equity: float


class Forecasts:
    """One book's, or the desk's. `hits_95` and `hits_99` have a 1 for each day on which the loss was larger."""

    def __init__(self) -> None:
        self._open: _Forecast | None = None
        self.hits_95: tuple[int, ...] = ()
        self.hits_99: tuple[int, ...] = ()

    def add(self, ts: int, var_95: float | None, var_99: float | None, equity: float | None) -> None:
        """A refresh at `ts`; times ascend."""
        if equity is None or equity <= 0:
            return
        begun = self._open
        if begun is not None and ts >= begun.ts + DAY_MS:
            if ts <= begun.ts + DAY_MS + LATE_MS:
                loss = 1 - equity / begun.equity
                self.hits_95 = (*self.hits_95, int(loss > begun.var_95))[-LONGEST_DAYS:]
                self.hits_99 = (*self.hits_99, int(loss > begun.var_99))[-LONGEST_DAYS:]
            begun = None
        if begun is None and var_95 is not None and var_99 is not None and var_99 > 0:
            begun = _Forecast(ts, var_95, var_99, equity)
        self._open = begun


def read_forecasts(db: sqlite3.Connection) -> dict[str, Forecasts]:
    """Those of earlier runs, by book."""
    found: dict[str, Forecasts] = {}
    rows = db.execute(
        "SELECT book, ts, json_extract(\"values\", '$.var_95'), json_extract(\"values\", '$.var_99'),"
        " json_extract(\"values\", '$.equity') FROM risk_snapshots ORDER BY ts"
    )
    for book, ts, var_95, var_99, equity in rows:
        found.setdefault(book, Forecasts()).add(ts, var_95, var_99, equity)
    return found
