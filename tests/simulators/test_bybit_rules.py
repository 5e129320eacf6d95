"""The simulated venue is as strict as the real one: who may ask, what an order must be, what is refused and how."""

from typing import Any

import pytest

from simulators.bybit import KEY, SECRET, BybitSimulator, Key, Limits
from simulators.bybit.kit import client


@pytest.mark.parametrize(
    ("offset", "code"), [(0, 0), (-4500, 0), (-5500, 10002), (700, 0), (1500, 10002)], ids=lambda value: str(value)
)
async def test_clock_may_be_slow_by_the_window_and_fast_by_less_than_a_second(offset: int, code: int) -> None:
    async with BybitSimulator() as venue, client(venue) as c:
        c.clock_ms = offset
        assert (await c.get("account/info"))["retCode"] == code


async def test_the_venues_own_clock_may_be_wrong() -> None:
    async with BybitSimulator() as venue, client(venue) as c:
        venue.clock_offset_ms = -3000
        assert (await c.order())["retCode"] == 10002
        c.clock_ms = -3000
        assert (await c.order())["retCode"] == 0


async def test_wrong_signature_and_unknown_key() -> None:
    async with BybitSimulator() as venue:
        async with client(venue, secret="wrong") as c:
            assert (await c.get("account/info"))["retCode"] == 10004
        async with client(venue, key="nobody") as c:
            assert (await c.order())["retCode"] == 10003
        assert venue.orders == ()


@pytest.mark.parametrize(
    ("key", "code"),
    [
        (Key(KEY, SECRET, read_only=True), 10005),
        (Key(KEY, SECRET, permissions=frozenset({"Position"})), 10005),
        (Key(KEY, SECRET, expired=True), 33004),
        (Key(KEY, SECRET, ips=frozenset({"10.0.0.1"})), 10010),
        (Key(KEY, SECRET, ips=frozenset({"127.0.0.1"})), 0),
    ],
)
async def test_what_a_key_may_do(key: Key, code: int) -> None:
    async with BybitSimulator(keys=[key]) as venue, client(venue) as c:
        assert (await c.order())["retCode"] == code


@pytest.mark.parametrize(
    ("fields", "code"),
    [
        ({"qty": "0.0005"}, 10001),  # below the step and the minimum
        ({"qty": "0.1005"}, 10001),  # off the step
        ({"qty": "501"}, 10001),  # beyond the maximum of a market order
        ({"qty": "0"}, 10001),
        ({"qty": "1e-1"}, 10001),
        ({"qty": 0.1}, 10001),  # a number, not a string
        ({"orderType": "Limit"}, 10001),  # without a price
        ({"orderType": "Limit", "price": "50000.05"}, 10001),  # off the tick
        ({"orderType": "Limit", "price": "70000"}, 110003),  # far beyond the mark
        ({"orderType": "Limit", "price": "4000", "qty": "0.001"}, 110094),  # below the least value
        ({"symbol": "NONEUSDT"}, 10001),
        ({"category": "spot"}, 10001),
        ({"side": "buy"}, 10001),
        ({"orderLinkId": "with space"}, 10001),
        ({"orderLinkId": "x" * 37}, 10001),
        ({"positionIdx": 1}, 10001),
        ({"reduceOnly": True}, 110017),
        ({"stopLoss": "61000"}, 10001),  # above a long
        ({"takeProfit": "59000"}, 10001),  # below a long
        ({"stopLoss": "59000", "tpslMode": "Full", "slOrderType": "Limit", "slLimitPrice": "58000"}, 10001),
        ({"triggerPrice": "59000", "triggerDirection": 1}, 110092),
        ({"triggerPrice": "61000", "triggerDirection": 2}, 110093),
        ({"triggerPrice": "61000"}, 10001),  # without a direction
        ({"qty": "60"}, 110007),  # 3.6 million at ten times leverage on 100,000
    ],
)
async def test_refused_orders(fields: dict[str, Any], code: int) -> None:
    async with BybitSimulator() as venue, client(venue) as c:
        reply = await c.order(**({"kind": fields.pop("orderType", "Market")} | fields))
        assert reply["retCode"] == code
        assert reply["retMsg"]
        assert venue.orders == ()


async def test_a_link_id_is_used_once_for_ever() -> None:
    async with BybitSimulator() as venue, client(venue) as c:
        assert (await c.order(orderLinkId="a-1"))["retCode"] == 0
        assert (await c.order(orderLinkId="a-1"))["retCode"] == 110072
        assert (await c.order("Sell", reduceOnly=True, orderLinkId="a-2"))["retCode"] == 0
        assert (await c.order(orderLinkId="a-1"))["retCode"] == 110072
        assert len(venue.orders) == 2
        assert venue.duplicates() == []


async def test_duplicate_intents_are_found() -> None:
    async with BybitSimulator() as venue, client(venue) as c:
        await c.order(orderLinkId="a-1", stopLoss="59000")
        await c.order(orderLinkId="a-2", stopLoss="59000")
        assert [(a.link_id, b.link_id) for a, b in venue.duplicates()] == [("a-1", "a-2")]


