"""`ledger check`: does the ledger agree with itself?"""

import sqlite3
from collections import defaultdict
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import closing
from decimal import Decimal
from pathlib import Path

import msgspec
from msgspec import Struct

from tradeterm.domain.facts import BookStateFact, OrderEventFact, Trade
from tradeterm.domain.orders import Cash, Fill, Order
from tradeterm.domain.snapshot import Position
from tradeterm.ledger.audit import verify
from tradeterm.ledger.codec import FACT_TYPES, codec_of, select
from tradeterm.ledger.store import open_ledger, plain_errors

Rebuild = Callable[[Sequence[Fill], Sequence[Cash]], Mapping[tuple[str, str], Position]]
"""Positions by (book, instrument) from nothing but fills, in the order they were booked, and cash events."""

_REBUILT = ("quantity", "average_price", "realized_pnl", "fees", "entry_quantity", "exit_quantity")

SIMULATED_VENUE = "paper"
"""Where nobody but us can trade."""


class CheckReport(Struct, frozen=True, kw_only=True):
    """What was found, one sentence each; `ok` when nothing was. `counts` are the rows looked at, by table."""

    path: str
    ok: bool
    findings: tuple[str, ...]
    counts: dict[str, int]


def _file_damage(db: sqlite3.Connection) -> Iterator[str]:
    for (line,) in db.execute("PRAGMA integrity_check(20)"):
        if line != "ok":
            yield f"the file is damaged: {line}"


def _unreadable_rows(db: sqlite3.Connection) -> Iterator[str]:
    for type_ in FACT_TYPES:
        codec = codec_of(type_)
        if codec.table == "commands":
            continue
        names = ", ".join(f'"{name}"' for name in codec.names)
        decimals = [i for i, column in enumerate(codec.columns) if column.kind == "decimal"]
        for rowid, *row in db.execute(f"SELECT rowid, {names} FROM {codec.table}"):
            try:
                codec.decode(row)
            except (msgspec.DecodeError, ValueError) as error:
                yield f"row {rowid} of {codec.table} cannot be read: {error}"
                continue
            for i in decimals:
                if row[i] is not None and not Decimal(row[i]).is_finite():
                    yield f"row {rowid} of {codec.table} has {codec.names[i]} {row[i]}, which is not a finite number"


def _positions(db: sqlite3.Connection, rebuild: Rebuild) -> Iterator[str]:
    recorded = {(p.book, p.instrument): p for p in select(db, Position) if p.quantity != 0}
    fills = select(db, Fill, "ORDER BY rowid")
    rebuilt = {key: p for key, p in rebuild(fills, select(db, Cash, "ORDER BY rowid")).items() if p.quantity != 0}
    for key in sorted(recorded.keys() | rebuilt.keys()):
        name = "/".join(key)
        ours, theirs = recorded.get(key), rebuilt.get(key)
        if ours is None or theirs is None:
            missing = "recorded" if ours is None else "supported by fills"
            held = (ours or theirs or Position(book="", venue="", account="", instrument="")).quantity
            yield f"position {name} of {held} is not {missing}"
            continue
        for field in _REBUILT:
            mine, other = getattr(ours, field), getattr(theirs, field)
            if mine != other:
                yield f"position {name} has {field} {mine}, its fills give {other}"
        # Funding settled while a fill was still missing went to the book alone, so a part may be absent; never more.
        if not min(Decimal(0), theirs.funding) <= ours.funding <= max(Decimal(0), theirs.funding):
            yield f"position {name} has funding {ours.funding}, its fills give {theirs.funding}"


def _book_cash(db: sqlite3.Connection, rebuild: Rebuild, capitals: Mapping[str, Decimal]) -> Iterator[str]:
    states = {state.book: state for state in select(db, BookStateFact)}
    fills, cash = select(db, Fill, "ORDER BY rowid"), select(db, Cash, "ORDER BY rowid")
    realized: dict[str, Decimal] = defaultdict(Decimal)
    for trade in select(db, Trade):
        realized[trade.book] += trade.gross_pnl
    for (book, _), position in rebuild(fills, cash).items():
        realized[book] += position.realized_pnl
    for book, capital in capitals.items():
        if book not in states:
            continue
        fees = sum((fill.fee for fill in fills if fill.book == book), Decimal(0))
        moved = sum((event.amount for event in cash if event.book == book), Decimal(0))
        expected = capital + realized[book] - fees + moved
        if states[book].cash != expected:
            yield f"book {book} has cash {states[book].cash}; capital, trades, fees and cash events give {expected}"


