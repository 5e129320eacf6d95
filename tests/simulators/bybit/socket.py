"""One websocket connection: what is sent goes through a queue, in order, and the heartbeat is answered."""

import asyncio
import contextlib
import json
import time
from collections.abc import Awaitable, Callable
from typing import Any

from aiohttp import WSMsgType, web

from simulators.bybit.model import Key

IDLE_SECONDS = 600.0


class Connection:
    """A client on a stream. `topics` are what it subscribed to, `key` who it is on the private stream."""

    def __init__(self, request: web.Request, conn_id: str) -> None:
        self.socket = web.WebSocketResponse(autoping=True, compress=False, timeout=1.0)
        self.request = request
        self.conn_id = conn_id
        self.topics: set[str] = set()
        self.key: Key | None = None
        self.last_heard = time.monotonic()
        self._queue: asyncio.Queue[bytes | None] = asyncio.Queue()
        self._timers: set[asyncio.TimerHandle] = set()

    def send(self, message: dict[str, Any], delay_s: float = 0.0) -> None:
        """Queue a message, now or after a delay; later ones may then overtake it."""
        data = json.dumps(message, separators=(",", ":")).encode()
        if delay_s <= 0:
            self._queue.put_nowait(data)
            return
        loop = asyncio.get_running_loop()
        timer: asyncio.TimerHandle | None = None

        def due() -> None:
            if timer is not None:
                self._timers.discard(timer)
            self._queue.put_nowait(data)

        timer = loop.call_later(delay_s, due)
        self._timers.add(timer)

    def drop(self) -> None:
        """Cut the connection without a goodbye."""
        self._queue.put_nowait(None)
        if self.request.transport is not None:
            self.request.transport.abort()

    async def serve(self, on_message: Callable[["Connection", dict[str, Any]], None]) -> web.WebSocketResponse:
        await self.socket.prepare(self.request)
        writer = asyncio.create_task(self._write())
        try:
            async for message in self.socket:
                if message.type is not WSMsgType.TEXT and message.type is not WSMsgType.BINARY:
                    continue
                self.last_heard = time.monotonic()
                try:
                    body = json.loads(message.data)
                except ValueError:
                    body = None
                if not isinstance(body, dict):
                    self.send({"success": False, "ret_msg": "Params Error", "conn_id": self.conn_id, "op": ""})
                    continue
                on_message(self, body)
        finally:
            for timer in self._timers:
                timer.cancel()
            writer.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                await writer
        return self.socket

    async def _write(self) -> None:
        # A write to a connection that went is the reader's news, not the writer's.
        with contextlib.suppress(ConnectionError):
            while (data := await self._queue.get()) is not None:
                await self.socket.send_str(data.decode())


Handler = Callable[[web.Request], Awaitable[web.StreamResponse]]


def answer(connection: Connection, body: dict[str, Any], op: str, success: bool, text: str = "") -> None:
    connection.send(
        {
            "success": success,
            "ret_msg": text,
            "conn_id": connection.conn_id,
            "req_id": str(body.get("req_id", "")),
            "op": op,
        }
    )
