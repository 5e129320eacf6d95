"""The Bybit venue on the loopback interface: one port for REST, the public and the private stream."""

import asyncio
import time
from collections.abc import Callable, Iterable, Mapping
from dataclasses import replace
from functools import partial
from random import Random

from aiohttp import web

from simulators.bybit import account
from simulators.bybit.controls import Controls, Number, decimal
from simulators.bybit.coverage import NakedInterval
from simulators.bybit.exchange import new_exchange
from simulators.bybit.faults import Fault, Faults
from simulators.bybit.hosting import on_loop
from simulators.bybit.limits import Limits
from simulators.bybit.model import Execution, Instrument, Key, Order, Position, Wallet
from simulators.bybit.private_stream import PrivateStream
from simulators.bybit.public_stream import PublicStream
from simulators.bybit.server import Server
from simulators.bybit.socket import IDLE_SECONDS
from simulators.bybit.truth import duplicates, plain_intent

KEY, SECRET = "simulated-key", "simulated-secret"
NOT_IN_DEMO = frozenset({"account/fee-rate", "account/query-dcp-info"})
HEARTBEAT_S = 0.2


class BybitSimulator(Controls):
    """A venue with one unified account in USDT and linear perpetuals.

    `async with BybitSimulator() as venue:` runs it in the current loop; `with BybitSimulator.in_thread() as venue:` in
    a thread of its own. Controls may be called from any thread. `port` 0 takes a free one; a fixed port lets a venue
    come back where it was. `demo` lacks what the demo environment lacks. The same seed gives the same ids and faults.
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
        demo: bool = False,
    ) -> None:
        super().__init__(port)
        self.exchange = new_exchange(
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
        self._server = Server(self.exchange, self.keys, self.limits, self.faults, self.spawn)
        if demo:
            self._server.unsupported = NOT_IN_DEMO

    def _new_id(self) -> str:
        return f"{self._ids.getrandbits(64):016x}"

    # --- life and addresses -------------------------------------------------------------------------------------------

    def routes(self, app: web.Application) -> None:
        app.router.add_get("/v5/public/linear", partial(self._stream, self.public))
        app.router.add_get("/v5/private", partial(self._stream, self.private))
        app.router.add_route("*", "/v5/{endpoint:.+}", self._server.handle)

    async def _stream(self, stream: PublicStream | PrivateStream, request: web.Request) -> web.StreamResponse:
        if self.limits.crowded():
            return web.Response(status=403, text="too many connections")
        return await stream.handle(request)

    def cut(self) -> None:
        self.public.drop()
        self.private.drop()

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
        return self.call(lambda: tuple(self.exchange.orders.values()))

    @property
    def executions(self) -> tuple[Execution, ...]:
        return self.call(lambda: tuple(self.exchange.executions))

    @property
    def positions(self) -> dict[str, Position]:
        """What is held now, by symbol (in hedge mode the last side wins: look into `exchange.positions`)."""
        return self.call(lambda: {p.symbol: replace(p) for p in self.exchange.positions.values() if p.size})

    @property
    def wallet(self) -> Wallet:
        return self.call(lambda: replace(self.exchange.wallet))

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

    # --- time -------------------------------------------------------------------------------------------------------

    async def serve_forever(self) -> None:
        """Close candles, pay funding and push open candles as time goes by."""
        pushed = 0.0
        while True:
            await asyncio.sleep(HEARTBEAT_S)
            now = self.exchange.clock.now_ms()
            push = time.monotonic() - pushed >= 1
            pushed = time.monotonic() if push else pushed
            for symbol, market in self.exchange.markets.items():
                if not market.driven:
                    self.roll(market, now)
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
