"""The chat as the app holds it: one answer at a time, wherever it was asked from."""

import asyncio
from collections.abc import Awaitable, Callable, Mapping, Sequence
from contextlib import aclosing
from enum import StrEnum
from functools import partial
from typing import TYPE_CHECKING, Any, NamedTuple

from tradeterm.assistant.chat.footer import usd
from tradeterm.assistant.grammar import NEEDS_AI
from tradeterm.config import Config
from tradeterm.console.protocol import Console
from tradeterm.profile import Profile

if TYPE_CHECKING:  # they bring a lot, and most sessions never ask in plain words
    from tradeterm.assistant.author import Draft
    from tradeterm.assistant.author_form import Field
    from tradeterm.assistant.chat.applied import Applied
    from tradeterm.assistant.chat.conversation import Conversation
    from tradeterm.assistant.chat.events import Event
    from tradeterm.assistant.chat.proposals import Proposal, Proposals

    Propose = Callable[[Draft, Config, Profile, Proposals], Awaitable[Proposal]]

_ASK_A_MODEL = ("claude", "openai-shaped")


class PartKind(StrEnum):
    TEXT = "text"
    LOOK_UP = "look-up"
    TROUBLE = "trouble"


class Part(NamedTuple):
    """A piece of an answer: text of the model, or one line on a look-up or on trouble."""

    kind: PartKind
    text: str


class Card(NamedTuple):
    """A proposal that waits: what to know of it, what it would change, and the line that applies it while there is
    time; or why it cannot be applied. `made_ms` is the machine's clock."""

    title: str
    consequence: str
    changes: tuple[tuple[str, str, str], ...]
    line: str
    seconds_left: int
    lines: tuple[str, ...] = ()
    blocked: tuple[str, ...] = ()
    made_ms: int = 0


class Answering:
    """An answer as far as it has come."""

    def __init__(self, question: str, asked_ms: int = 0) -> None:
        self.question = question
        self.asked_ms = asked_ms
        self.parts: list[Part] = []
        self.unverified: tuple[str, ...] = ()
        self.citations: tuple[str, ...] = ()
        self.cost = ""
        self.failure = ""
        self.done = False

    def add(self, kind: PartKind, text: str) -> None:
        if kind is PartKind.TEXT and self.parts and self.parts[-1].kind is PartKind.TEXT:
            text = self.parts.pop().text + text
        self.parts.append(Part(kind, text))

    def end_look_up(self, call: str, said: str, *, failed: bool) -> None:
        """The line on a look-up that began last now says what came of it."""
        kind = PartKind.TROUBLE if failed else PartKind.LOOK_UP
        self.parts[-1] = Part(kind, f"{call}: {said}")


