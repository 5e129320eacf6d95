"""One line to give a command or ask a question in, with history and completion."""

from collections.abc import Callable, Sequence
from typing import ClassVar

from textual import events, on
from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import Horizontal
from textual.message import Message
from textual.suggester import Suggester
from textual.widgets import Input, Static

MAX_HISTORY = 200

Candidates = Callable[[str], Sequence[str]]
"""Whole lines that would complete the given one, best first."""


class _Completion(Suggester):
    def __init__(self, candidates: Candidates) -> None:
        super().__init__(use_cache=False, case_sensitive=True)
        self._candidates = candidates

    async def get_suggestion(self, value: str) -> str | None:
        return next((line for line in self._candidates(value) if line.startswith(value) and line != value), None)


class _Line(Input):
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("tab", "complete", show=False),
        Binding("up", "history(-1)", show=False),
        Binding("down", "history(1)", show=False),
    ]

    class Stepped(Message):
        def __init__(self, step: int) -> None:
            super().__init__()
            self.step = step

    def action_complete(self) -> None:
        """Take the suggestion; without one the key does nothing, so that it never leaves a half-typed command."""
        self.action_cursor_right()
        self.cursor_position = len(self.value)

    def action_history(self, step: int) -> None:
        self.post_message(self.Stepped(step))


class Prompt(Horizontal):
    """Posts `Submitted(text)` on enter and `Cancelled` on escape; both leave the line empty."""

    DEFAULT_CSS = """
    Prompt { height: 1; background: $surface; }
    Prompt > Static { width: 2; color: $prompt; text-style: bold; }
    Prompt > Input {
        width: 1fr; height: 1; border: none; padding: 0; background: $surface; color: $foreground;
    }
    Prompt > Input:focus { border: none; }
    Prompt > Input > .input--placeholder, Prompt > Input > .input--suggestion { color: $muted; }
    """

    class Submitted(Message):
        def __init__(self, prompt: "Prompt", text: str) -> None:
            super().__init__()
            self.prompt = prompt
            self.text = text

        @property
        def control(self) -> "Prompt":
            return self.prompt

    class Cancelled(Message):
        def __init__(self, prompt: "Prompt") -> None:
            super().__init__()
            self.prompt = prompt

        @property
        def control(self) -> "Prompt":
            return self.prompt

    def __init__(
        self,
        *,
        candidates: Candidates | None = None,
        placeholder: str = "",
        mark: str = ":",
        history: Sequence[str] = (),
        id: str | None = None,
        classes: str | None = None,
    ) -> None:
        super().__init__(id=id, classes=classes)
        self._candidates = candidates
        self._placeholder = placeholder
        self._mark = mark
        self.history: list[str] = list(history)[-MAX_HISTORY:]
        self._at = len(self.history)
        self._draft = ""

    def compose(self) -> ComposeResult:
        yield Static(self._mark, markup=False)
        completion = _Completion(self._candidates) if self._candidates else None
        yield _Line(placeholder=self._placeholder, suggester=completion, select_on_focus=False)

    @property
    def input(self) -> Input:
        return self.query_one(_Line)

    @property
    def text(self) -> str:
        return self.input.value

    def open(self, text: str = "") -> None:
        """Take the focus with `text` already typed."""
        self.input.value = text
        self.input.cursor_position = len(text)
        self.input.focus()

    @on(Input.Submitted)
    def _submit(self, event: Input.Submitted) -> None:
        event.stop()
        text = event.value.strip()
        self._clear()
        if not text:
            self.post_message(self.Cancelled(self))
            return
        if not self.history or self.history[-1] != text:
            self.history = [*self.history, text][-MAX_HISTORY:]
        self._at = len(self.history)
        self.post_message(self.Submitted(self, text))

    @on(Input.Changed)
    def _keep(self, event: Input.Changed) -> None:
        event.stop()

    @on(_Line.Stepped)
    def _step(self, event: "_Line.Stepped") -> None:
        """Walk the history; what was being typed waits at its end."""
        event.stop()
        if self._at == len(self.history):
            self._draft = self.input.value
        self._at = max(0, min(len(self.history), self._at + event.step))
        self.input.value = self.history[self._at] if self._at < len(self.history) else self._draft
        self.input.cursor_position = len(self.input.value)

    def on_key(self, event: events.Key) -> None:
        if event.key == "escape":
            event.stop()
            self._clear()
            self.post_message(self.Cancelled(self))

    def _clear(self) -> None:
        self.input.value = ""
        self._at, self._draft = len(self.history), ""
