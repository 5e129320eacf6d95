"""The websocket that stays: greeting, ping, silence, back-off, and a sentence for every end."""

import asyncio
import socket
import ssl
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from http import HTTPStatus

import pytest
from websockets.asyncio.server import ServerConnection, serve
from websockets.exceptions import ConnectionClosed
from websockets.http11 import Request, Response

from tradeterm.domain.errors import VenueRefused, VenueUnavailable
from tradeterm.venues.backoff import Backoff
from tradeterm.venues.socket import Send, Socket
from tradeterm.venues.trouble import explain, plain

Handler = Callable[[ServerConnection], Awaitable[None]]


class Log:
    """What a socket told its owner."""

    def __init__(self) -> None:
        self.states: list[tuple[bool, str]] = []
        self.messages: list[bytes] = []
        self.slept: list[float] = []
        self.changed = asyncio.Event()

    def state(self, connected: bool, why: str) -> None:
        self.states.append((connected, why))
        self.changed.set()

    def message(self, data: bytes) -> None:
        self.messages.append(data)
        self.changed.set()

    async def sleep(self, seconds: float) -> None:
        self.slept.append(seconds)
        await asyncio.sleep(0.005)

    def backoff(self) -> Backoff:
        return Backoff(sleep=self.sleep, uniform=lambda low, high: 1.0)

    async def until(self, ready: Callable[[], bool]) -> None:
        async with asyncio.timeout(5):
            while not ready():
                self.changed.clear()
                await self.changed.wait()


async def no_hello(send: Send) -> None:
    """Nothing to say."""


@asynccontextmanager
async def served(handler: Handler, **options: object) -> AsyncIterator[str]:
    async def quiet(connection: ServerConnection) -> None:
        try:
            await handler(connection)
        except ConnectionClosed:
            return

    async with serve(quiet, "127.0.0.1", 0, **options) as server:  # type: ignore[arg-type]
        yield f"ws://127.0.0.1:{server.sockets[0].getsockname()[1]}/v5/public/linear"


@asynccontextmanager
async def running(log: Log, url: str, **options: object) -> AsyncIterator[Socket]:
    given: dict[str, object] = {"hello": no_hello, "backoff": log.backoff(), **options}
    held = Socket(url, on_message=log.message, on_state=log.state, **given)  # type: ignore[arg-type]
    task = asyncio.create_task(held.run())
    try:
        yield held
    finally:
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task


async def echo(connection: ServerConnection) -> None:
    async for message in connection:
        await connection.send(message)


async def mute(connection: ServerConnection) -> None:
    await connection.wait_closed()


async def test_hello_may_wait_for_replies_and_messages_flow() -> None:
    log = Log()

    async def hello(send: Send) -> None:
        await send(b"hello")
        await log.until(lambda: log.messages == [b"hello"])
        assert log.states == []

    async with served(echo) as url, running(log, url, hello=hello) as held:
        await log.until(lambda: log.states == [(True, "")])
        await held.send(b"more")
        await log.until(lambda: log.messages == [b"hello", b"more"])


async def test_pings_as_the_venue_wants_it() -> None:
    log = Log()
    async with served(echo) as url, running(log, url, ping_every_s=0.02, silent_after_s=5):
        await log.until(lambda: log.messages[:2] == [b'{"op":"ping"}'] * 2)


async def test_silence_reconnects_although_tcp_lives() -> None:
    log = Log()
    async with served(mute) as url, running(log, url, silent_after_s=0.05):
        await log.until(lambda: len(log.states) >= 3)
    assert log.states[:3] == [(True, ""), (False, "127.0.0.1 was silent for 0.05 s"), (True, "")]


async def test_asked_to_reconnect_gives_the_callers_reason() -> None:
    log = Log()
    async with served(echo) as url, running(log, url) as held:
        held.reconnect("before it runs this means nothing")
        await log.until(lambda: log.states == [(True, "")])
        held.reconnect("no market data")
        await log.until(lambda: len(log.states) == 3)
        assert log.states[1] == (False, "no market data")


async def test_a_venue_that_drops_at_once_is_asked_less_and_less_often() -> None:
    log = Log()

    async def drop(connection: ServerConnection) -> None:
        await connection.close(1001, "going\naway")

    async with served(drop) as url, running(log, url):
        await log.until(lambda: len(log.slept) >= 7)
    assert log.slept[:7] == [1, 2, 4, 8, 16, 30, 30]
    assert (False, "127.0.0.1 closed the connection (1001 going away)") in log.states


