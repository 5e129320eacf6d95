"""From rows to events. What the stream pushes and what REST is asked for come through here, in any order, any number of
times; each fill and each change of an order leaves once, and an order's end never overtakes its fills.
"""

import asyncio
import logging
from collections.abc import Callable, Coroutine, Iterable
from decimal import Decimal
from functools import partial

from msgspec import Struct

from tradeterm.brokers.bybit import executions, order_rows
from tradeterm.brokers.bybit.account import VENUE, Account
from tradeterm.brokers.bybit.clock import VenueClock
from tradeterm.brokers.bybit.executions import ExecutionKind
from tradeterm.brokers.bybit.lookups import Lookups
from tradeterm.brokers.bybit.order_rows import BY_USER, Shown
from tradeterm.brokers.bybit.registry import LEGS, Recent, Registry, external_id
from tradeterm.domain.errors import VenueError
from tradeterm.domain.events import AccountUpdate, BrokerEvent, CashEvent, FillReceived, OrderUpdate
from tradeterm.domain.orders import Cash, OrderEventKind
from tradeterm.venues.bybit.rows import ExecutionRow, OrderRow

CATCH_UP_S = (0.5, 1.0, 2.0, 4.0, 8.0)
"""When executions that must exist are asked for, if the stream does not bring them."""

OLD_MS = 60_000
SAME_MOMENT_MS = 250
REDUCED_AT_VENUE = "REDUCED_AT_VENUE"
_ENDS = frozenset({OrderEventKind.CANCELED, OrderEventKind.REFUSED, OrderEventKind.FULL_FILL})
_KEEP_ID_AFTER = 3

_log = logging.getLogger(__name__)


class Followed(Struct):
    """What was told of one of the venue's orders. `live` once it was seen working; `row` is the newest row."""

    row: OrderRow
    told: Shown | None = None
    live: bool = False
    ended: bool = False


