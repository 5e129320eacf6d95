"""How likely a track record is luck: of one strategy, of the best of many tried, and of choosing by the past.

Sharpe ratios here are PER PERIOD, not annualised, and kurtosis is NOT the excess (normal: 3).
"""

import math
from collections.abc import Iterator
from itertools import combinations, islice
from statistics import NormalDist
from typing import NamedTuple

import numpy as np
from msgspec import Struct
from numpy.typing import ArrayLike

from tradeterm.quant import require
from tradeterm.quant.samples import Floats, deviation, kurtosis, ratio, sample, skewness

_MOST_BLOCKS = 20
_CHUNK = 2048
_DUST = 1e-12


class SharpeSample(Struct, frozen=True):
    """A Sharpe ratio per period and what its error depends on. `of` measures them from returns."""

    sharpe: float
    observations: int
    skew: float = 0.0
    kurtosis: float = 3.0

    @classmethod
    def of(cls, returns: ArrayLike) -> "SharpeSample":
        """From period returns in excess of the risk-free rate. NaN for a constant row or fewer than two returns.

        Raises ValueError for numbers that are not finite.
        """
        row = sample(returns, "returns")
        s = deviation(row)
        sharpe = ratio(float(row.mean()), s) if s >= _DUST else math.nan
        return cls(sharpe, row.size, skewness(row), kurtosis(row))

    @property
    def standard_error(self) -> float:
        """√((1 − γ₃·SR + (γ₄−1)/4·SR²)/(n−1)) (Mertens 2002; Lo 2002 for normal returns); NaN where there is none."""
        spread = _spread(self)
        return math.sqrt(spread / (self.observations - 1)) if self.observations > 1 and spread > 0 else math.nan


class PboResult(NamedTuple):
    """`pbo` is the share of splits whose in-sample best was no better than the median out of sample.

    One value a split: `logits` ln(ω/(1−ω)), ω the relative rank out of sample; `in_sample` and `out_of_sample` the
    Sharpe ratios (per period) of the one chosen. `probability_of_loss` is the share of splits in which it lost.
    """

    pbo: float
    probability_of_loss: float
    logits: Floats
    in_sample: Floats
    out_of_sample: Floats


def probabilistic_sharpe(record: SharpeSample | ArrayLike, benchmark: float = 0.0) -> float:
    """The probability that the true Sharpe ratio is above `benchmark`: Φ((SR − SR*)/error).

    `record` is a SharpeSample, or the returns to make one of. NaN where there is no error. Bailey & López de Prado,
    "The Sharpe Ratio Efficient Frontier", J. Risk 15 (2012).
    """
    require.number(benchmark=benchmark)
    known = _known(record)
    return 0.5 * math.erfc(-ratio(known.sharpe - benchmark, known.standard_error) / math.sqrt(2))


def expected_max_sharpe(trials: int, variance: float) -> float:
    """The Sharpe ratio per period that the best of `trials` strategies without any edge is expected to show.

    `variance` is that of the trials' Sharpe ratios per period. Count EVERY variant tried; correlated ones count as
    fewer. One trial gives 0. Raises ValueError for trials < 1 or a variance that is negative or not finite.
    """
    require.number(trials=trials, variance=variance)
    if trials < 1:
        raise ValueError(f"at least one trial is needed, not {trials}")
    if not 0 <= variance < math.inf:
        raise ValueError(f"a variance is 0 or more, not {variance}")
    if trials == 1:
        return 0.0
    quantile = NormalDist().inv_cdf  # scipy's takes a fifth of a second to import
    best = (1 - np.euler_gamma) * -quantile(1 / trials) + np.euler_gamma * -quantile(1 / (trials * math.e))
    return float(math.sqrt(variance) * best)


def deflated_sharpe(record: SharpeSample | ArrayLike, trials: int, variance: float) -> float:
    """The probability that the best of `trials` has an edge at all: `probabilistic_sharpe` over `expected_max_sharpe`.

    Bailey & López de Prado, "The Deflated Sharpe Ratio", J. Portfolio Management 40 (2014).
    """
    return probabilistic_sharpe(record, expected_max_sharpe(trials, variance))


def minimum_track_record(record: SharpeSample | ArrayLike, benchmark: float = 0.0, confidence: float = 0.95) -> float:
    """The number of periods after which a Sharpe ratio as this one is above `benchmark` at that confidence.

    1 + (1 − γ₃·SR + (γ₄−1)/4·SR²)·(Φ⁻¹(confidence)/(SR − SR*))² (Bailey & López de Prado 2012). NaN where the ratio is
    not above the benchmark: no record is long enough. Raises ValueError for a confidence outside 0.5..1.
    """
    require.number(benchmark=benchmark, confidence=confidence)
    if not 0.5 <= confidence < 1:
        raise ValueError(f"a confidence is from 0.5 to below 1, not {confidence}")
    known = _known(record)
    lead, spread = known.sharpe - benchmark, _spread(known)
    if not lead > 0 or not spread > 0:
        return math.nan
    return float(1 + spread * (NormalDist().inv_cdf(confidence) / lead) ** 2)


