"""The market and strategy workers: batches of the feed, in order, none skipped, one wholly settled at a time."""

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from functools import partial

from tradeterm.brokers.protocol import Broker, FollowsMarket
from tradeterm.domain.events import BarClosed, DeskEvent, FundingUpdate, MarketEvent, SignalRaised, Timer
from tradeterm.domain.facts import AlertFact
from tradeterm.domain.market import Bar, FundingRate
from tradeterm.domain.states import AlertLevel, WorkerName
from tradeterm.engine.supervisor import Supervisor, WorkerGaveUp
from tradeterm.engine.urgency import Urgency
from tradeterm.feeds.protocol import Feed
from tradeterm.strategies.runner import StrategyRunner

STRATEGY_ATTEMPTS = 3

MakeRunners = Callable[[], Sequence[StrategyRunner]]


class Market:
    """Takes batches from the feed to simulated venues, the desk and the strategies.

    `cursor` is the last instant wholly processed; a feed that failed, and a run that was interrupted, go on behind it,
    so that an instant may be shown again but never left out.
    """

    def __init__(
        self,
        feed: Feed,
        *,
        brokers: Sequence[Broker],
        make_runners: MakeRunners,
        supervisor: Supervisor,
        post: Callable[[DeskEvent], None],
        settled: Callable[[], Awaitable[None]],
        save_cursor: Callable[[int], None],
        record: Callable[[int, Sequence[AlertFact]], None],
        see_bars: Callable[[Sequence[Bar]], None],
        reconnect: Callable[[], Awaitable[None]],
        model: Callable[[Sequence[Bar], int], Awaitable[None]],
        urgency: Urgency,
        cursor: int,
        watch: Callable[[MarketEvent], None],
    ) -> None:
        self._feed = feed
        self._simulated = [broker for broker in brokers if isinstance(broker, FollowsMarket)]
        self._make_runners = make_runners
        self._runners: Sequence[StrategyRunner] = ()
        self._supervisor = supervisor
        self._post = post
        self._wait_settled = settled
        self._save_cursor = save_cursor
        self._record = record
        self._see_bars = see_bars
        self._reconnect = reconnect
        self._model = model
        self._watch = watch
        self._urgency = urgency
        self._stopping = False
        self._last_ts = cursor
        self.cursor = cursor
        self.between_batches = asyncio.Lock()

    async def run(self) -> None:
        """Follow the feed to its end."""
        await self._supervisor.keep(WorkerName.MARKET, self._follow)

    async def stop(self) -> None:
        """Take no further batch; returns when the present one is through."""
        self._stopping = True
        async with self.between_batches:
            pass

    async def warm(self, until_ts: int) -> None:
        """Make the strategies anew, with the history they need."""
        runners = self._make_runners()
        longest = max((runner.strategy.warmup for runner in runners), default=0)
        history = await self._feed.history(until_ts, longest) if until_ts > 0 and longest else ()
        for runner in runners:
            runner.warm(history)
        self._runners = runners

    async def _follow(self) -> None:
        async for batch in self._feed.stream(self.cursor):
            async with self.between_batches:
                if self._stopping:
                    return
                await self._take(batch)
            self._supervisor.running(WorkerName.MARKET)
        self._advance(self._last_ts)

    async def _take(self, batch: Sequence[MarketEvent]) -> None:
        ts = batch[0].ts
        if ts > self._last_ts:
            self._advance(self._last_ts)
        worker = WorkerName.BROKER if self._simulated else WorkerName.MARKET
        await self._supervisor.keep(worker, partial(self._show, list(batch)), restart=self._reconnect)
        await self._wait_settled()
        bars = [event.bar for event in batch if isinstance(event, BarClosed)]
        await self._strategies(batch, bars, ts)
        if bars:
            await self._wait_settled()  # the models of these bars come after what was decided on them
            await self._urgency.over()
            await self._model(bars, ts)
        self._post(Timer(ts=ts))
        await self._wait_settled()
        self._last_ts = ts

    async def _show(self, waiting: list[MarketEvent]) -> None:
        """Each event goes to the simulated venues and who watches, then to the desk; what failed midway comes again."""
        while waiting:
            event = waiting[0]
            for broker in self._simulated:
                broker.on_market(event)
            self._watch(event)
            self._post(event)
            waiting.pop(0)

    async def _strategies(self, batch: Sequence[MarketEvent], bars: Sequence[Bar], ts: int) -> None:
        funding = [event.funding for event in batch if isinstance(event, FundingUpdate)]
        if not bars and not funding:
            return
        self._see_bars(bars)
        try:
            await self._supervisor.keep(
                WorkerName.STRATEGY,
                partial(self._raise_signals, bars, funding, ts),
                restart=partial(self.warm, ts - 1),
                attempts=STRATEGY_ATTEMPTS,
            )
        except WorkerGaveUp as error:
            text = f"the strategies could not judge the bars of this instant and missed their signals: {error}"
            self._record(ts, [AlertFact(ts=ts, level=AlertLevel.ERROR, code="STRATEGY_FAILED", text=text)])
            await self._supervisor.keep(WorkerName.STRATEGY, partial(self.warm, ts))

    async def _raise_signals(self, bars: Sequence[Bar], funding: Sequence[FundingRate], ts: int) -> None:
        raised = []
        for runner in self._runners:
            for rate in funding:
                runner.on_funding(rate)
            if bars:
                raised += runner.on_bars(bars)
        for signal in raised:
            self._post(SignalRaised(ts=ts, signal=signal))

    def _advance(self, ts: int) -> None:
        if ts > self.cursor:
            self.cursor = ts
            self._save_cursor(ts)
