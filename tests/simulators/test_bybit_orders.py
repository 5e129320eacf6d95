"""What becomes of an order at the simulated venue: fills, exits, triggers, amends, cancels, money."""

from decimal import Decimal
from typing import Any

import pytest

from simulators.bybit import BybitSimulator
from simulators.bybit.kit import Client, client

D = Decimal


async def exits(c: Client) -> dict[str, dict[str, Any]]:
    return {row["stopOrderType"]: row for row in await c.found() if row["stopOrderType"]}


async def closed(c: Client) -> list[tuple[str, str, str]]:
    rows = (await c.get("order/history", category="linear", symbol="BTCUSDT"))["result"]["list"]
    return [(row["stopOrderType"], row["orderStatus"], row["cancelType"]) for row in rows]


async def test_attached_exits_become_orders_at_the_first_fill() -> None:
    async with BybitSimulator() as venue, client(venue) as c:
        await c.order(
            kind="Limit", price="59990", stopLoss="59000", takeProfit="62000", tpslMode="Full", orderLinkId="e-1"
        )
        assert [row["orderLinkId"] for row in await c.found()] == ["e-1"]
        venue.set_price("BTCUSDT", "59980")
        found = await exits(c)
        stop = found["StopLoss"]
        assert stop["orderLinkId"] == ""
        assert stop["parentOrderLinkId"] == "e-1"
        assert stop["createType"] == "CreateByStopLoss"
        assert (stop["orderStatus"], stop["side"], stop["qty"], stop["tpslMode"]) == (
            "Untriggered",
            "Sell",
            "0.100",
            "Full",
        )
        assert stop["reduceOnly"] and stop["closeOnTrigger"]
        assert found["TakeProfit"]["createType"] == "CreateByTakeProfit"
        position = await c.position()
        assert (position["stopLoss"], position["takeProfit"]) == ("59000.00", "62000.00")
        assert venue.naked_intervals() == []


async def test_a_stop_closes_the_position_and_the_target_goes_with_it() -> None:
    async with BybitSimulator() as venue, client(venue) as c:
        await c.order(stopLoss="59000", takeProfit="62000")
        venue.set_price("BTCUSDT", "58000")
        assert await closed(c) == [
            ("TakeProfit", "Deactivated", "CancelByTpSlTsClear"),
            ("StopLoss", "Filled", "UNKNOWN"),
            ("", "Filled", "UNKNOWN"),
        ]
        assert [e.price for e in venue.executions] == [D("60000.1"), D("58000")]
        assert venue.wallet.balance == 100_000 + sum(e.pnl - e.fee for e in venue.executions)
        assert venue.positions == {} and venue.naked_intervals() == []


async def test_a_whole_stop_is_moved_in_place_and_taken_away_with_zero() -> None:
    async with BybitSimulator() as venue, client(venue) as c:
        body = {"category": "linear", "symbol": "BTCUSDT", "tpslMode": "Full", "positionIdx": 0}
        assert (await c.post("position/trading-stop", **body, stopLoss="59000"))["retCode"] == 10001
        await c.order(stopLoss="59000")
        before = (await exits(c))["StopLoss"]["orderId"]
        assert (await c.post("position/trading-stop", **body, stopLoss="59500"))["retCode"] == 0
        after = (await exits(c))["StopLoss"]
        assert (after["orderId"], after["triggerPrice"]) == (before, "59500.00")
        assert (await c.post("position/trading-stop", **body, stopLoss="59500"))["retCode"] == 34040
        assert (await c.post("position/trading-stop", **body, stopLoss="60500"))["retCode"] == 10001
        assert (await c.post("position/trading-stop", **body, stopLoss="0"))["retCode"] == 0
        assert await exits(c) == {}
        assert [interval.ended_ms for interval in venue.naked_intervals("BTCUSDT")] == [None]
        amended = await c.post("order/amend", category="linear", symbol="BTCUSDT", orderId=before, triggerPrice="59100")
        assert amended["retCode"] == 110001


