"""A sample of numbers: checked, its deviation and shape."""

import math

import numpy as np
from numpy.typing import ArrayLike, NDArray

Floats = NDArray[np.float64]

_DUST = 1e-12
"""Deviations below this fraction of the largest value are rounding: the sample is constant."""

_SQUARABLE = (1e-150, 1e151)


def sample(values: ArrayLike, what: str = "values") -> Floats:
    """`values` as one float64 row. Raises ValueError for more than one dimension and for what is not finite."""
    row = np.asarray(values, dtype=np.float64)
    if row.ndim != 1:
        raise ValueError(f"{what} must be one row of numbers, not an array of {row.ndim} dimensions")
    if not np.isfinite(row).all():
        raise ValueError(f"{what} hold a number that is not finite")
    return row


def deviation(row: Floats) -> float:
    """Sample standard deviation (ddof 1); NaN for fewer than two values, exactly 0 for a constant row."""
    if row.size < 2:
        return math.nan
    power = exponent(row)
    scaled = np.ldexp(row, -power)
    found = scaled.std(ddof=1)
    if not found > _DUST * np.abs(scaled).max():
        return 0.0
    with np.errstate(over="ignore"):
        found = float(np.ldexp(found, power))
    return found if math.isfinite(found) else math.nan


def skewness(row: Floats) -> float:
    """Third standardised moment, m3 / m2^1.5, of the population kind; NaN for a constant row."""
    return _standardised_moment(row, 3)


def kurtosis(row: Floats) -> float:
    """Fourth standardised moment, m4 / m2^2, NOT the excess: a normal distribution has 3. NaN for a constant row."""
    return _standardised_moment(row, 4)


def exponent(row: Floats) -> int:
    """That of the power of two next above the largest size. To divide by it rounds nothing, and no square overflows."""
    return int(np.frexp(np.abs(row).max())[1])


def varies(row: Floats) -> bool:
    """Whether the values differ by more than a billionth of the largest."""
    with np.errstate(over="ignore"):
        return bool(np.ptp(row) > 1e-9 * np.abs(row).max())


def too_far(row: Floats) -> str | None:
    """Where the squares of what the values differ by leave the range of a float: "large" or "small"; else None."""
    with np.errstate(over="ignore"):
        reach = np.ptp(row)
    return "large" if reach > _SQUARABLE[1] else "small" if reach < _SQUARABLE[0] else None


def ratio(numerator: float, denominator: float) -> float:
    """The quotient, NaN where the denominator is 0 or there is no value."""
    return numerator / denominator if denominator else math.nan


def _standardised_moment(row: Floats, order: int) -> float:
    if not deviation(row) > 0:
        return math.nan
    scaled = np.ldexp(row, -exponent(row))
    centred = scaled - scaled.mean()
    return float(np.mean((centred / centred.std()) ** order))
