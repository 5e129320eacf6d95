"""Bybit's live market data as a feed."""

import asyncio
import logging
import time
from collections import deque
from collections.abc import AsyncIterator, Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import aclosing
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from msgspec import structs

from tradeterm.domain.errors import DataError, VenueError
from tradeterm.domain.events import MarketEvent
from tradeterm.domain.instrument import Instrument
from tradeterm.domain.market import DAY_MS, INTERVALS_MS, Bar, FundingRate
from tradeterm.feeds.bybit.book import OrderBook
from tradeterm.feeds.bybit.cache import BarCache
from tradeterm.feeds.bybit.heard import Heard
from tradeterm.feeds.bybit.instruments import TRADING, Contract, check_tradable, contracts, symbol_of
from tradeterm.feeds.bybit.live import Live
from tradeterm.feeds.bybit.rest import PublicRest
from tradeterm.feeds.bybit.timing import Timing
from tradeterm.feeds.protocol import StreamAge
from tradeterm.venues.backoff import Backoff
from tradeterm.venues.bybit.endpoints import Endpoints

_log = logging.getLogger(__name__)

MOST_REPORT_LINES = 200
LONGEST_BACKFILL = 10_000
"""Bars of an instrument that `stream` fetches at most before it goes live."""
HISTORIES_AT_ONCE = 4
LOOKBACK_FUNDING_MS = DAY_MS  # longer than any contract's funding interval
RETRY_S = 300.0


def wall_ms() -> int:
    return time.time_ns() // 1_000_000


