"""Positions at a venue that no execution explains: taken over once, exactly, or not at all."""

from decimal import Decimal

import msgspec
from hypothesis import given
from hypothesis import strategies as st
from test_reconcile import BTC, fill, local, picture

from tradeterm.brokers.protocol import VenuePosition
from tradeterm.desk.positions import Opening, book_fill, flat_position
from tradeterm.domain.orders import OrderSide
from tradeterm.domain.snapshot import Position
from tradeterm.engine.reconcile import VenuePicture, adopted_fills, position_differences
from tradeterm.engine.sightings import SECOND_LOOK_S, Sightings

KNOWN = {BTC.id: BTC}
LOTS = st.integers(-500, 500).map(lambda lots: lots * BTC.lot_size)
PRICES = st.integers(500, 2000).map(lambda ticks: ticks * BTC.tick_size)


def held(quantity: Decimal, average: Decimal) -> tuple[Position, ...]:
    if not quantity:
        return ()
    opened = fill(quantity=str(abs(quantity)), price=average, side=OrderSide.BUY if quantity > 0 else OrderSide.SELL)
    return (book_fill(flat_position(opened), opened, BTC, opening=Opening(trade_id="t")).position,)


def seen(quantity: Decimal, average: Decimal | None) -> VenuePicture:
    return picture(positions=(VenuePosition(BTC.id, quantity, average),) if quantity else ())


@given(mine=LOTS, there=LOTS, average=PRICES, venue_average=PRICES)
def test_after_adoption_the_venues_quantity_and_average_are_ours(
    mine: Decimal, there: Decimal, average: Decimal, venue_average: Decimal
) -> None:
    snapshot, venue = local(positions=held(mine, average)), seen(there, venue_average)
    fills, sentences = adopted_fills(snapshot, venue, KNOWN)
    assert len(sentences) == (mine != there)
    if not fills:
        # either they agree, or no positive price leads from our average to theirs
        assert mine == there or (mine * there > 0 and abs(there) > abs(mine))
        return
    (adopted,) = fills
    before = held(mine, average)[0] if mine else flat_position(adopted)
    after = book_fill(before, adopted, BTC, opening=Opening(trade_id="t")).position
    assert after.quantity == there
    grew = mine * there < 0 or abs(there) > abs(mine)
    if there and grew:
        assert after.average_price is not None
        assert abs(after.average_price - venue_average) < Decimal("1e-9")
    again = local(positions=(after,) if after.quantity else ())
    assert adopted_fills(again, venue, KNOWN) == ((), ())
    assert position_differences(again, venue, KNOWN) == ()


def test_the_same_finding_has_the_same_id_and_another_has_another() -> None:
    def identity(venue: VenuePicture) -> str:
        return adopted_fills(local(), venue, KNOWN)[0][0].exec_id

    one = seen(Decimal(2), Decimal(100))
    assert identity(one) == identity(one)
    assert identity(one) != identity(seen(Decimal(3), Decimal(100)))
    assert identity(one) != identity(msgspec.structs.replace(one, ts=one.ts + 86_400_000))


def test_without_a_price_nothing_is_invented() -> None:
    fills, (sentence,) = adopted_fills(local(), seen(Decimal(2), None), KNOWN)
    assert fills == ()
    assert sentence == "position BTC.X: no price is known at which 2 came about; look at the venue"


def test_a_position_that_changed_a_moment_ago_is_left_for_the_next_look() -> None:
    (position,) = held(Decimal(1), Decimal(100))
    moved = local(positions=(msgspec.structs.replace(position, ts_updated=1_999_000),))
    venue = msgspec.structs.replace(seen(Decimal(2), Decimal(100)), untouched_since=1_995_000)
    assert position_differences(moved, venue, KNOWN) == ()
    assert position_differences(local(positions=(position,)), venue, KNOWN) != ()


def test_an_order_never_arrived_once_it_was_missed_twice_ten_seconds_apart() -> None:
    now = 0.0
    sightings = Sightings(lambda: now)
    assert not sightings.missed("a")
    now = SECOND_LOOK_S - 0.1
    assert not sightings.missed("a")
    sightings.seen("a")
    now += 1
    assert not sightings.missed("a")
    now += SECOND_LOOK_S + 0.1
    assert sightings.missed("a")
