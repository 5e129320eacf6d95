"""What the whole engine does when Bybit misbehaves: what a person sees, and that both sides agree in the end."""

import asyncio
import math
import socket
from collections.abc import AsyncIterator
from decimal import Decimal
from typing import Any

import msgspec
import pytest
from bybit_bench import BTC, ETH, FALL, LINK, PRICES, Bench, bench, hurry
from simulators.bybit import KEY, SECRET, Key

from tradeterm.config import Algorithm, ExecutionConfig, VenuesConfig
from tradeterm.domain.events import BarClosed
from tradeterm.domain.market import MINUTE_MS
from tradeterm.domain.orders import OrderStatus
from tradeterm.domain.signals import GateCode, SignalOutcome
from tradeterm.domain.states import CommandVerb, TradingState, VenueState
from tradeterm.engine import sightings
from tradeterm.profile import Profile

pytestmark = pytest.mark.usefixtures("fitted_here")
UNKNOWN, FILLED, REJECTED = OrderStatus.UNKNOWN, OrderStatus.FILLED, OrderStatus.REJECTED
CANCELED, PENDING_CANCEL = OrderStatus.CANCELED, OrderStatus.PENDING_CANCEL
READY, RESTRICTED, BLOCKED = VenueState.READY, VenueState.RESTRICTED, VenueState.BLOCKED
DISCONNECTED = VenueState.DISCONNECTED
ACTIVE, REDUCING, HALTED = TradingState.ACTIVE, TradingState.REDUCING, TradingState.HALTED


@pytest.fixture(autouse=True)
def hurried(monkeypatch: pytest.MonkeyPatch) -> None:
    hurry(monkeypatch)


@pytest.fixture
async def b(profile: Profile, hurried: None) -> AsyncIterator[Bench]:
    """An engine that is READY."""
    async with bench(profile) as found:
        yield await found.started()


def stop_of(b: Bench, symbol: str = BTC) -> str:
    """The venue's id of the stop."""
    kinds = ("StopLoss", "Stop")
    return next(o.order_id for o in b.venue.orders if o.is_open and o.symbol == symbol and o.stop_kind in kinds)


def blind(b: Bench) -> None:
    """The private stream brings nothing."""
    b.venue.faults.lose("*", times=None)


# --- nothing wrong ---


async def test_nothing_wrong(b: Bench) -> None:
    await b.opened()
    assert b.codes() == {}
    await b.ends_well()
    assert b.naked() < 0.5


# --- submits ---


@pytest.mark.parametrize("trap", ["timeout", "reset", "unreadable", "duplicate"])
async def test_accepted_but_the_answer_is_lost(b: Bench, trap: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sightings, "SECOND_LOOK_S", 10.0)
    blind(b)
    lagging = b.venue.faults.lag("*", 1000.0)
    match trap:
        case "timeout":
            b.venue.faults.timeout("order/create", after=True)
        case "reset":
            b.venue.faults.reset("order/create", after=True)
        case "unreadable":
            b.venue.faults.unreadable("order/create")
        case _:
            b.venue.faults.ret_code("order/create", 110072, after=True)
    entry = await b.enter()
    await b.until(lambda: b.order(entry.client_order_id).status is UNKNOWN, "the order is UNKNOWN")
    await b.until(lambda: b.view.unknown_orders == 1, "the screen counts it")
    await b.ready()
    b.bar(**{BTC: PRICES[BTC]})
    await b.denied("BREAKER", BTC)  # a bar long without an answer
    lagging.cancel()
    b.venue.faults.clear()
    await b.until(lambda: b.order(entry.client_order_id).status is FILLED, "it was found")
    await b.until(b.protected, "the position is protected")
    assert len(b.link(entry)) == 1
    await b.ends_well()


@pytest.mark.parametrize("trap", ["timeout", "http 502"])
async def test_it_never_arrived(b: Bench, trap: str) -> None:
    if trap == "timeout":
        b.venue.faults.timeout("order/create", after=False)
    else:
        b.venue.faults.http("order/create", 502)
    entry = await b.enter()
    await b.until(lambda: b.order(entry.client_order_id).status is REJECTED, "given up after two looks")
    await b.went_through(entry.client_order_id, UNKNOWN)
    await b.said("NEVER_ARRIVED")
    assert b.codes().keys() <= {"NEVER_ARRIVED", "VENUE_RESTRICTED"}
    assert b.venue.orders == ()
    await b.ready()
    b.bar(**{BTC: PRICES[BTC]})
    again = await b.opened()
    assert again.client_order_id != entry.client_order_id
    await b.ends_well()


