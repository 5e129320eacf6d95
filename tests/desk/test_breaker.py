"""What raises the breaker, what lowers it, and what an operator may do about it."""

from decimal import Decimal
from itertools import count

import msgspec
import pytest
from breaker_kit import MINUTE, L, V, answer, ask, changes, level, loose, refuse, resting, rig_with
from desk_kit import (
    BOOK,
    BTC,
    DAY,
    ETH,
    FIVE,
    T0,
    K,
    Rig,
    bar,
    book_config,
    d,
    entry,
    exit_signal,
    facts,
    only,
    quote,
    update,
)

from tradeterm.config import BreakerConfig, Config
from tradeterm.desk import breaker
from tradeterm.desk.breaker_rules import measure, slippage
from tradeterm.domain.commands import CancelOrder, SubmitOrder
from tradeterm.domain.events import Reconciled, Timer, VenueMeasured, VenueStatus
from tradeterm.domain.facts import AlertFact, BreakerFact, SignalFact
from tradeterm.domain.instrument import Calendar
from tradeterm.domain.orders import OrderIntent, OrderSide, OrderStatus, OrderType, PositionSide
from tradeterm.domain.signals import GateCode
from tradeterm.domain.snapshot import DeskSnapshot, Position
from tradeterm.domain.states import BookState, BreakerLevel, CommandStatus, TradingState, VenueState

REFUSED, DONE = CommandStatus.REFUSED, CommandStatus.DONE


def slipped(rig: Rig, side: PositionSide, by: float, ts: int, price: float = 100.0) -> None:
    """A round trip whose entry and exit each fill `by` of the price away, against us where it is positive."""
    name = f"r{ts}"
    rig.feed(bar(price, ts), entry(ts, side, price, id=name), Timer(ts=ts))
    opened = price * (1 + by * side.sign)
    rig.feed(*rig.venue.on_quote(opened, ts + 1), Timer(ts=ts + 1))
    rig.feed(bar(opened, ts + FIVE), exit_signal(ts + FIVE, side, id=f"x{ts}", price=opened), Timer(ts=ts + FIVE))
    rig.feed(*rig.venue.on_quote(opened * (1 - by * side.sign), ts + FIVE + 1), Timer(ts=ts + FIVE + 1))
    assert (BOOK, BTC) not in rig.desk.positions


@pytest.mark.parametrize(
    ("refusals", "reached"), [(1, L.CLOSED), (2, L.ALERT), (3, L.THROTTLE), (5, L.HALT), (10, L.SHUTDOWN)]
)
def test_refused_orders_raise_it_step_by_step(refusals: int, reached: BreakerLevel) -> None:
    rig = rig_with(10)
    for number in range(refusals):
        refuse(rig, number, T0 + number * 1000)
    assert level(rig) is reached
    halted = reached in (L.HALT, L.SHUTDOWN)
    assert rig.desk.state.trading_state is (TradingState.HALTED if halted else TradingState.ACTIVE)


@pytest.mark.parametrize("intent", [OrderIntent.EXIT, OrderIntent.PROTECTIVE_STOP, OrderIntent.TAKE_PROFIT])
def test_refused_exits_and_stops_count_too(intent: OrderIntent) -> None:
    rig = rig_with(3, intent=intent, parent_id="gone")
    for number in range(3):
        refuse(rig, number, T0)
    assert level(rig) is L.THROTTLE


def test_a_refused_attached_stop_counts_and_is_told() -> None:
    rig = Rig(loose())
    rig.venue.refuse |= {f"s{T0 // 1000}-1s", f"s{T0 // 1000}-1t"}
    rig.bars(100.0, T0, entry())
    rig.quote(100.0, T0)
    assert level(rig) is L.ALERT
    codes = [fact.code for fact in facts(rig.commands, AlertFact)]
    assert codes.count("ORDER_REJECTED") == 2


def test_what_our_own_limits_held_back_does_not_count() -> None:
    rig = rig_with(10)
    for number in range(10):
        refuse(rig, number, T0, "RATE_LIMITED")
    assert level(rig) is L.CLOSED


