"""Both streams of the simulated venue, read with a bare websocket client."""

import json
from decimal import Decimal

from websockets.asyncio.client import connect

from simulators.bybit import KEY, SECRET, Bar, BybitSimulator, demo_bars, sign
from simulators.bybit.kit import client, private, public, quiet, read

D = Decimal


async def test_auth_and_subscriptions_are_acknowledged() -> None:
    async with BybitSimulator() as venue, connect(venue.private_url) as socket:
        await socket.send('{"op":"subscribe","req_id":"0","args":["order"]}')
        late = venue.exchange.clock.now_ms() - 1
        for expires, secret in ((late, SECRET), (late + 5000, "wrong"), (late + 5000, SECRET)):
            args = [KEY, expires, sign(secret, f"GET/realtime{expires}")]
            await socket.send(json.dumps({"op": "auth", "args": args}))
        for args in ([], ["order", "order.linear"], ["nothing"], ["order", "execution", "position", "wallet"]):
            await socket.send(json.dumps({"op": "subscribe", "req_id": "7", "args": args}))
        await socket.send('{"op":"ping","req_id":"p"}')
        await socket.send("no json")
        replies = await read(socket, 10)
        assert [r.get("success") for r in replies] == [
            False, False, False, True, False, False, False, True, None, False
        ]  # fmt: skip
        assert replies[0]["ret_msg"] == "Request not authorized"
        assert (replies[8]["op"], replies[8]["req_id"]) == ("pong", "p")
        assert await quiet(socket), "no snapshot follows a subscription"


async def test_an_order_is_told_on_all_private_topics() -> None:
    topics = ("order", "execution", "position", "wallet")
    async with BybitSimulator() as venue, client(venue) as c, private(venue, *topics) as socket:
        await c.order(stopLoss="59000", orderLinkId="e-1")
        messages = await read(socket, 5)
        assert [m["topic"] for m in messages] == ["order", "execution", "order", "position", "wallet"]
        order, execution, stop, position, wallet = (m["data"][0] for m in messages)
        assert (order["orderStatus"], order["orderLinkId"]) == ("Filled", "e-1")
        assert (execution["execType"], execution["execPrice"], execution["category"]) == (
            "Trade",
            "60000.10",
            "linear",
        )
        assert (stop["orderStatus"], stop["stopOrderType"]) == ("Untriggered", "StopLoss")
        assert (position["entryPrice"], position["size"], position["stopLoss"]) == ("60000.1", "0.100", "59000.00")
        assert D(wallet["coin"][0]["walletBalance"]) == venue.wallet.balance
        venue.set_price("BTCUSDT", "59000")
        states = [m["data"][0]["orderStatus"] for m in await read(socket, 5) if m["topic"] == "order"]
        assert states == ["Triggered", "Filled"]


async def test_a_resting_order_is_new_then_filled() -> None:
    async with BybitSimulator() as venue, client(venue) as c, private(venue, "order", "execution.fast") as socket:
        await c.order(kind="Limit", price="59990", orderLinkId="l-1")
        venue.set_price("BTCUSDT", "59980")
        new, filled, fast = await read(socket, 3)
        assert [new["data"][0]["orderStatus"], filled["data"][0]["orderStatus"]] == ["New", "Filled"]
        assert fast["topic"] == "execution.fast"
        assert fast["data"][0]["orderLinkId"] == "" and "execFee" not in fast["data"][0]


async def test_tickers_are_a_snapshot_and_then_what_changed() -> None:
    async with BybitSimulator() as venue, public(venue, "tickers.BTCUSDT", "publicTrade.BTCUSDT") as socket:
        snapshot = (await read(socket))[0]
        assert (snapshot["type"], snapshot["data"]["lastPrice"]) == ("snapshot", "60000.00")
        venue.set_price("BTCUSDT", "60001", qty="0.5")
        trade, delta = await read(socket, 2)
        assert (trade["data"][0]["p"], trade["data"][0]["v"], trade["data"][0]["S"]) == ("60001.00", "0.5", "Buy")
        assert delta["type"] == "delta"
        assert delta["data"]["lastPrice"] == "60001.00"
        assert "fundingRate" not in delta["data"]


async def test_the_book_can_be_kept_from_snapshot_and_deltas() -> None:
    async with BybitSimulator() as venue, client(venue) as c, public(venue, "orderbook.50.BTCUSDT") as socket:
        first = (await read(socket))[0]
        assert first["type"] == "snapshot"
        book = {side: dict(first["data"][side]) for side in "ba"}
        last = first["data"]["u"]
        for price in ("60001", "59997.3", "60500", "60499.9"):
            venue.set_price("BTCUSDT", price)
            delta = (await read(socket))[0]
            assert (delta["type"], delta["data"]["u"]) == ("delta", last + 1)
            last += 1
            for side in "ba":
                for level, size in delta["data"][side]:
                    if D(size) == 0:
                        del book[side][level]
                    else:
                        book[side][level] = size
        rest = (await c.get("market/orderbook", category="linear", symbol="BTCUSDT", limit=50))["result"]
        assert rest["u"] == last
        assert {side: dict(rest[side]) for side in "ba"} == book


