import os
import signal
import subprocess
import sys

import pytest

from tradeterm.domain.errors import LedgerError
from tradeterm.ledger.lock import EngineLock, held_by

HOLD = """
import sys, time
from pathlib import Path
from tradeterm.ledger.lock import EngineLock
EngineLock(Path(sys.argv[1])).acquire()
print("held", flush=True)
time.sleep(30)
"""


@pytest.fixture
def path(tmp_path):
    return tmp_path / "engine.lock"


@pytest.fixture
def other_engine(path):
    with subprocess.Popen([sys.executable, "-c", HOLD, str(path)], stdout=subprocess.PIPE, text=True) as child:
        assert child.stdout.readline() == "held\n"
        yield child
        child.kill()


def test_nobody_holds_a_lock_that_was_never_taken(path):
    assert held_by(path) is None
    assert not path.exists()


def test_the_lock_names_its_holder_until_it_is_released(path):
    with EngineLock(path):
        assert held_by(path) == os.getpid()
    assert held_by(path) is None
    EngineLock(path).release()  # never acquired: nothing to do


def test_a_second_engine_is_refused_by_the_first_ones_pid(path, other_engine):
    assert held_by(path) == other_engine.pid
    with pytest.raises(LedgerError, match=rf"another engine \(pid {other_engine.pid}\) already works"):
        EngineLock(path).acquire()
    assert held_by(path) == other_engine.pid


def test_a_killed_engine_leaves_the_lock_free(path, other_engine):
    os.kill(other_engine.pid, signal.SIGKILL)
    other_engine.wait()
    assert held_by(path) is None
    with EngineLock(path):
        assert held_by(path) == os.getpid()


def test_a_face_that_looks_does_not_keep_an_engine_out(path):
    with EngineLock(path):
        pass
    for _ in range(200):
        assert held_by(path) is None
        with EngineLock(path):
            pass


def test_a_folder_that_does_not_exist_is_one_sentence(tmp_path):
    with pytest.raises(LedgerError, match="cannot be written"):
        EngineLock(tmp_path / "nowhere" / "engine.lock").acquire()
