"""Curves over time (equity, drawdown) in braille dots, with a value axis and times."""

import math
from collections.abc import Callable, Sequence
from datetime import UTC, tzinfo

from tradeterm.ui import fmt
from tradeterm.ui.glyphs import UNICODE, Glyphs
from tradeterm.ui.widgets.axes import Scale, nice_ticks, scale_of, time_labels
from tradeterm.ui.widgets.candle_raster import spark
from tradeterm.ui.widgets.painted import Painted
from tradeterm.ui.widgets.sparkline import thinned
from tradeterm.ui.widgets.tones import Line, clipped, glyphs_of

Point = tuple[int, float]
"""Time in ms and value."""

_DOTS = ((0x01, 0x08), (0x02, 0x10), (0x04, 0x20), (0x40, 0x80))
_BRAILLE = 0x2800
_MIN_WIDTH, _MIN_HEIGHT = 20, 4


def plot_lines(
    points: Sequence[Point],
    width: int,
    height: int,
    *,
    fill: bool = False,
    tone: str = "line",
    show: Callable[[float], str] = fmt.number,
    tz: tzinfo = UTC,
    glyphs: Glyphs = UNICODE,
) -> list[Line]:
    """The curve in `height` lines of `width` cells. `fill` shades down from zero (for drawdowns).

    Values that are not finite leave a gap; without any finite value there are no lines.
    """
    good = [(ts, value) for ts, value in points if math.isfinite(value)]
    if not good:
        return []
    if width < _MIN_WIDTH or height < _MIN_HEIGHT:
        last = show(good[-1][1])
        blocks = spark(thinned([value for _, value in good], max(0, width - len(last) - 1)), glyphs)
        return [clipped(((last + " ", ""), (blocks, tone)), width)]
    rows = height - 1
    low, high = min(value for _, value in good), max(value for _, value in good)
    scale = scale_of(min(low, 0.0) if fill else low, max(high, 0.0) if fill else high, rows * 4)
    labels = _labels(scale, rows, good[-1][1], show)
    digits = max(len(text) for text, _ in labels.values())
    columns = width - digits - 1
    heights = _column_heights(good, columns * 2, scale)
    zero = min(rows * 4 - 1, max(0, round(scale.at(0.0)))) if fill else None
    cells = _ascii_cells(heights, columns, rows, zero) if glyphs.ascii else _braille_cells(heights, columns, rows, zero)
    lines: list[Line] = []
    for row in range(rows):
        text, label_tone = labels.get(row, ("", "axis"))
        lines.append(((cells[row], tone), (" " + text.rjust(digits), label_tone)))
    lines.append(((time_labels(_times(good, columns), columns, tz), "axis"),))
    return lines


def _labels(scale: Scale, rows: int, last: float, show: Callable[[float], str]) -> dict[int, tuple[str, str]]:
    """Row → value beside it: the last value, then round ones where nothing else is."""
    labels = {max(0, min(rows - 1, scale.row(last, 4))): (show(last), "last")}
    for value in nice_ticks(scale.low, scale.high, max(2, rows // 3)):
        row = scale.row(value, 4)
        if 0 <= row < rows and not {row - 1, row, row + 1} & labels.keys():
            labels[row] = (show(value), "axis")
    return labels


def _column_heights(points: Sequence[Point], columns: int, scale: Scale) -> list[tuple[int, int] | None]:
    """For every dot column the highest and lowest dot; columns between two points are joined by a straight line."""
    start, span = points[0][0], max(1, points[-1][0] - points[0][0])
    heights: list[tuple[int, int] | None] = [None] * columns
    before: tuple[int, int] | None = None
    for ts, value in points:
        x = min(columns - 1, (ts - start) * (columns - 1) // span)
        y = max(0, min(scale.steps - 1, int(scale.at(value))))
        if before is not None and x > before[0]:
            for between in range(before[0] + 1, x):
                at = before[1] + (y - before[1]) * (between - before[0]) // (x - before[0])
                heights[between] = (at, at)
        here = heights[x]
        heights[x] = (y, y) if here is None else (min(here[0], y), max(here[1], y))
        before = (x, y)
    return _joined(heights)


def _joined(heights: Sequence[tuple[int, int] | None]) -> list[tuple[int, int] | None]:
    """Stretch each column so that it meets the one before: a steep line has no holes."""
    joined: list[tuple[int, int] | None] = []
    before: tuple[int, int] | None = None
    for here in heights:
        stretched = here
        if here is not None and before is not None:
            stretched = (min(here[0], before[1] + 1), max(here[1], before[0] - 1))
        joined.append(stretched)
        before = here
    return joined


def _braille_cells(heights: Sequence[tuple[int, int] | None], columns: int, rows: int, zero: int | None) -> list[str]:
    grid = [[0] * columns for _ in range(rows)]
    for x, span in enumerate(heights):
        if span is None:
            continue
        top, bottom = span if zero is None else (min(span[0], zero), max(span[1], zero))
        for y in range(top, bottom + 1):
            grid[y // 4][x // 2] |= _DOTS[y % 4][x % 2]
    return ["".join(chr(_BRAILLE + dots) if dots else " " for dots in row) for row in grid]


def _ascii_cells(heights: Sequence[tuple[int, int] | None], columns: int, rows: int, zero: int | None) -> list[str]:
    grid = [[" "] * columns for _ in range(rows)]
    for x, span in enumerate(heights):
        if span is None:
            continue
        top, bottom = span if zero is None else (min(span[0], zero), max(span[1], zero))
        for row in range(top // 4, bottom // 4 + 1):
            grid[row][x // 2] = "*"
    return ["".join(row) for row in grid]


def _times(points: Sequence[Point], columns: int) -> list[int | None]:
    start, span = points[0][0], points[-1][0] - points[0][0]
    return [start + span * column // max(1, columns - 1) for column in range(columns)]


class LineChart(Painted):
    """An equity curve or, with `fill`, a drawdown."""

    DEFAULT_CSS = "LineChart { height: 1fr; }"

    def __init__(
        self,
        *,
        empty_text: str = "Nothing to plot yet.",
        fill: bool = False,
        tone: str = "line",
        show: Callable[[float], str] = fmt.number,
        tz: tzinfo = UTC,
        id: str | None = None,
        classes: str | None = None,
    ) -> None:
        super().__init__(id=id, classes=classes)
        self.empty_text = empty_text
        self._fill, self._tone, self._show, self._tz = fill, tone, show, tz
        self._points: Sequence[Point] = ()

    def set_points(self, points: Sequence[Point]) -> None:
        """Show these points, oldest first."""
        self._points = points
        self.repaint()

    def paint(self, width: int, height: int) -> Sequence[Line]:
        lines = plot_lines(
            self._points,
            width,
            height,
            fill=self._fill,
            tone=self._tone,
            show=self._show,
            tz=self._tz,
            glyphs=glyphs_of(self),
        )
        return lines or (clipped(((self.empty_text, "muted"),), width),)
