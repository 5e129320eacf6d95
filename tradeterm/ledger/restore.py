"""The desk's restart state, read from the ledger."""

import sqlite3
from contextlib import closing
from decimal import Decimal
from pathlib import Path

from tradeterm.domain.facts import BookStateFact, BreakerFact, DeskStateFact, HealthFact, ShadowTrade, Trade
from tradeterm.domain.market import DAY_MS
from tradeterm.domain.orders import TERMINAL, Order, OrderIntent, OrderStatus
from tradeterm.domain.signals import SignalOutcome
from tradeterm.domain.snapshot import (
    BookSnapshot,
    Decision,
    DeskMoney,
    DeskSnapshot,
    HealthSnapshot,
    Position,
    TradeResult,
)
from tradeterm.domain.states import BreakerLevel, HealthLevel, TradingState
from tradeterm.ledger.codec import select
from tradeterm.ledger.runs import latest_run
from tradeterm.ledger.store import LedgerMissing, open_ledger, plain_errors

ORDER_DAYS = 2  # closed orders whose late fills must still find them
SIGNAL_DAYS = 3
RESULTS = 500  # closed round trips of a book under one strategy, by which it is sized and judged


def desk_time(db: sqlite3.Connection) -> int:
    """The latest desk time the ledger knows, 0 when it is empty."""
    latest = [
        db.execute(f"SELECT max({column}) FROM {table}").fetchone()[0]
        for table, column in (
            ("signals", "ts"),
            ("orders", "ts_updated"),
            ("fills", "ts_event"),
            ("cash_events", "ts_event"),
            ("equity", "ts"),
        )
    ]
    run = latest_run(db)
    latest.append(run.cursor if run else None)
    return max((ts for ts in latest if ts is not None), default=0)


def _orders(db: sqlite3.Connection, now: int, positions: list[Position]) -> list[Order]:
    closed = ", ".join(f"'{status.value}'" for status in sorted(TERMINAL))
    found = select(db, Order, f"WHERE status NOT IN ({closed}) OR ts_updated >= ?", now - ORDER_DAYS * DAY_MS)
    for position in positions:  # its entry and its protection, however old
        found += select(db, Order, "WHERE client_order_id = ? OR parent_id = ?", position.trade_id, position.trade_id)
    by_id = {(order.venue, order.client_order_id): order for order in found}
    return [by_id[key] for key in sorted(by_id)]


def _results(db: sqlite3.Connection) -> dict[str, tuple[TradeResult, ...]]:
    """Closed trades of our own by book, the last of each strategy, oldest first. A trade of before trades had a
    strategy has its signal's."""
    wanted = (
        "WHERE id IN (SELECT id FROM (SELECT trades.id, row_number() OVER ("
        " PARTITION BY trades.book, coalesce(nullif(trades.strategy, ''), signals.strategy)"
        " ORDER BY ts_closed DESC, trades.rowid DESC) AS place"
        " FROM trades LEFT JOIN signals ON signals.id = trades.signal_id WHERE trades.signal_id IS NOT NULL)"
        " WHERE place <= ?) ORDER BY ts_closed, rowid"
    )
    strategies = dict(
        db.execute("SELECT t.id, s.strategy FROM trades t JOIN signals s ON s.id = t.signal_id WHERE t.strategy = ''")
    )
    found: dict[str, list[TradeResult]] = {}
    for trade in select(db, Trade, wanted, RESULTS):
        result = TradeResult(
            trade_id=trade.id,
            ts_closed=trade.ts_closed,
            pnl=trade.pnl,
            return_pct=trade.return_pct,
            r_multiple=trade.r_multiple,
            slippage=trade.slippage,
            strategy=trade.strategy or strategies.get(trade.id, ""),
        )
        found.setdefault(trade.book, []).append(result)
    return {book: tuple(found[book]) for book in sorted(found)}


def _decisions(db: sqlite3.Connection, orders: list[Order], positions: list[Position]) -> dict[str, Decision]:
    """What the working entries and the open positions were decided by, by signal."""
    wanted = {position.signal_id for position in positions}
    wanted |= {order.signal_id for order in orders if order.intent is OrderIntent.ENTRY and not order.is_closed}
    found = {}
    for signal_id in sorted(name for name in wanted if name is not None):
        for strategy, price in db.execute("SELECT strategy, price FROM signals WHERE id = ?", (signal_id,)):
            found[signal_id] = Decision(strategy, Decimal(price))
    return found


