"""A venue that does what a test says: REST without a network, the stream on loopback, and a clock that stands."""

import asyncio
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import httpx
import msgspec
from websockets.asyncio.server import ServerConnection, serve
from websockets.exceptions import ConnectionClosed

from tradeterm.config import BybitConfig
from tradeterm.domain.events import BarClosed, FundingUpdate, MarketEvent, QuoteUpdate
from tradeterm.domain.market import MINUTE_MS
from tradeterm.feeds.bybit import BybitFeed
from tradeterm.feeds.bybit.rest import PublicRest
from tradeterm.feeds.bybit.timing import Timing
from tradeterm.venues.backoff import Backoff
from tradeterm.venues.bybit.endpoints import endpoints

T0 = 1_760_342_400_000  # 2025-10-13 08:00 UTC, a funding time
FIVE = 5 * MINUTE_MS
BTC, ETH = "BTCUSDT.BYBIT", "ETHUSDT.BYBIT"
QUICK = Timing(
    gather_s=0.25,
    patience_s=2.0,
    quote_every_s=0.01,
    tick_s=0.01,
    renew_every_s=0.02,
    silent_after_s=1e5,
    stale_topic_s=1e5,
)


def contract(symbol: str, **changes: Any) -> dict[str, Any]:
    """A row of instruments-info."""
    return {
        "symbol": symbol,
        "contractType": "LinearPerpetual",
        "status": "Trading",
        "baseCoin": symbol.removesuffix("USDT"),
        "quoteCoin": "USDT",
        "leverageFilter": {"minLeverage": "1", "maxLeverage": "100.00", "leverageStep": "0.01"},
        "priceFilter": {"minPrice": "0.10", "maxPrice": "1999999.80", "tickSize": "0.10"},
        "lotSizeFilter": {
            "maxOrderQty": "1190.000",
            "minOrderQty": "0.001",
            "qtyStep": "0.001",
            "maxMktOrderQty": "500.000",
            "minNotionalValue": "5",
        },
        "fundingInterval": 480,
        "settleCoin": "USDT",
    } | changes


def prices(ts_open: int) -> tuple[str, str, str, str, str]:
    """Open, high, low, close, volume that only a bar of that time has."""
    base = 50_000 + ts_open // FIVE % 1000
    return f"{base}.5", f"{base + 9}", f"{base - 9}", f"{base + 1}.5", "2.081"


