"""What a channel is and what it is given. A new channel is a file beside this and a line in `registry.py`."""

from typing import Protocol

from msgspec import Struct

from tradeterm.domain.errors import TradetermError
from tradeterm.domain.states import AlertLevel

SEVERITY = {level: place for place, level in enumerate(AlertLevel)}
"""INFO is 0, CRITICAL the highest."""


class Notification(Struct, frozen=True, kw_only=True):
    """One message. `text` may quote outside text and is data, never markup; `text.py` makes it presentable.

    `ts` is UTC ms, `source` says which engine speaks, `count` how often it happened since it was last told and
    `missed` how many messages before it never arrived on this channel.
    """

    level: AlertLevel
    code: str
    text: str
    ts: int
    source: str = "tradeterm"
    count: int = 1
    missed: int = 0


class NotifyError(TradetermError):
    """A message was not taken. The sentence names no secret and quotes nothing from outside."""


class NotifyRefused(NotifyError):
    """The same message would be refused again: a wrong key, an unknown chat."""


class NotifyUnavailable(NotifyError):
    """Worth another attempt, not before `retry_after_s` seconds."""

    def __init__(self, message: str, retry_after_s: float = 0.0) -> None:
        super().__init__(message)
        self.retry_after_s = retry_after_s


class Channel(Protocol):
    """One way to a person. `name` is its table in the configuration, `level` the least it is told."""

    @property
    def name(self) -> str: ...

    @property
    def level(self) -> AlertLevel: ...

    async def send(self, message: Notification) -> None:
        """Deliver it, without ever blocking the loop. Raises NotifyRefused or NotifyUnavailable."""

    async def close(self) -> None:
        """Give up connections. Never raises."""
