"""Entries from signal to protected position, and what venues do to them."""

import math

import msgspec
import pytest
from desk_kit import (
    BOOK,
    BTC,
    ETH,
    FIVE,
    T0,
    K,
    Rig,
    bar,
    book_config,
    config,
    d,
    entry,
    facts,
    fill_of,
    only,
    quote,
    update,
    verdict,
)

from tradeterm.config import LimitsConfig
from tradeterm.domain.commands import (
    Command,
    QueryOrder,
    RaiseAlert,
    Record,
    RequestReconcile,
    RequestVerdict,
    SubmitOrder,
)
from tradeterm.domain.events import CashEvent, OrderAdopted, Timer, WorkerStatus
from tradeterm.domain.facts import AlertFact, BookStateFact, OrderEventFact, SignalFact, Trade
from tradeterm.domain.orders import Cash, CashKind, Fill, Order, OrderIntent, OrderStatus, PositionSide
from tradeterm.domain.signals import GateCode, SignalOutcome, VerdictDecision
from tradeterm.domain.states import BreakerLevel, TradingState, WorkerName, WorkerState

KEY = (BOOK, BTC)


def outcome(commands: list[Command]) -> SignalFact:
    last: SignalFact = facts(commands, SignalFact)[-1]
    return last


def test_a_signal_becomes_a_filled_and_protected_position() -> None:
    rig = Rig()
    given = rig.bars(100.0, T0, entry())
    assert [fact.outcome for fact in facts(given, SignalFact)] == [SignalOutcome.PENDING, SignalOutcome.ORDERED]
    (submit,) = only(given, SubmitOrder)
    assert submit.order.status is OrderStatus.SUBMITTED
    assert (submit.order.stop_loss, submit.order.take_profit) == (d(98), d(103))
    rig.quote(100.0, T0)
    position = rig.desk.positions[KEY]
    assert position.quantity == d(100)
    assert position.ts_unprotected is None
    assert rig.desk.orders[position.trade_id + "s"].status is OrderStatus.ACCEPTED


def test_the_order_is_written_ahead_of_its_submission() -> None:
    given = Rig().bars(100.0, T0, entry())
    (at,) = [number for number, command in enumerate(given) if isinstance(command, SubmitOrder)]
    id = given[at].order.client_order_id
    before = [command.fact for command in given[:at] if isinstance(command, Record)]
    written = {fact.client_order_id: fact for fact in before if isinstance(fact, Order)}
    assert set(written) == {id, id + "s", id + "t"}
    assert written[id].status is OrderStatus.SUBMITTED
    assert written[id + "s"].intent is OrderIntent.PROTECTIVE_STOP
    assert written[id + "s"].status is OrderStatus.INITIALIZED
    assert [fact.kind for fact in before if isinstance(fact, OrderEventFact)] == [K.SENT]


def test_the_context_for_tier_2_has_only_plain_values() -> None:
    given = Rig().bars(100.0, T0, entry())
    (request,) = only(given, RequestVerdict)

    def plain(value: object) -> bool:
        if isinstance(value, dict):
            return all(isinstance(key, str) and plain(item) for key, item in value.items())
        if isinstance(value, list):
            return all(plain(item) for item in value)
        return value is None or isinstance(value, str | int | float | bool)

    assert plain(request.context)
    assert request.context["explain"] == {"move": -0.05, "funding": None}
    assert request.context["signal"]["price"] == "100"
    assert {check["code"] for check in request.context["tier1"]} > {"STALE_DATA", "DAILY_LOSS_LIMIT"}


def test_a_signal_seen_twice_is_decided_once() -> None:
    rig = Rig()
    rig.bars(100.0, T0, entry())
    assert rig.feed(entry()) == []


def test_the_verdict_shrinks_but_never_raises() -> None:
    rig = Rig()
    rig.factor = "0.25"
    given = rig.bars(100.0, T0, entry())
    (submit,) = only(given, SubmitOrder)
    assert submit.order.quantity == d(25)
    assert ("× verdict", "0.25") in outcome(given).size.factors


