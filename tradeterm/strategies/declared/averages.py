"""The recursive averages with a finite memory, so that a value is the same however much history lies before it.

A recursive average depends on where it began. Here the weights are cut off where less than `LEFT_OUT` of their sum is
left, and the rest is scaled up: against the endless average the difference is below one part in a million, and a live
window and a backtest agree bit for bit.
"""

from math import ceil, log

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]

LEFT_OUT = 1e-7


def ema_bars(n: int) -> int:
    """Bars that `ema(x, n)` rests on."""
    return _count(2 / (n + 1))


def ema(x: Floats, n: int) -> Floats:
    """Exponential average with the weight 2/(n+1). First value at ema_bars(n) - 1."""
    return _weighted(x, 2 / (n + 1))


def wilder_bars(n: int) -> int:
    """Bars that `wilder(x, n)` rests on."""
    return _count(1 / n)


def wilder(x: Floats, n: int) -> Floats:
    """Wilder's average: the exponential one with the weight 1/n. First value at wilder_bars(n) - 1."""
    return _weighted(x, 1 / n)


def _count(alpha: float) -> int:
    return 1 if alpha >= 1 else ceil(log(LEFT_OUT) / log(1 - alpha))


def _weighted(x: Floats, alpha: float) -> Floats:
    count = _count(alpha)
    average = np.full(x.size, np.nan)
    if x.size >= count:
        weights = (1 - alpha) ** np.arange(count - 1, -1, -1.0)
        average[count - 1 :] = np.correlate(x, weights / weights.sum(), "valid")
    return average
