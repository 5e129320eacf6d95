"""`tradeterm ledger check` and `tradeterm ledger export`."""

import argparse
from pathlib import Path

from tradeterm.cli.commands import Commands
from tradeterm.cli.output import DONE, FAILED, WRONG_USE, say, say_error, say_json
from tradeterm.cli.session import config_of, profile_of
from tradeterm.profile import user_path


def add(commands: Commands) -> None:
    group = Commands(commands.add("ledger", None, "check or export the ledger"), required=True)
    checker = group.add("check", check, "rebuild positions, trades and money from the fills and compare", json=True)
    checker.add_argument("--file", metavar="LEDGER", help="another ledger file, such as that of an older run")
    exporter = group.add("export", export, "write tables as JSON lines, or as files", json=True)
    exporter.add_argument("tables", nargs="*", metavar="TABLE", help="default: all tables")
    exporter.add_argument("--to", metavar="FOLDER", help="one file a table into this folder")
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
    """One JSON object a row on stdout, {"table", column: value}, decimals as exact text; or with --to files.

    JSON of --to: {"type": "ledger_export", "files": [{"file", "rows"}]}.
    """
    from tradeterm.ledger.export import export_ledger, export_rows

    path = _file(options)
    if options.to is None:
        if options.format == "csv":
            return say_error("CSV is one file a table; name a folder with --to", WRONG_USE)
        for table, row in export_rows(path, options.tables):
            say_json({"table": table, **row})
        return DONE
    written = export_ledger(path, user_path(options.to), format=options.format, only=options.tables)
    if options.json:
        files = [{"file": str(file), "rows": rows} for file, rows in written]
        say_json({"type": "ledger_export", "files": files})
    else:
        for file, rows in written:
            say(f"{file}: {rows} rows")
    return DONE


def _file(options: argparse.Namespace) -> Path:
    return user_path(options.file) if options.file else profile_of(options).ledger
