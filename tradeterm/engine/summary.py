"""The result of a run, counted in the ledger."""

import sqlite3
from decimal import Decimal
from pathlib import Path

from tradeterm.config import Config
from tradeterm.engine.options import Summary
from tradeterm.ledger.runs import RunStatus

_CENT = Decimal("0.01")


def summarize(
    db: sqlite3.Connection,
    config: Config,
    *,
    status: RunStatus,
    run_id: str,
    ledger: Path,
    journal: Path | None,
    equity: Decimal,
) -> Summary:
    """`equity` is the desk's at this moment: samples are as old as the last bar. Money in the currency of the first
    book; `max_drawdown` and `return` are fractions."""
    capital = sum((Decimal(repr(book.capital)) for book in config.books.values()), Decimal(0))
    drawdowns = db.execute("SELECT drawdown FROM equity WHERE book = ''")
    worst = max((Decimal(row[0]) for row in drawdowns), default=Decimal(0))
    results = [Decimal(row[0]) for row in db.execute("SELECT pnl FROM trades")]
    currency = next(iter(config.books.values())).currency if config.books else ""
    return {
        "status": status.value,
        "run": run_id,
        "signals": _count(db, "signals WHERE kind = 'ENTRY'"),
        "denied": _count(db, "signals WHERE outcome = 'DENIED'"),
        "blocked": _count(db, "signals WHERE outcome IN ('BLOCKED', 'VETOED')"),
        "orders": _count(db, "orders"),
        "fills": _count(db, "fills"),
        "trades": len(results),
        "wins": sum(result > 0 for result in results),
        "open_positions": _count(db, "positions WHERE CAST(quantity AS REAL) != 0"),
        "equity": str(equity.quantize(_CENT)),
        "pnl": str((equity - capital).quantize(_CENT)),
        "return": f"{(equity - capital) / capital:.6f}" if capital else None,
        "max_drawdown": f"{worst:.6f}",
        "currency": currency,
        "ledger": str(ledger),
        "journal": str(journal) if journal is not None else None,
    }


def _count(db: sqlite3.Connection, what: str) -> int:
    return int(db.execute(f"SELECT count(*) FROM {what}").fetchone()[0])
