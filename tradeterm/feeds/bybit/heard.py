"""What was heard of each kind of stream, and what is wrong with it."""

import logging

from tradeterm.feeds.protocol import StreamAge

_log = logging.getLogger(__name__)

KINDS = {"kline": "klines", "tickers": "tickers", "publicTrade": "trades", "orderbook": "book"}
"""Kinds of topic, and how a person calls them."""


class Heard:
    """Times are UTC ms of this machine."""

    def __init__(self) -> None:
        self.connected = False
        self.why = "connecting"
        self.last: dict[str, int] = {}
        self.by_topic: dict[str, int] = {}
        self.unreadable: dict[str, int] = {}
        self.trouble: dict[str, dict[str, str]] = {kind: {} for kind in KINDS}

    def message(self, kind: str, topic: str, now: int) -> None:
        self.last[kind] = now
        self.by_topic[topic] = now

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

    def ages(self, refused: dict[str, str]) -> list[StreamAge]:
        """One row a kind."""
        return [StreamAge(name, self.last.get(kind), self._detail(kind, refused)) for kind, name in KINDS.items()]

    def _detail(self, kind: str, refused: dict[str, str]) -> str:
        said = [] if self.connected else [f"reconnecting: {self.why}" if self.last else self.why]
        said += [f"{topic}: refused: {why}" for topic, why in refused.items() if topic.startswith(kind + ".")]
        said += [f"{subject}: {text}" for subject, text in self.trouble[kind].items()]
        if count := self.unreadable.get(kind):
            said.append(f"{count} unreadable messages")
        return "; ".join(said)
