"""`--ai` of a backtest: who judges as tier 2, what that may cost, and what must be said of it."""

import argparse
import time
from bisect import bisect_right
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from datetime import UTC, date, datetime
from decimal import Decimal, InvalidOperation
from typing import TYPE_CHECKING, NamedTuple

from tradeterm.cli.output import note
from tradeterm.cli.progress import progress
from tradeterm.cli.session import config_of, profile_of
from tradeterm.domain.errors import ConfigError
from tradeterm.profile import user_path

if TYPE_CHECKING:
    from pathlib import Path

    from tradeterm.config import GateConfig
    from tradeterm.research.study import Study
    from tradeterm.research.tier1 import Verdicts
    from tradeterm.research.tier2 import Replayed
    from tradeterm.research.tier2_live import LiveGate
    from tradeterm.research.together import Together

_MOST_USD = Decimal(10_000)
_MOST_CALLS = 10_000_000
_NO_LIMIT = 10**15


class Judging(NamedTuple):
    """The `verdicts` of each book, None where tier 2 is off; `said`, once the run is over, is who judged, in a word or
    two, and the sentences a person must read."""

    verdicts: "Sequence[Verdicts | None]"
    said: Callable[[], tuple[str, tuple[str, ...]]]


def add_options(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "--ai",
        default="off",
        metavar="off|rules|live|FILE",
        help="tier 2: the offline rules, the model of [gate.ai], or verdicts of a record",
    )
    parser.add_argument("--ai-budget", type=_usd, metavar="USD", help="the most that --ai live may spend in this run")
    parser.add_argument("--ai-calls", type=_calls, metavar="N", help="the most requests of --ai live in this run")


def refuse_option(parser: argparse.ArgumentParser) -> None:
    """For a test that trades many times over."""
    parser.add_argument("--ai", type=_refused, help=argparse.SUPPRESS)


def check_options(options: argparse.Namespace) -> None:
    """Raises ConfigError for a budget that nothing spends, and where one is missing."""
    if options.ai == "live" and options.ai_budget is None:
        raise ConfigError("--ai live asks a model, which costs money: say how much, for instance --ai-budget 2.50")
    if options.ai != "live" and (options.ai_budget is not None or options.ai_calls is not None):
        raise ConfigError("--ai-budget and --ai-calls: only --ai live spends anything; leave them out")


@contextmanager
def judging(
    options: argparse.Namespace,
    names: Sequence[str],
    studies: "Sequence[Study]",
    data_hash: str,
    together: "Together | None" = None,
) -> Iterator[Judging]:
    """Who judges the signals of the books while they are traded. Raises ConfigError where nobody can.

    After a live run `options.ai` is its record, which repeats it.
    """
    match options.ai:
        case "off":
            yield Judging([None] * len(studies), lambda: ("OFF", ()))
        case "rules":
            from tradeterm.research.tier2 import by_rules

            said = "RULES (no AI)", ("tier 2: RULES (no AI), the offline rules",)
            yield Judging([by_rules(study) for study in studies], lambda: said)
        case "live":
            with _live(options, names, studies, data_hash, together) as found:
                yield found
        case _:
            yield _recorded(user_path(options.ai), names)


def _recorded(path: "Path", names: Sequence[str]) -> Judging:
    """A single book takes the record's verdicts whatever it is called there; of several each takes its own."""
    from tradeterm.research.tier2 import from_record, from_record_of_each

    found = from_record_of_each(path, names) if len(names) > 1 else (from_record(path, names[0]),)

    def said() -> tuple[str, tuple[str, ...]]:
        asked = sum(one.applied + one.unjudged + one.missed for one in found)
        if asked and asked == sum(one.missed for one in found):
            raise ConfigError(f"{path}: holds no verdict on any of the {asked:,} signals: it is of another run or data")
        notes = (text for name, one in zip(names, found, strict=True) for text in _of_record(name, one, len(found)))
        return "CONTAMINATED RECORD" if any(one.contaminated for one in found) else "RECORD", tuple(notes)

    return Judging([one.verdicts for one in found], said)


