"""When an order meets a price on the paper venue, and what it gets."""

from decimal import Decimal as D

import pytest
from paper_kit import (
    BUY,
    LIMIT,
    MARKET,
    SELL,
    START,
    STEP,
    STOP,
    Venue,
    X,
    cash,
    fills,
    order,
    prices,
    ready,
    row,
    updates,
)

from tradeterm.domain.errors import VenueRefused
from tradeterm.domain.orders import Liquidity, OrderSide, OrderStatus, OrderType, TimeInForce

STOP_LIMIT, TARGET = OrderType.STOP_LIMIT, OrderType.TAKE_PROFIT_MARKET


# when


def test_a_market_order_fills_at_the_next_bars_opening() -> None:
    venue = ready()
    assert updates(venue.submit(order())) == [("a", "ACKNOWLEDGED", "")]
    assert venue.bar(0, 100, 100, 100, 100) == []  # the signal's own bar, shown again
    assert prices(venue.open(1, 101)) == [("a", D(1), D(101))]
    assert venue.fills()[0].ts_event == row(1)


def test_without_a_quote_the_next_bars_opening_comes_with_its_close() -> None:
    venue = ready(latency_ms=100)
    venue.submit(order())
    found = venue.bar(1, 101, 105, 99, 104)
    assert prices(found) == [("a", D(1), D(101))]
    assert (found[0].ts, fills(found)[0].ts_event) == (row(2), row(1) + 100)


def test_a_latency_shorter_than_the_bar_meets_its_opening_price_later() -> None:
    venue = ready(latency_ms=STEP - 1)
    venue.submit(order())
    assert fills(venue.open(1, 101))[0].ts_event == row(1) + STEP - 1


def test_a_latency_of_a_bar_waits_for_the_next_opening() -> None:
    venue = ready(latency_ms=STEP)
    venue.submit(order())
    assert venue.whole_bar(1, 101, 101, 101, 101) == []
    found = venue.open(2, 102)
    assert (prices(found), fills(found)[0].ts_event) == ([("a", D(1), D(102))], row(2))


def test_real_quotes_are_met_from_the_arrival_on() -> None:
    venue = ready(latency_ms=100, slippage=0.01)
    venue.submit(order(at=1))
    assert venue.quote(row(1), 99.9, 100.1) == []
    assert venue.quote(row(1) + 99, 99.9, 100.1) == []
    assert prices(venue.quote(row(1) + 100, 99.9, 100.2)) == [("a", D(1), D("100.2"))]


def test_prices_from_before_the_submit_do_not_count() -> None:
    venue = ready()
    venue.submit(order(at=3))
    assert venue.whole_bar(1, 90, 90, 90, 90) == []
    assert venue.whole_bar(2, 91, 91, 91, 91) == []
    assert prices(venue.open(3, 92)) == [("a", D(1), D(92))]


def test_market_data_is_not_taken_twice() -> None:
    venue = ready()
    venue.open(1, 100)
    venue.submit(order(at=1))
    assert venue.open(1, 100) == []  # this opening was before the order
    assert prices(venue.bar(1, 100, 110, 90, 100)) == []
    assert prices(venue.open(2, 100)) == [("a", D(1), D(100))]
    venue.bar(2, 100, 100, 100, 100)
    venue.funding(3, 0.01)
    assert venue.funding(3, 0.01) == []


# at what price


@pytest.mark.parametrize(("side", "paid"), [(BUY, "101.2"), (SELL, "99.8")])
def test_slippage_and_rounding_hurt_both_sides(side: OrderSide, paid: str) -> None:
    venue = ready(slippage=0.0061)
    venue.submit(order(side=side))
    assert venue.open(1, 100.5) and venue.fills()[0].price == D(paid)


@pytest.mark.parametrize("side", [BUY, SELL])
def test_the_fee_is_paid_on_either_side(side: OrderSide) -> None:
    venue = ready(taker_fee=0.00055)
    venue.submit(order(side=side, quantity="0.33"))
    venue.open(1, 100.1)
    assert venue.fills()[0].fee == D("0.01816815")
    assert venue.account.cash == D(100_000) - D("0.01816815")


def test_a_market_order_takes_the_other_side_of_the_book() -> None:
    venue = ready()
    venue.submit(order("a", BUY))
    venue.submit(order("b", SELL))
    assert prices(venue.quote(row(1), 99.5, 100.5)) == [("a", D(1), D("100.5")), ("b", D(1), D("99.5"))]


