"""Screen 6: alerts, commands and the log."""

from collections.abc import Iterable, Sequence
from typing import Any, ClassVar

from textual.widget import Widget

from tradeterm.domain.facts import AlertFact, CommandRow
from tradeterm.domain.states import AlertLevel
from tradeterm.ui.model import Scene
from tradeterm.ui.screens.base import ConsoleScreen
from tradeterm.ui.tables import journal
from tradeterm.ui.widgets.live_table import LiveTable
from tradeterm.ui.widgets.log_view import LogLine, LogView
from tradeterm.ui.widgets.pane import Pane

LOG_LINES = 500


class JournalScreen(ConsoleScreen):
    TABS: ClassVar = (("Alerts", ("alerts-pane",)), ("Commands", ("commands-pane",)), ("Log", ("log-pane",)))
    ABOUT = "Journal: what the engine had to say, what it was told, and its log. / filters as you type."

    def __init__(self) -> None:
        super().__init__()
        self._alerts: Sequence[AlertFact] = ()
        self._commands: dict[str, CommandRow] = {}
        self._log: Sequence[str] = ()

    def panes(self) -> Iterable[Widget]:
        yield Pane(
            LiveTable(
                journal.ALERT_COLUMNS, empty_text="No alert: nothing was dropped, retried or degraded.", id="alerts"
            ),
            title="Alerts",
            letter="a",
            id="alerts-pane",
        )
        yield Pane(
            LiveTable(journal.COMMAND_COLUMNS, empty_text="No command was given yet.", id="commands"),
            title="Commands",
            letter="c",
            id="commands-pane",
        )
        yield Pane(
            LogView(empty_text="The engine has logged nothing yet.", id="log"), title="Log", letter="l", id="log-pane"
        )

    def show_second(self, scene: Scene) -> None:
        lines = self.console.log_lines(LOG_LINES)
        if lines != self._log and not self.query_one("#log-pane", Pane).frozen:
            self.query_one("#log", LogView).set_lines(LogLine(line, _tone(line)) for line in lines)
            self._log = lines

    def show_facts(self, scene: Scene) -> None:
        self._alerts = self.console.alerts()
        commands = self.console.commands()
        self._commands = {str(row.id): row for row in commands}
        self.query_one("#alerts", LiveTable).set_rows(journal.alert_rows(self._alerts, self.zone))
        self.query_one("#commands", LiveTable).set_rows(journal.command_rows(commands, self.zone))
        bad = sum(alert.level in (AlertLevel.ERROR, AlertLevel.CRITICAL) for alert in self._alerts)
        self.query_one("#alerts-pane", Pane).set_summary(
            f"{len(self._alerts)} alerts · {bad} grave" if self._alerts else ""
        )

    def subject(self, table: LiveTable, key: str) -> Any:
        if table.id == "alerts":
            return journal.alert_key(self._alerts, key)
        return self._commands.get(key)


def _tone(line: str) -> str:
    if " ERROR" in line or " CRITICAL" in line:
        return "down"
    return "warn" if " WARN" in line else ""
