"""Screen 3: orders with their state machine, fills, cash events; UNKNOWN on top."""

from collections.abc import Iterable
from typing import Any, ClassVar

from textual import on
from textual.containers import VerticalScroll
from textual.widget import Widget

from tradeterm.domain.orders import Cash, Fill, Order, OrderStatus
from tradeterm.ui.model import Scene, position_key
from tradeterm.ui.panels.history import history_text
from tradeterm.ui.screens.base import ConsoleScreen
from tradeterm.ui.screens.parts import Prose
from tradeterm.ui.tables import fills, orders
from tradeterm.ui.tables.common import order_ticks
from tradeterm.ui.widgets.live_table import LiveTable
from tradeterm.ui.widgets.pane import Pane

SHOWN = 200


class OrdersScreen(ConsoleScreen):
    TABS: ClassVar = (
        ("Orders", ("orders-pane",)),
        ("History", ("history-pane",)),
        ("Fills", ("fills-pane",)),
        ("Cash", ("cash-pane",)),
    )
    ABOUT = "Orders: what was sent, what the venue said, what was filled. An UNKNOWN order is being looked up."

    def __init__(self) -> None:
        super().__init__()
        self._orders: dict[str, Order] = {}
        self._fills: dict[str, Fill] = {}
        self._cash: dict[str, Cash] = {}

    def panes(self) -> Iterable[Widget]:
        yield Pane(
            LiveTable(self.columns(orders.COLUMNS), empty_text="No order yet.", id="orders"),
            title="Orders",
            letter="o",
            id="orders-pane",
        )
        yield Pane(
            VerticalScroll(Prose(id="history-text"), id="history"),
            title="History",
            letter="h",
            empty_text="The steps of the selected order stand here.",
            id="history-pane",
        )
        yield Pane(
            LiveTable(fills.FILL_COLUMNS, empty_text="No fill yet.", id="fills"),
            title="Fills",
            letter="f",
            id="fills-pane",
        )
        yield Pane(
            LiveTable(fills.CASH_COLUMNS, empty_text="No cash event yet: funding and charges stand here.", id="cash"),
            title="Cash",
            letter="c",
            id="cash-pane",
        )

    def show_facts(self, scene: Scene) -> None:
        listed = self.console.orders(SHOWN)
        filled = self.console.fills(SHOWN)
        moved = self.console.cash_events(SHOWN)
        self._orders = {order.client_order_id: order for order in listed}
        self._fills = {f"{fill.venue}/{fill.account}/{fill.exec_id}": fill for fill in filled}
        self._cash = {f"{cash.venue}/{cash.account}/{cash.id}": cash for cash in moved}
        self.query_one("#orders", LiveTable).set_rows(orders.rows(listed, self.zone))
        self.query_one("#fills", LiveTable).set_rows(fills.fill_rows(filled, order_ticks(listed), self.zone))
        self.query_one("#cash", LiveTable).set_rows(fills.cash_rows(moved, self.desk_app.glyphs, self.zone))
        unclear = sum(order.status is OrderStatus.UNKNOWN for order in listed)
        still_open = sum(not order.is_closed for order in listed)
        words = [f"{unclear} UNKNOWN"] if unclear else []
        self.query_one("#orders-pane", Pane).set_summary(" · ".join([*words, f"{still_open} open"]) if listed else "")
        self._show_history()

    @on(LiveTable.RowHighlighted, "#orders")
    def _highlighted(self) -> None:
        with self.desk_app.reading():
            self._show_history()

    def _show_history(self) -> None:
        pane = self.query_one("#history-pane", Pane)
        order = self._orders.get(self.query_one("#orders", LiveTable).cursor_key or "")
        pane.empty = order is None
        if order is None or pane.frozen:
            return
        events = self.console.order_events(order.client_order_id)
        self.query_one("#history-text", Prose).show(history_text(order, events, self.zone))

    def selected_position(self) -> str:
        order = self._orders.get(self.query_one("#orders", LiveTable).cursor_key or "")
        view = self.desk_app.scene.view
        if order is None or view is None:
            return ""
        return next((position_key(p) for p in view.positions if p.instrument == order.instrument), "")

    def subject(self, table: LiveTable, key: str) -> Any:
        facts: dict[str, dict[str, Any]] = {"orders": self._orders, "fills": self._fills, "cash": self._cash}
        return facts[table.id or ""].get(key)
