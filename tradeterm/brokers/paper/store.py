"""The paper venue's own durable book: one SQLite file an account. A step is committed whole or not at all."""

import sqlite3
from collections.abc import Sequence
from decimal import Decimal
from pathlib import Path

import msgspec
from msgspec import Struct

from tradeterm.brokers.paper.account import Account, Changes, Holding, Market, Working
from tradeterm.domain.errors import VenueUnavailable
from tradeterm.domain.orders import Cash, Fill, Order

VERSION = 1
_SCHEMA = """
CREATE TABLE account (id INTEGER PRIMARY KEY CHECK (id = 1), body TEXT NOT NULL);
CREATE TABLE orders (client_order_id TEXT PRIMARY KEY, working INTEGER NOT NULL, body TEXT NOT NULL);
CREATE INDEX orders_working ON orders (working) WHERE working = 1;
CREATE TABLE executions (number INTEGER PRIMARY KEY, id TEXT NOT NULL UNIQUE, ts INTEGER NOT NULL, body TEXT NOT NULL);
CREATE INDEX executions_ts ON executions (ts);
CREATE TABLE holdings (instrument TEXT PRIMARY KEY, quantity TEXT NOT NULL, average_price TEXT);
CREATE TABLE markets (instrument TEXT PRIMARY KEY, body TEXT NOT NULL);
"""


class _AccountRow(Struct):
    venue: str
    name: str
    currency: str
    cash: Decimal
    sequence: int
    clock: int


_encode = msgspec.json.Encoder().encode


class PaperStore:
    """Opens or creates the file. Every error of the disk is VenueUnavailable with one sentence."""

    def __init__(self, path: Path) -> None:
        self._path = path
        try:
            path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
            self._db = sqlite3.connect(path, isolation_level=None, check_same_thread=False)
        except (sqlite3.Error, OSError) as error:
            raise self._unavailable(error) from error
        try:
            self._prepare()
        except sqlite3.Error as error:
            self._db.close()
            raise self._unavailable(error) from error

    def close(self) -> None:
        self._db.close()

    def load(self, fresh: Account) -> Account:
        """The account as last committed; `fresh`, now stored, where the file is new."""
        try:
            row = self._db.execute("SELECT body FROM account").fetchone()
            if row is None:
                self.write(Changes(), fresh)
                return fresh
            account = msgspec.json.decode(row[0], type=_AccountRow)
            orders = self._db.execute("SELECT body FROM orders WHERE working = 1 ORDER BY rowid").fetchall()
            working = [msgspec.json.decode(body, type=Working) for (body,) in orders]
            holdings = self._db.execute("SELECT instrument, quantity, average_price FROM holdings").fetchall()
            markets = self._db.execute("SELECT body FROM markets").fetchall()
            ids = self._db.execute("SELECT client_order_id FROM orders").fetchall()
        except (sqlite3.Error, msgspec.DecodeError) as error:
            raise self._unavailable(error) from error
        return Account(
            venue=account.venue,
            name=account.name,
            currency=account.currency,
            cash=account.cash,
            sequence=account.sequence,
            clock=account.clock,
            working={item.order.client_order_id: item for item in working},
            holdings={
                name: Holding(name, Decimal(qty), Decimal(price) if price else None) for name, qty, price in holdings
            },
            markets={item.instrument: item for item in (msgspec.json.decode(body, type=Market) for (body,) in markets)},
            ids={name for (name,) in ids},
        )

    def write(self, changes: Changes, account: Account) -> None:
        """Commit a step."""
        db = self._db
        body = _AccountRow(account.venue, account.name, account.currency, account.cash, account.sequence, account.clock)
        try:
            db.execute("BEGIN IMMEDIATE")
            db.execute(
                "INSERT INTO account VALUES (1, ?) ON CONFLICT DO UPDATE SET body = excluded.body", (_text(body),)
            )
            for name, working in changes.orders.items():
                db.execute(
                    "INSERT INTO orders VALUES (?, ?, ?)"
                    " ON CONFLICT DO UPDATE SET working = excluded.working, body = excluded.body",
                    (name, name in account.working, _text(working)),
                )
            for item in changes.executions:
                key = item.exec_id if isinstance(item, Fill) else item.id
                db.execute("INSERT INTO executions (id, ts, body) VALUES (?, ?, ?)", (key, item.ts_event, _text(item)))
            for name in changes.instruments:
                holding = account.holdings.get(name)
                if holding is None:
                    db.execute("DELETE FROM holdings WHERE instrument = ?", (name,))
                else:
                    price = None if holding.average_price is None else str(holding.average_price)
                    db.execute("INSERT OR REPLACE INTO holdings VALUES (?, ?, ?)", (name, str(holding.quantity), price))
                db.execute("INSERT OR REPLACE INTO markets VALUES (?, ?)", (name, _text(account.market(name))))
            db.execute("COMMIT")
        except sqlite3.Error as error:
            if db.in_transaction:
                db.execute("ROLLBACK")
            raise self._unavailable(error) from error

    def order(self, client_order_id: str) -> Order | None:
        row = self._rows("SELECT body FROM orders WHERE client_order_id = ?", client_order_id)
        return msgspec.json.decode(row[0][0], type=Working).order if row else None

    def executions(self, since_ts: int) -> Sequence[Fill | Cash]:
        """In the order they happened."""
        rows = self._rows("SELECT body FROM executions WHERE ts >= ? ORDER BY number", since_ts)
        return [msgspec.json.decode(body, type=Fill | Cash) for (body,) in rows]

    def _rows(self, sql: str, parameter: str | int) -> list[tuple[str]]:
        try:
            return self._db.execute(sql, (parameter,)).fetchall()
        except sqlite3.Error as error:
            raise self._unavailable(error) from error

    def _prepare(self) -> None:
        db = self._db
        db.execute("PRAGMA busy_timeout = 2000")
        version = db.execute("PRAGMA user_version").fetchone()[0]
        if version > VERSION:
            raise VenueUnavailable(
                f"{self._path}: found version {version}, this program knows up to {VERSION}; use a newer program"
            )
        db.execute("PRAGMA journal_mode = WAL")
        db.execute("PRAGMA synchronous = NORMAL")  # a kill loses nothing; what a power cut loses, reconciliation finds
        if version == 0:
            db.executescript(f"BEGIN IMMEDIATE; {_SCHEMA} PRAGMA user_version = {VERSION}; COMMIT;")

    def _unavailable(self, error: Exception) -> VenueUnavailable:
        return VenueUnavailable(f"{self._path}: the paper venue's book cannot be used: {error}")


def _text(item: Struct) -> str:
    return _encode(item).decode()