@pytest.mark.parametrize(
    ("lost", "reached"), [(1, L.CLOSED), (2, L.ALERT), (3, L.THROTTLE), (5, L.HALT), (10, L.SHUTDOWN)]
)
def test_orders_that_never_arrived_count_as_failed_also_after_a_restart(lost: int, reached: BreakerLevel) -> None:
    rig = rig_with(10, status=OrderStatus.UNKNOWN, ts_updated=T0 - 1000)
    for number in range(lost):
        refuse(rig, number, T0 + number, "NEVER_ARRIVED")
    assert level(rig) is reached
    again = Rig(loose(), rig.desk.snapshot(), T0 + 1000)
    again.desk.state.breaker = L.CLOSED
    for number in range(lost, 10):
        again.feed(update(f"o{number}", K.ACKNOWLEDGED, T0 + 1000))
    again.feed(Timer(ts=T0 + 2000))
    assert level(again) is reached


WAITING = (OrderStatus.UNKNOWN, OrderStatus.PENDING_CANCEL, OrderStatus.PENDING_UPDATE)


@pytest.mark.parametrize("status", WAITING)
def test_an_api_that_hangs_warns_and_holds_entries_back_until_it_answers(status: OrderStatus) -> None:
    rig = rig_with(1, status=status, previous_status=OrderStatus.ACCEPTED, ts_updated=T0)
    began = T0 if status is OrderStatus.UNKNOWN else T0 + 5000
    for after, reached in ((10_000, L.CLOSED), (10_001, L.ALERT), (30_001, L.THROTTLE), (300_000, L.THROTTLE)):
        rig.feed(Timer(ts=began + after))
        assert level(rig) is reached, after
    assert rig.desk.state.breaker_reason == "paper has left o0 without an answer for more than 30 s"
    answered = began + 300_001
    rig.feed(update("o0", K.CANCELED, answered), Timer(ts=answered), Timer(ts=answered + 15 * MINUTE))
    assert level(rig) is L.ALERT
    rig.feed(Timer(ts=answered + 30 * MINUTE))
    assert level(rig) is L.CLOSED


def test_one_answer_that_is_found_soon_says_nothing() -> None:
    rig = rig_with(1, status=OrderStatus.UNKNOWN, ts_updated=T0)
    rig.feed(Timer(ts=T0 + 8000), update("o0", K.ACKNOWLEDGED, T0 + 8500), Timer(ts=T0 + 120_000))
    assert level(rig) is L.CLOSED


def test_refusals_leave_the_window() -> None:
    rig = rig_with(2)
    refuse(rig, 0, T0)
    refuse(rig, 1, T0 + 10 * MINUTE)
    assert level(rig) is L.CLOSED


@pytest.mark.parametrize(
    ("side", "filled", "lost"),
    [
        (OrderSide.BUY, "100.5", "0.005"),
        (OrderSide.BUY, "99.5", "-0.005"),
        (OrderSide.SELL, "99.5", "0.005"),
        (OrderSide.SELL, "100.5", "-0.005"),
        (OrderSide.SELL, "100", "0"),
    ],
)
def test_slippage_costs_whoever_trades(side: OrderSide, filled: str, lost: str) -> None:
    market = resting(1, side=side, reference_price=d(100), average_price=d(filled), ts_filled=T0)
    assert str(slippage(market)) == lost
    stop = msgspec.structs.replace(market, type=OrderType.STOP_MARKET, trigger_price=d(100), reference_price=None)
    assert str(slippage(stop)) == lost
    assert slippage(msgspec.structs.replace(market, type=OrderType.LIMIT, price=d(100))) is None
    assert slippage(msgspec.structs.replace(market, reference_price=None)) is None


@pytest.mark.parametrize("side", [PositionSide.LONG, PositionSide.SHORT])
def test_bad_fills_raise_it_on_either_side_and_good_ones_never_do(side: PositionSide) -> None:
    bad, good = Rig(loose()), Rig(loose())
    slipped(bad, side, 0.0015, T0)
    assert level(bad) is L.ALERT
    slipped(good, side, -0.006, T0)
    assert level(good) is L.CLOSED


def test_slippage_in_our_favour_buys_no_credit() -> None:
    rig = Rig(loose(BreakerConfig(window_minutes=60)))
    slipped(rig, PositionSide.LONG, -0.008, T0)
    slipped(rig, PositionSide.SHORT, 0.0025, T0 + 2 * FIVE)
    assert level(rig) is L.ALERT, "0, 0, 0.25 % and 0.25 %: the mean is not below nothing"


