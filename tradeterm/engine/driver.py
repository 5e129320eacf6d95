"""The live driver: one desk, its workers and its files, from the first event to the last."""

import asyncio
import logging
import time
from collections.abc import Awaitable, Callable, Sequence
from contextlib import ExitStack, suppress
from functools import partial
from typing import Any

import msgspec

from tradeterm.brokers.protocol import Broker
from tradeterm.config import enabled_books
from tradeterm.desk import Desk
from tradeterm.domain.commands import RequestReconcile
from tradeterm.domain.errors import LedgerError, VenueError
from tradeterm.domain.events import DeskRestored, VenueStatus, WorkerStatus
from tradeterm.domain.market import Bar
from tradeterm.domain.states import VenueState, WorkerName, WorkerState
from tradeterm.domain.view import DeskView
from tradeterm.engine.audit import AuditTrail
from tradeterm.engine.check_config import trading_warnings
from tradeterm.engine.commands import Commands
from tradeterm.engine.conditions import Conditions
from tradeterm.engine.connections import Connections
from tradeterm.engine.core import Core
from tradeterm.engine.decisions import Decisions, prompt_warning, read_spent
from tradeterm.engine.ending import Ending
from tradeterm.engine.garbage import collect_between_orders
from tradeterm.engine.gate import WIDTH as GATE_WIDTH
from tradeterm.engine.gate import Gate
from tradeterm.engine.journal import open_journal
from tradeterm.engine.lanes import Lane, OrderLanes
from tradeterm.engine.market import Market
from tradeterm.engine.models.calculator import Calculator
from tradeterm.engine.models.forecasts import read_forecasts
from tradeterm.engine.models.models import Models
from tradeterm.engine.notices import Notices
from tradeterm.engine.options import EngineOptions
from tradeterm.engine.orders import OrderCarrier
from tradeterm.engine.reconciler import Account, Reconciler
from tradeterm.engine.recorder import Recorder
from tradeterm.engine.rounds import guard, tick, watch
from tradeterm.engine.run_record import RunRecord
from tradeterm.engine.runners import make_runners
from tradeterm.engine.sightings import Sightings
from tradeterm.engine.startup import Prepared
from tradeterm.engine.supervisor import Supervisor
from tradeterm.engine.surroundings import Surroundings
from tradeterm.engine.urgency import Urgency
from tradeterm.engine.view import FULL_SPEED_INTERVAL_S, INTERVAL_S, Publisher, gate_view, live_view
from tradeterm.feeds.protocol import Feed
from tradeterm.feeds.replay import ReplayFeed
from tradeterm.ledger.audit import AuditKind, AuditLog
from tradeterm.ledger.live import LiveWriter
from tradeterm.ledger.runs import RunStatus
from tradeterm.ledger.writer import LOG_ROOM, LedgerWriter
from tradeterm.notify.protocol import Channel
from tradeterm.validators.protocol import Validator
from tradeterm.validators.registry import Around, make_validator

_log = logging.getLogger(__name__)

_NO_RECORDING = "the data is live: it has no speed and does not end"
DRAIN_S = 2.0  # how long a clean end waits for what is under way


def wall_ms() -> int:
    return time.time_ns() // 1_000_000


