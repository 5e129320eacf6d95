"""What the venue knows for certain, for assertions."""

from collections.abc import Callable, Iterable

from simulators.bybit.model import Order


def plain_intent(order: Order) -> object:
    """What an order is for, as far as its fields tell."""
    o = order
    return o.symbol, o.side, o.order_type, o.qty, o.price, o.trigger_price, o.stop_loss, o.reduce_only


def duplicates(
    orders: Iterable[Order], intent: Callable[[Order], object] = plain_intent, within_ms: int = 30_000
) -> list[tuple[Order, Order]]:
    """Pairs of a client's orders with one intent that came within `within_ms` of each other."""
    last: dict[object, Order] = {}
    found = []
    for order in orders:
        if order.is_child:
            continue
        name = intent(order)
        before = last.get(name)
        if before is not None and order.created_ms - before.created_ms <= within_ms:
            found.append((before, order))
        last[name] = order
    return found
