"""What must answer at once, and what must never be imported for it."""

import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from tradeterm import __version__
from tradeterm.profile import Profile

HEAVY = {"textual", "pandas", "scipy", "pybit", "anthropic", "numpy", "pyarrow", "sqlite_utils", "rich", "httpx"}


def run(*arguments: str, code: str = "") -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-c", code] if code else [sys.executable, "-m", "tradeterm", *arguments]
    return subprocess.run(command, capture_output=True, text=True, timeout=60, stdin=subprocess.DEVNULL)


@pytest.mark.parametrize(
    "arguments", [("--version",), ("--help",), ("status", "--help"), ("ledger", "check", "--help"), ("themes",)]
)
def test_nothing_heavy_is_imported(arguments: tuple[str, ...]) -> None:
    code = (
        "import sys\n"
        "from tradeterm.cli import main\n"
        f"try: main({list(arguments)!r})\n"
        "except SystemExit as end: assert end.code == 0, end.code\n"
        f"print(sorted({HEAVY!r} & {{name.partition('.')[0] for name in sys.modules}}), file=sys.stderr)\n"
    )
    assert run(code=code).stderr.strip() == "[]"


def test_version() -> None:
    done = run("--version")
    assert (done.returncode, done.stdout) == (0, f"tradeterm {__version__}\n")


def test_without_a_terminal_the_screen_is_refused_with_the_alternative() -> None:
    done = run("--demo")
    assert done.returncode == 2
    assert done.stderr == (
        "tradeterm: the full screen needs a terminal on stdin and stderr; use `tradeterm --headless` without one\n"
    )
    assert done.stdout == ""


def test_a_reader_that_has_seen_enough_is_no_error() -> None:
    done = subprocess.run(
        ["bash", "-c", f"{sys.executable} -m tradeterm keys --demo | head -1; echo ${{PIPESTATUS[0]}}"],
        capture_output=True,
        text=True,
        timeout=60,
    )
    assert done.stderr == ""
    assert done.stdout.splitlines()[-1] == "0"


@pytest.mark.parametrize(
    ("redirect", "status", "said"),
    [
        ("> /dev/full", 1, "tradeterm: the output: No space left on device\n"),
        (">&-", 0, ""),
        (">&- 2>&-", 0, ""),
        ("<&-", 0, ""),
    ],
)
@pytest.mark.skipif(not Path("/dev/full").exists(), reason="this system has no /dev/full")
def test_lost_streams(redirect: str, status: int, said: str) -> None:
    done = subprocess.run(
        ["bash", "-c", f"{sys.executable} -m tradeterm keys --demo {redirect}"],
        stderr=subprocess.PIPE,
        text=True,
        timeout=60,
    )
    assert (done.returncode, done.stderr) == (status, said)


def test_an_ascii_terminal_is_no_error() -> None:
    done = subprocess.run(
        [sys.executable, "-m", "tradeterm", "keys", "--help"],
        env={**os.environ, "PYTHONIOENCODING": "ascii"},
        capture_output=True,
        timeout=60,
    )
    assert done.returncode == 0


def test_an_unreadable_folder_is_one_sentence(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TRADETERM_HOME", "/dev/null/x")
    for command in ("status", "halt", "logs", "replay", "doctor"):
        done = run(command)
        assert done.returncode == 1, command
        assert "Traceback" not in done.stderr
        assert "/dev/null/x" in done.stderr + done.stdout


def test_a_followed_log_reaches_a_pipe_at_once(profile: Profile) -> None:
    profile.log.write_text("one\n")
    command = [sys.executable, "-m", "tradeterm", "logs", "-f", "--profile", "default"]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        assert process.stdout.readline() == "one\n"
        with profile.log.open("a") as log:
            log.write("two\n")
        assert process.stdout.readline() == "two\n"
        process.send_signal(signal.SIGINT)
        assert process.wait(timeout=20) == 130
