"""`tradeterm kill`: through the engine; and where none answers, straight at the venue, saying what was done there."""

import argparse
import asyncio
import time
from collections.abc import Iterator
from contextlib import closing, contextmanager
from typing import TYPE_CHECKING

from tradeterm.cli import control
from tradeterm.cli.output import DONE, FAILED, REFUSED, note, say, say_error, say_json
from tradeterm.cli.session import config_of, profile_of
from tradeterm.domain.errors import ConfigError, LedgerError
from tradeterm.domain.states import CommandStatus, CommandVerb
from tradeterm.profile import Profile

if TYPE_CHECKING:
    from tradeterm.config import Config
    from tradeterm.domain.facts import CommandRow
    from tradeterm.engine.emergency import VenueKill


def run(options: argparse.Namespace) -> int:
    """Kill through the engine. Where it is silent or none runs, queue the kill for the next start and, if a book trades
    at a real venue, cancel and close everything there from here.

    JSON: that of a command, and where a venue was gone to also "venues": [{"venue", "done": [sentence], "left":
    [sentence], "failure", "flat"}]. Exit status 0 only if the engine has done it, or if every venue was seen flat.
    """
    profile = profile_of(options)
    config, trouble = _config(options, profile)
    engine = _engine(profile)
    if config is not None:
        return _through(options, profile, config, engine) if engine is not None else _without(options, profile, config)
    status = control.run(options)
    traded = ", ".join(_last_real_venues(profile)) if engine is None and status == DONE else ""
    if not traded:
        return status
    why = trouble or "this configuration has no book there"
    return say_error(
        f"the last engine traded at {traded}, and nothing was closed there: {why}; name its file with --config", FAILED
    )


def _config(options: argparse.Namespace, profile: Profile) -> "tuple[Config | None, str]":
    """The configuration if a book of it trades at a real venue; or what is wrong with the file."""
    try:
        config = config_of(options, profile)
    except ConfigError as error:
        return None, str(error).splitlines()[0]
    if all(book.venue == "paper" for book in config.books.values() if book.enabled):
        return None, ""
    return config, ""


def _engine(profile: Profile) -> int | None:
    from tradeterm.ledger.lock import held_by

    return held_by(profile.lock)


def _last_real_venues(profile: Profile) -> list[str]:
    """Where the profile's last engine held positions that are not simulated."""
    from tradeterm.ledger.live import LiveReader

    with closing(LiveReader(profile.live)) as live:
        view = live.view()
    return sorted({venue.venue for venue in view.venues if not venue.simulated}) if view is not None else []


def _without(options: argparse.Namespace, profile: Profile, config: "Config") -> int:
    if not options.yes and not control.typed(
        CommandVerb.KILL, f"No engine is running. {_consequence(config, profile)}"
    ):
        return REFUSED
    with _no_engine_may_start(profile):
        row = _send(options, profile, 0.0)
        return _at_venues(options, profile, config, row)


def _through(options: argparse.Namespace, profile: Profile, config: "Config", engine: int) -> int:
    if not options.yes and not control.typed(CommandVerb.KILL, _by_the_engine(profile)):
        return REFUSED
    row = _send(options, profile, control.PATIENCE_S)
    if _answered(row):
        return control.report(row, CommandVerb.KILL, alive=True, as_json=options.json)
    silent = f"runs but has not answered for {control.PATIENCE_S:g} s; the kill stays queued"
    note(
        f"tradeterm: the engine (process {engine}) {silent if row is not None else 'runs and cannot be told'}. "
        "Going to the venue now puts a second hand on the account: it only cancels, and closes with "
        "orders that cannot turn a position around, but an engine that wakes up may still send what it had decided. "
        f"`kill -9 {engine}` ends it first; protective stops stay at the venue."
    )
    if not options.yes and not control.typed(CommandVerb.KILL, _consequence(config, profile)):
        return FAILED
    row = _look(profile, row)
    if _answered(row):
        note("tradeterm: the engine has answered meanwhile, so nothing was done beside it")
        return control.report(row, CommandVerb.KILL, alive=True, as_json=options.json)
    status = _at_venues(options, profile, config, row)
    if row is None and (running := _engine(profile)) is not None:  # flat for a moment only: it does not know
        return say_error(
            f"the engine (process {running}) was not told and goes on trading: end it with `kill -9 {running}`, see to "
            "the ledger, then run `tradeterm kill` again",
            FAILED,
        )
    return status


