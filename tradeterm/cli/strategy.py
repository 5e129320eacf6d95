"""`tradeterm strategy`: strategies declared in files, checked, told in words, listed, compared and made books."""

import argparse
import math
from pathlib import Path
from typing import TYPE_CHECKING, Any

from tradeterm.cli import strategy_new
from tradeterm.cli.commands import Commands
from tradeterm.cli.named import strategies_folder
from tradeterm.cli.output import DONE, FAILED, WRONG_USE, note, say, say_error, say_json
from tradeterm.cli.session import config_file_of, config_of, profile_of
from tradeterm.domain.errors import ConfigError
from tradeterm.profile import user_path

if TYPE_CHECKING:
    from tradeterm.strategies.declared.spec import Spec

BYBIT = "bybit"
VENUES = ("paper", BYBIT)


def add(commands: Commands) -> None:
    group = Commands(commands.add("strategy", None, "strategies declared in files, without code"), required=True)
    checker = group.add("check", check, "say what is wrong with a specification", json=True)
    checker.add_argument("files", nargs="+", metavar="FILE|NAME", help=".json or .toml, or a name `list` shows")
    teller = group.add("explain", explain, "say in plain words what a specification does", json=True)
    teller.add_argument("file", metavar="FILE|NAME", help=".json or .toml, or a name `list` shows")
    group.add("list", list_, "the specifications in your folder, and the examples", json=True)
    group.add("indicators", indicators, "what a condition may look at, and the operators", json=True)
    maker = group.add("book", book, "print the book to put into the configuration", json=True)
    maker.add_argument("file", metavar="FILE|NAME", help=".json or .toml, or a name `list` shows")
    maker.add_argument("--venue", choices=VENUES, default="paper", help="where it trades (default: paper)")
    maker.add_argument("--capital", type=_money, default=100_000.0, metavar="MONEY", help="(default: 100000)")
    strategy_new.add(group)
    differ = group.add("diff", diff, "say what differs between two specifications", json=True)
    differ.add_argument("old", metavar="FILE|NAME")
    differ.add_argument("new", metavar="FILE|NAME")


def check(options: argparse.Namespace) -> int:
    """Exit status 2 when a specification has mistakes, 1 when one is right but cannot be applied.

    JSON: {"type": "strategy_check", "ok", "files": [{"file", "name", "ok", "applicable", "mistakes": [sentence],
    "notes": [sentence]}]}; `name` is null where the file has mistakes, `notes` are of its book at venue paper.
    """
    from tradeterm.strategies.declared.book import book_of, why_not
    from tradeterm.strategies.declared.read import read_file

    files: list[dict[str, Any]] = []
    for name in options.files:
        path, spec = Path(name), None
        mistakes: list[str] = []
        notes: tuple[str, ...] = ()
        try:
            path = _path(options, name)
            spec = read_file(path)
            notes = book_of(spec, capital=1.0, venue="paper").notes if spec.applicable else ()
        except ConfigError as error:
            mistakes = str(error).splitlines()
        applicable = spec is not None and spec.applicable
        if spec is not None and not applicable:
            notes = tuple(f"cannot be applied: {line}" for line in why_not(spec).splitlines())
        files.append(
            {
                "file": str(path),
                "name": None if spec is None else spec.name,
                "ok": not mistakes,
                "applicable": applicable and not mistakes,
                "mistakes": mistakes,
                "notes": notes,
            }
        )
    ok = all(file["ok"] for file in files)
    if options.json:
        say_json({"type": "strategy_check", "ok": ok, "files": files})
    else:
        for file in files:
            if file["ok"]:
                say(f"{file['file']}: good. {file['name']}")
                for line in file["notes"]:
                    say(f"  {line}")
            else:
                say_error("\n".join(file["mistakes"]), WRONG_USE)
    return WRONG_USE if not ok else DONE if all(file["applicable"] for file in files) else FAILED


def explain(options: argparse.Namespace) -> int:
    """JSON: {"type": "strategy", "file", "name", "applicable", "text", "spec": the specification}."""
    from tradeterm.strategies.declared.read import plain_spec
    from tradeterm.strategies.declared.words import explain as in_words

    path, spec = _read(options, options.file)
    if options.json:
        answer = {"file": str(path), "name": spec.name, "applicable": spec.applicable, "text": in_words(spec)}
        say_json({"type": "strategy", **answer, "spec": plain_spec(spec)})
    else:
        say(in_words(spec))
    return DONE


