"""`tradeterm status`: where the desk stands, live or as the last engine left it."""

import argparse
import time

from tradeterm.cli.commands import Commands
from tradeterm.cli.console import console_of
from tradeterm.cli.output import DONE, say, say_json
from tradeterm.cli.session import profile_of


def add(commands: Commands) -> None:
    commands.add("status", run, "where the desk stands", json=True)


def run(options: argparse.Namespace) -> int:
    """JSON: {"type": "status", "profile", "engine": {"running", "pid", "age_ms"}, "desk", "last_run"}.

    `desk` is the live view (domain/view.py: DeskView; money as exact text, ratios as fractions, times in UTC ms) and
    null until an engine has written one; while no engine runs it is the last one written. `last_run` is the newest
    row of table `runs`. `pid` is null while no engine runs, `age_ms` the time since one last wrote its view.
    """
    from tradeterm.assistant import answers
    from tradeterm.ledger.lock import held_by

    profile = profile_of(options)
    now_ms = time.time_ns() // 1_000_000
    with console_of(profile) as console:
        if not options.json:
            say("\n".join([f"profile {profile.name}", *answers.status(console, now_ms)]))
            return DONE
        view = console.view()
        runs = console.runs(limit=1)
        pid = held_by(profile.lock)
        engine = {
            "running": pid is not None,
            "pid": pid or None,
            "age_ms": now_ms - view.wall_ts if view is not None else None,
        }
        last_run = runs[0] if runs else None
        say_json({"type": "status", "profile": profile.name, "engine": engine, "desk": view, "last_run": last_run})
    return DONE
