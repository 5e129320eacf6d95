"""The figures of a book by its closed trades and its equity, each with its definition."""

import math
from collections.abc import Collection, Sequence

import numpy as np
from msgspec import Struct
from numpy.typing import NDArray

from tradeterm.domain.facts import EquityPoint, Trade
from tradeterm.domain.instrument import Calendar
from tradeterm.domain.market import DAY_MS
from tradeterm.quant.performance import trade_statistics
from tradeterm.research.backtesting import DAYS_PER_YEAR
from tradeterm.research.figure import DEFINITIONS, Unit
from tradeterm.research.performance import performance_over
from tradeterm.research.result import LEAST_TRADES
from tradeterm.strategies.panel import Floats

LEAST_DAYS = 30
"""Daily returns before a figure of them is told."""


class Line(Struct, frozen=True, kw_only=True):
    """One figure. `value` is None where there is none; `why` says what it would take where there is too little."""

    name: str
    label: str
    value: float | None
    unit: Unit
    definition: str
    why: str = ""


_OF_TRADES = (
    "win_rate", "payoff", "profit_factor", "expectancy", "expectancy_r", "win_streak", "loss_streak",
    "average_duration", "median_duration",
)  # fmt: skip
_OF_DAYS = ("volatility", "sharpe", "sortino", "calmar", "best_day", "worst_day")
_MONEY = ("trades", "gross", "fees", "funding", "net", "best_trade", "worst_trade")
_EQUITY = ("final_equity", "total_return", "max_drawdown", "longest_drawdown")
_OTHERWISE = {
    "final_equity": "equity at the last point of the period, open positions at their marks",
    "total_return": "final equity / equity at the first point of the period - 1",
    "max_drawdown": "deepest fall of equity from its highest so far in the period, at any recorded point",
    "longest_drawdown": "longest time from a high back to it; one still open counts",
    "trades": "closed round trips",
    "gross": "profit of closed trades at their fills, before fees and funding",
    "net": "before costs - fees - funding; slippage is in the fills",
    "average_duration": "from entry to exit",
}
"""What a record means by a figure where a backtest means something else."""


def figures_of(
    trades: Sequence[Trade], points: Sequence[EquityPoint], calendars: Collection[Calendar]
) -> tuple[Line, ...]:
    """In the order of `research.figure.DEFINITIONS`. Money and counts are told at once; what is of trades from
    LEAST_TRADES on, what is of days from LEAST_DAYS on."""
    values = _of_money(trades) | _of_equity(points)
    few: dict[str, str] = {}
    if len(trades) < LEAST_TRADES:
        few |= dict.fromkeys(_OF_TRADES, f"{len(trades)} of {LEAST_TRADES} trades")
    else:
        values |= _of_trades(trades)
    ts, equity = _daily(points)
    if len(ts) <= LEAST_DAYS:
        few |= dict.fromkeys(_OF_DAYS, f"{max(0, len(ts) - 1)} of {LEAST_DAYS} days")
    elif (equity > 0).all():
        nse = calendars and set(calendars) == {Calendar.NSE}
        found = performance_over(ts, equity, DAYS_PER_YEAR[Calendar.NSE if nse else Calendar.ALWAYS])
        values |= {name: getattr(found, name) for name in _OF_DAYS[:4]}
        values |= {"best_day": found.best, "worst_day": found.worst}
    wanted = {*_OF_TRADES, *_MONEY} if trades else set()
    wanted |= {*_OF_DAYS, *_EQUITY} if points else set()
    return tuple(
        Line(
            name=name,
            label=label,
            value=_finite(values.get(name)),
            unit=unit,
            definition=_OTHERWISE.get(name, text),
            why=few.get(name, ""),
        )
        for name, label, unit, _, text in DEFINITIONS
        if name in wanted
    )


def _of_money(trades: Sequence[Trade]) -> dict[str, float]:
    if not trades:
        return {}
    return {
        "trades": len(trades),
        "gross": float(sum(trade.gross_pnl for trade in trades)),
        "fees": float(sum(trade.fees for trade in trades)),
        "funding": float(sum(trade.funding for trade in trades)),
        "net": float(sum(trade.pnl for trade in trades)),
        "best_trade": float(max(trade.pnl for trade in trades)),
        "worst_trade": float(min(trade.pnl for trade in trades)),
    }


def _of_trades(trades: Sequence[Trade]) -> dict[str, float]:
    ordered = sorted(trades, key=lambda trade: trade.ts_closed)
    held = [float(trade.ts_closed - trade.ts_opened) for trade in ordered]
    pnl = np.array([float(trade.pnl) for trade in ordered])
    found = trade_statistics(pnl, held)
    risks = [float(trade.r_multiple) for trade in ordered if trade.r_multiple is not None]
    gains, losses = pnl[pnl > 0], pnl[pnl < 0]
    return {
        "win_rate": found.win_rate,
        "payoff": float(gains.mean() / -losses.mean()) if gains.size and losses.size else math.nan,
        "profit_factor": found.profit_factor,
        "expectancy": found.average,
        "expectancy_r": math.fsum(risks) / len(risks) if risks else math.nan,
        "win_streak": found.win_streak,
        "loss_streak": found.loss_streak,
        "average_duration": found.average_bars,
        "median_duration": float(np.median(held)),
    }


def _of_equity(points: Sequence[EquityPoint]) -> dict[str, float]:
    if not points:
        return {}
    ts = np.array([point.ts for point in points], dtype=np.int64)
    equity = np.array([float(point.equity) for point in points])
    values = {"final_equity": float(equity[-1])}
    if (equity > 0).all():
        peak = np.maximum.accumulate(equity)
        at_peak = np.flatnonzero(equity >= peak)
        spans = np.diff(np.append(ts[at_peak], ts[-1]))
        steps = np.diff(np.append(at_peak, len(ts) - 1))
        below = spans[(steps > 1) | (np.append(at_peak[1:], -1) == -1)]
        values |= {
            "total_return": float(equity[-1] / equity[0]) - 1,
            "max_drawdown": float((equity / peak).min()) - 1,
            "longest_drawdown": float(below.max()) if below.size else 0.0,
        }
    return values


def _daily(points: Sequence[EquityPoint]) -> tuple[NDArray[np.int64], Floats]:
    """The first point, then the last of each UTC day; one at midnight is the end of the day before."""
    last = {(point.ts - 1) // DAY_MS: point for point in points}
    chosen = [*points[:1], *(point for point in last.values() if point is not points[0])] if points else []
    return (
        np.array([point.ts for point in chosen], dtype=np.int64),
        np.array([float(point.equity) for point in chosen]),
    )


def _finite(value: float | None) -> float | None:
    return value if value is not None and math.isfinite(value) else None
