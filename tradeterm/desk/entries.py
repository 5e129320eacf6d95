"""From an entry signal to an order: proposal, tier 1, the question to tier 2, tier 1 again, reserve, submit."""

from decimal import Decimal

import msgspec
from msgspec import Struct

from tradeterm.desk import gate
from tradeterm.desk.account import book_equity, day_pnl, drawdown, mark_of, worst_exposure
from tradeterm.desk.gate import GateRequest
from tradeterm.desk.packet import verdict_context
from tradeterm.desk.protection import is_protected, protection_prices
from tradeterm.desk.sizing import Sized, SizeRequest, size
from tradeterm.desk.state import Book, DeskState, PendingEntry, key_text
from tradeterm.desk.turn import Turn
from tradeterm.domain.commands import RequestVerdict
from tradeterm.domain.events import SignalRaised, VerdictReceived
from tradeterm.domain.facts import SignalFact, SizeFactors
from tradeterm.domain.instrument import ZERO
from tradeterm.domain.orders import Order, OrderIntent, OrderSide, OrderStatus, OrderType, PositionSide
from tradeterm.domain.signals import GateCheck, Signal, SignalOutcome, Verdict, VerdictDecision
from tradeterm.domain.states import AlertLevel, VenueState, WorkerState

_ONE = Decimal(1)
_BLOCKING = (VerdictDecision.ABSTAIN, VerdictDecision.FAILED_CLOSED)


class Proposal(Struct, frozen=True):
    """An entry as it would be sent: protection prices on the tick, quantity on the lot."""

    stop: Decimal | None
    target: Decimal | None
    sized: Sized


def on_entry_signal(turn: Turn, event: SignalRaised) -> None:
    """Judge an entry by tier 1; ask tier 2 if it passes. A signal already decided or pending is ignored."""
    state, signal = turn.state, event.signal
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
    proposal = propose(state, book, signal, _ONE)
    checks = gate.run(gate_request(turn, book, signal, proposal, second_pass=False), gate.ENTRY_CHECKS)
    denied = gate.denial(checks)
    if denied is not None:
        _decide(turn, _fact(turn, signal, SignalOutcome.DENIED, checks, denied, sized=proposal.sized))
        return
    state.pending[signal.id] = PendingEntry(signal, checks, turn.ts)
    turn.record(_fact(turn, signal, SignalOutcome.PENDING, checks, sized=proposal.sized))
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
        fact = _fact(turn, signal, outcome, checks, verdict_id=verdict.id if usable else None)
        _decide(turn, msgspec.structs.replace(fact, outcome_code=code, outcome_text=text))
        return
    book = turn.state.books[signal.book]
    proposal = propose(turn.state, book, signal, factor)
    again = gate.run(gate_request(turn, book, signal, proposal, second_pass=True), gate.ENTRY_CHECKS)
    denied = gate.denial(again)
    if denied is not None:
        fact = _fact(turn, signal, SignalOutcome.DENIED, checks, denied, again, proposal.sized, verdict.id)
        _decide(turn, fact)
        return
    _order(turn, book, signal, proposal, checks, again, verdict)


def expire_pending(turn: Turn) -> None:
    """Block entries whose verdict never came: the validator has its own deadline, this is the backstop."""
    for signal_id, entry in list(turn.state.pending.items()):
        limits = turn.state.books[entry.signal.book].config.limits
        patience = max(turn.state.config.gate.deadline_seconds * 2, limits.signal_max_age_seconds)
        if turn.ts - entry.ts > patience * 1000:
            del turn.state.pending[signal_id]
            fact = _fact(turn, entry.signal, SignalOutcome.BLOCKED, entry.checks)
            text = f"no verdict within {patience:g} s"
            _decide(turn, msgspec.structs.replace(fact, outcome_code="VERDICT_TIMEOUT", outcome_text=text))


