"""How large: what may be lost between entry and stop, under caps, times every factor, rounded down to the lot.

1. The fraction of equity to risk (`edge.py`) over what a unit loses at the stop, which is the distance and what the
   two fills cost, as far as that is known (`costs.py`), and the caps of the book and of the venue:
   the smallest is what could be sent.
2. Times the factors (`factors.py`): they act on that, not on a budget which a cap would cut anyway, so half is half.
3. A regime factor above 1 may raise the risk over the book's `risk_fraction`, but no cap is passed by it, nor
   RISK_CEILING: no factor and no configuration risks more than 2 % of equity on one trade.
4. Down to the lot. There is no smallest size: what is too small for the venue is denied by tier 1.

A sizer is any function from a SizeRequest to Sized. The quantity never rises when an input worsens: less equity or
cash, a wider stop, higher costs, a smaller factor or cap, more exposure used. A stop that the mark
has reached gives no size, however wide it is.
"""

from collections.abc import Callable
from decimal import Decimal
from typing import NamedTuple

from msgspec import Struct

from tradeterm.desk.factors import Factor
from tradeterm.desk.rounding import RATIO_STEP, plain, rounded
from tradeterm.domain.facts import SizeFactors
from tradeterm.domain.instrument import ZERO, Instrument, round_quantity

RISK_CEILING = Decimal("0.02")
"""Most of a book's equity that one trade may ever risk, after all factors."""

_ONE = Decimal(1)
_MOST_REGIME = Decimal(2)


class SizeRequest(Struct, frozen=True, kw_only=True):
    """Everything a size depends on. Money in quote currency; fractions of equity.

    `fill_cost` is fee and slippage of one fill, a fraction of its value: paid at the entry and at the stop.
    `price` is the signal's, `mark` the last one where it is known: the size holds at either, whichever is further from
    the stop, or the higher; a mark that has reached the stop gives none. `risk_fraction` is lost if the stop is hit,
    `why` says where it comes from. `exposure` is the book's worst-case notional so far; None for `equity` or `exposure`
    means unknown, and no size. `regime` is from 0 to 2, every other factor from 0 to 1.
    """

    instrument: Instrument
    price: Decimal
    mark: Decimal | None = None
    stop: Decimal
    equity: Decimal | None
    cash: Decimal
    exposure: Decimal | None
    risk_fraction: Decimal
    max_position_fraction: Decimal
    max_leverage: Decimal
    max_order_notional: Decimal
    fill_cost: Decimal = ZERO
    why: str = ""
    regime: Factor = Factor("regime", _ONE)
    factors: tuple[Factor, ...] = ()


class Sized(Struct, frozen=True):
    """`factors.binding` names the cap that decided, or says in words why there is no size."""

    quantity: Decimal
    factors: SizeFactors


Sizer = Callable[[SizeRequest], Sized]


class Reckoned(NamedTuple):
    """A size before it is put in words: `numbers` are what made it, by name, none where there is no size to reckon."""

    quantity: Decimal
    binding: str
    numbers: tuple[tuple[str, Decimal], ...] = ()


def size(request: SizeRequest) -> Sized:
    """The quantity for an entry, with every number that made it; 0 where one is missing or not finite."""
    found = reckon(request)
    if not found.numbers:
        return Sized(found.quantity, SizeFactors((), found.binding))
    why = (("sizing", request.why),) if request.why else ()
    steps = tuple((name, _text(value)) for name, value in found.numbers)
    return Sized(found.quantity, SizeFactors((*why, *steps, ("lot", format(found.quantity, "f"))), found.binding))


def reckon(request: SizeRequest) -> Reckoned:
    """`size` without its words, for who asks thousands of times."""
    mark = request.price if request.mark is None else request.mark
    numbers = (request.price, mark, request.stop, request.equity, request.cash, request.exposure, request.fill_cost)
    if any(number is None or not number.is_finite() for number in numbers) or request.price <= 0:
        return Reckoned(ZERO, "a number is missing")
    if not _within(request.regime, _MOST_REGIME) or not all(_within(factor, _ONE) for factor in request.factors):
        return Reckoned(ZERO, "a factor is not between 0 and 1")
    equity, exposure = request.equity or ZERO, request.exposure or ZERO
    if equity <= 0 or request.price == request.stop:
        return Reckoned(ZERO, "no equity" if equity <= 0 else "no distance to the stop")
    if (mark - request.stop) * (request.price - request.stop) <= 0:
        return Reckoned(ZERO, "the price has reached the stop")
    lost = max(
        abs(price - request.stop) + request.fill_cost * (price + request.stop) for price in (request.price, mark)
    )
    per_unit = lost * request.instrument.multiplier
    unit_notional = max(request.price, mark) * request.instrument.multiplier
    leverage = min(request.max_leverage, request.instrument.max_leverage)
    risk = ("risk", equity * request.risk_fraction / per_unit)
    caps = [
        ("position cap", equity * request.max_position_fraction / unit_notional),
        ("capital", max(ZERO, min(equity, request.cash) - exposure) / unit_notional),
        ("leverage", max(ZERO, equity * leverage - exposure) / unit_notional),
        ("largest order", request.max_order_notional / unit_notional),
        ("2% of equity", equity * RISK_CEILING / per_unit),
    ]
    if request.instrument.max_quantity is not None:
        caps.append(("largest at venue", request.instrument.max_quantity))
    binding, could = min([risk, *caps], key=_quantity)
    quantity = could
    factors = (request.regime, *request.factors)
    for factor in factors:
        if quantity and not factor.value:
            binding = f"{factor.name}: no size"
        quantity *= factor.value
    most = min(caps, key=_quantity)
    if quantity > most[1]:
        binding, quantity = most
    if not request.risk_fraction:
        binding = request.why
    steps = [("risk per trade", request.risk_fraction), ("cost of a fill", request.fill_cost), risk, *caps]
    steps += [(f"× {factor.name}", factor.value) for factor in factors]
    return Reckoned(plain(round_quantity(quantity, request.instrument)), binding, tuple(steps))


def _within(factor: Factor, most: Decimal) -> bool:
    return factor.value.is_finite() and 0 <= factor.value <= most


def _quantity(cap: tuple[str, Decimal]) -> Decimal:
    return cap[1]


def _text(value: Decimal) -> str:
    return format(rounded(value, RATIO_STEP), "f")
