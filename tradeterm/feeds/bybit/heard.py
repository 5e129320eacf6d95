"""What was heard of each kind of stream, and what is wrong with it."""

import logging
from collections.abc import Mapping

from tradeterm.feeds.protocol import StreamAge

_log = logging.getLogger(__name__)

KINDS = {"kline": "klines", "tickers": "tickers", "publicTrade": "trades", "orderbook": "book"}
"""Kinds of topic, and how a person calls them."""


class Heard:
    """Trouble by kind and subject, and the state of the connection."""

    def __init__(self) -> None:
        self.connected = False
        self.was_connected = False
        self.why = "connecting"
        self.unreadable: dict[str, int] = {}
        self.trouble: dict[str, dict[str, str]] = {kind: {} for kind in KINDS}

    def odd(self, kind: str, data: bytes) -> None:
        """A message that cannot be read is counted, and shown in the log the first time."""
        count = self.unreadable[kind] = self.unreadable.get(kind, 0) + 1
        if count == 1:
            _log.warning("a %s message of the venue cannot be read: %r", kind, data[:200])

    def set_trouble(self, kind: str, subject: str, text: str) -> None:
        """Something is wrong with one instrument's stream; the empty text ends it."""
        if not text:
            self.trouble[kind].pop(subject, None)
        elif self.trouble[kind].get(subject) != text:
            self.trouble[kind][subject] = text
            _log.warning("%s: %s: %s", KINDS[kind], subject, text)

    def ages(self, last: Mapping[str, int], refused: Mapping[str, str]) -> list[StreamAge]:
        """One row a kind. `last` is when each was heard, `refused` the topics that the venue will not give."""
        return [StreamAge(name, last.get(kind) or None, self._detail(kind, refused)) for kind, name in KINDS.items()]

    def _detail(self, kind: str, refused: Mapping[str, str]) -> str:
        said = [] if self.connected else [f"reconnecting: {self.why}" if self.was_connected else self.why]
        said += [f"{topic}: refused: {why}" for topic, why in refused.items() if topic.startswith(kind + ".")]
        said += [f"{subject}: {text}" for subject, text in self.trouble[kind].items()]
        if count := self.unreadable.get(kind):
            said.append(f"{count} unreadable messages")
        return "; ".join(said)
