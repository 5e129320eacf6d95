"""Kill a demo engine without mercy, start it again, and compare what is left: ledger, paper venue, and each other."""

import os
import signal
import sqlite3
import subprocess
import sys
import time
from collections.abc import Sequence
from contextlib import closing
from decimal import Decimal
from pathlib import Path

import msgspec

from tradeterm.config_file import load_config
from tradeterm.domain.orders import Fill
from tradeterm.engine.check import check
from tradeterm.ledger.lock import held_by
from tradeterm.ledger.store import LedgerMissing, open_ledger
from tradeterm.profile import Profile, find_profile

LAST_DAY_MS = 1_744_329_600_000  # 2025-04-11 00:00 UTC
CHILD = Path(__file__).with_name("crash_child.py")


def start(home: Path, *arguments: str) -> "subprocess.Popen[bytes]":
    """The demo engine in a process of its own, which fits its risk models too; `arguments` are those of
    crash_child.py."""
    return start_whole(home, "--fit-here", *arguments)


def start_whole(home: Path, *arguments: str) -> "subprocess.Popen[bytes]":
    """The same with the process for its risk models, that may outlive it."""
    return subprocess.Popen(
        [sys.executable, str(CHILD), *arguments],
        env={**os.environ, "TRADETERM_HOME": str(home)},
        stdout=subprocess.DEVNULL,
        stderr=subprocess.PIPE,
    )


def finish(process: "subprocess.Popen[bytes]", timeout: float = 60.0) -> int:
    """Its exit status; a traceback or sentence it left fails the test with its words."""
    _, errors = process.communicate(timeout=timeout)
    assert process.returncode in (0, -signal.SIGKILL), errors.decode()
    return process.returncode


def kill_after(process: "subprocess.Popen[bytes]", seconds: float, profile: Profile) -> bool:
    """SIGKILL that long after the engine took its lock; False if it had ended before."""
    deadline = time.monotonic() + 20
    while held_by(profile.lock) != process.pid and process.poll() is None:
        assert time.monotonic() < deadline, "the engine does not start"
        time.sleep(0.005)
    try:
        process.wait(seconds)
    except subprocess.TimeoutExpired:
        process.kill()
    finish(process)
    return process.returncode != 0


def demo(home: Path) -> Profile:
    assert os.environ["TRADETERM_HOME"] == str(home)
    return find_profile("demo")


def ledger_findings(profile: Profile) -> Sequence[str]:
    """What `ledger check` says of the ledger as it lies there, whoever died over it."""
    try:
        return check(profile.ledger, load_config(None, "demo"), audit=None).findings
    except LedgerMissing:
        return ()


def venue_rows(profile: Profile, table: str) -> list[dict[str, object]]:
    with closing(sqlite3.connect(profile.paper / "crypto.sqlite")) as db:
        if db.execute("PRAGMA user_version").fetchone()[0] == 0:
            return []  # killed before the venue's book was made
        return [msgspec.json.decode(row[0]) for row in db.execute(f"SELECT body FROM {table}")]


def duplicate_entries(profile: Profile) -> list[str]:
    """Signals for which the venue holds more than one entry order."""
    entries = [row["order"] for row in venue_rows(profile, "orders")]
    signals = [order["signal_id"] for order in entries if order["intent"] == "ENTRY"]  # type: ignore[index]
    return sorted(signal_id for signal_id in set(signals) if signals.count(signal_id) > 1)


def differences_from_venue(profile: Profile) -> list[str]:
    """Where fills, positions or cash of the ledger are not the venue's, to the last digit."""
    with closing(open_ledger(profile.ledger, readonly=True)) as db:
        fills = {row[0] for row in db.execute("SELECT exec_id FROM fills")}
        moved = {row[0] for row in db.execute("SELECT id FROM cash_events")}
        held = {name: Decimal(q) for name, q in db.execute("SELECT instrument, quantity FROM positions")}
        cash = [Decimal(row[0]) for row in db.execute("SELECT cash FROM book_state")]
    with closing(sqlite3.connect(profile.paper / "crypto.sqlite")) as db:
        rows = [row[0] for row in db.execute("SELECT body FROM executions")]
        there = {name: Decimal(q) for name, q in db.execute("SELECT instrument, quantity FROM holdings")}
        balance = Decimal(msgspec.json.decode(db.execute("SELECT body FROM account").fetchone()[0])["cash"])
    executed = [msgspec.json.decode(row) for row in rows]
    found = []
    venue_fills = {row["exec_id"] for row in executed if row["table"] == Fill.__struct_config__.tag}
    venue_moved = {row["id"] for row in executed if row["table"] != Fill.__struct_config__.tag}
    if fills != venue_fills:
        found.append(f"fills differ: {sorted(fills ^ venue_fills)}")
    if moved != venue_moved:
        found.append(f"cash events differ: {sorted(moved ^ venue_moved)}")
    here = {name: quantity for name, quantity in held.items() if quantity}
    if here != {name: quantity for name, quantity in there.items() if quantity}:
        found.append(f"positions differ: {here} here, {there} at the venue")
    if cash and sum(cash) != balance:
        found.append(f"cash differs: {sum(cash)} here, {balance} at the venue")
    return found
