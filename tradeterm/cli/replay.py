"""`tradeterm replay`: feed a journal to a fresh desk and compare its commands byte for byte."""

import argparse

from tradeterm.cli.commands import Commands
from tradeterm.cli.output import DONE, FAILED, note, say, say_json
from tradeterm.cli.session import newest_journal, profile_of
from tradeterm.profile import user_path


def add(commands: Commands) -> None:
    parser = commands.add("replay", run, "replay a journal and check that the desk decides the same", json=True)
    parser.add_argument("journal", nargs="?", metavar="JOURNAL", help="a journal file (default: the newest)")


def run(options: argparse.Namespace) -> int:
    """JSON: {"type": "replay", "journal", "version", "config_hash", "events", "commands", "identical",
    "first_difference": null | {"event", "kind", "ts", "recorded", "replayed"}, "digest", "complete"}."""
    import msgspec

    from tradeterm.engine.replay import replay_journal

    profile = profile_of(options)
    path = user_path(options.journal) if options.journal else newest_journal(profile)
    note(f"replaying {path}")
    report = replay_journal(path)
    if options.json:
        say_json({"type": "replay", **msgspec.structs.asdict(report)})
    else:
        say(f"{report.events} events, {report.commands} commands")
        if report.first_difference is None:
            end = "identical, byte for byte" if report.complete else "identical as far as it goes: the run was killed"
            say(end)
        else:
            found = report.first_difference
            say(f"DIFFERENT at event {found.event} ({found.kind}, {found.ts})")
            say(f"recorded: {found.recorded}")
            say(f"replayed: {found.replayed}")
    return DONE if report.identical else FAILED
