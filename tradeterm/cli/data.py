"""`tradeterm data import`, `data check` and `data list`: market data for research."""

import argparse
import sys
import time
from pathlib import Path
from typing import TYPE_CHECKING

from tradeterm.cli.commands import Commands
from tradeterm.cli.output import DONE, FAILED, say, say_error, say_json
from tradeterm.cli.session import config_file_of, config_of, profile_of
from tradeterm.domain.errors import ConfigError, DataError
from tradeterm.profile import user_path

if TYPE_CHECKING:
    from tradeterm.config import BybitConfig
    from tradeterm.research.data.check import Checked
    from tradeterm.research.data.importer import Imported
    from tradeterm.research.data.manifest import Manifest
    from tradeterm.research.data.series import Series
    from tradeterm.research.data.understand import Wishes

FETCHED_INTERVAL = "1m"
BYBIT = "bybit"


def add(commands: Commands) -> None:
    group = Commands(commands.add("data", None, "import, check and list market data for research"), required=True)
    importer = group.add("import", import_, "bring files, or a venue's history, into the data folder", json=True)
    importer.add_argument(
        "sources", nargs="+", metavar="PATH", help="CSV, Parquet, Feather, a folder; or bybit:BTCUSDT"
    )
    _add_reading_options(importer)
    importer.add_argument("--from", dest="first", metavar="TIME", help="history: from when (default: where it ended)")
    importer.add_argument("--to", dest="stop", metavar="TIME", help="history: until when (default: now)")
    importer.add_argument("--replace", action="store_true", help="where rows differ from kept ones, take the new ones")
    importer.add_argument("--dry-run", action="store_true", help="say what would be done, and do nothing")
    checker = group.add("check", check, "say what is wrong with data; nothing is changed", json=True)
    checker.add_argument("names", nargs="*", metavar="PATH|SYMBOL", help="default: everything in the data folder")
    _add_reading_options(checker)
    group.add("list", list_, "what is in the data folder", json=True).add_argument(
        "--data", metavar="FOLDER", help="another folder of data"
    )


