"""TWAP and iceberg, scenario by scenario, where a stop has a size of its own and where it covers the position."""

from decimal import Decimal
from itertools import pairwise

import msgspec
import pytest
from desk_kit import BOOK, BTC, FIVE, T0, K, d, entry, facts, fill_of, only, quote, update
from slicing_kit import BASE, KEY, LIMITS, MINUTE, REST, SECOND, OwnSizeVenue, PaperVenue, SlicingRig, sliced

from tradeterm.config import ExitsConfig
from tradeterm.desk.account import worst_exposure
from tradeterm.domain.commands import AmendOrder, CancelOrder, SubmitOrder
from tradeterm.domain.events import OperatorCommand, Timer, VenueStatus, WorkerStatus
from tradeterm.domain.facts import SignalFact, Trade
from tradeterm.domain.orders import OrderIntent, OrderStatus, OrderType, PositionSide
from tradeterm.domain.signals import SignalOutcome
from tradeterm.domain.states import BreakerLevel, CommandVerb, TradingState, VenueState, WorkerName, WorkerState

BOTH = pytest.mark.parametrize("paper", [False, True], ids=["own-size", "whole-position"])
EVERY = pytest.mark.parametrize("algorithm", ["twap", "iceberg"])


def command(rig: SlicingRig, verb: CommandVerb, **more: str) -> OperatorCommand:
    return OperatorCommand(ts=rig.ts, id=rig.ts, verb=verb, actor="me", **more)


def started(algorithm: str = "twap", *, paper: bool = True, seconds: int = 400, **changes: object) -> SlicingRig:
    """A schedule that has filled its first parts."""
    rig = SlicingRig(sliced(algorithm, **changes), paper=paper)
    rig.enter()
    rig.go(seconds)
    assert len(rig.parts) >= 2
    assert rig.held == sum(rig.sent)
    return rig


def assert_over(rig: SlicingRig, code: str) -> None:
    """Ended with this code, and nothing is sent afterwards."""
    assert rig.rest.is_closed
    assert rig.rest.reason.startswith(f"{code}: "), rig.rest.reason
    assert not rig.desk.state.schedules
    before = len(rig.parts)
    rig.go(3600, every=30)
    assert len(rig.parts) == before


@BOTH
def test_twap_sends_equal_parts_over_its_time(paper: bool) -> None:
    rig = SlicingRig(sliced("twap"), paper=paper)
    rig.enter()
    rig.go(1800)
    assert sum(rig.sent) == d(100) == rig.held
    assert max(rig.sent) - min(rig.sent) == d("0.001"), "a lot at most"
    assert rig.times == [0, 300, 600, 900, 1200, 1500]
    assert [order.client_order_id for order in rig.parts] == [BASE, *[f"{BASE}c{n}" for n in range(2, 7)]]
    assert {order.type for order in rig.parts} == {OrderType.MARKET}
    assert [order.stop_loss for order in rig.parts] == [d(98), *[None] * 5], "one stop, whatever the parts"
    assert rig.desk.positions[KEY].trade_id == BASE
    assert_over(rig, "COMPLETE")
    assert rig.alerts == []


@BOTH
def test_iceberg_shows_one_part_at_a_time(paper: bool) -> None:
    rig = SlicingRig(sliced("iceberg", slices=4), paper=paper)
    rig.enter()
    rig.go(290, price=100.5)
    assert rig.sent == [d(25)], "the market has not come to it"
    assert rig.held == 0
    assert rig.parts[0].type is OrderType.LIMIT
    assert rig.parts[0].price == d(100)
    assert not rig.parts[0].post_only
    rig.go(1500, price=99.9)
    assert sum(rig.sent) == d(100) == rig.held
    assert {order.price for order in rig.parts[1:]} == {d("99.9")}, "each at the last price"
    assert min(b - a for a, b in pairwise(rig.times)) >= 30
    assert_over(rig, "COMPLETE")


@BOTH
@EVERY
def test_every_part_is_covered_as_soon_as_its_fill_is_heard(algorithm: str, paper: bool) -> None:
    rig = SlicingRig(sliced(algorithm), paper=paper)
    rig.enter()
    for second in range(10, 1810, 10):
        rig.step(100.0, T0 + second * SECOND)
        if rig.held:
            assert rig.desk.positions[KEY].ts_unprotected is None, "the stop covers what was just filled"
    stop, target = rig.desk.orders[BASE + "s"], rig.desk.orders[BASE + "t"]
    assert stop.quantity == target.quantity == rig.held == d(100)
    stops = [order for order in rig.desk.state.working_orders() if order.intent is OrderIntent.PROTECTIVE_STOP]
    assert stops == [stop]
    if isinstance(rig.venue, PaperVenue):
        assert rig.venue.matching.account.working[BASE + "s"].order.leaves_quantity == rig.held


