"""From an entry signal to an order: proposal, tier 1, the question to tier 2, tier 1 again, reserve, submit."""

from decimal import Decimal

import msgspec

from tradeterm.config import Algorithm
from tradeterm.desk import gate, shadow, slicing
from tradeterm.desk.entry_orders import attached, entry_id
from tradeterm.desk.models import current_model
from tradeterm.desk.packet import verdict_context
from tradeterm.desk.proposal import Proposal, gate_request, propose
from tradeterm.desk.signal_facts import decide, signal_fact
from tradeterm.desk.state import Book, PendingEntry, key_text
from tradeterm.desk.turn import Turn
from tradeterm.domain.commands import RequestVerdict
from tradeterm.domain.events import VerdictReceived
from tradeterm.domain.instrument import ZERO
from tradeterm.domain.orders import Order, OrderIntent, OrderType, PositionSide
from tradeterm.domain.signals import GateCheck, Signal, SignalOutcome, Verdict, VerdictDecision
from tradeterm.domain.states import AlertLevel

_ONE = Decimal(1)
_BLOCKING = (VerdictDecision.ABSTAIN, VerdictDecision.FAILED_CLOSED)


def on_entry_signal(turn: Turn, signal: Signal) -> None:
    """Judge an entry by tier 1; ask tier 2 if it passes. A signal already decided or pending is ignored."""
    state = turn.state
    if signal.id in state.signals_seen or signal.id in state.pending:
        return
    book = state.books.get(signal.book)
    key = (signal.book, signal.instrument)
    if not signal.price.is_finite() or signal.price <= 0 or signal.side is PositionSide.FLAT:
        state.signals_seen.add(signal.id)
        turn.alert(AlertLevel.ERROR, "BAD_SIGNAL", f"signal {signal.id} has no usable price or side; dropped", key)
        return
    if book is None:
        state.signals_seen.add(signal.id)
        turn.alert(AlertLevel.ERROR, "BAD_SIGNAL", f"signal {signal.id} names the unknown book {signal.book!r}", key)
        return
    atr = current_model(state, signal.instrument, turn.ts, book.interval_ms).atr
    proposal = propose(state, book, signal, _ONE, atr)
    checks = gate.run(gate_request(state, turn.ts, book, signal, proposal, second_pass=False), gate.ENTRY_CHECKS)
    denied = gate.denial(checks)
    if denied is not None:
        decide(turn, signal_fact(turn, signal, SignalOutcome.DENIED, checks, denied, sized=proposal.sized))
        return
    state.pending[signal.id] = PendingEntry(signal, checks, turn.ts, atr)
    turn.record(signal_fact(turn, signal, SignalOutcome.PENDING, checks, sized=proposal.sized))
    context = verdict_context(state, book, signal, proposal.stop, proposal.target, proposal.sized, checks, turn.ts)
    turn.commands.append(RequestVerdict(signal=signal, context=context))


def on_verdict(turn: Turn, event: VerdictReceived) -> None:
    """Carry tier 2's answer out: block, or shrink, judge again on the desk as it is now, reserve and submit."""
    verdict = event.verdict
    entry = turn.state.pending.pop(verdict.signal_id, None)
    if entry is None:
        text = f"a verdict came for signal {verdict.signal_id}, which is not waiting for one"
        turn.alert(AlertLevel.WARNING, "VERDICT_UNEXPECTED", text, (verdict.book, verdict.instrument))
        return
    signal, checks = entry.signal, entry.checks
    factor = verdict.size_factor
    usable = factor.is_finite() and ZERO <= factor <= _ONE
    if usable:
        turn.record(verdict)
    blocked = _blocked(verdict, usable)
    if blocked is not None:
        outcome, code, text = blocked
        fact = signal_fact(turn, signal, outcome, checks, verdict_id=verdict.id if usable else None)
        decide(turn, msgspec.structs.replace(fact, outcome_code=code, outcome_text=text))
        _shadow(turn, entry, verdict.id if usable else "")
        return
    book = turn.state.books[signal.book]
    proposal = propose(turn.state, book, signal, factor, entry.atr)
    again = gate.run(gate_request(turn.state, turn.ts, book, signal, proposal, second_pass=True), gate.ENTRY_CHECKS)
    denied = gate.denial(again)
    if denied is not None:
        fact = signal_fact(turn, signal, SignalOutcome.DENIED, checks, denied, again, proposal.sized, verdict.id)
        decide(turn, fact)
    else:
        _order(turn, book, signal, proposal, checks, again, verdict)
    shadow.begin(turn, book, signal, proposal, verdict.id)