async def test_refused_greeting_is_the_reason() -> None:
    log = Log()

    async def hello(send: Send) -> None:
        raise VenueRefused("the key is not valid")

    async with served(echo) as url, running(log, url, hello=hello):
        await log.until(lambda: len(log.states) >= 2)
    assert log.states[:2] == [(False, "the key is not valid")] * 2


async def test_nobody_listens() -> None:
    log = Log()
    with socket.socket() as held:
        held.bind(("127.0.0.1", 0))
        async with running(log, f"ws://127.0.0.1:{held.getsockname()[1]}") as idle:
            await log.until(lambda: bool(log.states))
            with pytest.raises(VenueUnavailable, match="not connected"):
                await idle.send(b"x")
    assert log.states[0] == (False, "127.0.0.1 refused the connection")


@pytest.mark.parametrize(("status", "rest"), [(403, 600), (429, 60), (503, 1)])
async def test_http_refusal_rests(status: int, rest: float) -> None:
    log = Log()

    def refuse(connection: ServerConnection, request: Request) -> Response:
        return connection.respond(HTTPStatus(status), "no\n")

    async with served(echo, process_request=refuse) as url, running(log, url):
        await log.until(lambda: bool(log.slept))
    assert f"HTTP {status}" in log.states[0][1]
    assert log.slept[0] == rest


async def test_not_a_websocket() -> None:
    log = Log()

    async def gibberish(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.readuntil(b"\r\n\r\n")
        writer.write(b"SSH-2.0-x\r\n")
        writer.close()
        await writer.wait_closed()

    server = await asyncio.start_server(gibberish, "127.0.0.1", 0)
    async with server, running(log, f"ws://127.0.0.1:{server.sockets[0].getsockname()[1]}"):
        await log.until(lambda: bool(log.states))
    assert log.states[0][0] is False
    assert "127.0.0.1" in log.states[0][1]


async def test_a_mistake_of_the_reader_is_not_hidden() -> None:
    def broken(data: bytes) -> None:
        raise LookupError("a mistake")

    async def talk(connection: ServerConnection) -> None:
        await connection.send("x")
        await connection.wait_closed()

    log = Log()
    async with served(talk) as url:
        held = Socket(url, hello=no_hello, on_message=broken, on_state=log.state, backoff=log.backoff())
        with pytest.raises(LookupError):
            await held.run()


def test_backoff_starts_anew_after_a_healthy_while() -> None:
    now = [0.0]
    backoff = Backoff(uniform=lambda low, high: 1.0, clock=lambda: now[0], healthy_s=30)
    assert [backoff.next_s() for _ in range(3)] == [1, 2, 4]
    backoff.up()
    now[0] = 29.0
    assert backoff.next_s() == 8
    backoff.up()
    now[0] = 60.0
    assert backoff.next_s() == 1


def test_backoff_stays_far_below_the_venues_limit_of_connections() -> None:
    backoff = Backoff(uniform=lambda low, high: low)
    spent, count = 0.0, 0
    while (spent := spent + backoff.next_s()) < 300:
        count += 1
    assert count < 25


def test_backoff_spreads() -> None:
    spread = [Backoff(uniform=lambda low, high, pick=pick: (low, high)[pick]).next_s() for pick in (0, 1)]
    assert spread == [0.7, 1.3]


CERTIFICATE = ssl.SSLCertVerificationError(1, "certificate verify failed")
CERTIFICATE.verify_message = "self-signed certificate"


@pytest.mark.parametrize(
    ("error", "said"),
    [
        (socket.gaierror(-2, "Name or service not known"), "the name api.example cannot be resolved"),
        (CERTIFICATE, "the TLS certificate of api.example was not accepted: self-signed certificate"),
        (ssl.SSLError(1, "wrong version number"), "no TLS connection to api.example"),
        (TimeoutError(), "api.example did not answer in time"),
        (ConnectionResetError(104, "reset"), "the connection to api.example was cut"),
        (OSError(113, "No route to host"), "api.example cannot be reached: No route to host"),
        (ImportError("needs python-socks"), "needs a package that is not installed"),
        (ValueError("odd\x1b[2J"), "api.example cannot be reached: odd [2J"),
    ],
)
def test_trouble_in_a_sentence(error: Exception, said: str) -> None:
    outer = RuntimeError("wrapped")
    outer.__cause__ = error
    assert said in explain(error, "api.example")
    assert said in explain(outer, "api.example")


def test_venue_text_is_cut_and_cleaned() -> None:
    assert plain("a\x00b\r\n\u202ec") == "a b c"
    assert len(plain("x" * 1000)) == 200
