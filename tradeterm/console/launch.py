"""Make sure that an engine runs for a profile, starting one in the background where none does."""

import os
import subprocess
import sys
import time
from pathlib import Path
from threading import Thread

from msgspec import Struct

from tradeterm.domain.errors import EngineError
from tradeterm.ledger.live import LiveReader
from tradeterm.ledger.lock import held_by
from tradeterm.profile import Profile

DEMO_START_TS = 1_743_940_800_000  # 2025-04-06 12:00 UTC, shortly before the first large move of the recording
PATIENCE_S = 15.0
_POLL_S = 0.02
_FRESH_MS = 3000
_TAIL_BYTES = 8192


class EngineHandle(Struct, frozen=True):
    """A running engine. `started` is true if this call started it.

    `lifeline` is the writing end of the pipe an owned engine watches: it ends when this process does, however that
    comes about, or when `let_go` closes it. None for an engine that is not ours.
    """

    pid: int
    started: bool
    lifeline: int | None = None

    def let_go(self) -> None:
        """End an owned engine, as if this process had ended."""
        if self.lifeline is not None:
            os.close(self.lifeline)


def ensure_engine(
    profile: Profile,
    config_path: Path | None = None,
    *,
    owned: bool = False,
    start_ts: int | None = None,
    speed: float | None = None,
    real_money: bool = False,
    patience_s: float = PATIENCE_S,
) -> EngineHandle:
    """The engine of the profile, up and publishing its view.

    An engine started here is detached: it outlives this process unless it is `owned`. `start_ts` (UTC ms) is where a
    replay begins to trade; `real_money` says that a person has confirmed to trade it. Raises EngineError with the
    engine's own last words when it cannot start.
    """
    pid = held_by(profile.lock)
    if pid is not None:
        _wait_for_view(profile, None, 0, patience_s)
        return EngineHandle(pid, started=False)
    arguments = _arguments(profile, config_path, start_ts, speed, real_money=real_money)
    try:
        profile.create()
        began = time.time_ns() // 1_000_000
        process, lifeline = _start(profile, arguments, owned=owned)
    except OSError as error:
        raise EngineError(f"the engine cannot be started in {profile.root}: {error.strerror}") from error
    try:
        _wait_for_view(profile, process, began, patience_s)
    except EngineError:
        if lifeline is not None:
            os.close(lifeline)
        raise
    Thread(target=process.wait, name="engine-wait", daemon=True).start()  # leaves no zombie if it ends before us
    return EngineHandle(process.pid, started=True, lifeline=lifeline)


def last_words(profile: Profile) -> str:
    """What the engine said last on its error output; "" if nothing."""
    try:
        with _errors(profile).open("rb") as file:
            file.seek(max(0, file.seek(0, os.SEEK_END) - _TAIL_BYTES))
            lines = file.read().decode("utf-8", errors="replace").splitlines()
    except OSError:
        return ""
    said = next((line.strip() for line in reversed(lines) if line.strip()), "")
    return said.removeprefix("tradeterm: ").removeprefix("error: ")


def _errors(profile: Profile) -> Path:
    return profile.logs / "engine.err"


def _arguments(
    profile: Profile, config_path: Path | None, start_ts: int | None, speed: float | None, *, real_money: bool
) -> list[str]:
    arguments = ["--headless", "--profile", profile.name]
    if config_path is not None and profile.name != "demo":
        arguments += ["--config", str(config_path.absolute())]
    if start_ts is not None:
        arguments += ["--start-ts", str(start_ts)]
    if speed is not None:
        arguments += ["--speed", f"{speed:g}"]
    if real_money:
        arguments += ["--live", "--yes-trade-real-money"]
    return arguments


def _start(profile: Profile, arguments: list[str], *, owned: bool) -> tuple[subprocess.Popen[bytes], int | None]:
    """Its own session, so that neither a closed terminal nor Ctrl-C reaches it; nothing of ours stays open in it."""
    reading = writing = None
    if owned:
        reading, writing = os.pipe()
        arguments = [*arguments, "--parent-fd", str(reading)]
    try:
        with _errors(profile).open("wb") as errors:
            process = subprocess.Popen(
                [sys.executable, "-m", "tradeterm", *arguments],
                stdin=subprocess.DEVNULL,
                stdout=subprocess.DEVNULL,
                stderr=errors,
                start_new_session=True,
                pass_fds=() if reading is None else (reading,),
                cwd=profile.root,
            )
    except OSError:
        if writing is not None:
            os.close(writing)
        raise
    finally:
        if reading is not None:
            os.close(reading)
    return process, writing


def _wait_for_view(profile: Profile, process: subprocess.Popen[bytes] | None, since_ms: int, patience_s: float) -> None:
    """Until the lock is held and the view is fresh (for one we started: published since then)."""
    reader = LiveReader(profile.live)
    deadline = time.monotonic() + patience_s
    try:
        while time.monotonic() < deadline:
            view = reader.view()
            newest = max(since_ms, time.time_ns() // 1_000_000 - _FRESH_MS)
            if view is not None and view.wall_ts >= newest and held_by(profile.lock) is not None:
                return
            if process is not None and process.poll() is not None:
                if held_by(profile.lock) is not None:  # another one was quicker
                    process = None
                else:
                    raise EngineError(last_words(profile) or f"the engine ended at once; see {profile.log}")
            time.sleep(_POLL_S)
    finally:
        reader.close()
    raise EngineError(
        f"the engine (pid {held_by(profile.lock)}) does not show itself within {patience_s:g} s; see {profile.log}"
    )
