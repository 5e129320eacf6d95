"""Send an approved entry in parts: TWAP and iceberg, on every venue.

A schedule begins when both tiers have approved the whole size. Its parts are entry orders of their own:
- TWAP: market orders, equal parts over the time configured, each shifted a little by its name. What a cap held back
  is made up for later, under the same caps.
- Iceberg: one limit order at the last price at a time, the next after it has filled. The limit is the last price, not
  the touch: the desk keeps no book. It is not post-only (where the market comes to it, it may take) and is not moved.

What is left is itself an order, `<entry>p`: an INITIALIZED entry at the venue "desk" that is never sent. So it counts
in every limit, conflicts with other signals and is cancelled by halt, kill, flatten and exits as any entry on its way;
it is on the screen and in the ledger, and a restart finds it. Its end is the schedule's end: no part is sent after it.

Before each part tier 1 is asked again, except for what only holds of a fresh signal. What may pass (venue, data, an
unanswered order, a stop not confirmed, volume, open orders) is waited for and told once a part; what is a judgement
ends the schedule. The rest is cut, never raised, to what the exposure limits leave at the present price. It ends too
when trading or the book stops, the position closes or is being closed, a part ends unfilled, the price has moved away
or the time is over: working parts are cancelled, the rest dropped, and a person told. A restart ends it.

Protection. Only the first part has attached protection, and no other part is sent before its stop covers the
position: one stop and one target, whatever the number of parts, which trailing moves and exits clean up as any other.
- A venue whose attached stop covers the position (Bybit's Full mode, the paper venue) covers a later part as it fills.
  An attached stop on that part would there replace the price of the first, undoing a trail that ran meanwhile, and its
  order would never appear.
- Where the stop has a size of its own, the desk amends stop and target as soon as the fill is heard: the part is
  naked for one round trip. It does so everywhere, as it never assumes; on the first kind that changes nothing.
- A part that fills after the position was closed would be naked: it is closed at the market as soon as it is heard.
"""

from decimal import Decimal

import msgspec

from tradeterm.config import Algorithm, ExecutionConfig
from tradeterm.desk import gate
from tradeterm.desk.account import book_equity, mark_of, worst_exposure
from tradeterm.desk.checks import GateRequest
from tradeterm.desk.closing import cancel
from tradeterm.desk.entry_orders import attached, entry_id, is_sliced, part_id, rest_id
from tradeterm.desk.participation import room
from tradeterm.desk.parts import child_ms, due_quantity, duration_ms, least_quantity, part_quantity, plan
from tradeterm.desk.proposal import Proposal, gate_request
from tradeterm.desk.protection import enlarge
from tradeterm.desk.sessions import is_last_bar
from tradeterm.desk.signal_facts import decide
from tradeterm.desk.sizing import Sized
from tradeterm.desk.state import Book, DeskState, Key, Schedule, key_text
from tradeterm.desk.turn import Turn
from tradeterm.domain.facts import SignalFact, SizeFactors
from tradeterm.domain.instrument import ZERO, Instrument, round_price, round_quantity
from tradeterm.domain.orders import Order, OrderEventKind, OrderIntent, OrderStatus, OrderType
from tradeterm.domain.signals import GateCode, Signal, SignalOutcome
from tradeterm.domain.states import AlertLevel, BookState, TradingState

DESK = "desk"
"""The venue of what is never sent."""

