"""What a strategy earned and what it cost to sit through."""

import math
from typing import NamedTuple, overload

import numpy as np
from numpy.typing import ArrayLike, NDArray

from tradeterm.quant import require
from tradeterm.quant.samples import Floats, deviation, kurtosis, ratio, sample, skewness

_ROUNDING = 1e-12
"""Deviations and drawdowns below this are rounding: constant losses would otherwise have a Sharpe ratio of −1e15."""


class Performance(NamedTuple):
    """Of n simple returns r and the capital they compound to, A periods a year. NaN is "no value".

    years             n/A
    total_return      Π(1+r) − 1
    cagr              Π(1+r)^(A/n) − 1; under one year annualising misleads: show `total_return`
    volatility        s·√A, s the sample deviation (ddof 1)
    sharpe            mean(r − r_f)/s·√A, r_f = (1+risk_free)^(1/A) − 1; no value for s below 1e-12
    sortino           mean(r − m)/√mean(min(r − m, 0)²)·√A over ALL n, m = (1+mar)^(1/A) − 1 (Sortino & Price 1994)
    calmar            cagr/|max_drawdown|
    max_drawdown      lowest of E/(highest E so far) − 1, zero or negative; the starting capital is a peak too
    drawdown_periods  longest run below an earlier peak, in periods; one still open counts
    recovery_periods  from the bottom of the largest drawdown back to its peak, in periods; no value while it is open
    recovery_factor   total_return/|max_drawdown|, with its sign
    profit_factor     sum of gains/sum of losses of the periods
    win_rate          share of periods that gained, of ALL periods, those without a change included
    exposure          share of periods with a return other than 0
    tail_ratio        95 % quantile/−(5 % quantile); no value unless the latter is a loss
    skew, kurtosis    standardised moments m3/m2^1.5 and m4/m2²; kurtosis is not the excess (normal: 3)
    best, worst       highest and lowest return of a period
    """

    periods: int
    years: float
    total_return: float
    cagr: float
    volatility: float
    sharpe: float
    sortino: float
    calmar: float
    max_drawdown: float
    drawdown_periods: int
    recovery_periods: float
    recovery_factor: float
    profit_factor: float
    win_rate: float
    exposure: float
    tail_ratio: float
    skew: float
    kurtosis: float
    best: float
    worst: float


class TradeStatistics(NamedTuple):
    """Of closed trades in their order, net of costs, money in the unit of `pnl`. NaN is "no value".

    `win_rate` is a fraction of ALL trades, scratches included. `gross_loss` is positive; `max_drawdown` is the largest
    fall of the running total from its peak (which starts at 0), zero or negative; `recovery_factor` is
    net/|max_drawdown|. Streaks are runs of winning and of losing trades; a scratch ends both. `average_bars` is the
    mean holding time.
    """

    trades: int
    net: float
    gross_profit: float
    gross_loss: float
    profit_factor: float
    win_rate: float
    average: float
    median: float
    best: float
    worst: float
    win_streak: int
    loss_streak: int
    max_drawdown: float
    recovery_factor: float
    average_bars: float


@overload
def performance(
    returns: ArrayLike, periods_per_year: float, *, risk_free: float = 0.0, mar: float = 0.0
) -> Performance: ...


@overload
def performance(
    *, equity: ArrayLike, periods_per_year: float, risk_free: float = 0.0, mar: float = 0.0
) -> Performance: ...


def performance(
    returns: ArrayLike | None = None,
    periods_per_year: float | None = None,
    *,
    equity: ArrayLike | None = None,
    risk_free: float = 0.0,
    mar: float = 0.0,
) -> Performance:
    """The figures of `Performance` from period returns, or from `equity` with the starting value first.

    `periods_per_year` is the market's: 252 for days of NSE, 365 for days of crypto. `risk_free` and `mar` (the least
    acceptable return) are yearly fractions. Raises ValueError for both or neither of returns and equity, numbers that
    are not finite, and capital that does not stay above 0.
    """
    if periods_per_year is None:
        raise ValueError("periods_per_year is needed: 252 for days of NSE, 365 for days of crypto")
    require.positive(periods_per_year=periods_per_year)
    row, capital = _returns_and_equity(returns, equity)
    n = row.size
    total = float(capital[-1] / capital[0]) - 1 if n else math.nan
    years = n / periods_per_year
    cagr = _yearly(total, years)
    s = deviation(row)
    root = math.sqrt(periods_per_year)
    excess = _mean(row) - _per_period(risk_free, periods_per_year)
    over = row - _per_period(mar, periods_per_year)
    fall = drawdown_series(capital)
    fall[fall > -_ROUNDING] = 0.0
    depth = float(fall.min()) if n else math.nan
    return Performance(
        periods=n,
        years=years,
        total_return=total,
        cagr=cagr,
        volatility=s * root,
        sharpe=_risk_adjusted(excess, s) * root,
        sortino=_risk_adjusted(_mean(over), math.sqrt(_mean(np.minimum(over, 0.0) ** 2))) * root,
        calmar=ratio(cagr, abs(depth)),
        max_drawdown=depth,
        drawdown_periods=_longest_run(fall < 0),
        recovery_periods=_recovery(fall),
        recovery_factor=ratio(total, abs(depth)),
        profit_factor=ratio(float(row[row > 0].sum()), -float(row[row < 0].sum())),
        win_rate=_mean(row > 0),
        exposure=_mean(row != 0),
        tail_ratio=_tail_ratio(row),
        skew=skewness(row),
        kurtosis=kurtosis(row),
        best=float(row.max()) if n else math.nan,
        worst=float(row.min()) if n else math.nan,
    )


