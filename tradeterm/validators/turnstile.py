"""Lets a few calls through at a time; the others wait, the one that expires first goes first."""

import asyncio
import heapq
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from itertools import count

from tradeterm.validators.codes import Failure, GateFailure

AT_ONCE = 4
WAITING = 32


class Turnstile:
    def __init__(self, at_once: int = AT_ONCE, waiting: int = WAITING) -> None:
        self._free = at_once
        self._most = waiting
        self._heap: list[tuple[float, int, asyncio.Future[None]]] = []
        self._order = count()

    @asynccontextmanager
    async def enter(self, expires: float) -> AsyncIterator[None]:
        """Inside, one of the places is taken. Raises GateFailure QUEUE if too many wait already."""
        if self._free > 0:
            self._free -= 1
        else:
            await self._wait(expires)
        try:
            yield
        finally:
            self._pass_on()

    async def _wait(self, expires: float) -> None:
        self._heap = [entry for entry in self._heap if not entry[2].done()]
        heapq.heapify(self._heap)
        if len(self._heap) >= self._most:
            raise GateFailure(Failure.QUEUE, f"{self._most} signals wait for tier 2 already")
        turn = asyncio.get_running_loop().create_future()
        heapq.heappush(self._heap, (expires, next(self._order), turn))
        try:
            await turn
        except asyncio.CancelledError:
            if turn.done() and not turn.cancelled():
                self._pass_on()
            raise

    def _pass_on(self) -> None:
        """The place goes to the one that expires first, or becomes free."""
        while self._heap:
            turn = heapq.heappop(self._heap)[2]
            if not turn.done():
                turn.set_result(None)
                return
        self._free += 1