async def test_it_arrives_after_the_first_look(b: Bench) -> None:
    b.venue.faults.late_acceptance("order/create", 0.3)
    entry = await b.enter()
    await b.until(lambda: b.order(entry.client_order_id).status is FILLED, "found")
    await b.went_through(entry.client_order_id, UNKNOWN)
    assert len(b.link(entry)) == 1
    await b.ends_well()


async def test_the_venue_lags_longer_than_we_look(b: Bench) -> None:
    """Given up by two looks, then its fill appears: it is booked, and a person has to look."""
    blind(b)
    b.venue.faults.reset("order/create", after=True)
    b.venue.faults.lag("*", 1000.0)
    entry = await b.enter()
    await b.until(lambda: b.order(entry.client_order_id).status is REJECTED, "given up")
    b.venue.faults.clear()
    await b.trades(REDUCING)
    await b.said("UNEXPECTED_FILL")
    await b.until(b.protected, "its stop is known")
    assert b.naked() < 0.5
    await b.resume()
    await b.ends_well()


async def test_ack_and_fill_on_the_stream_before_the_reply(b: Bench) -> None:
    b.venue.faults.delay("order/create", 0.5, after=True)
    entry = await b.opened()
    assert UNKNOWN not in b.been(entry.client_order_id)
    await b.ends_well()
    assert b.codes() == {}


async def test_the_fill_before_the_ack(b: Bench) -> None:
    b.venue.faults.reorder(times=3)
    b.venue.faults.late("order", 0.3, times=2)
    entry = await b.opened()
    await b.until(lambda: b.order(entry.client_order_id).status is FILLED, "filled")
    await b.ends_well()
    assert b.codes() == {}


async def test_the_same_execution_on_stream_and_rest(b: Bench) -> None:
    b.venue.faults.duplicate("execution", times=None)
    b.venue.faults.duplicate("order", times=None)
    b.venue.faults.late("execution", 0.3, times=2)
    b.venue.faults.partial_fills(times=2)
    await b.opened()
    b.venue.drop_streams()
    await b.until(lambda: len(b.reconciled()) > 2, "asked by REST as well")
    await b.ready()
    await b.ends_well()
    assert b.rows("SELECT count(*), count(DISTINCT exec_id) FROM fills") == [(6, 6)]
    assert b.codes().keys() <= {"VENUE_DISCONNECTED"}


async def test_the_stream_books_a_fill_while_rest_is_asked_for_it(b: Bench) -> None:
    """What a reconciliation brings home may be told already: nothing is booked or adopted twice."""
    slow = b.venue.faults.delay("execution/list", 0.4, after=False, times=6)
    for number in range(1, 4):
        await b.until(lambda number=number: slow.hits >= number, "executions are being asked for")
        b.venue.manual(symbol=BTC, side="Buy", qty="0.02")
    await b.until(lambda: slow.left == 0, "every look is over")
    await b.same()
    assert b.codes()["ILLEGAL_TRANSITION"] == 0
    await b.ends_well()


async def test_more_is_filled_than_was_ordered(b: Bench) -> None:
    b.venue.faults.overfill(BTC, Decimal("0.010"))
    entry = await b.enter()
    await b.trades(REDUCING)
    await b.said("UNEXPECTED_FILL")
    await b.until(b.protected, "all of it is protected")
    assert b.holds() == entry.quantity + Decimal("0.010")
    await b.denied("TRADING_STATE_REDUCING")
    await b.resume()
    await b.ends_well()


async def test_an_entry_fills_in_part_and_the_rest_is_cancelled(b: Bench) -> None:
    b.venue.faults.fill_share(BTC)
    entry = await b.opened()
    await b.until(lambda: b.order(entry.client_order_id).status is CANCELED, "the rest is gone")
    assert 0 < b.holds() < entry.quantity
    assert b.naked() < 0.5
    await b.ends_well()