async def test_reduce_only_is_cut_to_the_position() -> None:
    async with BybitSimulator() as venue, client(venue) as c:
        await c.order(qty="0.1")
        assert (await c.order(qty="0.1", reduceOnly=True))["retCode"] == 110017
        assert (await c.order("Sell", "0.5", reduceOnly=True))["retCode"] == 0
        assert venue.orders[-1].cum_qty == venue.orders[0].cum_qty
        assert venue.positions == {}


async def test_settings_of_the_account() -> None:
    async with BybitSimulator() as venue, client(venue) as c:
        leverage = {"category": "linear", "symbol": "BTCUSDT", "buyLeverage": "5", "sellLeverage": "5"}
        assert (await c.post("position/set-leverage", **leverage))["retCode"] == 0
        assert (await c.post("position/set-leverage", **leverage))["retCode"] == 110043
        assert (await c.post("position/set-leverage", **(leverage | {"sellLeverage": "6"})))["retCode"] == 10001
        assert (await c.position())["leverage"] == "5"
        mode = {"category": "linear", "symbol": "BTCUSDT"}
        assert (await c.post("position/switch-mode", **mode, mode=0))["retCode"] == 110025
        assert (await c.post("position/switch-mode", **mode, mode=3))["retCode"] == 0
        assert (await c.order())["retCode"] == 10001
        assert (await c.order(positionIdx=1))["retCode"] == 0
        assert (await c.order("Sell", positionIdx=2))["retCode"] == 0
        rows = (await c.get("position/list", category="linear", symbol="BTCUSDT"))["result"]["list"]
        assert [(row["positionIdx"], row["side"], row["size"]) for row in rows] == [
            (1, "Buy", "0.100"),
            (2, "Sell", "0.100"),
        ]
        assert (await c.post("position/switch-mode", **mode, mode=0))["retCode"] == 110024
        assert (await c.post("account/set-margin-mode", setMarginMode="REGULAR_MARGIN"))["retCode"] == 110026


async def test_rate_limit_says_how_much_is_left_and_when_it_resets() -> None:
    async with BybitSimulator() as venue, client(venue) as c:
        codes = [(await c.order(qty="0.001"))["retCode"] for _ in range(11)]
        assert codes == [0] * 10 + [10006]
        assert c.headers["X-Bapi-Limit"] == "10"
        assert c.headers["X-Bapi-Limit-Status"] == "0"
        assert 0 < int(c.headers["X-Bapi-Limit-Reset-Timestamp"]) - venue.exchange.clock.now_ms() <= 1000


async def test_each_endpoint_has_its_own_limit() -> None:
    async with BybitSimulator() as venue, client(venue) as c:
        for _ in range(40):
            assert (await c.get("account/info"))["retCode"] == 0
            assert (await c.get("position/list", category="linear", settleCoin="USDT"))["retCode"] == 0


async def test_the_demo_environment_lacks_some_endpoints() -> None:
    async with BybitSimulator(demo=True) as venue, client(venue) as c:
        assert (await c.get("account/fee-rate", category="linear"))["retCode"] == 10032
        assert (await c.order())["retCode"] == 0


async def test_an_address_that_asks_too_much_is_shut_out() -> None:
    async with BybitSimulator(limits=Limits(per_address=5)) as venue, client(venue) as c:
        for _ in range(5):
            assert (await c.get("market/time"))["retCode"] == 0
        for _ in range(2):
            async with c.session.get(f"{venue.rest_url}/v5/market/time") as reply:
                assert (reply.status, await reply.text()) == (403, "access too frequent")


async def test_pages_do_not_shift_when_rows_are_added() -> None:
    async with BybitSimulator() as venue, client(venue) as c:
        for n in range(7):
            await c.order(qty="0.001", orderLinkId=f"p-{n}")
        query = {"category": "linear", "limit": 3}
        first = (await c.get("execution/list", **query))["result"]
        await c.order(qty="0.001", orderLinkId="p-late")
        seen = [row["orderLinkId"] for row in first["list"]]
        cursor = first["nextPageCursor"]
        while cursor:
            assert "%" in cursor
            page = (await c.get("execution/list", **query, cursor=cursor))["result"]
            seen += [row["orderLinkId"] for row in page["list"]]
            cursor = page["nextPageCursor"]
        assert seen == [f"p-{n}" for n in reversed(range(7))]


async def test_look_ups_need_what_the_venue_needs() -> None:
    async with BybitSimulator() as venue, client(venue) as c:
        assert (await c.get("order/realtime", category="linear"))["retCode"] == 10001
        assert (await c.get("position/list", category="linear"))["retCode"] == 10001
        assert (await c.get("position/list", category="linear", settleCoin="USDT"))["result"]["list"] == []
        assert (await c.position())["side"] == ""
        assert (await c.get("account/wallet-balance", accountType="SPOT"))["retCode"] == 10001
        history = {"category": "linear", "startTime": 0, "endTime": 8 * 86_400_000}
        assert (await c.get("order/history", **history))["retCode"] == 10001
        funding = await c.get("market/funding/history", category="linear", symbol="BTCUSDT", startTime=1)
        assert funding["retCode"] == 10001
