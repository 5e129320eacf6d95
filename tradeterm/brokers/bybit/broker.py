"""One book's account at Bybit: the broker the desk trades through."""

from collections.abc import Sequence
from decimal import Decimal

import msgspec

from tradeterm.brokers.bybit import executions, order_rows, parameters
from tradeterm.brokers.bybit.account import VENUE, Account
from tradeterm.brokers.bybit.limits import Lane
from tradeterm.brokers.bybit.parameters import CATEGORY, ONE_WAY, TRIGGER_BY
from tradeterm.brokers.bybit.registry import STOP
from tradeterm.brokers.bybit.session import BybitVenue
from tradeterm.brokers.protocol import DUPLICATE_CLIENT_ID, Condition, Recording, Sink, VenueBalance, VenuePosition
from tradeterm.domain.errors import LedgerError, OutcomeUnclear, VenueRefused, VenueUnavailable
from tradeterm.domain.instrument import Instrument
from tradeterm.domain.orders import Cash, Fill, Order
from tradeterm.venues.bybit import codes
from tradeterm.venues.bybit.rows import OrderRow, text

NOT_FOUND = "110001"
"""Bybit's code for an order that is not there (any more)."""


class BybitBroker:
    """Implements `brokers/protocol.py`. Sees only rows of its own instruments; the balance is the whole account's."""

    venue = VENUE
    simulated = False
    lookup_is_final = False

    def __init__(self, venue: BybitVenue, account: str, instruments: Sequence[Instrument]) -> None:
        self.account = account
        self._session = venue
        self._book = Account(account, instruments)

    async def connect(self, sink: Sink, known: Sequence[Order] = ()) -> None:
        """Raises VenueRefused where a person must act, VenueUnavailable where waiting may help."""
        self._book.sink = sink
        try:
            await self._session.attach(self._book, known)
        except BaseException:
            self._book.sink = None
            raise

    async def close(self) -> None:
        self._book.sink = None
        await self._session.detach(self._book)

    async def submit(self, order: Order) -> str:
        """One request, whatever comes of it. Raises VenueRefused only for codes known to be definite."""
        return await self._submit(order, None)

    async def submit_recorded(self, order: Order, recording: Recording) -> str:
        return await self._submit(order, recording)

    async def _submit(self, order: Order, recording: Recording | None) -> str:
        symbol = self._symbol(order)
        wanted = parameters.create(order, symbol)
        lane = Lane.URGENT if order.reduce_only else Lane.ENTRY
        registry = self._session.registry
        registry.sending(order, symbol, self._session.clock.now())
        try:
            result = await self._session.rest.once("place_order", lane, recording, **wanted)
        except (VenueRefused, VenueUnavailable, LedgerError) as error:
            if not (isinstance(error, VenueRefused) and error.code == DUPLICATE_CLIENT_ID):
                registry.forget(order, symbol)
            if isinstance(error, VenueRefused) and codes.may_be_about_orders_alone(error.code):
                self._session.not_allowed(str(error))
            raise
        venue_id = text(result, "orderId")
        if not venue_id:
            raise OutcomeUnclear("Bybit accepted the order without naming it")
        registry.learn(venue_id, order.client_order_id)
        self._session.confirm(order.client_order_id)
        return venue_id

    async def amend(
        self,
        order: Order,
        *,
        quantity: Decimal | None = None,
        price: Decimal | None = None,
        trigger_price: Decimal | None = None,
    ) -> None:
        """Attached protection is moved with its position; it covers all of it, so its quantity is right already."""
        session, symbol = self._session, self._symbol(order)
        if session.registry.parent_of(order.client_order_id) is not None:
            if price is not None:
                raise VenueRefused("attached protection has no limit price", "UNSUPPORTED")
            if trigger_price is not None:
                await self._move_attached(order, symbol, trigger_price)
            return
        changes = parameters.amend(order, quantity, price, trigger_price)
        which = await self._which(order)
        lane = Lane.URGENT if order.reduce_only else Lane.ENTRY
        await session.rest.change("amend_order", lane, category=CATEGORY, symbol=symbol, **which, **changes)

    async def cancel(self, order: Order) -> None:
        which = await self._which(order)
        await self._session.rest.change("cancel_order", category=CATEGORY, symbol=self._symbol(order), **which)

    async def order(self, client_order_id: str) -> Order | None:
        row = await self._session.lookups.order(client_order_id)
        if row is None or self._book.instrument(row.symbol) is None:
            return None
        shown = self._shown(row, client_order_id)
        if shown is None:
            raise VenueUnavailable(f"Bybit shows order {client_order_id} in a state that is not known: {row.status!r}")
        return (await self._sized([(row, shown)]))[0]

    async def open_orders(self) -> Sequence[Order]:
        session, found = self._session, []
        for row in await session.lookups.open_orders():
            if self._book.instrument(row.symbol) is None:
                continue
            client_id = session.registry.identify(row)
            shown = self._shown(row, client_id)
            if shown is None:
                raise VenueUnavailable(f"Bybit shows order {client_id} in a state that is not known: {row.status!r}")
            if not shown.is_closed:
                found.append((row, shown))
        session.follower.adopted(order.client_order_id for _, order in found)
        return await self._sized(found)

    async def executions(self, since_ts: int) -> Sequence[Fill | Cash]:
        """Oldest first. 0 asks for the last week; nothing is looked for more than five weeks back."""
        session, found = self._session, []
        since = session.clock.to_venue(since_ts) if since_ts > 0 else 0
        for row in await session.lookups.executions(since, session.clock.now()):
            if self._book.instrument(row.symbol) is None:
                continue
            if why := executions.complaint(row):
                session.follower.complain(row.exec_id, why)
                continue
            client_id = await session.follower.name_of(row)
            booked = executions.booked(row, client_id, self._book, session.clock.wall())
            if booked is not None:
                found.append(booked)
        return found

    async def positions(self) -> Sequence[VenuePosition]:
        return await self._session.positions(self._book)

    async def balances(self) -> Sequence[VenueBalance]:
        """The account's USDT, which all its books share."""
        return [VenueBalance(executions.SETTLEMENT_COIN, await self._session.balance())]

    def condition(self) -> Condition:
        return self._session.condition()

    async def _move_attached(self, order: Order, symbol: str, trigger_price: Decimal) -> None:
        price = parameters.written(trigger_price, "trigger price")
        stop = order.client_order_id.endswith(STOP)
        leg = (
            {"stopLoss": price, "slTriggerBy": TRIGGER_BY} if stop else {"takeProfit": price, "tpTriggerBy": TRIGGER_BY}
        )
        await self._session.rest.change(
            "set_trading_stop", category=CATEGORY, symbol=symbol, tpslMode="Full", positionIdx=ONE_WAY, **leg
        )

    async def _which(self, order: Order) -> dict[str, str]:
        """How Bybit names the order: ours by our id, others and attached protection by its own."""
        registry, client_id = self._session.registry, order.client_order_id
        if not client_id.startswith("ext-") and registry.parent_of(client_id) is None:
            return {"orderLinkId": client_id}
        venue_id = registry.order_id_of(client_id) or order.venue_order_id
        if not venue_id:
            row = await self._session.lookups.order(client_id)
            if row is None:
                raise VenueRefused(f"Bybit shows no order for {client_id}", NOT_FOUND)
            venue_id = row.order_id
        return {"orderId": venue_id}

    def _shown(self, row: OrderRow, client_id: str) -> Order | None:
        return order_rows.to_order(row, client_id, self._book, self._session.registry.order(client_id))

    async def _sized(self, found: list[tuple[OrderRow, Order]]) -> list[Order]:
        """Live attached protection with the quantity it would close: its position's."""
        covering = any(order_rows.covers_position(row) and not order.is_closed for row, order in found)
        sizes = {row.symbol: row.size for row in await self._session.position_rows()} if covering else {}
        return [
            msgspec.structs.replace(order, quantity=size)
            if order_rows.covers_position(row) and not order.is_closed and (size := sizes.get(row.symbol))
            else order
            for row, order in found
        ]

    def _symbol(self, order: Order) -> str:
        symbol = self._book.symbols.get(order.instrument)
        if symbol is None:
            raise VenueRefused(f"{order.instrument} is not an instrument of {self.account}", "NOT_MINE")
        return symbol
