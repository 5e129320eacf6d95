"""Opening the ledger file, and one sentence for everything that can go wrong with it."""

import os
import sqlite3
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path
from urllib.parse import quote

from tradeterm.domain.errors import LedgerError
from tradeterm.ledger.migrations import LEDGER_VERSION, check_version, migrate

BUSY_TIMEOUT_MS = 2000  # far more than any transaction here takes; an engine must end in 3 s
NETWORK_FILE_SYSTEMS = frozenset(
    {"afs", "beegfs", "ceph", "cifs", "davfs", "glusterfs", "ncpfs", "nfs", "nfs4", "smb3", "smbfs"}
    | {"fuse.glusterfs", "fuse.rclone", "fuse.s3fs", "fuse.sshfs"}
)


class LedgerMissing(LedgerError):
    """There is no ledger to read yet; the next engine to start creates it, or brings an older one up to date."""


def describe(error: sqlite3.Error, path: Path) -> str:
    """One sentence for an SQLite error on this file."""
    code = getattr(error, "sqlite_errorcode", 0) & 0xFF
    if code == sqlite3.SQLITE_NOTADB:
        return f"{path} is not a ledger (not an SQLite file); move it away or use another profile"
    if code == sqlite3.SQLITE_CORRUPT:
        return f"{path} is damaged ({error}); keep a copy of it and restore a backup"
    if code in (sqlite3.SQLITE_BUSY, sqlite3.SQLITE_LOCKED):
        return f"{path} is locked by another program for more than {BUSY_TIMEOUT_MS // 1000} s"
    if code == sqlite3.SQLITE_FULL:
        return f"no space is left for {path}; free some disk space"
    if code in (sqlite3.SQLITE_READONLY, sqlite3.SQLITE_PERM):
        return f"{path} cannot be written: the file or its folder is read-only"
    if code == sqlite3.SQLITE_CANTOPEN:
        return f"{path} cannot be opened: check that its folder exists and that you may read and write there"
    if code == sqlite3.SQLITE_IOERR:
        return f"{path}: the disk reports an error ({error})"
    return f"{path}: {error}"


@contextmanager
def plain_errors(path: Path) -> Iterator[None]:
    """Turn SQLite's errors into LedgerError sentences."""
    try:
        yield
    except sqlite3.Error as error:
        raise LedgerError(describe(error, path)) from error


def file_system(path: Path, mounts: str) -> str:
    """The type of the file system that holds `path`, by the text of /proc/mounts; "" when it is not listed."""
    best, kind = "", ""
    for line in mounts.splitlines():
        fields = line.split(" ")
        if len(fields) < 3:
            continue
        point = fields[1].replace("\\040", " ").replace("\\011", "\t").replace("\\134", "\\")
        if len(point) >= len(best) and path.is_relative_to(point):
            best, kind = point, fields[2]
    return kind


def refuse_network_folder(path: Path) -> None:
    """Raise LedgerError where the system says that the folder lies on another machine: SQLite's locks fail there."""
    try:
        mounts = Path("/proc/mounts").read_text(encoding="utf-8", errors="replace")
    except OSError:  # not Linux: nothing cheap to ask
        return
    kind = file_system(path.resolve(), mounts)
    if kind in NETWORK_FILE_SYSTEMS:
        raise LedgerError(f"{path} lies on a network file system ({kind}); a ledger needs a local disk")


def _connect(path: Path, mode: str) -> sqlite3.Connection:
    uri = f"file:{quote(str(path.absolute()))}?{mode}"
    db = sqlite3.connect(uri, uri=True, timeout=BUSY_TIMEOUT_MS / 1000, check_same_thread=False)
    try:
        db.execute("PRAGMA foreign_keys = ON")
        db.execute("SELECT count(*) FROM sqlite_master").fetchone()  # reads the file, so that a bad one fails here
    except sqlite3.Error:
        db.close()
        raise
    return db


def _open_readonly(path: Path) -> sqlite3.Connection:
    if not path.exists():
        raise LedgerMissing(f"there is no ledger at {path} yet")
    # A reader of a WAL file needs its folder writable, except when nobody can be writing: then it is read as it lies.
    still = not os.access(path.parent, os.W_OK) and not path.with_name(path.name + "-wal").exists()
    db = _connect(path, "immutable=1" if still else "mode=ro")
    try:
        if (version := check_version(db, path)) < LEDGER_VERSION:
            raise LedgerMissing(f"{path} has ledger version {version}; start an engine to bring it to {LEDGER_VERSION}")
    except BaseException:
        db.close()
        raise
    return db


def _create(path: Path) -> None:
    """Make the ledger whole beside its place and move it there, so that nobody ever meets half a ledger."""
    aside = path.with_name(path.name + ".new")
    aside.unlink(missing_ok=True)
    with closing(_connect(aside, "mode=rwc")) as db:
        migrate(db, aside)
    aside.chmod(0o600)
    for end in ("-wal", "-shm"):  # left by a ledger that is gone; it must not be taken for this one's
        path.with_name(path.name + end).unlink(missing_ok=True)
    aside.replace(path)


def _open_writable(path: Path) -> sqlite3.Connection:
    refuse_network_folder(path.parent)
    if not path.exists() or path.stat().st_size == 0:
        _create(path)
    if not (os.access(path, os.W_OK) and os.access(path.parent, os.W_OK)):
        raise LedgerError(f"{path} cannot be written: the file or its folder is read-only")
    db = _connect(path, "mode=rw")
    try:
        migrate(db, path)
    except BaseException:
        db.close()
        raise
    return db


def open_ledger(path: Path, readonly: bool = False) -> sqlite3.Connection:
    """An open connection to the ledger at `path`; writable ones create and upgrade it.

    Raises LedgerMissing for a read-only look at a ledger that does not exist yet, LedgerError for everything else
    that stops it: newer, damaged, not a ledger, locked, read-only, on a network disk.
    """
    try:
        with plain_errors(path):
            return _open_readonly(path) if readonly else _open_writable(path)
    except OSError as error:
        raise LedgerError(f"{path} cannot be opened: {error.strerror}") from error
