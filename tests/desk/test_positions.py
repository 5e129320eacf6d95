"""Accounting properties: nothing is lost, nothing depends on how an execution was cut into pieces."""

from decimal import Decimal
from itertools import permutations

import msgspec
import pytest
from desk_kit import BTC, d, instrument
from hypothesis import given
from hypothesis import strategies as st

from tradeterm.desk.positions import (
    Booking,
    Opening,
    book_cash,
    book_fill,
    flat_position,
    rebuild,
    trade_id_for,
    unrealized,
)
from tradeterm.domain.facts import Trade
from tradeterm.domain.orders import Cash, CashKind, Fill, Liquidity, OrderSide, PositionSide
from tradeterm.domain.snapshot import Position

CONTRACT = instrument(multiplier=d(2))
OPENING = Opening(trade_id="T", stop=d(90))


def fill(side: OrderSide, quantity: object, price: object, fee: object = 0, exec_id: str = "x", ts: int = 1) -> Fill:
    return Fill(
        exec_id=exec_id,
        venue="paper",
        account="crypto",
        book="crypto",
        instrument=BTC,
        client_order_id=f"o{exec_id}",
        venue_order_id="v",
        side=side,
        quantity=d(quantity),
        price=d(price),
        fee=d(fee),
        fee_currency="USDT",
        liquidity=Liquidity.TAKER,
        ts_event=ts,
        ts_recv=ts,
    )


def funding(amount: object, ts: int = 1, id: str = "c") -> Cash:
    return Cash(
        id=id,
        venue="paper",
        account="crypto",
        book="crypto",
        kind=CashKind.FUNDING,
        amount=d(amount),
        currency="USDT",
        ts_event=ts,
        instrument=BTC,
    )


BUY, SELL = OrderSide.BUY, OrderSide.SELL
FLAT = flat_position(fill(BUY, 1, 1))


def run(fills: list[Fill], start: Position = FLAT) -> tuple[Position, list[Trade], list[Booking]]:
    position, trades, bookings = start, [], []
    for item in fills:
        booking = book_fill(position, item, CONTRACT, opening=OPENING)
        position = booking.position
        bookings.append(booking)
        if booking.trade is not None:
            trades.append(booking.trade)
    return position, trades, bookings


prices = st.decimals(min_value=1, max_value=1000, places=2)
sizes = st.decimals(min_value="0.001", max_value=50, places=3)
fees = st.decimals(min_value=0, max_value=5, places=6)
executions = st.builds(fill, st.sampled_from([BUY, SELL]), sizes, prices, fees)
histories = st.lists(executions, min_size=1, max_size=12).map(
    lambda items: [msgspec.structs.replace(f, exec_id=f"x{n}", client_order_id=f"o{n}") for n, f in enumerate(items)]
)


def test_a_long_round_trip() -> None:
    position, trades, _ = run([fill(BUY, 2, 100, 1), fill(BUY, 2, 110, 1), fill(SELL, 4, 120, 2, ts=9)])
    assert position.quantity == 0
    (trade,) = trades
    assert (trade.side, trade.quantity, trade.entry_price, trade.exit_price) == (
        PositionSide.LONG,
        d(4),
        d(105),
        d(120),
    )
    assert (trade.gross_pnl, trade.fees, trade.pnl) == (d(120), d(4), d(116))
    assert trade.r_multiple == (d(116) / d(120)).quantize(d("1e-6"))
    assert trade.ts_closed == 9


def test_a_short_gains_when_the_price_falls_and_slippage_hurts_it() -> None:
    _, (trade,), _ = run([fill(SELL, 1, 100), fill(BUY, 1, 90)])
    assert (trade.side, trade.gross_pnl) == (PositionSide.SHORT, d(20))
    _, (worse,), _ = run([fill(SELL, 1, "99.9"), fill(BUY, 1, "90.1")])
    assert worse.gross_pnl < trade.gross_pnl


def test_a_partial_exit_realises_at_average_cost_and_keeps_the_average() -> None:
    position, trades, bookings = run([fill(BUY, 2, 100), fill(BUY, 2, 110), fill(SELL, 1, 115)])
    assert not trades
    assert (position.quantity, position.average_price, position.realized_pnl) == (d(3), d(105), d(20))
    assert bookings[-1].realized == d(20)
    assert position.entry_quantity == d(4)


def test_funding_belongs_to_the_open_round_trip() -> None:
    position, _, _ = run([fill(BUY, 1, 100)])
    _, (trade,), _ = run([fill(SELL, 1, 100)], book_cash(position, funding("-3")))
    assert (trade.funding, trade.gross_pnl, trade.pnl) == (d(3), d(0), d(-3))


@given(histories)
def test_quantity_is_the_sum_of_signed_fills(fills: list[Fill]) -> None:
    position, _, _ = run(fills)
    assert position.quantity == sum((f.quantity * f.side.sign for f in fills), Decimal(0))
    assert position.side.sign == (position.quantity > 0) - (position.quantity < 0)


