"""Recorded and documented payloads mean what they say; broken ones raise nothing."""

import asyncio
from collections.abc import Iterator
from decimal import Decimal
from pathlib import Path
from typing import Any

import msgspec
import pytest
from bybit_broker_kit import BTC, CREDENTIALS, ETH, Heard, entry
from hypothesis import given
from hypothesis import strategies as st

from tradeterm.brokers.bybit import BybitVenue, executions, order_rows
from tradeterm.brokers.bybit.account import Account
from tradeterm.brokers.bybit.private_stream import PrivateStream, wallet_balance
from tradeterm.brokers.bybit.transport import _read
from tradeterm.config import BybitConfig
from tradeterm.domain.orders import Cash, Fill, Liquidity, Order, OrderIntent, OrderSide, OrderStatus, OrderType
from tradeterm.venues.bybit.codes import Meaning, meaning, sentence
from tradeterm.venues.bybit.endpoints import endpoints
from tradeterm.venues.bybit.rows import read_execution, read_order, read_position, rows_of

ACCOUNT = Account("crypto", (BTC, ETH))
FOLDERS = [parent / "shared" / "fixtures" / "bybit" for parent in Path(__file__).parents]
FIXTURES = next((folder for folder in FOLDERS if folder.is_dir()), None)
shared = pytest.mark.skipif(FIXTURES is None, reason="the shared fixtures are not here")


def load(name: str) -> Any:
    assert FIXTURES is not None
    return msgspec.json.decode((FIXTURES / f"{name}.json").read_bytes())


def rows(name: str) -> list[dict[str, Any]]:
    message = load(name)
    return message["data"] if "data" in message else message["result"]["list"]


def orders(name: str) -> list[Order | None]:
    found = [read_order(row) for row in rows(name)]
    return [None if row is None else order_rows.to_order(row, row.link_id or "x", ACCOUNT, None) for row in found]


def booked(name: str) -> list[Fill | Cash | None]:
    found = [read_execution(row) for row in rows(name)]
    return [None if row is None else executions.booked(row, row.link_id or "x", ACCOUNT, 1) for row in found]


@shared
@pytest.mark.shared
@pytest.mark.parametrize(
    ("name", "kind", "status", "side", "trigger"),
    [
        ("rest_order_realtime", OrderType.LIMIT, OrderStatus.ACCEPTED, OrderSide.BUY, None),
        ("nt_http_get_orders_realtime", OrderType.LIMIT, OrderStatus.ACCEPTED, OrderSide.BUY, None),
        ("nt_ws_account_order_stop_loss", OrderType.STOP_MARKET, OrderStatus.ACCEPTED, OrderSide.SELL, "48000"),
        (
            "nt_ws_account_order_take_profit",
            OrderType.TAKE_PROFIT_MARKET,
            OrderStatus.ACCEPTED,
            OrderSide.SELL,
            "55000",
        ),
        ("nt_ws_account_order_stop_market", OrderType.STOP_MARKET, OrderStatus.ACCEPTED, OrderSide.SELL, "45000"),
    ],
)
def test_order_payloads(name: str, kind: OrderType, status: OrderStatus, side: OrderSide, trigger: str | None) -> None:
    found = orders(name)[0]
    assert found is not None
    assert (found.type, found.status, found.side) == (kind, status, side)
    assert found.trigger_price == (None if trigger is None else Decimal(trigger))
    assert found.intent is OrderIntent.EXTERNAL


@shared
@pytest.mark.shared
@pytest.mark.parametrize("name", ["nt_ws_account_order", "nt_http_get_orders_history"])
def test_a_cancelled_order(name: str) -> None:
    (found,) = orders(name)
    assert found is not None
    assert (found.status, found.reason, found.client_order_id) == (OrderStatus.CANCELED, "CancelByUser", "client-1")
    assert (found.price, found.quantity, found.filled_quantity) == (Decimal(30000), Decimal("0.010"), 0)


@shared
@pytest.mark.shared
def test_an_option_is_not_ours() -> None:
    assert orders("ws_order_filled_option") == [None]


