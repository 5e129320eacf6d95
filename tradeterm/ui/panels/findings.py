"""What a result is made of, table after table: a backtest's trades by group, or all variants of a test."""

from collections.abc import Sequence

from tradeterm.ui.panels.panel import Panel, sentence
from tradeterm.ui.research.findings import Table, table_lines, tables_of
from tradeterm.ui.research.outcome import Outcome
from tradeterm.ui.research.words import short_title
from tradeterm.ui.widgets.tones import Line, glyphs_of


class FindingsPanel(Panel):
    """The tables of one run, or of two under each other."""

    def __init__(self, *, id: str | None = None) -> None:
        super().__init__(id=id)
        self._tables: Sequence[Table] = ()
        self.lack = ""

    def set_outcomes(self, outcomes: Sequence[Outcome]) -> None:
        self._tables = [
            Table(
                f"{table.title}, {short_title(outcome)}" if len(outcomes) > 1 else table.title,
                table.columns,
                table.rows,
            )
            for outcome in outcomes
            for table in tables_of(outcome)
        ]
        self._top = 0
        self.repaint()

    def paint(self, width: int, height: int) -> Sequence[Line]:
        lines = table_lines(self._tables, width, glyphs_of(self).ellipsis)
        return self.window(lines, height) if lines else sentence(self.lack, width)[:height]
