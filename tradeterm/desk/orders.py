"""What venues say of orders: updates and fills, booked on orders, positions and cash."""

import msgspec

from tradeterm.desk import order_machine, track_record
from tradeterm.desk.breaker import note_order
from tradeterm.desk.closing import cancel_entries, on_exit_ended, start_exit
from tradeterm.desk.entry_orders import is_sliced
from tradeterm.desk.models import current_model
from tradeterm.desk.positions import Booking, Opening, book_cash, book_fill, flat_position, trade_id_for
from tradeterm.desk.protection import enlarge, follow_stop, is_protected, stop_reason
from tradeterm.desk.state import Book, exec_key
from tradeterm.desk.turn import Turn
from tradeterm.desk.unknown import NEVER_ARRIVED, forget_intent
from tradeterm.domain.errors import IllegalTransition
from tradeterm.domain.events import CashEvent, FillReceived, OrderAdopted, OrderUpdate
from tradeterm.domain.orders import Fill, Order, OrderEventKind, OrderIntent, OrderStatus
from tradeterm.domain.snapshot import Position
from tradeterm.domain.states import AlertLevel

_CHILDREN = (OrderIntent.PROTECTIVE_STOP, OrderIntent.TAKE_PROFIT)
_REFUSED = (OrderStatus.REJECTED, OrderStatus.DENIED)  # DENIED: attached protection that never came to be
_ENDS = (OrderEventKind.REFUSED, OrderEventKind.CANCELED, OrderEventKind.EXPIRED)


def on_order_update(turn: Turn, event: OrderUpdate) -> None:
    order = turn.state.orders.get(event.client_order_id)
    if order is None:
        text = f"the venue speaks of order {event.client_order_id}, which is not known: {event.kind}"
        turn.alert(AlertLevel.WARNING, "ORDER_NOT_KNOWN", text)
        return
    if order.status is OrderStatus.INITIALIZED and order.intent in _CHILDREN and event.kind not in _ENDS:
        started = turn.move(order, OrderEventKind.SENT, detail="with its entry")
        order = started or order
    trigger = event.trigger_price
    if trigger is None and event.kind is OrderEventKind.ACKNOWLEDGED and order.status is OrderStatus.PENDING_UPDATE:
        trigger = turn.state.amends.get(order.client_order_id)
    moved = turn.move(
        order,
        event.kind,
        venue_order_id=event.venue_order_id,
        quantity=event.quantity,
        price=event.price,
        trigger_price=trigger,
        detail=" ".join(part for part in (event.code, event.detail) if part),
    )
    if moved is None:
        return
    if order.status is OrderStatus.PENDING_UPDATE and moved.status is not OrderStatus.PENDING_UPDATE:
        turn.state.amends.pop(order.client_order_id, None)
    if event.code == NEVER_ARRIVED and moved.status is OrderStatus.REJECTED:
        _never_arrived(turn, moved)
    _consequences(turn, order, moved)


def on_fill(turn: Turn, event: FillReceived) -> None:
    """Book an execution once: order, position, cash, trade."""
    state, fill = turn.state, event.fill
    execution = exec_key(fill.venue, fill.account, fill.exec_id)
    if execution in state.exec_ids:
        return
    numbers = (fill.quantity, fill.price, fill.fee)
    key = (fill.book, fill.instrument)
    if not all(number.is_finite() for number in numbers) or fill.quantity <= 0 or fill.price <= 0:
        turn.alert(AlertLevel.CRITICAL, "BAD_FILL", f"execution {fill.exec_id} has unusable numbers", key)
        turn.reconcile(fill.venue, fill.account, f"execution {fill.exec_id} is not usable")
        return
    book = state.books.get(fill.book)
    if book is None:
        turn.alert(
            AlertLevel.CRITICAL, "BAD_FILL", f"execution {fill.exec_id} names the unknown book {fill.book!r}", key
        )
        return
    state.exec_ids.add(execution)
    turn.record(fill)
    order = state.orders.get(fill.client_order_id)
    if order is not None and order.status is OrderStatus.REJECTED and not order.filled_quantity:
        _revive_children(turn, order)
    model = current_model(state, fill.instrument, turn.ts, book.interval_ms)
    opening = Opening(
        trade_id=trade_id_for(fill, order is not None and order.filled_quantity > 0),
        regime=model.regime,
        rsi=model.rsi,
    )
    if order is not None:
        order = _fill_order(turn, order, fill)
        if order.intent is OrderIntent.ENTRY:
            opening = msgspec.structs.replace(
                opening, signal_id=order.signal_id, stop=order.stop_loss, target=order.take_profit
            )
    before = state.positions.get(key) or flat_position(fill)
    reason = exit_reason(before, order)
    booking = book_fill(before, fill, state.instruments.get(fill.instrument), opening=opening, exit_reason=reason)
    _settle(turn, book, booking)
    if order is not None and order.intent is OrderIntent.ENTRY and booking.position.quantity:
        _size_children(turn, order)
    after = booking.position
    if after.quantity and after.ts_unprotected is None and not is_protected(state, after):
        after = msgspec.structs.replace(after, ts_unprotected=turn.ts)
    turn.set_position(after)
    if booking.fee != fill.fee:
        text = f"the fee {fill.fee} {fill.fee_currency} of {fill.exec_id} is not in quote currency and not counted"
        turn.alert(AlertLevel.ERROR, "FEE_CURRENCY", text, key)
    _after_fill(turn, before, after, order)
    if order is not None:
        note_order(turn, order)


