"""The desk's risk in one pure function: how its instruments move together, what its books may lose, what would happen.

Everything is for one day, around the clock 24 hours, else a session. The closes are a few weeks of hourly ones (or of
longer bars), so a day's variance is that of a row times the rows in a day, and a tail figure is that of a row times the
root of them. At one moment in time all rows are of the past.

`risk` has for each book, and as "" for the desk, these numbers, fractions of its equity; None where there is not enough
data, 0 where nothing is held:

- equity, in the book's currency (the desk's own), and rows, the returns behind the figures
- var_95, var_99, cvar_95, cvar_99: normal, mean zero, from the shrunk covariance: what the limits use
- the same with _historical, _student_t, _filtered (GARCH-filtered historical) and _monte_carlo
- component_var_99/INSTRUMENT: the part of var_99 that each instrument brings; they sum to it
- shrinkage, of the desk only: the part of the shrunk covariance that is its target, the mean correlation everywhere
- market_volatility and market_stress, of books only: of the book's instruments in equal parts, held or not, the
  deviation GARCH forecasts for the next day, and the filtered probability of the wilder of two states (hidden Markov)
- days, hits_95, hits_99: how many days a VaR was forecast for, and how often the loss was larger; and, from 250 days
  on, kupiec_95, kupiec_99, christoffersen_95, christoffersen_99: the p-values of those tests (coverage; independence)
"""

import math
from collections.abc import Callable, Sequence

import numpy as np
from msgspec import Struct
from numpy.typing import NDArray

from tradeterm.domain.instrument import Calendar
from tradeterm.domain.market import DAY_MS, HOUR_MS
from tradeterm.quant.correlation import groups, ledoit_wolf
from tradeterm.quant.crash_days import CRASH_DAYS, returns_of
from tradeterm.quant.equity_fan import EquityFan, equity_fan
from tradeterm.quant.garch import fit_garch
from tradeterm.quant.hmm import fit_hmm
from tradeterm.quant.risk_inputs import BookInputs, Floats, Holding, Name, RiskInputs
from tradeterm.quant.risk_outputs import RiskOutputs, Stressed, Together, Values
from tradeterm.quant.stress import (
    CorrelationOne,
    FlashCrash,
    LiquidityCrisis,
    Replay,
    Scenario,
    StressPosition,
    VenueOutage,
    stress,
)
from tradeterm.quant.tail import TailMethod, component_var, portfolio_returns, var_cvar
from tradeterm.quant.tail_tests import christoffersen, kupiec

LEAST_ROWS = 60
LEAST_DAYS = 250
LEVELS = {"95": 0.95, "99": 0.99}
METHODS: tuple[TailMethod, ...] = ("historical", "student_t", "filtered", "monte_carlo")
EMPIRICAL: tuple[TailMethod, ...] = ("historical", "filtered")
OUTAGE_MS = 4 * HOUR_MS
LEAST_PRICE, MOST_PRICE = 1e-12, 1e15
"""Nothing is quoted outside; squares of returns between prices inside are finite."""


class _Market(Struct, frozen=True):
    """What is known of the instruments with enough history: simple returns of their common rows."""

    columns: dict[str, int]
    returns: Floats
    covariance: Floats
    shrinkage: float
    rows_per_day: float
    volumes_per_day: dict[str, float]
    row_ms: int


class _Scope(Struct, frozen=True):
    """A book, or the desk: signed money by instrument, in one currency."""

    name: str
    equity: float | None
    positions: tuple[tuple[Holding, float], ...]
    """Each with what its currency's unit is in the scope's."""
    known: bool
    hits_95: tuple[int, ...]
    hits_99: tuple[int, ...]


def refresh(inputs: RiskInputs) -> RiskOutputs:
    """All of it. The same inputs give the same outputs, bit for bit on one machine. Raises ValueError for arrays whose
    shapes do not fit."""
    market = _market(inputs)
    scopes = [_desk(inputs), *map(_book, inputs.books)]
    measured: dict[bytes, Values] = {}

    def tails(series: Floats) -> Values:
        """A desk of one book has that book's returns: they are measured once."""
        key = series.tobytes()
        if key not in measured:
            measured[key] = _tails(series, math.sqrt(market.rows_per_day), inputs.seed)
        return measured[key]

    risk = {
        scope.name: {
            "equity": scope.equity,
            "rows": float(market.returns.shape[0]),
            **_var(scope, market, tails),
            **_backtest(scope),
        }
        for scope in scopes
    }
    risk[""]["shrinkage"] = _number(market.shrinkage)
    for book in inputs.books:
        risk[book.name] |= _mood(_evenly(book.instruments, market), market.rows_per_day, inputs.seed)
    return RiskOutputs(
        together=_together(market, inputs.group_correlation),
        risk=risk,
        stress=tuple(result for scope in scopes for result in _stress(scope, market, inputs.names)),
        fans={book.name: _fan(book, inputs.seed) for book in inputs.books},
    )


