"""Equity as the ledger has it: its points, its fall from the peak, thinned to what a chart can show."""

from collections.abc import Sequence
from decimal import Decimal

import numpy as np
from msgspec import Struct

from tradeterm.domain.facts import EquityPoint
from tradeterm.research.report.curve import telling


class EquityLine(Struct, frozen=True, kw_only=True):
    """Equity at `ts` (UTC ms) and its fall from the highest so far (0 or below, a fraction). Of more points than a
    chart shows the first, lowest and highest of each of some hundred parts are kept; `points` is how many there were,
    `deepest` the lowest fall of all."""

    ts: tuple[int, ...]
    equity: tuple[Decimal, ...]
    fall: tuple[float, ...]
    points: int
    deepest: float


def equity_line(points: Sequence[EquityPoint]) -> EquityLine | None:
    """None without a point. A rolled-up stretch has the deepest fall it held."""
    if not points:
        return None
    equity = np.array([float(point.equity) for point in points])
    peak = np.maximum.accumulate(equity)
    fall = np.where(peak > 0, equity / np.where(peak > 0, peak, 1.0) - 1, 0.0)
    kept = telling(equity)
    return EquityLine(
        ts=tuple(points[at].ts for at in kept.tolist()),
        equity=tuple(points[at].equity for at in kept.tolist()),
        fall=tuple(float(fall[at]) for at in kept.tolist()),
        points=len(points),
        deepest=float(fall.min()),
    )
