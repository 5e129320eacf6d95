"""Equity as it is drawn: fine enough to show what days hide, with no more points than a screen has."""

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from tradeterm.research.metrics import buy_and_hold
from tradeterm.research.result import Result
from tradeterm.strategies.panel import Floats

_MOST_LOOKS = 20_000
_PARTS = 400


class EquityCurve(NamedTuple):
    """Equity, its fall from the peak so far (0 or below) and that of buying and holding, at `ts` (UTC ms). `deepest` is
    the lowest fall at all looks, one every `every` ms; these are the first, lowest and highest of each part of them."""

    ts: NDArray[np.int64]
    equity: Floats
    fall: Floats
    held: Floats
    deepest: float
    every: int


def equity_curve(result: Result) -> EquityCurve:
    first, last = int(result.equity.ts[0]), int(result.equity.ts[-1])
    shortest = min(bars.interval_ms for bars in result.simulation.market)
    every = shortest * max(1, -((first - last) // (shortest * _MOST_LOOKS)))
    ts = np.union1d(np.append(np.arange(first, last, every, dtype=np.int64), last), result.equity.ts)
    equity = result.equity_at(ts)
    fall = equity / np.maximum.accumulate(equity) - 1
    at = telling(equity)
    held = buy_and_hold(result, ts[at])
    return EquityCurve(ts[at], equity[at], fall[at], held.value, float(fall.min()), every)


def telling(row: Floats) -> NDArray[np.intp]:
    """Where each of some hundred parts begins, is lowest and is highest, and the end."""
    if len(row) <= 3 * _PARTS:
        return np.arange(len(row))
    edges = np.linspace(0, len(row), _PARTS + 1).astype(np.intp)
    spans = list(zip(edges[:-1].tolist(), edges[1:].tolist(), strict=True))
    lows = [start + int(row[start:stop].argmin()) for start, stop in spans]
    highs = [start + int(row[start:stop].argmax()) for start, stop in spans]
    return np.unique(np.concatenate((edges[:-1], lows, highs, [len(row) - 1]))).astype(np.intp)
