"""Screen 1: what a trader looks at. Chart of the selected instrument, positions, signals, risk, verdicts."""

from collections.abc import Iterable
from typing import Any, ClassVar

from msgspec import Struct
from textual import on
from textual.widget import Widget

from tradeterm.domain.facts import SignalFact
from tradeterm.domain.market import Bar
from tradeterm.domain.orders import OrderSide
from tradeterm.domain.view import FeedView, PositionView
from tradeterm.ui import fmt
from tradeterm.ui.model import Scene, position_key
from tradeterm.ui.panels.result import ResultPanel, result
from tradeterm.ui.panels.risk import RiskPanel
from tradeterm.ui.panels.verdicts import VerdictNotes, notes
from tradeterm.ui.screens.base import ConsoleScreen
from tradeterm.ui.tables import positions, signals
from tradeterm.ui.tables.common import Ticks, symbol
from tradeterm.ui.widgets.candles import CandleChart, Level, Mark
from tradeterm.ui.widgets.live_table import LiveTable
from tradeterm.ui.widgets.pane import Pane

SIGNALS_SHOWN = 60
BARS_SHOWN = 400
ORDERS_LOOKED_AT = 150
NOTES_SHOWN = 12
FILLS_SHOWN = 40
TICK_BARS = 60


class Drawn(Struct, frozen=True):
    """What the chart shows, and of which instrument and bar it was read."""

    instrument: str
    bar: int
    bars: tuple[Bar, ...]
    marks: tuple[Mark, ...]
    tick: float | None


NOTHING_DRAWN = Drawn("", -1, (), (), None)


