import asyncio

import pytest

from tradeterm.domain.states import WorkerName, WorkerState
from tradeterm.engine.supervisor import LONGEST_DELAY_S, Supervisor, WorkerGaveUp

GATE = WorkerName.GATE


class Heard:
    def __init__(self) -> None:
        self.states: list[tuple[WorkerState, str]] = []
        self.slept: list[float] = []
        self.supervisor = Supervisor(self.report, sleep=self.sleep)

    def report(self, worker: WorkerName, state: WorkerState, detail: str) -> None:
        assert worker is GATE
        self.states.append((state, detail))

    async def sleep(self, seconds: float) -> None:
        self.slept.append(seconds)


class Work:
    def __init__(self, failures: int) -> None:
        self.failures = failures
        self.calls = 0
        self.restarts = 0

    async def run(self) -> None:
        self.calls += 1
        if self.calls <= self.failures:
            raise ValueError(f"failure {self.calls}")

    async def restart(self) -> None:
        self.restarts += 1


async def test_work_that_fails_is_done_again_after_a_restart_and_everybody_hears() -> None:
    heard, work = Heard(), Work(2)
    await heard.supervisor.keep(GATE, work.run, restart=work.restart)
    assert (work.calls, work.restarts) == (3, 2)
    assert [state for state, _ in heard.states] == ["FAILED", "STARTING", "FAILED", "STARTING", "RUNNING"]
    assert heard.states[0][1] == "ValueError: failure 1"
    assert next(view for view in heard.supervisor.views() if view.worker is GATE).restarts == 2


async def test_delays_double_up_to_a_bound_and_start_again_after_success() -> None:
    heard, work = Heard(), Work(12)
    await heard.supervisor.keep(GATE, work.run)
    assert heard.slept[:4] == [0.25, 0.5, 1.0, 2.0]
    assert max(heard.slept) == LONGEST_DELAY_S
    await heard.supervisor.keep(GATE, Work(1).run)
    assert heard.slept[-1] == 0.25


async def test_giving_up_leaves_a_restarted_worker_behind() -> None:
    heard, work = Heard(), Work(99)
    with pytest.raises(WorkerGaveUp, match="failure 3"):
        await heard.supervisor.keep(GATE, work.run, restart=work.restart, attempts=3)
    assert (work.calls, work.restarts) == (3, 3)
    assert heard.states[-1][0] is WorkerState.RUNNING


async def test_a_restart_that_fails_counts_as_a_failure_too() -> None:
    heard, work = Heard(), Work(1)
    restarts = Work(2)
    await heard.supervisor.keep(GATE, work.run, restart=restarts.run)
    assert (work.calls, restarts.calls) == (2, 3)


async def test_cancelling_is_not_a_failure() -> None:
    heard = Heard()
    task = asyncio.ensure_future(heard.supervisor.keep(GATE, asyncio.Event().wait))  # type: ignore[arg-type]
    await asyncio.sleep(0)
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    assert heard.states == []


async def test_success_is_reported_once() -> None:
    heard = Heard()
    for _ in range(3):
        await heard.supervisor.keep(GATE, Work(0).run)
    assert [state for state, _ in heard.states] == ["RUNNING"]
