"""What the screens conclude from a view: pure, table by table."""

import msgspec
import pytest
from fake_console import NOW, WALL, FakeConsole, busy, busy_view, finished, halted, stale
from frozen_app import Clock

from tradeterm.assistant.ask import Confirm
from tradeterm.domain.states import BreakerLevel, CommandStatus, CommandVerb, TradingState, WorkerState
from tradeterm.domain.view import DeskView
from tradeterm.ui import controls, quit
from tradeterm.ui.model import Engine, Level, Scene, banner, data_age, judge, refusal
from tradeterm.ui.poller import Poller
from tradeterm.ui.screens.summary import one_line
from tradeterm.ui.tracker import Tracker
from tradeterm.ui.widgets.tones import text_of

BTC = "crypto/BTCUSDT.BINANCE"


def view(**changes: object) -> DeskView:
    return msgspec.structs.replace(busy_view(), **changes)


def scene(shown: DeskView | None = None, *, alive: bool = True) -> Scene:
    return judge(shown or busy_view(), alive, WALL)


@pytest.mark.parametrize(
    ("shown", "alive", "expected"),
    [
        (None, False, Engine.ABSENT),
        (None, True, Engine.LIVE),
        (view(wall_ts=WALL), True, Engine.LIVE),
        (view(wall_ts=WALL - 3_000), True, Engine.LIVE),
        (view(wall_ts=WALL - 3_001), True, Engine.SILENT),
        (view(wall_ts=WALL - 4_000, heartbeat_ms=2_000), True, Engine.LIVE),
        (view(wall_ts=WALL), False, Engine.GONE),
    ],
)
def test_engine_state(shown: DeskView | None, alive: bool, expected: Engine) -> None:
    assert judge(shown, alive, WALL).engine is expected


def failed_worker() -> DeskView:
    workers = busy_view().workers
    broken = msgspec.structs.replace(workers[0], state=WorkerState.FAILED, detail="no data file")
    return view(workers=(broken, *workers[1:]))


def by_breaker(level: BreakerLevel) -> DeskView:
    return view(trading_state=TradingState.HALTED, trading_reason="breaker: lost 5.20 % today", breaker=level)


@pytest.mark.parametrize(
    ("seen", "text", "level"),
    [
        (scene(), "", Level.CALM),
        (judge(None, False, WALL), "no engine is running; s starts one", Level.WARNING),
        (judge(None, True, WALL), "waiting for the engine's first view", Level.CALM),
        (scene(view(wall_ts=WALL - 7_500)), "engine not answering (last heartbeat 7s ago)", Level.DANGER),
        (scene(failed_worker()), "market worker FAILED (no data file), no entries meanwhile", Level.WARNING),
        (scene(view(kill_pending=True)), "KILL under way: cancelling orders, closing positions", Level.DANGER),
        (scene(halted().current), "HALTED: halted by sam; R resumes once the breaker's cause is over", Level.DANGER),
        (
            scene(by_breaker(BreakerLevel.HALT)),
            "HALTED: breaker: lost 5.20 % today; R resumes once the breaker's cause is over",
            Level.DANGER,
        ),
        (
            scene(by_breaker(BreakerLevel.SHUTDOWN)),
            "HALTED: breaker: lost 5.20 % today; `recover REASON` leads out once the breaker's cause is over",
            Level.DANGER,
        ),
    ],
)
def test_banner(seen: Scene, text: str, level: Level) -> None:
    assert banner(seen, "s", "R") == (text, level)


def test_age_is_that_of_the_oldest_data() -> None:
    assert data_age(scene()) == (0, False)
    assert data_age(scene(stale().current)) == (900_000, True)


def test_nothing_a_silent_engine_shows_is_fresh() -> None:
    assert data_age(scene(view(wall_ts=WALL - 7_000))) == (7_000, True)


def test_a_finished_recording_is_not_stale() -> None:
    shown = finished().current
    assert shown is not None
    feeds = tuple(msgspec.structs.replace(feed, ts_last=NOW - 900_000, stale=True) for feed in shown.feeds)
    assert data_age(scene(msgspec.structs.replace(shown, feeds=feeds)))[1] is False


@pytest.mark.parametrize(
    ("action", "seen", "reason"),
    [
        ("position.flatten", scene(), ""),
        ("position.flatten", scene(view(positions=())), "there is no open position"),
        ("position.flatten", scene(alive=False), "no engine is running"),
        ("engine.halt", scene(alive=False), ""),
        ("engine.kill", scene(alive=False), ""),
        ("engine.resume", scene(), "nothing is halted or paused"),
        ("engine.resume", scene(halted().current), ""),
        ("replay.faster", scene(view(replay=None)), "only a replay of recorded data has a speed"),
        ("replay.again", scene(), "the recording is still playing"),
        ("replay.faster", scene(finished().current), "the recording has ended"),
        ("screen.desk", judge(None, False, WALL), ""),
    ],
)
def test_refusal(action: str, seen: Scene, reason: str) -> None:
    assert refusal(action, seen, BTC) == reason


