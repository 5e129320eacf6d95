"""`tradeterm report performance`, `compliance` and `gate`: what a ledger holds, as a report."""

import argparse
import time
from pathlib import Path
from typing import TYPE_CHECKING

from tradeterm.assistant.reports.kinds import ABOUT
from tradeterm.cli.commands import Commands
from tradeterm.cli.output import DONE, FAILED, note, say, say_json
from tradeterm.cli.session import config_of, profile_of
from tradeterm.domain.errors import ConfigError, DataError
from tradeterm.profile import Profile, user_path

if TYPE_CHECKING:
    from tradeterm.assistant.reports.make import Made
    from tradeterm.assistant.reports.narrative import Narrative
    from tradeterm.assistant.reports.record import Span
    from tradeterm.config import Config
    from tradeterm.research.report.blocks import Section

_SUFFIXES = (".html", ".md", ".json")


def add(group: Commands) -> None:
    for kind, text in ABOUT.items():
        parser = group.add(kind.value, run, text, json=True)
        parser.add_argument("--from", dest="start", metavar="TIME", help="first moment, UTC (default: all)")
        parser.add_argument("--to", dest="end", metavar="TIME", help="moment before which it ends, UTC")
        parser.add_argument("--book", default="", metavar="BOOK", help="one book (default: all)")
        parser.add_argument("--file", metavar="LEDGER", help="another ledger file, such as that of an older run")
        parser.add_argument("--out", metavar="FILE", help="write it whole, as .html with charts, .md or .json")
        parser.add_argument(
            "--narrative", action="store_true", help="let the model of [gate.ai] write the marked paragraphs"
        )
        parser.set_defaults(kind=kind)


def run(options: argparse.Namespace) -> int:
    """Markdown on stdout, its long tables cut; --out writes it whole.

    JSON: {"type": "report", "kind", "sound", "sentences", "findings", "narrative", "facts"}: `facts` are the struct of
    that kind in assistant/reports (money as exact text, ratios as fractions, times in UTC ms); `findings` are what a
    reviewer of compliance has to look at; `narrative` is null unless asked for, else {"by", "paragraphs", "unverified",
    "why"}. Exit status 1 where an audit chain or the ledger is found broken, or a
    decision of tier 2 in the ledger stands otherwise or not at all in the audit file.
    """
    from tradeterm.assistant.reports.make import Wanted, make

    profile = profile_of(options)
    out = _out(options)
    wanted = Wanted(
        kind=options.kind,
        span=_span(options),
        book=options.book,
        ledger=_ledger(options.file) if options.file else None,
    )
    config = _config(options, profile)
    made = make(profile, wanted, config)
    told = _narrative(made, profile, config) if options.narrative else None
    if out is not None:
        _write(out, made, told)
        note(f"written: {out}")
    elif not options.json:
        _say(made, told)
    if options.json:
        say_json(_answer(made, told))
    return DONE if made.sound else FAILED


def _narrative(made: "Made", profile: Profile, config: "Config | None") -> "Narrative":
    from tradeterm.assistant.reports.narrative import narrative
    from tradeterm.cli.console import console_of

    with console_of(profile) as console:
        return narrative(made, config, console, lambda: time.time_ns() // 1_000_000)


def _say(made: "Made", told: "Narrative | None") -> None:
    from tradeterm.assistant.reports.write import SHOWN, as_text

    say(as_text(made.head, _chapters(made, told), most=SHOWN).rstrip("\n"))


def _write(out: Path, made: "Made", told: "Narrative | None") -> None:
    import msgspec

    from tradeterm.assistant.reports.write import as_page, as_text

    if out.suffix == ".json":
        text = msgspec.json.encode(_answer(made, told)).decode() + "\n"
    elif out.suffix == ".html":
        text = as_page(made.head, _chapters(made, told))
    else:
        text = as_text(made.head, _chapters(made, told))
    out.write_text(text, encoding="utf-8")


def _chapters(made: "Made", told: "Narrative | None") -> "tuple[Section, ...]":
    from tradeterm.assistant.reports.narrative import section

    first, *rest = made.sections
    return (first, *((section(told),) if told is not None else ()), *rest)


def _answer(made: "Made", told: "Narrative | None") -> dict[str, object]:
    return {
        "type": "report",
        "kind": made.head.kind,
        "sound": made.sound,
        "sentences": made.facts.sentences,
        "findings": getattr(made.facts, "findings", ()),
        "narrative": told,
        "facts": made.facts,
    }


def _config(options: argparse.Namespace, profile: Profile) -> "Config | None":
    """The configuration today; a report of the past does not need it."""
    try:
        return config_of(options, profile)
    except ConfigError as error:
        note(f"tradeterm: the configuration is left out: {error}")
        return None


def _out(options: argparse.Namespace) -> Path | None:
    if options.out is None:
        return None
    path = user_path(options.out)
    if path.suffix not in _SUFFIXES:
        raise ConfigError(f"--out: found {options.out}, allowed a file that ends in .html, .md or .json")
    if not path.parent.is_dir():
        raise ConfigError(f"--out: found {options.out}, but there is no folder {path.parent}")
    return path


def _ledger(given: str) -> Path:
    path = user_path(given)
    if path.is_dir():
        raise ConfigError(f"--file: found {given}, a folder, allowed a ledger file")
    if path.is_file() and not path.stat().st_size:
        raise ConfigError(f"--file: found {given}, an empty file, allowed a ledger file")
    return path


def _span(options: argparse.Namespace) -> "Span":
    from tradeterm.assistant.reports.record import Span

    found = Span(_time("--from", options.start), _time("--to", options.end))
    if found.start is not None and found.end is not None and found.start >= found.end:
        raise ConfigError(f"--from: found {options.start}, allowed a time before --to {options.end}")
    return found


def _time(option: str, text: str | None) -> int | None:
    from tradeterm.research.data.fetch import parse_time

    try:
        return None if text is None else parse_time(option, text)
    except DataError as error:
        raise ConfigError(str(error)) from None
