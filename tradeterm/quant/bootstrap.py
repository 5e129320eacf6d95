"""Resampling in blocks, which keeps what neighbouring returns have to do with each other."""

import math
from enum import StrEnum
from typing import NamedTuple

import numpy as np
from numpy.typing import ArrayLike, NDArray

from tradeterm.quant import require
from tradeterm.quant.require import Floats
from tradeterm.quant.simulation import Seed, generator

LEAST_FOR_AUTOMATIC_BLOCK = 20


class BlockMethod(StrEnum):
    """Blocks of random (geometric) length, or all of one length; both run on from the end to the beginning."""

    STATIONARY = "stationary"
    CIRCULAR = "circular"


class BlockLengths(NamedTuple):
    """The best mean block length for the stationary bootstrap, and the best length for the circular one."""

    stationary: float
    circular: float


def optimal_block(x: ArrayLike) -> BlockLengths:
    """Automatic block lengths for the mean of a series (Politis & White 2004, corrected by Patton et al. 2009).

    Between 1 and ceil(min(3·√n, n/3)). n^(1/3) for both where the rule has nothing to go by: fewer than 20 values, or
    a constant series. Columns of a 2-D array are looked at one by one and the longest length of each kind is taken.
    """
    rows = _rows(x)
    each = [_optimal_block(column) for column in rows.reshape(rows.shape[0], -1).T]
    return BlockLengths(max(length.stationary for length in each), max(length.circular for length in each))


def block_bootstrap(
    x: ArrayLike,
    size: int | None = None,
    block: float | None = None,
    method: BlockMethod | str = BlockMethod.STATIONARY,
    paths: int = 1000,
    seed: Seed = 0,
) -> Floats:
    """Resampled series (paths, size), or (paths, size, columns) where `x` is (n, columns): rows stay together.

    `size` defaults to n. `block` is the mean length of a stationary block (Politis & Romano 1994) or the length of a
    circular one (rounded); 1 draws independently; None takes `optimal_block`. Returns are to be compounded afterwards.
    Raises ValueError for an empty or non-finite series, a block below 1 or above n, an unknown method.
    """
    rows = _rows(x)
    length = rows.shape[0] if size is None else size
    return rows[block_indices(rows, length, block, method, paths, seed)]


def block_indices(
    x: Floats, size: int, block: float | None, method: BlockMethod | str, paths: int, seed: Seed
) -> NDArray[np.intp]:
    """Which rows of `x` each resampled series takes: (paths, size)."""
    require.count(size=size, paths=paths)
    try:
        kind = BlockMethod(method)
    except ValueError:
        raise ValueError(f"a block method is 'stationary' or 'circular', not {method!r}") from None
    n = x.shape[0]
    if block is None:
        best = optimal_block(x)
        block = best.stationary if kind is BlockMethod.STATIONARY else best.circular
    require.number(block=block)
    if not 1 <= block <= n:
        raise ValueError(f"a block must be between 1 and the {n} values there are, not {block}")
    rng = generator(seed)
    total = paths * size
    if kind is BlockMethod.STATIONARY:
        # One long run of blocks cut into paths: a geometric length has no memory, so a cut changes no distribution.
        enough = math.ceil(total / block + 10 * math.sqrt(total / block) + 100)
        ends = np.cumsum(rng.geometric(1 / block, enough))
        fresh = np.zeros(total, dtype=np.bool_)
        fresh[ends[ends < total]] = True
        fresh[::size] = True
        begins = np.flatnonzero(fresh)
    else:
        begins = (np.arange(0, total, size)[:, np.newaxis] + np.arange(0, size, round(block))).ravel()
    lengths = np.diff(np.append(begins, total))
    shift = rng.integers(n, size=begins.size) - begins
    places: NDArray[np.intp] = np.repeat(shift, lengths)
    places += np.arange(total)
    places %= n
    return places.reshape(paths, size)


def _rows(x: ArrayLike) -> Floats:
    return require.finite_array("the series", x, dimensions=2 if np.ndim(x) == 2 else 1)


def _optimal_block(x: Floats) -> BlockLengths:
    n = x.size
    centred = x - x.mean()
    fallback = n ** (1 / 3)
    if n < LEAST_FOR_AUTOMATIC_BLOCK or np.ptp(x) <= 1e-12 * np.abs(x).max():
        return BlockLengths(fallback, fallback)
    run = max(5, int(math.log10(n)))
    furthest = math.ceil(math.sqrt(n)) + run
    products = np.array([centred[lag:] @ centred[: n - lag] for lag in range(furthest + 1)])
    covariance = products / n
    # The first lag of `run` insignificant correlations in a row; twice as many lags are then summed over, tapered.
    energy = np.concatenate(([0.0], np.cumsum(centred * centred)))
    lags = np.arange(furthest + 1)
    ahead, behind = energy[n] - energy[np.minimum(lags + 1, n)], energy[np.maximum(n - lags - 1, 0)]
    small = np.abs(products) < 2 * math.sqrt(math.log10(n) / n) * np.sqrt(ahead * behind)
    quiet = [lag for lag in range(1, furthest - run + 1) if small[lag : lag + run].all()]
    lag = min(2 * quiet[0], furthest) if quiet else furthest
    k = np.arange(1, lag + 1)
    weighted = 2 * np.clip(2 * (1 - k / lag), 0, 1) * covariance[1 : lag + 1]
    slope = float(k @ weighted)
    long_run = float(covariance[0] + weighted.sum())
    longest = math.ceil(min(3 * math.sqrt(n), n / 3))
    if long_run == 0:
        return BlockLengths(longest, longest)
    stationary = (slope / long_run) ** 2 * n
    return BlockLengths(
        min(max(stationary ** (1 / 3), 1.0), longest), min(max((1.5 * stationary) ** (1 / 3), 1.0), longest)
    )
