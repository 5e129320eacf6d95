"""What the paper venue refuses at the door, as a real one would, with the code it gives."""

from collections.abc import Mapping
from decimal import Decimal

from tradeterm.brokers.paper.account import Account, Working
from tradeterm.brokers.protocol import DUPLICATE_CLIENT_ID
from tradeterm.domain.errors import VenueRefused
from tradeterm.domain.instrument import ZERO, Instrument, on_step
from tradeterm.domain.orders import Order, OrderType, TimeInForce

STOPS = frozenset({OrderType.STOP_MARKET, OrderType.STOP_LIMIT})
TRIGGERED = STOPS | {OrderType.TAKE_PROFIT_MARKET}
LIMITS = frozenset({OrderType.LIMIT, OrderType.STOP_LIMIT})


def check_new(order: Order, account: Account, instruments: Mapping[str, Instrument]) -> None:
    """Raise VenueRefused, with its code, for an order the venue does not take. Nothing is changed."""
    if order.client_order_id in account.ids:
        raise VenueRefused(f"client order id {order.client_order_id} was used before", DUPLICATE_CLIENT_ID)
    instrument = instruments.get(order.instrument)
    if instrument is None:
        raise VenueRefused(f"{order.instrument} is not traded here", "UNKNOWN_INSTRUMENT")
    if order.type is OrderType.TRAILING_STOP:
        raise VenueRefused("trailing stops are not taken here; amend a stop instead", "UNSUPPORTED")
    check_quantity(order.quantity, instrument)
    if (order.price is None) is (order.type in LIMITS):
        raise VenueRefused(f"price: found {order.price} for a {order.type} order", "BAD_PRICE")
    if (order.trigger_price is None) is (order.type in TRIGGERED):
        raise VenueRefused(f"trigger price: found {order.trigger_price} for a {order.type} order", "BAD_PRICE")
    for price in (order.price, order.trigger_price, order.stop_loss, order.take_profit):
        check_price(price, instrument)
    if order.post_only and (order.type is not OrderType.LIMIT or order.time_in_force is not TimeInForce.GTC):
        raise VenueRefused("post-only is for resting limit orders", "UNSUPPORTED")
    if order.reduce_only:
        if account.holding(order.instrument).quantity * order.side.sign >= ZERO:
            raise VenueRefused("there is no position for it to reduce", "REDUCE_ONLY")
        return
    _check_exposure(order, instrument, account, instruments)


def check_amend(
    working: Working,
    instrument: Instrument,
    *,
    quantity: Decimal | None,
    price: Decimal | None,
    trigger_price: Decimal | None,
) -> None:
    """Raise VenueRefused for a change the venue does not take."""
    order = working.order
    if quantity is not None:
        check_quantity(quantity, instrument)
        if quantity <= order.filled_quantity:
            raise VenueRefused(f"quantity: found {quantity}, but {order.filled_quantity} is filled", "BAD_QUANTITY")
    for found, has in ((price, order.price), (trigger_price, order.trigger_price)):
        check_price(found, instrument)
        if found is not None and has is None:
            raise VenueRefused(f"a {order.type} order has no such price", "BAD_PRICE")
    if trigger_price is not None and working.triggered:
        raise VenueRefused("the order has been set off already", "TRIGGERED")


def check_price(price: Decimal | None, instrument: Instrument) -> None:
    if price is not None and (not price.is_finite() or price <= ZERO or not on_step(price, instrument.tick_size)):
        raise VenueRefused(f"price: found {price}, allowed multiples of {instrument.tick_size}", "BAD_PRICE")


def check_quantity(quantity: Decimal, instrument: Instrument) -> None:
    if not quantity.is_finite() or quantity <= ZERO or not on_step(quantity, instrument.lot_size):
        raise VenueRefused(f"quantity: found {quantity}, allowed multiples of {instrument.lot_size}", "BAD_QUANTITY")


def equity(account: Account, instruments: Mapping[str, Instrument]) -> Decimal:
    """Cash and unrealised profit at the last prices seen."""
    total = account.cash
    for holding in account.holdings.values():
        last = account.market(holding.instrument).last
        if holding.average_price is not None and last is not None:
            multiplier = instruments[holding.instrument].multiplier
            total += (last - holding.average_price) * holding.quantity * multiplier
    return total


def _check_exposure(
    order: Order, instrument: Instrument, account: Account, instruments: Mapping[str, Instrument]
) -> None:
    """Sizes and margin of an order that may open or grow a position."""
    price = order.price or order.trigger_price or account.market(order.instrument).last
    if price is None:
        raise VenueRefused(f"no price of {order.instrument} is known yet", "NO_PRICE")
    if order.quantity < instrument.min_quantity:
        raise VenueRefused(
            f"quantity: found {order.quantity}, allowed {instrument.min_quantity} or more", "BAD_QUANTITY"
        )
    notional = instrument.notional(order.quantity, price)
    if notional < instrument.min_notional:
        raise VenueRefused(f"value: found {notional}, allowed {instrument.min_notional} or more", "BAD_QUANTITY")
    needed = notional / instrument.max_leverage
    for holding in account.holdings.values():
        held, last = instruments[holding.instrument], account.market(holding.instrument).last
        if last is not None:
            needed += held.notional(holding.quantity, last) / held.max_leverage
    for working in account.working.values():
        other = working.order
        at = other.price or other.trigger_price or account.market(other.instrument).last
        if not other.reduce_only and at is not None:
            facts = instruments[other.instrument]
            needed += facts.notional(other.leaves_quantity, at) / facts.max_leverage
    available = equity(account, instruments)
    if needed > available:
        raise VenueRefused(
            f"margin: {needed:.2f} {account.currency} needed, equity is {available:.2f}", "INSUFFICIENT_MARGIN"
        )
