"""Risk at a glance: limits as thin bars with their numbers, breaker, books, and the curve of the equity."""

from collections.abc import Sequence

from tradeterm.domain.states import BreakerLevel
from tradeterm.domain.view import DeskView, LimitView
from tradeterm.ui import fmt
from tradeterm.ui.glyphs import Glyphs
from tradeterm.ui.tables.common import gain_tone
from tradeterm.ui.widgets.candle_raster import spark
from tradeterm.ui.widgets.gauge import gauge_lines, used
from tradeterm.ui.widgets.painted import Painted
from tradeterm.ui.widgets.sparkline import thinned
from tradeterm.ui.widgets.tones import Line, clipped, glyphs_of

_NAME_CELLS = 8
_BREAKER_TONES = {BreakerLevel.CLOSED: "up", BreakerLevel.ALERT: "warn", BreakerLevel.THROTTLE: "warn"}


class RiskPanel(Painted):
    """Limits of the books, the breaker's ladder, and equity; drops from the bottom when the room is short."""

    DEFAULT_CSS = "RiskPanel { height: 1fr; background: $surface; color: $foreground; }"

    def __init__(self, *, id: str | None = None) -> None:
        super().__init__(id=id)
        self._view: DeskView | None = None
        self._equity: Sequence[float] = ()

    def set_view(self, view: DeskView) -> None:
        self._view = view
        self.repaint()

    def set_equity(self, values: Sequence[float]) -> None:
        self._equity = values
        self.repaint()

    def paint(self, width: int, height: int) -> Sequence[Line]:
        view = self._view
        if view is None:
            return ()
        glyphs = glyphs_of(self)
        tail = [_breaker(view, width, glyphs), *_equity(self._equity, view, width, glyphs)]
        room = max(1, height - len(tail))
        return [*gauge_lines(_gravest(view.limits, room), width, glyphs), *tail][:height]


def _gravest(limits: Sequence[LimitView], room: int) -> list[LimitView]:
    """The limits in their own order, without the least used ones when there is no room for all."""
    keep = sorted(limits, key=lambda limit: -(used(limit.value, limit.limit) or 0.0))[:room]
    return [limit for limit in limits if limit in keep]


def _breaker(view: DeskView, width: int, glyphs: Glyphs) -> Line:
    spans: list[tuple[str, str]] = [("Breaker".ljust(_NAME_CELLS + 1), "")]
    levels = list(BreakerLevel) if width >= 54 else list(BreakerLevel)[:-1]
    if view.breaker not in levels or width < 44:
        levels = [view.breaker]
    for place, level in enumerate(levels):
        if place:
            spans.append((f" {glyphs.arrow} ", "faint"))
        here = level is view.breaker
        spans.append(
            (
                level.value if here else level.lower(),
                f"{_BREAKER_TONES.get(level, 'danger')} strong" if here else "muted",
            )
        )
    return clipped(tuple(spans), width, glyphs.ellipsis)


def _equity(values: Sequence[float], view: DeskView, width: int, glyphs: Glyphs) -> list[Line]:
    total = f"{fmt.money(view.equity, view.currency)}"
    day = f" {fmt.signed_money(view.day_pnl, view.currency)} today"
    line: Line = (("Equity".ljust(_NAME_CELLS + 1), ""), (total, "bold"), (day, gain_tone(view.day_pnl) or "muted"))
    if len(values) < 2:
        return [clipped(line, width, glyphs.ellipsis)]
    return [clipped(line, width, glyphs.ellipsis), ((spark(thinned(values, width), glyphs), "line"),)]
