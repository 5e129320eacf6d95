"""One question on its way to an answer: what was sent, said and looked up so far."""

import asyncio
from collections import Counter
from typing import Any

from tradeterm.assistant.chat.history import Message
from tradeterm.assistant.chat.model import Reply

DEADLINE_S = 60.0


class Turn:
    def __init__(self, text: str, messages: list[Message]) -> None:
        self.text = text
        self.messages = messages
        self.said: list[str] = []
        self.looked: list[Any] = []
        self.calls = 0
        self.mistakes: Counter[str] = Counter()
        self.model = ""
        self.deadline = asyncio.get_running_loop().time() + DEADLINE_S

    @property
    def answer(self) -> str:
        return "\n\n".join(part for part in (text.strip() for text in self.said) if part)

    @property
    def seconds_left(self) -> float:
        return self.deadline - asyncio.get_running_loop().time()

    def add_reply(self, reply: Reply) -> None:
        """The reply as it came; but the API takes back no empty text and no empty message."""
        content = [block for block in reply.content if block["type"] != "text" or block["text"].strip()]
        content = content or [{"type": "text", "text": "(nothing more)"}]
        self.messages.append({"role": "assistant", "content": content})

    @property
    def is_whole(self) -> bool:
        """Whether the last message asks for no tool that was not run."""
        return all(block["type"] != "tool_use" for block in self.messages[-1]["content"])
