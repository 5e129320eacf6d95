"""Open positions."""

from tradeterm.domain.view import DeskView, PositionView
from tradeterm.ui import fmt
from tradeterm.ui.glyphs import Glyphs
from tradeterm.ui.model import position_key
from tradeterm.ui.tables.common import gain_cell, gain_tone, side_cell
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
    Column("book", "Book", 8, priority=10),
)


def rows(view: DeskView, glyphs: Glyphs) -> list[Row]:
    return [_row(position, view, glyphs) for position in view.positions]


def _row(held: PositionView, view: DeskView, glyphs: Glyphs) -> Row:
    age = view.ts - held.ts_opened
    cells = (
        Cell(held.symbol, "bold"),
        Cell("exiting", "warn") if held.exiting else side_cell(held.side),
        Cell(fmt.quantity(abs(held.quantity))),
        Cell(fmt.price(held.entry_price, _step(held))),
        Cell(fmt.price(held.mark, _step(held))),
        gain_cell(held.pnl, glyphs, view.currency),
        Cell(fmt.signed_percent(held.return_pct), gain_tone(held.return_pct)),
        _stop(held),
        Cell(fmt.price(held.target_price, _step(held)), "muted"),
        Cell(fmt.age(age), "muted"),
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
        held.book,
    )
    return Row(position_key(held), cells, sort)


def _step(held: PositionView) -> float | None:
    """The price step as far as this position's own prices show it."""
    prices = (held.mark, held.entry_price, held.stop_price, held.target_price)
    exponents = [value.as_tuple().exponent for value in prices if value is not None and value.is_finite()]
    places = [-exponent for exponent in exponents if isinstance(exponent, int)]
    return 10.0 ** -min(8, max(0, *places, 0))


def _stop(held: PositionView) -> Cell:
    if not held.protected:
        return Cell("NONE", "danger")
    return Cell(fmt.price(held.stop_price, _step(held)), "warn" if held.trailing else "")