def _desk(inputs: RiskInputs) -> _Scope:
    """All books in the desk's currency. A book whose money is not known leaves the desk's unknown, too."""
    known = all(book.equity is not None and book.rate is not None for book in inputs.books)
    equity = sum((book.equity or 0.0) * (book.rate or 0.0) for book in inputs.books) if known else None
    return _Scope(
        name="",
        equity=equity,
        positions=tuple((holding, book.rate or 0.0) for book in inputs.books for holding in book.holdings),
        known=known,
        hits_95=inputs.desk_hits_95,
        hits_99=inputs.desk_hits_99,
    )


def _book(book: BookInputs) -> _Scope:
    positions = tuple((holding, 1.0) for holding in book.holdings)
    known = book.equity is not None
    return _Scope(book.name, book.equity, positions, known, book.hits_95, book.hits_99)


def _market(inputs: RiskInputs) -> _Market:
    """The rows all instruments share. One with fewer than 60 rows, or half as many as the longest has, is left out, and
    so is one whose rows lie elsewhere, or whose price does not move."""
    closes = np.where((inputs.closes > LEAST_PRICE) & (inputs.closes < MOST_PRICE), inputs.closes, np.nan)
    if closes.shape != (inputs.times.size, len(inputs.names)) or inputs.volumes.shape != closes.shape:
        raise ValueError(f"closes of shape {closes.shape} do not fit {inputs.times.size} times of {len(inputs.names)}")
    there = np.isfinite(closes)
    counts = there.sum(axis=0)
    least = max(LEAST_ROWS + 1, counts.max(initial=0) / 2)
    kept = [int(column) for column in np.argsort(-counts, kind="stable") if counts[column] >= least]
    while kept and np.count_nonzero(there[:, kept].all(axis=1)) <= LEAST_ROWS:
        kept.pop()
    kept.sort()
    rows = there[:, kept].all(axis=1) if kept else np.zeros(inputs.times.size, dtype=np.bool_)
    times, prices = inputs.times[rows], closes[rows][:, kept]
    returns = prices[1:] / prices[:-1] - 1 if kept else np.empty((0, 0))
    names = [inputs.names[column] for column in kept]
    per_day = _rows_per_day(times, names)
    shrunk = ledoit_wolf(returns, minimum=LEAST_ROWS)
    covariance = shrunk.covariance * per_day
    moves = np.isfinite(np.diag(covariance))
    return _Market(
        columns={
            name.id: place for place, name in enumerate(name for name, it in zip(names, moves, strict=True) if it)
        },
        returns=np.ascontiguousarray(returns[:, moves]),
        covariance=covariance[np.ix_(moves, moves)],
        shrinkage=shrunk.shrinkage,
        rows_per_day=per_day,
        volumes_per_day=_volumes_per_day(inputs),
        row_ms=int(np.diff(inputs.times).min()) if inputs.times.size > 1 else HOUR_MS,
    )


