"""The order state machine: one table, and the function that walks it.

Two rules stand beside the table. A missing acknowledgement is implied: a trigger, an end or a fill on SUBMITTED first
applies it. And an amend or cancel that was overtaken (a fill or a trigger came first) leaves `previous_status` set, so
that its late refusal is recognised as the answer to that request and changes nothing.
"""

from decimal import Decimal
from enum import Enum, auto

import msgspec
from msgspec import Struct

from tradeterm.desk.rounding import PRICE_STEP, rounded
from tradeterm.domain.errors import IllegalTransition
from tradeterm.domain.facts import OrderEventFact
from tradeterm.domain.orders import Fill, Order, OrderEventKind, OrderStatus

S = OrderStatus
K = OrderEventKind


class Outcome(Enum):
    """What a cell of the table says where it does not name a state."""

    SAME = auto()
    PREVIOUS = auto()
    LATE = auto()
    ANOMALY = auto()


_SAME, _PREVIOUS, _LATE, _ANOMALY = Outcome.SAME, Outcome.PREVIOUS, Outcome.LATE, Outcome.ANOMALY

TRANSITIONS: dict[OrderStatus, dict[OrderEventKind, OrderStatus | Outcome]] = {
    S.INITIALIZED: {K.SENT: S.SUBMITTED, K.REFUSED: S.DENIED, K.CANCELED: S.CANCELED},
    S.SUBMITTED: {
        K.ACKNOWLEDGED: S.ACCEPTED,
        K.REFUSED: S.REJECTED,
        K.UNCLEAR: S.UNKNOWN,
        K.CANCEL_SENT: S.PENDING_CANCEL,
        K.TRIGGERED: S.TRIGGERED,
        K.PARTIAL_FILL: S.PARTIALLY_FILLED,
        K.FULL_FILL: S.FILLED,
        K.CANCELED: S.CANCELED,
        K.EXPIRED: S.EXPIRED,
    },
    S.UNKNOWN: {
        K.ACKNOWLEDGED: S.ACCEPTED,
        K.REFUSED: S.REJECTED,
        K.UNCLEAR: _SAME,
        K.CANCEL_SENT: S.PENDING_CANCEL,
        K.TRIGGERED: S.TRIGGERED,
        K.PARTIAL_FILL: S.PARTIALLY_FILLED,
        K.FULL_FILL: S.FILLED,
        K.CANCELED: S.CANCELED,
        K.EXPIRED: S.EXPIRED,
    },
    S.ACCEPTED: {
        K.ACKNOWLEDGED: _SAME,
        K.REFUSED: S.REJECTED,
        K.UNCLEAR: _SAME,
        K.AMEND_SENT: S.PENDING_UPDATE,
        K.CANCEL_SENT: S.PENDING_CANCEL,
        K.TRIGGERED: S.TRIGGERED,
        K.PARTIAL_FILL: S.PARTIALLY_FILLED,
        K.FULL_FILL: S.FILLED,
        K.CANCELED: S.CANCELED,
        K.EXPIRED: S.EXPIRED,
    },
    S.TRIGGERED: {
        K.ACKNOWLEDGED: _SAME,
        K.REFUSED: S.REJECTED,
        K.UNCLEAR: _SAME,
        K.AMEND_SENT: S.PENDING_UPDATE,
        K.CANCEL_SENT: S.PENDING_CANCEL,
        K.TRIGGERED: _SAME,
        K.PARTIAL_FILL: S.PARTIALLY_FILLED,
        K.FULL_FILL: S.FILLED,
        K.CANCELED: S.CANCELED,
        K.EXPIRED: S.EXPIRED,
    },
    S.PARTIALLY_FILLED: {
        K.ACKNOWLEDGED: _SAME,
        K.UNCLEAR: _SAME,
        K.AMEND_SENT: S.PENDING_UPDATE,
        K.CANCEL_SENT: S.PENDING_CANCEL,
        K.TRIGGERED: _SAME,
        K.PARTIAL_FILL: _SAME,
        K.FULL_FILL: S.FILLED,
        K.CANCELED: S.CANCELED,
        K.EXPIRED: S.EXPIRED,
    },
    S.PENDING_UPDATE: {
        K.ACKNOWLEDGED: _PREVIOUS,
        K.REFUSED: _PREVIOUS,
        K.UNCLEAR: _SAME,
        K.CANCEL_SENT: S.PENDING_CANCEL,
        K.TRIGGERED: S.TRIGGERED,
        K.PARTIAL_FILL: S.PARTIALLY_FILLED,
        K.FULL_FILL: S.FILLED,
        K.CANCELED: S.CANCELED,
        K.EXPIRED: S.EXPIRED,
    },
    S.PENDING_CANCEL: {
        K.ACKNOWLEDGED: _SAME,
        K.REFUSED: _PREVIOUS,
        K.UNCLEAR: _SAME,
        K.CANCEL_SENT: _SAME,
        K.TRIGGERED: _SAME,
        K.PARTIAL_FILL: S.PARTIALLY_FILLED,
        K.FULL_FILL: S.FILLED,
        K.CANCELED: S.CANCELED,
        K.EXPIRED: S.EXPIRED,
    },
    S.CANCELED: {K.PARTIAL_FILL: _LATE, K.FULL_FILL: _LATE, K.CANCELED: _SAME, K.EXPIRED: _SAME},
    S.EXPIRED: {K.PARTIAL_FILL: _LATE, K.FULL_FILL: _LATE, K.CANCELED: _SAME, K.EXPIRED: _SAME},
    S.REJECTED: {K.PARTIAL_FILL: _ANOMALY, K.FULL_FILL: _ANOMALY},
    S.DENIED: {K.PARTIAL_FILL: _ANOMALY, K.FULL_FILL: _ANOMALY},
    S.FILLED: {K.PARTIAL_FILL: _ANOMALY, K.FULL_FILL: _ANOMALY},
}

