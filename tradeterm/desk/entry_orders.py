"""Client ids of an entry and of what hangs on it, and the protection a venue attaches to it.

An entry is `<signal id>-<attempt>`, its attached stop and target add `s` and `t`. Where it is sent in parts
(`slicing.py`) that id is the first part's, and the round trip's; further parts add `c2`, `c3` and so on, and `p` is the
order that holds what is left: it is never sent. Later stops (`s2`) and exits (`x1`) are named after the round trip.
"""

from itertools import count

from tradeterm.desk.state import DeskState
from tradeterm.domain.orders import Order, OrderIntent, OrderType
from tradeterm.domain.signals import Signal


def entry_id(state: DeskState, signal: Signal) -> str:
    """The signal's first attempt whose id was never used."""
    return next(name for n in count(1) if (name := f"{signal.id}-{n}") not in state.orders)


def part_id(base: str, number: int) -> str:
    """The client id of part `number`, counted from 1."""
    return base if number == 1 else f"{base}c{number}"


def rest_id(base: str) -> str:
    """The client id of the order that holds what is left of the entry `base`."""
    return f"{base}p"


def is_sliced(state: DeskState, base: str) -> bool:
    """Whether the entry (or round trip) of that id was sent in parts."""
    return rest_id(base) in state.orders


def outlives_its_schedule(state: DeskState, order: Order) -> bool:
    """Whether the entry order is a part of a schedule that has ended; a schedule ends after its last part, or early."""
    rest = state.orders.get(rest_id(order.parent_id or order.client_order_id))
    return rest is not None and rest.is_closed


def attached(entry: Order) -> list[Order]:
    """The protection the venue creates with the entry's first fill; it is INITIALIZED until then."""
    children = []
    wanted = (
        ("s", OrderType.STOP_MARKET, OrderIntent.PROTECTIVE_STOP, entry.stop_loss),
        ("t", OrderType.TAKE_PROFIT_MARKET, OrderIntent.TAKE_PROFIT, entry.take_profit),
    )
    for suffix, kind, intent, trigger in wanted:
        if trigger is not None:
            child = Order(
                client_order_id=entry.client_order_id + suffix,
                book=entry.book,
                venue=entry.venue,
                account=entry.account,
                instrument=entry.instrument,
                side=entry.side.opposite,
                type=kind,
                quantity=entry.quantity,
                intent=intent,
                ts_created=entry.ts_created,
                ts_updated=entry.ts_updated,
                trigger_price=trigger,
                reduce_only=True,
                signal_id=entry.signal_id,
                parent_id=entry.client_order_id,
            )
            children.append(child)
    return children
