"""What every screen is: status on top, panes in the middle, prompt and keys at the bottom; and how panes are used."""

from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING, Any, ClassVar, cast

import msgspec
from textual import events, on
from textual.app import ComposeResult
from textual.binding import BindingType
from textual.containers import Container, Horizontal
from textual.screen import Screen
from textual.widget import Widget
from textual.widgets import Input, Static

from tradeterm.console.protocol import Console
from tradeterm.ui import fmt
from tradeterm.ui.chat_session import ChatSession
from tradeterm.ui.messages import LineAsked, TabChosen
from tradeterm.ui.modals.detail import DetailModal
from tradeterm.ui.modals.jump import JumpModal
from tradeterm.ui.model import Level, Scene, banner, data_age, stale_part
from tradeterm.ui.poller import Look
from tradeterm.ui.screens import conversation
from tradeterm.ui.screens.footer import footer
from tradeterm.ui.screens.parts import Answer, FilterLine, Line, Tabs, shown
from tradeterm.ui.screens.summary import OneLine, one_line
from tradeterm.ui.tables.common import book_columns
from tradeterm.ui.widgets.key_bar import KeyBar
from tradeterm.ui.widgets.live_table import LiveTable
from tradeterm.ui.widgets.log_view import LogView
from tradeterm.ui.widgets.pane import Pane
from tradeterm.ui.widgets.prompt import Prompt
from tradeterm.ui.widgets.status_bar import StatusBar
from tradeterm.ui.widgets.table_layout import Column

if TYPE_CHECKING:
    from tradeterm.ui.app import TradetermApp


PLACEHOLDER = "status · why SYMBOL · positions · risk · halt · help"
PLAIN_PLACEHOLDER = f"ask in plain words · {PLACEHOLDER}"
Filtered = LiveTable | LogView


