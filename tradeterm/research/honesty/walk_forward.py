"""Would parameters chosen by the past have earned in the time after it?

Each window chooses the parameters that did best on its training part and trades them on the part that follows, which
they have not seen (López de Prado, "Advances in Financial Machine Learning", 2018, chapters 7 and 11).
"""

import math
from collections.abc import Mapping, Sequence
from functools import partial
from itertools import pairwise
from typing import Any

import numpy as np
from msgspec import Struct

from tradeterm.domain.market import DAY_MS
from tradeterm.research.backtesting import DAYS_PER_YEAR
from tradeterm.research.honesty.parameters import Changes, candidates_of, nearby, values_of
from tradeterm.research.honesty.summary import (
    Metric,
    Summary,
    count,
    known,
    percent,
    plain,
    score,
    summary,
    summary_of,
    traded_equity,
)
from tradeterm.research.honesty.windows import Window, windows
from tradeterm.research.performance import performance_over
from tradeterm.research.result import LEAST_TRADES
from tradeterm.research.study import Study, run, too_short
from tradeterm.research.workers import MapStudies, map_studies

LEAST_CHOSEN = 10
"""A ratio of fewer trades is chance."""


class Fold(Struct, frozen=True, kw_only=True):
    """One window: the changes chosen in sample, what they did there and out of sample, and what the study's own
    parameters did out of sample. `chosen` is False where no candidate had enough trades and a value of the metric: the
    study's own parameters stand in. `ts` and `equity` are those of the test, daily."""

    window: Window
    parameters: Changes
    chosen: bool
    in_sample: Summary
    out_of_sample: Summary
    unchanged: Summary
    ts: tuple[int, ...]
    equity: tuple[float, ...]
    won: float = 0.0
    lost: float = 0.0


class Drift(Struct, frozen=True):
    """How a parameter's best value moved from window to window: how often it changed, and its deviation over its mean
    (ddof 1; None where there is none)."""

    name: str
    values: tuple[Any, ...]
    changes: int
    spread: float | None


class WalkForward(Struct, frozen=True, kw_only=True):
    """`ts` and `equity` join the tests: the capital of each is what the one before left. `out_of_sample` is of that
    equity; `unchanged_return` is what the study's own parameters make of the same tests.

    `efficiency` is the annualised growth out of sample over that in sample (both compounded daily, 365 days a year);
    None where in-sample growth is not above 0. `insufficient` says that the tests made fewer than 30
    trades. `tried` is how many candidates each window chose from.
    """

    folds: tuple[Fold, ...]
    metric: Metric
    tried: int
    drift: tuple[Drift, ...]
    efficiency: float | None
    ts: tuple[int, ...]
    equity: tuple[float, ...]
    out_of_sample: Summary
    unchanged_return: float
    sentence: str
    insufficient: bool = False


def walk_forward(
    study: Study,
    *,
    train: float,
    test: float,
    purge: float = 1.0,
    anchored: bool = False,
    candidates: Sequence[Changes] | None = None,
    grid: Mapping[str, Sequence[Any]] | None = None,
    metric: Metric = Metric.SHARPE,
    least_trades: int = LEAST_CHOSEN,
    spread: MapStudies = map_studies,
) -> WalkForward:
    """Choose among `candidates` (changes of the strategy's parameters), or all combinations of `grid`, by `metric`.

    Without either: the study's own parameters and each of them moved by 20 % down and up. Windows are those of
    `windows`, in days, from the first midnight (UTC) on which the strategy has its history to the end of the data.
    Training data ends `purge` days before the test: no trade of it reaches into the test. What made fewer than
    `least_trades` in a training part is not chosen, and of equal candidates the first is. Every run starts flat, with
    the book's capital and no track record. Raises ValueError where not one window fits, or for no candidates.
    """
    if candidates is None:
        candidates = candidates_of(grid) if grid is not None else nearby(study)
    if not candidates:
        raise ValueError("candidates: found none, allowed at least one")
    for changes in candidates:
        study.with_parameters(changes)
    start, end = _span(study, candidates)
    parts = windows(start, end, train, test, purge, anchored)
    if not parts:
        days = max(0.0, (end - start) / DAY_MS)
        raise ValueError(f"found {days:.1f} days of data, needed {train + purge + test:g} for one window")
    choose = partial(_fold, candidates=tuple(candidates), metric=metric, least_trades=least_trades)
    folds = tuple(spread(choose, study, parts))
    return _joined(study, folds, metric, len(candidates))


