"""Several curves in one plot, in braille dots, each named with its last value beside its end. Pure."""

import math
from collections.abc import Callable, Iterator, Sequence
from enum import StrEnum

from msgspec import Struct

from tradeterm.ui.glyphs import UNICODE, Glyphs
from tradeterm.ui.widgets.axes import Scale, nice_ticks, scale_of
from tradeterm.ui.widgets.tones import Line, Span, clipped

_DOTS = ((0x01, 0x08), (0x02, 0x10), (0x04, 0x20), (0x40, 0x80))
_BRAILLE = 0x2800
_MIN_WIDTH, _MIN_HEIGHT = 24, 5
_GAP = 3  # every so many dots of a dotted curve one is drawn

Extent = tuple[int, int]
"""Highest and lowest dot of a column."""


class Stroke(StrEnum):
    SOLID = "solid"
    DOTTED = "dotted"
    FILLED = "filled"
    """Shaded down to zero."""


class Curve(Struct, frozen=True):
    """Points in order of x; None is a gap. `sign` draws the curve where there is nothing but ASCII."""

    points: tuple[tuple[float, float | None], ...]
    tone: str
    label: str = ""
    stroke: Stroke = Stroke.SOLID
    sign: str = "*"


class Cross(Struct, frozen=True):
    """A point that must be seen."""

    x: float
    y: float
    tone: str = "danger"


def curve_lines(
    curves: Sequence[Curve],
    width: int,
    height: int,
    *,
    show: Callable[[float], str],
    below: Callable[[Sequence[float]], str],
    crosses: Sequence[Cross] = (),
    glyphs: Glyphs = UNICODE,
) -> list[Line]:
    """The curves in `height` lines of `width` cells, later ones over earlier ones. `below` gives the line under the
    plot, from the x of each of its columns. Without any value there are no lines; without room the last values alone.
    """
    named = [(curve, last) for curve in curves if curve.label and (last := _last(curve)) is not None]
    values = [value for curve in curves for _, value in _known(curve)] + [cross.y for cross in crosses]
    if not values:
        return []
    ends = [(f"{show(value)} {curve.label}", _label_tone(curve), value) for curve, value in named]
    if width < _MIN_WIDTH or height < _MIN_HEIGHT:
        return [clipped(tuple((text + "  ", tone) for text, tone, _ in ends), width, glyphs.ellipsis)]
    rows = height - 1
    filled = any(curve.stroke is Stroke.FILLED for curve in curves)
    low, high = min(values), max(values)
    scale = scale_of(min(low, 0.0) if filled else low, high, rows * 4)
    labels = _labels(ends, scale, rows, show)
    gutter = max(len(text) for text, _ in labels.values()) if labels else 0
    columns = width - gutter - 1
    xs = [x for curve in curves for x, _ in curve.points]
    across = _Across(min(xs), max(xs), columns * 2)
    cells = _cells(curves, across, scale, columns, rows, glyphs)
    for cross in crosses:
        row, column = min(rows - 1, max(0, scale.row(cross.y, 4))), across.dot(cross.x) // 2
        cells[row][column] = (glyphs.cross, cross.tone)
    lines: list[Line] = []
    for row in range(rows):
        text, tone = labels.get(row, ("", ""))
        lines.append((*_runs(cells[row]), (" " + text.ljust(gutter), tone)))
    lines.append(((below([across.value(column / max(1, columns - 1)) for column in range(columns)]), "axis"),))
    return lines


class _Across(Struct, frozen=True):
    """Maps x to columns of dots."""

    low: float
    high: float
    dots: int

    def dot(self, x: float) -> int:
        span = self.high - self.low
        return 0 if span <= 0 else min(self.dots - 1, max(0, round((x - self.low) / span * (self.dots - 1))))

    def value(self, part: float) -> float:
        """The x at a part of the way, 0 to 1."""
        return self.low + (self.high - self.low) * part


def _known(curve: Curve) -> Iterator[tuple[float, float]]:
    return ((x, y) for x, y in curve.points if y is not None and math.isfinite(y))


def _label_tone(curve: Curve) -> str:
    """A shade is too faint for words."""
    return "axis" if curve.stroke is Stroke.FILLED else curve.tone


def _last(curve: Curve) -> float | None:
    """The value at its end; None where the end is not known."""
    last = curve.points[-1][1] if curve.points else None
    return last if last is not None and math.isfinite(last) else None


def _labels(
    ends: Sequence[tuple[str, str, float]], scale: Scale, rows: int, show: Callable[[float], str]
) -> dict[int, Span]:
    """Row → text beside it: the ends of the curves as near to them as there is room, then round values."""
    labels: dict[int, Span] = {}
    for text, tone, value in sorted(ends, key=lambda end: -end[2]):
        wanted = min(rows - 1, max(0, scale.row(value, 4)))
        free = [row for row in range(rows) if row not in labels]
        if free:
            labels[min(free, key=lambda row: (abs(row - wanted), -row))] = (text, tone)
    for value in nice_ticks(scale.low, scale.high, max(2, rows // 3)):
        row = scale.row(value, 4)
        if 0 <= row < rows and not {row - 1, row, row + 1} & labels.keys():
            labels[row] = (show(value), "axis")
    return labels


def _extents(curve: Curve, across: _Across, scale: Scale) -> Iterator[tuple[int, Extent]]:
    """Columns of dots and what the curve covers in them; points are joined by straight lines without holes."""
    before: Extent | None = None  # column and dot
    for x, y in curve.points:
        if y is None or not math.isfinite(y):
            before = None
            continue
        here = (across.dot(x), max(0, min(scale.steps - 1, int(scale.at(y)))))
        if before is None or here[0] == before[0]:
            other = here[1] if before is None else before[1]
            yield here[0], (min(here[1], other), max(here[1], other))
        else:
            steps, rise = here[0] - before[0], here[1] - before[1]
            for step in range(1, steps + 1):
                ends = (before[1] + rise * (step - 1) // steps, before[1] + rise * step // steps)
                yield before[0] + step, (min(ends), max(ends))
        before = here


def _cells(
    curves: Sequence[Curve], across: _Across, scale: Scale, columns: int, rows: int, glyphs: Glyphs
) -> list[list[Span]]:
    dots = [[0] * columns for _ in range(rows)]
    cells: list[list[Span]] = [[(" ", "")] * columns for _ in range(rows)]
    zero = min(rows * 4 - 1, max(0, round(scale.at(0.0))))
    for curve in curves:
        for x, (top, bottom) in _extents(curve, across, scale):
            if curve.stroke is Stroke.DOTTED and x % _GAP:
                continue
            if curve.stroke is Stroke.FILLED:
                bottom = max(bottom, zero)
            for y in range(top, bottom + 1):
                row, column = y // 4, x // 2
                dots[row][column] |= _DOTS[y % 4][x % 2]
                cells[row][column] = (curve.sign if glyphs.ascii else chr(_BRAILLE + dots[row][column]), curve.tone)
    return cells


def _runs(cells: Sequence[Span]) -> Iterator[Span]:
    """Neighbours of one tone as one span."""
    text, tone = "", cells[0][1] if cells else ""
    for sign, here in cells:
        if here != tone and sign != " ":
            yield text, tone
            text, tone = "", here
        text += sign
    yield text, tone