def _after_fill(turn: Turn, before: Position, after: Position, order: Order | None) -> None:
    """A flat position needs no more entry; one that came about by over-closing is closed; a changed one is followed."""
    key = (after.book, after.instrument)
    external = order is None or order.intent is OrderIntent.EXTERNAL
    if external:
        text = f"{after.instrument} changed by an execution that is not ours: now {after.quantity}"
        turn.alert(AlertLevel.WARNING, "EXTERNAL_FILL", text, key)
    if not after.quantity:
        cancel_entries(turn, *key)
    elif order is None or external:
        return
    elif order.intent is not OrderIntent.ENTRY and after.trade_id != before.trade_id:
        text = f"{order.client_order_id} closed more than there was: {after.quantity} {after.instrument} is open now"
        turn.alert(AlertLevel.CRITICAL, "OVER_CLOSED", text, key)
        turn.reduce_only(text)
        start_exit(turn, after, "OVER_CLOSED")
    elif order.intent is OrderIntent.PROTECTIVE_STOP:
        follow_stop(turn, order)
    elif order.intent is OrderIntent.ENTRY and order.parent_id is not None and after.trade_id != before.trade_id:
        text = f"{order.client_order_id} filled after its position was closed; {after.instrument} is closed again"
        turn.alert(AlertLevel.WARNING, "LATE_PART", text, key)
        start_exit(turn, after, "LATE_PART")
    elif order.intent is OrderIntent.ENTRY and is_sliced(turn.state, after.trade_id):
        enlarge(turn, after)


def on_cash(turn: Turn, event: CashEvent) -> None:
    """Book money that moved without a fill; attribute it to the open round trip of its instrument."""
    state, cash = turn.state, event.cash
    seen = exec_key(cash.venue, cash.account, cash.id)
    book = state.books.get(cash.book)
    if seen in state.cash_ids:
        return
    if book is None or not cash.amount.is_finite():
        turn.alert(AlertLevel.CRITICAL, "BAD_CASH", f"cash event {cash.id} is not usable", (cash.book, ""))
        return
    state.cash_ids.add(seen)
    turn.record(cash)
    book.cash += cash.amount
    turn.record_book(book)
    position = state.positions.get((cash.book, cash.instrument or ""))
    if position is not None:
        turn.set_position(book_cash(position, cash))


def on_adopted(turn: Turn, event: OrderAdopted) -> None:
    """Take an order found at the venue as it is there; it is nobody's, so it is only followed."""
    order = event.order
    if order.client_order_id in turn.state.orders:
        return
    turn.set_order(order)
    if order.intent is not OrderIntent.EXTERNAL:  # protection a venue made for an entry of ours
        _consequences(turn, order, order)
        return
    text = f"an order that is not ours is working at {order.venue}: {order.side} {order.quantity} {order.instrument}"
    turn.alert(AlertLevel.WARNING, "ORDER_ADOPTED", text, (order.book, order.instrument))


