"""What is only worth seeing now: the latest DeskView and recent bars, in a small file without durability."""

import sqlite3
from collections import deque
from collections.abc import Iterable, Sequence
from pathlib import Path
from urllib.parse import quote

import msgspec

from tradeterm.domain.market import Bar
from tradeterm.domain.view import DeskView

BARS_KEPT = 600  # an instrument and interval

_SCHEMA = """
CREATE TABLE view (id INTEGER PRIMARY KEY CHECK (id = 1), ts INTEGER NOT NULL, body BLOB NOT NULL);
CREATE TABLE bars (
    instrument TEXT NOT NULL, interval_ms INTEGER NOT NULL, ts_open INTEGER NOT NULL, open REAL NOT NULL,
    high REAL NOT NULL, low REAL NOT NULL, close REAL NOT NULL, volume REAL NOT NULL, ts_recv INTEGER NOT NULL,
    PRIMARY KEY (instrument, interval_ms, ts_open)
) WITHOUT ROWID;
"""
_BAR = "instrument, interval_ms, ts_open, open, high, low, close, volume, ts_recv"


def _remove(path: Path) -> None:
    for end in ("-wal", "-shm", ""):
        path.with_name(path.name + end).unlink(missing_ok=True)


class LiveWriter:
    """The engine's end. Starts with an empty file; one that cannot be written is made anew at the next publish.

    Nothing here raises for a bad disk, because looking must never stop trading: `failure` is the last error as a
    sentence, None while all is well.
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        self.failure: str | None = None
        self._db: sqlite3.Connection | None = None
        self._fresh: dict[tuple[str, int], deque[Bar]] = {}
        self._kept: dict[tuple[str, int], deque[Bar]] = {}
        self._encode = msgspec.msgpack.Encoder().encode

    def add_bars(self, bars: Iterable[Bar]) -> None:
        """Closed bars, oldest first; the last BARS_KEPT of an instrument and interval go out with the next publish."""
        for bar in bars:
            key = (bar.instrument, bar.interval_ms)
            if key not in self._fresh:
                self._fresh[key] = deque(maxlen=BARS_KEPT)
            self._fresh[key].append(bar)

    def publish(self, view: DeskView) -> None:
        """Replace the view and write the bars added since."""
        try:
            self._publish(view)
        except (sqlite3.Error, OSError) as error:
            self.failure = f"{self.path} cannot be written: {error}"
            self.close()
        else:
            self.failure = None

    def close(self) -> None:
        """Close the file; the last view stays readable."""
        if self._db is not None:
            self._db.close()
            self._db = None

    def _open(self) -> sqlite3.Connection:
        _remove(self.path)
        self.path.touch(mode=0o600)  # its log files take over the mode
        db = sqlite3.connect(self.path, isolation_level=None, timeout=0.2, check_same_thread=False)
        try:
            db.execute("PRAGMA journal_mode = WAL")
            db.execute("PRAGMA synchronous = OFF")
            db.executescript(_SCHEMA)
        except sqlite3.Error:
            db.close()
            raise
        return db

    def _publish(self, view: DeskView) -> None:
        fresh = self._fresh
        if self._db is None:
            self._db = self._open()
            fresh = self._merge(self._kept, fresh)  # a new file gets all the bars again
        db = self._db
        db.execute("BEGIN")
        try:
            for (instrument, interval_ms), bars in fresh.items():
                db.executemany(
                    f"INSERT OR REPLACE INTO bars ({_BAR}) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)",
                    [msgspec.structs.astuple(bar) for bar in bars],
                )
                db.execute(
                    "DELETE FROM bars WHERE instrument = ? AND interval_ms = ? AND ts_open <= ?",
                    (instrument, interval_ms, bars[-1].ts_open - BARS_KEPT * interval_ms),
                )
            db.execute(
                "INSERT OR REPLACE INTO view (id, ts, body) VALUES (1, ?, ?)", (view.wall_ts, self._encode(view))
            )
            db.execute("COMMIT")
        except sqlite3.Error:
            if db.in_transaction:
                db.execute("ROLLBACK")
            raise
        self._kept = self._merge(self._kept, self._fresh)
        self._fresh = {}

    @staticmethod
    def _merge(
        older: dict[tuple[str, int], deque[Bar]], newer: dict[tuple[str, int], deque[Bar]]
    ) -> dict[tuple[str, int], deque[Bar]]:
        for key, bars in newer.items():
            older.setdefault(key, deque(maxlen=BARS_KEPT)).extend(bars)
        return older


class LiveReader:
    """A face's end. Reads nothing (None, no bars) while there is no readable file; notices a file made anew."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self._db: sqlite3.Connection | None = None
        self._inode = 0
        self._opened = 0
        self._seen = -1
        self._view: DeskView | None = None
        self._decode = msgspec.msgpack.Decoder(DeskView).decode

    def version(self) -> int:
        """Changes whenever the file changed or was replaced; 0 while there is none. 5 µs."""
        try:
            db = self._connection()
            if db is None:
                return 0
            (data,) = db.execute("PRAGMA data_version").fetchone()
        except sqlite3.Error:
            self.close()
            return 0
        return self._opened << 32 | int(data)

    def view(self) -> DeskView | None:
        """The latest view; decoded only when it changed."""
        version = self.version()
        if version != self._seen:
            self._view = self._read_view()
            self._seen = version
        return self._view

    def bars(self, instrument: str, limit: int = 400) -> Sequence[Bar]:
        """The latest closed bars of the instrument's shortest interval, oldest first."""
        try:
            db = self._connection()
            if db is None:
                return []
            rows = db.execute(
                f"SELECT {_BAR} FROM bars WHERE instrument = ?1 AND interval_ms ="
                " (SELECT min(interval_ms) FROM bars WHERE instrument = ?1) ORDER BY ts_open DESC LIMIT ?2",
                (instrument, limit),
            ).fetchall()
        except sqlite3.Error:
            self.close()
            return []
        return [Bar(*row) for row in reversed(rows)]

    def close(self) -> None:
        if self._db is not None:
            self._db.close()
            self._db = None

    def _connection(self) -> sqlite3.Connection | None:
        try:
            inode = self.path.stat().st_ino
        except OSError:
            self.close()
            return None
        if self._db is None or inode != self._inode:
            self.close()
            uri = f"file:{quote(str(self.path.absolute()))}?mode=ro"
            self._db = sqlite3.connect(uri, uri=True, isolation_level=None, timeout=0.2, check_same_thread=False)
            self._inode = inode
            self._opened += 1
        return self._db

    def _read_view(self) -> DeskView | None:
        try:
            db = self._connection()
            row = db.execute("SELECT body FROM view").fetchone() if db else None
            return self._decode(row[0]) if row else None
        except (sqlite3.Error, msgspec.DecodeError):
            self.close()
            return None