# stops and targets


def long_with(venue: Venue, stop: str | None = "98", target: str | None = "103", quantity: str = "1") -> Venue:
    """A long opened at 100 when bar 1 opens, with protection."""
    venue.submit(order(quantity=quantity, stop_loss=stop, take_profit=target))
    venue.open(1, 100)
    return venue


def short_with(venue: Venue, stop: str = "102", target: str = "97") -> Venue:
    venue.submit(order(side=SELL, stop_loss=stop, take_profit=target))
    venue.open(1, 100)
    return venue


def test_protection_appears_with_the_first_fill() -> None:
    venue = ready()
    assert updates(venue.submit(order(stop_loss="98", take_profit="103"))) == [("a", "ACKNOWLEDGED", "")]
    assert updates(venue.open(1, 100)) == [("as", "ACKNOWLEDGED", ""), ("at", "ACKNOWLEDGED", "")]
    stop, target = (venue.account.working[name].order for name in ("as", "at"))
    assert (stop.side, stop.type, stop.trigger_price, stop.quantity) == (SELL, STOP, D(98), D(1))
    assert (target.side, target.type, target.trigger_price) == (SELL, TARGET, D(103))
    assert stop.reduce_only and target.reduce_only
    assert stop.parent_id == "a" and stop.status is OrderStatus.ACCEPTED


def test_a_stop_inside_the_bar_fills_at_its_trigger() -> None:
    venue = long_with(ready(slippage=0.001))
    found = venue.bar(1, 100, 101, 97, 99)
    assert prices(found) == [("as", D(1), D("97.9"))]
    assert updates(found) == [("as", "TRIGGERED", ""), ("at", "CANCELED", "PROTECTION_TRIGGERED")]
    assert venue.position == 0 and not venue.account.working


def test_a_target_inside_the_bar_fills_at_its_trigger() -> None:
    venue = long_with(ready(slippage=0.001))
    found = venue.bar(1, 100, 103, 99, 99)
    assert prices(found) == [("at", D(1), D("102.8"))]
    assert updates(found) == [("at", "TRIGGERED", ""), ("as", "CANCELED", "POSITION_CLOSED")]
    assert venue.position == 0 and not venue.account.working


def test_stop_and_target_in_one_bar_is_a_stop() -> None:
    assert prices(long_with(ready()).bar(1, 100, 110, 90, 105)) == [("as", D(1), D(98))]
    assert prices(short_with(ready()).bar(1, 100, 110, 90, 95)) == [("as", D(1), D(102))]


def test_a_gap_through_the_stop_fills_at_the_opening() -> None:
    venue = long_with(ready(slippage=0.001))
    venue.bar(1, 100, 100, 100, 100)
    assert prices(venue.open(2, 95)) == [("as", D(1), D("94.9"))]
    venue = short_with(ready(slippage=0.001))
    venue.bar(1, 100, 100, 100, 100)
    assert prices(venue.bar(2, 105, 105, 96, 97)) == [("as", D(1), D("105.2"))]  # nobody quoted the opening


def test_a_gap_through_the_target_fills_at_the_opening() -> None:
    venue = long_with(ready())
    venue.bar(1, 100, 100, 100, 100)
    assert prices(venue.open(2, 105)) == [("at", D(1), D(105))]


def test_quotes_set_stops_off_too() -> None:
    venue = long_with(ready())
    assert venue.quote(row(1) + 1000, 98.0, 98.2) == []
    assert prices(venue.quote(row(1) + 2000, 97.9, 98.0)) == [("as", D(1), D("97.9"))]


def test_the_range_of_a_bar_from_before_a_change_does_not_count() -> None:
    venue = long_with(ready())
    venue.quote(row(1) + 60_000, 101.9, 102.1)
    stop = venue.account.working["as"].order
    venue.hear(venue.matching.amend(order("as", ts_updated=row(1) + 60_000), trigger_price=D("101.5")))
    assert stop.trigger_price == D(98)
    assert venue.bar(1, 100, 102, 100, 102) == []  # it was at 100 before the stop was there
    assert prices(venue.bar(2, 102, 102, 101, 102)) == [("as", D(1), D("101.5"))]


