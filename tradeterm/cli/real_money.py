"""Real money is traded after three things: mode = "live" in the configuration, --live, and a phrase typed on the
terminal (or, where no screen is opened, a flag that says the same)."""

import argparse
import os
import shutil
import sys
import textwrap
from pathlib import Path
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

from tradeterm.cli.output import note
from tradeterm.domain.states import Mode

if TYPE_CHECKING:
    from tradeterm.config import BookConfig, Config

PHRASE = "trade real money"
_WIDEST = 100


def refusal(options: argparse.Namespace, config: "Config", file: Path, running: Mode | None) -> str:
    """Why a safety rule forbids to go on, in one sentence; "" if none does. Looking at an engine that runs is free.

    `running` is the mode of the profile's engine, None where none runs.
    """
    if config.mode is not Mode.LIVE:
        return f'--live needs mode = "live", and {file} has mode = "{config.mode}"' if options.live else ""
    if options.headless:
        if options.live and options.yes_trade_real_money:
            return ""
        return f'{file} has mode = "live": real money needs `tradeterm --headless --live --yes-trade-real-money`'
    if options.live and running not in (None, Mode.LIVE):
        return f"the engine that runs trades {running}, not live; end it first with `tradeterm stop --engine`"
    if options.live or running is not None:
        return ""
    return f'{file} has mode = "live": real money needs `tradeterm --live`, which asks first'


def confirm(config: "Config") -> bool:
    """Say on the terminal what would be traded and ask for the phrase. Needs a terminal on stdin and stderr."""
    note("\n".join(_what(config)))
    sys.stderr.write(f"Type {PHRASE} to go on: ")
    sys.stderr.flush()
    if sys.stdin.readline().strip().lower() == PHRASE:
        return True
    note("tradeterm: not confirmed, nothing was started")
    return False


def _what(config: "Config") -> list[str]:
    from tradeterm.config import enabled_books
    from tradeterm.venues.bybit.endpoints import endpoints

    settings = config.venues.bybit
    host = urlsplit(endpoints(settings).rest).netloc
    by_environment = any(os.environ.get(name) for name in ("BYBIT_API_KEY", "BYBIT_API_SECRET"))
    key = "BYBIT_API_KEY and BYBIT_API_SECRET" if by_environment or not settings.key_file else settings.key_file
    account = f"Bybit {settings.environment} ({host}), {settings.margin_mode} margin, leverage {settings.leverage:g}"
    lines = ["This trades REAL MONEY.", *_told("account", account), *_told("key from", key)]
    for name, book in enabled_books(config).books.items():
        lines += _told("book", f"{name}: {_book(book)}")
    after = "The engine trades by itself, also after you leave the screen. `tradeterm kill` closes everything."
    return [*lines, *textwrap.wrap(after, _width())]


def _book(book: "BookConfig") -> str:
    what = f"{book.strategy} on {', '.join(book.instruments)}"
    if book.venue == "paper":
        return f"{what}: paper, simulated fills"
    position = min(book.sizing.max_position_fraction, book.limits.max_position_exposure)
    return (
        f"{what}; capital {book.capital:,.2f} {book.currency}, at most {position:.0%} of it in a position and "
        f"{book.limits.max_total_exposure:.0%} in all, stop {book.exits.stop:.1%}, "
        f"no entries after a loss of {book.limits.daily_loss:.0%} in a day"
    )


def _told(subject: str, text: str) -> list[str]:
    return textwrap.wrap(text, _width(), initial_indent=f"  {subject:<8}  ", subsequent_indent=" " * 12)


def _width() -> int:
    return max(40, min(_WIDEST, shutil.get_terminal_size().columns))
