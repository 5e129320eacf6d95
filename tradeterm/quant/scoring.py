"""How good a gate is that lets trades through, shrinks or vetoes them, and how good its probabilities are.

`pnl` is what each trade earned at full size, `factor` (0..1) what the gate left of its size: 1 let through, 0 vetoed.
`p` is the probability said of a win, `won` whether it was one. One value a trade, all of equal length.
"""

import math
from collections.abc import Callable, Iterator, Sequence
from itertools import combinations
from statistics import NormalDist
from typing import NamedTuple

import numpy as np
from numpy.typing import ArrayLike, NDArray

from tradeterm.quant import require
from tradeterm.quant.expectancy import wilson
from tradeterm.quant.samples import Floats, sample, varies
from tradeterm.quant.simulation import Seed, generator

LEAST_FOR_MAP = 200
_MOST_EXACT = 20_000
_CELLS = 1 << 20  # of one table of draws
_ROUNDING = 1e-9


class ValueAdded(NamedTuple):
    """`added` is `gated` − `ungated`; `low` and `high` bound it (NaN: no interval)."""

    ungated: float
    gated: float
    added: float
    low: float
    high: float


class Outcomes(NamedTuple):
    """Trades by what the gate did (factor below 1: avoided or missed) and what came of them; 0 is neither won nor lost.

    `money_avoided` − `money_missed` is the value added.
    """

    losses_avoided: int
    winners_missed: int
    losses_taken: int
    winners_taken: int
    money_avoided: float
    money_missed: float


class RandomVetoes(NamedTuple):
    """`p` is the chance that the gate's factors, dealt out at random, do at least as well; `exact` over all deals."""

    p: float
    deals: int
    exact: bool


class ReliabilityBin(NamedTuple):
    """Probabilities from `low` to below `high` (the last bin includes 1): their mean, the share won and its Wilson 95 %
    interval."""

    low: float
    high: float
    trades: int
    said: float
    won: float
    won_low: float
    won_high: float


class CoveragePoint(NamedTuple):
    """Where only probabilities as sure as `threshold` count: the share that does, and the share of it that was right
    (NaN where none is so sure)."""

    threshold: float
    coverage: float
    accuracy: float


class IsotonicMap(NamedTuple):
    """A rising map of said probabilities to shares won: linear between `x`, constant beyond."""

    x: Floats
    y: Floats

    def __call__(self, p: ArrayLike) -> Floats:
        return np.interp(np.asarray(p, dtype=np.float64), self.x, self.y)


def value_added(
    pnl: ArrayLike,
    factor: ArrayLike,
    together: Sequence[object] | None = None,
    *,
    level: float = 0.95,
    draws: int = 4000,
    seed: Seed = 0,
) -> ValueAdded:
    """Σ pnl·factor − Σ pnl with its BCa bootstrap interval (Efron, J. Am. Stat. Assoc. 82, 1987, section 4).

    `together` names for each trade what it is drawn with: trades of one day have to do with each other, so days are
    drawn whole (cluster bootstrap: Cameron, Gelbach & Miller, Rev. Econ. Stat. 90, 2008). No interval where fewer than
    two things are drawn or all are equal. Raises ValueError for numbers that are not finite, factors outside 0..1,
    unequal lengths.
    """
    row, kept = _gated(pnl, factor)
    change = row * (kept - 1)
    drawn = change if together is None else _sums(change, together)
    low, high = bca_interval(drawn, level=level, draws=draws, seed=seed)
    ungated, gated = math.fsum(row), math.fsum(row * kept)
    return ValueAdded(ungated, gated, math.fsum(change), low, high)


def bca_interval(values: ArrayLike, *, level: float = 0.95, draws: int = 4000, seed: Seed = 0) -> tuple[float, float]:
    """Bias-corrected and accelerated bootstrap interval of the SUM of independent values; (NaN, NaN) for fewer than two
    or values that are all equal."""
    row = sample(values)
    require.count(draws=draws)
    require.number(level=level)
    if not 0 < level < 1:
        raise ValueError(f"a level is between 0 and 1, not {level}")
    if row.size < 2 or not varies(row):
        return math.nan, math.nan
    rng = generator(seed)
    sums = np.sort(_drawn(lambda rows: row[rng.integers(row.size, size=(rows, row.size))].sum(axis=1), draws, row.size))
    found = row.sum()
    near = _ROUNDING * np.abs(row).sum()
    below = np.count_nonzero(sums < found - near) + np.count_nonzero(np.abs(sums - found) <= near) / 2
    normal = NormalDist()
    bias = normal.inv_cdf(min(max(below / draws, 0.5 / draws), 1 - 0.5 / draws))
    centred = (row - row.mean()) / np.abs(row).max()
    acceleration = float((centred**3).sum() / (6 * (centred**2).sum() ** 1.5))
    low, high = (
        _at(sums, normal.cdf(bias + (bias + z) / (1 - acceleration * (bias + z))))
        for z in (normal.inv_cdf((1 - level) / 2), normal.inv_cdf((1 + level) / 2))
    )
    return low, high


