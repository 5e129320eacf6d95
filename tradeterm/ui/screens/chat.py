"""Screen 7: the whole conversation."""

from collections.abc import Iterable, Sequence
from typing import ClassVar

from textual.containers import VerticalScroll
from textual.widget import Widget

from tradeterm.domain.facts import ChatRow
from tradeterm.ui.chat_session import ChatSession
from tradeterm.ui.model import Scene
from tradeterm.ui.screens import conversation
from tradeterm.ui.screens.base import ConsoleScreen
from tradeterm.ui.screens.parts import Prose
from tradeterm.ui.widgets.pane import Pane

EMPTY = (
    "Nothing was asked yet. Type a word such as status, why BTCUSDT, positions, risk or help; new strategy opens "
    "a form; plain language needs an AI and its key."
)


class Newest(VerticalScroll):
    """Keeps the newest line in sight, also at another size, until a person scrolls up to read."""

    def on_mount(self) -> None:
        self.anchor()


class ChatScreen(ConsoleScreen):
    TABS: ClassVar = (("Chat", ("chat-pane",)),)
    STAYS_IN_PROMPT = True
    ABOUT = (
        "Chat: every question and answer. Words of the console are listed by help and are never sent to a model; plain "
        "language is, where an AI is configured. Underlined numbers were not looked up. Escape cancels an answer."
    )

    def __init__(self) -> None:
        super().__init__()
        self._rows: Sequence[ChatRow] = ()

    def panes(self) -> Iterable[Widget]:
        yield Pane(
            Newest(Prose(id="chat-text"), Prose(id="chat-live"), Prose(id="chat-cards"), id="chat"),
            title="Chat",
            letter="c",
            empty_text=EMPTY,
            id="chat-pane",
        )

    def show_facts(self, scene: Scene) -> None:
        rows, chat = self.console.chat(), self.desk_app.chat
        if rows != self._rows:  # the ledger moves all the time, the conversation does not
            self._rows = rows
            self.query_one("#chat-text", Prose).show(conversation.conversation(rows, self.zone))
        pane = self.query_one("#chat-pane", Pane)
        pane.set_title("Chat · SIMULATED AI" if chat.simulated else "Chat")
        pane.set_summary(chat.summary if rows or not chat.offline else "")
        self.show_chat(chat)

    def show_second(self, scene: Scene) -> None:
        self._show_cards(self.desk_app.chat)

    def follow_chat(self) -> None:
        self.query_one(Newest).anchor()

    def show_chat(self, chat: ChatSession) -> None:
        self.query_one("#chat-pane", Pane).empty = not self._rows and not chat.busy
        live = self.query_one("#chat-live", Prose)
        live.display = chat.busy
        if chat.busy and chat.answer is not None:
            live.show(conversation.answering(chat.answer))
        self._show_cards(chat)

    def _show_cards(self, chat: ChatSession) -> None:
        pending = chat.cards()
        box = self.query_one("#chat-cards", Prose)
        box.display = bool(pending)
        if pending:
            box.border_title = "Proposed, not applied"
            asked_ms = max((row.ts for row in self._rows if row.role == "operator"), default=0)
            box.show(conversation.cards(pending, asked_ms))

    def show_answer(self, question: str, text: str) -> None:
        """The answer is in the conversation already."""
