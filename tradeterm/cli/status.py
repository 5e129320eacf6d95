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
    """JSON: {"type": "status", "profile", "engine": {"running", "pid", "age_ms"}, "streams", "desk", "last_run"}.

    `desk` is the live view (domain/view.py: DeskView; money as exact text, ratios as fractions, times in UTC ms) and
    null until an engine has written one; while no engine runs it is the last one written. `desk.venues` has each
    venue's state, detail, latency_ms and skew_ms; `streams` is [{"name", "age_ms", "detail"}], the streams of market
    data (age_ms null: nothing received yet; without an engine the ages it had at its end). `last_run` is the newest row
    of table `runs`. `pid` is null while no engine runs, `engine.age_ms` the time since one last wrote its view.
    """
    from tradeterm.assistant import answers
    from tradeterm.cli.venue_lines import age_ms, venue_lines
    from tradeterm.ledger.lock import held_by

    profile = profile_of(options)
    now_ms = time.time_ns() // 1_000_000
    with console_of(profile) as console:
        view = console.view()
        pid = held_by(profile.lock)
        seen_ms = now_ms if pid is not None or view is None else view.wall_ts
        if not options.json:
            lines = [f"profile {profile.name}", *answers.status(console, now_ms)]
            say("\n".join([*lines, *(venue_lines(view, seen_ms) if view is not None else [])]))
            return DONE
        runs = console.runs(limit=1)
        engine = {
            "running": pid is not None,
            "pid": pid or None,
            "age_ms": now_ms - view.wall_ts if view is not None else None,
        }
        say_json(
            {
                "type": "status",
                "profile": profile.name,
                "engine": engine,
                "streams": [
                    {"name": stream.name, "age_ms": age_ms(stream, seen_ms), "detail": stream.detail}
                    for stream in (view.streams if view is not None else ())
                ],
                "desk": view,
                "last_run": runs[0] if runs else None,
            }
        )
    return DONE