COMPLETE = "COMPLETE"
_PROTECTION = 2  # orders that come with the first part's fill
_ONCE = (gate.bar_closed, gate.signal_fresh, gate.no_duplicate, gate.cooled_down, gate.position_count)
_SIZE = (
    gate.order_count,
    gate.on_tick,
    gate.on_lot,
    gate.min_quantity,
    gate.min_notional,
    gate.max_notional,
    gate.position_exposure,
    gate.total_exposure,
    gate.leverage,
)
PART_CHECKS = tuple(check for check in gate.ENTRY_CHECKS if check not in _ONCE)
STANDING_CHECKS = tuple(check for check in PART_CHECKS if check not in _SIZE)
_PASSING = frozenset(
    {
        GateCode.RECONCILING,
        GateCode.ENGINE_DEGRADED,
        GateCode.ORDER_UNKNOWN_PENDING,
        GateCode.UNPROTECTED_POSITION,
        GateCode.NOT_FINITE,
        GateCode.STALE_DATA,
        GateCode.ORDER_COUNT_CAP,
    }
)
_FINAL = frozenset(GateCode) - _PASSING
_EXPECTED = ("TRADING_STATE", "BOOK_STOPPED", "POSITION_CLOSED", "CANCELED")
Why = tuple[str, str]
"""A code and a clause in plain words."""


def begin(turn: Turn, book: Book, signal: Signal, proposal: Proposal, fact: SignalFact) -> None:
    """Reserve the whole size and send the first part in one step, or deny the signal if that part cannot be sent.

    `fact` is the signal's row as ORDERED, still without order.
    """
    instrument, execution = turn.state.instruments[signal.instrument], book.config.execution
    quantity, stop = proposal.sized.quantity, proposal.stop
    assert stop is not None  # tier 1 has denied an entry without one
    base, least = entry_id(turn.state, signal), _least(turn.state, signal, instrument)
    parts = plan(execution, base, quantity, least, instrument.lot_size, turn.ts)
    schedule = Schedule(
        base=base,
        signal=signal,
        quantity=quantity,
        stop=stop,
        target=proposal.target,
        ends=turn.ts + duration_ms(execution),
        spacing=duration_ms(execution) // len(parts),
        parts=parts,
    )
    first = _sendable(turn, book, schedule, quantity, parts[0].quantity)
    if not isinstance(first, Decimal):
        code, text = first
        decide(turn, msgspec.structs.replace(fact, outcome=SignalOutcome.DENIED, outcome_code=code, outcome_text=text))
        return
    text = f"{signal.side.entry} {format(quantity, 'f')} by {execution.algorithm}, {len(parts)} parts planned"
    decide(turn, msgspec.structs.replace(fact, client_order_id=base, outcome_text=text))
    turn.set_order(_rest(turn, book, schedule))
    _send(turn, book, schedule, first)


def advance(turn: Turn) -> None:
    """On time passing: send what is due, if it may be sent."""
    for position in list(turn.state.positions.values()):
        if is_sliced(turn.state, position.trade_id):
            enlarge(turn, position, again=True)
    for schedule in list(turn.state.schedules.values()):
        _advance(turn, schedule)


def review(turn: Turn) -> None:
    """After every event: end the schedules that are complete, or whose reason is gone."""
    for schedule in list(turn.state.schedules.values()):
        over = _over(turn.state, schedule)
        if over is not None:
            _end(turn, schedule, over)


def drop_restored(turn: Turn) -> None:
    """After a restart: what was not sent before it is dropped."""
    for order in turn.state.working_orders():
        if order.intent is OrderIntent.ENTRY and order.venue == DESK:
            text = (
                f"{format(order.quantity, 'f')} {order.instrument} of {order.parent_id} was not sent before the restart"
            )
            turn.move(order, OrderEventKind.REFUSED, detail="dropped at the restart")
            if order.quantity:
                turn.alert(
                    AlertLevel.WARNING, "SLICING_ENDED", f"{text} and is dropped", (order.book, order.instrument)
                )


def _advance(turn: Turn, schedule: Schedule) -> None:
    state, book = turn.state, turn.state.books[schedule.signal.book]
    over = _over(state, schedule) or _judged(turn, book, schedule)
    if over is not None:
        _end(turn, schedule, over)
        return
    left = _cut(turn, book, schedule)
    want = min(left, _due(state, book.config.execution, schedule, turn.ts))
    if want <= ZERO:
        return
    found = _sendable(turn, book, schedule, left, want)
    if isinstance(found, Decimal):
        _send(turn, book, schedule, found)
    else:
        _wait(turn, schedule, found)


