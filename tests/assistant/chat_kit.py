"""A conversation about the seeded desk with the Messages API of the tests."""

from collections.abc import AsyncIterator, Iterator
from contextlib import aclosing, asynccontextmanager, closing, contextmanager
from typing import Any

from msgspec import structs
from seeded import seed
from simulators.messages import MessagesServer

from tradeterm.assistant.chat.conversation import Conversation
from tradeterm.assistant.chat.events import Event
from tradeterm.assistant.chat.opening import open_conversation
from tradeterm.config import AiConfig, BookConfig, ChatConfig, Config, GateConfig
from tradeterm.console.client import open_console
from tradeterm.console.protocol import Console
from tradeterm.ledger.lock import EngineLock
from tradeterm.profile import Profile

KEY = "sk-ant-planted-0123456789abcdef"
ENVIRON = {"ANTHROPIC_API_KEY": KEY}
MODEL = "claude-sonnet-5-5"
TODAY = 1_795_276_800_000
"""2026-11-21 16:00 UTC, when prices are known."""


class Clock:
    """The machine's clock in ms, moved by tests alone."""

    def __init__(self, now: int = TODAY) -> None:
        self.now = now

    def __call__(self) -> int:
        return self.now


def config(url: str = "http://127.0.0.1:1", model: str = MODEL, **chat: Any) -> Config:
    book = BookConfig(strategy="eos", venue="paper", instruments=("BTCUSDT.BINANCE",), capital=100_000.0)
    gate = GateConfig(validator="claude", ai=AiConfig(base_url=url, model=model))
    return structs.replace(Config(books={"crypto": book}, gate=gate), chat=ChatConfig(**chat))


@contextmanager
def running_desk(profile: Profile) -> Iterator[Console]:
    """A console on the seeded desk whose engine seems to run."""
    seed(profile)
    with EngineLock(profile.lock), closing(open_console(profile)) as console:
        yield console


@asynccontextmanager
async def conversing(
    console: Console, server: MessagesServer, clock: Clock | None = None, **options: Any
) -> AsyncIterator[Conversation]:
    conversation = open_conversation(config(server.url, **options), console, clock or Clock(), ENVIRON)
    try:
        yield conversation
    finally:
        await conversation.close()


async def told(conversation: Conversation, text: str) -> list[Event]:
    """All events of a question."""
    async with aclosing(conversation.ask(text)) as events:
        return [event async for event in events]
