"""Closed trades of our own: their strategy, what their entry lost to the signal's price, also after a restart."""

import pytest
from breaker_kit import loose
from desk_kit import BOOK, BTC, FIVE, T0, Rig, bar, book_config, d, entry, exit_signal, facts, fill_of

from tradeterm.desk.state import KEEP_RESULTS
from tradeterm.domain.events import Timer
from tradeterm.domain.facts import Trade
from tradeterm.domain.orders import PositionSide
from tradeterm.domain.snapshot import Decision

KEY = (BOOK, BTC)


def round_trip(rig: Rig, ts: int, side: PositionSide, opened: float, closed: float) -> Trade:
    rig.feed(bar(100.0, ts), entry(ts, side, 100, id=f"r{ts}"), Timer(ts=ts))
    rig.feed(*rig.venue.on_quote(opened, ts + 1), Timer(ts=ts + 1))
    rig.feed(bar(opened, ts + FIVE), exit_signal(ts + FIVE, side, id=f"x{ts}", price=opened), Timer(ts=ts + FIVE))
    rig.feed(*rig.venue.on_quote(closed, ts + FIVE + 1), Timer(ts=ts + FIVE + 1))
    trade: Trade = facts(rig.commands, Trade)[-1]
    return trade


@pytest.mark.parametrize(
    ("side", "filled", "lost"),
    [
        (PositionSide.LONG, 100.1, "0.001"),
        (PositionSide.LONG, 99.9, "-0.001"),
        (PositionSide.SHORT, 99.9, "0.001"),
        (PositionSide.SHORT, 100.1, "-0.001"),
        (PositionSide.SHORT, 100.0, "0"),
    ],
)
def test_a_trade_says_what_its_entry_lost_to_the_signal(side: PositionSide, filled: float, lost: str) -> None:
    rig = Rig(loose())
    trade = round_trip(rig, T0, side, filled, 100.0)
    assert (trade.strategy, str(trade.slippage)) == ("eos", lost)
    (result,) = rig.desk.state.results[BOOK]
    assert (result.trade_id, result.pnl, result.r_multiple) == (trade.id, trade.pnl, trade.r_multiple)
    assert (result.slippage, result.strategy) == (trade.slippage, "eos")


def test_the_signals_price_outlives_a_restart_and_is_forgotten_with_the_trade() -> None:
    rig = Rig(loose())
    rig.feed(bar(100.0, T0), entry(), Timer(ts=T0))
    rig.feed(*rig.venue.on_quote(100.2, T0 + 1), Timer(ts=T0 + 1))
    again = Rig(loose(), rig.desk.snapshot(), T0 + 1000)
    again.venue = rig.venue
    assert again.desk.state.decisions == {entry().signal.id: Decision("eos", d(100))}
    again.feed(bar(100.2, T0 + FIVE), exit_signal(T0 + FIVE), Timer(ts=T0 + FIVE))
    again.feed(*again.venue.on_quote(101.0, T0 + FIVE + 1), Timer(ts=T0 + FIVE + 1))
    (trade,) = facts(again.commands, Trade)
    assert (trade.strategy, str(trade.slippage)) == ("eos", "0.002")
    assert again.desk.state.decisions == {}


def test_a_denied_signal_leaves_nothing_behind() -> None:
    rig = Rig(loose())
    rig.feed(bar(100.0, T0), entry(T0, ts_bar=T0 - FIVE), Timer(ts=T0))
    assert rig.desk.state.decisions == {}


def test_a_trade_that_is_not_ours_is_recorded_and_not_counted() -> None:
    rig = Rig(loose())
    rig.open_position()
    order = rig.desk.orders[rig.desk.positions[KEY].trade_id]
    stranger = {"client_order_id": "web", "signal_id": None}
    foreign = type(order)(**{name: getattr(order, name) for name in order.__struct_fields__} | stranger)
    flat = fill_of(foreign, rig.desk.positions[KEY].quantity * 2, 100, T0 + 1, "f1")
    sold = type(flat.fill)(
        **{name: getattr(flat.fill, name) for name in flat.fill.__struct_fields__} | {"side": order.side.opposite}
    )
    rig.feed(type(flat)(ts=T0 + 1, fill=sold))
    assert rig.desk.positions[KEY].signal_id is None, "turned around by somebody else"
    back = fill_of(foreign, abs(rig.desk.positions[KEY].quantity), 100, T0 + 2, "f2")
    rig.feed(back)
    ours, theirs = facts(rig.commands, Trade)
    assert (ours.strategy, theirs.strategy, theirs.slippage) == ("eos", "", None)
    assert [result.trade_id for result in rig.desk.state.results[BOOK]] == [ours.id]


def test_a_position_of_an_earlier_strategy_does_not_count_for_the_present_one() -> None:
    rig = Rig(loose())
    rig.open_position()
    other = Rig(loose(strategy="pairs"), rig.desk.snapshot(), T0 + 1000)
    other.venue = rig.venue
    other.feed(*other.venue.on_quote(103.5, T0 + FIVE), Timer(ts=T0 + FIVE))
    (trade,) = facts(other.commands, Trade)
    assert trade.strategy == "eos"
    assert other.desk.state.results == {BOOK: ()}


def test_only_so_many_are_kept_oldest_first() -> None:
    rig = Rig(loose())
    for number in range(3):
        round_trip(rig, T0 + number * 4 * FIVE, PositionSide.LONG, 100.0, 101.0)
    kept = rig.desk.state.results[BOOK]
    assert [result.ts_closed for result in kept] == sorted(result.ts_closed for result in kept)
    rig.desk.state.results[BOOK] = kept[:1] * KEEP_RESULTS
    round_trip(rig, T0 + 12 * FIVE, PositionSide.LONG, 100.0, 101.0)
    assert len(rig.desk.state.results[BOOK]) == KEEP_RESULTS
    assert rig.desk.state.results[BOOK][-1].ts_closed == T0 + 13 * FIVE + 1


def test_books_keep_their_own() -> None:
    cfg = loose()
    both = type(cfg)(books={**cfg.books, "other": book_config(instruments=("ETHUSDT.BINANCE",))}, breaker=cfg.breaker)
    rig = Rig(both)
    round_trip(rig, T0, PositionSide.LONG, 100.0, 101.0)
    assert [len(rig.desk.state.results[name]) for name in (BOOK, "other")] == [1, 0]
    assert set(rig.desk.snapshot().results) == {BOOK}
