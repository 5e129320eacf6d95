"""How long after its signal does a strategy's edge last?"""

import math
from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
from msgspec import Struct
from numpy.typing import NDArray

from tradeterm.domain.market import DAY_MS
from tradeterm.quant.ranks import LEAST_NAMES, rank_ic, summarise_rank_ic
from tradeterm.research.bars import bars_of
from tradeterm.research.honesty.summary import count, known
from tradeterm.research.study import Study, signals
from tradeterm.strategies.panel import Floats, Panel

_FITS = 400
_LUCK = 3.0
"""An edge that is fewer standard errors above 0 than this has no half-life: two would do for one mean, but it is the
clearest of many."""


class After(Struct, frozen=True):
    """Signals whose price `bars` bars after the fill is known: their mean return in the signal's direction, before
    costs, and its standard error (signals of one UTC day count as one cluster; None with fewer than two days)."""

    bars: int
    signals: int
    mean: float
    standard_error: float | None


class Information(Struct, frozen=True):
    """The mean rank correlation of signals and returns `bars` bars after, over the rows that have any signal."""

    bars: int
    dates: int
    mean: float
    t_statistic: float | None


class Decay(Struct, frozen=True, kw_only=True):
    """`half_life` is the bars after which half of the edge has been earned, where mean(k) = edge·(1 − 2^(−k/half_life))
    is fitted; `edge` is what it comes to. None where no mean is three standard errors above 0, where the mean still
    rises at the last bar, or where the curve explains less than half of the means. `information` is empty with fewer
    than 10 instruments. `costs` is a round trip's fees and slippage."""

    after: tuple[After, ...]
    edge: float | None
    half_life: float | None
    information: tuple[Information, ...]
    costs: float
    sentence: str


def decay(study: Study, bars: int = 48) -> Decay:
    """Returns from the open after each signal to the closes 1 to `bars` bars after it, whatever the book would do.

    A fill's own bar is the first. What lies beyond the data is left out. Raises ValueError for bars < 1.
    """
    if bars < 1:
        raise ValueError(f"bars: found {bars}, allowed 1 or more")
    panel, entries = study.panel, _entries(study)
    returns, days = _forward(panel, entries, bars)
    after = tuple(_after(returns[:, k], days, k + 1) for k in range(bars))
    after = tuple(each for each in after if each.signals)
    edge, half_life = _fitted(after)
    costs = 2 * (study.costs.fee + study.costs.slippage)
    return Decay(
        after=after,
        edge=edge,
        half_life=half_life,
        information=_information(panel, entries, bars),
        costs=costs,
        sentence=_sentence(after, half_life, costs, returns.shape[0]),
    )


class _Entries(NamedTuple):
    """Signals that have a next row, one after the other."""

    rows: NDArray[np.intp]
    columns: NDArray[np.intp]
    sides: NDArray[np.int8]


def _entries(study: Study) -> _Entries:
    found = signals(study, bars_of(study.panel))
    rows = np.concatenate([each.rows for each in found])
    columns = np.repeat(np.arange(len(found)), [each.rows.size for each in found])
    sides = np.concatenate([each.sides for each in found])
    fits = rows + 1 < study.panel.rows
    return _Entries(rows[fits], columns[fits], sides[fits])


def _forward(panel: Panel, entries: _Entries, bars: int) -> tuple[Floats, NDArray[np.int64]]:
    """Signed returns (signals, bars) and the UTC day of each signal; signals without a fill's price are left out."""
    rows, columns, sides = entries
    start = panel.open[rows + 1, columns]
    at = rows[:, None] + np.arange(1, bars + 1)
    close = panel.close[np.minimum(at, panel.rows - 1), columns[:, None]]
    close = np.where(at < panel.rows, close, np.nan)
    returns = (close / start[:, None] - 1) * sides[:, None]
    there = np.isfinite(start)
    return returns[there], panel.ts[rows[there]] // DAY_MS


def _after(returns: Floats, days: NDArray[np.int64], bars: int) -> After:
    there = np.isfinite(returns)
    row, clusters = returns[there], np.unique(days[there], return_inverse=True)[1]
    if not row.size:
        return After(bars, 0, math.nan, None)
    mean = float(row.mean())
    sums = np.bincount(clusters, weights=row - mean)
    groups = sums.size
    error = math.sqrt(float(sums @ sums) * groups / (groups - 1)) / row.size if groups > 1 else None
    return After(bars, row.size, mean, error)


def _fitted(after: Sequence[After]) -> tuple[float | None, float | None]:
    """Edge and half-life by least squares: for each half-life the best edge is a quotient, so only one is searched."""
    best = _clearest(after)
    if best is None or _times_luck(best) < _LUCK or len(after) < 3:
        return None, None
    k, means = np.array([each.bars for each in after]), np.array([each.mean for each in after])
    lives = np.geomspace(0.1, 2 * k[-1], _FITS)
    curves = 1 - 2.0 ** (-k / lives[:, None])
    edges = curves @ means / (curves**2).sum(axis=1)
    errors = ((edges[:, None] * curves - means) ** 2).sum(axis=1)
    at = int(errors.argmin())
    explained = 1 - errors[at] / float(means @ means)
    if edges[at] <= 0 or lives[at] > k[-1] or explained < 0.5:
        return None, None
    return float(edges[at]), float(lives[at])


def _clearest(after: Sequence[After]) -> After | None:
    return max((each for each in after if each.standard_error), key=_times_luck, default=None)


def _times_luck(each: After) -> float:
    return each.mean / each.standard_error if each.standard_error else -math.inf


def _information(panel: Panel, entries: _Entries, bars: int) -> tuple[Information, ...]:
    rows, at = np.unique(entries.rows, return_inverse=True)
    if len(panel.instruments) < LEAST_NAMES or not rows.size:
        return ()
    scores = np.zeros((rows.size, len(panel.instruments)))
    scores[at, entries.columns] = entries.sides
    found = []
    for ahead in sorted({1, max(1, bars // 4), max(1, bars // 2), bars}):
        fits = rows + ahead < panel.rows
        here = rows[fits]
        if not here.size:
            continue
        returns = panel.close[here + ahead] / panel.open[here + 1] - 1
        summary = summarise_rank_ic(rank_ic(scores[fits], returns), lag=_overlap(here, ahead))
        if summary.dates:
            found.append(Information(ahead, summary.dates, summary.mean, known(summary.newey_west_t)))
    return tuple(found)


def _overlap(rows: NDArray[np.intp], ahead: int) -> int:
    """The most signals that follow one within `ahead` bars: so many of the returns overlap."""
    within = np.searchsorted(rows, rows + ahead) - np.arange(rows.size) - 1
    return int(within.max())


def _sentence(after: Sequence[After], half_life: float | None, costs: float, signals: int) -> str:
    best = _clearest(after)
    if best is None or best.standard_error is None:
        return f"There are {count(signals, 'signal')} that can be followed: too few to tell an edge."
    text = (
        f"After {count(best.bars, 'bar')} the mean of {count(best.signals, 'signal')} is {best.mean * 100:+.3f} ±"
        f" {best.standard_error * 100:.3f} %"
    )
    if _times_luck(best) < _LUCK:
        return f"{text} before costs of {costs * 100:.2f} %, the clearest of all: it cannot be told from luck."
    pays = "more" if best.mean > costs else "no more"
    lasts = (
        "the edge has no half-life within the bars looked at"
        if half_life is None
        else f"half of the edge is earned in {half_life:.1f} bars"
    )
    return f"{text}, {pays} than a round trip costs ({costs * 100:.2f} %); {lasts}."
