"""What the commands write: data on stdout, words about it on stderr; and the exit statuses."""

import sys
from typing import Any

DONE = 0
FAILED = 1
WRONG_USE = 2
REFUSED = 3
INTERRUPTED = 130


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
