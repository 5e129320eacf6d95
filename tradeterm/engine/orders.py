"""Carry order commands out at one account, and turn every outcome into an event. Nothing is ever sent twice."""

import asyncio
from collections.abc import Awaitable, Callable
from contextlib import suppress
from functools import partial
from typing import Protocol

from tradeterm.brokers.protocol import Broker, MakesReady, Recording
from tradeterm.desk import Desk
from tradeterm.domain.commands import AmendOrder, CancelOrder, DeskCommand, QueryOrder, SubmitOrder
from tradeterm.domain.errors import LedgerError, OutcomeUnclear, VenueRefused, VenueUnavailable
from tradeterm.domain.events import DeskEvent, OrderUpdate
from tradeterm.domain.orders import Order, OrderEventKind, OrderStatus
from tradeterm.engine.reconcile import VenuePicture, plan
from tradeterm.engine.sightings import Sightings

NOT_DELIVERED = "NOT_DELIVERED"
DUPLICATE = "DUPLICATE_CLIENT_ID"
_UNANSWERED = frozenset({OrderStatus.SUBMITTED, OrderStatus.UNKNOWN, OrderStatus.PENDING_UPDATE})


class Post(Protocol):
    """Queue an event for the desk, to be dropped if it is not `still` true when its turn comes."""

    def __call__(self, event: DeskEvent, still: Callable[[], bool] | None = None) -> None: ...


