"""Rolling means.

Every value is computed from its own window alone, in the same order of additions, so that it is bit for bit the same
however much history lies before it.
"""

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]


def sma(x: Floats, n: int) -> Floats:
    """Mean of the last `n` values along the first axis; NaN until `n` values exist and where one of them is NaN.

    >>> sma(np.array([1.0, 2.0, 3.0, 4.0]), 2)
    array([nan, 1.5, 2.5, 3.5])

    Raises ValueError for n < 1.
    """
    if n < 1:
        raise ValueError(f"a mean needs at least one value, not {n}")
    x = np.asarray(x, dtype=np.float64)
    out = np.full(x.shape, np.nan)
    rows = x.shape[0]
    if rows < n:
        return out
    total = x[n - 1 :].copy()
    for back in range(1, n):
        total += x[n - 1 - back : rows - back]
    out[n - 1 :] = total / n
    return out