def test_one_stop_in_a_gap_warns_and_three_such_orders_halt() -> None:
    rig = Rig(loose(BreakerConfig(window_minutes=60)))
    rig.open_position()
    rig.quote(90.0, T0 + 1000)
    assert level(rig) is L.ALERT
    assert "mean slippage of 2 orders" in rig.desk.state.breaker_reason
    many = Rig(loose(BreakerConfig(window_minutes=60)))
    slipped(many, PositionSide.LONG, 0.006, T0)
    slipped(many, PositionSide.LONG, 0.006, T0 + 2 * FIVE)
    assert level(many) is L.THROTTLE, "two lost that much, and no more entries are sent"


def test_an_order_knows_the_price_it_left_at_unless_that_was_old() -> None:
    rig = Rig(loose())
    rig.bars(100.0, T0, entry())
    (sent,) = only(rig.commands, SubmitOrder)
    assert sent.order.reference_price == d(100)
    late = Rig(loose())
    late.open_position()
    given = late.feed(ask(V.FLATTEN, T0 + 2 * MINUTE))
    (sent,) = only(given, SubmitOrder)
    assert sent.order.reference_price is None


def measured(rig: Rig, latencies: list[float], ts: int = T0) -> None:
    rig.feed(*(VenueMeasured(ts=ts + n * 1000, venue="paper", latency_ms=value) for n, value in enumerate(latencies)))
    rig.feed(Timer(ts=ts + len(latencies) * 1000))


@pytest.mark.parametrize(("slow", "reached"), [(400, L.CLOSED), (500, L.ALERT), (1000, L.THROTTLE), (3000, L.HALT)])
def test_a_slow_venue_raises_it(slow: float, reached: BreakerLevel) -> None:
    rig = Rig(loose())
    measured(rig, [slow] * 20)
    assert level(rig) is reached


@pytest.mark.parametrize(
    "latencies", [[60_000.0], [20.0] * 19 + [60_000.0], [5000.0] * 9, [20.0] * 99 + [60_000.0] * 10]
)
def test_one_outlier_or_too_few_measurements_do_not(latencies: list[float]) -> None:
    rig = Rig(loose())
    measured(rig, latencies)
    assert level(rig) is L.CLOSED


def test_a_latency_that_is_no_number_is_not_measured() -> None:
    rig = Rig(loose())
    measured(rig, [float("nan"), float("inf"), -1.0] * 10)
    assert level(rig) is L.CLOSED
    assert not rig.desk.state.latencies


def test_measurements_that_have_left_the_window_say_nothing() -> None:
    rig = Rig(loose())
    measured(rig, [3000.0] * 20)
    rig.feed(Timer(ts=T0 + 20 * MINUTE))
    assert not measure(rig.desk.state, T0 + 20 * MINUTE)
    assert level(rig) is L.HALT


def test_the_desks_daily_loss_halts_it() -> None:
    rig = Rig(loose(BreakerConfig(daily_loss=0.03)))
    rig.open_position()
    rig.feed(quote(98.5, T0 + 1000), Timer(ts=T0 + 1000))
    rig.quote(50.0, T0 + 2000)
    assert level(rig) is L.HALT
    assert "% today, limit 3.00 %" in rig.desk.state.breaker_reason
    status, why = answer(rig, ask(V.RESUME, T0 + 3000))
    assert (status, "the desk: lost " in why) == (REFUSED, True)
    rig.feed(bar(50.0, T0 + DAY), Timer(ts=T0 + DAY))
    assert answer(rig, ask(V.RESUME, T0 + DAY + 1))[0] is DONE, "a new day"


def test_the_desks_drawdown_halts_it_and_an_unknown_mark_measures_nothing() -> None:
    rig = Rig(loose(BreakerConfig(drawdown=0.002)))
    rig.open_position()
    snapshot = rig.desk.snapshot()
    rig.quote(97.0, T0 + 1000)
    assert level(rig) is L.HALT
    assert "% below the peak, limit 0.20 %" in rig.desk.state.breaker_reason
    again = Rig(rig.config, snapshot, T0 + 1000)
    again.feed(Timer(ts=T0 + 1000))
    assert level(again) is L.CLOSED