@BOTH
def test_the_stop_closes_all_parts_and_ends_the_schedule(paper: bool) -> None:
    rig = started(paper=paper)
    rig.step(97.0, rig.ts + 10 * SECOND)
    assert rig.held == 0
    (trade,) = facts(rig.commands, Trade)
    assert (trade.id, trade.exit_reason, trade.quantity) == (BASE, "STOP", d("33.334"))
    assert not rig.desk.state.working
    assert_over(rig, "POSITION_CLOSED")


@BOTH
def test_trailing_moves_the_one_stop_and_the_next_part_keeps_it(paper: bool) -> None:
    rig = SlicingRig(sliced(price_limit=1.0), paper=paper)
    rig.enter()
    rig.go(250)
    rig.go(200, price=101.5)
    moved = rig.desk.orders[BASE + "s"].trigger_price
    assert moved is not None
    assert moved > d(99)
    rig.go(300, price=101.5)
    assert len(rig.parts) >= 3
    assert rig.desk.orders[BASE + "s"].trigger_price == moved
    assert rig.desk.orders[BASE + "s"].quantity == rig.held
    assert rig.desk.positions[KEY].ts_unprotected is None


def test_what_is_left_is_an_order_and_counts() -> None:
    rig = SlicingRig(sliced())
    rig.enter()
    assert rig.rest.status is OrderStatus.INITIALIZED
    assert rig.rest.venue == "desk"
    assert rig.rest.quantity == d(100) - rig.sent[0]
    assert worst_exposure(rig.desk.state, BOOK) == {BTC: d(10_000)}
    rig.go(400)
    assert worst_exposure(rig.desk.state, BOOK) == {BTC: d(10_000)}
    rig.close_bar(100.0, T0 + 2 * FIVE, entry(T0 + 2 * FIVE, side=PositionSide.SHORT))
    assert facts(rig.commands, SignalFact)[-1].outcome_code == "OPPOSITE_SIGNAL"


def test_the_signal_is_ordered_once_and_names_its_first_part() -> None:
    rig = started()
    last = facts(rig.commands, SignalFact)[-1]
    assert (last.outcome, last.client_order_id) == (SignalOutcome.ORDERED, BASE)
    assert last.outcome_text == "BUY 100 by twap, 6 parts planned"


def test_participation_caps_a_part_and_the_rest_is_made_up_for() -> None:
    rig = SlicingRig(sliced(), volume=200.0)
    rig.enter()
    rig.go(1810)
    assert rig.sent[0] == d(10), "5 % of what five minutes trade"
    assert max(rig.sent) <= d(10)
    assert sum(rig.sent) < d(100)
    assert_over(rig, "TIME_OVER")
    assert rig.alerts.count("SLICING_ENDED") == 1


def test_an_hour_takes_a_tenth_of_its_volume() -> None:
    rig = SlicingRig(sliced(duration_minutes=240.0, slices=50), volume=30.0)
    rig.enter()
    rig.go(4 * 3600, every=60)
    for start in range(0, 4 * 3600, 60):
        hour = sum(q for q, at in zip(rig.sent, rig.times, strict=True) if start <= at < start + 3600)
        assert hour <= d(36)
    assert sum(rig.sent) > d(50)


def test_without_volume_there_is_no_entry() -> None:
    rig = SlicingRig(sliced(), volume=float("nan"))
    rig.enter()
    last = facts(rig.commands, SignalFact)[-1]
    assert (last.outcome, last.outcome_code) == (SignalOutcome.DENIED, "VOLUME_UNKNOWN")
    assert "volume" in last.outcome_text
    assert not rig.parts
    assert not rig.desk.orders


def test_too_little_volume_is_no_entry() -> None:
    rig = SlicingRig(sliced(), volume=0.1)
    rig.enter()
    assert facts(rig.commands, SignalFact)[-1].outcome_code == "PARTICIPATION"
    assert not rig.parts


def test_volume_that_gets_lost_makes_the_next_part_wait() -> None:
    rig = started()
    rig.volume = float("nan")
    rig.go(600)
    assert len(rig.parts) == 2
    assert rig.alerts == ["SLICE_WAITS"], "said once"
    rig.volume = 1000.0
    rig.go(300)
    assert len(rig.parts) == 2, "a bar without volume is among the last hour's"


