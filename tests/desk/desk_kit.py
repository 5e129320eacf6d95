"""Shared builders for desk tests, and a small deterministic venue to drive flows."""

from decimal import Decimal
from typing import Any

import msgspec

from tradeterm.config import BookConfig, Config, RegimeMultipliers, SizingConfig, SizingMethod
from tradeterm.desk import Desk
from tradeterm.domain.commands import AmendOrder, CancelOrder, DeskCommand, Record, RequestVerdict, SubmitOrder
from tradeterm.domain.events import (
    BarClosed,
    DeskEvent,
    DeskRestored,
    FillReceived,
    ModelUpdate,
    OrderUpdate,
    QuoteUpdate,
    SignalRaised,
    Timer,
    VenueStatus,
    VerdictReceived,
)
from tradeterm.domain.instrument import Instrument, InstrumentKind
from tradeterm.domain.market import Bar, Quote
from tradeterm.domain.orders import Fill, Liquidity, Order, OrderEventKind, OrderSide, OrderType, PositionSide
from tradeterm.domain.signals import Signal, SignalKind, Verdict, VerdictDecision, VerdictSource
from tradeterm.domain.snapshot import DeskSnapshot
from tradeterm.domain.states import Regime, VenueState

K = OrderEventKind
BTC, ETH = "BTCUSDT.BINANCE", "ETHUSDT.BINANCE"
BOOK = "crypto"
FIVE = 300_000
DAY = 86_400_000
T0 = 20_000 * DAY + 12 * 3_600_000
"""Noon of some UTC day, on a five-minute bar's close."""

PLAIN = SizingConfig(method=SizingMethod.FIXED, regimes=RegimeMultipliers(trend=1.0, range=1.0, chop=1.0, volatile=1.0))
"""The same fraction always, so that other tests can count on a size."""


def d(value: object) -> Decimal:
    return Decimal(str(value))


def instrument(id: str = BTC, **changes: Any) -> Instrument:
    symbol, venue = id.split(".")
    base: dict[str, Any] = {
        "id": id,
        "symbol": symbol,
        "venue": venue,
        "kind": InstrumentKind.PERPETUAL,
        "quote_currency": "USDT",
        "tick_size": d("0.1"),
        "lot_size": d("0.001"),
        "min_quantity": d("0.001"),
        "min_notional": d(5),
        "max_leverage": d(20),
        "funding_interval_ms": 28_800_000,
    }
    return Instrument(**{**base, **changes})


def book_config(**changes: Any) -> BookConfig:
    base: dict[str, Any] = {
        "strategy": "eos",
        "venue": "paper",
        "instruments": (BTC, ETH),
        "capital": 100_000.0,
        "sizing": PLAIN,
    }
    return BookConfig(**{**base, **changes})


def config(**books: BookConfig) -> Config:
    return Config(books=books or {BOOK: book_config()})


def bar(price: float, ts: int, id: str = BTC, high: float | None = None, low: float | None = None) -> BarClosed:
    """A closed five-minute bar that ends at `ts`."""
    high, low = high or price, low or price
    return BarClosed(ts=ts, bar=Bar(id, FIVE, ts - FIVE, price, high, low, price, 1000.0, ts))


def model(ts: int, id: str = BTC, **values: float | None) -> ModelUpdate:
    """What the models say of an instrument: a volatility of 50 % a year unless asked for otherwise."""
    return ModelUpdate(ts=ts, model="instrument", subject=id, values={"volatility": 0.5, **values})


def models_again(rig: "Rig") -> list[ModelUpdate]:
    """What a driver's models say after a restart: the same."""
    again = []
    for name, known in rig.desk.state.models.items():
        values = {field: getattr(known, field) for field in ("atr", "rsi", "adx", "volatility")}
        regime = None if known.regime is None else float(list(Regime).index(known.regime))
        again.append(model(known.ts, name, **values, regime=regime))
    return again


def quote(price: float, ts: int, id: str = BTC) -> QuoteUpdate:
    return QuoteUpdate(ts=ts, quote=Quote(id, ts, ts, price))


def entry(ts: int = T0, side: PositionSide = PositionSide.LONG, price: object = 100, **changes: Any) -> SignalRaised:
    base: dict[str, Any] = {
        "id": f"s{ts // 1000}",
        "book": BOOK,
        "strategy": "eos",
        "instrument": BTC,
        "kind": SignalKind.ENTRY,
        "side": side,
        "price": d(price),
        "ts_bar": ts,
        "reason": "move",
        "explain": {"move": -0.05, "funding": None},
    }
    return SignalRaised(ts=ts, signal=Signal(**{**base, **changes}))


def exit_signal(ts: int, side: PositionSide = PositionSide.LONG, **changes: Any) -> SignalRaised:
    return entry(ts, side, **{"id": f"e{ts // 1000}", "kind": SignalKind.EXIT, "reason": "MEAN_CROSS", **changes})