class BybitFeed:
    """USDT perpetuals by id (`BTCUSDT.BYBIT`), bars of one interval, quotes and funding; see the protocol.

    `clock` is this machine's time (UTC ms). `cache` is a folder for closed bars; nothing but time is lost with it.
    """

    def __init__(
        self,
        endpoints: Endpoints,
        instruments: Sequence[str],
        interval: str,
        cache: Path,
        *,
        clock: Callable[[], int] = wall_ms,
        timing: Timing | None = None,
        rest: PublicRest | None = None,
        backoff: Callable[[], Backoff] = Backoff,
    ) -> None:
        self._endpoints = endpoints
        self._symbols = {name: symbol_of(name) for name in instruments}
        self._interval = interval
        self._interval_ms = INTERVALS_MS[interval]
        self._clock = clock
        self._timing = timing or Timing()
        self._rest = rest or PublicRest(endpoints.public_rest, clock=clock)
        self._backoff = backoff
        host = endpoints.public_rest.partition("://")[2].replace(":", "-").replace("/", "-")
        self._cache = BarCache(cache / "bybit" / host, interval, self._interval_ms)
        self._contracts: dict[str, Contract] = {}
        self._report: deque[str] = deque(maxlen=MOST_REPORT_LINES)
        self._live: Live | None = None
        self._refreshing: asyncio.Task[None] | None = None
        self.offset_ms = 0

    @property
    def report(self) -> Sequence[str]:
        return tuple(self._report)

    async def open(self) -> None:
        """Measure the venue's clock and load the contracts. Raises VenueError, DataError, or ConfigError that names
        the instruments that cannot be traded there."""
        try:
            self.offset_ms = await self._rest.clock_offset()
            self._contracts = contracts(await self._rest.instruments(), tuple(self._symbols), self._clock())
            check_tradable(self._contracts, tuple(self._symbols))
        except BaseException:
            await self.close()
            raise

    async def close(self) -> None:
        """End everything that is under way, and the connections."""
        if self._refreshing is not None:
            self._refreshing.cancel()
            await asyncio.gather(self._refreshing, return_exceptions=True)
            self._refreshing = None
        if self._live is not None:
            await self._live.close()
            self._live = None
        await self._rest.close()

    def instruments(self) -> Sequence[Instrument]:
        return [self._contracts[name].instrument for name in self._symbols if name in self._contracts]

    def contracts(self) -> Sequence[Contract]:
        """The same with their largest orders; renewed once a day while streaming."""
        return [self._contracts[name] for name in self._symbols if name in self._contracts]

    def order_book(self, instrument: str) -> OrderBook | None:
        """The book as it is now; None before it is in step."""
        book = self._live.tickers[instrument].book if self._live is not None else None
        return book if book is not None and book.synced else None

    def open_interest(self, instrument: str) -> float | None:
        """Contracts open at the venue, in base units; None before its ticker told."""
        return self._live.tickers[instrument].open_interest if self._live is not None else None

    def now(self) -> int:
        return self._clock()

    def streams(self) -> Sequence[StreamAge]:
        """Klines, tickers, trades and book: when each was last heard, and what is wrong with it."""
        if self._live is None:
            return Heard().ages({}, {})
        return self._live.ages()

    async def history(self, until_ts: int, bars: int) -> Sequence[Bar | FundingRate]:
        """See the protocol. From the cache, and what that does not have from the venue, which is then kept.

        Raises VenueError or DataError. A bar that closed a moment ago is waited for until it is final.
        """
        stop = until_ts // self._interval_ms * self._interval_ms
        final_in = stop + self._timing.final_ms - (self._clock() + self.offset_ms)
        if 0 < final_in <= self._timing.final_ms:
            await asyncio.sleep(final_in / 1000)
        turns = asyncio.Semaphore(HISTORIES_AT_ONCE)
        found: list[Bar | FundingRate] = []
        with ThreadPoolExecutor(1) as disk:

            async def one(name: str) -> None:
                async with turns:
                    known = await self._bars(name, stop - bars * self._interval_ms, stop, disk)
                    found.extend(known)
                    since = known[0].ts_open if known else until_ts
                    found.extend(await self._funding(name, since, until_ts))

            await _all(one(name) for name in self._symbols)
        self._tell_all(self._cache.report)
        return sorted(found, key=lambda item: (item.ts_event, not isinstance(item, Bar)))

    async def stream(self, after_ts: int) -> AsyncIterator[Sequence[MarketEvent]]:
        """Bars and settlements after `after_ts`, none left out and each once, and the newest quotes; never ends.

        Bars that closed meanwhile come first, fetched from the venue. Trouble of the network is waited out and shown
        by `streams`.
        """
        if self._live is not None:
            await self._live.close()
        oldest = self._clock() - LONGEST_BACKFILL * self._interval_ms
        if after_ts < oldest:
            self._tell(f"bars before {_date(oldest)} are too long ago to be fetched and are left out")
        live = self._live = Live(
            self._endpoints.public,
            self._rest,
            self._symbols,
            self._interval,
            self._interval_ms,
            max(after_ts, oldest),
            clock=self._clock,
            offset_ms=lambda: self.offset_ms,
            tell=self._tell,
            timing=self._timing,
            backoff=self._backoff(),
        )
        if self._refreshing is None:
            self._refreshing = asyncio.create_task(self._refresh())
        async with aclosing(live.batches()) as batches:
            async for batch in batches:
                yield batch

    async def _bars(self, name: str, first: int, stop: int, disk: ThreadPoolExecutor) -> list[Bar]:
        """Bars with first <= ts_open < stop, in time order."""
        loop, symbol = asyncio.get_running_loop(), self._symbols[name]
        known = await loop.run_in_executor(disk, self._cache.load, name, symbol, first)
        fetched: list[Bar] = []
        for start, end in _holes(known, first, stop, self._interval_ms):
            fetched += await self._rest.bars(name, symbol, self._interval, self._interval_ms, start, end)
        if fetched:
            await loop.run_in_executor(disk, self._cache.save, name, symbol, fetched)
        merged = known | {bar.ts_open: bar for bar in fetched}
        wanted = [merged[ts] for ts in sorted(merged) if first <= ts < stop]
        if wanted:
            missing = (wanted[-1].ts_open - wanted[0].ts_open) // self._interval_ms + 1 - len(wanted)
            if missing:
                self._tell(f"{name}: the venue has no data for {missing} bars; nothing is invented for them")
        return wanted

    async def _funding(self, name: str, since: int, until_ts: int) -> list[FundingRate]:
        """Settlements up to `until_ts` from the last one at or before `since` on."""
        rows = await self._rest.funding(self._symbols[name], since - LOOKBACK_FUNDING_MS, until_ts)
        before = [row for row in rows if row[0] <= since][-1:]
        return [FundingRate(name, ts, rate, ts) for ts, rate in before + [row for row in rows if row[0] > since]]

    async def _refresh(self) -> None:
        """Look at the venue's clock and its contracts now and then; what changed is told."""
        clock_at = contracts_at = time.monotonic()
        clock_at += self._timing.offset_every_s
        contracts_at += self._timing.refresh_every_s
        while True:
            await asyncio.sleep(max(0.0, min(clock_at, contracts_at) - time.monotonic()))
            now = time.monotonic()
            try:
                if now >= clock_at:
                    clock_at = now + RETRY_S
                    self.offset_ms = await self._rest.clock_offset()
                    clock_at = now + self._timing.offset_every_s
                if now >= contracts_at:
                    contracts_at = now + RETRY_S
                    await self._renew_contracts()
                    contracts_at = now + self._timing.refresh_every_s
            except (VenueError, DataError) as error:
                _log.warning("contracts and clock of the venue could not be renewed: %s", error)

    async def _renew_contracts(self) -> None:
        renewed = contracts(await self._rest.instruments(), tuple(self._symbols), self._clock())
        for name, old in self._contracts.items():
            new = renewed.get(name)
            if new is None or new.status != TRADING:
                self._tell(f"{name}: Bybit does not trade it any more ({new.status if new else 'not listed'})")
            elif structs.replace(new.instrument, ts_loaded=old.instrument.ts_loaded) != old.instrument:
                self._tell(f"{name}: Bybit changed the contract's steps, minimums or leverage; restart to use them")
        self._contracts |= renewed

    def _tell(self, line: str) -> None:
        _log.warning("%s", line)
        self._report.append(line)

    def _tell_all(self, lines: list[str]) -> None:
        for line in lines:
            self._tell(line)
        lines.clear()


def _holes(known: dict[int, Bar], first: int, stop: int, interval_ms: int) -> list[tuple[int, int]]:
    """Spans (start, end) of opening times in [first, stop) that are not known."""
    spans: list[tuple[int, int]] = []
    for ts in range(max(0, first), stop, interval_ms):
        if ts in known:
            continue
        if spans and spans[-1][1] == ts:
            spans[-1] = (spans[-1][0], ts + interval_ms)
        else:
            spans.append((ts, ts + interval_ms))
    return spans


async def _all(works: Any) -> None:
    """Run them all; the first failure ends the others and is raised."""
    tasks = [asyncio.create_task(work) for work in works]
    try:
        await asyncio.gather(*tasks)
    finally:
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)


def _date(ts: int) -> str:
    return f"{datetime.fromtimestamp(ts / 1000, UTC):%Y-%m-%d %H:%M} UTC"
