"""What a fill at the market costs a book: part of what is lost if its stop is hit."""

from decimal import Decimal

from tradeterm.desk.state import Book, DeskState
from tradeterm.domain.instrument import ZERO

SIMULATED, BYBIT = "paper", "bybit"


def fill_cost(state: DeskState, book: Book) -> Decimal:
    """Fee and expected slippage of one fill, a fraction of its value, as far as they are known; 0 where they are not.

    Fees are those of the configuration. So is the slippage of the simulated venue; that of a real one is the mean of
    what the book's own entries lost.
    """
    venue, config = book.config.venue, state.config
    if venue == SIMULATED:
        return Decimal(str(config.paper.taker_fee)) + Decimal(str(config.paper.slippage))
    fee = Decimal(str(config.venues.bybit.taker_fee)) if venue == BYBIT else ZERO
    return fee + max(ZERO, state.earned(book).slippage or ZERO)
