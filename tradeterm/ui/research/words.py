"""Figures of research as a person reads them. Pure."""

from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from typing import Any

from tradeterm.ui import fmt
from tradeterm.ui.plain import plain
from tradeterm.ui.research.outcome import (
    CONTAMINATED,
    Backtest,
    Figure,
    LookAhead,
    Outcome,
    Robustness,
    Summary,
    Sweep,
    WalkForward,
)
from tradeterm.ui.tables.common import gain_tone, symbol
from tradeterm.ui.widgets.tones import Span

LABELS: Mapping[str, str] = {
    "final_equity": "Final equity",
    "total_return": "Total return",
    "cagr": "CAGR",
    "volatility": "Volatility",
    "sharpe": "Sharpe",
    "sortino": "Sortino",
    "calmar": "Calmar",
    "max_drawdown": "Max drawdown",
    "longest_drawdown": "Longest drawdown",
    "drawdown_recovery": "Recovered",
    "worst_day": "Worst day",
    "tail_ratio": "Tail ratio",
    "trades": "Trades",
    "win_rate": "Win rate",
    "payoff": "Payoff",
    "profit_factor": "Profit factor",
    "expectancy": "Expectancy",
    "expectancy_r": "Expectancy in R",
    "average_duration": "Average duration",
    "loss_streak": "Losers in a row",
    "time_in_market": "Time in market",
    "turnover": "Turnover a year",
    "gross": "Before costs",
    "slippage": "Slippage",
    "fees": "Fees",
    "funding": "Funding",
    "net": "Net profit",
    "probabilistic_sharpe": "Probabilistic Sharpe",
    "deflated_sharpe": "Deflated Sharpe",
}
"""The figures that are shown, in their order: of the equity first, then of the trades, of costs, of luck."""

COMMANDS: Mapping[str, str] = {
    "backtest": "backtest",
    "walkforward": "walk-forward",
    "robustness": "robustness",
    "lookahead": "look-ahead test",
    "sweep": "sweep",
}
INSUFFICIENT = "INSUFFICIENT"
"""What must not be overlooked beside a figure: too few trades, and verdicts of a model that may have known the end."""
_TONED = frozenset(("total_return", "cagr", "expectancy", "expectancy_r", "gross", "net"))


def figure_span(figure: Figure | None, currency: str) -> Span:
    """The value of a figure; what is gained or lost with its tone."""
    if figure is None:
        return fmt.DASH, "muted"
    tone = gain_tone(figure.value) if figure.name in _TONED else ""
    return value_text(figure.value, figure.unit, currency, signed=figure.name in _TONED), tone


def value_text(value: float | None, unit: str, currency: str = "", *, signed: bool = False) -> str:
    """A value in one of the units of `tradeterm.research.metrics.Unit`."""
    match unit:
        case "fraction":
            return fmt.signed_percent(value) if signed else fmt.percent(value, 2)
        case "money":
            return fmt.signed_money(value, currency) if signed else fmt.money(value, currency)
        case "count":
            return fmt.number(value, 0)
        case "time":
            return date(value)
        case "duration":
            return fmt.duration(value)
        case "R":
            return fmt.DASH if value is None else f"{value:+.2f}R"
        case "per_year":
            return fmt.number(value, 1)
    return fmt.number(value)


def date(ts: float | None) -> str:
    """A day with its year, "5 Apr 2025", in UTC as all of research."""
    return fmt.DASH if ts is None else f"{fmt.day(int(ts))} {datetime.fromtimestamp(ts / 1000, UTC).year}"


def moment(ts: int) -> str:
    """A day and a time of the day in UTC: the tables of research are read beside its commands, which take UTC."""
    return f"{fmt.day(ts)} {fmt.short_clock(ts)}"


def period(first: float | None, last: float | None) -> str:
    return f"{date(first)} to {date(last)}"


