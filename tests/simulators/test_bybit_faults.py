"""Every fault of the simulated venue does what it says, once or by chance, and is logged."""

import asyncio
import json
import time
from decimal import Decimal

import aiohttp
import pytest
from websockets.exceptions import ConnectionClosed, InvalidStatus

from simulators.bybit import KEY, SECRET, BybitSimulator, Key, Limits
from simulators.bybit.kit import client, private, public, quiet, read

D = Decimal
TOPICS = ("order", "execution", "position", "wallet")


def names(venue: BybitSimulator) -> list[str]:
    return [fault.name for fault in venue.fault_log]


async def test_the_streams_can_be_ahead_of_the_reply() -> None:
    async with BybitSimulator() as venue, client(venue) as c, private(venue, "order", "execution") as socket:
        venue.faults.delay("order/create", 0.2)
        sent = asyncio.create_task(c.order(orderLinkId="e-1"))
        order, execution = await read(socket, 2)
        assert not sent.done()
        assert order["data"][0]["orderLinkId"] == execution["data"][0]["orderLinkId"] == "e-1"
        assert (await sent)["retCode"] == 0
        assert names(venue) == ["delay after acceptance"]


async def test_pushes_come_backwards_twice_late_or_never() -> None:
    async with BybitSimulator() as venue, client(venue) as c, private(venue, "order", "execution") as socket:
        venue.faults.reorder()
        await c.order()
        assert [m["topic"] for m in await read(socket, 2)] == ["execution", "order"]
        venue.faults.duplicate("execution")
        await c.order()
        _, first, second = await read(socket, 3)
        assert first["data"] == second["data"]
        venue.faults.late("order", 0.1)
        await c.order()
        assert [m["topic"] for m in await read(socket, 2)] == ["execution", "order"]
        venue.faults.lose("execution")
        await c.order(orderLinkId="lost")
        assert [m["topic"] for m in await read(socket, 1)] == ["order"]
        assert await quiet(socket)
        rows = (await c.get("execution/list", category="linear", orderLinkId="lost"))["result"]["list"]
        assert len(rows) == 1
        assert names(venue) == ["reordered pushes", "duplicate push", "late push", "lost push"]


async def test_a_cut_stream_forgets_what_it_missed() -> None:
    async with BybitSimulator() as venue, client(venue) as c:
        async with private(venue, *TOPICS) as socket:
            venue.faults.drop_on("execution")
            await c.order()
            with pytest.raises(ConnectionClosed):
                await read(socket, 9)
        async with private(venue, *TOPICS) as socket:
            assert await quiet(socket)
            venue.drop_streams()
            with pytest.raises(ConnectionClosed):
                await read(socket)
        assert names(venue) == ["stream dropped", "stream dropped"]


async def test_a_silent_stream_still_answers_pings() -> None:
    async with (
        BybitSimulator() as venue,
        private(venue, *TOPICS) as mine,
        public(venue, "publicTrade.BTCUSDT") as all_see,
    ):
        venue.faults.silence("private", 0.3)
        venue.faults.silence("public", 0.3)
        venue.set_price("BTCUSDT", "60001")
        venue.manual(symbol="BTCUSDT", side="Buy", qty="0.1")
        for socket in (mine, all_see):
            await socket.send('{"op":"ping"}')
            assert (await read(socket))[0]["op"] in ("ping", "pong")
            assert await quiet(socket, 0.05)
        await asyncio.sleep(0.3)
        venue.set_price("BTCUSDT", "60002")
        assert (await read(all_see))[0]["data"][0]["p"] == "60002.00"
        assert names(venue) == ["silent stream", "silent stream", "order by hand"]


async def test_look_ups_may_lag() -> None:
    async with BybitSimulator() as venue, client(venue) as c:
        for endpoint in ("order/realtime", "order/history", "execution/list"):
            venue.faults.lag(endpoint, 0.2)
        await c.order(orderLinkId="e-1")
        assert (await c.order(orderLinkId="e-1"))["retCode"] == 110072
        query = {"category": "linear", "orderLinkId": "e-1"}

        async def seen(endpoint: str) -> int:
            return len((await c.get(endpoint, **query))["result"]["list"])

        assert [await seen(e) for e in ("order/realtime", "order/history", "execution/list")] == [0, 0, 0]
        await asyncio.sleep(0.25)
        assert [await seen(e) for e in ("order/realtime", "order/history", "execution/list")] == [1, 1, 1]
        venue.faults.lag("position/list", 0.15)
        await c.order("Sell", reduceOnly=True)
        assert (await c.position())["size"] == "0.100"
        await asyncio.sleep(0.2)
        assert (await c.position())["size"] == "0"


