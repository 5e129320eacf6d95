"""Before the first event: whose turn is it, go on or start anew, and what the ledger remembers."""

import sqlite3

from msgspec import Struct

from tradeterm import __version__
from tradeterm.config import Config
from tradeterm.config_file import config_hash
from tradeterm.domain.facts import CommandRow, RunRow
from tradeterm.domain.snapshot import DeskSnapshot
from tradeterm.engine.commands import URGENT
from tradeterm.ledger.archive import archive, finish_archive
from tradeterm.ledger.queue import enqueue, pending_commands
from tradeterm.ledger.restore import load_snapshot
from tradeterm.ledger.runs import RunStatus, latest_run, mark_interrupted, start_run
from tradeterm.ledger.store import open_ledger
from tradeterm.profile import Profile


class Prepared(Struct):
    """An open ledger with a new run in it. `cursor` is where an interrupted run had come to, None for a new start."""

    db: sqlite3.Connection
    run: RunRow
    snapshot: DeskSnapshot
    cursor: int | None
    resumed: bool


def prepare(profile: Profile, config: Config, *, recorded: bool, wall_ts: int) -> Prepared:
    """Open the ledger for a new run; call it holding the engine lock. Raises LedgerError.

    A recording that was interrupted goes on. One that ended, or was closed, is put aside and starts anew, but a kill
    or halt that waits in its commands is taken along. Live data simply goes on.
    """
    finish_archive(profile)
    db = open_ledger(profile.ledger)
    try:
        mark_interrupted(db, wall_ts)
        last = latest_run(db)
        waiting: list[CommandRow] = []
        if recorded and last is not None and last.status in (RunStatus.FINISHED, RunStatus.CLOSED):
            waiting = [row for row in pending_commands(db) if row.verb in URGENT]
            db.close()
            archive(profile)
            db = open_ledger(profile.ledger)
            last = None
        for row in waiting:
            enqueue(db, row.verb, ts=row.ts, actor=row.actor, book=row.book, reason=row.reason)
        cursor = last.cursor if last is not None and recorded else None
        run = start_run(
            db,
            ts=wall_ts,
            mode=config.mode,
            version=__version__,
            config_hash=config_hash(config),
            cursor=cursor,
        )
        snapshot = load_snapshot(profile.ledger)
    except BaseException:
        db.close()
        raise
    return Prepared(db=db, run=run, snapshot=snapshot, cursor=cursor, resumed=cursor is not None)