@shared
@pytest.mark.shared
def test_conditional_orders_of_other_kinds_are_read() -> None:
    assert FIXTURES is not None
    for path in sorted(FIXTURES.glob("nt_ws_account_order_*.json")):
        (found,) = orders(path.stem)
        assert found is not None
        assert found.trigger_price is not None
        assert found.type not in (OrderType.MARKET, OrderType.LIMIT)


@shared
@pytest.mark.shared
def test_execution_payloads() -> None:
    (stream,) = booked("ws_execution_linear")
    assert isinstance(stream, Fill)
    assert (stream.price, stream.quantity, stream.side) == (Decimal("95900.1"), Decimal("0.5"), OrderSide.SELL)
    assert stream.fee == Decimal("26.3725275") + Decimal("0.006403779")  # the tax on it is paid too
    assert (stream.liquidity, stream.ts_event) == (Liquidity.TAKER, 1746270400353)
    (plain,) = booked("nt_ws_account_execution")
    assert isinstance(plain, Fill)
    assert (plain.fee, plain.client_order_id) == (Decimal("26.3725275"), "test-order-link-001")
    maker, taker = booked("nt_http_get_executions")
    assert isinstance(maker, Fill)
    assert isinstance(taker, Fill)
    assert (maker.liquidity, taker.liquidity) == (Liquidity.MAKER, Liquidity.TAKER)
    assert (taker.instrument, taker.quantity, taker.fee) == (ETH.id, Decimal("0.500"), Decimal("0.9000"))
    assert booked("rest_execution_list") == [None]  # ETHPERP is nobody's


@shared
@pytest.mark.shared
def test_account_payloads() -> None:
    held = [read_position(row) for row in rows("nt_http_get_positions")]
    assert [(row.side, row.size, row.average_price, row.leverage) for row in held[:2] if row] == [
        ("Buy", Decimal("0.5"), Decimal(50000), Decimal(10)),
        ("Sell", Decimal(5), Decimal(3000), Decimal(5)),
    ]
    (hedge,) = [read_position(row) for row in rows("ws_position_flat_hedge")]
    assert hedge is not None
    assert (hedge.index, hedge.size, hedge.side) == (2, 0, "")
    assert wallet_balance(rows("nt_ws_account_wallet")[0]) == Decimal("9647.75537647")
    assert wallet_balance(rows("rest_wallet_balance")[0]) is None


@shared
@pytest.mark.shared
def test_error_payloads() -> None:
    for reply in load("error_replies_seen"):
        found = _read(reply)
        assert meaning(found["code"]) not in (Meaning.OK, Meaning.NOT_MODIFIED)
        assert str(reply["retCode"]) in sentence(found["code"], found["message"])
    assert meaning(_read(load("rest_set_margin_mode"))["code"]) is Meaning.RISK
    for name in ("rest_order_create_ack", "rest_envelope_ok", "rest_set_leverage_ok", "rest_account_info"):
        assert _read(load(name))["code"] == 0
    assert _read(load("ws_auth_ok")) == {}


@shared
@pytest.mark.shared
def test_no_payload_of_any_kind_raises() -> None:
    assert FIXTURES is not None
    for path in FIXTURES.glob("*.json"):
        feed_everything(msgspec.json.decode(path.read_bytes()))


def everything(value: Any) -> Iterator[dict[str, Any]]:
    if isinstance(value, dict):
        yield value
        for item in value.values():
            yield from everything(item)
    elif isinstance(value, list):
        for item in value:
            yield from everything(item)


def feed_everything(payload: Any) -> None:
    """Every object of it as every kind of row."""
    _read(payload)
    for row in everything(payload):
        if (order := read_order(row)) is not None:
            order_rows.shown(order, was_live=False)
            order_rows.to_order(order, order.link_id or "x", ACCOUNT, None)
        if (execution := read_execution(row)) is not None:
            executions.complaint(execution)
            executions.booked(execution, "x", ACCOUNT, 1)
        read_position(row)
        wallet_balance(row)
        list(rows_of(row.get("list")))