@given(histories, prices)
def test_money_is_conserved(fills: list[Fill], mark: Decimal) -> None:
    """Realised and open PnL together are what was paid and received, valued at the mark."""
    position, trades, bookings = run(fills)
    paid = sum((-f.quantity * f.side.sign * f.price * CONTRACT.multiplier for f in fills), Decimal(0))
    realized = sum((b.realized for b in bookings), Decimal(0))
    total = realized + unrealized(position, mark, CONTRACT)
    assert abs(total - (paid + position.quantity * mark * CONTRACT.multiplier)) < d("1e-6")
    closed = sum((t.gross_pnl for t in trades), Decimal(0))
    assert closed + position.realized_pnl == realized
    fees_of_trips = sum((t.fees for t in trades), Decimal(0)) + position.fees
    assert fees_of_trips == sum((f.fee for f in fills), Decimal(0))


@given(histories)
def test_when_flat_realised_money_is_exact(fills: list[Fill]) -> None:
    position, _, _ = run(fills)
    if position.quantity:
        side = SELL if position.quantity > 0 else BUY
        fills = [*fills, fill(side, abs(position.quantity), "12.34")]
    position, trades, bookings = run(fills)
    assert position.quantity == 0
    paid = sum((-f.quantity * f.side.sign * f.price * CONTRACT.multiplier for f in fills), Decimal(0))
    assert sum((b.realized for b in bookings), Decimal(0)) == paid
    assert sum((t.gross_pnl for t in trades), Decimal(0)) == paid


@given(sizes, sizes, prices, prices, fees)
def test_a_flip_is_a_close_and_an_open(
    held: Decimal, rest: Decimal, first: Decimal, then: Decimal, fee: Decimal
) -> None:
    start, _, _ = run([fill(BUY, held, first)])
    flipped, (one,), (booking,) = run([fill(SELL, held + rest, then, fee)], start)
    part = (fee * held / (held + rest)).quantize(d("1e-12"))
    split, (two,), _ = run([fill(SELL, held, then, part), fill(SELL, rest, then, fee - part)], start)
    assert flipped == split
    assert one == two
    assert booking.fee == fee


@given(st.lists(st.tuples(sizes, prices, fees), min_size=2, max_size=4), prices)
def test_the_order_of_partial_fills_does_not_matter(
    parts: list[tuple[Decimal, Decimal, Decimal]], out: Decimal
) -> None:
    total = sum((quantity for quantity, _, _ in parts), Decimal(0))
    closing = fill(SELL, total, out)
    results = {
        msgspec.json.encode(run([*(fill(BUY, *part) for part in order), closing])[1]) for order in permutations(parts)
    }
    assert len(results) == 1
    grown = {run([fill(BUY, *part) for part in order])[0].average_price for order in permutations(parts)}
    assert len(grown) == 1


@given(histories, st.lists(st.integers(0, 11), max_size=5))
def test_rebuilding_ignores_repeated_executions(fills: list[Fill], again: list[int]) -> None:
    repeated = [*fills, *(fills[number] for number in again if number < len(fills))]
    assert rebuild(repeated, (), {BTC: CONTRACT}) == rebuild(fills, (), {BTC: CONTRACT})


@given(histories)
def test_rebuilding_equals_booking_one_by_one(fills: list[Fill]) -> None:
    fills = [msgspec.structs.replace(f, ts_event=number) for number, f in enumerate(fills)]
    position, _, _ = run(fills)
    rebuilt = rebuild(fills, (), {BTC: CONTRACT})
    if position.quantity == 0:
        assert rebuilt == {}
        return
    other = rebuilt[("crypto", BTC)]
    for name in ("quantity", "average_price", "realized_pnl", "fees", "entry_value", "exit_value", "ts_opened"):
        assert getattr(other, name) == getattr(position, name)


def test_rebuilding_settles_funding_on_what_was_held_then() -> None:
    fills = [fill(BUY, 1, 100, exec_id="a", ts=1), fill(SELL, 1, 100, exec_id="b", ts=5)]
    fills += [fill(BUY, 1, 100, exec_id="c", ts=6)]
    position = rebuild(fills, [funding(-1, 5, "c1"), funding(-2, 8, "c2")])[("crypto", BTC)]
    assert (position.trade_id, position.funding) == ("oc", d(2))


def test_an_order_that_opens_twice_gets_two_trade_ids() -> None:
    fills = [fill(BUY, 1, 100, exec_id="a", ts=1), fill(SELL, 1, 100, exec_id="b", ts=2)]
    late = msgspec.structs.replace(fill(BUY, 1, 100, exec_id="c", ts=3), client_order_id="oa")
    reopened = rebuild([*fills, late])[("crypto", BTC)]
    assert reopened.trade_id.startswith("oar")
    assert len(reopened.trade_id) <= 36


@pytest.mark.parametrize("side", [BUY, SELL])
def test_a_mark_at_the_average_is_worth_nothing(side: OrderSide) -> None:
    position, _, _ = run([fill(side, 3, 50)])
    assert unrealized(position, d(50), CONTRACT) == 0
    assert unrealized(position, d(51), CONTRACT) == d(6) * side.sign


@pytest.mark.parametrize("name", ["s3d36874ad3ec4d9-1", "ext-" + 32 * "7"])
def test_a_round_trip_has_an_id_that_leaves_room_for_its_stops(name: str) -> None:
    opened = msgspec.structs.replace(fill(OrderSide.BUY, 1, 100), client_order_id=name)
    first, again = trade_id_for(opened, False), trade_id_for(opened, True)
    assert max(len(first), len(again)) <= 28 and first != again
    assert first == trade_id_for(opened, False)
    assert (first == name) == (len(name) <= 28)
