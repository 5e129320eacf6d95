"""Lines as they come: capped, filtered, following the end until scrolled up."""

from collections import deque
from collections.abc import Iterable
from typing import ClassVar

from msgspec import Struct
from rich.segment import Segment
from textual.geometry import Size
from textual.reactive import var
from textual.scroll_view import ScrollView
from textual.strip import Strip

from tradeterm.ui.plain import ascii_only, fit, plain
from tradeterm.ui.widgets.local_keys import local_bindings
from tradeterm.ui.widgets.tones import glyphs_of, tone_style


class LogLine(Struct, frozen=True):
    text: str
    style: str = ""


class LogView(ScrollView, can_focus=True):
    """`write` many lines at once, once a tick. Scrolled up it holds still and counts what came since."""

    BINDINGS: ClassVar = local_bindings("table")
    COMPONENT_CLASSES: ClassVar[set[str]] = {"log--badge"}
    DEFAULT_CSS = """
    LogView {
        overflow-x: hidden;
        overflow-y: auto;
        scrollbar-size-vertical: 1;
        height: 1fr;
        background: $surface;
        color: $foreground;
    }
    LogView > .log--badge { background: $accent; color: $badge-text; text-style: bold; }
    """

    frozen: var[bool] = var(False)

    def __init__(
        self, *, max_lines: int = 2000, empty_text: str = "", id: str | None = None, classes: str | None = None
    ) -> None:
        super().__init__(id=id, classes=classes)
        self.empty_text = empty_text
        self._all: deque[LogLine] = deque(maxlen=max_lines)
        self._shown: deque[LogLine] = deque(maxlen=max_lines)
        self._filter: tuple[str, ...] = ()
        self._new = 0
        self._tail = True

    @property
    def line_count(self) -> int:
        """Lines that pass the filter."""
        return len(self._shown)

    @property
    def new_count(self) -> int:
        """Lines that came while scrolled up or frozen."""
        return self._new

    @property
    def following(self) -> bool:
        return self._tail and not self.frozen

    @property
    def lines(self) -> tuple[str, ...]:
        return tuple(line.text for line in self._shown)

    def write(self, lines: Iterable[LogLine | str]) -> None:
        """Add lines at the end; the oldest go when there are too many."""
        fresh = [_harmless(line) for line in lines]
        if not fresh:
            return
        following = self.following
        self._all.extend(fresh)
        passing = [line for line in fresh if self._passes(line)]
        if not passing:
            return
        before = len(self._shown)
        self._shown.extend(passing)
        dropped = before + len(passing) - len(self._shown)
        self._show(following, len(passing), dropped)

    def set_lines(self, lines: Iterable[LogLine | str]) -> None:
        """Replace everything."""
        self._all.clear()
        self._all.extend(_harmless(line) for line in lines)
        self._new = 0
        self._refilter()

    def set_filter(self, text: str) -> None:
        """Show only lines that contain every word."""
        words = tuple(text.casefold().split())
        if words != self._filter:
            self._filter = words
            self._refilter()

    def _passes(self, line: LogLine) -> bool:
        text = line.text.casefold() if self._filter else ""
        return all(word in text for word in self._filter)

    def _refilter(self) -> None:
        self._shown.clear()
        self._shown.extend(line for line in self._all if self._passes(line))
        self._show(True, 0, 0)

    def _show(self, following: bool, came: int, dropped: int) -> None:
        self.virtual_size = Size(self.size.width, len(self._shown))
        if following:
            self._to_end()
        else:
            self._new += came
            if dropped:
                self.scroll_to(y=max(0, self.scroll_offset.y - dropped), animate=False, force=True, immediate=True)
        self.refresh()

    def _to_end(self) -> None:
        self._new, self._tail = 0, True
        self.scroll_to(y=self.max_scroll_y, animate=False, force=True, immediate=True)

    def watch_scroll_y(self, old_value: float, new_value: float) -> None:
        super().watch_scroll_y(old_value, new_value)
        self._tail = new_value >= self.max_scroll_y
        if self._new and self.following:
            self._new = 0
            self.refresh()

    def watch_frozen(self, frozen: bool) -> None:
        if not frozen:
            self.action_last()

    def on_resize(self) -> None:
        tail = self._tail
        self.virtual_size = Size(self.size.width, len(self._shown))
        if tail:
            self._to_end()

    def render_line(self, y: int) -> Strip:
        width = self.scrollable_content_region.width
        base = self.rich_style
        ellipsis = glyphs_of(self).ellipsis
        if self._new and y == self.size.height - 1:
            badge = f" {self._new} new "
            style = base + self.get_component_rich_style("log--badge", partial=True)
            return Strip([Segment(" " * max(0, width - len(badge)), base), Segment(badge[:width], style)])
        at = y + self.scroll_offset.y
        if at >= len(self._shown):
            if y == 0 and self.empty_text:
                return Strip([Segment(fit(self.empty_text, width, ellipsis), base + tone_style(self, "muted"))])
            return Strip.blank(width, base)
        line = self._shown[at]
        style = base + tone_style(self, line.style) if line.style else base
        text = ascii_only(line.text) if glyphs_of(self).ascii else line.text
        return Strip([Segment(fit(text, width, ellipsis), style)])

    def action_up(self) -> None:
        self.scroll_relative(y=-1, animate=False)

    def action_down(self) -> None:
        self.scroll_relative(y=1, animate=False)

    def action_page_up(self) -> None:
        self.scroll_relative(y=1 - self.size.height, animate=False)

    def action_page_down(self) -> None:
        self.scroll_relative(y=self.size.height - 1, animate=False)

    def action_first(self) -> None:
        self.scroll_home(animate=False)

    def action_last(self) -> None:
        self._to_end()
        self.refresh()


def _harmless(line: LogLine | str) -> LogLine:
    return LogLine(plain(line)) if isinstance(line, str) else LogLine(plain(line.text), line.style)