class ConsoleScreen(Screen[None]):
    """A subclass yields its panes from `panes()`, fills them in `show_view` and `show_facts`, and lists its `TABS`:
    titles with the ids of the panes a small terminal shows under them."""

    TABS: ClassVar[tuple[tuple[str, tuple[str, ...]], ...]] = ()
    ABOUT: ClassVar[str] = ""
    PRICED: ClassVar[tuple[str, ...]] = ()
    """Ids of panes whose numbers rest on the market data of several instruments."""
    STAYS_IN_PROMPT: ClassVar[bool] = False
    AUTO_FOCUS = None
    BINDINGS: ClassVar[list[BindingType]] = [("escape", "back", "Back")]

    def __init__(self) -> None:
        super().__init__()
        self._tab = 0
        self._filtered: Filtered | None = None

    @property
    def console(self) -> Console:
        return self.desk_app.desk_console

    @property
    def desk_app(self) -> "TradetermApp":
        return cast("TradetermApp", self.app)

    @property
    def zone(self) -> str:
        return self.desk_app.config.ui.timezone

    def columns(self, columns: Sequence[Column]) -> Sequence[Column]:
        """The columns this desk needs: with one book there is no need to name it in every row."""
        return book_columns(columns, len(self.desk_app.config.books))

    # What a screen has

    def panes(self) -> Iterable[Widget]:
        raise NotImplementedError

    def show_view(self, scene: Scene) -> None:
        """There is a new live view, or new facts beside it."""

    def show_second(self, scene: Scene) -> None:
        """A second has passed: look at what has no version of its own."""

    def show_facts(self, scene: Scene) -> None:
        """The ledger changed: read again what is shown of it."""

    def subject(self, table: LiveTable, key: str) -> Any:
        """The fact or view behind a row, for detail and copy; None where there is none."""
        return None

    def instrument_of(self, pane: Pane) -> str:
        """The instrument whose data alone a pane shows; empty for a pane on the whole desk."""
        return ""

    def selected_position(self) -> str:
        """Key of the position that trading keys mean; empty where none is selected."""
        return ""

    def selected_book(self) -> str:
        return ""

    def compose(self) -> ComposeResult:
        yield StatusBar(tz=fmt.zone(self.zone), mode=self.desk_app.config.mode, id="status")
        yield Line(id="banner")
        yield Tabs([title for title, _ in self.TABS])
        with Container(id="body"):
            yield from self.panes()
        yield Answer(id="answer")
        with Horizontal(id="bottom"):
            placeholder = PLAIN_PLACEHOLDER if self.desk_app.chat.wanted else PLACEHOLDER
            yield Prompt(candidates=self.desk_app.candidates, placeholder=shown(self, placeholder).plain, id="prompt")
            yield Static("/", id="filter-mark")
            yield FilterLine()
            yield Line(id="notice")
        yield KeyBar(id="keys")
        yield OneLine(id="tiny")

    def on_mount(self) -> None:
        if not self.children:  # built ahead while the app was already leaving: nothing is composed any more
            return
        for field in self.query(Input):
            field.cursor_blink = False
        self._show_tab(0)
        self.focus_first()

    def on_screen_resume(self, event: events.ScreenResume) -> None:
        event.refresh_styles = False  # a changed theme is applied by the switch itself; again would cost 25 ms a key
        self.desk_app.catch_up()

    # Painting

    def paint(self, look: Look) -> None:
        scene = look.scene
        app = self.desk_app
        self.query_one(StatusBar).update_view(
            scene.view, scene.wall, "starting" if scene.running else "no engine is running"
        )
        self.query_one("#tiny", OneLine).say(one_line(scene, app.keymap.shown("engine.halt"), app.config.mode))
        text, level = banner(scene, app.keymap.shown("engine.start"), app.keymap.shown("engine.resume"))
        self.query_one("#banner", Line).say(text, level)
        if look.ledger:
            self.show_facts(scene)
        if look.view or look.ledger:
            self.show_view(scene)
            self._show_keys()
        if look.view or look.second:
            self.show_second(scene)
        self._show_ages(scene)

    def _show_ages(self, scene: Scene) -> None:
        of_all, part = data_age(scene), stale_part(scene)
        for pane in self.query(Pane):
            if not pane.frozen:
                instrument = self.instrument_of(pane)
                age, is_stale = data_age(scene, instrument) if instrument else of_all
                pane.set_age(age, 0 if is_stale and age else None, part if pane.id in self.PRICED else "")

    def _show_keys(self) -> None:
        self.query_one(KeyBar).set_entries(footer(self.desk_app.keymap, self.desk_app.unavailable))

    def on_descendant_focus(self) -> None:
        self._show_keys()

    def notice(self, text: str, level: Level = Level.CALM) -> None:
        for line in self.query("#notice").results(Line):  # none while the screen is being taken down
            line.say(text, level)

    # Panes

    @property
    def pane(self) -> Pane | None:
        """The pane that holds the focus."""
        if self.focused is None:
            return None
        return next((node for node in self.focused.ancestors_with_self if isinstance(node, Pane)), None)

    def focus_first(self) -> None:
        targets = self._targets()
        if targets:
            targets[0][1].focus()

    def _targets(self) -> list[tuple[Pane, Widget]]:
        """Every pane with the widget in it that takes the focus."""
        pairs = []
        for pane in self.query(Pane):
            inside = next((widget for widget in pane.query("*") if widget.can_focus), None)
            if inside is not None:
                pairs.append((pane, inside))
        return pairs

    def focus_pane(self, pane_id: str) -> None:
        for pane, inside in self._targets():
            if pane.id == pane_id:
                self._reveal(pane)
                inside.focus()

    def _step_pane(self, step: int) -> None:
        targets = self._targets()
        if not targets:
            return
        here = next((at for at, (pane, _) in enumerate(targets) if pane is self.pane), -1 if step > 0 else 0)
        pane, inside = targets[(here + step) % len(targets)]
        self._reveal(pane)
        inside.focus()

    def _reveal(self, pane: Pane) -> None:
        """Show the tab, and leave the zoom, that would hide it."""
        for index, (_, ids) in enumerate(self.TABS):
            if pane.id in ids:
                self._show_tab(index)
                break
        if self.has_class("-zoomed") and not pane.has_class("-zoom"):
            self._zoom(pane)

    def _show_tab(self, index: int) -> None:
        self._tab = index
        self.query_one(Tabs).show(index)
        shown = self.TABS[index][1] if self.TABS else ()
        for pane in self.query(Pane):
            pane.set_class(pane.id not in shown, "-off")

    @on(TabChosen)
    def _tab_chosen(self, message: TabChosen) -> None:
        self._show_tab(message.index)
        self.focus_pane(self.TABS[message.index][1][0])

    def _zoom(self, zoomed: Pane | None) -> None:
        self.set_class(zoomed is not None, "-zoomed")
        for pane in self.query(Pane):
            pane.set_class(pane is zoomed, "-zoom")

    # Actions that mean the focused pane or table

    def perform(self, action: str) -> str:
        """Do it; returns why it cannot be done now, empty when it was."""
        match action:
            case "pane.next":
                self._step_pane(1)
            case "pane.previous":
                self._step_pane(-1)
            case "pane.jump":
                panes = [(pane.letter, pane.title) for pane in self.query(Pane) if pane.letter]
                self.app.push_screen(JumpModal(panes), self._jumped)
            case "pane.zoom":
                return self._toggle_zoom()
            case "pane.freeze":
                return self._toggle_freeze()
            case "prompt.open":
                self.query_one(Prompt).open()
            case _:
                return self._perform_on_table(action)
        return ""

    def _perform_on_table(self, action: str) -> str:
        focused = self.focused
        if action == "table.filter" and isinstance(focused, (LiveTable, LogView)):
            self._filtered = focused
            self.query_one("#bottom").add_class("-filtering")
            self.query_one(FilterLine).open(focused.query_ancestor(Pane).filter_text)
        elif not isinstance(focused, LiveTable):
            return "the focus is not in a table"
        elif action == "table.sort":
            focused.cycle_sort()
            self.notice(_sorted_words(focused))
        elif focused.cursor_row is None:
            return "there is no row"
        elif action == "row.open":
            focused.action_select()
        elif action == "row.copy":
            self.desk_app.copy(self._row_json(focused, focused.cursor_row.key))
        return ""

    def _jumped(self, letter: str | None) -> None:
        for pane in self.query(Pane):
            if letter and pane.letter == letter and pane.id:
                self.focus_pane(pane.id)

    def _toggle_zoom(self) -> str:
        if self.has_class("-zoomed"):
            self._zoom(None)
        elif self.pane is None:
            return "no pane has the focus"
        else:
            self._zoom(self.pane)
        return ""

    def _toggle_freeze(self) -> str:
        pane = self.pane
        if pane is None:
            return "no pane has the focus"
        pane.frozen = not pane.frozen
        for table in pane.query(LiveTable):
            table.frozen = pane.frozen
        if not pane.frozen:
            self.desk_app.catch_up()
        return ""

    def action_back(self) -> None:
        """Escape: cancel or close an answer, drop a filter, leave the zoom, or go back from the prompt to the panes."""
        filtered = self.focused
        if self.desk_app.stop_answer() or self.query_one(Answer).close():
            return
        if isinstance(filtered, (LiveTable, LogView)) and filtered.query_ancestor(Pane).filter_text:
            self._filter(filtered, "")
        elif self.has_class("-zoomed"):
            self._zoom(None)
        elif self.pane is None:
            self.focus_first()

    # Rows

    def _row_json(self, table: LiveTable, key: str) -> str:
        subject = self.subject(table, key)
        if subject is not None:
            return msgspec.json.format(msgspec.json.encode(subject), indent=2).decode()
        row = table.cursor_row
        return "\t".join(cell.text for cell in row.cells) if row is not None else ""

    @on(LiveTable.RowSelected)
    def _row_selected(self, message: LiveTable.RowSelected) -> None:
        self.open_row(message.table, message.key)

    def open_row(self, table: LiveTable, key: str) -> None:
        """Enter on a row: the row in full."""
        subject = self.subject(table, key)
        if subject is not None:
            title = self.pane.title if self.pane is not None else ""
            self.app.push_screen(DetailModal(title, _pretty(subject), self._row_json(table, key), self.desk_app.copy))

    # The prompt

    @on(Prompt.Submitted)
    def _submitted(self, message: Prompt.Submitted) -> None:
        if not self.STAYS_IN_PROMPT:
            self.focus_first()
        self.post_message(LineAsked(message.text))

    @on(Prompt.Cancelled)
    def _cancelled(self) -> None:
        if not self.desk_app.stop_answer():
            self.focus_first()

    @on(FilterLine.Typed)
    def _typed(self, message: FilterLine.Typed) -> None:
        if self._filtered is not None:
            self._filter(self._filtered, message.text)

    @on(FilterLine.Closed)
    def _filter_closed(self) -> None:
        self.query_one("#bottom").remove_class("-filtering")
        if self._filtered is not None:
            self._filtered.focus()

    def _filter(self, filtered: Filtered, text: str) -> None:
        """Filter, and say so on the pane: rows that are hidden must not look like rows that are not there."""
        filtered.set_filter(text)
        filtered.query_ancestor(Pane).filter_text = text

    @on(KeyBar.Pressed)
    def _key_pressed(self, message: KeyBar.Pressed) -> None:
        self.desk_app.action_do(message.action_id)

    def show_answer(self, question: str, text: str) -> None:
        self.query_one(Answer).show(question, text)

    def follow_chat(self) -> None:
        """A question in plain language was asked from here."""

    def show_chat(self, chat: ChatSession) -> None:
        """Its answer has come further."""
        if chat.answer is not None:
            answer = chat.answer
            said = conversation.answering(answer) + conversation.cards(chat.cards(), answer.asked_ms)
            self.query_one(Answer).follow(answer.question, said, chat.label if chat.busy else chat.summary)


def _sorted_words(table: LiveTable) -> str:
    if table.sorted_by is None:
        return "in the given order"
    key, descending = table.sorted_by
    title = next(column.title for column in table.columns if column.key == key)
    return f"sorted by {title}, {'falling' if descending else 'rising'}"


def _pretty(subject: Any) -> str:
    """A struct as lines of name and value, nested values indented."""
    return "\n".join(_pretty_lines(msgspec.to_builtins(subject), ""))


def _pretty_lines(value: object, indent: str) -> Sequence[str]:
    lines: list[str] = []
    pairs = value.items() if isinstance(value, dict) else enumerate(cast(Sequence[object], value), 1)
    for name, item in pairs:
        if isinstance(item, (dict, list, tuple)) and item:
            lines += [f"{indent}{name}", *_pretty_lines(item, indent + "  ")]
        else:
            lines.append(f"{indent}{name:<18} {'' if item is None or item in ([], (), {}) else item}")
    return lines