def test_a_stop_amended_beyond_the_market_goes_at_the_next_price() -> None:
    venue = long_with(ready())
    venue.bar(1, 100, 102, 99, 99)
    found = venue.hear(venue.matching.amend(order("as", at=2), trigger_price=D("101")))
    assert updates(found) == [("as", "ACKNOWLEDGED", "")]
    assert prices(venue.open(2, 99)) == [("as", D(1), D(99))]


def test_what_a_limit_opens_inside_a_bar_is_stopped_but_not_rewarded_in_it() -> None:
    for low, high, expected in ((96, 104, ["a", "as"]), (98.5, 104, ["a"])):
        venue = ready()
        venue.submit(order(type=LIMIT, price="99", stop_loss="97", take_profit="103"))
        venue.open(1, 100)
        assert [name for name, *_ in prices(venue.bar(1, 100, high, low, 100))] == expected
    assert prices(venue.bar(2, 100, 104, 99, 100)) == [("at", D(1), D(103))]


def test_an_entry_stop_opens_and_is_protected() -> None:
    venue = ready()
    venue.submit(order(type=STOP, trigger_price="101", stop_loss="99"))
    assert prices(venue.open(1, 100)) == []
    found = venue.bar(1, 100, 102, 98, 102)
    assert prices(found) == [("a", D(1), D(101)), ("as", D(1), D(99))]  # the low may have come after: the worse case


def test_a_stop_limit_rests_when_the_price_has_left_it() -> None:
    venue = ready()
    venue.submit(order(type=STOP_LIMIT, trigger_price="101", price="101"))
    venue.open(1, 100)
    venue.bar(1, 100, 101, 100, 101)
    assert prices(venue.said) == [("a", D(1), D(101))]
    venue = ready()
    venue.submit(order(type=STOP_LIMIT, trigger_price="101", price="101"))
    venue.open(1, 100)
    venue.bar(1, 100, 100, 100, 100)
    assert updates(venue.open(2, 105)) == [("a", "TRIGGERED", "")]
    assert prices(venue.bar(2, 105, 105, 101, 104)) == []
    found = venue.bar(3, 104, 104, 100.9, 104)
    assert prices(found) == [("a", D(1), D(101))]
    assert fills(found)[0].liquidity is Liquidity.MAKER


# limits


def test_a_resting_limit_needs_the_market_to_trade_through_it() -> None:
    venue = ready(maker_fee=0.0002)
    venue.submit(order(type=LIMIT, price="99"))
    assert prices(venue.open(1, 100)) == []
    assert prices(venue.bar(1, 100, 100, 99, 100)) == []
    found = venue.bar(2, 100, 100, 98.9, 100)
    assert prices(found) == [("a", D(1), D(99))]
    assert (fills(found)[0].liquidity, fills(found)[0].fee) == (Liquidity.MAKER, D("0.0198"))


def test_a_resting_sell_is_the_mirror() -> None:
    venue = ready()
    venue.submit(order(side=SELL, type=LIMIT, price="101"))
    venue.open(1, 100)
    assert prices(venue.bar(1, 100, 101, 100, 100)) == []
    assert prices(venue.open(2, 101.1)) == [("a", D(1), D(101))]  # a gap beyond gives no better price


def test_an_arriving_limit_takes_what_is_there() -> None:
    venue = ready(slippage=0.001, taker_fee=0.0005)
    venue.submit(order(type=LIMIT, price="101"))
    found = venue.open(1, 100)
    assert prices(found) == [("a", D(1), D("100.1"))]
    assert fills(found)[0].liquidity is Liquidity.TAKER


def test_post_only_never_takes() -> None:
    venue = ready()
    venue.submit(order(type=LIMIT, price="101", post_only=True))
    assert updates(venue.open(1, 100)) == [("a", "CANCELED", "POST_ONLY")]
    venue.submit(order("b", type=LIMIT, price="99", post_only=True, at=2))
    assert updates(venue.open(2, 100)) == []
    assert prices(venue.bar(2, 100, 100, 98, 100)) == [("b", D(1), D(99))]


def test_immediate_or_cancel_takes_a_part() -> None:
    venue = ready(participation=0.001)  # one unit a bar
    venue.submit(order(quantity="3", time_in_force=TimeInForce.IOC))
    found = venue.open(1, 100)
    assert prices(found) == [("a", D(1), D(100))]
    assert updates(found) == [("a", "CANCELED", "IOC")]