@pytest.mark.parametrize("factor", ["1.5", "-0.1", "NaN", "Infinity"])
def test_an_impossible_size_factor_fails_closed(factor: str) -> None:
    rig = Rig()
    rig.factor = factor
    given = rig.bars(100.0, T0, entry())
    assert not only(given, SubmitOrder)
    assert (outcome(given).outcome, outcome(given).outcome_code) == (SignalOutcome.BLOCKED, "VERDICT_INVALID")


@pytest.mark.parametrize(
    ("decision", "expected"),
    [
        (VerdictDecision.REJECT, SignalOutcome.VETOED),
        (VerdictDecision.ABSTAIN, SignalOutcome.BLOCKED),
        (VerdictDecision.FAILED_CLOSED, SignalOutcome.BLOCKED),
    ],
)
def test_without_approval_nothing_is_sent(decision: VerdictDecision, expected: SignalOutcome) -> None:
    rig = Rig()
    rig.decision = decision
    given = rig.bars(100.0, T0, entry())
    assert not only(given, SubmitOrder)
    assert outcome(given).outcome is expected


def test_a_veto_says_why_in_the_words_of_tier_2() -> None:
    rig = Rig()
    rig.judge = False
    rig.bars(100.0, T0, entry())
    event = verdict(entry().signal.id, T0, 0, VerdictDecision.REJECT)
    words = {"reasoning": "The fall accelerates.", "code": "TREND_ACCELERATES", "reason_codes": ("TREND_ACCELERATES",)}
    given = rig.feed(msgspec.structs.replace(event, verdict=msgspec.structs.replace(event.verdict, **words)))
    assert outcome(given).outcome_code == "TREND_ACCELERATES"
    assert outcome(given).outcome_text == "vetoed: The fall accelerates."


def test_tier_1_looks_again_after_the_verdict() -> None:
    rig = Rig()
    rig.judge = False
    rig.bars(100.0, T0, entry())
    rig.feed(quote(98.5, T0 + 1000))
    given = rig.feed(verdict(entry().signal.id, T0 + 1000))
    assert (outcome(given).outcome, outcome(given).outcome_code) == (SignalOutcome.DENIED, GateCode.SIGNAL_EXPIRED)
    assert all(check.passed for check in outcome(given).checks)


def test_a_verdict_that_never_comes_blocks_the_signal() -> None:
    rig = Rig()
    rig.judge = False
    rig.bars(100.0, T0, entry())
    given = rig.feed(Timer(ts=T0 + 61_000))
    assert (outcome(given).outcome, outcome(given).outcome_code) == (SignalOutcome.BLOCKED, "VERDICT_TIMEOUT")
    late = rig.feed(verdict(entry().signal.id, T0 + 62_000))
    assert not only(late, SubmitOrder)
    assert only(late, RaiseAlert)


def test_two_signals_of_one_moment_share_the_limits() -> None:
    rig = Rig(config(crypto=book_config(limits=LimitsConfig(max_positions=1))))
    given = rig.feed(bar(100.0, T0), bar(50.0, T0, ETH), entry(), entry(id="s2", instrument=ETH, price=50))
    assert len(only(given, SubmitOrder)) == 1
    assert GateCode.POSITION_COUNT_CAP in [fact.outcome_code for fact in facts(given, SignalFact)]


def test_books_are_kept_apart() -> None:
    rig = Rig(config(a=book_config(), b=book_config(capital=1000.0)))
    rig.bars(100.0, T0, entry(book="a", id="sa"), entry(book="b", id="sb"))
    rig.quote(100.0, T0)
    assert rig.desk.positions[("a", BTC)].quantity == d(100)
    assert rig.desk.positions[("b", BTC)].quantity == d(1)