def propose(state: DeskState, book: Book, signal: Signal, factor: Decimal) -> Proposal:
    """Protection prices and size at the signal's price, on the desk as it stands."""
    instrument = state.instruments.get(signal.instrument)
    if instrument is None:
        return Proposal(None, None, Sized(ZERO, SizeFactors((), "no contract")))
    stop, target = protection_prices(book, instrument, signal.side, signal.price)
    sizing = book.config.sizing
    worst = worst_exposure(state, book.name)
    request = SizeRequest(
        instrument=instrument,
        price=signal.price,
        stop=stop,
        equity=book_equity(state, book),
        cash=book.cash,
        exposure=None if worst is None else sum(worst.values(), ZERO),
        risk_fraction=Decimal(repr(sizing.risk_fraction)),
        max_position_fraction=Decimal(repr(sizing.max_position_fraction)),
        max_leverage=Decimal(repr(book.config.limits.max_leverage)),
        factors=(("verdict", factor),),
    )
    return Proposal(stop, target, size(request))


def gate_request(turn: Turn, book: Book, signal: Signal, proposal: Proposal, *, second_pass: bool) -> GateRequest:
    """The frozen input of tier 1, read from the desk as it stands."""
    state, config = turn.state, book.config
    instrument = state.instruments.get(signal.instrument)
    mark = state.marks.get(signal.instrument)
    equity, worst = book_equity(state, book), worst_exposure(state, book.name)
    quantity = proposal.sized.quantity
    order_notional = None if instrument is None else instrument.notional(quantity, signal.price)
    worst_position = worst_total = None
    if worst is not None and order_notional is not None:
        worst_position = worst.get(signal.instrument, ZERO) + order_notional
        worst_total = sum(worst.values(), order_notional)
    same, other = _conflicts(state, book, signal)
    working = [order for order in state.working_orders() if order.book == book.name]
    return GateRequest(
        ts=turn.ts,
        second_pass=second_pass,
        allowed=signal.instrument in config.instruments,
        instrument=instrument,
        limits=config.limits,
        interval_ms=book.interval_ms,
        side=signal.side,
        price=signal.price,
        stop=proposal.stop,
        target=proposal.target,
        quantity=quantity,
        signal_ts=signal.ts_bar,
        mark=mark_of(state, signal.instrument),
        mark_ts=mark.ts if mark else None,
        bar_ts=mark.bars.get(book.interval_ms) if mark else None,
        equity=equity,
        day_pnl=None if equity is None else day_pnl(book, equity),
        drawdown=None if equity is None else drawdown(book, equity),
        worst_position=worst_position,
        worst_total=worst_total,
        positions=_taken(state, book, signal),
        open_orders=sum(order.status is not OrderStatus.INITIALIZED for order in working),
        same_side=same,
        other_side=other,
        last_entry=state.last_entry.get(key_text((book.name, signal.instrument))),
        trading_state=state.trading_state,
        trading_reason=state.trading_reason,
        kill_pending=state.kill_pending,
        book_state=book.state,
        reconciling=_reconciling(state, book),
        unknown_orders=_unknown(state, book, signal),
        degraded=tuple(
            sorted(name for name, status in state.workers.items() if status.state is not WorkerState.RUNNING)
        ),
        unprotected=tuple(
            p.instrument
            for _, p in sorted(state.positions.items())
            if p.book == book.name and not is_protected(state, p)
        ),
        breaker=state.breaker,
        breaker_reason=state.breaker_reason,
    )


def _conflicts(state: DeskState, book: Book, signal: Signal) -> tuple[str, str]:
    """What is open on the same and on the other side of this instrument, also by a book that shares the account."""
    same: list[str] = []
    other: list[str] = []

    def note(side: PositionSide, text: str) -> None:
        (same if side is signal.side else other).append(text)

    sharing = {
        name
        for name, candidate in state.books.items()
        if (candidate.config.venue, candidate.account) == (book.config.venue, book.account)
    }
    for (name, instrument), position in sorted(state.positions.items()):
        if name in sharing and instrument == signal.instrument:
            note(position.side, f"position of {name}")
    for order in state.working_orders():
        if order.book in sharing and order.instrument == signal.instrument and order.intent is OrderIntent.ENTRY:
            note(PositionSide.LONG if order.side is OrderSide.BUY else PositionSide.SHORT, order.client_order_id)
    for entry in state.pending.values():
        waiting = entry.signal
        if waiting.book in sharing and waiting.instrument == signal.instrument and waiting.id != signal.id:
            note(waiting.side, f"signal {waiting.id}")
    return ", ".join(same), ", ".join(other)


