"""Position accounting: average cost in exact decimals; a position changes only by fills.

Rounding: `average_price`, the split of a fee over a flip, and a trade's prices are rounded half-even to 12 decimal
places. While a round trip only grows its average is the exact value over quantity, rounded once; after a partial exit
it is weighted with the rounded average. What the last fill realises is exact money in minus exact money out of the
whole round trip, so totals do not depend on the order of its partial fills, nor on any rounding.
"""

import hashlib
from collections import deque
from collections.abc import Iterable, Mapping
from decimal import Decimal

import msgspec
from msgspec import Struct

from tradeterm.desk.rounding import PRICE_STEP, rounded
from tradeterm.domain.facts import Trade
from tradeterm.domain.instrument import ZERO, Instrument
from tradeterm.domain.orders import Cash, Fill, PositionSide
from tradeterm.domain.snapshot import Position
from tradeterm.domain.states import Regime

LONGEST_TRADE_ID = 28
"""Leaves room for the suffix of an exit or stop in the 36 characters a venue allows."""

_ONE = Decimal(1)
_SHARE_STEP = Decimal("1e-6")


class Opening(Struct, frozen=True, kw_only=True):
    """What a round trip knows from the order that opened it, and from the models of that moment."""

    trade_id: str
    signal_id: str | None = None
    stop: Decimal | None = None
    target: Decimal | None = None
    regime: Regime | None = None
    rsi: float | None = None


class Booking(Struct, frozen=True):
    """A fill's effect: the position afterwards, the trade it closed, and money (gross realised, fee paid)."""

    position: Position
    trade: Trade | None
    realized: Decimal
    fee: Decimal


def trade_id_for(fill: Fill, order_had_fills: bool) -> str:
    """A round trip is named after the order that opens it; one reopened by a later fill of that order is set apart.

    At most LONGEST_TRADE_ID characters, whatever a foreign order calls itself: the ids of stops and exits build on it.
    """
    name = fill.client_order_id
    if not order_had_fills and len(name) <= LONGEST_TRADE_ID:
        return name
    origin = fill.exec_id if order_had_fills else name
    return f"{name[: LONGEST_TRADE_ID - 7]}r{hashlib.sha256(origin.encode()).hexdigest()[:6]}"


def flat_position(fill: Fill) -> Position:
    """The empty holding a fill starts from."""
    return Position(book=fill.book, venue=fill.venue, account=fill.account, instrument=fill.instrument)


def unrealized(position: Position, mark: Decimal, instrument: Instrument | None) -> Decimal:
    """Money the position would gain if closed at `mark`, before fees."""
    if position.average_price is None:
        return ZERO
    multiplier = instrument.multiplier if instrument else _ONE
    return (mark - position.average_price) * position.quantity * multiplier


def book_fill(
    position: Position, fill: Fill, instrument: Instrument | None, *, opening: Opening, exit_reason: str = ""
) -> Booking:
    """Book one fill, new to us, on the position of its book and instrument.

    `opening` names the round trip the fill opens if the position is flat (or is turned around). A fill larger than the
    position closes it and opens the rest on the other side, its fee shared by quantity. `instrument` None counts a
    multiplier of 1. A fee in another currency than the quote counts as 0 (there are no exchange rates here).
    """
    multiplier = instrument.multiplier if instrument else _ONE
    if instrument is not None and fill.fee_currency != instrument.quote_currency:
        fill = msgspec.structs.replace(fill, fee=ZERO)
    signed = fill.quantity * fill.side.sign
    if position.quantity * signed >= 0:
        return Booking(_grow(position, fill, fill.quantity, fill.fee, multiplier, opening), None, ZERO, fill.fee)
    closing = min(fill.quantity, abs(position.quantity))
    fee = fill.fee if closing == fill.quantity else rounded(fill.fee * closing / fill.quantity, PRICE_STEP)
    reduced, realized = _shrink(position, fill, closing, fee, multiplier)
    if reduced.quantity != 0:
        return Booking(reduced, None, realized, fill.fee)
    trade = _close(reduced, fill, multiplier, position.side, exit_reason or position.exit_reason)
    after = msgspec.structs.replace(flat_position(fill), ts_updated=fill.ts_event)
    rest = fill.quantity - closing
    if rest:
        after = _grow(after, fill, rest, fill.fee - fee, multiplier, opening)
    return Booking(after, trade, realized, fill.fee)


def book_cash(position: Position, cash: Cash) -> Position:
    """Attribute a cash event of the position's instrument to its open round trip (a gain lowers what was paid)."""
    return msgspec.structs.replace(position, funding=position.funding - cash.amount, ts_updated=cash.ts_event)


