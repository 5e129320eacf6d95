"""The runs of research and the trades of one of them."""

from collections.abc import Collection, Sequence

from tradeterm.ui import fmt
from tradeterm.ui.glyphs import Glyphs
from tradeterm.ui.plain import plain
from tradeterm.ui.research.kept import Listed
from tradeterm.ui.research.outcome import TradeOf
from tradeterm.ui.research.shelf import key_of
from tradeterm.ui.research.words import date, moment
from tradeterm.ui.tables.common import gain_tone, in_words, symbol
from tradeterm.ui.widgets.table_layout import Cell, Column, Row

MOST_TRADES = 2000
_SHORT = {"backtest": "test", "walkforward": "walk", "robustness": "robust", "lookahead": "ahead", "sweep": "sweep"}
"""What stands in place of a number where a run has none."""

RUN_COLUMNS = (
    Column("mark", " ", 1, priority=100),
    Column("run", "Run", 6, "right", priority=95),
    Column("name", "Of", 8, priority=90, min_width=6),
    Column("return", "Return", 7, "decimal", priority=98),
    Column("trades", "Trades", 6, "right", priority=85),
    Column("sharpe", "Sharpe", 6, "decimal", priority=80),
    Column("drawdown", "Max DD", 6, "decimal", priority=70),
    Column("ended", "Ended", 12, priority=75),
    Column("interval", "Bars", 4, priority=40),
    Column("data", "Data from", 11, priority=30),
    Column("hash", "Hash", 8, priority=10),
)
TRADE_COLUMNS = (
    Column("exit_ts", "Closed", 12, priority=80),
    Column("symbol", "Symbol", 9, priority=100, min_width=7),
    Column("side", "Side", 5, priority=90),
    Column("pnl", "PnL", 9, "decimal", priority=98),
    Column("r", "R", 5, "decimal", priority=85),
    Column("reason", "Exit by", 13, priority=75, min_width=7),
    Column("held", "Held", 5, "right", priority=50),
    Column("entry", "Entry", 8, "decimal", priority=70),
    Column("exit", "Exit", 8, "decimal", priority=65),
    Column("size", "Size", 6, "decimal", priority=45),
    Column("costs", "Costs", 6, "decimal", priority=60),
)
SHARED_TRADE_COLUMNS = (*TRADE_COLUMNS, Column("book", "Book", 9, priority=97, min_width=6))
"""Where the trades are of several books."""


def run_rows(runs: Sequence[Listed], marked: Collection[str], shown: Collection[str], glyphs: Glyphs) -> list[Row]:
    """`marked` are to be compared, `shown` is what the other panes show."""
    return [_run_row(run, key_of(run) in marked, key_of(run) in shown, glyphs) for run in runs]


def _run_row(run: Listed, is_marked: bool, is_shown: bool, glyphs: Glyphs) -> Row:
    mark = Cell(glyphs.bullet, "accent") if is_marked else Cell(glyphs.arrow if is_shown else "", "accent")
    few = "warn" if run.insufficient else ""
    cells = (
        mark,
        Cell(_SHORT.get(run.command, "") if run.number is None else str(run.number), "bold"),
        Cell(plain(run.name) + ("?" if run.contaminated else ""), "warn" if run.contaminated else ""),
        Cell(fmt.signed_percent(run.total_return), gain_tone(run.total_return)),
        Cell(fmt.number(run.trades, 0) + ("!" if run.insufficient else ""), few),
        Cell(fmt.number(run.sharpe)),
        Cell(fmt.percent(run.max_drawdown, 2)),
        Cell(moment(run.ts), "muted"),
        Cell(plain(run.interval), "muted"),
        Cell(date(run.first), "muted"),
        Cell(plain(run.data_hash[:8]), "muted"),
    )
    sort = (
        is_marked, run.number, run.name, run.total_return, run.trades, run.sharpe, run.max_drawdown, run.ts,
        run.interval, run.first, run.data_hash,
    )  # fmt: skip
    return Row(key_of(run), cells, sort)


def trade_rows(trades: Sequence[TradeOf], currency: str, glyphs: Glyphs) -> list[Row]:
    """The last of them, newest first."""
    first = max(0, len(trades) - MOST_TRADES)
    return [_trade_row(str(at), trades[at], currency, glyphs) for at in range(len(trades) - 1, first - 1, -1)]


def _trade_row(key: str, trade: TradeOf, currency: str, glyphs: Glyphs) -> Row:
    side = "LONG" if trade.side > 0 else "SHORT"
    held, costs = trade.exit_ts - trade.entry_ts, trade.fees + trade.slippage + trade.funding
    gain = f"{glyphs.up if trade.pnl > 0 else glyphs.down} " if trade.pnl else ""
    cells = (
        Cell(moment(trade.exit_ts), "muted"),
        Cell(plain(symbol(trade.instrument)), "bold"),
        Cell(side, "up" if trade.side > 0 else "down"),
        Cell(gain + fmt.signed_money(trade.pnl, currency), gain_tone(trade.pnl)),
        Cell(fmt.DASH if trade.r is None else f"{trade.r:+.2f}", gain_tone(trade.r)),
        Cell(in_words(trade.reason)),
        Cell(fmt.age(held), "muted"),
        Cell(fmt.price(trade.entry_price)),
        Cell(fmt.price(trade.exit_price)),
        Cell(fmt.quantity(trade.quantity)),
        Cell(fmt.money(costs, currency)),
    )
    sort = (
        trade.exit_ts, trade.instrument, side, trade.pnl, trade.r, trade.reason, held, trade.entry_price,
        trade.exit_price, trade.quantity, costs,
    )  # fmt: skip
    if trade.book:
        return Row(key, (*cells, Cell(plain(trade.book))), (*sort, trade.book))
    return Row(key, cells, sort)
