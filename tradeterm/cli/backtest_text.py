"""A backtest on one screen."""

from collections.abc import Iterator, Mapping, Sequence
from textwrap import fill
from typing import Any

from rich.console import Console
from rich.table import Table
from rich.text import Text

from tradeterm.research.data.moments import utc
from tradeterm.research.figure import Unit
from tradeterm.research.figure_text import value_text

_LEFT = (
    "final_equity", "total_return", "cagr", "volatility", "sharpe", "sortino", "calmar", "max_drawdown",
    "drawdown_start", "drawdown_bottom", "drawdown_recovery", "longest_drawdown",
)  # fmt: skip
_RIGHT = (
    "trades", "win_rate", "payoff", "profit_factor", "expectancy", "expectancy_r", "time_in_market", "turnover",
    "gross", "slippage", "fees", "funding", "net",
)  # fmt: skip
_UNITS = {
    "trades": Unit.COUNT, "win_rate": Unit.FRACTION, "profit_factor": Unit.RATIO, "expectancy": Unit.MONEY,
    "expectancy_r": Unit.R, "average_duration": Unit.DURATION, "costs": Unit.MONEY, "net": Unit.MONEY,
}  # fmt: skip
_LABELS = {"expectancy_r": "in R", "average_duration": "duration"}
_WIDTH = 100


def say_outcome(outcome: Mapping[str, Any], number: int | None, *, tables: bool) -> None:
    """Print a run's outcome; with `tables` also what it is made of."""
    console = Console(highlight=False, soft_wrap=True, width=_WIDTH)
    for line in _heading(outcome, number):
        console.print(line)
    console.print()
    console.print(_figures(outcome))
    if tables:
        for by, rows in outcome["tables"].items():
            if rows:
                console.print()
                console.print(_table(by, rows, outcome["book"]["currency"]))
    last = list(_remarks(outcome))
    if last:
        console.print()
    for remark in last:
        console.print(remark)


def _heading(outcome: Mapping[str, Any], number: int | None) -> Iterator[Text]:
    book, data = outcome["book"], outcome["data"]
    strategy = "" if book["strategy"] == outcome["name"] else f" ({book['strategy']})"
    names = list(outcome["instruments"])
    some = ", ".join(names[:4]) + (f" and {len(names) - 4} more" if len(names) > 4 else "")
    first = data["first"] if outcome["since"] is None else outcome["since"]
    run = "" if number is None else f"run {number}, "
    yield Text(f"{outcome['name']}{strategy}: {some}", style="bold")
    yield Text(
        f"{utc(first)} to {utc(data['last'])} UTC, bars of {data['interval']}, capital "
        f"{value_text(book['capital'], Unit.MONEY, book['currency'])} {book['currency']}"
    )
    yield Text(f"{run}data {data['hash'][:12]}, {outcome['seconds']:.2f} s", style="dim")


def _figures(outcome: Mapping[str, Any]) -> Table:
    """Two columns of figures: of the equity beside buying and holding, and of the trades."""
    known = {figure["name"]: figure for figure in outcome["figures"]}
    currency = outcome["book"]["currency"]
    grid = Table.grid(padding=(0, 2))
    for justify in ("left", "right", "right", "left", "right"):
        grid.add_column(justify=justify)
    grid.add_row("", Text("strategy", style="bold"), Text("buy & hold", style="bold"), "", "")
    for place in range(max(len(_LEFT), len(_RIGHT))):
        cells = []
        for names, columns in ((_LEFT, ("value", "buy_and_hold")), (_RIGHT, ("value",))):
            figure = known.get(names[place]) if place < len(names) else None
            cells.append("" if figure is None else Text(_label(figure["name"]), style="dim"))
            cells += ["" if figure is None else _value(figure[key], figure["unit"], currency) for key in columns]
        grid.add_row(*cells)
    return grid


def _table(by: str, rows: Sequence[Mapping[str, Any]], currency: str) -> Table:
    grid = Table.grid(padding=(0, 2))
    grid.add_column()
    names = [name for name in rows[0] if name != "key"]
    for _ in names:
        grid.add_column(justify="right")
    heads = (_LABELS.get(name, name.replace("_", " ")) for name in names)
    grid.add_row(Text(f"by {by}", style="bold"), *(Text(head, style="dim") for head in heads))
    for row in rows:
        grid.add_row(Text(str(row["key"])), *(_value(row[name], _UNITS[name], currency) for name in names))
    return grid


def _remarks(outcome: Mapping[str, Any]) -> Iterator[Text]:
    if outcome["ignored"]:
        counts = ", ".join(f"{count:,} {why}" for why, count in outcome["ignored"].items())
        yield Text(f"signals without a trade: {counts}")
    if outcome.get("partly_filled"):  # not known of a run of an older version
        yield Text(f"entries that filled in part, by the volume of their bar: {outcome['partly_filled']:,}")
    for caution in outcome["cautions"]:
        yield Text(fill(caution, _WIDTH), style="yellow")
    for note in outcome["notes"]:
        words = fill(note, _WIDTH, break_long_words=False, break_on_hyphens=False)  # a path can be copied
        yield Text(words, style="dim")


def _value(value: float | None, unit: str, currency: str) -> Text:
    return Text(value_text(value, Unit(unit), currency))


def _label(name: str) -> str:
    from tradeterm.research.figure import DEFINITIONS

    return next(found.label for found in DEFINITIONS if found.name == name)
