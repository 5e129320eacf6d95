"""The figures of a result, all at once."""

import math

import numpy as np
from numpy.typing import NDArray

from tradeterm.domain.signals import GateCode
from tradeterm.quant.samples import deviation, ratio
from tradeterm.quant.significance import SharpeSample, deflated_sharpe, minimum_track_record, probabilistic_sharpe
from tradeterm.research.backtesting import DAYS_PER_YEAR
from tradeterm.research.desk_simulation import DeskSimulation
from tradeterm.research.figure import DEFINITIONS, Figure, Unit
from tradeterm.research.figure_text import value_text
from tradeterm.research.metrics.benchmark import benchmarks
from tradeterm.research.metrics.holes import held_over_holes
from tradeterm.research.performance import YEAR_MS, performance_over
from tradeterm.research.result import LEAST_TRADES, Equity, Result
from tradeterm.strategies.panel import Floats

Values = dict[str, float]
"""By name; NaN is "no value" here, and None once it is a `Figure`."""

_ROUNDING = 1e-12
_CENT = 0.01


def figures(
    result: Result,
    *,
    trials: int | None = None,
    benchmark: bool = True,
    against: tuple[Equity, Equity] | None = None,
) -> tuple[Figure, ...]:
    """Every figure of `result`, in the order of `figure.DEFINITIONS`.

    `trials` is the number of variants tried before this one was chosen, itself included: with it the Sharpe ratio is
    deflated, the variance among the trials taken to be that of luck alone, 1/(days - 1). Without `benchmark` the
    benchmarks' columns are empty; `against` is what `benchmarks` gave, if it is known. Raises ValueError for less than
    one trial.
    """
    values = _of_equity(result.equity, _periods_per_year(result)) | _of_trades(result) | _luck(result, trials)
    held: Values = {}
    equal: Values = {}
    if benchmark:
        kept, weighted = benchmarks(result) if against is None else against
        held = _of_equity(kept, _periods_per_year(result))
        equal = _of_equity(weighted, _periods_per_year(result))
        values["market_correlation"] = _correlation(result.equity.value, kept.value)
    return tuple(
        Figure(name, _known(values, name), unit, text, label, group, _known(held, name), _known(equal, name))
        for name, label, unit, group, text in DEFINITIONS
    )


def cautions(result: Result) -> tuple[str, ...]:
    """What to know before believing any figure: one sentence each, the gravest first."""
    count, found = len(result.trades), []
    if (result.equity.value <= 0).any():
        found.append("Equity fell to 0: the account was lost, and figures of returns have no value.")
    debt = _debt(result)
    if debt > 0:
        found.append(
            f"Trades lost {value_text(debt, Unit.MONEY)} more than the capital they were made with: what counts is the"
            " equity, which ends at 0 there; the net of the trades tells the whole loss."
        )
    if result.metrics.insufficient:
        what = "There are no trades" if not count else f"There {'are' if count > 1 else 'is'} only {_trades(count)}"
        found.append(f"{what}: under {LEAST_TRADES} no figure says anything about the strategy.")
    span = int(result.equity.ts[-1] - result.equity.ts[0])
    if span < YEAR_MS:
        long = value_text(span, Unit.DURATION)
        found.append(f"The period is {long}, under a year: figures that are annualised, CAGR above all, mislead.")
    found += [said for said in (held_over_holes(result), _unsized(result)) if said]
    return tuple(found)


def _debt(result: Result) -> float:
    """What the trades of lost accounts cost beyond their capital."""
    simulation = result.simulation
    parts = simulation.parts if isinstance(simulation, DeskSimulation) else (simulation,)
    beyond = (-float(part.trades.pnl.sum()) - part.capital for part in parts if part.lost_at is not None)
    return sum(debt for debt in beyond if debt > _CENT)


def _unsized(result: Result) -> str:
    """A desk whose own trades have lost gives the next ones no size: then a backtest tells of the time before."""
    nothing = [each.ts for each in result.simulation.decided if each.why == GateCode.NO_EDGE]
    if not nothing:
        return ""
    day = value_text(nothing[0], Unit.TIME)
    signals = f"{len(nothing)} signal{'' if len(nothing) == 1 else 's'}"
    return (
        f"From {day} on {signals} got no size: the trades until then had lost, and the desk does not trade without an"
        " edge; --set sizing.method=fixed sizes them all."
    )


def _known(values: Values, name: str) -> float | None:
    found = values.get(name, math.nan)
    return found if math.isfinite(found) else None


def _trades(count: int) -> str:
    return f"{count} trade{'' if count == 1 else 's'}"


def _periods_per_year(result: Result) -> float:
    return DAYS_PER_YEAR[result.simulation.market[0].calendar]


