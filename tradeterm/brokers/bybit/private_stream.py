"""The private stream: authenticate, subscribe, and hand rows on. No snapshot comes with it: REST does that."""

import asyncio
import hashlib
import hmac
import logging
from collections.abc import Callable
from contextlib import suppress
from decimal import Decimal

import msgspec

from tradeterm.brokers.bybit.clock import VenueClock
from tradeterm.brokers.bybit.executions import SETTLEMENT_COIN
from tradeterm.domain.errors import VenueError, VenueUnavailable
from tradeterm.venues.bybit.rows import (
    ExecutionRow,
    OrderRow,
    Row,
    number,
    read_execution,
    read_order,
    rows_of,
    text,
)
from tradeterm.venues.credentials import Credentials
from tradeterm.venues.socket import Send, Socket

TOPICS = ("order", "execution", "position", "wallet")
REPLY_S = 5.0
EXPIRES_AHEAD_MS = 10_000

_log = logging.getLogger(__name__)


class PrivateStream:
    """`on_state(up, why)` hears of every connection made and lost; `on_refused(why)` that the key was not accepted."""

    def __init__(
        self,
        url: str,
        credentials: Credentials,
        clock: VenueClock,
        *,
        on_order: Callable[[OrderRow], None],
        on_execution: Callable[[ExecutionRow], None],
        on_balance: Callable[[Decimal], None],
        on_state: Callable[[bool, str], None],
        on_refused: Callable[[str], None],
    ) -> None:
        self._credentials = credentials
        self._clock = clock
        self._on_order = on_order
        self._on_execution = on_execution
        self._on_balance = on_balance
        self._on_refused = on_refused
        self._replies: dict[str, asyncio.Future[Row]] = {}
        self._asked = 0
        self._socket = Socket(url, hello=self._hello, on_message=self._on_message, on_state=on_state)

    async def run(self) -> None:
        await self._socket.run()

    async def _hello(self, send: Send) -> None:
        reply = await self._ask(send, "auth", self._proof())
        if not _succeeded(reply):
            why = f"Bybit's private stream does not accept the API key ({text(reply, 'ret_msg') or 'no reason given'})"
            self._on_refused(why)
            raise VenueUnavailable(why)
        reply = await self._ask(send, "subscribe", list(TOPICS))
        if _succeeded(reply):
            return
        for topic in TOPICS:  # one bad topic may have failed them all
            reply = await self._ask(send, "subscribe", [topic])
            if not _succeeded(reply) and topic in ("order", "execution"):
                said = text(reply, "ret_msg") or "no reason given"
                raise VenueUnavailable(f"Bybit's private stream does not offer {topic} ({said})")

    async def _ask(self, send: Send, operation: str, arguments: list[object]) -> Row:
        """Send and wait for the answer. It is told by its operation: not every answer repeats the request's id."""
        self._asked += 1
        answer: asyncio.Future[Row] = asyncio.get_running_loop().create_future()
        self._replies = {operation: answer}
        await send(msgspec.json.encode({"req_id": str(self._asked), "op": operation, "args": arguments}))
        try:
            async with asyncio.timeout(REPLY_S):
                return await answer
        except TimeoutError:
            raise VenueUnavailable(f"Bybit's private stream did not answer {operation} within {REPLY_S:g} s") from None
        finally:
            self._replies = {}

    def _proof(self) -> list[object]:
        expires = self._clock.now() + EXPIRES_AHEAD_MS
        signature = hmac.new(self._credentials.secret.encode(), f"GET/realtime{expires}".encode(), hashlib.sha256)
        return [self._credentials.key, expires, signature.hexdigest()]

    def _on_message(self, data: bytes) -> None:
        """Never raises: that would end the stream."""
        try:
            message = msgspec.json.decode(data)
        except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
            _log.warning("a message of the private stream cannot be read (%d bytes)", len(data))
            return
        if not isinstance(message, dict):
            return
        operation = message.get("op")
        if isinstance(operation, str):
            answer = self._replies.get(operation)
            if answer is not None and not answer.done() and "success" in message:
                answer.set_result(message)
            return
        topic = text(message, "topic").partition(".")[0]
        for row in rows_of(message.get("data")):
            self._on_row(topic, row)

    def _on_row(self, topic: str, row: Row) -> None:
        if topic == "order":
            if (order := read_order(row)) is not None:
                self._on_order(order)
        elif topic == "execution":
            if (execution := read_execution(row)) is not None:
                self._on_execution(execution)
        elif topic == "wallet" and (balance := wallet_balance(row)) is not None:
            self._on_balance(balance)


def wallet_balance(row: Row) -> Decimal | None:
    """The wallet's balance in the settlement coin; None where the row does not show that coin."""
    for coin in rows_of(row.get("coin")):
        if text(coin, "coin") == SETTLEMENT_COIN:
            return number(coin, "walletBalance")
    return None


def _succeeded(reply: Row) -> bool:
    return reply.get("success") is True


async def ended(task: "asyncio.Task[None]") -> None:
    """Cancel a task and wait for its end."""
    task.cancel()
    with suppress(asyncio.CancelledError, VenueError):
        await task