def pbo_cscv(returns: ArrayLike, blocks: int = 16) -> PboResult:
    """Probability of backtest overfitting by combinatorially symmetric cross-validation.

    `returns` is (T, N): a row a period, a column a variant tried. The rows are cut into `blocks` (even) equal parts,
    leftover rows dropped from the start; every half of the parts chooses the variant with the best Sharpe ratio, the
    other half ranks it, ω = rank/(N+1), ties averaged. A variant that did not move in a half has a ratio of 0 there.
    16 blocks are 12 870 splits. No `pbo` and no `logits` (NaN) where no variant moved or all have the same returns.
    Raises ValueError for numbers that are not finite, fewer than two variants, too few rows, and blocks that are not
    even or not from 2 to 20. Bailey, Borwein, López de Prado & Zhu, J. Comp. Finance 20 (2017).
    """
    table = _table(returns, blocks)
    rows = table.shape[0] // blocks * (blocks // 2)
    # Moments about each variant's own mean: sums of plain squares would lose small deviations beside large means.
    centre = table.mean(axis=0)
    parts = (table - centre).reshape(blocks, -1, table.shape[1])
    sums, squares = parts.sum(axis=1), (parts**2).sum(axis=1)
    scale = np.abs(table).max(axis=0)
    chosen = [
        _choose(
            _sharpes(inside @ sums, inside @ squares, rows, centre, scale),
            _sharpes((1 - inside) @ sums, (1 - inside) @ squares, rows, centre, scale),
        )
        for inside in _halves(blocks)
    ]
    in_sample, out_of_sample, rank = (np.concatenate(values) for values in zip(*chosen, strict=True))
    loss = float(np.mean(out_of_sample < 0))
    if not _differ(table, scale):
        return PboResult(math.nan, loss, np.full(rank.size, np.nan), in_sample, out_of_sample)
    omega = rank / (table.shape[1] + 1)
    logits = np.log(omega / (1 - omega))
    return PboResult(float(np.mean(logits <= 0)), loss, logits, in_sample, out_of_sample)


def _known(record: SharpeSample | ArrayLike) -> SharpeSample:
    return record if isinstance(record, SharpeSample) else SharpeSample.of(record)


def _spread(record: SharpeSample) -> float:
    """The variance of the estimated Sharpe ratio, times n − 1."""
    return 1 - record.skew * record.sharpe + (record.kurtosis - 1) / 4 * record.sharpe**2


def _table(returns: ArrayLike, blocks: int) -> Floats:
    table = np.asarray(returns, dtype=np.float64)
    if table.ndim != 2 or table.shape[1] < 2:
        raise ValueError("returns must be a table of periods by at least two variants")
    require.number(blocks=blocks)
    if blocks % 2 or not 2 <= blocks <= _MOST_BLOCKS:
        raise ValueError(f"blocks must be an even number from 2 to {_MOST_BLOCKS}, not {blocks}")
    require.count(blocks=blocks)
    if table.shape[0] // blocks * (blocks // 2) < 2:
        raise ValueError(f"{blocks} blocks need at least {max(4, blocks)} periods, not {table.shape[0]}")
    if not np.isfinite(table).all():
        raise ValueError("returns hold a number that is not finite")
    return table[table.shape[0] % blocks :]


def _differ(table: Floats, scale: Floats) -> bool:
    """Whether there is anything to choose by: a variant that moved, and one that differs from another."""
    return bool((np.ptp(table, axis=0) > _DUST * scale).any() and (table != table[:, :1]).any())


def _halves(blocks: int) -> Iterator[Floats]:
    """Every choice of half the blocks as rows of 0 and 1, some thousand at a time."""
    choices = combinations(range(blocks), blocks // 2)
    while taken := list(islice(choices, _CHUNK)):
        inside = np.zeros((len(taken), blocks))
        np.put_along_axis(inside, np.array(taken), 1.0, axis=1)
        yield inside


def _sharpes(sums: Floats, squares: Floats, rows: int, centre: Floats, scale: Floats) -> Floats:
    """Sharpe ratios from the sums of centred returns and of their squares; 0 for what did not move."""
    variance = np.maximum(squares - sums**2 / rows, 0.0) / (rows - 1)
    s = np.sqrt(variance)
    moved = s > _DUST * scale
    return np.where(moved, (centre + sums / rows) / np.where(moved, s, 1.0), 0.0)


def _choose(inside: Floats, outside: Floats) -> tuple[Floats, Floats, Floats]:
    """Of each row the best inside: its ratio inside and outside, and its rank outside (1 is the worst)."""
    best = inside.argmax(axis=1)[:, None]
    found = np.take_along_axis(outside, best, axis=1)
    rank = (outside < found).sum(axis=1) + ((outside == found).sum(axis=1) + 1) / 2
    return np.take_along_axis(inside, best, axis=1)[:, 0], found[:, 0], rank
