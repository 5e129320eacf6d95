"""Starting a background engine, finding a running one, and hearing why one cannot start."""

import os
import signal
import sqlite3
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from tradeterm.console.client import open_console
from tradeterm.console.launch import DEMO_START_TS, EngineHandle, ensure_engine, last_words
from tradeterm.domain.errors import EngineError, LedgerError
from tradeterm.domain.states import CommandVerb
from tradeterm.ledger.lock import held_by
from tradeterm.profile import Profile, find_profile


def until(true: Callable[[], bool], seconds: float = 10.0) -> None:
    deadline = time.monotonic() + seconds
    while not true():
        assert time.monotonic() < deadline, "it did not come about"
        time.sleep(0.01)


@pytest.fixture
def demo(home: Path) -> Iterator[Profile]:
    profile = find_profile("demo")
    yield profile
    pid = held_by(profile.lock)
    if pid:
        os.kill(pid, signal.SIGKILL)


def test_an_engine_is_started_found_again_and_outlives_its_starter(demo: Profile) -> None:
    script = (
        "from tradeterm.console.launch import ensure_engine; from tradeterm.profile import find_profile;"
        "print(ensure_engine(find_profile('demo'), speed=60).pid)"
    )
    starter = subprocess.run([sys.executable, "-c", script], check=True, capture_output=True, text=True)
    pid = int(starter.stdout)
    assert held_by(demo.lock) == pid
    assert ensure_engine(demo) == EngineHandle(pid, started=False)
    assert os.getsid(pid) == pid  # a session of its own: no terminal's hang-up reaches it
    console = open_console(demo)
    console.send(CommandVerb.SHUTDOWN)
    until(lambda: held_by(demo.lock) is None)
    assert [run.status for run in console.runs()] == ["CLOSED"]
    console.close()


def test_an_owned_engine_ends_with_its_owner_and_goes_on_next_time(demo: Profile) -> None:
    script = (
        "import os; from tradeterm.console.launch import *; from tradeterm.profile import find_profile;"
        "ensure_engine(find_profile('demo'), owned=True, start_ts=DEMO_START_TS); os._exit(9)"
    )
    assert subprocess.run([sys.executable, "-c", script], check=False).returncode == 9
    until(lambda: held_by(demo.lock) is None)
    handle = ensure_engine(demo, owned=True, start_ts=DEMO_START_TS)
    console = open_console(demo)
    assert [run.status for run in console.runs()] == ["RUNNING", "INTERRUPTED"]
    view = console.view()
    assert view is not None
    assert view.replay is not None
    assert view.replay.ts_now >= DEMO_START_TS
    console.close()
    handle.let_go()
    until(lambda: held_by(demo.lock) is None)


def test_the_reason_is_the_engines_own_last_sentence(demo: Profile) -> None:
    demo.create()
    with sqlite3.connect(demo.ledger) as db:
        db.execute("PRAGMA user_version = 999")
    with pytest.raises(EngineError, match=r"ledger\.sqlite"):
        ensure_engine(demo)
    assert "Traceback" not in last_words(demo)
    assert held_by(demo.lock) is None


def test_a_folder_that_cannot_be_made_is_a_sentence(home: Path) -> None:
    home.write_text("in the way")
    with pytest.raises(LedgerError, match=r"engine\.lock cannot be read: Not a directory"):
        ensure_engine(find_profile("demo"))
