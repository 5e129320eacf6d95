"""A panel that shows what came of runs of research."""

from collections.abc import Sequence

from tradeterm.ui.panels.panel import Panel
from tradeterm.ui.research.outcome import Outcome


class OutcomePanel(Panel):
    """Shows nothing (but `lack`, what to do then), one run, or two backtests beside each other."""

    def __init__(self, *, id: str | None = None) -> None:
        super().__init__(id=id)
        self._outcomes: Sequence[Outcome] = ()
        self.lack = "Nothing is open: enter opens a run of the list."

    def set_outcomes(self, outcomes: Sequence[Outcome]) -> None:
        self._outcomes = outcomes
        self._top = 0
        self.repaint()
