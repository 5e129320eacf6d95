"""The replay: what comes in which order, how fast, and that nothing is invented."""

import asyncio
import time
from collections.abc import Sequence
from decimal import Decimal
from pathlib import Path
from typing import Any

import msgspec
import numpy as np
import pytest
from patience import allowed

from tradeterm.config import BookConfig, Config, FeedConfig
from tradeterm.config_file import load_config
from tradeterm.domain.errors import ConfigError, DataError
from tradeterm.domain.events import BarClosed, FundingUpdate, MarketEvent, QuoteUpdate
from tradeterm.domain.instrument import Instrument, InstrumentKind
from tradeterm.domain.market import MINUTE_MS, Bar, FundingRate
from tradeterm.feeds.protocol import Feed
from tradeterm.feeds.recording import RecordedBars, RecordedFunding
from tradeterm.feeds.registry import make_feed
from tradeterm.feeds.replay import ReplayFeed, Track

STEP = 5 * MINUTE_MS
START = 1_743_811_200_000


def instrument(symbol: str) -> Instrument:
    return Instrument(
        id=f"{symbol}.V",
        symbol=symbol,
        venue="V",
        kind=InstrumentKind.PERPETUAL,
        quote_currency="USDT",
        tick_size=Decimal("0.01"),
        lot_size=Decimal("0.001"),
        min_quantity=Decimal("0.001"),
        min_notional=Decimal(5),
    )


def track(symbol: str, rows: Sequence[int], settled: Sequence[int] = ()) -> Track:
    ts = START + STEP * np.array(rows, dtype=np.int64)
    price = 100.0 + np.array(rows, dtype=np.float64)
    bars = RecordedBars(Path(symbol), STEP, ts, price, price + 2, price - 1, price + 1, price * 10, ())
    stamps = START + STEP * np.array(settled, dtype=np.int64)
    rates = RecordedFunding(Path(symbol), stamps, np.full(len(settled), 0.0001), ()) if settled else None
    return Track(instrument(symbol), bars, rates)


def feed(**changes: Any) -> ReplayFeed:
    tracks = changes.pop("tracks", [track("A", range(4), settled=[-3, 0, 2]), track("B", [0, 1, 3])])
    return ReplayFeed(tracks, source="test", **changes)


async def play(source: Feed, after_ts: int = 0) -> list[Sequence[MarketEvent]]:
    return [batch async for batch in source.stream(after_ts)]


def short(batch: Sequence[MarketEvent]) -> tuple[int, str]:
    """(row of the instant, what happened)."""
    words = []
    for event in batch:
        match event:
            case BarClosed(bar=bar):
                words.append(f"bar {bar.instrument[0]}")
            case QuoteUpdate(quote=quote):
                words.append(f"open {quote.instrument[0]}")
            case FundingUpdate(funding=funding):
                words.append(f"funding {funding.instrument[0]}")
    return (batch[0].ts - START) // STEP, ", ".join(words)


async def test_bars_and_funding_come_before_the_next_opening() -> None:
    assert [short(batch) for batch in await play(feed())] == [
        (1, "bar A, bar B"),
        (1, "open A, open B"),
        (2, "bar A, bar B, funding A"),
        (2, "open A"),
        (3, "bar A"),
        (3, "open A, open B"),
        (4, "bar A, bar B"),
    ]


async def test_events_carry_what_was_recorded() -> None:
    batches = await play(feed())
    ts = START + STEP
    assert batches[0][0] == BarClosed(ts=ts, bar=Bar("A.V", STEP, START, 100.0, 102.0, 99.0, 101.0, 1000.0, ts))
    quote = batches[1][0]
    assert isinstance(quote, QuoteUpdate)
    assert (quote.ts, quote.quote.ts_event, quote.quote.last, quote.quote.bid) == (ts, ts, 101.0, None)
    funding = batches[2][-1]
    assert isinstance(funding, FundingUpdate)
    assert funding.funding == FundingRate("A.V", START + 2 * STEP, 0.0001, START + 2 * STEP)
    for batch in batches:
        assert len({event.ts for event in batch}) == 1


async def test_a_stream_goes_on_after_any_instant() -> None:
    whole = await play(feed())
    for row in range(5):
        after = START + row * STEP
        assert await play(feed(), after) == [batch for batch in whole if batch[0].ts > after]


async def test_a_day_boundary_loses_nothing() -> None:
    rows = range(288 * 3 + 17)
    batches = await play(feed(tracks=[track("A", rows)]), START + 5 * STEP)
    assert [short(batch) for batch in batches[:2]] == [(6, "bar A"), (6, "open A")]
    stamps = [batch[0].ts for batch in batches]
    assert stamps == sorted(stamps)
    assert sum(isinstance(batch[0], BarClosed) for batch in batches) == len(rows) - 5
    assert sum(isinstance(batch[0], QuoteUpdate) for batch in batches) == len(rows) - 6


