"""One `tradeterm` command in processes of its own: neither the screen nor a running engine waits for it."""

import asyncio
import os
import re
import signal
import sys
from collections.abc import Callable, Sequence
from contextlib import suppress
from pathlib import Path
from typing import Protocol

import msgspec
from msgspec import Struct

_NICER = 10
_GRACE_S = 1.0
_CHUNK = 1 << 16
_PROGRAM = re.compile(r"^tradeterm( \w+)?: (error: )?")
_MOST_SAID = 20_000  # characters of what a command wrote beside its answer


class Progress(Struct, frozen=True, tag_field="type", tag="progress"):
    """A line of `tradeterm.cli.progress`."""

    what: str
    done: int
    of: int


class Ended(Struct, frozen=True):
    """`answer` is what stood on stdout, `said` on stderr without the progress; a killed one's `status` is negative."""

    status: int
    answer: bytes
    said: str

    @property
    def sentence(self) -> str:
        """What went wrong, as the command says it."""
        lines = [_PROGRAM.sub("", line) for line in self.said.splitlines() if line.strip()]
        told = [line for line in lines if not line.startswith(("usage:", " "))]
        return " ".join(told or lines[-1:]) or f"the command ended with status {self.status} and said nothing"


class Runs(Protocol):
    """A command that can be run once, and stopped."""

    stopped: bool

    async def run(self) -> Ended: ...

    def stop(self) -> None: ...


Make = Callable[[Sequence[str], Path, Callable[[Progress], None]], Runs]
"""Makes one of its arguments, the folder it runs in, and whom to tell its progress: `Command` is one."""


class Command:
    """`run` it once; `stop` ends it and whatever it started, at once or after a second."""

    def __init__(self, arguments: Sequence[str], folder: Path, tell: Callable[[Progress], None]) -> None:
        self._arguments = arguments
        self._folder = folder
        self._tell = tell
        self._process: asyncio.subprocess.Process | None = None
        self._said = ""
        self.stopped = False

    async def run(self) -> Ended:
        """Raises OSError where it cannot be started. Cancelled, it takes its processes with it."""
        self._folder.mkdir(parents=True, exist_ok=True, mode=0o700)
        process = self._process = await asyncio.create_subprocess_exec(
            sys.executable,
            "-m",
            "tradeterm",
            *self._arguments,
            stdin=asyncio.subprocess.DEVNULL,
            stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.PIPE,
            cwd=self._folder,
            env={**os.environ, "TRADETERM_PROGRESS": "json"},
            start_new_session=True,
        )
        try:
            with suppress(ProcessLookupError, PermissionError):
                os.setpriority(os.PRIO_PGRP, process.pid, _NICER)
            if self.stopped:
                self._kill(signal.SIGKILL)
            assert process.stdout is not None
            assert process.stderr is not None
            answer, _ = await asyncio.gather(process.stdout.read(), self._listen(process.stderr))
            return Ended(await process.wait(), answer, self._said)
        finally:
            if process.returncode is None:
                self._kill(signal.SIGKILL)
                await process.wait()

    def stop(self) -> None:
        """Ask the whole group to end; what has not after a second is killed."""
        self.stopped = True
        self._kill(signal.SIGTERM)
        with suppress(RuntimeError):  # no loop any more: the program is ending
            asyncio.get_running_loop().call_later(_GRACE_S, self._kill, signal.SIGKILL)

    def _kill(self, sign: signal.Signals) -> None:
        process = self._process
        if process is not None and process.returncode is None:
            with suppress(ProcessLookupError, PermissionError):
                os.killpg(process.pid, sign)

    async def _listen(self, stream: asyncio.StreamReader) -> None:
        rest = b""
        while chunk := await stream.read(_CHUNK):
            *lines, rest = (rest + chunk).split(b"\n")
            for line in lines:
                self._heard(line)
        self._heard(rest)

    def _heard(self, line: bytes) -> None:
        try:
            self._tell(msgspec.json.decode(line, type=Progress))
        except msgspec.DecodeError:
            self._said = (self._said + line.decode(errors="replace") + "\n")[-_MOST_SAID:]
