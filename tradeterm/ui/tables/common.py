"""What all tables share: how a side, a gain and a name look as a cell."""

from collections.abc import Iterable, Sequence
from decimal import Decimal

from tradeterm.domain.orders import Order, OrderSide, PositionSide
from tradeterm.ui import fmt
from tradeterm.ui.glyphs import Glyphs
from tradeterm.ui.plain import plain
from tradeterm.ui.widgets.table_layout import Cell, Column


def symbol(instrument: str) -> str:
    """The short name of an instrument id, SYMBOL.VENUE."""
    return instrument.rpartition(".")[0] or instrument


def side_cell(side: PositionSide | OrderSide) -> Cell:
    tone = {"LONG": "up", "BUY": "up", "SHORT": "down", "SELL": "down"}.get(side.value, "muted")
    return Cell(side.value, tone)


class Ticks:
    """Price steps by instrument, as far as recorded prices show them: a face is not given contract facts.

    Averages over several fills have more digits than any tick; they do not count.
    """

    def __init__(self, prices: Iterable[tuple[str, Decimal | float | None]]) -> None:
        self._places: dict[str, int] = {}
        for instrument, price in prices:
            if price is not None:
                self._places[instrument] = max(self._places.get(instrument, 0), _places(price))

    def step(self, instrument: str) -> Decimal | None:
        """The step, or None for an instrument no price is known of."""
        places = self._places.get(instrument)
        return None if places is None else Decimal(1).scaleb(-places)

    def price(self, instrument: str, value: Decimal | None) -> str:
        return fmt.price(value, self.step(instrument))


_MOST_PLACES = 8


def _places(price: Decimal | float) -> int:
    exact = price if isinstance(price, Decimal) else Decimal(repr(price))
    exponent = exact.normalize().as_tuple().exponent if exact.is_finite() else 0
    return min(_MOST_PLACES, max(0, -exponent)) if isinstance(exponent, int) else 0


def order_ticks(orders: Iterable[Order]) -> Ticks:
    """Steps from the prices we sent and, for orders filled at once, from what they got."""
    return Ticks((order.instrument, price) for order in orders for price in (order.trigger_price, order.price))


def in_words(code: str) -> str:
    """A code as words: TAKE_PROFIT is "take profit"; what is not a code stays as it is."""
    return plain(code).lower().replace("_", " ") if code.isupper() else plain(code)


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