def expire_pending(turn: Turn) -> None:
    """Block entries whose verdict never came: the validator has its own deadline, this is the backstop."""
    for signal_id, entry in list(turn.state.pending.items()):
        limits = turn.state.books[entry.signal.book].config.limits
        patience = max(turn.state.config.gate.deadline_seconds * 2, limits.signal_max_age_seconds)
        if turn.ts - entry.ts > patience * 1000:
            del turn.state.pending[signal_id]
            fact = signal_fact(turn, entry.signal, SignalOutcome.BLOCKED, entry.checks)
            text = f"no verdict within {patience:g} s"
            decide(turn, msgspec.structs.replace(fact, outcome_code="VERDICT_TIMEOUT", outcome_text=text))
            _shadow(turn, entry, "")


def _shadow(turn: Turn, entry: PendingEntry, verdict_id: str) -> None:
    """Follow what tier 2 kept from being an order."""
    book = turn.state.books[entry.signal.book]
    shadow.begin(turn, book, entry.signal, propose(turn.state, book, entry.signal, _ONE, entry.atr), verdict_id)


def _blocked(verdict: Verdict, usable: bool) -> tuple[SignalOutcome, str, str] | None:
    if not usable:
        return SignalOutcome.BLOCKED, "VERDICT_INVALID", "the verdict's size factor is not between 0 and 1"
    why = verdict.reasoning or ", ".join(verdict.reason_codes)
    if verdict.decision is VerdictDecision.REJECT:
        return SignalOutcome.VETOED, verdict.code or "REJECT", f"vetoed: {why or 'no reason given'}"
    if verdict.decision in _BLOCKING:
        return SignalOutcome.BLOCKED, verdict.code or verdict.decision.value, f"no approval: {why or verdict.decision}"
    return None


def _order(
    turn: Turn,
    book: Book,
    signal: Signal,
    proposal: Proposal,
    checks: tuple[GateCheck, ...],
    again: tuple[GateCheck, ...],
    verdict: Verdict,
) -> None:
    """Reserve and submit in one step: from here the order counts in every limit."""
    ordered = signal_fact(turn, signal, SignalOutcome.ORDERED, checks, None, again, proposal.sized, verdict.id)
    if book.config.execution.algorithm is not Algorithm.MARKET:
        slicing.begin(turn, book, signal, proposal, ordered)
        return
    entry = Order(
        client_order_id=entry_id(turn.state, signal),
        book=book.name,
        venue=book.config.venue,
        account=book.account,
        instrument=signal.instrument,
        side=signal.side.entry,
        type=OrderType.MARKET,
        quantity=proposal.sized.quantity,
        intent=OrderIntent.ENTRY,
        ts_created=turn.ts,
        ts_updated=turn.ts,
        stop_loss=proposal.stop,
        take_profit=proposal.target,
        signal_id=signal.id,
        reason=signal.reason,
    )
    turn.state.last_entry[key_text((book.name, signal.instrument))] = turn.ts
    text = f"{entry.side} {format(entry.quantity, 'f')}"
    decide(turn, msgspec.structs.replace(ordered, client_order_id=entry.client_order_id, outcome_text=text))
    turn.submit(entry, *attached(entry))
