"""Compare what we believe with what a venue says, and say what the desk must hear so that both agree. Pure.

The venue is right about what happened: missing executions become fills, order states follow its look-ups, orders we
do not know are adopted as EXTERNAL. Nothing here sends an order; protections that are missing afterwards are the
desk's to make again. Planning twice on the same pictures gives nothing the second time.
"""

import hashlib
import math
from collections.abc import Iterable, Iterator, Mapping
from decimal import Decimal

import msgspec
from msgspec import Struct

from tradeterm.brokers.protocol import VenueBalance, VenuePosition
from tradeterm.desk.state import exec_key
from tradeterm.domain.events import AccountUpdate, CashEvent, DeskEvent, FillReceived, OrderAdopted, OrderUpdate
from tradeterm.domain.instrument import Instrument
from tradeterm.domain.market import DAY_MS
from tradeterm.domain.orders import Cash, Fill, Liquidity, Order, OrderEventKind, OrderIntent, OrderSide, OrderStatus
from tradeterm.domain.snapshot import DeskSnapshot, Position

NEVER_ARRIVED = "NEVER_ARRIVED"
NOT_CARRIED_OUT = "NOT_CARRIED_OUT"
REDUCED_AT_VENUE = "REDUCED_AT_VENUE"
CASH_TOLERANCE = Decimal("0.01")

_IN_FLIGHT = frozenset({OrderStatus.INITIALIZED, OrderStatus.SUBMITTED, OrderStatus.UNKNOWN})
_ENDED = {
    OrderStatus.CANCELED: OrderEventKind.CANCELED,
    OrderStatus.EXPIRED: OrderEventKind.EXPIRED,
    OrderStatus.REJECTED: OrderEventKind.REFUSED,
}


class VenuePicture(Struct, frozen=True, kw_only=True):
    """One account as the venue states it at `ts`.

    `orders` are its open orders and those we looked up, `missing` the client ids it certainly does not have.
    `untouched_since` leaves orders and positions alone that changed later than that (an answer may be on its way); None
    judges all.
    """

    venue: str
    account: str
    ts: int
    orders: tuple[Order, ...]
    missing: frozenset[str]
    executions: tuple[Fill | Cash, ...]
    positions: tuple[VenuePosition, ...]
    balances: tuple[VenueBalance, ...]
    untouched_since: int | None = None


class Plan(Struct, frozen=True):
    """Events for the desk, in the order they happened, and what was found in plain words."""

    events: tuple[DeskEvent, ...]
    findings: tuple[str, ...]


def ours(local: DeskSnapshot, venue: str, account: str) -> tuple[Order, ...]:
    """Our orders at that account."""
    return tuple(order for order in local.orders if order.venue == venue and order.account == account)


def attached_ids(orders: Iterable[Order]) -> frozenset[str]:
    """Client ids of the protection a venue makes by itself with the first fill of these orders."""
    ids = set()
    for order in orders:
        if order.stop_loss is not None:
            ids.add(f"{order.client_order_id}s")
        if order.take_profit is not None:
            ids.add(f"{order.client_order_id}t")
    return frozenset(ids)


def plan(local: DeskSnapshot, picture: VenuePicture) -> Plan:
    """What the desk must hear. Apply the events, then plan again: attached protection only becomes known with its
    entry's fill."""
    findings: list[str] = []
    known = {order.client_order_id: order for order in ours(local, picture.venue, picture.account)}
    theirs = {order.client_order_id: order for order in picture.orders}
    missed_fills, missed_cash = missed(local, picture.venue, picture.account, picture.executions)
    expected = attached_ids(known.values())

    events: list[DeskEvent] = []
    for client_id, order in theirs.items():
        if client_id in known or (client_id in expected and missed_fills):
            continue
        if order.is_closed and not any(fill.client_order_id == client_id for fill in missed_fills):
            continue  # an old order of somebody else's
        adopted = _before(order, missed_fills) if client_id in expected else _as_external(_before(order, missed_fills))
        events.append(OrderAdopted(ts=picture.ts, order=adopted))
        findings.append(f"order {client_id} at {picture.venue} is not ours: adopted as {adopted.intent}")
    for client_id, order in known.items():
        found = theirs.get(client_id)
        if found is not None and order.status in _IN_FLIGHT and found.status is not OrderStatus.REJECTED:
            events.append(_update(picture.ts, order, OrderEventKind.ACKNOWLEDGED, found))
            findings.append(f"order {client_id} had arrived ({found.status})")

    moved: list[tuple[int, DeskEvent]] = []
    for fill in missed_fills:
        moved.append((fill.ts_event, FillReceived(ts=picture.ts, fill=fill)))
        findings.append(
            f"missing fill {fill.exec_id}: {fill.side} {fill.quantity} {fill.instrument} at {fill.price} booked"
        )
    for cash in missed_cash:
        moved.append((cash.ts_event, CashEvent(ts=picture.ts, cash=cash)))
        findings.append(f"missing {cash.kind} {cash.id}: {cash.amount} {cash.currency} booked")
    events.extend(event for _, event in sorted(moved, key=lambda pair: pair[0]))

    for client_id, order in known.items():
        if order.is_closed or (picture.untouched_since is not None and order.ts_updated > picture.untouched_since):
            continue
        if any(fill.client_order_id == client_id for fill in missed_fills) and client_id not in theirs:
            continue  # filled, but not found: ask again once the fills are booked
        found = theirs.get(client_id)
        if order.status is OrderStatus.INITIALIZED and found is None and client_id in expected:
            parent = known.get(order.parent_id or "")
            if parent is not None and not parent.filled_quantity and not parent.is_closed:
                continue  # the venue makes it with its entry's first fill
        update = _state_update(picture, order, found)
        if update is not None:
            events.append(update)
            findings.append(f"order {client_id} was {order.status} here: {update.kind} {update.code}".rstrip())
    return Plan(tuple(events), tuple(findings))