def _taken(state: DeskState, book: Book, signal: Signal) -> int:
    """Instruments of the book that hold a position, have an entry working, or wait for a verdict."""
    taken = {instrument for name, instrument in state.positions if name == book.name}
    taken |= {o.instrument for o in state.working_orders() if o.book == book.name and o.intent is OrderIntent.ENTRY}
    taken |= {e.signal.instrument for e in state.pending.values() if e.signal.book == book.name}
    return len(taken - {signal.instrument})


def _reconciling(state: DeskState, book: Book) -> str:
    venue = state.venues.get(book.config.venue)
    if venue is None or venue.state is not VenueState.READY:
        return f"venue {book.config.venue} is {venue.state if venue else 'not connected yet'}"
    disagreement = state.disagreeing.get((book.config.venue, book.account))
    return f"{book.config.venue} disagrees: {disagreement}" if disagreement is not None else ""


def _unknown(state: DeskState, book: Book, signal: Signal) -> tuple[str, ...]:
    return tuple(
        order.client_order_id
        for order in state.working_orders()
        if order.status is OrderStatus.UNKNOWN
        and order.instrument == signal.instrument
        and (order.venue, order.account) == (book.config.venue, book.account)
    )


def _blocked(verdict: Verdict, usable: bool) -> tuple[SignalOutcome, str, str] | None:
    if not usable:
        return SignalOutcome.BLOCKED, "VERDICT_INVALID", "the verdict's size factor is not between 0 and 1"
    reasons = ", ".join(verdict.reason_codes)
    if verdict.decision is VerdictDecision.REJECT:
        return SignalOutcome.VETOED, verdict.code or "REJECT", f"vetoed: {reasons or 'no reason given'}"
    if verdict.decision in _BLOCKING:
        return (
            SignalOutcome.BLOCKED,
            verdict.code or verdict.decision.value,
            f"no approval: {reasons or verdict.decision}",
        )
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
    entry = Order(
        client_order_id=f"{signal.id}-1",
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
    fact = _fact(turn, signal, SignalOutcome.ORDERED, checks, None, again, proposal.sized, verdict.id)
    _decide(turn, msgspec.structs.replace(fact, client_order_id=entry.client_order_id, outcome_text=text))
    turn.submit(entry, *attached(entry))


def attached(entry: Order) -> list[Order]:
    """The protection the venue creates with the entry's first fill; it is INITIALIZED until then."""
    children = []
    wanted = (
        ("s", OrderType.STOP_MARKET, OrderIntent.PROTECTIVE_STOP, entry.stop_loss),
        ("t", OrderType.TAKE_PROFIT_MARKET, OrderIntent.TAKE_PROFIT, entry.take_profit),
    )
    for suffix, kind, intent, trigger in wanted:
        if trigger is not None:
            child = Order(
                client_order_id=entry.client_order_id + suffix,
                book=entry.book,
                venue=entry.venue,
                account=entry.account,
                instrument=entry.instrument,
                side=entry.side.opposite,
                type=kind,
                quantity=entry.quantity,
                intent=intent,
                ts_created=entry.ts_created,
                ts_updated=entry.ts_updated,
                trigger_price=trigger,
                reduce_only=True,
                signal_id=entry.signal_id,
                parent_id=entry.client_order_id,
            )
            children.append(child)
    return children


def _decide(turn: Turn, fact: SignalFact) -> None:
    turn.state.signals_seen.add(fact.id)
    turn.record(fact)


def _fact(
    turn: Turn,
    signal: Signal,
    outcome: SignalOutcome,
    checks: tuple[GateCheck, ...],
    denied: GateCheck | None = None,
    again: tuple[GateCheck, ...] = (),
    sized: Sized | None = None,
    verdict_id: str | None = None,
) -> SignalFact:
    return SignalFact(
        id=signal.id,
        ts=turn.ts,
        book=signal.book,
        strategy=signal.strategy,
        instrument=signal.instrument,
        kind=signal.kind,
        side=signal.side,
        price=signal.price,
        ts_bar=signal.ts_bar,
        reason=signal.reason,
        explain=signal.explain,
        outcome=outcome,
        outcome_code=denied.code.value if denied else "",
        outcome_text=denied.text if denied else "",
        checks=checks,
        checks_after=again,
        verdict_id=verdict_id,
        size=sized.factors if sized else None,
        quantity=sized.quantity if sized else None,
    )
