"""What a book's strategy has done: its closed round trips, kept for sizing and health, and told to the ledger.

Only trades of our own count: those a signal opened. What an entry was decided by (`Decision`) is remembered while it
waits, works or is open, also over a restart, so that the trade can say which strategy made it and what its entry lost
to the signal's price.
"""

from decimal import Decimal

import msgspec

from tradeterm.desk import health
from tradeterm.desk.breaker_rules import share
from tradeterm.desk.state import KEEP_RESULTS, Book, DeskState
from tradeterm.desk.turn import Turn
from tradeterm.domain.facts import Trade
from tradeterm.domain.orders import OrderIntent
from tradeterm.domain.signals import Signal
from tradeterm.domain.snapshot import Decision, TradeResult


def note(state: DeskState, signal: Signal) -> None:
    """Remember what an entry signal wants, should it come to an order."""
    if signal.id not in state.signals_seen and signal.price.is_finite() and signal.price > 0:
        state.decisions.setdefault(signal.id, Decision(signal.strategy, signal.price))


def forget(state: DeskState) -> None:
    """Drop the decisions that nothing hangs on any more."""
    if not state.decisions:
        return
    wanted: set[str | None] = {position.signal_id for position in state.positions.values()}
    wanted |= {order.signal_id for order in state.working_orders() if order.intent is OrderIntent.ENTRY}
    wanted |= state.pending.keys()
    wanted |= {schedule.signal.id for schedule in state.schedules.values()}
    for signal_id in state.decisions.keys() - wanted:
        del state.decisions[signal_id]


def close(turn: Turn, book: Book, trade: Trade) -> None:
    """Record a closed trade; one of our own is added to its strategy's, and the strategy judged by it."""
    if trade.signal_id is None:
        turn.record(trade)
        return
    state = turn.state
    decision = state.decisions.get(trade.signal_id)
    trade = msgspec.structs.replace(
        trade,
        strategy=book.config.strategy if decision is None else decision.strategy,
        slippage=None if decision is None else entry_slippage(trade, decision.price),
    )
    turn.record(trade)
    if trade.strategy != book.config.strategy:  # opened before the book got another one
        return
    results = [*state.results.get(book.name, ()), result_of(trade)]
    state.results[book.name] = tuple(sorted(results, key=lambda result: result.ts_closed)[-KEEP_RESULTS:])
    health.review(turn, book)


def entry_slippage(trade: Trade, price: Decimal) -> Decimal:
    """The fraction of the signal's `price` that the entry lost to it: positive for a long that paid more, and for a
    short that got less."""
    return share(trade.entry_price - price, price) * trade.side.sign + 0


def result_of(trade: Trade) -> TradeResult:
    return TradeResult(
        trade_id=trade.id,
        ts_closed=trade.ts_closed,
        pnl=trade.pnl,
        return_pct=trade.return_pct,
        r_multiple=trade.r_multiple,
        slippage=trade.slippage,
        strategy=trade.strategy,
    )