_PENDING = (S.PENDING_UPDATE, S.PENDING_CANCEL)
_UNANSWERED = (S.SUBMITTED, S.UNKNOWN)
_IMPLIES_ACK = (K.TRIGGERED, K.CANCELED, K.EXPIRED, K.PARTIAL_FILL, K.FULL_FILL)


class Applied(Struct, frozen=True):
    """The order afterwards, and what to record: one event, or two where an acknowledgement was implied.

    `late` is a fill on a cancelled or expired order, `anomaly` a fill the table did not expect (or an over-fill).
    """

    order: Order
    events: tuple[OrderEventFact, ...]
    late: bool = False
    anomaly: bool = False


def apply(
    order: Order,
    kind: OrderEventKind,
    *,
    ts: int,
    venue_order_id: str | None = None,
    quantity: Decimal | None = None,
    price: Decimal | None = None,
    trigger_price: Decimal | None = None,
    detail: str = "",
) -> Applied:
    """Apply anything but a fill. Fields given replace the order's own. Raises IllegalTransition."""
    if kind in (K.PARTIAL_FILL, K.FULL_FILL):
        raise ValueError("fills are applied with apply_fill")
    if order.status is S.SUBMITTED and kind in _IMPLIES_ACK:
        first = apply(order, K.ACKNOWLEDGED, ts=ts, venue_order_id=venue_order_id, detail="implied")
        second = apply(first.order, kind, ts=ts, quantity=quantity, price=price, trigger_price=trigger_price)
        return Applied(second.order, first.events + second.events)
    status, previous = _next(order, kind)
    changed = msgspec.structs.replace(
        order,
        status=status,
        previous_status=previous,
        venue_order_id=order.venue_order_id if venue_order_id is None else venue_order_id,
        quantity=order.quantity if quantity is None else quantity,
        price=order.price if price is None else price,
        trigger_price=order.trigger_price if trigger_price is None else trigger_price,
        reason=detail if status in (S.REJECTED, S.DENIED) and detail else order.reason,
    )
    if changed == order:  # nothing new: keep ts_updated, which is when the present state began
        return Applied(order, (_fact(order, kind, order, ts, detail),))
    changed = msgspec.structs.replace(changed, ts_updated=ts)
    return Applied(changed, (_fact(order, kind, changed, ts, detail),))


