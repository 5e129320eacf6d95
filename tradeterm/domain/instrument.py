"""What can be traded, and how its prices and quantities are rounded."""

from decimal import ROUND_CEILING, ROUND_FLOOR, ROUND_HALF_EVEN, Decimal
from enum import StrEnum

from msgspec import Struct

ZERO = Decimal(0)


class InstrumentKind(StrEnum):
    PERPETUAL = "PERPETUAL"
    EQUITY = "EQUITY"
    OPTION = "OPTION"


class Calendar(StrEnum):
    """Trading sessions. ALWAYS trades around the clock with a session per UTC day."""

    ALWAYS = "ALWAYS"
    NSE = "NSE"


class Instrument(Struct, frozen=True, kw_only=True):
    """Immutable contract facts. `id` is SYMBOL.VENUE; prices are in `quote_currency`.

    `tick_size` and `lot_size` are the steps of price and quantity; `multiplier` is units of the underlying per
    unit of quantity; `funding_interval_ms` is 0 for instruments without funding; `max_quantity` is the largest order
    the venue takes, None where it names none.
    """

    id: str
    symbol: str
    venue: str
    kind: InstrumentKind
    quote_currency: str
    tick_size: Decimal
    lot_size: Decimal
    min_quantity: Decimal
    min_notional: Decimal
    multiplier: Decimal = Decimal(1)
    max_leverage: Decimal = Decimal(1)
    calendar: Calendar = Calendar.ALWAYS
    funding_interval_ms: int = 0
    ts_loaded: int = 0
    max_quantity: Decimal | None = None

    def notional(self, quantity: Decimal, price: Decimal) -> Decimal:
        """Money value, in quote currency, of a quantity at a price; never negative."""
        return abs(quantity) * price * self.multiplier


def _step(value: Decimal, step: Decimal, rounding: str) -> Decimal:
    if not value.is_finite():
        raise ValueError(f"cannot round {value} to a step of {step}")
    return (value / step).to_integral_value(rounding=rounding) * step


def round_price(price: Decimal, instrument: Instrument) -> Decimal:
    """Nearest tick (half to even)."""
    return _step(price, instrument.tick_size, ROUND_HALF_EVEN)


def round_price_up(price: Decimal, instrument: Instrument) -> Decimal:
    """The tick at or above `price`."""
    return _step(price, instrument.tick_size, ROUND_CEILING)


def round_price_down(price: Decimal, instrument: Instrument) -> Decimal:
    """The tick at or below `price`."""
    return _step(price, instrument.tick_size, ROUND_FLOOR)


def round_quantity(quantity: Decimal, instrument: Instrument) -> Decimal:
    """The lot step at or below `quantity` (towards zero for positive quantities): size is never rounded up."""
    return _step(quantity, instrument.lot_size, ROUND_FLOOR)


def on_step(value: Decimal, step: Decimal) -> bool:
    """Whether `value` is a whole number of steps."""
    return value.is_finite() and value % step == ZERO
