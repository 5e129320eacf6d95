"""Before the first event: whose turn is it, go on or start anew, and what the ledger remembers."""

import sqlite3

from msgspec import Struct

from tradeterm import __version__
from tradeterm.config import Config
from tradeterm.config_file import config_hash
from tradeterm.domain.facts import RunRow
from tradeterm.domain.snapshot import DeskSnapshot
from tradeterm.domain.states import CommandStatus, Mode
from tradeterm.ledger.archive import archive, finish_archive
from tradeterm.ledger.restore import load_snapshot
from tradeterm.ledger.runs import RunStatus, all_runs, latest_run, mark_interrupted, start_run
from tradeterm.ledger.store import open_ledger
from tradeterm.profile import Profile

_ENDED = frozenset({RunStatus.FINISHED.value})
_ENDED_DEMO = _ENDED | {RunStatus.CLOSED.value}


class Prepared(Struct):
    """An open ledger with a new run in it. `cursor` is the last market time that is done with; `began` the machine's
    time at which the ledger's first run started."""

    db: sqlite3.Connection
    run: RunRow
    snapshot: DeskSnapshot
    cursor: int
    began: int
    resumed: bool


def prepare(profile: Profile, config: Config, *, recorded_from: int | None, wall_ts: int) -> Prepared:
    """Open the ledger for a new run; call it holding the engine lock. Raises LedgerError.

    A recording (`recorded_from` is where it begins to trade) that was interrupted goes on; one that ended is put aside
    and starts anew, and so does a demo that was closed. Live data (None) simply goes on. A halt outlives them all.
    """
    finish_archive(profile)
    db = open_ledger(profile.ledger)
    try:
        mark_interrupted(db, wall_ts)
        last = latest_run(db)
        ended = _ENDED_DEMO if config.mode is Mode.DEMO else _ENDED
        if recorded_from is not None and last is not None and last.status in ended:
            db.close()
            archive(profile)
            db = open_ledger(profile.ledger)
            _close_accepted(db, wall_ts)
            last = None
        cursor = wall_ts if recorded_from is None else recorded_from
        if last is not None and last.cursor is not None and recorded_from is not None:
            cursor = last.cursor
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
    began = min(known.ts_started for known in all_runs(db))
    return Prepared(db=db, run=run, snapshot=snapshot, cursor=cursor, began=began, resumed=last is not None)


def _close_accepted(db: sqlite3.Connection, ts: int) -> None:
    """What the run that was put aside had accepted concerned its own positions; what is still queued concerns ours."""
    with db:
        db.execute(
            "UPDATE commands SET status = ?, detail = ?, ts_updated = ? WHERE status = ?",
            (CommandStatus.REFUSED.value, "the run ended before it was done", ts, CommandStatus.ACCEPTED.value),
        )