async def test_a_fill_after_the_cancel(profile: Profile) -> None:
    async with bench(profile, execution=ExecutionConfig(algorithm=Algorithm.ICEBERG)) as b:
        await b.started()
        entry = await b.enter()
        await b.until(lambda: bool(b.link(entry)) and b.link(entry)[0].is_open, "it rests")
        b.venue.faults.cancel_loses(BTC)
        b.send(CommandVerb.HALT)
        await b.until(lambda: b.order(entry.client_order_id).status is FILLED, "filled all the same")
        await b.went_through(entry.client_order_id, PENDING_CANCEL)
        await b.until(b.protected, "the position is protected")
        assert b.trading is HALTED
        await b.ends_well()


# --- money and positions that change without us ---


async def test_funding_is_money(b: Bench) -> None:
    await b.opened()
    size = b.holds()
    b.venue.settle_funding(BTC, "0.0001")
    await b.until(lambda: len(b.rows("SELECT * FROM cash_events")) == 1, "a cash event")
    assert b.holds() == size
    assert b.rows("SELECT count(*) FROM fills") == [(1,)]
    await b.ends_well()
    assert b.codes() == {}


@pytest.mark.parametrize("part", [Decimal(1), Decimal("0.5")])
async def test_a_person_closes_at_the_venue(b: Bench, part: Decimal) -> None:
    await b.opened()
    size = b.holds() * part // Decimal("0.001") * Decimal("0.001")
    b.venue.manual(symbol=BTC, side="Sell", qty=size, reduceOnly=True)
    await b.said("EXTERNAL_FILL")
    await b.same()
    assert b.trading is ACTIVE
    if part == 1:
        assert b.holds() == 0
        assert b.rows("SELECT exit_reason FROM trades") == [("EXTERNAL",)]
    else:
        assert b.protected()
    await b.ends_well()


async def test_a_person_opens_at_the_venue(b: Bench) -> None:
    b.venue.manual(symbol=BTC, side="Buy", qty="0.02")
    await b.until(b.protected, "it got a stop")
    await b.said("EXTERNAL_FILL")
    await b.said("STOP_PLACED")
    await b.denied("DUPLICATE_SIGNAL", BTC)
    await b.ends_well()


async def test_a_person_puts_an_order_at_the_venue(b: Bench) -> None:
    order = b.venue.manual(symbol=BTC, side="Buy", orderType="Limit", price="59000", qty="0.02")
    await b.said("ORDER_ADOPTED")
    assert b.venue.exchange.orders[order.order_id].is_open, "never cancelled silently"
    b.price(BTC, 58_900)
    await b.until(b.protected, "its fill got a stop")
    assert b.holds() == Decimal("0.02")
    await b.ends_well()


async def test_a_position_in_an_instrument_of_no_book_is_left_alone(b: Bench) -> None:
    b.venue.manual(symbol=LINK, side="Buy", qty="10")
    await b.opened()
    assert b.trading is ACTIVE
    b.send(CommandVerb.KILL)
    await b.said("KILL_DONE")
    await b.same()
    assert list(b.venue.positions) == [LINK]


async def test_a_position_that_nothing_explains(profile: Profile) -> None:
    async with bench(profile) as b:
        b.venue.manual(symbol=BTC, side="Buy", qty="0.05")
        b.venue.age(8 * 7 * 86_400_000)
        await b.started()
        await b.trades(HALTED)
        assert "adopted" in b.findings()
        await b.said("RECONCILIATION")
        await b.until(b.protected, "it got a stop")
        assert b.holds() == Decimal("0.05")
        await b.denied("TRADING_HALTED")
        await b.until(lambda: b.reconciled()[-1].agreed, "both sides agree now")
        await b.resume()
        await b.ends_well(money=False)


@pytest.mark.parametrize("way", ["liquidation", "ADL", "ADL in part"])
async def test_the_venue_closes(b: Bench, way: str) -> None:
    await b.opened()
    if way == "liquidation":
        b.venue.liquidate(BTC)
    else:
        b.venue.deleverage(BTC, None if way == "ADL" else "0.04")
    await b.said("EXTERNAL_FILL")
    await b.same()
    assert (b.holds() == 0) is (way != "ADL in part")
    assert b.codes()["STOP_LOST"] == 0
    await b.ends_well()


