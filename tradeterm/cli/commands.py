"""How a command joins the command line."""

import argparse
from collections.abc import Callable

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


class Commands:
    """The commands of a parser (or of a command that has commands of its own)."""

    def __init__(self, parser: argparse.ArgumentParser, *, required: bool = False) -> None:
        self._commands = parser.add_subparsers(title="commands", metavar="COMMAND", required=required)

    def add(self, name: str, run: Run | None, help: str, *, json: bool = False) -> argparse.ArgumentParser:
        """A command with the global options; `json` where it reads, `run` None where it only groups."""
        parser = self._commands.add_parser(name, help=help, description=help, allow_abbrev=False)
        add_global_options(parser, everywhere=True)
        if json:
            parser.add_argument("--json", action="store_true", default=argparse.SUPPRESS, help="JSON on stdout")
        if run is not None:
            parser.set_defaults(run=run)
        return parser
