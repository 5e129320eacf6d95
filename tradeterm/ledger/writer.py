"""The one writer of the ledger: a thread that commits what the engine queued, in order, many facts at a time."""

import asyncio
import itertools
import logging
import os
import sqlite3
import threading
from collections.abc import Callable, Iterable, Sequence
from concurrent.futures import Future
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

from msgspec import Struct

from tradeterm.domain.errors import LedgerError
from tradeterm.domain.facts import Fact
from tradeterm.ledger.codec import FACT_TYPES, codec_of
from tradeterm.ledger.database import database
from tradeterm.ledger.schema import create_views, replaced_by, write_statement
from tradeterm.ledger.store import describe, open_ledger, plain_errors

if TYPE_CHECKING:
    from sqlite_utils import Database

LINGER_S = 0.02  # facts that nobody waits for are gathered this long
CHECKPOINT_ROWS = 2000
LOG_ROOM = 24_000_000  # bytes: what so many rows take at most, on the way to the ledger's own file
PATIENCE_S = 1.0  # an order that was made ready waits so long for the disk; then it is made anew

_log = logging.getLogger(__name__)

Job = Callable[[sqlite3.Connection], object]


class _Statement(NamedTuple):
    """SQL that writes a row. `key` are the places of the values that a later row replaces it by; none for rows that
    stand for themselves."""

    sql: str
    key: tuple[int, ...] = ()

    @classmethod
    def of(cls, type_: type[Struct]) -> "_Statement":
        names = codec_of(type_).names
        return cls(write_statement(type_), tuple(names.index(name) for name in replaced_by(type_)))


Item = tuple[_Statement | Job, tuple[Any, ...]]
_SET_CURSOR = _Statement("UPDATE runs SET cursor = ? WHERE id = ?")


class Barrier:
    """Everything queued before it, on its way to the disk. Its methods wait: they are for worker threads.

    Both raise LedgerError for what does not get there, or not in time.
    """

    def __init__(self) -> None:
        self.kept: Future[None] = Future()
        self._written = threading.Event()
        self._withdrawn = False

    def wait_written(self) -> None:
        """Until the rows are written and the disk is asked to keep them: what follows it can be made ready now."""
        if not self._written.wait(PATIENCE_S):
            raise LedgerError("the ledger is slow to write")

    def wait_kept(self) -> None:
        """Until they are on the disk."""
        try:
            self.kept.result(PATIENCE_S)
        except TimeoutError:
            raise LedgerError("the disk is slow to keep what it was given") from None
        if self._withdrawn:
            raise LedgerError("nobody waits for it any more")

    def withdraw(self) -> None:
        """Nobody waits any more: what has not gone on yet stays."""
        self._withdrawn = True

    def written(self) -> None:
        self._written.set()

    def settle(self, failure: LedgerError | None) -> None:
        self._written.set()
        if self.kept.set_running_or_notify_cancel():
            if failure is None:
                self.kept.set_result(None)
            else:
                self.kept.set_exception(failure)