def test_recover_accepts_a_drawdown_and_counts_it_from_there() -> None:
    rig = Rig(loose(BreakerConfig(drawdown=0.002)))
    rig.open_position()
    rig.quote(97.0, T0 + 1000)
    status, text = answer(rig, ask(V.RESUME, T0 + 2000))
    assert (status, "the cause lasts" in text) == (REFUSED, True)
    status, text = answer(rig, ask(V.RECOVER, T0 + 3000, "looked at it, the size is cut"))
    assert (status, text.endswith("the drawdown is counted from here")) == (DONE, True)
    assert (level(rig), rig.desk.state.breaker_rule) == (L.ALERT, "slippage"), "the exit's, of its own"
    rig.feed(Timer(ts=T0 + 4000))
    assert level(rig) is L.ALERT
    book = rig.desk.state.books[BOOK]
    assert book.peak_equity == book.cash, "flat by then, and the next drawdown counts from here"


def test_an_override_covers_a_loss_only_up_to_twice_the_limit() -> None:
    rig = Rig(loose(BreakerConfig(drawdown=0.05, daily_loss=1.0)))
    rig.feed(bar(100.0, T0), Timer(ts=T0))
    book = rig.desk.state.books[BOOK]
    book.cash -= 7000
    rig.feed(Timer(ts=T0 + 1000))
    assert level(rig) is L.HALT
    assert answer(rig, ask(V.OVERRIDE, T0 + 2000, "a withdrawal"))[0] is DONE
    book.cash -= 2900
    rig.feed(Timer(ts=T0 + 3000))
    assert level(rig) is L.CLOSED
    book.cash -= 200
    rig.feed(Timer(ts=T0 + 4000))
    assert level(rig) is L.SHUTDOWN
    assert answer(rig, ask(V.OVERRIDE, T0 + 5000, "again"))[0] is REFUSED


def test_a_desk_of_two_currencies_measures_what_it_can_add_up_and_the_rest_apart() -> None:
    books = {"crypto": book_config(), "india": book_config(currency="INR", instruments=(ETH,))}
    cfg = Config(books=books, breaker=BreakerConfig(daily_loss=0.015))
    rig = Rig(cfg)
    rig.feed(bar(100.0, T0), bar(100.0, T0, ETH), Timer(ts=T0))
    rig.desk.state.books["india"].cash -= 2000
    rig.feed(Timer(ts=T0 + 1000))
    assert (level(rig), "the INR books: lost 2.00 % today" in rig.desk.state.breaker_reason) == (L.HALT, True)
    rated = msgspec.structs.replace(
        cfg, risk=msgspec.structs.replace(cfg.risk, rates={"INR": 0.01}, rates_day="2024-10-04")
    )
    both = Rig(rated)
    both.feed(bar(100.0, T0), bar(100.0, T0, ETH), Timer(ts=T0))
    both.desk.state.books["india"].cash -= 2000
    both.feed(Timer(ts=T0 + 1000))
    assert level(both) is L.CLOSED, "20 of 101,000"


def test_stale_data_warns_and_then_holds_entries_back() -> None:
    rig = Rig()
    rig.feed(bar(100.0, T0), Timer(ts=T0))
    rig.feed(Timer(ts=T0 + FIVE + 30_000))
    assert level(rig) is L.CLOSED
    rig.feed(Timer(ts=T0 + FIVE + 30_001))
    assert level(rig) is L.ALERT
    rig.feed(Timer(ts=T0 + FIVE + 30_001 + 10 * MINUTE))
    assert level(rig) is L.THROTTLE
    assert rig.desk.state.breaker_reason == "no instrument of crypto has had data for more than 930 s"


def test_one_fresh_instrument_a_book_that_rests_and_a_closed_market_are_not_stale() -> None:
    fresh = Rig()
    fresh.feed(bar(100.0, T0), bar(50.0, T0, ETH), bar(50.0, T0 + 2 * FIVE, ETH), Timer(ts=T0 + 2 * FIVE))
    assert level(fresh) is L.CLOSED
    resting_book = Rig()
    resting_book.feed(bar(100.0, T0), ask(V.PAUSE, T0), Timer(ts=T0 + 2 * FIVE))
    assert level(resting_book) is L.CLOSED
    shut = Rig()
    for contract in shut.desk.state.instruments.values():
        shut.desk.state.instruments[contract.id] = msgspec.structs.replace(contract, calendar=Calendar.NSE)
    friday = T0 - 2 * 3_600_000  # 10:00 UTC, the close in India
    shut.feed(bar(100.0, friday), Timer(ts=friday), Timer(ts=T0))
    monday = friday + 2 * DAY + 17 * 3_600_000 + 45 * MINUTE
    shut.feed(Timer(ts=monday), Timer(ts=monday + FIVE))
    assert level(shut) is L.CLOSED, "the market opened five minutes ago"
    shut.feed(Timer(ts=monday + 2 * FIVE))
    assert level(shut) is L.THROTTLE


