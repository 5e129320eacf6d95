"""Limits with their headroom, the desk's and the books'."""

from collections.abc import Sequence

from tradeterm.domain.view import LimitView
from tradeterm.ui import fmt
from tradeterm.ui.glyphs import Glyphs
from tradeterm.ui.plain import plain
from tradeterm.ui.widgets.gauge import bar, tone_of, used
from tradeterm.ui.widgets.table_layout import Cell, Column, Row

BAR_CELLS = 6
LIMIT_COLUMNS = (
    Column("name", "Limit", 17, priority=100, min_width=12),
    Column("used", "Used", BAR_CELLS, priority=70),
    Column("value", "Value", 5, "decimal", priority=95),
    Column("limit", "Limit", 5, "decimal", priority=85),
    Column("room", "Headroom", 8, "decimal", priority=90),
    Column("book", "Book", 8, priority=80, min_width=6),
)


def limit_key(limit: LimitView) -> str:
    return f"{limit.book}/{limit.name}"


def limit_rows(limits: Sequence[LimitView], glyphs: Glyphs) -> list[Row]:
    """The desk's come first."""
    return [_limit_row(limit, glyphs) for limit in sorted(limits, key=lambda limit: limit.book != "")]


def _limit_row(limit: LimitView, glyphs: Glyphs) -> Row:
    part = used(limit.value, limit.limit)
    tone = tone_of(part)
    filled = "".join(text for text, _ in bar(part, BAR_CELLS, glyphs))
    room = None if limit.value is None else limit.limit - limit.value
    places = 0 if limit.unit not in ("%", "x") or limit.limit >= 20 else 2
    unit = limit.unit if limit.unit in ("%", "x") else ""
    cells = (
        Cell(plain(limit.name), "bold"),
        Cell(filled, tone),
        Cell(fmt.number(limit.value, places), tone),
        Cell(fmt.number(limit.limit, places) + unit),
        Cell(fmt.number(room, places) + (unit if room is not None else "")),
        Cell(plain(limit.book) or "desk", "muted"),
    )
    return Row(limit_key(limit), cells, (limit.name, part, limit.value, limit.limit, room, limit.book))
