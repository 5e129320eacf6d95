"""Signals: one row is a signal's whole fate."""

from collections.abc import Iterable, Mapping, Sequence

from msgspec import Struct

from tradeterm.domain.facts import SignalFact, Trade
from tradeterm.domain.orders import Order, OrderStatus
from tradeterm.domain.signals import SignalKind, SignalOutcome, Verdict, VerdictDecision, VerdictSource
from tradeterm.ui import fmt
from tradeterm.ui.plain import plain
from tradeterm.ui.tables.common import Ticks, gain_tone, in_words, order_ticks, side_cell, symbol
from tradeterm.ui.widgets.table_layout import Cell, Column, Row

COLUMNS = (
    Column("time", "Time", 5, priority=90),
    Column("day", "Day", 6, priority=8),
    Column("symbol", "Symbol", 9, priority=100),
    Column("side", "Side", 5, priority=80),
    Column("move", "Move", 6, "decimal", priority=60),
    Column("tier1", "T1", 4, priority=70),
    Column("tier2", "Tier 2", 16, priority=75, min_width=13),
    Column("outcome", "Outcome", 60, priority=72, min_width=16),
    Column("book", "Book", 8, priority=10),
)
_OUTCOMES = {
    SignalOutcome.ORDERED: "",
    SignalOutcome.DENIED: "warn",
    SignalOutcome.VETOED: "warn",
    SignalOutcome.BLOCKED: "down",
    SignalOutcome.IGNORED: "muted",
    SignalOutcome.PENDING: "accent",
}


class Fate(Struct, frozen=True):
    """What became of a signal, each by the id that leads to it; whatever is not among them is not told."""

    verdicts: Mapping[str, Verdict] = {}
    orders: Mapping[str, Order] = {}
    trades: Mapping[str, Trade] = {}
    ticks: Ticks = Ticks(())


def fate(verdicts: Iterable[Verdict], orders: Iterable[Order], trades: Iterable[Trade]) -> Fate:
    listed = tuple(orders)
    return Fate(
        {verdict.id: verdict for verdict in verdicts},
        {order.client_order_id: order for order in listed},
        {trade.signal_id: trade for trade in trades if trade.signal_id},
        order_ticks(listed),
    )


def rows(signals: Sequence[SignalFact], fate: Fate, zone: str) -> list[Row]:
    return [_row(signal, fate, zone) for signal in signals]


def summary(signals: Sequence[SignalFact]) -> str:
    """How many entries were wanted, and how many of them became orders; empty without a signal."""
    entries = [signal for signal in signals if signal.kind is SignalKind.ENTRY]
    taken = sum(signal.client_order_id is not None for signal in entries)
    exits = len(signals) - len(entries)
    return f"{len(entries)} entries, {taken} taken · {exits} exits" if signals else ""


def _row(signal: SignalFact, fate: Fate, zone: str) -> Row:
    move = signal.explain.get("move")
    cells = (
        Cell(fmt.short_clock(signal.ts, zone), "muted"),
        Cell(fmt.day(signal.ts, zone), "muted"),
        Cell(symbol(signal.instrument), "bold"),
        side_cell(signal.side) if signal.kind is SignalKind.ENTRY else Cell("exit", "accent"),
        Cell(fmt.signed_percent(move, 1), gain_tone(move)),
        tier1(signal),
        tier2(signal, fate.verdicts.get(signal.verdict_id or "")),
        outcome(signal, fate),
        Cell(signal.book, "muted"),
    )
    sort = (
        signal.ts,
        signal.ts,
        signal.instrument,
        signal.side.value,
        move,
        cells[5].text,
        cells[6].text,
        cells[7].text,
        signal.book,
    )
    return Row(signal.id, cells, sort)


def outcome(signal: SignalFact, fate: Fate) -> Cell:
    """The end of the story so far: why not, or what was bought, or what it brought."""
    trade, order = fate.trades.get(signal.id), fate.orders.get(signal.client_order_id or "")
    verdict = fate.verdicts.get(signal.verdict_id or "")
    if trade is not None:
        return Cell(f"{fmt.signed_money(trade.pnl)} {in_words(trade.exit_reason)}", gain_tone(trade.pnl))
    if signal.outcome is SignalOutcome.VETOED and verdict is not None and verdict.reasoning:
        return Cell(plain(verdict.reasoning), _OUTCOMES[signal.outcome])
    if order is None or signal.outcome is not SignalOutcome.ORDERED:
        return Cell(plain(signal.outcome_text) or signal.outcome.lower(), _OUTCOMES[signal.outcome])
    if order.filled_quantity and order.average_price is not None:
        done = "" if order.filled_quantity >= order.quantity else f" of {fmt.quantity(order.quantity)}"
        word = "in" if signal.kind is SignalKind.ENTRY else "out"
        at = fate.ticks.price(order.instrument, order.average_price)
        return Cell(f"{word} {fmt.quantity(order.filled_quantity)}{done} @ {at}")
    reason = f": {in_words(order.reason)}" if order.reason and order.is_closed else ""
    return Cell(f"order {order.status}{reason}", "danger" if order.status is OrderStatus.UNKNOWN else "")


def tier1(signal: SignalFact) -> Cell:
    """What the rules said; which rule it was, and why, stands in the outcome."""
    if any(not check.passed for check in (*signal.checks, *signal.checks_after)):
        return Cell("deny", "down")
    return Cell("pass", "up") if signal.checks else Cell(fmt.DASH, "muted")


def tier2(signal: SignalFact, verdict: Verdict | None) -> Cell:
    """What the second tier said, and who it was: "RULES approve", "REDUCE 0.74"."""
    if verdict is None:
        if signal.outcome is SignalOutcome.PENDING:
            return Cell("waiting", "accent")
        return Cell("judged" if signal.verdict_id else fmt.DASH, "muted")
    return Cell(verdict_words(verdict), decision_tone(verdict.decision))


def verdict_words(verdict: Verdict) -> str:
    if verdict.decision is VerdictDecision.FAILED_CLOSED:
        return f"none: {verdict.code}" if verdict.code else "none"
    who = "RULES " if verdict.source is VerdictSource.RULES else ""
    cut = f" {fmt.percent(verdict.size_factor, 0)}" if verdict.decision is VerdictDecision.REDUCE else ""
    sure = f" {verdict.confidence:.2f}" if verdict.confidence is not None else ""
    return f"{who}{verdict.decision}{cut}{sure}"


def decision_tone(decision: VerdictDecision) -> str:
    return {
        VerdictDecision.APPROVE: "up",
        VerdictDecision.REDUCE: "warn",
        VerdictDecision.REJECT: "down",
        VerdictDecision.FAILED_CLOSED: "danger",
    }.get(decision, "muted")
