"""A whole session: a strategy is asked for, written with one mistake, checked, previewed, applied by hand, explained.

With TRADETERM_TRANSCRIPT=FILE what was said is written there as it was said.
"""

import asyncio
import json
import os
from collections.abc import AsyncIterator, Iterator
from pathlib import Path

import pytest
from chat_kit import Clock, config, conversing, running_desk, told
from simulators.messages import MessagesServer

from tradeterm.assistant.author import folder_of
from tradeterm.assistant.chat.applying import apply
from tradeterm.assistant.chat.conversation import Conversation, label_of
from tradeterm.assistant.chat.events import Event, Failed, Finished, ProposalMade, ToolDone
from tradeterm.assistant.chat.footer import read_footer, usd
from tradeterm.assistant.chat.proposals import ProposalRefused
from tradeterm.cli import main
from tradeterm.console.protocol import Console
from tradeterm.profile import Profile

MODEL = "fake-chat-1"
ASKED = "Create an RSI oversold strategy for BTC with 10x leverage and tight risk"


class Transcript:
    """What was said, line by line, as it happened."""

    def __init__(self, conversation: Conversation, console: Console, profile: Profile) -> None:
        self._conversation = conversation
        self._console = console
        self._profile = profile
        self.lines: list[str] = []

    def say(self, who: str, text: str) -> None:
        for line in text.splitlines():
            self.lines.append(f"{who:>9}  {line}".rstrip())
            who = ""
        self.lines.append("")

    async def ask(self, line: str) -> list[Event]:
        self.say("you", line)
        events = await told(self._conversation, line)
        for event in events:
            match event:
                case ToolDone():
                    self.say("look-up", f"{event.call}\n{'FAILED: ' if event.failed else ''}{event.text}")
                case ProposalMade():
                    card = event.proposal
                    blocked = [f"cannot be applied: {why}" for why in card.blocked]
                    title = f"{card.id}: {card.title}"
                    self.say("card", "\n".join((title, card.consequence, *card.lines, *blocked, f"type {event.line}")))
                case Finished():
                    who = label_of(self._conversation.model)
                    unverified = f"\n(not looked up: {', '.join(event.unverified)})" if event.unverified else ""
                    self.say("assistant", f"{event.text}{unverified}\n— {who} · {usd(event.cost)}")
                case Failed():
                    self.say("failed", event.sentence)
        return events

    def type(self, line: str) -> str:
        """An APPLY line, which no model reads."""
        self.say("you", line)
        try:
            text = apply(line, self._conversation.proposals, self._console, config(), self._profile).text
        except ProposalRefused as refused:
            text = str(refused)
        self.say("console", text)
        return text


@pytest.fixture
def console(profile: Profile) -> Iterator[Console]:
    with running_desk(profile) as found:
        yield found


@pytest.fixture
async def server() -> AsyncIterator[MessagesServer]:
    async with MessagesServer() as running:
        yield running


async def test_a_strategy_from_plain_english_to_a_paper_book(
    console: Console, server: MessagesServer, profile: Profile, capsys: pytest.CaptureFixture[str]
) -> None:
    async with conversing(console, server, Clock(), model=MODEL) as conversation:
        transcript = Transcript(conversation, console, profile)
        events = await transcript.ask(ASKED)
        (made,) = [event for event in events if isinstance(event, ProposalMade)]
        assert [event.failed for event in events if isinstance(event, ToolDone)] == [True, False]
        last = events[-1]
        assert isinstance(last, Finished)
        assert last.unverified == ()
        assert "It would" not in last.text
        assert "Under 30 trades are insufficient" in last.text
        wrong = transcript.type(f"{made.line[:-4]}AAAA")
        assert "Nothing was applied" in wrong
        assert not folder_of(profile).exists()
        text = transcript.type(made.line)
        file = folder_of(profile) / "rsi-tight-btc.json"
        assert f"strategy rsi-tight-btc is in {file}" in text
        assert "no pending proposal" in transcript.type(made.line)
        transcript.say(file.name, file.read_text())
        book = folder_of(profile) / "paper" / "rsi-tight-btc.toml"
        transcript.say(book.name, book.read_text())
        assert main(["--profile", "paper-rsi-tight-btc", "--config", str(book), "config", "check"]) == 0
        transcript.say("shell", f"$ tradeterm config check --config {book}\n{capsys.readouterr().out}")
        assert main(["strategy", "explain", "rsi-tight-btc"]) == 0
        explained = capsys.readouterr().out
        last = (await transcript.ask("what does rsi-tight-btc do?"))[-1]
        assert isinstance(last, Finished)
        assert last.unverified == ()
        first = explained.splitlines()[0]
        assert first.startswith("Buys BTC at the close of a 15-minute bar when RSI(14) crosses above 30")
        assert first in last.text
    code = made.line.split()[-1]
    assert all(code not in json.dumps(body["messages"]) for body in server.asked)
    assert all(code not in row.text for row in console.chat())
    said = [read_footer(row.text).about for row in console.chat() if row.role == "assistant"]
    assert all(about.startswith("SIMULATED AI (fake-chat-1)") for about in said)
    assert console.commands() == []
    if target := os.environ.get("TRADETERM_TRANSCRIPT"):
        text = "\n".join(transcript.lines).replace(str(profile.config_home), "~/.config/tradeterm")
        await asyncio.to_thread(Path(target).write_text, f"{text}\n")
