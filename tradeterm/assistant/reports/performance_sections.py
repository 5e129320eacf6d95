"""The performance report, chapter by chapter."""

from collections.abc import Iterable
from decimal import Decimal
from typing import TYPE_CHECKING

import numpy as np

from tradeterm.assistant.reports.breakdown import Breakdown
from tradeterm.assistant.reports.figures import Line
from tradeterm.assistant.reports.performance import BookPerformance, OpenPosition, Performance
from tradeterm.assistant.text import moment, number
from tradeterm.research.figure import Unit
from tradeterm.research.figure_text import value_text
from tradeterm.research.report.blocks import Block, Chart, Paragraph, Points, Section, Tile, Tiles
from tradeterm.research.report.curve import EquityCurve
from tradeterm.research.report.facts import Table
from tradeterm.research.result import LEAST_TRADES
from tradeterm.strategies.panel import Floats

if TYPE_CHECKING:
    from matplotlib.figure import Figure

_FEW_FOR_A_CHART = 2


def performance_sections(found: Performance) -> tuple[Section, ...]:
    """Everything the facts hold, in words, tables and charts."""
    return (
        _summary(found),
        *((_book("The whole desk", found.desk),) if found.desk is not None else ()),
        *(_book(f"Book {book.book}", book) for book in found.books),
        _positions(found),
        _models(found),
    )


def _summary(found: Performance) -> Section:
    warned = (found.head.label, *(caution for book in found.books for caution in _named(book, len(found.books))))
    blocks: list[Block] = [Paragraph(found.sentences[0]), Points(warned)]
    if len(found.sentences) > 1:
        blocks.append(Points(found.sentences[1:]))
    if found.head.notes:
        blocks.append(Points(found.head.notes))
    return Section("Summary", tuple(blocks))


def _named(book: BookPerformance, books: int) -> Iterable[str]:
    return (f"{book.book}: {text}" if books > 1 else text for text in book.cautions)


def _book(title: str, book: BookPerformance) -> Section:
    blocks: list[Block] = []
    if book.book:
        blocks.append(Paragraph(_about(book)))
    known = {line.name: line for line in book.figures}
    tiles = [
        Tile(line.label, "insufficient" if line.why else _text(line, book.currency), line.why or line.definition)
        for name in ("total_return", "max_drawdown", "net", "fees", "profit_factor", "expectancy_r")
        if (line := known.get(name)) is not None
    ]
    if tiles:
        blocks.append(Tiles(tuple(tiles)))
    blocks += _charts(book)
    if book.figures:
        rows = tuple((line.label, _text(line, book.currency)) for line in book.figures)
        notes = tuple(line.definition for line in book.figures)
        blocks.append(Table(("", f"{book.currency or 'Value'}"), rows, "All figures", notes))
    blocks += [_breakdown(each, book) for each in book.breakdowns]
    if book.slippage:
        blocks.append(_slippage(book))
    if book.closed:
        blocks.append(_closed(book))
    return Section(title, tuple(blocks) or (Paragraph("Nothing is recorded."),))


def _about(book: BookPerformance) -> str:
    if not book.venues:
        return "No order was sent."
    filled = "Fills are simulated" if book.simulated else f"Orders went to {', '.join(book.venues)}"
    strategies = f", strategy {', '.join(book.strategies)}" if book.strategies else ""
    capital = (
        "" if book.capital is None else f", capital {_money(book.capital, book.currency)} {book.currency}".rstrip()
    )
    return f"{filled}{strategies}{capital}."


def _text(line: Line, currency: str) -> str:
    return f"insufficient: {line.why}" if line.why else value_text(line.value, line.unit, currency)


def _charts(book: BookPerformance) -> Iterable[Chart | Paragraph]:
    curve = _curve(book)
    if curve is not None:
        fall = value_text(abs(curve.deepest), Unit.FRACTION)
        yield Chart(
            f"Equity and drawdown of {book.book or 'the desk'}",
            f"Equity goes from {_float(curve.equity[0], book)} to {_float(curve.equity[-1], book)}; it fell by up to "
            f"{fall} from its peak.",
            lambda width: _draw_equity(curve, width),
        )
    if book.held is not None and curve is not None:
        yield Chart(
            f"{book.book} beside buying and holding",
            f"Equal money in {', '.join(book.held.instruments)}, bought at the first close and left, without costs, "
            f"made {value_text(book.held.total_return, Unit.FRACTION)} in the same time (data "
            f"{book.held.data_hash[:12]}).",
            lambda width: _draw_market(curve, width),
        )
    elif book.held_why:
        yield Paragraph(f"Buying and holding: {book.held_why}.")
    values = np.array([float(trade.r_multiple) for trade in book.closed if trade.r_multiple is not None])
    if len(values) >= _FEW_FOR_A_CHART:
        yield Chart(
            f"Results of the trades of {book.book} in R",
            f"Net result of {len(values)} trades in multiples of the loss at their initial stop: average "
            f"{values.mean():+.2f} R, median {float(np.median(values)):+.2f} R"
            f"{'' if len(values) >= LEAST_TRADES else f'; under {LEAST_TRADES} trades these say nothing yet'}.",
            lambda width: _draw_histogram(values, width),
        )


def _curve(book: BookPerformance) -> EquityCurve | None:
    line = book.curve
    if line is None or len(line.ts) < _FEW_FOR_A_CHART:
        return None
    ts, equity = np.array(line.ts, dtype=np.int64), np.array([float(value) for value in line.equity])
    own = np.full(len(ts), np.nan)
    if book.held is not None:
        own = equity[0] * np.interp(ts.astype(float), np.array(book.held.ts, dtype=float), np.array(book.held.value))
    return EquityCurve(ts, equity, np.array(line.fall), own, line.deepest, 0)


