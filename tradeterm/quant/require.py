"""What a number must be before anything is computed from it. Every failure is a ValueError with one plain sentence."""

import math

import numpy as np
from numpy.typing import ArrayLike, NDArray

Floats = NDArray[np.float64]


def number(**values: float) -> None:
    """Each of the named values is one number, not a row of them; NaN is one."""
    for name, value in values.items():
        single = isinstance(value, float | int | np.floating | np.integer)
        if not single:
            raise ValueError(f"{name} must be one number, not {value!r}")


def finite(**values: float) -> None:
    """Each of the named values is one finite number."""
    number(**values)
    for name, value in values.items():
        if not math.isfinite(value):
            raise ValueError(f"{name} must be a finite number, not {value}")


def positive(**values: float) -> None:
    """Each of the named values is finite and above zero."""
    finite(**values)
    for name, value in values.items():
        if value <= 0:
            raise ValueError(f"{name} must be above zero, not {value}")


def not_negative(**values: float) -> None:
    """Each of the named values is finite and zero or more."""
    finite(**values)
    for name, value in values.items():
        if value < 0:
            raise ValueError(f"{name} must not be negative, and is {value}")


def count(**values: int) -> None:
    """Each of the named values is a whole number of one or more."""
    for name, value in values.items():
        if isinstance(value, bool) or not isinstance(value, int | np.integer) or value < 1:
            raise ValueError(f"{name} must be a whole number of at least 1, not {value!r}")


def finite_array(name: str, values: ArrayLike, *, dimensions: int = 1) -> Floats:
    """`values` as float64: not empty, of that many dimensions, every member finite. May be the caller's own."""
    array = np.asarray(values, dtype=np.float64)
    if array.ndim != dimensions or array.size == 0:
        raise ValueError(f"{name} must have {dimensions} dimension(s) and at least one value, not shape {array.shape}")
    if not np.isfinite(array).all():
        raise ValueError(f"{name} must hold finite numbers only")
    return array
