"""The whole desk in one line, for a terminal with room for no more."""

from tradeterm.ui import fmt
from tradeterm.ui.model import Engine, Scene


def one_line(scene: Scene, halt_key: str) -> str:
    """State first, since a terminal of 20 cells cuts the rest."""
    view = scene.view
    if view is None or not scene.running:
        return f"no engine · {halt_key} halt"
    state = str(view.trading_state) if scene.engine is Engine.LIVE else "SILENT"
    day = fmt.signed_percent(view.day_return)
    return f"{state} {halt_key} halt · {view.mode.upper()} {fmt.money(view.equity, view.currency, 0)} {day}"
