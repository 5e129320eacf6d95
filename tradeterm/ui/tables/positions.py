"""Open positions."""

from decimal import Decimal

from tradeterm.domain.view import DeskView, PositionView
from tradeterm.ui import fmt
from tradeterm.ui.glyphs import Glyphs
from tradeterm.ui.model import position_key
from tradeterm.ui.tables.common import Ticks, gain_cell, gain_tone, side_cell
from tradeterm.ui.widgets.table_layout import Cell, Column, Row

COLUMNS = (
    Column("symbol", "Symbol", 9, priority=100),
    Column("side", "Side", 5, priority=90),
    Column("size", "Size", 5, "decimal", priority=80),
    Column("entry", "Entry", 6, "decimal", priority=75),
    Column("mark", "Mark", 6, "decimal", priority=85),
    Column("pnl", "PnL", 9, "decimal", priority=95),
    Column("percent", "%", 6, "decimal", priority=30),
    Column("stop", "Stop", 6, "decimal", priority=70),
    Column("target", "Target", 6, "decimal", priority=25),
    Column("held", "Held", 5, "right", priority=20),
    Column("note", "", 8, priority=26),
    Column("book", "Book", 8, priority=10),
)


def rows(view: DeskView, glyphs: Glyphs) -> list[Row]:
    ticks = view_ticks(view)
    return [_row(position, view, ticks.step(position.instrument), glyphs) for position in view.positions]


def _row(held: PositionView, view: DeskView, step: Decimal | None, glyphs: Glyphs) -> Row:
    age = view.ts - held.ts_opened
    cells = (
        Cell(held.symbol, "bold"),
        side_cell(held.side),
        Cell(fmt.quantity(abs(held.quantity))),
        Cell(fmt.price(held.entry_price, step)),
        Cell(fmt.price(held.mark, step)),
        gain_cell(held.pnl, glyphs, view.currency),
        Cell(fmt.signed_percent(held.return_pct / 100), gain_tone(held.return_pct)),
        _stop(held, step),
        Cell(fmt.price(held.target_price, step), "muted"),
        Cell(fmt.age(age), "muted"),
        _note(held),
        Cell(held.book, "muted"),
    )
    sort = (
        held.symbol,
        held.side.value,
        abs(held.quantity),
        held.entry_price,
        held.mark,
        held.pnl,
        held.return_pct,
        held.stop_price,
        held.target_price,
        age,
        _note(held).text,
        held.book,
    )
    return Row(position_key(held), cells, sort)


def _note(held: PositionView) -> Cell:
    if held.exiting:
        return Cell("exiting", "warn")
    if not held.protected:
        return Cell("no stop", "danger")
    return Cell("trailing", "accent") if held.trailing else Cell("")


def view_ticks(view: DeskView) -> Ticks:
    """Steps from the last prices of the feeds and the levels of the positions."""
    lasts: list[tuple[str, Decimal | float | None]] = [(feed.instrument, feed.last) for feed in view.feeds]
    levels = [(held.instrument, price) for held in view.positions for price in (held.stop_price, held.target_price)]
    return Ticks([*lasts, *levels])


def _stop(held: PositionView, step: Decimal | None) -> Cell:
    if not held.protected:
        return Cell("NONE", "danger")
    return Cell(fmt.price(held.stop_price, step), "warn" if held.trailing else "")
