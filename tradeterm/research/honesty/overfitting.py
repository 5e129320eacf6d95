"""Is the best of many variants the best because it is good, or because there were many?"""

import math
from collections.abc import Sequence

import numpy as np
from msgspec import Struct, structs
from numpy.typing import ArrayLike

from tradeterm.quant.significance import SharpeSample, deflated_sharpe, expected_max_sharpe, pbo_cscv
from tradeterm.research.honesty.parameters import Changes
from tradeterm.research.honesty.summary import known, traded_equity
from tradeterm.research.study import Study, run
from tradeterm.research.workers import MapStudies, map_studies
from tradeterm.strategies.panel import Floats

_LARGEST_CHOICE = 16
"""Blocks: 12 870 ways to choose half of them."""


class Overfitting(Struct, frozen=True, kw_only=True):
    """Of the variant that was chosen (`best`, its column; in a sweep the number of its trial): its Sharpe ratio, the
    one that the best of so many variants without any edge would be expected to show (both annualised), and the
    probability that it has an edge at all after that (the deflated Sharpe ratio). `pbo` is the share of splits in which
    the variant chosen on one half was no better than the median on the other, `loss` the share in which it lost there.
    None: no value."""

    trials: int
    periods: int
    best: int | None
    sharpe: float | None
    expected: float | None
    deflated_sharpe: float | None
    pbo: float | None
    loss: float | None
    sentence: str


def overfitting(
    returns: ArrayLike, *, periods_per_year: float = 365.0, trials: int | None = None, chosen: int | None = None
) -> Overfitting:
    """From the returns of all variants tried, (periods, variants).

    `trials` is how many were tried in all, where some are not in the table (default: those in it); `chosen` the column
    that is judged (default: that with the best Sharpe ratio). Where fewer than two variants have a ratio, or all the
    same, the variance among the trials is taken to be that of luck alone, 1/(periods - 1).

    The probability of overfitting needs two variants and two periods a block: there are 16 blocks, or as many as there
    are periods for; on each half the variant with the best Sharpe ratio counts as chosen. Raises ValueError for numbers
    that are not finite, a table of another shape, fewer trials than variants, and a column that is not there.
    """
    table = np.asarray(returns, dtype=np.float64)
    if table.ndim != 2 or not table.shape[1]:
        raise ValueError("returns must be a table of periods by variants")
    variants = table.shape[1]
    tried = variants if trials is None else trials
    if tried < variants:
        raise ValueError(f"trials: found {tried}, allowed {variants} or more, as many as there are variants")
    if chosen is not None and not 0 <= chosen < variants:
        raise ValueError(f"chosen: found {chosen}, allowed a column, 0 to {variants - 1}")
    records = [SharpeSample.of(column) for column in table.T]
    sharpes = np.array([record.sharpe for record in records])
    there = np.isfinite(sharpes)
    if not there.any() or (chosen is not None and not there[chosen]):
        return _nothing(tried, table.shape[0])
    best = int(np.nanargmax(sharpes)) if chosen is None else chosen
    variance = float(sharpes[there].var(ddof=1)) if there.sum() > 1 else 0.0
    variance = variance or 1 / (table.shape[0] - 1)
    year = math.sqrt(periods_per_year)
    blocks = min(_LARGEST_CHOICE, table.shape[0] // 4 * 2)
    split = pbo_cscv(table, blocks) if variants > 1 and blocks >= 2 else None
    found = Overfitting(
        trials=tried,
        periods=table.shape[0],
        best=best,
        sharpe=float(sharpes[best]) * year,
        expected=expected_max_sharpe(tried, variance) * year,
        deflated_sharpe=known(deflated_sharpe(records[best], tried, variance)),
        pbo=None if split is None else known(split.pbo),
        loss=None if split is None else split.probability_of_loss,
        sentence="",
    )
    return _said(found)


def candidate_returns(study: Study, candidates: Sequence[Changes], *, spread: MapStudies = map_studies) -> Floats:
    """Daily returns of the study with each of these changes of its parameters, (days, candidates)."""
    return np.column_stack(spread(daily_returns, study, candidates))


def daily_returns(study: Study, changes: Changes) -> Floats:
    """Of one run; 0 where there was no equity left to earn a return."""
    changed = study.with_parameters(changes)
    equity = traded_equity(changed, run(changed))[1]
    before = equity[:-1]
    return np.where(before > 0, equity[1:] / np.where(before > 0, before, 1.0) - 1, 0.0)


def _nothing(trials: int, periods: int) -> Overfitting:
    return Overfitting(
        trials=trials,
        periods=periods,
        best=None,
        sharpe=None,
        expected=None,
        deflated_sharpe=None,
        pbo=None,
        loss=None,
        sentence="The variant to judge did not move, so there is nothing to judge.",
    )


def _said(found: Overfitting) -> Overfitting:
    text = (
        f"The best of {found.trials} has a Sharpe ratio of {found.sharpe or 0.0:.2f} where luck alone would show"
        f" {found.expected or 0.0:.2f}"
        if found.trials > 1
        else f"The only variant has a Sharpe ratio of {found.sharpe or 0.0:.2f}"
    )
    if found.deflated_sharpe is not None:
        text += f"; the probability that it has an edge is {found.deflated_sharpe * 100:.0f} %"
    if found.pbo is not None:
        text += (
            f"; chosen on one half of the time, the best is no better than the median on the other in"
            f" {found.pbo * 100:.0f} % of splits"
        )
    return structs.replace(found, sentence=f"{text}.")
