"""Every position owns a live reduce-only stop at the venue, or somebody hears of it and the position goes.

A stop the venue refuses, cancels or expires while the position lives is placed anew under the next id; if the price has
already crossed it, the position is closed at the market. Repeats wait longer each time, so that a venue that keeps
refusing is not hammered.
"""

from decimal import Decimal

from tradeterm.desk.state import Book, DeskState
from tradeterm.domain.instrument import Instrument, round_price_down, round_price_up
from tradeterm.domain.orders import OPEN_AT_VENUE, OrderIntent, PositionSide
from tradeterm.domain.snapshot import Position

_ONE = Decimal(1)


def protection_prices(
    book: Book, instrument: Instrument, side: PositionSide, price: Decimal
) -> tuple[Decimal, Decimal | None]:
    """Stop and target (None: switched off) for a position opened at `price`.

    Rounded towards safety: both to the tick nearer to the price, so the loss is never larger than configured.
    """
    exits, nearer_below = book.config.exits, side is PositionSide.LONG
    below, above = round_price_up, round_price_down
    distance = Decimal(repr(exits.stop)) * side.sign
    stop = (below if nearer_below else above)(price * (_ONE - distance), instrument)
    if exits.target is None:
        return stop, None
    gain = Decimal(repr(exits.target)) * side.sign
    return stop, (above if nearer_below else below)(price * (_ONE + gain), instrument)


def is_protected(state: DeskState, position: Position) -> bool:
    """Whether a stop that covers the whole position is live at the venue."""
    covered = sum(
        order.leaves_quantity
        for order in state.position_orders(position)
        if order.intent is OrderIntent.PROTECTIVE_STOP and order.status in OPEN_AT_VENUE
    )
    return covered >= abs(position.quantity)
