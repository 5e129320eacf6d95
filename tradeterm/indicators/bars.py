"""What every indicator is given: the fields of the same bars, as clean columns, and the runs of bars without a hole."""

from collections.abc import Callable
from operator import index

import numpy as np
from numpy.typing import ArrayLike, NDArray

Floats = NDArray[np.float64]

# Prices are decimals: two equal sums of three of them may differ by this much of their size in binary.
ROUNDING = 8 * float(np.finfo(np.float64).eps)
# Products below this may have lost digits, or all of themselves, to the end of the range of a float.
SMALLEST = 1e-290


def columns(*fields: ArrayLike) -> tuple[Floats, ...]:
    """The fields as float64 copies of one length. A bar with a NaN or an infinity in one field is NaN in all of them.

    Raises ValueError for a field that is not one-dimensional and for fields of different lengths.
    """
    arrays = [np.asarray(field, dtype=np.float64) for field in fields]
    for array in arrays:
        if array.ndim != 1:
            raise ValueError(f"an indicator takes series of one dimension, not of {array.ndim}")
    lengths = [array.size for array in arrays]
    if len(set(lengths)) > 1:
        raise ValueError(f"the series are of different lengths: {', '.join(map(str, lengths))}")
    table = np.array(arrays)
    table[:, ~np.isfinite(table).all(axis=0)] = np.nan
    return tuple(table)


def bars(high: ArrayLike, low: ArrayLike, *others: ArrayLike) -> tuple[Floats, ...]:
    """As `columns`; a bar whose high is below its low is NaN in all of them."""
    table = np.array(columns(high, low, *others))
    table[:, table[0] < table[1]] = np.nan
    return tuple(table)


def traded(volume: ArrayLike) -> Floats:
    """The volume, NaN where it is negative."""
    found = np.asarray(volume, dtype=np.float64)
    return np.where(found < 0, np.nan, found)


def check_period(n: int, least: int = 1, name: str = "period") -> None:
    """Raises ValueError for a period that is not a whole number of bars, or shorter than `least`."""
    try:
        length = index(n)
    except TypeError:
        raise ValueError(f"the {name} must be a whole number of bars, not {n!r}") from None
    if length < least:
        raise ValueError(f"the {name} must be at least {least}, not {n}")


def check_positive(value: float, name: str) -> None:
    """Raises ValueError for what is not one positive number."""
    if not isinstance(value, float | int | np.floating | np.integer) or not 0 < value < np.inf:
        raise ValueError(f"the {name} must be a positive number, not {value!r}")


def typical_price(high: Floats, low: Floats, close: Floats) -> Floats:
    """(H + L + C) / 3, right to ROUNDING."""
    return (high + low + close) / 3


def numbers(x: Floats) -> Floats:
    """The values, with NaN in place of what overflowed."""
    return np.where(np.isfinite(x), x, np.nan)


def run_by_run(compute: Callable[..., tuple[Floats, ...]], outputs: int, *fields: Floats) -> tuple[Floats, ...]:
    """Apply a recursive indicator to each run of bars without NaN on its own; NaN on the bars between the runs.

    TA-Lib does not see a NaN: after one, some of its indicators stay NaN for ever and some go on with false numbers.
    """
    results = tuple(np.full(fields[0].size, np.nan) for _ in range(outputs))
    present = ~np.isnan(np.array(fields)).any(axis=0)
    edges = np.flatnonzero(np.diff(present, prepend=False, append=False))
    for start, end in edges.reshape(-1, 2).tolist():
        for result, part in zip(results, compute(*(field[start:end] for field in fields)), strict=True):
            result[start:end] = part
    return tuple(numbers(result) for result in results)
