"""One event being handled: the state it changes, and the commands it gives, in order.

Orders and positions are changed through here alone, so that no change goes unrecorded.
"""

from decimal import Decimal

import msgspec
from msgspec import Struct

from tradeterm.desk import order_machine
from tradeterm.desk.order_machine import Applied
from tradeterm.desk.state import Book, DeskState, Key
from tradeterm.domain.commands import (
    AmendOrder,
    CancelOrder,
    DeskCommand,
    QueryOrder,
    RaiseAlert,
    Record,
    RequestReconcile,
    SubmitOrder,
)
from tradeterm.domain.errors import IllegalTransition
from tradeterm.domain.facts import AlertFact, BookStateFact, DeskStateFact, Fact
from tradeterm.domain.orders import Order, OrderEventKind, OrderStatus, OrderType
from tradeterm.domain.snapshot import Position
from tradeterm.domain.states import AlertLevel, TradingState

_REFERENCE_MS = 60_000
"""An older price says nothing of how well an order was filled."""


class Turn(Struct):
    state: DeskState
    ts: int
    commands: list[DeskCommand]

    def record(self, fact: Fact) -> None:
        self.commands.append(Record(fact=fact))

    def alert(self, level: AlertLevel, code: str, text: str, key: Key = ("", "")) -> None:
        """Tell a person, and write it down."""
        self.record(AlertFact(ts=self.ts, level=level, code=code, text=text, book=key[0], instrument=key[1]))
        self.commands.append(RaiseAlert(level=level, code=code, text=text))

    def alert_once(self, condition: str, level: AlertLevel, code: str, text: str, key: Key = ("", "")) -> None:
        """As `alert`, but silent while `condition` was already told; `forget` ends that."""
        if condition not in self.state.alerted:
            self.state.alerted.add(condition)
            self.alert(level, code, text, key)

    def forget(self, condition: str) -> None:
        self.state.alerted.discard(condition)

    def set_position(self, position: Position) -> None:
        """Keep and record a position; a flat one is recorded and dropped."""
        key = (position.book, position.instrument)
        if position.quantity:
            self.state.positions[key] = position
        else:
            self.state.positions.pop(key, None)
        self.record(position)

    def set_trading(self, trading: TradingState, reason: str) -> None:
        state = self.state
        if (state.trading_state, state.trading_reason) != (trading, reason):
            state.trading_state, state.trading_reason = trading, reason
            self.record_desk()

    def reduce_only(self, reason: str) -> None:
        """Go REDUCING; a halted desk stays halted."""
        if self.state.trading_state is TradingState.ACTIVE:
            self.set_trading(TradingState.REDUCING, reason)

    def record_desk(self) -> None:
        state = self.state
        self.record(
            DeskStateFact(
                ts=self.ts,
                trading_state=state.trading_state,
                trading_reason=state.trading_reason,
                kill_pending=state.kill_pending,
            )
        )

    def record_book(self, book: Book) -> None:
        self.record(
            BookStateFact(
                ts=self.ts,
                book=book.name,
                state=book.state,
                cash=book.cash,
                peak_equity=book.peak_equity,
                day=book.day,
                day_start_equity=book.day_start_equity,
                trades=book.trades,
                wins=book.wins,
                drawdown_from=book.drawdown_from,
            )
        )

    def set_order(self, order: Order) -> None:
        """Keep and record an order."""
        self.state.orders[order.client_order_id] = order
        if order.is_closed:
            self.state.working.pop(order.client_order_id, None)
            self.state.asked.pop(order.client_order_id, None)
            self.state.amends.pop(order.client_order_id, None)
        else:
            self.state.working[order.client_order_id] = None
        self.record(order)

    def keep(self, applied: Applied) -> Order:
        """Take over what the order machine answered."""
        before = self.state.orders.get(applied.order.client_order_id)
        if before != applied.order:
            self.set_order(applied.order)
            if before is None or before.status is not applied.order.status:
                self.state.asked.pop(applied.order.client_order_id, None)
        for fact in applied.events:
            self.record(fact)
        return applied.order

    def move(
        self,
        order: Order,
        kind: OrderEventKind,
        *,
        venue_order_id: str | None = None,
        quantity: Decimal | None = None,
        price: Decimal | None = None,
        trigger_price: Decimal | None = None,
        detail: str = "",
    ) -> Order | None:
        """Apply an event to an order. None, with an alert and a reconciliation, if the machine does not allow it."""
        try:
            applied = order_machine.apply(
                order,
                kind,
                ts=self.ts,
                venue_order_id=venue_order_id,
                quantity=quantity,
                price=price,
                trigger_price=trigger_price,
                detail=detail,
            )
        except IllegalTransition as error:
            self.illegal(order, str(error))
            return None
        return self.keep(applied)

    def illegal(self, order: Order, text: str) -> None:
        self.alert(AlertLevel.ERROR, "ILLEGAL_TRANSITION", text, (order.book, order.instrument))
        self.reconcile(order.venue, order.account, text)

    def reconcile(self, venue: str, account: str, reason: str) -> None:
        self.commands.append(RequestReconcile(venue=venue, account=account, reason=reason))

    def submit(self, order: Order, *children: Order) -> None:
        """Write ahead, then send: the order and its attached children are recorded before the SubmitOrder. A market
        order remembers the price known now."""
        mark = self.state.marks.get(order.instrument)
        if order.type is OrderType.MARKET and mark is not None and self.ts - mark.ts <= _REFERENCE_MS:
            order = msgspec.structs.replace(order, reference_price=mark.decimal)
        sent = order_machine.apply(order, OrderEventKind.SENT, ts=self.ts)
        self.keep(sent)
        for child in children:
            self.set_order(child)
        self.commands.append(SubmitOrder(order=sent.order))

    def cancel(self, order: Order) -> None:
        """Ask the venue to cancel, unless that was asked already or the order never left."""
        if order.status is OrderStatus.PENDING_CANCEL or order.is_closed:
            return
        if order.status is OrderStatus.INITIALIZED:
            self.move(order, OrderEventKind.CANCELED, detail="never sent")
            return
        asked = self.move(order, OrderEventKind.CANCEL_SENT)
        if asked is not None:
            self.commands.append(CancelOrder(order=asked))

    def amend(self, order: Order, *, trigger_price: Decimal | None = None, quantity: Decimal | None = None) -> None:
        """Ask the venue to move a working order; the new values count once it confirms."""
        asked = self.move(order, OrderEventKind.AMEND_SENT)
        if asked is not None:
            if trigger_price is not None:
                self.state.amends[order.client_order_id] = trigger_price
            self.commands.append(AmendOrder(order=asked, trigger_price=trigger_price, quantity=quantity))

    def query(self, order: Order, attempt: int) -> None:
        self.commands.append(QueryOrder(order=order, attempt=attempt))

    def replace_position(self, position: Position, **changes: object) -> Position:
        """Change fields of a position; records only if something changed."""
        changed = msgspec.structs.replace(position, **changes)
        if changed != position:
            self.set_position(changed)
        return changed
