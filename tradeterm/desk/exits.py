"""One ordered policy of exits, the same in backtest, paper and live. The first that applies decides:

 1. protective stop     rests at the venue and needs nothing from here (see `protection.py`)
 2. take-profit         rests at the venue too
 3. trailing            the stop follows the best price, only ever tighter, by a tick at least; where the bar closed
                        beyond the new level already, the position is closed at the market instead (TRAILING)
 4. time                held as long as it may be (TIME_LIMIT)
 5. session end         the session's last bar, also for a position that has outlived its session (SESSION_END)
 6. regime change       the instrument's regime turned against the position after its entry (REGIME_CHANGE)
 7. thesis invalidated  what was bought oversold is overbought, and the other way round (THESIS); what was bought
                        between the two had another reason, and this one does not end it
 8. one-sided book      the worst position of the heavy side of a book that leans too far (ONE_SIDED, `one_sided.py`)
 9. exit signals        of the strategy, with its own reason

3 to 8 are judged when a bar of the position's instrument closes, on books that work on bars of this length. 4 and 5
need no price, so they do not wait for a bar that does not come: what it would have ended is ended `stale_after_seconds`
after it was due, at the first Timer at which the market is open. On a market that shuts, something must have been seen
in that session: one of silence may be a holiday. Exits are market orders sent at the bar's close, so they fill at the
next price. None of them asks for a state: whatever the desk,
the breaker, the book or its health is at (HALTED, SHUTDOWN, PAUSED, STOPPED, CRITICAL), only entries are held back, and
what reduces risk is sent. Only a venue that is not ready has an exit wait until it is.

Events of one instant come in this order: the BarClosed of all instruments, then the signals, then the ModelUpdates of
those bars, then a Timer. So a bar is judged by the models of the bar before; models older than three bars count as
unknown, and what is not known ends nothing and leaves the book's plain values.

The best price is the bar's high (low for shorts) if the position was open when the bar began, else its close: what a
bar did before the entry never counts. `been_in_profit` is set by a close beyond the average price; a signal that
requires it acts only if such a close came before the signal's own bar. A thesis is judged by the RSI of bars that
closed after the entry. Holding time counts from the first fill, whatever was restarted since.
"""

from decimal import Decimal

import msgspec

from tradeterm.desk import one_sided
from tradeterm.desk.closing import live_exit, next_exit_id, start_exit
from tradeterm.desk.models import current_model
from tradeterm.desk.regime_exits import longest_hours, speaks_against, trail_distance, turned_against
from tradeterm.desk.sessions import is_last_bar, is_open, last_close, session_of
from tradeterm.desk.signal_facts import decide, signal_fact
from tradeterm.desk.state import Book, InstrumentModel
from tradeterm.desk.turn import Turn
from tradeterm.domain.instrument import Calendar, Instrument, round_price_down, round_price_up
from tradeterm.domain.market import HOUR_MS, Bar
from tradeterm.domain.orders import OrderIntent, OrderStatus, PositionSide
from tradeterm.domain.signals import Signal, SignalOutcome
from tradeterm.domain.snapshot import Position
from tradeterm.domain.states import AlertLevel, Regime

_ONE = Decimal(1)
_SECOND = 1000


def on_bar(turn: Turn, bar: Bar) -> None:
    """Apply the policy to the positions of the bar's instrument, in books that work on bars of this length."""
    if not turn.state.positions:
        return
    for book in turn.state.books.values():
        position = turn.state.positions.get((book.name, bar.instrument))
        if position is None or bar.interval_ms != book.interval_ms:
            continue
        instrument = turn.state.instruments.get(bar.instrument)
        if instrument is not None and bar.ts_event > position.ts_opened:
            _judge(turn, book, position, instrument, bar)
        one_sided.on_bar(turn, book, bar.ts_event)


