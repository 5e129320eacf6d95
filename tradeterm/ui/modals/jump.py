"""After `g`: one letter takes the focus to a pane."""

from collections.abc import Sequence
from typing import ClassVar

from textual import events
from textual.app import ComposeResult
from textual.binding import BindingType
from textual.content import Content
from textual.screen import ModalScreen
from textual.widgets import Static


class JumpModal(ModalScreen[str | None]):
    """Returns the letter of a pane, or None. `panes` are letters and titles."""

    BINDINGS: ClassVar[list[BindingType]] = [("escape", "cancel", "Cancel")]

    def __init__(self, panes: Sequence[tuple[str, str]]) -> None:
        super().__init__()
        self._panes = panes

    def compose(self) -> ComposeResult:
        parts: list[tuple[str, str]] = [(" go to  ", "$muted")]
        for letter, title in self._panes:
            parts += [(letter, "bold $key"), (f" {title}   ", "$foreground")]
        yield Static(Content.assemble(*parts), id="jump-line")

    def on_key(self, event: events.Key) -> None:
        if event.key == "escape":
            return
        event.stop()
        letter = event.character or ""
        self.dismiss(letter if any(letter == known for known, _ in self._panes) else None)

    def action_cancel(self) -> None:
        self.dismiss(None)
