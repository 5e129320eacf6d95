"""The whole desk in one line, for a terminal with room for no more."""

from collections.abc import Sequence

from tradeterm.domain.states import Mode, VenueState
from tradeterm.ui import fmt
from tradeterm.ui.model import Engine, Scene
from tradeterm.ui.plain import plain
from tradeterm.ui.venues import each_once
from tradeterm.ui.widgets.painted import Painted
from tradeterm.ui.widgets.tones import Line, Span, clipped, glyphs_of, text_of


def one_line(scene: Scene, halt_key: str, configured: Mode | None = None) -> Line:
    """State first, since a terminal of 20 cells cuts the rest; before the state only that money is real.

    `configured` is the mode of the configuration, for the time before an engine has shown its own.
    """
    view = scene.view
    live = (view.mode if view is not None else configured) is Mode.LIVE
    badge: Line = (("LIVE", "live"), (" ", "")) if live else ()
    if view is None or not scene.running:
        return (*badge, (f"no engine · {halt_key} halt", "muted"))
    state = str(view.trading_state) if scene.engine is Engine.LIVE else "SILENT"
    money = f"{fmt.money(view.equity, view.currency, 0)} {fmt.signed_percent(view.day_return)}"
    mode = "" if live else f"{view.mode.upper()} "
    return (*badge, (f"{state} {halt_key} halt · ", "muted"), *_worst_venue(scene), (f"{mode}{money}", "muted"))


def _worst_venue(scene: Scene) -> tuple[Span, ...]:
    view = scene.view
    worst = next(iter(each_once(view.venues)), None) if view is not None and view.replay is None else None
    if worst is None or worst.state is VenueState.READY:
        return ()
    loud = "danger" if worst.state is VenueState.BLOCKED else "warn"
    return ((f"{plain(worst.venue)} {worst.state}", loud), (" · ", "muted"))


class OneLine(Painted):
    """Takes the whole of a tiny terminal; hidden in any other."""

    DEFAULT_CSS = "OneLine { height: 1; color: $muted; }"

    def __init__(self, *, id: str) -> None:
        super().__init__(id=id)
        self._line: Line = ()

    @property
    def text(self) -> str:
        return text_of(self._line)

    def say(self, line: Line) -> None:
        self._line = line
        self.repaint()

    def paint(self, width: int, height: int) -> Sequence[Line]:
        return (clipped(self._line, width, glyphs_of(self).ellipsis),)
