"""From a closing bar to the order: `python tests/benchmarks/order_latency.py [samples] [--one]`.

The real engine (`run_engine`: feed, strategy, tier 1, tier 2, sizing, ledger and journal, Bybit broker) on the
simulated Bybit, which is a process of its own. A figure begins when the venue writes the closing candles, in one
piece, to its socket and ends when the last byte of `order/create` has certainly left: the engine's write has returned,
or the venue has read it, whichever is noticed first (on loopback the kernel often wakes the venue on the core of the
thread that writes, which then waits for its return). Inside are the
stream's way through loopback, reading and decoding, the strategy on a panel of a day and a bit, both passes of tier 1,
sizing, the journal, the write-ahead commit (synchronous, on the disk of the temporary folder), the hop to a worker
thread, pybit and the signature. Tier 2 is the offline rules, which take microseconds; a model's time would come on top.
The venue's answer is not inside. Every instrument's ticker, trades and book move ten times a second all the while.

The venue stands for another machine, so it runs at the lowest priority: it takes no core that the engine wants. What
other work on the same cores does to the figures is shown beside them: how long the thread of the engine's loop could
have run and did not, from the bar to the ledger.

A real venue closes a candle in five minutes; here one clock, shared by both processes, jumps from close to close.
Prints figures, asserts nothing. The budget: p99 under 10 ms for one instrument.
"""

import asyncio
import http.client
import json
import mmap
import os
import random
import re
import statistics
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Callable, Sequence
from concurrent.futures import ProcessPoolExecutor
from decimal import Decimal
from multiprocessing import get_context
from pathlib import Path
from typing import Any

import msgspec

HERE = Path(__file__).parent
sys.path.insert(0, str(HERE.parent))

SAMPLES, WARM_UP = 300, 10
BAR_MS = 300_000
DAYS_MS = 86_400_000
BASE = Decimal(100)
TICK = Decimal("0.01")
SIGNAL, TARGET = BASE * Decimal("0.998"), BASE * Decimal("1.01")
SYMBOLS = [f"{name}USDT" for name in ("BTC", "ETH", "SOL", "XRP", "ADA", "BNB", "LINK", "SUI")]
MOVES_A_SECOND = 10
ORDER_ID = re.compile(rb'"orderLinkId": *"([^"]+)"')
PATIENCE_S = 3.0
STAGES = (
    "read by the feed",
    "signals raised",
    "signals at the desk",
    "verdict at the desk",
    "given to the disk",
    "on the disk",
    "order written",
)

CONFIG = """
mode = "paper"
[books.crypto]
strategy = "eos"
venue = "bybit"
instruments = [{instruments}]
capital = 1000000.0
[books.crypto.parameters]
threshold = 0.001
min_confirmations = 0
rearm_fraction = 1.0
[books.crypto.exits]
stop = 0.05
target = 0.005
session_end = false
[books.crypto.limits]
cool_down_minutes = 0.0
max_total_exposure = 5.0
daily_loss = 1.0
drawdown = 1.0
[feed]
kind = "bybit"
[venues.bybit]
rest_url = "{rest}"
public_url = "{public}"
private_url = "{private}"
"""


class SharedClock:
    """UTC ms, ahead of the machine's by what stands in a file; every process that maps it jumps at the same moment."""

    def __init__(self, path: Path) -> None:
        with path.open("r+b") as file:
            self._ahead_ms = memoryview(mmap.mmap(file.fileno(), 8)).cast("q")

    def __call__(self) -> int:
        return time.time_ns() // 1_000_000 + self._ahead_ms[0]

    def jump(self, to_ms: int) -> None:
        self._ahead_ms[0] += to_ms - self()


# The venue


async def venue(symbols: Sequence[str], samples: int, a_second: int, shared: Path) -> None:
    """Play bars until every sample was taken; what happened goes to stdout as JSON."""
    from simulators.bybit import BybitSimulator, Instrument
    from simulators.bybit.limits import Limits
    from simulators.bybit.model import Bar

    limits = Limits(per_address=10**6)
    limits.per_second |= {"order/create": a_second}
    contracts = [
        Instrument(symbol, symbol.removesuffix("USDT"), TICK, TICK, TICK, Decimal(10**6), Decimal(10**6))
        for symbol in symbols
    ]
    prices = dict.fromkeys(symbols, BASE)
    async with BybitSimulator(balance=10_000_000, prices=prices, instruments=contracts, limits=limits) as simulator:
        clock = SharedClock(shared)
        simulator.exchange.clock.now_ms = clock
        simulator.exchange.clock.now_ns = lambda: clock() * 1_000_000
        flat = [Bar(n * BAR_MS, BASE, BASE, BASE, BASE, Decimal(10_000)) for n in range(400)]
        for symbol in symbols:
            simulator.load_bars(symbol, flat, BAR_MS)
            simulator.market(symbol).driven = True
            simulator.market(symbol).next_funding_ms = clock() + 365 * DAYS_MS  # it would be waited for
        arrived = _watch_arrivals()
        say(json.dumps([simulator.rest_url, simulator.public_url, simulator.private_url]))
        closes = await Script(simulator, symbols, clock).run(samples, 0.15 if a_second > len(symbols) * 10 else 1.5)
        say(json.dumps([closes, arrived]))


