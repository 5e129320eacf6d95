"""How a desk's instruments moved together, as a recorded run would have known it at any time.

The model is the live desk's: the covariance of hourly returns by `quant.desk_risk`, renewed at full multiples of the
refresh. A recording is refreshed a third as often as a live market, so that is how often it is here.
"""

from collections.abc import Mapping, Sequence

import numpy as np
from numpy.typing import NDArray

from tradeterm.config import RiskConfig
from tradeterm.domain.events import CovarianceUpdate
from tradeterm.domain.instrument import Instrument
from tradeterm.domain.market import HOUR_MS, MINUTE_MS
from tradeterm.strategies.panel import Floats, Panel

RECORDED_REFRESHES, ROWS = 3, 505
"""Those of `engine.models.models`; a test compares them."""


class Together:
    """Of the `instruments`, each with its column of the panel that has its bars; the columns may be memory-mapped."""

    def __init__(self, instruments: Mapping[str, Instrument], panels: Sequence[Panel], risk: RiskConfig) -> None:
        self._contracts = tuple(instruments.values())
        homes = {name: (panel, column) for panel in panels for column, name in enumerate(panel.instruments)}
        self._homes = [homes[name] for name in instruments]
        self._interval_ms = panels[0].interval_ms
        self._step_ms = max(HOUR_MS, self._interval_ms)
        self._every_ms = int(risk.refresh_minutes * MINUTE_MS) * RECORDED_REFRESHES
        self._threshold = risk.group_correlation
        self._known: CovarianceUpdate | None = None

    def at(self, ts: int) -> CovarianceUpdate:
        """What is known to a decision at the close `ts` (UTC ms): it comes before the models of its own bar."""
        until = (ts - self._interval_ms) // self._every_ms * self._every_ms
        if self._known is None or self._known.ts != until:
            self._known = self._fitted(until)
        return self._known

    def _fitted(self, until: int) -> CovarianceUpdate:
        from tradeterm.quant.desk_risk import refresh
        from tradeterm.quant.risk_inputs import Name, RiskInputs

        first = until - ROWS * self._step_ms
        times = np.arange(first + self._step_ms, until + 1, self._step_ms, dtype=np.int64)
        closes = np.full((times.size, len(self._homes)), np.nan)
        for number, (panel, column) in enumerate(self._homes):
            self._fill(closes[:, number], panel, column, first, until)
        there = np.isfinite(closes).any(axis=1)
        found = refresh(
            RiskInputs(
                names=tuple(Name(item.id, item.symbol, item.calendar) for item in self._contracts),
                times=times[there],
                closes=closes[there],
                volumes=np.zeros((int(there.sum()), len(self._homes))),
                books=(),
                group_correlation=self._threshold,
            )
        ).together
        return CovarianceUpdate(
            ts=until,
            instruments=found.instruments,
            covariance=found.covariance,
            groups=found.groups,
            observations=found.observations,
        )

    def _fill(self, row: Floats, panel: Panel, column: int, first: int, until: int) -> None:
        """The last close within each step after `first`, up to `until`; NaN where there is none."""
        begin, end = (
            int(np.searchsorted(panel.ts_open, ts - panel.interval_ms, side="right")) for ts in (first, until)
        )
        close: Floats = np.asarray(panel.close[begin:end, column])
        known = np.flatnonzero((close > 0) & np.isfinite(close))
        closed: NDArray[np.int64] = panel.ts_open[begin:end][known] + panel.interval_ms
        row[-((first - closed) // self._step_ms) - 1] = close[known]  # of those of one step the last stays
