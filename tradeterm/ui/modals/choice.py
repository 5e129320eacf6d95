"""A question with a few answers. The safe answer has the focus, and silence is a no."""

from collections.abc import Callable, Sequence
from typing import ClassVar

from msgspec import Struct
from textual.app import ComposeResult
from textual.binding import BindingType
from textual.containers import Horizontal, Vertical
from textual.screen import ModalScreen
from textual.widgets import Button, Static

EXPIRES_MS = 15_000


class Choice(Struct, frozen=True):
    """One answer. `id` is what the dialog returns."""

    id: str
    label: str
    danger: bool = False


class ChoiceModal(ModalScreen[str | None]):
    """Returns the chosen id, or None when it was cancelled or left alone for 15 s.

    `lines` state the consequence with counts and amounts; they are shown as they are, never read as markup.
    """

    BINDINGS: ClassVar[list[BindingType]] = [
        ("escape", "cancel", "Cancel"),
        ("left,up,shift+tab", "app.focus_previous", "Before"),
        ("right,down,tab", "app.focus_next", "Next"),
    ]

    def __init__(
        self,
        title: str,
        lines: Sequence[str],
        choices: Sequence[Choice],
        *,
        clock: Callable[[], int],
        danger: bool = False,
        stacked: bool = False,
    ) -> None:
        super().__init__()
        self._title = title
        self._lines = lines
        self._choices = choices
        self._clock = clock
        self._until = clock() + EXPIRES_MS
        self._danger = danger
        self._stacked = stacked

    def compose(self) -> ComposeResult:
        with Vertical(classes="dialog" + (" -danger" if self._danger else "")) as box:
            box.border_title = self._title
            yield Static("\n".join(self._lines), markup=False, classes="said")
            row = Vertical(classes="choices -stacked") if self._stacked else Horizontal(classes="choices")
            with row:
                for choice in self._choices:
                    button = Button(
                        choice.label, id=choice.id, compact=True, classes="-danger" if choice.danger else ""
                    )
                    yield button

    def on_mount(self) -> None:
        self.query(Button).first().focus()
        self._countdown()
        self.set_interval(0.5, self._countdown)

    def _countdown(self) -> None:
        left = self._until - self._clock()
        if left <= 0:
            self.dismiss(None)
        else:
            self.query_one(".dialog").border_subtitle = f"closes in {-(-left // 1000)} s"

    def on_button_pressed(self, event: Button.Pressed) -> None:
        event.stop()
        self.dismiss(None if event.button.id == "cancel" else event.button.id)

    def action_cancel(self) -> None:
        self.dismiss(None)
