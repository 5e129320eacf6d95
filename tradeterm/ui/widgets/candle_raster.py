"""Candles as characters: bars in, toned lines out. Pure; resolution is half a cell vertically."""

import math
from collections.abc import Sequence
from datetime import UTC, tzinfo

from msgspec import Struct, structs

from tradeterm.domain.market import Bar
from tradeterm.ui import fmt
from tradeterm.ui.glyphs import UNICODE, Glyphs
from tradeterm.ui.widgets.axes import Scale, nice_ticks, scale_of, time_labels
from tradeterm.ui.widgets.tones import Line

Cells = list[dict[int, tuple[str, str]]]
"""Rows of column → (character, tone); absent is blank."""

MIN_WIDTH, MIN_HEIGHT = 24, 5
_TAIL = 8  # room in the gutter for the name of a level


class Level(Struct, frozen=True):
    """A horizontal line. `kind` is entry, stop or target and is its tone."""

    price: float
    label: str
    kind: str = "entry"


class Mark(Struct, frozen=True):
    """A fill: `side` is BUY or SELL."""

    ts: int
    price: float
    side: str
    text: str = ""


class Zoom(Struct, frozen=True):
    """`cells` a candle, `bars` merged into a candle (one of the two is 1)."""

    cells: int
    bars: int


ZOOMS = (Zoom(6, 1), Zoom(4, 1), Zoom(3, 1), Zoom(2, 1), Zoom(1, 1), Zoom(1, 2), Zoom(1, 3), Zoom(1, 6), Zoom(1, 12))


class Candle(Struct, frozen=True):
    """One candle on the screen; `finite` is false where the data had no usable numbers (drawn as a gap)."""

    ts: int
    ts_end: int
    open: float
    high: float
    low: float
    close: float
    volume: float
    finite: bool = True


class Plot(Struct, frozen=True, kw_only=True):
    """Everything to draw. `bars` oldest first; `offset` is how many newest candles lie beyond the right edge."""

    bars: Sequence[Bar]
    levels: Sequence[Level] = ()
    marks: Sequence[Mark] = ()
    tick: float | None = None
    zoom: Zoom = ZOOMS[3]
    offset: int = 0
    last: float | None = None
    tz: tzinfo = UTC
    glyphs: Glyphs = UNICODE


def candles_of(bars: Sequence[Bar], merge: int) -> list[Candle]:
    """Bars as candles, `merge` to one on round times; a bar with a number that is not finite becomes a gap."""
    if merge == 1:
        return [_candle(bar) for bar in bars]
    merged: list[Candle] = []
    slot_before: int | None = None
    for bar in bars:
        slot = bar.ts_open // (bar.interval_ms * merge)
        one = _candle(bar)
        if slot == slot_before:
            merged[-1] = _joined(merged[-1], one)
        else:
            merged.append(one)
        slot_before = slot
    return merged


def usable(value: float | None) -> bool:
    """Whether a price can be drawn: a finite number of sane size."""
    return value is not None and abs(value) < 1e15


def _candle(bar: Bar) -> Candle:
    prices = (bar.open, bar.high, bar.low, bar.close)
    finite = all(map(usable, prices))
    volume = bar.volume if usable(bar.volume) and bar.volume > 0 else 0.0
    high, low = (max(prices), min(prices)) if finite else (0.0, 0.0)
    return Candle(bar.ts_open, bar.ts_event, bar.open, high, low, bar.close, volume, finite)


def _joined(one: Candle, other: Candle) -> Candle:
    if not (one.finite and other.finite):
        return other if other.finite else one
    high, low = max(one.high, other.high), min(one.low, other.low)
    return Candle(one.ts, other.ts_end, one.open, high, low, other.close, one.volume + other.volume)