def _draw_equity(curve: EquityCurve, width: int) -> "Figure":
    from tradeterm.research.report.charts import equity_chart

    return equity_chart(curve, width)


def _draw_market(curve: EquityCurve, width: int) -> "Figure":
    from tradeterm.research.report.charts import market_chart

    return market_chart(curve, width)


def _draw_histogram(values: Floats, width: int) -> "Figure":
    from tradeterm.research.report.charts import histogram

    return histogram(values, "R", width)


def _breakdown(found: Breakdown, book: BookPerformance) -> Table:
    largest = max((abs(row.net) for row in found.slices), default=Decimal(0)) or Decimal(1)
    rows = tuple(
        (
            row.key,
            str(row.trades),
            _money(row.net, book.currency),
            value_text(row.won / row.trades, Unit.FRACTION) if row.trades >= LEAST_TRADES else f"{row.won} won",
            value_text(row.profit_factor, Unit.RATIO) if row.trades >= LEAST_TRADES else "insufficient",
            value_text(row.mean_r, Unit.R),
            value_text(float(row.mean_ms), Unit.DURATION),
            _money(row.fees, book.currency),
            _money(row.funding, book.currency),
        )
        for row in found.slices
    )
    columns = ("", "Trades", "Net", "Winners", "Profit factor", "Mean R", "Mean duration", "Fees", "Funding paid")
    tints = tuple((None, None, float(row.net / largest), *(None,) * 6) for row in found.slices)
    return Table(columns, rows, f"By {found.by.value}", tints=tints)


def _slippage(book: BookPerformance) -> Table:
    rows = tuple(
        (
            row.of,
            f"{row.fills}",
            f"{row.unknown}",
            _plain(row.mean_bps),
            _plain(row.worst_bps),
            "-" if row.money is None else _money(row.money, book.currency),
        )
        for row in book.slippage
    )
    columns = ("", "Fills", "Not known", "Mean, bps", "Worst, bps", f"Lost, {book.currency or 'money'}")
    return Table(columns, rows, "Slippage (above 0: worse than meant)")


def _closed(book: BookPerformance) -> Table:
    rows = tuple(
        (
            trade.id,
            trade.instrument,
            trade.side,
            number(trade.quantity),
            moment(trade.ts_opened),
            number(trade.entry_price),
            moment(trade.ts_closed),
            number(trade.exit_price),
            trade.exit_reason or "-",
            _money(trade.fees, book.currency),
            _money(trade.funding, book.currency),
            _money(trade.pnl, book.currency),
            "-" if trade.r_multiple is None else f"{trade.r_multiple:.2f} R",
            "-" if trade.slippage is None else f"{trade.slippage * 10_000:.2f}",
        )
        for trade in book.closed
    )
    columns = (
        "Trade", "Instrument", "Side", "Quantity", "Opened", "Entry", "Closed", "Exit", "Reason", "Fees", "Funding",
        "Net", "R", "Slippage, bps",
    )  # fmt: skip
    return Table(columns, rows, "All closed trades")


def _positions(found: Performance) -> Section:
    if not found.positions:
        return Section("Open positions", (Paragraph("None."),))
    columns = ("Instrument", "Book", "Side", "Quantity", "Entry", "Mark", "Net so far", "Stop", "Target", "Since")
    rows = tuple(_position(each) for each in found.positions)
    told = "Marks are not known: no live view has these positions."
    if found.marked is not None and any(each.mark is not None for each in found.positions):
        told = f"Marks of {moment(found.marked)} UTC."
    late = "" if found.head.end is None else ", not at the report's end"
    return Section("Open positions", (Paragraph(f"As the ledger has them now{late}. {told}"), Table(columns, rows)))


def _position(each: OpenPosition) -> tuple[str, ...]:
    prices = (each.entry_price, each.mark)
    return (
        f"{each.instrument}{' (simulated)' if each.simulated else ''}",
        each.book,
        each.side,
        number(each.quantity),
        *(_plain(price) for price in prices),
        "-" if each.pnl is None else f"{_money(each.pnl, each.currency)} {each.currency}".rstrip(),
        "NO STOP" if each.stop_price is None else number(each.stop_price),
        _plain(each.target_price),
        moment(each.ts_opened),
    )


def _models(found: Performance) -> Section:
    if not found.ai:
        return Section("Cost of models", (Paragraph("No model was asked."),))
    columns = ("Purpose", "Model", "Requests", "Tokens in", "Cached", "Tokens out", "USD", "Without a price")
    rows = tuple(
        (
            row.purpose,
            row.model,
            f"{row.requests:,}",
            f"{row.input_tokens:,}",
            f"{row.cached_tokens:,}",
            f"{row.output_tokens:,}",
            "n/a" if row.unpriced == row.requests else f"{row.cost:.4f}",
            f"{row.unpriced:,}",
        )
        for row in found.ai
    )
    return Section("Cost of models", (Table(columns, rows),))


def _plain(value: Decimal | None) -> str:
    return "-" if value is None else number(value)


def _money(value: Decimal, currency: str) -> str:
    return value_text(float(value), Unit.MONEY, currency)


def _float(value: float, book: BookPerformance) -> str:
    return f"{value_text(float(value), Unit.MONEY, book.currency)} {book.currency}".rstrip()
