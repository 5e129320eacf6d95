"""The real engine in this process, on a simulated Bybit in a thread, with market data that a test plays.

Venue and engine share a clock that a test may move on (`jump`), so that minutes pass in no time. It starts at noon:
no day ends and no funding is due while a test runs.
"""

import asyncio
import re
import sqlite3
import time
from collections import Counter
from collections.abc import AsyncIterator, Callable, Iterator, Sequence
from contextlib import asynccontextmanager, closing, suppress
from decimal import Decimal
from typing import Any

import msgspec
import pytest
from engine_kit import Watcher
from simulators.bybit import KEY, SECRET, BybitSimulator, Execution, Order

from tradeterm.brokers.bybit import BybitBroker, BybitVenue, follower, health, rest, session, transport
from tradeterm.config import (
    BookConfig,
    BybitConfig,
    Config,
    ExecutionConfig,
    FeedConfig,
    MarginMode,
    RegimeMultipliers,
    SizingConfig,
    SizingMethod,
    VenuesConfig,
)
from tradeterm.desk import unknown
from tradeterm.domain.events import BarClosed, MarketEvent, QuoteUpdate
from tradeterm.domain.facts import AlertFact, ReconciliationFact, SignalFact
from tradeterm.domain.instrument import Instrument, InstrumentKind
from tradeterm.domain.market import DAY_MS, MINUTE_MS, Bar, FundingRate, Quote
from tradeterm.domain.orders import Order as OurOrder
from tradeterm.domain.orders import OrderStatus
from tradeterm.domain.signals import SignalKind, SignalOutcome
from tradeterm.domain.states import CommandVerb, Mode, TradingState, VenueState
from tradeterm.domain.view import DeskView
from tradeterm.engine import conditions, reconciler, rounds, sightings, supervisor
from tradeterm.engine.check import check
from tradeterm.engine.driver import Driver
from tradeterm.engine.ending import Ending
from tradeterm.engine.instruments import save_instruments
from tradeterm.engine.options import EngineOptions
from tradeterm.engine.reconciler import Account
from tradeterm.engine.startup import prepare
from tradeterm.feeds.protocol import StreamAge
from tradeterm.ledger.live import LiveReader
from tradeterm.ledger.queue import enqueue
from tradeterm.ledger.store import open_ledger
from tradeterm.profile import Profile
from tradeterm.venues import socket
from tradeterm.venues.backoff import Backoff
from tradeterm.venues.bybit.endpoints import endpoints
from tradeterm.venues.credentials import Credentials

BTC, ETH, LINK = "BTCUSDT", "ETHUSDT", "LINKUSDT"
PRICES = {BTC: Decimal(60_000), ETH: Decimal(3_000), LINK: Decimal(15)}
FALL = {BTC: Decimal(59_400), ETH: Decimal(2_970)}
"""One percent below the session's open: EOS goes long."""

CAPITAL = Decimal(100_000)
NOON = 20_000 * DAY_MS + DAY_MS // 2
ENTRY = re.compile(r"(s[0-9a-f]{15})-\d+")
CLOSED = "('DENIED', 'FILLED', 'CANCELED', 'EXPIRED', 'REJECTED')"


