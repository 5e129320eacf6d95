"""The Bybit venue on the loopback interface: one port for REST, the public and the private stream."""

import asyncio
import threading
import time
from collections.abc import Callable, Coroutine, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from decimal import Decimal
from functools import wraps
from random import Random
from typing import Any, Concatenate, ParamSpec, TypeVar

from aiohttp import web

from simulators.bybit import account, matching
from simulators.bybit.coverage import NakedInterval
from simulators.bybit.exchange import Exchange, new_exchange
from simulators.bybit.faults import Fault, Faults
from simulators.bybit.limits import Limits
from simulators.bybit.market import Market, Trade
from simulators.bybit.model import Bar, Execution, Instrument, Key, Order, Position, Wallet
from simulators.bybit.private_stream import PrivateStream
from simulators.bybit.public_stream import PublicStream
from simulators.bybit.recorded import path, playing
from simulators.bybit.server import Server
from simulators.bybit.socket import IDLE_SECONDS
from simulators.bybit.truth import duplicates, plain_intent

P = ParamSpec("P")
T = TypeVar("T")
Number = Decimal | str | int

KEY, SECRET = "simulated-key", "simulated-secret"
HEARTBEAT_S = 0.2


def decimal(value: Number) -> Decimal:
    return value if isinstance(value, Decimal) else Decimal(value)


def on_loop(
    method: Callable[Concatenate["BybitSimulator", P], T],
) -> Callable[Concatenate["BybitSimulator", P], T]:
    """Runs a control in the venue's own thread, from whichever thread it is called."""

    @wraps(method)
    def run(self: "BybitSimulator", /, *args: P.args, **kwargs: P.kwargs) -> T:
        return self.call(method, self, *args, **kwargs)

    return run


