"""Decoding, the book, the join of bars, the gathering of an instant, settlements: each on its own."""

import itertools
import math
from pathlib import Path
from typing import Any

import msgspec
import pytest
from bybit_venue_kit import BTC, ETH, FIVE, T0
from hypothesis import given
from hypothesis import strategies as st

from tradeterm.domain.market import DAY_MS, HOUR_MS, Bar, FundingRate
from tradeterm.feeds.bybit import decode
from tradeterm.feeds.bybit.bars import Join
from tradeterm.feeds.bybit.book import OrderBook
from tradeterm.feeds.bybit.decode import BookMessage, BookRow, KlineMessage, Reply, TickerMessage, TradeMessage
from tradeterm.feeds.bybit.funding import Settlements
from tradeterm.feeds.bybit.gather import Gather
from tradeterm.feeds.bybit.instruments import contracts
from tradeterm.feeds.bybit.live import Live
from tradeterm.feeds.bybit.rest import PublicRest
from tradeterm.feeds.bybit.tickers import Ticker
from tradeterm.feeds.bybit.timing import Timing

HOUR8 = 8 * HOUR_MS


def shared(name: str) -> bytes:
    for folder in Path(__file__).resolve().parents:
        path = folder / "shared" / "fixtures" / "bybit" / name
        if path.is_file():
            return path.read_bytes()
    pytest.skip("the payload fixtures are not here")


def read(data: bytes) -> Any:
    return decode.decode(data, decode.topic_of(data))


# Payloads as the venue's documentation prints them


@pytest.mark.shared
def test_klines() -> None:
    message = read(shared("nt_ws_kline.json"))
    assert isinstance(message, KlineMessage)
    row = message.data[0]
    bar = decode.bar(BTC, FIVE, row.start, row.open, row.high, row.low, row.close, row.volume, message.ts)
    assert bar == Bar(BTC, FIVE, 1672324800000, 16649.5, 16677, 16608, 16677, 2.081, 1672324988882)
    assert bar.ts_event == 1672325100000
    assert not row.confirm
    assert not read(shared("ws_kline_open_candle.json")).data[0].confirm


@pytest.mark.shared
def test_tickers() -> None:
    ticker = Ticker(BTC)
    message = read(shared("ws_ticker_linear_snapshot.json"))
    assert isinstance(message, TickerMessage)
    ticker.merge(message, 1)
    quote = ticker.quote()
    assert quote is not None
    assert (quote.last, quote.bid, quote.ask, quote.ask_size) == (66666.6, 66666.6, 66666.7, 23775.469)
    assert (ticker.funding_rate, ticker.next_funding_ts, ticker.open_interest) == (-0.005, 1760342400000, 492373.72)
    other = Ticker(BTC)
    other.merge(read(shared("nt_ws_ticker_linear.json")), 1)
    assert (other.funding_rate, other.next_funding_ts) == (-0.000212, 1673280000000)
    assert read(shared("ws_ticker_spot.json")) is not None


@pytest.mark.shared
def test_trades() -> None:
    message = read(shared("ws_public_trade.json"))
    assert isinstance(message, TradeMessage)
    assert message.data[-1].p == 16578.5
    ticker = Ticker(BTC)
    assert ticker.trade(message, T0)
    quote = ticker.quote()
    assert quote is not None
    assert (quote.last, quote.ts_event, quote.ts_recv) == (float(message.data[-1].p), message.data[-1].T, T0)
    assert read(shared("nt_ws_public_trade.json")) is None  # a topic nobody subscribes to


@pytest.mark.shared
def test_recorded_book_has_no_gap_and_never_crosses() -> None:
    book = OrderBook()
    lines = shared("recorded_ob500_xrpusdt_first30.jsonl").splitlines()
    for line in lines:
        message = read(line)
        assert isinstance(message, BookMessage)
        assert book.apply(message.type, message.data)
        assert book.best_bid == max(book.bids)
        assert book.best_ask == min(book.asks)
        assert book.best_bid < book.best_ask
    assert len(lines) == 30
    assert not book.apply("delta", BookRow(b=[], a=[], u=message.data.u + 2))
    for name in ("ws_orderbook_snapshot.json", "ws_orderbook_delta.json", "nt_ws_orderbook_snapshot.json",
                 "nt_ws_orderbook_delta.json"):  # fmt: skip
        assert isinstance(read(shared(name)), BookMessage)


