"""What the paper venue knows of one account: orders at work, holdings, cash and the market it has seen."""

from decimal import Decimal

from msgspec import Struct, field

from tradeterm.domain.instrument import ZERO
from tradeterm.domain.orders import Cash, Fill, Order, OrderSide


class Working(Struct, kw_only=True):
    """An order at the venue.

    `since` is the time of its last change by the trader: prices seen before it do not touch it. `arrival` is when it
    reaches the venue (since its submit, plus latency). `met`: it has met a price, so a limit is resting from now on.
    `attached`: protection sized to the position by the venue. `protects`: its own protection has been created.
    """

    order: Order
    since: int
    arrival: int
    met: bool = False
    triggered: bool = False
    attached: bool = False
    protects: bool = False


class Holding(Struct, frozen=True):
    """Signed quantity and average price (None while flat) of an instrument."""

    instrument: str
    quantity: Decimal = ZERO
    average_price: Decimal | None = None


class Market(Struct):
    """What was last seen of an instrument, and how far: data at or before these times is not taken again.

    `volume` is that of the last closed bar; `used` what this account has traded since it closed.
    """

    instrument: str
    interval_ms: int = 0
    bar_ts: int = -1
    quote_ts: int = -1
    funding_ts: int = -1
    last: Decimal | None = None
    volume: Decimal | None = None
    used: Decimal = ZERO


class Account(Struct):
    """The whole state of an account. `sequence` numbers its orders, executions and cash events."""

    venue: str
    name: str
    currency: str
    cash: Decimal
    sequence: int = 0
    clock: int = 0
    working: dict[str, Working] = field(default_factory=dict)
    holdings: dict[str, Holding] = field(default_factory=dict)
    markets: dict[str, Market] = field(default_factory=dict)
    ids: set[str] = field(default_factory=set)

    def holding(self, instrument: str) -> Holding:
        return self.holdings.get(instrument) or Holding(instrument)

    def market(self, instrument: str) -> Market:
        found = self.markets.get(instrument)
        if found is None:
            found = self.markets[instrument] = Market(instrument)
        return found

    def next_id(self, letter: str) -> str:
        self.sequence += 1
        return f"{self.name}-{letter}{self.sequence}"


class Changes(Struct):
    """What a step changed, for the store to commit as one."""

    orders: dict[str, Working] = field(default_factory=dict)
    executions: list[Fill | Cash] = field(default_factory=list)
    instruments: set[str] = field(default_factory=set)

    def __bool__(self) -> bool:
        return bool(self.orders or self.executions or self.instruments)


def traded(holding: Holding, side: OrderSide, quantity: Decimal, price: Decimal) -> tuple[Holding, Decimal]:
    """The holding after a fill, and the price difference it realised (in price × quantity, before the multiplier).

    Average cost: adding averages the price, reducing keeps it, turning the position over starts at the fill's price.
    """
    change = quantity * side.sign
    old, new = holding.quantity, holding.quantity + change
    if holding.average_price is None:
        return Holding(holding.instrument, new, price), ZERO
    if old * change > 0:
        cost = holding.average_price * abs(old) + price * quantity
        return Holding(holding.instrument, new, cost / abs(new)), ZERO
    closed = min(abs(old), quantity)
    realized = (price - holding.average_price) * closed * (1 if old > 0 else -1)
    if new == ZERO:
        return Holding(holding.instrument), realized
    return Holding(holding.instrument, new, holding.average_price if old * new > 0 else price), realized
