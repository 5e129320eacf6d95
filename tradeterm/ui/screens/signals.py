"""Screen 2: every signal as one trace. "Why not?" is answered here."""

from collections.abc import Iterable
from typing import Any, ClassVar

from textual import on
from textual.containers import VerticalScroll
from textual.widget import Widget

from tradeterm.domain.facts import SignalFact
from tradeterm.ui.model import Scene, position_key
from tradeterm.ui.panels.trace import Trace, trace_text
from tradeterm.ui.screens.base import ConsoleScreen
from tradeterm.ui.screens.parts import Prose
from tradeterm.ui.tables import signals
from tradeterm.ui.tables.common import symbol
from tradeterm.ui.widgets.live_table import LiveTable
from tradeterm.ui.widgets.pane import Pane

SHOWN = 200


class SignalsScreen(ConsoleScreen):
    TABS: ClassVar = (("Signals", ("list-pane",)), ("Trace", ("trace-pane",)))
    ABOUT = "Signals: each with its numbers, every rule, the verdict whole, size, orders, fills and exit."

    def __init__(self) -> None:
        super().__init__()
        self._signals: dict[str, SignalFact] = {}

    def panes(self) -> Iterable[Widget]:
        yield Pane(
            LiveTable(
                self.columns(signals.COLUMNS),
                empty_text="No signal yet: none of the instruments has moved far enough.",
                id="list",
            ),
            title="Signals",
            letter="s",
            id="list-pane",
        )
        yield Pane(
            VerticalScroll(Prose(id="trace-text"), id="trace"),
            title="Trace",
            letter="t",
            empty_text="The trace of the selected signal stands here.",
            id="trace-pane",
        )

    def show_facts(self, scene: Scene) -> None:
        facts = self.console.signals(SHOWN)
        self._signals = {fact.id: fact for fact in facts}
        known = signals.fate(self.console.verdicts(SHOWN), self.console.orders(2 * SHOWN), self.console.trades(SHOWN))
        self.query_one("#list", LiveTable).set_rows(signals.rows(facts, known, self.zone))
        self.query_one("#list-pane", Pane).set_summary(signals.summary(facts))
        self._show_trace()

    @on(LiveTable.RowHighlighted, "#list")
    def _highlighted(self) -> None:
        with self.desk_app.reading():
            self._show_trace()

    def _show_trace(self) -> None:
        pane = self.query_one("#trace-pane", Pane)
        signal = self._signals.get(self.query_one("#list", LiveTable).cursor_key or "")
        pane.empty = signal is None
        if signal is None or pane.frozen:
            return
        pane.set_title(f"Trace · {symbol(signal.instrument)}")
        self.query_one("#trace-text", Prose).show(trace_text(self._trace(signal), self.zone))

    def _trace(self, signal: SignalFact) -> Trace:
        orders = self.console.orders(50, signal.id)
        fills = [fill for order in orders for fill in self.console.fills(50, order.client_order_id)]
        return Trace(
            signal=signal,
            verdict=self.console.verdict(signal.verdict_id) if signal.verdict_id else None,
            orders=orders,
            fills=fills,
            trade=next((trade for trade in self.console.trades() if trade.signal_id == signal.id), None),
            shadow=next((trade for trade in self.console.shadow_trades() if trade.signal_id == signal.id), None),
        )

    def open_row(self, table: LiveTable, key: str) -> None:
        """Enter goes to the trace, which on a small screen is a tab of its own."""
        self.focus_pane("trace-pane")

    def selected_position(self) -> str:
        signal = self._signals.get(self.query_one("#list", LiveTable).cursor_key or "")
        view = self.desk_app.scene.view
        if signal is None or view is None:
            return ""
        return next((position_key(p) for p in view.positions if p.instrument == signal.instrument), "")

    def subject(self, table: LiveTable, key: str) -> Any:
        return self._signals.get(key)
