"""Orders without an answer. They are looked up by client id until the venue tells; the clock alone decides nothing.

An order that became UNKNOWN is queried 0.5, 1, 2, 4 and 8 s later, then every 15 s. A submit, amend or cancel that
stays unanswered for 5 s is treated the same way (a submit becomes UNKNOWN); for a stop, without which a position is
naked, that is 1.5 s. After 5 minutes a person is called.
"""

from tradeterm.desk.state import DeskState
from tradeterm.desk.turn import Turn
from tradeterm.domain.orders import Order, OrderEventKind, OrderIntent, OrderStatus
from tradeterm.domain.states import AlertLevel

NEVER_ARRIVED = "NEVER_ARRIVED"
"""Code of a REFUSED update by which the driver says that a venue certainly never got the order."""

FIRST_MS = (500, 1_000, 2_000, 4_000, 8_000)
THEN_EVERY_MS = 15_000
UNANSWERED_MS = 5_000
STOP_UNANSWERED_MS = 1_500
CALL_AFTER_MS = 5 * 60_000
_PENDING = (OrderStatus.PENDING_UPDATE, OrderStatus.PENDING_CANCEL)


def due(elapsed_ms: int) -> int:
    """How many look-ups an order should have had `elapsed_ms` after its answer was missed."""
    early = sum(elapsed_ms >= moment for moment in FIRST_MS)
    return early if early < len(FIRST_MS) else early + (elapsed_ms - FIRST_MS[-1]) // THEN_EVERY_MS


def chase(turn: Turn) -> None:
    """On time passing: turn unanswered submits UNKNOWN, and look up what is due."""
    for order in turn.state.working_orders():
        patience = STOP_UNANSWERED_MS if order.intent is OrderIntent.PROTECTIVE_STOP else UNANSWERED_MS
        if order.status is OrderStatus.SUBMITTED and turn.ts - order.ts_updated > patience:
            missed = f"no answer within {patience / 1000:g} s"
            order = turn.move(order, OrderEventKind.UNCLEAR, detail=missed) or order
        elapsed = missing_for(order, turn.ts)
        if elapsed is None:
            continue
        wanted = due(elapsed)
        if wanted > turn.state.asked.get(order.client_order_id, 0):
            turn.state.asked[order.client_order_id] = wanted
            turn.query(order, wanted)
        if elapsed >= CALL_AFTER_MS:
            text = f"order {order.client_order_id} has had no answer for {elapsed // 60_000} minutes; look at the venue"
            key = (order.book, order.instrument)
            turn.alert_once(f"unknown:{order.client_order_id}", AlertLevel.CRITICAL, "ORDER_UNKNOWN", text, key)


def doubt(turn: Turn) -> None:
    """After a restart whatever was sent and not answered is UNKNOWN; the first Timer starts the look-ups."""
    for order in turn.state.working_orders():
        if order.status is OrderStatus.SUBMITTED:
            turn.move(order, OrderEventKind.UNCLEAR, detail="restarted before the answer")


def unknown_orders(state: DeskState) -> list[Order]:
    return [order for order in state.working_orders() if order.status is OrderStatus.UNKNOWN]


def missing_for(order: Order, ts: int) -> int | None:
    """Since when an answer is overdue, in ms; None for orders that wait for none."""
    if order.status is OrderStatus.UNKNOWN:
        return ts - order.ts_updated
    if order.status in _PENDING:
        overdue = ts - order.ts_updated - UNANSWERED_MS
        return overdue if overdue > 0 else None
    return None


def forget_intent(turn: Turn, order: Order) -> None:
    """An entry that certainly never arrived may be decided again, should its signal be raised again (a replayed bar):
    through both tiers, under the next attempt's id. The desk itself sends nothing again."""
    key = f"{order.book}/{order.instrument}"
    if order.signal_id is not None:
        turn.state.signals_seen.discard(order.signal_id)
    if turn.state.last_entry.get(key) == order.ts_created:
        del turn.state.last_entry[key]
