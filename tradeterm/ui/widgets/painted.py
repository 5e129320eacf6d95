"""Base of widgets that draw themselves as lines of toned text and repaint only the lines that changed."""

from collections.abc import Sequence

from textual.geometry import Region
from textual.strip import Strip
from textual.widget import Widget

from tradeterm.ui.diff import changed_lines
from tradeterm.ui.widgets.tones import Line, strip_of


class Painted(Widget):
    """A subclass gives `paint(width, height)`, a pure look at its data; `repaint()` after the data changed."""

    def __init__(self, *, id: str | None = None, classes: str | None = None) -> None:
        super().__init__(id=id, classes=classes)
        self._lines: Sequence[Line] = ()
        self._strips: dict[int, Strip] = {}
        self._painted_for: tuple[int, int] | None = None
        self._colours: dict[str, str] = {}

    def paint(self, width: int, height: int) -> Sequence[Line]:
        """The lines to show, at most `height` of them, each at most `width` cells."""
        raise NotImplementedError

    def repaint(self) -> None:
        """Draw anew and refresh the lines that differ."""
        if not self.is_mounted:
            return
        width, height = self.content_size
        lines = self.paint(width, height) if width > 0 and height > 0 else ()
        changed = changed_lines(self._lines, lines)
        whole = self._painted_for != (width, height)
        self._lines, self._painted_for = lines, (width, height)
        if whole:
            self._strips.clear()
            self.refresh()
        elif changed:
            for line in changed:
                self._strips.pop(line, None)
            self.refresh(*(Region(0, line, width, 1) for line in changed))

    def render_line(self, y: int) -> Strip:
        if self._painted_for != tuple(self.content_size):
            width, height = self.content_size
            self._lines = self.paint(width, height) if width > 0 and height > 0 else ()
            self._painted_for = (width, height)
            self._strips.clear()
        if self._colours is not self.app.theme_variables:
            self._colours = self.app.theme_variables
            self._strips.clear()
        strip = self._strips.get(y)
        if strip is None:
            line = self._lines[y] if y < len(self._lines) else ()
            strip = self._strips[y] = strip_of(self, line, self.content_size.width, self.rich_style)
        return strip

    def notify_style_update(self) -> None:
        super().notify_style_update()
        self._strips.clear()