def verdict(signal_id: str, ts: int, factor: object = 1, decision: Any = VerdictDecision.APPROVE) -> VerdictReceived:
    return VerdictReceived(
        ts=ts,
        verdict=Verdict(
            id=f"v{signal_id}",
            signal_id=signal_id,
            book=BOOK,
            instrument=BTC,
            side=PositionSide.LONG,
            decision=decision,
            size_factor=d(factor),
            confidence=None,
            reason_codes=("OK",),
            reasoning="",
            source=VerdictSource.RULES,
            model="rules",
            latency_ms=0,
            ts=ts,
        ),
    )


def update(id: str, kind: OrderEventKind, ts: int, **changes: Any) -> OrderUpdate:
    return OrderUpdate(ts=ts, client_order_id=id, kind=kind, **changes)


def fill_of(order: Order, quantity: object, price: object, ts: int, exec_id: str, fee: object = 0) -> FillReceived:
    return FillReceived(
        ts=ts,
        fill=Fill(
            exec_id=exec_id,
            venue=order.venue,
            account=order.account,
            book=order.book,
            instrument=order.instrument,
            client_order_id=order.client_order_id,
            venue_order_id="V-" + order.client_order_id,
            side=order.side,
            quantity=d(quantity),
            price=d(price),
            fee=d(fee),
            fee_currency="USDT",
            liquidity=Liquidity.TAKER,
            ts_event=ts,
            ts_recv=ts,
        ),
    )


def facts(commands: list[DeskCommand], kind: type) -> list[Any]:
    return [c.fact for c in commands if isinstance(c, Record) and isinstance(c.fact, kind)]


def only(commands: list[DeskCommand], kind: type) -> list[Any]:
    return [c for c in commands if isinstance(c, kind)]


class Venue:
    """A paper venue small enough to read: market orders fill at the next quote, stops and targets on quotes.

    Acks come at once. `refuse` holds client ids it refuses, `silent` those whose submit gets no answer (UNCLEAR) though
    it arrived, `lost` those that never arrive.
    """

    def __init__(self) -> None:
        self.orders: dict[str, Order] = {}
        self.positions: dict[tuple[str, str], Decimal] = {}
        self.refuse: set[str] = set()
        self.silent: set[str] = set()
        self.lost: set[str] = set()
        self.cap: Decimal | None = None
        self.executions = 0

    def carry_out(self, command: DeskCommand, ts: int) -> list[DeskEvent]:
        if isinstance(command, SubmitOrder):
            return self._submit(command.order, ts)
        if isinstance(command, CancelOrder):
            id = command.order.client_order_id
            known = self.orders.pop(id, None)
            return [update(id, K.CANCELED if known else K.REFUSED, ts)]
        if isinstance(command, AmendOrder):
            id = command.order.client_order_id
            if id not in self.orders:
                return [update(id, K.REFUSED, ts)]
            changes = {
                name: value
                for name, value in (("trigger_price", command.trigger_price), ("quantity", command.quantity))
                if value is not None
            }
            self.orders[id] = msgspec.structs.replace(self.orders[id], **changes)
            return [update(id, K.ACKNOWLEDGED, ts, **changes)]
        return []

    def _submit(self, order: Order, ts: int) -> list[DeskEvent]:
        id = order.client_order_id
        if id in self.refuse:
            return [update(id, K.REFUSED, ts, code="NO", detail="refused")]
        if id in self.lost:
            return [update(id, K.UNCLEAR, ts)]
        assert id not in self.orders, f"{id} was sent twice"
        self.orders[id] = order
        return [update(id, K.UNCLEAR if id in self.silent else K.ACKNOWLEDGED, ts, venue_order_id=f"V-{id}")]

    def on_quote(self, price: float, ts: int, instrument: str = BTC) -> list[DeskEvent]:
        events: list[DeskEvent] = []
        for id, order in list(self.orders.items()):
            if order.instrument == instrument and id in self.orders and self._reached(order, d(price)):
                events += self._fill(order, d(price), ts)
        return events

    def _reached(self, order: Order, price: Decimal) -> bool:
        if order.type is OrderType.MARKET:
            return True
        assert order.trigger_price is not None
        falling = (order.type is OrderType.STOP_MARKET) == (order.side is OrderSide.SELL)
        return price <= order.trigger_price if falling else price >= order.trigger_price

    def _fill(self, order: Order, price: Decimal, ts: int) -> list[DeskEvent]:
        id, key = order.client_order_id, (order.book, order.instrument)
        held = self.positions.get(key, Decimal(0))
        quantity = order.leaves_quantity if self.cap is None else min(order.leaves_quantity, self.cap)
        if order.reduce_only:
            quantity = min(quantity, abs(held)) if held * order.side.sign < 0 else Decimal(0)
        if quantity == 0:
            del self.orders[id]
            return [update(id, K.CANCELED, ts, detail="nothing to reduce")]
        self.executions += 1
        events: list[DeskEvent] = []
        if order.type is not OrderType.MARKET:
            events.append(update(id, K.TRIGGERED, ts))
        events.append(fill_of(order, quantity, price, ts, f"x{self.executions}", fee=quantity * price * d("0.0005")))
        self.positions[key] = held + quantity * order.side.sign
        done = msgspec.structs.replace(order, filled_quantity=order.filled_quantity + quantity)
        self.orders[id] = done
        if done.leaves_quantity == 0:
            del self.orders[id]
        events += self._protect(done, ts)
        if self.positions[key] == 0:
            events += self._drop_protection(key, ts)
        return events

    def _protect(self, parent: Order, ts: int) -> list[DeskEvent]:
        events: list[DeskEvent] = []
        for suffix, kind, trigger in (
            ("s", OrderType.STOP_MARKET, parent.stop_loss),
            ("t", OrderType.TAKE_PROFIT_MARKET, parent.take_profit),
        ):
            id = parent.client_order_id + suffix
            if trigger is None:
                continue
            if id in self.refuse:
                events.append(update(id, K.REFUSED, ts, code="NO", detail="refused"))
                continue
            fresh = id not in self.orders
            self.orders[id] = msgspec.structs.replace(
                parent,
                client_order_id=id,
                type=kind,
                side=parent.side.opposite,
                quantity=parent.filled_quantity,
                filled_quantity=Decimal(0),
                trigger_price=trigger,
                stop_loss=None,
                take_profit=None,
                reduce_only=True,
                parent_id=parent.client_order_id,
            )
            if fresh:
                events.append(update(id, K.ACKNOWLEDGED, ts, venue_order_id=f"V-{id}"))
        return events

    def _drop_protection(self, key: tuple[str, str], ts: int) -> list[DeskEvent]:
        """Attached protection goes with the position, as on a venue with brackets."""
        gone = [o for o in self.orders.values() if (o.book, o.instrument) == key and o.type is not OrderType.MARKET]
        for order in gone:
            del self.orders[order.client_order_id]
        return [update(order.client_order_id, K.CANCELED, ts) for order in gone]


