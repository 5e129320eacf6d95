"""A backtest in the few figures that runs are compared by."""

import math
from enum import StrEnum

import numpy as np
from msgspec import Struct
from numpy.typing import NDArray

from tradeterm.research.backtesting import DAYS_PER_YEAR
from tradeterm.research.figure_text import NO_VALUE
from tradeterm.research.performance import performance_over
from tradeterm.research.result import Result
from tradeterm.research.study import Study, run
from tradeterm.strategies.panel import Floats


class Summary(Struct, frozen=True, kw_only=True):
    """`total_return` of the starting capital and `max_drawdown` (zero or negative) are fractions; `sharpe` is a year's,
    from daily equity; `profit_factor` is of closed trades net of costs; `refused` are signals without a trade. None: no
    value."""

    total_return: float
    sharpe: float | None
    max_drawdown: float | None
    profit_factor: float | None
    trades: int
    refused: int


class Metric(StrEnum):
    """What the best parameters are chosen by; more is better in each."""

    SHARPE = "sharpe"
    RETURN = "return"
    CALMAR = "calmar"
    PROFIT_FACTOR = "profit_factor"


def summary(study: Study, result: Result) -> Summary:
    """Of the time from the study's `since` on: history before it is not part of the test."""
    ts, equity = traded_equity(study, result)
    figures = None
    if len(equity) > 1 and (equity > 0).all():
        figures = performance_over(ts, equity, DAYS_PER_YEAR[study.calendar])
    return Summary(
        total_return=float(equity[-1]) / study.book.capital - 1,
        sharpe=None if figures is None else known(figures.sharpe),
        max_drawdown=None if figures is None else known(figures.max_drawdown),
        profit_factor=known(result.metrics.trades.profit_factor),
        trades=len(result.trades),
        refused=sum(result.ignored.values()),
    )


def summary_of(study: Study) -> Summary:
    """Of a run of the study."""
    return summary(study, run(study))


def traded_equity(study: Study, result: Result) -> tuple[NDArray[np.int64], Floats]:
    """Times (UTC ms) and equity: the starting capital at `since`, then each later day's end and the end of the data."""
    ts, value = result.equity
    start = int(ts[0]) if study.since is None else max(study.since, int(ts[0]))
    later = ts > start
    return np.concatenate(([start], ts[later])), np.concatenate(([study.book.capital], value[later]))


def score(found: Summary, metric: Metric) -> float | None:
    """The summary by one metric; None where it has no value, or the account was lost. `calmar` is return over drawdown,
    both of the whole."""
    if found.total_return <= -1:
        return None
    if metric is Metric.SHARPE:
        return found.sharpe
    if metric is Metric.PROFIT_FACTOR:
        return found.profit_factor
    if metric is Metric.RETURN:
        return found.total_return
    return found.total_return / -found.max_drawdown if found.max_drawdown else None


def known(value: float) -> float | None:
    """The number, None where it is none."""
    return float(value) if math.isfinite(value) else None


def percent(value: float | None) -> str:
    return NO_VALUE if value is None else f"{value * 100:+.2f} %"


def plain(value: float | None) -> str:
    return NO_VALUE if value is None else f"{value:.2f}"


def count(number: int, word: str) -> str:
    """1 trade, 2 trades."""
    return f"{number} {word}" if number == 1 else f"{number} {word}s"
