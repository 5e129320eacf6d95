"""`tradeterm report parity`: did a run decide as a backtest of its time does? The other reports are of a ledger."""

import argparse
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from tradeterm.cli import report_ledger
from tradeterm.cli.commands import Commands
from tradeterm.cli.figures import moment
from tradeterm.cli.output import DONE, FAILED, note, say, say_json
from tradeterm.cli.session import newest_journal, profile_of
from tradeterm.domain.errors import ConfigError
from tradeterm.profile import Profile, user_path

if TYPE_CHECKING:
    from tradeterm.config import Config
    from tradeterm.domain.instrument import Instrument
    from tradeterm.engine.played import Played
    from tradeterm.research.parity import Live, Parity
    from tradeterm.research.studies import Found
    from tradeterm.research.study import Study

_SHOWN = 50


def add(commands: Commands) -> None:
    group = Commands(
        commands.add("report", None, "what was earned, allowed, decided; and whether rightly"), required=True
    )
    report_ledger.add(group)
    parity = group.add("parity", parity_, "repeat a run as a backtest, and name every decision that differs", json=True)
    parity.add_argument("journal", nargs="?", metavar="JOURNAL", help="a journal file (default: the newest)")
    parity.add_argument("--book", metavar="BOOK", help="of a run of several books")
    parity.add_argument("--data", metavar="FOLDER", help="bars of that time and before (default: where the run's were)")


def parity_(options: argparse.Namespace) -> int:
    """The backtest takes the run's configuration, its tier 2 verdicts, and what the book began with in cash.

    JSON: {"type": "parity", "journal", "book", "complete", "first", "last", "data_hash", "notes", "signals", "trades",
    "same", "differences": [{"ts", "instrument", "what", "live", "simulated", "cause", "detail"}], "sentence"}; times
    are UTC ms. Exit status 1 where a difference is not explained.
    """
    from tradeterm.engine.played import played
    from tradeterm.research.parity import Cause

    profile = profile_of(options)
    path = user_path(options.journal) if options.journal else newest_journal(profile)
    note(f"reading {path}")
    run = played(path)
    book = _book(run.config, options.book)
    found, parity = _compared(profile, run, book, user_path(options.data) if options.data else None)
    if options.json:
        say_json(
            {
                "type": "parity",
                "journal": str(path),
                "book": book,
                "complete": run.complete,
                "first": run.bars[0].ts_event,
                "last": run.bars[-1].ts_event,
                "data_hash": found.data_hash,
                "notes": found.notes,
                "signals": parity.signals,
                "trades": parity.trades,
                "same": parity.same,
                "differences": parity.differences,
                "sentence": parity.sentence,
            }
        )
    else:
        _say(run, book, found, parity)
    unexplained = any(difference.cause is Cause.UNEXPLAINED for difference in parity.differences)
    return FAILED if unexplained else DONE


def _compared(profile: Profile, run: "Played", book: str, data: Path | None) -> tuple["Found", "Parity"]:
    from msgspec.structs import replace

    from tradeterm.assistant.reports.benchmark import bars_folder
    from tradeterm.config import ResearchConfig
    from tradeterm.research.parity import Live, compare, verdicts_of
    from tradeterm.research.studies import Asked, find_study
    from tradeterm.research.study import run as run_study

    config = replace(run.config, research=ResearchConfig())  # no venue that is simulated live charges those costs
    mine = set(config.books[book].instruments)
    bars = [bar for bar in run.bars if bar.instrument in mine]
    signals = [signal for signal in run.signals if signal.book == book]
    began = next((known for known in run.snapshot.books if known.book == book), None)
    held = any(position.book == book and position.quantity for position in run.snapshot.positions)
    contracts = {instrument.id: instrument for instrument in run.instruments}
    live = Live(
        bars=bars,
        signals=signals,
        trades=[trade for trade in run.trades if trade.book == book],
        operator=run.operator,
        began_anew=not (held or run.snapshot.results.get(book)),
        contracts=contracts.keys(),
    )
    capital = None if began is None else float(began.cash)
    first, last = bars[0].ts_event, bars[-1].ts_event
    asked = Asked(start=first, end=last, capital=capital)
    found = find_study(book, config, data or bars_folder(profile, config), asked)
    verdicts = verdicts_of(signals, run.verdicts)
    study = _as_the_run(found.study, config.books[book].instruments, contracts)
    found = replace(found, notes=(*found.notes, _facts(study, live)))
    return found, compare(study, run_study(study, verdicts=verdicts), live)


def _as_the_run(study: "Study", names: Sequence[str], contracts: Mapping[str, "Instrument"]) -> "Study":
    """The study with the run's own names, whatever venue its data is of, and the contract facts the run had."""
    from msgspec.structs import replace

    own = zip(study.instruments, names, strict=True)
    return replace(
        study,
        book=replace(study.book, instruments=tuple(names)),
        panel=replace(study.panel, instruments=tuple(names)),
        instruments=tuple(contracts.get(name) or replace(item, id=name) for item, name in own),
    )


def _facts(study: "Study", live: "Live") -> str:
    """Whose rules for prices and sizes the backtest went by."""
    without = [item.id for item in study.instruments if item.id not in live.contracts]
    if without:
        return f"the run's journal has no contract facts of {', '.join(without)}: sizes may differ for want of them"
    return "contract facts are those the run had"


def _book(config: "Config", wanted: str | None) -> str:
    from tradeterm.decode import one_of, show

    books = [name for name, book in config.books.items() if book.enabled]
    if wanted is None and len(books) == 1:
        return books[0]
    if wanted not in books:
        raise ConfigError(f"--book: found {show(wanted or '')}, allowed {one_of(books)}")
    return wanted


def _say(run: "Played", book: str, found: "Found", parity: "Parity") -> None:
    say(f"{book}: {moment(run.bars[0].ts_event)} to {moment(run.bars[-1].ts_event)}, data {found.data_hash[:12]}")
    if not run.complete:
        say("the run was killed: its journal ends where it did")
    for text in found.notes:
        say(text)
    say(parity.sentence)
    for difference in parity.differences[:_SHOWN]:
        detail = f" ({difference.detail})" if difference.detail else ""
        say(
            f"{moment(difference.ts)}  {difference.instrument}  {difference.what}: {difference.live}, "
            f"simulated {difference.simulated}: {difference.cause.value}{detail}"
        )
    left = len(parity.differences) - _SHOWN
    if left > 0:
        say(f"and {left} more; --json has all")