class Driver:
    """One run. `run` starts it, waits for its end and winds it down."""

    def __init__(
        self,
        options: EngineOptions,
        prepared: Prepared,
        feed: Feed,
        accounts: tuple[Account, ...],
        channels: Sequence[Channel] = (),
    ) -> None:
        config = enabled_books(options.config)
        self._options = msgspec.structs.replace(options, config=config)
        self._run = prepared.run
        self._db = prepared.db
        self._snapshot = prepared.snapshot
        self._feed = feed
        self._replayed = feed if isinstance(feed, ReplayFeed) else None
        self._brokers: tuple[Broker, ...] = tuple(account.broker for account in accounts)
        self._started_ms = wall_ms()
        self._lockstep = self._replayed is not None
        self._stopping = False
        self._ending: asyncio.Future[Ending] = asyncio.get_running_loop().create_future()

        room = 0 if self._lockstep else LOG_ROOM
        self._writer = LedgerWriter(options.profile.ledger, tuple(options.config.books), log_room=room)
        self._journal = open_journal(options.profile.journal, self._run.id, config) if _journalled(options) else None
        self._record_of_run = RunRecord(
            self._db,
            self._options,
            prepared,
            journal=self._journal.path if self._journal is not None else None,
        )
        self._supervisor = Supervisor(self._report_worker)
        log = AuditLog(options.profile.audit)
        self._unwatched = prompt_warning(config.gate, log.path(AuditKind.AI_DECISIONS))
        audit = AuditTrail(log)
        self._notices = Notices(
            channels,
            config,
            profile=options.profile.name,
            record=lambda alert: self._recorder.record(alert.ts, [alert]),
            now=self._now,
        )
        observers = (*options.observers, self._notices)
        self._recorder = Recorder(self._writer, audit, self._journal, observers, self._supervisor)
        self._desk = Desk(config)
        self._urgency = urgency = Urgency()
        self._core = Core(
            self._desk,
            lockstep=self._lockstep,
            journal=self._journal,
            record=self._recorder.record,
            reconcile=self._request_reconcile,
            urgency=urgency,
        )
        self._decisions = Decisions(
            audit,
            self._recorder.record,
            spent=read_spent(self._db, self._started_ms),
            now=self._now,
            wall=wall_ms,
        )
        self._surroundings = Surroundings(
            config, feed, tell=self._decisions.tell, now=self._now, recorded=self._lockstep
        )
        self._gate = Gate(
            self._make_validator,
            deadline_s=config.gate.deadline_seconds,
            post=self._core.post,
            now=self._now,
            besides=self._surroundings.of,
        )
        self._gate_lane = Lane(WorkerName.GATE, self._supervisor, self._gate.carry_out, self._gate.restart)
        self._sightings = Sightings()
        self._connections = Connections(
            self._brokers,
            orders=lambda: self._desk.orders.values() or self._snapshot.orders,
            post=self._core.post,
            reconcile=self._request,
            now=self._now,
        )
        carriers = {
            (broker.venue, broker.account): OrderLanes(
                self._supervisor,
                OrderCarrier(
                    broker,
                    commit=self._recorder.commit,
                    barrier=self._recorder.barrier,
                    post=self._core.post,
                    now=self._now,
                    desk=self._desk,
                    sightings=self._sightings,
                ).carry_out,
                partial(self._connections.renew, broker),
            )
            for broker in self._brokers
        }
        self._core.connect(self._gate_lane, carriers)
        self._lanes = (self._gate_lane, *(lane for lanes in carriers.values() for lane in lanes.all))
        self._instruments = {instrument.id: instrument for instrument in feed.instruments()}
        self._models = Models(
            config,
            feed.instruments(),
            desk=self._desk,
            supervisor=self._supervisor,
            post=self._core.post,
            record=self._recorder.record,
            now=self._now,
            calculator=Calculator(),
            forecasts=read_forecasts(prepared.db),
            urgency=urgency,
            lockstep=self._lockstep,
        )
        self._market = Market(
            feed,
            brokers=self._brokers,
            make_runners=lambda: make_runners(config, self._instruments),
            supervisor=self._supervisor,
            post=self._core.post,
            settled=self._core.settled,
            save_cursor=self._save_cursor,
            record=self._recorder.record,
            see_bars=self._see_bars,
            reconnect=self._connections.renew_all,
            model=self._models.take,
            urgency=urgency,
            cursor=prepared.cursor,
            watch=self._surroundings.on_market,
        )
        self._core.ts = self._market.cursor
        self._conditions = Conditions(
            self._brokers, desk=self._desk, post=self._core.post, reconcile=self._request, now=self._now
        )
        self._reconciler = Reconciler(
            accounts,
            self._instruments,
            snapshot=self._desk.snapshot,
            post=self._core.post,
            settled=self._core.settled,
            now=self._now,
            ready=self._conditions.reconciled,
            between_batches=self._market.between_batches,
            lockstep=self._lockstep,
            sightings=self._sightings,
            began=prepared.began,
            recover=self._connections.recover,
            caught_up=self._connections.caught_up,
        )
        self._commands = Commands(
            self._db,
            post=self._core.post,
            now=self._now,
            acknowledge=lambda ack: self._recorder.record(ack.ts, [ack]),
            set_speed=self._set_speed,
            shut_down=partial(self.end, Ending.STOPPED),
            replay=self._replay,
            retry=self._retry,
        )
        self._live = LiveWriter(options.profile.live)
        self._publisher = Publisher(
            self._live,
            self._view,
            changes=lambda: self._core.changes,
            interval_s=self._view_interval,
            urgency=urgency,
        )

    # from outside

    def end(self, why: Ending) -> None:
        """Ask the run to end; the first reason counts."""
        if not self._ending.done():
            self._ending.set_result(why)

    def orphan(self) -> None:
        """The process that owns this engine is gone. What it asked for last still counts."""
        self._commands.look()
        self.end(Ending.ORPHANED)

    async def run(self) -> Ending:
        """Trade until the end. Raises LedgerError when the ledger cannot be opened or closed, and whatever broke the
        desk: then the run stays marked as running, and the next start recovers it."""
        self._writer.start()
        tasks: set[asyncio.Task[None]] = set()
        try:
            await self._start(tasks)
            waiting: set[asyncio.Future[Any]] = {*tasks, self._ending}
            await asyncio.wait(waiting, return_when=asyncio.FIRST_COMPLETED)
            for task in tasks:
                if task.done():
                    task.result()
        except BaseException as error:
            await _cancel(tasks)
            await self._abandon(error)
            raise
        return await self._wind_down(tasks)

    # start

    async def _start(self, tasks: set[asyncio.Task[None]]) -> None:
        """Recovery and a first start are the same: restore, connect, reconcile, obey, warm up, trade."""
        post, now = self._core.post, self._now
        self._notices.start()
        post(DeskRestored(ts=now(), instruments=tuple(self._instruments.values()), snapshot=self._snapshot))
        for worker in WorkerName:
            self._supervisor.running(worker)
        for venue in dict.fromkeys(broker.venue for broker in self._brokers):
            post(VenueStatus(ts=now(), venue=venue, state=VenueState.RECONCILING))
        self._spawn(tasks, self._core.run, *(lane.run for lane in self._lanes))
        self._spawn(tasks, *(self._gate_lane.run for _ in range(0 if self._lockstep else GATE_WIDTH - 1)))
        warnings = (*self._feed.report, *trading_warnings(self._options.config), *self._unwatched)
        self._record_of_run.tell_started(self._core.ts, self._gate.label, warnings)
        self._reconciler.request_all("start-up")
        try:
            await self._connections.open_all()
            await self._reconciler.serve()
        except VenueError as error:  # said on the screen; the supervised reconciler tries again
            _log.error("start-up reconciliation failed: %s", error)
        self._commands.take_urgent()
        await self._core.settled()
        self._commands.take_held()
        keep = self._supervisor.keep
        self._spawn(tasks, partial(keep, WorkerName.LEDGER, self._commands.run))  # a kill does not wait for history
        await self._market.warm(self._market.cursor)
        await self._core.settled()
        self._publisher.add_bars(
            event for event in await self._feed.history(self._market.cursor, 600) if isinstance(event, Bar)
        )
        self._publisher.publish()
        self._spawn(tasks, partial(keep, WorkerName.LEDGER, self._publisher.run), self._models.run)
        await self._models.start(self._feed, self._market.cursor)
        await self._surroundings.start(self._market.cursor)
        await self._core.settled()
        self._spawn(
            tasks,
            self._trade,
            partial(watch, self._options, partial(self.end, Ending.STOPPED)),
            partial(guard, self._recorder, self._writer, self._options.config.ledger, self._now),
            partial(keep, WorkerName.BROKER, self._reconciler.run, restart=self._connections.renew_all),
            *(() if self._lockstep else self._on_live_data()),
        )

    def _on_live_data(self) -> Sequence[Callable[[], Awaitable[None]]]:
        return (
            partial(tick, self._brokers, self._core.post, self._now, self._urgency),
            self._conditions.run,
            self._surroundings.run,
            partial(collect_between_orders, self._urgency),
        )

    def _spawn(self, tasks: set[asyncio.Task[None]], *work: Callable[[], Awaitable[None]]) -> None:
        tasks.update(asyncio.ensure_future(_awaited(one)) for one in work)

    # while it runs

    async def _trade(self) -> None:
        await self._market.run()
        await self._core.settled()
        if self._stopping:
            return
        await self._recorder.commit()
        self._end_run(RunStatus.FINISHED)
        self._publisher.publish()
        if self._options.until_end:
            self.end(Ending.FINISHED)
        await asyncio.wait({self._ending})

    # what the workers call

    def _now(self) -> int:
        return self._core.ts if self._lockstep else self._feed.now()

    def _request_reconcile(self, command: RequestReconcile) -> None:
        self._request(command.venue, command.account, command.reason)

    def _request(self, venue: str, account: str, reason: str) -> None:
        self._reconciler.request(venue, account, reason)

    def _report_worker(self, worker: WorkerName, state: WorkerState, detail: str) -> None:
        self._core.post(WorkerStatus(ts=self._now(), worker=worker, state=state, detail=detail))

    def _save_cursor(self, ts: int) -> None:
        """How far a recording was played, for the run that goes on with it; live data goes on at the present."""
        if self._lockstep:
            self._writer.set_cursor(self._run.id, ts)

    def _see_bars(self, bars: Sequence[Bar]) -> None:
        self._publisher.add_bars(bars)

    def _set_speed(self, argument: str) -> str:
        if self._replayed is None:
            return _NO_RECORDING
        self._replayed.set_speed(argument)
        self._core.changes += 1
        return ""

    def _replay(self) -> str:
        if self._replayed is None:
            return _NO_RECORDING
        if not self._replayed.finished:
            return "the recording has not ended yet"
        self.end(Ending.REPLAY)
        return ""

    def _retry(self) -> str:
        self._core.changes += 1
        return self._gate.retry()

    def _make_validator(self) -> Validator:
        around = Around(
            record=self._decisions.keep, notify=self._decisions.tell, spent=self._decisions.spent, now=wall_ms
        )
        return make_validator(self._options.config.gate, around)

    def _view_interval(self) -> float:
        full_speed = self._replayed is not None and self._replayed.view().speed == 0
        return FULL_SPEED_INTERVAL_S if full_speed else INTERVAL_S

    def _view(self) -> DeskView:
        return live_view(
            self._desk,
            self._feed,
            self._brokers,
            run_id=self._run.id,
            started_ts=self._started_ms,
            workers=self._supervisor.views(),
            stopping=self._stopping,
            gate=gate_view(self._gate, self._decisions.spent, self._options.config.gate),
        )

    # end

    async def _wind_down(self, tasks: set[asyncio.Task[None]]) -> Ending:
        """No new entries; let what is under way end; put everything on the disk."""
        why = self._ending.result()
        self._stopping = True
        self._supervisor.stopped(WorkerName.STRATEGY)
        self._publisher.publish()
        drained = await self._drain()
        await _cancel(tasks)
        await self._notices.close()
        await self._models.close()
        await self._gate.close()
        for broker in self._brokers:
            await broker.close()
        with ExitStack() as closing:  # each of these happens, from the last to the first, whatever the others raise
            closing.callback(self._record_of_run.log_end)
            closing.callback(self._recorder.close)
            closing.callback(self._db.close)
            closing.callback(self._live.close)
            closing.callback(self._publisher.publish)
            closing.callback(self._close_journal)
            if drained and not self._record_of_run.has_ended:
                self._end_run(RunStatus.INTERRUPTED if why is Ending.ORPHANED else RunStatus.CLOSED)
        return why

    async def _drain(self) -> bool:
        """Wait for what is under way, but not for long. False: the next start has something to recover."""
        try:
            async with asyncio.timeout(DRAIN_S):
                await self._market.stop()
                await self._core.settled()
                for lane in self._lanes:
                    await lane.idle()
                await self._core.settled()
                await self._writer.commit()
        except (TimeoutError, LedgerError) as error:
            _log.error("ended before everything under way was done: %s", str(error) or f"not within {DRAIN_S:g} s")
            return False
        return True

    def _end_run(self, status: RunStatus) -> None:
        self._record_of_run.end(status, wall_ms(), self._view().equity)

    def _close_journal(self) -> None:
        if self._journal is not None:
            self._journal.close(self._desk.digest())

    async def _abandon(self, why: BaseException) -> None:
        """As a crash would leave it: everything queued is written, the run stays marked as running."""
        await self._notices.close(why)
        await self._models.close()
        await self._gate.close()
        for broker in self._brokers:
            with suppress(VenueError):
                await broker.close()
        with suppress(LedgerError), ExitStack() as closing:
            closing.callback(self._recorder.close)
            closing.callback(self._db.close)
            closing.callback(self._live.close)
            if self._journal is not None:
                self._journal.close(None)


def _journalled(options: EngineOptions) -> bool:
    return options.config.ledger.journal if options.journal is None else options.journal


async def _awaited(work: Callable[[], Awaitable[None]]) -> None:
    await work()


async def _cancel(tasks: set[asyncio.Task[None]]) -> None:
    for task in tasks:
        task.cancel()
    await asyncio.gather(*tasks, return_exceptions=True)
