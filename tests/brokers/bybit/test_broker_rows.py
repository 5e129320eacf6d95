"""What rows of orders and executions mean."""

from decimal import Decimal
from typing import Any

import pytest
from bybit_broker_kit import BTC, entry, order

from tradeterm.brokers.bybit import executions, order_rows
from tradeterm.brokers.bybit.account import Account
from tradeterm.brokers.bybit.registry import Registry, external_id, external_order_id
from tradeterm.domain.orders import (
    Cash,
    CashKind,
    Fill,
    Liquidity,
    OrderEventKind,
    OrderIntent,
    OrderSide,
    OrderStatus,
    OrderType,
)
from tradeterm.venues.bybit.rows import OrderRow, number, read_execution, read_order, read_position, time_ms, whole

ACCOUNT = Account("crypto", (BTC,))


def order_row(**changes: Any) -> OrderRow:
    row = {
        "symbol": "BTCUSDT",
        "orderId": "a0b1c2d3-0000-4000-8000-000000000001",
        "orderLinkId": "s0123-1",
        "side": "Buy",
        "orderType": "Market",
        "price": "63000.00",
        "qty": "0.010",
        "cumExecQty": "0",
        "avgPrice": "",
        "timeInForce": "IOC",
        "orderStatus": "New",
        "cancelType": "UNKNOWN",
        "rejectReason": "EC_NoError",
        "triggerPrice": "",
        "stopOrderType": "",
        "reduceOnly": False,
        "createdTime": "1700000000000",
        "updatedTime": "1700000000001",
    } | changes
    found = read_order(row)
    assert found is not None
    return found


def shown(row: OrderRow, *, was_live: bool = False) -> OrderEventKind | None:
    found = order_rows.shown(row, was_live=was_live)
    return None if found is None else found.kind


@pytest.mark.parametrize(
    ("state", "filled", "kind", "status"),
    [
        ("New", "0", OrderEventKind.ACKNOWLEDGED, OrderStatus.ACCEPTED),
        ("New", "0.004", OrderEventKind.ACKNOWLEDGED, OrderStatus.PARTIALLY_FILLED),
        ("PartiallyFilled", "0.004", OrderEventKind.ACKNOWLEDGED, OrderStatus.PARTIALLY_FILLED),
        ("Untriggered", "0", OrderEventKind.ACKNOWLEDGED, OrderStatus.ACCEPTED),
        ("Triggered", "0", OrderEventKind.TRIGGERED, OrderStatus.TRIGGERED),
        ("Filled", "0.010", OrderEventKind.FULL_FILL, OrderStatus.FILLED),
        ("Cancelled", "0", OrderEventKind.CANCELED, OrderStatus.CANCELED),
        ("Cancelled", "0.004", OrderEventKind.CANCELED, OrderStatus.CANCELED),
        ("PartiallyFilledCanceled", "0.004", OrderEventKind.CANCELED, OrderStatus.CANCELED),
        ("Deactivated", "0", OrderEventKind.CANCELED, OrderStatus.CANCELED),
        ("Rejected", "0", OrderEventKind.REFUSED, OrderStatus.REJECTED),
        ("Rejected", "0.004", OrderEventKind.CANCELED, OrderStatus.CANCELED),
        ("Active", "0", None, None),
        ("", "0", None, None),
    ],
)
def test_states(state: str, filled: str, kind: OrderEventKind | None, status: OrderStatus | None) -> None:
    row = order_row(orderStatus=state, cumExecQty=filled)
    assert (shown(row), order_rows.status_of(row)) == (kind, status)


def test_a_working_order_the_venue_rejects_has_ended() -> None:
    assert shown(order_row(orderStatus="Rejected"), was_live=True) is OrderEventKind.CANCELED


