"""A report, section by section, before it is written as HTML or Markdown."""

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

import numpy as np

from tradeterm.domain.instrument import Calendar
from tradeterm.research.fan import equity_fan
from tradeterm.research.figure_text import NO_VALUE
from tradeterm.research.metrics import (
    By,
    Figure,
    Group,
    Month,
    Row,
    Unit,
    breakdown,
    cautions,
    figure_text,
    figures,
    months,
    value_text,
)
from tradeterm.research.performance import YEAR_MS
from tradeterm.research.report.blocks import Block, Chart, Code, Folded, Pairs, Paragraph, Points, Section, Tile, Tiles
from tradeterm.research.report.cells import cell_text, heading, signed
from tradeterm.research.report.curve import EquityCurve, equity_curve
from tradeterm.research.report.facts import Curve, Evidence, ReportFacts, Table
from tradeterm.research.report.trades import distribution, trade_list
from tradeterm.research.report.verdict import verdict
from tradeterm.research.result import Result

if TYPE_CHECKING:
    from matplotlib.figure import Figure as Drawing

_PERCENT = 0.01
_MONTHS = ("Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec")
_KEY = ("total_return", "cagr", "volatility", "sharpe", "sortino", "calmar", "max_drawdown", "longest_drawdown")
_YEARLY = ("cagr", "calmar")
"""Not among the key figures of less than a year."""
_TITLES = {
    By.BOOK: "By book",
    By.SYMBOL: "By symbol",
    By.SIDE: "By side",
    By.REASON: "By reason of the exit",
    By.REGIME: "By regime at the entry",
    By.HOUR: "By hour of the entry",
    By.MONTH: "By month of the exit",
}
_PARTS = (
    ("Trades", "trades", Unit.COUNT),
    ("Net", "net", Unit.MONEY),
    ("Winners", "win_rate", Unit.FRACTION),
    ("Profit factor", "profit_factor", Unit.RATIO),
    ("Expectancy", "expectancy", Unit.MONEY),
    ("In R", "expectancy_r", Unit.R),
    ("Duration", "average_duration", Unit.DURATION),
    ("Costs", "costs", Unit.MONEY),
)
"""Columns of a breakdown: what they are called, the field of `Row`, its unit."""
_GROUPS = {  # luck has a section of its own
    Group.RETURN: "Return and risk",
    Group.DRAWDOWN: "Drawdown",
    Group.TRADES: "Trades",
    Group.EXPOSURE: "Exposure",
    Group.COSTS: "Costs",
}


def sections(
    result: Result, facts: ReportFacts, honesty: Sequence[Evidence], books: Table | None = None
) -> tuple[Section, ...]:
    """`books` are the figures of each book, where there are several. Raises ValueError where `facts.regimes` are not
    one a trade or `facts.trials` is below 1."""
    found = {figure.name: figure for figure in figures(result, trials=facts.trials)}
    return (
        _summary(result, facts, found),
        *(() if books is None else (Section("Books", (books,)),)),
        _equity(result, found),
        *_again(result, facts),
        _monthly(result),
        _trades(result, facts),
        _origins(result, facts),
        _costs(result, facts, found),
        _luck(facts, found, honesty),
        *(_evidence(entry) for entry in honesty),
        _figures(result, facts, found),
        _assumptions(result, facts),
        _repeat(facts),
    )


def _summary(result: Result, facts: ReportFacts, found: Mapping[str, Figure]) -> Section:
    def text(name: str) -> str:
        return figure_text(found[name], facts.currency)

    def held(name: str) -> str:
        return f"buy and hold {value_text(found[name].buy_and_hold, found[name].unit, facts.currency)}"

    costs = (found["gross"].value or 0.0) - (found["net"].value or 0.0)
    tiles = (
        Tile("Return", text("total_return"), held("total_return")),
        Tile("Max drawdown", text("max_drawdown"), held("max_drawdown")),
        Tile("Sharpe", text("sharpe"), held("sharpe")),
        Tile("Profit factor", text("profit_factor"), f"{text('win_rate')} winners"),
        Tile("Trades", text("trades"), f"expectancy {text('expectancy')} {facts.currency}".rstrip()),
        Tile(
            "Costs",
            value_text(costs, Unit.MONEY, facts.currency),
            f"before costs {text('gross')}",
        ),
    )
    warned = cautions(result)
    key = [name for name in _KEY if name not in _YEARLY or facts.end - facts.start >= YEAR_MS]
    return Section(
        "Summary",
        (
            Paragraph(verdict(result, found)),
            *((Points(warned),) if warned else ()),
            Tiles(tiles),
            _against_benchmarks(result, facts, [found[name] for name in key], "Against the market"),
        ),
    )


