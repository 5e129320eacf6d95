"""What taking market data in costs: `python tests/benchmarks/ingest.py [messages]`.

A venue in a process of its own writes prepared frames as fast as they are read: klines (one in a hundred closes),
closed klines alone, tickers, trades, book changes of 50 levels, of ten instruments in turn. A bare loop of
`websockets` and `msgspec` reads and decodes them into the same rows; then `BybitFeed` takes them to a real `Desk`, in
batches as the engine does it. Prints messages a second of both, the ratio, and how long a closing bar takes from its
last byte to the desk. Prints figures; asserts nothing. The budget: at least half of the bare loop.
"""

import asyncio
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import httpx
import msgspec
from websockets.asyncio.client import connect
from websockets.asyncio.server import ServerConnection, serve

from tradeterm.config import BookConfig, BybitConfig, Config
from tradeterm.desk import Desk
from tradeterm.domain.events import BarClosed, DeskRestored, QuoteUpdate, Timer
from tradeterm.domain.market import MINUTE_MS
from tradeterm.domain.snapshot import DeskSnapshot
from tradeterm.feeds.bybit import BybitFeed, decode
from tradeterm.feeds.bybit.rest import PublicRest
from tradeterm.feeds.bybit.timing import Timing
from tradeterm.venues.bybit.endpoints import endpoints

MESSAGES, ROUNDS, PACED = 100_000, 3, 300
FIVE = 5 * MINUTE_MS
T0 = 1_760_342_400_000
SYMBOLS = [f"C{number}USDT" for number in range(10)]
KINDS = {
    "klines": "kline",
    "closed klines": "kline",
    "tickers": "tickers",
    "trades": "publicTrade",
    "book": "orderbook",
}
LAST = 999_999.0  # the price that ends a run
CHUNK = 1 << 16
STARTED = time.perf_counter_ns()


# The venue