def test_the_internal_limit_of_a_market_order_is_no_price() -> None:
    market, limit = order_row(), order_row(orderType="Limit", timeInForce="PostOnly")
    assert (order_rows.price_of(market), order_rows.price_of(limit)) == (None, Decimal("63000.00"))
    found = order_rows.to_order(limit, "a", ACCOUNT, None)
    assert found is not None
    assert (found.type, found.post_only, found.intent) == (OrderType.LIMIT, True, OrderIntent.EXTERNAL)


@pytest.mark.parametrize(
    ("changes", "kind"),
    [
        ({}, OrderType.MARKET),
        (
            {"triggerPrice": "58800", "stopOrderType": "Stop", "triggerDirection": 2, "side": "Sell"},
            OrderType.STOP_MARKET,
        ),
        ({"triggerPrice": "58800", "stopOrderType": "Stop", "orderType": "Limit"}, OrderType.STOP_LIMIT),
        ({"triggerPrice": "61800", "stopOrderType": "TakeProfit", "side": "Sell"}, OrderType.TAKE_PROFIT_MARKET),
        (
            {"triggerPrice": "1", "stopOrderType": "Stop", "side": "Sell", "triggerDirection": 1, "reduceOnly": True},
            OrderType.TAKE_PROFIT_MARKET,
        ),
        ({"triggerPrice": "58800", "stopOrderType": "TrailingStop"}, OrderType.TRAILING_STOP),
    ],
)
def test_types(changes: dict[str, Any], kind: OrderType) -> None:
    assert order_rows.type_of(order_row(**changes)) is kind


def test_attached_protection_is_named_after_its_entry() -> None:
    registry = Registry()
    registry.sending(entry("first"), "BTCUSDT", 1_000_000)
    registry.sending(entry("second", take_profit=None), "BTCUSDT", 2_000_000)

    def name(kind: str, created: int, **changes: Any) -> str:
        changes = {"orderId": f"{kind}-{created}", "orderLinkId": "", "stopOrderType": kind} | changes
        return registry.identify(order_row(**({"createdTime": str(created)} | changes)))

    assert name("StopLoss", 1_500_000) == "firsts"
    assert name("TakeProfit", 1_500_000) == "firstt"
    assert name("StopLoss", 2_500_000) == "seconds"
    assert name("TakeProfit", 2_500_000).startswith("ext-")  # the second entry has no target: a person made it
    assert name("StopLoss", 2_600_000, parentOrderLinkId="first") == "firsts"
    assert name("StopLoss", 500_000).startswith("ext-")
    assert name("PartialStopLoss", 2_500_000).startswith("ext-")
    assert name("StopLoss", 2_700_000, orderLinkId="mine") == "mine"
    assert name("StopLoss", 2_500_000, createdTime="1") == "seconds"  # known by now
    assert registry.parent_of("firsts") == "first"
    assert registry.parent_of("firsts1") is None
    registry.forget(entry("second"), "BTCUSDT")
    assert name("StopLoss", 2_800_000) == "firsts"


def test_an_entry_that_was_refused_protects_nothing() -> None:
    registry = Registry()
    refused = entry("gone", status=OrderStatus.REJECTED)
    registry.know([entry("held", filled_quantity=Decimal(1)), refused], {BTC.id: "BTCUSDT"}, lambda ts: ts)
    row = order_row(orderLinkId="", stopOrderType="StopLoss")
    assert registry.identify(row) == "helds"


def test_names_of_strangers_fit_and_lead_back() -> None:
    order_id = "a0b1c2d3-0000-4000-8000-000000000001"
    assert len(external_id(order_id)) == 36
    assert external_order_id(external_id(order_id)) == order_id
    assert len(external_id("9" * 80)) <= 36
    assert external_order_id(external_id("1234567890")) is None
    assert external_order_id("s0123-1") is None


def execution(**changes: Any) -> dict[str, Any]:
    return {
        "symbol": "BTCUSDT",
        "execId": "e1",
        "execType": "Trade",
        "orderId": "o1",
        "orderLinkId": "s0123-1",
        "side": "Sell",
        "execQty": "0.5",
        "execPrice": "95900.1",
        "execFee": "26.3725275",
        "feeCurrency": "USDT",
        "isMaker": False,
        "execTime": "1746270400353",
        "stopOrderType": "UNKNOWN",
    } | changes


