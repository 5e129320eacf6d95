"""`tradeterm` without a command: the full screen, or with --headless the engine in the foreground."""

import argparse
import importlib
import sys
import threading
from contextlib import ExitStack, closing
from typing import TYPE_CHECKING, TextIO

from tradeterm.cli.checks import check_config, live_refused
from tradeterm.cli.output import REFUSED, WRONG_USE, note, say_error
from tradeterm.cli.session import config_file_of, config_of, profile_of
from tradeterm.domain.errors import ConfigError
from tradeterm.domain.states import Mode
from tradeterm.profile import Profile

if TYPE_CHECKING:
    from tradeterm.config import Config

_HEADLESS_ONLY = {
    "json": "--json",
    "speed": "--speed",
    "duration": "--duration",
    "until_end": "--until-end",
    "start_ts": "--start-ts",
    "parent_fd": "--parent-fd",
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
        return say_error(live_refused(config_file_of(options, profile)), REFUSED)
    check_config(config, profile, config_file_of(options, profile))
    return _headless(options, profile, config) if options.headless else _screen(options, profile, config)


def _is_terminal(stream: TextIO | None) -> bool:
    return stream is not None and not stream.closed and stream.isatty()


def _headless(options: argparse.Namespace, profile: Profile, config: "Config") -> int:
    from tradeterm.headless import run_headless

    try:
        return run_headless(
            profile,
            config,
            json=options.json,
            speed=options.speed,
            until_end=options.until_end,
            duration=options.duration,
            start_ts=options.start_ts,
            parent_fd=options.parent_fd,
        )
    except ConfigError as error:  # from the trading rooms, which do not know the file
        raise ConfigError(f"{config_file_of(options, profile)}: {error}") from None


def _screen(options: argparse.Namespace, profile: Profile, config: "Config") -> int:
    """Load the screen while the engine starts: both take a while, and neither needs the other."""
    from tradeterm.console.client import open_console
    from tradeterm.console.launch import DEMO_START_TS, ensure_engine
    from tradeterm.ledger.lock import held_by
    from tradeterm.ui.env import prepare

    file = config_file_of(options, profile).absolute()
    demo = config.mode is Mode.DEMO
    start_ts = DEMO_START_TS if demo and not config.feed.path and config.feed.start is None else None

    with ExitStack() as at_exit:

        def start_engine() -> None:
            engine = ensure_engine(profile, file, owned=demo, start_ts=start_ts)
            at_exit.callback(engine.let_go)

        prepare(config.ui)
        loading = threading.Thread(target=importlib.import_module, args=("tradeterm.ui.app",))
        loading.start()
        if held_by(profile.lock) is None:
            note("starting the engine…")
        start_engine()
        console = at_exit.enter_context(closing(open_console(profile)))
        loading.join()
        from tradeterm.config import enabled_books
        from tradeterm.ui.app import run_ui

        return run_ui(profile, enabled_books(config), console, start_engine=start_engine)