def _watch_arrivals() -> dict[str, int]:
    """When the last byte of each order was read, ns, by its id."""
    from aiohttp.web_protocol import RequestHandler

    arrived: dict[str, int] = {}
    plain = RequestHandler.data_received

    def data_received(handler: RequestHandler, data: bytes) -> None:
        if found := ORDER_ID.search(data):
            arrived[found[1].decode()] = time.perf_counter_ns()
        plain(handler, data)

    RequestHandler.data_received = data_received
    return arrived


class Script:
    """What the market does: a bar that falls, the target of whoever bought, a bar back where it was."""

    def __init__(self, simulator: Any, symbols: Sequence[str], clock: SharedClock) -> None:
        self._venue = simulator
        self._symbols = symbols
        self._clock = clock
        self._price = BASE
        self._moved = 0
        self._next_close = clock() // BAR_MS * BAR_MS + BAR_MS

    async def run(self, samples: int, rest_s: float) -> list[int]:
        """When the candles went out, ns. `rest_s` after each sample: the venue's second must be over."""
        await self._until(lambda: all(self._line(symbol) for symbol in self._symbols), 30)
        jitter = random.Random(1)
        moving = asyncio.create_task(self._move())
        await asyncio.sleep(2)
        closes = []
        for _ in range(samples + WARM_UP):
            before = len(self._venue.exchange.by_link)
            self._price = SIGNAL
            await asyncio.sleep(jitter.uniform(0.1, 0.2))  # no beat with what the engine does every 100 ms
            closes.append(self._close(SIGNAL))
            await self._until(lambda had=before: len(self._venue.exchange.by_link) >= had + len(self._symbols))
            await asyncio.sleep(0.1)
            self._price = TARGET
            await self._until(lambda: not self._venue.positions)
            self._price = BASE
            await asyncio.sleep(rest_s)
            self._close(BASE)
        moving.cancel()
        return closes[WARM_UP:]

    def _close(self, close: Decimal) -> int:
        """The clock jumps to the close, and the candles of all instruments go out in one write."""
        from simulators.bybit.model import Bar

        start = self._next_close - BAR_MS
        frames: dict[Any, list[bytes]] = {}
        for symbol in self._symbols:
            self._venue.market(symbol).bars.append(Bar(start, BASE, BASE, close, close, Decimal(10_000)))
            frames.setdefault(self._line(symbol), []).append(_frame(_kline(symbol, start, close)))
        self._clock.jump(self._next_close)
        self._next_close += BAR_MS
        closed_at = time.perf_counter_ns()
        for connection, parts in frames.items():
            connection.request.transport.write(b"".join(parts))
        return closed_at

    def _line(self, symbol: str) -> Any:
        """The engine's connection, once it has subscribed."""
        lines = self._venue.public.connections
        return next((line for line in lines if f"kline.5.{symbol}" in line.topics), None)

    async def _move(self) -> None:
        """Trades around the price, the instruments in turn."""
        while True:
            for symbol in self._symbols:
                self._moved += 1
                self._venue.set_price(symbol, self._price + TICK * (self._moved % 3), qty=self._moved % 7 + 1)
                await asyncio.sleep(1 / MOVES_A_SECOND / len(self._symbols))

    async def _until(self, true: Callable[[], object], patience_s: float = PATIENCE_S) -> None:
        deadline = time.monotonic() + patience_s
        while not true() and time.monotonic() < deadline:  # noqa: ASYNC110 - nothing tells
            await asyncio.sleep(0.002)


def _kline(symbol: str, start: int, close: Decimal) -> dict[str, Any]:
    row = {"start": start, "end": start + BAR_MS - 1, "interval": "5", "open": str(BASE), "close": str(close),
           "high": str(BASE), "low": str(close), "volume": "10000", "turnover": "1000000", "confirm": True,
           "timestamp": start + BAR_MS}  # fmt: skip
    return {"topic": f"kline.5.{symbol}", "data": [row], "ts": start + BAR_MS, "type": "snapshot"}


