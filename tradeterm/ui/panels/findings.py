"""What a result is made of, table after table: a backtest's trades by group, or all variants of a test."""

from collections.abc import Sequence

from msgspec.structs import replace

from tradeterm.ui.panels.outcome import OutcomePanel
from tradeterm.ui.panels.panel import sentence
from tradeterm.ui.research.findings import table_lines, tables_of
from tradeterm.ui.research.words import short_title
from tradeterm.ui.widgets.tones import Line, glyphs_of


class FindingsPanel(OutcomePanel):
    """The tables of one run, or of two under each other."""

    def paint(self, width: int, height: int) -> Sequence[Line]:
        several = len(self._outcomes) > 1
        tables = [
            replace(table, title=f"{table.title}, {short_title(outcome)}") if several else table
            for outcome in self._outcomes
            for table in tables_of(outcome)
        ]
        lines = table_lines(tables, width, glyphs_of(self).ellipsis)
        return self.window(lines, height) if lines else sentence(self.lack, width)[:height]