def _of_record(name: str, record: "Replayed", books: int) -> Iterator[str]:
    whose = f" of {name}" if books > 1 else ""
    yield f"tier 2: {record.applied:,} recorded verdicts{whose} applied"
    if record.missed:
        of = record.applied + record.unjudged + record.missed
        yield f"{record.missed:,} of {of:,} signals{whose} had no verdict and were let through"
    if record.contaminated:
        yield f"CONTAMINATED: {record.contaminated} of them are of a model that may have known what came after"
    if record.simulated:
        yield f"{record.simulated} of them are of a simulated AI"
    if record.unjudged:
        yield f"{record.unjudged} signals{whose} were blocked without a verdict, and are blocked again"


@contextmanager
def _live(
    options: argparse.Namespace,
    names: Sequence[str],
    studies: "Sequence[Study]",
    data_hash: str,
    together: "Together | None",
) -> Iterator[Judging]:
    from tradeterm.research.books import NAMES_JOINED
    from tradeterm.research.tier2_live import LiveGate, folder_of, signal_times
    from tradeterm.research.tier2_packet import Packets
    from tradeterm.validators.budget import Limits

    profile = profile_of(options)
    config = config_of(options, profile)
    _check_price(config.gate, options)
    limits = Limits(options.ai_budget, options.ai_calls or _NO_LIMIT, _NO_LIMIT)
    name = NAMES_JOINED.join(names)
    with LiveGate(config.gate, folder_of(profile.root, name, data_hash, config.gate), limits) as gate:
        times = sorted(ts for study in studies for ts in signal_times(study).tolist())
        _say_beforehand(gate, config.gate, options, name, len(times))
        packets = [Packets(study, book, together, config.risk) for book, study in zip(names, studies, strict=True)]
        try:
            with progress("tier 2") as tell:

                def told(ts: int) -> None:
                    tell(bisect_right(times, ts), len(times))

                def said() -> tuple[str, tuple[str, ...]]:
                    record = gate.write_run()
                    options.ai = "off" if record is None else str(record)  # nothing was judged: it is the same without
                    return gate.label, gate.notes(record)

                yield Judging([gate.of(each, told) for each in packets], said)
        except KeyboardInterrupt:
            note(f"tradeterm: stopped; {gate.kept} answers are kept in {gate.path}, the same command goes on there")
            raise


def _check_price(gate: "GateConfig", options: argparse.Namespace) -> None:
    from tradeterm.research.tier2_live import typical_cost

    if typical_cost(gate, _today()) is None and options.ai_calls is None:
        what = f"the price of {gate.ai.model} at {gate.ai.provider} is not known"
        raise ConfigError(
            f"--ai-budget: {what}, so an amount cannot bound it: say how many requests, with --ai-calls N"
        )


def _say_beforehand(
    gate: "LiveGate", config: "GateConfig", options: argparse.Namespace, name: str, signals: int
) -> None:
    """How much it may come to."""
    from tradeterm.research.tier2_live import typical_cost
    from tradeterm.validators.budget import dollars

    each = typical_cost(config, _today())
    cost = "at a price that is not known"
    if each is not None:
        cost = f"about ${each:.4f} each, at most about ${each * signals:.2f}"
    most = dollars(options.ai_budget)
    if options.ai_calls is not None:
        most += f" and {options.ai_calls:,} requests"
    note(
        f"tradeterm: {name} raises {signals:,} entry signals; those that tier 1 lets through go to {gate.asks}, "
        f"{cost}; this run may take at most {most}"
    )
    if gate.kept:
        note(f"tradeterm: {gate.kept:,} answers are kept in {gate.path}; what they answer is not asked again")


def _today() -> date:
    return datetime.fromtimestamp(time.time(), UTC).date()


def _usd(text: str) -> Decimal:
    try:
        value = Decimal(text)
    except InvalidOperation:
        value = Decimal(0)
    if not (value.is_finite() and 0 < value <= _MOST_USD):
        raise argparse.ArgumentTypeError(f"found {text!r}, allowed an amount in USD, above 0 and up to {_MOST_USD:,}")
    return value


def _calls(text: str) -> int:
    value = int(text) if text.isascii() and text.isdigit() and len(text) < 10 else 0
    if not 0 < value <= _MOST_CALLS:
        raise argparse.ArgumentTypeError(f"found {text!r}, allowed a whole number from 1 to {_MOST_CALLS:,}")
    return value


def _refused(text: str) -> str:
    raise argparse.ArgumentTypeError(
        "tier 2 judges in `tradeterm backtest` alone: this test runs many backtests, and would ask about each of them"
    )
