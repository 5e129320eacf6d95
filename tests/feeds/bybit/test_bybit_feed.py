"""The live feed against a venue that does what each test says."""

import asyncio
from decimal import Decimal
from pathlib import Path

import pytest
from bybit_venue_kit import BTC, ETH, FIVE, QUICK, T0, Reader, contract, make_feed, reading, until, venue
from msgspec import structs

from tradeterm.domain.errors import ConfigError, VenueUnavailable
from tradeterm.domain.events import BarClosed, FundingUpdate
from tradeterm.domain.instrument import InstrumentKind
from tradeterm.domain.market import HOUR_MS

HOUR8 = 8 * HOUR_MS


async def test_contracts(tmp_path: Path) -> None:
    async with venue() as fake:
        feed = make_feed(fake, tmp_path)
        await feed.open()
        btc, eth = feed.instruments()
        assert (btc.id, btc.symbol, btc.venue, btc.kind) == (BTC, "BTCUSDT", "BYBIT", InstrumentKind.PERPETUAL)
        assert (btc.tick_size, btc.lot_size, btc.min_quantity, btc.min_notional, btc.max_leverage) == (
            Decimal("0.10"), Decimal("0.001"), Decimal("0.001"), Decimal(5), Decimal("100.00"),
        )  # fmt: skip
        assert (btc.funding_interval_ms, btc.ts_loaded, eth.id) == (HOUR8, fake.now, ETH)
        assert [row.instrument.max_quantity for row in feed.contracts()] == [Decimal(500)] * 2
        await feed.close()


async def test_an_instrument_that_cannot_be_traded_is_named(tmp_path: Path) -> None:
    async with venue() as fake:
        fake.contracts.append(contract("BTCUSDT-26DEC25", contractType="LinearFutures"))
        feed = make_feed(fake, tmp_path, BTC, "OLDUSDT.BYBIT", "NONEUSDT.BYBIT", "BTCUSDT-26DEC25.BYBIT")
        with pytest.raises(ConfigError) as caught:
            await feed.open()
    assert str(caught.value).splitlines() == [
        'instruments: found OLDUSDT.BYBIT, which Bybit does not trade now (Closed)',
        'instruments: found NONEUSDT.BYBIT, which is no USDT perpetual of Bybit',
        'instruments: found BTCUSDT-26DEC25.BYBIT, which Bybit does not trade now '
        '(no USDT perpetual but LinearFutures in USDT)',
    ]  # fmt: skip


async def test_bars_of_one_close_come_together_once(tmp_path: Path) -> None:
    async with venue() as fake, reading(fake, make_feed(fake, tmp_path)) as reader:
        await fake.push(fake.kline("BTCUSDT", T0, confirm=False))
        ts = fake.close_bar("BTCUSDT", "ETHUSDT")
        for symbol in ("BTCUSDT", "BTCUSDT", "ETHUSDT", "ETHUSDT"):
            await fake.push(fake.kline(symbol, ts))
        await until(lambda: bool(reader.bars))
        await fake.push(fake.kline("BTCUSDT", ts))
        nxt = fake.close_bar("BTCUSDT", "ETHUSDT")
        for symbol in ("ETHUSDT", "BTCUSDT"):
            await fake.push(fake.kline(symbol, nxt))
        await until(lambda: len(reader.bars) == 2)
        assert reader.bars == [[(BTC, ts), (ETH, ts)], [(ETH, nxt), (BTC, nxt)]]
        event = next(e for batch in reader.batches for e in batch if isinstance(e, BarClosed))
        assert (event.ts, event.bar.ts_event, event.bar.close) == (ts + FIVE + 50, ts + FIVE, 50809.5)


async def test_a_late_bar_is_a_batch_of_its_own(tmp_path: Path) -> None:
    async with venue() as fake, reading(fake, make_feed(fake, tmp_path)) as reader:
        ts = fake.close_bar("BTCUSDT")
        await fake.push(fake.kline("BTCUSDT", ts))
        await until(lambda: reader.bars == [[(BTC, ts)]])
        await fake.push(fake.kline("ETHUSDT", ts))
        await until(lambda: reader.bars == [[(BTC, ts)], [(ETH, ts)]])


async def test_a_bar_that_never_confirms_is_fetched(tmp_path: Path) -> None:
    async with venue() as fake, reading(fake, make_feed(fake, tmp_path)) as reader:
        ts = fake.close_bar("BTCUSDT", "ETHUSDT")
        await fake.push(fake.kline("BTCUSDT", ts))
        await fake.push(fake.kline("ETHUSDT", ts, confirm=False))
        await until(lambda: reader.bars == [[(BTC, ts)]])
        fake.now += QUICK.late_ms
        await until(lambda: reader.bars == [[(BTC, ts)], [(ETH, ts)]], lambda: reader.bars)
        await fake.push(fake.kline("ETHUSDT", ts))
        nxt = fake.close_bar()
        await fake.push(fake.kline("ETHUSDT", nxt))
        await until(lambda: reader.of(ETH) == [ts, nxt])