def test_few_bars_allow_less_never_more() -> None:
    rig = SlicingRig(sliced(), bars=1, volume=100.0)
    rig.enter()
    assert rig.sent == [d(5)]


@BOTH
@pytest.mark.parametrize(
    ("verb", "code"),
    [
        (CommandVerb.HALT, "TRADING_STATE"),
        (CommandVerb.KILL, "TRADING_STATE"),
        (CommandVerb.STOP, "BOOK_STOPPED"),
        (CommandVerb.PAUSE, "BOOK_STOPPED"),
        (CommandVerb.FLATTEN, "POSITION_CLOSED"),
    ],
)
@EVERY
def test_an_operator_ends_it_at_once(algorithm: str, verb: CommandVerb, code: str, paper: bool) -> None:
    rig = started(algorithm, paper=paper)
    rig.feed(command(rig, verb))
    assert rig.rest.is_closed
    assert rig.rest.reason.startswith(code)
    assert not rig.desk.state.schedules
    rig.go(30)
    working = rig.desk.state.working_orders()
    assert not [order for order in working if order.intent is OrderIntent.ENTRY]
    if verb in (CommandVerb.KILL, CommandVerb.FLATTEN):
        assert rig.held == 0
        assert not working
    else:
        assert rig.desk.positions[KEY].ts_unprotected is None
    rig.feed(command(rig, CommandVerb.RESUME), command(rig, CommandVerb.START))
    assert_over(rig, code)


@BOTH
def test_flatten_before_the_first_fill_leaves_nothing(paper: bool) -> None:
    rig = SlicingRig(sliced("iceberg"), paper=paper)
    rig.enter()
    rig.go(20, price=100.5)
    rig.feed(command(rig, CommandVerb.FLATTEN))
    assert_over(rig, "CANCELED")
    assert rig.held == 0
    assert not rig.desk.state.working


@EVERY
def test_a_price_that_runs_away_ends_it(algorithm: str) -> None:
    rig = started(algorithm)
    rig.step(101.1, rig.ts + 10 * SECOND)
    assert_over(rig, "PRICE_MOVED")
    assert "SLICING_ENDED" in rig.alerts
    assert rig.held, "the position stays, and is protected as any"


def test_a_limit_left_behind_is_cancelled_when_the_time_is_over() -> None:
    rig = SlicingRig(sliced("iceberg", duration_minutes=5.0), paper=True)
    rig.enter()
    rig.go(310, price=100.5)
    assert rig.held == 0
    assert rig.desk.orders[BASE].status is OrderStatus.CANCELED
    assert_over(rig, "TIME_OVER")
    assert not rig.desk.state.working


def test_a_partly_filled_part_is_cut_when_the_time_is_over() -> None:
    rig = SlicingRig(sliced("twap", duration_minutes=5.0, slices=1), paper=True, participation=0.001)
    rig.enter()
    rig.go(310)
    assert d(0) < rig.held < rig.sent[0]
    assert rig.desk.orders[BASE].status is OrderStatus.CANCELED
    assert_over(rig, "TIME_OVER")
    stop = rig.desk.orders[BASE + "s"]
    assert (stop.status, stop.quantity) == (OrderStatus.ACCEPTED, rig.held)


def test_partial_fills_of_several_parts_keep_one_stop_of_the_right_size() -> None:
    rig = SlicingRig(sliced("twap"), paper=True, participation=0.01)
    rig.enter()
    open_parts = set()
    for second in range(10, 1800, 10):
        rig.step(100.0, T0 + second * SECOND)
        working = [order for order in rig.desk.state.working_orders() if order.venue == "paper"]
        open_parts.add(sum(order.intent is OrderIntent.ENTRY for order in working))
        if rig.held:
            assert rig.desk.positions[KEY].ts_unprotected is None
            assert rig.desk.orders[BASE + "s"].leaves_quantity == rig.held
    assert max(open_parts) >= 2, "the parts fill more slowly than they come"
    assert sum(rig.sent) == d(100)


def test_open_orders_of_the_instrument_are_bounded() -> None:
    rig = SlicingRig(sliced("twap", max_open_orders=4), paper=True, participation=0.001)
    rig.enter()
    for second in range(10, 1800, 10):
        rig.step(100.0, T0 + second * SECOND)
        open_now = [order for order in rig.desk.state.working_orders() if order.venue == "paper"]
        assert len(open_now) <= 4
    assert len(rig.parts) == 2
    assert "SLICE_WAITS" in rig.alerts


