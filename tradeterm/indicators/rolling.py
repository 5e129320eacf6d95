"""Windows: sums, extremes, means and the distances from them.

Every value is computed from its own window alone, in the same order of additions, so that it is bit for bit the same
however much history lies before it. A running sum, as TA-Lib keeps one, carries the rounding of all bars before.
"""

from collections.abc import Iterable, Iterator

import numpy as np
from numpy.typing import ArrayLike

from tradeterm.indicators.bars import SMALLEST, Floats, check_period, numbers


def sma(x: ArrayLike, n: int) -> Floats:
    """Mean of the last `n` values along the first axis, of a panel each column; NaN until `n` values exist and where
    one of them is missing.

    Raises ValueError for n < 1.
    """
    check_period(n)
    series = np.asarray(x, dtype=np.float64)
    with np.errstate(over="ignore"):
        return numbers(rolling_sum(numbers(series), n) / n)


def lags(x: Floats, n: int) -> Iterator[Floats]:
    """The series as it stood 0, 1, … n-1 bars earlier; NaN before its first bar."""
    rows = x.shape[0]
    padded = np.concatenate([np.full((min(n - 1, rows), *x.shape[1:]), np.nan), x])
    for back in range(min(n, rows + 1)):
        start = padded.shape[0] - rows - back
        yield padded[start : start + rows]


def rolling_sum(x: Floats, n: int) -> Floats:
    """Sum of the last `n` values, put together of the sums of the last 1, 2, 4, 8 … of them."""
    part, of = x, 1
    total, summed = (x.copy(), 1) if n & 1 else (None, 0)
    while 2 * of <= n:
        part, of = _plus_earlier(part, part, of), 2 * of
        if n & of:
            total, summed = part if total is None else _plus_earlier(total, part, summed), summed + of
    assert total is not None
    return total


def _plus_earlier(x: Floats, y: Floats, rows: int) -> Floats:
    """x and what `y` was `rows` bars earlier."""
    found = np.empty(x.shape)
    found[:rows] = np.nan
    np.add(x[rows:], y[: max(0, y.shape[0] - rows)], out=found[rows:])
    return found


def highest(x: Floats, n: int) -> Floats:
    """The greatest of the last `n` values."""
    found = x.copy()
    for lag in lags(x, n):
        np.maximum(found, lag, out=found)
    return found


def lowest(x: Floats, n: int) -> Floats:
    """The least of the last `n` values."""
    return -highest(-x, n)


def above_mean(x: Floats, n: int) -> Floats:
    """The last value less the mean of the last `n`; exactly 0 where they are all the same."""
    return -_total(lag - x for lag in lags(x, n)) / n


def deviation(x: Floats, n: int, ddof: int) -> Floats:
    """Standard deviation of the last `n` values; exactly 0 where they are all the same, NaN where squares are lost."""
    above = above_mean(x, n)
    squares = numbers(_total((lag - x + above) ** 2 for lag in lags(x, n)))
    tiny = squares < SMALLEST
    if tiny.any():
        squares[tiny & (highest(x, n) > lowest(x, n))] = np.nan
    return np.sqrt(squares / (n - ddof))


def mean_deviation(x: Floats, n: int) -> Floats:
    """Mean distance of the last `n` values from their mean; exactly 0 where they are all the same."""
    above = above_mean(x, n)
    return _total(np.abs(lag - x + above) for lag in lags(x, n)) / n


def _total(terms: Iterable[Floats]) -> Floats:
    """The sum of the terms, added in the order in which they come."""
    remaining = iter(terms)
    total = next(remaining).copy()
    for term in remaining:
        total += term
    return total
