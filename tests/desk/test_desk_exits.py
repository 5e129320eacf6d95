"""The exit policy and the protection of positions."""

import msgspec
import pytest
from desk_kit import (
    BOOK,
    BTC,
    DAY,
    FIVE,
    T0,
    K,
    Rig,
    bar,
    book_config,
    config,
    d,
    entry,
    exit_signal,
    facts,
    fill_of,
    instrument,
    only,
    quote,
    update,
)
from hypothesis import given as for_all
from hypothesis import strategies as st

from tradeterm.config import ExitsConfig
from tradeterm.desk.exits import trailing_level
from tradeterm.desk.state import Book, Health
from tradeterm.domain.commands import AmendOrder, CancelOrder, SubmitOrder
from tradeterm.domain.events import Timer, VenueStatus, WorkerStatus
from tradeterm.domain.facts import AlertFact, SignalFact, Trade
from tradeterm.domain.orders import OrderIntent, OrderStatus, OrderType, PositionSide
from tradeterm.domain.signals import SignalOutcome
from tradeterm.domain.snapshot import Position
from tradeterm.domain.states import (
    BookState,
    BreakerLevel,
    HealthLevel,
    TradingState,
    VenueState,
    WorkerName,
    WorkerState,
)

KEY = (BOOK, BTC)
LONG, SHORT = PositionSide.LONG, PositionSide.SHORT


def only_exits(**exits: object) -> Rig:
    off = {"target": None, "trail": None, "time_limit_hours": None, "session_end": False}
    return Rig(config(crypto=book_config(exits=ExitsConfig(**{**off, **exits}))))


def last_trade(rig: Rig) -> Trade:
    trade: Trade = facts(rig.commands, Trade)[-1]
    return trade


def alerts(rig: Rig) -> list[str]:
    return [fact.code for fact in facts(rig.commands, AlertFact)]


@pytest.mark.parametrize(("side", "price"), [(LONG, 97.9), (SHORT, 102.1)])
def test_the_stop_closes_at_the_venue(side: PositionSide, price: float) -> None:
    rig = Rig()
    rig.open_position(side=side)
    rig.quote(price, T0 + FIVE)
    assert KEY not in rig.desk.positions
    assert last_trade(rig).exit_reason == "STOP"
    assert last_trade(rig).pnl < 0
    assert not rig.desk.state.working, "the target went with the position"


def test_the_target_closes_at_the_venue() -> None:
    rig = Rig()
    rig.open_position()
    rig.quote(103.2, T0 + FIVE)
    assert last_trade(rig).exit_reason == "TARGET"
    assert last_trade(rig).r_multiple > 1


@pytest.mark.parametrize(("side", "sign"), [(LONG, 1), (SHORT, -1)])
def test_trailing_arms_tightens_and_never_loosens(side: PositionSide, sign: int) -> None:
    rig = only_exits(trail=0.015, trail_after=0.01)
    trade = rig.open_position(side=side)
    stop = trade + "s"
    assert not only(rig.bars(100 + sign * 0.9, T0 + FIVE), AmendOrder), "not armed below 1 %"
    (amend,) = only(rig.bars(100 + sign * 2.0, T0 + 2 * FIVE), AmendOrder)
    level = d("100.5") if sign > 0 else d("99.4")
    assert amend.trigger_price == level
    assert rig.desk.positions[KEY].stop_price == level
    assert rig.desk.orders[stop].trigger_price == level
    assert not only(rig.bars(100 + sign * 1.2, T0 + 3 * FIVE), AmendOrder), "never loosened"
    assert not only(rig.bars(100 + sign * 2.01, T0 + 4 * FIVE), AmendOrder), "less than a tick"
    rig.quote(100.0, T0 + 5 * FIVE)
    assert last_trade(rig).exit_reason == "TRAILING"


def test_a_bar_that_closed_beyond_the_trailing_level_is_left_at_the_market() -> None:
    rig = only_exits(trail=0.015, trail_after=0.01)
    rig.open_position()
    rig.bars(100.2, T0 + FIVE)
    given = rig.bars(101.0, T0 + 2 * FIVE, high=105.0)
    (submit,) = only(given, SubmitOrder)
    assert (submit.order.intent, submit.order.reduce_only, submit.order.reason) == (OrderIntent.EXIT, True, "TRAILING")
    assert not only(given, AmendOrder)


