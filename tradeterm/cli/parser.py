"""The grammar of the command line: global options everywhere, one module a command (or small group of them)."""

import argparse
import math
from collections.abc import Sequence

from tradeterm import __version__
from tradeterm.cli import (
    backtest,
    config,
    control,
    data,
    doctor,
    ledger,
    logs,
    lookahead,
    looks,
    montecarlo,
    notify,
    open_ui,
    replay,
    report,
    robustness,
    runs,
    status,
    strategy,
    sweep,
    walkforward,
)
from tradeterm.cli.commands import Commands, add_global_options

_COMMANDS = (
    status, control, logs, replay, backtest, walkforward, robustness, lookahead, sweep, runs, report, montecarlo,
    strategy, ledger, data, config, looks, notify, doctor,
)  # fmt: skip

_EPILOG = """\
examples:
  tradeterm                      open the console (the demo, while there is no configuration)
  tradeterm --headless --demo    run the demo as lines of text
  tradeterm status --json        where the desk stands, for a program
  tradeterm halt                 stop all trading now, keep protective stops

exit status: 0 done, 1 failed, 2 wrong use or configuration, 3 refused by a safety rule, 130 interrupted
"""


def parse(argv: Sequence[str]) -> argparse.Namespace:
    """The options, with `run` set to what carries them out. Wrong use prints a sentence and exits with 2."""
    return build_parser().parse_args(argv)


def build_parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="tradeterm",
        description="A full-screen terminal trading console. Without a command it opens the screen.",
        epilog=_EPILOG,
        formatter_class=argparse.RawDescriptionHelpFormatter,
        allow_abbrev=False,
    )
    parser.add_argument("--version", action="version", version=f"tradeterm {__version__}")
    add_global_options(parser, everywhere=False)
    parser.add_argument("--json", action="store_true", help="JSON on stdout (with --headless: one object a line)")
    parser.add_argument(
        "--live", action="store_true", help='trade real money: with mode = "live" in the configuration; asks first'
    )
    headless = parser.add_argument_group("without a screen")
    headless.add_argument(
        "--headless", action="store_true", help="run the engine here and print a line for what matters"
    )
    headless.add_argument("--speed", type=_speed, metavar="X", help="replay speed: a factor, or max")
    headless.add_argument("--duration", type=_seconds, metavar="S", help="end after S seconds")
    headless.add_argument("--until-end", action="store_true", help="end when the recording ends")
    headless.add_argument("--parent-fd", type=int, metavar="N", help=argparse.SUPPRESS)
    headless.add_argument("--start-ts", type=int, metavar="MS", help=argparse.SUPPRESS)
    headless.add_argument("--yes-trade-real-money", action="store_true", help="what --live asks for on a terminal")
    parser.set_defaults(run=open_ui.run)
    commands = Commands(parser)
    for module in _COMMANDS:
        module.add(commands)
    return parser


def _speed(text: str) -> float:
    """Recorded seconds a real second; `max` is 0, as fast as possible."""
    if text == "max":
        return 0.0
    try:
        value = float(text.removesuffix("x"))
    except ValueError:
        value = math.nan
    if not 0 < value <= 1e9:
        raise argparse.ArgumentTypeError(f"found {text!r}, allowed a number above 0, or max")
    return value


def _seconds(text: str) -> float:
    try:
        value = float(text)
    except ValueError:
        value = math.nan
    if not (0 < value < math.inf):
        raise argparse.ArgumentTypeError(f"found {text!r}, allowed a number of seconds above 0")
    return value