def account_updates(picture: VenuePicture) -> tuple[AccountUpdate, ...]:
    return tuple(
        AccountUpdate(
            ts=picture.ts,
            venue=picture.venue,
            account=picture.account,
            currency=balance.currency,
            balance=balance.balance,
        )
        for balance in picture.balances
    )


def position_differences(
    local: DeskSnapshot, picture: VenuePicture, instruments: Mapping[str, Instrument]
) -> tuple[str, ...]:
    """Where our quantity and the venue's differ by a lot or more, one sentence each; empty means they agree."""
    return tuple(
        f"position {name}: {mine} here, {there} at {picture.venue}"
        for name, mine, there in _differing(local, picture, instruments)
    )


def adopted_fills(
    local: DeskSnapshot, picture: VenuePicture, instruments: Mapping[str, Instrument]
) -> tuple[tuple[Fill, ...], tuple[str, ...]]:
    """For positions no execution explains: a fill each that makes ours the venue's, and a sentence each.

    The venue is right about quantities. The fill's id is the same however often this is planned on one day, and its
    price makes our average the venue's; without a price there is none.
    """
    here = {item.instrument: item for item in _local_positions(local, picture)}
    averages = {item.instrument: item.average_price for item in picture.positions}
    fills, sentences = [], []
    for name, mine, there in _differing(local, picture, instruments):
        position = here.get(name)
        price = _bridging_price(mine, position.average_price if position else None, there, averages.get(name))
        if price is None:
            sentences.append(
                f"position {name}: no price is known at which {there - mine} came about; look at the venue"
            )
            continue
        facts = f"{picture.venue}/{picture.account}/{name}/{there}/{averages.get(name)}/{picture.ts // DAY_MS}"
        identity = "recon-" + hashlib.sha256(facts.encode()).hexdigest()[:16]
        fills.append(
            Fill(
                exec_id=identity,
                venue=picture.venue,
                account=picture.account,
                book=picture.account,
                instrument=name,
                client_order_id=identity,
                venue_order_id="",
                side=OrderSide.BUY if there > mine else OrderSide.SELL,
                quantity=abs(there - mine),
                price=price,
                fee=Decimal(0),
                fee_currency=instruments[name].quote_currency,
                liquidity=Liquidity.TAKER,
                ts_event=picture.ts,
                ts_recv=picture.ts,
                reconciliation=True,
            )
        )
        sentences.append(f"position {name}: {there - mine} that nothing explains adopted at {price:f}")
    return tuple(fills), tuple(sentences)


def _bridging_price(
    mine: Decimal, average: Decimal | None, there: Decimal, venue_average: Decimal | None
) -> Decimal | None:
    """The price of a fill from `mine` to `there` after which the average is the venue's; None where none is known."""
    if there == 0 or mine * there < 0 or mine == 0 or abs(there) < abs(mine):
        price = average if abs(there) < abs(mine) and mine * there >= 0 else venue_average
    elif average is None or venue_average is None:
        price = None
    else:
        price = (there * venue_average - mine * average) / (there - mine)
    return price if price is not None and price.is_finite() and price > 0 else None


def _local_positions(local: DeskSnapshot, picture: VenuePicture) -> list[Position]:
    return [item for item in local.positions if (item.venue, item.account) == (picture.venue, picture.account)]