@pytest.mark.shared
@pytest.mark.parametrize(
    "name", ["ws_subscribe_ok_public_linear.json", "nt_ws_subscription_ack.json", "ws_pong_public_linear.json"]
)
def test_replies(name: str) -> None:
    reply = read(shared(name))
    assert isinstance(reply, Reply)
    assert reply.success is True


@pytest.mark.shared
@pytest.mark.parametrize("name", ["rest_instruments_linear.json", "nt_http_get_instruments_linear.json"])
def test_instruments(name: str) -> None:
    rows = msgspec.json.decode(shared(name))["result"]["list"]
    found = contracts(rows, [BTC], T0)[BTC]
    assert found.status == "Trading"
    assert str(found.instrument.lot_size) == "0.001"
    assert str(found.instrument.min_notional) == "5"
    assert found.instrument.funding_interval_ms == rows[0]["fundingInterval"] * 60_000


# Numbers and odd shapes


@pytest.mark.parametrize("text", ["", "abc", "NaN", "inf", "-Infinity", "1e999", None])
def test_no_number(text: str | None) -> None:
    assert decode.number(text) is None


@pytest.mark.parametrize(
    "values",
    [
        (1, 0.9, 0.8, 1, 1),  # high below open
        (1, 2, 1.5, 1, 1),  # low above open
        (0, 2, 0, 1, 1),
        (1, 2, 1, 1, -1),
        (1, 2, 1, math.nan, 1),
        (1, math.inf, 1, 1, 1),
        (1, 2, 1, 1, math.nan),
    ],
)
def test_no_bar(values: tuple[float, ...]) -> None:
    assert decode.bar(BTC, FIVE, T0, *values, 0) is None  # type: ignore[arg-type]


def test_no_bar_off_the_grid() -> None:
    assert decode.bar(BTC, FIVE, T0 + 1000, 1, 2, 1, 1, 1, 0) is None
    assert decode.bar(BTC, FIVE, 0, 1, 2, 1, 1, 1, 0) is None


def test_a_ticker_field_that_is_no_number_is_not_there() -> None:
    ticker = Ticker(BTC)
    fields = {"lastPrice": "100.5", "bid1Price": "100.4", "bid1Size": "3", "fundingRate": "0.0001"}
    fields["openInterest"] = "50000"
    message = {"topic": "tickers.BTCUSDT", "type": "snapshot", "ts": T0, "data": fields}
    ticker.merge(read(msgspec.json.encode(message)), T0)
    assert (ticker.funding_rate, ticker.open_interest) == (0.0001, 50000)
    fields = {"bid1Price": "", "bid1Size": "-1", "fundingRate": "NaN", "lastPrice": "101", "nextFundingTime": ""}
    ticker.merge(read(msgspec.json.encode(message | {"type": "delta", "data": fields})), T0)
    quote = ticker.quote()
    assert quote is not None
    assert (quote.last, quote.bid, quote.bid_size) == (101, None, None)
    assert (ticker.funding_rate, ticker.next_funding_ts, ticker.open_interest) == (None, None, 50000)
    for odd in ("", "-1", "NaN", "1e400", [], None):
        ticker.open_interest = 50000.0
        ticker.merge(read(msgspec.json.encode(message | {"type": "delta", "data": {"openInterest": odd}})), T0)
        assert ticker.open_interest is None