def _frame(message: dict[str, Any]) -> bytes:
    """An unmasked text frame, as a server writes it."""
    data = json.dumps(message, separators=(",", ":")).encode()
    return b"\x81\x7e" + len(data).to_bytes(2, "big") + data


# The engine


class Stamps:
    """When each stage was passed, ns, each time; and how long the loop's thread had waited for a core by then, ns."""

    def __init__(self) -> None:
        self.passed: dict[str, list[int]] = {stage: [] for stage in STAGES}
        self.written: dict[str, int] = {}
        self.waited: dict[int, int] = {}

    def pass_(self, stage: str) -> None:
        now = time.perf_counter_ns()
        self.passed[stage].append(now)
        if stage in ("read by the feed", "on the disk"):
            self.waited[now] = _waited_ns()

    def watch(self, owner: type, name: str, stage: str, wanted: Callable[..., object], after: bool = False) -> None:
        """Note when a method is called with `wanted` arguments, or when it is `after` it."""
        plain = getattr(owner, name)

        def called(owned: object, *arguments: object) -> object:
            is_wanted = wanted(*arguments)
            if is_wanted and not after:
                self.pass_(stage)
            result = plain(owned, *arguments)
            if is_wanted and after:
                self.pass_(stage)
            return result

        setattr(owner, name, called)

    def watch_disk(self, owner: type) -> None:
        self.watch(owner, "written", "given to the disk", lambda: True)
        self.watch(owner, "settle", "on the disk", lambda _: True)

    def watch_sending(self, owner: type) -> None:
        plain = owner.send

        def send(owned: object, data: bytes) -> None:
            plain(owned, data)
            if found := ORDER_ID.search(data):
                self.written[found[1].decode()] = time.perf_counter_ns()

        owner.send = send

    def settle(self, arrived: dict[str, int]) -> None:
        """An order left when its write returned, or when it had arrived."""
        self.passed["order written"] = sorted(min(at, arrived.get(id, at)) for id, at in self.written.items())

    def within(self, stage: str, first: int, before: int) -> list[int]:
        return [at for at in self.passed[stage] if first <= at < before]


def _waited_ns() -> int:
    """Of the process's first thread, as Linux counts it."""
    try:
        return int(Path("/proc/self/schedstat").read_text().split()[1])
    except OSError:
        return 0


def engine(config: Path, clock: SharedClock, stop: threading.Event) -> Stamps:
    """Run an engine until `stop`, with the benchmark's clock for its feed and its broker."""
    from tradeterm.brokers.bybit import session
    from tradeterm.config_file import load_config
    from tradeterm.desk import Desk
    from tradeterm.domain.events import SignalRaised, VerdictReceived
    from tradeterm.engine import core, run
    from tradeterm.engine.options import EngineOptions
    from tradeterm.feeds.bybit import BybitFeed, live
    from tradeterm.feeds.bybit.timing import Timing
    from tradeterm.ledger.writer import Barrier
    from tradeterm.profile import find_profile
    from tradeterm.venues.bybit.endpoints import endpoints

    stamps = Stamps()
    stamps.watch(live.Live, "_kline", "read by the feed", lambda _, message, __: message.data[0].confirm)
    stamps.watch(core.Core, "post", "signals raised", lambda event, *_: isinstance(event, SignalRaised))
    stamps.watch(Desk, "on", "signals at the desk", lambda event: isinstance(event, SignalRaised), after=True)
    stamps.watch(Desk, "on", "verdict at the desk", lambda event: isinstance(event, VerdictReceived), after=True)
    stamps.watch_disk(Barrier)
    stamps.watch_sending(http.client.HTTPConnection)
    session.BybitVenue.__init__.__kwdefaults__["clock"] = clock

    def make_feed(config: Any, cache: Path) -> BybitFeed:
        patient = Timing(silent_after_s=1e6, stale_topic_s=1e6)  # for whoever's clock jumps, all is long ago
        names = config.books["crypto"].instruments
        return BybitFeed(endpoints(config.venues.bybit), names, "5m", cache, clock=clock, timing=patient)

    run.make_feed, run.wall_ms = make_feed, clock
    options = EngineOptions(
        profile=find_profile("latency"), config=load_config(config, "latency"), should_stop=stop.is_set
    )
    run.run_engine(options)
    return stamps


# Both


class Figures(msgspec.Struct):
    """Milliseconds: of every sample's orders in turn, of each stage after the one before (of the first order), how long
    the loop's thread waited for a core on the way to the disk, and how long the same disk takes to sync 8 kB."""

    orders: list[list[float]]
    stages: dict[str, list[float]]
    waited: list[float]
    syncs: list[float]