def test_fill_or_kill_takes_all_or_nothing() -> None:
    venue = ready(participation=0.001)
    venue.submit(order("a", quantity="1.01", time_in_force=TimeInForce.FOK))
    venue.submit(order("b", quantity="1", time_in_force=TimeInForce.FOK))
    found = venue.open(1, 100)
    assert prices(found) == [("b", D(1), D(100))]
    assert updates(found) == [("a", "CANCELED", "FOK")]


@pytest.mark.parametrize("tif", [TimeInForce.IOC, TimeInForce.FOK])
def test_a_limit_that_cannot_take_at_once_ends(tif: TimeInForce) -> None:
    venue = ready()
    venue.submit(order(type=LIMIT, price="99", time_in_force=tif))
    assert updates(venue.open(1, 100)) == [("a", "CANCELED", tif.value)]


def test_a_day_order_ends_with_its_utc_day() -> None:
    venue = ready()
    venue.submit(order(type=LIMIT, price="90", time_in_force=TimeInForce.DAY))
    assert venue.open(287, 100) == []
    venue.bar(287, 100, 100, 100, 100)
    assert updates(venue.open(288, 80)) == [("a", "EXPIRED", "DAY")]


# participation


def test_a_large_order_fills_over_several_bars() -> None:
    venue = ready(participation=0.05)  # 50 of the first bar
    venue.submit(order(quantity="120"))
    assert prices(venue.open(1, 100)) == [("a", D(50), D(100))]
    assert venue.account.working["a"].order.status is OrderStatus.PARTIALLY_FILLED
    assert prices(venue.bar(1, 100, 110, 90, 105, volume=800.0)) == []  # inside a bar there is no price for it
    assert prices(venue.open(2, 101)) == [("a", D(40), D(101))]
    venue.bar(2, 101, 101, 101, 101)
    assert prices(venue.open(3, 103)) == [("a", D(30), D(103))]
    filled = fills(venue.said)
    assert sum(fill.quantity for fill in filled) == 120
    assert venue.account.holding(X).average_price == (50 * D(100) + 40 * D(101) + 30 * D(103)) / 120


def test_the_share_of_a_bar_is_one_for_all_orders() -> None:
    venue = ready(participation=0.05)
    venue.submit(order("a", quantity="30"))
    venue.submit(order("b", quantity="30"))
    assert prices(venue.open(1, 100)) == [("a", D(30), D(100)), ("b", D(20), D(100))]


def test_a_stop_inside_a_bar_takes_that_bars_share_less_what_its_opening_took() -> None:
    venue = long_with(ready(participation=0.05), quantity="50")
    assert venue.position == 50
    found = venue.bar(1, 100, 100, 97, 97, volume=1600.0)
    assert prices(found) == [("as", D(30), D(98))]
    assert venue.position == 20
    assert prices(venue.open(2, 97)) == [("as", D(20), D(97))]  # it has been set off and goes on at the market
    assert not venue.account.working


def test_before_any_bar_no_volume_is_known_and_nothing_fills() -> None:
    venue = Venue()
    venue.quote(row(1) - 1, 99.9, 100.1)
    venue.submit(order())
    assert prices(venue.quote(row(1), 99.9, 100.1)) == []
    venue.bar(0, 100, 100, 100, 100)
    assert prices(venue.quote(row(1) + 1, 99.9, 100.1)) == [("a", D(1), D("100.1"))]


def test_protection_follows_partial_fills() -> None:
    venue = ready(participation=0.05)
    venue.submit(order(quantity="80", stop_loss="98", take_profit="103"))
    venue.open(1, 100)
    assert {w.order.quantity for w in venue.account.working.values() if w.attached} == {D(50)}
    venue.bar(1, 100, 100, 100, 100)
    assert updates(venue.open(2, 100)) == [("as", "ACKNOWLEDGED", ""), ("at", "ACKNOWLEDGED", "")]
    assert {w.order.quantity for w in venue.account.working.values() if w.attached} == {D(80)}


def test_a_stop_ends_what_is_left_of_its_entry() -> None:
    venue = ready(participation=0.05)
    venue.submit(order(quantity="80", stop_loss="98"))
    venue.open(1, 100)
    found = venue.bar(1, 100, 100, 97, 97, volume=5000.0)
    assert updates(found) == [("as", "TRIGGERED", ""), ("a", "CANCELED", "PROTECTION_TRIGGERED")]
    assert venue.position == 0 and not venue.account.working


