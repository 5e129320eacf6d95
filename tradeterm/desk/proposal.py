"""An entry as it would be sent, and the frozen picture tier 1 judges it by."""

from decimal import Decimal

import msgspec
from msgspec import Struct

from tradeterm.desk import one_sided
from tradeterm.desk.account import book_equity, day_pnl, drawdown, mark_of, worst_exposure
from tradeterm.desk.checks import GateRequest
from tradeterm.desk.costs import fill_cost
from tradeterm.desk.desk_risk import desk_risk
from tradeterm.desk.factors import Factor, regime_factor, shrinking_factors
from tradeterm.desk.models import current_model
from tradeterm.desk.protection import protection_prices, stop_is_known, unprotected
from tradeterm.desk.sessions import is_last_bar
from tradeterm.desk.sizing import Sized, SizeRequest, reckon, size
from tradeterm.desk.state import Book, DeskState, Health, key_text
from tradeterm.domain.facts import SizeFactors
from tradeterm.domain.instrument import ZERO
from tradeterm.domain.orders import OrderIntent, OrderSide, OrderStatus, PositionSide
from tradeterm.domain.signals import Signal
from tradeterm.domain.states import VenueState, WorkerState

_VERDICT = "verdict"


class Proposal(Struct, frozen=True):
    """An entry as it would be sent: protection prices on the tick, quantity on the lot. `request` is what it was sized
    by, None where something for that is not known."""

    stop: Decimal | None
    target: Decimal | None
    sized: Sized
    request: SizeRequest | None = None


def propose(state: DeskState, book: Book, signal: Signal, factor: Decimal, atr: float | None) -> Proposal:
    """Protection prices and size at the signal's price, on the desk as it stands; `atr` is that of the signal, so that
    the verdict is about the stop that is sent. A book with `exits.stop_atr` opens nothing where that is not known."""
    instrument = state.instruments.get(signal.instrument)
    if instrument is None:
        return Proposal(None, None, Sized(ZERO, SizeFactors((), "no contract")))
    config = book.config
    if not stop_is_known(config.exits, atr):
        return Proposal(None, None, Sized(ZERO, SizeFactors((), "the ATR for the stop is not known")))
    stop, target = protection_prices(book, instrument, signal.side, signal.price, atr)
    equity, worst = book_equity(state, book), worst_exposure(state, book.name)
    earned = state.earned(book).edge
    regime = current_model(state, signal.instrument, state.ts, book.interval_ms).regime
    request = SizeRequest(
        instrument=instrument,
        price=signal.price,
        mark=mark_of(state, signal.instrument),
        stop=stop,
        equity=equity,
        cash=book.cash,
        exposure=None if worst is None else sum(worst.values(), ZERO),
        risk_fraction=earned.risk_fraction,
        why=earned.why,
        max_position_fraction=Decimal(str(config.sizing.max_position_fraction)),
        max_leverage=Decimal(str(config.limits.max_leverage)),
        max_order_notional=Decimal(str(config.limits.max_order_notional)),
        fill_cost=fill_cost(state, book),
        regime=regime_factor(config.sizing.regimes, regime, signal.side),
        factors=(*shrinking_factors(state, book, signal.instrument, equity or ZERO), Factor(_VERDICT, factor)),
    )
    return Proposal(stop, target, size(request), request)


def untouched(proposal: Proposal) -> Decimal:
    """The quantity it would have without tier 2's factor."""
    request = proposal.request
    if request is None or all(factor.name != _VERDICT or factor.value == 1 for factor in request.factors):
        return proposal.sized.quantity
    others = tuple(factor for factor in request.factors if factor.name != _VERDICT)
    return reckon(msgspec.structs.replace(request, factors=others)).quantity


def gate_request(
    state: DeskState,
    ts: int,
    book: Book,
    signal: Signal,
    proposal: Proposal,
    *,
    second_pass: bool,
    counted: bool = False,
) -> GateRequest:
    """The frozen input of tier 1, read from the desk as it stands; `counted` says that the quantity is part of an open
    order already, and not more on top of it."""
    config = book.config
    instrument = state.instruments.get(signal.instrument)
    mark = state.marks.get(signal.instrument)
    equity, worst = book_equity(state, book), worst_exposure(state, book.name)
    quantity = proposal.sized.quantity
    order_notional = None if instrument is None else instrument.notional(ZERO if counted else quantity, signal.price)
    worst_position = worst_total = None
    if worst is not None and order_notional is not None:
        worst_position = worst.get(signal.instrument, ZERO) + order_notional
        worst_total = sum(worst.values(), order_notional)
    lean = config.exits.one_sided
    leaning = None
    if lean is not None and order_notional is not None:
        leaning = one_sided.with_entry(state, book, signal.side, order_notional)
    same, other = _conflicts(state, book, signal)
    working = [order for order in state.working_orders() if order.book == book.name]
    health, edge = state.health.get(book.name, Health()), state.earned(book).edge
    return GateRequest(
        ts=ts,
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
        desk=desk_risk(state, book, signal, proposal.stop, quantity, counted=counted),
        leaning=leaning,
        most_leaning=None if lean is None else Decimal(str(lean)),
        bound=proposal.sized.factors.binding,
        no_edge="" if edge.risk_fraction else edge.why,
        same_side=same,
        other_side=other,
        last_entry=state.last_entry.get(key_text((book.name, signal.instrument))),
        session_ends=(
            config.exits.session_end
            and instrument is not None
            and is_last_bar(instrument.calendar, signal.ts_bar, book.interval_ms)
        ),
        trading_state=state.trading_state,
        trading_reason=state.trading_reason,
        kill_pending=state.kill_pending,
        book_state=book.state,
        reconciling=_reconciling(state, book),
        unknown_orders=_unknown(state, book, signal),
        degraded=tuple(
            sorted(name for name, status in state.workers.items() if status.state is not WorkerState.RUNNING)
        ),
        unprotected=unprotected(state, book.name),
        breaker=state.breaker,
        breaker_reason=state.breaker_reason,
        health=health.level,
        health_causes=health.causes,
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
