"""Orders, the unclear ones first."""

from collections.abc import Sequence

import msgspec

from tradeterm.domain.orders import OPEN_AT_VENUE, Order, OrderIntent, OrderStatus
from tradeterm.ui import fmt
from tradeterm.ui.tables.common import Ticks, in_words, order_ticks, side_cell, symbol
from tradeterm.ui.widgets.table_layout import Cell, Column, Row

COLUMNS = (
    Column("time", "Time", 8, priority=80),
    Column("symbol", "Symbol", 9, priority=100),
    Column("side", "Side", 4, priority=90),
    Column("intent", "Intent", 6, priority=88),
    Column("status", "Status", 16, priority=95),
    Column("quantity", "Size", 5, "decimal", priority=75),
    Column("filled", "Filled", 5, "decimal", priority=60),
    Column("price", "Price", 7, "decimal", priority=70),
    Column("type", "Type", 11, priority=30),
    Column("id", "Id", 20, priority=20),
    Column("reason", "Reason", 30, priority=40, min_width=16),
    Column("book", "Book", 8, priority=10),
)
SHARED_COLUMNS = tuple(
    msgspec.structs.replace(column, width=8, min_width=6) if column.key == "intent" else column for column in COLUMNS
)
"""For accounts that others may trade on too: wide enough for EXTERNAL."""
_INTENTS = {
    OrderIntent.ENTRY: "entry",
    OrderIntent.PROTECTIVE_STOP: "stop",
    OrderIntent.TAKE_PROFIT: "target",
    OrderIntent.EXIT: "exit",
    OrderIntent.EXTERNAL: "EXTERNAL",
}


def ranked(orders: Sequence[Order]) -> list[Order]:
    """UNKNOWN on top, then what is open, then the rest, each newest first."""
    return sorted(orders, key=lambda order: (_rank(order), -order.ts_created))


def _rank(order: Order) -> int:
    if order.status is OrderStatus.UNKNOWN:
        return 0
    return 2 if order.is_closed else 1


def rows(orders: Sequence[Order], zone: str) -> list[Row]:
    ticks = order_ticks(orders)
    return [_row(order, ticks, zone) for order in ranked(orders)]


def _row(order: Order, ticks: Ticks, zone: str) -> Row:
    at = order.average_price or order.trigger_price or order.price
    cells = (
        Cell(fmt.clock(order.ts_created, zone), "muted"),
        Cell(symbol(order.instrument), "bold"),
        side_cell(order.side),
        Cell(intent_words(order), "warn" if order.intent is OrderIntent.EXTERNAL else ""),
        Cell(order.status.value, status_tone(order.status)),
        Cell(fmt.quantity(order.quantity)),
        Cell(fmt.quantity(order.filled_quantity) if order.filled_quantity else fmt.DASH, "muted"),
        Cell(ticks.price(order.instrument, at) if at is not None else "market"),
        Cell(type_words(order), "muted"),
        Cell(order.client_order_id, "muted"),
        Cell(
            in_words(order.reason), "warn" if order.status in (OrderStatus.UNKNOWN, OrderStatus.REJECTED) else "muted"
        ),
        Cell(order.book, "muted"),
    )
    sort = (
        order.ts_created,
        order.instrument,
        order.side.value,
        cells[3].text,
        order.status.value,
        order.quantity,
        order.filled_quantity,
        at,
        order.type.value,
        order.client_order_id,
        order.reason,
        order.book,
    )
    return Row(order.client_order_id, cells, sort)


def type_words(order: Order) -> str:
    """The type in words, without repeating that a triggered order goes to the market."""
    return order.type.value.lower().replace("_", " ").removesuffix(" market")


def intent_words(order: Order) -> str:
    return _INTENTS[order.intent]


def status_tone(status: OrderStatus) -> str:
    if status is OrderStatus.UNKNOWN:
        return "alarm"
    if status in OPEN_AT_VENUE:
        return "accent"
    if status is OrderStatus.FILLED:
        return "up"
    return "down" if status in (OrderStatus.REJECTED, OrderStatus.DENIED) else "muted"
