"""One trap after the other, against the simulated venue: nothing is sent twice, missed or told twice."""

import asyncio
import time
from dataclasses import replace
from decimal import Decimal

import msgspec
import pytest
from bybit_broker_kit import BTC, CREDENTIALS, Heard, child, closing, config_for, connected, entry, order, stop, trading
from simulators.bybit import BybitSimulator, Key

from tradeterm.brokers.bybit import BybitBroker, BybitVenue
from tradeterm.brokers.bybit.limits import RATE_LIMITED, Lane
from tradeterm.brokers.protocol import DUPLICATE_CLIENT_ID
from tradeterm.domain.errors import OutcomeUnclear, VenueError, VenueRefused, VenueUnavailable
from tradeterm.domain.orders import Cash, CashKind, Fill, OrderEventKind, OrderIntent, OrderStatus, OrderType
from tradeterm.domain.states import VenueState
from tradeterm.venues.bybit.endpoints import endpoints

ACK, CANCELED, REFUSED = OrderEventKind.ACKNOWLEDGED, OrderEventKind.CANCELED, OrderEventKind.REFUSED


@pytest.mark.parametrize("after", [True, False])
@pytest.mark.parametrize("trap", ["reset", "http", "gateway_page", "unreadable", "10016", "10000"])
async def test_an_unclear_submit_is_sent_once_and_found(trap: str, after: bool) -> None:
    async with trading() as desk:
        faults = desk.venue.faults
        match trap:
            case "http":
                faults.http("order/create", 502, after=after)
            case "10016" | "10000":
                faults.ret_code("order/create", int(trap), after=after)
            case _:
                getattr(faults, trap)("order/create", after=after)
        with pytest.raises(OutcomeUnclear):
            await desk.broker.submit(entry())
        assert len(desk.venue.orders) == (3 if after else 0)  # the entry, its stop and its target
        found = await desk.broker.order("s0123-1")
        assert (found is not None) == after
        if after:
            assert found is not None
            assert (found.status, found.filled_quantity) == (OrderStatus.FILLED, Decimal("0.010"))
            assert len(await desk.broker.executions(0)) == 1


