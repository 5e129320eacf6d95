"""Which keys the last line shows, and in which order: what stops trading first, what only looks last."""

from collections.abc import Callable

import msgspec

from tradeterm.ui.keymap import Keymap
from tradeterm.ui.widgets.key_bar import KeyEntry, key_entries

_FIRST = (
    "engine.halt",
    "engine.kill",
    "replay.again",
    "engine.start",
    "engine.stop",
    "book.pause",
    "position.flatten",
    "app.keys",
    "app.quit",
    "prompt.open",
    "screen.desk",
    "replay.slower",
    "replay.faster",
    "replay.pause",
    "row.open",
    "table.filter",
    "table.sort",
    "pane.jump",
    "pane.zoom",
    "pane.freeze",
    "row.copy",
    "app.theme",
    "app.palette",
)


def footer(keymap: Keymap, unavailable: Callable[[str], str | None]) -> list[KeyEntry]:
    """The entries by importance; the seven screens share one."""
    entries = {entry.action_id: entry for entry in key_entries(keymap, unavailable)}
    first, last = entries.get("screen.desk"), entries.get("screen.chat")
    if first is not None and last is not None:
        entries["screen.desk"] = msgspec.structs.replace(first, key=f"{first.key}-{last.key}", label="Screens")
    return [entries[action] for action in _FIRST if action in entries]