def test_closing_by_hand_ends_what_is_left_of_the_entry() -> None:
    venue = ready(participation=0.05)
    venue.submit(order(quantity="80", stop_loss="98"))
    venue.open(1, 100)
    venue.bar(1, 100, 100, 100, 100, volume=200.0)
    venue.submit(order("ax1", SELL, "50", at=2, reduce_only=True))
    venue.open(2, 100)  # the entry takes this bar's ten
    venue.bar(2, 100, 100, 100, 100, volume=2000.0)
    venue.hear(venue.matching.cancel(order("a", at=3)))
    venue.open(3, 100)
    assert venue.position == 10  # the exit was for fifty
    venue.bar(3, 100, 100, 100, 100)
    venue.submit(order("ax2", SELL, "10", at=4, reduce_only=True))
    assert ("as", "CANCELED", "POSITION_CLOSED") in updates(venue.open(4, 100))
    assert venue.position == 0 and not venue.account.working


# reduce-only


def test_reduce_only_is_cut_to_the_position_and_never_opens() -> None:
    venue = long_with(ready(), stop=None, target=None)
    venue.bar(1, 100, 100, 100, 100)
    venue.submit(order("x", SELL, "5", at=2, reduce_only=True))
    assert venue.account.working["x"].order.quantity == 1
    assert prices(venue.open(2, 100)) == [("x", D(1), D(100))]
    assert venue.position == 0
    for side in (BUY, SELL):
        with pytest.raises(VenueRefused) as caught:
            venue.submit(order(f"y{side}", side, reduce_only=True, at=3))
        assert caught.value.code == "REDUCE_ONLY"


def test_reduce_only_shrinks_with_the_position() -> None:
    venue = long_with(ready(), stop=None, target=None, quantity="10")
    venue.bar(1, 100, 100, 100, 100)
    venue.submit(order("x", SELL, "8", at=2, type=LIMIT, price="105", reduce_only=True))
    venue.submit(order("y", SELL, "5", at=2, reduce_only=True))
    found = venue.open(2, 100)
    assert ("x", "ACKNOWLEDGED", "") in updates(found)
    assert venue.account.working["x"].order.quantity == 5
    venue.bar(2, 100, 100, 100, 100)
    venue.submit(order("z", SELL, "9", at=3))
    assert ("x", "CANCELED", "POSITION_CLOSED") in updates(venue.open(3, 100))
    assert venue.position == -4


def test_turning_the_position_over_swaps_the_protection() -> None:
    venue = long_with(ready(), quantity="1")
    venue.bar(1, 100, 100, 100, 100)
    venue.submit(order("z", SELL, "3", at=2, stop_loss="104", take_profit="95"))
    venue.open(2, 101)
    assert venue.position == -2
    assert venue.account.holding(X).average_price == 101
    assert set(venue.account.working) == {"zs", "zt"}
    assert venue.account.working["zs"].order.quantity == 2
    assert venue.account.cash == D(100_001)


# funding


@pytest.mark.parametrize(
    ("side", "rate", "amount"), [(BUY, 0.0001, "-0.03"), (SELL, 0.0001, "0.03"), (BUY, -0.0001, "0.03")]
)
def test_longs_pay_a_positive_rate(side: OrderSide, rate: float, amount: str) -> None:
    venue = ready()
    venue.submit(order(side=side, quantity="3"))
    venue.whole_bar(1, 100, 100, 100, 100)
    found = cash(venue.funding(2, rate))
    assert [(item.amount, item.instrument, item.ts_event) for item in found] == [(D(amount), X, row(2))]
    assert venue.account.cash == D(100_000) + D(amount)


def test_funding_is_on_the_quantity_held_then() -> None:
    venue = ready()
    venue.funding(1, 0.01)
    venue.submit(order())
    venue.open(1, 100)
    assert cash(venue.said) == []  # opened after the settlement
    venue.bar(1, 100, 110, 100, 110)
    assert cash(venue.funding(2, 0.01))[0].amount == D("-1.1")


# refusals