SAMPLES: list[dict[str, Any]] = [
    {"topic": "kline.5.BTCUSDT", "type": "snapshot", "ts": T0, "data": [
        {"start": T0, "end": T0 + FIVE - 1, "interval": "5", "open": "1", "close": "1", "high": "2", "low": "1",
         "volume": "1", "turnover": "1", "confirm": True, "timestamp": T0}]},
    {"topic": "tickers.BTCUSDT", "type": "delta", "cs": 1, "ts": T0, "data": {
        "symbol": "BTCUSDT", "lastPrice": "1.5", "fundingRate": "0.0001", "nextFundingTime": str(T0 + HOUR8)}},
    {"topic": "publicTrade.BTCUSDT", "type": "snapshot", "ts": T0, "data": [
        {"T": T0, "s": "BTCUSDT", "S": "Buy", "v": "1", "p": "1.5", "L": "PlusTick", "i": "x", "BT": False}]},
    {"topic": "orderbook.50.BTCUSDT", "type": "snapshot", "ts": T0, "cts": T0, "data": {
        "s": "BTCUSDT", "b": [["1.5", "2"]], "a": [["1.6", "2"]], "u": 7, "seq": 9}},
    {"op": "subscribe", "success": True, "ret_msg": "", "conn_id": "x", "req_id": "1"},
]  # fmt: skip

json_values = st.recursive(
    st.none()
    | st.booleans()
    | st.integers()
    | st.floats()
    | st.text(max_size=8)
    | st.sampled_from(["", "NaN", "1e400"]),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=4), inner, max_size=3),
    max_leaves=5,
)


@st.composite
def mutated(draw: st.DrawFn) -> bytes:
    """A sample with values replaced, keys dropped, or bytes broken."""
    message = msgspec.json.decode(msgspec.json.encode(draw(st.sampled_from(SAMPLES))))
    for _ in range(draw(st.integers(0, 3))):
        spot: Any = message
        while isinstance(spot, (dict, list)) and spot:
            key = draw(st.sampled_from(list(spot) if isinstance(spot, dict) else range(len(spot))))
            if draw(st.booleans()) or not isinstance(spot[key], (dict, list)):
                if draw(st.booleans()):
                    del spot[key]
                else:
                    spot[key] = draw(json_values)
                break
            spot = spot[key]
    data = bytearray(msgspec.json.encode(message))
    for _ in range(draw(st.integers(0, 2))):
        if data:
            data[draw(st.integers(0, len(data) - 1))] = draw(st.integers(0, 255))
    return bytes(data[: draw(st.integers(0, len(data)))] if draw(st.booleans()) else data)


async def live(items: list[str]) -> Live:
    return Live(
        "ws://127.0.0.1:1", PublicRest("http://127.0.0.1:1", clock=lambda: T0), {BTC: "BTCUSDT"}, "5m", FIVE, T0 - FIVE,
        clock=lambda: T0, offset_ms=lambda: 0, tell=items.append, timing=Timing(),
    )  # fmt: skip


@given(st.lists(mutated() | st.binary(max_size=40), max_size=8))
def test_nothing_on_the_wire_raises(frames: list[bytes]) -> None:
    import asyncio

    async def run() -> None:
        feed = await live([])
        for frame in frames:
            feed.on_message(frame)
        for event in feed._quotes():
            quote = event.quote  # type: ignore[union-attr]
            numbers = [quote.last, quote.bid, quote.ask, quote.bid_size, quote.ask_size]
            assert all(value is None or math.isfinite(value) for value in numbers)
            assert quote.last > 0
            assert 0 < quote.ts_event <= T0 + DAY_MS
        for batch in feed._gather.take():
            assert all(isinstance(item, (Bar, FundingRate)) for item in batch)

    asyncio.run(run())


# The book

levels = st.lists(st.tuples(st.integers(1, 9), st.integers(0, 3)), max_size=4)


@given(st.lists(st.tuples(levels, levels), max_size=12))
def test_book_is_what_a_plain_dictionary_says(changes: list[tuple[list[Any], list[Any]]]) -> None:
    book, bids, asks = OrderBook(), dict[float, float](), dict[float, float]()
    assert book.apply("snapshot", BookRow(b=[], a=[], u=100))
    for u, (low, high) in enumerate(changes, 101):
        below = [(float(p), float(s)) for p, s in low]
        above = [(float(p + 10), float(s)) for p, s in high]
        assert book.apply("delta", BookRow(b=below, a=above, u=u))
        for side, rows in ((bids, below), (asks, above)):
            for price, size in rows:
                side[price] = size
                if not size:
                    del side[price]
        assert (book.bids, book.asks) == (bids, asks)
        assert (book.best_bid, book.best_ask) == (max(bids, default=None), min(asks, default=None))


