"""A backtest in a file: the whole answer, its trades, or a report to read."""

import argparse
import csv
import shlex
import time
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import msgspec
import numpy as np

from tradeterm.cli.named import is_file
from tradeterm.profile import user_path

if TYPE_CHECKING:
    from tradeterm.research.books import DeskResult, FoundDesk
    from tradeterm.research.result import Result
    from tradeterm.research.studies import Found


def write_answer(path: Path, answer: Mapping[str, Any]) -> None:
    """The answer as JSON, or its trades as CSV, by the file's suffix."""
    if path.suffix == ".json":
        path.write_bytes(msgspec.json.encode(answer) + b"\n")
        return
    with path.open("w", newline="", encoding="utf-8") as file:
        rows: Sequence[Mapping[str, Any]] = answer["trades"]
        writer = csv.DictWriter(file, fieldnames=list(rows[0]) if rows else ["instrument"])
        writer.writeheader()
        writer.writerows(rows)


def write_report(
    path: Path, found: "Found", result: "Result", options: argparse.Namespace, *, trials: int | None = None
) -> None:
    """The report as a page or as Markdown, by the file's suffix; `trials` as in `ReportFacts`."""
    from tradeterm.research.outcome import regimes_at_entry
    from tradeterm.research.report import html, markdown
    from tradeterm.research.report.study_facts import facts_of

    facts = facts_of(
        found,
        command=command_line(options),
        created=time.time_ns() // 1_000_000,
        trials=trials,
        regimes=tuple(regimes_at_entry(result)),
    )
    write = html if path.suffix == ".html" else markdown
    path.write_text(write(result, facts), encoding="utf-8")


def write_desk_report(path: Path, found: "FoundDesk", result: "DeskResult", options: argparse.Namespace) -> None:
    """The same of several books: of all of them together, with a section on each."""
    from tradeterm.research.outcome import regimes_at_entry
    from tradeterm.research.report import html, markdown
    from tradeterm.research.report.desk_facts import desk_facts_of, of_each

    facts = desk_facts_of(
        found,
        command=command_line(options),
        created=time.time_ns() // 1_000_000,
        regimes=tuple(regimes_at_entry(result.whole)),
    )
    write = html if path.suffix == ".html" else markdown
    path.write_text(write(result.whole, facts, books=of_each(found, result)), encoding="utf-8")


def command_line(options: argparse.Namespace) -> str:
    """What to type, in whatever folder, to run the same study again."""
    words = ["tradeterm", "backtest", *(_from_anywhere(name) if is_file(name) else name for name in options.names)]
    words += ["--all"] if options.all else []
    for name in ("config", "data"):
        if getattr(options, name):
            words += [f"--{name}", _from_anywhere(getattr(options, name))]
    for name in ("profile", "symbols", "interval"):
        if getattr(options, name):
            words += [f"--{name}", getattr(options, name)]
    for name, ts in (("--from", options.start), ("--to", options.end)):
        if ts is not None:
            words += [name, str(np.datetime64(ts, "ms"))]
    if options.ai != "off":
        words += ["--ai", options.ai if options.ai == "rules" else _from_anywhere(options.ai)]
    for setting in options.settings:
        words += ["--set", setting]
    if options.capital is not None:
        words += ["--capital", f"{options.capital:.0f}" if options.capital.is_integer() else repr(options.capital)]
    if options.seed:
        words += ["--seed", str(options.seed)]
    return shlex.join([*words, *(["--demo"] if options.demo else [])])


def _from_anywhere(path: str) -> str:
    return str(user_path(path).absolute())