def _health(db: sqlite3.Connection) -> tuple[HealthSnapshot, ...]:
    """The last word on each book's strategy, since when its level holds."""
    latest = select(db, HealthFact, "WHERE row IN (SELECT max(row) FROM health_events GROUP BY book) ORDER BY book")
    since = dict(
        db.execute("SELECT book, max(ts) FROM health_events WHERE from_level != to_level GROUP BY book").fetchall()
    )
    return tuple(
        HealthSnapshot(
            book=fact.book,
            strategy=fact.strategy,
            level=fact.to_level,
            ts=since.get(fact.book, fact.ts),
            causes=fact.causes if fact.to_level is not HealthLevel.HEALTHY else (),
            judged_from=fact.judged_from,
        )
        for fact in latest
    )


def _newest_equity(db: sqlite3.Connection) -> int:
    (newest,) = db.execute("SELECT max(ts) FROM equity").fetchone()
    return -1 if newest is None else int(newest)


def read_snapshot(db: sqlite3.Connection) -> DeskSnapshot:
    """See load_snapshot."""
    now = desk_time(db)
    state = next(iter(select(db, DeskStateFact)), None)
    breaker = next(iter(select(db, BreakerFact, "ORDER BY row DESC LIMIT 1")), None)
    moved = next(iter(select(db, BreakerFact, "WHERE from_level != to_level ORDER BY row DESC LIMIT 1")), None)
    positions = [p for p in select(db, Position, "ORDER BY book, instrument") if p.quantity != 0]
    orders = _orders(db, now, positions)
    signals = db.execute(
        "SELECT id FROM signals WHERE ts >= ? AND outcome != ? ORDER BY id",
        (now - SIGNAL_DAYS * DAY_MS, SignalOutcome.PENDING.value),
    )
    # All of them: after a long silence, or a difference, a reconciliation asks a venue for everything it ever did.
    execs = db.execute("SELECT venue || '/' || account || '/' || exec_id FROM fills ORDER BY 1")
    cash = db.execute("SELECT venue || '/' || account || '/' || id FROM cash_events ORDER BY 1")
    entries = db.execute(
        "SELECT book || '/' || instrument, max(ts_created) FROM orders WHERE intent = ? AND status != ?"
        " GROUP BY book, instrument ORDER BY 1",
        (OrderIntent.ENTRY.value, OrderStatus.DENIED.value),
    )
    return DeskSnapshot(
        trading_state=state.trading_state if state else TradingState.ACTIVE,
        trading_reason=state.trading_reason if state else "",
        kill_pending=state.kill_pending if state else False,
        breaker=breaker.to_level if breaker else BreakerLevel.CLOSED,
        breaker_reason=breaker.cause if breaker and breaker.to_level is not BreakerLevel.CLOSED else "",
        breaker_ts=moved.ts if moved else 0,
        breaker_rule=breaker.rule if breaker else "",
        breaker_quiet_since=breaker.quiet_since if breaker else None,
        breaker_override_until=breaker.override_until if breaker else 0,
        breaker_overridden=breaker.overridden if breaker else (),
        books=tuple(
            BookSnapshot(
                book=book.book,
                state=book.state,
                cash=book.cash,
                peak_equity=book.peak_equity,
                day=book.day,
                day_start_equity=book.day_start_equity,
                trades=book.trades,
                wins=book.wins,
                drawdown_from=book.drawdown_from,
            )
            for book in select(db, BookStateFact, "ORDER BY book")
        ),
        orders=tuple(orders),
        positions=tuple(positions),
        signals_seen=tuple(row[0] for row in signals),
        exec_ids=tuple(row[0] for row in execs),
        cash_ids=tuple(row[0] for row in cash),
        last_entry=dict(entries.fetchall()),
        equity_ts=_newest_equity(db),
        results=_results(db),
        health=_health(db),
        decisions=_decisions(db, orders, positions),
        money=next(iter(select(db, DeskMoney)), None),
        shadows=tuple(
            trade.held for trade in select(db, ShadowTrade, "WHERE ts_closed IS NULL ORDER BY id") if trade.held
        ),
    )


def load_snapshot(path: Path) -> DeskSnapshot:
    """The desk as the ledger knows it, empty where there is no ledger yet.

    Open orders, the closed ones of the last days and those of open positions; positions that are not flat; the books'
    money; what was decided in the last days, and everything that was ever booked; the breaker and the strategies'
    health with their times, the closed trades by which strategies are sized and judged, and the open shadow trades.
    "Last days" are counted back from the ledger's latest desk time.
    Raises LedgerError.
    """
    try:
        with plain_errors(path), closing(open_ledger(path, readonly=True)) as db:
            db.execute("BEGIN")  # one picture, even while somebody writes
            return read_snapshot(db)
    except LedgerMissing:
        return DeskSnapshot()
