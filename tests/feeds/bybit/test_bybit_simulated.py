"""The feed against the simulated venue, through real sockets: what it trades, drops, skips and settles arrives."""

import asyncio
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from decimal import Decimal
from pathlib import Path

import pytest
from bybit_venue_kit import BTC, ETH, QUICK, Reader, until
from msgspec import structs
from simulators.bybit import Bar, BybitSimulator

from tradeterm.config import BybitConfig
from tradeterm.feeds.bybit import BybitFeed
from tradeterm.venues.backoff import Backoff
from tradeterm.venues.bybit.endpoints import endpoints

MINUTE = 60_000
REAL = structs.replace(QUICK, silent_after_s=20.0)


def wall() -> int:
    return time.time_ns() // 1_000_000


def past(count: int, end: int) -> list[Bar]:
    """Candles of a minute that end at `end`."""
    rows = []
    for number in range(count):
        price = Decimal(100 + number % 7)
        start = end - (count - number) * MINUTE
        rows.append(Bar(start, price, price + 1, price - 1, price + Decimal("0.5"), Decimal(3)))
    return rows


@asynccontextmanager
async def follow(venue: BybitSimulator, cache: Path, after_ts: int) -> AsyncIterator[tuple[BybitFeed, Reader]]:
    async def soon(seconds: float) -> None:
        await asyncio.sleep(0.02)

    config = BybitConfig(rest_url=venue.rest_url, public_url=venue.public_url)
    feed = BybitFeed(endpoints(config), (BTC, ETH), "1m", cache, timing=REAL, backoff=lambda: Backoff(sleep=soon))
    reader = Reader()
    await feed.open()
    task = asyncio.create_task(reader.follow(feed, after_ts))
    try:
        await until(lambda: not any(age.detail for age in feed.streams()[1:]), feed.streams)
        yield feed, reader
    finally:
        await feed.close()
        await task


@pytest.fixture(autouse=True)
def no_proxy(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("HTTP_PROXY", "HTTPS_PROXY", "ALL_PROXY"):
        monkeypatch.delenv(name, raising=False)
        monkeypatch.delenv(name.lower(), raising=False)


async def test_history_back_fill_stream_and_reconnect_are_one_series(tmp_path: Path) -> None:
    end = wall() // MINUTE * MINUTE - 20 * MINUTE
    async with BybitSimulator(prices={"BTCUSDT": "100", "ETHUSDT": "100"}) as venue:
        for symbol in ("BTCUSDT", "ETHUSDT"):
            venue.market(symbol).driven = True
            venue.load_bars(symbol, past(30, end), MINUTE, keep_times=True)
        async with follow(venue, tmp_path, end - 10 * MINUTE) as (feed, reader):
            await until(lambda: len(reader.bars) == 10, lambda: reader.bars)
            history = await feed.history(end - 10 * MINUTE, 15)
            for number in range(8):
                bar = past(1, end + (number + 1) * MINUTE)[0]
                if number == 3:
                    venue.public.drop()
                for symbol in ("BTCUSDT", "ETHUSDT"):
                    venue.play_bar(symbol, bar)
                await asyncio.sleep(0.05)
            await until(lambda: len(reader.of(BTC)) == len(reader.of(ETH)) == 18, lambda: reader.bars)
            starts = [end + n * MINUTE for n in range(-10, 8)]
            assert reader.of(BTC) == reader.of(ETH) == starts
            before = [item.ts_open for item in history if item.instrument == BTC and hasattr(item, "ts_open")]
            assert before == [end + n * MINUTE for n in range(-25, -10)]
            assert feed.report == ()


async def test_a_skipped_book_message_is_noticed_and_mended(tmp_path: Path) -> None:
    async with (
        BybitSimulator(prices={"BTCUSDT": "100", "ETHUSDT": "100"}) as venue,
        follow(venue, tmp_path, wall()) as (feed, reader),
    ):

        def best_bid() -> float | None:
            book = feed.order_book(BTC)
            return None if book is None else book.best_bid

        await until(lambda: feed.order_book(BTC) is not None)
        venue.set_price("BTCUSDT", "101")
        await until(lambda: best_bid() == 101)
        market = venue.market("BTCUSDT")
        market.u += 1  # a change that nobody was told of
        venue.set_price("BTCUSDT", "102")
        await until(lambda: best_bid() == 102)
        venue.public.restart_book(market)
        venue.set_price("BTCUSDT", "103")
        await until(lambda: best_bid() == 103)
        await until(lambda: reader.quotes[-1].last == 103 and reader.quotes[-1].bid == 103)


async def test_funding_is_heard_once(tmp_path: Path) -> None:
    async with BybitSimulator(prices={"BTCUSDT": "100", "ETHUSDT": "100"}) as venue:
        now = wall()
        settle = (now // 1000 + 2) * 1000
        market = venue.market("BTCUSDT")
        market.next_funding_ms, market.funding_rate = settle, Decimal("0.0007")
        async with follow(venue, tmp_path, now) as (feed, reader):
            await until(lambda: bool(reader.funding), lambda: (reader.funding, feed.streams()))
            assert reader.funding == [(BTC, settle, 0.0007)]
            venue.public.drop()
            await asyncio.sleep(0.5)
            assert len(reader.funding) == 1


async def test_the_venues_clock_is_measured(tmp_path: Path) -> None:
    async with BybitSimulator() as venue:
        venue.clock_offset_ms = 3000
        async with follow(venue, tmp_path, wall()) as (feed, _):
            assert abs(feed.offset_ms - 3000) < 1000
