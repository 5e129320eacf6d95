"""What the desk asks of the broker, carried out on the simulated venue."""

from decimal import Decimal

import pytest
from bybit_broker_kit import BTC, ETH, Heard, child, closing, connected, entry, order, stop, trading
from simulators.bybit import BybitSimulator

from tradeterm.brokers.bybit import BybitBroker
from tradeterm.domain.errors import VenueRefused
from tradeterm.domain.orders import OrderEventKind, OrderIntent, OrderSide, OrderStatus, OrderType, TimeInForce
from tradeterm.domain.states import VenueState

ACK, CANCELED, TRIGGERED = OrderEventKind.ACKNOWLEDGED, OrderEventKind.CANCELED, OrderEventKind.TRIGGERED
REFUSED = OrderEventKind.REFUSED


async def test_an_entry_fills_and_owns_its_protection() -> None:
    async with trading() as desk:
        venue_id = await desk.broker.submit(entry())
        await desk.heard.until(lambda: bool(desk.heard.fills) and bool(desk.heard.updates("s0123-1t")))
        (fill,) = [event.fill for event in desk.heard.fills]
        assert (fill.client_order_id, fill.venue_order_id, fill.side) == ("s0123-1", venue_id, OrderSide.BUY)
        assert (fill.quantity, fill.price) == (Decimal("0.010"), desk.venue.executions[0].price)
        assert (fill.fee, fill.fee_currency) == (desk.venue.executions[0].fee, "USDT")
        assert desk.heard.updates("s0123-1s") == [ACK]
        stop_order, target = await desk.broker.order("s0123-1s"), await desk.broker.order("s0123-1t")
        assert stop_order is not None and target is not None
        assert (stop_order.intent, stop_order.type) == (OrderIntent.PROTECTIVE_STOP, OrderType.STOP_MARKET)
        assert (target.intent, target.type) == (OrderIntent.TAKE_PROFIT, OrderType.TAKE_PROFIT_MARKET)
        assert stop_order.parent_id == "s0123-1"
        assert stop_order.trigger_price == Decimal(58800)
        assert stop_order.status is OrderStatus.ACCEPTED
        assert not desk.venue.naked_intervals()


async def test_attached_protection_follows_amend_and_cancel() -> None:
    async with trading() as desk:
        await desk.broker.submit(entry())
        await desk.heard.until(lambda: bool(desk.heard.updates("s0123-1t")))
        await desk.broker.amend(child("s"), trigger_price=Decimal(59000))
        await desk.broker.amend(child("s"), quantity=Decimal("0.010"))  # it covers the position: nothing to do
        await desk.broker.amend(child("s"), trigger_price=Decimal(59000))  # so already
        found = await desk.broker.order("s0123-1s")
        assert found is not None
        assert found.trigger_price == Decimal(59000)
        await desk.broker.cancel(child("t"))
        await desk.heard.until(lambda: desk.heard.updates("s0123-1t") == [ACK, CANCELED])
        assert [item.client_order_id for item in await desk.broker.open_orders()] == ["s0123-1s"]
        with pytest.raises(VenueRefused):
            await desk.broker.cancel(child("t"))


async def test_a_triggered_stop_fills_under_its_own_name() -> None:
    async with trading() as desk:
        await desk.broker.submit(entry())
        await desk.heard.until(lambda: bool(desk.heard.updates("s0123-1t")))
        desk.venue.set_price("BTCUSDT", 58700)
        await desk.heard.until(lambda: len(desk.heard.fills) == 2 and CANCELED in desk.heard.updates("s0123-1t"))
        assert desk.heard.fills[1].fill.client_order_id == "s0123-1s"
        assert desk.heard.updates("s0123-1s")[0] is ACK
        assert CANCELED not in desk.heard.updates("s0123-1s")
        fill_at = desk.heard.events.index(desk.heard.fills[1])
        cleared = [
            at
            for at, event in enumerate(desk.heard.events)
            if getattr(event, "client_order_id", "") == "s0123-1t" and getattr(event, "kind", None) is CANCELED
        ]
        assert fill_at < cleared[0]  # or the desk would think that a living position lost its protection
        assert await desk.broker.positions() == []


async def test_an_exit_and_a_stop_of_our_own() -> None:
    async with trading() as desk:
        await desk.broker.submit(order())
        await desk.broker.submit(stop())
        await desk.heard.until(lambda: desk.heard.updates("s0123-1s1") == [ACK])
        resting = next(o for o in desk.venue.orders if o.link_id == "s0123-1s1")
        assert (resting.trigger_direction, resting.reduce_only, resting.close_on_trigger) == (2, True, True)
        assert resting.trigger_by == "LastPrice"
        await desk.broker.amend(stop(), trigger_price=Decimal(59000), quantity=Decimal("0.008"))
        await desk.heard.until(lambda: len(desk.heard.updates("s0123-1s1")) == 2)
        found = await desk.broker.order("s0123-1s1")
        assert found is not None
        assert (found.trigger_price, found.quantity) == (Decimal(59000), Decimal("0.008"))
        await desk.broker.submit(closing())
        await desk.heard.until(lambda: len(desk.heard.fills) == 2)
        assert await desk.broker.positions() == []
        await desk.broker.cancel(stop())
        await desk.heard.until(lambda: CANCELED in desk.heard.updates("s0123-1s1"))


