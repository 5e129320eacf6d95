"""One order through its state machine, as text."""

from collections.abc import Sequence

from textual.content import Content

from tradeterm.domain.facts import OrderEventFact
from tradeterm.domain.orders import Order, OrderStatus
from tradeterm.ui import fmt
from tradeterm.ui.plain import plain
from tradeterm.ui.tables.common import in_words, symbol
from tradeterm.ui.tables.orders import intent_words, type_words


def history_text(order: Order, events: Sequence[OrderEventFact], zone: str) -> Content:
    """What the order is, then every step it took, oldest first."""
    parts: list[tuple[str, str]] = [
        (
            f"{symbol(order.instrument)} {intent_words(order)} {order.side} {fmt.quantity(order.quantity)}",
            "bold $bright",
        ),
        (f"  {type_words(order)} · {order.time_in_force}", "$muted"),
        (" · reduce-only\n" if order.reduce_only else "\n", "$muted"),
        (f"{order.client_order_id}", "$foreground"),
        (f" at {order.venue}/{order.account}, venue id {plain(order.venue_order_id or 'none yet')}\n\n", "$muted"),
    ]
    for event in events:
        late = event.anomaly or event.to_status is OrderStatus.UNKNOWN
        parts.append((f"{fmt.clock(event.ts, zone)} ", "$muted"))
        parts.append((f"{event.kind.lower().replace('_', ' '):<13}", "$foreground"))
        parts.append((f"{event.from_status} → ", "$muted"))
        parts.append((f"{event.to_status}", "bold $danger" if late else "bold $foreground"))
        detail = plain(event.detail) + (" (anomaly)" if event.anomaly else "")
        parts.append((f"\n         {detail}\n" if detail else "\n", "$muted"))
    if not events:
        parts.append(("No step is recorded yet.\n", "$muted"))
    if order.reason:
        parts.append((f"\n{in_words(order.reason)}\n", "$muted"))
    return Content.assemble(*parts)