def _over(state: DeskState, schedule: Schedule) -> Why | None:
    """Why the schedule is over; None while it runs."""
    signal, book = schedule.signal, state.books[schedule.signal.book]
    if state.kill_pending or state.trading_state is not TradingState.ACTIVE:
        return "TRADING_STATE", f"trading is {state.trading_state}: {state.trading_reason or 'kill'}"
    if book.state is not BookState.RUNNING:
        return "BOOK_STOPPED", f"book {book.name} is {book.state}"
    first, rest = state.orders[schedule.base], state.orders[rest_id(schedule.base)]
    position = state.positions.get(_key(schedule))
    if first.filled_quantity and (position is None or position.trade_id != schedule.base):
        return "POSITION_CLOSED", "the position is closed"
    if position is not None and position.exit_reason:
        return "POSITION_CLOSED", f"the position is being closed: {position.exit_reason}"
    for order in _sent(state, schedule):
        if order.is_closed and order.status is not OrderStatus.FILLED:
            because = f": {order.reason}" if order.status is OrderStatus.REJECTED and order.reason else ""
            return "PART_ENDED", f"{order.client_order_id} is {order.status}{because}"
        if order.status is OrderStatus.PENDING_CANCEL:
            return "CANCELED", f"{order.client_order_id} is being cancelled"
    if rest.is_closed:
        return "CANCELED", "its entries were cancelled"
    if not rest.quantity and all(order.is_closed for order in _sent(state, schedule)):
        filled = format(sum((order.filled_quantity for order in _sent(state, schedule)), ZERO), "f")
        return COMPLETE, f"{filled} of {format(schedule.quantity, 'f')} in {len(schedule.sent)} parts"
    mark, limit = mark_of(state, signal.instrument), Decimal(str(book.config.execution.price_limit))
    if mark is not None and abs(mark - signal.price) > limit * abs(signal.price - schedule.stop):
        return "PRICE_MOVED", f"the price is {format(mark, 'f')}, too far from the signal's {format(signal.price, 'f')}"
    if state.ts > schedule.ends:
        return "TIME_OVER", "its time is over"
    return None


def _judged(turn: Turn, book: Book, schedule: Schedule) -> Why | None:
    """What tier 1 says against the schedule as a whole; None for what may pass."""
    request = _request(turn, book, schedule, schedule.quantity)
    denied = next(
        (check for check in gate.run(request, STANDING_CHECKS) if not check.passed and check.code not in _PASSING), None
    )
    return None if denied is None else (denied.code.value, denied.text)


def _due(state: DeskState, execution: ExecutionConfig, schedule: Schedule, ts: int) -> Decimal:
    """What should go out now: nothing sooner than the shortest spacing, nor before the first part filled something."""
    sent = _sent(state, schedule)
    if ts - schedule.last_sent < child_ms(execution) or not sent[0].filled_quantity:
        return ZERO
    if execution.algorithm is Algorithm.ICEBERG:
        return schedule.parts[0].quantity if all(order.is_closed for order in sent) else ZERO
    return due_quantity(schedule.parts, ts) - sum((order.quantity for order in sent), ZERO)


def _sendable(turn: Turn, book: Book, schedule: Schedule, left: Decimal, want: Decimal) -> Decimal | Why:
    """The quantity of the next part, or why none is sent now."""
    state, execution, signal = turn.state, book.config.execution, schedule.signal
    instrument = state.instruments[signal.instrument]
    window = min(schedule.spacing, turn.ts - schedule.last_sent) if schedule.sent else schedule.spacing
    allowed = room(state, execution, signal.instrument, book.interval_ms, turn.ts, window)
    if allowed is None:
        return "VOLUME_UNKNOWN", f"the volume of {signal.instrument} is not known"
    least = _least(state, signal, instrument)
    quantity = part_quantity(left, want, allowed, least, instrument)
    if not quantity:
        may = format(round_quantity(allowed, instrument), "f")
        text = f"{may} of {signal.instrument} may be traded now, least {format(least, 'f')}"
        return "PARTICIPATION", text
    count = _open_orders(state, book, signal.instrument) + (1 if schedule.sent else 1 + _PROTECTION)
    if count > execution.max_open_orders:
        return GateCode.ORDER_COUNT_CAP.value, f"{count} open orders of {signal.instrument} are too many"
    if schedule.sent:
        denied = gate.denial(gate.run(_request(turn, book, schedule, quantity), PART_CHECKS))
        if denied is not None:
            return denied.code.value, denied.text
        return _stale(turn, book, signal.instrument) or quantity
    return quantity