def test_before_the_first_price_nothing_has_stopped() -> None:
    rig = Rig()
    rig.feed(Timer(ts=T0 + DAY))
    assert level(rig) is L.CLOSED


def disagreed(ts: int, agreed: bool = False) -> Reconciled:
    return Reconciled(ts=ts, id=f"r{ts}", venue="paper", account=BOOK, agreed=agreed, findings=("quantity differs",))


def test_a_disagreement_halts_and_no_word_of_an_operator_trades_on() -> None:
    rig = Rig()
    rig.feed(disagreed(T0))
    assert (level(rig), rig.desk.state.breaker_reason) == (
        L.HALT,
        "paper crypto disagrees with the ledger: quantity differs",
    )
    status, why = answer(rig, ask(V.OVERRIDE, T0 + 1, "I know"))
    assert (status, why.startswith("this cannot be overridden")) == (REFUSED, True)
    for verb in (V.RESUME, V.RECOVER):
        assert answer(rig, ask(verb, T0 + 1, "please"))[0] is REFUSED
    rig.feed(disagreed(T0 + 2, agreed=True))
    assert level(rig) is L.HALT
    assert answer(rig, ask(V.RECOVER, T0 + 3, "found it"))[0] is DONE
    assert (level(rig), rig.desk.state.trading_state) == (L.CLOSED, TradingState.ACTIVE)


def test_a_venue_that_is_lost_again_and_again_raises_it() -> None:
    rig = Rig()
    seen = []
    for number in range(6):
        ts = T0 + number * 1000
        rig.feed(VenueStatus(ts=ts, venue="paper", state=VenueState.DISCONNECTED))
        rig.feed(VenueStatus(ts=ts + 1, venue="paper", state=VenueState.DISCONNECTED, detail="still"))
        rig.feed(VenueStatus(ts=ts + 2, venue="paper", state=VenueState.READY))
        seen.append(level(rig))
    assert seen == [L.CLOSED, L.CLOSED, L.ALERT, L.ALERT, L.ALERT, L.THROTTLE]


def test_an_unprotected_position_warns_throttles_and_halts() -> None:
    naked = Position(
        book=BOOK, venue="paper", account=BOOK, instrument=BTC, quantity=d(1), average_price=d(100), trade_id="t",
        ts_unprotected=T0,
    )  # fmt: skip
    rig = Rig(snapshot=DeskSnapshot(positions=(naked,)), ts=T0)
    rig.feed(VenueStatus(ts=T0, venue="paper", state=VenueState.DISCONNECTED))
    seen = {}
    for seconds in (10, 11, 30, 31, 60, 61):
        rig.feed(Timer(ts=T0 + seconds * 1000))
        seen[seconds] = level(rig)
    assert seen == {10: L.CLOSED, 11: L.ALERT, 30: L.ALERT, 31: L.THROTTLE, 60: L.THROTTLE, 61: L.HALT}


def test_a_price_that_is_no_number_keeps_it_halted_while_it_lasts() -> None:
    rig = Rig()
    rig.open_position()
    rig.feed(quote(float("nan"), T0 + 1000), Timer(ts=T0 + 1000))
    assert len(facts(rig.commands, BreakerFact)) == 1, "said once"
    status, why = answer(rig, ask(V.RESUME, T0 + 2000))
    assert (status, "has a price that is not a positive number" in why) == (REFUSED, True)
    assert answer(rig, ask(V.OVERRIDE, T0 + 2000, "never mind"))[0] is REFUSED
    rig.feed(quote(100.0, T0 + 3000))
    assert answer(rig, ask(V.RESUME, T0 + 4000))[0] is DONE


# what each level permits


