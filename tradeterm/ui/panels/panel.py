"""A pane's body that takes the focus: keys move what it shows, enter opens all of it."""

import re
import textwrap
from collections.abc import Sequence
from typing import Any, ClassVar

from msgspec import Struct
from textual.binding import BindingType
from textual.message import Message

from tradeterm.ui.widgets.local_keys import local_bindings
from tradeterm.ui.widgets.painted import Painted
from tradeterm.ui.widgets.tones import Line, Span, glyphs_of

_FAR = 1_000_000


class Detail(Struct, frozen=True):
    """A panel in full: to read, and as what can be copied as JSON."""

    text: str
    subject: Any


def sentence(text: str, width: int, tone: str = "muted") -> list[Line]:
    """A text in as many lines as it takes."""
    return [((line, tone),) for line in textwrap.wrap(text, max(1, width))]


def wrapped(spans: Sequence[Span], width: int, indent: int = 0) -> list[Line]:
    """Toned text in as many lines as it takes, those after the first one indented."""
    lines: list[Line] = []
    line: list[Span] = []
    used = 0
    for text, tone in spans:
        for word in re.findall(r"\s*\S+\s*$|\s*\S+|\s+", text):
            if line and used + len(word.rstrip()) > width:
                lines.append(tuple(line))
                line, used, word = [(" " * indent, "")], indent, word.lstrip()
            line.append((word, tone))
            used += len(word)
    return [*lines, tuple(line)] if line else lines


def give_or_take(ascii: bool) -> str:
    """The sign before a standard error."""
    return "+-" if ascii else "±"


class Panel(Painted, can_focus=True):
    """The keys of a table scroll it (`move`). A subclass paints, and tells its `detail` if it has one."""

    BINDINGS: ClassVar[list[BindingType]] = local_bindings("table")
    DEFAULT_CSS = "Panel { height: 1fr; background: $surface; color: $foreground; }"

    def __init__(self, *, id: str | None = None) -> None:
        super().__init__(id=id)
        self._top = 0

    def detail(self) -> Detail | None:
        return None

    def move(self, step: int) -> None:
        """Scroll by so many lines; a panel that shows one thing of many goes to another one instead."""
        self._top = max(0, self._top + step)
        self.repaint()

    def window(self, lines: Sequence[Line], room: int) -> Sequence[Line]:
        """The part of the lines that is scrolled to; the last one says how many are below."""
        if len(lines) <= room or room < 2:
            self._top = 0
            return lines[: max(0, room)]
        self._top = min(self._top, len(lines) - room)
        seen = lines[self._top : self._top + room]
        below = len(lines) - self._top - room
        return seen if not below else [*seen[:-1], ((f"{glyphs_of(self).ellipsis} {below + 1} more lines", "muted"),)]

    def action_up(self) -> None:
        self.move(-1)

    def action_down(self) -> None:
        self.move(1)

    def action_page_up(self) -> None:
        self.move(-self._page)

    def action_page_down(self) -> None:
        self.move(self._page)

    def action_first(self) -> None:
        self.move(-_FAR)

    def action_last(self) -> None:
        self.move(_FAR)

    @property
    def _page(self) -> int:
        return max(1, self.content_size.height - 2)


class ChoicePanel(Panel):
    """Shows one of several things; up and down choose which. Says so with `Chosen`."""

    class Chosen(Message):
        def __init__(self, panel: "ChoicePanel") -> None:
            super().__init__()
            self.panel = panel

        @property
        def control(self) -> "ChoicePanel":
            return self.panel

    def __init__(self, *, id: str | None = None) -> None:
        super().__init__(id=id)
        self._choices: tuple[str, ...] = ()
        self._at = 0
        self._stays = False

    @property
    def chosen(self) -> str:
        """The key of what is shown; empty where there is nothing to choose from."""
        return self._choices[self._at] if self._choices else ""

    @property
    def place(self) -> str:
        """ "2 of 9", or nothing where there is no choice."""
        return f"{self._at + 1} of {len(self._choices)}" if len(self._choices) > 1 else ""

    def set_choices(self, keys: Sequence[str]) -> None:
        """What there is, the first one first; what somebody chose stays chosen while it is there."""
        before = self.chosen
        self._choices = tuple(keys)
        self._at = self._choices.index(before) if self._stays and before in self._choices else 0

    def move(self, step: int) -> None:
        at = max(0, min(len(self._choices) - 1, self._at + step))
        if at != self._at:
            self._at = at
            self._stays = at > 0
            self.post_message(self.Chosen(self))