async def test_a_balance_that_is_not_enough(b: Bench) -> None:
    b.venue.deposit(-99_990)
    await b.until(lambda: "moved at bybit" in b.findings(), "the missing money is said")
    entry = await b.enter()
    await b.until(lambda: b.order(entry.client_order_id).status is REJECTED, "refused")
    assert "balance" in b.order(entry.client_order_id).reason
    await b.said("ORDER_REJECTED")
    b.venue.deposit(99_990)
    b.bar(**{BTC: PRICES[BTC]})
    await b.opened()
    await b.ends_well()


# --- filters ---


@pytest.mark.parametrize(
    "change",
    [{"step": Decimal("0.1"), "min_qty": Decimal("0.1")}, {"tick": Decimal(7)}, {"status": "PreLaunch"}],
    ids=["lot", "tick", "not tradable"],
)
async def test_the_instrument_changed_since_it_was_loaded(b: Bench, change: dict[str, Any]) -> None:
    await b.until(b.knows_volatility, "the models have looked at the history")
    before = b.venue.market(BTC).instrument
    b.venue.set_price(BTC, FALL[BTC])
    b.venue.change_instrument(BTC, **change)
    b.feed.prices[BTC] = FALL[BTC]
    b.bar()
    await b.said("ORDER_REJECTED")
    assert b.venue.orders == ()
    b.venue.change_instrument(BTC, **{name: getattr(before, name) for name in change})
    await b.opened(ETH)
    await b.ends_well()


async def test_the_lot_changed_while_a_position_is_held(b: Bench) -> None:
    """An exit in the old lot is refused: said, tried again, and the stop stays."""
    await b.opened()
    b.venue.change_instrument(BTC, step=Decimal("0.01"))
    b.send(CommandVerb.FLATTEN)
    await b.said("EXIT_FAILED")
    assert b.covered()
    b.venue.change_instrument(BTC, step=Decimal("0.001"))
    b.jump(3)
    await b.flat()
    await b.ends_well()


async def test_a_remainder_below_the_least_notional_is_closed(b: Bench) -> None:
    await b.opened()
    b.venue.change_instrument(BTC, min_notional=Decimal(1000))
    left = Decimal("0.010")
    b.venue.manual(symbol=BTC, side="Sell", qty=b.holds() - left, reduceOnly=True)
    await b.until(lambda: b.holds() == left, "a remainder")
    await b.ends_well()


# --- stops ---


async def test_a_stop_cancelled_by_hand_is_made_again(b: Bench) -> None:
    await b.opened()
    b.venue.manual_cancel(stop_of(b))
    await b.until(lambda: b.codes()["STOP_PLACED"] == 1 and b.protected(), "protected again")
    await b.said("STOP_LOST")
    assert b.naked() < 1.0
    await b.ends_well()


async def test_a_stop_that_is_refused_is_tried_again(b: Bench) -> None:
    await b.opened()
    b.venue.faults.ret_code("order/create", 110013, "the stop is refused", times=2)
    b.venue.manual_cancel(stop_of(b))
    await b.said("ORDER_REJECTED")
    await b.until(lambda: b.view.unprotected == 1, "the screen counts it")
    b.jump(5)
    await b.said("ORDER_REJECTED", 2)
    b.jump(9)
    await b.until(b.protected, "protected again")
    await b.said("STOP_LOST")
    await b.ends_well()


async def test_a_stop_the_price_has_crossed(b: Bench) -> None:
    """Until a stop is live the desk watches the price itself."""
    await b.opened()
    b.venue.faults.ret_code("order/create", 110013, "the stop is refused")
    b.venue.manual_cancel(stop_of(b))
    await b.said("ORDER_REJECTED")
    b.price(BTC, 58_000)
    await b.flat()
    assert b.rows("SELECT exit_reason FROM trades") == [("STOP",)]
    await b.ends_well()


async def test_a_stop_that_cannot_be_had_at_all(b: Bench) -> None:
    await b.opened()
    refused = b.venue.faults.ret_code("order/create", 110013, "the stop is refused", times=None)
    b.venue.manual_cancel(stop_of(b))
    await b.said("ORDER_REJECTED")
    b.jump(11)
    await b.said("UNPROTECTED_POSITION")
    await b.said("ORDER_REJECTED", 2)
    refused.cancel()
    b.jump(60)
    await b.flat()
    assert b.rows("SELECT exit_reason FROM trades") == [("UNPROTECTED",)]
    await b.ends_well()


