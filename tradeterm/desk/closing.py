"""Getting out: reduce-only market exits, repeated until flat, and cleaning up after them.

An exit in progress is a position with an `exit_reason`. While it runs no second exit order is sent and no stop is moved
or created; the resting stop stays until the position is flat. Exits wait for a venue that is not READY: they are sent
as soon as it is.
"""

from tradeterm.desk.entry_orders import outlives_its_schedule
from tradeterm.desk.gate import exit_denial
from tradeterm.desk.state import Key
from tradeterm.desk.turn import Turn
from tradeterm.domain.instrument import round_quantity
from tradeterm.domain.orders import Order, OrderIntent, OrderStatus, OrderType
from tradeterm.domain.snapshot import Position
from tradeterm.domain.states import AlertLevel, TradingState

_SECOND = 1000
_ALARMING = 3
_LONGEST_WAIT = 60 * _SECOND
_ASK_AGAIN = 10 * _SECOND


def start_exit(turn: Turn, position: Position, reason: str) -> str | None:
    """Close a position at the market, once. Returns the client id of the exit order if one was sent now."""
    if not position.exit_reason:
        position = turn.replace_position(position, exit_reason=reason)
    cancel_entries(turn, position.book, position.instrument)
    if live_exit(turn, position) is not None:
        return None
    return _send(turn, position)


def live_exit(turn: Turn, position: Position) -> Order | None:
    """The exit order that is on its way, if any (an UNKNOWN one is)."""
    orders = turn.state.position_orders(position)
    return next((order for order in orders if order.intent is OrderIntent.EXIT), None)


def next_exit_id(turn: Turn, position: Position) -> str:
    """The client id the position's next exit order gets."""
    return f"{position.trade_id}x{len(_past_exits(turn, position)) + 1}"


def retry_exits(turn: Turn) -> None:
    """Send the next exit order where the last one ended without making the position flat, waiting longer each time."""
    for _, position in sorted(turn.state.positions.items()):
        if not position.exit_reason or live_exit(turn, position) is not None:
            continue
        past = _past_exits(turn, position)
        if past and past[-1].status is not OrderStatus.FILLED:
            wait = min(_SECOND << (len(past) - 1), _LONGEST_WAIT)
            if turn.ts - past[-1].ts_updated < wait:
                continue
        _send(turn, position)


def on_exit_ended(turn: Turn, order: Order) -> None:
    """Say so when an exit order ended and its position still lives."""
    position = turn.state.positions.get((order.book, order.instrument))
    if position is None or position.trade_id != order.parent_id or order.status is OrderStatus.FILLED:
        return
    failures = len(_past_exits(turn, position))
    level = AlertLevel.CRITICAL if failures >= _ALARMING else AlertLevel.WARNING
    text = f"exit {order.client_order_id} ended {order.status} with {abs(position.quantity)} still open; trying again"
    turn.alert(level, "EXIT_FAILED", text, (order.book, order.instrument))


def cancel_entries(turn: Turn, book: str = "", instrument: str = "") -> int:
    """Cancel working entry orders (of a book, of an instrument, of all); how many there are."""
    found = [
        order
        for order in turn.state.working_orders()
        if order.intent is OrderIntent.ENTRY and book in ("", order.book) and instrument in ("", order.instrument)
    ]
    for order in found:
        cancel(turn, order)
    return len(found)


def cancel(turn: Turn, order: Order) -> None:
    """Cancel a working order; while the venue does not confirm, ask again no sooner than 10 s later."""
    asked = turn.state.cancels.get(order.client_order_id)
    if asked is None or turn.ts - asked >= _ASK_AGAIN:
        turn.state.cancels[order.client_order_id] = turn.ts
        turn.cancel(order)


def cancel_leftovers(turn: Turn) -> None:
    """Cancel what should not be working any more, until the venue confirms: protection and exits whose round trip is
    over, entries of a halted desk, of a position that is being closed, or whose position is closed already, and parts
    of a schedule that has ended."""
    for order in turn.state.working_orders():
        if order.intent is OrderIntent.ENTRY:
            if _entry_unwanted(turn, order):
                cancel(turn, order)
            continue
        position = turn.state.positions.get((order.book, order.instrument))
        over = position is None or position.trade_id != order.parent_id
        unsure = order.status in (OrderStatus.INITIALIZED, OrderStatus.SUBMITTED, OrderStatus.UNKNOWN)
        if order.intent is not OrderIntent.EXTERNAL and over and not unsure and not _awaits_fill(turn, order):
            cancel(turn, order)


def _awaits_fill(turn: Turn, order: Order) -> bool:
    """Whether the entry that this order protects is still at work without a fill: a venue may tell of the protection
    first, and of the fill that made it a while later."""
    entry = turn.state.orders.get(order.parent_id or "")
    return entry is not None and entry.intent is OrderIntent.ENTRY and not entry.is_closed and not entry.filled_quantity


def _entry_unwanted(turn: Turn, order: Order) -> bool:
    if turn.state.trading_state is TradingState.HALTED or outlives_its_schedule(turn.state, order):
        return True
    position = turn.state.positions.get((order.book, order.instrument))
    return bool(order.filled_quantity) if position is None else bool(position.exit_reason)


def _past_exits(turn: Turn, position: Position) -> list[Order]:
    return [
        order
        for order in turn.state.orders.values()
        if order.intent is OrderIntent.EXIT and order.parent_id == position.trade_id
    ]


def _send(turn: Turn, position: Position) -> str | None:
    key: Key = (position.book, position.instrument)
    if not turn.state.venue_ready(position.venue):
        return None
    instrument = turn.state.instruments.get(position.instrument)
    side = position.side.entry.opposite
    quantity = abs(position.quantity) if instrument is None else round_quantity(abs(position.quantity), instrument)
    denied = exit_denial(instrument, position.quantity, quantity * side.sign)
    if denied is not None:
        text = f"{position.instrument} cannot be closed: {denied.text} ({denied.code})"
        turn.alert_once(f"exit:{position.trade_id}", AlertLevel.CRITICAL, "EXIT_DENIED", text, key)
        return None
    exit_order = Order(
        client_order_id=next_exit_id(turn, position),
        book=position.book,
        venue=position.venue,
        account=position.account,
        instrument=position.instrument,
        side=side,
        type=OrderType.MARKET,
        quantity=quantity,
        intent=OrderIntent.EXIT,
        ts_created=turn.ts,
        ts_updated=turn.ts,
        reduce_only=True,
        signal_id=position.signal_id,
        parent_id=position.trade_id,
        reason=position.exit_reason,
    )
    turn.submit(exit_order)
    return exit_order.client_order_id
