"""Screen 4: what could be lost, what stops it, and what the models say of it."""

from collections.abc import Callable, Hashable, Iterable
from typing import Any, ClassVar

import msgspec
from textual import events, on
from textual.containers import Horizontal, Vertical
from textual.widget import Widget

from tradeterm.domain.facts import BreakerFact, HealthFact, RegimeFact, StressFact
from tradeterm.domain.view import DeskView, LimitView
from tradeterm.ui import fmt
from tradeterm.ui.modals.detail import DetailModal
from tradeterm.ui.model import Scene
from tradeterm.ui.panels.breaker import BreakerPanel, breaker_lines, counts_down
from tradeterm.ui.panels.correlation import CorrelationPanel
from tradeterm.ui.panels.equity import EquityPanel
from tradeterm.ui.panels.exposure import ExposurePanel
from tradeterm.ui.panels.fan import FanPanel
from tradeterm.ui.panels.panel import ChoicePanel, Panel, give_or_take
from tradeterm.ui.panels.regimes import RegimesPanel, courses, legend
from tradeterm.ui.panels.sizing import SizingPanel
from tradeterm.ui.panels.tail import TailPanel
from tradeterm.ui.screens.parts import Prose
from tradeterm.ui.screens.sided import SidedScreen
from tradeterm.ui.tables import books, limits, stress
from tradeterm.ui.widgets.live_table import LiveTable
from tradeterm.ui.widgets.pane import Pane

SNAPSHOTS_READ = 400
POINTS_READ = 2000
DESK = "the desk"


