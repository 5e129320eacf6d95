"""`tradeterm montecarlo`: where a price may go, or what may become of a book. It reads and reckons, nothing else."""

import argparse
import re
from datetime import UTC, datetime

from tradeterm.cli.commands import Commands
from tradeterm.cli.session import config_of, profile_of
from tradeterm.domain.market import DAY_MS, HOUR_MS, MINUTE_MS

LEVELS = ("gbm", "regime", "garch", "events")
_MOST_PATHS = 100_000
_UNITS_MS = {"m": MINUTE_MS, "h": HOUR_MS, "d": DAY_MS}


def add(commands: Commands) -> None:
    parser = commands.add("montecarlo", run, "simulate where a price or the equity of a book may go", json=True)
    parser.add_argument("name", metavar="SYMBOL|BOOK", help="an instrument, or a book of the configuration")
    parser.add_argument("--paths", type=_paths, default=1000, metavar="N", help="simulated paths (default: 1000)")
    parser.add_argument("--seed", type=_seed, default=0, metavar="N", help="the same number, the same paths")
    prices = parser.add_argument_group("of a SYMBOL")
    prices.add_argument("--horizon", type=_duration, default=DAY_MS, metavar="TIME", help="90m, 24h, 5d (default: 24h)")
    prices.add_argument("--target", type=_above_zero, metavar="PRICE", help="which is reached first, this price")
    prices.add_argument("--stop", type=_above_zero, metavar="PRICE", help="or this one on the other side?")
    prices.add_argument("--level", action="append", choices=LEVELS, help="only this model (may be repeated)")
    prices.add_argument("--data", metavar="FILE", help="bars of this file instead of the configured feed's")
    prices.add_argument("--bars", type=_bars, default=2000, metavar="N", help="bars looked back at (default: 2000)")
    prices.add_argument("--until", type=_time, metavar="TIME", help="as of this UTC time: later bars are not looked at")
    prices.add_argument("--headlines", metavar="FILE", help="columns timestamp, sentiment (-1 to 1)")
    prices.add_argument("--calendar", metavar="FILE", help="columns timestamp, known, impact (low, medium, high)")
    books = parser.add_argument_group("of a BOOK")
    books.add_argument(
        "--ruin", type=_share, default=0.5, metavar="X", help="share of the equity whose loss is ruin (0.5)"
    )


def run(options: argparse.Namespace) -> int:
    """JSON: see the two commands. Exit status 1 where there is not enough data."""
    from tradeterm.cli.montecarlo_equity import simulate_equity
    from tradeterm.cli.montecarlo_price import simulate_price

    profile = profile_of(options)
    config = None if options.data else config_of(options, profile)
    if config is not None and options.name in config.books:
        return simulate_equity(options, profile, config)
    return simulate_price(options, profile, config)


def _duration(text: str) -> int:
    found = re.fullmatch(r"(\d{1,6})([mhd])", text.strip().lower())
    if found is None or not int(found[1]):
        raise argparse.ArgumentTypeError(f"found {text!r}, allowed a time such as 90m, 24h or 5d")
    return int(found[1]) * _UNITS_MS[found[2]]


def _time(text: str) -> int:
    try:
        moment = datetime.fromisoformat(text)
    except ValueError:
        raise argparse.ArgumentTypeError(f"found {text!r}, allowed a time such as 2025-04-06T12:00") from None
    return int((moment if moment.tzinfo else moment.replace(tzinfo=UTC)).timestamp() * 1000)


def _whole(text: str, least: int, most: int) -> int:
    value = int(text) if text.isascii() and text.isdigit() and len(text) < 20 else -1
    if not least <= value <= most:
        raise argparse.ArgumentTypeError(f"found {text!r}, allowed {least} to {most}")
    return value


def _paths(text: str) -> int:
    return _whole(text, 100, _MOST_PATHS)


def _bars(text: str) -> int:
    return _whole(text, 2, 100_000)


def _seed(text: str) -> int:
    return _whole(text, 0, 2**63 - 1)


def _number(text: str, least: float, most: float, allowed: str) -> float:
    try:
        value = float(text)
    except ValueError:
        value = least
    if not least < value < most:
        raise argparse.ArgumentTypeError(f"found {text!r}, allowed {allowed}")
    return value


def _above_zero(text: str) -> float:
    return _number(text, 0.0, 1e15, "a price above 0")


def _share(text: str) -> float:
    return _number(text, 0.0, 1.0, "a fraction between 0 and 1")
