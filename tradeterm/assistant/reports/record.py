"""What a ledger holds of a period, read in one go: the engine may be writing meanwhile."""

import sqlite3
from collections.abc import Iterable, Iterator, Sequence
from contextlib import closing, contextmanager
from pathlib import Path
from typing import TypeVar
from urllib.parse import quote

from msgspec import Struct

from tradeterm.domain.facts import (
    AiUsage,
    AlertFact,
    BreakerFact,
    CommandRow,
    EquityPoint,
    HealthFact,
    OrderEventFact,
    ReconciliationFact,
    RunRow,
    ShadowTrade,
    SignalFact,
    Trade,
)
from tradeterm.domain.market import DAY_MS
from tradeterm.domain.orders import Cash, Fill, Order
from tradeterm.domain.signals import Verdict
from tradeterm.domain.snapshot import Position
from tradeterm.ledger.codec import codec_of, select
from tradeterm.ledger.migrations import migrate
from tradeterm.ledger.store import LedgerMissing, open_ledger, plain_errors

F = TypeVar("F", bound=Struct)


class Span(Struct, frozen=True):
    """From `start` to before `end`, UTC ms; None: as far as the record goes."""

    start: int | None = None
    end: int | None = None

    def holds(self, ts: int) -> bool:
        return (self.start is None or ts >= self.start) and (self.end is None or ts < self.end)


class Record(Struct, frozen=True, kw_only=True):
    """Everything of the span, oldest first. `book` "" is all of them; what concerns no book is always there.

    `runs` are those that wrote this ledger, `others` older ones whose facts were put aside. `replayed`: the desk's
    clock was that of a recording, so what has the machine's clock (runs, commands, requests to models) is there from
    the first of the runs on, whatever the span. `order_events` and `positions` are as they are now. `upgraded` is the
    version of the ledger where it is older than this program.
    """

    path: Path
    span: Span
    book: str
    runs: tuple[RunRow, ...]
    others: int
    replayed: bool
    upgraded: int | None
    signals: tuple[SignalFact, ...]
    verdicts: tuple[Verdict, ...]
    orders: tuple[Order, ...]
    order_events: tuple[OrderEventFact, ...]
    fills: tuple[Fill, ...]
    cash: tuple[Cash, ...]
    trades: tuple[Trade, ...]
    positions: tuple[Position, ...]
    equity: tuple[EquityPoint, ...]
    alerts: tuple[AlertFact, ...]
    breaker_events: tuple[BreakerFact, ...]
    health_events: tuple[HealthFact, ...]
    reconciliations: tuple[ReconciliationFact, ...]
    shadow_trades: tuple[ShadowTrade, ...]
    commands: tuple[CommandRow, ...]
    usage: tuple[AiUsage, ...]

    @property
    def books(self) -> tuple[str, ...]:
        """The books there is anything of, in order of their names."""
        named: Iterable[Sequence[SignalFact | Trade | EquityPoint | Fill]]
        named = (self.signals, self.trades, self.equity, self.fills)
        return tuple(sorted({fact.book for facts in named for fact in facts} - {""}))

    @property
    def times(self) -> tuple[int, int] | None:
        """The first and the last moment of the desk's clock that anything was written of; None: nothing was."""
        told = [fact.ts for facts in (self.equity, self.signals, self.alerts) for fact in facts]
        told += [trade.ts_closed for trade in self.trades]
        return (min(told), max(told)) if told else None


