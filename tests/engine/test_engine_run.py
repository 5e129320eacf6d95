"""The whole engine on recorded data: results, ends, restarts, operator commands."""

import os
from collections.abc import Callable
from pathlib import Path

import msgspec
import pytest
from engine_kit import LAST_HOURS, Watcher, command, demo_profile, options, rows, send, stop_after, trades
from engine_kit import short_run as run

from tradeterm.config_file import load_config
from tradeterm.desk import Desk
from tradeterm.domain.commands import DeskCommand
from tradeterm.domain.errors import EngineError, LedgerError
from tradeterm.domain.events import DeskEvent, Timer
from tradeterm.domain.facts import CommandAck, DeskStateFact, Fact, ReconciliationFact, SignalFact
from tradeterm.domain.orders import Fill
from tradeterm.domain.signals import SignalKind, SignalOutcome
from tradeterm.domain.states import CommandStatus, CommandVerb, Mode, TradingState
from tradeterm.engine.check import check
from tradeterm.engine.replay import replay_journal
from tradeterm.engine.run import run_engine
from tradeterm.ledger.archive import archived_ledgers
from tradeterm.ledger.live import LiveReader
from tradeterm.ledger.lock import EngineLock, held_by

pytestmark = pytest.mark.usefixtures("fitted_here")


def sound() -> list[str]:
    profile = demo_profile()
    return list(check(profile.ledger, load_config(None, "demo"), audit=profile.audit).findings)


def interrupted_after(fills: int) -> Watcher:
    """Leave a run interrupted in the middle, its owner gone."""
    reading, writing = os.pipe()
    left = fills

    def hook(ts: int, fact: Fact) -> None:
        nonlocal left
        if isinstance(fact, Fill):
            left -= 1
            if left == 0:
                os.close(writing)

    seen = run(hook=hook, parent_fd=reading, speed=400_000.0)
    os.close(reading)
    return seen


def test_a_run_trades_to_the_end_and_everything_agrees() -> None:
    seen = run()
    profile = demo_profile()
    (summary,) = seen.summaries
    assert summary["status"] == "FINISHED"
    assert summary["trades"] == len(trades()) > 2
    assert summary["fills"] == len(seen.of(Fill))
    assert rows("SELECT status FROM runs") == [("FINISHED",)]
    assert sound() == []
    assert held_by(profile.lock) is None
    view = LiveReader(profile.live).view()
    assert view is not None
    assert view.replay is not None
    assert view.replay.finished
    assert [worker.state for worker in view.workers].count("RUNNING") >= 5
    assert LiveReader(profile.live).bars("BTCUSDT.BINANCE")


def test_the_journal_replays_byte_for_byte() -> None:
    (summary,) = run().summaries
    report = replay_journal(Path(str(summary["journal"])))
    assert report.identical, report.first_difference
    assert report.complete
    assert report.events > 1000


def test_two_runs_give_the_same_trades_and_the_first_stays_readable() -> None:
    run()
    first = trades()
    run()
    assert trades() == first
    assert len(archived_ledgers(demo_profile())) == 1


def test_an_interrupted_run_goes_on_and_ends_where_one_run_would() -> None:
    run()
    whole = trades()
    first = interrupted_after(3)
    assert first.summaries[0]["status"] == "INTERRUPTED"
    second = run()
    assert second.runs[0].resumed
    assert trades() == whole
    statuses = [row[0] for row in rows("SELECT status FROM runs ORDER BY ts_started")]
    assert statuses == ["FINISHED", "INTERRUPTED", "FINISHED"]
    assert sound() == []


def test_a_closed_run_is_put_aside_and_a_new_one_starts() -> None:
    hook, enough = stop_after(Fill, 2)
    seen = run(hook=hook, should_stop=enough, speed=400_000.0)
    assert seen.summaries[0]["status"] == "CLOSED"
    again = run(start_ts=LAST_HOURS)
    assert not again.runs[0].resumed
    assert len(archived_ledgers(demo_profile())) == 1


def test_a_duration_ends_a_run_cleanly() -> None:
    seen = run(duration=0.3, speed=60.0)
    assert seen.summaries[0]["status"] == "CLOSED"


