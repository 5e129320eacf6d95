"""The candle chart: what `candle_raster` draws, scrolled and zoomed by keys and wheel."""

from collections.abc import Sequence
from datetime import UTC, tzinfo
from typing import ClassVar

from textual import events
from textual.binding import BindingType

from tradeterm.domain.market import Bar
from tradeterm.ui.widgets.candle_raster import ZOOMS, Level, Mark, Plot, rasterise
from tradeterm.ui.widgets.local_keys import local_bindings
from tradeterm.ui.widgets.painted import Painted
from tradeterm.ui.widgets.tones import Line, clipped, glyphs_of

__all__ = ["CandleChart", "Level", "Mark"]

_DEFAULT_ZOOM = 3


class CandleChart(Painted, can_focus=True):
    """`set_data` after every change; the picture holds still while scrolled back."""

    BINDINGS: ClassVar[list[BindingType]] = local_bindings("chart")
    DEFAULT_CSS = "CandleChart { height: 1fr; background: $surface; color: $foreground; }"

    def __init__(
        self, *, empty_text: str = "No bars yet.", tz: tzinfo = UTC, id: str | None = None, classes: str | None = None
    ) -> None:
        super().__init__(id=id, classes=classes)
        self.empty_text = empty_text
        self._plot = Plot(bars=(), tz=tz)
        self._zoom = _DEFAULT_ZOOM
        self._offset = 0

    def set_data(
        self,
        bars: Sequence[Bar],
        *,
        levels: Sequence[Level] = (),
        marks: Sequence[Mark] = (),
        tick: float | None = None,
        last: float | None = None,
    ) -> None:
        """Show closed bars (oldest first), lines, fills and the last price (None: the last close)."""
        before = self._plot.bars
        if before and bars and before[-1].instrument != bars[-1].instrument:
            self._offset = 0
        elif self._offset and before and bars:
            newer = sum(1 for bar in bars[-64:] if bar.ts_open > before[-1].ts_open)
            self._offset += newer // ZOOMS[self._zoom].bars
        plot = Plot(bars=bars, levels=levels, marks=marks, tick=tick, last=last, tz=self._plot.tz)
        if plot != self._plot:
            self._plot = plot
            self.repaint()

    @property
    def bars_per_candle(self) -> int:
        """How many bars a candle stands for at the present zoom."""
        return ZOOMS[self._zoom].bars

    @property
    def offset_candles(self) -> int:
        """Candles between the right edge and now; 0 while following."""
        return self._offset

    def paint(self, width: int, height: int) -> Sequence[Line]:
        plot = Plot(
            bars=self._plot.bars,
            levels=self._plot.levels,
            marks=self._plot.marks,
            tick=self._plot.tick,
            last=self._plot.last,
            tz=self._plot.tz,
            zoom=ZOOMS[self._zoom],
            offset=self._offset,
            glyphs=glyphs_of(self),
        )
        return rasterise(plot, width, height) or (clipped(((self.empty_text, "muted"),), width),)

    def action_earlier(self) -> None:
        zoom = ZOOMS[self._zoom]
        fit = max(1, self.content_size.width // zoom.cells)
        most = max(0, len(self._plot.bars) // zoom.bars - fit // 2)
        self._offset = min(most, self._offset + max(1, fit // 8))
        self.repaint()

    def action_later(self) -> None:
        fit = max(1, self.content_size.width // ZOOMS[self._zoom].cells)
        self._offset = max(0, self._offset - max(1, fit // 8))
        self.repaint()

    def action_closer(self) -> None:
        self._set_zoom(self._zoom - 1)

    def action_wider(self) -> None:
        self._set_zoom(self._zoom + 1)

    def _set_zoom(self, zoom: int) -> None:
        """Change the zoom, keeping the bar at the right edge where it is."""
        zoom = max(0, min(zoom, len(ZOOMS) - 1))
        self._offset = self._offset * ZOOMS[self._zoom].bars // ZOOMS[zoom].bars
        self._zoom = zoom
        self.repaint()

    def on_mouse_scroll_up(self, event: events.MouseScrollUp) -> None:
        event.stop()
        self.action_closer()

    def on_mouse_scroll_down(self, event: events.MouseScrollDown) -> None:
        event.stop()
        self.action_wider()