async def test_stops_may_be_refused() -> None:
    async with BybitSimulator() as venue, client(venue) as c:
        venue.faults.refuse_stops("BTCUSDT", times=2)
        assert (await c.order(stopLoss="59000"))["retCode"] == 10001
        await c.order()
        body = {"category": "linear", "symbol": "BTCUSDT", "tpslMode": "Full", "positionIdx": 0, "stopLoss": "59000"}
        assert (await c.post("position/trading-stop", **body))["retCode"] == 10001
        await asyncio.sleep(0.05)
        assert (await c.post("position/trading-stop", **body))["retCode"] == 0
        naked = venue.naked_intervals("BTCUSDT")
        assert len(naked) == 1 and 0.05 <= naked[0].seconds < 2 and naked[0].ended_ms is not None


async def test_fills_in_parts_in_shares_and_beyond_the_size() -> None:
    async with BybitSimulator() as venue, client(venue) as c:
        venue.faults.partial_fills("BTCUSDT", 3)
        await c.order(qty="0.1")
        assert [e.qty for e in venue.executions] == [D("0.033"), D("0.033"), D("0.034")]
        venue.faults.fill_share("BTCUSDT", D("0.5"))
        await c.order(qty="0.1")
        assert (venue.orders[1].status, venue.orders[1].cum_qty) == ("Cancelled", D("0.05"))
        venue.faults.overfill("BTCUSDT", D("0.01"))
        await c.order(qty="0.1", orderLinkId="over")
        row = (await c.found(orderLinkId="over"))[0]
        assert (row["orderStatus"], row["qty"], row["cumExecQty"], row["leavesQty"]) == (
            "Filled",
            "0.100",
            "0.110",
            "0.000",
        )
        assert venue.positions["BTCUSDT"].size == D("0.26")


async def test_what_somebody_does_by_hand() -> None:
    async with BybitSimulator() as venue, client(venue) as c, private(venue, "order") as socket:
        venue.manual(symbol="BTCUSDT", side="Buy", qty="0.1", stopLoss="59000")
        stop = (await read(socket, 2))[1]["data"][0]
        venue.manual_cancel(stop["orderId"])
        venue.manual_close("BTCUSDT")
        cancelled, filled = await read(socket, 2)
        assert (cancelled["data"][0]["orderStatus"], filled["data"][0]["orderLinkId"]) == ("Deactivated", "")
        assert await c.found() == []


async def test_an_order_may_arrive_long_after_its_sender_gave_up() -> None:
    async with BybitSimulator() as venue, client(venue) as c:
        venue.faults.late_acceptance("order/create", 0.2)
        with pytest.raises(aiohttp.ClientError):
            await c.order(orderLinkId="e-1")
        assert await c.found(orderLinkId="e-1") == []
        await asyncio.sleep(0.3)
        assert [row["orderStatus"] for row in await c.found(orderLinkId="e-1")] == ["Filled"]


async def test_bans_and_crowds() -> None:
    async with BybitSimulator(limits=Limits(connections=1)) as venue, client(venue) as c:
        async with public(venue, "tickers.BTCUSDT"):
            with pytest.raises(InvalidStatus):
                async with public(venue, "tickers.BTCUSDT"):
                    pass
        venue.ban(0.1)
        async with c.session.get(f"{venue.rest_url}/v5/market/time") as reply:
            assert reply.status == 403
        await asyncio.sleep(0.15)
        assert (await c.get("market/time"))["retCode"] == 0


async def test_a_cancel_may_lose_to_a_fill() -> None:
    async with BybitSimulator() as venue, client(venue) as c, private(venue, "order") as socket:
        await c.order(kind="Limit", price="59900", orderLinkId="l-1")
        venue.faults.cancel_loses()
        cancelled = await c.post("order/cancel", category="linear", symbol="BTCUSDT", orderLinkId="l-1")
        assert cancelled["retCode"] == 0
        rows = [m["data"][0] for m in await read(socket, 3)]
        assert [row["orderStatus"] for row in rows] == ["New", "Filled", "Filled"]
        assert rows[2]["rejectReason"] == "EC_OrigClOrdIDDoesNotExist"