def test_a_second_engine_on_the_profile_refuses_and_names_the_first() -> None:
    profile = demo_profile()
    profile.create()
    with EngineLock(profile.lock), pytest.raises(LedgerError, match=rf"another engine \(pid {os.getpid()}\)"):
        run_engine(options())


def test_a_damaged_ledger_is_a_sentence() -> None:
    profile = demo_profile()
    interrupted_after(1)
    with profile.ledger.open("r+b") as file:
        file.seek(8192)
        file.write(b"\xff" * (profile.ledger.stat().st_size - 8192))
    with pytest.raises(LedgerError, match="is damaged"):
        run_engine(options())


def test_a_kill_given_while_no_engine_ran_comes_before_anything_else_and_lasts() -> None:
    interrupted_after(1)
    assert rows("SELECT count(*) FROM positions WHERE CAST(quantity AS REAL) != 0") == [(1,)]
    kill = send(CommandVerb.KILL, reason="enough")
    seen = run()
    acted = [fact for fact in seen.facts if isinstance(fact, CommandAck | ReconciliationFact | SignalFact)]
    assert isinstance(acted[0], ReconciliationFact)
    assert isinstance(acted[1], CommandAck)
    assert command(kill)[0] == "DONE"
    assert rows("SELECT trading_state FROM desk_state") == [("HALTED",)]
    assert rows("SELECT count(*) FROM positions WHERE CAST(quantity AS REAL) != 0") == [(0,)]
    entries = [fact for fact in seen.of(SignalFact) if fact.kind is SignalKind.ENTRY]
    assert entries
    assert {fact.outcome for fact in entries} == {SignalOutcome.DENIED}


def test_a_halt_survives_restarts() -> None:
    interrupted_after(1)
    send(CommandVerb.HALT, reason="lunch")
    interrupted = options(watcher := Watcher(), duration=0.3, speed=60.0)
    assert run_engine(interrupted) == 0
    assert watcher.of(DeskStateFact)[0].trading_state is TradingState.HALTED


@pytest.mark.parametrize("mode", list(Mode)[:2])
@pytest.mark.parametrize("verb", [CommandVerb.HALT, CommandVerb.KILL])
def test_a_halt_or_kill_survives_a_clean_end(mode: Mode, verb: CommandVerb) -> None:
    config = msgspec.structs.replace(options().config, mode=mode)
    send_it, done = sent_at_first_fill(verb, []), False

    def hook(ts: int, fact: Fact) -> None:
        nonlocal done
        send_it(ts, fact)
        done = done or (isinstance(fact, CommandAck) and fact.status is CommandStatus.DONE)

    seen = run(config=config, hook=hook, should_stop=lambda: done, speed=20_000.0)
    assert seen.summaries[0]["status"] == "CLOSED"
    again = run(config=config, start_ts=LAST_HOURS)
    assert again.runs[0].trading_state is TradingState.HALTED
    assert rows("SELECT trading_state FROM desk_state") == [("HALTED",)]
    entries = [fact for fact in again.of(SignalFact) if fact.kind is SignalKind.ENTRY]
    assert {fact.outcome for fact in entries} <= {SignalOutcome.DENIED}


def test_a_paper_run_that_was_closed_goes_on_with_its_account() -> None:
    paper = msgspec.structs.replace(options().config, mode=Mode.PAPER)
    hook, enough = stop_after(Fill, 3)
    seen = run(config=paper, hook=hook, should_stop=enough, speed=400_000.0)
    assert seen.summaries[0]["status"] == "CLOSED"
    again = run(config=paper)
    assert again.runs[0].resumed
    assert archived_ledgers(demo_profile()) == []
    assert sound() == []


def test_a_halt_that_waits_is_taken_along_into_a_new_run() -> None:
    run(start_ts=LAST_HOURS)
    send(CommandVerb.HALT, reason="before the next one")
    seen = run(start_ts=LAST_HOURS)
    assert not seen.runs[0].resumed
    assert rows("SELECT trading_state FROM desk_state") == [("HALTED",)]
    assert command(1)[0] == "DONE"


def sent_at_first_fill(verb: CommandVerb, sent: list[int], **more: str) -> Callable[[int, Fact], None]:
    def hook(ts: int, fact: Fact) -> None:
        if isinstance(fact, Fill) and not sent:
            sent.append(send(verb, **more))

    return hook


