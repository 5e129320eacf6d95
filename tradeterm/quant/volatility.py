"""Volatility from closes and returns. The first axis is time; NaN where there is no value."""

import numpy as np
from numpy.typing import ArrayLike, NDArray

from tradeterm.quant import require

Floats = NDArray[np.float64]

WARM_UP = 20
"""Returns an exponentially weighted figure needs before it counts."""


def close_to_close(close: ArrayLike, n: int, periods_per_year: float) -> Floats:
    """Annualised standard deviation (ddof 1) of the last `n` log returns, as a fraction a year.

    First value at row `n`: n returns need n + 1 closes. NaN while a close of the window is missing or not positive.
    Each value is computed from its own window alone.

    Raises ValueError for n < 2 or periods_per_year <= 0.
    """
    require.number(n=n)
    if n < 2:
        raise ValueError(f"a deviation needs at least two returns, not {n}")
    _check_periods(periods_per_year)
    prices = np.asarray(close, dtype=np.float64)
    if not prices.ndim:
        raise ValueError("the first axis of the closes is time: one number has none")
    logs = np.log(np.where(np.isfinite(prices) & (prices > 0), prices, np.nan))
    out = np.full(prices.shape, np.nan)
    rows = prices.shape[0]
    if rows <= n:
        return out
    x = np.diff(logs, axis=0)
    windows = [x[start : rows - n + start] for start in range(n)]
    mean = windows[0].copy()
    for window in windows[1:]:
        mean += window
    mean /= n
    squares = (windows[0] - mean) ** 2
    for window in windows[1:]:
        squares += (window - mean) ** 2
    out[n:] = np.sqrt(squares / (n - 1) * periods_per_year)
    return out


def ewma_variance(returns: ArrayLike, decay: float = 0.94) -> Floats:
    """Exponentially weighted mean of squared returns, per bar, in squared units of the input.

    `v_t = sum_k decay^k r_{t-k}^2 / sum_k decay^k` over the returns up to t (RiskMetrics 1996, lambda 0.94, zero mean),
    so it is also the forecast for t + 1. The weights are divided by their sum, so no seed is needed. A missing return
    has no value and no weight. NaN until 20 returns exist.

    Raises ValueError unless 0 < decay < 1.
    """
    from scipy.signal import lfilter

    require.number(decay=decay)
    if not 0 < decay < 1:
        raise ValueError(f"the decay lies between 0 and 1, not at {decay}")
    r = np.asarray(returns, dtype=np.float64)
    known = np.isfinite(r)
    if not r.size:
        return np.full(r.shape, np.nan)
    total = lfilter([1.0], [1.0, -decay], np.where(known, r, 0.0) ** 2, axis=0)
    weight = lfilter([1.0], [1.0, -decay], known.astype(np.float64), axis=0)
    warm = known & (np.cumsum(known, axis=0) >= WARM_UP)
    out = np.full(r.shape, np.nan)
    np.divide(total, weight, out=out, where=warm)
    return out


def ewma_volatility(returns: ArrayLike, decay: float = 0.94, periods_per_year: float = 1.0) -> Floats:
    """Square root of `ewma_variance`, times the root of `periods_per_year` (1: per bar)."""
    _check_periods(periods_per_year)
    return np.asarray(np.sqrt(ewma_variance(returns, decay) * periods_per_year))


def _check_periods(periods_per_year: float) -> None:
    require.number(periods_per_year=periods_per_year)
    if not periods_per_year > 0:
        raise ValueError(f"periods per year must be positive, not {periods_per_year}")
