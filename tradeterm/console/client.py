"""The console over SQLite: facts from the ledger, the live view from its small file, commands into the ledger."""

import getpass
import os
import sqlite3
import time
from collections.abc import Iterator, Sequence
from contextlib import closing, contextmanager
from pathlib import Path
from typing import Any, TypeVar

from msgspec import Struct

from tradeterm.console.protocol import Console
from tradeterm.domain.errors import LedgerError
from tradeterm.domain.facts import (
    AiUsage,
    AlertFact,
    BreakerFact,
    ChatRow,
    CommandRow,
    CorrelationFact,
    EquityPoint,
    FanFact,
    HealthFact,
    OrderEventFact,
    ReconciliationFact,
    RegimeFact,
    RiskSnapshotFact,
    RunRow,
    ShadowTrade,
    SignalFact,
    StressFact,
    Trade,
)
from tradeterm.domain.market import Bar
from tradeterm.domain.orders import Cash, Fill, Order
from tradeterm.domain.signals import Verdict
from tradeterm.domain.states import CommandVerb
from tradeterm.domain.view import DeskView
from tradeterm.ledger.codec import codec_of, select
from tradeterm.ledger.live import LiveReader
from tradeterm.ledger.lock import held_by
from tradeterm.ledger.queue import enqueue
from tradeterm.ledger.schema import write_statement
from tradeterm.ledger.store import LedgerMissing, open_ledger, plain_errors
from tradeterm.profile import Profile

F = TypeVar("F", bound=Struct)
_TAIL_BYTES = 65536
_LOOKED_THROUGH = 500


def _now() -> int:
    return time.time_ns() // 1_000_000


def _user() -> str:
    try:
        return getpass.getuser()
    except (KeyError, OSError):  # a container may run under a number without a name
        return str(os.getuid())


