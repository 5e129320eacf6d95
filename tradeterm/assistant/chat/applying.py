"""What a typed APPLY line does: the proposal is checked anew against the desk as it is now."""

from msgspec import Struct

from tradeterm.assistant.ask import Proposed
from tradeterm.assistant.chat.proposals import Proposal, ProposalKind, ProposalRefused, Proposals
from tradeterm.assistant.chat.tools.proposing import check_parameters, state_of
from tradeterm.assistant.chat.tools.tool import ToolError
from tradeterm.config import Config
from tradeterm.console.protocol import Console
from tradeterm.decode import show
from tradeterm.domain.states import BookState, CommandVerb


class Applied(Struct, frozen=True):
    """`command` is for the face to send; `text` is what the person is told."""

    text: str
    command: Proposed | None = None


def apply(line: str, proposals: Proposals, console: Console, config: Config) -> Applied:
    """Apply the proposal that a person's typed line names. Raises ProposalRefused."""
    proposal = proposals.take(line)
    try:
        if proposal.kind is ProposalKind.PAUSE:
            return _pause(proposal, console)
        return _parameters(proposal, config)
    except ToolError as error:
        raise ProposalRefused(f"Proposal {proposal.id} can no longer be applied: {error}.") from None


def _pause(proposal: Proposal, console: Console) -> Applied:
    if not console.engine_alive():
        raise ToolError("no engine is running")
    state = state_of(console, proposal.book)
    if state is not BookState.RUNNING:
        raise ToolError(f"book {proposal.book} is {state} now")
    command = Proposed(
        verb=CommandVerb.PAUSE,
        consequence=proposal.consequence,
        book=proposal.book,
        reason=f"proposal {proposal.id} {proposal.hash[:8]}",
    )
    return Applied(f"Proposal {proposal.id} applied: {proposal.consequence}", command)


def _parameters(proposal: Proposal, config: Config) -> Applied:
    now = check_parameters(config, proposal.book, proposal.after)
    if {key: now[key] for key in proposal.before} != proposal.before:
        raise ToolError(f"book {proposal.book} has other values now")
    lines = [f"{key} = {show(value)}  # was {show(proposal.before[key])}" for key, value in proposal.after.items()]
    return Applied(
        "\n".join(
            [
                f"Proposal {proposal.id} accepted. Write this into your configuration; the engine reads it at its next "
                "start:",
                f"[books.{proposal.book}.parameters]",
                *lines,
            ]
        )
    )