def test_a_fill_before_the_acknowledgement() -> None:
    rig = Rig()
    (submit,) = only(rig.feed(bar(100.0, T0), entry())[:], SubmitOrder)
    fresh = Rig()
    fresh.venue.lost.add(submit.order.client_order_id)
    fresh.feed(bar(100.0, T0), entry())
    order = fresh.desk.orders[submit.order.client_order_id]
    assert order.status is OrderStatus.UNKNOWN
    given = fresh.feed(fill_of(order, order.quantity, 100, T0 + 5, "x1"))
    assert fresh.desk.orders[order.client_order_id].status is OrderStatus.FILLED
    assert facts(given, Fill)
    assert fresh.desk.positions[KEY].quantity == order.quantity


def test_the_same_execution_twice_counts_once() -> None:
    rig = Rig()
    rig.bars(100.0, T0, entry())
    order = rig.desk.orders["s" + str(T0 // 1000) + "-1"]
    first = fill_of(order, 40, 100, T0 + 5, "x1")
    rig.feed(first)
    assert rig.feed(first) == []
    assert rig.desk.positions[KEY].quantity == d(40)


def test_protection_follows_partial_fills() -> None:
    rig = Rig()
    rig.venue.cap = d(40)
    rig.bars(100.0, T0, entry())
    rig.quote(100.0, T0)
    trade = rig.desk.positions[KEY].trade_id
    assert rig.desk.orders[trade].status is OrderStatus.PARTIALLY_FILLED
    assert rig.desk.orders[trade + "s"].quantity == d(40)
    rig.quote(100.2, T0 + FIVE)
    assert rig.desk.orders[trade + "s"].quantity == d(80)
    assert rig.desk.positions[KEY].ts_unprotected is None


def test_a_fill_after_the_cancel_is_booked_and_told() -> None:
    rig = Rig()
    rig.bars(100.0, T0, entry())
    (id,) = [id for id, order in rig.desk.orders.items() if order.intent is OrderIntent.ENTRY]
    rig.feed(update(id, K.CANCELED, T0 + 1))
    assert rig.desk.orders[id + "s"].status is OrderStatus.CANCELED
    given = rig.feed(fill_of(rig.desk.orders[id], 40, 100, T0 + 2, "x1"))
    assert rig.desk.positions[KEY].quantity == d(40)
    assert "LATE_FILL" in [fact.code for fact in facts(given, AlertFact)]
    rig.feed(Timer(ts=T0 + 3))
    assert rig.desk.positions[KEY].ts_unprotected is None, "the attached stop is gone, so a new one was placed"


def test_a_fill_on_a_rejected_order_reduces() -> None:
    rig = Rig()
    rig.venue.refuse.add(f"s{T0 // 1000}-1")
    rig.bars(100.0, T0, entry())
    (id,) = [id for id, order in rig.desk.orders.items() if order.intent is OrderIntent.ENTRY]
    assert rig.desk.orders[id].status is OrderStatus.REJECTED
    assert rig.desk.orders[id + "s"].status is OrderStatus.CANCELED
    given = rig.feed(fill_of(rig.desk.orders[id], 10, 100, T0 + 2, "x1"))
    assert rig.desk.state.trading_state is TradingState.REDUCING
    assert rig.desk.positions[KEY].quantity == d(10)
    assert only(given, RequestReconcile)


def test_an_illegal_event_is_told_and_reconciled() -> None:
    rig = Rig()
    rig.venue.refuse.add(f"s{T0 // 1000}-1")
    rig.bars(100.0, T0, entry())
    given = rig.feed(update(f"s{T0 // 1000}-1", K.ACKNOWLEDGED, T0 + 1))
    assert [command.code for command in only(given, RaiseAlert)] == ["ILLEGAL_TRANSITION"]
    assert only(given, RequestReconcile)


def test_news_of_an_order_nobody_knows_is_told() -> None:
    given = Rig().feed(update("who", K.ACKNOWLEDGED, T0))
    assert [fact.code for fact in facts(given, AlertFact)] == ["ORDER_NOT_KNOWN"]


def test_an_execution_that_is_not_ours_is_booked_and_protected() -> None:
    rig = Rig()
    rig.bars(100.0, T0)
    stray = fill_of(fill_order(), 10, 100, T0 + 1, "m1")
    given = rig.feed(stray, Timer(ts=T0 + 2))
    assert "EXTERNAL_FILL" in [fact.code for fact in facts(given, AlertFact)]
    position = rig.desk.positions[KEY]
    assert (position.stop_price, position.ts_unprotected) == (d(98), None)
    assert rig.desk.orders["manual-1s1"].status is OrderStatus.ACCEPTED


def fill_order() -> Order:
    rig = Rig()
    rig.bars(100.0, T0, entry())
    (order,) = [order for order in rig.desk.orders.values() if order.intent is OrderIntent.ENTRY]
    changed: Order = msgspec.structs.replace(order, client_order_id="manual-1")
    return changed


def test_funding_moves_cash_once_and_never_quantity() -> None:
    rig = Rig()
    rig.open_position()
    before = rig.desk.state.books[BOOK].cash
    cash = Cash(
        id="f1",
        venue="paper",
        account=BOOK,
        book=BOOK,
        kind=CashKind.FUNDING,
        amount=d("-1.5"),
        currency="USDT",
        ts_event=T0 + FIVE,
        instrument=BTC,
    )
    given = rig.feed(CashEvent(ts=T0 + FIVE, cash=cash))
    assert facts(given, Cash) == [cash]
    assert rig.feed(CashEvent(ts=T0 + FIVE, cash=cash)) == []
    assert rig.desk.state.books[BOOK].cash == before - d("1.5")
    assert (rig.desk.positions[KEY].quantity, rig.desk.positions[KEY].funding) == (d(100), d("1.5"))


def test_cash_is_capital_plus_what_trades_brought() -> None:
    rig = Rig()
    for number in range(3):
        ts = T0 + number * 12 * FIVE
        rig.bars(100.0, ts, entry(ts))
        rig.quote(100.0, ts)
        rig.quote(103.5, ts + FIVE)
    trades = facts(rig.commands, Trade)
    assert [trade.exit_reason for trade in trades] == ["TARGET"] * 3
    book = rig.desk.state.books[BOOK]
    assert book.cash == d(100_000) + sum(trade.pnl for trade in trades)
    assert (book.trades, book.wins) == (3, 3)
    assert facts(rig.commands, BookStateFact)[-1].cash == book.cash


@pytest.mark.parametrize("price", [math.nan, math.inf, 0.0, -1.0])
def test_a_price_that_is_no_number_denies_and_halts_if_money_hangs_on_it(price: float) -> None:
    rig = Rig()
    rig.bars(100.0, T0)
    given = rig.feed(bar(price, T0 + FIVE), entry(T0 + FIVE))
    assert outcome(given).outcome is SignalOutcome.DENIED
    assert [fact.code for fact in facts(given, AlertFact)] == ["BAD_PRICE"]
    assert rig.desk.state.trading_state is TradingState.ACTIVE
    held = Rig()
    held.open_position()
    held.feed(quote(price, T0 + 1000))
    assert held.desk.state.breaker is BreakerLevel.HALT
    assert held.desk.state.trading_state is TradingState.HALTED


def test_a_signal_without_a_usable_price_is_dropped_aloud() -> None:
    rig = Rig()
    given = rig.feed(bar(100.0, T0), entry(price="NaN"))
    assert [fact.code for fact in facts(given, AlertFact)] == ["BAD_SIGNAL"]


def test_repeated_refusals_raise_the_breaker_and_time_lowers_it() -> None:
    rig = Rig(config(crypto=book_config(limits=LimitsConfig(cool_down_minutes=0))))
    for number in range(3):
        ts = T0 + number * 60_000
        rig.venue.refuse.add(f"q{number}-1")
        rig.feed(bar(100.0, ts), entry(ts, id=f"q{number}"))
    assert rig.desk.state.breaker is BreakerLevel.THROTTLE
    rig.feed(bar(100.0, T0 + FIVE), entry(T0 + FIVE))
    assert outcome(rig.commands).outcome_code == GateCode.BREAKER
    for minute in (12, 26):
        rig.feed(bar(100.0, T0 + minute * 60_000), Timer(ts=T0 + minute * 60_000))
    assert rig.desk.state.breaker is BreakerLevel.THROTTLE, "the refusals count for 10 minutes, then it cools for 15"
    rig.feed(Timer(ts=T0 + 27 * 60_000))
    assert rig.desk.state.breaker is BreakerLevel.ALERT


def test_a_failed_worker_stops_entries_and_is_told() -> None:
    rig = Rig()
    down = WorkerStatus(ts=T0, worker=WorkerName.GATE, state=WorkerState.FAILED, detail="boom")
    given = rig.feed(down, bar(100.0, T0), entry())
    assert outcome(given).outcome_code == GateCode.ENGINE_DEGRADED
    assert [command.code for command in only(given, RaiseAlert)] == ["WORKER_FAILED"]


def test_every_alert_raised_is_recorded() -> None:
    rig = Rig()
    rig.venue.refuse.add(f"s{T0 // 1000}-1")
    rig.bars(100.0, T0, entry())
    raised = [(command.code, command.text) for command in only(rig.commands, RaiseAlert)]
    assert raised == [(fact.code, fact.text) for fact in facts(rig.commands, AlertFact)]
    assert raised


def test_an_unclear_submit_is_looked_up_and_found() -> None:
    rig = Rig()
    id = f"s{T0 // 1000}-1"
    rig.venue.silent.add(id)
    rig.bars(100.0, T0, entry())
    assert rig.desk.orders[id].status is OrderStatus.UNKNOWN
    queries = [
        only(rig.feed(Timer(ts=T0 + ms)), QueryOrder) for ms in (400, 500, 999, 1000, 2500, 8000, 22_999, 23_000)
    ]
    assert [bool(found) for found in queries] == [False, True, False, True, True, True, False, True]
    rig.feed(update(id, K.ACKNOWLEDGED, T0 + 24_000))
    assert rig.desk.orders[id].status is OrderStatus.ACCEPTED
    assert only(rig.feed(Timer(ts=T0 + 60_000)), QueryOrder) == []
    assert len(only(rig.commands, SubmitOrder)) == 1


def test_an_unknown_order_blocks_its_instrument_and_counts_in_full() -> None:
    rig = Rig(config(crypto=book_config(limits=LimitsConfig(cool_down_minutes=0, max_total_exposure=0.15))))
    rig.venue.lost.add(f"s{T0 // 1000}-1")
    rig.feed(bar(100.0, T0), bar(50.0, T0, ETH), entry())
    given = rig.feed(bar(100.0, T0 + FIVE), entry(T0 + FIVE), bar(50.0, T0 + FIVE, ETH))
    assert outcome(given).outcome_code == GateCode.ORDER_UNKNOWN_PENDING
    given = rig.feed(entry(T0 + FIVE, id="s2", instrument=ETH, price=50))
    assert outcome(given).outcome_code == GateCode.EXPOSURE_LIMIT


def test_an_unknown_order_never_resolves_by_the_clock_but_calls_a_person() -> None:
    rig = Rig()
    id = f"s{T0 // 1000}-1"
    rig.venue.lost.add(id)
    rig.bars(100.0, T0, entry())
    given = [command for ms in range(1, 330) for command in rig.feed(Timer(ts=T0 + ms * 1000))]
    assert [fact.code for fact in facts(given, AlertFact)] == ["BREAKER_ALERT", "BREAKER_THROTTLE", "ORDER_UNKNOWN"]
    assert rig.desk.orders[id].status is OrderStatus.UNKNOWN
    rig.feed(update(id, K.REFUSED, T0 + 400_000, detail="never arrived"))
    assert rig.desk.orders[id].status is OrderStatus.REJECTED
    assert rig.desk.orders[id + "s"].status is OrderStatus.CANCELED
    assert KEY not in rig.desk.positions


def test_an_entry_that_never_arrived_may_be_decided_again_if_its_signal_comes_again() -> None:
    rig = Rig()
    id = f"s{T0 // 1000}-1"
    rig.venue.lost.add(id)
    rig.bars(100.0, T0, entry())
    rig.feed(update(id, K.REFUSED, T0 + 1000, code="NEVER_ARRIVED"))
    assert rig.desk.state.breaker is BreakerLevel.CLOSED
    assert len(only(rig.commands, SubmitOrder)) == 1, "the desk does not repeat it by itself"
    rig.feed(entry())
    assert [command.order.client_order_id for command in only(rig.commands, SubmitOrder)] == [id, id[:-1] + "2"]
    refused = Rig()
    refused.venue.refuse.add(id)
    refused.bars(100.0, T0, entry())
    assert refused.feed(entry()) == [], "a refusal stands"


def test_a_short_is_the_mirror_image() -> None:
    rig = Rig()
    rig.open_position(side=PositionSide.SHORT)
    position = rig.desk.positions[KEY]
    assert (position.quantity, position.stop_price, position.target_price) == (d(-100), d(102), d(97))


def test_protection_found_at_the_venue_protects() -> None:
    rig = Rig()
    trade = rig.open_position()
    stop = rig.desk.orders[trade + "s"]
    rig.desk.state.working.pop(stop.client_order_id)
    del rig.desk.state.orders[stop.client_order_id]
    rig.feed(OrderAdopted(ts=T0 + 1, order=stop), Timer(ts=T0 + 1))
    assert rig.desk.positions[KEY].ts_unprotected is None
    assert [id for id in rig.desk.orders if id.startswith(trade + "s")] == [trade + "s"]


def test_a_close_by_somebody_else_is_booked_and_told() -> None:
    rig = Rig()
    trade = rig.open_position()
    stray = msgspec.structs.replace(rig.desk.orders[trade + "s"], client_order_id="manual-1")
    given = rig.feed(fill_of(stray, 100, 101, T0 + 1, "m1"))
    assert "EXTERNAL_FILL" in [fact.code for fact in facts(given, AlertFact)]
    (closed,) = facts(given, Trade)
    assert (closed.exit_reason, closed.id) == ("EXTERNAL", trade)


def test_a_fee_in_another_currency_is_told_and_not_counted() -> None:
    rig = Rig()
    rig.bars(100.0, T0, entry())
    order = rig.desk.orders[f"s{T0 // 1000}-1"]
    event = fill_of(order, 100, 100, T0 + 1, "x1", fee="0.01")
    event = msgspec.structs.replace(event, fill=msgspec.structs.replace(event.fill, fee_currency="BNB"))
    given = rig.feed(event)
    assert "FEE_CURRENCY" in [fact.code for fact in facts(given, AlertFact)]
    assert rig.desk.state.books[BOOK].cash == d(100_000)


@pytest.mark.parametrize("bad", [{"quantity": d("NaN")}, {"price": d(0)}, {"quantity": d(0)}, {"fee": d("Infinity")}])
def test_an_unusable_execution_is_not_booked_but_reconciled(bad: dict[str, object]) -> None:
    rig = Rig()
    rig.bars(100.0, T0, entry())
    event = fill_of(rig.desk.orders[f"s{T0 // 1000}-1"], 100, 100, T0 + 1, "x1")
    given = rig.feed(msgspec.structs.replace(event, fill=msgspec.structs.replace(event.fill, **bad)))
    assert [fact.code for fact in facts(given, AlertFact)] == ["BAD_FILL"]
    assert only(given, RequestReconcile)
    assert not rig.desk.positions
