"""Backtests of a value at risk: does it fail as often as it says, and not in clusters?

`hits` is an array of 0 and 1, oldest first: 1 where the loss was larger than the VaR that was forecast before that bar.
`level` is the confidence of the VaR, 0.99 for one bar in a hundred. Power is low under about 250 bars.
"""

from enum import StrEnum
from typing import NamedTuple

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy.special import bdtr, chdtrc, xlogy

from tradeterm.quant import require


class Kupiec(NamedTuple):
    """Unconditional coverage; `expected` is the number of hits the level promises."""

    statistic: float
    p_value: float
    hits: int
    observations: int
    expected: float


class Christoffersen(NamedTuple):
    """Independence and conditional coverage; n01 counts a bar without a hit followed by one with a hit, and so on."""

    independence: float
    independence_p_value: float
    coverage: float
    coverage_p_value: float
    n00: int
    n01: int
    n10: int
    n11: int


class Zone(StrEnum):
    GREEN = "GREEN"
    YELLOW = "YELLOW"
    RED = "RED"


class TrafficLight(NamedTuple):
    """`probability` is that of as many hits or fewer, were the model right."""

    zone: Zone | None
    hits: int
    observations: int
    probability: float


def kupiec(hits: ArrayLike, level: float = 0.95) -> Kupiec:
    """Proportion of failures (Kupiec 1995): a likelihood ratio, chi-square with 1 degree of freedom.

    NaN without observations.
    """
    flags, p = _read(hits, level)
    n, x = flags.size, int(flags.sum())
    if n == 0:
        return Kupiec(np.nan, np.nan, 0, 0, 0.0)
    statistic = _ratio(_loglikelihood(n - x, x, p), _loglikelihood(n - x, x, x / n))
    return Kupiec(statistic, float(chdtrc(1, statistic)), x, n, n * p)


def christoffersen(hits: ArrayLike, level: float = 0.95) -> Christoffersen:
    """Independence against a first-order Markov chain (chi-square, 1), and with Kupiec's coverage (chi-square, 2)
    (Christoffersen 1998).

    With 0 ln 0 = 0, so that without a bar after a hit (or after none) nothing speaks against independence and the
    coverage is Kupiec's. NaN under two bars.
    """
    flags, _ = _read(hits, level)
    pairs = 2 * flags[:-1].astype(np.int64) + flags[1:]
    n00, n01, n10, n11 = (int(count) for count in np.bincount(pairs, minlength=4))
    if not pairs.size:
        return Christoffersen(np.nan, np.nan, np.nan, np.nan, n00, n01, n10, n11)
    same = _loglikelihood(n00 + n10, n01 + n11, (n01 + n11) / pairs.size)
    own = sum(
        _loglikelihood(misses, found, found / max(1, misses + found)) for misses, found in ((n00, n01), (n10, n11))
    )
    independence = _ratio(same, own)
    coverage = kupiec(hits, level).statistic + independence
    return Christoffersen(
        independence, float(chdtrc(1, independence)), coverage, float(chdtrc(2, coverage)), n00, n01, n10, n11
    )


def traffic_light(hits: ArrayLike, level: float = 0.99) -> TrafficLight:
    """Basel's zones (Basel Committee 1996): yellow from the count whose cumulative binomial probability reaches 95 %,
    red from 99.99 %. For 250 bars at 99 % that is 0-4 green, 5-9 yellow, 10 and more red.

    No zone without observations.
    """
    flags, p = _read(hits, level)
    n, x = flags.size, int(flags.sum())
    if n == 0:
        return TrafficLight(None, 0, 0, np.nan)
    probability = float(bdtr(x, n, p))
    zone = Zone.RED if probability >= 0.9999 else Zone.YELLOW if probability >= 0.95 else Zone.GREEN
    return TrafficLight(zone, x, n, probability)


def _read(hits: ArrayLike, level: float) -> tuple[NDArray[np.bool_], float]:
    require.number(level=level)
    if not 0 < level < 1:
        raise ValueError(f"the level lies between 0 and 1, not at {level}")
    flags = np.asarray(hits)
    if flags.ndim != 1 or not np.isin(flags, (0, 1)).all():
        raise ValueError("hits are one series of 0 and 1")
    return flags.astype(np.bool_), 1 - level


def _loglikelihood(misses: int, hits: int, p: float) -> float:
    """ln[(1-p)^misses p^hits], with 0 ln 0 = 0."""
    return float(xlogy(misses, 1 - p) + xlogy(hits, p))


def _ratio(restricted: float, free: float) -> float:
    return max(0.0, 2 * (free - restricted))
