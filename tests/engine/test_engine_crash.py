"""SIGKILL at every step of an order's life: nothing is lost, nothing is sent twice, the next start goes on."""

import random
import signal
from pathlib import Path

import pytest
from crash_kit import (
    demo,
    differences_from_venue,
    duplicate_entries,
    finish,
    kill_after,
    ledger_findings,
    start,
    start_whole,
)
from engine_kit import command, rows, send

from tradeterm.domain.states import CommandVerb

LAST_DAY = "1744351200000"  # 2025-04-11 06:00 UTC: a few trades are enough

POINTS = [
    ("before-write-ahead", 2),
    ("during-commit", 3),
    ("after-commit", 1),
    ("after-send", 1),
    ("at-venue-fill", 1),
    ("at-venue-fill", 3),
    ("after-fill", 2),
    ("during-cancel", 1),
]


def unsound(profile) -> list[str]:  # type: ignore[no-untyped-def]
    return [*ledger_findings(profile), *duplicate_entries(profile), *differences_from_venue(profile)]


@pytest.mark.parametrize(("point", "count"), POINTS)
def test_a_kill_at_a_step_of_an_orders_life_loses_and_doubles_nothing(home: Path, point: str, count: int) -> None:
    profile = demo(home)
    assert finish(start(home, LAST_DAY, point, str(count))) == -signal.SIGKILL
    assert list(ledger_findings(profile)) == []
    assert finish(start(home, LAST_DAY)) == 0
    assert unsound(profile) == []


@pytest.mark.parametrize("count", [1, 2, 3])
def test_a_kill_that_is_killed_itself_is_finished_by_the_next_start(home: Path, count: int) -> None:
    profile = demo(home)
    assert finish(start(home, LAST_DAY, "after-fill", "2")) == -signal.SIGKILL  # dead with a position
    command_id = send(CommandVerb.KILL, reason="the operator has had enough")
    assert finish(start(home, LAST_DAY, "during-kill", str(count))) == -signal.SIGKILL
    assert finish(start(home, LAST_DAY)) == 0
    assert unsound(profile) == []
    assert command(command_id)[0] == "DONE"
    assert rows("SELECT trading_state, kill_pending FROM desk_state") == [("HALTED", 0)]
    assert rows("SELECT count(*) FROM positions WHERE CAST(quantity AS REAL) != 0") == [(0,)]


def kills(home: Path, start_ts: str, number: int, seed: int, longest: float) -> None:
    """Kill at random moments; check what lies there after each, and all of it when a run came to its end."""
    profile, moments, killed = demo(home), random.Random(seed), 0
    while killed < number:
        if kill_after(start_whole(home, start_ts), moments.uniform(0.0, longest), profile):
            killed += 1
            assert list(ledger_findings(profile)) == []
            if (profile.paper / "crypto.sqlite").exists():
                assert duplicate_entries(profile) == []
        else:
            assert unsound(profile) == []
    assert finish(start_whole(home, start_ts)) == 0
    assert unsound(profile) == []


def test_five_kills_at_random_moments(home: Path) -> None:
    kills(home, LAST_DAY, 5, seed=20250407, longest=0.8)


@pytest.mark.slow
def test_two_hundred_kills_at_random_moments(home: Path) -> None:
    kills(home, "0", 200, seed=20250405, longest=2.0)
