"""What a conversation tells its face while it answers."""

from decimal import Decimal

from msgspec import Struct

from tradeterm.assistant.chat.proposals import Proposal


class TextDelta(Struct, frozen=True):
    """The next piece of the answer."""

    text: str


class ToolStarted(Struct, frozen=True):
    """A look-up begins; `call` names it with its arguments, on one line."""

    call: str


class ToolDone(Struct, frozen=True):
    """The look-up ended; `text` says in a few words what came of it."""

    call: str
    text: str
    failed: bool


class ProposalMade(Struct, frozen=True):
    """The model proposed something. `line` is what the person types to apply it; no model ever sees it."""

    proposal: Proposal
    line: str


class Finished(Struct, frozen=True, kw_only=True):
    """The answer is whole. `cost` is USD, None where a price is not known; `unverified` are the numbers and ids in the
    text that no result of this turn holds; `citations` the ledger ids that one does."""

    text: str
    cost: Decimal | None
    tokens: int
    unverified: tuple[str, ...]
    citations: tuple[str, ...]


class Failed(Struct, frozen=True):
    """There is no answer, and why, in one sentence; `cost` in USD as above."""

    sentence: str
    cost: Decimal | None = Decimal(0)


Event = TextDelta | ToolStarted | ToolDone | ProposalMade | Finished | Failed
