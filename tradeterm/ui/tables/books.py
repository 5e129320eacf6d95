"""Books with what their own closed trades say of them, and the same of one book in words."""

from collections.abc import Sequence

from msgspec import Struct
from textual.content import Content

from tradeterm.domain.facts import HealthFact
from tradeterm.domain.states import HealthLevel
from tradeterm.domain.view import BookView, HealthView
from tradeterm.ui import fmt
from tradeterm.ui.glyphs import Glyphs
from tradeterm.ui.plain import plain
from tradeterm.ui.tables.common import gain_cell, gain_tone
from tradeterm.ui.widgets.table_layout import Cell, Column, Row

BOOK_COLUMNS = (
    Column("book", "Book", 8, priority=100, min_width=6),
    Column("state", "State", 8, priority=95),
    Column("health", "Health", 8, priority=94),
    Column("equity", "Equity", 9, "decimal", priority=60),
    Column("day", "Day", 9, "decimal", priority=85),
    Column("drawdown", "Drawdown", 8, "decimal", priority=70),
    Column("trades", "Trades", 6, "right", priority=72),
    Column("win", "Win", 4, "right", priority=64),
    Column("expectancy", "Expect.", 7, "decimal", priority=90),
    Column("kelly", "Kelly", 5, "decimal", priority=80),
    Column("risk", "Risk", 5, "decimal", priority=65),
    Column("open", "Open", 4, "right", priority=50),
    Column("realized", "Realised", 9, "decimal", priority=45),
    Column("strategy", "Strategy", 8, priority=40),
    Column("tier2", "Tier 2", 13, priority=20),
)
_TONES = {
    HealthLevel.HEALTHY: "up",
    HealthLevel.MINOR: "muted",
    HealthLevel.MODERATE: "warn",
}
_MEANS = {
    HealthLevel.HEALTHY: "healthy",
    HealthLevel.MINOR: "MINOR, watched",
    HealthLevel.MODERATE: "MODERATE, half size",
    HealthLevel.SEVERE: "SEVERE, no entries",
    HealthLevel.CRITICAL: "CRITICAL, stopped",
}


class BookRisk(Struct, frozen=True):
    """A book, how its strategy does, and how that changed (newest first)."""

    book: BookView
    health: HealthView | None
    changes: tuple[HealthFact, ...]


def book_rows(books: Sequence[BookView], health: Sequence[HealthView], glyphs: Glyphs) -> list[Row]:
    known = {view.book: view for view in health}
    return [_book_row(book, known.get(book.book), glyphs) for book in books]


def _book_row(book: BookView, health: HealthView | None, glyphs: Glyphs) -> Row:
    won = book.wins / book.trades if book.trades else None
    expectancy = health.expectancy_r if health is not None else None
    kelly = health.kelly if health is not None else None
    risk = health.risk_fraction if health is not None else None
    cells = (
        Cell(plain(book.book), "bold"),
        Cell(book.state.value, "up" if book.state == "RUNNING" else "warn"),
        Cell(fmt.DASH, "muted") if health is None else Cell(health.level.value, _TONES.get(health.level, "danger")),
        Cell(fmt.money(book.equity, book.currency)),
        gain_cell(book.day_pnl, glyphs, book.currency),
        Cell(fmt.percent(book.drawdown, 2)),
        Cell(str(book.trades)),
        Cell(fmt.percent(won, 0)),
        Cell(in_r(expectancy), gain_tone(expectancy) or "muted"),
        Cell(fmt.number(kelly), gain_tone(kelly) or "muted"),
        Cell(fmt.percent(risk, 2)),
        Cell(str(book.open_positions)),
        Cell(fmt.signed_money(book.realized_pnl, book.currency), gain_tone(book.realized_pnl)),
        Cell(plain(book.strategy), "muted"),
        Cell(plain(book.tier2), "muted"),
    )
    sort = (
        book.book,
        book.state.value,
        None if health is None else list(HealthLevel).index(health.level),
        book.equity,
        book.day_pnl,
        book.drawdown,
        book.trades,
        won,
        expectancy,
        kelly,
        risk,
        book.open_positions,
        book.realized_pnl,
        book.strategy,
        book.tier2,
    )
    return Row(book.book, cells, sort)


def in_r(value: float | None) -> str:
    """An expectancy in units of risk, "+0.31R"."""
    if value is None:
        return fmt.DASH
    return f"{'+' if value > 0 else ''}{fmt.number(value)}R"


def edge_words(health: HealthView | None, sign: str = "±") -> Content:
    """Why a book's trades are as large as they are, and why its strategy counts as healthy or ill. `sign` stands before
    a standard error."""
    if health is None:
        return Content.assemble(("Expectancy, Kelly and health: not known yet.", "$muted"))
    level = "$pnl-up" if health.level is HealthLevel.HEALTHY else "$warning"
    level = "bold $danger" if health.level in (HealthLevel.SEVERE, HealthLevel.CRITICAL) else level
    parts = [
        (f"{plain(health.book)} ", "bold $foreground"),
        (f"risks {fmt.percent(health.risk_fraction, 2)} a trade: {plain(health.sizing)}\n", "$foreground"),
    ]
    if health.expectancy_r is not None:
        error = f" {sign} {fmt.number(health.expectancy_se)}" if health.expectancy_se is not None else ""
        parts.append((f"{in_r(health.expectancy_r)}{error} a trade", gain_style(health.expectancy_r)))
        parts.append((f" over {health.trades}, won {fmt.percent(health.win_rate, 0)}", "$muted"))
        parts.append((f", payoff {fmt.number(health.payoff)}, Kelly {fmt.number(health.kelly)}\n", "$muted"))
    else:
        parts.append((f"Not enough data for an expectancy: {_trades(health.trades)} closed so far.\n", "$muted"))
    parts.append((_MEANS[health.level], level))
    causes = "; ".join(plain(cause) for cause in health.causes)
    parts.append((f": {causes}" if causes else "", "$foreground"))
    return Content.assemble(*parts)


def gain_style(value: float) -> str:
    return "$pnl-up" if value > 0 else "$pnl-down" if value < 0 else "$foreground"


def _trades(count: int) -> str:
    return f"{count} trade" if count == 1 else f"{count} trades"
