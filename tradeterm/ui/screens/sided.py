"""A screen with two sets of panes: in a layout of two columns a tab of the second set shows that set alone."""

from typing import ClassVar

from tradeterm.ui.screens.base import ConsoleScreen
from tradeterm.ui.screens.parts import Tab
from tradeterm.ui.widgets.pane import Pane


class SidedScreen(ConsoleScreen):
    """The tabs from `BEHIND` on are those of the second set; the screen has the class `BEHIND_CLASS` while one of them
    is open. `COLUMNS` selects what holds panes."""

    BEHIND: ClassVar[int]
    BEHIND_CLASS: ClassVar[str]
    COLUMNS: ClassVar[str] = ".column"

    @property
    def is_behind(self) -> bool:
        return self._tab >= self.BEHIND

    def _show_tab(self, index: int) -> None:
        super()._show_tab(index)
        self.set_class(self.is_behind, self.BEHIND_CLASS)
        for at, tab in enumerate(self.query(Tab)):
            tab.set_class((at >= self.BEHIND) is self.is_behind, "-beside")
        self._mark_vacant()

    def _zoom(self, zoomed: Pane | None) -> None:
        super()._zoom(zoomed)
        self._mark_vacant()

    def _mark_vacant(self) -> None:
        """Columns none of whose panes is shown give their room up."""
        tab = self.TABS[self._tab][1]
        for column in self.query(self.COLUMNS):
            panes = list(column.query(Pane))
            column.set_class(not any(pane.id in tab for pane in panes), "-vacant")
            column.set_class(not any(pane.has_class("-zoom") for pane in panes), "-unzoomed")
