"""All keys as they are now, with what they do; first what the focused pane is for."""

from collections.abc import Iterable
from typing import ClassVar

from textual.app import ComposeResult
from textual.binding import BindingType
from textual.containers import Horizontal, Vertical, VerticalScroll
from textual.content import Content
from textual.screen import ModalScreen
from textual.widgets import Static

from tradeterm.ui.actions import Action
from tradeterm.ui.keymap import Keymap, show_key

_KEY_CELLS = 11


class HelpModal(ModalScreen[None]):
    """`about` is a sentence on what has the focus; `refusals` says of each action to show why it cannot be done now."""

    BINDINGS: ClassVar[list[BindingType]] = [("escape,q,question_mark,enter", "close", "Close")]

    def __init__(self, keymap: Keymap, about: str, refusals: dict[str, str]) -> None:
        super().__init__()
        self._keymap = keymap
        self._about = about
        self._refusals = refusals

    def compose(self) -> ComposeResult:
        groups = _groups(action for action in self._keymap.actions if action.id in self._refusals)
        half = _half(groups)
        with Vertical(classes="dialog -wide") as box:
            box.border_title = "Keys"
            box.border_subtitle = "esc close"
            with VerticalScroll(classes="scroll"):
                if self._about:
                    yield Static(self._about, markup=False, classes="said")
                with Horizontal(classes="columns"):
                    yield Static(self._column(groups[:half]), classes="column")
                    yield Static(self._column(groups[half:]), classes="column")

    def on_mount(self) -> None:
        self.query_one(VerticalScroll).focus()

    def _column(self, groups: Iterable[tuple[str, list[Action]]]) -> Content:
        parts: list[tuple[str, str]] = []
        for title, actions in groups:
            parts.append((f"{title}\n", "bold $pane-title"))
            for action in actions:
                keys = " ".join(show_key(key) for key in self._keymap.keys(action.id)) or "none"
                reason = self._refusals.get(action.id, "")
                parts.append((f" {keys:<{_KEY_CELLS - 2}} ", "$key" if not reason else "$muted"))
                parts.append((action.help, "$foreground" if not reason else "$muted"))
                parts.append((f" ({reason})\n" if reason else "\n", "$muted"))
            parts.append(("\n", ""))
        return Content.assemble(*parts)

    def action_close(self) -> None:
        self.dismiss(None)


def _groups(actions: Iterable[Action]) -> list[tuple[str, list[Action]]]:
    grouped: dict[str, list[Action]] = {}
    for action in actions:
        grouped.setdefault(action.group, []).append(action)
    return list(grouped.items())


def _half(groups: list[tuple[str, list[Action]]]) -> int:
    """Where to break the groups so that both columns are about equally long."""
    sizes = [len(actions) + 2 for _, actions in groups]
    return min(range(1, len(sizes)), key=lambda at: abs(sum(sizes[:at]) - sum(sizes[at:])))