def messages(kind: str, count: int) -> Iterator[dict[str, Any]]:
    """`count` messages of a kind; the ten instruments take turns."""
    updates = dict.fromkeys(SYMBOLS, 1)
    for number in range(count):
        symbol, turn = SYMBOLS[number % 10], number // 10
        price = f"{LAST if number >= count - 10 else 50_000 + turn % 500:.1f}"
        ts = T0 + number
        match kind:
            case "klines" | "closed klines":
                every = 100 if kind == "klines" else 1
                yield kline(symbol, T0 + turn // every * FIVE, price, turn % every == every - 1)
            case "tickers":
                yield ticker(symbol, "delta", price, ts)
            case "trades":
                rows = [{"T": ts, "s": symbol, "S": "Buy", "v": "0.001", "p": price, "L": "PlusTick",
                         "i": "20f43950-d8dd-5b31-9112-a178eb6023af", "BT": False, "RPI": False, "seq": number}
                        for _ in range(3)]  # fmt: skip
                yield {"topic": f"publicTrade.{symbol}", "type": "snapshot", "ts": ts, "data": rows}
            case "book":
                updates[symbol] += 1
                last = number >= count - 10
                levels = range(6) if last else range(turn % 40, turn % 40 + 6)
                yield book(symbol, "delta", updates[symbol], ts, levels, price if last else f"{turn % 7 + 1}.5")


def kline(symbol: str, start: int, price: str, confirm: bool) -> dict[str, Any]:
    row = {"start": start, "end": start + FIVE - 1, "interval": "5", "open": price, "close": price, "high": price,
           "low": price, "volume": "2.081", "turnover": "34666.4005", "confirm": confirm,
           "timestamp": start + FIVE}  # fmt: skip
    return {"topic": f"kline.5.{symbol}", "data": [row], "ts": T0, "type": "snapshot"}


def book(symbol: str, kind: str, u: int, ts: int, levels: range, size: str) -> dict[str, Any]:
    """Levels of both sides by their distance from the middle; all but the best go and come back."""
    sizes = ["0" if level and (u + level) % 5 == 0 else size for level in levels]
    data = {
        "s": symbol,
        "b": [[f"{50_000 - level}.0", size] for level, size in zip(levels, sizes, strict=True)],
        "a": [[f"{50_001 + level}.0", size] for level, size in zip(levels, sizes, strict=True)],
        "u": u,
        "seq": 7_961_638_724 + u,
    }
    return {"topic": f"orderbook.50.{symbol}", "type": kind, "ts": ts, "data": data, "cts": ts}


def ticker(symbol: str, kind: str, price: str, ts: int) -> dict[str, Any]:
    data = {
        "symbol": symbol, "lastPrice": price, "markPrice": price, "indexPrice": price,
        "openInterestValue": "1183601235.91", "turnover24h": "1570383121.943499", "volume24h": "91705.276",
        "bid1Price": price, "bid1Size": "84.489", "ask1Price": price, "ask1Size": "83.020",
    }  # fmt: skip
    return {"topic": f"tickers.{symbol}", "type": kind, "data": data, "cs": ts, "ts": ts}


def frame(message: dict[str, Any]) -> bytes:
    """An unmasked text frame, as a server writes it."""
    data = msgspec.json.encode(message)
    head = bytes([0x81, len(data)]) if len(data) < 126 else b"\x81\x7e" + len(data).to_bytes(2, "big")
    return head + data


async def venue(count: int) -> None:
    prepared = {kind: b"".join(map(frame, messages(kind, count))) for kind in KINDS}
    closing = [frame(message) for message in messages("closed klines", PACED * 10)]

    async def handle(connection: ServerConnection) -> None:
        async for request in connection:
            body = msgspec.json.decode(request)
            if body["op"] == "paced":
                await pace(connection, closing)
            elif body["op"] == "go":
                await blast(connection, prepared[body["kind"]])
            else:
                answer = {"success": True, "ret_msg": "", "op": body["op"], "req_id": body.get("req_id", "")}
                await connection.send(msgspec.json.encode(answer), text=True)
            if body["op"] == "subscribe":
                for symbol in SYMBOLS:
                    connection.transport.write(frame(ticker(symbol, "snapshot", "50000.0", T0)))
                    connection.transport.write(frame(book(symbol, "snapshot", 1, T0, range(50), "1.5")))

    async with serve(handle, "127.0.0.1", 0, compression=None, ping_interval=None) as server:
        sys.stdout.write(f"{server.sockets[0].getsockname()[1]}\n")
        sys.stdout.flush()
        await asyncio.to_thread(sys.stdin.read)


async def blast(connection: ServerConnection, data: bytes) -> None:
    transport = connection.transport
    for start in range(0, len(data), CHUNK):
        transport.write(data[start : start + CHUNK])
        while transport.get_write_buffer_size() > 4 * CHUNK:  # noqa: ASYNC110 - nothing tells
            await asyncio.sleep(0.0002)


async def pace(connection: ServerConnection, frames: list[bytes]) -> None:
    """The ten bars of a close at once, a moment of quiet between the closes."""
    for start in range(0, len(frames), 10):
        connection.transport.write(b"".join(frames[start : start + 10]))
        await asyncio.sleep(0.01)


# The two readers


def go(kind: str) -> bytes:
    return msgspec.json.encode({"op": "go", "kind": kind})


async def bare(url: str, kind: str, count: int) -> float:
    """Messages a second of `websockets` and `msgspec` alone."""
    read = decode.READERS[KINDS[kind]]
    async with connect(url, compression=None, ping_interval=None, max_size=2**24) as socket:
        await socket.send(go(kind), text=True)
        began = time.perf_counter()
        for _ in range(count):
            read(await socket.recv(decode=False))
        return count / (time.perf_counter() - began)


def contract(symbol: str) -> dict[str, Any]:
    return {
        "symbol": symbol, "contractType": "LinearPerpetual", "status": "Trading", "settleCoin": "USDT",
        "leverageFilter": {"maxLeverage": "100"}, "priceFilter": {"tickSize": "0.1"}, "fundingInterval": 480,
        "lotSizeFilter": {"qtyStep": "0.001", "minOrderQty": "0.001", "minNotionalValue": "5"},
    }  # fmt: skip


def rest(request: httpx.Request) -> httpx.Response:
    rows = [contract(symbol) for symbol in SYMBOLS] if request.url.path.endswith("instruments-info") else []
    result = {"timeNano": f"{T0}000000", "list": rows}
    return httpx.Response(200, json={"retCode": 0, "result": result, "time": T0})


def microseconds() -> int:
    """The clock of the run: finer than a real one's milliseconds, so that a bar's ts_recv times it."""
    return T0 + (time.perf_counter_ns() - STARTED) // 1000


@asynccontextmanager
async def opened(url: str, folder: Path) -> AsyncIterator[BybitFeed]:
    names = [f"{symbol}.BYBIT" for symbol in SYMBOLS]
    where = endpoints(BybitConfig(rest_url="http://127.0.0.1:1", public_url=url))
    client = PublicRest(where.public_rest, clock=lambda: T0, transport=httpx.MockTransport(rest))
    timing = Timing(late_ms=10**12, silent_after_s=1e6, stale_topic_s=1e6)
    feed = BybitFeed(where, names, "5m", folder, clock=microseconds, timing=timing, rest=client)
    await feed.open()
    try:
        yield feed
    finally:
        await feed.close()


class Followed:
    """A desk fed as the engine feeds it: every event of a batch, then the time."""

    def __init__(self, feed: BybitFeed) -> None:
        names = tuple(instrument.id for instrument in feed.instruments())
        books = {"crypto": BookConfig(strategy="eos", venue="paper", instruments=names, capital=1e5)}
        self.desk = Desk(Config(books=books))
        self.desk.on(DeskRestored(ts=T0, instruments=tuple(feed.instruments()), snapshot=DeskSnapshot()))
        self.feed = feed
        self.events = self.closes = 0
        self.latencies_ms: list[float] = []
        self.last: set[str] = set()
        self.ended = asyncio.Event()

    async def run(self) -> None:
        async for batch in self.feed.stream(T0):
            for event in batch:
                self.desk.on(event)
                if isinstance(event, BarClosed) and event.bar.close == LAST:
                    self.last.add(event.bar.instrument)
                elif isinstance(event, QuoteUpdate) and LAST in (event.quote.last, event.quote.bid_size):
                    self.last.add(event.quote.instrument)
            self.desk.on(Timer(ts=batch[0].ts))
            self.events += len(batch)
            arrived = [event.bar.ts_recv for event in batch if isinstance(event, BarClosed)]
            if arrived:
                self.latencies_ms.append((microseconds() - max(arrived)) / 1000)
            if len(self.last) == len(SYMBOLS):
                self.ended.set()


async def through_feed(url: str, kind: str, folder: Path) -> tuple[float, Followed]:
    """Seconds from asking for the messages until the last one reached the desk, and what reached it."""
    async with opened(url, folder) as feed:
        followed = Followed(feed)
        task = asyncio.create_task(followed.run())
        while any(age.detail for age in feed.streams()) or not followed.events:  # noqa: ASYNC110
            await asyncio.sleep(0.01)
        live = feed._live
        assert live is not None
        followed.events = 0
        await live._socket.send(msgspec.json.encode({"op": "paced"}) if kind == "paced" else go(kind))
        began = time.perf_counter()
        await asyncio.wait_for(followed.ended.wait(), 120)
        spent = time.perf_counter() - began
        assert not any(age.detail for age in feed.streams()), feed.streams()
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)
        return spent, followed


