"""Fills and cash events: everything that moved money."""

from collections.abc import Collection, Sequence

from tradeterm.domain.orders import Cash, Fill
from tradeterm.ui import fmt
from tradeterm.ui.glyphs import Glyphs
from tradeterm.ui.tables.common import Ticks, gain_cell, side_cell, symbol
from tradeterm.ui.widgets.table_layout import Cell, Column, Row

FILL_COLUMNS = (
    Column("time", "Time", 8, priority=80),
    Column("symbol", "Symbol", 9, priority=100),
    Column("side", "Side", 4, priority=90),
    Column("quantity", "Size", 5, "decimal", priority=85),
    Column("price", "Price", 7, "decimal", priority=88),
    Column("fee", "Fee", 5, "decimal", priority=60),
    Column("liquidity", "Liq.", 5, priority=20),
    Column("order", "Order", 18, priority=30, min_width=8),
)
ORIGIN = Column("origin", "Origin", 8, priority=86)
"""A last column for accounts that others may trade on too."""
CASH_COLUMNS = (
    Column("time", "Time", 8, priority=80),
    Column("kind", "Kind", 8, priority=90),
    Column("symbol", "Symbol", 9, priority=85),
    Column("amount", "Amount", 8, "decimal", priority=95),
    Column("detail", "Detail", 24, priority=30, min_width=8),
)


def fill_rows(fills: Sequence[Fill], ticks: Ticks, zone: str, foreign: Collection[str] = ()) -> list[Row]:
    """`foreign` are the client ids of orders that are not ours."""
    return [
        Row(
            f"{fill.venue}/{fill.account}/{fill.exec_id}",
            (
                Cell(fmt.clock(fill.ts_event, zone), "muted"),
                Cell(symbol(fill.instrument), "bold"),
                side_cell(fill.side),
                Cell(fmt.quantity(fill.quantity)),
                Cell(ticks.price(fill.instrument, fill.price)),
                Cell(fmt.money(fill.fee)),
                Cell(fill.liquidity.value.lower(), "muted"),
                Cell(fill.client_order_id, "muted"),
                _origin(fill, foreign),
            ),
            (
                fill.ts_event,
                fill.instrument,
                fill.side.value,
                fill.quantity,
                fill.price,
                fill.fee,
                fill.liquidity.value,
                fill.client_order_id,
                _origin(fill, foreign).text,
            ),
        )
        for fill in fills
    ]


def _origin(fill: Fill, foreign: Collection[str]) -> Cell:
    """EXTERNAL: of an order that is not ours; ADOPTED: booked so that a position nothing explains is the venue's."""
    if fill.reconciliation:
        return Cell("ADOPTED", "warn")
    return Cell("EXTERNAL", "warn") if fill.client_order_id in foreign else Cell("ours", "muted")


def cash_rows(events: Sequence[Cash], glyphs: Glyphs, zone: str) -> list[Row]:
    return [
        Row(
            f"{cash.venue}/{cash.account}/{cash.id}",
            (
                Cell(fmt.clock(cash.ts_event, zone), "muted"),
                Cell(cash.kind.value.lower()),
                Cell(symbol(cash.instrument) if cash.instrument else fmt.DASH, "bold"),
                gain_cell(cash.amount, glyphs, cash.currency),
                Cell(cash.detail, "muted"),
            ),
            (cash.ts_event, cash.kind.value, cash.instrument, cash.amount, cash.detail),
        )
        for cash in events
    ]
