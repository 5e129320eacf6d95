"""How large: a fixed fraction of book equity at risk between entry and stop, under caps, rounded down to the lot.

A sizer is any function from a SizeRequest to Sized. The quantity never rises when an input worsens: less equity or
cash, a wider stop, a smaller factor or cap, more exposure used.
"""

from collections.abc import Callable
from decimal import Decimal

from msgspec import Struct

from tradeterm.desk.rounding import RATIO_STEP, rounded
from tradeterm.domain.facts import SizeFactors
from tradeterm.domain.instrument import ZERO, Instrument, round_quantity


class SizeRequest(Struct, frozen=True, kw_only=True):
    """Everything a size depends on. Money in quote currency; fractions of equity.

    `exposure` is the book's worst-case notional so far; None for `equity` or `exposure` means unknown, and no size.
    """

    instrument: Instrument
    price: Decimal
    stop: Decimal
    equity: Decimal | None
    cash: Decimal
    exposure: Decimal | None
    risk_fraction: Decimal
    max_position_fraction: Decimal
    max_leverage: Decimal
    factors: tuple[tuple[str, Decimal], ...] = ()


class Sized(Struct, frozen=True):
    quantity: Decimal
    factors: SizeFactors


Sizer = Callable[[SizeRequest], Sized]


def size(request: SizeRequest) -> Sized:
    """The quantity for an entry, with every number that made it; 0 where one is missing or not finite."""
    numbers = (request.price, request.stop, request.equity, request.cash, request.exposure)
    if any(number is None or not number.is_finite() for number in numbers) or request.price <= 0:
        return _nothing("a number is missing")
    if any(not factor.is_finite() or not 0 <= factor <= 1 for _, factor in request.factors):
        return _nothing("a factor is not between 0 and 1")
    equity, exposure = request.equity or ZERO, request.exposure or ZERO
    per_unit = abs(request.price - request.stop) * request.instrument.multiplier
    unit_notional = request.price * request.instrument.multiplier
    if equity <= 0 or per_unit <= 0:
        return _nothing("no equity" if equity <= 0 else "no distance to the stop")
    leverage = min(request.max_leverage, request.instrument.max_leverage)
    caps = [
        ("risk", equity * request.risk_fraction / per_unit),
        ("position cap", equity * request.max_position_fraction / unit_notional),
        ("capital", max(ZERO, min(equity, request.cash) - exposure) / unit_notional),
        ("leverage", max(ZERO, equity * leverage - exposure) / unit_notional),
    ]
    binding, quantity = min(caps, key=lambda cap: cap[1])
    steps = [(name, _text(value)) for name, value in caps]
    for name, factor in request.factors:
        quantity *= factor
        steps.append((f"× {name}", _text(factor)))
    rounded = round_quantity(quantity, request.instrument)
    steps.append(("lot", format(rounded, "f")))
    return Sized(rounded, SizeFactors(tuple(steps), binding))


def _nothing(why: str) -> Sized:
    return Sized(ZERO, SizeFactors((), why))


def _text(value: Decimal) -> str:
    return format(rounded(value, RATIO_STEP), "f")
