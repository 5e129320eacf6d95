"""What calamities would cost, one row a scenario and book."""

from collections.abc import Sequence

from tradeterm.domain.facts import StressFact
from tradeterm.ui import fmt
from tradeterm.ui.plain import plain
from tradeterm.ui.widgets.table_layout import Cell, Column, Row

STRESS_COLUMNS = (
    Column("scenario", "Scenario", 24, priority=100, min_width=14),
    Column("loss", "Result", 10, "decimal", priority=90),
    Column("share", "Equity", 7, "decimal", priority=95),
    Column("book", "Book", 8, priority=80, min_width=4),
)
_GRAVE, _SERIOUS = 0.10, 0.05


def stress_key(fact: StressFact) -> str:
    return f"{fact.book}/{fact.scenario}"


def stress_rows(facts: Sequence[StressFact], currencies: dict[str, str]) -> list[Row]:
    """The desk's first, the worst first; a loss is negative. `currencies` are the books', "" is the desk."""
    order = sorted(facts, key=lambda fact: (fact.book != "", fact.book, -fact.loss, fact.scenario))
    return [_row(fact, currencies.get(fact.book, "")) for fact in order]


def _row(fact: StressFact, currency: str) -> Row:
    share = None if fact.share is None else -fact.share
    part = fact.share or 0.0
    tone = "danger" if part >= _GRAVE else "warn" if part >= _SERIOUS else "muted" if not fact.loss else ""
    cells = (
        Cell(plain(fact.scenario), "bold"),
        Cell(fmt.signed_money(-fact.loss, currency), tone),
        Cell(fmt.signed_percent(share, 1), tone),
        Cell(plain(fact.book) or "desk", "muted"),
    )
    return Row(stress_key(fact), cells, (fact.scenario, -fact.loss, share, fact.book))
