"""The loop from a question to its answer: ask, look up what the model wants, ask again; within bounds, cancellable."""

import asyncio
import json
from collections.abc import AsyncGenerator
from contextlib import aclosing
from functools import cache
from importlib.resources import files
from typing import Any

from tradeterm.assistant.chat.events import Event, Failed, Finished, ProposalMade, TextDelta, ToolDone, ToolStarted
from tradeterm.assistant.chat.footer import with_footer
from tradeterm.assistant.chat.history import History
from tradeterm.assistant.chat.model import Asker, ModelFailed, Reply, Request
from tradeterm.assistant.chat.numbers import Checked, check, looked_up
from tradeterm.assistant.chat.proposals import Proposals
from tradeterm.assistant.chat.secrecy import holds_secret
from tradeterm.assistant.chat.spending import BudgetSpent, Reserved, Spending
from tradeterm.assistant.chat.tools.tool import Result, Tool, answered
from tradeterm.assistant.chat.turn import DEADLINE_S, Turn
from tradeterm.assistant.text import clean
from tradeterm.console.protocol import Console
from tradeterm.domain.errors import TradetermError
from tradeterm.validators.models import is_simulated
from tradeterm.validators.secrets import Key

MOST_ROUNDS = 8
MOST_CALLS = 20
LONGEST_QUESTION = 4000
_RESTORED_ROWS = 60
_PAUSE_S, _LONGEST_PAUSE_S = 1.0, 10.0
_CANCELLED = "the operator cancelled this answer"
_FAILED = "this answer failed"
_ENDINGS = {
    "refusal": "The model declined to answer.",
    "model_context_window_exceeded": "The conversation is too long for the model; ask again.",
    None: "The answer broke off.",
}
_NOTHING = Checked((), ())