def outcomes(pnl: ArrayLike, factor: ArrayLike) -> Outcomes:
    """The two-by-two table of a gate."""
    row, kept = _gated(pnl, factor)
    touched, lost, won = kept < 1, row < 0, row > 0
    change = row * (1 - kept)
    return Outcomes(
        losses_avoided=int((touched & lost).sum()),
        winners_missed=int((touched & won).sum()),
        losses_taken=int((~touched & lost).sum()),
        winners_taken=int((~touched & won).sum()),
        money_avoided=max(0.0, -math.fsum(change[lost])),
        money_missed=math.fsum(change[won]),
    )


def random_vetoes(pnl: ArrayLike, factor: ArrayLike, *, draws: int = 2000, seed: Seed = 0) -> RandomVetoes:
    """One-sided permutation test of Σ pnl·factor: the same factors, dealt to the trades at random.

    Exact over all different deals where there are at most 20 000, else (1 + as good) / (1 + draws) over seeded draws
    (Phipson & Smyth, Stat. Appl. Genet. Mol. Biol. 9, 2010). NaN for no trade.
    """
    row, kept = _gated(pnl, factor)
    require.count(draws=draws)
    if not row.size:
        return RandomVetoes(math.nan, 0, True)
    reached = math.fsum(row * kept) - _ROUNDING * float(np.abs(row).sum())
    levels, counts = np.unique(kept, return_counts=True)
    deals = math.factorial(row.size) // math.prod(math.factorial(int(count)) for count in counts)
    if deals <= _MOST_EXACT:
        dealt = list(_deals(row.tolist(), levels.tolist(), counts.tolist()))
        return RandomVetoes(sum(total >= reached for total in dealt) / len(dealt), deals, True)
    rng = generator(seed)
    totals = _drawn(lambda rows: rng.permuted(np.tile(kept, (rows, 1)), axis=1) @ row, draws, row.size)
    return RandomVetoes((1 + int(np.count_nonzero(totals >= reached))) / (1 + draws), draws, False)


def brier(p: ArrayLike, won: ArrayLike) -> float:
    """Mean of (p − outcome)²: 0 the best, 0.25 for always saying one half (Brier, Mon. Weather Rev. 78, 1950)."""
    said, came = _said(p, won)
    return float(np.mean((said - came) ** 2)) if said.size else math.nan


def log_loss(p: ArrayLike, won: ArrayLike, least: float = 1e-3) -> float:
    """Mean of −ln of the probability given to what came. A p beyond `least` or 1 − `least` counts as that: a single 0
    that was wrong would else be all there is to see."""
    said, came = _said(p, won)
    require.number(least=least)
    if not 0 < least < 0.5:
        raise ValueError(f"the least probability is between 0 and 0.5, not {least}")
    sure = np.clip(said, least, 1 - least)
    return float(-np.mean(np.where(came == 1, np.log(sure), np.log1p(-sure)))) if said.size else math.nan


def brier_skill(p: ArrayLike, won: ArrayLike, kinds: Sequence[object] | None = None) -> float:
    """1 − Brier score / that of the base rate; of each kind of trade its own where `kinds` names them.

    The base rates are those of the same trades, which no forecast made beforehand could know: the comparison leans
    against the gate. NaN where the base rate is never wrong. Murphy, Mon. Weather Rev. 116 (1988).
    """
    said, came = _said(p, won)
    place = np.zeros(came.size, dtype=np.intp) if kinds is None else _places(kinds, came.size)
    if not came.size:
        return math.nan
    rates = (np.bincount(place, came) / np.bincount(place))[place]
    usual = float(np.mean((rates - came) ** 2))
    return 1 - brier(said, came) / usual if usual > 0 else math.nan


def reliability(p: ArrayLike, won: ArrayLike, bins: int = 10) -> tuple[ReliabilityBin, ...]:
    """Equal bins of 0..1, those that hold a probability (DeGroot & Fienberg, The Statistician 32, 1983)."""
    said, came = _said(p, won)
    require.count(bins=bins)
    place = np.minimum((said * bins + _ROUNDING).astype(np.intp), bins - 1)
    found = []
    for at in np.unique(place).tolist():
        mine = place == at
        trades, wins = int(mine.sum()), int(came[mine].sum())
        mean, interval = float(said[mine].mean()), wilson(wins, trades)
        found.append(ReliabilityBin(at / bins, (at + 1) / bins, trades, mean, wins / trades, *interval))
    return tuple(found)


def expected_calibration_error(p: ArrayLike, won: ArrayLike, bins: int = 10) -> float:
    """Mean distance of what was said from what came, bins weighed by their trades (Naeini, Cooper & Hauskrecht, AAAI
    2015). It depends on the bins and is above 0 by chance alone."""
    found = reliability(p, won, bins)
    total = sum(each.trades for each in found)
    return sum(each.trades * abs(each.said - each.won) for each in found) / total if total else math.nan