def _stale(turn: Turn, book: Book, instrument: str) -> Why | None:
    """A part leaves between closes, so a bar's own length excuses no age: the price must be as new as a quote is."""
    mark, limit = turn.state.marks.get(instrument), book.config.limits.stale_after_seconds
    if mark is not None and turn.ts - mark.ts <= limit * 1000:
        return None
    return GateCode.STALE_DATA.value, f"{instrument} has had no price for more than {limit:g} s"


def _cut(turn: Turn, book: Book, schedule: Schedule) -> Decimal:
    """What is left, cut to what the exposure limits leave at the present price. Unchanged where that is not known."""
    state, rest, name = turn.state, turn.state.orders[rest_id(schedule.base)], schedule.signal.instrument
    instrument, mark = state.instruments[name], mark_of(state, name)
    equity, worst = book_equity(state, book), worst_exposure(state, book.name)
    if mark is None or equity is None or worst is None:
        return rest.quantity
    limits, own = book.config.limits, instrument.notional(rest.quantity, mark)
    total = min(Decimal(str(limits.max_total_exposure)), Decimal(str(limits.max_leverage)), instrument.max_leverage)
    free = min(
        Decimal(str(limits.max_position_exposure)) * equity - worst.get(name, ZERO) + own,
        total * equity - sum(worst.values(), ZERO) + own,
    )
    fits = max(ZERO, round_quantity(free / (mark * instrument.multiplier), instrument))
    if fits < rest.quantity:
        turn.set_order(msgspec.structs.replace(rest, quantity=fits, ts_updated=turn.ts))
        cut = format(rest.quantity - fits, "f")
        text = f"{cut} {name} of {schedule.base} is dropped: the exposure limits leave no room for it"
        turn.alert(AlertLevel.INFO, "SLICING_CUT", text, _key(schedule))
    return min(fits, rest.quantity)


def _send(turn: Turn, book: Book, schedule: Schedule, quantity: Decimal) -> None:
    state, signal = turn.state, schedule.signal
    first, price = not schedule.sent, None
    if book.config.execution.algorithm is Algorithm.ICEBERG:
        price = round_price(
            state.marks[signal.instrument].decimal or signal.price, state.instruments[signal.instrument]
        )
    part = Order(
        client_order_id=part_id(schedule.base, len(schedule.sent) + 1),
        book=book.name,
        venue=book.config.venue,
        account=book.account,
        instrument=signal.instrument,
        side=signal.side.entry,
        type=OrderType.MARKET if price is None else OrderType.LIMIT,
        price=price,
        quantity=quantity,
        intent=OrderIntent.ENTRY,
        ts_created=turn.ts,
        ts_updated=turn.ts,
        stop_loss=schedule.stop if first else None,
        take_profit=schedule.target if first else None,
        signal_id=signal.id,
        parent_id=None if first else schedule.base,
        reason=signal.reason,
    )
    rest = state.orders[rest_id(schedule.base)]
    turn.set_order(msgspec.structs.replace(rest, quantity=rest.quantity - quantity, ts_updated=turn.ts))
    state.schedules[_key(schedule)] = msgspec.structs.replace(
        schedule, sent=(*schedule.sent, part.client_order_id), last_sent=turn.ts, waits=()
    )
    state.last_entry[key_text(_key(schedule))] = turn.ts
    turn.submit(part, *attached(part))


