"""Workers of the driver: what fails is started again, and everybody is told."""

import asyncio
import logging
from collections.abc import Awaitable, Callable

from tradeterm.domain.errors import EngineError, TradetermError
from tradeterm.domain.states import WorkerName, WorkerState
from tradeterm.domain.view import WorkerView

_log = logging.getLogger(__name__)

FIRST_DELAY_S = 0.25
LONGEST_DELAY_S = 30.0

Report = Callable[[WorkerName, WorkerState, str], None]
Sleep = Callable[[float], Awaitable[None]]


class WorkerGaveUp(EngineError):
    """The same piece of work failed too often; the worker itself is started and ready for the next."""


class _State:
    def __init__(self) -> None:
        self.state = WorkerState.STARTING
        self.restarts = 0
        self.failures = 0
        self.detail = ""


class Supervisor:
    """Keeps the six workers going.

    A worker is work (an async function) and a way to make the worker whole again. Work that raises is not lost: after
    an exponential backoff and a restart the same work runs once more. `report` hears every change of state.
    """

    def __init__(self, report: Report, *, sleep: Sleep = asyncio.sleep) -> None:
        self._report = report
        self._sleep = sleep
        self._workers = {name: _State() for name in WorkerName}

    def views(self) -> tuple[WorkerView, ...]:
        return tuple(
            WorkerView(worker=name, state=worker.state, restarts=worker.restarts, detail=worker.detail)
            for name, worker in self._workers.items()
        )

    def running(self, name: WorkerName) -> None:
        """The worker did a piece of work: it is well again, and its next failure starts with a short delay."""
        worker = self._workers[name]
        worker.failures = 0
        if worker.state is not WorkerState.RUNNING:
            self._move(name, WorkerState.RUNNING, "")

    def stopped(self, name: WorkerName) -> None:
        self._move(name, WorkerState.STOPPED, "")

    async def keep(
        self,
        name: WorkerName,
        work: Callable[[], Awaitable[None]],
        *,
        restart: Callable[[], Awaitable[None]] | None = None,
        attempts: int | None = None,
    ) -> None:
        """Run `work` until it returns. A long-running `work` calls `running` whenever it has got something done.

        Raises WorkerGaveUp after `attempts` failures of this work (None: never give up).
        """
        failed = 0
        broken = False
        while True:
            try:
                if broken and restart is not None:
                    await restart()
                broken = False
                await work()
                self.running(name)
                return
            except Exception as error:  # noqa: BLE001 - the one place where any failure of a worker is handled
                broken = True
                failed += 1
                delay = self._failed(name, error)
            await self._sleep(delay)
            worker = self._workers[name]
            worker.restarts += 1
            if attempts is not None and failed >= attempts:
                detail = worker.detail
                if restart is not None:
                    await self.keep(name, restart)
                self.running(name)
                raise WorkerGaveUp(detail)
            self._move(name, WorkerState.STARTING, worker.detail)

    def _failed(self, name: WorkerName, error: Exception) -> float:
        worker = self._workers[name]
        delay = min(LONGEST_DELAY_S, FIRST_DELAY_S * 2.0**worker.failures)
        worker.failures += 1
        detail = f"{type(error).__name__}: {error}"
        trace = None if isinstance(error, TradetermError) else error  # our own errors say all in their sentence
        _log.error("worker %s failed, next try in %.2f s: %s", name, delay, detail, exc_info=trace)
        self._move(name, WorkerState.FAILED, detail)
        return delay

    def _move(self, name: WorkerName, state: WorkerState, detail: str) -> None:
        worker = self._workers[name]
        if worker.state is state and worker.detail == detail:
            return
        worker.state, worker.detail = state, detail
        self._report(name, state, detail)
