"""The private stream's greeting, and what the session makes of a stream that will not have us."""

from collections.abc import Callable
from typing import Any

import msgspec
import pytest
from bybit_broker_kit import CREDENTIALS, connected, order, stop, trading
from simulators.bybit import BybitSimulator

from tradeterm.brokers.bybit.clock import VenueClock
from tradeterm.brokers.bybit.private_stream import EXPIRES_AHEAD_MS, PrivateStream
from tradeterm.domain.errors import VenueUnavailable
from tradeterm.domain.orders import OrderEventKind
from tradeterm.domain.states import VenueState
from tradeterm.venues.bybit.rows import read_execution, read_order

NOW = 1_700_000_000_000


class Greeted:
    """A stream whose venue answers as `reply` says."""

    def __init__(self, reply: Callable[[dict[str, Any]], dict[str, Any] | None]) -> None:
        self.reply = reply
        self.sent: list[dict[str, Any]] = []
        self.refused: list[str] = []
        ignore = lambda *_: None  # noqa: E731
        self.stream = PrivateStream(
            "ws://127.0.0.1:1/v5/private",
            CREDENTIALS,
            VenueClock(lambda: NOW),
            on_order=ignore,
            on_execution=ignore,
            on_balance=ignore,
            on_state=ignore,
            on_refused=self.refused.append,
        )

    async def send(self, data: bytes) -> None:
        message = msgspec.json.decode(data)
        self.sent.append(message)
        answer = self.reply(message)
        if answer is not None:
            self.stream._on_message(msgspec.json.encode(answer))

    async def hello(self) -> None:
        await self.stream._hello(self.send)


async def test_the_greeting() -> None:
    greeted = Greeted(lambda message: {"op": message["op"], "success": True, "ret_msg": "", "conn_id": "c"})
    await greeted.hello()
    auth, subscribe = greeted.sent
    assert auth["args"][:2] == [CREDENTIALS.key, NOW + EXPIRES_AHEAD_MS]
    assert len(auth["args"][2]) == 64
    assert subscribe["args"] == ["order", "execution", "position", "wallet"]


async def test_a_key_the_stream_does_not_take() -> None:
    greeted = Greeted(lambda message: {"op": "auth", "success": False, "ret_msg": "Params\x1b Error"})
    with pytest.raises(VenueUnavailable, match="does not accept the API key"):
        await greeted.hello()
    assert greeted.refused[0].isprintable()


async def test_one_bad_topic_is_left_out() -> None:
    def reply(message: dict[str, Any]) -> dict[str, Any]:
        good = message["op"] == "auth" or message["args"] in (["order"], ["execution"], ["wallet"])
        return {"op": message["op"], "success": good, "ret_msg": "handler not found"}

    greeted = Greeted(reply)
    await greeted.hello()
    assert [message["args"] for message in greeted.sent[2:]] == [["order"], ["execution"], ["position"], ["wallet"]]


async def test_no_stream_without_orders_and_executions() -> None:
    greeted = Greeted(lambda message: {"op": message["op"], "success": message["op"] == "auth", "ret_msg": "no"})
    with pytest.raises(VenueUnavailable, match="does not offer order"):
        await greeted.hello()