def test_throttle_holds_entries_back_and_lets_exits_through() -> None:
    rig = rig_with(3, intent=OrderIntent.EXIT, parent_id="gone")
    rig.open_position()
    for number in range(3):
        refuse(rig, number, T0 + 1)
    rig.feed(bar(50.0, T0 + FIVE, ETH), entry(T0 + FIVE, instrument=ETH, price=50))
    assert facts(rig.commands, SignalFact)[-1].outcome_code == GateCode.BREAKER
    given = rig.bars(100.5, T0 + FIVE, exit_signal(T0 + FIVE))
    assert [command.order.intent for command in only(given, SubmitOrder)] == [OrderIntent.EXIT]


def test_halt_cancels_entries_and_keeps_the_stops() -> None:
    rig = rig_with(5, intent=OrderIntent.EXIT, parent_id="gone")
    trade = rig.open_position()
    rig.feed(bar(50.0, T0 + FIVE, ETH), entry(T0 + FIVE, instrument=ETH, price=50, id="se"))
    stop = rig.desk.orders[trade + "s"]
    before = len(rig.commands)
    for number in range(5):
        refuse(rig, number, T0 + FIVE)
    assert level(rig) is L.HALT
    canceled = [command.order.client_order_id for command in only(rig.commands[before:], CancelOrder)]
    assert canceled == ["se-1"]
    assert rig.desk.orders[trade + "s"] == stop


def test_the_size_shrinks_with_the_level() -> None:
    assert [breaker.size_factor(one) for one in BreakerLevel] == [1, Decimal("0.5"), 0, 0, 0]


def test_a_halt_is_held_whatever_else_sets_the_desk_going() -> None:
    rig = rig_with(5)
    for number in range(5):
        refuse(rig, number, T0)
    rig.desk.state.trading_state = TradingState.ACTIVE
    rig.feed(Timer(ts=T0 + 1000))
    assert rig.desk.state.trading_state is TradingState.HALTED


# falling


