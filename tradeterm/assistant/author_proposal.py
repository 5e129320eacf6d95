"""A strategy on a card: from a model, a form or a file alike, and what its typed line then does."""

import msgspec

from tradeterm.assistant.author import Draft, draft_of, live_symbols
from tradeterm.assistant.author_card import preview_lines
from tradeterm.assistant.author_files import Written, standing, write
from tradeterm.assistant.author_preview import Preview, Task
from tradeterm.assistant.author_worker import Refusal, previews
from tradeterm.assistant.chat.applied import Applied
from tradeterm.assistant.chat.proposals import Proposal, ProposalKind, Proposals
from tradeterm.assistant.chat.tools.tool import ToolError
from tradeterm.config import Config
from tradeterm.domain.errors import ConfigError
from tradeterm.profile import Profile
from tradeterm.strategies.declared.book import book_name
from tradeterm.strategies.declared.read import read_spec

LIFE_S = 600
"""A strategy is read before it is applied."""

_AHEAD = "its signals are not the same once the future is cut off"
_CONSEQUENCE = (
    "Writes the strategy's file and the configuration of a paper book, which you start. Nothing else is changed, and "
    "nothing trades real money."
)
_FILE_ALONE = (
    "Writes the strategy's file alone: no live prices are had for what it trades, so it has no paper book. Nothing "
    "else is changed, and nothing trades real money."
)


async def propose(draft: Draft, config: Config, profile: Profile, proposals: Proposals) -> Proposal:
    """A card with words, notes and a preview. It takes a while, in a process of its own. Raises ConfigError."""
    was = standing(draft, profile)
    found = await preview_of(draft, config, profile)
    blocked = draft.blocked
    if isinstance(found, Preview) and found.clean is False:
        blocked = (*blocked, _AHEAD)
    name = draft.spec.name
    diff = (f"It replaces {was.path}, which is kept:", *(f"  {line}" for line in was.diff)) if was.diff else ()
    return proposals.add(
        ProposalKind.STRATEGY,
        name,
        f"new version of strategy {name}" if was.diff else f"strategy {name}",
        _FILE_ALONE if draft.book is not None and live_symbols(draft.spec) is None else _CONSEQUENCE,
        {},
        {},
        lines=(
            *draft.words.splitlines(),
            *(f"note: {note}" for note in draft.notes),
            *diff,
            *(() if found is None else preview_lines(found)),
        ),
        what={
            "spec": draft.plain,
            "mark": was.mark,
            "preview": None if not isinstance(found, Preview) else msgspec.to_builtins(found),
        },
        blocked=blocked,
        life_s=LIFE_S,
    )


async def preview_of(draft: Draft, config: Config, profile: Profile) -> Preview | Refusal | None:
    """None where it cannot be applied, and so not be traded."""
    if draft.book is None:
        return None
    (found,) = await previews([task_of(draft, config, profile)])
    return found


def task_of(
    draft: Draft, config: Config, profile: Profile, *, start: int | None = None, end: int | None = None
) -> Task:
    """The preview of a draft that has a book."""
    assert draft.book is not None
    name = book_name(draft.spec)
    books = {**config.books, name: draft.book}
    config = msgspec.structs.replace(config, books=books)
    return Task(config=config, name=name, root=str(profile.root), start=start, end=end)


def apply_strategy(proposal: Proposal, config: Config, profile: Profile) -> Applied:
    """Check it anew, and write its files. Raises ToolError."""
    try:
        again = draft_of(read_spec(proposal.what["spec"]), config)
        written = write(again, config, profile, proposal.what["mark"])
    except ConfigError as error:
        raise ToolError("; ".join(str(error).splitlines())) from None
    return Applied(_applied(proposal, again, written))


def _applied(proposal: Proposal, draft: Draft, written: Written) -> str:
    name = draft.spec.name
    lines = [f"Proposal {proposal.id} applied: strategy {name} is in {written.file}."]
    if written.kept is not None:
        lines.append(f"The version before it is kept as {written.kept}.")
    if written.book is None:
        lines.append(f"No live prices are had for what it trades; `tradeterm backtest {name}` takes recorded bars.")
    else:
        lines.append("It trades nowhere yet. Start its paper book, play money on Bybit's live prices, with:")
        lines.append(f"  {written.command}")
    lines.append(f"Among your own books instead: `tradeterm strategy book {name}` prints the lines to add.")
    return "\n".join(lines)
