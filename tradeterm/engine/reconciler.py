"""Ask the venues and bring the desk to agree with them: at start-up, on reconnect, on request, and every minute."""

import asyncio
import logging
import time
from collections.abc import Awaitable, Callable, Mapping, Sequence
from contextlib import nullcontext
from decimal import Decimal

from msgspec import Struct

from tradeterm.brokers.protocol import Broker
from tradeterm.domain.errors import VenueError
from tradeterm.domain.events import DeskEvent, FillReceived, Reconciled, VenueStatus
from tradeterm.domain.instrument import Instrument
from tradeterm.domain.market import DAY_MS
from tradeterm.domain.snapshot import DeskSnapshot
from tradeterm.engine.reconcile import (
    CASH_TOLERANCE,
    VenuePicture,
    account_updates,
    adopted_fills,
    attached_ids,
    cash_differences,
    missed,
    ours,
    plan,
    position_differences,
)
from tradeterm.engine.sightings import Sightings
from tradeterm.venues.backoff import Backoff

_log = logging.getLogger(__name__)

PERIOD_S = 60.0
IN_FLIGHT_MS = 5000
SECOND_LOOK_S = 2.0
AGAIN_S = 1.0
MORE_LOOKS = 4
PASSES = 4  # fills first, then the protection they made, then its fills; one more must find nothing


class Account(Struct, frozen=True):
    """A broker and the books whose money is there."""

    broker: Broker
    books: tuple[str, ...]
    currency: str


class _Failed(VenueError):
    """A look at a venue failed with `error`."""

    def __init__(self, broker: Broker, error: VenueError) -> None:
        super().__init__(str(error))
        self.broker = broker
        self.error = error


class _Looked(Struct, frozen=True):
    """The last picture of a look, and how positions and cash differ from it."""

    picture: VenuePicture
    differences: tuple[str, ...]
    drift: tuple[str, ...]


