"""A desk that sends entries in parts, on two kinds of venue, with prices and timers as often as a test likes.

`Rig`'s own venue gives a stop the size of the entry it came with; the paper venue's covers the whole position.
"""

from decimal import Decimal
from typing import Any

from desk_kit import (
    BOOK,
    BTC,
    ETH,
    FIVE,
    T0,
    K,
    Rig,
    Venue,
    book_config,
    config,
    d,
    entry,
    facts,
    instrument,
    only,
    update,
)

from tradeterm.brokers.paper.account import Account
from tradeterm.brokers.paper.matching import Matching
from tradeterm.brokers.paper.prices import Costs
from tradeterm.config import Algorithm, Config, ExecutionConfig, LimitsConfig, PaperConfig
from tradeterm.domain.commands import AmendOrder, CancelOrder, DeskCommand, SubmitOrder
from tradeterm.domain.errors import VenueRefused
from tradeterm.domain.events import BarClosed, DeskEvent, QuoteUpdate, Timer
from tradeterm.domain.facts import AlertFact
from tradeterm.domain.market import Bar, Quote
from tradeterm.domain.orders import Order, OrderIntent, OrderSide, OrderType
from tradeterm.domain.snapshot import DeskSnapshot

KEY = (BOOK, BTC)
BASE = f"s{T0 // 1000}-1"
REST = f"{BASE}p"
SECOND = 1000
MINUTE = 60 * SECOND
LIMITS = LimitsConfig(max_position_exposure=0.2)  # room for a price that moves while parts are sent


def sliced(algorithm: str = "twap", limits: LimitsConfig = LIMITS, **changes: Any) -> Config:
    """One book whose entries are sent in parts; without jitter unless asked for."""
    execution = ExecutionConfig(**{"algorithm": Algorithm(algorithm), "jitter": 0.0, **changes})
    return config(crypto=book_config(execution=execution, limits=limits))


class OwnSizeVenue(Venue):
    """Rig's venue, which knows resting limits too: they fill at their price or better."""

    def _reached(self, order: Order, price: Decimal) -> bool:
        if order.type is OrderType.LIMIT:
            assert order.price is not None
            return price <= order.price if order.side is OrderSide.BUY else price >= order.price
        return super()._reached(order, price)

    def _drop_protection(self, key: tuple[str, str], ts: int) -> list[DeskEvent]:
        entries = {id: order for id, order in self.orders.items() if order.type is OrderType.LIMIT}
        for id in entries:
            del self.orders[id]
        gone = super()._drop_protection(key, ts)
        self.orders |= entries
        return gone


class PaperVenue(Venue):
    """The paper venue's matching, carried out at once."""

    def __init__(self, **costs: Any) -> None:
        super().__init__()
        free = {"taker_fee": 0.0, "maker_fee": 0.0, "slippage": 0.0, "latency_ms": 0}
        account = Account("paper", BOOK, "USDT", d(100_000))
        contracts = {id: instrument(id) for id in (BTC, ETH)}
        self.matching = Matching(account, contracts, Costs.of(PaperConfig(**(free | costs))))

    def carry_out(self, command: DeskCommand, ts: int) -> list[DeskEvent]:
        if not isinstance(command, SubmitOrder | AmendOrder | CancelOrder):
            return []
        id = command.order.client_order_id
        try:
            if isinstance(command, SubmitOrder):
                if id in self.refuse:
                    raise VenueRefused("refused", "NO")
                if id in self.lost:
                    return [update(id, K.UNCLEAR, ts)]
                said: list[DeskEvent] = list(self.matching.submit(command.order))
                if id in self.silent:
                    return [update(id, K.UNCLEAR, ts)]
                return said
            if isinstance(command, CancelOrder):
                return list(self.matching.cancel(command.order))
            changes = {"quantity": command.quantity, "trigger_price": command.trigger_price}
            return list(self.matching.amend(command.order, **changes))
        except VenueRefused as error:
            return [update(id, K.REFUSED, ts, code=error.code, detail=str(error))]

    def on_quote(self, price: float, ts: int, instrument: str = BTC) -> list[DeskEvent]:
        return list(self.matching.on_quote(Quote(instrument, ts, ts, price, price, price)))

    def on_bar(self, closed: Bar) -> list[DeskEvent]:
        return list(self.matching.on_bar(closed))


class SlicingRig(Rig):
    """Starts with an hour of bars at 100 on a volume of 1000 each, and then goes on in steps."""

    def __init__(
        self,
        cfg: Config,
        *,
        paper: bool = False,
        volume: float = 1000.0,
        bars: int = 12,
        snapshot: DeskSnapshot | None = None,
        ts: int = T0,
        **costs: Any,
    ) -> None:
        self.volume = volume
        super().__init__(cfg, snapshot, ts=ts - (bars + 1) * FIVE)
        self.venue = PaperVenue(**({"participation": 1.0} | costs)) if paper else OwnSizeVenue()
        self.naked: list[tuple[int, Decimal]] = []
        for number in range(bars, 0, -1):
            self.close_bar(100.0, ts - number * FIVE)

    def close_bar(self, price: float, ts: int, *more: DeskEvent, timer: bool = True) -> list[DeskCommand]:
        closed = Bar(BTC, FIVE, ts - FIVE, price, price, price, price, self.volume, ts)
        venue = self.venue.on_bar(closed) if isinstance(self.venue, PaperVenue) else []
        return self.feed(*venue, BarClosed(ts=ts, bar=closed), *more, *([Timer(ts=ts)] if timer else []))

    def step(self, price: float, ts: int) -> list[DeskCommand]:
        """A price, a bar's close before it if one is due, and a timer."""
        given = self.close_bar(price, ts) if ts % FIVE == 0 and ts > T0 else []
        found = self.venue.on_quote(price, ts, BTC)
        return given + self.feed(*found, QuoteUpdate(ts=ts, quote=Quote(BTC, ts, ts, price)), Timer(ts=ts))

    def enter(self, price: float = 100.0, **changes: Any) -> list[DeskCommand]:
        """The signal's bar at T0."""
        return self.close_bar(price, T0, entry(T0, price=price, **changes))

    def go(self, seconds: int, price: float = 100.0, every: int = 10, since: int | None = None) -> None:
        """Steps at a constant price for so many seconds after `since` (now)."""
        start = self.ts if since is None else since
        for second in range(every, seconds + 1, every):
            self.step(price, start + second * SECOND)

    @property
    def parts(self) -> list[Order]:
        return [c.order for c in only(self.commands, SubmitOrder) if c.order.intent is OrderIntent.ENTRY]

    @property
    def sent(self) -> list[Decimal]:
        return [order.quantity for order in self.parts]

    @property
    def times(self) -> list[int]:
        """Seconds after T0."""
        return [(order.ts_created - T0) // SECOND for order in self.parts]

    @property
    def rest(self) -> Order:
        return self.desk.orders[REST]

    @property
    def held(self) -> Decimal:
        position = self.desk.positions.get(KEY)
        return Decimal(0) if position is None else position.quantity

    @property
    def alerts(self) -> list[str]:
        return [fact.code for fact in facts(self.commands, AlertFact)]