def test_a_refused_part_ends_it() -> None:
    rig = SlicingRig(sliced(), paper=True)
    rig.venue.refuse.add(f"{BASE}c2")
    rig.enter()
    rig.go(400)
    assert rig.held == rig.sent[0]
    assert_over(rig, "PART_ENDED")
    assert "NO refused" in rig.rest.reason


def test_an_unanswered_part_is_waited_for_and_ends_it_once_the_venue_seems_to_hang() -> None:
    rig = SlicingRig(sliced(), paper=True)
    rig.venue.lost.add(f"{BASE}c2")
    rig.enter()
    while len(rig.parts) < 2:
        rig.go(10)
    rig.go(30)
    assert rig.desk.orders[f"{BASE}c2"].status is OrderStatus.UNKNOWN
    assert len(rig.parts) == 2
    assert rig.rest.status is not OrderStatus.CANCELED
    rig.go(10)
    assert rig.desk.state.breaker is BreakerLevel.THROTTLE
    assert_over(rig, "BREAKER")


def test_a_part_that_never_arrived_ends_it() -> None:
    rig = SlicingRig(sliced(), paper=True)
    rig.venue.lost.add(f"{BASE}c2")
    rig.enter()
    while len(rig.parts) < 2:
        rig.go(10)
    rig.feed(update(f"{BASE}c2", K.REFUSED, rig.ts, code="NEVER_ARRIVED"))
    assert_over(rig, "PART_ENDED")
    assert f"s{T0 // 1000}" in rig.desk.state.signals_seen, "the signal was ordered and stays so"


def test_a_venue_that_is_away_is_waited_for() -> None:
    rig = started()
    rig.feed(VenueStatus(ts=rig.ts, venue="paper", state=VenueState.DISCONNECTED))
    rig.go(300)
    assert len(rig.parts) == 2
    rig.feed(VenueStatus(ts=rig.ts, venue="paper", state=VenueState.READY))
    rig.go(1100)
    assert sum(rig.sent) == d(100)


def test_a_worker_that_failed_is_waited_for() -> None:
    rig = started()
    rig.feed(WorkerStatus(ts=rig.ts, worker=WorkerName.STRATEGY, state=WorkerState.FAILED))
    rig.go(300)
    assert len(rig.parts) == 2
    assert "SLICE_WAITS" in rig.alerts


def test_a_drawdown_ends_it() -> None:
    limits = msgspec.structs.replace(LIMITS, daily_loss=0.0001)
    rig = SlicingRig(sliced(limits=limits), paper=True)
    rig.enter()
    rig.go(100)
    rig.go(20, price=99.2)
    assert_over(rig, "DAILY_LOSS_LIMIT")


def test_the_exposure_limits_cut_what_is_left() -> None:
    limits = msgspec.structs.replace(LIMITS, max_position_exposure=0.1)
    rig = SlicingRig(sliced(limits=limits), paper=True)
    rig.enter()
    rig.go(1900, price=100.9)
    assert d(99) < sum(rig.sent) < d(100)
    assert "SLICING_CUT" in rig.alerts
    assert_over(rig, "COMPLETE")


def test_the_session_s_last_bar_ends_it() -> None:
    rig = SlicingRig(sliced("iceberg", duration_minutes=1440.0), paper=True)
    rig.enter()
    rig.go(12 * 3600, price=100.5, every=300)
    assert rig.desk.orders[BASE].status is OrderStatus.CANCELED
    assert_over(rig, "MARKET_CLOSED")


def test_a_part_that_fills_after_its_position_was_closed_is_closed_at_once() -> None:
    rig = started(paper=False)
    part = rig.parts[-1]
    assert isinstance(rig.venue, OwnSizeVenue)
    rig.go(290 - 100)
    rig.step(100.0, T0 + 600 * SECOND - 1)
    late = msgspec.structs.replace(part, client_order_id=f"{BASE}c3", quantity=d("16.667"))
    rig.feed(Timer(ts=T0 + 600 * SECOND))
    assert rig.parts[-1].client_order_id == late.client_order_id
    stop = rig.desk.orders[BASE + "s"]
    before = len(rig.commands)
    rig.feed(
        update(stop.client_order_id, K.TRIGGERED, rig.ts),
        fill_of(stop, rig.held, 98, rig.ts, "stop"),
        fill_of(late, "16.667", 98, rig.ts, "late"),
    )
    (exit_order,) = [c.order for c in only(rig.commands[before:], SubmitOrder)]
    assert (exit_order.intent, exit_order.reason, exit_order.quantity) == (OrderIntent.EXIT, "LATE_PART", d("16.667"))
    assert "LATE_PART" in rig.alerts
    assert rig.desk.orders[REST].reason.startswith("POSITION_CLOSED")


