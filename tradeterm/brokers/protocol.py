"""What a venue must be able to do. Simulated, paper and real venues implement the same protocol."""

from collections.abc import Callable, Sequence
from decimal import Decimal
from typing import Protocol, runtime_checkable

from msgspec import Struct

from tradeterm.domain.events import BrokerEvent, MarketEvent
from tradeterm.domain.orders import Cash, Fill, Order
from tradeterm.domain.states import VenueState

DUPLICATE_CLIENT_ID = "DUPLICATE_CLIENT_ID"
"""The code of VenueRefused that means the first copy of the order lives: look it up."""


class VenuePosition(Struct, frozen=True):
    """Signed quantity and average price as the venue states them."""

    instrument: str
    quantity: Decimal
    average_price: Decimal | None


class VenueBalance(Struct, frozen=True):
    currency: str
    balance: Decimal


Sink = Callable[[BrokerEvent], None]


class Condition(Struct, frozen=True):
    """What a venue allows now: READY, RESTRICTED or BLOCKED with the reason in one sentence; how long a request takes;
    how far our clock is ahead of the venue's (None: not measured)."""

    state: VenueState = VenueState.READY
    detail: str = ""
    latency_ms: float | None = None
    skew_ms: float | None = None


class Broker(Protocol):
    """One account at one venue.

    Requests raise VenueRefused (definite no), VenueUnavailable (never arrived) or OutcomeUnclear (look it up). What
    happens afterwards arrives through `sink` — the private stream. Order look-ups return the venue's picture as an
    Order (status, filled quantity, average price, trigger price), matched by client order id. `lookup_is_final` says
    that an order the venue does not find never arrived; real venues lag, so for them it is False.

    A venue's own protection orders (attached to an entry) carry the client ids `<entry id>s` and `<entry id>t`; the
    broker translates. Rows of instruments that are not this account's are never returned. Executions of orders that
    are not ours are returned too, as fills of this account.
    """

    venue: str
    account: str
    simulated: bool
    lookup_is_final: bool

    async def connect(self, sink: Sink, known: Sequence[Order] = ()) -> None:
        """Open the connection; everything the venue says goes to `sink` from now on.

        VenueStatus CONNECTED follows each connection made, DISCONNECTED each one lost. `known` are the ledger's orders,
        so that those the venue made by itself can be told apart. Raises VenueError where a person must act.
        """
        ...

    async def close(self) -> None: ...

    async def submit(self, order: Order) -> str:
        """Send once; returns the venue's order id. Never retries."""
        ...

    async def amend(
        self,
        order: Order,
        *,
        quantity: Decimal | None = None,
        price: Decimal | None = None,
        trigger_price: Decimal | None = None,
    ) -> None: ...

    async def cancel(self, order: Order) -> None: ...

    async def order(self, client_order_id: str) -> Order | None: ...

    async def open_orders(self) -> Sequence[Order]: ...

    async def executions(self, since_ts: int) -> Sequence[Fill | Cash]: ...

    async def positions(self) -> Sequence[VenuePosition]: ...

    async def balances(self) -> Sequence[VenueBalance]: ...

    def condition(self) -> Condition:
        """What the venue allows at this moment; asked a few times a second, so it only looks at what is known."""
        ...


class Recording(Protocol):
    """The facts of an order on their way to the disk, as a worker thread waits for them.

    Both raise LedgerError where they do not get there, or not in time.
    """

    def wait_written(self) -> None:
        """Until the disk is asked to keep them: the moment to make the request ready."""
        ...

    def wait_kept(self) -> None:
        """Until they are on the disk: not one byte leaves before."""
        ...

    def withdraw(self) -> None:
        """Nobody waits for the order any more: if it has not left, it does not leave."""
        ...


@runtime_checkable
class MakesReady(Protocol):
    """A venue whose request is made while the disk works, and leaves once the order's facts are on it."""

    async def submit_recorded(self, order: Order, recording: Recording) -> str:
        """As `submit`. Raises LedgerError too: then nothing was sent."""
        ...


@runtime_checkable
class FollowsMarket(Protocol):
    """A simulated venue moves with the market data it is shown."""

    def on_market(self, event: MarketEvent) -> None: ...
