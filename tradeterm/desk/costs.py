"""What a fill at the market costs a book: part of what is lost if its stop is hit."""

from decimal import Decimal

from tradeterm.desk.state import Book, DeskState
from tradeterm.domain.instrument import ZERO

SIMULATED = "paper"


def fill_cost(state: DeskState, book: Book) -> Decimal:
    """Fee and expected slippage of one fill, a fraction of its value, as far as they are known; 0 where they are not.

    At the simulated venue both are those of the configuration. A real venue's fee is in no configuration, so there it
    counts as 0; the slippage is the mean of what the book's own entries lost.
    """
    if book.config.venue == SIMULATED:
        paper = state.config.paper
        return Decimal(str(paper.taker_fee)) + Decimal(str(paper.slippage))
    return max(ZERO, state.earned(book).slippage or ZERO)
