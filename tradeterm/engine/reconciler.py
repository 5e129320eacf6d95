"""Ask the venues and bring the desk to agree with them: at start-up, on reconnect, on request, and every minute."""

import asyncio
import time
from collections.abc import Awaitable, Callable, Mapping, Sequence

from msgspec import Struct

from tradeterm.brokers.protocol import Broker
from tradeterm.domain.events import DeskEvent, Reconciled, VenueStatus
from tradeterm.domain.instrument import Instrument
from tradeterm.domain.market import DAY_MS
from tradeterm.domain.snapshot import DeskSnapshot
from tradeterm.domain.states import VenueState
from tradeterm.engine.reconcile import (
    VenuePicture,
    account_updates,
    attached_ids,
    cash_differences,
    missed,
    ours,
    plan,
    position_differences,
)

PERIOD_S = 60.0
IN_FLIGHT_MS = 5000
SECOND_LOOK_S = 2.0
AGAIN_S = 1.0
PASSES = 4  # fills first, then the protection they made, then its fills; one more must find nothing


class Account(Struct, frozen=True):
    """A broker and the books whose money is there."""

    broker: Broker
    books: tuple[str, ...]
    currency: str


class Reconciler:
    """Runs one reconciliation at a time, never in the middle of a batch of market data.

    In `lockstep` nothing of ours is on its way then, and every order is judged at once; otherwise one that changed a
    moment ago is left for the next look, and a difference must be seen twice.
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
        between_batches: asyncio.Lock,
        lockstep: bool,
    ) -> None:
        self._accounts = {(account.broker.venue, account.broker.account): account for account in accounts}
        self._instruments = instruments
        self._snapshot = snapshot
        self._post = post
        self._settled = settled
        self._now = now
        self._between_batches = between_batches
        self._lockstep = lockstep
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
        """Serve requests, and look at every account once a minute. Raises what a venue raises; run it again then."""
        while True:
            self._wake.clear()
            await self.serve()
            try:
                await asyncio.wait_for(self._wake.wait(), PERIOD_S)
            except TimeoutError:
                for account in self._accounts.values():
                    await self._one(account)

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
                self._post(VenueStatus(ts=self._now(), venue=key[0], state=VenueState.READY))
                await self._settled()

    async def _one(self, account: Account) -> None:
        async with self._between_batches:
            await self._settled()
            since = self._since(account)
            findings: list[str] = []
            differences, drift = await self._look(account, since, findings)
            if differences:
                if not self._lockstep:
                    await asyncio.sleep(SECOND_LOOK_S)
                differences, drift = await self._look(account, 0, findings)
            ts = self._now()
            venue, name = account.broker.venue, account.broker.account
            self._post(
                Reconciled(
                    ts=ts,
                    id=f"{name}-{time.time_ns() // 1_000_000}",
                    venue=venue,
                    account=name,
                    agreed=not differences,
                    findings=(*findings, *differences, *drift),
                )
            )
            await self._settled()

    async def _look(self, account: Account, since: int, findings: list[str]) -> tuple[tuple[str, ...], tuple[str, ...]]:
        """Bring the desk to the venue's picture; returns how positions and cash still differ."""
        for _ in range(PASSES):
            local = self._snapshot()
            picture = await self._picture(account.broker, local, since)
            planned = plan(local, picture)
            if not planned.events:
                break
            findings.extend(planned.findings)
            for event in planned.events:
                self._post(event)
            await self._settled()
        for update in account_updates(picture):
            self._post(update)
        local = self._snapshot()
        return (
            position_differences(local, picture, self._instruments),
            cash_differences(local, picture, account.books, account.currency),
        )

    async def _picture(self, broker: Broker, local: DeskSnapshot, since: int) -> VenuePicture:
        executions = tuple(await broker.executions(since))
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
            if found is None:
                absent.add(client_id)
            else:
                orders[client_id] = found
        ts = self._now()
        return VenuePicture(
            venue=broker.venue,
            account=broker.account,
            ts=ts,
            orders=tuple(orders[key] for key in sorted(orders)),
            missing=frozenset(absent),
            lookup_is_final=broker.lookup_is_final,
            executions=executions,
            positions=tuple(await broker.positions()),
            balances=tuple(await broker.balances()),
            untouched_since=None if self._lockstep else ts - IN_FLIGHT_MS,
        )

    def _since(self, account: Account) -> int:
        """A day before the last change we know of at that account."""
        key = (account.broker.venue, account.broker.account)
        local = self._snapshot()
        known = [order.ts_updated for order in local.orders if (order.venue, order.account) == key]
        known += [item.ts_updated for item in local.positions if (item.venue, item.account) == key]
        return max(known, default=0) - DAY_MS if known else 0