async def test_history_is_what_was_known() -> None:
    found = await feed().history(START + 2 * STEP, 10)
    described = [((x.ts_event - START) // STEP, type(x).__name__, x.instrument[0]) for x in found]
    assert described == [
        (0, "FundingRate", "A"),
        (1, "Bar", "A"),
        (1, "Bar", "B"),
        (2, "Bar", "A"),
        (2, "Bar", "B"),
        (2, "FundingRate", "A"),
    ]
    last = await feed().history(START + 3 * STEP, 1)
    assert [(x.instrument[0], x.ts_event) for x in last if isinstance(x, Bar)] == [
        ("B", START + 2 * STEP),  # its last one before the gap
        ("A", START + 3 * STEP),
    ]
    assert await feed().history(START - 4 * STEP, 5) == []


async def test_the_clock_and_the_end() -> None:
    source = feed(start_ts=START + STEP)
    assert source.now() == START + STEP
    assert not source.finished
    async for batch in source.stream(START + STEP):
        assert source.now() == batch[0].ts
    assert source.finished and source.view().finished
    assert source.view().ts_now == source.view().ts_end == START + 4 * STEP


def test_the_view_says_what_is_simulated() -> None:
    view = feed(speed=600.0).view()
    assert (view.source, view.speed, view.paused, view.finished) == ("test", 600.0, False, False)
    assert view.simulated == (
        "prices and funding are recorded, fills, fees and slippage are simulated; "
        "nothing between the recorded 5-minute bars is invented"
    )


async def test_the_speed_is_kept() -> None:
    source = feed(speed=STEP / 1000 / 0.05)  # a bar each 50 ms
    began = time.monotonic()
    await play(source, START)
    assert 0.18 <= time.monotonic() - began < allowed(1.0)


async def test_pause_resume_and_max() -> None:
    source = feed(speed=1.0)
    seen: list[Sequence[MarketEvent]] = []

    async def read() -> None:
        seen.extend([batch async for batch in source.stream(START)])

    task = asyncio.create_task(read())
    await asyncio.sleep(0.01)
    assert source.now() == START  # at the recording's own pace the first bar is five minutes away
    source.set_speed("pause")
    source.set_speed("max")
    await asyncio.sleep(0.01)
    assert source.now() == START and source.view().paused
    source.set_speed("resume")
    await asyncio.wait_for(task, 20)
    assert len(seen) == 7 and source.finished


async def test_the_loop_breathes_at_full_speed() -> None:
    source, turns = feed(tracks=[track("A", range(1000))]), 0

    async def other() -> None:
        nonlocal turns
        while not source.finished:
            turns += 1
            await asyncio.sleep(0)

    task = asyncio.create_task(other())
    await play(source)
    await task
    assert turns > 5


def test_speeds() -> None:
    source = feed(speed=1600.0)
    for argument, speed in (
        ("faster", 3200.0),
        ("slower", 1600.0),
        ("slower", 800.0),
        ("max", 0.0),
        ("slower", 800.0),
        ("2.5", 2.5),
        ("slower", 1.25),
        ("slower", 1.0),
        ("slower", 1.0),
        ("1000000", 1e6),
        ("faster", 0.0),
        ("faster", 0.0),
        ("0", 0.0),
    ):
        source.set_speed(argument)
        assert source.view().speed == speed, argument


@pytest.mark.parametrize("argument", ["", "quick", "-1", "nan", "inf", "0.5", "2000000"])
def test_a_speed_that_is_none_changes_nothing(argument: str) -> None:
    source = feed(speed=1600.0)
    with pytest.raises(ConfigError) as caught:
        source.set_speed(argument)
    assert str(caught.value) == (
        f"speed: found {argument!r}, allowed pause, resume, faster, slower, max or 1 to 1000000"
    )
    assert source.view().speed == 1600.0


def config(**changes: Any) -> Config:
    demo = load_config(None, "demo")
    books = changes.pop("books", demo.books)
    return msgspec.structs.replace(demo, books=books, feed=FeedConfig(**changes))


def made(settings: Config) -> ReplayFeed:
    feed = make_feed(settings, Path("never-used"))
    assert isinstance(feed, ReplayFeed)
    return feed


def test_the_demo_is_the_bundled_week() -> None:
    source = made(config())
    assert [item.symbol for item in source.instruments()][:2] == ["BTCUSDT", "ETHUSDT"]
    view = source.view()
    assert (view.source, view.ts_start, view.ts_end - view.ts_start) == ("bundled recording", START, 7 * 288 * STEP)
    assert source.report == ()


def test_the_start_is_a_utc_time() -> None:
    assert made(config(start="2025-04-06T12:00Z")).now() == START + 36 * 12 * STEP
    assert made(config(start="2025-04-06T12:00")).now() == START + 36 * 12 * STEP
    assert made(config(start="2025-04-06T14:00+02:00")).now() == START + 36 * 12 * STEP


def refusal(settings: Config) -> str:
    with pytest.raises((ConfigError, DataError)) as caught:
        made(settings)
    return str(caught.value)


def test_settings_that_do_not_fit() -> None:
    assert refusal(config(kind="telepathy")) == 'feed.kind: found "telepathy", allowed replay or bybit'
    assert refusal(config(start="2025-04-12T00:00Z")) == (
        'feed.start: found "2025-04-12T00:00Z", allowed 2025-04-05T00:00Z to 2025-04-12T00:00Z'
    )
    assert "feed.start" in refusal(config(start="noon"))
    book = config().books["crypto"]
    hourly = msgspec.structs.replace(book, interval="1h")
    assert refusal(config(books={"a": book, "b": hourly})) == "books: found intervals 1h, 5m, allowed one for all books"
    assert "no 1h bars of BTCUSDT.BINANCE" in refusal(config(books={"a": hourly}))


def test_a_book_in_another_currency_than_its_instruments() -> None:
    book = msgspec.structs.replace(config().books["crypto"], currency="INR")
    found = refusal(config(books={"a": book}))
    assert found == 'books.a.currency: found "INR", allowed USDT, in which BTCUSDT.BINANCE trades'


def test_an_instrument_that_was_not_recorded(tmp_path: Path) -> None:
    book = BookConfig(strategy="eos", venue="paper", instruments=("PEPEUSDT.BINANCE",), capital=1.0)
    assert refusal(config(books={"a": book})).startswith('books.a.instruments: found "PEPEUSDT.BINANCE", allowed those')
    assert refusal(config(path=str(tmp_path))).startswith(f"{tmp_path / 'instruments.toml'}: there is no such file")
