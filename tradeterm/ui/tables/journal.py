"""Alerts and commands: what the program said, and what it was told."""

from collections.abc import Sequence

from tradeterm.domain.facts import AlertFact, CommandRow
from tradeterm.domain.states import AlertLevel, CommandStatus
from tradeterm.ui import fmt
from tradeterm.ui.tables.common import symbol
from tradeterm.ui.widgets.table_layout import Cell, Column, Row

ALERT_COLUMNS = (
    Column("time", "Time", 15, priority=70),
    Column("level", "Level", 8, priority=80),
    Column("code", "Code", 20, priority=30, min_width=16),
    Column("symbol", "Symbol", 9, priority=40),
    Column("text", "Text", 60, priority=100, min_width=34),
)
COMMAND_COLUMNS = (
    Column("time", "Time", 15, priority=50),
    Column("actor", "Actor", 8, priority=30),
    Column("command", "Command", 26, priority=100, min_width=10),
    Column("status", "Status", 8, priority=95),
    Column("detail", "Answer", 40, priority=90, min_width=10),
)
_LEVELS = {AlertLevel.WARNING: "warn", AlertLevel.ERROR: "down", AlertLevel.CRITICAL: "danger"}
_STATUSES = {CommandStatus.DONE: "up", CommandStatus.REFUSED: "warn"}


def alert_rows(alerts: Sequence[AlertFact], zone: str) -> list[Row]:
    """Alerts have no id of their own; time, code and the place among equals name them."""
    seen: dict[tuple[int, str], int] = {}
    rows = []
    for alert in reversed(alerts):
        same = seen[alert.ts, alert.code] = seen.get((alert.ts, alert.code), 0) + 1
        cells = (
            Cell(fmt.moment(alert.ts, zone), "muted"),
            Cell(alert.level.value, _LEVELS.get(alert.level, "muted")),
            Cell(alert.code),
            Cell(symbol(alert.instrument) if alert.instrument else fmt.DASH, "bold" if alert.instrument else "muted"),
            Cell(alert.text),
        )
        sort = (alert.ts, _rank(alert.level), alert.code, alert.instrument or None, alert.text)
        rows.append(Row(f"{alert.ts}/{alert.code}/{same}", cells, sort))
    rows.reverse()
    return rows


def alert_key(alerts: Sequence[AlertFact], key: str) -> AlertFact | None:
    """The alert of a row's key."""
    ts, code, place = key.split("/")
    same = [alert for alert in alerts if str(alert.ts) == ts and alert.code == code]
    at = len(same) - int(place)
    return same[at] if 0 <= at < len(same) else None


def _rank(level: AlertLevel) -> int:
    return list(AlertLevel).index(level)


def command_rows(commands: Sequence[CommandRow], zone: str) -> list[Row]:
    return [
        Row(
            str(row.id),
            (
                Cell(fmt.moment(row.ts, zone), "muted"),
                Cell(row.actor, "muted"),
                Cell(command_words(row), "bold"),
                Cell(row.status.value.lower(), _STATUSES.get(row.status, "accent")),
                Cell(row.detail),
            ),
            (row.ts, row.actor, command_words(row), row.status.value, row.detail),
        )
        for row in commands
    ]


def command_words(row: CommandRow) -> str:
    """The command as a person would say it, with its reason."""
    parts = [row.verb.lower(), row.argument, symbol(row.instrument) if row.instrument else row.book]
    return " ".join(part for part in parts if part) + (f" ({row.reason})" if row.reason else "")
