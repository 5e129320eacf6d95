"""Screen 7: the whole conversation."""

from collections.abc import Iterable, Sequence
from typing import ClassVar

from textual.containers import VerticalScroll
from textual.content import Content
from textual.widget import Widget

from tradeterm.domain.facts import ChatRow
from tradeterm.ui import fmt
from tradeterm.ui.model import Scene
from tradeterm.ui.plain import plain
from tradeterm.ui.screens.base import ConsoleScreen
from tradeterm.ui.screens.parts import Prose
from tradeterm.ui.widgets.pane import Pane

EMPTY = (
    "Nothing was asked yet. Type a word such as status, why BTCUSDT, positions, risk or help; "
    "plain language comes with an AI key."
)
_NAMES = {"operator": "you", "console": "console", "assistant": "assistant"}


class ChatScreen(ConsoleScreen):
    TABS: ClassVar = (("Chat", ("chat-pane",)),)
    STAYS_IN_PROMPT = True
    ABOUT = "Chat: every question and answer. The words the console knows now are listed by help."

    def panes(self) -> Iterable[Widget]:
        yield Pane(
            VerticalScroll(Prose(id="chat-text"), id="chat"),
            title="Chat",
            letter="c",
            empty_text=EMPTY,
            id="chat-pane",
        )

    def show_facts(self, scene: Scene) -> None:
        rows = self.console.chat()
        pane = self.query_one("#chat-pane", Pane)
        pane.empty = not rows
        pane.set_summary("plain language comes with an AI key" if rows else "")
        self.query_one("#chat-text", Prose).show(conversation(rows, self.zone))
        self.query_one("#chat", VerticalScroll).scroll_end(animate=False)

    def show_answer(self, question: str, text: str) -> None:
        """The answer is in the conversation already."""


def conversation(rows: Sequence[ChatRow], zone: str) -> Content:
    parts: list[tuple[str, str]] = []
    for row in rows:
        mine = row.role == "operator"
        parts.append((f"{fmt.short_clock(row.ts, zone)} ", "$muted"))
        parts.append((f"{_NAMES.get(row.role, row.role)}\n", "bold $prompt" if mine else "bold $accent"))
        parts += [(f"  {plain(line)}\n", "$bright" if mine else "$foreground") for line in row.text.splitlines()]
        parts.append(("\n", ""))
    return Content.assemble(*parts)
