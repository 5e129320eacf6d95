"""Limits: value, limit and headroom of each book."""

from collections.abc import Sequence

from tradeterm.domain.view import BookView, LimitView
from tradeterm.ui import fmt
from tradeterm.ui.glyphs import Glyphs
from tradeterm.ui.tables.common import gain_cell, gain_tone
from tradeterm.ui.widgets.gauge import bar, tone_of, used
from tradeterm.ui.widgets.table_layout import Cell, Column, Row

LIMIT_COLUMNS = (
    Column("name", "Limit", 17, priority=100),
    Column("used", "Used", 10, priority=70),
    Column("value", "Value", 6, "decimal", priority=90),
    Column("limit", "Limit", 6, "decimal", priority=85),
    Column("room", "Headroom", 8, "decimal", priority=60),
    Column("book", "Book", 8, priority=30),
)
BOOK_COLUMNS = (
    Column("book", "Book", 8, priority=100),
    Column("state", "State", 8, priority=95),
    Column("equity", "Equity", 9, "decimal", priority=90),
    Column("day", "Day", 9, "decimal", priority=85),
    Column("drawdown", "Drawdown", 8, "decimal", priority=70),
    Column("realized", "Realised", 9, "decimal", priority=60),
    Column("trades", "Trades", 6, "right", priority=65),
    Column("win", "Win", 4, "right", priority=64),
    Column("open", "Open", 4, "right", priority=50),
    Column("strategy", "Strategy", 8, priority=40),
    Column("tier2", "Tier 2", 13, priority=20),
)
BAR_CELLS = 10


def limit_rows(limits: Sequence[LimitView], glyphs: Glyphs) -> list[Row]:
    return [_limit_row(limit, glyphs) for limit in limits]


def _limit_row(limit: LimitView, glyphs: Glyphs) -> Row:
    part = used(limit.value, limit.limit)
    tone = tone_of(part)
    filled = "".join(text for text, _ in bar(part, BAR_CELLS, glyphs))
    room = None if limit.value is None else limit.limit - limit.value
    places = 0 if limit.unit == "count" else 2
    unit = limit.unit if limit.unit in ("%", "x") else ""
    cells = (
        Cell(limit.name, "bold"),
        Cell(filled, tone),
        Cell(fmt.number(limit.value, places), tone),
        Cell(fmt.number(limit.limit, places) + unit),
        Cell(fmt.number(room, places) + (unit if room is not None else "")),
        Cell(limit.book or "desk", "muted"),
    )
    return Row(f"{limit.book}/{limit.name}", cells, (limit.name, part, limit.value, limit.limit, room, limit.book))


def book_rows(books: Sequence[BookView], glyphs: Glyphs) -> list[Row]:
    rows = []
    for book in books:
        won = book.wins / book.trades if book.trades else None
        cells = (
            Cell(book.book, "bold"),
            Cell(book.state.value, "up" if book.state == "RUNNING" else "warn"),
            Cell(fmt.money(book.equity, book.currency)),
            gain_cell(book.day_pnl, glyphs, book.currency),
            Cell(fmt.percent(book.drawdown, 2)),
            Cell(fmt.signed_money(book.realized_pnl, book.currency), gain_tone(book.realized_pnl)),
            Cell(str(book.trades)),
            Cell(fmt.percent(won, 0)),
            Cell(str(book.open_positions)),
            Cell(book.strategy, "muted"),
            Cell(book.tier2, "muted"),
        )
        sort = (
            book.book,
            book.state.value,
            book.equity,
            book.day_pnl,
            book.drawdown,
            book.realized_pnl,
            book.trades,
            won,
            book.open_positions,
            book.strategy,
            book.tier2,
        )
        rows.append(Row(book.book, cells, sort))
    return rows
