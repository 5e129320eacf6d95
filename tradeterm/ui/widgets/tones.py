"""Tones: what a piece of text means, not how it looks. Style sheets and themes turn a tone into colours."""

from collections.abc import Sequence

from rich.segment import Segment
from rich.style import Style
from textual.strip import Strip
from textual.widget import Widget

from tradeterm.ui.glyphs import UNICODE, Glyphs
from tradeterm.ui.plain import ascii_only, fit

Span = tuple[str, str]
"""A text and its tone; "" is plain, several tones may be joined by spaces ("up bold")."""

Line = tuple[Span, ...]

_BODIES = {
    "up": "color: $pnl-up;",
    "down": "color: $pnl-down;",
    "muted": "color: $muted;",
    "faint": "color: $pane-border;",
    "accent": "color: $accent;",
    "warn": "color: $warning;",
    "danger": "color: $danger; text-style: bold;",
    "stale": "color: $stale;",
    "bright": "color: $bright;",
    "bold": "color: $bright; text-style: bold;",
    "strong": "text-style: bold;",
    "key": "color: $key; text-style: bold;",
    "prompt": "color: $prompt;",
    "title": "color: $pane-title; text-style: bold;",
    "demo": "background: $demo; color: $badge-text; text-style: bold;",
    "paper": "background: $paper; color: $badge-text; text-style: bold;",
    "live": "background: $live; color: $badge-text; text-style: bold;",
    "alarm": "background: $danger; color: $badge-text; text-style: bold;",
    "alert": "background: $warning; color: $badge-text; text-style: bold;",
    "chart-up": "color: $chart-up;",
    "chart-down": "color: $chart-down;",
    "volume": "color: $chart-volume;",
    "axis": "color: $chart-axis;",
    "last": "color: $chart-last; text-style: bold;",
    "line": "color: $chart-line;",
    "entry": "color: $level-entry;",
    "stop": "color: $level-stop;",
    "target": "color: $level-target;",
}

TONES = frozenset(_BODIES)
TONE_CLASSES = {f"tone--{tone}" for tone in _BODIES}


def tone_css(widget: str) -> str:
    """Default rules that give every tone its colours in a widget class."""
    return "\n".join(f"{widget} > .tone--{tone} {{ {body} }}" for tone, body in _BODIES.items())


def tone_style(widget: Widget, tone: str) -> Style:
    """The partial style of one or more tones in a widget whose COMPONENT_CLASSES hold TONE_CLASSES."""
    if " " in tone:
        return Style.combine(tone_style(widget, part) for part in tone.split())
    return widget.get_component_rich_style(f"tone--{tone}", partial=True) if tone else Style.null()


def strip_of(widget: Widget, line: Line, width: int, base: Style) -> Strip:
    """A line as a strip of exactly `width` cells on `base`."""
    if glyphs_of(widget).ascii:
        line = tuple((ascii_only(text), tone) for text, tone in line)
    segments = [Segment(text, base + tone_style(widget, tone) if tone else base) for text, tone in line if text]
    return Strip(segments).adjust_cell_length(width, base)


def glyphs_of(widget: Widget) -> Glyphs:
    """The sign set of the app the widget lives in."""
    glyphs = getattr(widget.app, "glyphs", UNICODE)
    return glyphs if isinstance(glyphs, Glyphs) else UNICODE


def line_width(line: Sequence[Span]) -> int:
    """Cells a line takes; tones use narrow text only, so this is its length."""
    return sum(len(text) for text, _ in line)


def text_of(line: Sequence[Span]) -> str:
    return "".join(text for text, _ in line)


def clipped(line: Sequence[Span], width: int, ellipsis: str = "…") -> Line:
    """The line in at most `width` cells, cut with an ellipsis."""
    if line_width(line) <= width:
        return tuple(line)
    kept: list[Span] = []
    left = width
    for text, tone in line:
        if len(text) >= left:
            kept.append((fit(text + " ", left, ellipsis), tone))
            break
        kept.append((text, tone))
        left -= len(text)
    return tuple(kept)
