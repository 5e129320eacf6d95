"""The tables of the ledger, their keys and indexes, and the statements that write facts into them."""

import re
from collections.abc import Sequence
from typing import TYPE_CHECKING

from msgspec import Struct

from tradeterm.domain.errors import LedgerError
from tradeterm.domain.facts import ChatRow, CommandAck, CommandRow, RunRow
from tradeterm.ledger.codec import FACT_TYPES, Kind, codec_of

if TYPE_CHECKING:
    from sqlite_utils import Database

APPLICATION_ID = 0x54544C47  # "TTLG", so that another program's SQLite file is never taken for a ledger

_PYTHON_TYPE: dict[Kind, type] = {
    "text": str,
    "integer": int,
    "real": float,
    "decimal": str,
    "flag": int,
    "json": str,
}


class Table(Struct, frozen=True, kw_only=True):
    """A table. `key` is the primary key; a table without one is append-only and numbered by `row`.

    `json` columns hold containers; `defaults` are what rows written before a required column existed hold there.
    """

    name: str
    columns: dict[str, type]
    required: frozenset[str] = frozenset()
    json: frozenset[str] = frozenset()
    defaults: dict[str, str | int | float] = {}
    key: tuple[str, ...] = ()
    indexes: tuple[tuple[str, ...], ...] = ()


class _Shape(Struct, frozen=True):
    """Key and indexes of a table whose columns are a struct's fields.

    `repeats` says what a second row with the same key means: "replace" (the fact moved on) or "ignore" (told twice).
    """

    key: tuple[str, ...] = ()
    indexes: tuple[tuple[str, ...], ...] = ()
    repeats: str = "replace"


_SHAPES = {
    "signals": _Shape(("id",), (("ts",),)),
    "verdicts": _Shape(("id",), (("ts",), ("signal_id",))),
    "orders": _Shape(
        ("venue", "client_order_id"),
        (("ts_created",), ("client_order_id",), ("signal_id",), ("parent_id",), ("status",)),
    ),
    "order_events": _Shape((), (("client_order_id",), ("ts",))),
    "fills": _Shape(
        ("venue", "account", "exec_id"), (("ts_event",), ("client_order_id",), ("instrument", "ts_event")), "ignore"
    ),
    "cash_events": _Shape(("venue", "account", "id"), (("ts_event",),), "ignore"),
    "positions": _Shape(("book", "instrument")),
    "trades": _Shape(("id",), (("ts_closed",),)),
    "equity": _Shape(("ts", "book", "resolution"), (("book", "ts"),)),
    "desk_state": _Shape(("row",)),
    "desk_money": _Shape(("row",)),
    "book_state": _Shape(("book",)),
    "breaker_events": _Shape((), (("ts",),)),
    "alerts": _Shape((), (("ts",),)),
    "reconciliations": _Shape(("id",), (("ts",),)),
    "risk_snapshots": _Shape(("ts", "book"), (("book", "ts"),)),
    "health_events": _Shape((), (("book", "ts"),)),
    "regimes": _Shape((), (("instrument", "ts"),)),
    "correlations": _Shape(("ts",)),
    "stress_results": _Shape(("ts", "book", "scenario"), (("book", "ts"),)),
    "fans": _Shape(("ts", "book"), (("book", "ts"),)),
    "shadow_trades": _Shape(("id",), (("ts_opened",), ("signal_id",))),
    "ai_usage": _Shape((), (("ts",),)),
    "commands": _Shape(("id",), (("status",),)),
    "runs": _Shape(("id",), (("ts_started",),)),
    "chat": _Shape(("id",)),
}
# Columns that the facts do not carry, with their value: the one row of what the desk has one of, and 0 for a live
# sample of equity (see retention).
_EXTRA: dict[str, dict[str, str | int | float]] = {
    "desk_state": {"row": 1},
    "desk_money": {"row": 1},
    "equity": {"resolution": 0},
}