@pytest.mark.parametrize(
    ("action", "verb", "confirm"),
    [
        ("engine.halt", CommandVerb.HALT, Confirm.NOTHING),
        ("engine.stop", CommandVerb.STOP, Confirm.NOTHING),
        ("engine.start", CommandVerb.START, Confirm.YES),
        ("engine.kill", CommandVerb.KILL, Confirm.TYPED),
        ("engine.resume", CommandVerb.RESUME, Confirm.YES),
        ("position.flatten", CommandVerb.FLATTEN, Confirm.YES),
    ],
)
def test_taking_risk_away_is_never_asked_about(action: str, verb: CommandVerb, confirm: Confirm) -> None:
    proposed = controls.propose(action, scene(), BTC)
    assert (proposed.verb, proposed.confirm) == (verb, confirm)


def test_a_confirmation_states_counts_and_amounts() -> None:
    assert "3 positions worth 23,293.70 USDT" in controls.propose("engine.kill", scene()).consequence
    assert "BTCUSDT LONG 0.124" in controls.propose("position.flatten", scene(), BTC).consequence


@pytest.mark.parametrize(
    ("seen", "line"),
    [
        (scene(), "ACTIVE ^k halt · DEMO 99,712 -0.29%"),
        (scene(halted().current), "HALTED ^k halt · DEMO 99,712 -0.29%"),
        (scene(stale().current), "SILENT ^k halt · DEMO 99,712 -0.29%"),
        (scene(alive=False), "no engine · ^k halt"),
    ],
)
def test_one_line(seen: Scene, line: str) -> None:
    assert text_of(one_line(seen, "^k")) == line


def test_flat_means_nothing_held_and_nothing_open() -> None:
    assert not quit.is_flat(scene())
    assert not quit.is_flat(scene(view(positions=())))
    assert quit.is_flat(scene(view(positions=(), open_orders=0)))


# The poller


def test_a_heartbeat_is_not_news() -> None:
    console, clock = busy(), Clock(WALL)
    poller = Poller(console, clock)
    assert poller.look().view
    console.tick(view(wall_ts=WALL, version=2, ts=NOW + 1_000))
    clock.pass_seconds(0.2)
    look = poller.look()
    assert not look.view and look.scene.view is not None and look.scene.view.version == 2
    console.tick(view(equity=busy_view().equity + 1))
    assert poller.look().view


def test_a_heartbeat_counts_once_the_ages_in_the_rows_are_old() -> None:
    console, clock = busy(), Clock(WALL)
    poller = Poller(console, clock)
    poller.look()
    clock.pass_seconds(11)
    console.tick(view(wall_ts=WALL + 11_000, version=2, ts=NOW + 11_000))
    assert poller.look().view


def test_facts_are_read_less_often_than_the_view() -> None:
    console, clock = busy(), Clock(WALL)
    poller = Poller(console, clock)
    assert poller.look().ledger
    console.tick()
    clock.pass_seconds(0.2)
    assert not poller.look().ledger
    clock.pass_seconds(0.3)
    assert poller.look().ledger
    assert not poller.look().ledger


def test_looking_again_after_being_hidden_shows_everything() -> None:
    poller = Poller(busy(), Clock(WALL))
    poller.look()
    look = poller.look(everything=True)
    assert look.view and look.ledger


# Commands on their way


def test_a_command_that_is_accepted_is_not_lost() -> None:
    console, tracker = FakeConsole(busy_view()), Tracker()
    console.acknowledge = CommandStatus.ACCEPTED
    command = console.send(CommandVerb.HALT)
    tracker.add(command, "halt", WALL)
    assert [news.text for news in tracker.follow(console, WALL + 60_000)] == ["halt accepted"]
    assert tracker.follow(console, WALL + 120_000) == [] and tracker.waiting


def test_a_lost_command_is_told_once() -> None:
    console, tracker = FakeConsole(busy_view()), Tracker()
    console.acknowledge = CommandStatus.QUEUED
    tracker.add(console.send(CommandVerb.HALT), "halt", WALL)
    assert tracker.follow(console, WALL + 5_000) == []
    (news,) = tracker.follow(console, WALL + 5_001)
    assert news.level is Level.DANGER
    assert tracker.follow(console, WALL + 9_000) == []
