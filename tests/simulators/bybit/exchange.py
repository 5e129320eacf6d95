"""The state of the venue, and the transaction in which it changes: what changed is pushed when it ends."""

from collections import deque
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from decimal import Decimal
from random import Random
from typing import Any
from uuid import UUID

from simulators.bybit import wire
from simulators.bybit.clock import Clock
from simulators.bybit.coverage import Coverage
from simulators.bybit.market import Market
from simulators.bybit.model import (
    DEFAULT_PRICES,
    ZERO,
    Execution,
    Instrument,
    Order,
    Position,
    VenueError,
    Wallet,
    default_instruments,
)

FUNDINGS = 30  # settlements before the start that look-ups know

Event = tuple[str, dict[str, Any]]  # topic, row


@dataclass
class Fees:
    taker: Decimal = Decimal("0.00055")
    maker: Decimal = Decimal("0.0002")


@dataclass
class Tweaks:
    """How the next matches differ from the ordinary, set by faults."""

    parts: int = 1  # executions a fill is cut into
    fill_share: Decimal | None = None  # how much of a taker's size finds a counterpart
    overfill: Decimal = ZERO  # filled beyond the order's size
    cancel_loses: bool = False
    refuse_stops: int = 0  # retCode for the next request that would set a stop


@dataclass
class Exchange:
    clock: Clock
    rng: Random
    wallet: Wallet
    fees: Fees = field(default_factory=Fees)
    markets: dict[str, Market] = field(default_factory=dict)
    orders: dict[str, Order] = field(default_factory=dict)
    active: dict[str, dict[str, Order]] = field(
        default_factory=dict
    )  # by symbol; closed ones leave when next asked for
    by_link: dict[str, Order] = field(default_factory=dict)
    executions: list[Execution] = field(default_factory=list)
    positions: dict[tuple[str, int], Position] = field(default_factory=dict)
    past: dict[tuple[str, int], deque[Position]] = field(default_factory=dict)  # as they were at each push
    hedged: set[str] = field(default_factory=set)
    margin_mode: str = "REGULAR_MARGIN"
    coverage: Coverage = field(default_factory=Coverage)
    tweaks: Callable[[str, str], Tweaks] = lambda _symbol, _what: Tweaks()
    publish: Callable[[list[Event]], None] = lambda _events: None
    public_trade: Callable[[Market], None] = lambda _market: None
    _events: list[Event] = field(default_factory=list)
    _depth: int = 0
    _seq: int = 4_688_000_000

    def market(self, symbol: str) -> Market:
        found = self.markets.get(symbol)
        if found is None:
            raise VenueError(10001, f"params error: symbol invalid {symbol[:40]}")
        return found

    def instrument(self, symbol: str) -> Instrument:
        return self.markets[symbol].instrument

    def position(self, symbol: str, idx: int = 0) -> Position:
        """The position of (symbol, idx), made flat when it was never held."""
        key = (symbol, idx)
        if key not in self.positions:
            now = self.clock.now_ms()
            leverage = next((p.leverage for p in self.positions.values() if p.symbol == symbol), Decimal(10))
            self.positions[key] = Position(symbol, idx, leverage=leverage, created_ms=now, updated_ms=now)
        return self.positions[key]

    def indices(self, symbol: str) -> tuple[int, ...]:
        return (1, 2) if symbol in self.hedged else (0,)

    def new_id(self) -> str:
        return str(UUID(int=self.rng.getrandbits(128), version=4))

    def next_seq(self) -> int:
        self._seq += 1
        return self._seq

    def open_orders(self, symbol: str) -> list[Order]:
        """Open orders of one symbol, oldest first."""
        active = self.active.setdefault(symbol, {})
        for order_id in [i for i, order in active.items() if not order.is_open]:
            del active[order_id]
        return list(active.values())

    def enter(self, order: Order) -> None:
        """Take a new order into the venue's books, without a push."""
        order.number = len(self.orders) + 1
        self.orders[order.order_id] = order
        self.active.setdefault(order.symbol, {})[order.order_id] = order
        if order.link_id:
            self.by_link[order.link_id] = order

    def exits(self, symbol: str, idx: int) -> list[Order]:
        """The open stop, target and trailing orders that belong to one position."""
        return [o for o in self.open_orders(symbol) if o.is_child and o.position_idx == idx]

    def whole_exits(self, symbol: str, idx: int) -> dict[str, Decimal | None]:
        return {o.stop_kind: o.trigger_price for o in self.exits(symbol, idx) if o.covers_all}

    # --- what changed -----------------------------------------------------------------------------------------------

    @contextmanager
    def transaction(self) -> Iterator[None]:
        """Collect what changes and push it at the end, whatever happens in between."""
        self._depth += 1
        try:
            yield
        finally:
            self._depth -= 1
            if self._depth == 0:
                self.coverage.measure(self)
                events, self._events = self._events, []
                if events:
                    self.publish(events)

    def say_order(self, order: Order) -> None:
        order.updated_ms = self.clock.now_ms()
        self._events.append(("order", wire.order_push(order, self.instrument(order.symbol))))

    def say_execution(self, execution: Execution) -> None:
        self._events.append(("execution", wire.execution_push(execution, self.instrument(execution.symbol))))

    def say_position(self, position: Position) -> None:
        position.seq = self.next_seq()
        position.updated_ms = self.clock.now_ms()
        self.past.setdefault((position.symbol, position.idx), deque(maxlen=200)).append(replace(position))
        market = self.markets[position.symbol]
        stops = self.whole_exits(position.symbol, position.idx)
        self._events.append(("position", wire.position_push(position, market.instrument, market.mark, stops)))

    def say(self, topic: str, row: dict[str, Any]) -> None:
        self._events.append((topic, row))


def new_exchange(
    *,
    seed: int = 0,
    balance: Decimal = Decimal(100_000),
    prices: dict[str, Decimal] | None = None,
    instruments: tuple[Instrument, ...] = (),
) -> Exchange:
    """A venue with an account that holds `balance` USDT, and a market for each instrument."""
    rng = Random(seed)
    exchange = Exchange(Clock(), rng, Wallet(balance))
    start = {**DEFAULT_PRICES, **(prices or {})}
    now = exchange.clock.now_ms()
    for instrument in instruments or tuple(default_instruments()):
        price = start.get(instrument.symbol, instrument.tick * 100_000)
        market = Market(instrument, price.quantize(instrument.tick), rng)
        every = instrument.funding_minutes * 60_000
        market.next_funding_ms = now - now % every + every
        paid = range(market.next_funding_ms - FUNDINGS * every, market.next_funding_ms, every)
        market.funding_history = [(ts, market.funding_rate) for ts in paid]
        exchange.markets[instrument.symbol] = market
    return exchange