async def test_the_open_candle_is_never_taken(tmp_path: Path) -> None:
    async with venue() as fake, reading(fake, make_feed(fake, tmp_path)) as reader:
        ts = fake.close_bar("BTCUSDT", "ETHUSDT")
        fake.now = ts + FIVE + QUICK.late_ms
        await until(lambda: len(reader.bars) == 1)
        fake.now = ts + 2 * FIVE - 1
        await asyncio.sleep(0.1)
        assert reader.bars == [[(BTC, ts), (ETH, ts)]]


async def test_reconnect_in_the_middle_fills_the_gap_in_order(tmp_path: Path) -> None:
    async with venue() as fake:
        feed = make_feed(fake, tmp_path)
        async with reading(fake, feed) as reader:
            first = fake.close_bar("BTCUSDT", "ETHUSDT")
            for symbol in ("BTCUSDT", "ETHUSDT"):
                await fake.push(fake.kline(symbol, first))
            await until(lambda: len(reader.bars) == 1)
            missed = [fake.close_bar("BTCUSDT", "ETHUSDT") for _ in range(3)]
            await fake.drop()
            await until(lambda: fake.connections == 2 and not any(age.detail for age in feed.streams()))
            last = fake.close_bar("BTCUSDT", "ETHUSDT")
            for symbol in ("BTCUSDT", "ETHUSDT"):
                await fake.push(fake.kline(symbol, last))
            await until(lambda: reader.of(ETH)[-1:] == [last] and reader.of(BTC)[-1:] == [last])
            assert reader.of(BTC) == reader.of(ETH) == [first, *missed, last]
            assert all(len({ts for _, ts in batch}) == 1 for batch in reader.bars)


async def test_what_closed_before_the_stream_began_is_shown_first(tmp_path: Path) -> None:
    async with venue() as fake:
        began = fake.now
        missed = [fake.close_bar("BTCUSDT", "ETHUSDT") for _ in range(4)]
        fake.now += QUICK.late_ms
        async with reading(fake, make_feed(fake, tmp_path), began) as reader:
            await until(lambda: len(reader.bars) == 4, lambda: reader.bars)
            assert [sorted(batch) for batch in reader.bars] == [[(BTC, ts), (ETH, ts)] for ts in missed]


async def test_a_bar_the_venue_does_not_have_is_not_invented(tmp_path: Path) -> None:
    async with venue() as fake:
        feed = make_feed(fake, tmp_path, BTC)
        async with reading(fake, feed) as reader:
            fake.close_bar()
            later = fake.close_bar("BTCUSDT")
            await fake.push(fake.kline("BTCUSDT", later))
            fake.now += QUICK.late_ms
            await until(lambda: reader.bars == [[(BTC, later)]])
            assert feed.report == (f"{BTC}: the venue has no data for 1 bars; nothing is invented for them",)


async def test_rest_down_holds_what_came_too_early(tmp_path: Path) -> None:
    async with venue() as fake:
        feed = make_feed(fake, tmp_path, BTC)
        async with reading(fake, feed) as reader:
            missed = fake.close_bar("BTCUSDT")
            fake.down = True
            later = fake.close_bar("BTCUSDT")
            await fake.push(fake.kline("BTCUSDT", later))
            await until(lambda: "missing bars cannot be fetched" in feed.streams()[0].detail)
            assert reader.bars == []
            fake.down = False
            await fake.drop()  # a new connection asks again at once
            await until(lambda: reader.bars == [[(BTC, missed)], [(BTC, later)]])
            assert feed.streams()[0].detail == ""


async def test_a_kline_that_cannot_be_right_is_fetched_instead(tmp_path: Path) -> None:
    async with venue() as fake:
        feed = make_feed(fake, tmp_path, BTC)
        async with reading(fake, feed) as reader:
            ts = fake.close_bar("BTCUSDT")
            wrong = fake.kline("BTCUSDT", ts)
            wrong["data"][0]["close"] = "NaN"
            await fake.push(wrong)
            await until(lambda: feed.streams()[0].detail == "1 unreadable messages")
            fake.now += QUICK.late_ms
            await until(lambda: reader.bars == [[(BTC, ts)]])


