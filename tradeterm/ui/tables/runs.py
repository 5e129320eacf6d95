"""Runs and closed trades."""

from collections.abc import Sequence

from tradeterm.domain.facts import RunRow, Trade
from tradeterm.ui import fmt
from tradeterm.ui.glyphs import Glyphs
from tradeterm.ui.tables.common import Ticks, gain_cell, gain_tone, in_words, side_cell, symbol
from tradeterm.ui.widgets.table_layout import Cell, Column, Row

RUN_COLUMNS = (
    Column("started", "Started", 15, priority=90),
    Column("mode", "Mode", 5, priority=60),
    Column("status", "Status", 11, priority=95),
    Column("trades", "Trades", 6, "right", priority=85),
    Column("wins", "Win", 4, "right", priority=80),
    Column("pnl", "PnL", 9, "decimal", priority=100),
    Column("drawdown", "Max DD", 6, "decimal", priority=75),
    Column("signals", "Signals", 7, "right", priority=50),
    Column("equity", "Equity", 9, "decimal", priority=70),
    Column("version", "Version", 7, priority=20),
    Column("id", "Run", 18, priority=40, min_width=8),
)
TRADE_COLUMNS = (
    Column("closed", "Closed", 15, priority=80),
    Column("symbol", "Symbol", 9, priority=100),
    Column("side", "Side", 5, priority=90),
    Column("size", "Size", 5, "decimal", priority=60),
    Column("entry", "Entry", 6, "decimal", priority=70),
    Column("exit", "Exit", 6, "decimal", priority=70),
    Column("pnl", "PnL", 9, "decimal", priority=98),
    Column("r", "R", 5, "decimal", priority=85),
    Column("held", "Held", 5, "right", priority=50),
    Column("reason", "Exit by", 16, priority=75, min_width=8),
    Column("book", "Book", 8, priority=10),
)


def run_rows(runs: Sequence[RunRow], glyphs: Glyphs, zone: str) -> list[Row]:
    return [_run_row(run, glyphs, zone) for run in runs]


def _run_row(run: RunRow, glyphs: Glyphs, zone: str) -> Row:
    trades, wins = summary_number(run, "trades"), summary_number(run, "wins")
    pnl, equity = summary_number(run, "pnl"), summary_number(run, "equity")
    drawdown, signals = summary_number(run, "max_drawdown"), summary_number(run, "signals")
    won = wins / trades if wins is not None and trades else None
    cells = (
        Cell(fmt.moment(run.ts_started, zone), "muted"),
        Cell(run.mode),
        Cell(run.status, "accent" if run.status == "RUNNING" else "warn" if run.status == "INTERRUPTED" else ""),
        Cell(fmt.number(trades, 0)),
        Cell(fmt.percent(won, 0)),
        Cell(f"{glyphs.up if pnl > 0 else glyphs.down} {fmt.signed_money(pnl)}", gain_tone(pnl))
        if pnl
        else Cell(fmt.DASH),
        Cell(fmt.percent(drawdown, 2)),
        Cell(fmt.number(signals, 0)),
        Cell(fmt.money(equity)),
        Cell(run.version, "muted"),
        Cell(run.id, "muted"),
    )
    sort = (run.ts_started, run.mode, run.status, trades, won, pnl, drawdown, signals, equity, run.version, run.id)
    return Row(run.id, cells, sort)


def summary_number(run: RunRow, name: str) -> float | None:
    """A number of the run's summary; None where the run has not ended or does not know it."""
    value = run.summary.get(name) if run.summary is not None else None
    if value is None:
        return None
    try:
        return float(value)
    except ValueError:
        return None


def trade_rows(trades: Sequence[Trade], glyphs: Glyphs, zone: str) -> list[Row]:
    ticks = Ticks((trade.instrument, price) for trade in trades for price in (trade.entry_price, trade.exit_price))
    return [
        Row(
            trade.id,
            (
                Cell(fmt.moment(trade.ts_closed, zone), "muted"),
                Cell(symbol(trade.instrument), "bold"),
                side_cell(trade.side),
                Cell(fmt.quantity(trade.quantity)),
                Cell(ticks.price(trade.instrument, trade.entry_price)),
                Cell(ticks.price(trade.instrument, trade.exit_price)),
                gain_cell(trade.pnl, glyphs),
                Cell(fmt.number(trade.r_multiple), gain_tone(trade.r_multiple)),
                Cell(fmt.age(trade.ts_closed - trade.ts_opened), "muted"),
                Cell(in_words(trade.exit_reason)),
                Cell(trade.book, "muted"),
            ),
            (
                trade.ts_closed,
                trade.instrument,
                trade.side.value,
                trade.quantity,
                trade.entry_price,
                trade.exit_price,
                trade.pnl,
                trade.r_multiple,
                trade.ts_closed - trade.ts_opened,
                trade.exit_reason,
                trade.book,
            ),
        )
        for trade in trades
    ]