def title(outcome: Outcome) -> str:
    """What was run on what: "backtest 12 of eos"."""
    if outcome.run is not None:
        return f"{COMMANDS[command_of(outcome)]} {outcome.run} of {plain(outcome.name)}"
    return f"{COMMANDS[command_of(outcome)]} of {plain(outcome.name)}"


def short_title(outcome: Outcome) -> str:
    """The same where there is little room: "run 12"."""
    if outcome.run is not None:
        return f"run {outcome.run}"
    return COMMANDS[command_of(outcome)]


def command_of(outcome: Outcome) -> str:
    match outcome:
        case Backtest():
            return "backtest"
        case WalkForward():
            return "walkforward"
        case Robustness():
            return "robustness"
        case LookAhead():
            return "lookahead"
        case Sweep():
            return "sweep"


def made_of(outcome: Outcome) -> Sequence[str]:
    """What it was made of, in short parts."""
    if isinstance(outcome, Backtest):
        data, seed = outcome.data, outcome.seed
        interval, first, last, digest = data.interval, outcome.starts, data.last, data.hash
        judged = [] if outcome.ai == "OFF" else [f"tier 2 {plain(outcome.ai)}"]
        capital = [
            *judged,
            f"{fmt.money(outcome.book.capital, outcome.book.currency, 0)} {plain(outcome.book.currency)}",
        ]
    else:
        interval, first, last, seed = outcome.interval, outcome.first, outcome.last, outcome.seed
        digest, capital = outcome.data_hash, []
    names = [plain(symbol(name)) for name in outcome.instruments]
    some = ", ".join(names[:3]) + (f" and {len(names) - 3} more" if len(names) > 3 else "")
    settings = [f"{plain(key)}={plain(shown(value))}" for key, value in _settings(outcome).items()]
    return [some, f"{interval} bars", period(first, last), *capital, f"data {digest[:8]}", f"seed {seed}", *settings]


def _settings(outcome: Outcome) -> Mapping[str, Any]:
    return outcome.book.parameters if isinstance(outcome, Backtest) else {}


def warnings(outcome: Outcome) -> Sequence[str]:
    """What must stand beside the figures, whatever else is shown; the gravest first."""
    if isinstance(outcome, Backtest):
        few = [f"{INSUFFICIENT}: so few trades prove nothing."] if outcome.insufficient else []
        known = [plain(note) for note in outcome.notes if CONTAMINATED in note]
        return [*few, *known, *map(plain, outcome.cautions)]
    return []


def sentences(outcome: Outcome) -> Sequence[str]:
    """What the tests say of the strategy, each in one plain sentence."""
    match outcome:
        case Backtest():
            return []
        case WalkForward():
            found = [outcome.walk_forward.sentence, outcome.overfitting.sentence]
        case Robustness():
            parts = (outcome.robustness, outcome.decay, outcome.regimes, outcome.capacity, outcome.stress)
            found = [part.sentence for part in parts]
        case LookAhead() | Sweep():
            found = [outcome.sentence]
    return list(map(plain, found))


def shown(value: Any) -> str:
    """A value of a parameter."""
    return f"{value:.6g}" if isinstance(value, float) else str(value).lower() if isinstance(value, bool) else str(value)


def changes_text(changes: Mapping[str, Any]) -> str:
    """Values of parameters in one line; of none: as it is."""
    return plain(", ".join(f"{key}={shown(value)}" for key, value in changes.items())) or "as it is"


def summary_cells(summary: Summary | None) -> list[Span]:
    """Return, Sharpe, drawdown, profit factor, trades."""
    if summary is None:
        return [(fmt.DASH, "muted")] * 5
    return [
        (fmt.signed_percent(summary.total_return), gain_tone(summary.total_return)),
        (fmt.number(summary.sharpe), ""),
        (fmt.percent(summary.max_drawdown, 2), ""),
        (fmt.number(summary.profit_factor), ""),
        (fmt.number(summary.trades, 0), ""),
    ]