def hurry(patch: pytest.MonkeyPatch) -> None:
    """The engine's patience, shortened: what takes seconds takes tenths. The clock of orders is moved by `jump`."""
    for module, name, value in (
        (rounds, "TIMER_S", 0.05),
        (conditions, "LOOK_EVERY_S", 0.05),
        (reconciler, "PERIOD_S", 1.0),
        (reconciler, "SECOND_LOOK_S", 0.2),
        (reconciler, "AGAIN_S", 0.1),
        (reconciler, "IN_FLIGHT_MS", 300),
        (sightings, "SECOND_LOOK_S", 0.5),
        (supervisor, "FIRST_DELAY_S", 0.05),
        (supervisor, "LONGEST_DELAY_S", 0.3),
        (unknown, "FIRST_MS", (100, 200, 400, 600, 800)),
        (unknown, "THEN_EVERY_MS", 400),
        (transport, "CONNECT_S", 0.5),
        (transport, "READ_S", 0.8),
        (rest, "_READ_AGAIN_AFTER_S", (0.05, 0.1)),
        (rest, "_CHANGE_AGAIN_AFTER_S", (0.05,)),
        (session, "POLL_WITHOUT_STREAM_S", 0.3),
        (session, "CLOCK_S", 0.5),
        (session, "STREAM_PATIENCE_S", 1.0),
        (session, "SILENT_AFTER_SUBMIT_S", 0.3),
        (follower, "CATCH_UP_S", (0.1, 0.2, 0.4)),
        (health, "BAN_S", 1.0),
        (health, "_TROUBLE_S", 1.0),
        (health, "_GRACE_S", 0.5),
        (health, "_NOTICE_S", 1.0),
    ):
        patch.setattr(module, name, value)
    patch.setitem(socket.REST_S, 403, 0.5)
    patch.setitem(Backoff.__init__.__kwdefaults__, "first_s", 0.1)
    patch.setitem(Backoff.__init__.__kwdefaults__, "cap_s", 0.5)


def contract(symbol: str, tick: str, lot: str) -> Instrument:
    return Instrument(
        id=f"{symbol}.BYBIT",
        symbol=symbol,
        venue="BYBIT",
        kind=InstrumentKind.PERPETUAL,
        quote_currency="USDT",
        tick_size=Decimal(tick),
        lot_size=Decimal(lot),
        min_quantity=Decimal(lot),
        min_notional=Decimal(5),
        max_leverage=Decimal(100),
    )


CONTRACTS = {BTC: contract(BTC, "0.10", "0.001"), ETH: contract(ETH, "0.01", "0.01")}


