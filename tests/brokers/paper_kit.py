"""A small paper account to drive by hand: one instrument, prices in tenths, lots of a hundredth."""

from decimal import Decimal as D
from typing import Any

from tradeterm.brokers.paper.account import Account
from tradeterm.brokers.paper.matching import Matching
from tradeterm.brokers.paper.prices import Costs
from tradeterm.config import PaperConfig
from tradeterm.domain.events import BrokerEvent, CashEvent, FillReceived, OrderUpdate
from tradeterm.domain.instrument import Instrument, InstrumentKind
from tradeterm.domain.market import MINUTE_MS, Bar, FundingRate, Quote
from tradeterm.domain.orders import Cash, Fill, Order, OrderIntent, OrderSide, OrderType

X = "X.V"
STEP = 5 * MINUTE_MS
START = 1_743_811_200_000
BUY, SELL = OrderSide.BUY, OrderSide.SELL
MARKET, LIMIT, STOP = OrderType.MARKET, OrderType.LIMIT, OrderType.STOP_MARKET
CAPITAL = D(100_000)


def instrument(name: str = X) -> Instrument:
    return Instrument(
        id=name,
        symbol=name.split(".")[0],
        venue="V",
        kind=InstrumentKind.PERPETUAL,
        quote_currency="USDT",
        tick_size=D("0.1"),
        lot_size=D("0.01"),
        min_quantity=D("0.05"),
        min_notional=D(5),
        max_leverage=D(5),
    )


def row(number: int) -> int:
    """The time at which bar `number` opens."""
    return START + number * STEP


def order(client_id: str = "a", side: OrderSide = BUY, quantity: str = "1", at: int = 1, **changes: Any) -> Order:
    """Submitted when bar `at` opens (and bar `at` − 1 has just closed). Prices may be given as text."""
    for name in ("price", "trigger_price", "stop_loss", "take_profit"):
        if isinstance(changes.get(name), str):
            changes[name] = D(changes[name])
    fields: dict[str, Any] = {
        "client_order_id": client_id,
        "book": "b",
        "venue": "paper",
        "account": "b",
        "instrument": X,
        "side": side,
        "type": MARKET,
        "quantity": D(quantity),
        "intent": OrderIntent.ENTRY,
        "ts_created": row(at),
        "ts_updated": row(at),
    }
    return Order(**(fields | changes))


class Venue:
    """Matching with bars of a thousand units, no costs unless asked for, and a memory of all it said."""

    def __init__(self, **costs: Any) -> None:
        free = {"taker_fee": 0.0, "maker_fee": 0.0, "slippage": 0.0, "latency_ms": 0}
        self.account = Account("paper", "b", "USDT", CAPITAL)
        facts = {name: instrument(name) for name in (X, "Y.V")}
        self.matching = Matching(self.account, facts, Costs.of(PaperConfig(**(free | costs))))
        self.said: list[BrokerEvent] = []

    def hear(self, events: list[BrokerEvent]) -> list[BrokerEvent]:
        self.said += events
        return events

    def submit(self, sent: Order) -> list[BrokerEvent]:
        return self.hear(self.matching.submit(sent))

    def open(self, number: int, price: float, name: str = X) -> list[BrokerEvent]:
        """Bar `number` opens at `price`."""
        return self.hear(self.matching.on_quote(Quote(name, row(number), row(number), price)))

    def quote(self, ts: int, bid: float, ask: float) -> list[BrokerEvent]:
        return self.hear(self.matching.on_quote(Quote(X, ts, ts, (bid + ask) / 2, bid, ask)))

    def bar(
        self, number: int, o: float, h: float, low: float, c: float, volume: float = 1000.0, name: str = X
    ) -> list[BrokerEvent]:
        """Bar `number` closes."""
        return self.hear(self.matching.on_bar(Bar(name, STEP, row(number), o, h, low, c, volume, row(number + 1))))

    def whole_bar(self, number: int, o: float, h: float, low: float, c: float) -> list[BrokerEvent]:
        """Bar `number` opens and closes."""
        return self.open(number, o) + self.bar(number, o, h, low, c)

    def funding(self, number: int, rate: float) -> list[BrokerEvent]:
        return self.hear(self.matching.on_funding(FundingRate(X, row(number), rate, row(number))))

    @property
    def position(self) -> D:
        return self.account.holding(X).quantity

    def fills(self) -> list[Fill]:
        return fills(self.said)


def ready(**costs: Any) -> Venue:
    """A venue that has seen bar 0 close at 100 on a volume of 1000."""
    venue = Venue(**costs)
    venue.bar(0, 100, 100, 100, 100)
    return venue


def fills(events: list[BrokerEvent]) -> list[Fill]:
    return [event.fill for event in events if isinstance(event, FillReceived)]


def cash(events: list[BrokerEvent]) -> list[Cash]:
    return [event.cash for event in events if isinstance(event, CashEvent)]


def updates(events: list[BrokerEvent]) -> list[tuple[str, str, str]]:
    """(client id, what happened, code) of every order update."""
    return [(e.client_order_id, e.kind.value, e.code) for e in events if isinstance(e, OrderUpdate)]


def prices(events: list[BrokerEvent]) -> list[tuple[str, D, D]]:
    """(client id, quantity, price) of every fill."""
    return [(fill.client_order_id, fill.quantity, fill.price) for fill in fills(events)]