async def test_no_answer(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("tradeterm.brokers.bybit.private_stream.REPLY_S", 0.05)
    with pytest.raises(VenueUnavailable, match="did not answer auth"):
        await Greeted(lambda message: None).hello()


async def test_a_stream_that_is_lost_restricts_and_is_polled_for() -> None:
    async with trading() as desk:
        for connection in list(desk.venue.private.connections):
            connection.drop()
        await desk.heard.until(lambda: desk.heard.states[-1].state is VenueState.DISCONNECTED)
        condition = desk.broker.condition()
        assert condition.state is VenueState.RESTRICTED
        assert "private stream is lost" in condition.detail
        await desk.heard.until(lambda: desk.heard.states[-1].state is VenueState.CONNECTED)
        assert desk.broker.condition().state is VenueState.READY


# what comes in


def execution(**changes: Any) -> Any:
    row = {
        "symbol": "BTCUSDT", "execId": "e1", "execType": "Trade", "orderId": "o1", "orderLinkId": "s0123-1",
        "side": "Buy", "execQty": "0.010", "execPrice": "60000", "execFee": "0.3", "execTime": "1000",
    }  # fmt: skip
    return read_execution(row | changes)


def row(**changes: Any) -> Any:
    base = {
        "symbol": "BTCUSDT", "orderId": "o1", "orderLinkId": "s0123-1", "orderStatus": "New", "side": "Buy",
        "orderType": "Limit", "price": "60000", "qty": "0.010", "cumExecQty": "0", "createdTime": "900",
        "updatedTime": "900",
    }  # fmt: skip
    return read_order(base | changes)


async def test_older_and_equal_rows_are_not_told_again() -> None:
    async with trading() as desk:
        follower, heard = desk.session.follower, desk.heard
        desk.session.registry.sending(order(), "BTCUSDT", 0)
        follower.on_order(row(updatedTime="1000"))
        follower.on_order(row(updatedTime="1000"))
        follower.on_order(row(updatedTime="1000", cumExecQty="0.004", orderStatus="PartiallyFilled"))
        follower.on_order(row(updatedTime="999", price="1"))
        follower.on_order(row(updatedTime="1001", price="59000"))
        follower.on_order(row(updatedTime="1002", orderStatus="Cancelled", cancelType="CancelByUser"))
        follower.on_order(row(updatedTime="1003"))
        kinds = heard.updates("s0123-1")
        assert kinds == [OrderEventKind.ACKNOWLEDGED, OrderEventKind.ACKNOWLEDGED, OrderEventKind.CANCELED]


async def test_what_is_not_known_is_kept_and_told() -> None:
    async with trading() as desk:
        desk.session.follower.on_execution(execution(execType="Settle"))
        desk.session.follower.on_execution(execution(execType="Settle"))
        assert desk.heard.fills == []
        condition = desk.broker.condition()
        assert condition.state is VenueState.RESTRICTED
        assert "'Settle'" in condition.detail
        desk.session.follower.on_order(row(orderStatus="Paused"))
        assert "'Paused'" in desk.broker.condition().detail
        await desk.broker.positions()
        assert desk.broker.condition().state is VenueState.RESTRICTED  # a good request does not wipe it away


async def test_an_order_cut_by_the_venue_ends_after_its_fill() -> None:
    async with trading() as desk:
        follower = desk.session.follower
        desk.session.registry.sending(stop("s0123-1"), "BTCUSDT", 0)
        follower.on_order(row(orderStatus="Filled", qty="0.004", cumExecQty="0.004"))
        assert desk.heard.updates("s0123-1") == []
        follower.on_execution(execution(execQty="0.004"))
        assert len(desk.heard.fills) == 1
        assert desk.heard.updates("s0123-1") == [OrderEventKind.CANCELED]


async def test_an_end_is_never_told_before_fills_that_cannot_be_had(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("tradeterm.brokers.bybit.follower.CATCH_UP_S", (0.01, 0.01))
    async with trading() as desk:
        desk.session.registry.sending(order(), "BTCUSDT", 0)
        desk.session.follower.on_order(row(orderStatus="Cancelled", cumExecQty="0.004", cancelType="CancelByUser"))
        await desk.heard.until(lambda: "does not show every execution" in desk.broker.condition().detail)
        assert desk.heard.updates("s0123-1") == []


async def test_protection_made_anew_under_another_id_has_not_ended() -> None:
    protection = {"orderLinkId": "", "parentOrderLinkId": "s0123-1", "stopOrderType": "StopLoss", "side": "Sell"}
    async with trading() as desk:
        follower = desk.session.follower
        follower.on_order(row(**protection, orderId="old", orderStatus="Untriggered", triggerPrice="58800"))
        follower.on_order(row(**protection, orderId="new", orderStatus="Untriggered", triggerPrice="59000"))
        gone = {"orderStatus": "Deactivated", "cancelType": "CancelByUser", "updatedTime": "1000"}
        desk.session.registry.sending(order(stop_loss=58800), "BTCUSDT", 0)
        follower.on_order(row(**protection, orderId="old", **gone))
        assert OrderEventKind.CANCELED not in desk.heard.updates("s0123-1s")
        follower.on_order(row(**protection, orderId="new", **gone))
        assert desk.heard.updates("s0123-1s")[-1] is OrderEventKind.CANCELED


async def test_what_happened_before_the_session_is_not_told_as_news() -> None:
    async with BybitSimulator() as venue:
        for side in ("Buy", "Sell"):
            venue.manual(symbol="BTCUSDT", side=side, qty="0.1")
        venue.age(3_000)
        async with connected(venue) as desk:
            await desk.session.catch_up()
            assert desk.heard.fills == []
            venue.manual(symbol="BTCUSDT", side="Buy", qty="0.1")
            await desk.session.catch_up()
            await desk.heard.until(lambda: len(desk.heard.fills) == 1)