async def test_the_price_crosses_the_stop_before_the_entry_arrives(b: Bench) -> None:
    b.venue.faults.delay("order/create", 0.4, after=False)
    entry = await b.enter()
    b.venue.set_price(BTC, 58_000)
    await b.until(lambda: b.order(entry.client_order_id).status is REJECTED, "the venue refuses entry and stop at once")
    assert b.venue.positions == {}
    await b.ends_well()


async def test_the_stop_fills_while_we_exit(b: Bench) -> None:
    await b.opened()
    b.venue.faults.delay("order/create", 0.5, after=False)
    b.send(CommandVerb.FLATTEN)
    await b.until(lambda: any(o.client_order_id.endswith("x1") for o in b.orders()), "an exit is on its way")
    b.venue.set_price(BTC, 58_000)
    await b.flat()
    assert b.orders("x1")[0].status in (REJECTED, CANCELED)
    assert b.holds() == 0
    await b.ends_well()


# --- connection ---


async def test_a_fill_is_lost_with_the_connection(b: Bench) -> None:
    await b.opened()
    blind(b)
    b.venue.drop_streams()
    b.price(BTC, 58_000)
    b.venue.faults.clear()
    await b.flat()
    await b.said("VENUE_DISCONNECTED")
    await b.ready()
    await b.opened(ETH)
    await b.ends_well()
    assert b.rows("SELECT exit_reason FROM trades LIMIT 1") == [("STOP",)]


async def test_protection_is_told_long_before_the_fill_that_made_it(b: Bench) -> None:
    """It is no left-over: the position's stop stays at the venue all the while."""
    b.venue.faults.late("execution", 0.25, times=None)
    b.venue.faults.lag("execution/list", 0.25)
    await b.enter()
    await b.until(b.covered, "the venue has position and stop")
    await b.until(b.protected, "the fill was told")
    assert b.naked() < 0.5
    assert not {"STOP_LOST", "STOP_PLACED"} & b.codes().keys()
    b.venue.faults.clear()
    await b.ends_well()


async def test_the_connection_is_lost_right_after_an_entry(b: Bench) -> None:
    """Its protection is heard of on the new stream, its fill is only found by a look that takes its time."""
    slow = b.venue.faults.delay("execution/list", 0.6, after=True, times=None)
    lost = b.venue.faults.lose("execution", times=None)
    await b.enter()
    b.venue.drop_streams()
    await b.until(b.covered, "the venue has position and stop")
    await b.until(b.protected, "the fill was found")
    slow.cancel()
    lost.cancel()
    assert b.naked() < 0.5
    assert not {"STOP_LOST", "STOP_PLACED"} & b.codes().keys()
    await b.ends_well()


async def test_the_private_stream_is_silent(b: Bench) -> None:
    """Pings are answered, nothing is pushed: REST is asked after every submit, and again and again."""
    b.venue.call(b.venue.faults.silence, "private", 3.0)
    await b.opened()
    b.venue.set_price(BTC, 58_000)
    await b.flat()
    await b.ends_well()


async def test_the_venue_goes_away_and_comes_back(b: Bench) -> None:
    await b.opened()
    b.venue.go_down(1.5)
    await b.until(lambda: b.state is not READY, "noticed")
    await b.denied("RECONCILING")
    await b.ready()
    await b.said("VENUE_DISCONNECTED")
    assert b.codes()["WORKER_FAILED"] == 0
    await b.until(lambda: not b.view.venues[0].detail, "nothing is wrong any more")
    await b.opened(ETH)
    await b.ends_well()


async def test_nobody_listens_at_the_start(profile: Profile) -> None:
    async with bench(profile) as b:
        b.venue.go_down(2.5)
        b.start()
        await b.shows(DISCONNECTED, "127.0.0.1")
        await b.ready()
        await b.said("VENUE_DISCONNECTED")
        assert b.codes()["WORKER_FAILED"] == 0
        await b.opened()
        await b.ends_well()