def on_time(turn: Turn) -> None:
    """End what a bar that has not come would have ended, on all books."""
    for (name, instrument_id), position in sorted(turn.state.positions.items()):
        book, instrument = turn.state.books.get(name), turn.state.instruments.get(instrument_id)
        if book is None or instrument is None or position.exit_reason:
            continue
        close = _overdue(turn, book, instrument)
        if close is None or close <= position.ts_opened:
            continue
        model = current_model(turn.state, instrument_id, turn.ts, book.interval_ms)
        reason = _over(book, position, instrument, close, model)
        if reason:
            late = (turn.ts - close) // _SECOND
            text = f"{instrument.symbol} is closed ({reason}) without its bar, which is {late} s late"
            turn.alert(AlertLevel.WARNING, "BAR_MISSING", text, (name, instrument_id))
            start_exit(turn, position, reason)


def _overdue(turn: Turn, book: Book, instrument: Instrument) -> int | None:
    """When the instrument's newest bar should have closed, if it has not come in the book's time; None where it has, or
    where the market is closed or may be."""
    patience = round(book.config.limits.stale_after_seconds * _SECOND)
    if not is_open(instrument.calendar, turn.ts) or not _trades(turn, instrument.calendar):
        return None
    close = last_close(instrument.calendar, turn.ts - patience, book.interval_ms)
    mark = turn.state.marks.get(instrument.id)
    return close if mark is None or mark.bars.get(book.interval_ms, -1) < close else None


def _trades(turn: Turn, calendar: Calendar) -> bool:
    """Whether the market has been seen in this session; one that never shuts has no holidays."""
    if calendar is Calendar.ALWAYS:
        return True
    session = session_of(calendar, turn.ts)
    return any(
        instrument.calendar is calendar and session_of(calendar, mark.ts) == session
        for name, mark in turn.state.marks.items()
        if (instrument := turn.state.instruments.get(name)) is not None
    )


def _judge(turn: Turn, book: Book, position: Position, instrument: Instrument, bar: Bar) -> None:
    model = current_model(turn.state, bar.instrument, turn.ts, book.interval_ms)
    seen = observed(position, bar, model.regime)
    if seen != position:
        turn.set_position(seen)
    if seen.exit_reason:
        return
    level = trailing_level(book, seen, instrument, model.regime)
    reason = due(book, seen, instrument, bar, level, model)
    if reason:
        start_exit(turn, seen, reason)
    elif level is not None:
        _move_stop(turn, seen, level)


def on_exit_signal(turn: Turn, signal: Signal) -> None:
    """The strategy wants out. Dropped without a record where there is nothing to close (or it is being closed)."""
    state = turn.state
    position = state.positions.get((signal.book, signal.instrument))
    if position is None or signal.id in state.signals_seen or not wants_out(position, signal):
        return
    fact = signal_fact(turn, signal, SignalOutcome.ORDERED)
    position = turn.replace_position(position, exit_reason=signal.reason)
    quantity = abs(position.quantity)
    client_id = next_exit_id(turn, position) if state.venue_ready(position.venue) else None
    text = f"close {format(quantity, 'f')}" if client_id else "close as soon as the venue is ready"
    decide(turn, msgspec.structs.replace(fact, quantity=quantity, client_order_id=client_id, outcome_text=text))
    start_exit(turn, position, signal.reason)  # after the record: what is decided is on disk before the order leaves


def wants_out(position: Position, signal: Signal) -> bool:
    """Whether an exit signal of its book and instrument ends the position."""
    if position.side is not signal.side or position.exit_reason:
        return False
    if signal.ts_bar <= position.ts_opened or not signal.price.is_finite():
        return False
    return not signal.requires_profit or (position.ts_profit is not None and position.ts_profit < signal.ts_bar)


