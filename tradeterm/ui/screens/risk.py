"""Screen 4: what could be lost, and what stops it."""

from collections.abc import Iterable
from typing import Any, ClassVar

from textual.containers import VerticalScroll
from textual.content import Content
from textual.widget import Widget
from textual.widgets import Static

from tradeterm.domain.facts import BreakerFact
from tradeterm.domain.states import BreakerLevel
from tradeterm.domain.view import BookView, DeskView, LimitView
from tradeterm.ui import fmt
from tradeterm.ui.model import Scene
from tradeterm.ui.plain import plain
from tradeterm.ui.screens.base import ConsoleScreen
from tradeterm.ui.screens.parts import Prose
from tradeterm.ui.tables import limits
from tradeterm.ui.widgets.line_chart import LineChart
from tradeterm.ui.widgets.live_table import LiveTable
from tradeterm.ui.widgets.pane import Pane

NOT_YET = (
    ("VaR and CVaR", "they come with the risk engine"),
    ("Correlation", "the heat map comes with the risk engine"),
    ("Regime", "it comes with the volatility and regime models"),
    ("Kelly fraction", "it needs more closed trades than a recording gives, and the risk engine"),
    ("Stress tests", "they come with the risk engine"),
)


class RiskScreen(ConsoleScreen):
    TABS: ClassVar = (
        ("Limits", ("limits-pane", "books-pane")),
        ("Curves", ("equity-pane", "drawdown-pane")),
        ("Breaker", ("breaker-pane",)),
        ("Models", ("models-pane",)),
    )
    PRICED = ("limits-pane", "books-pane")
    ABOUT = "Risk: how much of each limit is used, how the equity went, and what the circuit breaker did."

    def __init__(self) -> None:
        super().__init__()
        self._limits: dict[str, LimitView] = {}
        self._books: dict[str, BookView] = {}

    def panes(self) -> Iterable[Widget]:
        zone = fmt.zone(self.zone)
        yield Pane(
            LiveTable(
                self.columns(limits.LIMIT_COLUMNS), empty_text="No engine has shown its limits yet.", id="limits"
            ),
            title="Limits",
            letter="l",
            id="limits-pane",
        )
        yield Pane(LineChart(show=_thousands, tz=zone, id="equity"), title="Equity", letter="e", id="equity-pane")
        yield Pane(
            VerticalScroll(Prose(id="breaker"), id="breaker-scroll"),
            title="Breaker",
            letter="k",
            id="breaker-pane",
        )
        yield Pane(
            LineChart(fill=True, tone="down", show=_percent, tz=zone, id="drawdown"),
            title="Drawdown",
            letter="d",
            id="drawdown-pane",
        )
        yield Pane(
            LiveTable(limits.BOOK_COLUMNS, empty_text="There is no book.", id="books"),
            title="Books",
            letter="b",
            id="books-pane",
        )
        yield Pane(
            VerticalScroll(Static(_not_yet(), id="models"), id="models-scroll"),
            title="Models",
            letter="m",
            id="models-pane",
        )

    def show_view(self, scene: Scene) -> None:
        view = scene.view
        if view is None:
            return
        self._limits = {f"{limit.book}/{limit.name}": limit for limit in view.limits}
        self._books = {book.book: book for book in view.books}
        glyphs = self.desk_app.glyphs
        self.query_one("#limits", LiveTable).set_rows(limits.limit_rows(view.limits, glyphs))
        self.query_one("#books", LiveTable).set_rows(limits.book_rows(view.books, glyphs))
        self.query_one("#equity-pane", Pane).set_summary(
            f"{fmt.money(view.equity, view.currency)} {view.currency}"
            f" · {fmt.signed_money(view.day_pnl, view.currency)} today"
        )
        self.query_one("#drawdown-pane", Pane).set_summary(f"now {fmt.percent(view.drawdown, 2)}")

    def show_facts(self, scene: Scene) -> None:
        points = self.console.equity(limit=2000)
        self.query_one("#equity", LineChart).set_points([(point.ts, float(point.equity)) for point in points])
        self.query_one("#drawdown", LineChart).set_points([(point.ts, -float(point.drawdown)) for point in points])
        if scene.view is not None:
            self.query_one("#breaker", Prose).show(_breaker(scene.view, self.console.breaker_events(), self.zone))

    def selected_book(self) -> str:
        table = self.query_one("#books", LiveTable)
        return table.cursor_key or "" if table.has_focus else ""

    def subject(self, table: LiveTable, key: str) -> Any:
        facts: dict[str, dict[str, Any]] = {"limits": self._limits, "books": self._books}
        return facts[table.id or ""].get(key)


def _thousands(value: float) -> str:
    return fmt.money(value, places=0)


def _percent(value: float) -> str:
    return fmt.percent(value, 2)


def _breaker(view: DeskView, events: Iterable[BreakerFact], zone: str) -> Content:
    parts: list[tuple[str, str]] = []
    for place, level in enumerate(BreakerLevel):
        here = level is view.breaker
        style = "bold $pnl-up" if level is BreakerLevel.CLOSED else "bold $danger"
        parts += [(" ▸ " if place else "", "$muted"), (level.value, style if here else "$muted")]
    reason = f": {plain(view.breaker_reason)}" if view.breaker_reason else ""
    parts.append(
        (
            f"\n{'all entries pass' if view.breaker is BreakerLevel.CLOSED else 'entries are held back'}{reason}\n\n",
            "$muted",
        )
    )
    known = list(events)
    for event in known:
        numbers = " · ".join(f"{plain(name)} {plain(value)}" for name, value in event.numbers.items())
        parts.append((f"{fmt.moment(event.ts, zone)}  ", "$muted"))
        parts.append((f"{event.from_level} → {event.to_level}", "bold $foreground"))
        parts.append((f"  {plain(event.cause)}{' (' + numbers + ')' if numbers else ''}\n", "$muted"))
    if not known:
        parts.append(("It has never moved.", "$muted"))
    return Content.assemble(*parts)


def _not_yet() -> Content:
    return Content.assemble(
        *(
            (text, style)
            for name, why in NOT_YET
            for text, style in ((f"{name}  ", "$foreground"), (f"Not computed yet: {why}.\n", "$muted"))
        )
    )