def _against_benchmarks(
    result: Result, facts: ReportFacts, chosen: Sequence[Figure], title: str, *, explained: bool = False
) -> Table:
    """Equal weights are left out where there is one instrument: they are what is held."""
    alone = len(result.simulation.market) == 1
    compared = any(figure.buy_and_hold is not None for figure in chosen)
    columns = ("", "Strategy", *(("Buy and hold", *(() if alone else ("Equal weight",))) if compared else ()))
    rows = tuple(
        (
            figure.label,
            *(
                value_text(value, figure.unit, facts.currency)
                for value in (figure.value, figure.buy_and_hold, figure.equal_weight)
            ),
        )[: len(columns)]
        for figure in chosen
    )
    return Table(columns, rows, title, notes=tuple(figure.definition for figure in chosen) if explained else ())


def _equity(result: Result, found: Mapping[str, Figure]) -> Section:
    curve = equity_curve(result)
    own = _equity_text(curve, found)
    held = f"Buying and holding the instruments ends at {value_text(float(curve.held[-1]), Unit.MONEY)}."
    return Section(
        "Equity",
        (
            Chart("Equity and drawdown", own, lambda width: _draw_equity(curve, width)),
            Chart("The strategy beside buying and holding", held, lambda width: _draw_market(curve, width)),
        ),
    )


def _again(result: Result, facts: ReportFacts) -> tuple[Section, ...]:
    """The fan of the run's days drawn again, where there are enough of them."""
    fan = equity_fan(result.equity, seed=facts.seed)
    if fan is None:
        return ()
    known = dict(zip(result.equity.ts.tolist(), result.equity.value.tolist(), strict=True))
    times = tuple(map(float, fan.ts))
    curves = [Curve("This run", times, tuple(known[ts] for ts in fan.ts), is_time=True)]
    for level, label in (("0.5", "Median"), ("0.95", "95 %"), ("0.05", "5 %")):
        curves.append(Curve(label, times, fan.quantiles[level], is_time=True))
    low, median, high = (value_text(fan.quantiles[level][-1], Unit.MONEY) for level in ("0.05", "0.5", "0.95"))
    text = (
        f"Had its days come in another order: of {fan.paths} curves of the same daily returns, drawn in blocks of"
        f" {fan.block:.1f} days on average, 5 % end below {low}, half below {median} and 5 % above {high}."
    )
    return (
        Section("Its days drawn again", (Chart("Days drawn again", text, lambda width: _draw_curves(curves, width)),)),
    )


def _draw_equity(curve: EquityCurve, width: int) -> "Drawing":
    from tradeterm.research.report.charts import equity_chart

    return equity_chart(curve, width)


def _draw_market(curve: EquityCurve, width: int) -> "Drawing":
    from tradeterm.research.report.charts import market_chart

    return market_chart(curve, width)


def _equity_text(curve: EquityCurve, found: Mapping[str, Figure]) -> str:
    first, last = (value_text(float(curve.equity[at]), Unit.MONEY) for at in (0, -1))
    every = value_text(curve.every, Unit.DURATION)
    text = f"Equity goes from {first} to {last}."
    if curve.deepest < 0:
        deepest = value_text(-curve.deepest, Unit.FRACTION)
        daily = value_text(abs(found["max_drawdown"].value or 0.0), Unit.FRACTION)
        text += f" Looked at every {every} it fell by up to {deepest} from its peak, looked at once a day by {daily}."
    return text


def _monthly(result: Result) -> Section:
    found = months(result.equity)
    by_year: dict[int, dict[int, Month]] = {}
    for row in found:
        by_year.setdefault(row.year, {})[row.month] = row
    largest = max((abs(row.value) for row in found if row.value is not None), default=0.0) or 1.0
    places = 1 if largest >= _PERCENT else 2
    rows, tints = [], []
    for year, known in by_year.items():
        values = [known[month].value if month in known else None for month in range(1, 13)]
        whole = float(np.prod([1 + value for value in values if value is not None])) - 1
        shown = [*values, whole if any(value is not None for value in values) else None]
        rows.append((str(year), *("" if value is None else signed(value * 100, places) for value in shown)))
        tints.append((None, *(None if value is None else value / largest for value in values), None))
    table = Table(("Year", *_MONTHS, "All"), tuple(rows), "Returns by month, %", tints=tuple(tints))
    return Section("Months", (table, Paragraph("UTC months; the first and the last may be parts of months.")))


def _trades(result: Result, facts: ReportFacts) -> Section:
    spread = distribution(result)
    if spread is None:
        return Section("Trades", (Paragraph("There are no trades."),))
    blocks: list[Block] = [
        Chart("Results of the trades", spread.text, spread.draw),
        Folded(*trade_list(result, facts.currency)),
    ]
    return Section("Trades", tuple(blocks))


def _origins(result: Result, facts: ReportFacts) -> Section:
    blocks = []
    for by in _TITLES:
        if by is By.REGIME and facts.regimes is None:
            continue
        rows = breakdown(result, by, regimes=facts.regimes)
        if rows:
            zone = f", {_zone(result)}" if by is By.HOUR else ""
            blocks.append(_breakdown_table(rows, f"{_TITLES[by]}{zone}", facts.currency))
    return Section("Where it came from", tuple(blocks) or (Paragraph("There are no trades."),))


