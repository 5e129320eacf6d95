"""`tradeterm lookahead`: does a strategy's signal know what had not happened yet?"""

import argparse

from tradeterm.cli.backtest import add_study_options, found_of
from tradeterm.cli.commands import Commands
from tradeterm.cli.output import DONE, FAILED


def add(commands: Commands) -> None:
    parser = commands.add("lookahead", run, "check that a strategy's signals do not know the future", json=True)
    add_study_options(parser)
    parser.add_argument("--cuts", type=_count, default=20, metavar="N", help="places where data is cut (default: 20)")
    parser.add_argument("--rows", type=_count, default=200, metavar="N", help="rows seen alone (default: 200)")


def run(options: argparse.Namespace) -> int:
    """Exit status 1 unless it is clean. Every one is kept: `runs`.

    JSON: {"type": "lookahead", "run", "name", "strategy", "instruments", "interval", "first", "last", "data_hash",
    "seed", "notes", "clean": true, false or (data too short) null, "cuts", "rows", "differences": [{"check":
    "cut"|"changed future"|"short history"|"backtest", "row", "ts", "instrument", "what": "entry", the reason of an exit
    or "trade", "whole", "found"}], "sentence"}. Times are UTC ms; `tradeterm.research.honesty.look_ahead` has the
    definitions.
    """
    from msgspec import structs

    from tradeterm.cli.honesty import head_of, tell
    from tradeterm.research.honesty.evidence import shown
    from tradeterm.research.honesty.look_ahead import look_ahead

    found = found_of(options)
    answer = look_ahead(found.study, cuts=options.cuts, rows=options.rows)
    tell(options, "lookahead", head_of(found), structs.asdict(answer), [shown(answer)])
    return DONE if answer.clean else FAILED


def _count(text: str) -> int:
    value = int(text) if text.isascii() and text.isdigit() and len(text) < 7 else 0
    if not value:
        raise argparse.ArgumentTypeError(f"found {text!r}, allowed a whole number of 1 or more")
    return value
