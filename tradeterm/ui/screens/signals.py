"""Screen 2: every signal as one trace, where "Why not?" is answered; and the record of tier 2."""

import asyncio
import time
from collections.abc import Iterable
from typing import Any, ClassVar

import msgspec
from textual import events, on, work
from textual.containers import VerticalScroll
from textual.widget import Widget

from tradeterm.assistant.evidence import Evidence, read_apart
from tradeterm.assistant.scorecard import Scorecard
from tradeterm.domain.facts import SignalFact
from tradeterm.ui.modals.detail import DetailModal
from tradeterm.ui.model import Scene, position_key
from tradeterm.ui.panels.scorecard import ScorecardPanel, summary
from tradeterm.ui.panels.trace import Trace, trace_text
from tradeterm.ui.screens.parts import Prose
from tradeterm.ui.screens.sided import SidedScreen
from tradeterm.ui.tables import signals
from tradeterm.ui.tables.common import symbol
from tradeterm.ui.widgets.live_table import LiveTable
from tradeterm.ui.widgets.pane import Pane

SHOWN = 200
SCORE_EVERY_S = 2.0
SCORE_SHARE = 10  # a scorecard is made in a tenth of the time at most, however long it takes


class SignalsScreen(SidedScreen):
    TABS: ClassVar = (("Signals", ("list-pane",)), ("Trace", ("trace-pane",)), ("Tier 2", ("score-pane",)))
    BEHIND = 2
    BEHIND_CLASS = "-score"
    ABOUT = (
        "Signals: each with its numbers, every rule, the verdict whole, size, orders, fills and exit; and what the "
        "verdicts of tier 2 were worth."
    )

    def __init__(self) -> None:
        super().__init__()
        self._signals: dict[str, SignalFact] = {}
        self._score_due = self._scoring = False
        self._scored: tuple[int, int, int] | None = None

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
        yield Pane(
            ScorecardPanel(id="score"),
            title="Tier 2, by what its signals would have earned untouched",
            letter="c",
            empty_text="Tier 2 has not been asked about a signal yet.",
            id="score-pane",
        )

    def show_facts(self, scene: Scene) -> None:
        facts = self.console.signals(SHOWN)
        self._signals = {fact.id: fact for fact in facts}
        known = signals.fate(self.console.verdicts(SHOWN), self.console.orders(2 * SHOWN), self.console.trades(SHOWN))
        self.query_one("#list", LiveTable).set_rows(signals.rows(facts, known, self.zone))
        self.query_one("#list-pane", Pane).set_summary(signals.summary(facts))
        self._show_trace()
        self._score_due = True
        self._score_if_seen()

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

    # The record of tier 2: nothing is read or computed while it is not seen

    def _mark_vacant(self) -> None:
        super()._mark_vacant()
        self.call_after_refresh(self._score_if_seen)

    def on_resize(self, event: events.Resize) -> None:
        self.call_after_refresh(self._score_if_seen)

    def _score_if_seen(self) -> None:
        if self._score_due and not self._scoring and self.is_current and self._sees_score():
            self._scoring, self._score_due = True, False
            self._make_score()

    def _sees_score(self) -> bool:
        pane = self.query_one("#score-pane", Pane)
        if pane.frozen or self.has_class("-tiny-width") or self.has_class("-tiny-height"):
            return False
        return pane.has_class("-zoom") if self.has_class("-zoomed") else self.is_behind

    @work(group="score", exit_on_error=False)
    async def _make_score(self) -> None:
        began = time.monotonic()
        try:
            with self.desk_app.reading():
                evidence = await asyncio.to_thread(read_apart, self.console)
                if self._scored != (outcomes := _outcomes(evidence)):
                    self._show_score(await asyncio.to_thread(_scorecards, evidence))
                    self._scored = outcomes
        finally:
            if self.is_attached:
                self.set_timer(max(SCORE_EVERY_S, SCORE_SHARE * (time.monotonic() - began)), self._score_again)

    def _score_again(self) -> None:
        self._scoring = False
        self._score_if_seen()

    def _show_score(self, cards: tuple[Scorecard, ...]) -> None:
        pane = self.query_one("#score-pane", Pane)
        pane.empty = not any(card.judges for card in cards)
        pane.set_summary(summary(cards))
        self.query_one(ScorecardPanel).set_cards(cards)

    # Rows

    def perform(self, action: str) -> str:
        detail = self.focused.detail() if isinstance(self.focused, ScorecardPanel) else None
        if detail is None or action not in ("row.open", "row.copy"):
            return super().perform(action)
        json = msgspec.json.format(msgspec.json.encode(detail.subject), indent=2).decode()
        if action == "row.copy":
            self.desk_app.copy(json)
        else:
            self.app.push_screen(DetailModal("Tier 2", detail.text, json, self.desk_app.copy))
        return ""

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


def _outcomes(evidence: Evidence) -> tuple[int, int, int]:
    """What a scorecard changes with: signals, those whose shadow ended, and those with an outcome."""
    ended = sum(shadow.ts_closed is not None for shadow in evidence.shadows)
    return len(evidence.shadows), ended, sum(shadow.pnl is not None for shadow in evidence.shadows)


def _scorecards(evidence: Evidence) -> tuple[Scorecard, ...]:
    from tradeterm.assistant.scoring import scorecard  # brings the numerical libraries

    return tuple(scorecard(evidence, currency=currency) for currency in evidence.currencies)
