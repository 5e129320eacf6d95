"""How a command joins the command line."""

import argparse
import shlex
from collections.abc import Callable
from typing import Any

from tradeterm.cli.output import WRONG_USE

Run = Callable[[argparse.Namespace], int]


def add_global_options(parser: argparse.ArgumentParser, *, everywhere: bool) -> None:
    """--profile, --demo and --config. On a command (`everywhere`) they leave alone what stood before the command."""
    default = argparse.SUPPRESS if everywhere else None
    parser.add_argument("--profile", default=default, metavar="NAME", help="whose state to use (default: default)")
    parser.add_argument(
        "--demo",
        action="store_true",
        default=argparse.SUPPRESS if everywhere else False,
        help="the profile demo: recorded data, simulated fills (what runs while there is no configuration)",
    )
    parser.add_argument("--config", default=default, metavar="FILE", help="configuration file")


class Command(argparse.ArgumentParser):
    """What a command does not know is told under its own usage; so is a second book where it `takes_one`."""

    def parse_known_args(self, args: Any = None, namespace: Any = None) -> tuple[Any, list[str]]:
        options, rest = super().parse_known_args(args, namespace)
        if rest and not any(word.startswith("-") for word in rest) and hasattr(options, "takes_one"):
            self.exit(WRONG_USE, f"{self.prog}: {_one_of_several([options.name, *rest])}\n")
        if rest:
            self.error(f"unrecognized arguments: {' '.join(rest)}")
        return options, rest


def _one_of_several(names: list[str]) -> str:
    found = f"found {shlex.join(names)}, allowed one book, strategy or file"
    different = list(dict.fromkeys(names))
    if len(different) == 1:
        return f"{found}; give it once"
    together = f"tradeterm backtest {shlex.join(different)}"
    return f"{found}; give it once for each, or trade them together with `{together}`"


class Commands:
    """The commands of a parser (or of a command that has commands of its own)."""

    def __init__(self, parser: argparse.ArgumentParser, *, required: bool = False) -> None:
        self._commands = parser.add_subparsers(
            title="commands", metavar="COMMAND", required=required, parser_class=Command
        )

    def add(self, name: str, run: Run | None, help: str, *, json: bool = False) -> argparse.ArgumentParser:
        """A command with the global options; `json` where it reads, `run` None where it only groups."""
        parser = self._commands.add_parser(name, help=help, description=help, allow_abbrev=False)
        add_global_options(parser, everywhere=True)
        if json:
            parser.add_argument("--json", action="store_true", default=argparse.SUPPRESS, help="JSON on stdout")
        if run is not None:
            parser.set_defaults(run=run)
        return parser