def _add_reading_options(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--venue", metavar="NAME", help="where the bars are from (default: guessed)")
    parser.add_argument("--symbol", metavar="NAME", help="whose bars they are (default: guessed)")
    parser.add_argument("--interval", metavar="LENGTH", help="1m to 1d (default: as far as the bars are apart)")
    parser.add_argument("--columns", metavar="FIELD=NAME,…", help="such as ts=Date,open=Open (default: guessed)")
    parser.add_argument("--timezone", metavar="ZONE", help="of times that name none, such as Asia/Kolkata")
    parser.add_argument("--data", metavar="FOLDER", help="another folder of data")


def import_(options: argparse.Namespace) -> int:
    """Exit status 1 when anything was refused; the rest is imported.

    JSON: {"type": "data_import", "folder", "dry_run", "ok", "imported": [{"source", "path", "instrument", "interval",
    "style", "mapping": {field: column}, "times", "zone", "rows", "first", "last", "added", "same", "replaced",
    "repaired": [sentence]}], "instruments": [id], "refused": [sentence]}; times are UTC ms.
    """
    root = _folder(options, may_be_new=True)
    done: list[Imported] = []
    facts: list[str] = []
    refused: list[str] = []
    wishes = _wishes(options)
    for source in options.sources:
        path = user_path(source)
        try:
            if ":" in source and not path.exists():
                done += _fetch(options, root, source)
            elif path.suffix == ".toml":
                facts += _import_facts(root, path, options.dry_run)
            else:
                _import_files(options, root, path, wishes, done, refused)
        except DataError as error:
            refused.append(str(error))
    if options.json:
        say_json(
            {
                "type": "data_import",
                "folder": str(root),
                "dry_run": options.dry_run,
                "ok": not refused,
                "imported": done,
                "instruments": facts,
                "refused": refused,
            }
        )
    else:
        for one in done:
            _say_imported(one, options.dry_run)
        for name in facts:
            say(f"contract facts of {name}")
    return say_error("\n".join(refused), FAILED) if refused else DONE


def check(options: argparse.Namespace) -> int:
    """Exit status 1 when a file is unusable.

    JSON: {"type": "data_check", "folder", "ok", "files": [{"path", "instrument", "interval", "rows", "first", "last",
    "usable", "findings": [{"severity": "NOTE"|"WARNING"|"UNUSABLE", "code", "count", "text", "first"}]}],
    "notes": [sentence]}; times are UTC ms, null where there are none.
    """
    import msgspec

    from tradeterm.research.data.universe import check_all

    root = _folder(options)
    series, paths = _chosen(options, root)
    report = check_all(series, paths, _wishes(options))
    if options.json:
        files = [{**msgspec.structs.asdict(file), "usable": file.usable} for file in report.files]
        say_json(
            {"type": "data_check", "folder": str(root), "ok": report.usable, "files": files, "notes": report.notes}
        )
    else:
        for file in report.files:
            _say_checked(file)
        for note in report.notes:
            say(note)
        if not report.files:
            say(f"there is no data in {root} yet; `tradeterm data import FILE` brings some")
    return DONE if report.usable else FAILED


def list_(options: argparse.Namespace) -> int:
    """JSON: {"type": "data_list", "folder", "series": [{"instrument", "venue", "symbol", "interval", "rows", "first",
    "last", "path", "sha256", "size", "sources": [{"source", "imported", "rows", "repaired": [sentence]}]}],
    "unreadable": [sentence]}; times are UTC ms. Exit status 1 when a file is unreadable."""
    from tradeterm.research.data.manifest import read_manifest
    from tradeterm.research.data.series import all_series

    root = _folder(options)
    known: list[tuple[Series, Manifest]] = []
    unreadable: list[str] = []
    for series in all_series(root):
        try:
            known.append((series, read_manifest(series)))
        except DataError as error:
            unreadable.append(str(error))
    if options.json:
        rows = [
            {
                "instrument": series.instrument,
                "venue": series.venue,
                "symbol": series.symbol,
                "interval": series.kind,
                "rows": manifest.rows,
                "first": manifest.first,
                "last": manifest.last,
                "path": str(series.path),
                "sha256": manifest.sha256,
                "size": manifest.size,
                "sources": manifest.sources,
            }
            for series, manifest in known
        ]
        say_json({"type": "data_list", "folder": str(root), "series": rows, "unreadable": unreadable})
    elif known:
        _say_table(known)
    elif not unreadable:
        say(f"there is no data in {root} yet; `tradeterm data import FILE` brings some")
    return say_error("\n".join(unreadable), FAILED) if unreadable else DONE


def _folder(options: argparse.Namespace, *, may_be_new: bool = False) -> Path:
    if options.data:
        folder = user_path(options.data)
        if not folder.is_dir() and not (may_be_new and not folder.exists()):
            raise ConfigError(f"--data: found {options.data}, which is no folder")
        return folder
    return profile_of(options).root / "data"


def _wishes(options: argparse.Namespace) -> "Wishes":
    from tradeterm.research.data.mapping import parse_columns
    from tradeterm.research.data.understand import Wishes

    return Wishes(
        venue=options.venue or "",
        symbol=options.symbol or "",
        interval=options.interval or "",
        columns=parse_columns(options.columns) if options.columns else {},
        timezone=options.timezone or "",
    )


def _import_files(
    options: argparse.Namespace,
    root: Path,
    path: Path,
    wishes: "Wishes",
    done: list["Imported"],
    refused: list[str],
) -> None:
    from tradeterm.research.data.importer import data_files, import_file

    files = data_files(path) if path.is_dir() else [path]
    if not files:
        refused.append(f"{path}: found no CSV, Parquet or Feather file in it")
    for number, file in enumerate(files, 1):
        try:
            done.append(import_file(root, file, wishes, replace=options.replace, dry_run=options.dry_run))
        except DataError as error:
            refused.append(str(error))
        if len(files) > 1:
            _progress(str(path), number, len(files))


def _import_facts(root: Path, path: Path, dry_run: bool) -> list[str]:
    from tradeterm.research.data.instruments_file import import_instruments, read_instruments

    return read_instruments(path) if dry_run else import_instruments(root, path)


def _fetch(options: argparse.Namespace, root: Path, source: str) -> list["Imported"]:
    from tradeterm.research.data.fetch import Wanted, parse_time

    venue, _, symbol = source.partition(":")
    wanted = Wanted(
        symbol=symbol.upper() if venue.lower() == BYBIT else symbol,
        interval=options.interval or FETCHED_INTERVAL,
        first=parse_time("--from", options.first) if options.first else None,
        stop=parse_time("--to", options.stop) if options.stop else time.time_ns() // 1_000_000,
        replace=options.replace,
        dry_run=options.dry_run,
    )

    def progress(count: int, total: int) -> None:
        _progress(source, count, total)

    if venue.lower() == BYBIT:
        from tradeterm.research.data.bybit_history import import_bybit

        return import_bybit(root, _bybit(options), wanted, progress)
    from tradeterm.research.data.ccxt_history import import_ccxt

    return import_ccxt(root, venue.lower(), wanted, progress)


def _bybit(options: argparse.Namespace) -> "BybitConfig":
    """The venue as configured; its public history needs no configuration."""
    from tradeterm.config import BybitConfig

    profile = profile_of(options)
    configured = options.config is not None or config_file_of(options, profile).exists()
    return config_of(options, profile).venues.bybit if configured else BybitConfig()


def _chosen(options: argparse.Namespace, root: Path) -> tuple[list["Series"], list[Path]]:
    """The kept series and the foreign files that the names mean; all series without a name."""
    from tradeterm.research.data.importer import data_files
    from tradeterm.research.data.series import all_series

    known = all_series(root)
    if not options.names:
        return known, []
    series: list[Series] = []
    paths: list[Path] = []
    for name in options.names:
        match = [one for one in known if name.upper() in (one.symbol.upper(), one.instrument.upper())]
        path = user_path(name)
        if match:
            series += match
        elif path.is_dir():
            paths += data_files(path)
        elif path.exists():
            paths.append(path)
        else:
            raise DataError(f"{name}: is neither a file nor a symbol in {root}")
    return series, paths


def _say_imported(one: "Imported", dry_run: bool) -> None:
    from tradeterm.research.data.moments import utc

    say(f"{one.source}: {one.rows} rows of {one.instrument} {one.interval}, {utc(one.first)} to {utc(one.last)} UTC")
    if one.mapping:
        columns = ", ".join(f"{field}={column}" for field, column in one.mapping.items())
        clocks = f" in {one.zone}" if one.zone != "UTC" or "without" in one.times else ""
        say(f"  read as {one.style}: {columns}; {one.times}{clocks}")
    for line in one.repaired:
        say(f"  {line}")
    counts = f"{one.added} new, {one.same} the same as before, {one.replaced} replaced"
    say(f"  {'would be ' * dry_run}{counts}: {one.path}")


def _say_checked(file: "Checked") -> None:
    from tradeterm.research.data.moments import utc

    span = f", {utc(file.first)} to {utc(file.last)} UTC" if file.first is not None and file.last is not None else ""
    state = "good" if not file.findings else "usable" if file.usable else "UNUSABLE"
    say(f"{file.instrument} {file.interval}: {state}, {file.rows} rows{span} ({file.path})")
    for finding in file.findings:
        say(f"  {finding.severity:<8}  {finding.code:<12}  {finding.text}")


def _say_table(known: "list[tuple[Series, Manifest]]") -> None:
    from tradeterm.research.data.moments import utc

    head = ("instrument", "interval", "rows", "first", "last", "imported")
    rows = [
        (
            series.instrument,
            series.kind,
            str(manifest.rows),
            utc(manifest.first),
            utc(manifest.last),
            manifest.sources[-1].imported[:10] if manifest.sources else "by hand",
        )
        for series, manifest in known
    ]
    widths = [max(len(row[i]) for row in (head, *rows)) for i in range(len(head))]
    for row in (head, *rows):
        cells = [
            cell.rjust(width) if i == 2 else cell.ljust(width)
            for i, (cell, width) in enumerate(zip(row, widths, strict=True))
        ]
        say("  ".join(cells).rstrip())


def _progress(what: str, count: int, total: int) -> None:
    """A bar on stderr, where a person looks at it."""
    if not sys.stderr.isatty() or total <= 0:
        return
    share = min(1.0, count / total)
    end = "\n" if count >= total else ""
    sys.stderr.write(f"\r{what}: {'#' * round(30 * share):<30} {share:4.0%} {count} of {total}{end}")
    sys.stderr.flush()