def _consequences(turn: Turn, before: Order, after: Order) -> None:
    """What the end, or the confirmation, of an order means for what hangs on it."""
    key = (after.book, after.instrument)
    refused = after.status in _REFUSED and before.status is not after.status
    if refused and not after.reason.startswith(NEVER_ARRIVED):
        text = f"{after.intent} {after.client_order_id} was refused: {after.reason or 'no reason given'}"
        turn.alert(AlertLevel.ERROR, "ORDER_REJECTED", text, key)
    if refused:
        note_order(turn, after)
    if before.status is OrderStatus.PENDING_CANCEL and not after.is_closed and after.status is not before.status:
        turn.query(after, 0)  # the cancel was refused, perhaps because it came too late
    if after.intent is OrderIntent.ENTRY and after.is_closed and after.filled_quantity == 0:
        _drop_children(turn, after)
    if after.intent is OrderIntent.PROTECTIVE_STOP:
        follow_stop(turn, after)
    if after.intent in _CHILDREN and after.quantity > before.quantity and is_sliced(turn.state, after.parent_id or ""):
        position = turn.state.positions.get(key)
        if position is not None and position.trade_id == after.parent_id:
            enlarge(turn, position)  # another part has filled while this was being asked
    if after.intent is OrderIntent.EXIT and after.is_closed and not before.is_closed:
        on_exit_ended(turn, after)


def _never_arrived(turn: Turn, order: Order) -> None:
    text = f"{order.intent} {order.client_order_id} never reached the venue"
    turn.alert(AlertLevel.WARNING, NEVER_ARRIVED, text, (order.book, order.instrument))
    if order.intent is OrderIntent.ENTRY and order.parent_id is None:
        forget_intent(turn, order)


def exit_reason(position: Position, order: Order | None) -> str:
    """Why a fill of `order` closes `position`, as the trade will say."""
    if order is None or order.intent is OrderIntent.EXTERNAL:
        return "EXTERNAL"
    if order.intent is OrderIntent.PROTECTIVE_STOP:
        return stop_reason(position)
    if order.intent is OrderIntent.TAKE_PROFIT:
        return "TARGET"
    return order.reason if order.intent is OrderIntent.EXIT else "REVERSED"


def _fill_order(turn: Turn, order: Order, fill: Fill) -> Order:
    key = (order.book, order.instrument)
    if order.status is OrderStatus.INITIALIZED:
        order = turn.move(order, OrderEventKind.SENT, detail="with its entry") or order
    try:
        applied = order_machine.apply_fill(order, fill, ts=turn.ts)
    except IllegalTransition as error:
        turn.illegal(order, str(error))
        return order
    if applied.late:
        text = f"order {order.client_order_id} filled after it was {order.status}"
        turn.alert(AlertLevel.WARNING, "LATE_FILL", text, key)
    if applied.anomaly:
        text = f"order {order.client_order_id} ({order.status}) filled {fill.quantity} more than it could"
        turn.alert(AlertLevel.CRITICAL, "UNEXPECTED_FILL", text, key)
        turn.reduce_only(text)
        turn.reconcile(order.venue, order.account, text)
    return turn.keep(applied)


def _settle(turn: Turn, book: Book, booking: Booking) -> None:
    book.cash += booking.realized - booking.fee
    if booking.trade is not None:
        book.trades += 1
        book.wins += booking.trade.pnl > 0
        track_record.close(turn, book, booking.trade)
    turn.record_book(book)


def _children(turn: Turn, entry: Order) -> list[Order]:
    found = (turn.state.orders.get(entry.client_order_id + suffix) for suffix in ("s", "t"))
    return [child for child in found if child is not None and not child.is_closed]


def _drop_children(turn: Turn, entry: Order) -> None:
    """The entry ended without a fill: its protection never came to be."""
    for child in _children(turn, entry):
        turn.move(child, OrderEventKind.CANCELED, detail=f"its entry was {entry.status}")


def _revive_children(turn: Turn, entry: Order) -> None:
    """The entry was at the venue after all, and its protection with it."""
    for suffix in ("s", "t"):
        child = turn.state.orders.get(entry.client_order_id + suffix)
        if child is not None and child.status is OrderStatus.CANCELED and child.venue_order_id is None:
            turn.set_order(msgspec.structs.replace(child, status=OrderStatus.INITIALIZED, ts_updated=turn.ts))


def _size_children(turn: Turn, entry: Order) -> None:
    """Attached protection exists from the first fill on and covers what has filled."""
    for child in _children(turn, entry):
        sent: Order | None = child
        if child.status is OrderStatus.INITIALIZED:
            sent = turn.move(child, OrderEventKind.SENT, detail="with the first fill")
        covered = entry.filled_quantity
        if child.status is not OrderStatus.INITIALIZED and is_sliced(turn.state, entry.client_order_id):
            covered = max(covered, child.quantity)  # it may cover other parts too
        if sent is not None and sent.quantity != covered:
            turn.set_order(msgspec.structs.replace(sent, quantity=covered, ts_updated=turn.ts))
