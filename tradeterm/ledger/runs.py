"""Runs of the engine on a ledger."""

import os
import sqlite3
from enum import StrEnum

import msgspec

from tradeterm.domain.facts import RunRow
from tradeterm.domain.states import Mode
from tradeterm.ledger.codec import codec_of, select
from tradeterm.ledger.schema import write_statement

Summary = dict[str, str | int | float | None]


class RunStatus(StrEnum):
    """See RunRow."""

    RUNNING = "RUNNING"
    FINISHED = "FINISHED"
    CLOSED = "CLOSED"
    INTERRUPTED = "INTERRUPTED"


def all_runs(db: sqlite3.Connection, limit: int = -1) -> list[RunRow]:
    """The ledger's runs, newest first."""
    return select(db, RunRow, "ORDER BY ts_started DESC, rowid DESC LIMIT ?", limit)


def latest_run(db: sqlite3.Connection) -> RunRow | None:
    return next(iter(all_runs(db, 1)), None)


def mark_interrupted(db: sqlite3.Connection, ts: int) -> list[RunRow]:
    """Runs still marked RUNNING become INTERRUPTED. Call it holding the engine lock: then their engines are dead."""
    with db:
        dead = [run for run in all_runs(db) if run.status == RunStatus.RUNNING]
        db.execute(
            "UPDATE runs SET status = ?, ts_ended = ? WHERE status = ?",
            (RunStatus.INTERRUPTED.value, ts, RunStatus.RUNNING.value),
        )
    return [msgspec.structs.replace(run, status=RunStatus.INTERRUPTED.value, ts_ended=ts) for run in dead]


def start_run(
    db: sqlite3.Connection, *, ts: int, mode: Mode, version: str, config_hash: str, cursor: int | None = None
) -> RunRow:
    """Add a RUNNING run of this process and commit it. `ts` is the machine's clock; `cursor` goes on from an old run.

    The id is unique in the ledger and sorts by time.
    """
    pid = os.getpid()
    run = RunRow(
        id=f"{ts}-{pid}",
        ts_started=ts,
        ts_ended=None,
        status=RunStatus.RUNNING.value,
        mode=mode.value,
        version=version,
        config_hash=config_hash,
        pid=pid,
        cursor=cursor,
        summary=None,
    )
    with db:
        db.execute(write_statement(RunRow), codec_of(RunRow).encode(run))
    return run


def end_run(db: sqlite3.Connection, run_id: str, *, ts: int, status: RunStatus, summary: Summary | None = None) -> None:
    """Mark a run as ended and commit it."""
    text = None if summary is None else msgspec.json.encode(summary).decode()
    with db:
        db.execute(
            "UPDATE runs SET status = ?, ts_ended = ?, summary = ? WHERE id = ?", (status.value, ts, text, run_id)
        )
