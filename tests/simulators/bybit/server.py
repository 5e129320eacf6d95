"""The HTTP side: one request from the first byte to the reply, in the order in which the venue checks it."""

import asyncio
import contextlib
import json
import socket as sockets
import struct
from collections.abc import Callable, Coroutine, Mapping
from typing import Any

from aiohttp import web

from simulators.bybit.call import Call
from simulators.bybit.exchange import Exchange
from simulators.bybit.faults import Faults, ReplyFault
from simulators.bybit.limits import Limits
from simulators.bybit.model import Key, VenueError
from simulators.bybit.rest_market import PUBLIC
from simulators.bybit.rest_private import PRIVATE
from simulators.bybit.signing import check_request
from simulators.bybit.wire import envelope


class Server:
    """Answers REST requests from the state of the exchange."""

    def __init__(
        self,
        exchange: Exchange,
        keys: Mapping[str, Key],
        limits: Limits,
        faults: Faults,
        spawn: Callable[[Coroutine[Any, Any, None]], None],
    ) -> None:
        self._x, self._keys, self._limits, self._faults, self._spawn = exchange, keys, limits, faults, spawn
        self.unsupported: frozenset[str] = frozenset()

    async def handle(self, request: web.Request) -> web.StreamResponse:
        if self._limits.banned():
            return web.Response(status=403, text="access too frequent")
        name = request.path.removeprefix("/v5/")
        body = await request.text()
        fault = self._faults.reply(name)
        if fault is not None and fault.name == "late":
            self._spawn(self._later(request, name, body, fault.seconds))
            reset(request)
            return web.Response()
        if fault is not None and not fault.after:
            lost = await self._instead(request, fault)
            if lost is not None:
                return lost
        reply = self._answer(request, name, body)
        if fault is not None and fault.after:
            lost = await self._instead(request, fault)
            if lost is not None:
                return lost
        return reply

    async def _later(self, request: web.Request, name: str, body: str, seconds: float) -> None:
        await asyncio.sleep(seconds)
        self._answer(request, name, body)

    def _answer(self, request: web.Request, name: str, body: str) -> web.Response:
        headers: dict[str, str] = {}
        try:
            if name in PUBLIC and request.method == "GET":
                result = PUBLIC[name](self._x, dict(request.query))
            elif name in PRIVATE and request.method == PRIVATE[name].method:
                result = self._private(request, name, body, headers)
            else:
                return web.Response(status=404, text="404 page not found")
        except VenueError as error:
            return self._json({}, headers, error.code, error.text)
        return self._json(result, headers)

    def _private(self, request: web.Request, name: str, body: str, headers: dict[str, str]) -> dict[str, object]:
        endpoint = PRIVATE[name]
        _, _, raw_query = request.raw_path.partition("?")
        payload = raw_query if endpoint.method == "GET" else body
        now = self._x.clock.now_ms()
        key = check_request(self._keys, request.headers, payload, now, request.remote or "", endpoint.right)
        within, said = self._limits.take(endpoint.group, name, now)
        headers.update(said)
        if name in self.unsupported:
            raise VenueError(10032, "Demo trading are not supported.")
        if not within:
            raise VenueError(10006, "Too many visits. Exceeded the API Rate Limit.")
        fields: dict[str, object] = {}
        if endpoint.method == "POST":
            try:
                read = json.loads(body)
            except ValueError:
                raise VenueError(10001, "request params type error") from None
            if not isinstance(read, dict):
                raise VenueError(10001, "request params type error")
            fields = read
        return endpoint.handle(Call(self._x, key, dict(request.query), fields, self._faults.lag_ms(name)))

    def _json(
        self, result: dict[str, object], headers: Mapping[str, str], code: int = 0, text: str = "OK"
    ) -> web.Response:
        return web.json_response(envelope(result, self._x.clock.now_ms(), code, text), headers=headers)

    async def _instead(self, request: web.Request, fault: ReplyFault) -> web.Response | None:
        """What the fault does to the reply; None when the reply goes out after all."""
        if fault.name == "delay":
            await asyncio.sleep(fault.seconds)
            return None
        if fault.name == "timeout":
            await asyncio.sleep(fault.seconds)
        if fault.name in ("timeout", "reset"):
            reset(request)
            return web.Response()
        if fault.name == "retcode":
            return self._json({}, fault.headers, fault.code, fault.text)
        content = "text/html" if fault.body.startswith("<") else "application/json"
        return web.Response(status=fault.status, text=fault.body, content_type=content, headers=fault.headers)


def reset(request: web.Request) -> None:
    """Cut the connection so that the client sees a reset."""
    transport = request.transport
    if transport is None:
        return
    raw = transport.get_extra_info("socket")
    if raw is not None:
        with contextlib.suppress(OSError):
            raw.setsockopt(sockets.SOL_SOCKET, sockets.SO_LINGER, struct.pack("ii", 1, 0))
    transport.abort()
