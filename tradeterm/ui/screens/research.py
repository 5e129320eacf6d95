"""Screen 5: what the strategies would have done, and how the runs so far compare."""

from collections.abc import Iterable
from typing import Any, ClassVar

from textual.widget import Widget
from textual.widgets import Static

from tradeterm.domain.facts import RunRow, Trade
from tradeterm.ui import fmt
from tradeterm.ui.model import Scene
from tradeterm.ui.screens.base import ConsoleScreen
from tradeterm.ui.tables import runs
from tradeterm.ui.widgets.live_table import LiveTable
from tradeterm.ui.widgets.pane import Pane


class ResearchScreen(ConsoleScreen):
    TABS: ClassVar = (("Runs", ("runs-pane",)), ("Trades", ("trades-pane",)), ("Backtests", ("tests-pane",)))
    ABOUT = "Research: every run of this profile with its result, and the closed trades."

    def __init__(self) -> None:
        super().__init__()
        self._runs: dict[str, RunRow] = {}
        self._trades: dict[str, Trade] = {}

    def panes(self) -> Iterable[Widget]:
        yield Pane(
            LiveTable(runs.RUN_COLUMNS, empty_text="No run yet.", id="runs"), title="Runs", letter="r", id="runs-pane"
        )
        yield Pane(
            LiveTable(self.columns(runs.TRADE_COLUMNS), empty_text="No closed trade yet.", id="trades"),
            title="Trades",
            letter="t",
            id="trades-pane",
        )
        yield Pane(
            Static("Backtests, walk-forward, robustness and Monte Carlo cannot be run from here yet.", id="tests"),
            title="Backtests",
            id="tests-pane",
        )

    def show_facts(self, scene: Scene) -> None:
        listed, closed = self.console.runs(), self.console.trades()
        self._runs = {run.id: run for run in listed}
        self._trades = {trade.id: trade for trade in closed}
        glyphs = self.desk_app.glyphs
        self.query_one("#runs", LiveTable).set_rows(runs.run_rows(listed, glyphs, self.zone))
        self.query_one("#trades", LiveTable).set_rows(runs.trade_rows(closed, glyphs, self.zone))
        won = sum(trade.pnl > 0 for trade in closed)
        total = sum((trade.pnl for trade in closed), start=0)
        self.query_one("#trades-pane", Pane).set_summary(
            f"{len(closed)} trades · {fmt.percent(won / len(closed), 0)} won · {fmt.signed_money(total)}"
            if closed
            else ""
        )

    def subject(self, table: LiveTable, key: str) -> Any:
        facts: dict[str, dict[str, Any]] = {"runs": self._runs, "trades": self._trades}
        return facts[table.id or ""].get(key)