async def test_a_stop_can_be_amended_and_cancelled_like_an_order() -> None:
    async with BybitSimulator() as venue, client(venue) as c:
        await c.order(stopLoss="59000")
        stop = {"category": "linear", "symbol": "BTCUSDT", "orderId": (await exits(c))["StopLoss"]["orderId"]}
        assert (await c.post("order/amend", **stop, triggerPrice="59100"))["retCode"] == 0
        assert (await c.position())["stopLoss"] == "59100.00"
        assert (await c.post("order/amend", **stop, qty="0.05"))["retCode"] == 10001
        assert (await c.post("order/cancel", **stop))["retCode"] == 0
        assert (await closed(c))[0] == ("StopLoss", "Deactivated", "CancelByUser")


async def test_exits_grow_with_the_position_and_a_second_stop_replaces_the_first() -> None:
    async with BybitSimulator() as venue, client(venue) as c:
        await c.order(stopLoss="59000")
        first = (await exits(c))["StopLoss"]["orderId"]
        await c.order(stopLoss="59200", qty="0.2")
        stop = (await exits(c))["StopLoss"]
        assert (stop["orderId"], stop["triggerPrice"], stop["qty"]) == (first, "59200.00", "0.300")


async def test_partial_exits_are_added() -> None:
    async with BybitSimulator() as venue, client(venue) as c:
        await c.order()
        body = {"category": "linear", "symbol": "BTCUSDT", "tpslMode": "Partial", "positionIdx": 0, "slSize": "0.05"}
        for price in ("59000", "58000"):
            assert (await c.post("position/trading-stop", **body, stopLoss=price))["retCode"] == 0
        rows = [row for row in await c.found() if row["stopOrderType"] == "PartialStopLoss"]
        assert sorted(row["qty"] for row in rows) == ["0.050", "0.050"]
        venue.set_price("BTCUSDT", "58900")
        assert venue.positions["BTCUSDT"].size == D("0.05")


async def test_a_trailing_stop_follows_and_never_goes_back() -> None:
    async with BybitSimulator() as venue, client(venue) as c:
        await c.order("Sell")
        body = {"category": "linear", "symbol": "BTCUSDT", "tpslMode": "Full", "positionIdx": 0}
        assert (await c.post("position/trading-stop", **body, trailingStop="500", activePrice="59500"))["retCode"] == 0
        assert await exits(c) == {}
        for price, trigger in (("59400", "59900.00"), ("59000", "59500.00"), ("59300", "59500.00")):
            venue.set_price("BTCUSDT", price)
            assert (await exits(c))["TrailingStop"]["triggerPrice"] == trigger
        venue.set_price("BTCUSDT", "59500")
        assert venue.positions == {}


async def test_conditional_orders_wait_for_their_price_and_hold_no_margin() -> None:
    async with BybitSimulator(balance=1000) as venue, client(venue) as c:
        fields = {"triggerPrice": "60500", "triggerDirection": 1, "triggerBy": "MarkPrice", "stopLoss": "60000"}
        assert (await c.order(qty="0.1", **fields, orderLinkId="stop-entry"))["retCode"] == 0
        row = (await c.found())[0]
        assert (row["orderStatus"], row["stopOrderType"]) == ("Untriggered", "Stop")
        venue.set_price("BTCUSDT", "60500", mark="60400")
        assert venue.positions == {}
        venue.set_price("BTCUSDT", "60500")
        assert venue.positions["BTCUSDT"].size == D("0.1")
        assert (await exits(c))["StopLoss"]["parentOrderLinkId"] == "stop-entry"