class FakeVenue:
    def __init__(self) -> None:
        self.now = T0
        self.contracts = [contract("BTCUSDT"), contract("ETHUSDT"), contract("OLDUSDT", status="Closed")]
        self.bars: dict[str, set[int]] = {"BTCUSDT": set(), "ETHUSDT": set()}
        self.funding: dict[str, dict[int, str]] = {"BTCUSDT": {}, "ETHUSDT": {}}
        self.asked: list[httpx.Request] = []
        self.down = False
        self.refused: set[str] = set()
        self.requests: list[dict[str, Any]] = []
        self.subscribed: dict[ServerConnection, set[str]] = {}
        self.connections = 0
        self.url = ""
        self.changed = asyncio.Event()

    # REST

    def answer(self, request: httpx.Request) -> httpx.Response:
        self.asked.append(request)
        if self.down:
            return httpx.Response(503)
        query = {name: str(value) for name, value in request.url.params.items()}
        match request.url.path:
            case "/v5/market/time":
                result: Any = {"timeSecond": str(self.now // 1000), "timeNano": str(self.now * 1_000_000)}
            case "/v5/market/instruments-info":
                result = {"category": "linear", "list": self.contracts, "nextPageCursor": ""}
            case "/v5/market/kline":
                first, last = int(query["start"]), int(query["end"])
                open_one = {self.now // FIVE * FIVE}  # the venue shows the open candle too
                known = sorted(self.bars[query["symbol"]] | open_one, reverse=True)
                rows = [[str(ts), *prices(ts), "1"] for ts in known if first <= ts <= last]
                result = {"category": "linear", "symbol": query["symbol"], "list": rows[: int(query["limit"])]}
            case "/v5/market/funding/history":
                first, last = int(query["startTime"]), int(query["endTime"])
                known = self.funding[query["symbol"]]
                result = {
                    "list": [
                        {"symbol": query["symbol"], "fundingRate": known[ts], "fundingRateTimestamp": str(ts)}
                        for ts in sorted(known, reverse=True)
                        if first <= ts <= last
                    ]
                }
            case path:
                raise AssertionError(f"nobody should ask for {path}")
        return httpx.Response(200, json={"retCode": 0, "retMsg": "OK", "result": result, "time": self.now})

    # stream

    async def handle(self, connection: ServerConnection) -> None:
        self.connections += 1
        topics = self.subscribed[connection] = set()
        try:
            async for message in connection:
                body = msgspec.json.decode(message)
                self.requests.append(body)
                self.changed.set()
                args = body.get("args", [])
                refused = [topic for topic in args if topic in self.refused]
                if body["op"] == "subscribe" and not refused:
                    topics.update(args)
                elif body["op"] == "unsubscribe":
                    topics.difference_update(args)
                said = f"error:handler not found,topic:{refused[0]}" if refused else ""
                reply = {"success": not refused, "ret_msg": said, "op": body["op"], "req_id": body.get("req_id", "")}
                await connection.send(msgspec.json.encode(reply), text=True)
        except ConnectionClosed:
            return
        finally:
            self.subscribed.pop(connection, None)

    async def push(self, message: dict[str, Any] | bytes, *, topic: str = "") -> None:
        data = message if isinstance(message, bytes) else msgspec.json.encode(message)
        name = topic or (message["topic"] if isinstance(message, dict) else "")
        for connection, topics in list(self.subscribed.items()):
            if not name or name in topics:
                await connection.send(data, text=True)

    async def drop(self) -> None:
        for connection in list(self.subscribed):
            await connection.close(1012, "restart")

    def kline(self, symbol: str, ts_open: int, *, confirm: bool = True) -> dict[str, Any]:
        o, high, low, close, volume = prices(ts_open)
        row = {
            "start": ts_open, "end": ts_open + FIVE - 1, "interval": "5", "open": o, "close": close, "high": high,
            "low": low, "volume": volume, "turnover": "1", "confirm": confirm, "timestamp": self.now,
        }  # fmt: skip
        return {"topic": f"kline.5.{symbol}", "data": [row], "ts": self.now, "type": "snapshot"}

    def ticker(self, symbol: str, kind: str = "delta", **fields: str) -> dict[str, Any]:
        return {
            "topic": f"tickers.{symbol}",
            "type": kind,
            "data": {"symbol": symbol} | fields,
            "cs": 1,
            "ts": self.now,
        }

    def book(self, symbol: str, kind: str, u: int, bids: Sequence[Any], asks: Sequence[Any]) -> dict[str, Any]:
        data = {"s": symbol, "b": bids, "a": asks, "u": u, "seq": u}
        return {"topic": f"orderbook.50.{symbol}", "type": kind, "ts": self.now, "data": data, "cts": self.now}

    def close_bar(self, *symbols: str) -> int:
        """The bar that is open now closes and REST has it; its opening time. The clock moves to just after."""
        ts_open = self.now // FIVE * FIVE
        for symbol in symbols:
            self.bars[symbol].add(ts_open)
        self.now = ts_open + FIVE + 50
        return ts_open


@asynccontextmanager
async def venue() -> AsyncIterator[FakeVenue]:
    fake = FakeVenue()
    async with serve(fake.handle, "127.0.0.1", 0) as server:
        fake.url = f"ws://127.0.0.1:{server.sockets[0].getsockname()[1]}"
        yield fake


def make_feed(fake: FakeVenue, cache: Path, *names: str, timing: Timing = QUICK) -> BybitFeed:
    """A feed of that venue whose back-offs take no time."""

    async def soon(seconds: float) -> None:
        await asyncio.sleep(0.005)

    rest = PublicRest(
        "http://127.0.0.1:1", clock=lambda: fake.now, transport=httpx.MockTransport(fake.answer), sleep=soon
    )
    config = BybitConfig(rest_url="http://127.0.0.1:1", public_url=fake.url)
    return BybitFeed(
        endpoints(config),
        names or (BTC, ETH),
        "5m",
        cache,
        clock=lambda: fake.now,
        timing=timing,
        rest=rest,
        backoff=lambda: Backoff(sleep=soon),
    )


class Reader:
    """Reads a feed's stream in the background."""

    def __init__(self) -> None:
        self.batches: list[list[MarketEvent]] = []
        self.changed = asyncio.Event()

    async def follow(self, feed: BybitFeed, after_ts: int) -> None:
        async for batch in feed.stream(after_ts):
            self.batches.append(list(batch))
            self.changed.set()

    @property
    def bars(self) -> list[list[tuple[str, int]]]:
        """Of the batches with bars: instrument and opening time of each."""
        rows = [
            [(event.bar.instrument, event.bar.ts_open) for event in batch if isinstance(event, BarClosed)]
            for batch in self.batches
        ]
        return [row for row in rows if row]

    @property
    def funding(self) -> list[tuple[str, int, float]]:
        return [
            (event.funding.instrument, event.funding.ts_event, event.funding.rate)
            for batch in self.batches
            for event in batch
            if isinstance(event, FundingUpdate)
        ]

    @property
    def quotes(self) -> list[Any]:
        return [event.quote for batch in self.batches for event in batch if isinstance(event, QuoteUpdate)]

    def of(self, instrument: str) -> list[int]:
        return [ts for batch in self.bars for name, ts in batch if name == instrument]


async def until(ready: Callable[[], bool], what: Callable[[], object] = lambda: "") -> None:
    """Wait until something is so; fails after some seconds with `what`."""
    for _ in range(2000):
        if ready():
            return
        await asyncio.sleep(0.005)
    raise AssertionError(f"did not happen: {what()}")


@asynccontextmanager
async def reading(fake: FakeVenue, feed: BybitFeed, after_ts: int | None = None) -> AsyncIterator[Reader]:
    """The feed opened and followed, all topics subscribed; closed at the end, with nothing left behind."""
    before = asyncio.all_tasks()
    reader = Reader()
    await feed.open()
    task = asyncio.create_task(reader.follow(feed, fake.now if after_ts is None else after_ts))
    try:
        await until(lambda: all(not age.detail for age in feed.streams()), lambda: (feed.streams(), task))
        yield reader
    finally:
        await feed.close()
        await task
        left = {
            t for t in asyncio.all_tasks() - before if "ServerConnection" not in repr(t) and "websockets" not in repr(t)
        }
        assert not left, left
