"""A websocket that stays."""

import asyncio
from collections.abc import Awaitable, Callable
from contextlib import suppress
from urllib.parse import urlsplit

from websockets.asyncio.client import ClientConnection, connect
from websockets.exceptions import ConnectionClosed, InvalidHandshake, InvalidProxy, InvalidStatus

from tradeterm.domain.errors import VenueError, VenueUnavailable
from tradeterm.venues.backoff import Backoff
from tradeterm.venues.trouble import FORBIDDEN, TOO_MANY, explain

Send = Callable[[bytes], Awaitable[None]]

MAX_MESSAGE_BYTES = 16 * 1024 * 1024
OPEN_TIMEOUT_S = 10.0
HELLO_TIMEOUT_S = 15.0
CLOSE_TIMEOUT_S = 1.0
REST_S = {FORBIDDEN: 600.0, TOO_MANY: 60.0}
"""How long a venue that refuses to talk at all is left alone, by HTTP status."""

_NETWORK = (OSError, TimeoutError, EOFError, ConnectionClosed, InvalidHandshake, InvalidProxy, ImportError)


class Socket:
    """Connects, says hello, pings, watches for silence, and reconnects with back-off and jitter for as long as it runs.

    `hello(send)` authenticates and subscribes after each connect; messages reach `on_message` from the first frame on,
    so that it can wait for replies, and `on_state(True, "")` follows once it returned. A VenueError or timeout in it,
    like any trouble of the network, ends that connection: `on_state(False, why)`, then the next attempt.

    `silent_after_s` counts any frame, pongs too: a venue that answers pings but sends no data is for the caller to
    notice, who may then call `reconnect`.
    """

    def __init__(
        self,
        url: str,
        *,
        hello: Callable[[Send], Awaitable[None]],
        on_message: Callable[[bytes], None],
        on_state: Callable[[bool, str], None],
        ping: bytes = b'{"op":"ping"}',
        ping_every_s: float = 20.0,
        silent_after_s: float = 30.0,
        backoff: Backoff | None = None,
    ) -> None:
        self._url = url
        self._host = urlsplit(url).hostname or url
        self._hello = hello
        self._on_message = on_message
        self._on_state = on_state
        self._ping = ping
        self._ping_every_s = ping_every_s
        self._silent_after_s = silent_after_s
        self._backoff = backoff or Backoff()
        self._connection: ClientConnection | None = None
        self._asked: asyncio.Future[str] | None = None
        self._heard = 0.0

    async def run(self) -> None:
        """Stay connected until cancelled. Never raises for network trouble; what `on_message` raises ends it."""
        while True:
            why, rest_s = await self._once()
            self._on_state(False, why)
            await self._backoff.wait(rest_s)

    async def send(self, data: bytes) -> None:
        """Send one text frame. Raises VenueUnavailable when there is no connection."""
        if self._connection is None:
            raise VenueUnavailable(f"{self._host} is not connected")
        await self._send_on(self._connection, data)

    def reconnect(self, why: str) -> None:
        """Drop this connection, if there is one, and make another. `why` is what `on_state` will say."""
        if self._asked is not None and not self._asked.done():
            self._asked.set_result(why)

    async def _once(self) -> tuple[str, float]:
        """One connection from beginning to end: why it ended, and the least seconds to rest after it."""
        try:
            connection = await connect(
                self._url,
                compression=None,
                max_size=MAX_MESSAGE_BYTES,
                open_timeout=OPEN_TIMEOUT_S,
                close_timeout=CLOSE_TIMEOUT_S,
                ping_interval=None,  # the venue has a ping of its own, whose answer proves more
            )
        except InvalidStatus as error:
            return explain(error, self._host), REST_S.get(error.response.status_code, 0.0)
        except _NETWORK as error:
            return explain(error, self._host), 0.0
        try:
            return await self._follow(connection), 0.0
        finally:
            await connection.close()

    async def _follow(self, connection: ClientConnection) -> str:
        loop = asyncio.get_running_loop()
        self._connection, self._asked, self._heard = connection, loop.create_future(), loop.time()
        enders = [
            asyncio.create_task(self._read(connection)),
            asyncio.create_task(self._watch_silence()),
            asyncio.create_task(self._greet_then_ping(connection)),
        ]
        try:
            done, _ = await asyncio.wait([*enders, self._asked], return_when=asyncio.FIRST_COMPLETED)
            return min(done, key=[*enders, self._asked].index).result()
        finally:
            self._connection = self._asked = None
            for task in enders:
                task.cancel()
            await asyncio.gather(*enders, return_exceptions=True)

    async def _read(self, connection: ClientConnection) -> str:
        time, on_message = asyncio.get_running_loop().time, self._on_message
        while True:
            try:
                data = await connection.recv(decode=False)
            except ConnectionClosed as error:
                return explain(error, self._host)
            self._heard = time()
            on_message(data)

    async def _watch_silence(self) -> str:
        """Ends when nothing was heard for too long, even if the connection below looks alive."""
        time = asyncio.get_running_loop().time
        while True:
            left = self._heard + self._silent_after_s - time()
            if left <= 0:
                return f"{self._host} was silent for {self._silent_after_s:g} s"
            await asyncio.sleep(left)

    async def _greet_then_ping(self, connection: ClientConnection) -> str:
        pinging = asyncio.create_task(self._keep_pinging(connection))
        try:
            async with asyncio.timeout(HELLO_TIMEOUT_S):
                await self._hello(lambda data: self._send_on(connection, data))
            self._backoff.up()
            self._on_state(True, "")
            return await pinging
        except TimeoutError:
            return f"{self._host} did not answer the greeting within {HELLO_TIMEOUT_S:g} s"
        except VenueError as error:
            return str(error)
        finally:
            pinging.cancel()
            with suppress(asyncio.CancelledError, VenueError):
                await pinging

    async def _keep_pinging(self, connection: ClientConnection) -> str:
        while True:
            await asyncio.sleep(self._ping_every_s)
            await self._send_on(connection, self._ping)

    async def _send_on(self, connection: ClientConnection, data: bytes) -> None:
        try:
            await connection.send(data, text=True)
        except ConnectionClosed as error:
            raise VenueUnavailable(explain(error, self._host)) from None
