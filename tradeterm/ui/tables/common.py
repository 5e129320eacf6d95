"""What all tables share: how a side, a gain and a name look as a cell."""

from collections.abc import Sequence
from decimal import Decimal

from tradeterm.domain.orders import OrderSide, PositionSide
from tradeterm.ui import fmt
from tradeterm.ui.glyphs import Glyphs
from tradeterm.ui.widgets.table_layout import Cell, Column


def symbol(instrument: str) -> str:
    """The short name of an instrument id, SYMBOL.VENUE."""
    return instrument.rpartition(".")[0] or instrument


def side_cell(side: PositionSide | OrderSide) -> Cell:
    tone = {"LONG": "up", "BUY": "up", "SHORT": "down", "SELL": "down"}.get(side.value, "muted")
    return Cell(side.value, tone)


def exact_price(value: Decimal | None) -> str:
    """A price with the places it was recorded with, as long as those look like a tick and not like a quotient."""
    exponent = value.as_tuple().exponent if value is not None else None
    if isinstance(exponent, int) and -8 <= exponent <= 0:
        return fmt.price(value, Decimal(1).scaleb(exponent))
    return fmt.price(value)


def book_columns(columns: Sequence[Column], books: int) -> tuple[Column, ...]:
    """The columns without the last one, the book's, where there is only one book to name."""
    return tuple(columns) if books > 1 else tuple(columns[:-1])


def gain_tone(value: Decimal | float | None) -> str:
    if not value:
        return ""
    return "up" if value > 0 else "down"


def gain_cell(value: Decimal | None, glyphs: Glyphs, currency: str = "") -> Cell:
    """Money won or lost: a sign and a glyph besides the colour."""
    text = fmt.signed_money(value, currency)
    if not value:
        return Cell(text, "muted")
    return Cell(f"{glyphs.up if value > 0 else glyphs.down} {text}", gain_tone(value))