def rebuild(
    fills: Iterable[Fill], cash: Iterable[Cash] = (), instruments: Mapping[str, Instrument] | None = None
) -> dict[tuple[str, str], Position]:
    """Positions, by (book, instrument), from nothing but fills and cash events; flat ones are left out.

    Fills must be in the order they were booked; executions seen twice count once. A cash event comes before the first
    fill of its instrument that is not older: funding is settled on what was held, and orders fill afterwards. What
    fills cannot know (stops, targets, peaks, regimes) stays empty.
    """
    known = instruments or {}
    held: dict[tuple[str, str], Position] = {}
    executions: set[tuple[str, str, str]] = set()
    filled_orders: set[tuple[str, str]] = set()
    waiting: dict[tuple[str, str], deque[Cash]] = {}
    for item in sorted(cash, key=lambda item: item.ts_event):
        waiting.setdefault((item.book, item.instrument or ""), deque()).append(item)
    for fill in fills:
        due = waiting.get((fill.book, fill.instrument), deque())
        while due and due[0].ts_event <= fill.ts_event:
            _settle(held, due.popleft())
        execution = (fill.venue, fill.account, fill.exec_id)
        if execution in executions:
            continue
        executions.add(execution)
        order = (fill.venue, fill.client_order_id)
        opening = Opening(trade_id=trade_id_for(fill, order in filled_orders))
        filled_orders.add(order)
        key = (fill.book, fill.instrument)
        start = held.pop(key, None) or flat_position(fill)
        after = book_fill(start, fill, known.get(fill.instrument), opening=opening).position
        if after.quantity:
            held[key] = after
    for rest in waiting.values():
        for item in rest:
            _settle(held, item)
    return held


def _settle(held: dict[tuple[str, str], Position], cash: Cash) -> None:
    key = (cash.book, cash.instrument or "")
    if key in held:
        held[key] = book_cash(held[key], cash)


def _grow(
    position: Position, fill: Fill, quantity: Decimal, fee: Decimal, multiplier: Decimal, opening: Opening
) -> Position:
    value = fill.price * quantity * multiplier
    after = position.quantity + quantity * fill.side.sign
    entry_value = position.entry_value + value
    if position.exit_quantity == 0 or position.average_price is None:
        average = entry_value / (abs(after) * multiplier)
    else:
        average = (position.average_price * abs(position.quantity) + fill.price * quantity) / abs(after)
    grown = msgspec.structs.replace(
        position,
        quantity=after,
        average_price=rounded(average, PRICE_STEP),
        fees=position.fees + fee,
        ts_updated=fill.ts_event,
        entry_quantity=max(position.entry_quantity, abs(after)),
        entry_value=entry_value,
    )
    if position.quantity:
        return grown
    return msgspec.structs.replace(
        grown,
        trade_id=opening.trade_id,
        signal_id=opening.signal_id,
        ts_opened=fill.ts_event,
        initial_stop=opening.stop,
        stop_price=opening.stop,
        target_price=opening.target,
        peak_price=fill.price,
        entry_regime=opening.regime,
        entry_rsi=opening.rsi,
    )


def _shrink(
    position: Position, fill: Fill, quantity: Decimal, fee: Decimal, multiplier: Decimal
) -> tuple[Position, Decimal]:
    sign = position.side.sign
    average = position.average_price or ZERO
    after = position.quantity - quantity * sign
    exit_value = position.exit_value + fill.price * quantity * multiplier
    if after:
        realized = (fill.price - average) * quantity * multiplier * sign
    else:
        realized = (exit_value - position.entry_value) * sign - position.realized_pnl
    reduced = msgspec.structs.replace(
        position,
        quantity=after,
        realized_pnl=position.realized_pnl + realized,
        fees=position.fees + fee,
        ts_updated=fill.ts_event,
        exit_quantity=position.exit_quantity + quantity,
        exit_value=exit_value,
    )
    return reduced, realized


def _close(position: Position, fill: Fill, multiplier: Decimal, side: PositionSide, exit_reason: str) -> Trade:
    quantity = position.exit_quantity
    entry = position.entry_value / (quantity * multiplier)
    pnl = position.realized_pnl - position.fees - position.funding
    risk = ZERO
    if position.initial_stop is not None:
        risk = abs(entry - position.initial_stop) * quantity * multiplier
    return Trade(
        id=position.trade_id,
        book=position.book,
        venue=position.venue,
        account=position.account,
        instrument=position.instrument,
        side=side,
        quantity=quantity,
        entry_price=rounded(entry, PRICE_STEP),
        exit_price=rounded(position.exit_value / (quantity * multiplier), PRICE_STEP),
        ts_opened=position.ts_opened,
        ts_closed=fill.ts_event,
        gross_pnl=position.realized_pnl,
        fees=position.fees,
        funding=position.funding,
        pnl=pnl,
        return_pct=rounded(100 * pnl / position.entry_value, _SHARE_STEP) if position.entry_value else ZERO,
        r_multiple=rounded(pnl / risk, _SHARE_STEP) if risk else None,
        exit_reason=exit_reason,
        signal_id=position.signal_id,
    )
