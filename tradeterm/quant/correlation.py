"""Correlation of several names, and what it does to a portfolio.

Returns are arrays (time, names), oldest first; rows with a missing value are left out for all names, so that every
matrix is one sample's. A series that is too short (20 rows) or constant has no value: NaN, never 0. Weights are signed
fractions of capital (or money); what is measured is then a fraction (or money) too.
"""

from collections.abc import Sequence
from typing import Literal, NamedTuple

import numpy as np
from numpy.typing import ArrayLike, NDArray

from tradeterm.quant import require

Floats = NDArray[np.float64]
Linkage = Literal["complete", "single"]
ShrinkageTarget = Literal["constant_correlation", "identity"]

MINIMUM = 20
NOTHING = 1e-12  # of the sum of absolute terms: below it a portfolio's variance is rounding


class Shrunk(NamedTuple):
    """A covariance, and the weight between 0 and 1 that its target got."""

    covariance: Floats
    shrinkage: float


class NearestPsd(NamedTuple):
    """`clipped` says that negative eigenvalues were raised to 0; `least_eigenvalue` is that of the matrix given."""

    matrix: Floats
    clipped: bool
    least_eigenvalue: float


class Heat(NamedTuple):
    """How concentrated the risk is. `shares` sum to 1; a hedge has a negative one."""

    volatility: float
    shares: Floats
    diversification_ratio: float
    effective_bets: float


def aligned_log_returns(times: Sequence[ArrayLike], closes: Sequence[ArrayLike]) -> tuple[NDArray[np.int64], Floats]:
    """Log returns between the times all series share: (their end times, returns (time, names)).

    `times[i]` are the strictly ascending timestamps of `closes[i]`. A time with a missing or non-positive close in one
    series is left out for all, so every row spans the same interval in each name. Give bars of one size and one closing
    time only.

    Raises ValueError for unequal lengths and times that do not ascend.
    """
    if len(times) != len(closes) or not times:
        raise ValueError(f"{len(times)} series of times do not fit {len(closes)} of closes")
    stamps = [np.asarray(series, dtype=np.int64) for series in times]
    prices = [np.asarray(series, dtype=np.float64) for series in closes]
    for stamp, price in zip(stamps, prices, strict=True):
        if stamp.shape != price.shape or stamp.ndim != 1:
            raise ValueError(f"{stamp.size} times do not fit {price.size} closes")
        if (np.diff(stamp) <= 0).any():
            raise ValueError("the times of a series must ascend")
    good = [np.isfinite(price) & (price > 0) for price in prices]
    common = stamps[0][good[0]]
    for stamp, usable in zip(stamps[1:], good[1:], strict=True):
        common = np.intersect1d(common, stamp[usable], assume_unique=True)
    columns = [np.log(price[np.searchsorted(stamp, common)]) for stamp, price in zip(stamps, prices, strict=True)]
    return common[1:], np.diff(np.column_stack(columns), axis=0)


def pearson(returns: ArrayLike, minimum: int = MINIMUM) -> Floats:
    """Linear correlation, (names, names), from at least `minimum` complete rows."""
    rows, known = _sample(returns, minimum)
    z = rows - rows.mean(axis=0) if rows.size else rows
    z = z / np.maximum(np.sqrt(np.sum(z**2, axis=0)), np.finfo(np.float64).tiny)
    matrix = np.clip(z.T @ z, -1.0, 1.0)
    np.fill_diagonal(matrix, 1.0)
    return _embedded(matrix, known)


def spearman(returns: ArrayLike, minimum: int = MINIMUM) -> Floats:
    """Rank correlation, (names, names): Pearson's of the ranks, ties sharing their mean rank. Outliers count little."""
    rows, known = _sample(returns, minimum)
    ranks = np.empty_like(rows)
    for name in range(rows.shape[1]):
        _, place, count = np.unique(rows[:, name], return_inverse=True, return_counts=True)
        ranks[:, name] = (np.cumsum(count) - (count - 1) / 2)[place]
    return _embedded(pearson(ranks, 1), known)


def ewma_covariance(returns: ArrayLike, decay: float = 0.94, minimum: int = MINIMUM) -> Floats:
    """Exponentially weighted covariance after the last row, per bar, mean taken as zero (RiskMetrics 1996).

    The weights, `decay^age`, are divided by their sum, so no seed is needed. PSD by construction.

    Raises ValueError unless 0 < decay < 1.
    """
    if not 0 < decay < 1:
        raise ValueError(f"the decay lies between 0 and 1, not at {decay}")
    rows, known = _sample(returns, minimum)
    if not rows.size:
        return _embedded(np.empty((0, 0)), known)
    weights = decay ** np.arange(rows.shape[0])[::-1]
    return _embedded((rows * (weights / weights.sum())[:, None]).T @ rows, known)