def read_record(path: Path, span: Span, book: str = "") -> Record:
    """Raises LedgerMissing where there is no ledger, LedgerError where it cannot be read. An older ledger is read as a
    copy that is brought up to date; the file stays as it is."""
    with _reading(path) as (db, version), plain_errors(path):
        db.execute("BEGIN")
        runs, others = _own(select(db, RunRow, "ORDER BY ts_started, rowid"), path)
        replayed = is_replay(runs)
        machine = Span(runs[0].ts_started if runs else None) if replayed else span

        def found(type_: type[F], column: str, within: Span, *, of_book: bool, order: str = "rowid") -> tuple[F, ...]:
            return tuple(_of(db, type_, column, within, book if of_book else "", order))

        return Record(
            path=path,
            span=span,
            book=book,
            runs=runs if replayed else tuple(run for run in runs if _overlaps(run, span)),
            others=others,
            replayed=replayed,
            upgraded=version,
            signals=found(SignalFact, "ts", span, of_book=True),
            verdicts=found(Verdict, "ts", span, of_book=True),
            orders=_orders(db, span, book),
            order_events=found(OrderEventFact, "ts", span, of_book=True),
            fills=found(Fill, "ts_event", span, of_book=True),
            cash=found(Cash, "ts_event", span, of_book=True),
            trades=found(Trade, "ts_closed", span, of_book=True),
            positions=tuple(each for each in _of(db, Position, "ts_opened", Span(), book, "rowid") if each.quantity),
            equity=found(EquityPoint, "ts", span, of_book=True, order="ts"),
            alerts=tuple(
                alert for alert in found(AlertFact, "ts", span, of_book=False) if not book or alert.book in ("", book)
            ),
            breaker_events=found(BreakerFact, "ts", span, of_book=False),
            health_events=found(HealthFact, "ts", span, of_book=True),
            reconciliations=found(ReconciliationFact, "ts", span, of_book=False),
            shadow_trades=found(ShadowTrade, "ts_opened", span, of_book=True),
            commands=found(CommandRow, "ts", machine, of_book=False, order="id"),
            usage=found(AiUsage, "ts", machine, of_book=False),
        )


def is_replay(runs: Sequence[RunRow]) -> bool:
    """Whether the desk's clock stood far behind the machine's: then the market was a recording."""
    return bool(runs) and all(run.cursor is not None and run.cursor < run.ts_started - DAY_MS for run in runs)


def _own(runs: Sequence[RunRow], path: Path) -> tuple[tuple[RunRow, ...], int]:
    """The runs since the last time a run was put aside, and how many there were before: their facts are elsewhere."""
    stem, _, own = path.stem.partition("-")
    aside = {file.stem.partition("-")[2] for file in path.parent.glob(f"{stem}-*{path.suffix}")} - {own}
    cut = max((at + 1 for at, run in enumerate(runs) if run.id in aside), default=0)
    return tuple(runs[cut:]), cut


def _overlaps(run: RunRow, span: Span) -> bool:
    ended = run.ts_ended
    return (span.end is None or run.ts_started < span.end) and (
        span.start is None or ended is None or ended >= span.start
    )


def _of(db: sqlite3.Connection, type_: type[F], column: str, span: Span, book: str, order: str) -> list[F]:
    wanted = [
        (f"{column} >= ?", span.start),
        (f"{column} < ?", span.end),
        ("book = ?", book or None),
    ]
    given = [(text, value) for text, value in wanted if value is not None]
    where = f"WHERE {' AND '.join(text for text, _ in given)}" if given else ""
    assert column in codec_of(type_).names
    return select(db, type_, f"{where} ORDER BY {order}", *(value for _, value in given))


def _orders(db: sqlite3.Connection, span: Span, book: str) -> tuple[Order, ...]:
    """Those that were there at some moment of the span, as far as is known; what is in doubt has not ended."""
    return tuple(
        order
        for order in _of(db, Order, "ts_created", Span(None, span.end), book, "rowid")
        if span.start is None or order.ts_updated >= span.start or not order.is_closed
    )


@contextmanager
def _reading(path: Path) -> Iterator[tuple[sqlite3.Connection, int | None]]:
    """A connection that writes nothing, and the ledger's version where it is an older one."""
    try:
        db, version = open_ledger(path, readonly=True), None
    except LedgerMissing:
        if not path.exists():
            raise
        db, version = _upgraded(path)
    with closing(db):
        yield db, version


def _upgraded(path: Path) -> tuple[sqlite3.Connection, int]:
    copy = sqlite3.connect(":memory:")
    try:
        with (
            plain_errors(path),
            closing(sqlite3.connect(f"file:{quote(str(path.absolute()))}?mode=ro", uri=True)) as db,
        ):
            db.backup(copy)
            (version,) = copy.execute("PRAGMA user_version").fetchone()
            migrate(copy, path)
    except BaseException:
        copy.close()
        raise
    return copy, int(version)