ODD = st.one_of(
    st.none(),
    st.booleans(),
    st.integers(),
    st.floats(allow_nan=False, allow_infinity=False),
    st.text(max_size=20),
    st.sampled_from(["", "0", "-1", "NaN", "Infinity", "1e999999", "0.0005", "Buy", "Sell", "\x00\x1b[2J", "9" * 300]),
    st.lists(st.integers(), max_size=2),
    st.dictionaries(st.text(max_size=3), st.integers(), max_size=2),
)
ORDER = {
    "category": "linear", "symbol": "BTCUSDT", "orderId": "o1", "orderLinkId": "s0123-1", "parentOrderLinkId": "",
    "orderStatus": "New", "side": "Buy", "orderType": "Market", "stopOrderType": "StopLoss", "qty": "1",
    "cumExecQty": "0", "avgPrice": "", "price": "1", "triggerPrice": "1", "triggerDirection": 1, "stopLoss": "1",
    "takeProfit": "", "reduceOnly": True, "closeOnTrigger": False, "positionIdx": 0, "cancelType": "UNKNOWN",
    "rejectReason": "", "createdTime": "1", "updatedTime": "2", "timeInForce": "GTC",
}  # fmt: skip
EXECUTION = {
    "category": "linear", "symbol": "BTCUSDT", "execId": "e1", "execType": "Trade", "orderId": "o1",
    "orderLinkId": "s0123-1", "side": "Buy", "execQty": "1", "execPrice": "1", "execFee": "1", "feeCurrency": "USDT",
    "extraFees": [], "isMaker": True, "execTime": "1", "stopOrderType": "",
}  # fmt: skip
STATES = st.sampled_from(["New", "Untriggered", "Triggered", "Filled", "Cancelled", "Deactivated", "Rejected", "Odd"])
IDS = st.sampled_from(["o1", "o2", "o3"])


def mutated(base: dict[str, Any]) -> st.SearchStrategy[dict[str, Any]]:
    changes = st.dictionaries(st.sampled_from(sorted(base)), ODD, max_size=4)
    dropped = st.sets(st.sampled_from(sorted(base)), max_size=2)
    return st.builds(
        lambda changed, gone: {key: value for key, value in (base | changed).items() if key not in gone},
        changes,
        dropped,
    )


MESSAGES = st.one_of(
    st.builds(
        lambda topic, data: {"topic": topic, "data": data},
        st.sampled_from(["order", "execution", "wallet", "position", "order.linear", "", "odd"]),
        st.lists(
            st.one_of(
                mutated(ORDER),
                mutated(EXECUTION),
                st.builds(lambda s, o: ORDER | {"orderStatus": s, "orderId": o, "orderLinkId": ""}, STATES, IDS),
                ODD,
            ),
            max_size=4,
        ),
    ),
    st.builds(lambda op, success: {"op": op, "success": success}, ODD, ODD),
    ODD,
)


@given(st.lists(MESSAGES, min_size=1, max_size=6))
def test_no_message_of_the_stream_raises(messages: list[Any]) -> None:
    async def run() -> None:
        config = BybitConfig()
        venue = BybitVenue(endpoints(config), config, CREDENTIALS)
        spawned: list[object] = []
        venue.follower._spawn = spawned.append  # type: ignore[method-assign]
        account = Account("crypto", (BTC,))
        account.sink = heard = Heard()
        venue.registry.know([entry()], account.symbols, lambda ts: ts)
        venue.follower.serve(account)
        stream: PrivateStream = venue._stream
        for message in messages:
            stream._on_message(msgspec.json.encode(message))
        for event in heard.fills:
            assert event.fill.quantity > 0
            assert event.fill.price.is_finite()
        ids = [event.fill.exec_id for event in heard.fills]
        assert len(ids) == len(set(ids))

    asyncio.run(run())


@given(st.binary(max_size=60))
def test_no_bytes_of_the_stream_raise(data: bytes) -> None:
    config = BybitConfig()
    BybitVenue(endpoints(config), config, CREDENTIALS)._stream._on_message(data)


@given(mutated(ORDER), mutated(EXECUTION))
def test_mutated_rows_raise_nothing(order: dict[str, Any], execution: dict[str, Any]) -> None:
    feed_everything({"list": [order, execution]})