def _rows_per_day(times: NDArray[np.int64], names: Sequence[Name]) -> float:
    """Returns a day: around the clock by the time they span, else by the days they end on."""
    if times.size < 2:
        return 1.0
    if all(name.calendar is Calendar.ALWAYS for name in names):
        return (times.size - 1) * DAY_MS / float(times[-1] - times[0])
    return (times.size - 1) / np.unique(times[1:] // DAY_MS).size


def _volumes_per_day(inputs: RiskInputs) -> dict[str, float]:
    days = max(1, np.unique((inputs.times - 1) // DAY_MS).size)
    totals = np.nansum(inputs.volumes, axis=0) / days
    return {name.id: float(total) for name, total in zip(inputs.names, totals, strict=True) if total > 0}


def _together(market: _Market, threshold: float) -> Together:
    if not market.columns:
        return Together()
    seen = _correlation(np.cov(market.returns, rowvar=False, ddof=0).reshape(market.covariance.shape))
    return Together(
        instruments=tuple(market.columns),
        covariance=tuple(map(tuple, market.covariance.tolist())),
        correlation=tuple(map(tuple, seen.tolist())),
        groups=tuple(groups(_correlation(market.covariance), threshold).tolist()),
        observations=market.returns.shape[0],
    )


def _correlation(covariance: Floats) -> Floats:
    deviation = np.sqrt(np.diag(covariance))
    correlation: Floats = np.clip(covariance / np.outer(deviation, deviation), -1.0, 1.0)
    np.fill_diagonal(correlation, 1.0)
    return correlation


def _weights(scope: _Scope, market: _Market) -> Floats | None:
    """Signed fractions of equity; None where the equity or an instrument held is unknown."""
    if scope.equity is None or scope.equity <= 0 or not scope.known:
        return None
    weights = np.zeros(len(market.columns))
    for holding, rate in scope.positions:
        if holding.instrument not in market.columns:
            return None
        value = holding.quantity * holding.price * holding.multiplier * rate
        weights[market.columns[holding.instrument]] += value / scope.equity
    return weights


def _var(scope: _Scope, market: _Market, tails: Callable[[Floats], Values]) -> Values:
    names = [f"{figure}_{level}" for level in LEVELS for figure in ("var", "cvar")]
    fitted = [f"{name}_{method}" for method in METHODS for name in names]
    weights = _weights(scope, market)
    if weights is None:
        return dict.fromkeys(names + fitted)
    values: Values = {}
    for label, level in LEVELS.items():
        parts = component_var(weights, covariance=market.covariance, level=level)
        values |= {f"var_{label}": _number(parts.var), f"cvar_{label}": _number(parts.cvar)}
    values |= {
        f"component_var_99/{name}": _number(parts.component_var[column])
        for name, column in market.columns.items()
        if weights[column]
    }
    if not weights.any():
        return values | dict.fromkeys(fitted, 0.0)
    return values | tails(portfolio_returns(weights, market.returns))


def _tails(series: Floats, root: float, seed: int) -> Values:
    values: Values = {}
    garch = fit_garch(series)
    for method in METHODS:
        for label, level in LEVELS.items():
            if method in EMPIRICAL and series.size * (1 - level) < 1 - 1e-9:
                tail = None  # no return beyond the level, and no word here of how rough a figure would be
            elif method == "filtered" and garch is not None and garch.converged:  # one fit does for both levels
                tail = var_cvar(garch.mu + garch.residuals * math.sqrt(garch.next_variance), level)
            else:
                tail = var_cvar(series, level, method, seed=seed)
            values[f"var_{label}_{method}"] = None if tail is None else _number(tail.var * root)
            values[f"cvar_{label}_{method}"] = None if tail is None else _number(tail.cvar * root)
    return values


def _evenly(instruments: Sequence[str], market: _Market) -> Floats:
    columns = [market.columns[name] for name in instruments if name in market.columns]
    return np.asarray(market.returns[:, columns].mean(axis=1)) if columns else np.empty(0)


def _mood(series: Floats, rows_per_day: float, seed: int) -> Values:
    garch, hmm = fit_garch(series), fit_hmm(series, states=2, seed=seed)
    volatility = stressed = math.nan
    if garch is not None and garch.converged:
        volatility = math.sqrt(float(garch.forecast(max(1, round(rows_per_day))).sum()))
    if hmm is not None and hmm.converged:
        stressed = float(hmm.filter(series)[-1, -1])
    return {"market_volatility": _number(volatility), "market_stress": _number(stressed)}


def _backtest(scope: _Scope) -> Values:
    hits = {"95": scope.hits_95, "99": scope.hits_99}
    values: Values = {"days": float(len(scope.hits_99))}
    for label, level in LEVELS.items():
        values[f"hits_{label}"] = float(sum(hits[label]))
        enough = len(hits[label]) >= LEAST_DAYS
        values[f"kupiec_{label}"] = _number(kupiec(hits[label], level).p_value) if enough else None
        values[f"christoffersen_{label}"] = (
            _number(christoffersen(hits[label], level).independence_p_value) if enough else None
        )
    return values


def _stress(scope: _Scope, market: _Market, names: Sequence[Name]) -> list[Stressed]:
    """A scenario is left out where it cannot be told what it would cost any position."""
    if not scope.known:
        return []
    held = [holding.instrument for holding, _ in scope.positions]
    by_id = {name.id: name for name in names}
    positions = [_stressed(holding, rate, market) for holding, rate in scope.positions]
    scenarios: list[Scenario] = [FlashCrash(), LiquidityCrisis(), CorrelationOne()]
    bars = max(1, OUTAGE_MS // market.row_ms)
    covariance = None
    if all(name in market.columns for name in held):
        columns = [market.columns[name] for name in held]
        covariance = market.covariance[np.ix_(columns, columns)]
        if market.returns.shape[0] > bars:
            scenarios.append(VenueOutage(market.returns[:, columns], bars))
    for day in CRASH_DAYS:
        there = [by_id[name].calendar is day.calendar if name in by_id else False for name in held]
        if any(there) or not held:
            symbols = [by_id[name].symbol if name in by_id else "" for name in held]
            falls = returns_of(day, symbols, [holding.quantity < 0 for holding, _ in scope.positions])
            scenarios.append(Replay(np.where(there, falls, 0.0), day.name))
    found = []
    for scenario in scenarios:
        result = stress(positions, scenario, covariance)
        if not positions or len(result.unknown) < len(positions):
            share = result.loss / scope.equity if scope.equity is not None and scope.equity > 0 else None
            found.append(Stressed(scope.name, result.name, result.loss, share, result.assumptions))
    return found


def _stressed(holding: Holding, rate: float, market: _Market) -> StressPosition:
    column = market.columns.get(holding.instrument)
    return StressPosition(
        name=holding.instrument,
        quantity=holding.quantity,
        price=holding.price,
        multiplier=holding.multiplier * rate,
        stop=holding.stop,
        volatility_daily=None if column is None else math.sqrt(market.covariance[column, column]),
        adv=market.volumes_per_day.get(holding.instrument),
    )


def _fan(book: BookInputs, seed: int) -> EquityFan | None:
    if book.equity is None or book.equity <= 0:
        return None
    return equity_fan(book.equity, book.trades, book.drawdown_limit, seed=seed)


def _number(value: float) -> float | None:
    return float(value) if math.isfinite(value) else None
