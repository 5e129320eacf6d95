"""One API key's session: requests, private stream, clock, and the poll that confirms what the stream says."""

import asyncio
import logging
import time
from collections.abc import Callable, Coroutine, Sequence
from decimal import Decimal
from functools import partial

from tradeterm.brokers.bybit.account import VENUE, Account
from tradeterm.brokers.bybit.checks import check_account, check_instruments
from tradeterm.brokers.bybit.clock import VenueClock
from tradeterm.brokers.bybit.follower import Follower
from tradeterm.brokers.bybit.health import Health
from tradeterm.brokers.bybit.limits import Limits
from tradeterm.brokers.bybit.lookups import Lookups
from tradeterm.brokers.bybit.parameters import CATEGORY
from tradeterm.brokers.bybit.private_stream import PrivateStream, wallet_balance
from tradeterm.brokers.bybit.registry import Registry
from tradeterm.brokers.bybit.rest import REPEATABLE, Rest
from tradeterm.brokers.protocol import Condition, VenuePosition
from tradeterm.config import BybitConfig
from tradeterm.domain.errors import VenueError, VenueRefused, VenueUnavailable
from tradeterm.domain.events import VenueStatus
from tradeterm.domain.orders import Order, OrderIntent
from tradeterm.domain.states import VenueState
from tradeterm.venues.bybit.endpoints import Endpoints
from tradeterm.venues.bybit.rows import PositionRow, read_position, rows_of
from tradeterm.venues.credentials import Credentials, Redaction, install, remove

POLL_S = 30.0
POLL_WITHOUT_STREAM_S = 3.0
CLOCK_S = 60.0
STREAM_PATIENCE_S = 15.0
SILENT_AFTER_SUBMIT_S = 2.0
_OVERLAP_MS = 120_000
_SETTLED_MS = 5_000

_log = logging.getLogger(__name__)


def _wall_ms() -> int:
    return time.time_ns() // 1_000_000