class PlayedFeed:
    """Minutes that hardly move, so that every volatility is known; then what the test plays."""

    report: Sequence[str] = ()

    def __init__(self, now: Callable[[], int]) -> None:
        self.now = now
        self.batches: asyncio.Queue[Sequence[MarketEvent]] = asyncio.Queue()
        self.prices = {symbol: PRICES[symbol] for symbol in CONTRACTS}

    async def open(self) -> None: ...

    async def close(self) -> None: ...

    def instruments(self) -> Sequence[Instrument]:
        return tuple(CONTRACTS.values())

    def streams(self) -> Sequence[StreamAge]:
        return ()

    async def history(self, until_ts: int, bars: int) -> Sequence[Bar | FundingRate]:
        last = until_ts // MINUTE_MS
        starts = range((last - bars) * MINUTE_MS, last * MINUTE_MS, MINUTE_MS)
        closes = {symbol: (price, price * Decimal("1.0001")) for symbol, price in PRICES.items()}
        return [
            self.bar(symbol, start, closes[symbol][start // MINUTE_MS % 2]) for start in starts for symbol in CONTRACTS
        ]

    async def stream(self, after_ts: int) -> AsyncIterator[Sequence[MarketEvent]]:
        ts = self.now()
        yield [QuoteUpdate(ts=ts, quote=Quote(f"{s}.BYBIT", ts, ts, float(p))) for s, p in self.prices.items()]
        while True:
            yield await self.batches.get()

    def bar(self, symbol: str, start: int, close: Decimal) -> Bar:
        opened = PRICES[symbol]
        edges = (float(opened), float(max(opened, close)), float(min(opened, close)), float(close))
        return Bar(f"{symbol}.BYBIT", MINUTE_MS, start, *edges, 10_000.0, start + MINUTE_MS)


class Bench:
    """One profile, one venue, and the engine that is run on them, one after the other."""

    def __init__(self, venue: BybitSimulator, profile: Profile, config: Config) -> None:
        self.venue = venue
        self.profile = profile
        self.config = config
        self.watcher = Watcher()
        self.driver: Driver | None = None
        self.feed = PlayedFeed(self.now)
        self.skew_ms = 0
        self.began = 0
        self._task: asyncio.Task[Ending] | None = None
        self._credentials = Credentials(KEY, SECRET)

    # time and prices

    def now(self) -> int:
        """Our clock, UTC ms: the venue's, and what `skew_ms` puts it ahead."""
        return self.venue.exchange.clock.now_ms() + self.skew_ms

    def jump(self, seconds: float) -> None:
        """Move the clock of both sides on."""
        self.venue.exchange.clock.offset_ms += round(seconds * 1000)

    def price(self, symbol: str, price: Decimal | int | str) -> None:
        """A trade at the venue that we see too."""
        self.venue.set_price(symbol, price)
        self.feed.prices[symbol] = Decimal(price)
        self.quote(symbol, float(Decimal(price)))

    def quote(self, symbol: str, price: float) -> None:
        """What the public stream says, whatever is traded."""
        ts = self.now()
        self.feed.batches.put_nowait([QuoteUpdate(ts=ts, quote=Quote(f"{symbol}.BYBIT", ts, ts, price))])

    def bar(self, **closes: Decimal | int) -> None:
        """Close the present minute of every instrument, at these prices or unchanged."""
        self.jump((MINUTE_MS - self.now() % MINUTE_MS) / 1000 + 0.01)
        for symbol, close in closes.items():
            self.venue.set_price(symbol, close)
            self.feed.prices[symbol] = Decimal(close)
        ts = self.now()
        start = ts // MINUTE_MS * MINUTE_MS - MINUTE_MS
        bars = [self.feed.bar(symbol, start, price) for symbol, price in self.feed.prices.items()]
        self.feed.batches.put_nowait([BarClosed(ts=ts, bar=bar) for bar in bars])

    def knows_volatility(self) -> bool:
        """Without one nothing is let through."""
        assert self.driver is not None
        models = self.driver._desk.state.models
        return all(item.id in models and models[item.id].volatility is not None for item in CONTRACTS.values())

    async def enter(self, symbol: str = BTC) -> OurOrder:
        """Make EOS go long, and wait until the order is decided."""
        before = len(self.decided(SignalOutcome.ORDERED))
        await self.until(self.knows_volatility, "the models have looked at the history")
        self.bar(**{symbol: FALL[symbol]})
        await self.until(lambda: len(self.decided(SignalOutcome.ORDERED)) > before, "an entry is ordered")
        return self.order(self.decided(SignalOutcome.ORDERED)[-1].client_order_id or "")

    async def opened(self, symbol: str = BTC) -> OurOrder:
        """A position with its stop and target, seen on both sides."""
        entry = await self.enter(symbol)
        await self.until(lambda: self.protected(symbol), "the position is protected")
        return entry

    async def denied(self, code: str, symbol: str = ETH) -> None:
        """An entry signal is denied with this code."""
        before = len(self.decided(SignalOutcome.DENIED))
        self.bar(**{symbol: FALL[symbol]})
        await self.until(lambda: len(self.decided(SignalOutcome.DENIED)) > before, "an entry is denied")
        fact = self.decided(SignalOutcome.DENIED)[-1]
        assert fact.outcome_code == code, (fact.outcome_code, fact.outcome_text)
        self.bar(**{symbol: PRICES[symbol]})  # armed again

    # the engine

    def start(self) -> None:
        """As `run_engine` does, but in this loop, without lock, log and signals."""
        self.feed = PlayedFeed(self.now)
        self.watcher = Watcher()
        config, book = self.config, "crypto"
        bybit = config.venues.bybit
        place = BybitVenue(endpoints(bybit), bybit, self._credentials, clock=self.now, poll_s=1.0)
        broker = BybitBroker(place, book, tuple(CONTRACTS.values()))
        self.began = self.began or self.now()
        save_instruments(self.profile, CONTRACTS.values())
        prepared = prepare(self.profile, config, recorded_from=None, wall_ts=self.now())
        options = EngineOptions(profile=self.profile, config=config, journal=False, observers=(self.watcher,))
        self.driver = Driver(options, prepared, self.feed, (Account(broker=broker, books=(book,), currency="USDT"),))
        self._task = asyncio.create_task(self.driver.run())

    async def ready(self) -> None:
        await self.until(lambda: self.state is VenueState.READY and not self.feed.batches.qsize(), "the venue is READY")
        await asyncio.sleep(0.05)  # the first quotes are in

    async def started(self) -> "Bench":
        self.start()
        await self.ready()
        return self

    async def abandon(self) -> None:
        """End it as a crash does: nothing is wound down, the run stays marked as running."""
        if self._task is not None:
            self._task.cancel()
            with suppress(asyncio.CancelledError):
                await self._task
        self._task = self.driver = None

    async def stop(self) -> None:
        if self._task is not None and self.driver is not None:
            self.driver.end(Ending.STOPPED)
            await self._task
        self._task = self.driver = None

    def send(self, verb: CommandVerb, **more: str) -> int:
        """As a face would, whether or not an engine runs."""
        with closing(open_ledger(self.profile.ledger)) as db:
            return enqueue(db, verb, ts=self.now(), actor="tester:1", **more)

    async def until(self, true: Callable[[], bool], what: str, seconds: float = 8.0) -> None:
        deadline = time.monotonic() + seconds
        while not true():
            if self._task is not None and self._task.done():
                self._task.result()
            assert time.monotonic() < deadline, f"not so after {seconds:g} s: {what}\n" + "\n".join(self.story())
            await asyncio.sleep(0.02)

    # what a person sees

    @property
    def view(self) -> DeskView:
        """What a face shows, from the file the engine publishes."""
        found = LiveReader(self.profile.live).view()
        assert found is not None
        return found

    def mark(self, symbol: str) -> float | None:
        """The instrument's price, as the desk has it."""
        known = None if self.driver is None else self.driver._desk.state.marks.get(f"{symbol}.BYBIT")
        return None if known is None else float(known.price)

    @property
    def state(self) -> VenueState | None:
        """The venue's, as the desk has it."""
        known = None if self.driver is None else self.driver._desk.state.venues.get("bybit")
        return known.state if known else None

    async def shows(self, state: VenueState, detail: str = "") -> None:
        """A face shows this state of the venue, with this in its detail."""

        def right() -> bool:
            found = LiveReader(self.profile.live).view()
            return found is not None and any(v.state is state and detail in v.detail for v in found.venues)

        await self.until(right, f"the screen shows {state} {detail!r}")

    @property
    def trading(self) -> TradingState:
        assert self.driver is not None
        return self.driver._desk.state.trading_state

    async def trades(self, state: TradingState) -> None:
        await self.until(lambda: self.trading is state, f"trading is {state}")

    def alerts(self, code: str = "") -> list[AlertFact]:
        return [fact for fact in self.watcher.of(AlertFact) if code in ("", fact.code)]

    def codes(self) -> Counter[str]:
        return Counter(fact.code for fact in self.alerts())

    async def said(self, code: str, times: int = 1) -> None:
        """A person heard this alert so many times, not oftener."""
        await self.until(lambda: self.codes()[code] >= times, f"{times} x {code}")
        assert self.codes()[code] == times, self.alerts(code)

    async def went_through(self, client_id: str, status: OrderStatus) -> None:
        await self.until(lambda: status in self.been(client_id), f"{client_id} was {status}")

    def decided(self, outcome: SignalOutcome) -> list[SignalFact]:
        facts = self.watcher.of(SignalFact)
        return [fact for fact in facts if fact.outcome is outcome and fact.kind is SignalKind.ENTRY]

    def order(self, client_id: str) -> OurOrder:
        assert self.driver is not None
        return self.driver._desk.orders[client_id]

    def orders(self, suffix: str = "") -> list[OurOrder]:
        assert self.driver is not None
        return [order for name, order in self.driver._desk.orders.items() if name.endswith(suffix)]

    def been(self, client_id: str) -> list[OrderStatus]:
        """The states an order went through."""
        found: list[OrderStatus] = []
        for fact in self.watcher.of(OurOrder):
            if fact.client_order_id == client_id and (not found or found[-1] is not fact.status):
                found.append(fact.status)
        return found

    def holds(self, symbol: str = BTC) -> Decimal:
        """Our position, signed."""
        assert self.driver is not None
        position = self.driver._desk.positions.get(("crypto", f"{symbol}.BYBIT"))
        return position.quantity if position else Decimal(0)

    def protected(self, symbol: str = BTC) -> bool:
        """Whether position and stop are there, on both sides."""
        assert self.driver is not None
        position = self.driver._desk.positions.get(("crypto", f"{symbol}.BYBIT"))
        return position is not None and position.ts_unprotected is None and self.covered(symbol)

    def covered(self, symbol: str = BTC) -> bool:
        """Whether the venue holds a stop for its position."""
        held = self.venue.positions.get(symbol)
        return held is not None and any(
            order.is_open and order.symbol == symbol and order.stop_kind in ("StopLoss", "Stop")
            for order in self.venue.orders
        )

    def reconciled(self) -> list[ReconciliationFact]:
        return self.watcher.of(ReconciliationFact)

    def findings(self) -> str:
        return "; ".join(finding for fact in self.reconciled() for finding in fact.findings)

    def story(self) -> Iterator[str]:
        """For a person whose test failed."""
        yield f"venue {self.state}, positions {self.venue.positions}"
        happened = Counter(f"{fault.name} ({fault.where})" for fault in self.venue.fault_log)
        yield from (f"  {count} x {name}" for name, count in happened.items())
        yield from (f"  {alert.code}: {alert.text}" for alert in self.alerts())
        yield from (f"  signal {s.outcome} {s.outcome_code} {s.outcome_text}" for s in self.watcher.of(SignalFact))
        if self.driver is not None:
            for o in self.driver._desk.orders.values():
                yield f"  {o.client_order_id} {o.status} {o.filled_quantity}/{o.quantity} {o.reason}"

    # how it ended

    async def same(self) -> None:
        """Both sides agree to the last digit: every execution once, positions, money, working orders; nothing twice."""
        await self.until(lambda: not list(self.differences()), "venue and ledger are the same")

    async def flat(self) -> None:
        """Nothing held, nothing working, on both sides; and all of `same`."""

        def over() -> bool:
            return not self.venue.positions and not any(order.is_open for order in self.venue.orders)

        await self.until(over, "the venue is flat")
        await self.same()

    async def ends_well(self, *, money: bool = True) -> None:
        """An operator flattens; then both sides are the same, money too, and the ledger agrees with itself."""
        await self.same()
        self.send(CommandVerb.FLATTEN)
        await self.flat()
        if money:
            await self.until(self.earned_the_same, f"the money is the same: {self.money()}")
        await self.stop()
        assert self.findings_of_check() == []

    async def resume(self) -> None:
        """A person lets entries through again."""
        command = self.send(CommandVerb.RESUME)
        sql = f"SELECT status, detail FROM commands WHERE id = {command} AND status != 'QUEUED'"
        await self.until(lambda: bool(self.rows(sql)), "the command is answered")
        assert self.rows(sql)[0][0] == "DONE", self.rows(sql)
        await self.trades(TradingState.ACTIVE)

    def differences(self) -> Iterator[str]:
        venue = self.venue
        executions = {item.exec_id: item for item in self.ours(venue.executions)}
        theirs = {key: (e.qty, e.price, e.fee) for key, e in executions.items() if e.exec_type != "Funding"}
        booked = self.rows("SELECT exec_id, quantity, price, fee FROM fills WHERE exec_id NOT LIKE 'recon-%'")
        ours = {row[0]: tuple(map(Decimal, row[1:])) for row in booked}
        if ours != theirs or len(ours) != len(booked):
            yield f"fills {ours} here, {theirs} there"
        held = {f"{symbol}.BYBIT": p.size for symbol, p in venue.positions.items() if symbol in CONTRACTS}
        kept = {name: Decimal(size) for name, size in self.rows("SELECT instrument, quantity FROM positions")}
        if {name: size for name, size in kept.items() if size} != held:
            yield f"positions {kept} here, {held} there"
        working = self.rows(f"SELECT venue_order_id FROM orders WHERE status NOT IN {CLOSED} AND venue = 'bybit'")
        open_there = {order.order_id for order in venue.orders if order.is_open and order.symbol in CONTRACTS}
        if {row[0] for row in working} != open_there:
            yield f"working orders {working} here, {open_there} there"
        yield from self.duplicates()

    def ours(self, executions: Sequence[Execution]) -> list[Execution]:
        """Those of our instruments since the first run began."""
        return [item for item in executions if item.symbol in CONTRACTS and item.time_ms >= self.began]

    def duplicates(self) -> Iterator[str]:
        attempts = Counter(m.group(1) for order in self.venue.orders if (m := ENTRY.fullmatch(order.link_id)))
        yield from (f"signal {name} was sent {count} times" for name, count in attempts.items() if count > 1)

    def money(self) -> tuple[Decimal, Decimal]:
        """What was earned: here, there."""
        ((cash,),) = self.rows("SELECT cash FROM book_state WHERE book = 'crypto'")
        return Decimal(cash) - CAPITAL, self.venue.wallet.balance - CAPITAL

    def earned_the_same(self) -> bool:
        here, there = self.money()
        return here == there

    def findings_of_check(self) -> list[str]:
        """Where the ledger disagrees with itself: positions and money rebuilt from fills alone."""
        return list(check(self.profile.ledger, self.config, audit=self.profile.audit).findings)

    def naked(self) -> float:
        """The longest time a position had no stop at the venue, seconds."""
        return max((interval.seconds for interval in self.venue.naked_intervals()), default=0.0)

    def rows(self, sql: str) -> list[tuple[Any, ...]]:
        with closing(open_ledger(self.profile.ledger, readonly=True)) as db, suppress(sqlite3.OperationalError):
            return [tuple(row) for row in db.execute(sql)]
        return []

    def link(self, order: OurOrder) -> list[Order]:
        """The venue's orders of that client id."""
        return [found for found in self.venue.orders if found.link_id == order.client_order_id]


def config_for(venue: BybitSimulator, **book: Any) -> Config:
    bybit = BybitConfig(
        rest_url=venue.rest_url,
        public_url=venue.public_url,
        private_url=venue.private_url,
        margin_mode=MarginMode.CROSS,
    )
    plain = BookConfig(
        strategy="eos",
        venue="bybit",
        instruments=tuple(item.id for item in CONTRACTS.values()),
        capital=float(CAPITAL),
        interval="1m",
        sizing=SizingConfig(
            method=SizingMethod.FIXED, regimes=RegimeMultipliers(trend=1.0, range=1.0, chop=1.0, volatile=1.0)
        ),
        parameters={"threshold": 0.001, "min_confirmations": 0, "rearm_fraction": 1.0},
    )
    limits = msgspec.structs.replace(plain.limits, cool_down_minutes=0.0)
    return Config(
        mode=Mode.PAPER,
        feed=FeedConfig(kind="bybit"),
        venues=VenuesConfig(bybit=bybit),
        books={"crypto": msgspec.structs.replace(plain, limits=limits, **book)},
    )


@asynccontextmanager
async def bench(profile: Profile, *, execution: ExecutionConfig | None = None, **venue: Any) -> AsyncIterator[Bench]:
    """A venue and a bench on it; the engine is not started yet. Nothing is left running."""
    with BybitSimulator.in_thread(balance=CAPITAL, prices=PRICES, **venue) as place:
        place.exchange.clock.offset_ms = NOON + 1000 - time.time_ns() // 1_000_000
        book = {} if execution is None else {"execution": execution}
        found = Bench(place, profile, config_for(place, **book))
        try:
            yield found
        finally:
            await found.abandon()