def ledoit_wolf(returns: ArrayLike, target: ShrinkageTarget = "constant_correlation", minimum: int = MINIMUM) -> Shrunk:
    """Sample covariance (divided by n) shrunk to a target by the weight that is optimal for large samples.

    constant_correlation: the sample's variances and its mean correlation everywhere (Ledoit & Wolf, "Honey, I shrunk
    the sample covariance matrix", 2004); needs 3 names to differ from the sample. identity: the mean variance on the
    diagonal, 0 elsewhere (Ledoit & Wolf, J. Multivariate Analysis 88, 2004). For more names than rows, too.

    Raises ValueError for an unknown target.
    """
    if target not in ("constant_correlation", "identity"):
        raise ValueError(f"a target is constant_correlation or identity, not {target!r}")
    rows, known = _sample(returns, minimum)
    if not rows.size:
        return Shrunk(_embedded(np.empty((0, 0)), known), np.nan)
    n, names = rows.shape
    x = rows - rows.mean(axis=0)
    squares = x**2
    sample = x.T @ x / n
    spread = squares.T @ squares / n - sample**2
    if target == "identity":
        aim = np.eye(names) * np.trace(sample) / names
        drawn_along = 0.0
    else:
        deviation = np.sqrt(np.diag(sample))
        ratio = deviation[None, :] / deviation[:, None]
        mean = 1.0 if names == 1 else (np.sum(sample / np.outer(deviation, deviation)) - names) / (names * (names - 1))
        aim = mean * np.outer(deviation, deviation)
        np.fill_diagonal(aim, np.diag(sample))
        together = (squares * x).T @ x / n - np.diag(sample)[:, None] * sample
        off = ~np.eye(names, dtype=np.bool_)
        drawn_along = np.trace(spread) + mean * float(np.sum((ratio * together)[off]))
    distance = float(np.sum((aim - sample) ** 2))
    # A target the sample already meets (one name; two with constant correlation) leaves nothing to shrink.
    near = distance <= 1e-20 * float(np.sum(sample**2))
    weight = 0.0 if near else float(np.clip((spread.sum() - drawn_along) / (n * distance), 0.0, 1.0))
    return Shrunk(_embedded(weight * aim + (1 - weight) * sample, known), weight)


def nearest_psd(matrix: ArrayLike) -> NearestPsd:
    """A symmetric matrix without negative eigenvalues: they are clipped at 0, and the diagonal is scaled back.

    Not the nearest in a norm (Higham 2002), but close to it for the small violations of pairwise estimates. Works for
    correlations and covariances. With a NaN in it the matrix stays NaN.

    Raises ValueError for a matrix that is not square, not symmetric, or has a diagonal entry that is not positive.
    """
    given = _square(matrix)
    if not np.isfinite(given).all():
        return NearestPsd(np.full(given.shape, np.nan), False, np.nan)
    if not np.allclose(given, given.T, rtol=1e-9, atol=1e-12 * float(np.abs(given).max(initial=0.0))):
        raise ValueError("the matrix is not symmetric")
    if (np.diag(given) <= 0).any():
        raise ValueError("every variance on the diagonal must be positive")
    values, vectors = np.linalg.eigh((given + given.T) / 2)
    least = float(values.min(initial=np.inf))
    if least >= -1e-12 * float(values.max(initial=0.0)):
        return NearestPsd(given.copy(), False, least)
    clipped = (vectors * np.maximum(values, 0.0)) @ vectors.T
    scale = np.sqrt(np.diag(given) / np.diag(clipped))
    repaired = clipped * np.outer(scale, scale)
    np.fill_diagonal(repaired, np.diag(given))
    return NearestPsd((repaired + repaired.T) / 2, True, least)


def groups(correlation: ArrayLike, threshold: float = 0.7, linkage: Linkage = "complete") -> NDArray[np.int64]:
    """Label of the group each name belongs to, numbered from 0 in the order of their first names; -1 without value.

    complete: every pair within a group is correlated at least `threshold`; the closest groups join first. single: names
    linked by a chain of such pairs. The sign counts: a hedge is no member.

    Raises ValueError for an unknown linkage or a matrix that is not square.
    """
    if linkage not in ("complete", "single"):
        raise ValueError(f"a linkage is complete or single, not {linkage!r}")
    require.number(threshold=threshold)
    closeness = _square(correlation).copy()
    known = np.isfinite(np.diag(closeness))
    closeness[~np.isfinite(closeness)] = -np.inf
    np.fill_diagonal(closeness, -np.inf)
    members = [[name] for name in range(known.size)]
    combine = np.minimum if linkage == "complete" else np.maximum
    while closeness.size and closeness.max() >= threshold:
        one, other = sorted(int(index) for index in np.unravel_index(closeness.argmax(), closeness.shape))
        joined = combine(closeness[one], closeness[other])
        closeness[one], closeness[:, one] = joined, joined
        closeness[other], closeness[:, other], closeness[one, one] = -np.inf, -np.inf, -np.inf
        members[one] += members[other]
        members[other] = []
    labels = np.full(known.size, -1, dtype=np.int64)
    for label, group in enumerate(group for group in members if group and known[group[0]]):
        labels[group] = label
    return labels