def booked(**changes: Any) -> Fill | Cash | None:
    row = read_execution(execution(**changes))
    return None if row is None else executions.booked(row, row.link_id or "x", ACCOUNT, 1)


@pytest.mark.parametrize("kind", ["Trade", "AdlTrade", "BustTrade", "BlockTrade", "Delivery", "MovePosition"])
def test_trade_like_executions_are_fills(kind: str) -> None:
    fill = booked(execType=kind)
    assert isinstance(fill, Fill)
    assert (fill.side, fill.quantity, fill.price) == (OrderSide.SELL, Decimal("0.5"), Decimal("95900.1"))
    assert (fill.fee, fill.liquidity, fill.ts_event) == (Decimal("26.3725275"), Liquidity.TAKER, 1746270400353)


@pytest.mark.parametrize(("fee", "amount"), [("0.31", "-0.31"), ("-0.31", "0.31"), ("0", "0")])
def test_funding_is_cash_with_our_sign(fee: str, amount: str) -> None:
    cash = booked(execType="Funding", execFee=fee, orderLinkId="", orderId="")
    assert isinstance(cash, Cash)
    assert (cash.kind, cash.amount, cash.id, cash.currency) == (CashKind.FUNDING, Decimal(amount), "e1", "USDT")


@pytest.mark.parametrize(
    "bad",
    [
        {"execType": "Settle"},
        {"execType": "SomethingNew"},
        {"execType": ""},
        {"execQty": "0"},
        {"execQty": "NaN"},
        {"execPrice": ""},
        {"execPrice": "Infinity"},
        {"execFee": ""},
        {"side": "Both"},
        {"execQty": "1E+999999"},
    ],
)
def test_what_is_not_understood_is_not_booked_but_said(bad: dict[str, str]) -> None:
    row = read_execution(execution(**bad))
    assert row is not None
    assert "e1" in executions.complaint(row)
    assert booked(**bad) is None


def test_rows_of_others_are_passed_over() -> None:
    assert booked(symbol="ETHUSDT") is None
    assert read_execution(execution(category="spot")) is None
    assert read_order({"symbol": "BTCUSDT", "orderId": "1", "category": "option"}) is None
    assert read_execution(execution(execId="")) is None
    assert order_rows.to_order(order_row(symbol="ETHUSDT"), "a", ACCOUNT, order()) is None


def test_taxes_on_the_fee_are_paid_too() -> None:
    extra = [{"feeCoin": "USDT", "fee": "0.5"}, {"feeCoin": "MNT", "fee": "9"}, "odd", {"feeCoin": "USDT"}]
    fill = booked(execFee="1", extraFees=extra)
    assert isinstance(fill, Fill)
    assert fill.fee == Decimal("1.5")


def test_numbers() -> None:
    row = {"a": "1.50", "b": "", "c": None, "d": "NaN", "e": True, "f": 2, "g": 0.25, "h": "9" * 99, "i": "1e40"}
    assert [number(row, key) for key in "abcdefghi"] == [
        Decimal("1.50"), None, None, None, None, Decimal(2), Decimal("0.25"), None, None,
    ]  # fmt: skip
    whole_row = {"a": "12", "b": "-3", "c": "--3", "d": "1.5", "e": 1 << 99, "f": True, "g": "²", "h": [1]}
    assert [whole(whole_row, key) for key in "abcdefgh"] == [12, -3, 0, 0, 0, 0, 0, 0]
    assert time_ms({"t": "99999999999999999"}, "t") == 0


def test_positions() -> None:
    found = read_position(
        {"symbol": "BTCUSDT", "side": "", "size": "0", "avgPrice": "0", "positionIdx": 2, "leverage": "10"}
    )
    assert found is not None
    assert (found.size, found.average_price, found.index, found.leverage) == (0, None, 2, 10)