def test_book_out_of_step() -> None:
    book = OrderBook()
    row = BookRow(b=[(1, 1)], a=[(2, 1)], u=10)
    assert book.apply("delta", row)  # before its snapshot: waits
    assert not book.synced
    assert book.apply("snapshot", row)
    assert book.apply("delta", BookRow(b=[], a=[], u=10))  # the same again
    assert book.apply("delta", BookRow(b=[], a=[], u=9))  # older
    assert book.synced
    assert not book.apply("delta", BookRow(b=[], a=[], u=13))
    assert (book.synced, book.bids, book.best_bid) == (False, {}, None)
    assert book.apply("delta", BookRow(b=[(5, 1)], a=[], u=14))  # said once
    assert not book.synced
    assert book.apply("delta", BookRow(b=[(1, 1)], a=[(2, 1)], u=1))  # the venue restarted
    assert book.synced
    assert not book.crossed
    assert book.apply("delta", BookRow(b=[(3, 1)], a=[], u=2))
    assert book.crossed


# Bars


def bar(instrument: str, number: int) -> Bar:
    return Bar(instrument, FIVE, T0 + number * FIVE, 1, 2, 1, 1, 1, 0)


@given(st.data())
def test_each_bar_once_and_in_order_however_they_come(data: st.DataObject) -> None:
    count = data.draw(st.integers(1, 8))
    streamed = data.draw(st.lists(st.integers(0, count - 1), max_size=20))
    join, given_out = Join(FIVE, T0), list[int]()
    for number in streamed:
        given_out += [one.ts_open for one in join.streamed(bar(BTC, number))]
        if data.draw(st.booleans()):
            known = data.draw(st.integers(0, count))
            found, missing = join.fetched(bar(BTC, n) for n in range(known) if bar(BTC, n).ts_open >= join.next_open)
            given_out += [one.ts_open for one in found]
            assert missing == 0
    found, _ = join.fetched([bar(BTC, n) for n in range(count)])
    given_out += [one.ts_open for one in found]
    assert given_out == [T0 + n * FIVE for n in range(count)]


def test_bars_the_venue_never_had_are_passed_over() -> None:
    join = Join(FIVE, T0 + 1234)
    assert join.streamed(bar(BTC, 4)) == []
    assert join.fetched([bar(BTC, 0)]) == ([bar(BTC, 0)], 0)
    assert join.fetched([]) == ([], 0)  # nothing newer there yet: waits
    assert join.fetched([bar(BTC, 2), bar(BTC, 4)]) == ([bar(BTC, 2), bar(BTC, 4)], 2)
    assert join.next_close == T0 + 6 * FIVE


# An instant


def gather(now: list[float], missing: set[int], coming: set[int]) -> Gather:
    return Gather(
        window_s=1.5, patience_s=10, missing=missing.__contains__, coming=coming.__contains__, clock=lambda: now[0]
    )


def test_an_instant_leaves_whole_or_when_its_time_is_over() -> None:
    now, missing, coming = [0.0], {T0 + FIVE, T0 + 2 * FIVE}, set[int]()
    box = gather(now, missing, coming)
    assert (box.take(), box.left_s()) == ([], None)
    rate = FundingRate(BTC, T0 + FIVE, 0.1, 0)
    box.add(rate)
    box.add(bar(BTC, 0))
    assert (box.take(), box.left_s()) == ([], 1.5)
    box.add(bar(ETH, 1))
    missing.clear()
    assert box.take() == [[bar(BTC, 0), rate], [bar(ETH, 1)]]
    missing.add(T0 + FIVE)
    box.add(bar(BTC, 0))
    box.add(bar(BTC, 1))
    now[0] = 1.4
    assert box.take() == []  # the younger waits for the older
    now[0] = 1.5
    assert box.take() == [[bar(BTC, 0)], [bar(BTC, 1)]]
    coming.add(T0 + FIVE)
    box.add(bar(ETH, 0))
    now[0] = 11.4
    assert box.take() == []
    now[0] = 11.5
    assert box.take() == [[bar(ETH, 0)]]


