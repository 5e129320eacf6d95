"""Subscribing to the topics of the public stream, and subscribing anew to those that went wrong."""

import asyncio
import itertools
from collections.abc import Iterator, Sequence

import msgspec

from tradeterm.domain.errors import VenueRefused
from tradeterm.feeds.bybit.decode import Reply
from tradeterm.venues.socket import Send
from tradeterm.venues.trouble import plain

MOST_CHARACTERS = 8_000
"""Of one request's topics; the venue takes 21,000 a connection."""


class Topics:
    """`refused` holds the topics that the venue will not give, with its reason."""

    def __init__(self, topics: Sequence[str]) -> None:
        self._topics = tuple(topics)
        self._numbers = itertools.count(1)
        self._waiting: dict[str, asyncio.Future[Reply]] = {}
        self._renewing: dict[str, str] = {}
        self.refused: dict[str, str] = {}

    async def hello(self, send: Send) -> None:
        """Subscribe to everything. One bad topic may fail a whole request, so that is then repeated topic by topic.

        Raises VenueRefused if the venue gives none of them.
        """
        self._waiting.clear()
        self._renewing.clear()
        self.refused.clear()
        for part in _parts(self._topics):
            reply = await self._ask(send, part)
            if reply.success is not False:
                continue
            for topic in part:
                reply = await self._ask(send, [topic])
                if reply.success is False:
                    self.refused[topic] = plain(reply.ret_msg)
        if len(self.refused) == len(self._topics):
            raise VenueRefused(f"the venue refused every subscription: {next(iter(self.refused.values()))}")

    async def renew(self, send: Send, topic: str) -> None:
        """Leave and subscribe again, which makes the venue send a snapshot; the reply is not waited for."""
        number = self._number()
        self._renewing[number] = topic
        await send(_request("unsubscribe", [topic], self._number()))
        await send(_request("subscribe", [topic], number))

    def replied(self, reply: Reply) -> None:
        """A reply came; one that nobody waits for means nothing."""
        waiting = self._waiting.pop(reply.req_id, None)
        if waiting is not None and not waiting.done():
            waiting.set_result(reply)
        topic = self._renewing.pop(reply.req_id, None)
        if topic is not None and reply.success is False:
            self.refused[topic] = plain(reply.ret_msg)
        elif topic is not None:
            self.refused.pop(topic, None)

    async def _ask(self, send: Send, topics: Sequence[str]) -> Reply:
        number = self._number()
        waiting: asyncio.Future[Reply] = asyncio.get_running_loop().create_future()
        self._waiting[number] = waiting
        await send(_request("subscribe", topics, number))
        return await waiting

    def _number(self) -> str:
        return str(next(self._numbers))


def _request(op: str, topics: Sequence[str], number: str) -> bytes:
    return msgspec.json.encode({"req_id": number, "op": op, "args": topics})


def _parts(topics: Sequence[str]) -> Iterator[list[str]]:
    part: list[str] = []
    size = 0
    for topic in topics:
        if part and size + len(topic) > MOST_CHARACTERS:
            yield part
            part, size = [], 0
        part.append(topic)
        size += len(topic) + 3
    if part:
        yield part
