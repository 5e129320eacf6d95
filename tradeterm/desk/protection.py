"""Every position owns a live reduce-only stop at the venue, or somebody hears of it and the position goes.

A stop the venue refuses, cancels or expires while the position lives is placed anew under the next id; if the price has
already crossed it, the position is closed at the market. Until a stop is live the desk watches the price itself.
Repeats wait longer each time, so that a venue that keeps refusing is not hammered.
"""

import math
from decimal import Decimal

from tradeterm.config import ExitsConfig
from tradeterm.desk.account import book_positions, mark_of
from tradeterm.desk.closing import start_exit
from tradeterm.desk.models import current_model
from tradeterm.desk.state import Book, DeskState
from tradeterm.desk.turn import Turn
from tradeterm.domain.instrument import ZERO, Instrument, round_price_down, round_price_up
from tradeterm.domain.orders import OPEN_AT_VENUE, Order, OrderIntent, OrderStatus, OrderType, PositionSide
from tradeterm.domain.snapshot import Position
from tradeterm.domain.states import AlertLevel

ALERT_AFTER_MS = 10_000
FLATTEN_AFTER_MS = 60_000
ENLARGE_AGAIN_MS = 10_000
_SECOND = 1000
_LONGEST_WAIT = 30 * _SECOND
_NEAREST, _FURTHEST = Decimal("0.001"), Decimal("0.5")


def protection_prices(
    book: Book, instrument: Instrument, side: PositionSide, price: Decimal, atr: float | None = None
) -> tuple[Decimal, Decimal | None]:
    """Stop and target (None: switched off, or below zero for a short) for a position opened at `price`.

    With `stop_atr` the stop is that many ATR away, between 0.1 % and 50 % of the price; where `atr` is not known it is
    the configured percentage, for a position that has lost its stop: no entry goes by it (`stop_is_known`). With
    `target_stops` the target is that many times as far as the stop. Both are rounded to the tick nearer to `price`, but
    stay a tick away from it: the loss is not larger than configured, a tick apart.
    """
    exits = book.config.exits
    for_stop, for_target = round_price_up, round_price_down
    if side is PositionSide.SHORT:
        for_stop, for_target = round_price_down, round_price_up
    away = max(_stop_distance(exits, price, atr), instrument.tick_size)
    stop = for_stop(price - away * side.sign, instrument)
    if exits.target_stops is not None:
        reach = abs(price - stop) * Decimal(str(exits.target_stops))
    elif exits.target is not None:
        reach = price * Decimal(str(exits.target))
    else:
        return stop, None
    target = for_target(price + max(reach, instrument.tick_size) * side.sign, instrument)
    return stop, target if target > 0 else None


def stop_is_known(exits: ExitsConfig, atr: float | None) -> bool:
    """Whether the stop of an entry can be put where the book wants it."""
    return exits.stop_atr is None or (atr is not None and 0 < atr < math.inf)


def _stop_distance(exits: ExitsConfig, price: Decimal, atr: float | None) -> Decimal:
    if exits.stop_atr is None or atr is None or not stop_is_known(exits, atr):
        return price * Decimal(str(exits.stop))
    return min(max(Decimal(str(exits.stop_atr)) * Decimal(str(atr)), price * _NEAREST), price * _FURTHEST)


def unprotected(state: DeskState, book: str) -> tuple[str, ...]:
    """The book's instruments whose positions are not (`is_protected`), in one look at the orders."""
    covered: dict[str | None, Decimal] = {}
    for order in state.working_orders():
        if order.intent is OrderIntent.PROTECTIVE_STOP and order.status in OPEN_AT_VENUE:
            covered[order.parent_id] = covered.get(order.parent_id, ZERO) + order.leaves_quantity
    return tuple(
        position.instrument
        for position in book_positions(state, book)
        if covered.get(position.trade_id, ZERO) < abs(position.quantity)
    )


def is_protected(state: DeskState, position: Position) -> bool:
    """Whether stops that cover the whole position are live at the venue."""
    covered = sum(
        order.leaves_quantity
        for order in state.position_orders(position)
        if order.intent is OrderIntent.PROTECTIVE_STOP and order.status in OPEN_AT_VENUE
    )
    return covered >= abs(position.quantity)


def crossed(position: Position, price: Decimal) -> bool:
    """Whether `price` has reached the position's stop price."""
    return position.stop_price is not None and (price - position.stop_price) * position.side.sign <= 0


def stop_reason(position: Position) -> str:
    """What a stop that ended the position was: where it was put at first, or moved since."""
    return "STOP" if position.stop_price == position.initial_stop else "TRAILING"


def follow_stop(turn: Turn, order: Order) -> None:
    """Keep the position in step with its stop order; replace one that ended while the position lives."""
    position = turn.state.positions.get((order.book, order.instrument))
    if position is None or position.trade_id != order.parent_id:
        return
    stop = position.stop_price if order.is_closed or order.trigger_price is None else order.trigger_price
    position = _note(turn, position, stop)
    if not order.is_closed or position.exit_reason:
        return
    if order.status is OrderStatus.FILLED:
        start_exit(turn, position, "STOP")
        return
    text = f"the stop {order.client_order_id} is {order.status} and the position lives" + (
        f": {order.reason}" if order.reason else ""
    )
    turn.alert_once(f"stop:{position.trade_id}", AlertLevel.ERROR, "STOP_LOST", text, (order.book, order.instrument))
    if len(_stops(turn, position)) == 1:
        _place(turn, position)