def _zone(result: Result) -> str:
    return "India time" if result.simulation.market[0].calendar is Calendar.NSE else "UTC"


def _breakdown_table(rows: Sequence[Row], title: str, currency: str) -> Table:
    largest = max(abs(row.net) for row in rows) or 1.0
    blank = (None,) * len(_PARTS)
    return Table(
        ("", *(label for label, _, _ in _PARTS)),
        tuple((row.key, *(value_text(getattr(row, name), unit, currency) for _, name, unit in _PARTS)) for row in rows),
        title,
        tints=tuple((None, None, row.net / largest, *blank[2:]) for row in rows),
    )


def _costs(result: Result, facts: ReportFacts, found: Mapping[str, Figure]) -> Section:
    traded = float((result.trades.quantity * (result.trades.entry_price + result.trades.exit_price)).sum())
    rows = []
    for name in ("gross", "slippage", "fees", "funding", "net"):
        value = (found[name].value or 0.0) * (1 if name in ("gross", "net") else -1)
        points = signed(value * 10_000 / traded) if traded else NO_VALUE
        rows.append((found[name].label, value_text(value, Unit.MONEY, facts.currency), points))
    columns = ("", facts.currency or "Money", "Basis points of what was traded")
    blocks: list[Block] = [Table(columns, tuple(rows), "From before costs to net")]
    gross, net = found["gross"].value or 0.0, found["net"].value or 0.0
    if gross > 0:
        blocks.append(Paragraph(f"Costs took {value_text((gross - net) / gross, Unit.FRACTION)} of what was made."))
    return Section("Costs", tuple(blocks))


def _luck(facts: ReportFacts, found: Mapping[str, Figure], honesty: Sequence[Evidence]) -> Section:
    chosen = [figure for figure in found.values() if figure.group is Group.LUCK]
    rows = tuple((figure.label, figure_text(figure)) for figure in chosen)
    lines = []
    if facts.trials is None:
        lines.append("How many variants were tried is not known: the more there were, the more likely it is luck.")
    else:
        lines.append(f"Variants tried before this one was chosen, itself included: {facts.trials:,}.")
    if not honesty:
        lines.append("No walk-forward and no robustness test is part of this report: this is one run on known data.")
    notes = tuple(figure.definition for figure in chosen)
    return Section("Is it luck?", (Table(("", "Strategy"), rows, "Odds", notes=notes), Points(tuple(lines))))


def _evidence(entry: Evidence) -> Section:
    blocks: list[Block] = [Paragraph(entry.sentence)]
    curves: tuple[Curve, ...] = tuple(getattr(entry, "curves", ()))
    if curves:
        text = " ".join(_ends(curve) for curve in curves if curve.y)
        blocks.append(Chart(entry.title, text, lambda width: _draw_curves(curves, width)))
    return Section(entry.title, (*blocks, *entry.tables))


def _ends(curve: Curve) -> str:
    return f"{heading(curve.label)}: from {cell_text(curve.y[0])} to {cell_text(curve.y[-1])}."


def _draw_curves(curves: Sequence[Curve], width: int) -> "Drawing":
    from tradeterm.research.report.charts import curves_chart

    return curves_chart(curves, width)


def _figures(result: Result, facts: ReportFacts, found: Mapping[str, Figure]) -> Section:
    tables = []
    for group, title in _GROUPS.items():
        chosen = [figure for figure in found.values() if figure.group is group]
        tables.append(_against_benchmarks(result, facts, chosen, title, explained=True))
    text = (
        "Times are UTC. Buy and hold puts equal money into each instrument and leaves it; equal weight makes it equal "
        "again each day. Both pay the fees, slippage and funding of the strategy. A dash is no value."
    )
    return Section("All figures", (Paragraph(text), *tables))


def _assumptions(result: Result, facts: ReportFacts) -> Section:
    blocks: list[Block] = [Points(facts.assumptions)] if facts.assumptions else [Paragraph("None were given.")]
    if facts.data_report:
        blocks += [Paragraph("Of the data:"), Points(facts.data_report)]
    refused = sorted(((why, count) for why, count in result.ignored.items() if count), key=lambda row: -row[1])
    if refused:
        rows = tuple((str(why), f"{count:,}") for why, count in refused)
        blocks.append(Table(("Why", "Signals"), rows, "Signals that led to no trade"))
    return Section("Assumptions", tuple(blocks))


def _repeat(facts: ReportFacts) -> Section:
    pairs = (("Code", facts.code_version), ("Data", facts.data_hash), ("Seed", str(facts.seed)))
    return Section(
        "How to repeat this run",
        (
            Paragraph("The same command, code, data, configuration and seed give the same figures."),
            Code(facts.command, "sh"),
            Pairs(pairs),
            Code(facts.config, "toml"),
        ),
    )
