"""Tones: what a piece of text means, not how it looks. The theme turns a tone into colours."""

from collections.abc import Mapping, Sequence
from functools import lru_cache

from msgspec import Struct
from rich.cells import cell_len
from rich.segment import Segment
from rich.style import Style
from textual.color import Color
from textual.strip import Strip
from textual.widget import Widget

from tradeterm.ui.glyphs import UNICODE, Glyphs
from tradeterm.ui.plain import ascii_only, fit

Span = tuple[str, str]
"""A text and its tone; "" is plain, several tones may be joined by spaces ("up bold")."""

Line = tuple[Span, ...]


class Tone(Struct, frozen=True):
    """Theme variables of a tone's colours ("" leaves one as it is), and whether it is bold."""

    colour: str = ""
    background: str = ""
    bold: bool = False


_TONES: Mapping[str, Tone] = {
    "up": Tone("pnl-up"),
    "down": Tone("pnl-down"),
    "muted": Tone("muted"),
    "faint": Tone("pane-border"),
    "accent": Tone("accent"),
    "warn": Tone("warning"),
    "danger": Tone("danger", bold=True),
    "stale": Tone("stale"),
    "bright": Tone("bright"),
    "bold": Tone("bright", bold=True),
    "strong": Tone(bold=True),
    "key": Tone("key", bold=True),
    "prompt": Tone("prompt"),
    "title": Tone("pane-title", bold=True),
    "demo": Tone("badge-text", "demo", bold=True),
    "paper": Tone("badge-text", "paper", bold=True),
    "live": Tone("badge-text", "live", bold=True),
    "alarm": Tone("badge-text", "danger", bold=True),
    "alert": Tone("badge-text", "warning", bold=True),
    "chart-up": Tone("chart-up"),
    "chart-down": Tone("chart-down"),
    "volume": Tone("chart-volume"),
    "axis": Tone("chart-axis"),
    "last": Tone("chart-last", bold=True),
    "line": Tone("chart-line"),
    "entry": Tone("level-entry"),
    "stop": Tone("level-stop"),
    "target": Tone("level-target"),
}

TONES = frozenset(_TONES)


def tone_style(widget: Widget, tone: str) -> Style:
    """The partial style of one or more tones under the app's present theme.

    Tones are no component classes: the framework would look up thirty virtual nodes for every widget whenever its
    focus changes, which costs more than a keypress may.
    """
    if " " in tone:
        return Style.combine(tone_style(widget, part) for part in tone.split())
    if not tone:
        return Style.null()
    colours, known = widget.app.theme_variables, _TONES[tone]
    return _style(colours.get(known.colour, ""), colours.get(known.background, ""), known.bold)


@lru_cache(maxsize=512)
def _style(colour: str, background: str, bold: bool) -> Style:
    return Style(
        color=Color.parse(colour).rich_color if colour else None,
        bgcolor=Color.parse(background).rich_color if background else None,
        bold=bold or None,
    )


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
    """Cells a line takes."""
    return sum(width_of(text) for text, _ in line)


def width_of(text: str) -> int:
    """Cells a text takes: what comes from outside may be wide."""
    return len(text) if text.isascii() else cell_len(text)


def text_of(line: Sequence[Span]) -> str:
    return "".join(text for text, _ in line)


def clipped(line: Sequence[Span], width: int, ellipsis: str = "…") -> Line:
    """The line in at most `width` cells, cut with an ellipsis."""
    if line_width(line) <= width:
        return tuple(line)
    kept: list[Span] = []
    left = width
    for text, tone in line:
        if width_of(text) >= left:
            kept.append((fit(text + " ", left, ellipsis), tone))
            break
        kept.append((text, tone))
        left -= width_of(text)
    return tuple(kept)