async def test_the_name_is_not_found(profile: Profile, monkeypatch: pytest.MonkeyPatch) -> None:
    real, asked = socket.getaddrinfo, 0

    def look_up(host: str, *more: Any, **named: Any) -> Any:
        nonlocal asked
        if host != "bybit.test":
            return real(host, *more, **named)
        asked += 1
        raise socket.gaierror(socket.EAI_NONAME, "Name or service not known")

    monkeypatch.setattr(socket, "getaddrinfo", look_up)
    async with bench(profile) as b:
        bybit = msgspec.structs.replace(b.config.venues.bybit, rest_url="https://bybit.test")
        b.config = msgspec.structs.replace(b.config, venues=VenuesConfig(bybit=bybit))
        b.start()
        await b.shows(DISCONNECTED, "bybit.test")
        before = asked
        await b.until(lambda: asked > before + 2, "tried again and again")
        await b.denied("RECONCILING")
        await b.said("VENUE_DISCONNECTED")
        assert b.codes().keys() == {"VENUE_DISCONNECTED"}


@pytest.mark.parametrize(
    ("key", "sentence"),
    [
        (Key(KEY, "another-secret"), "signature"),
        (Key(KEY, SECRET, expired=True), "expired"),
        (Key(KEY, SECRET, ips=frozenset({"10.0.0.1"})), "IP addresses"),
        (Key(KEY, SECRET, read_only=True), "may read but not trade"),
    ],
    ids=["secret", "expired", "address", "read only"],
)
async def test_a_key_that_is_no_good_at_the_start(profile: Profile, key: Key, sentence: str) -> None:
    """Once a person has put it right at Bybit, the engine goes on by itself."""
    async with bench(profile) as b:
        b.venue.replace_key(key)
        b.start()
        await b.shows(BLOCKED, sentence)
        await b.denied("RECONCILING")
        b.venue.replace_key(Key(KEY, SECRET))
        await b.ready()
        await b.said("VENUE_BLOCKED")
        assert b.codes().keys() == {"VENUE_BLOCKED"}
        await b.opened()
        await b.ends_well()


async def test_a_check_that_gets_no_answer_at_the_start(profile: Profile) -> None:
    """A person need do nothing: DISCONNECTED, not BLOCKED, and tried again."""
    async with bench(profile) as b:
        b.venue.faults.timeout("position/set-leverage", after=False, times=4)
        b.start()
        await b.shows(DISCONNECTED, "did not answer")
        await b.ready()
        assert b.codes()["VENUE_BLOCKED"] == 0
        await b.opened()
        await b.ends_well()


# --- the venue says no ---


async def test_maintenance(b: Bench) -> None:
    await b.opened()
    for endpoint in ("order/*", "position/*", "execution/*", "account/*", "user/*"):
        b.venue.faults.ret_code(endpoint, 10016, times=None)
    await b.until(lambda: b.state is not READY, "noticed")
    await b.until(lambda: "maintenance" in b.view.venues[0].detail, "the screen says why")
    await b.denied("RECONCILING")
    heard = b.codes()
    assert heard["VENUE_RESTRICTED"] + heard["VENUE_DISCONNECTED"] in (1, 2)
    b.venue.faults.clear()
    await b.ready()
    assert b.codes()["WORKER_FAILED"] == 0
    await b.opened(ETH)
    await b.ends_well()


@pytest.mark.parametrize("reset_in_ms", [500, -500])
async def test_a_rate_limit(b: Bench, reset_in_ms: int) -> None:
    b.venue.faults.rate_limited("order/create", reset_in_ms=reset_in_ms)
    entry = await b.enter()
    await b.until(lambda: b.order(entry.client_order_id).status is REJECTED, "refused")
    assert "rate limit" in b.order(entry.client_order_id).reason
    assert b.venue.orders == ()
    await b.ready()
    b.bar(**{BTC: PRICES[BTC]})
    await b.opened()
    await b.ends_well()


async def test_a_ban(b: Bench) -> None:
    await b.opened()
    b.venue.ban(1.5)
    await b.shows(BLOCKED, "403")
    await b.denied("RECONCILING")
    await b.ready()
    await b.said("VENUE_BLOCKED")
    await b.opened(ETH)
    await b.ends_well()


async def test_the_key_expires_and_is_replaced(b: Bench) -> None:
    await b.opened()
    b.venue.replace_key(Key(KEY, SECRET, expired=True))
    await b.shows(BLOCKED, "the API key has expired")
    await b.denied("RECONCILING")
    assert b.covered(), "the stop is the venue's business"
    b.venue.replace_key(Key(KEY, SECRET))
    await b.ready()
    await b.said("VENUE_BLOCKED")
    assert b.codes()["WORKER_FAILED"] == 0
    await b.opened(ETH)
    await b.ends_well()