def measure(symbols: Sequence[str], samples: int, a_second: int = 1000) -> Figures:
    """One venue and one engine. Not twice in a process: what is stamped stays wrapped."""
    from simulators.bybit import KEY, SECRET

    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        shared, config = folder / "clock", folder / "config.toml"
        shared.write_bytes(bytes(8))
        os.environ |= {"TRADETERM_HOME": name, "BYBIT_API_KEY": KEY, "BYBIT_API_SECRET": SECRET}
        command = [sys.executable, __file__, "--venue", ",".join(symbols), str(samples), str(a_second), str(shared)]
        with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:
            assert process.stdout is not None
            lines = process.stdout
            rest, public, private = json.loads(lines.readline())
            names = ", ".join(f'"{symbol}.BYBIT"' for symbol in symbols)
            config.write_text(CONFIG.format(instruments=names, rest=rest, public=public, private=private))
            stop, said = threading.Event(), []

            def wait() -> None:
                said.append(lines.readline())
                stop.set()

            waiting = threading.Thread(target=wait)
            waiting.start()
            stamps = engine(config, SharedClock(shared), stop)
            waiting.join()
        closes, arrived = json.loads(said[0])
        stamps.settle(arrived)
        return figures(closes, stamps, len(symbols), time_syncs(folder))


def figures(closes: Sequence[int], stamps: Stamps, count: int, syncs: list[float]) -> Figures:
    """Samples that did not bring an order for every instrument are left out."""
    found = Figures([], {stage: [] for stage in STAGES}, [], syncs)
    for closed_at, end in zip(closes, [*closes[1:], sys.maxsize], strict=True):
        written = stamps.within("order written", closed_at, end)
        if len(written) != count:
            continue
        found.orders.append([(at - closed_at) / 1e6 for at in written])
        read = stamps.within("read by the feed", closed_at, written[0])[-1]
        synced = stamps.within("on the disk", read, written[0])[0]
        found.waited.append((stamps.waited[synced] - stamps.waited[read]) / 1e6)
        before = closed_at
        for stage in STAGES:
            at = stamps.within(stage, before, written[0] + 1)[0] if stage != "read by the feed" else read
            found.stages[stage].append((at - before) / 1e6)
            before = at
    return found


def time_syncs(folder: Path) -> list[float]:
    taken = []
    with (folder / "sync").open("wb", buffering=0) as file:
        for _ in range(200):
            file.write(bytes(8192))
            began = time.perf_counter()
            os.fsync(file.fileno())
            taken.append(1000 * (time.perf_counter() - began))
            time.sleep(0.005)
    return taken


def percentile(values: Sequence[float], part: float) -> float:
    return sorted(values)[min(len(values) - 1, int(part * len(values)))] if values else float("nan")


def say(line: str) -> None:
    sys.stdout.write(line + "\n")
    sys.stdout.flush()


def tell(what: str, values: Sequence[float]) -> None:
    middle = statistics.median(values) if values else float("nan")
    high, most = percentile(values, 0.99), max(values, default=float("nan"))
    say(f"{what:38}{middle:9.2f}{high:9.2f}{most:9.2f}{len(values):7}")


def main() -> None:
    samples = int(sys.argv[1]) if len(sys.argv) > 1 else SAMPLES
    fresh = {"max_workers": 1, "max_tasks_per_child": 1, "mp_context": get_context("spawn")}
    with ProcessPoolExecutor(**fresh) as processes:
        one = processes.submit(measure, SYMBOLS[:1], samples).result()
        say(f"{'ms':38}{'p50':>9}{'p99':>9}{'most':>9}{'n':>7}")
        firsts = [orders[0] for orders in one.orders]
        tell("one instrument", firsts)
        for stage, spent in one.stages.items():
            tell(f"  … {stage}", spent)
        tell("  waited for a core meanwhile", one.waited)
        tell("one instrument, without that waiting", [a - b for a, b in zip(firsts, one.waited, strict=True)])
        tell("8 kB synced by the same disk", one.syncs)
        if "--one" in sys.argv:
            return
        eight = processes.submit(measure, SYMBOLS, samples).result()
        tell("eight instruments, first order", [orders[0] for orders in eight.orders])
        tell("eight instruments, last order", [orders[-1] for orders in eight.orders])
        limited = processes.submit(measure, SYMBOLS, samples // 10, 10).result()
        tell("  … of 10 orders a second: the sixth", [orders[5] for orders in limited.orders])
        tell("  … and the last", [orders[-1] for orders in limited.orders])


if __name__ == "__main__":
    if sys.argv[1:2] == ["--venue"]:
        os.nice(19)
        asyncio.run(venue(sys.argv[2].split(","), int(sys.argv[3]), int(sys.argv[4]), Path(sys.argv[5])))
    else:
        main()
