"""Rank information coefficient: does a score order the names as their returns then do."""

import math
from typing import NamedTuple

import numpy as np
from numpy.typing import ArrayLike, NDArray

from tradeterm.quant import require
from tradeterm.quant.samples import Floats, deviation, ratio

LEAST_NAMES = 10


class RankIcSummary(NamedTuple):
    """Over the dates with a value. `icir` is mean/deviation (ddof 1), `t_statistic` icir·√n, right where dates do not
    overlap; `newey_west_t` allows for `lag` dates of overlap. `positive` is the share of dates above 0. NaN: no value.
    """

    dates: int
    mean: float
    deviation: float
    icir: float
    t_statistic: float
    newey_west_t: float
    positive: float


def rank_ic(scores: ArrayLike, forward_returns: ArrayLike, least_names: int = LEAST_NAMES) -> Floats:
    """Spearman correlation across the names of each date: (dates, names) twice in, (dates,) out.

    Ties get their average rank. A name counts on a date where both its numbers are finite. NaN for a date with fewer
    than `least_names` of them or with all ranks equal. `forward_returns[i]` must lie after `scores[i]`: shifting is the
    caller's. Raises ValueError for tables of different or other shape.
    """
    left, right = np.asarray(scores, dtype=np.float64), np.asarray(forward_returns, dtype=np.float64)
    if left.ndim != 2 or left.shape != right.shape:
        raise ValueError("scores and forward returns must be two tables of dates by names, of the same shape")
    require.count(least_names=least_names)
    if least_names < 2:
        raise ValueError(f"a correlation needs at least two names, not {least_names}")
    known = np.isfinite(left) & np.isfinite(right)
    names = known.sum(axis=1)
    x, y = (_centred_ranks(values, known) for values in (left, right))
    norm = np.sqrt((x**2).sum(axis=1) * (y**2).sum(axis=1))
    usable = (names >= least_names) & (norm > 0)
    found = np.full(names.shape, np.nan)
    found[usable] = (x * y).sum(axis=1)[usable] / norm[usable]
    return found


def summarise_rank_ic(ic: ArrayLike, lag: int = 0) -> RankIcSummary:
    """Mean and significance of `rank_ic`'s result, dates without a value left out.

    `lag` is the overlap of the forward returns: the horizon in dates minus one. Newey & West (1987) with Bartlett
    weights and the factor n/(n−1), so that lag 0 gives the plain t. Raises ValueError for infinite values or lag < 0.
    """
    row = np.asarray(ic, dtype=np.float64)
    if row.ndim != 1 or np.isinf(row).any():
        raise ValueError("the coefficients must be one row of numbers, NaN where a date has none")
    require.number(lag=lag)
    if lag < 0:
        raise ValueError(f"a lag is 0 or more, not {lag}")
    row = row[~np.isnan(row)]
    n, s = row.size, deviation(row)
    mean = float(row.mean()) if n else math.nan
    icir = ratio(mean, s)
    return RankIcSummary(
        dates=n,
        mean=mean,
        deviation=s,
        icir=icir,
        t_statistic=icir * math.sqrt(n),
        newey_west_t=ratio(mean, _newey_west_error(row, lag)) if s > 0 else math.nan,
        positive=float(np.mean(row > 0)) if n else math.nan,
    )


def _centred_ranks(values: Floats, known: NDArray[np.bool_]) -> Floats:
    """Average ranks along each row minus their mean; 0 where nothing is known."""
    filled = np.where(known, values, np.inf)  # what is not known ranks last and is blanked afterwards
    order = np.argsort(filled, axis=1, kind="stable")
    ordered = np.take_along_axis(filled, order, axis=1)
    places = np.broadcast_to(np.arange(filled.shape[1]), filled.shape)
    changes = ordered[:, 1:] != ordered[:, :-1]
    edge = np.ones((filled.shape[0], min(1, filled.shape[1])), dtype=bool)
    first = np.maximum.accumulate(np.where(np.hstack((edge, changes)), places, 0), axis=1)
    ends = np.where(np.hstack((changes, edge)), places, filled.shape[1])
    last = np.minimum.accumulate(ends[:, ::-1], axis=1)[:, ::-1]
    ranks = np.empty_like(filled)
    np.put_along_axis(ranks, order, (first + last) / 2, axis=1)
    middle = (known.sum(axis=1, keepdims=True) - 1) / 2
    return np.where(known, ranks - middle, 0.0)


def _newey_west_error(row: Floats, lag: int) -> float:
    """Standard error of the mean; NaN where the weighted sum of covariances is not above 0."""
    n = row.size
    rest = row - row.mean()
    total = float(rest @ rest)
    for back in range(1, min(lag, n - 1) + 1):
        total += 2 * (1 - back / (lag + 1)) * float(rest[back:] @ rest[:-back])
    return math.sqrt(total / n / (n - 1)) if total > 0 else math.nan