async def test_what_changes_while_the_engine_lives() -> None:
    async with BybitSimulator() as venue, client(venue) as c:
        await c.order(orderLinkId="old")
        venue.age(8 * 86_400_000)
        query = {"category": "linear"}
        assert (await c.get("execution/list", **query))["result"]["list"] == []
        assert (await c.position())["size"] == "0.100"
        balance = venue.wallet.balance
        venue.deposit(-500)
        assert venue.wallet.balance == balance - 500
        venue.change_instrument("BTCUSDT", step=D("0.01"), min_qty=D("0.01"))
        assert (await c.order(qty="0.105"))["retCode"] == 10001
        venue.change_instrument("BTCUSDT", status="Closed")
        assert (await c.order())["retCode"] == 110074
        venue.replace_key(Key(KEY, SECRET, expired=True))
        assert (await c.order())["retCode"] == 33004


async def test_chance_is_the_same_for_the_same_seed() -> None:
    async def run(seed: int) -> list[bool]:
        async with BybitSimulator(seed=seed) as venue, client(venue) as c:
            venue.faults.ret_code("market/time", 10016, times=None, probability=0.3)
            return [(await c.get("market/time"))["retCode"] == 10016 for _ in range(40)]

    first = await run(1)
    assert first == await run(1)
    assert first != await run(2)
    assert 4 < sum(first) < 22


async def test_a_cancelled_rule_and_a_cleared_list_do_nothing() -> None:
    async with BybitSimulator() as venue, client(venue) as c:
        rule = venue.faults.ret_code("*", 10016, times=None)
        assert (await c.get("market/time"))["retCode"] == 10016
        rule.cancel()
        assert (await c.get("market/time"))["retCode"] == 0
        venue.faults.ret_code("*", 10016)
        venue.faults.clear()
        assert (await c.get("market/time"))["retCode"] == 0
        assert (rule.hits, names(venue)) == (1, ["retcode 10016 before acceptance"])


async def test_the_venue_stays_whole_in_a_storm() -> None:
    """A careless client in bad weather: the venue's own books must still add up."""
    async with BybitSimulator(seed=3) as venue, client(venue) as c:
        venue.limits.per_second = dict.fromkeys(venue.limits.per_second, 10_000)
        venue.faults.storm(0.03, hang_seconds=0.01, lag_seconds=0.1)
        for n in range(100):
            side = "Sell" if n % 3 == 2 else "Buy"
            venue.set_price("BTCUSDT", D(60_000 + 40 * (n * 7 % 11)))
            stop = "58000" if side == "Buy" else "63000"
            try:
                await c.order(side, "0.01", stopLoss=stop, orderLinkId=f"s-{n}")
                await c.get("order/realtime", category="linear", symbol="BTCUSDT")
            except (aiohttp.ClientError, json.JSONDecodeError):
                continue
        size = sum(e.qty * (1 if e.side == "Buy" else -1) for e in venue.executions)
        held = venue.positions.get("BTCUSDT")
        assert size == (held.size if held else 0)
        assert venue.wallet.balance == 100_000 + sum(e.pnl - e.fee for e in venue.executions)
        by_order = {o.order_id: o.cum_qty for o in venue.orders if o.cum_qty}
        fills: dict[str, Decimal] = {}
        for e in venue.executions:
            fills[e.order_id] = fills.get(e.order_id, D(0)) + e.qty
        assert fills == by_order
        assert len({e.exec_id for e in venue.executions}) == len(venue.executions)
        assert venue.naked_intervals() == []
        assert len(set(names(venue))) > 12


def test_a_venue_in_a_thread_is_controlled_from_any_thread_and_ends_cleanly() -> None:
    began = time.monotonic()
    with BybitSimulator.in_thread(seed=5, prices={"BTCUSDT": "50000"}) as venue:
        venue.set_price("BTCUSDT", "50001")
        assert venue.call(lambda: venue.market("BTCUSDT").last) == D("50001")
        with pytest.raises(ValueError, match="multiple"):
            venue.set_price("BTCUSDT", "50001.05")
        port = venue.port
    with BybitSimulator.in_thread(port=port) as again:
        assert again.port == port
    assert time.monotonic() - began < 5
