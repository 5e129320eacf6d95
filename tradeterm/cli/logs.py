"""`tradeterm logs`: the tail of the engine's log, and with -f what comes."""

import argparse
import os
import time
from collections import deque
from collections.abc import Iterator
from pathlib import Path
from typing import TextIO

from tradeterm.cli.commands import Commands
from tradeterm.cli.output import DONE, FAILED, flush, say, say_error, say_json
from tradeterm.cli.session import profile_of

_LOOK_EVERY_S = 0.2


def add(commands: Commands) -> None:
    parser = commands.add("logs", run, "the engine's log", json=True)
    parser.add_argument("-f", "--follow", action="store_true", help="go on as the log grows")
    parser.add_argument("-n", "--lines", type=int, default=50, metavar="N", help="lines to begin with (default: 50)")


def run(options: argparse.Namespace) -> int:
    """JSON: one {"type": "log", "line"} a line."""
    path = profile_of(options).log
    if not path.exists() and not options.follow:
        return say_error(f"there is no log at {path} yet", FAILED)
    for line in follow(path, options.lines) if options.follow else tail(path, options.lines):
        if options.json:
            say_json({"type": "log", "line": line})
        else:
            say(_printable(line))
        if options.follow:
            flush()
    return DONE


def tail(path: Path, count: int) -> list[str]:
    """The last `count` lines."""
    with path.open(encoding="utf-8", errors="replace") as file:
        return [line.rstrip("\n") for line in deque(file, maxlen=max(0, count))]


def follow(path: Path, count: int) -> Iterator[str]:
    """The last lines, then each new one; a log that is rotated or cut is read on from its new beginning."""
    while not path.exists():
        time.sleep(_LOOK_EVERY_S)
    with path.open(encoding="utf-8", errors="replace") as file:
        *lines, rest = file.read().split("\n")
        yield from lines[max(0, len(lines) - count) :]
        yield from _grow(path, file, rest)
    while True:
        with path.open(encoding="utf-8", errors="replace") as file:
            yield from _grow(path, file)


def _grow(path: Path, file: TextIO, rest: str = "") -> Iterator[str]:
    """Whole lines as they come, until another file stands at the path."""
    while True:
        *lines, rest = (rest + file.read()).split("\n")
        yield from lines
        if not lines:
            if _replaced(path, file.fileno(), file.tell()):
                return
            time.sleep(_LOOK_EVERY_S)


def _replaced(path: Path, descriptor: int, position: int) -> bool:
    try:
        now = path.stat()
    except FileNotFoundError:
        return False
    opened = os.fstat(descriptor)
    return (now.st_dev, now.st_ino) != (opened.st_dev, opened.st_ino) or now.st_size < position


def _printable(line: str) -> str:
    return "".join(mark if mark.isprintable() or mark == "\t" else "�" for mark in line)