class DeskScreen(ConsoleScreen):
    TABS: ClassVar = (
        ("Desk", ("result-pane", "positions-pane", "signals-pane")),
        ("Chart", ("chart-pane",)),
        ("Verdicts", ("verdicts-pane",)),
        ("Risk", ("risk-pane",)),
    )
    PRICED = ("positions-pane", "risk-pane")
    ABOUT = "The desk: the selected position or signal is drawn in the chart and is what flatten means."

    def __init__(self) -> None:
        super().__init__()
        self._instrument = ""
        self._chosen = False
        self._signals: dict[str, SignalFact] = {}
        self._drawn = NOTHING_DRAWN

    def panes(self) -> Iterable[Widget]:
        yield Pane(CandleChart(id="chart"), title="Chart", letter="c", empty_text="No bars yet.", id="chart-pane")
        yield Pane(
            RiskPanel(id="risk"),
            title="Risk",
            letter="r",
            empty_text="No engine has shown its limits yet.",
            id="risk-pane",
        )
        yield Pane(
            VerdictNotes(id="verdicts"),
            title="Verdicts",
            letter="v",
            empty_text="No verdict yet: the second tier judges the first signal that passes the rules.",
            id="verdicts-pane",
        )
        yield Pane(ResultPanel(id="result"), title="The recording has ended", id="result-pane")
        yield Pane(
            LiveTable(self.columns(positions.COLUMNS), empty_text="No open position.", id="positions"),
            title="Positions",
            letter="p",
            id="positions-pane",
        )
        yield Pane(
            LiveTable(
                self.columns(signals.COLUMNS),
                empty_text="No signal yet: none of the instruments has moved far enough.",
                id="signals",
            ),
            title="Signals",
            letter="s",
            id="signals-pane",
        )

    def focus_first(self) -> None:
        self.query_one("#signals" if self.has_class("-finished") else "#positions").focus()

    # Painting

    def show_view(self, scene: Scene) -> None:
        view = scene.view
        if view is None:
            return
        self.query_one("#positions", LiveTable).set_rows(positions.rows(view, self.desk_app.glyphs))
        held = self.query_one("#positions-pane", Pane)
        held.set_title(f"Positions {len(view.positions)}" if view.positions else "Positions")
        held.set_summary(
            f"{fmt.signed_money(view.unrealized_pnl, view.currency)} open · {fmt.percent(view.exposure, 0)} deployed"
            if view.positions
            else ""
        )
        risk = self.query_one("#risk-pane", Pane)
        if not risk.frozen:
            self.query_one(RiskPanel).set_view(view)
        risk.set_summary(" · ".join(sorted({book.tier2 for book in view.books if book.tier2})))
        finished = view.replay is not None and view.replay.finished
        if finished is not self.has_class("-finished"):
            self.set_class(finished, "-finished")
            if self.focused is None or self.focused.id in ("positions", "signals"):
                self.focus_first()
        self._show_chart(scene)

    def show_facts(self, scene: Scene) -> None:
        self._drawn = NOTHING_DRAWN
        facts = self.console.signals(SIGNALS_SHOWN)
        verdicts = self.console.verdicts(SIGNALS_SHOWN)
        known = signals.fate(verdicts, self.console.orders(ORDERS_LOOKED_AT), self.console.trades(SIGNALS_SHOWN))
        self._signals = {fact.id: fact for fact in facts}
        table = self.query_one("#signals", LiveTable)
        at_top = table.keys[:1] == (table.cursor_key,) and not table.has_focus
        table.set_rows(signals.rows(facts, known, self.zone))
        if at_top and facts:  # nobody is reading further down: the newest signal stays in sight
            table.move_cursor(facts[0].id)
        self.query_one("#signals-pane", Pane).set_summary(signals.summary(facts))
        pane = self.query_one("#verdicts-pane", Pane)
        pane.empty = not verdicts
        if not pane.frozen:
            listed = notes(verdicts[:NOTES_SHOWN], self._signals, known.trades, scene.view, self.zone)
            self.query_one(VerdictNotes).set_notes(listed)
        self.query_one(RiskPanel).set_equity([float(point.equity) for point in self.console.equity(limit=240)])
        self._show_result(scene)

    def _show_result(self, scene: Scene) -> None:
        view = scene.view
        if view is not None and view.replay is not None and view.replay.finished:
            again = self.desk_app.keymap.shown("replay.again")
            self.query_one(ResultPanel).set_result(result(view, self.console.equity(limit=5000), again))

    def _show_chart(self, scene: Scene) -> None:
        view = scene.view
        pane = self.query_one("#chart-pane", Pane)
        if view is None or pane.frozen:
            return
        instrument = self._charted(scene)
        feed = next((feed for feed in view.feeds if feed.instrument == instrument), None)
        held = next((held for held in view.positions if held.instrument == instrument), None)
        drawn = self._draw(instrument, feed)
        pane.empty = not drawn.bars
        last = feed.last if feed is not None else None
        self.query_one(CandleChart).set_data(
            drawn.bars, levels=_levels(held), marks=drawn.marks, tick=drawn.tick, last=last
        )
        minutes = f" {feed.interval_ms // 60_000}m" if feed is not None and feed.interval_ms else ""
        pane.set_title(f"{symbol(instrument)}{minutes}" if instrument else "Chart")
        if feed is not None:
            funding = f" · funding {fmt.signed_percent(feed.funding_rate, 4)}" if feed.funding_rate is not None else ""
            change = f" · session {fmt.signed_percent(feed.change)}" if feed.change is not None else ""
            pane.set_summary(f"{fmt.price(feed.last, drawn.tick)}{change}{funding}")

    def _draw(self, instrument: str, feed: FeedView | None) -> Drawn:
        """Bars and fills to draw; read again only when a bar has closed or the ledger has changed."""
        interval = feed.interval_ms if feed is not None else 0
        bar = feed.ts_last // interval if feed is not None and interval else 0
        if (instrument, bar) != (self._drawn.instrument, self._drawn.bar):
            bars = tuple(self.console.bars(instrument, BARS_SHOWN)) if instrument else ()
            fills = self.console.fills(limit=FILLS_SHOWN, instrument=instrument) if bars else ()
            step = Ticks((known.instrument, known.close) for known in bars[-TICK_BARS:]).step(instrument)
            marks = tuple(
                Mark(fill.ts_event, float(fill.price), fill.side.value, "B" if fill.side is OrderSide.BUY else "S")
                for fill in fills
            )
            self._drawn = Drawn(instrument, bar, bars, marks, None if step is None else float(step))
        return self._drawn

    def instrument_of(self, pane: Pane) -> str:
        return self._charted(self.desk_app.scene) if pane.id == "chart-pane" else ""

    def _charted(self, scene: Scene) -> str:
        """What the chart shows: the chosen row's instrument; before any choice, whatever is held or moves most."""
        view = scene.view
        if view is None or (self._chosen and self._instrument):
            return self._instrument
        if view.positions:
            return view.positions[0].instrument
        moved = max(view.feeds, key=lambda feed: abs(feed.change or 0.0), default=None)
        return moved.instrument if moved is not None else ""

    # Choosing

    @on(LiveTable.RowHighlighted)
    def _highlighted(self, message: LiveTable.RowHighlighted) -> None:
        if message.key is None or not message.table.has_focus:
            return
        if message.table.id == "positions":
            self._instrument = message.key.partition("/")[2]
        elif message.key in self._signals:
            self._instrument = self._signals[message.key].instrument
        self._chosen = True
        self._show_chart(self.desk_app.scene)

    def selected_position(self) -> str:
        view = self.desk_app.scene.view
        held = view.positions if view is not None else ()
        table = self.query_one("#positions", LiveTable)
        if self.focused is self.query_one("#signals"):
            return next((position_key(p) for p in held if p.instrument == self._instrument), "")
        return table.cursor_key or ""

    def selected_book(self) -> str:
        return self.selected_position().partition("/")[0]

    def subject(self, table: LiveTable, key: str) -> Any:
        if table.id == "positions":
            return self.desk_app.scene.position(key)
        return self._signals.get(key)


def _levels(held: PositionView | None) -> list[Level]:
    if held is None:
        return []
    levels = [Level(float(held.entry_price), "entry", "entry")]
    if held.stop_price is not None:
        levels.append(Level(float(held.stop_price), "trail" if held.trailing else "stop", "stop"))
    if held.target_price is not None:
        levels.append(Level(float(held.target_price), "target", "target"))
    return levels