def _of_equity(equity: Equity, periods_per_year: float) -> Values:
    values = {"final_equity": float(equity.value[-1]), "total_return": float(equity.value[-1] / equity.value[0]) - 1}
    values |= _drawdown(equity)
    if (equity.value > 0).all():
        found = performance_over(*equity, periods_per_year)
        values |= {name: getattr(found, name) for name in _SHARED} | {"best_day": found.best, "worst_day": found.worst}
    return values


_SHARED = ("cagr", "volatility", "sharpe", "sortino", "calmar", "tail_ratio", "skew", "kurtosis", "recovery_factor")


def _drawdown(equity: Equity) -> Values:
    """The deepest and the longest; no times where equity never fell."""
    ts, value = equity
    fall = value / np.maximum.accumulate(value) - 1
    fall[fall > -_ROUNDING] = 0.0
    bottom = int(fall.argmin())
    values: Values = {"max_drawdown": float(fall[bottom])}
    if fall[bottom] == 0:
        return values
    peaks = np.flatnonzero(fall == 0)
    start = int(peaks[peaks < bottom][-1])
    spans = np.diff(ts[np.append(peaks, len(ts) - 1)])[np.append(np.diff(peaks) > 1, fall[-1] < 0)]
    values |= {
        "drawdown_start": float(ts[start]),
        "drawdown_bottom": float(ts[bottom]),
        "drawdown_fall": float(ts[bottom] - ts[start]),
        "longest_drawdown": float(spans.max()),
    }
    back = peaks[peaks > bottom]
    if back.size:
        values |= {"drawdown_recovery": float(ts[back[0]]), "drawdown_climb": float(ts[back[0]] - ts[bottom])}
    return values


def _of_trades(result: Result) -> Values:
    trades, found, equity = result.trades, result.metrics.trades, result.equity
    gains, losses = trades.pnl[trades.pnl > 0], trades.pnl[trades.pnl < 0]
    held = (trades.exit_ts - trades.entry_ts).astype(np.float64)
    at_risk = trades.risk > 0
    mean_equity = float(equity.value.mean())
    span = float(equity.ts[-1] - equity.ts[0])
    years = span / YEAR_MS
    bought = float((trades.quantity * trades.entry_price).sum())
    sold = float((trades.quantity * trades.exit_price).sum())
    slippage = float(trades.slippage.sum())
    return {
        "trades": len(trades),
        "win_rate": found.win_rate,
        "payoff": ratio(_mean(gains), -_mean(losses)),
        "profit_factor": found.profit_factor,
        "expectancy": found.average,
        "expectancy_r": _mean(trades.pnl[at_risk] / trades.risk[at_risk]),
        "best_trade": found.best,
        "worst_trade": found.worst,
        "win_streak": found.win_streak,
        "loss_streak": found.loss_streak,
        "average_duration": _mean(held),
        "median_duration": float(np.median(held)) if held.size else math.nan,
        "time_in_market": result.metrics.time_in_market,
        "mean_gross": _share(float((trades.quantity * trades.entry_price * held).sum()), span * mean_equity),
        "turnover": _share(bought + sold, mean_equity * years),
        "gross": float(trades.gross.sum()) + slippage,
        "slippage": slippage,
        "fees": float(trades.fees.sum()),
        "funding": float(trades.funding.sum()),
        "net": float(trades.pnl.sum()),
    }


def _luck(result: Result, trials: int | None) -> Values:
    if trials is not None and trials < 1:
        raise ValueError(f"trials: found {trials}, allowed 1 or more")
    equity = result.equity.value
    if (equity <= 0).any():
        return {}
    record = SharpeSample.of(equity[1:] / equity[:-1] - 1)
    values = {
        "probabilistic_sharpe": probabilistic_sharpe(record),
        "minimum_track_record": float(np.ceil(minimum_track_record(record))),
    }
    if trials is not None and record.observations > 1:
        values["deflated_sharpe"] = deflated_sharpe(record, trials, 1 / (record.observations - 1))
    return values


def _correlation(mine: Floats, market: Floats) -> float:
    if (mine <= 0).any() or (market <= 0).any():
        return math.nan
    rows = [equity[1:] / equity[:-1] - 1 for equity in (mine, market)]
    if not all(deviation(row) > 0 for row in rows):
        return math.nan
    a, b = (row - row.mean() for row in rows)
    return float((a * b).sum() / math.sqrt((a**2).sum() * (b**2).sum()))


def _share(part: float, whole: float) -> float:
    """The quotient; no value for a mean equity that is not above 0."""
    return part / whole if whole > 0 else math.nan


def _mean(row: NDArray[np.float64]) -> float:
    return float(row.mean()) if row.size else math.nan