class Conversation:
    """One question at a time: `ask` again only after the iterator of the last one is closed.

    Reads the console on the loop, where a read takes a few ms; writes in threads, since a ledger may be busy.
    """

    def __init__(
        self,
        console: Console,
        asker: Asker,
        tools: tuple[Tool[Any], ...],
        *,
        key: Key,
        proposals: Proposals,
        spending: Spending,
    ) -> None:
        self._console = console
        self._asker = asker
        self._tools = tools
        self._definitions = tuple(tool.definition() for tool in tools)
        self._key = key
        self.proposals = proposals
        self.spending = spending
        self._history: History | None = None
        self.model = asker.model
        """Who answered last, by its own word; before that, who will be asked."""

    async def close(self) -> None:
        await self._asker.close()

    async def ask(self, text: str) -> AsyncGenerator[Event, None]:
        """Events until Finished or Failed. Cancelled or closed early, the turn is kept as far as it came.

        Raises TradetermError where not even a failure can be written down.
        """
        text = text[:LONGEST_QUESTION]
        if holds_secret(self._key, text):
            yield Failed("That line holds something with the form of a secret: it was neither sent nor kept.")
            return
        history = self._begun()
        turn = Turn(text, history.begin(text))
        self.spending.begin()
        try:
            await self._say("operator", text)
            async with aclosing(self._events(turn)) as events:
                async for event in events:
                    yield event
            checked = check(turn.answer, looked_up(turn.looked))
            await self._write(turn, checked)
        except (asyncio.CancelledError, GeneratorExit):
            history.keep_broken(text, turn.answer, _CANCELLED)
            await self._write(turn, _NOTHING, _CANCELLED)
            raise
        except (ModelFailed, BudgetSpent) as failure:
            history.keep_broken(text, turn.answer, _FAILED)
            await self._write(turn, _NOTHING, str(failure))
            yield Failed(str(failure), self.spending.turn_usd)
        except TradetermError as error:
            history.keep_broken(text, turn.answer, _FAILED)
            yield Failed(clean(str(error)), self.spending.turn_usd)
        else:
            if turn.is_whole:
                history.keep(turn.messages)
            else:
                history.keep_broken(text, turn.answer, _FAILED)
            yield Finished(
                text=turn.answer,
                cost=self.spending.turn_usd,
                tokens=self.spending.turn_tokens,
                unverified=checked.unverified,
                citations=checked.citations,
            )

    def _begun(self) -> History:
        if self._history is None or self._history.is_long:
            self._history = History(self._console.chat(limit=_RESTORED_ROWS))
        return self._history

    async def _events(self, turn: Turn) -> AsyncGenerator[Event, None]:
        """Round after round until the model has nothing more to look up. Raises ModelFailed and BudgetSpent."""
        for _ in range(MOST_ROUNDS):
            turn.said.append("")
            async with aclosing(self._reply(turn)) as pieces:
                async for piece in pieces:
                    if isinstance(piece, str):
                        turn.said[-1] += piece
                        yield TextDelta(piece)
                    else:
                        reply = piece
            turn.model = self.model = reply.model
            turn.add_reply(reply)
            if reply.stop_reason == "max_tokens":
                turn.said.append(f"[cut: a reply may have {self._asker.max_tokens:,} tokens, chat.max_tokens]")
            if reply.stop_reason != "tool_use":
                if not turn.answer:
                    raise ModelFailed("The model answered with nothing.")
                return
            results: list[dict[str, Any]] = []
            for block in reply.content:
                if block["type"] == "tool_use":
                    async for event in self._look_up(turn, block, results):
                        yield event
            turn.messages.append({"role": "user", "content": results})
        raise ModelFailed(f"The answer took more than {MOST_ROUNDS} rounds; ask something narrower.")

    async def _reply(self, turn: Turn) -> AsyncGenerator[str | Reply, None]:
        """One request, once more where that may help and nothing has come yet; each is booked, whatever came of it."""
        request = Request(_prompt(), self._definitions, tuple(turn.messages))
        clock = asyncio.get_running_loop().time
        for again in (True, False):
            reserved = self.spending.reserve(request)
            reply: Reply | None = None
            began, came, sent = clock(), False, True
            try:
                async with aclosing(self._pieces(request, turn)) as pieces:
                    async for piece in pieces:
                        came = True
                        if isinstance(piece, Reply):
                            reply = piece
                            _check_ending(reply)
                        yield piece
                if reply is None:
                    raise ModelFailed("The answer broke off.")
                return
            except ModelFailed as failure:
                sent = failure.sent
                pause = _PAUSE_S if failure.retry_after_s is None else failure.retry_after_s
                if came or not again or not failure.again or pause > min(_LONGEST_PAUSE_S, turn.seconds_left / 2):
                    raise
            finally:
                if sent:
                    await self._book(reserved, reply, round((clock() - began) * 1000))
            await asyncio.sleep(pause)

    async def _pieces(self, request: Request, turn: Turn) -> AsyncGenerator[str | Reply, None]:
        """What the model streams, until the deadline."""
        async with aclosing(self._asker.stream(request)) as stream:
            while True:
                try:
                    async with asyncio.timeout_at(turn.deadline):
                        piece = await anext(stream, None)
                except TimeoutError:
                    raise ModelFailed(f"The answer took more than {DEADLINE_S:g} s.") from None
                if piece is None:
                    return
                yield piece

    async def _look_up(
        self, turn: Turn, block: dict[str, Any], results: list[dict[str, Any]]
    ) -> AsyncGenerator[Event, None]:
        """Run one tool; its result is appended to `results` in the API's form."""
        turn.calls += 1
        named = _as_call(block)
        yield ToolStarted(named)
        await asyncio.sleep(0)  # the face paints between two look-ups
        known = {proposal.id for proposal in self.proposals.pending()}
        result = await self._result(turn, block)
        turn.looked.append(result.data)
        results.append(
            {"type": "tool_result", "tool_use_id": block["id"], "content": result.content, "is_error": result.failed}
        )
        yield ToolDone(named, result.brief, result.failed)
        for proposal in self.proposals.pending():
            if proposal.id not in known:
                await self._say("console", f"Proposal {proposal.id} ({proposal.hash[:8]}): {proposal.title}.")
                yield ProposalMade(proposal, self.proposals.line(proposal))

    async def _result(self, turn: Turn, block: dict[str, Any]) -> Result:
        """Raises ModelFailed where a tool was called wrongly too often, and after the turn's deadline."""
        if turn.calls > MOST_CALLS:
            sentence = f"no more than {MOST_CALLS} calls a question; answer with what you have"
            return Result(json.dumps({"error": sentence}), {}, sentence, failed=True)
        try:
            async with asyncio.timeout_at(turn.deadline):
                result = await answered(self._tools, str(block["name"]), block["input"], self._key)
        except TimeoutError:
            raise ModelFailed(f"The answer took more than {DEADLINE_S:g} s.") from None
        if result.failed:
            self._count_mistake(turn, str(block["name"]), result)
        return result

    def _count_mistake(self, turn: Turn, name: str, result: Result) -> None:
        tool = next((each for each in self._tools if each.name == name), None)
        if tool is None or tool.mistakes is None:
            return
        turn.mistakes[name] += 1
        if turn.mistakes[name] > tool.mistakes:
            raise ModelFailed(
                f"The model tried {name} {turn.mistakes[name]} times, still with mistakes: {result.brief}"
            )

    async def _write(self, turn: Turn, checked: Checked, why: str = "") -> None:
        """The answer, or what had come of it, into the ledger."""
        body = "\n".join(part for part in (turn.answer, f"[{why}]" if why else "") if part)
        text = with_footer(
            body,
            who=label_of(turn.model or self._asker.model),
            calls=turn.calls,
            cost=self.spending.turn_usd,
            unverified=checked.unverified,
            citations=checked.citations,
        )
        await self._say("assistant", text)

    async def _say(self, role: str, text: str) -> None:
        await asyncio.to_thread(self._console.say, role, text)

    async def _book(self, reserved: Reserved, reply: Reply | None, latency_ms: int) -> None:
        usage = self.spending.settle(reserved, reply, latency_ms)
        await asyncio.to_thread(self._console.book_usage, usage)


def label_of(model: str) -> str:
    """A model as every screen names it."""
    return f"SIMULATED AI ({model})" if is_simulated(model) else model


def _check_ending(reply: Reply) -> None:
    """Raises ModelFailed for a reply that is no answer; a tool runs only where the model ended by asking for it."""
    if reply.stop_reason not in ("end_turn", "tool_use", "max_tokens", "stop_sequence"):
        raise ModelFailed(_ENDINGS.get(reply.stop_reason, "The answer ended in a way that is not known here."))


def _as_call(block: dict[str, Any]) -> str:
    values = block["input"] if isinstance(block["input"], dict) else {}
    return clean(f"{block['name']}({', '.join(f'{key}={value}' for key, value in values.items())})", 120)


@cache
def _prompt() -> str:
    return files("tradeterm.assistant.chat").joinpath("prompts", "chat_v1.md").read_text(encoding="utf-8").strip()