def watch(turn: Turn) -> None:
    """On time passing: replace missing stops, alert after 10 s without one, close after 60 s."""
    for key, found in sorted(turn.state.positions.items()):
        position = _note(turn, found, found.stop_price)
        condition = f"unprotected:{position.trade_id}"
        if position.ts_unprotected is None:
            turn.forget(condition)
            turn.forget(f"stop:{position.trade_id}")
            continue
        age = turn.ts - position.ts_unprotected
        if age > ALERT_AFTER_MS:
            text = f"{position.instrument} has had no stop at the venue for {age // _SECOND} s"
            turn.alert_once(condition, AlertLevel.CRITICAL, "UNPROTECTED_POSITION", text, key)
        if position.exit_reason:
            continue
        if age > FLATTEN_AFTER_MS:
            start_exit(turn, position, "UNPROTECTED")
        else:
            _restore(turn, position)


def enlarge(turn: Turn, position: Position, *, again: bool = False) -> None:
    """Make the stop and the target of a position that grew as large as it is; `again` leaves recent ones time."""
    if position.exit_reason or not turn.state.venue_ready(position.venue):
        return
    whole, protected = abs(position.quantity), is_protected(turn.state, position)
    for order in turn.state.position_orders(position):
        small = order.status is OrderStatus.ACCEPTED and order.leaves_quantity < whole
        wanted = order.intent is OrderIntent.TAKE_PROFIT or (
            order.intent is OrderIntent.PROTECTIVE_STOP and not protected
        )
        if small and wanted and (not again or turn.ts - order.ts_updated >= ENLARGE_AGAIN_MS):
            turn.amend(order, quantity=order.filled_quantity + whole)


def watch_price(turn: Turn, instrument: str, price: Decimal) -> None:
    """The stop in our own hands, while none is live at the venue."""
    for key in sorted(turn.state.positions):
        position = turn.state.positions[key]
        exposed = key[1] == instrument and position.ts_unprotected is not None and not position.exit_reason
        if exposed and crossed(position, price):
            start_exit(turn, position, "STOP")


def _note(turn: Turn, position: Position, stop: Decimal | None) -> Position:
    since = None
    if not is_protected(turn.state, position):
        since = turn.ts if position.ts_unprotected is None else position.ts_unprotected
    return turn.replace_position(position, stop_price=stop, ts_unprotected=since)


def _stops(turn: Turn, position: Position) -> list[Order]:
    return [
        order
        for order in turn.state.orders.values()
        if order.intent is OrderIntent.PROTECTIVE_STOP and order.parent_id == position.trade_id
    ]


def _restore(turn: Turn, position: Position) -> None:
    """Enlarge a stop that is too small, or place a new one once the last one's time has passed."""
    stops = _stops(turn, position)
    live = [order for order in stops if not order.is_closed]
    if live:
        stop = live[-1]
        if stop.status in (OrderStatus.ACCEPTED, OrderStatus.PARTIALLY_FILLED):
            turn.amend(stop, quantity=stop.filled_quantity + abs(position.quantity))
        return
    wait = min(_SECOND << len(stops), _LONGEST_WAIT) if len(stops) > 1 else 0
    if not stops or turn.ts - stops[-1].ts_updated >= wait:
        _place(turn, position)


def _place(turn: Turn, position: Position) -> None:
    state, key = turn.state, (position.book, position.instrument)
    instrument, book = state.instruments.get(position.instrument), state.books.get(position.book)
    if instrument is None or book is None or position.average_price is None or not state.venue_ready(position.venue):
        return
    trigger = position.stop_price
    if trigger is None:
        atr = current_model(state, position.instrument, turn.ts, book.interval_ms).atr
        trigger = protection_prices(book, instrument, position.side, position.average_price, atr)[0]
        initial = position.initial_stop or trigger
        position = turn.replace_position(position, stop_price=trigger, initial_stop=initial)
    mark = mark_of(state, position.instrument)
    if mark is not None and crossed(position, mark):
        start_exit(turn, position, "STOP")
        return
    stop = Order(
        client_order_id=f"{position.trade_id}s{len(_stops(turn, position)) + 1}",
        book=position.book,
        venue=position.venue,
        account=position.account,
        instrument=position.instrument,
        side=position.side.entry.opposite,
        type=OrderType.STOP_MARKET,
        quantity=abs(position.quantity),
        intent=OrderIntent.PROTECTIVE_STOP,
        ts_created=turn.ts,
        ts_updated=turn.ts,
        trigger_price=trigger,
        reduce_only=True,
        signal_id=position.signal_id,
        parent_id=position.trade_id,
    )
    turn.submit(stop)
    turn.alert(AlertLevel.WARNING, "STOP_PLACED", f"placed the stop {stop.client_order_id} at {trigger}", key)
