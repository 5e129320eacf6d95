"""What follows from an order being taken, triggered, filled or closed: positions, cash, protection, and the news."""

from collections.abc import Mapping
from decimal import Decimal

from msgspec.structs import replace

from tradeterm.brokers.paper.account import Account, Changes, Holding, Market, Working, traded
from tradeterm.brokers.paper.admission import STOPS
from tradeterm.brokers.paper.prices import Costs, received
from tradeterm.domain.errors import VenueRefused
from tradeterm.domain.events import BrokerEvent, CashEvent, FillReceived, OrderUpdate
from tradeterm.domain.instrument import ZERO, Instrument
from tradeterm.domain.market import FundingRate
from tradeterm.domain.orders import (
    Cash,
    CashKind,
    Fill,
    Liquidity,
    Order,
    OrderEventKind,
    OrderIntent,
    OrderStatus,
    OrderType,
)

PROTECTION = (("s", OrderIntent.PROTECTIVE_STOP), ("t", OrderIntent.TAKE_PROFIT))


class Bookkeeper:
    """Keeps an account's books in order after every single change, and collects events and changes of a step."""

    def __init__(self, account: Account, instruments: Mapping[str, Instrument], costs: Costs) -> None:
        self.account = account
        self.instruments = instruments
        self.costs = costs
        self._changes = Changes()
        self._events: list[BrokerEvent] = []
        self._ts = account.clock

    def begin(self, ts: int) -> int:
        """A step starts; the account's clock never goes back. Returns its time."""
        self._ts = self.account.clock = max(ts, self.account.clock)
        return self._ts

    def end(self) -> list[BrokerEvent]:
        """The events of the step, in order."""
        events, self._events = self._events, []
        return events

    def take_changes(self) -> Changes:
        changes, self._changes = self._changes, Changes()
        return changes

    def touch(self, instrument: str) -> None:
        """What the account knows of the instrument has to be stored."""
        self._changes.instruments.add(instrument)

    def changed(self, working: Working) -> None:
        self._changes.orders[working.order.client_order_id] = working
        self.touch(working.order.instrument)

    def orders(self, instrument: str) -> list[Working]:
        """Orders at work, stops before the others, each in the order they came: the worst case first."""
        found = [w for w in self.account.working.values() if w.order.instrument == instrument]
        found.sort(key=lambda working: working.order.type not in STOPS)
        return found

    def find(self, client_order_id: str) -> Working:
        working = self.account.working.get(client_order_id)
        if working is None:
            raise VenueRefused(f"order {client_order_id} is not working here", "ORDER_NOT_FOUND")
        return working

    def accept(self, order: Order, *, since: int, arrival: int, attached: bool = False) -> None:
        order = replace(
            order, status=OrderStatus.ACCEPTED, venue_order_id=self.account.next_id("o"), ts_updated=self._ts
        )
        working = Working(order=order, since=since, arrival=arrival, attached=attached)
        self.account.working[order.client_order_id] = working
        self.account.ids.add(order.client_order_id)
        self.acknowledge(working)

    def acknowledge(self, working: Working) -> None:
        order = working.order
        self._update(
            working,
            OrderEventKind.ACKNOWLEDGED,
            quantity=order.quantity,
            price=order.price,
            trigger=order.trigger_price,
        )

    def close(self, working: Working, status: OrderStatus, code: str, detail: str) -> None:
        """CANCELED or EXPIRED."""
        working.order = replace(working.order, status=status, ts_updated=self._ts, reason=detail)
        self.account.working.pop(working.order.client_order_id, None)
        self._update(working, OrderEventKind(status.value), code=code, detail=detail)

    def trigger(self, working: Working) -> None:
        """A stop or target is set off. Attached protection ends its entry's remainder, a stop also its target."""
        working.triggered = True
        working.order = replace(working.order, status=OrderStatus.TRIGGERED, ts_updated=self._ts)
        self._update(working, OrderEventKind.TRIGGERED)
        if not working.attached:
            return
        parent = working.order.parent_id or ""
        others = [parent, f"{parent}t"] if working.order.type in STOPS else [parent]
        for name in others:
            other = self.account.working.get(name)
            if other is not None:
                self.close(other, OrderStatus.CANCELED, "PROTECTION_TRIGGERED", "its protection was set off")

    def fill(
        self, working: Working, room: Decimal, price: Decimal, liquidity: Liquidity, ts: int, since: int, market: Market
    ) -> None:
        """Fill up to `room`, at `price`, at `ts`; protection it creates is in force for prices from `since` on."""
        order, instrument = working.order, self.instruments[working.order.instrument]
        quantity = min(order.leaves_quantity, room)
        if order.reduce_only:
            quantity = min(quantity, abs(self.account.holding(order.instrument).quantity))
        if quantity <= ZERO:
            return
        fill = self._execution(working, quantity, price, liquidity, ts)
        holding, realized = traded(self.account.holding(order.instrument), order.side, quantity, price)
        if holding.quantity:
            self.account.holdings[order.instrument] = holding
        else:
            self.account.holdings.pop(order.instrument, None)
        self.account.cash += realized * instrument.multiplier - fill.fee
        market.used += quantity
        filled = order.filled_quantity + quantity
        spent = (order.average_price or ZERO) * order.filled_quantity + price * quantity
        working.order = replace(
            order,
            status=OrderStatus.FILLED if filled >= order.quantity else OrderStatus.PARTIALLY_FILLED,
            filled_quantity=filled,
            average_price=spent / filled,
            ts_updated=self._ts,
        )
        if working.order.is_closed:
            self.account.working.pop(order.client_order_id, None)
        self.changed(working)
        self._changes.executions.append(fill)
        self._events.append(FillReceived(ts=self._ts, fill=fill))
        self._protect(working, holding, since)
        self._resize(holding)

    def settle(self, funding: FundingRate, holding: Holding, mark: Decimal) -> None:
        """Funding on the quantity held: longs pay a positive rate."""
        value = holding.quantity * mark * self.instruments[holding.instrument].multiplier
        rate = Decimal(repr(funding.rate))
        cash = Cash(
            id=self.account.next_id("c"),
            venue=self.account.venue,
            account=self.account.name,
            book=self.account.name,
            kind=CashKind.FUNDING,
            amount=received(-value * rate),
            currency=self.account.currency,
            ts_event=funding.ts_event,
            instrument=funding.instrument,
            detail=f"rate {rate:f} on {abs(value):f}",
        )
        self.account.cash += cash.amount
        self.touch(funding.instrument)
        self._changes.executions.append(cash)
        self._events.append(CashEvent(ts=self._ts, cash=cash))

    def _execution(self, working: Working, quantity: Decimal, price: Decimal, liquidity: Liquidity, ts: int) -> Fill:
        order = working.order
        notional = self.instruments[order.instrument].notional(quantity, price)
        return Fill(
            exec_id=self.account.next_id("e"),
            venue=self.account.venue,
            account=self.account.name,
            book=order.book,
            instrument=order.instrument,
            client_order_id=order.client_order_id,
            venue_order_id=order.venue_order_id or "",
            side=order.side,
            quantity=quantity,
            price=price,
            fee=self.costs.fee(notional, liquidity),
            fee_currency=self.account.currency,
            liquidity=liquidity,
            ts_event=ts,
            ts_recv=ts,
        )

    def _protect(self, working: Working, holding: Holding, since: int) -> None:
        """The attached stop and target, with the first fill that leaves a position on the order's side."""
        order = working.order
        if working.protects or holding.quantity * order.side.sign <= ZERO:
            return
        for (letter, intent), trigger in zip(PROTECTION, (order.stop_loss, order.take_profit), strict=True):
            if trigger is None:
                continue
            working.protects = True
            stop = intent is OrderIntent.PROTECTIVE_STOP
            child = Order(
                client_order_id=f"{order.client_order_id}{letter}",
                book=order.book,
                venue=order.venue,
                account=order.account,
                instrument=order.instrument,
                side=order.side.opposite,
                type=OrderType.STOP_MARKET if stop else OrderType.TAKE_PROFIT_MARKET,
                quantity=abs(holding.quantity),
                intent=intent,
                ts_created=self._ts,
                ts_updated=self._ts,
                trigger_price=trigger,
                reduce_only=True,
                signal_id=order.signal_id,
                parent_id=order.client_order_id,
            )
            self.accept(child, since=since, arrival=since, attached=True)

    def _resize(self, holding: Holding) -> None:
        """Reduce-only orders never exceed the position; attached ones always match it; without one they end."""
        held = abs(holding.quantity)
        for working in self.orders(holding.instrument):
            order = working.order
            direction = order.side.sign * holding.quantity
            # an entry whose protection has ended must not open a naked position with what is left of it
            if (working.protects and direction <= ZERO) or (order.reduce_only and direction >= ZERO):
                self.close(working, OrderStatus.CANCELED, "POSITION_CLOSED", "the position was closed")
                continue
            if not order.reduce_only:
                continue
            leaves = held if working.attached else min(order.leaves_quantity, held)
            if leaves != order.leaves_quantity:
                working.order = replace(order, quantity=order.filled_quantity + leaves, ts_updated=self._ts)
                self.acknowledge(working)

    def _update(
        self,
        working: Working,
        kind: OrderEventKind,
        *,
        quantity: Decimal | None = None,
        price: Decimal | None = None,
        trigger: Decimal | None = None,
        code: str = "",
        detail: str = "",
    ) -> None:
        self.changed(working)
        self._events.append(
            OrderUpdate(
                ts=self._ts,
                client_order_id=working.order.client_order_id,
                kind=kind,
                venue_order_id=working.order.venue_order_id,
                quantity=quantity,
                price=price,
                trigger_price=trigger,
                code=code,
                detail=detail,
            )
        )