async def test_quotes_join_ticker_trades_and_book_and_only_the_newest_is_kept(tmp_path: Path) -> None:
    async with venue() as fake:
        feed = make_feed(fake, tmp_path, BTC)
        async with reading(fake, feed) as reader:
            await fake.push(
                fake.ticker("BTCUSDT", "snapshot", lastPrice="100.5", bid1Price="100.4", bid1Size="3",
                            ask1Price="100.6", ask1Size="4")
            )  # fmt: skip
            await until(lambda: bool(reader.quotes))
            quote = reader.quotes[-1]
            assert (quote.last, quote.bid, quote.bid_size, quote.ask, quote.ask_size) == (100.5, 100.4, 3, 100.6, 4)
            assert (quote.ts_event, quote.ts_recv) == (fake.now, fake.now)
            await fake.push(fake.ticker("BTCUSDT", ask1Price="100.7"))
            await until(lambda: reader.quotes[-1].ask == 100.7)
            assert reader.quotes[-1].bid == 100.4
            row = {"T": fake.now + 5, "s": "BTCUSDT", "S": "Buy", "v": "0.01", "p": "101.5", "i": "x", "BT": False}
            await fake.push({"topic": "publicTrade.BTCUSDT", "type": "snapshot", "ts": fake.now, "data": [row]})
            await until(lambda: reader.quotes[-1].last == 101.5)
            await fake.push(fake.book("BTCUSDT", "snapshot", 10, [["101.4", "7"]], [["101.6", "8"], ["101.7", "1"]]))
            await until(lambda: reader.quotes[-1].bid == 101.4)
            await fake.push(fake.book("BTCUSDT", "delta", 11, [], [["101.6", "0"]]))
            await until(lambda: (reader.quotes[-1].ask, reader.quotes[-1].ask_size) == (101.7, 1))
            assert feed.order_book(BTC) is not None


async def test_a_slow_reader_gets_the_newest_quote_and_every_bar(tmp_path: Path) -> None:
    async with venue() as fake:
        feed = make_feed(fake, tmp_path, BTC)
        await feed.open()
        stream = feed.stream(fake.now)
        first = asyncio.create_task(anext(stream))
        await until(lambda: any("tickers.BTCUSDT" in topics for topics in fake.subscribed.values()))
        await fake.push(fake.ticker("BTCUSDT", "snapshot", lastPrice="1"))
        await first
        closed = []
        for count in range(500):
            await fake.push(fake.ticker("BTCUSDT", lastPrice=str(count + 2)))
            if count % 250 == 0:
                closed.append(fake.close_bar("BTCUSDT"))
                await fake.push(fake.kline("BTCUSDT", closed[-1]))
        await until(lambda: feed._live is not None and feed._live.tickers[BTC].quote().last == 501)  # type: ignore[union-attr]
        reader = Reader()
        for _ in range(3):
            reader.batches.append(list(await anext(stream)))
        assert reader.of(BTC) == closed
        assert [quote.last for quote in reader.quotes] == [501]
        await stream.aclose()  # type: ignore[attr-defined]
        await feed.close()


async def test_a_gap_in_the_book_subscribes_that_topic_anew(tmp_path: Path) -> None:
    async with venue() as fake:
        feed = make_feed(fake, tmp_path, BTC)
        async with reading(fake, feed):
            await fake.push(fake.book("BTCUSDT", "snapshot", 10, [["101.4", "7"]], [["101.6", "8"]]))
            await until(lambda: feed.order_book(BTC) is not None)
            before = len(fake.requests)
            await fake.push(fake.book("BTCUSDT", "delta", 12, [["101.5", "1"]], []))
            await until(lambda: len(fake.requests) >= before + 2)
            asked = [(body["op"], body["args"]) for body in fake.requests[before : before + 2]]
            assert asked == [("unsubscribe", ["orderbook.50.BTCUSDT"]), ("subscribe", ["orderbook.50.BTCUSDT"])]
            assert feed.order_book(BTC) is None
            assert "out of step" in feed.streams()[3].detail
            await fake.push(fake.book("BTCUSDT", "snapshot", 30, [["101.4", "7"]], [["101.6", "8"]]))
            await until(lambda: feed.order_book(BTC) is not None)
            assert feed.streams()[3].detail == ""
            await fake.push(fake.book("BTCUSDT", "snapshot", 1, [["90", "7"]], [["91", "8"]]))
            await fake.push(fake.book("BTCUSDT", "delta", 2, [["90.5", "1"]], []))
            await until(lambda: (book := feed.order_book(BTC)) is not None and book.best_bid == 90.5)


