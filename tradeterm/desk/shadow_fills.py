"""At what price a shadow is filled, and what that costs: the paper venue's rules and costs, on bars alone.

Prices are on the tick. Every fill, of stops and targets too, pays slippage, rounded against the trader, and the taker
fee. The size is filled whole, whatever the bar's volume was.
"""

from decimal import ROUND_CEILING, Decimal
from typing import NamedTuple

from msgspec import Struct

from tradeterm.config import PaperConfig
from tradeterm.desk.protection import crossed, stop_reason
from tradeterm.domain.instrument import Instrument, round_price, round_price_down, round_price_up
from tradeterm.domain.market import Bar
from tradeterm.domain.orders import OrderSide, PositionSide
from tradeterm.domain.snapshot import Position

_CENT = Decimal("0.00000001")


class Prices(NamedTuple):
    """A bar on the tick of its instrument."""

    open: Decimal
    high: Decimal
    low: Decimal


class Met(Struct, frozen=True):
    """An exit before slippage. `inside` the bar, or else at its open."""

    price: Decimal
    reason: str
    inside: bool


def prices_of(bar: Bar, instrument: Instrument) -> Prices:
    return Prices(*(round_price(Decimal(repr(price)), instrument) for price in (bar.open, bar.high, bar.low)))


def met(position: Position, prices: Prices, *, first: bool) -> Met | None:
    """The exit a bar brings; `first` is the bar the position was opened in, at its open.

    At the open: the stop, then the target, each at the open where that is beyond it (a gap), then what was due since
    the bar before. Inside: the stop, then the target, so that a bar which reaches both has stopped the position.
    """
    opened, high, low = prices
    worst, best = (low, high) if position.side is PositionSide.LONG else (high, low)
    if not first:
        if crossed(position, opened):
            return Met(opened, stop_reason(position), inside=False)
        if _reached(position, opened):
            return Met(opened, "TARGET", inside=False)
        if position.exit_reason:
            return Met(opened, position.exit_reason, inside=False)
    if position.stop_price is not None and crossed(position, worst):
        return Met(min(max(position.stop_price, low), high), stop_reason(position), inside=True)
    if position.target_price is not None and _reached(position, best):
        return Met(min(max(position.target_price, low), high), "TARGET", inside=True)
    return None


def slipped(costs: PaperConfig, price: Decimal, side: OrderSide, instrument: Instrument) -> Decimal:
    """`price` made worse for who trades on `side`."""
    slippage = Decimal(str(costs.slippage))
    if side is OrderSide.BUY:
        return round_price_up(price * (1 + slippage), instrument)
    return max(round_price_down(price * (1 - slippage), instrument), instrument.tick_size)


def fee(costs: PaperConfig, notional: Decimal) -> Decimal:
    """The taker's, to 8 places."""
    return (notional * Decimal(str(costs.taker_fee))).quantize(_CENT, rounding=ROUND_CEILING)


def funding_paid(quantity: Decimal, mark: Decimal, rate: float, instrument: Instrument) -> Decimal:
    """Of a settlement on a signed quantity, to 8 places: longs pay a positive rate; negative is received."""
    value = quantity * round_price(mark, instrument) * instrument.multiplier
    return (value * Decimal(repr(rate))).quantize(_CENT, rounding=ROUND_CEILING)


def _reached(position: Position, price: Decimal) -> bool:
    target = position.target_price
    return target is not None and (price - target) * position.side.sign >= 0
