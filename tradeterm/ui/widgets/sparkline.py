"""A line of values as blocks, one cell each."""

from collections.abc import Sequence

from tradeterm.ui.widgets.candle_raster import spark
from tradeterm.ui.widgets.painted import Painted
from tradeterm.ui.widgets.tones import Line, glyphs_of


class Sparkline(Painted):
    """Newest values at the right edge; a longer history is thinned out to the width."""

    DEFAULT_CSS = "Sparkline { height: 1; }"

    def __init__(self, *, tone: str = "line", id: str | None = None, classes: str | None = None) -> None:
        super().__init__(id=id, classes=classes)
        self.tone = tone
        self._values: Sequence[float] = ()

    def set_values(self, values: Sequence[float]) -> None:
        self._values = values
        self.repaint()

    def paint(self, width: int, height: int) -> Sequence[Line]:
        return (((spark(thinned(self._values, width), glyphs_of(self)), self.tone),),)


def thinned(values: Sequence[float], width: int) -> Sequence[float]:
    """At most `width` values: the last one of each even stretch, so that the newest is always there."""
    if len(values) <= width or width < 1:
        return values
    return [values[(at + 1) * len(values) // width - 1] for at in range(width)]
