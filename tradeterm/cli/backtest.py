"""`tradeterm backtest`: a book or a strategy in simulated time, by the live desk's rules."""

import argparse
import math
import time
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING

from tradeterm.cli.commands import Commands
from tradeterm.cli.keep import keep
from tradeterm.cli.named import named
from tradeterm.cli.output import DONE, say_json
from tradeterm.cli.session import config_of, profile_of
from tradeterm.cli.tier2 import add_options, check_options, judging
from tradeterm.domain.errors import ConfigError, LedgerError
from tradeterm.profile import user_path

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from tradeterm.config import Config
    from tradeterm.research.studies import Asked, Found
    from tradeterm.research.study import Study

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


def add(commands: Commands) -> None:
    parser = commands.add("backtest", run, "trade a book or a strategy on recorded bars, in simulated time", json=True)
    add_study_options(parser, several=True)
    parser.add_argument("--all", action="store_true", help="every enabled book of the configuration, as one desk")
    add_options(parser)
    parser.add_argument("--tables", action="store_true", help="also by symbol, side, exit, hour, month, regime")
    parser.add_argument(
        "--out",
        "--report",
        metavar="FILE",
        help="also write a file: a report as .html or .md, all as .json, trades as .csv",
    )


def add_study_options(parser: argparse.ArgumentParser, *, several: bool = False) -> None:
    """The options `study_of` reads; with `several` it takes `names` in place of the one name."""
    what = "a book of the configuration, a strategy such as eos (or strategy:eos), or one declared in a file"
    if several:
        help = f"{what}; several are traded together, as one desk"
        parser.add_argument("names", nargs="*", metavar="BOOK|STRATEGY|FILE", help=help)
    else:
        parser.add_argument("name", metavar="BOOK|STRATEGY|FILE", help=what)
        parser.set_defaults(takes_one=parser.prog)
    parser.add_argument("--data", metavar="FOLDER", help="another folder of data")
    parser.add_argument("--symbols", metavar="NAME,…", default="", help="what to trade (default: the book's, or all)")
    parser.add_argument("--interval", metavar="LENGTH", help="1m to 1d (default: the book's, or 5m)")
    parser.add_argument("--from", dest="start", type=_time, metavar="TIME", help="first moment of entries, UTC")
    parser.add_argument("--to", dest="end", type=_time, metavar="TIME", help="end of the data, UTC")
    parser.add_argument(
        "--set",
        dest="settings",
        action="append",
        default=[],
        metavar="KEY=VALUE",
        help="a number of the strategy, or exits.…, sizing.…, limits.…, costs.… (may be repeated)",
    )
    parser.add_argument("--capital", type=_money, metavar="MONEY", help="what the book starts with")
    parser.add_argument("--seed", type=_seed, default=0, metavar="N", help="of whatever is random")


def study_of(options: argparse.Namespace) -> "Study":
    """The study that the options of `add_study_options` describe. Raises ConfigError and DataError."""
    return found_of(options).study


def found_of(options: argparse.Namespace) -> "Found":
    """The same with where it comes from."""
    meant = named(options)

    from msgspec.structs import replace

    from tradeterm.research.studies import find_study

    found = find_study(meant.name, meant.config, folder_of(options), asked_of(options))
    check_impacts([found.study], meant.config)
    return replace(found, notes=(*meant.notes, *found.notes))


def check_impacts(studies: "Sequence[Study]", config: "Config") -> None:
    """Raises ConfigError for a coefficient of a symbol that none of them trades; those of [research] are for all."""
    traded = [name for study in studies for name in study.panel.instruments]
    try:
        studies[0].costs.check_symbols([*traded, *config.research.impacts])
    except ValueError as error:
        raise ConfigError(str(error)) from None


def asked_of(options: argparse.Namespace) -> "Asked":
    from tradeterm.research.studies import Asked

    return Asked(
        symbols=tuple(filter(None, (name.strip() for name in options.symbols.split(",")))),
        interval=options.interval,
        start=options.start,
        end=options.end,
        settings=tuple(options.settings),
        capital=options.capital,
        seed=options.seed,
        profile=profile_of(options).name,
    )