class BybitSimulator:
    """A venue with one unified account in USDT and linear perpetuals.

    `async with BybitSimulator() as venue:` runs it in the current loop; `with BybitSimulator.in_thread() as venue:` in
    a thread of its own. Controls may be called from any thread. `port` 0 takes a free one; a fixed port lets a venue
    come back where it was. The same seed gives the same ids, trades and faults.
    """

    def __init__(
        self,
        *,
        seed: int = 0,
        balance: Number = 100_000,
        prices: Mapping[str, Number] | None = None,
        instruments: Iterable[Instrument] = (),
        keys: Iterable[Key] = (),
        limits: Limits | None = None,
        port: int = 0,
    ) -> None:
        self.exchange: Exchange = new_exchange(
            seed=seed,
            balance=decimal(balance),
            prices={symbol: decimal(price) for symbol, price in (prices or {}).items()},
            instruments=tuple(instruments),
        )
        self.keys: dict[str, Key] = {key.key: key for key in keys} or {KEY: Key(KEY, SECRET)}
        self.limits = limits or Limits()
        self.faults = Faults(self.exchange.clock, Random(seed + 1))
        self._ids = Random(seed + 2)
        self.public = PublicStream(self.exchange, self.faults, self._new_id)
        self.private = PrivateStream(self.exchange.clock, self.keys, self.faults, self._new_id)
        self.exchange.publish = self.private.publish
        self.exchange.tweaks = self.faults.tweaks
        self.faults.on_drop = {"private": self.private.drop, "public": self.public.drop}
        self._server = Server(self.exchange, self.keys, self.limits, self.faults)
        self._port = port
        self._runner: web.AppRunner | None = None
        self._site: web.TCPSite | None = None
        self._tasks: set[asyncio.Task[None]] = set()
        self._loop: asyncio.AbstractEventLoop | None = None
        self._thread: int | None = None

    def _new_id(self) -> str:
        return f"{self._ids.getrandbits(64):016x}"

    # --- life -------------------------------------------------------------------------------------------------------

    async def __aenter__(self) -> "BybitSimulator":
        self._loop, self._thread = asyncio.get_running_loop(), threading.get_ident()
        app = web.Application(client_max_size=2**20)
        app.router.add_get("/v5/public/linear", self.public.handle)
        app.router.add_get("/v5/private", self.private.handle)
        app.router.add_route("*", "/v5/{endpoint:.+}", self._server.handle)
        self._runner = web.AppRunner(app, access_log=None, shutdown_timeout=0.1, handler_cancellation=True)
        await self._runner.setup()
        await self._listen()
        self._port = self._runner.addresses[0][1]
        self._spawn(self._heartbeat())
        return self

    async def __aexit__(self, *_: object) -> None:
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)
        self.public.drop()
        self.private.drop()
        if self._runner is not None:
            await self._runner.cleanup()

    @classmethod
    @contextmanager
    def in_thread(cls, **settings: Any) -> Iterator["BybitSimulator"]:
        """A venue in a thread and loop of its own, until the block ends."""
        venue = cls(**settings)
        ready, done = threading.Event(), asyncio.Event()
        failed: list[BaseException] = []

        async def live() -> None:
            async with venue:
                ready.set()
                await done.wait()

        def run() -> None:
            try:
                asyncio.run(live())
            except BaseException as error:  # noqa: BLE001 - told to the thread that waits
                failed.append(error)
                ready.set()

        thread = threading.Thread(target=run, name="bybit-simulator", daemon=True)
        thread.start()
        ready.wait()
        try:
            if failed:
                raise failed[0]
            yield venue
        finally:
            if not failed and venue._loop is not None:
                venue._loop.call_soon_threadsafe(done.set)
            thread.join(10)
        if failed:
            raise failed[0]

    def call(self, function: Callable[P, T], *args: P.args, **kwargs: P.kwargs) -> T:
        """Run `function` in the venue's thread and return its result."""
        if self._loop is None or self._thread == threading.get_ident():
            return function(*args, **kwargs)

        async def run() -> T:
            return function(*args, **kwargs)

        return asyncio.run_coroutine_threadsafe(run(), self._loop).result(30)

    def _spawn(self, work: Coroutine[Any, Any, None]) -> asyncio.Task[None]:
        task = asyncio.get_running_loop().create_task(work)
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)
        return task

    # --- addresses --------------------------------------------------------------------------------------------------

    @property
    def port(self) -> int:
        return self._port

    @property
    def rest_url(self) -> str:
        return f"http://127.0.0.1:{self._port}"

    @property
    def public_url(self) -> str:
        return f"ws://127.0.0.1:{self._port}/v5/public/linear"

    @property
    def private_url(self) -> str:
        return f"ws://127.0.0.1:{self._port}/v5/private"

    # --- the truth --------------------------------------------------------------------------------------------------

    @property
    def orders(self) -> tuple[Order, ...]:
        """Every order ever accepted, in order of arrival."""
        return tuple(self.exchange.orders.values())

    @property
    def executions(self) -> tuple[Execution, ...]:
        return tuple(self.exchange.executions)

    @property
    def positions(self) -> dict[str, Position]:
        """What is held now, by symbol (in hedge mode the last side wins: look into `exchange.positions`)."""
        return {p.symbol: p for p in list(self.exchange.positions.values()) if p.size}

    @property
    def wallet(self) -> Wallet:
        return self.exchange.wallet

    @property
    def fault_log(self) -> tuple[Fault, ...]:
        return tuple(self.faults.log)

    @on_loop
    def naked_intervals(self, symbol: str | None = None) -> list[NakedInterval]:
        """How long any position had no live stop that covers it, measured by the venue."""
        return self.exchange.coverage.intervals(symbol)

    def duplicates(
        self, intent: Callable[[Order], object] = plain_intent, within_ms: int = 30_000
    ) -> list[tuple[Order, Order]]:
        """Intents that arrived as two orders within `within_ms`; `intent` names what an order is for."""
        return duplicates(self.orders, intent, within_ms)

    # --- controls ---------------------------------------------------------------------------------------------------

    @property
    def clock_offset_ms(self) -> int:
        """How far the venue's clock is ahead of the machine's."""
        return self.exchange.clock.offset_ms

    @clock_offset_ms.setter
    def clock_offset_ms(self, value: int) -> None:
        self.exchange.clock.offset_ms = value

    def market(self, symbol: str) -> Market:
        return self.exchange.markets[symbol]

    @on_loop
    def set_price(
        self, symbol: str, price: Number, *, mark: Number | None = None, index: Number | None = None, qty: Number = 1
    ) -> None:
        """A public trade at `price`; orders match, stops trigger, everything is pushed. Mark and index follow."""
        market = self.exchange.market(symbol)
        value = decimal(price)
        if value <= 0 or value % market.instrument.tick:
            raise ValueError(f"{symbol}: the price {value} is no multiple of {market.instrument.tick}")
        now = self.exchange.clock.now_ms()
        if not market.driven:
            self._roll(market, now)
        trade: Trade = market.trade(
            value, decimal(qty), now, None if mark is None else decimal(mark), None if index is None else decimal(index)
        )
        market.touch(value, decimal(qty))
        self.public.moved(market, [trade], market.refresh_book())
        matching.on_price(self.exchange, symbol)

    @on_loop
    def drop_streams(self) -> None:
        """Cut every connection of both streams."""
        self.private.drop()
        self.public.drop()

    @on_loop
    def restart_book(self, symbol: str) -> None:
        """A fresh snapshot with u=1, as after a restart of the venue."""
        self.public.restart_book(self.market(symbol))

    @on_loop
    def load_bars(
        self, symbol: str, bars: Sequence[Bar], interval_ms: int, *, end_ms: int | None = None, keep_times: bool = False
    ) -> None:
        """Make `bars` the history of `symbol`, moved in time so that the last one closes at `end_ms` (default: now,
        cut to the interval). The last close becomes the price."""
        market = self.exchange.market(symbol)
        now = self.exchange.clock.now_ms()
        end = (end_ms if end_ms is not None else now) // interval_ms * interval_ms
        shift = 0 if keep_times or not bars else end - (bars[-1].start_ms + interval_ms)
        market.base_ms = interval_ms
        market.bars = [Bar(b.start_ms + shift, b.open, b.high, b.low, b.close, b.volume) for b in bars]
        if bars:
            market.last = market.mark = market.index = bars[-1].close
            market.open_24h = market.high_24h = market.low_24h = market.last
            market.refresh_book()

    @on_loop
    def play_bar(self, symbol: str, bar: Bar, *, confirm: bool = True) -> None:
        """Drive one whole candle: its path is open, the nearer extreme, the other one, close; then it is confirmed."""
        market = self.exchange.market(symbol)
        market.driven = True
        tick = market.instrument.tick
        market.bars.append(Bar(bar.start_ms, bar.open, bar.open, bar.open, bar.open, Decimal(0)))
        for price in path(bar):
            self.set_price(symbol, max(price.quantize(tick), tick), qty=bar.volume / 4)
        if confirm:
            self.public.closed(market, [market.bars[-1]])

    @on_loop
    def play(self, bars: Mapping[str, Sequence[Bar]], *, interval_ms: int, seconds_per_bar: float) -> None:
        """Play recorded candles of several symbols in step, in the background, from where each history ends."""
        self._spawn(playing(self, bars, interval_ms, seconds_per_bar))

    @on_loop
    def go_down(self, seconds: float) -> None:
        """Nobody listens for so long: connections are cut, new ones refused."""
        self._spawn(self._down(seconds))

    async def _down(self, seconds: float) -> None:
        assert self._site is not None and self._runner is not None
        await self._site.stop()
        self.public.drop()
        self.private.drop()
        await asyncio.sleep(seconds)
        await self._listen()

    async def _listen(self) -> None:
        assert self._runner is not None
        self._site = web.TCPSite(self._runner, "127.0.0.1", self._port, reuse_address=True)
        await self._site.start()

    @on_loop
    def settle_funding(self, symbol: str, rate: Number | None = None) -> list[Execution]:
        """Pay funding on the position held now."""
        return account.settle_funding(self.exchange, symbol, None if rate is None else decimal(rate))

    @on_loop
    def liquidate(self, symbol: str) -> Execution:
        return account.force_out(self.exchange, symbol, "BustTrade")

    @on_loop
    def deleverage(self, symbol: str, qty: Number | None = None) -> Execution:
        """ADL: the venue closes `qty` of a position, or all of it."""
        return account.force_out(self.exchange, symbol, "AdlTrade", None if qty is None else decimal(qty))

    @on_loop
    def manual(self, /, **order: object) -> Order:
        """An order made at the venue by hand: fields as in `POST /v5/order/create`, no link id needed."""
        order = {"category": "linear", "orderType": "Market", "positionIdx": 0} | order
        fields = {name: str(value) if isinstance(value, Decimal) else value for name, value in order.items()}
        return matching.create(self.exchange, fields)

    @on_loop
    def manual_close(self, symbol: str) -> Order:
        """The whole position closed at the venue by hand."""
        position = self.exchange.position(symbol)
        side = "Sell" if position.size > 0 else "Buy"
        return self.manual(symbol=symbol, side=side, qty=str(abs(position.size)), reduceOnly=True)

    @on_loop
    def manual_cancel(self, order_id: str) -> Order:
        """An open order, stop or target taken away at the venue by hand."""
        order = self.exchange.orders[order_id]
        return matching.cancel(self.exchange, {"category": "linear", "symbol": order.symbol, "orderId": order_id})

    # --- time -------------------------------------------------------------------------------------------------------

    def _roll(self, market: Market, now: int) -> None:
        closed = market.roll(now)
        if closed:
            self.public.closed(market, closed)

    async def _heartbeat(self) -> None:
        """Close candles, pay funding and push open candles as time goes by."""
        pushed = 0.0
        while True:
            await asyncio.sleep(HEARTBEAT_S)
            now = self.exchange.clock.now_ms()
            push = time.monotonic() - pushed >= 1
            pushed = time.monotonic() if push else pushed
            for symbol, market in self.exchange.markets.items():
                if not market.driven:
                    self._roll(market, now)
                if market.next_funding_ms <= now:
                    account.settle_funding(self.exchange, symbol, ts_ms=market.next_funding_ms)
                    every = market.instrument.funding_minutes * 60_000
                    market.next_funding_ms = now - now % every + every
                    self.public.ticker(market)
                if push:
                    self.public.open_candles(market)
            for connection in [*self.public.connections, *self.private.connections]:
                if time.monotonic() - connection.last_heard > IDLE_SECONDS:
                    connection.drop()
