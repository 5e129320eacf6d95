"""A row in full: its pretty text, or the same row as JSON, to read and to copy."""

from collections.abc import Callable
from typing import ClassVar

from textual.app import ComposeResult
from textual.binding import BindingType
from textual.containers import Vertical, VerticalScroll
from textual.screen import ModalScreen

from tradeterm.ui.screens.parts import Prose


class DetailModal(ModalScreen[None]):
    """`j` turns between text and JSON, `y` copies what is shown, escape closes."""

    BINDINGS: ClassVar[list[BindingType]] = [
        ("escape,q,enter", "close", "Close"),
        ("j", "turn", "JSON"),
        ("y", "copy", "Copy"),
    ]

    def __init__(self, title: str, text: str, json: str, copy: Callable[[str], None]) -> None:
        super().__init__()
        self._title = title
        self._texts = (text, json)
        self._shown = 0
        self._copy = copy

    def compose(self) -> ComposeResult:
        with Vertical(classes="dialog -wide") as box:
            box.border_title = self._title
            box.border_subtitle = "j JSON, y copy, esc close"
            with VerticalScroll(classes="scroll"):
                yield Prose(id="detail-text")

    def on_mount(self) -> None:
        self.query_one("#detail-text", Prose).show(self._texts[0])
        self.query_one(VerticalScroll).focus()

    def action_turn(self) -> None:
        self._shown = 1 - self._shown
        self.query_one("#detail-text", Prose).show(self._texts[self._shown])
        box = self.query_one(".dialog")
        box.border_subtitle = f"j {'text' if self._shown else 'JSON'}, y copy, esc close"

    def action_copy(self) -> None:
        self._copy(self._texts[self._shown])

    def action_close(self) -> None:
        self.dismiss(None)
