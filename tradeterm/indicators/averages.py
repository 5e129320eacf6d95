"""The averages: simple, exponential, and Wilder's, which is an exponential one of almost twice the period."""

import numpy as np
from numpy.typing import ArrayLike

from tradeterm.indicators import rolling, ta_lib
from tradeterm.indicators.bars import Floats, check_period, columns, run_by_run


def sma(x: ArrayLike, n: int) -> Floats:
    """Mean of the last `n` values; no value where one of them is missing. First value at n-1.

    >>> sma([1.0, 2.0, 3.0, 4.0], 2)
    array([nan, 1.5, 2.5, 3.5])

    Raises ValueError for n < 1.
    """
    (series,) = columns(x)
    return rolling.sma(series, n)


def ema(x: ArrayLike, n: int) -> Floats:
    """Exponential moving average: `E += 2/(n+1) (x - E)`, seeded with the mean of the first `n`. First value at n-1."""
    check_period(n)
    (average,) = run_by_run(lambda part: (_ema(part, n),), 1, *columns(x))
    return average


def wilder(x: Floats, n: int) -> Floats:
    """Wilder's average: `W = ((n-1) W + x) / n`, seeded with the mean of the first `n`. First value at n-1."""
    (average,) = run_by_run(lambda part: (_wilder(part, n),), 1, x)
    return average


def _ema(x: Floats, n: int) -> Floats:
    talib = ta_lib.load()
    return talib.EMA(x, n) if n > 1 else x.copy()


def _wilder(x: Floats, n: int) -> Floats:
    """1/n is the smoothing factor of an exponential average of 2n-1 bars, which is seeded with 2n-1 times the same."""
    average = np.full(x.size, np.nan)
    if x.size >= n:
        seed = np.full(2 * n - 1, x[:n].mean())
        average[n - 1 :] = _ema(np.concatenate([seed, x[n:]]), 2 * n - 1)[2 * n - 2 :]
    return average