@pytest.mark.parametrize(
    ("tif", "price", "status", "reason"),
    [
        ("PostOnly", "60100", "Cancelled", "EC_PostOnlyWillTakeLiquidity"),
        ("PostOnly", "59900", "New", "EC_NoError"),
        ("IOC", "59900", "Cancelled", "EC_NoImmediateQtyToFill"),
        ("FOK", "59900", "Cancelled", "EC_NoImmediateQtyToFill"),
        ("IOC", "60100", "Filled", "EC_NoError"),
        ("FOK", "60100", "Filled", "EC_NoError"),
        ("GTC", "60100", "Filled", "EC_NoError"),
    ],
)
async def test_time_in_force(tif: str, price: str, status: str, reason: str) -> None:
    async with BybitSimulator() as venue, client(venue) as c:
        assert (await c.order(kind="Limit", price=price, timeInForce=tif))["retCode"] == 0
        assert (venue.orders[0].status, venue.orders[0].reject_reason) == (status, reason)


async def test_thin_levels_fill_in_parts_at_worse_prices() -> None:
    async with BybitSimulator() as venue, client(venue) as c:
        venue.market("BTCUSDT").liquidity = D("0.04")
        await c.order(qty="0.1")
        assert [(e.price, e.qty) for e in venue.executions] == [
            (D("60000.1"), D("0.04")),
            (D("60000.2"), D("0.04")),
            (D("60000.3"), D("0.02")),
        ]
        await c.order(kind="Limit", price="60000.1", qty="0.1", timeInForce="IOC")
        last = venue.orders[-1]
        assert (last.status, last.cum_qty, last.reject_reason) == ("Cancelled", D("0.04"), "EC_NoEnoughQtyToFill")


async def test_a_resting_order_fills_part_by_part_as_maker() -> None:
    async with BybitSimulator() as venue, client(venue) as c:
        venue.market("BTCUSDT").liquidity = D("0.06")
        await c.order(kind="Limit", price="59990", qty="0.1", stopLoss="59000")
        venue.set_price("BTCUSDT", "59989")
        assert (venue.orders[0].status, venue.orders[0].cum_qty) == ("PartiallyFilled", D("0.06"))
        assert (await exits(c))["StopLoss"]["qty"] == "0.060"
        venue.set_price("BTCUSDT", "59988")
        assert venue.orders[0].status == "Filled"
        assert (await exits(c))["StopLoss"]["qty"] == "0.100"
        assert all(e.is_maker and e.price == D("59990") for e in venue.executions)


async def test_a_position_can_flip() -> None:
    async with BybitSimulator() as venue, client(venue) as c:
        await c.order(qty="0.1", stopLoss="59000")
        await c.order("Sell", "0.3", stopLoss="61000")
        position = venue.positions["BTCUSDT"]
        assert (position.size, position.average) == (D("-0.2"), D("60000"))
        found = await exits(c)
        assert (found["StopLoss"]["side"], found["StopLoss"]["qty"]) == ("Buy", "0.200")
        assert venue.executions[-1].closed_size == D("0.1")
        assert venue.naked_intervals() == []


async def test_amend_and_cancel() -> None:
    async with BybitSimulator() as venue, client(venue) as c:
        await c.order(kind="Limit", price="59000", orderLinkId="l-1")
        same = {"category": "linear", "symbol": "BTCUSDT", "orderLinkId": "l-1"}
        assert (await c.post("order/amend", **same, price="59500", qty="0.2"))["retCode"] == 0
        assert (venue.orders[0].price, venue.orders[0].qty) == (D("59500"), D("0.2"))
        assert (await c.post("order/amend", **same, price="59500.05"))["retCode"] == 10001
        assert (await c.post("order/amend", **same))["retCode"] == 10001
        venue.market("BTCUSDT").liquidity = D("0.05")
        venue.set_price("BTCUSDT", "59400")
        assert (await c.post("order/amend", **same, qty="0.04"))["retCode"] == 110064
        assert (await c.post("order/cancel", **same))["retCode"] == 0
        assert (await c.post("order/cancel", **same))["retCode"] == 110001
        assert (venue.orders[0].status, venue.orders[0].cum_qty) == ("Cancelled", D("0.05"))
        row = (await c.found(orderLinkId="l-1"))[0]
        assert (row["cancelType"], row["rejectReason"], row["leavesQty"]) == (
            "CancelByUser",
            "EC_PerCancelRequest",
            "0.000",
        )


