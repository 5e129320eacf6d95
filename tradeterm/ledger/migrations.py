"""Forward-only versions of the ledger file, kept in PRAGMA user_version."""

import sqlite3
from pathlib import Path

from tradeterm.domain.errors import LedgerError
from tradeterm.ledger.database import database
from tradeterm.ledger.schema import APPLICATION_ID, create_tables

LEDGER_VERSION = 6
_OWN_USAGE_KEY = 3  # before it `ai_usage` had another key, and nothing ever wrote a row into it


def check_version(db: sqlite3.Connection, path: Path) -> int:
    """The version of an open ledger, 0 for an empty file.

    Raises LedgerError for a newer ledger and for a SQLite file that is something else.
    """
    (version,) = db.execute("PRAGMA user_version").fetchone()
    (application,) = db.execute("PRAGMA application_id").fetchone()
    (objects,) = db.execute("SELECT count(*) FROM sqlite_master").fetchone()
    if application != APPLICATION_ID and (objects or version or application):
        raise LedgerError(f"{path} is an SQLite file but not a tradeterm ledger; move it away or use another profile")
    if version > LEDGER_VERSION:
        raise LedgerError(
            f"{path} was written by a newer tradeterm (ledger version {version}, this program knows up to "
            f"{LEDGER_VERSION}); update tradeterm"
        )
    return int(version)


def migrate(db: sqlite3.Connection, path: Path) -> None:
    """Bring an open, writable ledger to LEDGER_VERSION in one transaction.

    Most versions only add tables, columns and indexes, which `create_tables` does; a change that must move data gets
    its own step here, before it.
    """
    version = check_version(db, path)
    if version == LEDGER_VERSION:
        return
    if version == 0:
        db.execute("PRAGMA journal_mode = WAL")
    tables = database(db)  # slow to import, and an up-to-date ledger does not need it
    with tables.atomic():
        if check_version(db, path) == LEDGER_VERSION:
            return
        if 0 < version < _OWN_USAGE_KEY:
            db.execute("DROP TABLE IF EXISTS ai_usage")
        create_tables(tables)
        db.execute(f"PRAGMA application_id = {APPLICATION_ID}")
        db.execute(f"PRAGMA user_version = {LEDGER_VERSION}")