def _span(study: Study, candidates: Sequence[Changes]) -> tuple[int, int]:
    """From the first midnight at which every candidate has its history, to the last close."""
    closes = study.panel.ts
    if not closes.size:
        raise ValueError("the panel has no rows")
    warmup = max(study.with_parameters(changes).strategy.warmup for changes in candidates)
    if warmup > closes.size:
        raise ValueError(too_short(warmup, closes.size))
    first = int(closes[0]) + (warmup - 1) * study.panel.interval_ms
    if study.since is not None:
        first = max(first, study.since)
    return -(-first // DAY_MS) * DAY_MS, int(closes[-1])


def _fold(study: Study, window: Window, candidates: Sequence[Changes], metric: Metric, least_trades: int) -> Fold:
    learn = study.between(window.train_start, window.train_end)
    best: tuple[float, Changes, Summary] | None = None
    for changes in candidates:
        found = summary_of(learn.with_parameters(changes))
        value = score(found, metric) if found.trades >= least_trades else None
        if value is not None and (best is None or value > best[0]):
            best = (value, changes, found)
    unseen = study.between(window.test_start, window.test_end)
    parameters: Changes = {} if best is None else best[1]
    chosen = unseen.with_parameters(parameters)
    result = run(chosen)
    out_of_sample, (ts, equity) = summary(chosen, result), traded_equity(chosen, result)
    pnl = result.trades.pnl
    return Fold(
        window=window,
        parameters=parameters,
        chosen=best is not None,
        in_sample=summary_of(learn) if best is None else best[2],
        out_of_sample=out_of_sample,
        unchanged=summary_of(unseen) if parameters else out_of_sample,
        ts=tuple(ts.tolist()),
        equity=tuple(equity.tolist()),
        won=float(pnl[pnl > 0].sum()),
        lost=float(-pnl[pnl < 0].sum()),
    )


def _joined(study: Study, folds: tuple[Fold, ...], metric: Metric, tried: int) -> WalkForward:
    ts, equity = _equity(study, folds)
    trades = sum(fold.out_of_sample.trades for fold in folds)
    sharpe = depth = None
    if min(equity) > 0 and len(equity) > 1:
        figures = performance_over(np.array(ts), np.array(equity), DAYS_PER_YEAR[study.calendar])
        sharpe, depth = known(figures.sharpe), known(figures.max_drawdown)
    joined = Summary(
        total_return=equity[-1] / study.book.capital - 1,
        sharpe=sharpe,
        max_drawdown=depth,
        profit_factor=_profit_factor(study, folds),
        trades=trades,
        refused=sum(fold.out_of_sample.refused for fold in folds),
    )
    unchanged = math.prod(1 + fold.unchanged.total_return for fold in folds) - 1
    efficiency = _efficiency(folds)
    drift = _drift(study, folds)
    return WalkForward(
        folds=folds,
        metric=metric,
        tried=tried,
        drift=drift,
        efficiency=efficiency,
        ts=ts,
        equity=equity,
        out_of_sample=joined,
        unchanged_return=unchanged,
        sentence=_sentence(folds, joined, unchanged, efficiency, drift),
        insufficient=trades < LEAST_TRADES,
    )


def _equity(study: Study, folds: Sequence[Fold]) -> tuple[tuple[int, ...], tuple[float, ...]]:
    """The tests one after the other, each with what the one before left."""
    times, values = [folds[0].ts[0]], [study.book.capital]
    for fold in folds:
        carried = values[-1] / study.book.capital
        times += fold.ts[1:]
        values += [carried * value for value in fold.equity[1:]]
    return tuple(times), tuple(values)


def _profit_factor(study: Study, folds: Sequence[Fold]) -> float | None:
    """Of all the tests' trades, in the money of the joined equity; None where none lost."""
    won = lost = 0.0
    carried = study.book.capital
    for fold in folds:
        won, lost = won + carried * fold.won, lost + carried * fold.lost
        carried *= fold.equity[-1] / study.book.capital
    return won / lost if lost > 0 else None


def _efficiency(folds: Sequence[Fold]) -> float | None:
    inside = _yearly([(fold.in_sample, fold.window.train_end - fold.window.train_start) for fold in folds])
    outside = _yearly([(fold.out_of_sample, fold.window.test_end - fold.window.test_start) for fold in folds])
    return outside / inside if inside is not None and outside is not None and inside > 0 else None


def _yearly(parts: Sequence[tuple[Summary, int]]) -> float | None:
    """Growth a year, from all growth over all time; None where everything was lost."""
    if any(found.total_return <= -1 for found, _ in parts):
        return None
    growth = sum(math.log1p(found.total_return) for found, _ in parts)
    return math.expm1(min(growth * 365 * DAY_MS / sum(length for _, length in parts), 700.0))


def _drift(study: Study, folds: Sequence[Fold]) -> tuple[Drift, ...]:
    """Of the parameters that some window changed."""
    own = values_of(study)
    names = [name for name in own if any(name in fold.parameters for fold in folds)]
    return tuple(_drift_of(name, tuple(fold.parameters.get(name, own[name]) for fold in folds)) for name in names)


def _drift_of(name: str, values: tuple[Any, ...]) -> Drift:
    changes = sum(one != other for one, other in pairwise(values))
    numeric = all(isinstance(value, int | float) for value in values)
    row = np.array(values, dtype=np.float64) if numeric else np.empty(0)
    spread = known(float(row.std(ddof=1) / abs(row.mean()))) if row.size > 1 and row.mean() else None
    return Drift(name, values, changes, spread)


def _sentence(
    folds: Sequence[Fold], joined: Summary, unchanged: float, efficiency: float | None, drift: Sequence[Drift]
) -> str:
    promised = math.prod(1 + fold.in_sample.total_return for fold in folds) ** (1 / len(folds)) - 1
    earned = sum(fold.out_of_sample.total_return > 0 for fold in folds)
    kept = "no efficiency, as it did not earn in sample" if efficiency is None else f"efficiency {efficiency:.2f}"
    most = max(drift, key=lambda each: each.changes, default=None)
    moved = (
        "" if most is None or not most.changes else f"; {most.name} changed {most.changes} of {len(folds) - 1} times"
    )
    few = f"Insufficient: {count(joined.trades, 'trade')} of at least {LEAST_TRADES}. "
    return (few if joined.trades < LEAST_TRADES else "") + (
        f"Out of sample it returned {percent(joined.total_return)} (Sharpe {plain(joined.sharpe)},"
        f" {count(joined.trades, 'trade')}) and earned in {earned} of {count(len(folds), 'window')}, after a mean of"
        f" {percent(promised)} a window in sample: {kept}{moved}; left unchanged, the parameters return"
        f" {percent(unchanged)}."
    )
