"""The two tools that propose what a desk can take at once. They keep a card for the operator and change nothing."""

from typing import Any

from msgspec import Struct

from tradeterm.assistant.chat.outside import name
from tradeterm.assistant.chat.proposals import LIFE_S, Proposal, ProposalKind, Proposals
from tradeterm.assistant.chat.tools.authoring import compared
from tradeterm.assistant.chat.tools.standing import view_of
from tradeterm.assistant.chat.tools.strategies import parameters_of
from tradeterm.assistant.chat.tools.tool import Tool, ToolError
from tradeterm.config import Config
from tradeterm.console.protocol import Console
from tradeterm.domain.errors import ConfigError
from tradeterm.domain.states import BookState
from tradeterm.profile import Profile

_LONGEST_VALUE = 40


class AboutPause(Struct, frozen=True, forbid_unknown_fields=True):
    book: str


class AboutParameters(Struct, frozen=True, forbid_unknown_fields=True):
    book: str
    changes: dict[str, Any]


def proposing_tools(console: Console, config: Config, profile: Profile, proposals: Proposals) -> tuple[Tool[Any], ...]:
    return (
        Tool(
            "propose_pause",
            "Show the operator a card that would pause a book: no new entries, exits go on. It changes nothing; only "
            "the operator can apply it, by typing the line on the card.",
            AboutPause,
            lambda taken: _told(proposals, propose_pause(console, proposals, taken.book)),
        ),
        Tool(
            "propose_params",
            "Show the operator a card with new values for parameters of a book's strategy (names and bounds: "
            "get_strategy). Limits, sizing and exits cannot be proposed. The card has a backtest before and after, in "
            "and out of sample. It changes nothing; applied, it becomes lines for the configuration, which the engine "
            "reads at its next start.",
            AboutParameters,
            lambda taken: _with_backtest(config, profile, proposals, taken),
        ),
    )


def propose_pause(console: Console, proposals: Proposals, book: str) -> Proposal:
    """Raises ToolError where there is nothing to pause."""
    state = state_of(console, book)
    if state is not BookState.RUNNING:
        raise ToolError(f"book {name(book)} is {state}: there is nothing to pause")
    return proposals.add(
        ProposalKind.PAUSE,
        book,
        f"pause book {book}",
        f"No new entries for book {book}; its exits go on, until you resume it.",
        {"state": state.value},
        {"state": BookState.PAUSED.value},
    )


async def _with_backtest(
    config: Config, profile: Profile, proposals: Proposals, taken: AboutParameters
) -> dict[str, Any]:
    check_parameters(config, taken.book, taken.changes)
    lines = await compared(config, profile, taken.book, taken.changes)
    proposal = propose_parameters(config, proposals, taken.book, taken.changes, lines)
    return {**_told(proposals, proposal), "card": list(lines)}


def propose_parameters(
    config: Config, proposals: Proposals, book: str, changes: dict[str, Any], lines: tuple[str, ...] = ()
) -> Proposal:
    """`lines` are shown on the card. Raises ToolError for what the configuration would not take."""
    before = check_parameters(config, book, changes)
    changed = {key: value for key, value in changes.items() if before[key] != value}
    if not changed:
        raise ToolError(f"book {book} runs with these values already")
    return proposals.add(
        ProposalKind.PARAMETERS,
        book,
        f"parameters of book {book}",
        "Lines for your configuration; the engine reads them at its next start.",
        {key: before[key] for key in changed},
        changed,
        lines=lines,
    )


def state_of(console: Console, book: str) -> BookState:
    view = view_of(console)
    found = next((each for each in view.books if each.book == book), None)
    if found is None:
        raise ToolError(f"unknown book {name(book)!r}; known: {', '.join(each.book for each in view.books)}")
    return found.state


def check_parameters(config: Config, book: str, changes: dict[str, Any]) -> dict[str, Any]:
    """What the book runs with now. Raises ToolError for an unknown book, and for values it could not run with."""
    from tradeterm.strategies.registry import make_strategy

    found = config.books.get(book)
    if found is None:
        raise ToolError(f"unknown book {name(book)!r}; known: {', '.join(config.books)}")
    if not changes:
        raise ToolError("changes is empty; give parameters of the book's strategy with new values (get_strategy)")
    for key, value in changes.items():
        if not isinstance(value, (bool, int, float, str)) or len(str(value)) > _LONGEST_VALUE:
            raise ToolError(f"{name(key)}: only a number, a word, true or false can be proposed")
    try:
        make_strategy(found.strategy, {**found.parameters, **changes}, f"books.{book}")
    except ConfigError as error:
        raise ToolError(" ".join(str(error).split())[:400]) from None
    return parameters_of(found)


def _told(proposals: Proposals, proposal: Proposal) -> dict[str, Any]:
    return {
        "proposal_id": proposal.id,
        "title": proposal.title,
        "before": proposal.before,
        "after": proposal.after,
        "applied": False,
        "expires_in_s": proposals.seconds_left(proposal),
        "how": f"the operator sees a card and has {LIFE_S} s to type the line on it; you do not know that line",
    }