def trailing_level(
    book: Book, position: Position, instrument: Instrument, regime: Regime | None = None
) -> Decimal | None:
    """Where the trailing stop belongs in this regime, on the tick nearer to the price; None unless it tightens by a
    tick at least."""
    exits, sign = book.config.exits, position.side.sign
    distance = trail_distance(exits, position.entry_regime, regime)
    if distance is None or position.peak_price is None or not position.average_price:
        return None
    gain = (position.peak_price / position.average_price - _ONE) * sign
    if gain < Decimal(str(exits.trail_after)):
        return None
    nearer = round_price_up if position.side is PositionSide.LONG else round_price_down
    level = nearer(position.peak_price * (_ONE - Decimal(str(distance)) * sign), instrument)
    if position.stop_price is not None and (level - position.stop_price) * sign < instrument.tick_size:
        return None
    return level


def observed(position: Position, bar: Bar, regime: Regime | None) -> Position:
    """The position that remembers what the bar showed: the best price, the first close in profit, and the end of a
    regime that spoke against it from the start."""
    sign = position.side.sign
    best = bar.high if sign > 0 else bar.low
    price = Decimal(str(best if position.ts_opened <= bar.ts_open else bar.close))
    peak = position.peak_price
    if peak is None or (price - peak) * sign > 0:
        peak = price
    since, average = position.ts_profit, position.average_price
    if since is None and average is not None and (Decimal(str(bar.close)) - average) * sign > 0:
        since = bar.ts_event
    entry = position.entry_regime
    if regime is not None and speaks_against(position.side, entry) and not speaks_against(position.side, regime):
        entry = regime
    return msgspec.structs.replace(
        position, peak_price=peak, ts_profit=since, been_in_profit=since is not None, entry_regime=entry
    )


def due(
    book: Book, position: Position, instrument: Instrument, bar: Bar, level: Decimal | None, model: InstrumentModel
) -> str:
    """Why the bar's close ends the position, "" if nothing does; `level` is where its trailing stop belongs now."""
    exits, side = book.config.exits, position.side
    if level is not None and (Decimal(str(bar.close)) - level) * side.sign <= 0:
        return "TRAILING"
    over = _over(book, position, instrument, bar.ts_event, model)
    if over:
        return over
    if turned_against(exits, side, position.entry_regime, model.regime):
        return "REGIME_CHANGE"
    if exits.thesis_rsi is not None and _thesis_over(exits.thesis_rsi, position, model, book.interval_ms):
        return "THESIS"
    return ""


def _over(book: Book, position: Position, instrument: Instrument, close: int, model: InstrumentModel) -> str:
    """What the time of a bar's close alone ends, whatever its price."""
    exits = book.config.exits
    limit = longest_hours(exits, model.regime)
    if limit is not None and close - position.ts_opened >= int(limit * HOUR_MS):
        return "TIME_LIMIT"
    if exits.session_end and _session_over(instrument.calendar, position, close, book.interval_ms):
        return "SESSION_END"
    return ""


def _thesis_over(limit: float, position: Position, model: InstrumentModel, interval_ms: int) -> bool:
    """RSI beyond the limit, from beyond the opposite one at the entry; its newest bar, which closed at the last whole
    interval before it came, is after the entry."""
    then, now = position.entry_rsi, model.rsi
    if then is None or now is None or model.ts // interval_ms * interval_ms <= position.ts_opened:
        return False
    low = 100.0 - limit
    return then < low and now > limit if position.side is PositionSide.LONG else then > limit and now < low


def _session_over(calendar: Calendar, position: Position, close: int, interval_ms: int) -> bool:
    outlived = session_of(calendar, position.ts_opened) < session_of(calendar, close - 1)
    return outlived or is_last_bar(calendar, close, interval_ms)


def _move_stop(turn: Turn, position: Position, level: Decimal) -> None:
    if live_exit(turn, position) is not None or not turn.state.venue_ready(position.venue):
        return
    for order in list(turn.state.position_orders(position)):
        if order.intent is OrderIntent.PROTECTIVE_STOP and order.status is OrderStatus.ACCEPTED:
            turn.amend(order, trigger_price=level)
