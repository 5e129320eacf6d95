"""Open positions."""

from decimal import Decimal

from tradeterm.domain.view import DeskView, FeedView, PositionView
from tradeterm.ui import fmt
from tradeterm.ui.glyphs import Glyphs
from tradeterm.ui.model import position_key
from tradeterm.ui.tables.common import Ticks, gain_cell, gain_tone, side_cell
from tradeterm.ui.widgets.table_layout import Cell, Column, Row

COLUMNS = (
    Column("symbol", "Symbol", 9, priority=100),
    Column("side", "Side", 5, priority=90),
    Column("size", "Size", 5, "decimal", priority=80),
    Column("entry", "Entry", 6, "decimal", priority=75),
    Column("mark", "Mark", 6, "decimal", priority=85),
    Column("pnl", "PnL", 9, "decimal", priority=95),
    Column("percent", "%", 6, "decimal", priority=30),
    Column("stop", "Stop", 6, "decimal", priority=70),
    Column("target", "Target", 6, "decimal", priority=25),
    Column("held", "Held", 5, "right", priority=20),
    Column("note", "", 8, priority=26),
    Column("book", "Book", 8, priority=10),
)


def rows(view: DeskView, glyphs: Glyphs) -> list[Row]:
    ticks = view_ticks(view)
    ended = view.replay is not None and view.replay.finished
    stale = {feed.instrument: _data_age(feed, view) for feed in view.feeds if feed.stale and not ended}
    return [
        _row(position, view, ticks.step(position.instrument), stale.get(position.instrument), glyphs)
        for position in view.positions
    ]


def _data_age(feed: FeedView, view: DeskView) -> str:
    return fmt.age(view.ts - feed.ts_last) if feed.ts_last else ""


def _row(held: PositionView, view: DeskView, step: Decimal | None, stale: str | None, glyphs: Glyphs) -> Row:
    """`stale` is the age of data that is stale, None while it is fresh."""
    age, note = view.ts - held.ts_opened, _note(held, stale)
    cells = (
        Cell(held.symbol, "bold"),
        side_cell(held.side),
        Cell(fmt.quantity(abs(held.quantity))),
        Cell(fmt.price(held.entry_price, step)),
        Cell(fmt.price(held.mark, step), "" if stale is None else "stale"),
        gain_cell(held.pnl, glyphs, view.currency),
        Cell(fmt.signed_percent(held.return_pct / 100), gain_tone(held.return_pct)),
        _stop(held, step),
        Cell(fmt.price(held.target_price, step), "muted"),
        Cell(fmt.age(age), "muted"),
        note,
        Cell(held.book, "muted"),
    )
    sort = (
        held.symbol,
        held.side.value,
        abs(held.quantity),
        held.entry_price,
        held.mark,
        held.pnl,
        held.return_pct,
        held.stop_price,
        held.target_price,
        age,
        note.text,
        held.book,
    )
    return Row(position_key(held), cells, sort)


def _note(held: PositionView, stale: str | None) -> Cell:
    if held.exiting:
        return Cell("exiting", "warn")
    if not held.protected:
        return Cell("no stop", "danger")
    if stale is not None:
        return Cell(f"STALE {stale}".strip(), "stale")
    return Cell("trailing", "accent") if held.trailing else Cell("")


def view_ticks(view: DeskView) -> Ticks:
    """Steps from the last prices of the feeds and the levels of the positions."""
    lasts: list[tuple[str, Decimal | float | None]] = [(feed.instrument, feed.last) for feed in view.feeds]
    levels = [(held.instrument, price) for held in view.positions for price in (held.stop_price, held.target_price)]
    return Ticks([*lasts, *levels])


def _stop(held: PositionView, step: Decimal | None) -> Cell:
    if not held.protected:
        return Cell("NONE", "danger")
    return Cell(fmt.price(held.stop_price, step), "warn" if held.trailing else "")