class BybitVenue:
    """Shared by the brokers of all books on the account; open while at least one of them is connected.

    `clock` is this computer's time, UTC ms. `poll_s` is how often REST confirms the stream.
    """

    def __init__(
        self,
        endpoints: Endpoints,
        config: BybitConfig,
        credentials: Credentials,
        *,
        clock: Callable[[], int] = _wall_ms,
        poll_s: float = POLL_S,
    ) -> None:
        self.config = config
        self.clock = VenueClock(clock)
        self.health = Health(self.clock, config.max_skew_ms)
        self.registry = Registry()
        self.rest = Rest(endpoints, credentials, config.recv_window_ms, self.clock, self.health, limits=Limits())
        self.lookups = Lookups(self.rest, self.registry)
        self.follower = Follower(self.registry, self.lookups, self.clock, spawn=self._spawn, tell=self.tell)
        self._stream = PrivateStream(
            endpoints.private,
            credentials,
            self.clock,
            on_order=self.follower.on_order,
            on_execution=self.follower.on_execution,
            on_balance=self.follower.balance,
            on_state=self._stream_state,
            on_refused=self._on_stream_refused,
        )
        self._redaction = Redaction(credentials)
        self._poll_s = poll_s
        self._polled = self._opened = 0
        self._accounts: list[Account] = []
        self._tasks: set[asyncio.Task[None]] = set()
        self._turn = asyncio.Lock()
        self._streaming = asyncio.Event()
        self._stream_news = asyncio.Event()
        self._stream_refused = ""
        self._stream_task: asyncio.Task[None] | None = None
        self._opening = False
        self._checking = False

    def __repr__(self) -> str:
        return f"BybitVenue({self.config.environment})"

    @property
    def is_open(self) -> bool:
        return self._stream_task is not None

    async def attach(self, account: Account, known: Sequence[Order]) -> None:
        """Open the session if need be, and check the account's instruments. Raises VenueError; nothing is left open."""
        async with self._turn:
            self._opening = not self.is_open
            try:
                if self._opening:
                    await self._open(account, known)
                else:
                    self._take(account, known)
                await check_instruments(self.rest, self.config, account.by_symbol.values())
                await self._await_stream()
            except BaseException as error:
                await self._detach(account)
                if not isinstance(error, VenueRefused):
                    raise
                if error.code in REPEATABLE:
                    raise VenueUnavailable(str(error)) from None
                self.health.check_failed(str(error))
                raise
            finally:
                self._opening = False
            self.health.check_failed("")
            self._status(VenueState.CONNECTED, only=account)

    async def detach(self, account: Account) -> None:
        async with self._turn:
            await self._detach(account)

    def condition(self) -> Condition:
        return self.health.condition()

    def tell(self, sentence: str) -> None:
        """Something a person should know of: in the log, and for a minute as the reason why no entry is sent."""
        _log.warning("%s", sentence)
        self.health.notice(sentence)

    def not_allowed(self, sentence: str) -> None:
        """An order was refused for what key or account may not do. Reads go on and prove nothing: the account stays
        blocked until it was checked again."""
        if not self._checking:
            self._checking = True
            self.health.check_failed(sentence)
            self._spawn(self._check_again)

    def confirm(self, client_id: str) -> None:
        """An order was accepted: if the stream says nothing of it soon, ask."""
        self._spawn(partial(self._confirm, client_id))

    async def position_rows(self) -> list[PositionRow]:
        """Every position of the account that is not flat."""
        rows = await self.rest.pages("get_positions", category=CATEGORY, settleCoin="USDT", limit=200)
        return [found for row in rows if (found := read_position(row)) is not None]

    async def positions(self, account: Account) -> list[VenuePosition]:
        found = []
        for row in await self.position_rows():
            instrument = account.instrument(row.symbol)
            if instrument is None or row.size == 0:
                continue
            if row.size is None or row.side not in ("Buy", "Sell"):
                raise VenueUnavailable(f"Bybit's row of the position in {row.symbol} cannot be read")
            quantity = row.size if row.side == "Buy" else -row.size
            found.append(VenuePosition(instrument.id, quantity, row.average_price))
        return found

    async def balance(self) -> Decimal:
        """The wallet's USDT. Bybit leaves coins out of which there are none."""
        result = await self.rest.read("get_wallet_balance", accountType="UNIFIED", coin="USDT")
        rows = list(rows_of(result.get("list")))
        if not rows:
            raise VenueUnavailable("Bybit did not show the wallet of the unified account")
        return next((found for row in rows if (found := wallet_balance(row)) is not None), Decimal(0))

    async def catch_up(self) -> None:
        """Bring by REST what the stream may have dropped: executions, and orders that ended unheard.

        Raises what a look-up raises.
        """
        now = self.clock.now()
        since = max(self._opened, self._polled - _OVERLAP_MS)  # what lies before is for the reconciliation to judge
        for execution in await self.lookups.executions(since, now):
            if execution.ts >= since:
                self.follower.on_execution(execution)
        open_rows = await self.lookups.open_orders()
        for row in open_rows:
            self.follower.on_order(row)
        for order_id in set(self.follower.live_orders(now - _SETTLED_MS)) - {row.order_id for row in open_rows}:
            found = await self.lookups.order_by_id(order_id)
            if found is not None:
                self.follower.on_order(found)
        self._polled = now

    # opening and closing

    async def _open(self, account: Account, known: Sequence[Order]) -> None:
        install(self._redaction, (logging.getLogger(), logging.getLogger("tradeterm")))
        self.rest.open()
        await self.rest.measure_clock()
        await check_account(self.rest, self.config)
        self._take(account, known)
        self._polled = self._opened = self.clock.now()
        self._streaming.clear()
        self._stream_news.clear()
        self._stream_refused = ""
        self._stream_task = asyncio.create_task(self._stream.run())
        self._spawn(self._watch_clock)
        self._spawn(self._poll)

    def _take(self, account: Account, known: Sequence[Order]) -> None:
        self.registry.know(known, account.symbols, self.clock.to_venue)
        self.follower.adopted(order.client_order_id for order in known if order.intent is OrderIntent.EXTERNAL)
        self._accounts.append(account)
        self.follower.serve(account)

    async def _await_stream(self) -> None:
        """Trading without the private stream would be trading blind."""
        try:
            async with asyncio.timeout(STREAM_PATIENCE_S):
                while not self._streaming.is_set():
                    await self._stream_news.wait()
                    if self._stream_refused:
                        raise VenueRefused(self._stream_refused, "AUTH")
                    self._stream_news.clear()
        except TimeoutError:
            raise VenueUnavailable(self.condition().detail or "the private stream did not connect") from None

    async def _detach(self, account: Account) -> None:
        if account in self._accounts:
            self._accounts.remove(account)
            self.follower.release(account)
        if self._accounts:
            return
        tasks = [task for task in (self._stream_task, *self._tasks) if task is not None]
        self._stream_task = None
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
        await self.rest.close()
        self._streaming.clear()
        self.health.stream("there is no connection to Bybit")
        remove(self._redaction, (logging.getLogger(), logging.getLogger("tradeterm")))

    # while it is open

    def _spawn(self, work: Callable[[], Coroutine[object, object, None]]) -> None:
        task = asyncio.create_task(self._guarded(work))
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    async def _guarded(self, work: Callable[[], Coroutine[object, object, None]]) -> None:
        """Work beside us fails aloud, and alone."""
        try:
            await work()
        except VenueError as error:
            _log.info("a look at Bybit failed: %s", error)  # the poll and the reconciliation look again
        except Exception as error:  # noqa: BLE001 - said, and the reconciliation looks again
            _log.exception("work of the Bybit session failed")
            self.tell(f"part of the connection to Bybit failed ({type(error).__name__}); the log has the details")

    def _stream_state(self, up: bool, why: str) -> None:
        was_up = self._streaming.is_set()
        if up:
            self.health.stream("")
            self._streaming.set()
            self._stream_news.set()
            if not self._opening:
                self._status(VenueState.CONNECTED)
                self._spawn(self.catch_up)
            return
        self._streaming.clear()
        self.health.stream(f"Bybit's private stream is lost: {why}")
        if was_up:
            self._status(VenueState.DISCONNECTED, why)

    def _on_stream_refused(self, why: str) -> None:
        self.health.refused(why)
        self._stream_refused = why
        self._stream_news.set()

    def _status(self, state: VenueState, detail: str = "", only: Account | None = None) -> None:
        """Told once to each sink: books of one driver share theirs."""
        accounts = [only] if only is not None else self._accounts
        for sink in dict.fromkeys(account.sink for account in accounts if account.sink is not None):
            sink(VenueStatus(ts=self.clock.wall(), venue=VENUE, state=state, detail=detail))

    async def _watch_clock(self) -> None:
        doubted = self.rest.clock_doubted
        while True:
            try:
                async with asyncio.timeout(CLOCK_S):
                    await doubted.wait()
            except TimeoutError:
                pass
            doubted.clear()
            try:
                await self.rest.measure_clock()
            except VenueError as error:
                _log.info("the clock of Bybit could not be read: %s", error)
                await asyncio.sleep(1)

    async def _check_again(self) -> None:
        """Once a minute, until the account passes. Where the environment does not tell what a key may do, the next
        order tells."""
        try:
            while True:
                await asyncio.sleep(CLOCK_S)
                try:
                    await check_account(self.rest, self.config)
                except VenueRefused as error:
                    if error.code not in REPEATABLE:
                        self.health.check_failed(str(error))
                except VenueError as error:
                    _log.info("the account could not be checked: %s", error)
                else:
                    self.health.check_failed("")
                    return
        finally:
            self._checking = False

    async def _poll(self) -> None:
        while True:
            await asyncio.sleep(self._poll_s if self._streaming.is_set() else min(self._poll_s, POLL_WITHOUT_STREAM_S))
            try:
                await self.catch_up()
            except VenueError as error:
                _log.info("the poll of Bybit failed: %s", error)

    async def _confirm(self, client_id: str) -> None:
        await asyncio.sleep(SILENT_AFTER_SUBMIT_S)
        if self.follower.heard_of(client_id):
            return
        row = await self.lookups.order(client_id)
        if row is None:
            return
        for execution in await self.lookups.executions_of(orderId=row.order_id):
            self.follower.on_execution(execution)
        self.follower.on_order(row)
