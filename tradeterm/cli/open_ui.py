"""`tradeterm` without a command: the full screen, or with --headless the engine in the foreground."""

import argparse
import importlib
import sys
import threading
from contextlib import ExitStack, closing
from pathlib import Path
from typing import TYPE_CHECKING, TextIO

from tradeterm.cli import real_money
from tradeterm.cli.checks import check_config
from tradeterm.cli.output import REFUSED, WRONG_USE, note, say_error
from tradeterm.cli.session import config_file_of, config_of, profile_of
from tradeterm.domain.errors import ConfigError, EngineError
from tradeterm.domain.states import Mode
from tradeterm.profile import Profile

if TYPE_CHECKING:
    from tradeterm.config import Config

_VENUE_PATIENCE_S = 60.0  # instruments and history come over the network before an engine shows itself
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
    if options.yes_trade_real_money and not (options.live and options.headless):
        return say_error("--yes-trade-real-money goes with --headless --live; the screen asks for it", WRONG_USE)
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
    config, file = config_of(options, profile), config_file_of(options, profile)
    if why := real_money.refusal(options, config, file, _mode_of_engine(profile, config)):
        return say_error(why, REFUSED)
    check_config(config, profile, file)
    return _headless(options, profile, config) if options.headless else _screen(options, profile, config)


def _is_terminal(stream: TextIO | None) -> bool:
    return stream is not None and not stream.closed and stream.isatty()


def _mode_of_engine(profile: Profile, config: "Config") -> Mode | None:
    """The mode of the engine that runs, None where none does. One that is only starting has that of its file."""
    from tradeterm.ledger.live import LiveReader
    from tradeterm.ledger.lock import held_by

    pid = held_by(profile.lock)
    if pid is None:
        return None
    with closing(LiveReader(profile.live)) as live:
        view = live.view()
    return view.mode if view is not None and view.pid == pid else config.mode


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
            real_money=options.live,
        )
    except ConfigError as error:  # from the trading rooms, which do not know the file
        raise ConfigError(f"{config_file_of(options, profile)}: {error}") from None


def _screen(options: argparse.Namespace, profile: Profile, config: "Config") -> int:
    """Load the screen while the engine starts: both take a while, and neither needs the other."""
    from tradeterm.console.client import open_console
    from tradeterm.console.launch import DEMO_START_TS, PATIENCE_S, ensure_engine
    from tradeterm.ledger.lock import held_by
    from tradeterm.ui.env import prepare

    file = config_file_of(options, profile).absolute()
    demo, live = config.mode is Mode.DEMO, config.mode is Mode.LIVE
    start_ts = DEMO_START_TS if demo and not config.feed.path and config.feed.start is None else None

    runs = held_by(profile.lock) is not None
    if live and not runs:
        _check_money(config, file)
        if not real_money.confirm(config):
            return REFUSED
    confirmed = live and not runs
    patience_s = PATIENCE_S if config.feed.kind == "replay" else _VENUE_PATIENCE_S

    with ExitStack() as at_exit:

        def start_engine() -> None:
            if live and held_by(profile.lock) is None:
                _check_confirmed(options, profile, config if confirmed else None)
            engine = ensure_engine(
                profile, file, owned=demo, start_ts=start_ts, real_money=confirmed, patience_s=patience_s
            )
            at_exit.callback(engine.let_go)

        prepare(config.ui)
        loading = threading.Thread(target=importlib.import_module, args=("tradeterm.ui.app",))
        loading.start()
        if not runs:
            note("starting the engine…")
        start_engine()
        console = at_exit.enter_context(closing(open_console(profile)))
        loading.join()
        from tradeterm.config import enabled_books
        from tradeterm.ui.app import run_ui

        return run_ui(profile, enabled_books(config), console, start_engine=start_engine)


def _check_confirmed(options: argparse.Namespace, profile: Profile, confirmed: "Config | None") -> None:
    """Raise EngineError unless what an engine would read from the file now is what a person has confirmed."""
    if confirmed is None:
        raise EngineError("the engine has ended; `tradeterm --live` asks first and starts it again")
    if config_of(options, profile) != confirmed:
        raise EngineError("the configuration has changed since it was confirmed; run `tradeterm --live` again")


def _check_money(config: "Config", file: Path) -> None:
    """Raise ConfigError for what the engine would refuse, before a person is asked for a confirmation."""
    from tradeterm.engine.check_config import trading_mistakes

    mistakes = trading_mistakes(config)
    if mistakes:
        raise ConfigError("\n".join(f"{file}: {mistake}" for mistake in mistakes))
