"""What an operator asks, and that halt and kill outlive a restart."""

from typing import Any

import msgspec
import pytest
from desk_kit import BOOK, BTC, FIVE, T0, K, Rig, bar, book_config, config, d, entry, facts, only, update, verdict

from tradeterm.domain.commands import CancelOrder, RequestReconcile, SubmitOrder
from tradeterm.domain.events import OperatorCommand, OrderAdopted, Reconciled, Timer, VenueStatus
from tradeterm.domain.facts import AlertFact, CommandAck, ReconciliationFact, SignalFact, Trade
from tradeterm.domain.orders import OrderIntent, OrderStatus
from tradeterm.domain.signals import GateCode
from tradeterm.domain.states import BookState, BreakerLevel, CommandStatus, CommandVerb, TradingState, VenueState

KEY = (BOOK, BTC)
V = CommandVerb


def ask(verb: CommandVerb, ts: int = T0 + 1, id: int = 1, **changes: Any) -> OperatorCommand:
    return OperatorCommand(ts=ts, id=id, verb=verb, actor="me", **changes)


def agreed(ts: int, ok: bool = True) -> Reconciled:
    return Reconciled(ts=ts, id=f"r{ts}", venue="paper", account=BOOK, agreed=ok, findings=("quantity differs",))


def acks(rig: Rig) -> list[tuple[int, CommandStatus]]:
    return [(fact.id, fact.status) for fact in facts(rig.commands, CommandAck)]


def last_code(rig: Rig) -> str:
    code: str = facts(rig.commands, SignalFact)[-1].outcome_code
    return code


def test_stop_and_start() -> None:
    rig = Rig()
    rig.feed(ask(V.STOP, T0), bar(100.0, T0), entry())
    assert last_code(rig) == GateCode.BOOK_STOPPED
    rig.feed(ask(V.START, T0 + 1, 2))
    rig.bars(100.0, T0 + FIVE, entry(T0 + FIVE))
    assert last_code(rig) == ""
    assert acks(rig) == [(1, CommandStatus.DONE), (2, CommandStatus.DONE)]


def test_pause_and_resume_one_book() -> None:
    rig = Rig(config(a=book_config(), b=book_config()))
    rig.feed(ask(V.PAUSE, book="a"))
    assert {name: book.state for name, book in rig.desk.state.books.items()} == {
        "a": BookState.PAUSED,
        "b": BookState.RUNNING,
    }
    rig.feed(ask(V.START, id=2))
    assert rig.desk.state.books["a"].state is BookState.PAUSED, "START ends STOP, not PAUSE"
    rig.feed(ask(V.RESUME, id=3, book="a"))
    assert rig.desk.state.books["a"].state is BookState.RUNNING


@pytest.mark.parametrize(
    ("command", "says"),
    [
        (ask(V.PAUSE, book="nope"), "there is no book 'nope'; the books are crypto"),
        (ask(V.FLATTEN, instrument="X.Y"), "there is no instrument 'X.Y'"),
    ],
)
def test_a_wrong_name_is_refused_in_words(command: OperatorCommand, says: str) -> None:
    (ack,) = facts(Rig().feed(command), CommandAck)
    assert (ack.status, ack.detail) == (CommandStatus.REFUSED, says)


def test_the_drivers_verbs_are_left_to_it() -> None:
    rig = Rig()
    for verb in (V.SPEED, V.SHUTDOWN, V.REPLAY):
        assert rig.feed(ask(verb)) == []


def test_halt_cancels_entries_and_keeps_stops() -> None:
    rig = Rig()
    rig.open_position()
    rig.feed(bar(50.0, T0 + FIVE, "ETHUSDT.BINANCE"), entry(T0 + FIVE, instrument="ETHUSDT.BINANCE", price=50, id="se"))
    given = rig.feed(ask(V.HALT, T0 + FIVE + 1))
    assert [command.order.client_order_id for command in only(given, CancelOrder)] == ["se-1"]
    assert rig.desk.orders["se-1"].status is OrderStatus.CANCELED
    assert rig.desk.orders["se-1s"].status is OrderStatus.CANCELED
    assert rig.desk.orders[rig.desk.positions[KEY].trade_id + "s"].status is OrderStatus.ACCEPTED
    rig.bars(100.0, T0 + 2 * FIVE, entry(T0 + 2 * FIVE, instrument="ETHUSDT.BINANCE"))
    assert last_code(rig) == GateCode.TRADING_HALTED