async def test_cancel_all_takes_exits_too_unless_told_otherwise() -> None:
    async with BybitSimulator() as venue, client(venue) as c:
        await c.order(stopLoss="59000")
        await c.order(kind="Limit", price="59500")
        await c.order(kind="Limit", price="59400")
        assert (await c.post("order/cancel-all", category="linear"))["retCode"] == 10001
        reply = await c.post("order/cancel-all", category="linear", symbol="BTCUSDT", orderFilter="Order")
        assert (len(reply["result"]["list"]), reply["result"]["success"]) == (2, "1")
        assert list(await exits(c)) == ["StopLoss"]
        await c.post("order/cancel-all", category="linear", settleCoin="USDT")
        assert await c.found() == []
        assert venue.naked_intervals("BTCUSDT")[0].ended_ms is None


async def test_reducing_orders_go_with_the_position() -> None:
    async with BybitSimulator() as venue, client(venue) as c:
        await c.order()
        await c.order("Sell", kind="Limit", price="61000", reduceOnly=True)
        venue.manual_close("BTCUSDT")
        assert (venue.orders[1].status, venue.orders[1].cancel_type) == ("Cancelled", "CancelByReduceOnly")


async def test_funding_is_an_execution_and_money_but_no_order() -> None:
    async with BybitSimulator() as venue, client(venue) as c:
        await c.order("Sell", "0.1")
        before = venue.wallet.balance
        venue.settle_funding("BTCUSDT", "0.0001")
        row = (await c.get("execution/list", category="linear", execType="Funding"))["result"]["list"][0]
        assert (row["execType"], row["orderType"], row["execFee"], row["execQty"]) == (
            "Funding",
            "UNKNOWN",
            "-0.6",
            "0.100",
        )
        assert venue.wallet.balance == before + D("0.6")
        assert venue.positions["BTCUSDT"].size == D("-0.1")
        assert venue.settle_funding("ETHUSDT") == []
        log = (await c.get("account/transaction-log"))["result"]["list"]
        assert [(r["type"], r["change"]) for r in log] == [("SETTLEMENT", "0.6"), ("TRADE", "-3.3")]


async def test_liquidation_and_deleveraging_come_without_an_order() -> None:
    async with BybitSimulator(balance=1000) as venue, client(venue) as c:
        await c.order(qty="0.1", stopLoss="40000", slTriggerBy="IndexPrice")
        await c.order(kind="Limit", price="59000", qty="0.001")
        venue.deleverage("BTCUSDT", "0.02")
        assert venue.positions["BTCUSDT"].size == D("0.08")
        venue.set_price("BTCUSDT", "47000", index="60000")
        assert [e.exec_type for e in venue.executions] == ["Trade", "AdlTrade", "Trade", "BustTrade"]
        assert venue.positions == {}
        assert await c.found() == []


async def test_wallet_and_positions_add_up() -> None:
    async with BybitSimulator() as venue, client(venue) as c:
        await c.order(qty="0.1")
        venue.set_price("BTCUSDT", "61000")
        await c.order("Sell", "0.04", reduceOnly=True)
        await c.order(qty="0.003")
        wallet = (await c.get("account/wallet-balance", accountType="UNIFIED"))["result"]["list"][0]
        coin = wallet["coin"][0]
        assert D(coin["walletBalance"]) == 100_000 + sum(e.pnl - e.fee for e in venue.executions)
        assert D(coin["equity"]) == D(coin["walletBalance"]) + D(coin["unrealisedPnl"])
        position = await c.position()
        average = (D("60000.1") * D("0.06") + D("61000.1") * D("0.003")) / D("0.063")
        assert D(position["avgPrice"]) == average.quantize(D("1e-8"))
        row = (await c.get("position/closed-pnl", category="linear"))["result"]["list"][0]
        assert (row["closedSize"], row["avgExitPrice"], row["avgEntryPrice"]) == ("0.04", "61000", "60000.1")