def drawdown_series(equity: ArrayLike) -> Floats:
    """Each value over the highest so far, minus 1: zero at a peak, negative below one.

    Raises ValueError for numbers that are not finite and values that are not above 0.
    """
    capital = _capital(equity)
    fall: Floats = capital / np.maximum.accumulate(capital) - 1 if capital.size else capital.copy()
    return fall


def trade_statistics(pnl: ArrayLike, bars: ArrayLike | None = None) -> TradeStatistics:
    """The figures of `TradeStatistics`; `bars` holds each trade's holding time, in any unit.

    Raises ValueError for numbers that are not finite and unequal lengths.
    """
    row = sample(pnl, "profits")
    held = None if bars is None else sample(bars, "holding times")
    if held is not None and held.size != row.size:
        raise ValueError(f"one holding time a trade is needed: {row.size} profits, {held.size} holding times")
    total = np.concatenate(([0.0], np.cumsum(row)))
    depth = float((total - np.maximum.accumulate(total)).min()) if row.size else math.nan
    net = float(row.sum())
    profit, loss = float(row[row > 0].sum()), -float(row[row < 0].sum())
    return TradeStatistics(
        trades=row.size,
        net=net,
        gross_profit=profit,
        gross_loss=loss,
        profit_factor=ratio(profit, loss),
        win_rate=_mean(row > 0),
        average=_mean(row),
        median=float(np.median(row)) if row.size else math.nan,
        best=float(row.max()) if row.size else math.nan,
        worst=float(row.min()) if row.size else math.nan,
        win_streak=_longest_run(row > 0),
        loss_streak=_longest_run(row < 0),
        max_drawdown=depth,
        recovery_factor=ratio(net, abs(depth)),
        average_bars=math.nan if held is None else _mean(held),
    )


def _returns_and_equity(returns: ArrayLike | None, equity: ArrayLike | None) -> tuple[Floats, Floats]:
    """Returns and the equity they belong to, which has one value more."""
    if returns is not None and equity is not None:
        raise ValueError("give returns or equity, not both")
    if equity is not None:
        capital = _capital(equity)
        return capital[1:] / capital[:-1] - 1, capital
    if returns is None:
        raise ValueError("give returns or equity")
    row = sample(returns, "returns")
    if not (row > -1).all():
        raise ValueError("a return of -100 % or less leaves no capital to go on with")
    with np.errstate(over="ignore"):
        return row, _capital(np.concatenate(([1.0], np.cumprod(1 + row))))


def _capital(equity: ArrayLike) -> Floats:
    capital = sample(equity, "equity values")
    if not (capital > 0).all():
        raise ValueError("equity must stay above 0")
    return capital


def _per_period(yearly: float, periods_per_year: float) -> float:
    if not -1 < yearly < math.inf:
        raise ValueError(f"a yearly rate is a fraction above -1, not {yearly}")
    return float((1 + yearly) ** (1 / periods_per_year) - 1)


def _yearly(total: float, years: float) -> float:
    """The yearly growth; no value where it is beyond a float, as one good minute to the power of a year is."""
    growth = math.log1p(total) / years if years else math.nan
    return math.expm1(growth) if not growth > 700 else math.nan


def _risk_adjusted(mean: float, risk: float) -> float:
    return mean / risk if risk >= _ROUNDING else math.nan


def _mean(row: NDArray[np.float64] | NDArray[np.bool_]) -> float:
    return float(row.mean()) if row.size else math.nan


def _longest_run(hits: NDArray[np.bool_]) -> int:
    edges = np.diff(np.concatenate(([0], hits.astype(np.int8), [0])))
    lengths = np.flatnonzero(edges == -1) - np.flatnonzero(edges == 1)
    return int(lengths.max()) if lengths.size else 0


def _recovery(fall: Floats) -> float:
    """Periods from the deepest point to the next peak."""
    if not fall.size or fall.min() == 0:
        return math.nan
    deepest = int(fall.argmin())
    back = np.flatnonzero(fall[deepest:] == 0)
    return float(back[0]) if back.size else math.nan


def _tail_ratio(row: Floats) -> float:
    if not row.size:
        return math.nan
    low, high = (float(value) for value in np.quantile(row, (0.05, 0.95)))
    return high / -low if low < 0 else math.nan