def apply_fill(order: Order, fill: Fill, *, ts: int) -> Applied:
    """Book one execution on its order. Whether it is the last one follows from the quantities.

    The average price is the quantity-weighted one, rounded half-even to 12 decimal places. An over-fill is booked (the
    venue is right) and flagged. Raises IllegalTransition for an order that was never sent.
    """
    filled = order.filled_quantity + fill.quantity
    kind = K.FULL_FILL if filled >= order.quantity else K.PARTIAL_FILL
    if order.status is S.SUBMITTED:
        first = apply(order, K.ACKNOWLEDGED, ts=ts, venue_order_id=fill.venue_order_id or None, detail="implied")
        second = apply_fill(first.order, fill, ts=ts)
        return Applied(second.order, first.events + second.events, second.late, second.anomaly)
    cell = _cell(order, kind)
    status: OrderStatus = order.status
    if isinstance(cell, OrderStatus):
        status = cell
    elif cell is _LATE and kind is K.FULL_FILL:
        status = S.FILLED
    value = fill.price * fill.quantity + (order.average_price or Decimal(0)) * order.filled_quantity
    changed = msgspec.structs.replace(
        order,
        status=status,
        filled_quantity=filled,
        average_price=rounded(value / filled, PRICE_STEP),
        venue_order_id=order.venue_order_id or fill.venue_order_id or None,
        ts_updated=ts,
        ts_filled=ts,
    )
    anomaly = cell is _ANOMALY or filled > order.quantity
    detail = f"{fill.quantity} at {fill.price}"
    return Applied(changed, (_fact(order, kind, changed, ts, detail, anomaly),), cell is _LATE, anomaly)


def _cell(order: Order, kind: OrderEventKind) -> OrderStatus | Outcome:
    try:
        return TRANSITIONS[order.status][kind]
    except KeyError:
        raise IllegalTransition(f"order {order.client_order_id} is {order.status}: {kind} is not possible") from None


def _next(order: Order, kind: OrderEventKind) -> tuple[OrderStatus, OrderStatus | None]:
    """The state after `kind`, and the state to go back to should a pending request be refused."""
    status, previous = order.status, order.previous_status
    if kind is K.REFUSED and status not in _PENDING and previous is not None:
        return status, None  # the answer to a request that was overtaken
    cell = _cell(order, kind)
    if kind is K.AMEND_SENT:
        return S.PENDING_UPDATE, status
    if kind is K.CANCEL_SENT:
        return S.PENDING_CANCEL, previous if status is S.PENDING_CANCEL else status
    if kind is K.ACKNOWLEDGED and status is S.PENDING_CANCEL and previous in _UNANSWERED:
        return status, S.ACCEPTED
    if cell is _PREVIOUS:
        return _back(order)
    if kind is K.ACKNOWLEDGED and status not in _PENDING:
        previous = None
    return (cell if isinstance(cell, OrderStatus) else status), previous


def _back(order: Order) -> tuple[OrderStatus, OrderStatus | None]:
    target = order.previous_status or S.ACCEPTED
    worked = S.PARTIALLY_FILLED if order.filled_quantity else S.ACCEPTED
    if target is S.PENDING_UPDATE:  # a cancel overtook an amend that is still unanswered
        return S.PENDING_UPDATE, worked
    return target, None


def _fact(
    before: Order, kind: OrderEventKind, after: Order, ts: int, detail: str, anomaly: bool = False
) -> OrderEventFact:
    return OrderEventFact(
        ts=ts,
        book=after.book,
        client_order_id=after.client_order_id,
        kind=kind,
        from_status=before.status,
        to_status=after.status,
        detail=detail,
        anomaly=anomaly,
    )
