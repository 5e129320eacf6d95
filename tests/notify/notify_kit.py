"""Channels, services and a clock for the tests of notifications; everything on loopback."""

import asyncio
from collections.abc import Awaitable, Callable
from typing import Any

from aiohttp import web

from tradeterm.domain.states import AlertLevel
from tradeterm.notify.protocol import Notification

TS = 1_743_962_400_000  # 2025-04-06 18:00 UTC


def message(text: str = "feed is 40 s old", **changes: Any) -> Notification:
    given: dict[str, Any] = {"level": AlertLevel.ERROR, "code": "STALE_DATA", "ts": TS} | changes
    return Notification(text=text, **given)


class Service:
    """An HTTP service that keeps what it is sent and answers as told; the last answer stays."""

    def __init__(self, *answers: web.Response | float) -> None:
        self.answers: list[web.Response | float] = list(answers)
        self.requests: list[tuple[str, dict[str, str], Any]] = []
        self.url = ""
        self._runner: web.AppRunner | None = None

    async def __aenter__(self) -> "Service":
        app = web.Application()
        app.router.add_route("*", "/{path:.*}", self._answer)
        self._runner = web.AppRunner(app, access_log=None, shutdown_timeout=0.1, handler_cancellation=True)
        await self._runner.setup()
        site = web.TCPSite(self._runner, "127.0.0.1", 0)
        await site.start()
        self.url = f"http://127.0.0.1:{self._runner.addresses[0][1]}"
        return self

    async def __aexit__(self, *_: object) -> None:
        assert self._runner is not None
        await self._runner.cleanup()

    async def _answer(self, request: web.Request) -> web.StreamResponse:
        self.requests.append((request.path, dict(request.headers), await request.json()))
        answer = self.answers.pop(0) if len(self.answers) > 1 else (self.answers or [web.json_response({})])[0]
        if isinstance(answer, float):  # seconds of silence
            await asyncio.sleep(answer)
            return web.json_response({})
        return web.Response(status=answer.status, headers=answer.headers.copy(), body=answer.body)


class FakeChannel:
    """Takes messages, or does with each what `act` does."""

    def __init__(
        self,
        name: str = "fake",
        level: AlertLevel = AlertLevel.INFO,
        act: Callable[[Notification], Awaitable[None]] | None = None,
    ) -> None:
        self.name = name
        self.level = level
        self.taken: list[Notification] = []
        self.tried = 0
        self.closed = False
        self._act = act

    async def send(self, message: Notification) -> None:
        self.tried += 1
        if self._act is not None:
            await self._act(message)
        self.taken.append(message)

    async def close(self) -> None:
        self.closed = True


class Pauses:
    """Instead of sleeping, remembers how long; `clock` then says that the time has passed."""

    def __init__(self) -> None:
        self.asked: list[float] = []
        self.now_s = 1000.0

    def clock(self) -> float:
        return self.now_s

    async def sleep(self, seconds: float) -> None:
        self.asked.append(seconds)
        self.now_s += seconds
        await asyncio.sleep(0)


async def eventually(condition: Callable[[], bool], seconds: float = 5.0) -> None:
    for _ in range(round(seconds / 0.002)):
        if condition():
            return
        await asyncio.sleep(0.002)
    raise TimeoutError