@pytest.mark.parametrize(
    ("verb", "argument", "status", "detail"),
    [
        (CommandVerb.SPEED, "sideways", "REFUSED", "speed: found 'sideways'"),
        (CommandVerb.SPEED, "max", "DONE", ""),
        (CommandVerb.REPLAY, "", "REFUSED", "the recording has not ended yet"),
    ],
)
def test_the_engines_own_verbs_are_answered(verb: CommandVerb, argument: str, status: str, detail: str) -> None:
    sent: list[int] = []
    run(hook=sent_at_first_fill(verb, sent, argument=argument), speed=400_000.0)
    found_status, found_detail = command(sent[0])
    assert found_status == status
    assert found_detail.startswith(detail)


def test_shutdown_closes_the_run() -> None:
    sent: list[int] = []
    seen = run(hook=sent_at_first_fill(CommandVerb.SHUTDOWN, sent), speed=200_000.0)
    assert command(sent[0])[0] == "DONE"
    assert seen.summaries[0]["status"] == "CLOSED"


def test_replay_after_the_end_starts_anew_in_the_same_process() -> None:
    class Replayer(Watcher):
        def ended(self, summary: dict[str, object]) -> None:  # type: ignore[override]
            super().ended(summary)  # type: ignore[arg-type]
            send(CommandVerb.REPLAY if len(self.summaries) == 1 else CommandVerb.SHUTDOWN)

    watcher = Replayer()
    assert run_engine(options(watcher, until_end=False, start_ts=LAST_HOURS)) == 0
    assert [run_.resumed for run_ in watcher.runs] == [False, False]
    assert watcher.runs[0].run_id != watcher.runs[1].run_id
    assert [summary["status"] for summary in watcher.summaries] == ["FINISHED", "FINISHED"]
    assert len(archived_ledgers(demo_profile())) == 1


def test_commands_to_an_engine_that_was_not_there_are_refused_or_obeyed_by_the_next() -> None:
    interrupted_after(1)
    stale, pause = send(CommandVerb.SHUTDOWN), send(CommandVerb.PAUSE, book="crypto")
    assert run().summaries[0]["status"] == "FINISHED"
    assert command(stale) == ("REFUSED", "no engine was running")
    assert command(pause)[0] == "DONE"


def test_the_last_wish_of_an_owner_that_is_gone_counts() -> None:
    reading, writing = os.pipe()
    sent: list[int] = []

    def hook(ts: int, fact: Fact) -> None:
        if isinstance(fact, Fill) and not sent:
            sent.append(send(CommandVerb.SHUTDOWN))
            os.close(writing)

    seen = run(hook=hook, parent_fd=reading, speed=200_000.0)
    os.close(reading)
    assert command(sent[0])[0] == "DONE"
    assert seen.summaries[0]["status"] == "CLOSED"


def test_a_broken_desk_ends_the_engine_in_a_sentence_and_the_next_start_recovers(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    real = Desk.on

    def broken(self: Desk, event: DeskEvent) -> list[DeskCommand]:
        if isinstance(event, Timer) and self.positions:
            raise ZeroDivisionError("a bug")
        return real(self, event)

    with monkeypatch.context() as patch:
        patch.setattr(Desk, "on", broken)
        with pytest.raises(
            EngineError, match=r"the engine broke \(ZeroDivisionError: a bug\); the next start recovers"
        ):
            run_engine(options())
    assert rows("SELECT status FROM runs") == [("RUNNING",)]
    assert held_by(demo_profile().lock) is None
    assert run().runs[0].resumed
    assert sound() == []


def test_a_desk_that_is_broken_from_the_start_does_not_hang(monkeypatch: pytest.MonkeyPatch) -> None:
    def broken(self: Desk, event: DeskEvent) -> list[DeskCommand]:
        raise ZeroDivisionError("a bug")

    monkeypatch.setattr(Desk, "on", broken)
    with pytest.raises(EngineError, match="the engine broke"):
        run_engine(options())


def test_a_kill_that_overtakes_an_older_resume_is_not_undone_by_it() -> None:
    interrupted_after(1)
    resume, halt = send(CommandVerb.RESUME), send(CommandVerb.HALT, reason="later")
    run()
    assert command(resume) == ("REFUSED", "a later kill or halt came first")
    assert command(halt)[0] == "DONE"
    assert rows("SELECT trading_state FROM desk_state") == [("HALTED",)]