class ChatSession:
    """`changed` is called on the loop whenever there is something new to paint."""

    def __init__(
        self,
        config: Config,
        console: Console,
        clock: Callable[[], int],
        environ: Mapping[str, str],
        changed: Callable[[], None],
        profile: Profile,
    ) -> None:
        self._config = config
        self._profile = profile
        self._console = console
        self._clock = clock
        self._environ = environ
        self._changed = changed
        self._conversation: Conversation | None = None
        self._proposals: Proposals | None = None
        self._offline: str | None = None
        self.answer: Answering | None = None

    @property
    def busy(self) -> bool:
        return self.answer is not None and not self.answer.done

    @property
    def offline(self) -> str:
        """What plain language lacks, in one sentence; "" where it can be had."""
        if not self.wanted:
            return NEEDS_AI
        if self._offline is None:
            from tradeterm.assistant.chat.opening import why_offline

            self._offline = why_offline(self._config, self._environ)
        return self._offline

    def prepare(self) -> None:
        """Look for what plain language needs. Its imports take a moment: call it off the loop."""
        self._offline = self.offline

    @property
    def wanted(self) -> bool:
        """Whether the configuration asks for an AI, had or not."""
        return self._config.gate.validator in _ASK_A_MODEL

    @property
    def label(self) -> str:
        """Who answers."""
        from tradeterm.assistant.chat.conversation import label_of

        return label_of(self._model)

    @property
    def simulated(self) -> bool:
        """Whether no real model answers; every screen says so."""
        if self.offline:
            return False
        from tradeterm.validators.models import is_simulated

        return is_simulated(self._model)

    @property
    def _model(self) -> str:
        return self._config.gate.ai.model if self._conversation is None else self._conversation.model

    @property
    def summary(self) -> str:
        """Who answers, and what it cost; or what is missing."""
        if self.offline:
            return self.offline
        parts = [self.label]
        if self._conversation is not None:
            if self.answer is not None and self.answer.cost:
                parts.append(f"this answer {self.answer.cost}")
            parts.append(f"today {usd(self._conversation.spending.today())}")
        return " · ".join(parts)

    def cards(self) -> tuple[Card, ...]:
        if self._proposals is None:
            return ()
        proposals = self._proposals
        return tuple(
            Card(
                f"{each.id}: {each.title}",
                each.consequence,
                tuple((key, str(each.before[key]), str(value)) for key, value in each.after.items()),
                proposals.line(each),
                proposals.seconds_left(each),
                each.lines,
                each.blocked,
                each.made_ms,
            )
            for each in proposals.pending()
        )

    async def ask(self, line: str) -> None:
        """Answer a question; cancelled, it keeps what had come."""
        answer = self.answer = Answering(line, self._clock())
        self._changed()
        try:
            conversation = await self._opened()
            async with aclosing(conversation.ask(line)) as events:
                async for event in events:
                    self._take(answer, event)
                    self._changed()
        except asyncio.CancelledError:
            self._fail(answer, "the answer was cancelled")
            raise
        except Exception as error:
            self._fail(answer, str(error) or type(error).__name__)
            raise
        finally:
            answer.done = True
            self._changed()

    def written(self, values: Mapping[str, str]) -> dict[str, Any]:
        """What was typed into the form, checked, as a specification. It may take a moment; raises ConfigError."""
        from tradeterm.assistant.author import draft
        from tradeterm.assistant.author_form import spec_of

        spec = spec_of(values)
        draft(spec, self._config)
        return spec

    async def author(self, spec: Mapping[str, Any]) -> "Proposal":
        """Put a strategy on a card, with its backtest; cancelled, there is none. Raises ConfigError."""
        made, propose = await asyncio.to_thread(_drafted, spec, self._config)
        proposal = await propose(made, self._config, self._profile, self.proposals)
        line = f"Proposal {proposal.id} ({proposal.hash[:8]}): {proposal.title}."
        await asyncio.to_thread(self._console.say, "console", line)
        self._changed()
        return proposal

    def apply(self, line: str) -> "Applied":
        """Apply the proposal a person's typed line names. Raises ProposalRefused."""
        from tradeterm.assistant.chat.applying import apply

        return apply(line, self.proposals, self._console, self._config, self._profile)

    @property
    def proposals(self) -> "Proposals":
        """Those of this session, whoever made them."""
        if self._proposals is None:
            from tradeterm.assistant.chat.proposals import Proposals

            self._proposals = Proposals(self._clock)
        return self._proposals

    async def close(self) -> None:
        if self._conversation is not None:
            await self._conversation.close()

    async def _opened(self) -> "Conversation":
        if self._conversation is None:
            from tradeterm.assistant.chat.opening import open_conversation

            self._conversation = await asyncio.to_thread(
                partial(
                    open_conversation,
                    self._config,
                    self._console,
                    self._clock,
                    self._environ,
                    profile=self._profile,
                    proposals=self.proposals,
                )
            )
        return self._conversation

    def _take(self, answer: Answering, event: "Event") -> None:
        from tradeterm.assistant.chat.events import Failed, Finished, TextDelta, ToolDone, ToolStarted

        match event:
            case TextDelta():
                answer.add(PartKind.TEXT, event.text)
            case ToolStarted():
                answer.add(PartKind.LOOK_UP, f"{event.call} …")
            case ToolDone():
                answer.end_look_up(event.call, event.text, failed=event.failed)
            case Finished():
                answer.unverified, answer.citations = event.unverified, event.citations
                answer.cost = usd(event.cost)
            case Failed():
                self._fail(answer, event.sentence)
                answer.cost = usd(event.cost)

    def _fail(self, answer: Answering, why: str) -> None:
        answer.failure = why
        answer.add(PartKind.TROUBLE, why)


def _drafted(spec: Mapping[str, Any], config: Config) -> "tuple[Draft, Propose]":
    """The imports take longer than a key may wait. Raises ConfigError."""
    from tradeterm.assistant.author import draft
    from tradeterm.assistant.author_proposal import propose

    return draft(spec, config), propose


def strategy_fields() -> "Sequence[Field]":
    """Those of the form. They bring the numerical libraries: call it off the loop."""
    from tradeterm.assistant.author_form import FIELDS

    return FIELDS