def test_it_falls_one_level_at_a_time_each_after_its_own_cool_down() -> None:
    rig = rig_with(3)
    for number in range(3):
        refuse(rig, number, T0)
    for second in range(0, 60 * 60, 10):
        rig.feed(Timer(ts=T0 + second * 1000))
    moves = [(fact.to_level, (fact.ts - T0) // MINUTE) for fact in facts(rig.commands, BreakerFact)]
    assert [move for move in moves if move[0] is not L.THROTTLE] == [(L.ALERT, 0), (L.ALERT, 25), (L.CLOSED, 40)]
    told = [(fact.level, fact.code) for fact in facts(rig.commands, AlertFact) if fact.code.startswith("BREAKER_")]
    assert told[-2:] == [("INFO", "BREAKER_ALERT"), ("INFO", "BREAKER_CLOSED")]


def test_a_lower_cause_holds_it_at_its_own_level() -> None:
    rig = rig_with(4)
    for number in range(3):
        refuse(rig, number, T0)
    measured_until = T0 + 40 * MINUTE
    ts = T0
    while ts < measured_until:
        ts += 10_000
        rig.feed(VenueMeasured(ts=ts, venue="paper", latency_ms=600.0), Timer(ts=ts))
    assert level(rig) is L.ALERT
    assert "paper takes 0.60 s to answer" in rig.desk.state.breaker_reason, "the cause that holds it is the one shown"


def test_a_cause_that_comes_back_starts_the_cool_down_anew() -> None:
    rig = rig_with(4)
    for number in range(2):
        refuse(rig, number, T0)
    rig.feed(Timer(ts=T0 + 10 * MINUTE))
    quiet = rig.desk.state.breaker_quiet_since
    assert quiet == T0 + 10 * MINUTE
    refuse(rig, 2, T0 + 20 * MINUTE)
    refuse(rig, 3, T0 + 20 * MINUTE)
    assert rig.desk.state.breaker_quiet_since is None
    rig.feed(Timer(ts=T0 + 30 * MINUTE), Timer(ts=T0 + 45 * MINUTE - 1))
    assert level(rig) is L.ALERT
    rig.feed(Timer(ts=T0 + 45 * MINUTE))
    assert level(rig) is L.CLOSED


def test_halt_never_falls_by_itself() -> None:
    rig = rig_with(5)
    for number in range(5):
        refuse(rig, number, T0)
    for hours in range(1, 200):
        rig.feed(Timer(ts=T0 + hours * 60 * MINUTE))
    assert changes(rig) == [L.ALERT, L.THROTTLE, L.HALT]


# operators


def halted(refusals: int = 5) -> Rig:
    rig = rig_with(12)
    for number in range(refusals):
        refuse(rig, number, T0)
    return rig


def test_resume_and_recover_are_refused_while_the_cause_lasts_and_name_it() -> None:
    rig = halted()
    for verb in (V.RESUME, V.RECOVER):
        assert answer(rig, ask(verb, T0 + 9 * MINUTE, "go")) == (
            REFUSED,
            "the cause lasts: 5 orders refused or lost within 10 minutes; "
            "OVERRIDE with a reason goes on regardless for 60 minutes",
        )
    assert answer(rig, ask(V.RESUME, T0 + 10 * MINUTE)) == (DONE, "ACTIVE again, was HALTED")
    assert (level(rig), rig.desk.state.trading_state) == (L.CLOSED, TradingState.ACTIVE)


def test_recover_and_override_need_a_reason() -> None:
    rig = halted()
    assert answer(rig, ask(V.RECOVER, T0 + 10 * MINUTE, "  ")) == (REFUSED, "RECOVER needs a reason")
    assert answer(rig, ask(V.OVERRIDE, T0 + 10 * MINUTE)) == (REFUSED, "OVERRIDE needs a reason")
    assert answer(rig, ask(V.RECOVER, T0 + 10 * MINUTE, "keys were wrong"))[0] is DONE
    fact = facts(rig.commands, BreakerFact)[-1]
    assert (fact.to_level, fact.cause) == (L.CLOSED, "RECOVER by me: keys were wrong")


def test_resume_leads_no_lower_than_what_is_still_measured() -> None:
    rig = rig_with(12)
    for number, minute in zip(range(5), (0, 0, 0, 8, 8), strict=True):
        refuse(rig, number, T0 + minute * MINUTE)
    status, text = answer(rig, ask(V.RESUME, T0 + 11 * MINUTE))
    assert status is DONE
    assert text.startswith("ACTIVE again, was HALTED; the breaker is ALERT: RESUME by me; now 2 orders refused or lost")


def test_only_recover_leads_out_of_shutdown() -> None:
    rig = halted(10)
    assert level(rig) is L.SHUTDOWN
    status, why = answer(rig, ask(V.RESUME, T0 + 20 * MINUTE, "go"))
    assert (status, why) == (
        REFUSED,
        "the breaker is at SHUTDOWN, 10 orders refused or lost within 10 minutes; RECOVER with a reason ends it",
    )
    assert answer(rig, ask(V.OVERRIDE, T0 + 20 * MINUTE, "go"))[0] is REFUSED
    assert answer(rig, ask(V.RECOVER, T0 + 20 * MINUTE, "venue repaired")) == (
        DONE,
        "the breaker is CLOSED, trading is ACTIVE",
    )


def test_recover_has_nothing_to_do_below_halt_and_resume_leaves_that_alone() -> None:
    rig = halted(3)
    status, why = answer(rig, ask(V.RECOVER, T0 + 1, "go"))
    assert (status, why) == (REFUSED, "the breaker is THROTTLE; RECOVER leads out of HALT and SHUTDOWN")
    answer(rig, ask(V.RESUME, T0 + 1))
    assert level(rig) is L.THROTTLE, "it falls by its rule"


def test_an_operators_halt_and_the_breakers_are_two_locks() -> None:
    rig = halted()
    rig.feed(ask(V.HALT, T0 + 1))
    status, text = answer(rig, ask(V.RECOVER, T0 + 10 * MINUTE, "repaired"))
    assert (status, text) == (DONE, "the breaker is CLOSED, trading is HALTED: HALT by me; RESUME ends that")
    first = rig_with(12)
    first.feed(ask(V.HALT, T0))
    for number in range(5):
        refuse(first, number, T0)
    assert first.desk.state.trading_reason == "HALT by me"
    assert answer(first, ask(V.RESUME, T0 + 10 * MINUTE))[0] is DONE
    assert (level(first), first.desk.state.trading_state) == (L.CLOSED, TradingState.ACTIVE)


def test_an_override_closes_it_for_a_while_and_ends_by_itself() -> None:
    rig = rig_with(12, loose(BreakerConfig(override_minutes=5.0)))
    for number in range(5):
        refuse(rig, number, T0)
    status, text = answer(rig, ask(V.OVERRIDE, T0 + MINUTE, "I am watching"))
    assert (status, text) == (
        DONE,
        "for 5 minutes this does not count: 5 orders refused or lost within 10 minutes; trading is ACTIVE",
    )
    assert (level(rig), rig.desk.state.trading_state) == (L.CLOSED, TradingState.ACTIVE)
    assert rig.desk.state.breaker_override_until == T0 + 6 * MINUTE
    rig.feed(Timer(ts=T0 + 6 * MINUTE - 1))
    assert level(rig) is L.CLOSED
    rig.feed(Timer(ts=T0 + 6 * MINUTE))
    assert (level(rig), rig.desk.state.trading_state) == (L.HALT, TradingState.HALTED), "the cause still lasts"
    assert rig.desk.state.breaker_override_until == 0
    assert changes(rig)[-2:] == [L.CLOSED, L.HALT]


def test_a_new_or_a_worse_cause_raises_it_in_spite_of_an_override() -> None:
    rig = halted(5)
    rig.feed(ask(V.OVERRIDE, T0 + 1, "go"))
    refuse(rig, 5, T0 + 2)
    assert level(rig) is L.CLOSED, "the same cause, no worse"
    measured(rig, [1200.0] * 20, T0 + 3)
    assert level(rig) is L.THROTTLE, "a new one"
    for number in range(6, 10):
        refuse(rig, number, T0 + 30_000)
    assert level(rig) is L.SHUTDOWN, "the same, grown worse"


def test_another_override_covers_what_is_breached_then_and_nothing_else() -> None:
    rig = rig_with(30, loose(BreakerConfig(override_minutes=60.0)))
    for number in range(5):
        refuse(rig, number, T0)
    assert answer(rig, ask(V.OVERRIDE, T0 + MINUTE, "I am watching"))[0] is DONE
    later = T0 + 20 * MINUTE
    measured(rig, [1000.0] * 20, later)
    status, text = answer(rig, ask(V.OVERRIDE, later + MINUTE, "slow, but well"))
    assert (status, text) == (
        DONE,
        "for 60 minutes this does not count: paper takes 1.00 s to answer, limit 1 s; trading is ACTIVE",
    )
    assert rig.desk.state.breaker_overridden == {"latency paper": L.THROTTLE}
    assert facts(rig.commands, BreakerFact)[-1].overridden == (("latency paper", L.THROTTLE),)
    for number in range(5, 10):
        refuse(rig, number, later + 2 * MINUTE)
    assert level(rig) is L.HALT, "five refused orders were overridden once, and not again"


def test_another_override_covers_no_higher_level_than_the_present_one() -> None:
    rig = rig_with(30, loose(BreakerConfig(override_minutes=60.0)))
    for number in range(5):
        refuse(rig, number, T0 + number * MINUTE)
    answer(rig, ask(V.OVERRIDE, T0 + 5 * MINUTE, "I am watching"))
    answer(rig, ask(V.OVERRIDE, T0 + 12 * MINUTE, "still"))
    assert rig.desk.state.breaker_overridden == {"refused": L.ALERT}
    refuse(rig, 5, T0 + 12 * MINUTE)
    assert level(rig) is L.THROTTLE


def test_there_has_to_be_something_to_override() -> None:
    rig = rig_with(12)
    assert answer(rig, ask(V.OVERRIDE, T0, "go")) == (REFUSED, "the breaker is CLOSED")
    for number in range(5):
        refuse(rig, number, T0)
    assert answer(rig, ask(V.OVERRIDE, T0 + 10 * MINUTE, "go")) == (
        REFUSED,
        "no cause is left to override; RESUME ends it",
    )


def test_nobody_overrides_a_kill_that_runs() -> None:
    rig = rig_with(5, intent=OrderIntent.EXIT, parent_id="gone")
    rig.open_position()
    for number in range(5):
        refuse(rig, number, T0)
    rig.feed(ask(V.KILL, T0 + 1))
    for id, verb in zip(count(2), (V.RECOVER, V.OVERRIDE, V.RESUME), strict=False):
        status, why = answer(rig, ask(verb, T0 + 2, "go", id))
        assert (status, why.startswith("the kill has not finished")) == (REFUSED, True)


def test_a_stopped_book_is_not_started_by_the_breakers_verbs() -> None:
    rig = halted()
    rig.feed(ask(V.STOP, T0 + 1), ask(V.RECOVER, T0 + 10 * MINUTE, "repaired"))
    assert rig.desk.state.books[BOOK].state is BookState.STOPPED
