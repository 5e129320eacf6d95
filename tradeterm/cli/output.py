"""What the commands write: data on stdout, words about it on stderr; and the exit statuses."""

import os
import sys
from io import TextIOWrapper
from typing import Any

DONE = 0
FAILED = 1
WRONG_USE = 2
REFUSED = 3
INTERRUPTED = 130


def prepare_streams() -> None:
    """Output never fails for a sign the terminal lacks, and no file of ours takes the place of a closed stream."""
    while (spare := os.open(os.devnull, os.O_RDWR)) <= 2:
        pass
    os.close(spare)
    if sys.stdout is None:
        sys.stdout = os.fdopen(1, "w", encoding="utf-8", closefd=False)
    if sys.stderr is None:
        sys.stderr = os.fdopen(2, "w", encoding="utf-8", closefd=False)
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, TextIOWrapper):
            stream.reconfigure(errors="replace")


def flush() -> None:
    sys.stdout.flush()


def abandon_output() -> None:
    """Nobody takes what is left on stdout; let the interpreter's own flush at the end go nowhere, quietly."""
    os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())


def say(text: str = "") -> None:
    """One line (or several) of the answer, on stdout."""
    sys.stdout.write(text + "\n")


def say_json(value: Any) -> None:
    """One JSON value on one line, keys in the order given; decimals as exact text."""
    import msgspec

    say(msgspec.json.encode(value).decode())


def note(text: str) -> None:
    """Progress and remarks, on stderr."""
    sys.stderr.write(text + "\n")
    sys.stderr.flush()


def say_error(text: str, status: int) -> int:
    """A mistake, each line with the program's name; returns `status` for the caller to return."""
    for line in text.splitlines():
        note(f"tradeterm: {line}")
    return status