async def test_the_key_may_not_trade_any_more(b: Bench) -> None:
    await b.opened()
    b.venue.replace_key(Key(KEY, SECRET, read_only=True))
    entry = await b.enter(ETH)
    await b.until(lambda: b.order(entry.client_order_id).status is REJECTED, "refused")
    await b.shows(BLOCKED, "API key may")
    await b.said("VENUE_BLOCKED")
    b.bar(**{ETH: PRICES[ETH]})
    await asyncio.sleep(1.5)  # reads succeed all the while
    assert b.state is BLOCKED
    await b.denied("RECONCILING")
    b.venue.replace_key(Key(KEY, SECRET))
    await b.ready()
    await b.said("VENUE_BLOCKED")
    await b.opened(ETH)
    await b.ends_well()


@pytest.mark.parametrize("skew_ms", [3000, -3000])
async def test_the_clock_is_wrong(b: Bench, skew_ms: int) -> None:
    await b.opened()
    b.skew_ms = skew_ms
    await b.shows(RESTRICTED, f"3.0 s {'ahead of' if skew_ms > 0 else 'behind'} Bybit's")
    await b.denied("RECONCILING")
    b.price(BTC, 58_000)
    await b.flat()
    b.skew_ms = 0
    b.jump(5)
    await b.ready()
    await b.said("VENUE_RESTRICTED")
    await b.opened(ETH)
    await b.ends_well()


# --- market data ---


async def test_a_price_that_is_no_number(b: Bench) -> None:
    b.quote(ETH, math.nan)
    await b.said("BAD_PRICE")
    assert b.trading is ACTIVE
    await b.opened(ETH)  # the bar brought a good price
    b.quote(ETH, -1.0)
    b.quote(ETH, math.inf)
    await b.trades(HALTED)
    assert b.protected(ETH)
    await b.said("BREAKER_HALT")
    b.price(ETH, 2_970)
    await b.until(lambda: b.mark(ETH) == 2_970, "the price has arrived")
    await b.resume()
    await b.ends_well()


async def test_market_data_that_stands_still(b: Bench) -> None:
    """The connection lives, but the newest bar is old: nothing is entered on it."""
    b.jump(100)
    start = b.now() // MINUTE_MS * MINUTE_MS - 2 * MINUTE_MS
    bar = b.feed.bar(ETH, start, FALL[ETH])
    b.jump(40)
    b.feed.batches.put_nowait([BarClosed(ts=b.now(), bar=bar)])
    await b.until(lambda: bool(b.decided(SignalOutcome.DENIED)), "denied")
    assert b.decided(SignalOutcome.DENIED)[0].outcome_code == GateCode.STALE_DATA
    assert b.venue.orders == ()


# --- restarts, halts, kills ---


@pytest.mark.parametrize("meanwhile", ["nothing", "stop", "target", "manual close"])
async def test_a_restart_with_a_position(b: Bench, meanwhile: str) -> None:
    await b.opened()
    size = b.holds()
    await b.abandon()
    match meanwhile:
        case "stop":
            b.venue.set_price(BTC, 58_000)
        case "target":
            b.venue.set_price(BTC, 62_000)
        case "manual close":
            b.venue.manual_close(BTC)
        case _:
            b.venue.settle_funding(BTC, "0.0001")
    await b.started()
    await b.same()
    assert b.trading is ACTIVE
    if meanwhile == "nothing":
        assert b.holds() == size
        assert b.protected()
        assert b.codes() == {}
    else:
        reason = {"manual close": "EXTERNAL"}.get(meanwhile, meanwhile.upper())
        assert b.rows("SELECT exit_reason FROM trades") == [(reason,)]
    await b.ends_well()


@pytest.mark.parametrize("arrives", [True, False])
async def test_a_crash_while_a_submit_is_on_its_way(b: Bench, arrives: bool) -> None:
    if arrives:
        blind(b)
    rule = b.venue.faults.timeout("order/create", after=arrives)
    entry = await b.enter()
    await b.until(lambda: rule.hits == 1 and bool(b.link(entry)) is arrives, "it is on its way")
    await b.abandon()
    b.venue.faults.clear()
    b.start()
    wanted = FILLED if arrives else REJECTED
    await b.ready()
    await b.until(lambda: b.order(entry.client_order_id).status is wanted, "known after the restart")
    assert len(b.link(entry)) == arrives
    await b.ends_well()


