"""The footer: the keys that matter here, from the live keymap, as many as fit."""

from collections.abc import Callable, Sequence

from msgspec import Struct
from textual import events
from textual.message import Message

from tradeterm.ui.keymap import Keymap
from tradeterm.ui.widgets.painted import Painted
from tradeterm.ui.widgets.tones import Line, Span


class KeyEntry(Struct, frozen=True):
    """A key in the footer. `reason` says why the action is not to be had now; "" if it is."""

    action_id: str
    key: str
    label: str
    rank: int
    danger: bool = False
    reason: str = ""


def key_entries(keymap: Keymap, unavailable: Callable[[str], str | None]) -> list[KeyEntry]:
    """Footer entries by rank. `unavailable(action id)` gives a reason, "" for usable, None to leave the action out."""
    entries = []
    for action in keymap.actions:
        key = keymap.shown(action.id)
        reason = unavailable(action.id) if action.footer is not None and key else None
        if action.footer is not None and reason is not None:
            danger = action.danger.value != "none"
            entries.append(KeyEntry(action.id, key, action.label, action.footer, danger, reason))
    return sorted(entries, key=lambda entry: entry.rank)


def fitted(entries: Sequence[KeyEntry], width: int) -> list[tuple[int, KeyEntry]]:
    """Entries with their columns, by rank while there is room."""
    placed, x = [], 1
    for entry in entries:
        size = len(entry.key) + 1 + len(entry.label)
        if x + size > width:
            break
        placed.append((x, entry))
        x += size + 2
    return placed


class KeyBar(Painted):
    """Posts `Pressed` when an entry is clicked, with the reason when it is not to be had."""

    DEFAULT_CSS = "KeyBar { height: 1; background: $panel; color: $foreground; dock: bottom; }"

    class Pressed(Message):
        def __init__(self, action_id: str, reason: str) -> None:
            super().__init__()
            self.action_id = action_id
            self.reason = reason

    def __init__(self, *, id: str | None = None, classes: str | None = None) -> None:
        super().__init__(id=id, classes=classes)
        self._entries: Sequence[KeyEntry] = ()

    def set_entries(self, entries: Sequence[KeyEntry]) -> None:
        self._entries = entries
        self.repaint()

    def paint(self, width: int, height: int) -> Sequence[Line]:
        spans: list[Span] = []
        x = 0
        for at, entry in fitted(self._entries, width):
            spans.append((" " * (at - x), ""))
            off = bool(entry.reason)
            spans += [(entry.key, "muted" if off else "key"), (" " + entry.label, "muted" if off else "")]
            x = at + len(entry.key) + 1 + len(entry.label)
        return (tuple(spans),)

    def on_click(self, event: events.Click) -> None:
        offset = event.get_content_offset(self)
        if offset is None:
            return
        for x, entry in fitted(self._entries, self.content_size.width):
            if x <= offset.x < x + len(entry.key) + 1 + len(entry.label):
                self.post_message(self.Pressed(entry.action_id, entry.reason))
                return