def _differing(
    local: DeskSnapshot, picture: VenuePicture, instruments: Mapping[str, Instrument]
) -> Iterator[tuple[str, Decimal, Decimal]]:
    """Instrument, our quantity, the venue's."""
    here = {item.instrument: item for item in _local_positions(local, picture)}
    there = {position.instrument: position.quantity for position in picture.positions}
    for name in sorted(here.keys() | there.keys()):
        position = here.get(name)
        if position is not None and position.ts_updated > (picture.untouched_since or math.inf):
            continue
        mine, venue = position.quantity if position else Decimal(0), there.get(name, Decimal(0))
        instrument = instruments.get(name)
        step = instrument.lot_size if instrument is not None else Decimal(0)
        if mine != venue and abs(mine - venue) >= step:
            yield name, mine, venue


def cash_differences(
    local: DeskSnapshot, picture: VenuePicture, books: Iterable[str], currency: str
) -> tuple[str, ...]:
    """Drift between the cash of these books and the account's balance, beyond a cent."""
    mine = sum((book.cash for book in local.books if book.book in set(books)), Decimal(0))
    return tuple(
        f"cash: {mine:.2f} here, {balance.balance:.2f} {currency} at {picture.venue}"
        for balance in picture.balances
        if balance.currency == currency and abs(balance.balance - mine) > CASH_TOLERANCE
    )


def missed(
    local: DeskSnapshot, venue: str, account: str, executions: Iterable[Fill | Cash]
) -> tuple[list[Fill], list[Cash]]:
    """Those executions that are not booked here yet."""
    booked, moved = set(local.exec_ids), set(local.cash_ids)
    fills: list[Fill] = []
    cash: list[Cash] = []
    for execution in executions:
        if isinstance(execution, Fill):
            key = exec_key(venue, account, execution.exec_id)
            if key not in booked:
                booked.add(key)
                fills.append(execution)
        else:
            key = exec_key(venue, account, execution.id)
            if key not in moved:
                moved.add(key)
                cash.append(execution)
    return fills, cash


def _state_update(picture: VenuePicture, order: Order, found: Order | None) -> OrderUpdate | None:
    """The event that brings an order of ours, its fills booked, to the venue's state; None if it is there."""
    if found is None:
        if order.client_order_id not in picture.missing:
            return None
        if order.status in _IN_FLIGHT:
            return _update(picture.ts, order, OrderEventKind.REFUSED, None, NEVER_ARRIVED)
        return _update(picture.ts, order, OrderEventKind.CANCELED, None, "ABSENT_AT_VENUE")
    ended = _ENDED.get(found.status)
    if ended is not None:
        return _update(picture.ts, order, ended, found)
    if order.status in _IN_FLIGHT:
        return None  # it was acknowledged above
    if found.is_closed:  # a FILLED order ends by its fills, unless the venue had cut it smaller than we know
        cut = 0 < found.filled_quantity <= order.filled_quantity
        return _update(picture.ts, order, OrderEventKind.CANCELED, found, REDUCED_AT_VENUE) if cut else None
    if order.status is OrderStatus.PENDING_UPDATE:
        return _update(picture.ts, order, OrderEventKind.ACKNOWLEDGED, found)
    if order.status is OrderStatus.PENDING_CANCEL:
        return _update(picture.ts, order, OrderEventKind.REFUSED, found, NOT_CARRIED_OUT)
    if found.status is OrderStatus.TRIGGERED and order.status is OrderStatus.ACCEPTED:
        return _update(picture.ts, order, OrderEventKind.TRIGGERED, found)
    return None


def _update(ts: int, order: Order, kind: OrderEventKind, found: Order | None, code: str = "") -> OrderUpdate:
    return OrderUpdate(
        ts=ts,
        client_order_id=order.client_order_id,
        kind=kind,
        venue_order_id=found.venue_order_id if found else None,
        quantity=found.quantity if found else None,
        price=found.price if found else None,
        trigger_price=found.trigger_price if found else None,
        code=code,
        detail=found.reason if found else "",
    )


def _before(order: Order, fills: Iterable[Fill]) -> Order:
    """The order as it was before those of its fills that are still to be booked; booking them twice is an over-fill."""
    coming = sum((fill.quantity for fill in fills if fill.client_order_id == order.client_order_id), Decimal(0))
    if not coming:
        return order
    filled = max(Decimal(0), order.filled_quantity - coming)
    return msgspec.structs.replace(
        order,
        status=OrderStatus.PARTIALLY_FILLED if filled else OrderStatus.ACCEPTED,
        filled_quantity=filled,
        average_price=order.average_price if filled else None,
    )


def _as_external(order: Order) -> Order:
    return msgspec.structs.replace(order, intent=OrderIntent.EXTERNAL)
