"""What a typed APPLY line does: the proposal is checked anew against the desk as it is now."""

from collections.abc import Callable, Mapping
from types import MappingProxyType

from tradeterm.assistant.ask import Proposed
from tradeterm.assistant.chat.applied import Applied, Around
from tradeterm.assistant.chat.proposals import Proposal, ProposalKind, ProposalRefused, Proposals
from tradeterm.assistant.chat.tools.proposing import check_parameters, state_of
from tradeterm.assistant.chat.tools.reporting import apply_report
from tradeterm.assistant.chat.tools.tool import ToolError
from tradeterm.config import Config
from tradeterm.console.protocol import Console
from tradeterm.decode import show
from tradeterm.domain.states import BookState, CommandVerb
from tradeterm.profile import Profile, find_profile


def apply(line: str, proposals: Proposals, console: Console, config: Config, profile: Profile | None = None) -> Applied:
    """Apply the proposal that a person's typed line names; one that nothing came of stays. Raises ProposalRefused."""
    proposal = proposals.take(line)
    try:
        return _HOW[proposal.kind](proposal, Around(console, config, profile or find_profile()))
    except ToolError as error:
        proposals.give_back(proposal)
        raise ProposalRefused(f"Proposal {proposal.id} was not applied: {error}.") from None


def _pause(proposal: Proposal, around: Around) -> Applied:
    if not around.console.engine_alive():
        raise ToolError("no engine is running")
    state = state_of(around.console, proposal.book)
    if state is not BookState.RUNNING:
        raise ToolError(f"book {proposal.book} is {state} now")
    command = Proposed(
        verb=CommandVerb.PAUSE,
        consequence=proposal.consequence,
        book=proposal.book,
        reason=f"proposal {proposal.id} {proposal.hash[:8]}",
    )
    return Applied(f"Proposal {proposal.id} applied: {proposal.consequence}", command)


def _parameters(proposal: Proposal, around: Around) -> Applied:
    now = check_parameters(around.config, proposal.book, proposal.after)
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


def _strategy(proposal: Proposal, around: Around) -> Applied:
    from tradeterm.assistant.author_proposal import apply_strategy  # it brings the numerical libraries

    return apply_strategy(proposal, around.config, around.profile)


_HOW: Mapping[ProposalKind, Callable[[Proposal, Around], Applied]] = MappingProxyType(
    {
        ProposalKind.PAUSE: _pause,
        ProposalKind.PARAMETERS: _parameters,
        ProposalKind.STRATEGY: _strategy,
        ProposalKind.REPORT: apply_report,
    }
)
"""Each may raise ToolError for what no longer makes sense."""
