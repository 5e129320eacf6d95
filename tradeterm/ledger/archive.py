"""Putting a run's ledger, paper books and journal aside, so that a new run starts with empty ones."""

import os
import re
from contextlib import closing
from pathlib import Path

from tradeterm.domain.errors import LedgerError
from tradeterm.ledger.runs import latest_run
from tradeterm.ledger.store import open_ledger, plain_errors
from tradeterm.profile import Profile

_RUN_ID = re.compile(r"[A-Za-z0-9_-]{1,64}")


def _marker(profile: Profile) -> Path:
    return profile.root / "archive.pending"


def _sync(folder: Path) -> None:
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def _moves(profile: Profile, run_id: str) -> list[tuple[Path, Path]]:
    ledger = profile.ledger
    target = ledger.with_name(f"{ledger.stem}-{run_id}{ledger.suffix}")
    # The write-ahead log is only still there while a face has the file open; both must keep their common name.
    files = [(ledger.with_name(ledger.name + end), target.with_name(target.name + end)) for end in ("-wal", "-shm", "")]
    folders = [(folder, folder.with_name(f"{folder.name}-{run_id}")) for folder in (profile.paper, profile.journal)]
    return [*folders, *files]


def finish_archive(profile: Profile) -> Path | None:
    """Complete an archive that a crash interrupted; returns the archived ledger, None if there was nothing to do.

    Call it at every start, holding the engine lock, before the ledger is opened.
    """
    marker = _marker(profile)
    try:
        run_id = marker.read_text(encoding="ascii").strip()
    except FileNotFoundError:
        return None
    if not _RUN_ID.fullmatch(run_id):
        raise LedgerError(f"{marker} should hold the id of a run, but holds {run_id[:40]!r}; remove the file")
    moves = _moves(profile, run_id)
    try:
        for source, target in moves:
            if source.exists() and not target.exists():
                source.rename(target)
        profile.create()
        _sync(profile.root)
        marker.unlink()
    except OSError as error:
        raise LedgerError(f"the last run in {profile.root} cannot be put aside: {error.strerror}") from error
    return moves[-1][1]


def archive(profile: Profile) -> Path | None:
    """Put the profile's last run aside as `ledger-<run id>.sqlite`, with its paper books and journal.

    Returns the archived ledger, None if the ledger has no run yet. Call it holding the engine lock and with the
    ledger closed. A crash in the middle leaves a marker, by which `finish_archive` ends the work.
    """
    with plain_errors(profile.ledger), closing(open_ledger(profile.ledger)) as db:
        run = latest_run(db)
        if run is None:
            return None
        db.execute("PRAGMA wal_checkpoint(TRUNCATE)").fetchone()
    marker = _marker(profile)
    aside = marker.with_suffix(".new")
    try:
        with aside.open("w", encoding="ascii") as file:
            file.write(run.id)
            file.flush()
            os.fsync(file.fileno())
        aside.replace(marker)
        _sync(profile.root)
    except OSError as error:
        raise LedgerError(f"the last run in {profile.root} cannot be put aside: {error.strerror}") from error
    return finish_archive(profile)
