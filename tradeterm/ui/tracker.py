"""Follows commands from the key to the engine's answer, so that none is ever assumed to have arrived."""

from msgspec import Struct

from tradeterm.console.protocol import Console
from tradeterm.domain.facts import CommandRow
from tradeterm.domain.states import CommandStatus
from tradeterm.ui.model import Level

LOST_AFTER_MS = 5_000
_SETTLED = (CommandStatus.DONE, CommandStatus.REFUSED)


class News(Struct, frozen=True):
    """A line about a command, and how loud it is."""

    text: str
    level: Level


class _Sent(Struct):
    words: str
    wall: int
    status: CommandStatus = CommandStatus.QUEUED
    lost: bool = False


class Tracker:
    """Commands on their way. `words` is what the person asked for, "flatten BTCUSDT"."""

    def __init__(self) -> None:
        self._sent: dict[int, _Sent] = {}

    @property
    def waiting(self) -> bool:
        return bool(self._sent)

    def add(self, command_id: int, words: str, wall: int) -> News:
        self._sent[command_id] = _Sent(words, wall)
        return News(f"{words}: queued", Level.CALM)

    def follow(self, console: Console, wall: int) -> list[News]:
        """What became of the commands since the last call."""
        news = []
        for command_id, sent in list(self._sent.items()):
            row = console.command(command_id)
            if row is not None and row.status is not sent.status:
                sent.status = row.status
                news.append(_moved(sent.words, row))
                if row.status in _SETTLED:
                    del self._sent[command_id]
            elif sent.status is CommandStatus.QUEUED and not sent.lost and wall - sent.wall > LOST_AFTER_MS:
                sent.lost = True
                news.append(News(f"{sent.words}: the engine has not answered for 5 s; it may be gone", Level.DANGER))
        return news


def _moved(words: str, row: CommandRow) -> News:
    detail = f": {row.detail}" if row.detail else ""
    if row.status is CommandStatus.REFUSED:
        return News(f"{words} refused{detail}", Level.WARNING)
    return News(f"{words} {row.status.lower()}{detail}", Level.CALM)