async def test_a_timeout_after_acceptance_is_unclear(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("tradeterm.brokers.bybit.transport.READ_S", 0.3)
    async with trading() as desk:
        desk.venue.faults.timeout("order/create", after=True, seconds=1.0)
        with pytest.raises(OutcomeUnclear, match="did not answer in time"):
            await desk.broker.submit(entry())
        found = await desk.broker.order("s0123-1")
        assert found is not None
        assert found.status is OrderStatus.FILLED
        assert desk.venue.duplicates() == []


async def test_a_second_copy_is_told_apart() -> None:
    async with trading() as desk:
        await desk.broker.submit(entry())
        with pytest.raises(VenueRefused) as refused:
            await desk.broker.submit(entry())
        assert refused.value.code == DUPLICATE_CLIENT_ID
        await desk.heard.until(lambda: bool(desk.heard.fills))
        assert len(desk.heard.fills) == 1


async def test_the_stream_may_be_faster_than_the_reply() -> None:
    async with trading() as desk:
        desk.venue.faults.delay("order/create", 0.4, after=True)
        sending = asyncio.create_task(desk.broker.submit(entry()))
        await desk.heard.until(lambda: bool(desk.heard.fills) and bool(desk.heard.updates("s0123-1s")))
        assert not sending.done()
        await sending
        assert [fill.fill.client_order_id for fill in desk.heard.fills] == ["s0123-1"]


async def test_pushes_in_any_order_are_told_once_and_fills_first() -> None:
    async with trading() as desk:
        desk.venue.faults.reorder(times=None)
        desk.venue.faults.duplicate("execution", times=None)
        desk.venue.faults.duplicate("order", times=None)
        desk.venue.faults.partial_fills(parts=3, times=None)
        await desk.broker.submit(entry())
        await desk.heard.until(lambda: len(desk.heard.fills) == 3 and bool(desk.heard.updates("s0123-1s")))
        await desk.broker.submit(closing())
        await desk.heard.until(lambda: len(desk.heard.fills) == 6 and CANCELED in desk.heard.updates("s0123-1s"))
        await asyncio.sleep(0.1)
        assert len(desk.heard.fills) == 6
        assert desk.heard.updates("s0123-1s") == [ACK, CANCELED]


async def test_a_cancel_waits_for_the_fills_before_it() -> None:
    async with trading() as desk:
        desk.venue.faults.fill_share(share=Decimal("0.5"))
        desk.venue.faults.late("execution", 0.3)
        await desk.broker.submit(order())  # half of it fills, the rest is cancelled, the fill comes late
        await desk.heard.until(lambda: CANCELED in desk.heard.updates("s0123-1"))
        kinds = [type(event).__name__ for event in desk.heard.events if "Fill" in type(event).__name__]
        assert kinds == ["FillReceived"]
        fill_at = desk.heard.events.index(desk.heard.fills[0])
        assert all(getattr(event, "kind", None) is not CANCELED for event in desk.heard.events[:fill_at])


async def test_fills_lost_by_the_stream_are_fetched_before_the_end_is_told() -> None:
    async with trading() as desk:
        desk.venue.faults.fill_share(share=Decimal("0.5"))
        desk.venue.faults.lose("execution")
        await desk.broker.submit(order())
        await desk.heard.until(lambda: CANCELED in desk.heard.updates("s0123-1"))
        (fill,) = desk.heard.fills
        assert fill.fill.quantity == Decimal("0.005")
        assert desk.heard.events.index(fill) < len(desk.heard.events) - 1


async def test_a_fill_lost_by_the_stream_is_found_by_its_order_row() -> None:
    async with trading() as desk:
        desk.venue.faults.lose("execution")
        await desk.broker.submit(order())
        await desk.heard.until(lambda: len(desk.heard.fills) == 1, 3)


async def test_a_silent_stream_is_asked_after_a_submit(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("tradeterm.brokers.bybit.session.SILENT_AFTER_SUBMIT_S", 0.2)
    async with trading() as desk:
        desk.venue.faults.silence("private", 1.5)
        await desk.broker.submit(order())
        await desk.heard.until(lambda: len(desk.heard.fills) == 1, 3)


async def test_the_poll_finds_what_the_stream_lost() -> None:
    async with trading(poll_s=0.3) as desk:
        await desk.broker.submit(entry())
        await desk.heard.until(lambda: bool(desk.heard.updates("s0123-1t")))
        desk.venue.faults.silence("private", 2.0)
        desk.venue.settle_funding("BTCUSDT", "0.0001")
        desk.venue.set_price("BTCUSDT", 58700)
        await desk.heard.until(lambda: len(desk.heard.fills) == 2 and bool(desk.heard.cash), 3)
        assert desk.heard.fills[1].fill.client_order_id == "s0123-1s"
        await asyncio.sleep(0.7)
        assert (len(desk.heard.fills), len(desk.heard.cash)) == (2, 1)


async def test_funding_is_money_and_no_fill() -> None:
    async with trading() as desk:
        await desk.broker.submit(order())
        await desk.heard.until(lambda: bool(desk.heard.fills))
        before = desk.venue.wallet.balance
        desk.venue.settle_funding("BTCUSDT", "0.0001")
        await desk.heard.until(lambda: bool(desk.heard.cash))
        cash = desk.heard.cash[0].cash
        assert (cash.kind, cash.instrument, cash.currency) == (CashKind.FUNDING, BTC.id, "USDT")
        assert cash.amount == desk.venue.wallet.balance - before
        assert cash.amount < 0  # a positive rate: the long pays
        assert len(desk.heard.fills) == 1
        by_rest = [row for row in await desk.broker.executions(0) if isinstance(row, Cash)]
        assert by_rest == [cash]


async def test_stream_and_rest_show_the_same_fill() -> None:
    async with trading() as desk:
        await desk.broker.submit(order())
        await desk.heard.until(lambda: bool(desk.heard.fills))
        (row,) = await desk.broker.executions(0)
        assert isinstance(row, Fill)
        assert msgspec.structs.replace(row, ts_recv=0) == msgspec.structs.replace(desk.heard.fills[0].fill, ts_recv=0)


async def test_a_refused_stop_and_a_refused_entry_change_nothing() -> None:
    async with trading() as desk:
        desk.venue.faults.refuse_stops()
        with pytest.raises(VenueRefused) as refused:
            await desk.broker.submit(entry())
        assert refused.value.code == "10001"
        await desk.broker.submit(entry("s0123-2"))
        await desk.heard.until(lambda: bool(desk.heard.updates("s0123-2s")))
        desk.venue.faults.refuse_stops()
        with pytest.raises(VenueRefused):
            await desk.broker.amend(child("s", "s0123-2"), trigger_price=Decimal(59000))
        with pytest.raises(VenueRefused, match=r"no position to reduce|does not accept"):
            await desk.broker.submit(stop(trigger_price=Decimal(70000)))  # the wrong side of the price
        assert len(desk.venue.positions) == 1


async def test_a_balance_that_is_not_enough() -> None:
    async with trading() as desk:
        with pytest.raises(VenueRefused, match="balance is not enough") as refused:
            await desk.broker.submit(order(quantity=Decimal(50)))
        assert refused.value.code == "110007"
        assert desk.broker.condition().state is VenueState.READY


@pytest.mark.parametrize("offset_ms", [3000, -3000])
async def test_a_wrong_clock_is_said_and_worked_around(offset_ms: int) -> None:
    async with BybitSimulator() as venue:
        venue.clock_offset_ms = -offset_ms
        async with connected(venue) as desk:
            condition = desk.broker.condition()
            assert condition.state is VenueState.RESTRICTED
            assert "clock is 3.0 s" in condition.detail
            assert condition.skew_ms == pytest.approx(offset_ms, abs=100)
            await desk.broker.submit(order())  # signed with the venue's time
            await desk.heard.until(lambda: bool(desk.heard.fills))
            assert len(await desk.broker.executions(desk.session.clock.wall() - 1000)) == 1


async def test_a_clock_that_jumps_is_measured_again() -> None:
    async with trading() as desk:
        desk.venue.clock_offset_ms = -3000
        with pytest.raises(VenueRefused) as refused:
            await desk.broker.submit(order())  # refused for its time: nothing was sent twice
        assert refused.value.code == "10002"
        await desk.heard.until(lambda: desk.broker.condition().state is VenueState.RESTRICTED)
        await desk.broker.submit(order("again"))
        desk.venue.clock_offset_ms = 0
        await desk.broker.positions()  # a read measures anew and is repeated... if it is refused at all
        desk.session.rest.clock_doubted.set()
        await desk.heard.until(lambda: desk.broker.condition().state is VenueState.READY)


async def test_a_key_that_expires_blocks_and_comes_back() -> None:
    async with trading() as desk:
        (key,) = desk.venue.keys.values()
        desk.venue.keys[key.key] = replace(key, expired=True)
        with pytest.raises(VenueRefused, match="has expired"):
            await desk.broker.submit(order())
        condition = desk.broker.condition()
        assert condition.state is VenueState.BLOCKED
        assert "make a new one" in condition.detail
        with pytest.raises(VenueRefused):
            await desk.broker.positions()  # never read as flat
        desk.venue.keys[key.key] = key
        await desk.broker.positions()
        assert desk.broker.condition().state is VenueState.READY


@pytest.mark.parametrize(
    ("key", "said"),
    [
        (Key("simulated-key", "another-secret"), "signature"),
        (Key("another-key", "simulated-secret"), "does not know this API key"),
        (Key("simulated-key", "simulated-secret", read_only=True), "trade"),
        (Key("simulated-key", "simulated-secret", permissions=frozenset({"Wallet"})), "permission|trade"),
        (Key("simulated-key", "simulated-secret", ips=frozenset({"10.0.0.1"})), "other IP addresses"),
        (Key("simulated-key", "simulated-secret", expired=True), "has expired"),
    ],
)
async def test_a_key_that_cannot_trade_is_said_at_connect(key: Key, said: str) -> None:
    async with BybitSimulator(keys=[key]) as venue:
        config = config_for(venue)
        broker = BybitBroker(BybitVenue(endpoints(config), config, CREDENTIALS), "crypto", (BTC,))
        with pytest.raises(VenueRefused, match=said):
            await broker.connect(Heard())
        condition = broker.condition()
        assert condition.state is VenueState.BLOCKED
        assert "simulated" not in condition.detail
        with pytest.raises(VenueUnavailable):
            await broker.positions()


async def test_nobody_there_is_never_delivered() -> None:
    async with BybitSimulator() as venue:
        config = config_for(venue)
        session = BybitVenue(endpoints(config), config, CREDENTIALS)
    broker = BybitBroker(session, "crypto", (BTC,))
    with pytest.raises(VenueUnavailable, match="refused the connection"):
        await broker.connect(Heard())


async def test_a_venue_that_goes_away_is_told_and_orders_are_never_delivered() -> None:
    async with trading() as desk:
        desk.venue.go_down(1.5)
        await desk.heard.until(lambda: desk.heard.states[-1].state is VenueState.DISCONNECTED)
        with pytest.raises(VenueUnavailable, match="refused the connection"):
            await desk.broker.submit(closing())  # over a connection that is not made yet
        assert desk.broker.condition().state is VenueState.RESTRICTED
        await desk.heard.until(lambda: desk.heard.states[-1].state is VenueState.CONNECTED)
        await desk.broker.submit(order())
        await desk.heard.until(lambda: bool(desk.heard.fills))
        assert len([o for o in desk.venue.orders if o.link_id]) == 1


async def test_fills_during_a_lost_connection_are_told_after_it() -> None:
    async with trading() as desk:
        await desk.broker.submit(entry())
        await desk.heard.until(lambda: bool(desk.heard.updates("s0123-1t")))
        desk.venue.faults.drop_on("order")
        desk.venue.set_price("BTCUSDT", 58700)
        await desk.heard.until(lambda: len(desk.heard.fills) == 2)
        await desk.heard.until(lambda: desk.heard.states[-1].state is VenueState.CONNECTED)


@pytest.mark.parametrize("reset_in_ms", [-500, 300])
async def test_a_rate_limit_is_waited_for_whatever_its_header_says(reset_in_ms: int) -> None:
    async with trading() as desk:
        desk.venue.faults.rate_limited("order/create", reset_in_ms=reset_in_ms)
        with pytest.raises(VenueRefused) as refused:
            await desk.broker.submit(order())
        assert refused.value.code == "10006"
        assert desk.venue.orders == ()
        desk.venue.faults.rate_limited("position/list", reset_in_ms=reset_in_ms)
        assert await desk.broker.positions() == []
        assert desk.broker.condition().state is VenueState.READY


async def test_entries_leave_room_for_getting_out(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("tradeterm.brokers.bybit.limits._PATIENCE_S", dict.fromkeys(Lane, 1.5))
    async with trading() as desk:
        limit = {"type": OrderType.LIMIT, "price": Decimal(50000), "quantity": Decimal("0.001")}
        many = [desk.broker.submit(order(f"e{n}", **limit)) for n in range(30)]
        outcomes = asyncio.gather(*many, return_exceptions=True)
        await asyncio.sleep(0.1)
        begun = time.monotonic()
        with pytest.raises(VenueRefused, match="no position to reduce"):
            await desk.broker.submit(closing())  # it reached the venue at once
        assert time.monotonic() - begun < 0.5
        refused = [error for error in await outcomes if isinstance(error, VenueRefused)]
        assert {error.code for error in refused} == {RATE_LIMITED}
        assert len(desk.venue.orders) == 30 - len(refused)


async def test_a_ban_stops_all_traffic() -> None:
    async with trading() as desk:
        desk.venue.faults.http("order/create", 403)
        with pytest.raises(VenueRefused, match="10 minutes"):
            await desk.broker.submit(order())
        condition = desk.broker.condition()
        assert condition.state is VenueState.BLOCKED
        with pytest.raises(VenueUnavailable, match="10 minutes"):
            await desk.broker.cancel(order())
        assert desk.venue.orders == ()


async def test_maintenance_restricts_until_an_answer_comes(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("tradeterm.brokers.bybit.health._GRACE_S", 0.0, raising=False)
    async with trading() as desk:
        desk.venue.faults.ret_code("*", 10016, times=3)
        with pytest.raises(VenueUnavailable, match="maintenance"):
            await desk.broker.positions()
        assert desk.broker.condition().state is VenueState.RESTRICTED
        await desk.broker.positions()
        assert desk.broker.condition().state is VenueState.READY


async def test_an_order_made_by_hand_is_nobodys_and_its_fill_is_told() -> None:
    async with trading() as desk:
        manual = desk.venue.manual(symbol="BTCUSDT", side="Buy", orderType="Limit", qty="0.002", price="59000")
        (found,) = await desk.broker.open_orders()
        assert found.intent is OrderIntent.EXTERNAL
        assert found.client_order_id.startswith("ext-")
        assert len(found.client_order_id) <= 36
        assert (await desk.broker.order(found.client_order_id)) == found
        desk.venue.set_price("BTCUSDT", 58900)
        await desk.heard.until(lambda: bool(desk.heard.fills))
        assert desk.heard.fills[0].fill.client_order_id == found.client_order_id
        second = desk.venue.manual(symbol="BTCUSDT", side="Buy", orderType="Limit", qty="0.002", price="50000")
        assert [item.venue_order_id for item in await desk.broker.open_orders()] == [second.order_id]
        desk.venue.manual_cancel(second.order_id)
        await desk.heard.until(lambda: any(CANCELED is getattr(event, "kind", None) for event in desk.heard.events))
        assert manual.order_id != second.order_id


async def test_a_position_from_before_the_look_back_is_shown() -> None:
    async with BybitSimulator() as venue:
        venue.manual(symbol="BTCUSDT", side="Buy", qty="0.010")
        (old,) = venue.executions
        venue.exchange.executions[0] = replace(old, time_ms=old.time_ms - 40 * 86_400_000)
        async with connected(venue) as desk:
            assert await desk.broker.executions(1) == []
            (held,) = await desk.broker.positions()
            assert (held.quantity, held.average_price) == (Decimal("0.010"), old.price)


async def test_forced_closes_are_fills() -> None:
    async with trading() as desk:
        await desk.broker.submit(entry())
        await desk.heard.until(lambda: bool(desk.heard.fills))
        desk.venue.deleverage("BTCUSDT", "0.004")
        desk.venue.liquidate("BTCUSDT")
        await desk.heard.until(lambda: len(desk.heard.fills) == 3)
        assert sum(event.fill.quantity * event.fill.side.sign for event in desk.heard.fills) == 0


async def test_protection_is_known_again_after_a_restart() -> None:
    async with BybitSimulator() as venue:
        async with connected(venue) as first:
            await first.broker.submit(entry())
            await first.heard.until(lambda: bool(first.heard.updates("s0123-1t")))
        for order_row in venue.exchange.orders.values():
            order_row.parent_link_id = ""  # what an older venue does not say
        ledger = [
            msgspec.structs.replace(entry(), filled_quantity=Decimal("0.010"), ts_created=int(time.time() * 1000))
        ]
        async with connected(venue, known=ledger) as second:
            names = {item.client_order_id for item in await second.broker.open_orders()}
            assert names == {"s0123-1s", "s0123-1t"}
            venue.set_price("BTCUSDT", 62000)
            await second.heard.until(lambda: bool(second.heard.fills))
            assert second.heard.fills[0].fill.client_order_id == "s0123-1t"


async def test_look_ups_that_lag_do_not_invent() -> None:
    async with trading() as desk:
        desk.venue.faults.lag("order/realtime", 60)
        desk.venue.faults.lag("order/history", 60)
        await desk.broker.submit(order())
        assert await desk.broker.order("s0123-1") is None
        await desk.heard.until(lambda: bool(desk.heard.fills))  # the stream knows


async def test_nothing_is_left_running() -> None:
    async with trading():
        pass
    assert [task for task in asyncio.all_tasks() if task is not asyncio.current_task()] == []
    assert issubclass(VenueUnavailable, VenueError)
