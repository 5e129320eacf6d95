"""Progress of long work, on stderr: a bar for a person who waits there, or lines for a program that started it."""

import json
import os
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager

VARIABLE = "TRADETERM_PROGRESS"
"""With "json" in this environment variable progress is {"type": "progress", "what", "done", "of"}, one object a line,
at most ten lines a second; the first and the last of a piece of work are always told."""
_EVERY_S = 0.1

Tell = Callable[[int, int], None]
"""`tell(done, of)`."""


@contextmanager
def progress(what: str) -> Iterator[Tell]:
    """A bar while it lasts where stderr is a terminal, lines where a program asked for them, else nothing."""
    if os.environ.get(VARIABLE) == "json":
        yield _in_lines(what)
        return
    if not sys.stderr.isatty():
        yield lambda done, of: None
        return
    from rich.console import Console
    from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

    columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeRemainingColumn())
    with Progress(*columns, console=Console(stderr=True), transient=True) as bars:
        task = bars.add_task(what, total=None)
        yield lambda done, of: bars.update(task, completed=done, total=of)


def _in_lines(what: str) -> Tell:
    next_at = 0.0

    def tell(done: int, of: int) -> None:
        nonlocal next_at
        now = time.monotonic()
        if now < next_at and done < of:
            return
        next_at = now + _EVERY_S
        line = json.dumps({"type": "progress", "what": what, "done": done, "of": of})
        sys.stderr.write(line + "\n")
        sys.stderr.flush()

    return tell