async def test_a_gap_and_a_restart_of_the_book() -> None:
    async with BybitSimulator() as venue, public(venue, "orderbook.50.BTCUSDT") as socket:
        start = (await read(socket))[0]["data"]["u"]
        venue.faults.skip_book("BTCUSDT")
        venue.set_price("BTCUSDT", "60001")
        venue.set_price("BTCUSDT", "60002")
        assert (await read(socket))[0]["data"]["u"] == start + 2
        venue.restart_book("BTCUSDT")
        again = (await read(socket))[0]
        assert (again["type"], again["data"]["u"]) == ("snapshot", 1)


async def test_bad_topics_and_pings_of_the_public_stream() -> None:
    async with BybitSimulator() as venue, connect(venue.public_url) as socket:
        await socket.send('{"op":"ping","req_id":"9"}')
        for args in (["tickers.NONE"], ["kline.7.BTCUSDT"], ["orderbook.3.BTCUSDT"], ["kline.5.BTCUSDT"]):
            await socket.send(json.dumps({"op": "subscribe", "args": args}))
        replies = await read(socket, 5)
        assert [r["success"] for r in replies] == [True, False, False, False, True]
        assert (replies[0]["op"], replies[0]["ret_msg"]) == ("ping", "pong")


async def test_played_bars_close_once_and_agree_with_history() -> None:
    async with BybitSimulator() as venue, client(venue) as c:
        bars = demo_bars(venue.market("BTCUSDT").instrument, 60)
        venue.load_bars("BTCUSDT", bars[:50], 300_000, end_ms=venue.exchange.clock.now_ms() - 3_600_000)
        first = venue.market("BTCUSDT").bars[-1].start_ms + 300_000
        async with public(venue, "kline.5.BTCUSDT", "kline.15.BTCUSDT") as socket:
            venue.play({"BTCUSDT": bars[50:]}, interval_ms=300_000, seconds_per_bar=0.01)
            five, fifteen = [], []
            while len(five) < 10:
                message = (await read(socket))[0]
                row = message["data"][0]
                if row["confirm"]:
                    (five if row["interval"] == "5" else fifteen).append(row)
        assert [row["start"] for row in five] == [first + n * 300_000 for n in range(10)]
        assert [D(row["close"]) for row in five] == [bar.close for bar in bars[50:]]
        assert all(
            D(row["high"]) == bar.high and D(row["low"]) == bar.low for row, bar in zip(five, bars[50:], strict=True)
        )
        assert len(fifteen) in (3, 4)
        reply = await c.get("market/kline", category="linear", symbol="BTCUSDT", interval=5, limit=60)
        rows = reply["result"]["list"]
        starts = [int(row[0]) for row in rows]
        assert starts == sorted(starts, reverse=True) and len(rows) == 60
        assert rows[0][:5] == [str(five[-1]["start"]), *(five[-1][k] for k in ("open", "high", "low", "close"))]
        again = await c.get("market/kline", category="linear", symbol="BTCUSDT", interval=5, start=starts[9], limit=4)
        assert [int(row[0]) for row in again["result"]["list"]] == starts[6:10]
        end = await c.get("market/kline", category="linear", symbol="BTCUSDT", interval=5, end=starts[5], limit=3)
        assert [int(row[0]) for row in end["result"]["list"]] == starts[5:8]


async def test_the_clock_closes_candles_when_nobody_trades() -> None:
    async with BybitSimulator() as venue, public(venue, "kline.1.BTCUSDT") as socket:
        venue.set_price("BTCUSDT", "60010")
        venue.clock_offset_ms = 60_000
        rows = [m["data"][0] for m in await read(socket, 3)]
        done = next(row for row in rows if row["confirm"])
        assert done["close"] == "60010.00"
        assert venue.market("BTCUSDT").bars[-1].start_ms == done["end"] + 1


def test_candles_of_every_interval_are_made_of_the_base() -> None:
    market = BybitSimulator().market("BTCUSDT")
    start = 1_700_000_000_000 // 86_400_000 * 86_400_000
    market.bars = [Bar(start + n * 60_000, D(n + 1), D(n + 2), D(n + 1), D(n + 2)) for n in range(1440)]
    newest = market.candles("60", None, None, 2)
    assert [(bar.start_ms - start) // 3_600_000 for bar in newest] == [23, 22]
    assert (newest[0].open, newest[0].close, newest[0].volume) == (D(1381), D(1441), D(60))
    day = market.candles("D", None, None, 5)
    assert [(bar.open, bar.close) for bar in day] == [(D(1), D(1441))]
