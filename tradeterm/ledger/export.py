"""Copies of the ledger's tables as CSV or JSON lines."""

import csv
import sqlite3
from collections.abc import Iterator, Sequence
from contextlib import closing
from pathlib import Path
from typing import Literal, TextIO

import msgspec

from tradeterm.domain.errors import LedgerError
from tradeterm.ledger.schema import Table, tables
from tradeterm.ledger.store import open_ledger, plain_errors

Format = Literal["csv", "jsonl"]


def export_ledger(
    path: Path, folder: Path, *, format: Format = "csv", only: Sequence[str] = ()
) -> list[tuple[Path, int]]:
    """Write one file a table into `folder`, made if missing; returns each file with its number of rows.

    Values stay as the ledger holds them: decimals as exact text, times in ms, containers as JSON (as objects in JSON
    lines). `only` names the tables wanted, empty means all. Raises LedgerError.
    """
    written = []
    with plain_errors(path), closing(open_ledger(path, readonly=True)) as db:
        db.execute("BEGIN")
        try:
            folder.mkdir(parents=True, exist_ok=True)
            for table in _wanted(only):
                target = folder / f"{table.name}.{format}"
                with target.open("w", encoding="utf-8", newline="") as file:
                    written.append((target, _write(db, table, file, format)))
        except OSError as error:
            raise LedgerError(f"{error.filename or folder} cannot be written: {error.strerror}") from error
    return written


def export_rows(path: Path, only: Sequence[str] = ()) -> Iterator[tuple[str, dict[str, object]]]:
    """Every row with its table, values as in JSON lines, all of one moment. Raises as `export_ledger` does."""
    with plain_errors(path), closing(open_ledger(path, readonly=True)) as db:
        db.execute("BEGIN")
        for table in _wanted(only):
            for row in _objects(db, table):
                yield table.name, row


def _wanted(only: Sequence[str]) -> Sequence[Table]:
    known = {table.name: table for table in tables()}
    for name in only:
        if name not in known:
            raise LedgerError(f"there is no table {name!r}; there are {', '.join(known)}")
    return [known[name] for name in only or known]


def _objects(db: sqlite3.Connection, table: Table) -> Iterator[dict[str, object]]:
    rows = _rows(db, table)
    columns = [column[0] for column in rows.description]
    for row in rows:
        plain = dict(zip(columns, row, strict=True))
        for name in table.json:
            plain[name] = None if plain[name] is None else msgspec.json.decode(plain[name])
        yield plain


def _rows(db: sqlite3.Connection, table: Table) -> sqlite3.Cursor:
    return db.execute(f'SELECT * FROM "{table.name}" ORDER BY rowid')


def _write(db: sqlite3.Connection, table: Table, file: TextIO, format: Format) -> int:
    if format == "jsonl":
        return sum(file.write(msgspec.json.encode(row).decode() + "\n") > 0 for row in _objects(db, table))
    rows = _rows(db, table)
    writer = csv.writer(file)
    writer.writerow([column[0] for column in rows.description])
    return sum(writer.writerow(values) > 0 for values in rows)
