"""`tradeterm` without a command: the full screen, or with --headless the engine in the foreground."""

import argparse
import sys
from typing import TYPE_CHECKING, TextIO

from tradeterm.cli.checks import check_config
from tradeterm.cli.output import REFUSED, WRONG_USE, note, say_error
from tradeterm.cli.session import config_file_of, config_of, profile_of
from tradeterm.domain.states import Mode
from tradeterm.profile import Profile

if TYPE_CHECKING:
    from tradeterm.config import Config
from tradeterm.config_file import DEMO_PROFILE

_HEADLESS_ONLY = {
    "json": "--json",
    "speed": "--speed",
    "duration": "--duration",
    "until_end": "--until-end",
    "parent_fd": "--parent-fd",
    "start_ts": "--start-ts",
}


def run(options: argparse.Namespace) -> int:
    """Open the screen on the profile's engine, starting one first where none runs; or be that engine."""
    if options.live:
        return say_error("live trading is not available yet, so --live is refused; use the demo or paper", REFUSED)
    if options.yes_trade_real_money:
        return say_error("--yes-trade-real-money means nothing without --live", WRONG_USE)
    if not options.headless:
        for name, flag in _HEADLESS_ONLY.items():
            value = getattr(options, name)
            if value is not None and value is not False:  # 0.0 is --speed max
                return say_error(f"{flag} goes with --headless or a command", WRONG_USE)
        if not (_is_terminal(sys.stdin) and _is_terminal(sys.stderr)):
            return say_error(
                "the full screen needs a terminal on stdin and stderr; use `tradeterm --headless` without one",
                WRONG_USE,
            )
    profile = profile_of(options)
    config = config_of(options, profile)
    if config.mode is Mode.LIVE:
        file = config_file_of(options, profile)
        return say_error(f'{file}: mode: found "live", but live trading is not available yet; use "paper"', REFUSED)
    check_config(config, str(config_file_of(options, profile)))
    return _headless(options, profile, config) if options.headless else _screen(options, profile, config)


def _is_terminal(stream: TextIO | None) -> bool:
    return stream is not None and not stream.closed and stream.isatty()


def _headless(options: argparse.Namespace, profile: Profile, config: "Config") -> int:
    from tradeterm.headless import run_headless

    return run_headless(
        profile,
        config,
        json=options.json,
        speed=options.speed,
        until_end=options.until_end,
        duration=options.duration,
        parent_fd=options.parent_fd,
        start_ts=options.start_ts,
    )


def _screen(options: argparse.Namespace, profile: Profile, config: "Config") -> int:
    from tradeterm.console.client import open_console
    from tradeterm.console.launch import DEMO_START_TS, ensure_engine

    note("starting the engine…")
    demo = profile.name == DEMO_PROFILE
    start_ts = DEMO_START_TS if demo else None
    ensure_engine(profile, config_file_of(options, profile), owned=demo, start_ts=start_ts)
    console = open_console(profile)
    try:
        from tradeterm.ui.app import run_ui

        return run_ui(profile, config, console)
    finally:
        console.close()
