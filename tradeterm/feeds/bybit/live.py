"""One run of the live stream: messages in, batches out, and whatever the stream missed fetched by REST."""

import asyncio
import logging
from collections.abc import AsyncGenerator, Callable, Coroutine, Sequence
from typing import Any

from msgspec import Struct

from tradeterm.domain.errors import VenueUnavailable
from tradeterm.domain.events import BarClosed, FundingUpdate, MarketEvent, QuoteUpdate
from tradeterm.domain.market import DAY_MS, Bar
from tradeterm.feeds.bybit import decode
from tradeterm.feeds.bybit.bars import Join
from tradeterm.feeds.bybit.funding import Settlements
from tradeterm.feeds.bybit.gather import Batch, Gather
from tradeterm.feeds.bybit.heard import Heard
from tradeterm.feeds.bybit.repair import Repairs, Series
from tradeterm.feeds.bybit.rest import INTERVALS, PublicRest
from tradeterm.feeds.bybit.tickers import Ticker
from tradeterm.feeds.bybit.timing import Timing
from tradeterm.feeds.bybit.topics import Topics
from tradeterm.feeds.protocol import StreamAge
from tradeterm.venues.backoff import Backoff
from tradeterm.venues.socket import Socket

_log = logging.getLogger(__name__)

BOOK_DEPTH = 50
MOVING = ("kline", "tickers")
"""Kinds whose topics always move; trades and books of a quiet contract may rest."""


class _Route(Struct, eq=False):
    """Where the messages of one topic go, and when the last one came (this machine's UTC ms)."""

    topic: str
    kind: str
    series: Series
    ticker: Ticker
    read: Callable[[bytes], Any]
    take: Callable[["_Route", Any, int], bool]
    heard_at: int = 0


