"""The commands that control a running engine: each sends one row of the commands table and waits for its answer."""

import argparse
import sys
import time
from typing import TYPE_CHECKING

from tradeterm.cli.commands import Commands
from tradeterm.cli.console import console_of
from tradeterm.cli.output import DONE, FAILED, REFUSED, WRONG_USE, note, say, say_error, say_json
from tradeterm.cli.session import profile_of
from tradeterm.domain.states import CommandStatus, CommandVerb

if TYPE_CHECKING:
    from tradeterm.console.protocol import Console
    from tradeterm.domain.facts import CommandRow

PATIENCE_S = 5.0
_LOOK_EVERY_S = 0.02
_OBEYED_LATER = (CommandVerb.HALT, CommandVerb.KILL)
_CONFIRMED = (CommandVerb.FLATTEN, CommandVerb.KILL)
_REASONED = (CommandVerb.RECOVER, CommandVerb.OVERRIDE)


def add(commands: Commands) -> None:
    for verb, text in (
        (CommandVerb.START, "let new entries through again after stop"),
        (CommandVerb.STOP, "no new entries; exits go on"),
        (CommandVerb.PAUSE, "no new entries for one book"),
        (CommandVerb.RESUME, "end the pause of a book, or without BOOK a halt or kill"),
        (CommandVerb.HALT, "stop all trading now: cancel entries, keep protective stops"),
        (CommandVerb.KILL, "cancel all orders, close all positions, stay halted across restarts"),
        (CommandVerb.FLATTEN, "close one position, those of a book, or all, at market"),
        (CommandVerb.RECOVER, "lead out of HALT or SHUTDOWN, or with BOOK accept its drawdown; needs a reason"),
        (CommandVerb.RETRY, "let tier 2 ask its model again after it gave up"),
        (CommandVerb.OVERRIDE, "close the breaker for a while although its cause lasts; needs a reason"),
    ):
        parser = commands.add(verb.lower(), _kill if verb is CommandVerb.KILL else run, text, json=True)
        parser.set_defaults(verb=verb, book="", symbol="", engine=False, yes=False)
        needed = verb in _REASONED
        parser.add_argument("--reason", default="", required=needed, metavar="TEXT", help="kept with the command")
        if verb is CommandVerb.STOP:
            parser.add_argument("--engine", action="store_true", help="end the engine itself, cleanly")
        if verb is CommandVerb.PAUSE:
            parser.add_argument("book", metavar="BOOK")
        if verb in (CommandVerb.RESUME, CommandVerb.RECOVER):
            parser.add_argument("book", metavar="BOOK", nargs="?", default="")
        if verb is CommandVerb.FLATTEN:
            parser.add_argument("symbol", metavar="SYMBOL", nargs="?", default="")
            parser.add_argument("--book", metavar="BOOK", default="", help="only this book's positions")
        if verb in _CONFIRMED:
            parser.add_argument("--yes", action="store_true", help="do not ask")


def _kill(options: argparse.Namespace) -> int:
    from tradeterm.cli import kill

    return kill.run(options)


