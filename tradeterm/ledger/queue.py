"""The commands table: faces put commands in, the engine takes them out and acknowledges them with CommandAck facts."""

import sqlite3

from tradeterm.domain.facts import CommandRow
from tradeterm.domain.states import CommandStatus, CommandVerb
from tradeterm.ledger.codec import select


def enqueue(
    db: sqlite3.Connection,
    verb: CommandVerb,
    *,
    ts: int,
    actor: str,
    book: str = "",
    instrument: str = "",
    argument: str = "",
    reason: str = "",
) -> int:
    """Queue a command and commit it; returns its id. `ts` is the machine's clock, UTC ms."""
    with db:
        cursor = db.execute(
            "INSERT INTO commands (ts, actor, verb, book, instrument, argument, reason, status, detail, ts_updated)"
            " VALUES (?, ?, ?, ?, ?, ?, ?, ?, '', ?)",
            (ts, actor, verb.value, book, instrument, argument, reason, CommandStatus.QUEUED.value, ts),
        )
    assert cursor.lastrowid is not None
    return cursor.lastrowid


def pending_commands(db: sqlite3.Connection, after: int = 0) -> list[CommandRow]:
    """Commands with an id above `after` that nobody finished, oldest first.

    With `after` 0, at start-up, that is also what the last engine had accepted when it died.
    """
    waiting = (CommandStatus.QUEUED.value, CommandStatus.ACCEPTED.value)
    return select(db, CommandRow, "WHERE status IN (?, ?) AND id > ? ORDER BY id", *waiting, after)