async def test_a_crossed_book_is_not_used(tmp_path: Path) -> None:
    async with venue() as fake:
        feed = make_feed(fake, tmp_path, BTC)
        async with reading(fake, feed):
            await fake.push(fake.book("BTCUSDT", "snapshot", 10, [["101.4", "7"]], [["101.6", "8"]]))
            await until(lambda: feed.order_book(BTC) is not None)
            before = len(fake.requests)
            await fake.push(fake.book("BTCUSDT", "delta", 11, [["101.7", "7"]], []))
            await until(lambda: len(fake.requests) >= before + 2)
            await until(lambda: feed.order_book(BTC) is None)


async def test_pongs_without_data_are_silence(tmp_path: Path) -> None:
    async with venue() as fake:
        feed = make_feed(fake, tmp_path, BTC, timing=structs.replace(QUICK, silent_after_s=20.0))
        async with reading(fake, feed):
            fake.now += 21_000
            await until(lambda: fake.connections == 2)
            await until(lambda: not any(age.detail for age in feed.streams()))


async def test_one_silent_topic_is_subscribed_anew(tmp_path: Path) -> None:
    async with venue() as fake:
        feed = make_feed(fake, tmp_path, BTC, timing=structs.replace(QUICK, stale_topic_s=120.0, late_ms=10**9))
        async with reading(fake, feed):
            before = len(fake.requests)
            fake.now += 121_000
            await fake.push(fake.ticker("BTCUSDT", "snapshot", lastPrice="1"))
            await until(lambda: any(body["args"] == ["kline.5.BTCUSDT"] for body in fake.requests[before:]))
            await until(lambda: "silent" in feed.streams()[0].detail)
            await fake.push(fake.kline("BTCUSDT", T0, confirm=False))
            await until(lambda: feed.streams()[0].detail == "")


async def test_a_refused_topic_is_shown_and_the_others_flow(tmp_path: Path) -> None:
    async with venue() as fake:
        fake.refused = {"publicTrade.BTCUSDT"}
        feed = make_feed(fake, tmp_path, BTC)
        await feed.open()
        reader = Reader()
        task = asyncio.create_task(reader.follow(feed, fake.now))
        await until(lambda: "refused" in feed.streams()[2].detail)
        await until(lambda: bool(fake.subscribed) and len(next(iter(fake.subscribed.values()))) == 3)
        await feed.close()
        await task


async def test_funding_at_a_settlement_is_the_venues_and_comes_with_the_bars(tmp_path: Path) -> None:
    async with venue() as fake:
        fake.now = T0 + HOUR8 - 60_000
        settle = T0 + HOUR8
        async with reading(fake, make_feed(fake, tmp_path, BTC)) as reader:
            fields = {"fundingRate": "0.0001", "nextFundingTime": str(settle)}
            await fake.push(fake.ticker("BTCUSDT", "snapshot", lastPrice="1", **fields))
            await until(lambda: bool(reader.quotes))
            fake.now = settle - 100
            ts = fake.close_bar("BTCUSDT")
            await fake.push(fake.kline("BTCUSDT", ts))
            await asyncio.sleep(0.03)
            assert reader.bars == []  # waits for the rate, a moment
            fake.funding["BTCUSDT"][settle] = "0.00011"
            fake.now = settle + 300
            await until(lambda: reader.funding == [(BTC, settle, 0.00011)])
            batch = next(batch for batch in reader.batches if isinstance(batch[-1], FundingUpdate))
            assert [type(event) for event in batch] == [BarClosed, FundingUpdate]
            after = {"fundingRate": "0.0002", "nextFundingTime": str(settle + HOUR8)}
            await fake.push(fake.ticker("BTCUSDT", **after))
            fake.now = settle + 70_000
            await asyncio.sleep(0.05)
            assert len(reader.funding) == 1


async def test_the_forecast_stands_until_the_venue_says_otherwise(tmp_path: Path) -> None:
    async with venue() as fake:
        fake.now = T0 + HOUR8 - 1000
        settle = T0 + HOUR8
        feed = make_feed(fake, tmp_path, BTC)
        async with reading(fake, feed) as reader:
            fields = {"fundingRate": "0.0001", "nextFundingTime": str(settle)}
            await fake.push(fake.ticker("BTCUSDT", "snapshot", lastPrice="1", **fields))
            await until(lambda: bool(reader.quotes))
            fake.now = settle + QUICK.forecast_ms
            await until(lambda: reader.funding == [(BTC, settle, 0.0001)])
            fake.funding["BTCUSDT"][settle] = "0.00012"
            fake.now = settle + 5_000
            await until(lambda: bool(feed.report))
            assert feed.report == (f"{BTC}: funding was given as 0.010000%, the venue settled 0.012000%",)
            assert len(reader.funding) == 1