def list_(options: argparse.Namespace) -> int:
    """JSON: {"type": "strategies", "folder", "strategies": [{"name", "from": "own"|"example", "file", "ok",
    "applicable", "text": what it does when, or its first mistake}]}; `name` is what the other commands take."""
    from tradeterm.strategies.declared.files import example_files, specification_files

    folder = strategies_folder(options)
    rows = [_row("own", path) for path in specification_files(folder)]
    own = {row["name"] for row in rows}
    rows += [_row("example", path) for path in example_files() if path.stem not in own]
    if options.json:
        say_json({"type": "strategies", "folder": str(folder), "strategies": rows})
        return DONE
    for row in rows:
        state = "" if row["applicable"] else " (cannot be applied)" if row["ok"] else " (has mistakes)"
        say(f"{row['name']}  {row['from']}{state}")
        say(f"  {row['text']}")
    if not own:
        say(f"your own go into {folder}")
    return DONE


def indicators(options: argparse.Namespace) -> int:
    """JSON: {"type": "strategy_indicators", "indicators": [{"name", "arguments": ["n=14 (2 to 100)"], "unit", "least",
    "most"}], "operators": [{"op", "keys"}]}; `least` and `most` bound the numbers it may be compared with."""
    from tradeterm.strategies.declared.reference import indicators as all_indicators
    from tradeterm.strategies.declared.reference import operators

    rows = all_indicators()
    if options.json:
        told = [{"op": op, "keys": keys} for op, keys in operators()]
        say_json({"type": "strategy_indicators", "indicators": [row._asdict() for row in rows], "operators": told})
        return DONE
    width, unit = max(len(row.name) for row in rows), max(len(row.unit) for row in rows)
    for row in rows:
        say(f"{row.name:<{width}}  {row.unit:<{unit}}  {' '.join(row.arguments)}".rstrip())
    say("every indicator also takes ago=0 (0 to 500): as it stood so many bars before")
    say()
    for op, keys in operators():
        say(f"{op:<{width}}  {keys}")
    return DONE


def book(options: argparse.Namespace) -> int:
    """TOML on stdout, what differs from the specification on stderr. Exit status 2 where it cannot be applied.

    JSON: {"type": "strategy_book", "file", "name": the book's, "toml", "notes": [sentence]}.
    """
    from tradeterm.strategies.declared.book import book_name, book_of, book_toml

    path, spec = _read(options, options.file)
    try:
        made = book_of(spec, capital=options.capital, venue=options.venue, **_leverage_cap(options))
    except ConfigError as error:
        raise ConfigError("\n".join(f"{path}: {line}" for line in str(error).splitlines())) from None
    name = book_name(spec)
    text = book_toml(name, made.book)
    if options.json:
        say_json({"type": "strategy_book", "file": str(path), "name": name, "toml": text, "notes": made.notes})
    else:
        say(text.rstrip("\n"))
        for line in made.notes:
            note(f"note: {line}")
    return DONE


def diff(options: argparse.Namespace) -> int:
    """JSON: {"type": "strategy_diff", "old", "new", "differences": [sentence]}."""
    from tradeterm.strategies.declared.diff import differences

    (old, before), (new, after) = _read(options, options.old), _read(options, options.new)
    lines = differences(before, after)
    if options.json:
        say_json({"type": "strategy_diff", "old": str(old), "new": str(new), "differences": lines})
    else:
        say("\n".join(lines) or "no difference")
    return DONE


def _row(origin: str, path: Path) -> dict[str, Any]:
    from tradeterm.strategies.declared.read import read_file
    from tradeterm.strategies.declared.words import explain as in_words

    try:
        spec = read_file(path)
    except ConfigError as error:
        ok, applicable, text = False, False, str(error).splitlines()[0]
    else:
        ok, applicable, text = True, spec.applicable, in_words(spec).splitlines()[0]
    return {
        "name": path.stem,
        "from": origin,
        "file": str(path),
        "ok": ok,
        "applicable": applicable,
        "text": text,
    }


def _read(options: argparse.Namespace, name: str) -> "tuple[Path, Spec]":
    from tradeterm.strategies.declared.read import read_file

    path = _path(options, name)
    return path, read_file(path)


def _path(options: argparse.Namespace, name: str) -> Path:
    from tradeterm.strategies.declared.files import SUFFIXES, find_file

    path = user_path(name)
    return path if path.suffix in SUFFIXES or path.exists() else find_file(name, strategies_folder(options))


def _leverage_cap(options: argparse.Namespace) -> dict[str, float]:
    """The account's, where it is of a venue and configured."""
    profile = profile_of(options)
    if options.venue != BYBIT or not (options.config is not None or config_file_of(options, profile).exists()):
        return {}
    return {"leverage_cap": config_of(options, profile).venues.bybit.leverage}


def _money(text: str) -> float:
    try:
        value = float(text)
    except ValueError:
        value = math.nan
    if not 1 <= value <= 1e12:
        raise argparse.ArgumentTypeError(f"found {text!r}, allowed 1 to 1e12")
    return value