def run(options: argparse.Namespace) -> int:
    """Send the command and wait for the engine's answer.

    JSON: {"type": "command", "id", "verb", "book", "instrument", "status", "detail"}; status is QUEUED (nobody has
    answered), ACCEPTED (under way), DONE or REFUSED. Exit status 0 for DONE (or, without an engine, a queued halt or
    kill), 3 for REFUSED, else 1.
    """
    from tradeterm.assistant.answers import book_names, find_instrument
    from tradeterm.assistant.ask import ask
    from tradeterm.assistant.text import clean

    verb = CommandVerb.SHUTDOWN if options.engine else options.verb
    profile = profile_of(options)
    with console_of(profile) as console:
        alive = console.engine_alive()
        if not alive and verb not in _OBEYED_LATER:
            return say_error(
                f"no engine is running in profile {profile.name}; `tradeterm` or `tradeterm --headless` starts one",
                FAILED,
            )
        instrument = ""
        if options.symbol:
            found, candidates = find_instrument(console, options.symbol)
            if found is None:
                return say_error(_unclear(options.symbol, list(candidates)), WRONG_USE)
            instrument = found
        books = book_names(console)
        if options.book and books and options.book not in books:
            return say_error(f"there is no book {options.book!r}; books: {', '.join(books)}", WRONG_USE)
        if verb in _CONFIRMED and not options.yes:
            consequence = "" if options.book else ask(console, f"{options.verb} {instrument}").text
            if not typed(verb, consequence):
                return REFUSED
        command = console.send(verb, book=options.book, instrument=instrument, reason=clean(options.reason))
        row = answer(console, command, PATIENCE_S if alive else 0.0)
    return report(row, verb, alive=alive, as_json=options.json)


def _unclear(symbol: str, candidates: list[str]) -> str:
    if candidates:
        return f"{symbol!r} may be {', '.join(candidates)}; write one of them"
    return f"{symbol!r} is not watched here; `tradeterm status` shows the positions"


def typed(verb: CommandVerb, consequence: str) -> bool:
    """Ask on the terminal for the verb itself, typed; without a terminal say what is needed instead."""
    word = verb.lower()
    if sys.stdin is None or not sys.stdin.isatty() or not sys.stderr.isatty():
        note(f"tradeterm: {word} asks for confirmation and there is no terminal; add --yes")
        return False
    if consequence:
        note(consequence)
    sys.stderr.write(f"Type {word} to go on: ")
    sys.stderr.flush()
    if sys.stdin.readline().strip().lower() == word:
        return True
    note("tradeterm: not confirmed, nothing was sent")
    return False


def answer(console: "Console", command: int, patience_s: float) -> "CommandRow | None":
    """The command's row once it is done or refused, or as it stands when patience ends."""
    deadline = time.monotonic() + patience_s
    while True:
        row = console.command(command)
        settled = row is not None and row.status in (CommandStatus.DONE, CommandStatus.REFUSED)
        if settled or time.monotonic() >= deadline:
            return row
        time.sleep(_LOOK_EVERY_S)


def as_object(row: "CommandRow | None", verb: CommandVerb) -> dict[str, object]:
    """A command as JSON; id and status are null where it could not be queued."""
    from tradeterm.assistant.text import clean

    return {
        "type": "command",
        "id": row.id if row is not None else None,
        "verb": verb,
        "book": row.book if row is not None else "",
        "instrument": row.instrument if row is not None else "",
        "status": row.status if row is not None else None,
        "detail": clean(row.detail) if row is not None else "",
    }


def report(row: "CommandRow | None", verb: CommandVerb, *, alive: bool, as_json: bool) -> int:
    """Say how a command stands; returns the exit status."""
    from tradeterm.assistant.text import clean

    status = row.status if row is not None else CommandStatus.QUEUED
    detail = clean(row.detail) if row is not None else ""
    if as_json and row is not None:
        say_json(as_object(row, verb))
    word = verb.lower()
    match status:
        case CommandStatus.DONE:
            if not as_json:
                say(f"{word}: done{f' ({detail})' if detail else ''}")
            return DONE
        case CommandStatus.REFUSED:
            return say_error(f"{word} was refused: {detail or 'the engine gave no reason'}", REFUSED)
        case CommandStatus.ACCEPTED:
            how = f" ({detail})" if detail else ""
            return say_error(
                f"{word} was accepted and is under way, but not finished after {PATIENCE_S:g} s{how}; "
                "`tradeterm status` says what is open and how the venue is",
                FAILED,
            )
    if not alive:
        note(f"tradeterm: no engine is running; {word} is queued and obeyed first at the next start")
        return DONE
    return say_error(f"the engine has not answered for {PATIENCE_S:g} s; {word} stays queued", FAILED)
