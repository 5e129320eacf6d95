"""The doctor's look at a profile: its configuration, ledger and engine."""

import sqlite3
import time
from contextlib import closing
from pathlib import Path

from tradeterm.assistant.text import span
from tradeterm.cli.checks import every_mistake
from tradeterm.cli.console import console_of
from tradeterm.cli.finding import Finding, Level
from tradeterm.domain.errors import TradetermError
from tradeterm.domain.market import MINUTE_MS
from tradeterm.domain.view import DeskView
from tradeterm.ledger.lock import held_by
from tradeterm.ledger.store import LedgerMissing, describe, open_ledger
from tradeterm.profile import Profile

SILENT_AFTER_MS = 5_000


def profile_findings(profile: Profile, config_file: Path) -> list[Finding]:
    """Every check of the profile, in the order shown."""
    return [configuration(config_file, profile), ledger(profile.ledger), engine(profile)]


def configuration(file: Path, profile: Profile) -> Finding:
    _, mistakes = every_mistake(file, profile)
    if mistakes:
        first, *others = mistakes
        more = f" (and {len(others)} more; see `tradeterm config check`)" if others else ""
        return Finding("config", Level.FAIL, first + more)
    return Finding("config", Level.OK, str(file))


def ledger(path: Path) -> Finding:
    try:
        with closing(open_ledger(path, readonly=True)) as db:
            (answer,) = db.execute("PRAGMA quick_check(1)").fetchone()
    except LedgerMissing:
        return Finding("ledger", Level.OK, f"none at {path} yet; the first run makes it")
    except TradetermError as error:
        return Finding("ledger", Level.FAIL, str(error))
    except sqlite3.Error as error:
        return Finding("ledger", Level.FAIL, describe(error, path))
    if answer != "ok":
        return Finding("ledger", Level.FAIL, f"{path} is damaged: {answer}")
    return Finding("ledger", Level.OK, f"{path}, {path.stat().st_size / 2**20:.1f} MiB, sound")


def engine(profile: Profile) -> Finding:
    try:
        pid = held_by(profile.lock)
        if pid is None:
            left = " (the lock file an earlier one left is harmless)" if profile.lock.exists() else ""
            return Finding("engine", Level.OK, f"not running{left}")
        with console_of(profile) as console:
            view = console.view()
    except TradetermError as error:
        return Finding("engine", Level.FAIL, str(error))
    return heartbeat(pid, view, time.time_ns() // 1_000_000)


def heartbeat(pid: int, view: DeskView | None, now_ms: int) -> Finding:
    """A running engine writes its view at least once a second."""
    if view is None or view.pid != pid:
        return Finding("engine", Level.OK, f"starting (process {pid})")
    age = now_ms - view.wall_ts
    if age > MINUTE_MS:
        return Finding("engine", Level.FAIL, f"process {pid} has been silent for {span(age)}; see `tradeterm logs`")
    if age > SILENT_AFTER_MS:
        return Finding("engine", Level.WARN, f"process {pid} has been silent for {span(age)}")
    return Finding("engine", Level.OK, f"running (process {pid}), last sign {span(age)} ago")