def coverage(p: ArrayLike, won: ArrayLike, thresholds: Sequence[float]) -> tuple[CoveragePoint, ...]:
    """Selective prediction (El-Yaniv & Wiener, J. Mach. Learn. Res. 11, 2010): p ≥ 0.5 says a win, and is as sure as
    max(p, 1 − p)."""
    said, came = _said(p, won)
    sure, right = np.maximum(said, 1 - said), (said >= 0.5) == (came == 1)
    points = []
    for threshold in thresholds:
        counts = sure >= threshold - _ROUNDING
        share = float(counts.mean()) if said.size else math.nan
        points.append(CoveragePoint(threshold, share, float(right[counts].mean()) if counts.any() else math.nan))
    return tuple(points)


def isotonic(p: ArrayLike, won: ArrayLike) -> IsotonicMap:
    """The rising map with the least squared error (pool adjacent violators; Ayer et al., Ann. Math. Stat. 26, 1955)."""
    said, came = _said(p, won)
    if not said.size:
        raise ValueError("a map needs at least one outcome")
    x, place = np.unique(said, return_inverse=True)
    weights = np.bincount(place).astype(np.float64)
    pools: list[list[float]] = []  # mean, weight, members
    for mean, weight in zip(np.bincount(place, came) / weights, weights, strict=True):
        pools.append([float(mean), float(weight), 1])
        while len(pools) > 1 and pools[-2][0] >= pools[-1][0]:
            later, earlier = pools.pop(), pools.pop()
            total = earlier[1] + later[1]
            pools.append([(earlier[0] * earlier[1] + later[0] * later[1]) / total, total, earlier[2] + later[2]])
    return IsotonicMap(x, np.repeat([pool[0] for pool in pools], [int(pool[2]) for pool in pools]))


def walk_forward_map(
    p: ArrayLike, won: ArrayLike, asked: ArrayLike, known: ArrayLike, *, least: int = LEAST_FOR_MAP, every: int = 20
) -> Floats:
    """Each probability through the isotonic map of the outcomes known before it was asked for; NaN where those were
    fewer than `least`.

    `asked` and `known` are the times of question and outcome. A map serves until `every` more outcomes are known.
    """
    said, came = _said(p, won)
    require.count(least=least, every=every)
    begins, ends = sample(asked, "times"), sample(known, "times")
    if not said.size == begins.size == ends.size:
        raise ValueError("one time asked and one time known a trade are needed")
    mapped = np.full(said.size, np.nan)
    in_order, sorted_ends = np.argsort(ends, kind="stable"), np.sort(ends)
    before = np.searchsorted(sorted_ends, begins, side="left")  # known strictly before the question
    used = np.where(before >= least, least + (before - least) // every * every, 0)
    for size in np.unique(used[used > 0]):
        learnt, mine = in_order[:size], used == size
        mapped[mine] = isotonic(said[learnt], came[learnt])(said[mine])
    return mapped


def _gated(pnl: ArrayLike, factor: ArrayLike) -> tuple[Floats, Floats]:
    row, kept = sample(pnl, "profits"), sample(factor, "factors")
    if row.size != kept.size:
        raise ValueError(f"one factor a trade is needed: {row.size} profits, {kept.size} factors")
    if ((kept < 0) | (kept > 1)).any():
        raise ValueError("a factor is from 0 to 1")
    return row, kept


def _said(p: ArrayLike, won: ArrayLike) -> tuple[Floats, Floats]:
    said, came = sample(p, "probabilities"), sample(won, "outcomes")
    if said.size != came.size:
        raise ValueError(f"one outcome a probability is needed: {said.size} probabilities, {came.size} outcomes")
    if ((said < 0) | (said > 1)).any():
        raise ValueError("a probability is from 0 to 1")
    if not np.isin(came, (0, 1)).all():
        raise ValueError("an outcome is won (1) or not (0)")
    return said, came


def _places(names: Sequence[object], size: int) -> NDArray[np.intp]:
    """The number of each name's group."""
    if len(names) != size:
        raise ValueError(f"one name a trade is needed: {size} trades, {len(names)} names")
    numbers = {name: at for at, name in enumerate(dict.fromkeys(names))}
    return np.array([numbers[name] for name in names], dtype=np.intp)


def _sums(values: Floats, names: Sequence[object]) -> Floats:
    return np.bincount(_places(names, values.size), values).astype(np.float64)


def _drawn(draw: Callable[[int], Floats], draws: int, width: int) -> Floats:
    """Some thousand draws at a time, so that no table becomes large."""
    rows = max(1, _CELLS // width)
    return np.concatenate([draw(min(rows, draws - done)) for done in range(0, draws, rows)])


def _at(rising: Floats, share: float) -> float:
    return float(np.quantile(rising, min(max(share, 0.0), 1.0)))


def _deals(profits: list[float], levels: list[float], counts: list[int]) -> Iterator[float]:
    """Σ pnl·factor of every different way to give `levels[k]` to `counts[k]` of the trades."""
    if len(levels) == 1:
        yield math.fsum(profits) * levels[0]
        return
    for chosen in combinations(range(len(profits)), counts[0]):
        taken = set(chosen)
        rest = [profit for at, profit in enumerate(profits) if at not in taken]
        mine = levels[0] * math.fsum(profits[at] for at in chosen)
        for total in _deals(rest, levels[1:], counts[1:]):
            yield mine + total