async def test_a_settlement_missed_while_away_is_fetched_on_reconnect(tmp_path: Path) -> None:
    async with venue() as fake, reading(fake, make_feed(fake, tmp_path, BTC)) as reader:
        fake.funding["BTCUSDT"] = {T0: "0.5", T0 + HOUR8: "0.0003"}
        fake.now = T0 + HOUR8 + 60_000
        await fake.drop()
        await until(lambda: reader.funding == [(BTC, T0 + HOUR8, 0.0003)])


async def test_history_comes_from_the_cache_and_the_rest_from_the_venue(tmp_path: Path) -> None:
    async with venue() as fake:
        opened = [T0 - n * FIVE for n in range(200, 0, -1)]
        for symbol in fake.bars:
            fake.bars[symbol].update(opened)
        fake.funding["BTCUSDT"] = {T0 - HOUR8: "0.0001", T0 - 3 * HOUR8: "0.0002", T0 + HOUR8: "0.9"}
        fake.now = T0 + 100
        feed = make_feed(fake, tmp_path, timing=structs.replace(QUICK, final_ms=0))
        await feed.open()
        fake.now = T0 + 3000
        found = await feed.history(T0, 50)
        bars = [item for item in found if item.instrument == BTC and hasattr(item, "ts_open")]
        assert [bar.ts_open for bar in bars] == opened[-50:]  # type: ignore[union-attr]
        rates = [(item.ts_event, item.rate) for item in found if hasattr(item, "rate")]
        assert rates == [(T0 - HOUR8, 0.0001)]
        assert list(found) == sorted(found, key=lambda item: item.ts_event)
        asked = len(fake.asked)
        again = await feed.history(T0, 50)
        assert [item.ts_event for item in again] == [item.ts_event for item in found]
        assert [request.url.path for request in fake.asked[asked:]] == ["/v5/market/funding/history"] * 2
        await feed.history(T0, 60)
        klines = [request for request in fake.asked if request.url.path == "/v5/market/kline"]
        assert [int(request.url.params["start"]) for request in klines[2:]] == [opened[-60]] * 2
        assert [int(request.url.params["end"]) for request in klines[2:]] == [opened[-50] - 1] * 2
        assert feed.report == ()
        await feed.close()


async def test_history_then_stream_leaves_nothing_between(tmp_path: Path) -> None:
    async with venue() as fake:
        for symbol in fake.bars:
            fake.bars[symbol].update(T0 - n * FIVE for n in range(1, 30))
        fake.now = T0 + 4000
        feed = make_feed(fake, tmp_path, BTC)
        await feed.open()
        seen = [item.ts_open for item in await feed.history(fake.now, 20) if hasattr(item, "ts_open")]
        cursor = fake.now
        closed = [fake.close_bar("BTCUSDT"), fake.close_bar("BTCUSDT")]
        async with reading(fake, feed, cursor) as reader:
            await fake.push(fake.kline("BTCUSDT", closed[-1]))
            await until(lambda: reader.of(BTC) == closed)
        assert seen[-1] + FIVE == closed[0]


async def test_a_venue_that_cannot_be_reached_is_a_sentence(tmp_path: Path) -> None:
    async with venue() as fake:
        fake.down = True
        with pytest.raises(VenueUnavailable, match="not working at the moment \\(HTTP 503\\)"):
            await make_feed(fake, tmp_path).open()


async def test_streams_before_and_after(tmp_path: Path) -> None:
    async with venue() as fake:
        feed = make_feed(fake, tmp_path, BTC)
        assert [(age.name, age.ts_last) for age in feed.streams()] == [
            ("klines", None), ("tickers", None), ("trades", None), ("book", None),
        ]  # fmt: skip
        async with reading(fake, feed):
            await fake.push(fake.ticker("BTCUSDT", "snapshot", lastPrice="1"))
            await until(lambda: feed.streams()[1].ts_last == fake.now)


async def test_junk_on_the_stream_harms_nothing(tmp_path: Path) -> None:
    async with venue() as fake:
        feed = make_feed(fake, tmp_path, BTC)
        async with reading(fake, feed) as reader:
            for junk in (b"", b"[]", b"{", b"\xff\xfe", b'{"topic":7}', b'{"topic":"kline.5.BTCUSDT"}', b"[" * 100_000):
                await fake.push(junk)
            ts = fake.close_bar("BTCUSDT")
            await fake.push(fake.kline("BTCUSDT", ts))
            await until(lambda: reader.bars == [[(BTC, ts)]])
