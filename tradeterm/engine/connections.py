"""The connections to the venues: opened, lost, made anew. After each of them the account is reconciled."""

from collections.abc import Callable, Iterable, Sequence
from functools import partial

import msgspec

from tradeterm.brokers.protocol import Broker
from tradeterm.domain.errors import VenueError, VenueRefused
from tradeterm.domain.events import BrokerEvent, DeskEvent, VenueStatus
from tradeterm.domain.orders import Order
from tradeterm.domain.states import VenueState
from tradeterm.engine.held_back import HeldBack


class Connections:
    """`orders` are those the ledger knows; `reconcile` asks for a (venue, account) to be reconciled, and why."""

    def __init__(
        self,
        brokers: Sequence[Broker],
        *,
        orders: Callable[[], Iterable[Order]],
        post: Callable[[DeskEvent], None],
        reconcile: Callable[[str, str, str], None],
        now: Callable[[], int],
    ) -> None:
        self._brokers = brokers
        self._orders = orders
        self._post = post
        self._reconcile = reconcile
        self._now = now
        self._connected: set[Broker] = set()
        self._news = HeldBack(post)

    async def open_all(self) -> None:
        """Raises what the first venue raises that cannot be reached or refuses us, once all were tried."""
        failed: VenueError | None = None
        for broker in self._brokers:
            try:
                await self._open(broker)
            except VenueError as error:
                failed = failed or error
        if failed is not None:
            raise failed

    async def renew(self, broker: Broker) -> None:
        self._post(VenueStatus(ts=self._now(), venue=broker.venue, state=VenueState.RECONCILING))
        self._connected.discard(broker)
        await broker.close()
        await self._open(broker)
        self._reconcile(broker.venue, broker.account, "the connection was made anew")

    async def recover(self, broker: Broker, error: VenueError) -> bool:
        """After a look at a venue failed with `error`: say so, or connect if there is no connection yet; whether one
        was made. A connection that stands is kept: its stream may still bring what happens there. Raises VenueError
        when connecting fails."""
        if broker in self._connected:
            self._say(broker, error)
            return False
        await self._open(broker)
        return True

    async def renew_all(self) -> None:
        for broker in self._brokers:
            await self.renew(broker)

    def caught_up(self, broker: Broker) -> None:
        """What the account did while nobody listened is booked."""
        self._news.release(broker)

    async def _open(self, broker: Broker) -> None:
        self._hold(broker)
        mine = [order for order in self._orders() if (order.venue, order.account) == (broker.venue, broker.account)]
        try:
            await broker.connect(partial(self._hear, broker), mine)
        except VenueError as error:
            self._say(broker, error)
            raise
        self._connected.add(broker)

    def _say(self, broker: Broker, error: VenueError) -> None:
        state = VenueState.BLOCKED if isinstance(error, VenueRefused) else VenueState.DISCONNECTED
        self._post(VenueStatus(ts=self._now(), venue=broker.venue, state=state, detail=str(error)))

    def _hold(self, broker: Broker) -> None:
        """A simulated venue has no stream that could lose anything."""
        if not broker.simulated:
            self._news.hold(broker)

    def _hear(self, source: Broker, event: BrokerEvent) -> None:
        """A venue that says it is connected still has to be reconciled before entries go there."""
        if not isinstance(event, VenueStatus):
            self._news.take(source, event)
            return
        if event.state in (VenueState.CONNECTED, VenueState.READY):
            event = msgspec.structs.replace(event, state=VenueState.RECONCILING)
            for broker in self._brokers:
                if broker.venue == event.venue:
                    self._hold(broker)
                    self._reconcile(broker.venue, broker.account, "connected")
        self._post(event)
