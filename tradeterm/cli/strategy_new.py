"""`tradeterm strategy new`: a strategy without a model: asked field by field, or by options; shown, then applied by a
typed line."""

import argparse
import sys
import time
from collections.abc import Mapping
from typing import TYPE_CHECKING

from tradeterm.cli.commands import Commands
from tradeterm.cli.output import DONE, FAILED, REFUSED, note, say, say_json
from tradeterm.cli.session import config_file_of, config_of, profile_of
from tradeterm.domain.errors import ConfigError

if TYPE_CHECKING:
    from tradeterm.assistant.author import Draft
    from tradeterm.assistant.chat.proposals import Proposal, Proposals
    from tradeterm.config import Config
    from tradeterm.profile import Profile

_KEYS = (
    "name", "symbols", "timeframe", "side", "entry", "exit", "bars_held", "stop", "target", "trail", "risk_pct",
    "max_leverage", "max_positions", "daily_loss_pct",
)  # fmt: skip
"""Those of `assistant.author_form.FIELDS`, which brings the numerical libraries."""


def add(group: Commands) -> None:
    parser = group.add("new", new, "write a strategy: asked on a terminal, or by options", json=True)
    parser.add_argument("--from", dest="file", metavar="FILE|NAME", help="a specification instead of questions")
    for key in _KEYS:
        parser.add_argument(f"--{key.replace('_', '-')}", dest=f"field_{key}", metavar="TEXT", help=argparse.SUPPRESS)
    options = ", ".join(f"--{key.replace('_', '-')}" for key in _KEYS)
    parser.epilog = (
        f"Each question has an option of its own: {options}. Without a terminal the others are as by default."
    )


def new(options: argparse.Namespace) -> int:
    """Asks what no option says where there is a terminal. Nothing is written but by the line typed at the end; off a
    terminal, and with --json, the card is shown alone. Exit status 1 where it cannot be applied, 3 where another line
    was typed.

    JSON: {"type": "strategy_new", "name", "applicable", "card": [line], "blocked": [sentence], "spec", "preview": the
    numbers or null}.
    """
    import asyncio

    from tradeterm.assistant.author_proposal import propose
    from tradeterm.assistant.chat.proposals import Proposals

    profile = profile_of(options)
    config = _config(options, profile)
    asks = sys.stdin.isatty() and not options.json
    made = _draft(options, config, asks=asks)
    proposals = Proposals(lambda: time.time_ns() // 1_000_000)
    if asks:
        note("backtesting it …")
    proposal = asyncio.run(propose(made, config, profile, proposals))
    if options.json:
        say_json(
            {
                "type": "strategy_new",
                "name": proposal.book,
                "applicable": not proposal.blocked,
                "card": proposal.lines,
                "blocked": proposal.blocked,
                "spec": proposal.what["spec"],
                "preview": proposal.what["preview"],
            }
        )
        return FAILED if proposal.blocked else DONE
    say(f"{proposal.id}: {proposal.title}")
    say("\n".join((proposal.consequence, *proposal.lines)))
    if proposal.blocked:
        say("\n".join(f"cannot be applied: {why}" for why in proposal.blocked))
        return FAILED
    if not asks:
        note("nothing is written: it is applied by a line typed on a terminal")
        return DONE
    return _apply(proposal, proposals, config, profile)


def _apply(proposal: "Proposal", proposals: "Proposals", config: "Config", profile: "Profile") -> int:
    """Wait for the card's line."""
    from tradeterm.assistant.author_proposal import apply_strategy
    from tradeterm.assistant.chat.proposals import ProposalRefused
    from tradeterm.assistant.chat.tools.tool import ToolError

    say(f"\nTo apply it type {proposals.line(proposal)} (an empty line leaves it)")
    typed = _asked("> ")
    if not typed:
        note("nothing is written")
        return DONE
    try:
        say(apply_strategy(proposals.take(typed), config, profile).text)
    except (ProposalRefused, ToolError) as error:
        note(f"tradeterm: {error}")
        return REFUSED
    return DONE


def _draft(options: argparse.Namespace, config: "Config", *, asks: bool) -> "Draft":
    """Raises ConfigError where nobody can be asked again."""
    from tradeterm.assistant.author import draft, draft_of, folder_of
    from tradeterm.assistant.author_form import spec_of

    if options.file is not None:
        from tradeterm.profile import user_path
        from tradeterm.strategies.declared.files import SUFFIXES, find_file
        from tradeterm.strategies.declared.read import read_file

        path = user_path(options.file)
        found = path if path.suffix in SUFFIXES else find_file(options.file, folder_of(profile_of(options)))
        return draft_of(read_file(found), config)
    given = {key: text for key in _KEYS if (text := getattr(options, f"field_{key}")) is not None}
    if not asks:
        return draft(spec_of(given), config)
    values: Mapping[str, str] = given
    while True:
        values = _typed(values, again=values is not given)
        try:
            return draft(spec_of(values), config)
        except ConfigError as error:
            note("\n".join(f"  {line}" for line in str(error).splitlines()))


def _typed(given: Mapping[str, str], *, again: bool) -> dict[str, str]:
    """The form, field by field; what was given already is asked only `again`."""
    from tradeterm.assistant.author_form import FIELDS, default_of, read

    values = dict(given)
    for field in FIELDS:
        if field.key in values and not again:
            continue
        standing = values.get(field.key, default_of(field, values))
        while True:
            say(f"{field.label}: {field.allowed}")
            text = _asked(f"  [{standing}] ") or standing
            values[field.key] = "" if text == "-" else text
            try:
                read(field, values[field.key])
            except ConfigError as error:
                note(f"  {error}")
                continue
            break
    return values


def _asked(prompt: str) -> str:
    sys.stdout.write(prompt)
    sys.stdout.flush()
    line = sys.stdin.readline()
    if not line:  # the terminal is gone, or Ctrl-D
        raise ConfigError("nothing was written: the questions were not answered")
    return line.strip()


def _config(options: argparse.Namespace, profile: "Profile") -> "Config":
    """The profile's, or none of one's own: a strategy can be written before there is any."""
    from tradeterm.config import Config

    there = options.config is not None or config_file_of(options, profile).exists()
    return config_of(options, profile) if there else Config()