class Follower:
    """`tell` hears in a sentence what could not be used. `spawn` runs work beside us and cancels it at the end."""

    def __init__(
        self,
        registry: Registry,
        lookups: Lookups,
        clock: VenueClock,
        *,
        spawn: Callable[[Callable[[], Coroutine[object, object, None]]], None],
        tell: Callable[[str], None],
    ) -> None:
        self._registry = registry
        self._lookups = lookups
        self._clock = clock
        self._spawn = spawn
        self._tell = tell
        self._accounts: dict[str, Account] = {}
        self._orders: Recent[str, Followed] = Recent()
        self._seen: Recent[str, bool] = Recent()
        self._executed: Recent[str, Decimal] = Recent()
        self._last_fill: dict[str, int] = {}
        self._nameless: dict[str, list[ExecutionRow]] = {}
        self._held: dict[str, Shown] = {}
        self._adopted: set[str] = set()
        self._complaints: Recent[str, bool] = Recent()
        self._balance: Decimal | None = None

    def serve(self, account: Account) -> None:
        self._accounts |= dict.fromkeys(account.by_symbol, account)

    def release(self, account: Account) -> None:
        for symbol in account.by_symbol:
            self._accounts.pop(symbol, None)

    def account_of(self, symbol: str) -> Account | None:
        return self._accounts.get(symbol)

    def adopted(self, client_ids: Iterable[str]) -> None:
        """Orders that are not ours, but that the desk was shown: it follows them from now on."""
        self._adopted.update(client_ids)

    def heard_of(self, client_id: str) -> bool:
        """Whether the venue said anything of this order yet."""
        order_id = self._registry.order_id_of(client_id) or ""
        return order_id in self._orders or order_id in self._executed

    def live_orders(self, older_than: int) -> list[str]:
        """Ids of orders believed to be working, whose last news is older than that (venue time)."""
        return [
            order_id
            for order_id, followed in self._orders.items()
            if followed.live and not followed.ended and followed.row.updated < older_than
        ]

    def balance(self, amount: Decimal) -> None:
        """The wallet, told to every book when it changes."""
        if amount == self._balance:
            return
        self._balance = amount
        for account in dict.fromkeys(self._accounts.values()):
            currencies = {instrument.quote_currency for instrument in account.by_symbol.values()}
            for currency in currencies & {executions.SETTLEMENT_COIN}:
                update = AccountUpdate(
                    ts=self._clock.wall(), venue=VENUE, account=account.name, currency=currency, balance=amount
                )
                self._send(account, update)

    # executions

    def on_execution(self, row: ExecutionRow) -> None:
        account = self._accounts.get(row.symbol)
        if account is None or row.exec_id in self._seen:
            return
        if why := executions.complaint(row):
            self.complain(row.exec_id, f"{why}: it is not booked; compare with Bybit")
            return
        kind = executions.kind_of(row)
        client_id = row.link_id or self._registry.client_id_of(row.order_id) or ""
        if not client_id and kind is not ExecutionKind.TRADE:
            client_id = external_id(row.order_id or row.exec_id)
        if client_id:
            self._book(row, client_id, account)
            return
        self._seen[row.exec_id] = True
        self._nameless.setdefault(row.order_id, []).append(row)
        if len(self._nameless[row.order_id]) == 1:
            self._spawn(partial(self._find_name, row))

    async def name_of(self, row: ExecutionRow) -> str:
        """The client id an execution belongs to. Asks the venue for its order if need be; raises what that raises."""
        known = row.link_id or self._registry.client_id_of(row.order_id)
        if known:
            return known
        if executions.kind_of(row) is not ExecutionKind.TRADE or not row.order_id:
            return external_id(row.order_id or row.exec_id)
        order = await self._lookups.order_by_id(row.order_id)
        if order is not None:
            return self._registry.identify(order)
        leg = LEGS.get(row.stop_type)
        client_id = (leg and self._registry.child_of(row.symbol, leg, row.ts)) or external_id(row.order_id)
        if self._clock.now() - row.ts > OLD_MS:
            self._registry.learn(row.order_id, client_id)  # the venue has forgotten it: ask no more
        return client_id

    def _book(self, row: ExecutionRow, client_id: str, account: Account) -> None:
        self._seen[row.exec_id] = True
        event = executions.booked(row, client_id, account, self._clock.wall())
        if isinstance(event, Cash):
            self._send(account, CashEvent(ts=self._clock.wall(), cash=event))
        elif event is not None:
            self._registry.learn(row.order_id, client_id)
            self._executed[row.order_id] = self._executed.get(row.order_id, Decimal(0)) + event.quantity
            self._last_fill[row.symbol] = max(row.ts, self._last_fill.get(row.symbol, 0))
            self._send(account, FillReceived(ts=self._clock.wall(), fill=event))
            self._let_go(row.order_id)
            for order_id in list(self._held):
                self._let_go(order_id)

    async def _find_name(self, row: ExecutionRow) -> None:
        """Executions of attached protection carry no link id; their order tells whose they are."""
        client_id = external_id(row.order_id)
        for attempt, wait in enumerate((0.0, *CATCH_UP_S), 1):
            await asyncio.sleep(wait)
            known = self._registry.client_id_of(row.order_id)
            try:
                client_id = known or await self.name_of(row)
            except VenueError:
                continue
            if not client_id.startswith("ext-") or attempt >= _KEEP_ID_AFTER:
                break  # the order may lag behind its execution: believe that it is nobody's only after a while
        self._book_nameless(row.order_id, client_id)

    def _book_nameless(self, order_id: str, client_id: str) -> None:
        for waiting in self._nameless.pop(order_id, []):
            account = self._accounts.get(waiting.symbol)
            if account is not None:
                self._book(waiting, client_id, account)

    # orders

    def on_order(self, row: OrderRow) -> None:
        account = self._accounts.get(row.symbol)
        if account is None:
            return
        followed = self._orders.get(row.order_id)
        if followed is not None and (followed.ended or row.updated < followed.row.updated):
            return
        client_id = self._registry.identify(row)
        self._book_nameless(row.order_id, client_id)
        what = order_rows.shown(row, was_live=followed is not None and followed.live)
        if what is None:
            text = f"order {client_id} of {row.symbol} has the state {row.status!r}, which is not known here"
            self.complain(f"{row.order_id}/{row.status}", text)
            return
        if followed is None:
            followed = self._orders[row.order_id] = Followed(row)
        followed.row = row
        if what.kind in _ENDS:
            followed.ended = True
            self._end(row, what)
        elif what != followed.told:
            followed.told, followed.live = what, True
            self._update(account, client_id, row, what)

    def _end(self, row: OrderRow, what: Shown) -> None:
        """Tell the end at once if every fill before it was told, else when they have come."""
        self._held[row.order_id] = what
        self._let_go(row.order_id)
        if row.order_id in self._held:
            self._spawn(partial(self._catch_up, row))

    def _let_go(self, order_id: str) -> None:
        """Tell an end that waited, once its fills are told."""
        followed, what = self._orders.get(order_id), self._held.get(order_id)
        if followed is None or what is None or self._misses_fills(followed.row):
            return
        self._tell_end(followed.row, what)

    def _misses_fills(self, row: OrderRow) -> bool:
        """Whether a fill that came before the order's end was not told yet."""
        if self._executed.get(row.order_id, Decimal(0)) < row.filled:
            return True
        return _follows_a_fill(row) and self._last_fill.get(row.symbol, 0) < row.updated - SAME_MOMENT_MS

    def _tell_end(self, row: OrderRow, what: Shown) -> None:
        order_id = row.order_id
        del self._held[order_id]
        account, client_id = self._accounts.get(row.symbol), self._registry.client_id_of(order_id)
        if account is None or client_id is None or self._superseded(client_id, order_id):
            return
        if what.kind is not OrderEventKind.FULL_FILL:
            self._update(account, client_id, row, what, order_rows.reason_of(row))
            return
        ours = self._registry.order(client_id)
        if ours is not None and row.link_id and row.filled < ours.quantity and row.quantity < ours.quantity:
            cut = Shown(OrderEventKind.CANCELED, None, None, None)  # it filled whole, but the venue had cut it smaller
            self._update(account, client_id, row, cut, f"{ours.quantity} cut to {row.quantity}", REDUCED_AT_VENUE)

    def _superseded(self, client_id: str, order_id: str) -> bool:
        """Whether the venue made the same protection anew under another id."""
        current = self._registry.order_id_of(client_id)
        other = self._orders.get(current or "")
        return current != order_id and other is not None and not other.ended

    async def _catch_up(self, row: OrderRow) -> None:
        """Fetch executions the order's end must come after."""
        for wait in CATCH_UP_S:
            await asyncio.sleep(wait)
            if row.order_id not in self._held:
                return
            try:
                found = await self._lookups.executions_of(orderId=row.order_id) if row.filled else []
                if _follows_a_fill(row):
                    found += await self._lookups.latest_of_symbol(row.symbol)
            except VenueError:
                continue
            for execution in found:
                self.on_execution(execution)
            what = self._held.get(row.order_id)
            if what is not None and self._executed.get(row.order_id, Decimal(0)) >= row.filled:
                self._tell_end(row, what)  # nothing else was filled: it was taken away for another reason
        if self._held.pop(row.order_id, None) is not None:
            name = self._registry.client_id_of(row.order_id)
            self._tell(f"Bybit does not show every execution of order {name}; the next reconciliation looks again")

    def _update(
        self, account: Account, client_id: str, row: OrderRow, what: Shown, detail: str = "", code: str = ""
    ) -> None:
        ours = self._registry.order(client_id) is not None or self._registry.parent_of(client_id) is not None
        if not ours and client_id not in self._adopted:
            return  # not ours: the desk meets it in the next reconciliation
        ending = what.kind in _ENDS
        update = OrderUpdate(
            ts=self._clock.wall(),
            client_order_id=client_id,
            kind=what.kind,
            venue_order_id=row.order_id,
            quantity=None if ending else what.quantity,
            price=None if ending else what.price,
            trigger_price=None if ending else what.trigger_price,
            code=code,
            detail=detail,
        )
        self._send(account, update)

    def complain(self, key: str, text: str) -> None:
        """Say once what could not be used."""
        if key not in self._complaints:
            self._complaints[key] = True
            self._tell(text)

    def _send(self, account: Account, event: BrokerEvent) -> None:
        if account.sink is not None:
            account.sink(event)


def _follows_a_fill(row: OrderRow) -> bool:
    """The venue itself took a reduce-only order away: most often because its position was closed by another. That fill
    must be told first, or the desk would put a new stop on a position that is gone."""
    by_venue = row.cancel_type != BY_USER and row.status in ("Cancelled", "Deactivated")
    return by_venue and (row.reduce_only or row.close_on_trigger or row.stop_type in LEGS)
