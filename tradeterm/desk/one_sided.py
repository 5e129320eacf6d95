"""A book that leans too far to one side: its worst position of that side is closed, one a bar, until it is inside.

The book's net exposure is the signed notional of its positions at their marks over its equity; what is being closed
already does not count. It is looked at once a bar time, when the bars of all that the book holds have come (an
instrument that missed the bar before too is not waited for), so the order in which bars come changes nothing.

Tier 1 denies the entry that would lean too far (`with_entry`): it would only be opened to be closed.
"""

from decimal import Decimal

from tradeterm.desk.account import book_equity, book_positions, mark_of, notional_at_mark
from tradeterm.desk.checks import fraction
from tradeterm.desk.closing import start_exit
from tradeterm.desk.state import Book, DeskState
from tradeterm.desk.turn import Turn
from tradeterm.domain.instrument import ZERO
from tradeterm.domain.orders import OrderIntent, PositionSide
from tradeterm.domain.snapshot import Position

REASON = "ONE_SIDED"


def on_bar(turn: Turn, book: Book, ts_bar: int) -> None:
    """Close the worst position of the heavy side, if the bar that closed at `ts_bar` shows the book too one-sided."""
    limit = book.config.exits.one_sided
    if limit is None or not _complete(turn.state, book, ts_bar):
        return
    worst = worst_position(turn.state, book, Decimal(str(limit)))
    if worst is not None and not _closed_one(turn.state, book, ts_bar):
        start_exit(turn, worst, REASON)


def with_entry(state: DeskState, book: Book, side: PositionSide, notional: Decimal) -> Decimal | None:
    """How far the book may come to lean to `side` with an entry of so much, a fraction of its equity: its positions
    net, and the open entry orders of that side as filled. None where a mark or the equity is not known.
    """
    held = [
        (position.instrument, position.quantity * side.sign)
        for position in book_positions(state, book.name)
        if not position.exit_reason
    ]
    waiting = [
        (order.instrument, order.leaves_quantity)
        for order in state.working_orders()
        if order.book == book.name and order.intent is OrderIntent.ENTRY and order.side is side.entry
    ]
    total = notional
    for instrument, quantity in (*held, *waiting):
        worth = notional_at_mark(state, instrument, quantity)
        if worth is None:
            return None
        total += worth if quantity > 0 else -worth
    return fraction(total, book_equity(state, book))


def worst_position(state: DeskState, book: Book, limit: Decimal) -> Position | None:
    """The position to close: the largest loss, in units of risk where all have an initial stop, else as a fraction of
    the entry price; then the larger, then the first by name. None inside the limit, or where a mark is missing."""
    equity = book_equity(state, book)
    held = [position for position in book_positions(state, book.name) if not position.exit_reason]
    notionals = {}
    for position in held:
        notional = notional_at_mark(state, position.instrument, position.quantity)
        if notional is None:
            return None
        notionals[position.instrument] = notional * position.side.sign
    net = sum(notionals.values(), ZERO)
    if equity is None or not net or abs(net) <= limit * equity:
        return None
    heavy = [position for position in held if position.side.sign * net > 0]
    by_risk = all(_risk(position) for position in heavy)

    def badness(position: Position) -> tuple[Decimal, Decimal, str]:
        return _gain(state, position, by_risk=by_risk), -abs(notionals[position.instrument]), position.instrument

    return min(heavy, key=badness)


def _gain(state: DeskState, position: Position, *, by_risk: bool) -> Decimal:
    average, mark = position.average_price, mark_of(state, position.instrument)
    if not average or mark is None:
        return ZERO
    return (mark - average) * position.side.sign / (_risk(position) if by_risk else average)


def _risk(position: Position) -> Decimal:
    """What a unit would lose at the initial stop; 0 where there was none."""
    if position.average_price is None or position.initial_stop is None:
        return ZERO
    return abs(position.average_price - position.initial_stop)


def _complete(state: DeskState, book: Book, ts_bar: int) -> bool:
    """Whether every instrument the book holds has its bar of this time, or has missed more than this one."""
    for position in book_positions(state, book.name):
        mark = state.marks.get(position.instrument)
        if mark is None:
            return False
        newest = mark.bars.get(book.interval_ms, mark.ts)
        if ts_bar - book.interval_ms <= newest < ts_bar:
            return False
    return True


def _closed_one(state: DeskState, book: Book, ts_bar: int) -> bool:
    """Whether this bar has had its one, or the one before is not gone yet."""
    if any(position.exit_reason == REASON for position in book_positions(state, book.name)):
        return True
    return any(
        order.intent is OrderIntent.EXIT
        and order.reason == REASON
        and order.book == book.name
        and order.ts_created >= ts_bar
        for order in state.orders.values()
    )
