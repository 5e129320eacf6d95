"""What a run does all the while beside trading: each until it is cancelled."""

import asyncio
import math
import time
from collections.abc import Callable, Sequence
from functools import partial

from tradeterm.brokers.protocol import Broker
from tradeterm.config import LedgerConfig
from tradeterm.domain.events import DeskEvent, Timer, VenueMeasured
from tradeterm.engine.options import EngineOptions
from tradeterm.engine.recorder import Recorder
from tradeterm.engine.urgency import Urgency
from tradeterm.ledger.retention import roll_up
from tradeterm.ledger.writer import LedgerWriter

WATCH_S = 0.25
TIMER_S = 1.0
ROLL_UP_S = 3600.0


async def watch(options: EngineOptions, end: Callable[[], None]) -> None:
    """The outside asking for an end."""
    deadline = None if options.duration is None else time.monotonic() + options.duration
    while True:
        await asyncio.sleep(WATCH_S)
        if options.should_stop() or (deadline is not None and time.monotonic() >= deadline):
            end()


async def guard(recorder: Recorder, writer: LedgerWriter, config: LedgerConfig, now: Callable[[], int]) -> None:
    """The ledger between its barriers: failures nobody waits for, and once an hour the roll-up of old samples."""
    rolled_up = -math.inf
    while True:
        await asyncio.sleep(WATCH_S)
        await recorder.check(now)
        if time.monotonic() - rolled_up >= ROLL_UP_S:
            rolled_up = time.monotonic()
            writer.do(partial(roll_up, config=config, now=now()))


async def tick(
    brokers: Sequence[Broker], post: Callable[[DeskEvent], None], now: Callable[[], int], urgency: Urgency
) -> None:
    """On live data the desk's clock, and how long venues take to answer."""
    while True:
        await asyncio.sleep(TIMER_S)
        await urgency.over()
        for broker in brokers:
            latency_ms = None if broker.simulated else broker.condition().latency_ms
            if latency_ms is not None:
                post(VenueMeasured(ts=now(), venue=broker.venue, latency_ms=latency_ms))
        post(Timer(ts=now()))
