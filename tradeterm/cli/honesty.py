"""What the commands that doubt a result have in common: where the study comes from and how a finding is written."""

import argparse
import os
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from functools import partial
from typing import TYPE_CHECKING, Any

from tradeterm.cli.backtest import add_study_options
from tradeterm.cli.figures import aligned
from tradeterm.cli.output import say, say_json
from tradeterm.cli.progress import progress
from tradeterm.cli.tier2 import refuse_option

if TYPE_CHECKING:
    from tradeterm.research.honesty.evidence import Shown
    from tradeterm.research.report.facts import Table
    from tradeterm.research.studies import Found
    from tradeterm.research.workers import MapStudies

_MOST_WORKERS = 64
_MUCH = 1_000_000
"""Bars. With fewer, starting processes takes longer than they save."""


def add_options(parser: argparse.ArgumentParser) -> None:
    """Those of a study, how its signals are sized, and on how many processes it is tested."""
    add_study_options(parser)
    refuse_option(parser)
    parser.add_argument(
        "--out", "--report", type=_no_report, nargs="?", const="", default=argparse.SUPPRESS, help=argparse.SUPPRESS
    )
    parser.add_argument(
        "--book-sizing",
        action="store_true",
        help="size by the book's own rules, by which trades that lost end the next ones (default: all signals alike)",
    )
    parser.add_argument(
        "--workers",
        type=_workers,
        metavar="N",
        help="processes to spread the runs over (default: one a core, if there is much data)",
    )


def sized(found: "Found", options: argparse.Namespace) -> "Found":
    """The study as it is tested: with every signal sized alike unless the book's sizing was asked for, or set."""
    from msgspec.structs import replace

    from tradeterm.research.honesty.alike import sized_alike

    if sizing_of(options) == "book":
        return found
    study = sized_alike(found.study)
    risk = study.book.sizing.risk_fraction
    note = f"every signal is sized alike, {risk:.2%} of equity at risk; --book-sizing takes the book's own sizing"
    return replace(found, study=study, notes=(note, *found.notes))


def sizing_of(options: argparse.Namespace) -> str:
    """ "alike", or "book": asked for, or because something of the sizing was set or is varied."""
    changed = [*options.settings, *getattr(options, "vary", ())]
    return "book" if options.book_sizing or any(text.strip().startswith("sizing.") for text in changed) else "alike"


@contextmanager
def spreading(found: "Found", options: argparse.Namespace, what: str) -> Iterator["MapStudies"]:
    """How runs of the study are spread over processes, with a progress bar. The bundled recording stays in one."""
    from tradeterm.research.workers import PanelSource, map_studies
    from tradeterm.resources import demo_folder

    source = None
    if found.folder != demo_folder():
        opened = found.study.panel.ts_open
        source = PanelSource(found.folder, found.symbols, found.interval, int(opened[0]), int(opened[-1]) + 1)
    panel = found.study.panel
    much = panel.rows * len(panel.instruments) >= _MUCH
    workers = options.workers or (min(os.cpu_count() or 1, _MOST_WORKERS) if much else 1)
    with progress(what) as tell:
        yield partial(map_studies, workers=workers, source=source, progress=tell)


def head_of(found: "Found", options: argparse.Namespace | None = None) -> dict[str, object]:
    """What every answer in JSON begins with; of a test that sizes signals its `options` too."""
    panel = found.study.panel
    return {
        "name": found.name,
        "strategy": found.study.book.strategy,
        "instruments": panel.instruments,
        "interval": found.interval,
        "first": int(panel.ts_open[0]),
        "last": int(panel.ts_open[-1]) + panel.interval_ms,
        "data_hash": found.data_hash,
        "seed": found.study.seed,
        "notes": found.notes,
        **({} if options is None else {"sizing": sizing_of(options)}),
    }


def tell(
    options: argparse.Namespace,
    command: str,
    head: Mapping[str, object],
    answers: Mapping[str, object],
    findings: Sequence["Shown"],
) -> None:
    """Keep the test and say what it found, as JSON or in words."""
    from tradeterm.cli.keep import keep

    number = keep(options, command, {**head, **answers})
    if options.json:
        say_json({"type": command, "run": number, **head, **answers})
    else:
        say_findings(head, findings, number)


def say_findings(head: Mapping[str, Any], findings: Sequence["Shown"], number: int | None) -> None:
    """What was tested, by its `head_of`, then each finding: its sentence first, its tables after it."""
    from tradeterm.research.data.moments import utc

    run = "" if number is None else f"run {number}, "
    say(f"{head['name']}: {', '.join(head['instruments'])}")
    say(
        f"{utc(head['first'])} to {utc(head['last'])} UTC, bars of {head['interval']}, {run}"
        f"data {head['data_hash'][:12]}"
    )
    for note in head["notes"]:
        say(note)
    for each in findings:
        say()
        say(each.title.upper())
        say(each.sentence)
        for table in each.tables:
            say()
            say("\n".join(_lines(table)))


def _lines(table: "Table") -> list[str]:
    from tradeterm.research.report.cells import cell_text

    rows = [(cell_text(row[0]), [cell_text(cell) for cell in row[1:]]) for row in table.rows]
    return [line.rstrip() for line in aligned([(table.columns[0], list(table.columns[1:])), *rows])]


def least_trades(text: str) -> int:
    """What `--least-trades` takes."""
    if not (text.isascii() and text.isdigit() and len(text) < 7):
        raise argparse.ArgumentTypeError(f"found {text!r}, allowed a whole number")
    return int(text)


def _no_report(text: str) -> str:
    raise argparse.ArgumentTypeError(
        "a test writes no report: --json gives all it found, and `tradeterm backtest` of the same, with --report FILE,"
        " a report of the one run"
    )


def _workers(text: str) -> int:
    value = int(text) if text.isascii() and text.isdigit() and len(text) < 4 else 0
    if not 1 <= value <= _MOST_WORKERS:
        raise argparse.ArgumentTypeError(f"found {text!r}, allowed 1 to {_MOST_WORKERS}")
    return value