class LedgerWriter:
    """Queues facts without blocking and commits them in its own thread, in the order they were queued.

    What nobody waits for is committed with synchronous=NORMAL: a crash of the process loses nothing of it, a power cut
    may lose the last moments. `commit` is the barrier: when it returns, everything queued before it is on the disk.

    When the disk is full or fails, `failure` says so and `commit` raises it; everything queued is kept, in order, and
    tried again by `retry` and `close`.

    `log_room` is how long the write-ahead log is made beforehand, bytes: a commit that makes it longer waits for the
    file system's own log too.
    """

    def __init__(self, path: Path, books: Sequence[str] = (), *, log_room: int = 0) -> None:
        self.path = path
        self._log_room = log_room
        self._books = tuple(books)
        self._statements = {type_: (_Statement.of(type_), codec_of(type_).encode) for type_ in FACT_TYPES}
        self._lock = threading.Lock()
        self._work = threading.Event()
        self._urgent = threading.Event()
        self._queue: list[Item] = []
        self._waiting: list[Barrier] = []
        self._failure: LedgerError | None = None
        self._closing = False
        self._unsynced = False
        self._since_checkpoint = 0
        self._thread: threading.Thread | None = None

    @property
    def failure(self) -> LedgerError | None:
        """Why the last attempt to write failed; None while all is well."""
        return self._failure

    @property
    def pending(self) -> int:
        """Rows queued and not yet committed."""
        return len(self._queue)

    def start(self) -> None:
        """Open (create, upgrade) the ledger, look it through for damage and start the thread. Raises LedgerError."""
        db = open_ledger(self.path)
        with plain_errors(self.path):
            (answer,) = db.execute("PRAGMA quick_check(1)").fetchone()  # 2 ms a megabyte
            if answer != "ok":
                db.close()
                raise LedgerError(f"{self.path} is damaged ({answer.splitlines()[-1]}); restore a backup")
            db.execute("PRAGMA wal_autocheckpoint = 0")  # done between batches, so that no barrier waits for one
            tables = database(db)
            with tables.atomic():
                create_views(tables, self._books)
            db.execute("PRAGMA synchronous = FULL")
        self._make_room()
        self._thread = threading.Thread(target=self._work_until_closed, args=(tables,), name="ledger", daemon=True)
        self._thread.start()

    def write(self, facts: Iterable[Fact]) -> None:
        """Queue facts. Raises ValueError for a number that is not finite; never blocks on the disk."""
        rows: list[Item] = []
        for fact in facts:
            statement, encode = self._statements[type(fact)]
            rows.append((statement, encode(fact)))
        self._enqueue(rows)

    def set_cursor(self, run_id: str, ts: int) -> None:
        """Queue the run's cursor: every market event up to `ts` has been processed and its facts queued before."""
        self._enqueue([(_SET_CURSOR, (ts, run_id))])

    def do(self, job: Job) -> None:
        """Queue a function that writes more than facts (a run's end, a roll-up), inside the writer's transaction."""
        self._enqueue([(job, ())])

    async def commit(self) -> None:
        """Wait until everything queued so far is on the disk. Raises LedgerError if it cannot be."""
        await asyncio.wrap_future(self.barrier().kept)

    async def retry(self) -> None:
        """Try again what failed, and wait for it. Raises LedgerError if it still fails."""
        with self._lock:
            self._failure = None
        await self.commit()

    def close(self) -> None:
        """Commit what is queued, fold the write-ahead log into the file and end the thread.

        Raises LedgerError if something queued could not be written.
        """
        if self._thread is None:
            return
        with self._lock:
            self._closing = True
        self._work.set()
        self._urgent.set()
        self._thread.join()
        self._thread = None
        if self._failure is not None:
            raise self._failure

    def _enqueue(self, rows: list[Item]) -> None:
        with self._lock:
            if self._closing:
                raise LedgerError(f"the ledger {self.path} is closed")
            self._queue += rows
        if not self._work.is_set():
            self._work.set()

    def barrier(self) -> Barrier:
        """The same for worker threads. Raises LedgerError while the ledger fails."""
        barrier = Barrier()
        with self._lock:
            if self._failure is not None:
                raise self._failure
            if self._closing:
                raise LedgerError(f"the ledger {self.path} is closed")
            if self._thread is None or not self._thread.is_alive():
                raise LedgerError(f"the ledger {self.path} is not open for writing")
            self._waiting.append(barrier)
        self._work.set()
        self._urgent.set()
        return barrier

    def _work_until_closed(self, database: "Database") -> None:
        finished = False
        try:
            while not self._closing:
                self._work.wait()
                self._urgent.wait(LINGER_S if self._failure is None else None)
                self._turn(database)
            self._turn(database)
            if self._failure is None:
                database.execute("PRAGMA busy_timeout = 500")  # a slow reader must not hold up the end
                self._checkpoint(database, "TRUNCATE")
            finished = True
        finally:
            database.close()
            if not finished:  # an error nobody foresaw, printed by the thread: whoever waits must not wait for ever
                self._fail(LedgerError(f"the writer of {self.path} broke down; restart the engine"))

    def _turn(self, database: "Database") -> None:
        """Commit everything queued. It leaves the queue only afterwards, so that no failure can lose or reorder it."""
        with self._lock:
            batch, waiting = self._queue[:], self._waiting[:]
            self._work.clear()
            self._urgent.clear()
        try:
            self._commit(database, batch, waiting)
        except sqlite3.Error as error:
            self._fail(LedgerError(describe(error, self.path)))
            return
        with self._lock:
            self._failure = None
            del self._queue[: len(batch)]
            del self._waiting[: len(waiting)]
        for barrier in waiting:
            barrier.settle(None)
        self._since_checkpoint += len(batch)
        if self._since_checkpoint >= CHECKPOINT_ROWS:
            self._checkpoint(database, "PASSIVE")

    def _fail(self, failure: LedgerError) -> None:
        with self._lock:
            self._failure = failure
            waiting, self._waiting = self._waiting, []
        for barrier in waiting:
            barrier.settle(failure)

    def _commit(self, database: "Database", batch: list[Item], waiting: list[Barrier]) -> None:
        durable = bool(waiting) or self._closing
        if not batch and not (durable and self._unsynced):
            return
        db = database.conn
        if not durable:
            db.execute("PRAGMA synchronous = NORMAL")
        try:
            self._write_rows(database, batch, waiting)
        finally:
            if not durable:
                db.execute("PRAGMA synchronous = FULL")  # now, so that the next barrier does not wait for it
        self._unsynced = not durable

    def _write_rows(self, database: "Database", batch: list[Item], waiting: list[Barrier]) -> None:
        db = database.conn
        with database.atomic():
            for statement, group in itertools.groupby(_latest(batch), key=lambda item: item[0]):
                if isinstance(statement, _Statement):
                    db.executemany(statement.sql, [row for _, row in group])
                else:
                    for _ in group:
                        statement(db)
            if not batch:  # a commit that writes nothing syncs nothing; this one also syncs those before it
                (version,) = db.execute("PRAGMA user_version").fetchone()
                db.execute(f"PRAGMA user_version = {version}")
            for barrier in waiting:
                barrier.written()

    def _make_room(self) -> None:
        log = self.path.with_name(self.path.name + "-wal")
        try:
            with log.open("ab") as file:
                if (missing := self._log_room - file.tell()) > 0:
                    file.write(bytes(missing))  # behind what SQLite reads, as in a log that was begun anew
                    file.flush()
                    os.fsync(file.fileno())
        except OSError as error:  # it grows as it is needed
            _log.info("no room was made beforehand in %s: %s", log, error.strerror)

    def _checkpoint(self, database: "Database", how: str) -> None:
        self._since_checkpoint = 0
        try:
            database.execute(f"PRAGMA wal_checkpoint({how})").fetchone()
        except sqlite3.Error as error:  # nothing is lost, the rows are in the write-ahead log; but it cannot grow on
            self._fail(LedgerError(describe(error, self.path)))


def _latest(batch: list[Item]) -> list[Item]:
    """Of several rows with one key the last alone, in the place of the first: it would replace the others anyway."""
    found: list[Item] = []
    places: dict[tuple[Any, ...], int] = {}
    for item in batch:
        statement, row = item
        if not isinstance(statement, _Statement):
            places.clear()  # it may read what was written before
        elif statement.key:
            place = places.setdefault((statement.sql, *(row[at] for at in statement.key)), len(found))
            if place < len(found):
                found[place] = item
                continue
        found.append(item)
    return found