def test_what_the_entry_bar_did_before_the_entry_does_not_trail() -> None:
    rig = only_exits(trail=0.015, trail_after=0.01)
    rig.bars(100.0, T0, entry())
    rig.quote(100.0, T0 + 1000)
    assert not only(rig.bars(100.0, T0 + FIVE, high=110.0), AmendOrder)
    assert rig.desk.positions[KEY].peak_price == d(100)


def test_a_refused_amend_is_tried_again_on_the_next_bar() -> None:
    rig = only_exits(trail=0.015, trail_after=0.01)
    stop = rig.open_position() + "s"
    known = rig.venue.orders.pop(stop)
    rig.bars(102.0, T0 + FIVE)
    assert rig.desk.orders[stop].status is OrderStatus.ACCEPTED
    assert rig.desk.positions[KEY].stop_price == d(98)
    rig.venue.orders[stop] = known
    rig.bars(102.0, T0 + 2 * FIVE)
    assert rig.desk.positions[KEY].stop_price == d("100.5")


def test_the_time_limit() -> None:
    rig = only_exits(time_limit_hours=0.5)
    rig.open_position()
    for number in range(1, 6):
        assert not only(rig.bars(100.0, T0 + number * FIVE), SubmitOrder)
    rig.bars(100.0, T0 + 6 * FIVE)
    rig.quote(100.0, T0 + 6 * FIVE)
    assert last_trade(rig).exit_reason == "TIME_LIMIT"