def percentile(values: list[float], part: float) -> float:
    return sorted(values)[min(len(values) - 1, int(part * len(values)))]


def say(line: str) -> None:
    sys.stdout.write(line + "\n")
    sys.stdout.flush()


async def measure(url: str, count: int, folder: Path) -> None:
    say(f"{count} messages a stream, ten instruments, best of {ROUNDS}")
    say(f"{'':14}{'bare/s':>10}{'desk/s':>10}{'ratio':>8}{'events':>9}")
    for kind in KINDS:
        alone, through, events = 0.0, 0.0, 0
        for _ in range(ROUNDS):
            alone = max(alone, await bare(url, kind, count))
            spent, followed = await through_feed(url, kind, folder)
            through, events = max(through, count / spent), followed.events
        say(f"{kind:14}{alone:10,.0f}{through:10,.0f}{through / alone:8.2f}{events:9}")
    _, followed = await through_feed(url, "paced", folder)
    waits = followed.latencies_ms
    say(
        f"closing bars of ten instruments, last one read to desk done: p50 {statistics.median(waits):.2f} ms, "
        f"p99 {percentile(waits, 0.99):.2f} ms, n {len(waits)}"
    )


def main() -> None:
    count = int(sys.argv[1]) // 1000 * 1000 if len(sys.argv) > 1 else MESSAGES
    command = [sys.executable, __file__, "--venue", str(count)]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        url = f"ws://127.0.0.1:{int(process.stdout.readline())}"
        with tempfile.TemporaryDirectory() as folder:
            asyncio.run(measure(url, count, Path(folder)))
        process.terminate()


if __name__ == "__main__":
    if sys.argv[1:2] == ["--venue"]:
        asyncio.run(venue(int(sys.argv[2])))
    else:
        main()
