"""What is set and verified before the first order, what the doctor finds, and the way out without an engine."""

import asyncio
from decimal import Decimal

import msgspec
import pytest
from bybit_broker_kit import BTC, CREDENTIALS, ETH, Heard, config_for, connected, entry, order, stop
from simulators.bybit import BybitSimulator, Key

from tradeterm.brokers.bybit import BybitBroker, BybitVenue
from tradeterm.brokers.bybit.checks import check_unified
from tradeterm.brokers.bybit.emergency import Report, close_everything
from tradeterm.brokers.bybit.probe import Found, Verdict, probe
from tradeterm.config import BybitConfig, MarginMode
from tradeterm.domain.errors import VenueRefused
from tradeterm.domain.orders import OrderType
from tradeterm.domain.states import VenueState
from tradeterm.venues.bybit.endpoints import endpoints
from tradeterm.venues.credentials import Credentials


def broker_for(venue: BybitSimulator, **settings: object) -> BybitBroker:
    config = msgspec.structs.replace(config_for(venue), **settings)
    return BybitBroker(BybitVenue(endpoints(config), config, CREDENTIALS), "crypto", (BTC,))


async def test_leverage_and_margin_mode_are_set_and_verified() -> None:
    async with BybitSimulator() as venue:
        broker = broker_for(venue, leverage=3.0, margin_mode=MarginMode.ISOLATED)
        await broker.connect(Heard())
        assert venue.exchange.position("BTCUSDT").leverage == 3
        assert venue.exchange.margin_mode == "ISOLATED_MARGIN"
        await broker.close()


async def test_leverage_that_does_not_take_is_said() -> None:
    async with BybitSimulator() as venue:
        venue.faults.ret_code("position/set-leverage", 110043, times=None)  # "so already", which it is not
        broker = broker_for(venue, leverage=3.0, margin_mode=MarginMode.CROSS)
        with pytest.raises(VenueRefused, match="leverage of BTCUSDT is 10 at Bybit, it should be 3"):
            await broker.connect(Heard())
        assert broker.condition().state is VenueState.BLOCKED
        venue.faults.clear()
        await broker.connect(Heard())
        assert broker.condition().state is VenueState.READY
        await broker.close()


async def test_a_margin_mode_that_cannot_be_set_is_said() -> None:
    async with BybitSimulator() as venue:
        venue.faults.ret_code("account/set-margin-mode", 3400045, times=None)
        with pytest.raises(VenueRefused, match="margin mode at Bybit is REGULAR_MARGIN"):
            await broker_for(venue, margin_mode=MarginMode.ISOLATED).connect(Heard())


async def test_hedge_mode_is_left_when_flat_and_refused_with_positions() -> None:
    async with BybitSimulator() as venue:
        venue.exchange.hedged.add("BTCUSDT")
        broker = broker_for(venue, margin_mode=MarginMode.CROSS)
        await broker.connect(Heard())
        assert not venue.exchange.hedged
        await broker.close()
        venue.exchange.hedged.add("BTCUSDT")
        venue.manual(symbol="BTCUSDT", side="Buy", qty="0.010", positionIdx=1)
        with pytest.raises(VenueRefused, match="BTCUSDT is in hedge mode"):
            await broker.connect(Heard())


def test_a_classic_account_is_refused() -> None:
    with pytest.raises(VenueRefused, match="classic"):
        check_unified({"unifiedMarginStatus": 1})
    check_unified({"unifiedMarginStatus": 6})
    check_unified({})


async def test_what_the_demo_lacks_is_not_needed() -> None:
    async with BybitSimulator() as venue:
        venue.faults.http("user/query-api", 404, times=None)
        broker = broker_for(venue, margin_mode=MarginMode.CROSS)
        await broker.connect(Heard())
        await broker.close()


# doctor


async def probed(venue: BybitSimulator, credentials: Credentials = CREDENTIALS) -> dict[str, list[Found]]:
    config = config_for(venue)
    found: dict[str, list[Found]] = {}
    for finding in await probe(endpoints(config), config, credentials):
        found.setdefault(finding.name, []).append(finding)
    return found