REFUSED = [
    ({"instrument": "Z.V"}, "UNKNOWN_INSTRUMENT"),
    ({"quantity": "0.005"}, "BAD_QUANTITY"),
    ({"quantity": "0"}, "BAD_QUANTITY"),
    ({"quantity": "-1"}, "BAD_QUANTITY"),
    ({"quantity": "NaN"}, "BAD_QUANTITY"),
    ({"quantity": "0.04"}, "BAD_QUANTITY"),
    ({"type": LIMIT}, "BAD_PRICE"),
    ({"type": LIMIT, "price": "100.05"}, "BAD_PRICE"),
    ({"type": LIMIT, "price": "NaN"}, "BAD_PRICE"),
    ({"type": LIMIT, "price": "1", "quantity": "1"}, "BAD_QUANTITY"),  # worth less than the least
    ({"type": MARKET, "price": "100"}, "BAD_PRICE"),
    ({"type": STOP}, "BAD_PRICE"),
    ({"type": STOP, "trigger_price": "-1"}, "BAD_PRICE"),
    ({"stop_loss": "98.05"}, "BAD_PRICE"),
    ({"post_only": True}, "UNSUPPORTED"),
    ({"type": OrderType.TRAILING_STOP}, "UNSUPPORTED"),
    ({"reduce_only": True}, "REDUCE_ONLY"),
    ({"quantity": "6000"}, "INSUFFICIENT_MARGIN"),
    ({"instrument": "Y.V"}, "NO_PRICE"),
]


@pytest.mark.parametrize(("changes", "code"), REFUSED)
def test_what_the_venue_does_not_take(changes: dict[str, object], code: str) -> None:
    venue = ready()
    with pytest.raises(VenueRefused) as caught:
        venue.submit(order(**changes))  # type: ignore[arg-type]  # wrong on purpose
    assert caught.value.code == code
    assert not venue.matching.take_changes().orders and not venue.account.working


def test_a_client_id_is_taken_once() -> None:
    venue = ready()
    venue.submit(order())
    venue.open(1, 100)
    for _ in range(2):
        with pytest.raises(VenueRefused) as caught:
            venue.submit(order())
        assert caught.value.code == "DUPLICATE_CLIENT_ID"
    assert len(venue.fills()) == 1


def test_margin_counts_positions_and_waiting_orders() -> None:
    venue = ready()
    venue.submit(order("a", quantity="2500", at=1))
    venue.submit(order("b", quantity="2500", at=1))
    with pytest.raises(VenueRefused, match="equity is 100000"):
        venue.submit(order("c", quantity="1", at=1))


def test_an_account_that_lost_all_opens_nothing() -> None:
    venue = ready(participation=1.0)
    venue.submit(order(quantity="1000"))
    venue.whole_bar(1, 100, 100, 100, 100)
    venue.bar(2, 100, 100, 0.1, 0.1)
    venue.account.cash -= 1000
    with pytest.raises(VenueRefused) as caught:
        venue.submit(order("b", quantity="50", at=3))
    assert caught.value.code == "INSUFFICIENT_MARGIN"
    venue.submit(order("x", SELL, "1000", at=3, reduce_only=True))  # but it can always close
    assert prices(venue.open(3, 0.1)) == [("x", D(1000), D("0.1"))]


def test_amend_and_cancel() -> None:
    venue = ready()
    venue.submit(order(type=LIMIT, price="90"))
    venue.hear(venue.matching.amend(order(), price=D(95), quantity=D(2)))
    assert (venue.account.working["a"].order.price, venue.account.working["a"].order.quantity) == (D(95), D(2))
    for change, code in (
        ({"price": D("95.05")}, "BAD_PRICE"),
        ({"trigger_price": D(95)}, "BAD_PRICE"),
        ({"quantity": D("0.001")}, "BAD_QUANTITY"),
    ):
        with pytest.raises(VenueRefused) as caught:
            venue.matching.amend(order(), **change)
        assert caught.value.code == code
    assert updates(venue.hear(venue.matching.cancel(order()))) == [("a", "CANCELED", "")]
    for request in (venue.matching.cancel, venue.matching.amend):
        with pytest.raises(VenueRefused) as caught:
            request(order())
        assert caught.value.code == "ORDER_NOT_FOUND"


def test_prices_that_are_none_are_refused_and_change_nothing() -> None:
    venue = long_with(ready())
    clock = venue.account.clock
    for bad in (float("nan"), 0.0, -1.0, float("inf")):
        with pytest.raises((ValueError, ArithmeticError)):
            venue.bar(1, 100, 100, bad, 100)
    assert venue.position == 1 and venue.account.clock == clock
    assert venue.account.market(X).bar_ts == START + STEP
