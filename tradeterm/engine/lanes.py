"""Commands on their way out: one after the other in a lane, and each kind of order command in a lane of its own."""

import asyncio
from collections.abc import Awaitable, Callable
from functools import partial
from zlib import crc32

from tradeterm.domain.commands import AmendOrder, CancelOrder, DeskCommand, QueryOrder, SubmitOrder
from tradeterm.domain.states import WorkerName
from tradeterm.engine.supervisor import Supervisor

WIDTH = 4
QUEUE_LENGTH = 1000  # commands waiting for one worker; beyond it the pump waits

OrderCommand = SubmitOrder | AmendOrder | CancelOrder | QueryOrder
Work = Callable[[DeskCommand], Awaitable[None]]


class Lane:
    """Commands of one kind, carried out one after the other by a supervised worker."""

    def __init__(
        self,
        worker: WorkerName,
        supervisor: Supervisor,
        work: Work,
        restart: Callable[[], Awaitable[None]] | None = None,
    ) -> None:
        self._worker = worker
        self._supervisor = supervisor
        self._work = work
        self._restart = restart
        self._queue: asyncio.Queue[DeskCommand] = asyncio.Queue(QUEUE_LENGTH)

    async def put(self, command: DeskCommand) -> None:
        await self._queue.put(command)

    async def idle(self) -> None:
        """Returns when everything put so far has been carried out."""
        await self._queue.join()

    async def run(self) -> None:
        while True:
            command = await self._queue.get()
            await self._supervisor.keep(self._worker, partial(self._work, command), restart=self._restart)
            self._queue.task_done()


class OrderLanes:
    """One account's order commands. What shrinks exposure (cancels, stops, exits, amends) never waits behind an entry
    that the venue is slow to answer, and neither waits behind a look-up. Commands for one order keep their order;
    those for different orders go out side by side, up to `WIDTH` of each kind.
    """

    def __init__(self, supervisor: Supervisor, work: Work, restart: Callable[[], Awaitable[None]]) -> None:
        def lanes() -> tuple[Lane, ...]:
            return tuple(Lane(WorkerName.BROKER, supervisor, work, restart) for _ in range(WIDTH))

        self._shrinking, self._entries, self._look_ups = lanes(), lanes(), lanes()
        self.all = (*self._shrinking, *self._entries, *self._look_ups)

    def lane(self, command: OrderCommand) -> Lane:
        match command:
            case QueryOrder():
                kind = self._look_ups
            case SubmitOrder(order=order) if not order.reduce_only:
                kind = self._entries
            case _:
                kind = self._shrinking
        return kind[crc32(command.order.client_order_id.encode()) % WIDTH]