class Rig:
    """A desk, a venue and a validator that answers at once; keeps every event and command.

    Like a driver it knows the volatility of every instrument before its first bar, and once a day (`modelled`).
    """

    def __init__(self, cfg: Config | None = None, snapshot: DeskSnapshot | None = None, ts: int = T0 - FIVE) -> None:
        self.config = cfg or config()
        self.desk = Desk(self.config)
        self.venue = Venue()
        self.events: list[DeskEvent] = []
        self.commands: list[DeskCommand] = []
        self.decision = VerdictDecision.APPROVE
        self.factor: object = 1
        self.judge = True
        self.modelled = True
        self.ts = ts
        self.feed(
            DeskRestored(ts=ts, instruments=(instrument(), instrument(ETH)), snapshot=snapshot or DeskSnapshot()),
            VenueStatus(ts=ts, venue="paper", state=VenueState.READY),
        )

    def feed(self, *events: DeskEvent) -> list[DeskCommand]:
        """Handle events and everything that follows from them; the commands given."""
        given: list[DeskCommand] = []
        queue = list(events)
        while queue:
            if (due := self._model(queue[0])) is not None:
                queue.insert(0, due)
            event = self._complete(queue.pop(0))
            self.ts = max(self.ts, event.ts)
            self.events.append(event)
            commands = self.desk.on(event)
            given += commands
            for command in commands:
                queue += self.venue.carry_out(command, event.ts)
                if isinstance(command, RequestVerdict) and self.judge:
                    queue.append(verdict(command.signal.id, event.ts, self.factor, self.decision))
        self.commands += given
        return given

    def _complete(self, event: DeskEvent) -> DeskEvent:
        """A test's own model of an instrument need not name a volatility."""
        if not self.modelled or not isinstance(event, ModelUpdate) or event.model != "instrument":
            return event
        return msgspec.structs.replace(event, values={"volatility": 0.5, **event.values})

    def _model(self, event: DeskEvent) -> ModelUpdate | None:
        if not self.modelled or not isinstance(event, BarClosed):
            return None
        known = self.desk.state.models.get(event.bar.instrument)
        return model(event.ts, event.bar.instrument) if known is None or event.ts - known.ts >= DAY else None

    def bars(self, price: float, ts: int, *more: DeskEvent, **kw: Any) -> list[DeskCommand]:
        """The batch of a bar's close, then its Timer."""
        return self.feed(bar(price, ts, **kw), *more, Timer(ts=ts))

    def quote(self, price: float, ts: int, instrument: str = BTC) -> list[DeskCommand]:
        """The batch of the next bar's opening price, then its Timer."""
        return self.feed(*self.venue.on_quote(price, ts, instrument), quote(price, ts, instrument), Timer(ts=ts))

    def open_position(self, price: float = 100.0, side: PositionSide = PositionSide.LONG) -> str:
        """A filled, protected position; returns its trade id."""
        self.bars(price, T0, entry(T0, side, price))
        self.quote(price, T0)
        return self.desk.positions[(BOOK, BTC)].trade_id