class Reconciler:
    """Runs one reconciliation at a time. `ready` says what a venue is whose accounts have all been reconciled,
    `began` when the ledger's first run started (the machine's UTC ms). `recover` tells of a look that failed and
    connects where there is no connection: whether it made one. `caught_up` hears of an account whose missed executions
    are all booked.

    In `lockstep` it waits for the end of a batch of market data: nothing of ours is on its way then, and every order is
    judged at once. Otherwise market data flows on, one that changed a moment ago is left for the next look, and a
    difference must be seen twice, the same.
    """

    def __init__(
        self,
        accounts: Sequence[Account],
        instruments: Mapping[str, Instrument],
        *,
        snapshot: Callable[[], DeskSnapshot],
        post: Callable[[DeskEvent], None],
        settled: Callable[[], Awaitable[None]],
        now: Callable[[], int],
        ready: Callable[[str], VenueStatus],
        between_batches: asyncio.Lock,
        lockstep: bool,
        sightings: Sightings,
        began: int,
        recover: Callable[[Broker, VenueError], Awaitable[bool]],
        caught_up: Callable[[Broker], None],
    ) -> None:
        self._accounts = {(account.broker.venue, account.broker.account): account for account in accounts}
        self._instruments = instruments
        self._snapshot = snapshot
        self._post = post
        self._settled = settled
        self._now = now
        self._between_batches = between_batches
        self._lockstep = lockstep
        self._ready = ready
        self._sightings = sightings
        self._began = began
        self._recover = recover
        self._caught_up = caught_up
        self._backoff = Backoff(healthy_s=0.0)
        self._others_money: dict[str, Decimal] = {}
        self._asked: dict[tuple[str, str], str] = {}
        self._wake = asyncio.Event()

    def request(self, venue: str, account: str, reason: str) -> None:
        """Have that account reconciled soon; requests that wait for the same account become one."""
        self._asked.setdefault((venue, account), reason)
        self._wake.set()

    def request_all(self, reason: str) -> None:
        for venue, account in self._accounts:
            self.request(venue, account, reason)

    async def run(self) -> None:
        """Serve requests, and look at every account once a minute. What a venue cannot answer is asked again, later
        each time; `recover` says why."""
        while True:
            self._wake.clear()
            try:
                await self._all()
            except _Failed as failed:
                await self._after(failed)

    async def _all(self) -> None:
        await self.serve()
        self._backoff.up()
        try:
            await asyncio.wait_for(self._wake.wait(), PERIOD_S)
        except TimeoutError:
            for account in self._accounts.values():
                await self._one(account)

    async def _after(self, failed: "_Failed") -> None:
        _log.error("reconciliation failed: %s", failed)
        self.request(failed.broker.venue, failed.broker.account, "the last look failed")
        try:
            if await self._recover(failed.broker, failed.error):
                return
        except VenueError as error:
            _log.error("connecting failed: %s", error)
        await self._backoff.wait()

    async def serve(self) -> None:
        """Reconcile what was asked for; a venue is READY when no account of its waits any more.

        Raises what a venue raises; the request then waits for the next call.
        """
        while self._asked:
            key = next(iter(self._asked))
            reason = self._asked.pop(key)
            try:
                await self._one(self._accounts[key])
            except BaseException:
                self.request(*key, reason)
                raise
            if key in self._asked:  # what it found made the desk ask again
                await asyncio.sleep(AGAIN_S)
            elif not any(venue == key[0] for venue, _ in self._asked):
                self._post(self._ready(key[0]))
                await self._settled()

    async def _one(self, account: Account) -> None:
        """Raises _Failed for what the venue raises."""
        try:
            await self._reconcile(account)
        except VenueError as error:
            raise _Failed(account.broker, error) from error

    async def _reconcile(self, account: Account) -> None:
        async with self._between_batches if self._lockstep else nullcontext():
            await self._settled()
            since = self._since(account)
            findings: list[str] = []
            looked = await self._look(account, since, findings)
            for _ in range(MORE_LOOKS):
                if not looked.differences:
                    break
                before = looked.differences
                if not self._lockstep:
                    await asyncio.sleep(SECOND_LOOK_S)
                looked = await self._look(account, self._earliest(account), findings)
                if looked.differences == before:  # nothing is on its way any more: this is how it is
                    break
            adopted = await self._adopt(account, looked)
            venue, name = account.broker.venue, account.broker.account
            self._post(
                Reconciled(
                    ts=self._now(),
                    id=f"{name}-{time.time_ns() // 1_000_000}",
                    venue=venue,
                    account=name,
                    agreed=not looked.differences,
                    findings=(*findings, *looked.differences, *adopted, *looked.drift),
                )
            )
            await self._settled()

    async def _adopt(self, account: Account, looked: "_Looked") -> tuple[str, ...]:
        """Take over positions of a real venue that nothing explains; what was done, a sentence each. The desk halts all
        the same: a person has to look."""
        if not looked.differences or account.broker.simulated:
            return ()
        fills, sentences = adopted_fills(self._snapshot(), looked.picture, self._instruments)
        for fill in fills:
            self._post(FillReceived(ts=self._now(), fill=fill))
        await self._settled()
        return sentences

    async def _look(self, account: Account, since: int, findings: list[str]) -> "_Looked":
        """Bring the desk to the venue's picture; how positions and cash still differ."""
        for _ in range(PASSES):
            picture = await self._picture(account.broker, self._snapshot(), since)
            await self._settled()  # the stream may have told of the same meanwhile
            planned = plan(self._snapshot(), picture)
            if not planned.events:
                break
            findings.extend(planned.findings)
            for event in planned.events:
                self._post(event)
            await self._settled()
        self._caught_up(account.broker)
        for update in account_updates(picture):
            self._post(update)
        local = self._snapshot()
        return _Looked(
            picture,
            position_differences(local, picture, self._instruments),
            self._cash_drift(account, local, picture),
        )

    def _cash_drift(self, account: Account, local: DeskSnapshot, picture: VenuePicture) -> tuple[str, ...]:
        """A simulated account holds its book's money to the cent. A real one holds what its owner put there: from the
        first look on it must move as the books on it do."""
        if account.broker.simulated:
            return cash_differences(local, picture, account.books, account.currency)
        venue = account.broker.venue
        books = {book for item in self._accounts.values() if item.broker.venue == venue for book in item.books}
        mine = sum((book.cash for book in local.books if book.book in books), Decimal(0))
        balance = next((item.balance for item in picture.balances if item.currency == account.currency), None)
        if balance is None:
            return ()
        drift = balance - mine - self._others_money.setdefault(venue, balance - mine)
        if abs(drift) <= CASH_TOLERANCE:
            return ()
        self._others_money[venue] += drift  # said once
        return (f"cash: {drift:+.2f} {account.currency} moved at {venue} that the books do not know of",)

    async def _picture(self, broker: Broker, local: DeskSnapshot, since: int) -> VenuePicture:
        executions = tuple(item for item in await broker.executions(since) if item.ts_event >= since)
        orders = {order.client_order_id: order for order in await broker.open_orders()}
        mine = ours(local, broker.venue, broker.account)
        known = {order.client_order_id for order in mine}
        wanted = {order.client_order_id for order in mine if not order.is_closed} | attached_ids(
            order for order in mine if not order.is_closed
        )
        fills, _ = missed(local, broker.venue, broker.account, executions)
        wanted |= {fill.client_order_id for fill in fills} - known
        absent = set()
        for client_id in sorted(wanted - orders.keys()):
            found = await broker.order(client_id)
            if found is not None:
                orders[client_id] = found
            elif self._sightings.missed(client_id) or broker.lookup_is_final:
                absent.add(client_id)
        for client_id in orders:
            self._sightings.seen(client_id)
        ts = self._now()
        return VenuePicture(
            venue=broker.venue,
            account=broker.account,
            ts=ts,
            orders=tuple(orders[key] for key in sorted(orders)),
            missing=frozenset(absent),
            executions=executions,
            positions=tuple(await broker.positions()),
            balances=tuple(await broker.balances()),
            untouched_since=None if self._lockstep else ts - IN_FLIGHT_MS,
        )

    def _earliest(self, account: Account) -> int:
        """What happened at a real account before our first run is its owner's business."""
        return 0 if account.broker.simulated else self._began

    def _since(self, account: Account) -> int:
        """A day before the last change we know of at that account."""
        key = (account.broker.venue, account.broker.account)
        local = self._snapshot()
        known = [order.ts_updated for order in local.orders if (order.venue, order.account) == key]
        known += [item.ts_updated for item in local.positions if (item.venue, item.account) == key]
        return max(self._earliest(account), max(known, default=0) - DAY_MS)
