"""Copies of the ledger's tables as CSV or JSON lines."""

import csv
import sqlite3
from collections.abc import Iterator, Sequence
from contextlib import closing
from pathlib import Path
from typing import Literal

import msgspec

from tradeterm.domain.errors import LedgerError
from tradeterm.ledger.schema import tables
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
            for name in _names(only):
                target = folder / f"{name}.{format}"
                written.append((target, _write(db, name, target, format)))
        except OSError as error:
            raise LedgerError(f"{error.filename or folder} cannot be written: {error.strerror}") from error
    return written


def export_rows(path: Path, only: Sequence[str] = ()) -> Iterator[tuple[str, dict[str, object]]]:
    """Every row with its table, values as in JSON lines, all of one moment. Raises as `export_ledger` does."""
    with plain_errors(path), closing(open_ledger(path, readonly=True)) as db:
        db.execute("BEGIN")
        for name in _names(only):
            rows = db.execute(f'SELECT * FROM "{name}" ORDER BY rowid')
            columns = [column[0] for column in rows.description]
            for row in rows:
                yield name, dict(zip(columns, map(_plain, row), strict=True))


def _names(only: Sequence[str]) -> Sequence[str]:
    known = [table.name for table in tables()]
    for name in only:
        if name not in known:
            raise LedgerError(f"there is no table {name!r}; there are {', '.join(known)}")
    return only or known


def _write(db: sqlite3.Connection, name: str, target: Path, format: Format) -> int:
    rows = db.execute(f'SELECT * FROM "{name}" ORDER BY rowid')
    columns = [column[0] for column in rows.description]
    count = 0
    with target.open("w", encoding="utf-8", newline="") as file:
        if format == "csv":
            writer = csv.writer(file)
            writer.writerow(columns)
            for row in rows:
                writer.writerow(row)
                count += 1
            return count
        for row in rows:
            plain = dict(zip(columns, map(_plain, row), strict=True))
            file.write(msgspec.json.encode(plain).decode() + "\n")
            count += 1
    return count


def _plain(value: object) -> object:
    if isinstance(value, str) and value[:1] in "[{":
        try:
            return msgspec.json.decode(value)
        except msgspec.DecodeError:  # text that only looks like JSON
            return value
    return value
