"""The last gate before something that cannot be taken back: the word has to be typed."""

from collections.abc import Callable, Sequence
from typing import ClassVar

from textual.app import ComposeResult
from textual.binding import BindingType
from textual.containers import Vertical
from textual.screen import ModalScreen
from textual.widgets import Input, Static

from tradeterm.ui.modals.choice import EXPIRES_MS


class TypedConfirmModal(ModalScreen[bool]):
    """Returns whether `word` was typed and confirmed in time. Every key typed extends the time."""

    BINDINGS: ClassVar[list[BindingType]] = [("escape", "cancel", "Cancel")]

    def __init__(self, title: str, lines: Sequence[str], word: str, *, clock: Callable[[], int]) -> None:
        super().__init__()
        self._title = title
        self._lines = lines
        self._word = word
        self._clock = clock
        self._until = clock() + EXPIRES_MS

    def compose(self) -> ComposeResult:
        with Vertical(classes="dialog -danger") as box:
            box.border_title = self._title
            yield Static("\n".join(self._lines), markup=False, classes="said")
            yield Static(f"Type {self._word} and press enter; escape leaves everything as it is.", classes="note")
            field = Input(placeholder=self._word, select_on_focus=False)
            field.cursor_blink = False
            yield field

    def on_mount(self) -> None:
        self.query_one(Input).focus()
        self._countdown()
        self.set_interval(0.5, self._countdown)

    def _countdown(self) -> None:
        left = self._until - self._clock()
        if left <= 0:
            self.dismiss(False)
        else:
            self.query_one(".dialog").border_subtitle = f"closes in {-(-left // 1000)} s"

    def on_input_changed(self, event: Input.Changed) -> None:
        event.stop()
        self._until = self._clock() + EXPIRES_MS

    def on_input_submitted(self, event: Input.Submitted) -> None:
        event.stop()
        if event.value.strip().casefold() == self._word.casefold():
            self.dismiss(True)
        else:
            self.query_one(".note", Static).update(f"That was not {self._word}. Type it, or press escape.")

    def action_cancel(self) -> None:
        self.dismiss(False)