def test_halt_during_a_verdict_stops_the_order() -> None:
    rig = Rig()
    rig.judge = False
    rig.feed(bar(100.0, T0), entry(), ask(V.HALT, T0))
    rig.judge = True
    given = rig.feed(verdict(entry().signal.id, T0 + 1))
    assert not only(given, SubmitOrder)
    assert last_code(rig) == GateCode.TRADING_HALTED


def test_resume_ends_a_halt_and_the_breaker_but_not_before_reconciliation() -> None:
    rig = Rig()
    rig.feed(agreed(T0, ok=False))
    assert (rig.desk.state.breaker, rig.desk.state.trading_state) == (BreakerLevel.HALT, TradingState.HALTED)
    (ack,) = facts(rig.feed(ask(V.RESUME, T0 + 1)), CommandAck)
    assert (ack.status, "disagrees" in ack.detail) == (CommandStatus.REFUSED, True)
    rig.feed(agreed(T0 + 2), VenueStatus(ts=T0 + 2, venue="paper", state=VenueState.RECONCILING))
    (ack,) = facts(rig.feed(ask(V.RESUME, T0 + 3, 2)), CommandAck)
    assert (ack.status, ack.detail) == (CommandStatus.REFUSED, "venue paper has not been reconciled yet")
    rig.feed(VenueStatus(ts=T0 + 4, venue="paper", state=VenueState.READY), ask(V.RESUME, T0 + 5, 3))
    assert acks(rig)[-1] == (3, CommandStatus.DONE)
    assert (rig.desk.state.breaker, rig.desk.state.trading_state) == (BreakerLevel.CLOSED, TradingState.ACTIVE)
    assert len(facts(rig.commands, ReconciliationFact)) == 2


def test_flatten_closes_what_it_names_and_is_done_when_flat() -> None:
    rig = Rig()
    rig.open_position()
    rig.feed(ask(V.FLATTEN, instrument=BTC))
    assert acks(rig) == [(1, CommandStatus.ACCEPTED)]
    rig.quote(100.0, T0 + FIVE)
    assert acks(rig)[-1] == (1, CommandStatus.DONE)
    assert facts(rig.commands, Trade)[-1].exit_reason == "FLATTEN"
    rig.feed(ask(V.FLATTEN, T0 + FIVE + 1, 2))
    assert acks(rig)[-1] == (2, CommandStatus.DONE)


def test_kill_closes_verifies_and_stays_halted() -> None:
    rig = Rig()
    rig.open_position()
    given = rig.feed(ask(V.KILL))
    assert [command.order.reason for command in only(given, SubmitOrder)] == ["KILL"]
    assert rig.desk.state.kill_pending
    given = rig.quote(100.0, T0 + FIVE)
    assert not rig.desk.state.working
    assert len(only(given, RequestReconcile)) == 1
    assert rig.desk.state.kill_pending, "not before the venue was seen flat"
    rig.feed(Timer(ts=T0 + FIVE + 1000), agreed(T0 + FIVE + 2000))
    assert not rig.desk.state.kill_pending
    assert rig.desk.state.trading_state is TradingState.HALTED
    assert acks(rig) == [(1, CommandStatus.ACCEPTED), (1, CommandStatus.DONE)]
    assert facts(rig.commands, Trade)[-1].exit_reason == "KILL"
    rig.feed(ask(V.RESUME, T0 + FIVE + 3000, 2))
    assert rig.desk.state.trading_state is TradingState.ACTIVE


def test_kill_with_an_entry_on_its_way_cancels_it_and_closes_what_filled() -> None:
    rig = Rig()
    rig.venue.cap = d(40)
    rig.bars(100.0, T0, entry())
    rig.quote(100.0, T0)
    given = rig.feed(ask(V.KILL, T0 + 1))
    assert [command.order.intent for command in only(given, CancelOrder)] == [OrderIntent.ENTRY]
    rig.quote(100.0, T0 + FIVE)
    assert KEY not in rig.desk.positions