async def test_every_kind_of_order_reaches_the_book_as_meant() -> None:
    limit = {"type": OrderType.LIMIT, "price": Decimal(59000)}
    async with trading() as desk:
        await desk.broker.submit(order("a", **limit))
        await desk.broker.submit(order("b", post_only=True, **limit))
        await desk.broker.submit(order("c", time_in_force=TimeInForce.IOC, **limit))
        await desk.broker.submit(order("d", time_in_force=TimeInForce.FOK, **limit))
        await desk.broker.submit(order("e", type=OrderType.LIMIT, price=Decimal(61000), post_only=True))
        await desk.broker.submit(
            stop("f", side=OrderSide.BUY, type=OrderType.STOP_LIMIT, trigger_price=Decimal(61000), price=Decimal(61100))
        )
        for name in ("c", "d", "e"):
            await desk.heard.until(lambda name=name: CANCELED in desk.heard.updates(name))
        await desk.heard.until(lambda: desk.heard.updates("f") == [ACK])
        assert [o.tif for o in desk.venue.orders][:5] == ["GTC", "PostOnly", "IOC", "FOK", "PostOnly"]
        assert {item.client_order_id for item in await desk.broker.open_orders()} == {"a", "b", "f"}
        late = await desk.broker.order("e")
        assert late is not None
        assert late.status is OrderStatus.CANCELED
        assert "PostOnly" in late.reason
        assert await desk.broker.order("nobody") is None


@pytest.mark.parametrize(
    "bad",
    [
        {"client_order_id": "x" * 37},
        {"client_order_id": "a b"},
        {"type": OrderType.TRAILING_STOP},
        {"time_in_force": TimeInForce.DAY},
        {"quantity": Decimal("NaN")},
        {"quantity": Decimal(0)},
        {"post_only": True},
        {"reduce_only": True, "stop_loss": Decimal(1)},
        {"instrument": "XRPUSDT.BYBIT"},
    ],
)
async def test_what_cannot_be_sent_is_refused_here(bad: dict[str, object]) -> None:
    async with trading() as desk:
        with pytest.raises(VenueRefused):
            await desk.broker.submit(order(**({"client_id": bad.pop("client_order_id", "a")} | bad)))
        assert desk.venue.orders == ()


async def test_large_and_small_numbers_are_written_plainly() -> None:
    async with trading() as desk:
        await desk.broker.submit(order(quantity=Decimal("1.0E-1"), type=OrderType.LIMIT, price=Decimal("5.00E+4")))
        assert (desk.venue.orders[0].qty, desk.venue.orders[0].price) == (Decimal("0.1"), 50000)


async def test_each_book_sees_its_own_instruments() -> None:
    async with BybitSimulator() as venue, connected(venue) as btc:
        heard = Heard()
        other = BybitBroker(btc.session, "other", (ETH,))
        await other.connect(heard)
        await other.submit(order("eth", instrument=ETH.id, quantity=Decimal("0.10"), book="other", account="other"))
        await btc.broker.submit(order("btc"))
        await heard.until(lambda: bool(heard.fills))
        await btc.heard.until(lambda: bool(btc.heard.fills))
        assert [fill.fill.book for fill in heard.fills] == ["other"]
        assert [fill.fill.instrument for fill in btc.heard.fills] == [BTC.id]
        assert [item.instrument for item in await other.positions()] == [ETH.id]
        assert {fill.client_order_id for fill in await btc.broker.executions(0)} == {"btc"}
        await other.close()
        assert btc.broker.condition().state is VenueState.READY
        assert await btc.broker.balances()


async def test_money_is_the_wallets_and_every_change_is_told() -> None:
    async with trading() as desk:
        await desk.broker.submit(order())
        await desk.heard.until(lambda: bool(desk.heard.fills))
        (balance,) = await desk.broker.balances()
        assert (balance.currency, balance.balance) == ("USDT", desk.venue.wallet.balance)


async def test_a_closed_broker_is_connected_again() -> None:
    async with trading() as desk:
        await desk.broker.submit(order())
        await desk.heard.until(lambda: bool(desk.heard.fills))
        await desk.broker.close()
        await desk.broker.connect(desk.heard, [order()])
        assert [status.state for status in desk.heard.states].count(VenueState.CONNECTED) == 2
        assert len(await desk.broker.executions(0)) == 1
