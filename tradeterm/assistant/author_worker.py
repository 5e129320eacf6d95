"""Previews in a process of their own, so that no screen, no answer and no Esc waits for a backtest.

`python -m tradeterm.assistant.author_worker` reads tasks from stdin and writes what came of them to stdout, as JSON.
"""

import asyncio
import os
import signal
import sys
from collections.abc import Sequence
from contextlib import suppress

import msgspec
from msgspec import Struct

from tradeterm.assistant.author_preview import Preview, Task, preview
from tradeterm.assistant.text import clean
from tradeterm.config import AiProvider
from tradeterm.domain.errors import TradetermError
from tradeterm.validators.secrets import key_variable

DEADLINE_S = 30.0
_NICER = 10
_NOBODY = "the preview ended without an answer"


class Refusal(Struct, frozen=True, tag=True):
    """There is no preview, and why, in one sentence."""

    sentence: str


class Made(Struct, frozen=True, tag=True):
    preview: Preview


Answer = Made | Refusal


async def previews(tasks: Sequence[Task], deadline_s: float = DEADLINE_S) -> tuple[Preview | Refusal, ...]:
    """One answer a task. Cancelled, or after the deadline, the process is ended at once."""
    try:
        process = await asyncio.create_subprocess_exec(
            sys.executable,
            "-P",  # nothing of the folder one happens to be in
            "-m",
            __name__,
            stdin=asyncio.subprocess.PIPE,
            stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.PIPE,
            env=_without_keys(),
            start_new_session=True,
        )
    except OSError as error:
        return (Refusal(f"the preview cannot be started: {error.strerror or error}"),) * len(tasks)
    try:
        async with asyncio.timeout(deadline_s):
            said, trouble = await process.communicate(msgspec.json.encode(list(tasks)))
    except TimeoutError:
        sentence = f"the preview took more than {deadline_s:g} s; a shorter time or fewer symbols take less"
        return (Refusal(sentence),) * len(tasks)
    finally:
        if process.returncode is None:
            with suppress(ProcessLookupError, PermissionError):
                os.killpg(process.pid, signal.SIGKILL)
            await process.wait()
    return _read(said, trouble, len(tasks))


def answer(task: Task) -> Answer:
    """The preview, or the sentence on why there is none."""
    try:
        return Made(preview(task))
    except (TradetermError, OSError) as error:
        return Refusal(" ".join(str(error).split()))


def _read(said: bytes, trouble: bytes, count: int) -> tuple[Preview | Refusal, ...]:
    try:
        found = msgspec.json.decode(said, type=list[Answer])
    except msgspec.DecodeError:
        found = []
    if len(found) != count:
        last = trouble.decode(errors="replace").strip().rpartition("\n")[2]
        return (Refusal(f"{_NOBODY}: {clean(last, 160)}" if last else _NOBODY),) * count
    return tuple(each.preview if isinstance(each, Made) else each for each in found)


def _without_keys() -> dict[str, str]:
    """A backtest needs nobody's key."""
    keys = {key_variable(provider) for provider in AiProvider}
    return {name: value for name, value in os.environ.items() if name not in keys}


def main() -> None:
    with suppress(OSError):
        os.nice(_NICER)
    tasks = msgspec.json.decode(sys.stdin.buffer.read(), type=list[Task])
    sys.stdout.buffer.write(msgspec.json.encode([answer(task) for task in tasks]))


if __name__ == "__main__":
    main()