def test_kill_during_an_unanswered_submit_waits_for_the_answer() -> None:
    rig = Rig()
    rig.venue.lost.add(f"s{T0 // 1000}-1")
    rig.bars(100.0, T0, entry())
    rig.feed(ask(V.KILL, T0 + 1), Timer(ts=T0 + 2000), agreed(T0 + 3000))
    assert rig.desk.state.kill_pending
    rig.feed(update(f"s{T0 // 1000}-1", K.CANCELED, T0 + 4000), Timer(ts=T0 + 4000), agreed(T0 + 5000))
    assert not rig.desk.state.kill_pending


def test_a_second_kill_changes_nothing_but_is_answered() -> None:
    rig = Rig()
    rig.open_position()
    rig.feed(ask(V.KILL))
    given = rig.feed(ask(V.KILL, T0 + 2, 2))
    assert not only(given, SubmitOrder)
    rig.quote(100.0, T0 + FIVE)
    rig.feed(agreed(T0 + FIVE + 1))
    assert acks(rig)[-2:] == [(1, CommandStatus.DONE), (2, CommandStatus.DONE)]


def test_resume_is_refused_while_a_kill_runs() -> None:
    rig = Rig()
    rig.open_position()
    rig.feed(ask(V.KILL), ask(V.RESUME, T0 + 2, 2))
    assert acks(rig)[-1] == (2, CommandStatus.REFUSED)


def test_a_kill_goes_on_after_a_restart_once_the_venue_is_ready() -> None:
    first = Rig()
    first.open_position()
    first.feed(VenueStatus(ts=T0, venue="paper", state=VenueState.DISCONNECTED))
    given = first.feed(ask(V.KILL))
    assert not only(given, SubmitOrder), "nothing can be sent now"
    again = Rig(snapshot=first.desk.snapshot(), ts=T0 + 60_000)
    sent = only(again.commands, SubmitOrder)
    assert [command.order.reason for command in sent] == ["KILL"]
    assert again.desk.state.trading_state is TradingState.HALTED


def test_halt_outlives_a_restart() -> None:
    rig = Rig()
    rig.feed(ask(V.HALT))
    again = Rig(snapshot=rig.desk.snapshot(), ts=T0 + 60_000)
    assert again.desk.state.trading_state is TradingState.HALTED
    assert again.desk.state.trading_reason == "HALT by me"


def test_a_halt_that_the_venue_did_not_hear_is_repeated() -> None:
    rig = Rig()
    rig.bars(100.0, T0, entry())
    working = dict(rig.venue.orders)
    rig.venue.orders.clear()
    id = f"s{T0 // 1000}-1"
    rig.feed(ask(V.HALT))
    assert rig.desk.orders[id].status is OrderStatus.ACCEPTED, "the venue refused, so it still works there"
    rig.venue.orders.update(working)
    assert not only(rig.feed(Timer(ts=T0 + 9000)), CancelOrder)
    rig.feed(Timer(ts=T0 + 10_001))
    assert rig.desk.orders[id].status is OrderStatus.CANCELED


def test_a_foreign_order_is_followed_and_only_a_kill_cancels_it() -> None:
    rig = Rig()
    rig.bars(100.0, T0, entry())
    ours = rig.desk.orders[f"s{T0 // 1000}-1"]
    foreign = msgspec.structs.replace(
        ours, client_order_id="manual", intent=OrderIntent.EXTERNAL, status=OrderStatus.ACCEPTED
    )
    rig.venue.orders["manual"] = foreign
    adopted = OrderAdopted(ts=T0 + 1, order=foreign)
    assert [fact.code for fact in facts(rig.feed(adopted), AlertFact)] == ["ORDER_ADOPTED"]
    assert rig.feed(adopted) == []
    rig.feed(ask(V.HALT, T0 + 2))
    assert rig.desk.orders["manual"].status is OrderStatus.ACCEPTED
    rig.feed(ask(V.KILL, T0 + 3, 2))
    assert rig.desk.orders["manual"].status is OrderStatus.CANCELED
