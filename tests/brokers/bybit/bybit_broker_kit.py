"""A broker on the simulated venue, and what tests ask of both."""

import asyncio
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import asynccontextmanager
from decimal import Decimal
from typing import TypeVar

import msgspec
from simulators.bybit import KEY, SECRET, BybitSimulator

from tradeterm.brokers.bybit import BybitBroker, BybitVenue
from tradeterm.config import BybitConfig, MarginMode
from tradeterm.domain.events import BrokerEvent, CashEvent, FillReceived, OrderUpdate, VenueStatus
from tradeterm.domain.instrument import Instrument, InstrumentKind
from tradeterm.domain.orders import Order, OrderEventKind, OrderIntent, OrderSide, OrderType
from tradeterm.venues.bybit.endpoints import endpoints
from tradeterm.venues.credentials import Credentials

E = TypeVar("E", bound=BrokerEvent)
CREDENTIALS = Credentials(KEY, SECRET)


def instrument(symbol: str = "BTCUSDT", tick: str = "0.10", lot: str = "0.001") -> Instrument:
    return Instrument(
        id=f"{symbol}.BYBIT",
        symbol=symbol,
        venue="BYBIT",
        kind=InstrumentKind.PERPETUAL,
        quote_currency="USDT",
        tick_size=Decimal(tick),
        lot_size=Decimal(lot),
        min_quantity=Decimal(lot),
        min_notional=Decimal(5),
        max_leverage=Decimal(100),
    )


BTC = instrument()
ETH = instrument("ETHUSDT", "0.01", "0.01")


def config_for(venue: BybitSimulator, **settings: object) -> BybitConfig:
    base = BybitConfig(rest_url=venue.rest_url, public_url=venue.public_url, private_url=venue.private_url)
    return msgspec.structs.replace(base, margin_mode=MarginMode.CROSS, **settings)


def order(client_id: str = "s0123-1", **changes: object) -> Order:
    base = Order(
        client_order_id=client_id,
        book="crypto",
        venue="bybit",
        account="crypto",
        instrument=BTC.id,
        side=OrderSide.BUY,
        type=OrderType.MARKET,
        quantity=Decimal("0.010"),
        intent=OrderIntent.ENTRY,
        ts_created=1,
        ts_updated=1,
    )
    return msgspec.structs.replace(base, **changes)


def entry(client_id: str = "s0123-1", **changes: object) -> Order:
    """A market entry with a stop and a target around 60000."""
    return order(client_id, **({"stop_loss": Decimal(58800), "take_profit": Decimal(61800)} | changes))


def closing(client_id: str = "s0123-1x1", **changes: object) -> Order:
    return order(
        client_id,
        **({"side": OrderSide.SELL, "intent": OrderIntent.EXIT, "reduce_only": True, "parent_id": "s0123-1"} | changes),
    )


def stop(client_id: str = "s0123-1s1", **changes: object) -> Order:
    return order(
        client_id,
        **(
            {
                "side": OrderSide.SELL,
                "type": OrderType.STOP_MARKET,
                "intent": OrderIntent.PROTECTIVE_STOP,
                "trigger_price": Decimal(58800),
                "reduce_only": True,
                "parent_id": "s0123-1",
            }
            | changes
        ),
    )


def child(leg: str = "s", parent: str = "s0123-1", **changes: object) -> Order:
    """What the desk keeps of attached protection."""
    kind = OrderType.STOP_MARKET if leg == "s" else OrderType.TAKE_PROFIT_MARKET
    intent = OrderIntent.PROTECTIVE_STOP if leg == "s" else OrderIntent.TAKE_PROFIT
    trigger = Decimal(58800) if leg == "s" else Decimal(61800)
    return stop(parent + leg, type=kind, intent=intent, trigger_price=trigger, parent_id=parent, **changes)


class Heard:
    """What a broker said, in order."""

    def __init__(self) -> None:
        self.events: list[BrokerEvent] = []
        self._news = asyncio.Event()

    def __call__(self, event: BrokerEvent) -> None:
        self.events.append(event)
        self._news.set()

    def of(self, kind: type[E]) -> list[E]:
        return [event for event in self.events if isinstance(event, kind)]

    @property
    def fills(self) -> list[FillReceived]:
        return self.of(FillReceived)

    @property
    def cash(self) -> list[CashEvent]:
        return self.of(CashEvent)

    def updates(self, client_id: str) -> list[OrderEventKind]:
        return [event.kind for event in self.of(OrderUpdate) if event.client_order_id == client_id]

    @property
    def states(self) -> list[VenueStatus]:
        return self.of(VenueStatus)

    async def until(self, true: Callable[[], bool], seconds: float = 10.0) -> None:
        """Wait until it is true; looks whenever something was said, and a few times a second."""
        async with asyncio.timeout(seconds):
            while not true():
                self._news.clear()
                try:
                    async with asyncio.timeout(0.1):
                        await self._news.wait()
                except TimeoutError:
                    continue


class Desk:
    """A connected broker, its session, the venue behind it, and what was heard."""

    def __init__(self, venue: BybitSimulator, session: BybitVenue, broker: BybitBroker, heard: Heard) -> None:
        self.venue = venue
        self.session = session
        self.broker = broker
        self.heard = heard


@asynccontextmanager
async def connected(
    venue: BybitSimulator,
    *,
    instruments: Sequence[Instrument] = (BTC,),
    known: Sequence[Order] = (),
    poll_s: float = 30.0,
    clock: Callable[[], int] | None = None,
    credentials: Credentials = CREDENTIALS,
    **settings: object,
) -> AsyncIterator[Desk]:
    config = config_for(venue, **settings)
    more = {} if clock is None else {"clock": clock}
    session = BybitVenue(endpoints(config), config, credentials, poll_s=poll_s, **more)
    broker = BybitBroker(session, "crypto", instruments)
    heard = Heard()
    await broker.connect(heard, known)
    try:
        yield Desk(venue, session, broker, heard)
    finally:
        await broker.close()


@asynccontextmanager
async def trading(**settings: object) -> AsyncIterator[Desk]:
    """A venue of its own and a broker on it."""
    async with BybitSimulator() as venue, connected(venue, **settings) as desk:
        yield desk
