"""Putting an ended run aside, so that a new one starts with an empty ledger, empty paper books and a new journal.

The ledger is copied and then emptied in place: faces may have it open, and SQLite forbids moving a file under them.
"""

import os
import sqlite3
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path

from tradeterm.domain.errors import LedgerError
from tradeterm.ledger.runs import latest_run
from tradeterm.ledger.schema import tables
from tradeterm.ledger.store import open_ledger, plain_errors
from tradeterm.profile import Profile

KEPT = frozenset({"runs", "commands", "chat", "ai_usage", "desk_state"})
"""Tables that go on over runs; the archived ledger has them as they were. A halt lasts until somebody resumes."""


def archived_ledger(profile: Profile, run_id: str) -> Path:
    """Where the ledger of an archived run lies."""
    return profile.ledger.with_name(f"{profile.ledger.stem}-{run_id}{profile.ledger.suffix}")


def archived_ledgers(profile: Profile) -> list[Path]:
    """Ledgers of older runs, newest first."""
    found = profile.root.glob(f"{profile.ledger.stem}-*{profile.ledger.suffix}")
    return sorted(found, key=lambda path: path.name, reverse=True)


def archive(profile: Profile) -> Path | None:
    """Put everything of the profile's last run aside, as `ledger-<run id>.sqlite`, `paper-<run id>` and so on.

    Returns the archived ledger, None if there has been no run. Call it holding the engine lock, with the ledger's
    writer and the paper books closed. A crash in the middle leaves a note, by which `finish_archive` ends the work.
    """
    with plain_errors(profile.ledger), closing(open_ledger(profile.ledger)) as db:
        run = latest_run(db)
    if run is None:
        return None
    with _plain_os_errors(profile):
        note = _note(profile)
        aside = note.with_suffix(".new")
        aside.write_text(run.id, encoding="ascii")
        _sync(aside)
        aside.replace(note)
        _sync(profile.root)
    return finish_archive(profile)


def finish_archive(profile: Profile) -> Path | None:
    """End an archive that a crash interrupted; returns the archived ledger, None if there was nothing to do.

    Call it at every start of an engine, holding the lock, before anything else is opened.
    """
    note = _note(profile)
    with _plain_os_errors(profile):
        if not note.exists():
            return None
        run_id = note.read_text(encoding="ascii", errors="replace").strip()
        if not run_id.replace("-", "").isalnum():
            raise LedgerError(f"{note} should hold the id of a run, but holds {run_id[:40]!r}; remove the file")
        target = archived_ledger(profile, run_id)
        with plain_errors(profile.ledger), closing(open_ledger(profile.ledger)) as db:
            if not target.exists():
                _copy(db, target)
            for folder in (profile.paper, profile.journal):
                moved = folder.with_name(f"{folder.name}-{run_id}")
                if folder.exists() and not moved.exists():
                    folder.rename(moved)
            profile.create()
            _sync(profile.root)
            _empty(db)
        note.unlink()
    return target


def _note(profile: Profile) -> Path:
    return profile.root / "archive.pending"


def _copy(db: sqlite3.Connection, target: Path) -> None:
    aside = target.with_suffix(".new")
    aside.unlink(missing_ok=True)
    db.execute("VACUUM INTO ?", (str(aside),))
    aside.chmod(0o600)
    _sync(aside)
    aside.replace(target)
    _sync(target.parent)


def _empty(db: sqlite3.Connection) -> None:
    db.execute("PRAGMA synchronous = FULL")
    with db:
        for table in tables():
            if table.name not in KEPT:
                db.execute(f'DELETE FROM "{table.name}"')


def _sync(path: Path) -> None:
    descriptor = os.open(path, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


@contextmanager
def _plain_os_errors(profile: Profile) -> Iterator[None]:
    try:
        yield
    except OSError as error:
        raise LedgerError(f"the last run in {profile.root} cannot be put aside: {error.strerror}") from error
