"""What a row of an order means: the event it is, and the order it shows. The only place that reads order states."""

from decimal import Decimal

from msgspec import Struct

from tradeterm.brokers.bybit.account import VENUE, Account
from tradeterm.brokers.bybit.registry import LEGS, STOP
from tradeterm.domain.orders import Order, OrderEventKind, OrderIntent, OrderSide, OrderStatus, OrderType, TimeInForce
from tradeterm.venues.bybit.rows import OrderRow

_LIVE = {"New": OrderStatus.ACCEPTED, "Untriggered": OrderStatus.ACCEPTED, "Triggered": OrderStatus.TRIGGERED}
_ENDED = {
    "Cancelled": OrderStatus.CANCELED,
    "PartiallyFilledCanceled": OrderStatus.CANCELED,
    "Deactivated": OrderStatus.CANCELED,
    "Rejected": OrderStatus.REJECTED,
    "Filled": OrderStatus.FILLED,
}
_TRIGGERS_AT_A_PROFIT = frozenset({"TakeProfit", "PartialTakeProfit"})
_TIMES = {"IOC": TimeInForce.IOC, "FOK": TimeInForce.FOK}
_SAYS_NOTHING = frozenset({"", "UNKNOWN", "EC_NoError"})
BY_USER = "CancelByUser"


class Shown(Struct, frozen=True):
    """What a row says that the desk may hear; two rows that show the same are told once."""

    kind: OrderEventKind
    quantity: Decimal | None
    price: Decimal | None
    trigger_price: Decimal | None


def status_of(row: OrderRow) -> OrderStatus | None:
    """None for a state nobody here knows: it is kept and told, never guessed."""
    if row.status == "PartiallyFilled":
        return OrderStatus.PARTIALLY_FILLED
    if row.status in _LIVE:
        return OrderStatus.PARTIALLY_FILLED if row.filled else _LIVE[row.status]
    ended = _ENDED.get(row.status)
    if ended is OrderStatus.REJECTED and row.filled:
        return OrderStatus.CANCELED  # a fill is possible in recorded data; it counts
    return ended


def shown(row: OrderRow, *, was_live: bool) -> Shown | None:
    """The event of a row; None for an unknown state. A live order that the venue rejects later (a stop that could not
    be executed) has ended: REFUSED would only answer a request that is pending."""
    status = status_of(row)
    match status:
        case None:
            return None
        case OrderStatus.FILLED:
            kind = OrderEventKind.FULL_FILL
        case OrderStatus.REJECTED:
            kind = OrderEventKind.CANCELED if was_live else OrderEventKind.REFUSED
        case OrderStatus.CANCELED:
            kind = OrderEventKind.CANCELED
        case OrderStatus.TRIGGERED:
            kind = OrderEventKind.TRIGGERED
        case _:
            kind = OrderEventKind.ACKNOWLEDGED
    quantity = None if covers_position(row) else row.quantity or None
    return Shown(kind, quantity, price_of(row), row.trigger_price)


def covers_position(row: OrderRow) -> bool:
    """Attached protection covers the whole position, whatever quantity its row shows."""
    return row.stop_type in LEGS and not row.link_id


def price_of(row: OrderRow) -> Decimal | None:
    """The limit price. A market order's row shows an internal limit that is no price of ours."""
    return row.price if row.order_type == "Limit" else None


def reason_of(row: OrderRow) -> str:
    """Why it ended, in the venue's words."""
    return " ".join(word for word in (row.reject_reason, row.cancel_type) if word not in _SAYS_NOTHING)


def type_of(row: OrderRow) -> OrderType:
    """Our name for it. A trigger price makes it conditional, whatever it does once triggered."""
    if row.stop_type == "TrailingStop":
        return OrderType.TRAILING_STOP
    if row.trigger_price is None and row.stop_type not in LEGS:
        return OrderType.LIMIT if row.order_type == "Limit" else OrderType.MARKET
    if row.order_type == "Limit":
        return OrderType.STOP_LIMIT
    if row.stop_type in _TRIGGERS_AT_A_PROFIT or (row.reduce_only and _is_target(row)):
        return OrderType.TAKE_PROFIT_MARKET
    return OrderType.STOP_MARKET


def to_order(row: OrderRow, client_id: str, account: Account, ours: Order | None) -> Order | None:
    """The venue's picture of an order; None for another account's instrument or a state nobody knows.

    `ours` is the order as we sent it, which knows what the venue does not (intent, signal, parent).
    """
    instrument, status = account.instrument(row.symbol), status_of(row)
    side = {"Buy": OrderSide.BUY, "Sell": OrderSide.SELL}.get(row.side)
    if instrument is None or status is None or side is None:
        return None
    intent, parent = OrderIntent.EXTERNAL, None
    if ours is not None:
        intent, parent = ours.intent, ours.parent_id
    elif covers_position(row) and not client_id.startswith("ext-"):
        parent = client_id[:-1]
        intent = OrderIntent.PROTECTIVE_STOP if client_id.endswith(STOP) else OrderIntent.TAKE_PROFIT
    return Order(
        client_order_id=client_id,
        book=account.name,
        venue=VENUE,
        account=account.name,
        instrument=instrument.id,
        side=side,
        type=type_of(row),
        quantity=max(row.quantity, row.filled),
        intent=intent,
        ts_created=row.created,
        ts_updated=max(row.updated, row.created),
        price=price_of(row),
        trigger_price=row.trigger_price,
        time_in_force=TimeInForce.GTC if row.order_type == "Market" else _TIMES.get(row.time_in_force, TimeInForce.GTC),
        reduce_only=row.reduce_only or row.close_on_trigger,
        post_only=row.time_in_force == "PostOnly",
        stop_loss=row.stop_loss,
        take_profit=row.take_profit,
        signal_id=ours.signal_id if ours is not None else None,
        parent_id=parent,
        status=status,
        venue_order_id=row.order_id,
        filled_quantity=row.filled,
        average_price=row.average_price,
        reason=reason_of(row) if status in (OrderStatus.CANCELED, OrderStatus.REJECTED) else "",
    )


def _is_target(row: OrderRow) -> bool:
    return (row.side == "Sell" and row.trigger_direction == 1) or (row.side == "Buy" and row.trigger_direction == 2)
