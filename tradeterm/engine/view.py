"""Publishes the live view: when something changed, at most so often, and at least as a heartbeat."""

import asyncio
import logging
from collections.abc import Callable, Iterable

from tradeterm.domain.market import Bar
from tradeterm.domain.view import DeskView
from tradeterm.ledger.live import LiveWriter

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
    ) -> None:
        self._live = live
        self._make = make
        self._changes = changes
        self._interval_s = interval_s
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
            if self._changes() != self._published or clock() - last >= HEARTBEAT_S:
                self.publish()
                last = clock()