def test_a_restart_drops_what_was_not_sent() -> None:
    rig = started("iceberg")
    snapshot = rig.desk.snapshot()
    again = SlicingRig(rig.config, snapshot=snapshot, ts=rig.ts + 10 * MINUTE, bars=1)
    rest = again.desk.orders[REST]
    assert (rest.status, rest.reason) == (OrderStatus.DENIED, "dropped at the restart")
    assert not again.desk.state.schedules
    assert again.alerts[0] == "SLICING_ENDED"
    again.go(1200)
    assert not again.parts
    assert again.held == rig.held
    assert again.desk.positions[KEY].trade_id == BASE


def test_a_restart_cancels_a_part_that_rests() -> None:
    rig = SlicingRig(sliced("iceberg"), paper=True)
    rig.enter()
    rig.go(20, price=100.5)
    again = SlicingRig(rig.config, snapshot=rig.desk.snapshot(), ts=rig.ts + FIVE, bars=1)
    assert [c.order.client_order_id for c in only(again.commands, CancelOrder)] == [BASE]


def test_exits_never_wait_for_a_schedule() -> None:
    cfg = sliced()
    book = msgspec.structs.replace(
        cfg.books[BOOK], exits=ExitsConfig(time_limit_hours=0.1, trail=None, session_end=False)
    )
    rig = SlicingRig(msgspec.structs.replace(cfg, books={BOOK: book}), paper=True)
    rig.enter()
    rig.go(700)
    assert facts(rig.commands, Trade)[-1].exit_reason == "TIME_LIMIT"
    assert_over(rig, "POSITION_CLOSED")


def test_a_halted_desk_keeps_its_protection() -> None:
    rig = started()
    rig.feed(command(rig, CommandVerb.HALT))
    rig.go(60)
    assert rig.desk.state.trading_state is TradingState.HALTED
    assert rig.desk.orders[BASE + "s"].status is OrderStatus.ACCEPTED
    rig.step(97.0, rig.ts + 10 * SECOND)
    assert rig.held == 0


def test_a_stop_being_moved_is_enlarged_as_soon_as_that_is_confirmed() -> None:
    rig = started(paper=False)
    stop = rig.desk.orders[BASE + "s"]
    assert isinstance(rig.venue, OwnSizeVenue)
    rig.venue.orders[BASE + "s"] = msgspec.structs.replace(rig.venue.orders[BASE + "s"], quantity=d(1))
    rig.feed(update(BASE + "s", K.ACKNOWLEDGED, rig.ts, quantity=d(1)))
    assert rig.desk.positions[KEY].ts_unprotected is not None
    amended = only(rig.feed(Timer(ts=rig.ts + SECOND)), AmendOrder)
    assert [c.quantity for c in amended] == [rig.held]
    assert rig.desk.orders[stop.client_order_id].quantity == rig.held


def test_quotes_alone_send_nothing() -> None:
    rig = SlicingRig(sliced(), paper=True)
    rig.enter()
    rig.go(200)
    given = rig.feed(quote(100.0, T0 + 400 * SECOND))
    assert not only(given, SubmitOrder)
    assert only(rig.feed(Timer(ts=T0 + 400 * SECOND)), SubmitOrder)


def test_ids_are_short_and_never_meet_those_of_protection() -> None:
    rig = SlicingRig(sliced("twap", duration_minutes=60.0, slices=50), paper=True)
    rig.enter()
    rig.go(3600)
    ids = list(rig.desk.orders)
    assert len(rig.parts) == 50
    assert len(set(ids)) == len(ids)
    assert all(len(id) <= 32 and id.replace("-", "").isalnum() for id in ids)
    assert sum(rig.sent) == Decimal(100)


def test_no_part_leaves_on_a_price_that_has_grown_old() -> None:
    rig = started()
    sent = len(rig.parts)
    limit = rig.desk.state.books[BOOK].config.limits.stale_after_seconds
    silent_since = rig.ts
    for second in range(1, 1200):
        rig.feed(Timer(ts=silent_since + second * SECOND))
    assert all(order.ts_created <= silent_since + limit * SECOND for order in rig.parts)
    assert len(rig.parts) <= sent + 1