async def test_the_doctor_trades_nothing() -> None:
    async with BybitSimulator() as venue:
        found = await probed(venue)
        assert venue.orders == ()
    assert list(found) == ["clock", "key", "permissions", "account", "position mode", "balance", "private stream"]
    assert found["permissions"][0].verdict is Verdict.OK
    assert "bind it" in found["permissions"][1].text
    assert all(items[0].verdict is Verdict.OK for items in found.values())
    assert found["balance"][0].text == "100,000.00 USDT in the wallet"


async def test_the_doctor_says_what_is_wrong() -> None:
    async with BybitSimulator() as venue:
        venue.clock_offset_ms = 3000
        found = await probed(venue)
        assert (found["clock"][0].verdict, found["balance"][0].verdict) == (Verdict.FAIL, Verdict.OK)
        venue.clock_offset_ms = 0
        found = await probed(venue, Credentials("no-such-key", "no-such-secret"))
        assert found["key"][0].verdict is Verdict.FAIL
        assert "environment" in found["key"][0].text
        venue.keys["read"] = Key("read", "read-secret", read_only=True)
        found = await probed(venue, Credentials("read", "read-secret"))
        assert found["permissions"][0].verdict is Verdict.FAIL
        venue.exchange.hedged.add("BTCUSDT")
        found = await probed(venue)
        assert found["position mode"][0].verdict is Verdict.WARN
        config = config_for(venue)
    gone = await probe(endpoints(config), config, CREDENTIALS)
    assert [(finding.name, finding.verdict) for finding in gone] == [("clock", Verdict.FAIL)]


# emergency


async def out(venue: BybitSimulator, *instruments: str, longest_s: float = 10.0) -> Report:
    config: BybitConfig = config_for(venue)
    return await close_everything(BybitVenue(endpoints(config), config, CREDENTIALS), instruments, longest_s=longest_s)


async def test_everything_goes_and_nothing_else() -> None:
    limit = {"type": OrderType.LIMIT, "price": Decimal(50000)}
    async with BybitSimulator() as venue:
        async with connected(venue) as desk:
            await desk.broker.submit(entry())
            await desk.broker.submit(order("resting", **limit))
            await desk.broker.submit(stop())
        venue.manual(symbol="ETHUSDT", side="Sell", qty="0.50")
        report = await out(venue, BTC.id)
        assert (report.flat, report.failure, report.left) == (True, "", ())
        assert report.done
        assert list(venue.positions) == ["ETHUSDT"]
        assert [o for o in venue.orders if o.is_open] == []
        assert (await out(venue, BTC.id)) == Report(flat=True)
        assert (await out(venue, BTC.id, ETH.id)).flat
        assert venue.positions == {}


async def test_two_at_once_send_one_order_between_them() -> None:
    async with BybitSimulator() as venue:
        venue.manual(symbol="BTCUSDT", side="Buy", qty="0.010")
        venue.faults.delay("order/create", 0.3, after=False, times=None)
        reports = await asyncio.gather(out(venue, BTC.id), out(venue, BTC.id))
        assert all(report.flat for report in reports)
        assert len([o for o in venue.orders if o.reduce_only]) == 1


async def test_larger_than_one_order_may_be() -> None:
    async with BybitSimulator(balance=100_000_000) as venue:
        for _ in range(3):
            venue.manual(symbol="ETHUSDT", side="Buy", qty="900")
        report = await out(venue, ETH.id)
        assert report.flat
        assert [o.qty for o in venue.orders if o.reduce_only] == [2000, 700]


async def test_trouble_on_the_way_out() -> None:
    async with BybitSimulator() as venue:
        venue.manual(symbol="BTCUSDT", side="Sell", qty="0.010")
        venue.faults.reset("order/create", after=True)
        venue.faults.http("position/list", 502, times=1)
        venue.faults.fill_share(share=Decimal("0.5"))
        report = await out(venue, BTC.id)
        assert report.flat
        assert venue.positions == {}


async def test_what_is_left_is_said() -> None:
    async with BybitSimulator() as venue:
        venue.manual(symbol="BTCUSDT", side="Buy", qty="0.010")
        venue.faults.ret_code("order/create", 110074, times=None)
        report = await out(venue, BTC.id, longest_s=0.5)
        assert not report.flat
        assert report.left == ("position Buy 0.010 BTCUSDT",)
        assert "could not be closed" in report.failure
    report = await out(venue, BTC.id, longest_s=0.2)
    assert not report.flat
    assert "refused the connection" in report.failure
    assert report.left == ("what is open at Bybit could not be seen",)
