"""`tradeterm ledger check` and `tradeterm ledger export`."""

import argparse
import csv
import json
import sqlite3
import sys
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path
from typing import Any

from tradeterm.cli.commands import Commands
from tradeterm.cli.output import DONE, FAILED, WRONG_USE, say, say_error, say_json
from tradeterm.cli.session import config_of, profile_of


def add(commands: Commands) -> None:
    group = Commands(commands.add("ledger", None, "check or export the ledger"), required=True)
    checker = group.add("check", check, "rebuild positions, trades and money from the fills and compare", json=True)
    checker.add_argument("--file", metavar="LEDGER", help="another ledger file, such as that of an older run")
    exporter = group.add("export", export, "write tables as JSON lines or CSV")
    exporter.add_argument("tables", nargs="*", metavar="TABLE", help="tables or views (default: all tables)")
    exporter.add_argument("--format", choices=("jsonl", "csv"), default="jsonl", help="default: jsonl")
    exporter.add_argument("--file", metavar="LEDGER", help="another ledger file, such as that of an older run")


def check(options: argparse.Namespace) -> int:
    """Exit status 1 when anything disagrees.

    JSON: {"type": "ledger_check", "path", "ok", "findings": [sentence], "counts": {table: rows}}.
    """
    import msgspec

    from tradeterm.engine.check import check as check_ledger

    profile = profile_of(options)
    path = _file(options)
    audit = profile.audit if path == profile.ledger else None
    report = check_ledger(path, config_of(options, profile), audit=audit)
    if options.json:
        say_json({"type": "ledger_check", **msgspec.structs.asdict(report)})
    elif report.ok:
        looked = ", ".join(f"{rows} {table}" for table, rows in report.counts.items() if rows)
        say(f"{report.path}: in order ({looked or 'empty'})")
    else:
        say_error("\n".join(f"{report.path}: {finding}" for finding in report.findings), FAILED)
    return DONE if report.ok else FAILED


def export(options: argparse.Namespace) -> int:
    """One JSON object a row, {"table", column: value}, decimals as exact text; or CSV of one table with its header."""
    from tradeterm.ledger.store import open_ledger, plain_errors

    path = _file(options)
    with plain_errors(path), closing(open_ledger(path, readonly=True)) as db:
        known = _tables(db)
        wanted = options.tables or [name for name, kind in known.items() if kind == "table"]
        unknown = [name for name in wanted if name not in known]
        if unknown:
            return say_error(f"the ledger has no table {unknown[0]!r}; it has {', '.join(known)}", WRONG_USE)
        if options.format == "csv":
            if len(wanted) != 1:
                return say_error("CSV holds one table; name one", WRONG_USE)
            _write_csv(db, wanted[0])
        else:
            for name in wanted:
                for row in _rows(db, name):
                    say(json.dumps({"table": name, **row}, ensure_ascii=False, separators=(",", ":")))
    return DONE


def _file(options: argparse.Namespace) -> Path:
    return Path(options.file).expanduser() if options.file else profile_of(options).ledger


def _tables(db: sqlite3.Connection) -> dict[str, str]:
    """Tables and views by name, with which of the two they are."""
    rows = db.execute("SELECT name, type FROM sqlite_master WHERE type IN ('table', 'view') ORDER BY type, name")
    return {name: kind for name, kind in rows if not name.startswith("sqlite_")}


def _rows(db: sqlite3.Connection, table: str) -> Iterator[dict[str, Any]]:
    cursor = db.execute(f'SELECT * FROM "{table}"')
    names = [column[0] for column in cursor.description]
    for row in cursor:
        yield dict(zip(names, row, strict=True))


def _write_csv(db: sqlite3.Connection, table: str) -> None:
    cursor = db.execute(f'SELECT * FROM "{table}"')
    writer = csv.writer(sys.stdout, lineterminator="\n")
    writer.writerow([column[0] for column in cursor.description])
    writer.writerows(cursor)
