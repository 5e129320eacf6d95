"""`tradeterm` on a real terminal: it starts an engine or finds one, and a lost terminal takes only the screen."""

import fcntl
import os
import pty
import select
import signal
import struct
import subprocess
import sys
import termios
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from tradeterm.cli import main
from tradeterm.ledger.lock import held_by
from tradeterm.profile import find_profile
from tradeterm.resources import example_config

PATIENCE_S = 20.0
TAKE_TERMINAL = (
    "import fcntl, os, sys, termios; fcntl.ioctl(0, termios.TIOCSCTTY, 0); os.execv(sys.argv[1], sys.argv[1:])"
)
ALTERNATE_OFF = b"\x1b[?1049l"


class Terminal:
    """A pseudo terminal with `tradeterm` in it, as its session leader."""

    def __init__(self, *arguments: str, size: tuple[int, int] = (120, 40)) -> None:
        self._master, slave = pty.openpty()
        fcntl.ioctl(slave, termios.TIOCSWINSZ, struct.pack("HHHH", size[1], size[0], 0, 0))
        self.process = subprocess.Popen(
            [sys.executable, "-c", TAKE_TERMINAL, sys.executable, "-m", "tradeterm", *arguments],
            stdin=slave,
            stdout=slave,
            stderr=slave,
            start_new_session=True,
            env={**os.environ, "TERM": "xterm-256color"},
        )
        os.close(slave)
        self.output = b""
        self.closed = False

    def read(self, timeout: float = 0.05) -> bool:
        """Take what was painted; False once nothing more can come."""
        if select.select([self._master], [], [], timeout)[0]:
            try:
                self.output += os.read(self._master, 1 << 16)
            except OSError:  # the other end is closed
                return False
        return True

    def type(self, text: str) -> None:
        os.write(self._master, text.encode())

    def wait_for(self, text: bytes) -> None:
        deadline = time.monotonic() + PATIENCE_S
        while text not in self.output:
            assert self.read(), self.output[-2000:]
            assert time.monotonic() < deadline, self.output[-2000:]

    def wait_for_end(self) -> tuple[int, float]:
        """Exit status and how long it took."""
        began = time.monotonic()
        while self.process.poll() is None:
            assert time.monotonic() - began < PATIENCE_S
            if self.closed or not self.read():
                time.sleep(0.01)
        if not self.closed:
            while self.read(0) and select.select([self._master], [], [], 0)[0]:
                pass
        return self.process.returncode, time.monotonic() - began

    def close(self) -> None:
        """What closing the window or losing the line does."""
        if not self.closed:
            os.close(self._master)
            self.closed = True

    def end(self) -> None:
        if self.process.poll() is None:
            self.process.kill()
        self.process.wait()
        self.close()


Open = Callable[..., Terminal]


@pytest.fixture
def terminal() -> Iterator[Open]:
    opened: list[Terminal] = []

    def open_one(*arguments: str) -> Terminal:
        opened.append(Terminal(*arguments))
        return opened[-1]

    yield open_one
    for one in opened:
        one.end()
    for name in ("demo", "default"):
        pid = held_by(find_profile(name).lock)
        if pid:
            os.kill(pid, signal.SIGKILL)


def engine_pid(name: str) -> int | None:
    return held_by(find_profile(name).lock)


def test_a_demo_ends_with_its_lost_terminal(terminal: Open, home: Path) -> None:
    demo = terminal()
    demo.wait_for("starting the engine…".encode())
    demo.wait_for(b"DEMO")
    assert engine_pid("demo") is not None
    demo.close()
    assert demo.wait_for_end()[1] < 2.0
    deadline = time.monotonic() + PATIENCE_S
    while engine_pid("demo") is not None:
        assert time.monotonic() < deadline
        time.sleep(0.02)


def test_a_paper_engine_outlives_the_terminal_and_is_found_again(terminal: Open, home: Path) -> None:
    home.mkdir()
    (home / "config.toml").write_text(example_config().read_text())
    first = terminal()
    first.wait_for(b"PAPER")
    pid = engine_pid("default")
    first.close()
    assert first.wait_for_end()[1] < 2.0
    assert engine_pid("default") == pid

    second = terminal()
    second.wait_for(b"PAPER")
    assert b"starting the engine" not in second.output
    second.process.send_signal(signal.SIGTERM)
    status, took = second.wait_for_end()
    assert (status, took < 2.0) == (128 + signal.SIGTERM, True)
    assert ALTERNATE_OFF in second.output
    assert engine_pid("default") == pid

    assert main(["stop", "--engine"]) == 0


def test_an_engine_that_cannot_start_says_why(terminal: Open, home: Path) -> None:
    home.mkdir()
    text = example_config().read_text().replace('path = ""', 'path = "nowhere"')
    (home / "config.toml").write_text(text)
    shown = terminal()
    status, _ = shown.wait_for_end()
    assert status in (1, 2)
    assert str(home / "nowhere").encode() in shown.output
    assert b"Traceback" not in shown.output
    assert ALTERNATE_OFF not in shown.output


def test_stderr_that_is_no_terminal_is_refused(home: Path, tmp_path: Path) -> None:
    master, slave = pty.openpty()
    try:
        with (tmp_path / "errors").open("w") as errors:
            done = subprocess.run(
                [sys.executable, "-m", "tradeterm"], stdin=slave, stdout=slave, stderr=errors, timeout=60
            )
    finally:
        os.close(slave)
        os.close(master)
    assert done.returncode == 2
    assert "`tradeterm --headless`" in (tmp_path / "errors").read_text()