def _orders(db: sqlite3.Connection) -> Iterator[str]:
    filled: dict[tuple[str, str], Decimal] = defaultdict(Decimal)
    for fill in select(db, Fill):
        filled[fill.venue, fill.client_order_id] += fill.quantity
    orders = select(db, Order)
    latest: dict[str, OrderEventFact] = {}
    for event in select(db, OrderEventFact, "ORDER BY row"):
        latest[event.client_order_id] = event
    known = set()
    for order in orders:
        known.add(order.client_order_id)
        total = filled.pop((order.venue, order.client_order_id), Decimal(0))
        if total != order.filled_quantity:
            yield f"order {order.client_order_id} has filled {order.filled_quantity}, its fills sum to {total}"
        last = latest.get(order.client_order_id)
        if last is not None and last.to_status != order.status:
            yield f"order {order.client_order_id} is {order.status}, its last event left it {last.to_status}"
    for venue, client_id in sorted(filled):
        if venue != SIMULATED_VENUE:  # at a real one its owner trades too, by orders that are not ours
            continue
        yield f"fills at {venue} belong to order {client_id}, which is not recorded"
    for client_id in sorted(latest.keys() - known):
        yield f"events belong to order {client_id}, which is not recorded"
    for table, column, other in (("orders", "signal_id", "signals"), ("verdicts", "signal_id", "signals")):
        for (missing,) in db.execute(
            f"SELECT DISTINCT {column} FROM {table} WHERE {column} IS NOT NULL"
            f" AND {column} NOT IN (SELECT id FROM {other}) ORDER BY 1"
        ):
            yield f"{table} name signal {missing}, which is not recorded"


def _trades(db: sqlite3.Connection) -> Iterator[str]:
    for trade in select(db, Trade):
        if trade.pnl != trade.gross_pnl - trade.fees - trade.funding:
            yield f"trade {trade.id} has pnl {trade.pnl}, not its gross pnl less fees and funding"
    fees: dict[tuple[str, str], Decimal] = defaultdict(Decimal)
    bought_and_sold: dict[tuple[str, str], Decimal] = defaultdict(Decimal)
    for fill in select(db, Fill):
        fees[fill.book, fill.instrument] += fill.fee
        bought_and_sold[fill.book, fill.instrument] += fill.quantity
    for trade in select(db, Trade):
        fees[trade.book, trade.instrument] -= trade.fees
        bought_and_sold[trade.book, trade.instrument] -= 2 * trade.quantity
    for position in select(db, Position):
        if position.quantity != 0:
            fees[position.book, position.instrument] -= position.fees
            bought_and_sold[position.book, position.instrument] -= abs(position.quantity) + 2 * position.exit_quantity
    for word, rests in (("fees", fees), ("quantity", bought_and_sold)):
        for (book, instrument), rest in sorted(rests.items()):
            if rest != 0:
                yield f"fills of {book}/{instrument} have {rest} more {word} than their trades and position account for"


def _duplicates(db: sqlite3.Connection) -> Iterator[str]:
    for (client_id,) in db.execute("SELECT client_order_id FROM orders GROUP BY client_order_id HAVING count(*) > 1"):
        yield f"order id {client_id} was used at more than one venue"
    for exec_id, count in db.execute(
        "SELECT exec_id, count(*) FROM fills GROUP BY venue, exec_id, client_order_id HAVING count(*) > 1"
    ):
        yield f"execution {exec_id} was booked {count} times"


def _audit(folder: Path) -> Iterator[str]:
    for path in sorted(folder.glob("*.jsonl")):
        broken = verify(path)
        if broken is not None:
            yield f"{path}, line {broken.line}: {broken.reason}"


def check_ledger(
    path: Path,
    rebuild: Rebuild | None = None,
    *,
    capitals: Mapping[str, Decimal] | None = None,
    audit: Path | None = None,
) -> CheckReport:
    """Check the ledger at `path`, and the audit files of a folder, without changing anything.

    `rebuild` makes positions out of fills (the desk's own accounting); `capitals` is the money each book began with.
    What is not given is not checked. Raises LedgerError if the ledger cannot be opened.
    """
    with plain_errors(path), closing(open_ledger(path, readonly=True)) as db:
        db.execute("BEGIN")
        counts = {
            codec_of(type_).table: int(db.execute(f"SELECT count(*) FROM {codec_of(type_).table}").fetchone()[0])
            for type_ in FACT_TYPES
        }
        findings = [*_file_damage(db), *_unreadable_rows(db)]
        if not findings:  # what follows needs every row readable
            findings += [*_orders(db), *_duplicates(db), *_trades(db)]
            if rebuild is not None:
                findings += _positions(db, rebuild)
                findings += _book_cash(db, rebuild, capitals or {})
    if audit is not None:
        findings += _audit(audit)
    return CheckReport(path=str(path), ok=not findings, findings=tuple(findings), counts=counts)