def _by_the_engine(profile: Profile) -> str:
    from tradeterm.assistant.ask import ask
    from tradeterm.console.client import open_console

    try:
        with closing(open_console(profile)) as console:
            return ask(console, "kill").text
    except LedgerError as error:
        return f"Cancel all orders, close all positions at market. ({error})"


def _consequence(config: "Config", profile: Profile) -> str:
    from tradeterm.engine.emergency import traded_there

    what = "; ".join(
        f"at {_place(config, venue)}: cancel all orders and close all positions of {', '.join(instruments)} at market"
        for venue, instruments in traded_there(config, profile).items()
    )
    return f"Straight {what}; and stay HALTED at the next start."


def _place(config: "Config", venue: str) -> str:
    from tradeterm.config import Environment

    environment = config.venues.bybit.environment
    return f"{venue} {environment}{' (REAL MONEY)' if environment is Environment.MAINNET else ''}"


def _at_venues(options: argparse.Namespace, profile: Profile, config: "Config", row: "CommandRow | None") -> int:
    from tradeterm.engine.emergency import LONGEST_S, kill_at_venue

    note(f"tradeterm: going to the venue, for at most {LONGEST_S:g} s…")
    began = time.monotonic()
    try:
        found = asyncio.run(kill_at_venue(config, profile))
    except KeyboardInterrupt:
        note("tradeterm: interrupted; what was sent stays sent, so look at the venue and run `tradeterm kill` again")
        raise
    if options.json:
        say_json({**control.as_object(row, CommandVerb.KILL), "venues": found})
    else:
        for venue in found:
            for sentence in venue.done:
                say(f"{venue.venue}: {sentence}")
    for venue in found:
        _say_end(venue, time.monotonic() - began, as_json=options.json)
    if row is not None:
        note("tradeterm: kill is queued besides and obeyed first at the next start")
    return DONE if found and all(venue.flat for venue in found) else FAILED


def _say_end(venue: "VenueKill", seconds: float, *, as_json: bool) -> None:
    if venue.flat and not as_json:
        say(f"{venue.venue}: flat, as the venue itself says ({seconds:.1f} s)")
    if venue.flat:
        return
    left = f"; open still: {', '.join(venue.left)}" if venue.left else ""
    why = f": {venue.failure}" if venue.failure else ""
    say_error(
        f"{venue.venue}: NOT seen flat{why}{left}; run `tradeterm kill` again, or close it on the venue's own site",
        FAILED,
    )


def _answered(row: "CommandRow | None") -> bool:
    return row is not None and row.status is not CommandStatus.QUEUED


def _send(options: argparse.Namespace, profile: Profile, patience_s: float) -> "CommandRow | None":
    """Queue the kill and wait for an answer. A ledger that cannot be used never stands in the way of a kill."""
    from tradeterm.assistant.text import clean
    from tradeterm.console.client import open_console

    try:
        with closing(open_console(profile)) as console:
            command = console.send(CommandVerb.KILL, reason=clean(options.reason))
            return control.answer(console, command, patience_s)
    except LedgerError as error:
        note(f"tradeterm: the kill cannot be queued for the next start: {error}")
        return None


def _look(profile: Profile, row: "CommandRow | None") -> "CommandRow | None":
    from tradeterm.console.client import open_console

    if row is None:
        return None
    try:
        with closing(open_console(profile)) as console:
            return console.command(row.id)
    except LedgerError as error:
        note(f"tradeterm: whether the engine has answered meanwhile cannot be read: {error}")
        return row


@contextmanager
def _no_engine_may_start(profile: Profile) -> Iterator[None]:
    """Hold the engine's lock, so that none starts (a service may) while its positions are closed here."""
    from tradeterm.ledger.lock import EngineLock, held_by

    lock = EngineLock(profile.lock)
    try:
        profile.create()
        lock.acquire()
    except (OSError, LedgerError) as error:
        if held_by(profile.lock) is not None:
            raise LedgerError("an engine has just started; run `tradeterm kill` again, it goes to that one") from None
        note(f"tradeterm: {error}; start no engine until this has ended")
    try:
        yield
    finally:
        lock.release()