def covariance_with_portfolio(weights: ArrayLike, covariance: ArrayLike) -> Floats:
    """Covariance of each name with the portfolio, (names,). Names without weight take no part, so theirs may be NaN."""
    w, matrix = _portfolio(weights, covariance)
    held = w != 0
    return np.asarray(matrix[:, held] @ w[held])


def portfolio_volatility(weights: ArrayLike, covariance: ArrayLike) -> float:
    """sqrt(w' S w), per bar of the covariance. 0 where it is nothing but rounding; NaN for a negative variance."""
    w, matrix = _portfolio(weights, covariance)
    held = w != 0
    terms = w[held, None] * matrix[np.ix_(held, held)] * w[held]
    variance, size = float(terms.sum()), float(np.abs(terms).sum())
    if abs(variance) <= NOTHING * size:
        return 0.0
    return float(np.sqrt(variance)) if variance > 0 else np.nan


def risk_shares(weights: ArrayLike, covariance: ArrayLike) -> Floats:
    """Share of each name in the portfolio's variance, `w_i (S w)_i / (w' S w)`; they sum to 1. NaN without risk."""
    w = np.asarray(weights, dtype=np.float64)
    volatility = portfolio_volatility(w, covariance)
    if not volatility > 0:
        return np.full(w.shape, np.nan)
    return np.where(w != 0, w * covariance_with_portfolio(w, covariance), 0.0) / volatility**2


def diversification_ratio(weights: ArrayLike, covariance: ArrayLike) -> float:
    """Sum of |w_i| sigma_i over the portfolio's volatility: 1 is none, N independent equal risks have sqrt(N)."""
    w, matrix = _portfolio(weights, covariance)
    volatility = portfolio_volatility(w, matrix)
    held = w != 0
    alone = float(np.abs(w[held]) @ np.sqrt(np.diag(matrix)[held]))
    return alone / volatility if volatility > 0 else np.nan


def effective_bets(correlation: ArrayLike) -> float:
    """Effective number of independent bets, (sum of eigenvalues)^2 / sum of their squares: 1 when all move together, N
    when none do."""
    matrix = _square(correlation)
    # The eigenvalues sum to the trace, their squares to the sum of squared entries.
    squares = float(np.sum(matrix**2))
    return float(np.trace(matrix)) ** 2 / squares if squares > 0 else np.nan


def heat(weights: ArrayLike, covariance: ArrayLike) -> Heat:
    """Volatility, risk shares, diversification ratio and effective bets of a portfolio. The bets are counted over the
    risks as they are held: names without weight do not count, and a short is the opposite bet."""
    w, matrix = _portfolio(weights, covariance)
    held = w != 0
    risks = w[held, None] * matrix[np.ix_(held, held)] * w[held]
    alone = np.sqrt(np.diag(risks))
    bets = effective_bets(risks / np.outer(alone, alone)) if risks.size and (alone > 0).all() else np.nan
    return Heat(portfolio_volatility(w, matrix), risk_shares(w, matrix), diversification_ratio(w, matrix), bets)


def _sample(returns: ArrayLike, minimum: int) -> tuple[Floats, NDArray[np.bool_]]:
    """Complete rows of the names that vary (empty where they are too few), and which names those are."""
    x = np.asarray(returns, dtype=np.float64)
    if x.ndim != 2:
        raise ValueError(f"returns are an array (time, names), not one of {x.ndim} dimensions")
    rows = x[np.isfinite(x).all(axis=1)]
    if rows.shape[0] < max(minimum, 2):
        return np.empty((0, 0)), np.zeros(x.shape[1], dtype=np.bool_)
    known = np.ptp(rows, axis=0) > 1e-9 * np.abs(rows).max(axis=0)
    return rows[:, known], known


def _embedded(matrix: Floats, known: NDArray[np.bool_]) -> Floats:
    """The matrix of the known names within that of all; the others are NaN."""
    whole = np.full((known.size, known.size), np.nan)
    whole[np.ix_(known, known)] = matrix
    return whole


def _square(matrix: ArrayLike) -> Floats:
    square = np.asarray(matrix, dtype=np.float64)
    if square.ndim != 2 or square.shape[0] != square.shape[1]:
        raise ValueError(f"the matrix must be square, not {square.shape}")
    return square


def _portfolio(weights: ArrayLike, covariance: ArrayLike) -> tuple[Floats, Floats]:
    w, matrix = np.asarray(weights, dtype=np.float64), _square(covariance)
    if w.shape != matrix.shape[:1]:
        raise ValueError(f"{w.size} weights do not fit a covariance of {matrix.shape[0]} names")
    return w, matrix
