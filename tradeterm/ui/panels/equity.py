"""The curve of the equity, and beneath it how far it was below its peak."""

from collections.abc import Sequence
from datetime import UTC, tzinfo

from tradeterm.domain.facts import EquityPoint
from tradeterm.ui import fmt
from tradeterm.ui.panels.panel import ChoicePanel, sentence
from tradeterm.ui.widgets.line_chart import plot_lines
from tradeterm.ui.widgets.tones import Line, clipped, glyphs_of

_BOTH = 9  # lines that two plots need


class EquityPanel(ChoicePanel):
    """The desk's (key ""), or a book's."""

    def __init__(self, *, tz: tzinfo = UTC, id: str | None = None) -> None:
        super().__init__(id=id)
        self._tz = tz
        self._points: Sequence[EquityPoint] = ()

    def set_points(self, points: Sequence[EquityPoint]) -> None:
        """Oldest first."""
        self._points = points
        self.repaint()

    def paint(self, width: int, height: int) -> Sequence[Line]:
        points, glyphs = self._points, glyphs_of(self)
        if not points:
            return sentence("No closed bar yet: the equity is recorded bar by bar.", width)[:height]
        above = height if height < _BOTH else (height - 1) * 3 // 5
        worth = [(point.ts, float(point.equity)) for point in points]
        lines = plot_lines(worth, width, above, show=_thousands, tz=self._tz, glyphs=glyphs)
        if above == height:
            return lines
        fallen = [(point.ts, -float(point.drawdown)) for point in points]
        deepest = max(point.drawdown for point in points)
        words: Line = (
            ("Drawdown ", "muted"),
            (fmt.percent(points[-1].drawdown, 2), ""),
            (", deepest ", "muted"),
            (fmt.percent(deepest, 2), ""),
        )
        room = height - above - 1
        plot = plot_lines(fallen, width, room, fill=True, tone="down", show=_percent, tz=self._tz, glyphs=glyphs)
        return [*lines, clipped(words, width), *plot]


def _thousands(value: float) -> str:
    return fmt.money(value, places=0)


def _percent(value: float) -> str:
    return fmt.percent(value, 2)