class RiskScreen(SidedScreen):
    """What is read for a pane waits until the pane is seen: a hidden one costs nothing."""

    TABS: ClassVar[tuple[tuple[str, tuple[str, ...]], ...]] = (
        ("Limits", ("limits-pane", "books-pane")),
        ("Breaker", ("breaker-pane",)),
        ("VaR", ("tail-pane",)),
        ("Equity", ("equity-pane",)),
        ("Size", ("size-pane",)),
        ("Together", ("exposure-pane", "correlation-pane")),
        ("Regimes", ("regimes-pane",)),
        ("Ahead", ("stress-pane", "fan-pane")),
    )
    BEHIND = 5
    BEHIND_CLASS = "-models"
    COLUMNS = ".column, #models"
    PRICED = ("limits-pane", "books-pane", "exposure-pane")
    ABOUT = "Risk: how much of each limit is used, what may be lost, how a size came about, and what stops trading."

    def __init__(self) -> None:
        super().__init__()
        self._limits: dict[str, LimitView] = {}
        self._books: dict[str, books.BookRisk] = {}
        self._stress: dict[str, StressFact] = {}
        self._health: tuple[HealthFact, ...] = ()
        self._breaker_events: tuple[BreakerFact, ...] = ()
        self._regimes: tuple[RegimeFact, ...] = ()
        self._read: dict[str, Hashable] = {}
        self._due: set[str] = set()
        self._of_view: dict[str, Callable[[DeskView, Scene], None]] = {
            "limits-pane": self._fill_limits,
            "books-pane": self._fill_books,
            "breaker-pane": self._fill_breaker,
            "exposure-pane": self._fill_exposure,
            "regimes-pane": self._fill_regimes,
        }
        self._of_facts: dict[str, Callable[[DeskView, Scene], None]] = {
            "tail-pane": self._fill_tail,
            "equity-pane": self._fill_equity,
            "size-pane": self._fill_size,
            "correlation-pane": self._fill_correlation,
            "stress-pane": self._fill_stress,
            "fan-pane": self._fill_fan,
        }

    def panes(self) -> Iterable[Widget]:
        zone = fmt.zone(self.zone)
        yield Vertical(
            Pane(
                LiveTable(limits.LIMIT_COLUMNS, empty_text="No engine has shown its limits yet.", id="limits"),
                title="Limits",
                letter="l",
                id="limits-pane",
            ),
            Pane(
                LiveTable(books.BOOK_COLUMNS, empty_text="There is no book.", id="books"),
                Prose(id="edge"),
                title="Books",
                letter="b",
                id="books-pane",
            ),
            Pane(BreakerPanel(id="breaker"), title="Breaker", letter="k", id="breaker-pane"),
            classes="column",
        )
        yield Vertical(
            Pane(TailPanel(tz=zone, id="tail"), title="VaR", letter="v", id="tail-pane"),
            Pane(EquityPanel(tz=zone, id="equity"), title="Equity", letter="e", id="equity-pane"),
            Pane(SizingPanel(tz=zone, id="size"), title="Size", letter="s", id="size-pane"),
            classes="column",
        )
        yield Horizontal(
            Vertical(
                Pane(ExposurePanel(id="exposure"), title="Exposure", letter="x", id="exposure-pane"),
                Pane(CorrelationPanel(id="correlation"), title="Correlation", letter="c", id="correlation-pane"),
                classes="column",
            ),
            Vertical(
                Pane(RegimesPanel(tz=zone, id="regimes"), title="Regimes", letter="r", id="regimes-pane"),
                Pane(
                    LiveTable(
                        stress.STRESS_COLUMNS,
                        empty_text="Not computed yet: no fit of the risk models.",
                        id="stress",
                    ),
                    title="Stress, hypothetical",
                    letter="t",
                    id="stress-pane",
                ),
                Pane(FanPanel(id="fan"), title="Equity ahead, simulated", letter="m", id="fan-pane"),
                classes="column",
            ),
            id="models",
        )

    # What is seen

    def _mark_vacant(self) -> None:
        super()._mark_vacant()
        self._fill_later()

    def on_resize(self, event: events.Resize) -> None:
        self._fill_later()

    def _fill_later(self) -> None:
        self.call_after_refresh(self._fill_seen)

    def _seen(self) -> set[str]:
        """Ids of the panes that the layout shows."""
        if self.has_class("-zoomed"):
            return {pane.id or "" for pane in self.query(Pane) if pane.has_class("-zoom")}
        if self.has_class("-tiny-width") or self.has_class("-tiny-height"):
            return set()
        tabs = self.TABS
        if self.has_class("-narrow") or self.has_class("-short"):
            tabs = tabs[self._tab : self._tab + 1]
        elif self.has_class("-two"):
            tabs = tabs[self.BEHIND :] if self.is_behind else tabs[: self.BEHIND]
        return {pane for _, panes in tabs for pane in panes}

    # Filling

    def show_view(self, scene: Scene) -> None:
        self._due |= self._of_view.keys()
        self._fill(scene)

    def show_facts(self, scene: Scene) -> None:
        self._due |= self._of_view.keys() | self._of_facts.keys()
        self._health = tuple(self.console.health_events())
        self._breaker_events = tuple(self.console.breaker_events())

    def show_second(self, scene: Scene) -> None:
        if scene.view is not None and counts_down(scene.view, scene.now):
            self._due.add("breaker-pane")
            self._fill(scene)

    def _fill_seen(self) -> None:
        with self.desk_app.reading():
            self._fill(self.desk_app.scene)

    def _fill(self, scene: Scene) -> None:
        if scene.view is None:
            return
        for pane_id in self._due & self._seen():
            if not self.query_one(f"#{pane_id}", Pane).frozen:
                self._due.discard(pane_id)
                (self._of_view.get(pane_id) or self._of_facts[pane_id])(scene.view, scene)

    def _is_new(self, pane: str, *newest: Hashable) -> bool:
        """Whether the newest rows are others than those the pane was last filled from."""
        before = self._read.get(pane)
        self._read[pane] = newest
        return before != newest

    def _pane(self, name: str, summary: str = "", title: str = "") -> None:
        pane = self.query_one(f"#{name}", Pane)
        pane.set_summary(summary)
        if title:
            pane.set_title(title)

    def _fill_limits(self, view: DeskView, scene: Scene) -> None:
        self._limits = {limits.limit_key(limit): limit for limit in view.limits}
        self.query_one("#limits", LiveTable).set_rows(limits.limit_rows(view.limits, self.desk_app.glyphs))

    def _fill_books(self, view: DeskView, scene: Scene) -> None:
        health = {known.book: known for known in view.risk.health}
        self._books = {
            book.book: books.BookRisk(
                book, health.get(book.book), tuple(fact for fact in self._health if fact.book == book.book)
            )
            for book in view.books
        }
        rows = books.book_rows(view.books, view.risk.health, self.desk_app.glyphs)
        self.query_one("#books", LiveTable).set_rows(rows)
        self._show_edge()

    @on(LiveTable.RowHighlighted, "#books")
    def _show_edge(self) -> None:
        book = self._books.get(self.query_one("#books", LiveTable).cursor_key or "")
        if book is not None and self._is_new("edge", book.book.book, book.health):
            sign = give_or_take(self.desk_app.glyphs.ascii)
            self.query_one("#edge", Prose).show(books.edge_words(book.health, sign))

    def _fill_breaker(self, view: DeskView, scene: Scene) -> None:
        said = breaker_lines(
            view,
            self._breaker_events,
            scene.now,
            cool_down_minutes=self.desk_app.config.breaker.cool_down_minutes,
            resume_key=self.desk_app.keymap.shown("engine.resume"),
            zone=self.zone,
        )
        self.query_one(BreakerPanel).say(said, self._breaker_events)
        count = len(self._breaker_events)
        self._pane("breaker-pane", f"{count} {'change' if count == 1 else 'changes'}" if count else "")

    def _fill_exposure(self, view: DeskView, scene: Scene) -> None:
        oldest = self.desk_app.config.risk.rate_max_age_days
        self.query_one(ExposurePanel).set_risk(view.risk, view.currency, scene.now, oldest)

    def _fill_regimes(self, view: DeskView, scene: Scene) -> None:
        newest = self.console.regimes(1)
        if self._is_new("regimes", *((fact.ts, fact.instrument) for fact in newest)):
            self._regimes = tuple(self.console.regimes())
        if self._is_new("regimes-pane", self._regimes[:1], view.risk.regimes, scene.now // 60_000):
            self.query_one(RegimesPanel).set_courses(courses(view.risk.regimes, self._regimes), scene.now)
            self._pane("regimes-pane", legend() if view.risk.regimes or self._regimes else "")

    def _fill_tail(self, view: DeskView, scene: Scene) -> None:
        panel = self.query_one(TailPanel)
        panel.set_choices(["", *(book.book for book in view.books)])
        newest = self.console.risk_snapshots(panel.chosen, 1)
        if not self._is_new("tail-pane", panel.chosen, *(fact.ts for fact in newest)):
            return
        panel.set_snapshots(self.console.risk_snapshots(panel.chosen, SNAPSHOTS_READ)[::-1])
        fitted = f"of the equity, one day ahead · as of {fmt.moment(newest[0].ts, self.zone)}" if newest else ""
        self._pane("tail-pane", fitted, _of("VaR", panel))

    def _fill_equity(self, view: DeskView, scene: Scene) -> None:
        panel = self.query_one(EquityPanel)
        panel.set_choices(["", *(book.book for book in view.books)])
        newest = self.console.equity(panel.chosen, 1)
        if not self._is_new("equity-pane", panel.chosen, *(point.ts for point in newest)):
            return
        points = self.console.equity(panel.chosen, POINTS_READ)
        panel.set_points(points)
        currency = next((book.currency for book in view.books if book.book == panel.chosen), view.currency)
        words = ""
        if points:
            day = fmt.signed_money(points[-1].day_pnl, currency)
            words = f"{fmt.money(points[-1].equity, currency)} {currency} · {day} today"
        self._pane("equity-pane", words, _of("Equity", panel))

    def _fill_size(self, view: DeskView, scene: Scene) -> None:
        newest = self.console.sized_signals(1)
        if self._is_new("size", *((fact.id, fact.outcome) for fact in newest)):
            self.query_one(SizingPanel).set_signals(self.console.sized_signals())
        self._name_size()

    def _name_size(self) -> None:
        panel = self.query_one(SizingPanel)
        signal = panel.signal
        self._pane("size-pane", signal.outcome_text if signal is not None else "", _placed("Size", panel))

    def _fill_correlation(self, view: DeskView, scene: Scene) -> None:
        fact = self.console.correlation()
        newest = self.console.risk_snapshots("", 1)
        values = newest[0].values if newest else {}
        rows, shrinkage = values.get("rows"), values.get("shrinkage")
        threshold = self.desk_app.config.risk.group_correlation
        self.query_one(CorrelationPanel).set_correlation(fact, threshold, rows, shrinkage)
        words = ""
        if fact is not None:
            drawn = "" if shrinkage is None else f" · VaR: {shrinkage:.0%} mean"
            words = f"{fact.observations} returns{drawn} · as of {fmt.moment(fact.ts, self.zone)}"
        self._pane("correlation-pane", words)

    def _fill_stress(self, view: DeskView, scene: Scene) -> None:
        facts = self.console.stress_results()
        self._stress = {stress.stress_key(fact): fact for fact in facts}
        currencies = {"": view.currency, **{book.book: book.currency for book in view.books}}
        self.query_one("#stress", LiveTable).set_rows(stress.stress_rows(facts, currencies))
        words = f"as of {fmt.moment(max(fact.ts for fact in facts), self.zone)}" if facts else ""
        if facts and not any(fact.loss for fact in facts):
            words = f"nothing was held · {words}"
        self._pane("stress-pane", words)

    def _fill_fan(self, view: DeskView, scene: Scene) -> None:
        panel, config = self.query_one(FanPanel), self.desk_app.config.books
        deepest = {name: book.limits.drawdown for name, book in config.items()}
        panel.set_fans(self.console.fans(), {book.book: book.trades for book in view.books}, deepest)
        self._name_fan()

    def _name_fan(self) -> None:
        panel = self.query_one(FanPanel)
        fan, title = panel.fan, _placed("Equity ahead, simulated", panel)
        if panel.place:
            title += f" · {panel.chosen}"
        words = ""
        if fan is not None and fan.bands:
            words = f"{fan.paths} paths from {fan.numbers.get('trades') or 0:.0f} trades · seed {fan.seed}"
        self._pane("fan-pane", words, title)

    # Choosing and opening

    @on(ChoicePanel.Chosen)
    def _chosen(self, message: ChoicePanel.Chosen) -> None:
        match message.panel:
            case SizingPanel():
                self._name_size()
            case FanPanel():
                self._name_fan()
            case panel:
                self._due.add(f"{panel.id}-pane")
                self._fill_seen()

    def perform(self, action: str) -> str:
        panel = self.focused
        if not isinstance(panel, Panel) or action not in ("row.open", "row.copy"):
            return super().perform(action)
        detail = panel.detail()
        if detail is None:
            return "there is nothing more to show"
        json = msgspec.json.format(msgspec.json.encode(detail.subject), indent=2).decode()
        if action == "row.copy":
            self.desk_app.copy(json)
        else:
            title = self.pane.title if self.pane is not None else ""
            self.app.push_screen(DetailModal(title, detail.text, json, self.desk_app.copy))
        return ""

    def selected_book(self) -> str:
        table = self.focused
        return table.cursor_key or "" if isinstance(table, LiveTable) and table.id == "books" else ""

    def subject(self, table: LiveTable, key: str) -> Any:
        facts: dict[str, dict[str, Any]] = {"limits": self._limits, "books": self._books, "stress": self._stress}
        return facts[table.id or ""].get(key)


def _of(title: str, panel: ChoicePanel) -> str:
    """Whose it is."""
    return f"{title} of {panel.chosen or DESK}"


def _placed(title: str, panel: ChoicePanel) -> str:
    return f"{title} {panel.place}".rstrip()