class Live:
    """Made for one call of `stream`. `tell` puts a line into the feed's report."""

    def __init__(
        self,
        url: str,
        rest: PublicRest,
        symbols: dict[str, str],
        interval: str,
        interval_ms: int,
        after_ts: int,
        *,
        clock: Callable[[], int],
        offset_ms: Callable[[], int],
        tell: Callable[[str], None],
        timing: Timing,
        backoff: Backoff | None = None,
    ) -> None:
        self._clock = clock
        self._offset_ms = offset_ms
        self._tell = tell
        self._timing = timing
        self._interval_ms = interval_ms
        self._loop = asyncio.get_running_loop()
        self.heard = Heard()
        self.tickers = {name: Ticker(name) for name in symbols}
        self._series = {
            name: Series(name, symbol, interval, interval_ms, Join(interval_ms, after_ts), Settlements(name, after_ts))
            for name, symbol in symbols.items()
        }
        self._gather = Gather(
            window_s=timing.gather_s,
            patience_s=timing.patience_s,
            missing=lambda ts: any(series.owes(ts) for series in self._series.values()),
            coming=self._coming,
            clock=self._loop.time,
        )
        self._repairs = Repairs(
            rest,
            self._series.values(),
            self._give,
            tell=tell,
            heard=self.heard,
            timing=timing,
            venue_now=self.venue_now,
        )
        self._routes = {
            topic.encode(): _Route(topic, kind, self._series[name], self.tickers[name], decode.READERS[kind], take)
            for name, symbol in symbols.items()
            for topic, kind, take in (
                (f"kline.{INTERVALS[interval]}.{symbol}", "kline", self._kline),
                (f"tickers.{symbol}", "tickers", self._ticker),
                (f"publicTrade.{symbol}", "publicTrade", self._trades),
                (f"orderbook.{BOOK_DEPTH}.{symbol}", "orderbook", self._book),
            )
        }
        self._topics = Topics([route.topic for route in self._routes.values()])
        self._socket = Socket(
            url,
            hello=self._topics.hello,
            on_message=self.on_message,
            on_state=self._state,
            silent_after_s=timing.silent_after_s,
            backoff=backoff,
        )
        self._dirty: dict[str, Ticker] = {}
        self._renew: dict[str, float] = {}
        self._renewed: dict[str, float] = {}
        self._wake = asyncio.Event()
        self._tasks: list[asyncio.Task[None]] = []
        self._data_since = clock()
        self._connected_at = 0.0
        self._silent: set[str] = set()
        self._closed = False

    def venue_now(self) -> int:
        return self._clock() + self._offset_ms()

    def ages(self) -> list[StreamAge]:
        last: dict[str, int] = {}
        for route in self._routes.values():
            last[route.kind] = max(route.heard_at, last.get(route.kind, 0))
        return self.heard.ages(last, self._topics.refused)

    async def batches(self) -> AsyncGenerator[Sequence[MarketEvent]]:
        """Until closed. A mistake in one of the tasks is raised here."""
        self._start(self._socket.run())
        self._start(self._keep())
        quotes_at = 0.0
        try:
            while not self._closed:
                for task in self._tasks:
                    if task.done():
                        task.result()
                for items in self._gather.take():
                    yield self._events(items)
                left = self._gather.left_s()
                if self._dirty:
                    pause = quotes_at - self._loop.time()
                    if pause <= 0:
                        if quotes := self._quotes():
                            yield quotes
                        quotes_at = self._loop.time() + self._timing.quote_every_s
                        continue
                    left = pause if left is None else min(left, pause)
                await self._sleep(left)
        finally:
            await self.close()

    async def close(self) -> None:
        """End every task of this run, and `batches`."""
        self._closed = True
        self._wake.set()
        tasks, self._tasks = self._tasks, []
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
        await self._repairs.close()

    def on_message(self, data: bytes) -> None:
        """Take one frame; never raises for what is in it."""
        route = self._routes.get(decode.quick_topic(data)) or self._routes.get(
            decode.topic_of(data).encode("utf-8", "replace")
        )
        if route is None:
            self._reply(data)
            return
        now = route.heard_at = self._clock()
        if self._silent and route.topic in self._silent:
            self._silent.discard(route.topic)
            self.heard.set_trouble(route.kind, route.topic, "")
        try:
            message = route.read(data)
        except decode.UNREADABLE:
            self._odd(route, data)
            return
        # one absurd time would outlive every true one
        sane = message.topic == route.topic and 0 < message.ts <= now + DAY_MS
        if not (sane and route.take(route, message, now)):
            self._odd(route, data)

    def _reply(self, data: bytes) -> None:
        message = decode.decode(data, decode.topic_of(data))
        if isinstance(message, decode.Reply):
            self._topics.replied(message)
        else:
            self.heard.odd("unknown", data)

    def _odd(self, route: _Route, data: bytes) -> None:
        self.heard.odd(route.kind, data)
        if route.kind == "orderbook":
            self._lost(route.topic, route.ticker)

    # one kind of message each; false: something in it cannot be right

    def _kline(self, route: _Route, message: decode.KlineMessage, now: int) -> bool:
        readable = True
        for row in message.data:
            if not row.confirm:
                continue
            name, length = route.series.instrument, self._interval_ms
            bar = decode.bar(name, length, row.start, row.open, row.high, row.low, row.close, row.volume, now)
            if bar is None:
                readable = False
            elif due := route.series.join.streamed(bar):
                self._give(due)
        return readable

    def _ticker(self, route: _Route, message: decode.TickerMessage, now: int) -> bool:
        ticker = route.ticker
        ticker.merge(message, now)
        route.series.settlements.see(ticker.next_funding_ts, ticker.funding_rate, message.ts)
        self._changed(ticker)
        return True

    def _trades(self, route: _Route, message: decode.TradeMessage, now: int) -> bool:
        self._changed(route.ticker)
        return route.ticker.trade(message, now)

    def _book(self, route: _Route, message: decode.BookMessage, now: int) -> bool:
        ticker = route.ticker
        if not ticker.book.apply(message.type, message.data):
            self._lost(message.topic, ticker)
        elif ticker.book.synced:
            ticker.saw(message.ts, now)
            self._changed(ticker)
            if self.heard.trouble["orderbook"]:
                self.heard.set_trouble("orderbook", ticker.instrument, "")
        return True

    def _lost(self, topic: str, ticker: Ticker) -> None:
        """The book does not follow: its snapshot is asked for, though not over and over at once."""
        ticker.book.lose()
        self.heard.set_trouble("orderbook", ticker.instrument, "out of step, subscribing anew")
        self._renew.setdefault(topic, self._renewed.get(topic, -1e9) + self._timing.renew_every_s)

    # out

    def _give(self, items: Batch | list[Bar]) -> None:
        for item in items:
            self._gather.add(item)
        self._wake.set()

    def _changed(self, ticker: Ticker) -> None:
        if not self._dirty:
            self._wake.set()
        self._dirty[ticker.instrument] = ticker

    def _quotes(self) -> list[MarketEvent]:
        changed, self._dirty = self._dirty, {}
        now = self._clock()
        quotes = (ticker.quote() for ticker in changed.values())
        return [QuoteUpdate(ts=now, quote=quote) for quote in quotes if quote is not None]

    def _events(self, items: Batch) -> list[MarketEvent]:
        now = self._clock()
        return [
            BarClosed(ts=now, bar=item) if isinstance(item, Bar) else FundingUpdate(ts=now, funding=item)
            for item in items
        ]

    async def _sleep(self, seconds: float | None) -> None:
        try:
            async with asyncio.timeout(seconds):
                await self._wake.wait()
        except TimeoutError:
            return
        self._wake.clear()

    def _coming(self, ts: int) -> bool:
        return ts <= self.venue_now() - self._timing.late_ms and self._repairs.busy(ts)

    # tasks

    def _start(self, work: Coroutine[Any, Any, None]) -> None:
        task = asyncio.create_task(work)
        task.add_done_callback(lambda _: self._wake.set())
        self._tasks.append(task)

    def _state(self, connected: bool, why: str) -> None:
        if not connected and self.heard.why != why:
            _log.warning("market data: %s", why)
        self.heard.connected, self.heard.why = connected, why
        self.heard.was_connected = self.heard.was_connected or connected
        self._data_since = self._clock()
        self._connected_at = self._loop.time()
        self._renewed.clear()
        self._renew.clear()
        if connected:
            self._repairs.catch_up()
            return
        for ticker in self.tickers.values():
            ticker.book.lose()

    async def _keep(self) -> None:
        """Everything that happens by the clock."""
        while True:
            self._repairs.look()
            if self.heard.connected:
                self._watch()
                await self._renew_due()
            await asyncio.sleep(self._timing.tick_s)

    def _watch(self) -> None:
        """A connection that answers pings may still bring no data, or none of one topic."""
        now = self._clock()
        newest = max(self._data_since, *(route.heard_at for route in self._routes.values()))
        if now - newest > self._timing.silent_after_s * 1000:
            self._socket.reconnect(f"no market data for {self._timing.silent_after_s:g} s, although the venue answers")
            return
        stale = now - self._timing.stale_topic_s * 1000
        since = self._loop.time() - self._timing.stale_topic_s
        for route in self._routes.values():
            topic = route.topic
            if topic in self._renew:
                continue
            renewed = self._renewed.get(topic, self._connected_at)
            if route.kind in MOVING and max(route.heard_at, self._data_since) < stale:
                if topic not in self._silent or renewed < since:
                    self._silent.add(topic)
                    self.heard.set_trouble(route.kind, topic, "silent, subscribing anew")
                    self._renew[topic] = 0.0
            elif route.kind == "orderbook" and not route.ticker.book.synced:
                self._renew[topic] = renewed + 2 * self._timing.renew_every_s
            elif route.kind == "orderbook" and route.ticker.book.crossed:
                self._lost(topic, route.ticker)

    async def _renew_due(self) -> None:
        now = self._loop.time()
        for topic in self._topics.refused:
            self._renew.setdefault(topic, now + self._timing.stale_topic_s)
        for topic in [topic for topic, due in self._renew.items() if due <= now]:
            del self._renew[topic]
            self._renewed[topic] = now
            try:
                await self._topics.renew(self._socket.send, topic)
            except VenueUnavailable:
                return  # the next connection subscribes to everything