class OrderCarrier:
    """One account's orders. `commit` returns when everything recorded so far is on the disk, `barrier` at once with
    what waits for that in a worker thread (write-ahead)."""

    def __init__(
        self,
        broker: Broker,
        *,
        commit: Callable[[], Awaitable[None]],
        barrier: Callable[[], Recording],
        post: Post,
        now: Callable[[], int],
        desk: Desk,
        sightings: Sightings,
    ) -> None:
        self._broker = broker
        self._making_ready = broker if isinstance(broker, MakesReady) else None
        self._commit = commit
        self._barrier = barrier
        self._post = post
        self._now = now
        self._desk = desk
        self._sightings = sightings
        self._handed_over: set[str] = set()

    async def carry_out(self, command: DeskCommand) -> None:
        """May be called again with the same command after it failed midway."""
        match command:
            case SubmitOrder():
                await self._submit(command.order)
            case AmendOrder():
                await self._commit()
                await self._amend(command)
            case CancelOrder():
                await self._commit()
                await self._cancel(command.order)
            case QueryOrder():
                await self._query(command.order)
            case _:
                raise TypeError(f"{type(command).__name__} is not an order command")

    async def _submit(self, order: Order) -> None:
        client_id = order.client_order_id
        if client_id in self._handed_over:  # the first try broke in a way nobody foresaw; it may be at the venue
            self._handed_over.discard(client_id)
            self._say(order, OrderEventKind.UNCLEAR, detail="the broker worker failed while it sent the order")
            return
        self._handed_over.add(client_id)
        try:
            venue_id = await self._send(order)
        except VenueRefused as error:
            if error.code == DUPLICATE:  # the first copy lives: look it up
                self._say(order, OrderEventKind.UNCLEAR, code=error.code, detail=str(error))
            else:
                self._say(order, OrderEventKind.REFUSED, code=error.code, detail=str(error))
        except VenueUnavailable as error:
            self._say(order, OrderEventKind.REFUSED, code=NOT_DELIVERED, detail=str(error))
        except OutcomeUnclear as error:
            self._say(order, OrderEventKind.UNCLEAR, detail=str(error))
        else:
            self._say(order, OrderEventKind.ACKNOWLEDGED, venue_order_id=venue_id)
        self._handed_over.discard(client_id)

    async def _send(self, order: Order) -> str:
        """The order leaves once its facts are on the disk; where the broker can, it is made ready meanwhile."""
        if self._making_ready is not None:
            with suppress(LedgerError):  # nothing left; the ledger's worker stays with the disk until it is well again
                recording = self._barrier()
                try:
                    return await self._making_ready.submit_recorded(order, recording)
                except asyncio.CancelledError:
                    recording.withdraw()
                    raise
        await self._commit()
        return await self._broker.submit(order)

    async def _amend(self, command: AmendOrder) -> None:
        order = command.order
        try:
            await self._broker.amend(
                order, quantity=command.quantity, price=command.price, trigger_price=command.trigger_price
            )
        except VenueRefused as error:
            self._say(order, OrderEventKind.REFUSED, code=error.code, detail=str(error))
        except VenueUnavailable as error:
            self._say(order, OrderEventKind.REFUSED, code=NOT_DELIVERED, detail=str(error))
        except OutcomeUnclear as error:
            self._say(order, OrderEventKind.UNCLEAR, detail=str(error))
        else:
            update = OrderUpdate(
                ts=self._now(),
                client_order_id=order.client_order_id,
                kind=OrderEventKind.ACKNOWLEDGED,
                quantity=command.quantity,
                price=command.price,
                trigger_price=command.trigger_price,
            )
            self._post(update, partial(self._unanswered, order.client_order_id))

    async def _cancel(self, order: Order) -> None:
        """The venue's stream says when it is canceled."""
        try:
            await self._broker.cancel(order)
        except VenueRefused as error:
            self._say(order, OrderEventKind.REFUSED, code=error.code, detail=str(error))
        except VenueUnavailable as error:
            self._say(order, OrderEventKind.REFUSED, code=NOT_DELIVERED, detail=str(error))
        except OutcomeUnclear as error:
            self._say(order, OrderEventKind.UNCLEAR, detail=str(error))

    async def _query(self, order: Order) -> None:
        """Look an order up; a look-up that fails says nothing, the desk asks again."""
        client_id = order.client_order_id
        try:
            found = await self._broker.order(client_id)
            executions = [row for row in await self._broker.executions(order.ts_created) if _belongs(row, client_id)]
            open_ids = {row.client_order_id for row in await self._broker.open_orders()} if found is None else set()
        except (VenueUnavailable, OutcomeUnclear, VenueRefused):
            return
        if found is None and (executions or client_id in open_ids):
            return  # the venue contradicts itself: it lags
        picture = VenuePicture(
            venue=self._broker.venue,
            account=self._broker.account,
            ts=self._now(),
            orders=(found,) if found is not None else (),
            missing=frozenset({client_id}) if self._never_arrived(client_id, found is None) else frozenset(),
            executions=tuple(executions),
            positions=(),
            balances=(),
        )
        for event in plan(self._desk.snapshot(), picture).events:
            if isinstance(event, OrderUpdate):
                still = self._unanswered if event.kind is OrderEventKind.ACKNOWLEDGED else self._open
                self._post(event, partial(still, event.client_order_id))
            else:
                self._post(event)

    def _never_arrived(self, client_id: str, missing: bool) -> bool:
        if missing:
            return self._sightings.missed(client_id) or self._broker.lookup_is_final
        self._sightings.seen(client_id)
        return False

    def _say(
        self, order: Order, kind: OrderEventKind, *, venue_order_id: str | None = None, code: str = "", detail: str = ""
    ) -> None:
        update = OrderUpdate(
            ts=self._now(),
            client_order_id=order.client_order_id,
            kind=kind,
            venue_order_id=venue_order_id,
            code=code,
            detail=detail,
        )
        still = self._unanswered if kind is OrderEventKind.ACKNOWLEDGED else self._open
        self._post(update, partial(still, order.client_order_id))

    def _unanswered(self, client_id: str) -> bool:
        """Whether the venue's stream has not said so already."""
        order = self._desk.orders.get(client_id)
        return order is not None and order.status in _UNANSWERED

    def _open(self, client_id: str) -> bool:
        order = self._desk.orders.get(client_id)
        return order is None or not order.is_closed


def _belongs(row: object, client_id: str) -> bool:
    return getattr(row, "client_order_id", None) == client_id
