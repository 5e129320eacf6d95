"""Values against their limits: a thin bar and the numbers beside it."""

import math
from collections.abc import Sequence

from tradeterm.domain.view import LimitView
from tradeterm.ui import fmt
from tradeterm.ui.glyphs import UNICODE, Glyphs
from tradeterm.ui.plain import fit, plain
from tradeterm.ui.widgets.painted import Painted
from tradeterm.ui.widgets.tones import Line, clipped, glyphs_of

AMBER, RED = 0.60, 0.85
_MIN_BAR, _MAX_BAR = 4, 24


def used(value: float | None, limit: float) -> float | None:
    """The used part of a limit, 0 and up; None where there is no value or no sensible limit."""
    if value is None or not (math.isfinite(value) and math.isfinite(limit)) or limit <= 0:
        return None
    return max(0.0, value / limit)


def tone_of(part: float | None) -> str:
    """Green under 60 %, amber under 85 %, red from there; muted without a value."""
    if part is None:
        return "muted"
    return "up" if part < AMBER else "warn" if part < RED else "danger"


def bar(part: float | None, width: int, glyphs: Glyphs = UNICODE) -> Line:
    """A bar of `width` cells; anything above nothing shows at least one cell."""
    filled = 0 if not part else max(1, min(width, round(part * width)))
    return ((glyphs.bar * filled, tone_of(part)), (glyphs.rail * (width - filled), "faint"))


def numbers(value: float | None, limit: float, unit: str) -> tuple[str, str]:
    """Value and limit in words: ("0.6", "5.0%"), ("31", "100%"), ("2", "10"), ("—", "2.00x")."""
    places = 2 if unit == "x" else 1 if unit == "%" and limit < 20 else 0
    suffix = unit if unit in ("%", "x") else ""
    return fmt.number(value, places), fmt.number(limit, places) + suffix


def value_text(limit: LimitView) -> str:
    """The value alone with its unit: "0.6%", "31%", "2", "—"."""
    value, top = numbers(limit.value, limit.limit, limit.unit)
    return value + (limit.unit if limit.value is not None and top.endswith(limit.unit) else "")


def gauge_lines(limits: Sequence[LimitView], width: int, glyphs: Glyphs = UNICODE) -> list[Line]:
    """One line a limit, labels, bars and numbers under each other; the bar gives way first."""
    texts = [numbers(limit.value, limit.limit, limit.unit) for limit in limits]
    values, tops = max((len(v) for v, _ in texts), default=0), max((len(t) for _, t in texts), default=0)
    names = [plain(limit.name) for limit in limits]
    label = max((len(name) for name in names), default=0)
    label = min(label, max(6, width - values - tops - 5 - _MIN_BAR))
    room = width - label - values - tops - 5
    length = min(_MAX_BAR, room) if room >= _MIN_BAR else 0
    lines = []
    for limit, name, (value, top) in zip(limits, names, texts, strict=True):
        part = used(limit.value, limit.limit)
        middle = (*bar(part, length, glyphs), (" ", "")) if length else ()
        number = (value.rjust(values), tone_of(part) if part is None or part >= AMBER else "")
        line = ((fit(name, label, glyphs.ellipsis) + " ", "muted"), *middle, number, (" / " + top, "muted"))
        lines.append(clipped(line, width, glyphs.ellipsis))
    return lines


class Gauges(Painted):
    """A stack of limits."""

    DEFAULT_CSS = "Gauges { height: auto; }"

    def __init__(
        self, *, empty_text: str = "No limits yet.", id: str | None = None, classes: str | None = None
    ) -> None:
        super().__init__(id=id, classes=classes)
        self.empty_text = empty_text
        self._limits: tuple[LimitView, ...] = ()

    def set_limits(self, limits: Sequence[LimitView]) -> None:
        grew = len(limits) != len(self._limits)
        self._limits = tuple(limits)
        if grew:
            self.refresh(layout=True)
        self.repaint()

    def get_content_height(self, container: object, viewport: object, width: int) -> int:
        return max(1, len(self._limits))

    def paint(self, width: int, height: int) -> Sequence[Line]:
        if not self._limits:
            return (clipped(((self.empty_text, "muted"),), width),)
        return gauge_lines(self._limits, width, glyphs_of(self))[:height]