def test_the_last_bar_of_the_day_closes_everything() -> None:
    rig = only_exits(session_end=True)
    rig.open_position()
    midnight = (T0 // DAY + 1) * DAY
    assert not only(rig.bars(100.0, midnight - FIVE), SubmitOrder)
    assert only(rig.bars(100.0, midnight), SubmitOrder)
    rig.quote(100.0, midnight)
    assert last_trade(rig).exit_reason == "SESSION_END"


@pytest.mark.parametrize(("session_end", "sent"), [(True, False), (False, True)])
def test_the_sessions_last_bar_opens_nothing_that_would_be_held_over(session_end: bool, sent: bool) -> None:
    rig = only_exits(session_end=session_end)
    midnight = (T0 // DAY + 1) * DAY
    given = rig.bars(100.0, midnight, entry(midnight))
    assert bool(only(given, SubmitOrder)) is sent
    (fact,) = [fact for fact in facts(given, SignalFact) if fact.outcome is not SignalOutcome.PENDING]
    assert fact.outcome_code == ("" if sent else "MARKET_CLOSED")


def test_a_position_that_outlived_its_session_is_closed_on_the_next_bar() -> None:
    rig = only_exits(session_end=True)
    rig.open_position()
    midnight = (T0 // DAY + 1) * DAY
    (submit,) = only(rig.bars(100.0, midnight + 3 * FIVE), SubmitOrder)
    assert submit.order.reason == "SESSION_END"


def test_the_first_rule_that_applies_decides() -> None:
    rig = Rig(config(crypto=book_config(exits=ExitsConfig(time_limit_hours=0.05))))
    rig.open_position()
    given = rig.bars(100.0, T0 + FIVE, exit_signal(T0 + FIVE), high=102.9)
    assert [command.order.reason for command in only(given, SubmitOrder)] == ["TRAILING"]


def test_the_strategys_exit() -> None:
    rig = only_exits()
    rig.open_position()
    given = rig.bars(100.5, T0 + FIVE, exit_signal(T0 + FIVE))
    (fact,) = facts(given, SignalFact)
    assert (fact.outcome, fact.client_order_id) == (SignalOutcome.ORDERED, rig.desk.positions[KEY].trade_id + "x1")
    rig.quote(100.5, T0 + FIVE)
    assert last_trade(rig).exit_reason == "MEAN_CROSS"


def test_an_exit_without_a_position_or_for_the_other_side_leaves_no_trace() -> None:
    rig = only_exits()
    assert rig.feed(exit_signal(T0)) == []
    rig.open_position()
    assert rig.feed(exit_signal(T0 + FIVE, SHORT)) == []


def test_an_exit_that_requires_profit_looks_at_earlier_bars_only() -> None:
    rig = only_exits()
    rig.open_position()
    assert not only(rig.bars(99.0, T0 + FIVE, exit_signal(T0 + FIVE, requires_profit=True)), SubmitOrder)
    given = rig.bars(101.0, T0 + 2 * FIVE, exit_signal(T0 + 2 * FIVE, requires_profit=True))
    assert not only(given, SubmitOrder), "in profit only since this very bar"
    assert rig.desk.positions[KEY].been_in_profit
    assert only(rig.bars(100.4, T0 + 3 * FIVE, exit_signal(T0 + 3 * FIVE, requires_profit=True)), SubmitOrder)


def test_an_exit_under_way_is_not_doubled_and_the_stop_is_left_alone() -> None:
    rig = Rig()
    trade = rig.open_position()
    rig.bars(100.5, T0 + FIVE, exit_signal(T0 + FIVE))
    given = rig.bars(102.9, T0 + 2 * FIVE, exit_signal(T0 + 2 * FIVE))
    assert not only(given, SubmitOrder)
    assert not only(given, AmendOrder)
    assert rig.desk.orders[trade + "s"].status is OrderStatus.ACCEPTED, "the stop rests until flat"


def test_the_stop_fills_while_we_exit() -> None:
    rig = Rig()
    trade = rig.open_position()
    rig.bars(100.5, T0 + FIVE, exit_signal(T0 + FIVE))
    exit_order = rig.venue.orders.pop(trade + "x1")
    rig.quote(97.0, T0 + FIVE)
    assert KEY not in rig.desk.positions
    assert last_trade(rig).exit_reason == "STOP"
    rig.venue.orders[trade + "x1"] = exit_order
    assert not only(rig.feed(Timer(ts=T0 + FIVE + 9000)), CancelOrder), "asked a moment ago"
    rig.feed(Timer(ts=T0 + FIVE + 10_000))
    assert rig.desk.orders[trade + "x1"].status is OrderStatus.CANCELED
    assert not rig.desk.state.working


def test_closing_twice_is_an_anomaly_and_gets_closed() -> None:
    rig = Rig()
    trade = rig.open_position()
    rig.bars(100.5, T0 + FIVE, exit_signal(T0 + FIVE))
    exit_order = rig.desk.orders[trade + "x1"]
    rig.venue.orders.pop(trade + "x1")
    rig.quote(97.0, T0 + FIVE)
    rig.feed(fill_of(exit_order, 100, 97, T0 + FIVE + 1, "double"))
    position = rig.desk.positions[KEY]
    assert (position.quantity, position.exit_reason) == (d(-100), "OVER_CLOSED")
    assert rig.desk.state.trading_state is TradingState.REDUCING
    rig.venue.positions[KEY] = d(-100)
    rig.quote(97.0, T0 + 2 * FIVE)
    assert KEY not in rig.desk.positions


def test_an_exit_that_ends_early_is_followed_by_the_next_one_with_growing_patience() -> None:
    rig = Rig()
    trade = rig.open_position()
    rig.venue.refuse |= {f"{trade}x1", f"{trade}x2"}
    rig.bars(100.5, T0 + FIVE, exit_signal(T0 + FIVE))
    assert alerts(rig)[-1] == "EXIT_FAILED"
    sent = [
        command.order.client_order_id
        for ms in (500, 1000, 1500, 2900, 3000, 4000)
        for command in only(rig.feed(Timer(ts=T0 + FIVE + ms)), SubmitOrder)
    ]
    assert sent == [f"{trade}x2", f"{trade}x3"]
    rig.quote(100.5, T0 + 2 * FIVE)
    assert last_trade(rig).exit_reason == "MEAN_CROSS"


def test_an_exit_filled_in_part_goes_on_until_flat() -> None:
    rig = Rig()
    trade = rig.open_position()
    rig.bars(100.5, T0 + FIVE, exit_signal(T0 + FIVE))
    rig.venue.cap = d(60)
    rig.quote(100.5, T0 + FIVE)
    assert rig.desk.positions[KEY].quantity == d(40)
    rig.venue.orders.pop(trade + "x1")
    rig.feed(update(trade + "x1", K.CANCELED, T0 + FIVE + 1))
    (again,) = only(rig.feed(Timer(ts=T0 + FIVE + 2000)), SubmitOrder)
    assert (again.order.client_order_id, again.order.quantity) == (trade + "x2", d(40))


def test_a_remainder_below_the_smallest_order_can_still_be_closed() -> None:
    rig = Rig()
    trade = rig.open_position()
    stop = rig.desk.orders[trade + "s"]
    rig.feed(fill_of(stop, "99.999", 98, T0 + 1, "part"))
    rig.venue.positions[KEY] = d("0.001")
    rig.bars(100.5, T0 + FIVE, exit_signal(T0 + FIVE))
    assert rig.desk.orders[trade + "x1"].quantity == d("0.001")
    rig.quote(100.5, T0 + FIVE)
    assert KEY not in rig.desk.positions


@pytest.mark.parametrize("book", BookState)
@pytest.mark.parametrize("breaker", BreakerLevel)
@pytest.mark.parametrize("trading", TradingState)
@pytest.mark.parametrize("own", [False, True], ids=["the strategy's", "the desk's"])
def test_no_state_of_the_desk_holds_an_exit_back(
    own: bool, trading: TradingState, breaker: BreakerLevel, book: BookState
) -> None:
    rig = Rig()
    rig.open_position()
    state = rig.desk.state
    state.trading_state, state.breaker, state.books[BOOK].state = trading, breaker, book
    state.health[BOOK] = Health(HealthLevel.CRITICAL, T0)
    state.workers[WorkerName.RISK] = WorkerStatus(ts=T0, worker=WorkerName.RISK, state=WorkerState.FAILED)
    if own:
        given = rig.bars(100.0, T0 + 8 * 12 * FIVE)
    else:
        given = rig.bars(100.0, T0 + FIVE, exit_signal(T0 + FIVE))
        assert facts(given, SignalFact)[0].outcome is SignalOutcome.ORDERED
    (sent,) = [command.order for command in only(given, SubmitOrder)]
    assert sent.reduce_only
    rig.quote(100.0, rig.ts)
    assert last_trade(rig).exit_reason == ("TIME_LIMIT" if own else "MEAN_CROSS")


def test_an_exit_signal_of_a_halted_desk_whose_venue_is_lost_is_sent_once_it_is_back() -> None:
    rig = Rig()
    rig.open_position()
    rig.desk.state.trading_state = TradingState.HALTED
    rig.feed(VenueStatus(ts=T0 + 1, venue="paper", state=VenueState.DISCONNECTED))
    assert not only(rig.bars(100.0, T0 + FIVE, exit_signal(T0 + FIVE)), SubmitOrder)
    rig.feed(VenueStatus(ts=T0 + FIVE + 1, venue="paper", state=VenueState.READY))
    (sent,) = only(rig.feed(Timer(ts=T0 + FIVE + 2)), SubmitOrder)
    assert (sent.order.reason, sent.order.reduce_only) == ("MEAN_CROSS", True)


def test_a_refused_stop_is_placed_anew() -> None:
    rig = Rig()
    rig.venue.refuse.add(f"s{T0 // 1000}-1s")
    trade = rig.open_position()
    assert rig.desk.orders[trade + "s"].status is OrderStatus.REJECTED
    new = rig.desk.orders[trade + "s2"]
    assert (new.status, new.type, new.trigger_price) == (OrderStatus.ACCEPTED, OrderType.STOP_MARKET, d(98))
    assert new.reduce_only
    assert rig.desk.positions[KEY].ts_unprotected is None
    rig.quote(97.5, T0 + FIVE)
    assert last_trade(rig).exit_reason == "STOP"


@pytest.mark.parametrize("kind", [K.CANCELED, K.EXPIRED])
def test_a_stop_that_vanishes_is_placed_anew(kind: K) -> None:
    rig = Rig()
    trade = rig.open_position()
    del rig.venue.orders[trade + "s"]
    rig.feed(update(trade + "s", kind, T0 + 1000))
    assert rig.desk.orders[trade + "s2"].status is OrderStatus.ACCEPTED
    assert "STOP_LOST" in alerts(rig)


def test_a_stop_refused_because_the_price_crossed_it_means_leaving_at_the_market() -> None:
    rig = Rig()
    rig.venue.refuse.add(f"s{T0 // 1000}-1s")
    rig.bars(100.0, T0, entry())
    rig.feed(quote(97.0, T0 + 1), *rig.venue.on_quote(97.0, T0 + 1), Timer(ts=T0 + 2))
    (exit_order,) = [o for o in rig.desk.orders.values() if o.intent is OrderIntent.EXIT]
    assert exit_order.reason == "STOP"
    assert exit_order.type is OrderType.MARKET


def test_stops_that_keep_failing_alert_then_flatten() -> None:
    rig = Rig()
    rig.venue.refuse |= {f"s{T0 // 1000}-1s"} | {f"s{T0 // 1000}-1s{n}" for n in range(2, 20)}
    trade = rig.open_position()
    for second in range(1, 10):
        rig.feed(Timer(ts=T0 + second * 1000))
    assert "UNPROTECTED_POSITION" not in alerts(rig)
    for second in range(10, 62):
        rig.feed(Timer(ts=T0 + second * 1000))
    assert alerts(rig).count("UNPROTECTED_POSITION") == 1
    assert rig.desk.orders[trade + "x1"].reason == "UNPROTECTED"
    tries = [id for id in rig.desk.orders if id.startswith(trade + "s")]
    assert len(tries) < 8, "repeats wait longer each time"


def test_without_a_stop_at_the_venue_the_desk_watches_the_price() -> None:
    rig = Rig()
    rig.venue.refuse |= {f"s{T0 // 1000}-1s"} | {f"s{T0 // 1000}-1s{n}" for n in range(2, 20)}
    trade = rig.open_position()
    given = rig.feed(quote(97.9, T0 + 500))
    assert [command.order.client_order_id for command in only(given, SubmitOrder)] == [trade + "x1"]


def test_a_stop_that_is_never_acknowledged_is_looked_up_then_given_up() -> None:
    rig = Rig()
    rig.bars(100.0, T0, entry())
    entry_order = rig.desk.orders[f"s{T0 // 1000}-1"]
    rig.desk.on(fill_of(entry_order, 100, 100, T0 + 1, "x1"))
    rig.venue.positions[KEY] = d(100)
    for second in range(1, 63):
        rig.feed(Timer(ts=T0 + second * 1000))
    assert rig.desk.orders[entry_order.client_order_id + "s"].status is OrderStatus.UNKNOWN
    assert rig.desk.orders[entry_order.client_order_id + "x1"].reason == "UNPROTECTED"


def test_leftovers_are_cancelled_once_flat() -> None:
    rig = Rig()
    trade = rig.open_position()
    rig.bars(100.5, T0 + FIVE, exit_signal(T0 + FIVE))
    rig.desk.on(fill_of(rig.desk.orders[trade + "x1"], 100, 100, T0 + FIVE + 1, "e"))
    assert KEY not in rig.desk.positions
    rig.venue.orders.pop(trade + "x1")
    given = rig.feed(Timer(ts=T0 + FIVE + 2))
    assert {command.order.client_order_id for command in only(given, CancelOrder)} == {trade + "s", trade + "t"}
    assert not rig.desk.state.working


@for_all(
    st.sampled_from([LONG, SHORT]),
    st.lists(st.decimals(min_value="90.0", max_value="110.0", places=1), min_size=1, max_size=20),
)
def test_the_trailing_stop_only_ever_tightens(side: PositionSide, closes: list[object]) -> None:
    book = Book(BOOK, book_config(), FIVE, BookState.RUNNING, d(1), d(1))
    position = Position(
        book=BOOK,
        venue="paper",
        account=BOOK,
        instrument=BTC,
        quantity=d(side.sign),
        average_price=d(100),
        stop_price=d(100) - 2 * side.sign,
        peak_price=d(100),
    )
    for close in map(d, closes):
        peak = max(position.peak_price, close) if side is LONG else min(position.peak_price, close)
        position = msgspec.structs.replace(position, peak_price=peak)
        level = trailing_level(book, position, instrument())
        if level is not None:
            assert (level - position.stop_price) * side.sign >= d("0.1")
            assert (peak - level) * side.sign <= peak * d("0.015")
            position = msgspec.structs.replace(position, stop_price=level)


def test_bars_of_another_length_move_the_mark_but_no_exit() -> None:
    rig = only_exits(time_limit_hours=0.01)
    rig.open_position()
    hour = msgspec.structs.replace(bar(100.0, T0 + 12 * FIVE).bar, interval_ms=60_000)
    given = rig.feed(msgspec.structs.replace(bar(100.0, T0 + 12 * FIVE), bar=hour))
    assert not only(given, SubmitOrder)