def _wait(turn: Turn, schedule: Schedule, why: Why) -> None:
    """No part now. What tier 1 judges for good ends the schedule; the rest is told once a part."""
    code, text = why
    if code in _FINAL:
        _end(turn, schedule, why)
    elif code not in schedule.waits:
        turn.state.schedules[_key(schedule)] = msgspec.structs.replace(schedule, waits=(*schedule.waits, code))
        number = len(schedule.sent) + 1
        turn.alert(
            AlertLevel.WARNING,
            "SLICE_WAITS",
            f"part {number} of {schedule.base} waits: {text} ({code})",
            _key(schedule),
        )


def _end(turn: Turn, schedule: Schedule, why: Why) -> None:
    """Drop what is left and cancel what is working; say why."""
    state, key, (code, text) = turn.state, _key(schedule), why
    del state.schedules[key]
    rest = state.orders[rest_id(schedule.base)]
    if not rest.is_closed:
        kind = OrderEventKind.CANCELED if code == COMPLETE else OrderEventKind.REFUSED
        rest = turn.move(rest, kind, detail=text) or rest
    turn.set_order(msgspec.structs.replace(rest, reason=f"{code}: {text}"))
    sent = _sent(state, schedule)
    for order in sent:
        if not order.is_closed:
            cancel(turn, order)
    if code != COMPLETE:
        filled = format(sum((order.filled_quantity for order in sent), ZERO), "f")
        level = AlertLevel.INFO if code in _EXPECTED else AlertLevel.WARNING
        text = f"{schedule.base} ends with {filled} of {format(schedule.quantity, 'f')} filled: {text} ({code})"
        turn.alert(level, "SLICING_ENDED", text, key)


def _request(turn: Turn, book: Book, schedule: Schedule, quantity: Decimal) -> GateRequest:
    """Tier 1's input for a part: what is left counts already, and the schedule does not conflict with itself."""
    state, signal = turn.state, schedule.signal
    proposal = Proposal(schedule.stop, schedule.target, Sized(quantity, SizeFactors((), "")))
    request = gate_request(state, turn.ts, book, signal, proposal, second_pass=True, counted=True)
    instrument = state.instruments[signal.instrument]
    last = request.session_ends if request.bar_ts is None else _session_ends(book, instrument, request.bar_ts)
    return msgspec.structs.replace(request, session_ends=last)


def _session_ends(book: Book, instrument: Instrument, bar_ts: int) -> bool:
    return book.config.exits.session_end and is_last_bar(instrument.calendar, bar_ts, book.interval_ms)


def _rest(turn: Turn, book: Book, schedule: Schedule) -> Order:
    signal = schedule.signal
    return Order(
        client_order_id=rest_id(schedule.base),
        book=book.name,
        venue=DESK,
        account=book.account,
        instrument=signal.instrument,
        side=signal.side.entry,
        type=OrderType.MARKET,
        quantity=schedule.quantity,
        intent=OrderIntent.ENTRY,
        ts_created=turn.ts,
        ts_updated=turn.ts,
        signal_id=signal.id,
        parent_id=schedule.base,
        reason=f"{book.config.execution.algorithm}, not sent yet",
    )


def _least(state: DeskState, signal: Signal, instrument: Instrument) -> Decimal:
    """The smallest part, at the signal's price and at the present one."""
    mark = mark_of(state, signal.instrument)
    return least_quantity(instrument, signal.price if mark is None else min(mark, signal.price))


def _sent(state: DeskState, schedule: Schedule) -> list[Order]:
    return [state.orders[client_id] for client_id in schedule.sent]


def _open_orders(state: DeskState, book: Book, instrument: str) -> int:
    """Orders of the instrument that are at the venue, or on their way there, in the book's account."""
    where = (book.config.venue, book.account, instrument)
    return sum(
        (order.venue, order.account, order.instrument) == where and order.status is not OrderStatus.INITIALIZED
        for order in state.working_orders()
    )


def _key(schedule: Schedule) -> Key:
    return schedule.signal.book, schedule.signal.instrument
