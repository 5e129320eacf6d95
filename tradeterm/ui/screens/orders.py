"""Screen 3: orders with their state machine, UNKNOWN on top; fills, cash events; venues, streams, reconciliations."""

from collections.abc import Iterable
from typing import Any, ClassVar

from textual import on
from textual.containers import VerticalScroll
from textual.widget import Widget

from tradeterm.domain.facts import ReconciliationFact
from tradeterm.domain.orders import Cash, Fill, Order, OrderIntent, OrderStatus
from tradeterm.domain.view import StreamView, VenueView
from tradeterm.ui.model import Scene, position_key
from tradeterm.ui.panels.history import history_text
from tradeterm.ui.screens.base import ConsoleScreen
from tradeterm.ui.screens.parts import Prose
from tradeterm.ui.tables import fills, orders, venues
from tradeterm.ui.tables.common import order_ticks
from tradeterm.ui.widgets.live_table import LiveTable
from tradeterm.ui.widgets.pane import Pane

SHOWN = 200
RECONCILIATIONS_READ = 200
REPLAY = "replay"


class OrdersScreen(ConsoleScreen):
    TABS: ClassVar = (
        ("Orders", ("orders-pane",)),
        ("History", ("history-pane",)),
        ("Fills", ("fills-pane",)),
        ("Cash", ("cash-pane",)),
        ("Venues", ("venues-pane",)),
        ("Reconciliations", ("reconciliations-pane",)),
    )
    ABOUT = (
        "Orders: what was sent, what the venue said, what was filled. An UNKNOWN order is being looked up; "
        "an EXTERNAL one was found at the venue and is not ours."
    )

    def __init__(self) -> None:
        super().__init__()
        self._orders: dict[str, Order] = {}
        self._fills: dict[str, Fill] = {}
        self._cash: dict[str, Cash] = {}
        self._venues: dict[str, VenueView | StreamView] = {}
        self._reconciliations: dict[str, ReconciliationFact] = {}

    def panes(self) -> Iterable[Widget]:
        alone = self.desk_app.config.feed.kind == REPLAY
        yield Pane(
            LiveTable(
                self.columns(orders.COLUMNS if alone else orders.SHARED_COLUMNS),
                empty_text="No order yet.",
                id="orders",
            ),
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
            LiveTable(
                fills.FILL_COLUMNS if alone else (*fills.FILL_COLUMNS, fills.ORIGIN),
                empty_text="No fill yet.",
                id="fills",
            ),
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
        yield Pane(
            LiveTable(
                venues.RECONCILIATION_COLUMNS,
                empty_text="No reconciliation yet: the first comes with the connection to a venue.",
                id="reconciliations",
            ),
            title="Reconciliations",
            letter="r",
            id="reconciliations-pane",
        )
        yield Pane(
            LiveTable(venues.VENUE_COLUMNS, empty_text="No engine has shown its venues yet.", id="venues"),
            title="Venues",
            letter="v",
            id="venues-pane",
        )

    def show_second(self, scene: Scene) -> None:
        """Streams age with every second, whatever the engine says."""
        view = scene.view
        if view is None:
            return
        self.set_class(view.replay is not None, "-recording")  # one simulated venue needs little room
        self._venues = {
            **{venues.venue_key(venue): venue for venue in view.venues},
            **{venues.stream_key(stream): stream for stream in view.streams},
        }
        self.query_one("#venues", LiveTable).set_rows(venues.venue_rows(view, scene.wall, self.zone))
        self.query_one("#venues-pane", Pane).set_summary(venues.venue_summary(view))

    def show_facts(self, scene: Scene) -> None:
        listed = self.console.orders(SHOWN)
        filled = self.console.fills(SHOWN)
        moved = self.console.cash_events(SHOWN)
        self._orders = {order.client_order_id: order for order in listed}
        self._fills = {f"{fill.venue}/{fill.account}/{fill.exec_id}": fill for fill in filled}
        self._cash = {f"{cash.venue}/{cash.account}/{cash.id}": cash for cash in moved}
        self.query_one("#orders", LiveTable).set_rows(orders.rows(listed, self.zone))
        foreign = frozenset(order.client_order_id for order in listed if order.intent is OrderIntent.EXTERNAL)
        self.query_one("#fills", LiveTable).set_rows(fills.fill_rows(filled, order_ticks(listed), self.zone, foreign))
        self.query_one("#cash", LiveTable).set_rows(fills.cash_rows(moved, self.desk_app.glyphs, self.zone))
        compared = venues.in_runs(self.console.reconciliations(RECONCILIATIONS_READ))
        self._reconciliations = {run.key: run.fact for run in compared}
        self.query_one("#reconciliations", LiveTable).set_rows(venues.reconciliation_rows(compared, self.zone))
        self.query_one("#reconciliations-pane", Pane).set_summary(venues.reconciliation_summary(compared))
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
        facts: dict[str, dict[str, Any]] = {
            "orders": self._orders,
            "fills": self._fills,
            "cash": self._cash,
            "venues": self._venues,
            "reconciliations": self._reconciliations,
        }
        return facts[table.id or ""].get(key)
