"""A message as text for people. What came from outside is made harmless here."""

from datetime import UTC, datetime

from tradeterm.notify.protocol import Notification

LONGEST_TEXT = 860
"""Characters; fits every channel, Discord's 2000 even with each of them escaped."""

_LONGEST_WORD = 40


def clean(text: str, longest: int = LONGEST_TEXT) -> str:
    """One printable line: no control, direction or hidden characters, and no more than `longest` of the others."""
    line = " ".join("".join(mark if mark.isprintable() else " " for mark in text[: 4 * longest]).split())
    return line if len(line) <= longest else line[: longest - 1] + "…"


def title(message: Notification) -> str:
    """ "tradeterm: CRITICAL KILL_SWITCH"."""
    return f"{clean(message.source, _LONGEST_WORD)}: {message.level} {clean(message.code, _LONGEST_WORD)}"


def body(message: Notification) -> str:
    """The text, and below it when, how often and what was missed."""
    notes = [f"{datetime.fromtimestamp(message.ts / 1000, UTC):%H:%M:%S} UTC"]
    if message.count > 1:
        notes.append(f"×{message.count}")
    if message.missed:
        notes.append("1 message before was not sent" if message.missed == 1 else f"{message.missed} not sent before")
    return f"{clean(message.text)}\n{' · '.join(notes)}"