def rasterise(plot: Plot, width: int, height: int) -> list[Line]:
    """The chart in `height` lines of at most `width` cells: candles, volume, price gutter and time line.

    Too small for a chart it is one line in words and blocks.
    """
    plot = structs.replace(
        plot,
        last=plot.last if usable(plot.last) else None,
        levels=[level for level in plot.levels if usable(level.price)],
    )
    every = candles_of(_needed(plot, width), plot.zoom.bars)
    shown = [candle for candle in every if candle.finite]
    if not shown:
        return []
    if width < MIN_WIDTH or height < MIN_HEIGHT:
        return [_in_one_line(plot, shown, width)]
    gutter = _gutter_width(plot, shown, width)
    columns = width - gutter
    end = max(1, len(every) - plot.offset)
    candles = every[max(0, end - columns // plot.zoom.cells) : end]
    if not any(candle.finite for candle in candles):
        return []
    volume_rows = height // 6 if height >= 14 else 0
    rows = height - 1 - volume_rows
    scale = _scale(plot, candles, rows)
    left = columns - len(candles) * plot.zoom.cells
    cells = draw_candles(candles, rows, scale, left, plot.zoom.cells, plot.glyphs)
    _draw_marks(cells, plot, candles, scale, left)
    _draw_levels(cells, plot, scale, columns)
    cells += _draw_volume(candles, volume_rows, left, plot)
    labels = _gutter(plot, candles, scale, rows, gutter)
    lines = [_line(row, columns, labels.get(at)) for at, row in enumerate(cells)]
    lines.append(_time_line(candles, left, columns, plot))
    return lines


def _needed(plot: Plot, width: int) -> Sequence[Bar]:
    """Only the bars that can be seen; charts of long histories cost no more than short ones."""
    most = (width // plot.zoom.cells + plot.offset + 2) * plot.zoom.bars
    return plot.bars[-most:] if len(plot.bars) > most else plot.bars


def draw_candles(
    candles: Sequence[Candle], rows: int, scale: Scale, left: int, cells: int, glyphs: Glyphs = UNICODE
) -> Cells:
    """Wicks and bodies, in half rows. A body is never thinner than half a row."""
    grid: Cells = [{} for _ in range(rows)]
    table = _ascii_halves(glyphs) if glyphs.ascii else _HALVES
    body = 1 if cells < 4 else cells - 1
    centre = (body - 1) // 2 if body > 1 else 0
    halves = rows * 2
    for number, candle in enumerate(candles):
        if not candle.finite:
            continue
        tone = "chart-up" if candle.close >= candle.open else "chart-down"
        column = left + number * cells
        top = min(int(scale.at(max(candle.open, candle.close))), halves - 1)
        bottom = max(top + 1, round(scale.at(min(candle.open, candle.close))))
        wick_top = max(0, min(top, int(scale.at(candle.high))))
        wick_bottom = min(halves, max(bottom, math.ceil(scale.at(candle.low))))
        for row in range(wick_top // 2, (wick_bottom + 1) // 2):
            half = 2 * row
            upper = 2 if top <= half < bottom else 1 if wick_top <= half < wick_bottom else 0
            half += 1
            lower = 2 if top <= half < bottom else 1 if wick_top <= half < wick_bottom else 0
            line = grid[row]
            if body == 1:
                line[column] = (table[upper][lower], tone)
                continue
            if upper == 2 or lower == 2:
                side = "█" if upper == lower else "▀" if upper == 2 else "▄"
                side = glyphs.body if glyphs.ascii else side
                for x in range(column, column + body):
                    line[x] = (side, tone)
                if upper and lower and upper != lower and not glyphs.ascii:
                    line[column + centre] = ("█", tone)
            else:
                line[column + centre] = (table[upper][lower], tone)
    return grid


_HALVES = ((" ", "╷", "╻"), ("╵", "│", "╽"), ("╹", "╿", "┃"))
"""Character by what stands in the upper and the lower half: nothing, wick, body."""


def _ascii_halves(glyphs: Glyphs) -> tuple[tuple[str, ...], ...]:
    wick, body = glyphs.wick, glyphs.body
    return ((" ", wick, body), (wick, wick, body), (body, body, body))


def _scale(plot: Plot, candles: Sequence[Candle], rows: int) -> Scale:
    """All candles, and levels as far as they leave the candles at least half of the height."""
    finite = [candle for candle in candles if candle.finite]
    low, high = min(candle.low for candle in finite), max(candle.high for candle in finite)
    span = (high - low) or abs(high) * 0.002 or 1.0
    for level in sorted(plot.levels, key=lambda level: abs(level.price - finite[-1].close)):
        if max(high, level.price) - min(low, level.price) <= 2 * span:
            low, high = min(low, level.price), max(high, level.price)
    if plot.offset == 0 and plot.last is not None:
        low, high = min(low, plot.last), max(high, plot.last)
    return scale_of(low, high, rows * 2)


def _draw_levels(cells: Cells, plot: Plot, scale: Scale, columns: int) -> None:
    """Dashed lines behind the candles."""
    for level in plot.levels:
        row = scale.row(level.price, 2)
        if 0 <= row < len(cells):
            line = cells[row]
            for x in range(columns):
                if x not in line:
                    line[x] = (plot.glyphs.level, level.kind)


def _draw_marks(cells: Cells, plot: Plot, candles: Sequence[Candle], scale: Scale, left: int) -> None:
    """Buys under the bar's low, sells over its high, nearest free row; the text where there is room."""
    for mark in plot.marks:
        number = next((n for n, c in enumerate(candles) if c.ts <= mark.ts < c.ts_end), None)
        if number is None or not candles[number].finite:
            continue
        buy = mark.side.upper() in ("BUY", "LONG")
        body = max(1, plot.zoom.cells - 1) if plot.zoom.cells >= 4 else 1
        column = left + number * plot.zoom.cells + (body - 1) // 2
        step = 1 if buy else -1
        row = scale.row(candles[number].low if buy else candles[number].high, 2) + step
        while 0 <= row < len(cells) and column in cells[row]:
            row += step
        row = max(0, min(row, len(cells) - 1))
        tone = "up strong" if buy else "down strong"
        cells[row][column] = (plot.glyphs.up if buy else plot.glyphs.down, tone)
        room = range(column + 2, column + 2 + len(mark.text))
        if mark.text and not any(x in cells[row] for x in range(column + 1, room.stop + 1)):
            for x, character in zip(room, mark.text, strict=True):
                cells[row][x] = (character, "muted")


def _draw_volume(candles: Sequence[Candle], rows: int, left: int, plot: Plot) -> Cells:
    grid: Cells = [{} for _ in range(rows)]
    top = max((candle.volume for candle in candles), default=0.0)
    if not rows or top <= 0:
        return grid
    body = max(1, plot.zoom.cells - 1) if plot.zoom.cells >= 4 else 1
    blocks = plot.glyphs.blocks
    for number, candle in enumerate(candles):
        eighths = round(candle.volume / top * rows * 8)
        for row in range(rows):
            part = max(0, min(8, eighths - (rows - 1 - row) * 8))
            if part:
                for x in range(left + number * plot.zoom.cells, left + number * plot.zoom.cells + body):
                    grid[row][x] = (blocks[part], "volume")
    return grid


def _price_width(plot: Plot, candles: Sequence[Candle]) -> int:
    values = [candle.high for candle in candles] + [level.price for level in plot.levels]
    values += [candle.low for candle in candles] + ([] if plot.last is None else [plot.last])
    return max(len(fmt.price(value, plot.tick)) for value in (max(values), min(values)))


def _gutter_width(plot: Plot, candles: Sequence[Candle], width: int) -> int:
    """A blank, the price and, with room, the name of a level."""
    return _price_width(plot, candles) + 1 + (_TAIL if plot.levels and width >= 60 else 0)


def _gutter(plot: Plot, candles: Sequence[Candle], scale: Scale, rows: int, width: int) -> dict[int, Line]:
    """Row → what stands at the right: last price first, then levels, then round prices where nothing else is."""
    labels: dict[int, Line] = {}
    digits = _price_width(plot, [candle for candle in candles if candle.finite])
    closing = next(candle.close for candle in reversed(candles) if candle.finite)
    last = plot.last if plot.offset == 0 and plot.last is not None else closing
    tail = width - digits - 1

    def put(row: int, text: str, name: str, tone: str) -> None:
        named = " " + name[: tail - 1].ljust(tail - 1) if tail > 1 else ""
        labels[row] = ((" ", ""), (text.rjust(digits), tone), (named, tone))

    taken = max(0, min(rows - 1, scale.row(last, 2)))
    put(taken, fmt.price(last, plot.tick), "", "last")
    inside_first = sorted(plot.levels, key=lambda level: not 0 <= scale.row(level.price, 2) < rows)
    for level in inside_first:
        row = scale.row(level.price, 2)
        beyond = plot.glyphs.up if row < 0 else plot.glyphs.down if row >= rows else ""
        wished = max(0, min(rows - 1, row))
        free = next((at for at in _around(wished, rows) if at not in labels), None)
        if free is not None:
            put(free, fmt.price(level.price, plot.tick), beyond + level.label, level.kind)
    for value in nice_ticks(scale.low, scale.high, max(2, rows * 2 // 5), plot.tick or 0.0):
        row = scale.row(value, 2)
        if 0 <= row < rows and row not in labels:
            put(row, fmt.price(value, plot.tick), "", "axis")
    return labels


def _around(row: int, rows: int) -> list[int]:
    """The row and its neighbours, nearest first."""
    return [at for at in (row, row - 1, row + 1, row - 2, row + 2) if 0 <= at < rows]


def _line(row: dict[int, tuple[str, str]], columns: int, label: Line | None) -> Line:
    """A row of cells as spans of equal tone, with its label in the gutter."""
    spans: list[tuple[str, str]] = []
    text, tone, x = "", "", 0
    for column in sorted(row):
        character, here = row[column]
        if column >= columns or column < 0:
            continue
        gap = column - x
        if here == tone:
            text += " " * gap + character
        else:
            if text or gap:
                spans.append((text + " " * gap, tone))
            text, tone = character, here
        x = column + 1
    spans.append((text + " " * (columns - x), tone))
    return (*spans, *label) if label else tuple(spans)


def _time_line(candles: Sequence[Candle], left: int, columns: int, plot: Plot) -> Line:
    times: list[int | None] = [None] * columns
    for number, candle in enumerate(candles):
        times[left + number * plot.zoom.cells] = candle.ts
    return ((time_labels(times, columns, plot.tz), "axis"),)


def _in_one_line(plot: Plot, candles: Sequence[Candle], width: int) -> Line:
    """The last price and the closes as blocks."""
    last = fmt.price(plot.last if plot.last is not None else candles[-1].close, plot.tick)
    room = width - len(last) - 1
    if room < 4:
        return ((last[:width], "last"),)
    return ((last + " ", "last"), (spark([candle.close for candle in candles][-room:], plot.glyphs), "line"))


def spark(values: Sequence[float], glyphs: Glyphs = UNICODE) -> str:
    """Values as blocks, one cell each; what is not finite is a blank."""
    finite = [value for value in values if math.isfinite(value)]
    if not finite:
        return " " * len(values)
    low, span = min(finite), max(finite) - min(finite)
    blocks = glyphs.blocks[1:]
    top = len(blocks) - 1
    return "".join(
        blocks[round((value - low) / span * top) if span > 0 else top // 2] if math.isfinite(value) else " "
        for value in values
    )
