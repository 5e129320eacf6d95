"""How the tests of the simulated venue reach it: signed requests by hand, and streams read message by message."""

import asyncio
import json
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import aiohttp
from websockets.asyncio.client import ClientConnection, connect
from yarl import URL

from simulators.bybit import KEY, SECRET, BybitSimulator, sign

Row = dict[str, Any]


class Client:
    """Signs and sends one request at a time, and shows everything that came back."""

    def __init__(self, venue: BybitSimulator, session: aiohttp.ClientSession, key: str = KEY, secret: str = SECRET):
        self.venue, self.session, self.key, self.secret = venue, session, key, secret
        self.headers: dict[str, str] = {}  # of the last reply
        self.clock_ms = 0  # how far this client's clock is ahead

    def signed(self, payload: str, window: int = 5000) -> dict[str, str]:
        stamp = str(int(time.time() * 1000) + self.clock_ms)
        return {
            "X-BAPI-API-KEY": self.key,
            "X-BAPI-TIMESTAMP": stamp,
            "X-BAPI-RECV-WINDOW": str(window),
            "X-BAPI-SIGN": sign(self.secret, f"{stamp}{self.key}{window}{payload}"),
        }

    async def post(self, endpoint: str, **body: Any) -> Row:
        data = json.dumps(body)
        headers = self.signed(data) | {"Content-Type": "application/json"}
        return await self._read(self.session.post(f"{self.venue.rest_url}/v5/{endpoint}", data=data, headers=headers))

    async def get(self, endpoint: str, **query: Any) -> Row:
        raw = "&".join(f"{name}={value}" for name, value in query.items())
        url = f"{self.venue.rest_url}/v5/{endpoint}?{raw}"
        return await self._read(self.session.get(URL(url, encoded=True), headers=self.signed(raw)))

    async def _read(self, request: Any) -> Row:
        async with request as reply:
            self.headers = dict(reply.headers)
            read: Row = await reply.json()
            return read

    async def order(self, side: str = "Buy", qty: str = "0.1", kind: str = "Market", **more: Any) -> Row:
        fields = {"category": "linear", "symbol": "BTCUSDT", "side": side, "orderType": kind, "qty": qty} | more
        return await self.post("order/create", **fields)

    async def found(self, **query: Any) -> list[Row]:
        reply = await self.get("order/realtime", category="linear", **({"symbol": "BTCUSDT"} | query))
        rows: list[Row] = reply["result"]["list"]
        return rows

    async def position(self, symbol: str = "BTCUSDT") -> Row:
        row: Row = (await self.get("position/list", category="linear", symbol=symbol))["result"]["list"][0]
        return row


@asynccontextmanager
async def client(venue: BybitSimulator, **settings: str) -> AsyncIterator[Client]:
    async with aiohttp.ClientSession() as session:
        yield Client(venue, session, **settings)


@asynccontextmanager
async def private(venue: BybitSimulator, *topics: str) -> AsyncIterator[ClientConnection]:
    """The private stream, authenticated and subscribed."""
    async with connect(venue.private_url, compression=None) as socket:
        expires = venue.exchange.clock.now_ms() + 5000
        await socket.send(json.dumps({"op": "auth", "args": [KEY, expires, sign(SECRET, f"GET/realtime{expires}")]}))
        assert json.loads(await socket.recv())["success"]
        await socket.send(json.dumps({"op": "subscribe", "args": list(topics)}))
        assert json.loads(await socket.recv())["success"]
        yield socket


@asynccontextmanager
async def public(venue: BybitSimulator, *topics: str) -> AsyncIterator[ClientConnection]:
    """The public stream, subscribed; the acknowledgement is read."""
    async with connect(venue.public_url, compression=None) as socket:
        await socket.send(json.dumps({"op": "subscribe", "req_id": "1", "args": list(topics)}))
        assert json.loads(await socket.recv())["success"]
        yield socket


async def read(socket: ClientConnection, count: int = 1) -> list[Row]:
    """The next messages."""
    return [json.loads(await asyncio.wait_for(socket.recv(), 5)) for _ in range(count)]


async def quiet(socket: ClientConnection, seconds: float = 0.15) -> bool:
    """True when nothing comes for a while."""
    try:
        await asyncio.wait_for(socket.recv(), seconds)
    except TimeoutError:
        return True
    return False