class _Ledger:
    """A read-only connection that opens when there is a ledger and again when another file took its place."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self.opened = 0
        self._db: sqlite3.Connection | None = None
        self._inode = 0

    def connection(self) -> sqlite3.Connection | None:
        try:
            inode = self.path.stat().st_ino
        except FileNotFoundError:
            self.close()
            return None
        except OSError as error:
            raise LedgerError(f"{self.path} cannot be opened: {error.strerror}") from error
        if self._db is None or inode != self._inode:
            self.close()
            try:
                self._db = open_ledger(self.path, readonly=True)
            except LedgerMissing:
                return None
            self._inode = inode
            self.opened += 1
        return self._db

    def close(self) -> None:
        if self._db is not None:
            self._db.close()
            self._db = None


class SqliteConsole:
    """Implements Console for one profile. Everything works while no engine runs, and before there is a ledger."""

    def __init__(self, profile: Profile) -> None:
        self.profile = profile
        self._ledger = _Ledger(profile.ledger)
        self._live = LiveReader(profile.live)
        self._actor = f"{_user()}:{os.getpid()}"

    # what changed

    def ledger_version(self) -> int:
        with plain_errors(self.profile.ledger):
            db = self._ledger.connection()
            if db is None:
                return 0
            return self._ledger.opened << 32 | int(db.execute("PRAGMA data_version").fetchone()[0])

    def view_version(self) -> int:
        return self._live.version()

    def view(self) -> DeskView | None:
        return self._live.view()

    def engine_alive(self) -> bool:
        return held_by(self.profile.lock) is not None

    def bars(self, instrument: str, limit: int = 400) -> Sequence[Bar]:
        return self._live.bars(instrument, limit)

    # facts

    def _select(self, type_: type[F], rest: str, *parameters: Any) -> list[F]:
        with plain_errors(self.profile.ledger):
            db = self._ledger.connection()
            return select(db, type_, rest, *parameters) if db else []

    def _first(self, type_: type[F], where: str, *parameters: Any) -> F | None:
        return next(iter(self._select(type_, f"WHERE {where} LIMIT 1", *parameters)), None)

    def signals(self, limit: int = 200) -> Sequence[SignalFact]:
        return self._select(SignalFact, "ORDER BY ts DESC, rowid DESC LIMIT ?", limit)

    def signal(self, signal_id: str) -> SignalFact | None:
        return self._first(SignalFact, "id = ?", signal_id)

    def sized_signals(self, limit: int = 30) -> Sequence[SignalFact]:
        newest = f"SELECT id FROM signals ORDER BY ts DESC, rowid DESC LIMIT {_LOOKED_THROUGH}"
        where = f"WHERE id IN ({newest}) AND size IS NOT NULL"
        return self._select(SignalFact, f"{where} ORDER BY ts DESC, rowid DESC LIMIT ?", limit)

    def verdicts(self, limit: int = 100) -> Sequence[Verdict]:
        return self._select(Verdict, "ORDER BY ts DESC, rowid DESC LIMIT ?", limit)

    def verdict(self, verdict_id: str) -> Verdict | None:
        return self._first(Verdict, "id = ?", verdict_id)

    def orders(self, limit: int = 200, signal_id: str | None = None) -> Sequence[Order]:
        newest = "ORDER BY ts_created DESC, rowid DESC LIMIT ?"
        if signal_id is None:
            return self._select(Order, newest, limit)
        return self._select(Order, f"WHERE signal_id = ? {newest}", signal_id, limit)

    def order_events(self, client_order_id: str) -> Sequence[OrderEventFact]:
        return self._select(OrderEventFact, "WHERE client_order_id = ? ORDER BY row", client_order_id)

    def fills(
        self, limit: int = 200, client_order_id: str | None = None, instrument: str | None = None
    ) -> Sequence[Fill]:
        wanted = {"client_order_id": client_order_id, "instrument": instrument}
        given = {column: value for column, value in wanted.items() if value is not None}
        where = "WHERE " + " AND ".join(f"{column} = ?" for column in given) if given else ""
        return self._select(Fill, f"{where} ORDER BY ts_event DESC, rowid DESC LIMIT ?", *given.values(), limit)

    def cash_events(self, limit: int = 200) -> Sequence[Cash]:
        return self._select(Cash, "ORDER BY ts_event DESC, rowid DESC LIMIT ?", limit)

    def trades(self, limit: int = 500) -> Sequence[Trade]:
        return self._select(Trade, "ORDER BY ts_closed DESC, rowid DESC LIMIT ?", limit)

    def shadow_trades(self, limit: int = 200) -> Sequence[ShadowTrade]:
        return self._select(ShadowTrade, "ORDER BY ts_opened DESC, rowid DESC LIMIT ?", limit)

    def equity(self, book: str = "", limit: int = 2000) -> Sequence[EquityPoint]:
        return self._select(EquityPoint, "WHERE book = ? ORDER BY ts DESC LIMIT ?", book, limit)[::-1]

    def alerts(self, limit: int = 500) -> Sequence[AlertFact]:
        return self._select(AlertFact, "ORDER BY row DESC LIMIT ?", limit)

    def breaker_events(self, limit: int = 50) -> Sequence[BreakerFact]:
        return self._select(BreakerFact, "ORDER BY row DESC LIMIT ?", limit)

    def reconciliations(self, limit: int = 50) -> Sequence[ReconciliationFact]:
        return self._select(ReconciliationFact, "ORDER BY ts DESC, rowid DESC LIMIT ?", limit)

    def risk_snapshots(self, book: str, limit: int = 50) -> Sequence[RiskSnapshotFact]:
        return self._select(RiskSnapshotFact, "WHERE book = ? ORDER BY ts DESC LIMIT ?", book, limit)

    def health_events(self, limit: int = 50) -> Sequence[HealthFact]:
        return self._select(HealthFact, "ORDER BY row DESC LIMIT ?", limit)

    def regimes(self, limit: int = 1000) -> Sequence[RegimeFact]:
        return self._select(RegimeFact, "ORDER BY row DESC LIMIT ?", limit)

    def correlation(self) -> CorrelationFact | None:
        return next(iter(self._select(CorrelationFact, "ORDER BY ts DESC LIMIT 1")), None)

    def stress_results(self) -> Sequence[StressFact]:
        newest = "SELECT book, max(ts) FROM stress_results GROUP BY book"
        return self._select(StressFact, f"WHERE (book, ts) IN ({newest}) ORDER BY book, rowid")

    def fans(self) -> Sequence[FanFact]:
        newest = "SELECT book, max(ts) FROM fans GROUP BY book"
        return self._select(FanFact, f"WHERE (book, ts) IN ({newest}) ORDER BY book")

    def commands(self, limit: int = 100) -> Sequence[CommandRow]:
        return self._select(CommandRow, "ORDER BY id DESC LIMIT ?", limit)

    def command(self, command_id: int) -> CommandRow | None:
        return self._first(CommandRow, "id = ?", command_id)

    def chat(self, limit: int = 200) -> Sequence[ChatRow]:
        return self._select(ChatRow, "ORDER BY id DESC LIMIT ?", limit)[::-1]

    def ai_usage(self, since_ts: int, limit: int = 5000) -> Sequence[AiUsage]:
        return self._select(AiUsage, "WHERE ts >= ? ORDER BY row DESC LIMIT ?", since_ts, limit)

    def runs(self, limit: int = 50) -> Sequence[RunRow]:
        return self._select(RunRow, "ORDER BY ts_started DESC, rowid DESC LIMIT ?", limit)

    def log_lines(self, limit: int = 500) -> Sequence[str]:
        try:
            with self.profile.log.open("rb") as file:
                end = file.seek(0, os.SEEK_END)
                tail = b""
                while end > 0 and tail.count(b"\n") <= limit:
                    start = max(0, end - _TAIL_BYTES)
                    file.seek(start)
                    tail = file.read(end - start) + tail
                    end = start
        except FileNotFoundError:
            return []
        return tail.decode("utf-8", errors="replace").splitlines()[-limit:]

    # what a face may write

    @contextmanager
    def _writing(self) -> Iterator[sqlite3.Connection]:
        """A short write connection; opened anew each time, so that it never holds an archived file."""
        path = self.profile.ledger
        if not path.exists():
            raise LedgerMissing(f"there is no ledger at {path} yet; start the engine once")
        with plain_errors(path), closing(open_ledger(path)) as db, db:
            yield db

    def send(
        self, verb: CommandVerb, *, book: str = "", instrument: str = "", argument: str = "", reason: str = ""
    ) -> int:
        with self._writing() as db:
            return enqueue(
                db,
                verb,
                ts=_now(),
                actor=self._actor,
                book=book,
                instrument=instrument,
                argument=argument,
                reason=reason,
            )

    def say(self, role: str, text: str) -> int:
        with self._writing() as db:
            row = db.execute("INSERT INTO chat (ts, role, text) VALUES (?, ?, ?)", (_now(), role, text))
            assert row.lastrowid is not None
            return row.lastrowid

    def book_usage(self, usage: AiUsage) -> None:
        with self._writing() as db:
            db.execute(write_statement(AiUsage), codec_of(AiUsage).encode(usage))

    def close(self) -> None:
        self._ledger.close()
        self._live.close()


def open_console(profile: Profile) -> Console:
    """A console on the profile's files, which may not exist yet.

    Raises LedgerError at once for a ledger that is there and cannot be used (newer, damaged, not a ledger).
    """
    console = SqliteConsole(profile)
    console.ledger_version()
    return console