def _table_of(type_: type[Struct]) -> Table:
    codec = codec_of(type_)
    columns, shape, extra = codec.columns, _SHAPES[codec.table], _EXTRA.get(codec.table, {})
    return Table(
        name=codec.table,
        columns={c.name: _PYTHON_TYPE[c.kind] for c in columns} | dict.fromkeys(extra, int),
        required=frozenset(c.name for c in columns if c.required) | frozenset(extra),
        json=frozenset(c.name for c in columns if c.kind == "json"),
        defaults=codec.defaults | extra,
        key=shape.key,
        indexes=shape.indexes,
    )


def tables() -> tuple[Table, ...]:
    """Every table of the ledger."""
    types: tuple[type[Struct], ...] = (
        *(type_ for type_ in FACT_TYPES if type_ is not CommandAck),
        CommandRow,
        RunRow,
        ChatRow,
    )
    return tuple(_table_of(type_) for type_ in types)


def create_tables(db: "Database") -> None:
    """Create what is missing: tables, columns that a newer program added, and indexes.

    No foreign keys: a fill of an order that the ledger does not know must still be written. `ledger check` finds
    orphans instead.
    """
    for spec in tables():
        table = db.table(spec.name)
        if not table.exists():
            columns = spec.columns if spec.key else {"row": int, **spec.columns}
            key = spec.key or ("row",)
            table.create(columns, pk=key[0] if len(key) == 1 else key, not_null=spec.required)
        for name in spec.columns.keys() - table.columns_dict.keys():
            default = spec.defaults[name] if name in spec.required else None
            table.add_column(name, spec.columns[name], not_null_default=default)
        for index in spec.indexes:
            table.create_index(list(index), if_not_exists=True)


def write_statement(type_: type[Struct]) -> str:
    """The SQL that writes a fact of this type; its parameters are the values of the fact's codec."""
    codec = codec_of(type_)
    if type_ is CommandAck:
        return "UPDATE commands SET status = ?4, detail = ?5, ts_updated = ?2 WHERE id = ?1 AND verb = ?3"
    extra = _EXTRA.get(codec.table, {})
    names = ", ".join(f'"{name}"' for name in (*codec.names, *extra))
    marks = ", ".join([*("?" * len(codec.names)), *map(str, extra.values())])
    insert = f'INSERT INTO "{codec.table}" ({names}) VALUES ({marks})'
    shape = _SHAPES[codec.table]
    if not shape.key:
        return insert
    conflict = f"ON CONFLICT ({', '.join(shape.key)})"
    if shape.repeats == "ignore":
        return f"{insert} {conflict} DO NOTHING"
    changes = ", ".join(f'"{name}" = excluded."{name}"' for name in codec.names if name not in shape.key)
    return f"{insert} {conflict} DO UPDATE SET {changes}"


def replaced_by(type_: type[Struct]) -> tuple[str, ...]:
    """The columns by which a later row replaces a fact's; none where it stands for itself."""
    if type_ is CommandAck:
        return ()
    shape = _SHAPES[codec_of(type_).table]
    return tuple(name for name in shape.key if name in codec_of(type_).names) if shape.repeats == "replace" else ()


_BOOK = re.compile(r"[A-Za-z0-9][A-Za-z0-9_-]*")
VIEWED_TABLES = ("positions", "orders", "fills", "trades")


def view_name(book: str, table: str) -> str:
    """`<book>_<table>`, hyphens as underscores. Raises LedgerError for a name that cannot be a view's."""
    if not _BOOK.fullmatch(book):
        raise LedgerError(f"book {book!r} is not a name; use letters, digits, _ and -, not starting with _ or -")
    name = f"{book.replace('-', '_')}_{table}"
    if name.lower() in _SHAPES:
        raise LedgerError(f"book {book!r} cannot have this name: its view {name} would hide the table of that name")
    return name


def create_views(db: "Database", books: Sequence[str]) -> None:
    """One view a book and table. Raises LedgerError when two books' names give the same view."""
    owners: dict[str, str] = {}
    for book in books:
        other = owners.setdefault(view_name(book, "orders").lower(), book)
        if other != book:
            raise LedgerError(f"books {other!r} and {book!r} need different names: only case, - and _ tell them apart")
        for table in VIEWED_TABLES:
            db.create_view(view_name(book, table), f"select * from {table} where book = {db.quote(book)}", ignore=True)
