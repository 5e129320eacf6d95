"""What the stream did not bring, fetched by REST: bars that are missing and settlements that are due."""

import asyncio
import logging
from collections.abc import Callable, Coroutine, Iterable
from typing import Any

from msgspec import Struct, field

from tradeterm.domain.errors import DataError, VenueError
from tradeterm.domain.market import Bar, FundingRate
from tradeterm.feeds.bybit.bars import Join
from tradeterm.feeds.bybit.funding import Settlements
from tradeterm.feeds.bybit.heard import Heard
from tradeterm.feeds.bybit.rest import PublicRest
from tradeterm.feeds.bybit.timing import Timing
from tradeterm.venues.backoff import Backoff

_log = logging.getLogger(__name__)

AT_ONCE = 4


class Series(Struct, eq=False):
    """One instrument's bars and settlements, and when they may be asked for again."""

    instrument: str
    symbol: str
    interval: str
    interval_ms: int
    join: Join
    settlements: Settlements
    bars_backoff: Backoff = field(default_factory=Backoff)
    funding_backoff: Backoff = field(default_factory=Backoff)
    bars_at: float = 0.0
    bars_busy: bool = False
    funding_at: float = 0.0
    funding_busy: bool = False
    funding_wanted: bool = True
    asked: dict[int, int] = {}
    """How often the history was asked about each settlement that is due."""

    def owes(self, ts: int) -> bool:
        """Whether something of that instant is still to come."""
        return self.join.next_close <= ts or self.settlements.owes(ts)


class Repairs:
    """`look` starts what is due, at most one request of a kind an instrument and a few in all. What fails is tried
    again later, for as long as it takes."""

    def __init__(
        self,
        rest: PublicRest,
        series: Iterable[Series],
        give: Callable[[list[Bar | FundingRate]], None],
        *,
        tell: Callable[[str], None],
        heard: Heard,
        timing: Timing,
        venue_now: Callable[[], int],
    ) -> None:
        self._rest = rest
        self._series = tuple(series)
        self._give = give
        self._tell = tell
        self._heard = heard
        self._timing = timing
        self._venue_now = venue_now
        self._loop = asyncio.get_running_loop()
        self._turns = asyncio.Semaphore(AT_ONCE)
        self._tasks: set[asyncio.Task[None]] = set()
        self._failure: BaseException | None = None

    def catch_up(self) -> None:
        """A connection was made: ask for what it may have missed, without waiting out an earlier failure."""
        for one in self._series:
            one.funding_wanted = True
            one.bars_at = one.funding_at = 0.0

    def busy(self, ts: int) -> bool:
        """Whether something of that instant is being fetched now."""
        return any((one.bars_busy and one.join.next_close <= ts) or one.funding_busy for one in self._series)

    def look(self) -> None:
        """Start what is due. Raises what a task before should not have."""
        if self._failure is not None:
            raise self._failure
        now, venue_now = self._loop.time(), self._venue_now()
        for one in self._series:
            if not one.bars_busy and now >= one.bars_at and one.join.next_close + self._timing.late_ms <= venue_now:
                one.bars_busy = True
                self._start(self._fetch_bars(one))
            one.settlements.tell(venue_now)
            if not one.funding_busy and now >= one.funding_at and self._wants_funding(one, venue_now):
                one.funding_busy = True
                self._start(self._fetch_funding(one))
            self._forecast(one, venue_now)

    async def close(self) -> None:
        tasks = tuple(self._tasks)
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)

    def _start(self, work: Coroutine[Any, Any, None]) -> None:
        task = asyncio.create_task(work)
        self._tasks.add(task)
        task.add_done_callback(self._ended)

    def _ended(self, task: asyncio.Task[None]) -> None:
        self._tasks.discard(task)
        if not task.cancelled() and task.exception() is not None:
            self._failure = task.exception()

    async def _fetch_bars(self, one: Series) -> None:
        try:
            async with self._turns:
                final = self._venue_now() - self._timing.final_ms
                stop = final // one.interval_ms * one.interval_ms
                before = one.join.next_open
                bars = await self._rest.bars(one.instrument, one.symbol, one.interval, one.interval_ms, before, stop)
            due, missing = one.join.fetched(bars)
            if missing:
                self._tell(f"{one.instrument}: the venue has no data for {missing} bars; nothing is invented for them")
            self._give([*due])
            if one.join.next_open > before:
                one.bars_backoff = Backoff()
                self._heard.set_trouble("kline", one.instrument, "")
            else:
                one.bars_at = self._loop.time() + one.bars_backoff.next_s()
                self._heard.set_trouble("kline", one.instrument, "the venue has no bar of the last close yet")
        except (VenueError, DataError) as error:
            one.bars_at = self._loop.time() + one.bars_backoff.next_s()
            self._heard.set_trouble("kline", one.instrument, f"missing bars cannot be fetched: {error}")
        finally:
            one.bars_busy = False

    def _wants_funding(self, one: Series, venue_now: int) -> bool:
        due = one.settlements.due()
        one.asked = {ts: count for ts, count in one.asked.items() if ts in due}
        for ts in due:
            count = one.asked.get(ts, 0)
            if count >= len(self._timing.funding_ms):
                if one.settlements.forget(ts):
                    self._tell(f"{one.instrument}: the funding rate of {ts} is not known; nothing is invented for it")
            elif ts + self._timing.funding_ms[count] <= venue_now:
                return True
        return one.funding_wanted

    def _forecast(self, one: Series, venue_now: int) -> None:
        for ts in one.settlements.due():
            if ts + self._timing.forecast_ms <= venue_now:
                given = one.settlements.forecast(ts, venue_now)
                if given is not None:
                    self._give([given])

    async def _fetch_funding(self, one: Series) -> None:
        settlements = one.settlements
        try:
            async with self._turns:
                asked_at = self._venue_now()
                due = settlements.due()
                first = min([*due, settlements.settled + 1])
                rows = await self._rest.funding(one.symbol, first, asked_at) if first <= asked_at else []
            found, said = settlements.history(rows, asked_at)
            for line in said:
                self._tell(line)
            self._give([*found])
            one.funding_wanted = False
            one.funding_backoff = Backoff()
            for ts in due:
                passed = sum(ts + wait <= asked_at for wait in self._timing.funding_ms)
                one.asked[ts] = max(passed, one.asked.get(ts, 0))
            self._heard.set_trouble("tickers", one.instrument, "")
        except (VenueError, DataError) as error:
            one.funding_at = self._loop.time() + one.funding_backoff.next_s()
            self._heard.set_trouble("tickers", one.instrument, f"funding cannot be confirmed: {error}")
        finally:
            one.funding_busy = False
