"""The screen on a real pseudo-terminal: leaving it clean, whoever says so and however the line goes."""

import fcntl
import os
import select
import signal
import struct
import subprocess
import sys
import termios
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
from patience import allowed

PROGRAM = Path(__file__).with_name("pty_app.py")
ALTERNATE_ON, ALTERNATE_OFF = b"\x1b[?1049h", b"\x1b[?1049l"
CURSOR_ON, MOUSE_OFF, PASTE_OFF = b"\x1b[?25h", b"\x1b[?1000l", b"\x1b[?2004l"
START_SECONDS, END_SECONDS = 20.0, 1.0


class Terminal:
    """A process whose stdin, stdout and stderr are a terminal that the test holds the other end of."""

    def __init__(self, folder: Path, *, controlling: bool, size: tuple[int, int] = (100, 30)) -> None:
        self.master, slave = os.openpty()
        self.resize(*size)
        self.before = termios.tcgetattr(slave)

        def take_terminal() -> None:
            os.setsid()
            if controlling:
                fcntl.ioctl(0, termios.TIOCSCTTY, 0)

        environment = {**os.environ, "TERM": "xterm-256color", "PYTHONDONTWRITEBYTECODE": "1"}
        self.process = subprocess.Popen(
            [sys.executable, str(PROGRAM), str(folder)],
            stdin=slave,
            stdout=slave,
            stderr=slave,
            preexec_fn=take_terminal,
            env=environment,
        )
        self.slave = slave
        self.seen = b""

    def resize(self, columns: int, rows: int) -> None:
        fcntl.ioctl(self.master, termios.TIOCSWINSZ, struct.pack("HHHH", rows, columns, 0, 0))

    def read(self, seconds: float) -> bool:
        """Take what is painted; whether there was anything."""
        ready, _, _ = select.select([self.master], [], [], seconds)
        if not ready:
            return False
        try:
            self.seen += os.read(self.master, 65536)
        except OSError:
            return False
        return True

    def wait_for(self, text: bytes, seconds: float = START_SECONDS) -> None:
        until = time.monotonic() + seconds
        while text not in self.seen:
            assert time.monotonic() < until, f"{text!r} never came: {self.seen[-400:]!r}"
            self.read(0.1)

    def painted_after(self, action: bytes) -> bytes:
        self.seen = b""
        os.write(self.master, action)
        while self.read(0.5):
            pass
        return self.seen

    def end(self) -> tuple[int, float]:
        """Exit status and how long it took."""
        began = time.monotonic()
        while self.process.poll() is None and time.monotonic() - began < START_SECONDS:
            self.read(0.02)
        while self.read(0):
            pass
        assert self.process.returncode is not None, "the process is still there"
        return self.process.returncode, time.monotonic() - began

    def close(self) -> None:
        if self.process.poll() is None:
            self.process.kill()
        self.process.wait(5)
        for end in (self.master, self.slave):
            if end >= 0:
                os.close(end)


@pytest.fixture
def terminal(tmp_path: Path) -> Iterator[Terminal]:
    opened = Terminal(tmp_path, controlling=True)
    yield opened
    opened.close()


def is_restored(terminal: Terminal) -> bool:
    left = terminal.seen.rfind(ALTERNATE_OFF)
    return (
        left > terminal.seen.rfind(ALTERNATE_ON)
        and all(terminal.seen.rfind(off) >= 0 for off in (MOUSE_OFF, PASTE_OFF, CURSOR_ON))
        and termios.tcgetattr(terminal.slave)[3] == terminal.before[3]
    )


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGHUP], ids=["TERM", "HUP"])
def test_signal_restores_the_terminal_and_ends(terminal: Terminal, number: signal.Signals) -> None:
    terminal.wait_for(b"Positions")
    terminal.process.send_signal(number)
    status, seconds = terminal.end()
    assert status == 128 + number
    assert seconds < allowed(END_SECONDS)
    assert is_restored(terminal)


@pytest.mark.parametrize("controlling", [True, False], ids=["hangup", "no-hangup"])
def test_lost_terminal_ends_the_process(tmp_path: Path, controlling: bool) -> None:
    """With a controlling terminal the kernel sends SIGHUP; without one nobody says anything."""
    terminal = Terminal(tmp_path, controlling=controlling)
    try:
        terminal.wait_for(b"Positions")
        os.close(terminal.slave)
        os.close(terminal.master)
        terminal.slave = terminal.master = -1
        began = time.monotonic()
        terminal.process.wait(START_SECONDS)
        assert time.monotonic() - began < allowed(END_SECONDS)
    finally:
        terminal.close()


def test_resize_to_almost_nothing_and_back(terminal: Terminal) -> None:
    terminal.wait_for(b"Positions")
    terminal.seen = b""
    terminal.resize(20, 5)
    terminal.process.send_signal(signal.SIGWINCH)
    terminal.wait_for(b"ACTIVE")
    terminal.resize(100, 30)
    terminal.process.send_signal(signal.SIGWINCH)
    terminal.wait_for(b"Signals")


def test_quit_by_key(terminal: Terminal) -> None:
    terminal.wait_for(b"Positions")
    assert b"End the demo" in terminal.painted_after(b"q")
    os.write(terminal.master, b"\r")
    status, _ = terminal.end()
    assert status == 0
    assert is_restored(terminal)


def test_no_terminal_is_refused() -> None:
    done = subprocess.run(
        [sys.executable, "-m", "tradeterm"], stdin=subprocess.DEVNULL, capture_output=True, text=True, timeout=20
    )
    assert done.returncode == 2
    assert "--headless" in done.stderr and done.stderr.count("\n") == 1
    assert done.stdout == ""
