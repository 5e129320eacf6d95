"""The live view: made of the desk and what is around it, published when something changed, at most so often, and at
least as a heartbeat."""

import asyncio
import logging
import os
import time
from collections.abc import Callable, Iterable, Sequence
from decimal import Decimal

from tradeterm.brokers.protocol import Broker
from tradeterm.config import GateConfig, GateMode
from tradeterm.desk import Desk
from tradeterm.desk.view import desk_view
from tradeterm.domain.market import Bar
from tradeterm.domain.view import DeskView, GateView, StreamView, VenueMeasure, WorkerView
from tradeterm.engine.gate import Gate
from tradeterm.engine.urgency import Urgency
from tradeterm.feeds.protocol import Feed
from tradeterm.feeds.replay import ReplayFeed
from tradeterm.ledger.live import LiveWriter
from tradeterm.validators.budget import Spent
from tradeterm.validators.registry import ASKS_A_MODEL

_log = logging.getLogger(__name__)

INTERVAL_S = 0.1
FULL_SPEED_INTERVAL_S = 0.5  # as fast as possible nobody can follow anyway
HEARTBEAT_S = 1.0


class Publisher:
    """`make` builds the view from the desk as it is now; `changes` counts what the desk has seen."""

    def __init__(
        self,
        live: LiveWriter,
        make: Callable[[], DeskView],
        *,
        changes: Callable[[], int],
        interval_s: Callable[[], float],
        urgency: Urgency,
    ) -> None:
        self._live = live
        self._make = make
        self._changes = changes
        self._interval_s = interval_s
        self._urgency = urgency
        self._published = -1
        self._told = False

    def add_bars(self, bars: Iterable[Bar]) -> None:
        self._live.add_bars(bars)

    def publish(self) -> None:
        self._published = self._changes()
        self._live.publish(self._make())
        if self._live.failure and not self._told:
            _log.error("faces see nothing new: %s", self._live.failure)
        self._told = self._live.failure is not None

    async def run(self) -> None:
        clock = asyncio.get_running_loop().time
        last = clock()
        while True:
            await asyncio.sleep(self._interval_s())
            await self._urgency.over()
            if self._changes() != self._published or clock() - last >= HEARTBEAT_S:
                self.publish()
                last = clock()


def live_view(
    desk: Desk,
    feed: Feed,
    brokers: Sequence[Broker],
    *,
    run_id: str,
    started_ts: int,
    workers: Sequence[WorkerView],
    stopping: bool,
    gate: GateView,
) -> DeskView:
    """Everything a face needs besides the ledger, as it is now."""
    streams = (StreamView(name=stream.name, ts_last=stream.ts_last, detail=stream.detail) for stream in feed.streams())
    return desk_view(
        desk,
        wall_ts=time.time_ns() // 1_000_000,
        started_ts=started_ts,
        pid=os.getpid(),
        run_id=run_id,
        workers=workers,
        replay=feed.view() if isinstance(feed, ReplayFeed) else None,
        stopping=stopping,
        gate=gate,
        simulated_venues=frozenset(broker.venue for broker in brokers if broker.simulated),
        measured={broker.venue: _measured(broker) for broker in brokers},
        streams=tuple(streams),
    )


def gate_view(gate: Gate, spent: Spent, config: GateConfig) -> GateView:
    """How tier 2 is, and what its model has cost today."""
    asks = config.validator in ASKS_A_MODEL and config.mode is not GateMode.OFF
    return GateView(
        label=gate.label,
        state=gate.status.state,
        detail=gate.status.text,
        calls=spent.calls,
        spent_usd=spent.usd if asks else None,
        budget_usd=Decimal(repr(config.ai.budget_usd)) if asks else None,
    )


def _measured(broker: Broker) -> VenueMeasure:
    condition = broker.condition()
    return VenueMeasure(condition.latency_ms, condition.skew_ms)