async def test_a_live_fill_comes_before_the_older_one_is_found(b: Bench) -> None:
    """The entry filled while nobody listened, the close is heard at once: booked in the order they happened."""
    blind(b)
    rule = b.venue.faults.timeout("order/create", after=True)
    entry = await b.enter()
    await b.until(lambda: rule.hits == 1 and bool(b.link(entry)), "it filled")
    await b.abandon()
    b.venue.faults.clear()
    slow = b.venue.faults.delay("execution/list", 0.6, after=True, times=None)
    b.start()
    await b.until(lambda: slow.hits > 0, "the first look is on its way, the stream is up")
    b.venue.manual_close(BTC)
    await b.ready()
    slow.cancel()
    await b.until(lambda: bool(b.rows("SELECT id FROM trades")), "the round trip is over")
    assert b.rows("SELECT side, exit_reason FROM trades") == [("LONG", "EXTERNAL")]
    assert not {"OVER_CLOSED", "UNEXPECTED_FILL"} & b.codes().keys()
    assert b.trading is ACTIVE
    await b.ends_well()


@pytest.mark.parametrize("fault", ["slow", "unclear"])
async def test_a_kill_while_a_submit_is_on_its_way(b: Bench, fault: str) -> None:
    if fault == "slow":
        b.venue.faults.delay("order/create", 0.6, after=False)
    else:
        blind(b)
        b.venue.faults.timeout("order/create", after=True)
    entry = await b.enter()
    kill = b.send(CommandVerb.KILL)
    await b.trades(HALTED)
    await b.until(lambda: b.rows(f"SELECT status FROM commands WHERE id = {kill}") == [("DONE",)], "done, seen flat")
    await b.flat()
    assert len(b.link(entry)) == 1
    assert b.trading is HALTED
    await b.ends_well()


async def test_a_halt_while_a_submit_is_on_its_way(b: Bench) -> None:
    b.venue.faults.delay("order/create", 0.5, after=False)
    entry = await b.enter()
    b.send(CommandVerb.HALT)
    await b.trades(HALTED)
    await b.until(lambda: b.order(entry.client_order_id).is_closed, "the entry has ended")
    await b.same()
    assert b.holds() == 0 or b.protected()
    await b.denied("TRADING_HALTED")
    await b.ends_well()


async def test_a_kill_without_an_engine_and_two_restarts(b: Bench) -> None:
    await b.opened()
    await b.abandon()
    b.send(CommandVerb.KILL)
    await b.started()
    await b.said("KILL_DONE")
    await b.flat()
    await b.stop()
    await b.started()
    assert b.trading is HALTED
    await b.denied("TRADING_HALTED")
    await b.ends_well()


# --- in parts ---


TWAP = ExecutionConfig(algorithm=Algorithm.TWAP, duration_minutes=2.0, slices=4, jitter=0.0)


async def test_a_later_part_is_covered_by_the_first_ones_stop(profile: Profile) -> None:
    async with bench(profile, execution=TWAP) as b:
        await b.started()
        first = await b.opened()
        b.jump(31)
        b.price(BTC, FALL[BTC])
        await b.until(lambda: b.holds() > first.quantity, "a second part has filled")
        await b.until(b.protected, "covered")
        assert b.naked() < 0.5
        assert len([o for o in b.venue.orders if o.stop_kind == "StopLoss"]) == 1
        await b.ends_well()


async def test_the_stop_is_hit_while_a_part_is_on_its_way(profile: Profile) -> None:
    async with bench(profile, execution=TWAP) as b:
        await b.started()
        first = await b.opened()
        b.venue.faults.delay("order/create", 0.6, after=False)
        b.jump(31)
        b.price(BTC, FALL[BTC])
        await b.until(lambda: any("c2" in o.client_order_id for o in b.orders()), "a part is on its way")
        b.venue.set_price(BTC, 58_000)
        await b.until(lambda: b.order(f"{first.client_order_id}c2").is_closed, "the part has ended")
        await b.flat()
        assert b.holds() == 0
        await b.ends_well()