def run(options: argparse.Namespace) -> int:
    """Every run is kept: `tradeterm runs` lists them. Where that fails a sentence says so, and "run" is null.
    Variants of the strategy that were run or swept on the same data before it count in its deflated Sharpe ratio.

    JSON: {"type": "backtest", "run", "name", "version", "seed", "seconds", "book": the book as configured, "costs",
    "funding_hours", "data": {"folder", "symbols", "interval", "hash", "first", "last"}, "since", "delay",
    "instruments": [id], "ai": who judged, "insufficient", "cautions": [sentence], "notes": [sentence], "figures":
    [{"name", "value", "unit", "buy_and_hold", "equal_weight"}], "ignored": {why: signals}, "partly_filled": entries,
    "tables": {"symbol"|"side"|"reason"|"hour"|"month", with --tables also "regime": [{"key", "trades", "win_rate",
    "profit_factor", "expectancy", "expectancy_r", "average_duration", "costs", "net"}]}, "equity": [[ts, value]],
    "benchmark": [[ts, value]] of buying and holding, "fan": null or {"ts": [ts], "quantiles": {"0.05": [value]},
    "paths", "block", "seed"}, "trades": [{"instrument", "side", "quantity", "entry_ts", "entry_price", "exit_ts",
    "exit_price", "reason", "gross", "fees", "slippage", "funding", "pnl", "r"}]}. Times are UTC ms, fractions are not
    percents, null is no value; the definitions of the figures are in `tradeterm.research.metrics`.

    Of several books, which are traded together under the limits of [risk], all that is of the desk, its capital being
    theirs; "book" is {"strategy", "capital", "currency", "risk"}, "tables" and "trades" have "book" too, and "books"
    is [{"name", "book", "data", and from "insufficient" on all of the above}].
    """
    check_options(options)
    names = _names(options)
    if len(names) > 1:
        from tradeterm.cli.backtest_desk import run_books

        return run_books(options, names)
    (options.name,) = names

    from msgspec.structs import replace

    out = out_of(options)
    started = time.perf_counter()
    found = found_of(options)

    from tradeterm.research.outcome import outcome_of  # heavy: a mistake in the name is said at once
    from tradeterm.research.study import run as run_study

    tried, notes = _tried(options, found), found.notes
    if tried is not None:
        strategy = found.study.book.strategy
        whose = found.name if strategy == "declared" else strategy
        notes = (f"{tried} variants of {whose} were tried on this data, this one included", *notes)
    with judging(options, [found.name], [found.study], found.data_hash) as judged:
        result = run_study(found.study, verdicts=judged.verdicts[0])
        ai, said = judged.said()
    found = replace(found, notes=(*said, *notes))
    seconds = time.perf_counter() - started
    outcome = outcome_of(found, result, seconds=seconds, ai=ai, tables=options.tables, trials=tried)
    number = keep(options, "backtest", outcome)
    if options.json:
        say_json({"type": "backtest", "run": number, **outcome})
    else:
        from tradeterm.cli.backtest_text import say_outcome

        say_outcome(outcome, number, tables=options.tables)
    if out is not None:
        from tradeterm.cli.backtest_files import write_answer, write_report

        if out.suffix in (".html", ".md"):
            write_report(out, found, result, options, trials=tried)
        else:
            write_answer(out, {"type": "backtest", "run": number, **outcome})
    return DONE


def _names(options: argparse.Namespace) -> list[str]:
    """What is to be traded. Raises ConfigError where that is nothing, or said twice over."""
    if options.all is bool(options.names):
        raise ConfigError("name what to backtest, or give --all" if not options.all else "give names or --all")
    if not options.all:
        return list(options.names)
    from tradeterm.config import enabled_books

    books = list(enabled_books(config_of(options, profile_of(options))).books)
    if not books:
        raise ConfigError("--all: the configuration has no enabled book")
    return books


def _tried(options: argparse.Namespace, found: "Found") -> int | None:
    """How many variants the ledger knows of, from two on; None too where it cannot be read, which `keep` tells."""
    from tradeterm.research.tried import variants_tried

    try:
        count = variants_tried(profile_of(options).root, found.study, found.data_hash, found.name)
    except (LedgerError, OSError):
        return None
    return count if count > 1 else None


def folder_of(options: argparse.Namespace) -> "Path | None":
    """The folder of data; None where none is named and nothing was imported."""
    from tradeterm.research.data.series import all_series

    if options.data:
        folder = user_path(options.data)
        if not folder.is_dir():
            raise ConfigError(f"--data: found {options.data}, which is no folder")
        return folder
    folder = profile_of(options).root / "data"
    return folder if all_series(folder) else None


def out_of(options: argparse.Namespace) -> "Path | None":
    if options.out is None:
        return None
    path = user_path(options.out)
    if path.suffix not in (".html", ".md", ".json", ".csv"):
        raise ConfigError(f"--out: found {options.out}, allowed a file that ends in .html, .md, .json or .csv")
    if not path.parent.is_dir():
        raise ConfigError(f"--out: found {options.out}, but there is no folder {path.parent}")
    return path


def _time(text: str) -> int:
    try:
        moment = datetime.fromisoformat(text)
    except ValueError:
        raise argparse.ArgumentTypeError(f"found {text!r}, allowed a time such as 2025-04-06T12:00") from None
    return ((moment if moment.tzinfo else moment.replace(tzinfo=UTC)) - _EPOCH) // timedelta(milliseconds=1)


def _seed(text: str) -> int:
    value = int(text) if text.isascii() and text.isdigit() and len(text) < 19 else -1
    if value < 0:
        raise argparse.ArgumentTypeError(f"found {text!r}, allowed a whole number of 0 or more")
    return value


def _money(text: str) -> float:
    try:
        value = float(text)
    except ValueError:
        value = math.nan
    if not 1 <= value <= 1e12:
        raise argparse.ArgumentTypeError(f"found {text!r}, allowed 1 to 1e12")
    return value
