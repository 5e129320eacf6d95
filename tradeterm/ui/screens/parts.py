"""Small parts that every screen has: the banner, the tabs of a small terminal, the notice, the answer."""

from collections.abc import Sequence
from typing import ClassVar

from textual.app import ComposeResult
from textual.binding import BindingType
from textual.containers import Horizontal, VerticalScroll
from textual.content import Content
from textual.message import Message
from textual.widget import Widget
from textual.widgets import Input, Static

from tradeterm.ui.messages import TabChosen
from tradeterm.ui.model import Level
from tradeterm.ui.plain import ascii_only, plain
from tradeterm.ui.widgets.tones import glyphs_of


def shown(widget: Widget, text: Content | str) -> Content:
    """The text as the terminal can show it; each character keeps its cell."""
    content = text if isinstance(text, Content) else Content(text)
    return Content(ascii_only(content.plain), spans=list(content.spans)) if glyphs_of(widget).ascii else content


class Prose(Static):
    """Toned text of many lines, never read as markup."""

    def __init__(self, *, id: str) -> None:
        super().__init__("", markup=False, id=id)

    def show(self, text: Content | str) -> None:
        self.update(shown(self, text))


class Line(Static):
    """One line of plain text with a loudness; takes no room while empty."""

    DEFAULT_CSS = """
    Line { height: 1; display: none; text-wrap: nowrap; text-overflow: ellipsis; }
    Line.-said { display: block; }
    Line.-calm { color: $muted; }
    Line.-warning { color: $warning; }
    Line.-danger { color: $danger; text-style: bold; }
    """

    def __init__(self, *, id: str) -> None:
        super().__init__("", markup=False, id=id)
        self.text = ""

    def say(self, text: str, level: Level = Level.CALM) -> None:
        for known in Level:
            self.set_class(known is level, f"-{known}")
        if text != self.text:
            self.text = text
            self.set_class(bool(text), "-said")
            self.update(shown(self, plain(text)), layout=self.display)  # a hidden line moves nothing


class Tab(Static):
    """A clickable title."""

    def __init__(self, title: str, index: int) -> None:
        super().__init__(Content(title), classes="tab")
        self._index = index

    def on_click(self) -> None:
        self.post_message(TabChosen(self._index))


class Tabs(Horizontal):
    """Titles of what a small screen can show, one at a time."""

    DEFAULT_CSS = """
    Tabs { height: 1; display: none; }
    Tabs > .tab { width: auto; padding: 0 1; color: $muted; }
    Tabs > .tab.-on { color: $pane-title; text-style: bold underline; }
    """

    def __init__(self, titles: Sequence[str]) -> None:
        super().__init__(id="tabs")
        self._titles = titles

    def compose(self) -> ComposeResult:
        for index, title in enumerate(self._titles):
            yield Tab(title, index)

    def show(self, current: int) -> None:
        for index, tab in enumerate(self.query(Tab)):
            tab.set_class(index == current, "-on")


class Answer(VerticalScroll):
    """What the console answered to a line; escape closes it."""

    DEFAULT_CSS = """
    Answer {
        display: none;
        dock: bottom;
        height: auto;
        max-height: 50%;
        margin: 0 0 2 0;
        padding: 0 1;
        background: $panel;
        border: round $prompt;
        border-title-color: $prompt;
        border-subtitle-color: $muted;
        scrollbar-size-vertical: 1;
    }
    Answer.-open { display: block; }
    """

    def compose(self) -> ComposeResult:
        yield Prose(id="answer-text")

    def show(self, question: str, text: str) -> None:
        self.border_title = shown(self, plain(question))
        self.border_subtitle = "esc close"
        lines = [plain(line) for line in text.splitlines()]
        self.query_one("#answer-text", Prose).show("\n".join(lines))
        self.add_class("-open")
        self.scroll_home(animate=False)

    def follow(self, question: str, said: Content, who: str) -> None:
        """An answer that is still coming: its end stays in sight."""
        self.border_title = shown(self, plain(question))
        self.border_subtitle = shown(self, plain(who))
        self.query_one("#answer-text", Prose).show(said)
        self.add_class("-open")
        self.scroll_end(animate=False)

    def close(self) -> bool:
        """Whether there was an answer to close."""
        was_open = self.has_class("-open")
        self.remove_class("-open")
        return was_open


class FilterLine(Input):
    """Filters as you type; enter keeps the filter, escape drops it."""

    BINDINGS: ClassVar[list[BindingType]] = [("escape", "drop", "Drop the filter")]
    DEFAULT_CSS = """
    FilterLine, FilterLine:focus {
        height: 1; width: 1fr; border: none; padding: 0; background: $surface; color: $foreground;
    }
    """

    class Typed(Message):
        def __init__(self, text: str) -> None:
            super().__init__()
            self.text = text

    class Closed(Message):
        """The line gave the focus back."""

    def __init__(self) -> None:
        super().__init__(placeholder="show only rows that contain ...", select_on_focus=False, id="filter")
        self.cursor_blink = False
        self._open = False

    def open(self, text: str) -> None:
        self._open = True
        self.value = text
        self.cursor_position = len(text)
        self.focus()

    def on_input_changed(self, event: Input.Changed) -> None:
        event.stop()
        if self._open:
            self.post_message(self.Typed(event.value))

    def on_input_submitted(self, event: Input.Submitted) -> None:
        event.stop()
        self._close()

    def action_drop(self) -> None:
        self.post_message(self.Typed(""))
        self._close()

    def _close(self) -> None:
        self._open = False
        self.post_message(self.Closed())