# Funding


def test_settlement_by_history_then_never_again() -> None:
    book = Settlements(BTC, T0)
    book.see(T0 + HOUR8, 0.0001, T0 + HOUR8 - 100)
    assert (book.owes(T0 + HOUR8), book.due()) == (True, [])
    book.tell(T0 + HOUR8)
    assert book.due() == [T0 + HOUR8]
    rows = [(T0 - HOUR8, 0.5), (T0, 0.5), (T0 + HOUR8, 0.0002)]
    found, said = book.history(rows, 9)
    assert (found, said) == ([FundingRate(BTC, T0 + HOUR8, 0.0002, 9)], [])
    assert (book.owes(T0 + HOUR8), book.due(), book.forecast(T0 + HOUR8, 9)) == (False, [], None)
    assert book.history(rows, 9) == ([], [])


def test_the_last_rate_before_the_settlement_counts() -> None:
    book = Settlements(BTC, T0)
    book.see(T0 + HOUR8, 0.0001, T0 + HOUR8 - 1000)
    book.see(T0 + HOUR8, 0.0002, T0 + HOUR8 - 10)
    book.see(T0 + HOUR8, 0.0009, T0 + HOUR8 + 5)  # too late
    book.see(T0 + 2 * HOUR8, 0.0003, T0 + HOUR8 + 10)
    given_out = book.forecast(T0 + HOUR8, 1)
    assert given_out is not None
    assert given_out.rate == 0.0002
    assert book.forecast(T0 + HOUR8, 1) is None
    assert book.due() == [T0 + HOUR8]  # to be confirmed
    assert book.history([(T0 + HOUR8, 0.0002)], 1) == ([], [])
    assert book.due() == []


def test_the_ticker_moves_on_a_little_early() -> None:
    book = Settlements(BTC, T0)
    book.see(T0 + HOUR8, 0.0001, T0 + HOUR8 - 1000)
    book.see(T0 + 2 * HOUR8, 0.0003, T0 + HOUR8 - 3)
    assert book.due() == [T0 + HOUR8]


def test_a_stale_forecast_and_a_jumping_clock_invent_nothing() -> None:
    book = Settlements(BTC, T0)
    book.see(T0 + HOUR8, 0.0001, T0 + HOUR8 - 100_000)
    book.tell(T0 + HOUR8 + 5000)  # our clock says so, but the ticker was long silent
    assert book.due() == []
    book.see(T0 + 2 * HOUR8, 0.0003, T0 + HOUR8 + 60_000)
    assert book.due() == [T0 + HOUR8]
    assert book.forecast(T0 + HOUR8, 1) is None
    assert book.forget(T0 + HOUR8)


def test_an_interval_that_changes() -> None:
    book = Settlements(BTC, T0)
    book.see(T0 + HOUR8, 0.0001, T0 + 1000)
    book.see(T0 + HOUR8 // 2, 0.0001, T0 + 2000)
    book.tell(T0 + HOUR8)
    assert (book.due(), book.owes(T0 + HOUR8)) == ([], False)


@given(st.permutations(range(1, 5)), st.sets(st.integers(1, 4)))
def test_settlements_once_and_in_order(order: list[int], forecast: set[int]) -> None:
    book, found = Settlements(BTC, T0), list[int]()
    for number in range(1, 5):
        ts = T0 + number * HOUR8
        if number in forecast:
            book.see(ts, 0.0001, ts - 10)
            book.tell(ts)
            found += [one.ts_event for one in [book.forecast(ts, 0)] if one]
        rows = [(T0 + n * HOUR8, 0.0001) for n in order if n <= number]
        found += [one.ts_event for one in book.history(rows, 0)[0]]
    assert found == [T0 + n * HOUR8 for n in range(1, 5)]
    assert list(itertools.pairwise(found)) == sorted(itertools.pairwise(found))
