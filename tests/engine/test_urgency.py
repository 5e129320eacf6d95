"""What can wait does so while an order is on its way, and never for long."""

import asyncio
import time
from pathlib import Path

import pytest
from seeded import facts

from tradeterm.config import Config
from tradeterm.domain.commands import DeskCommand, SubmitOrder
from tradeterm.domain.events import DeskEvent, Timer
from tradeterm.domain.orders import Order
from tradeterm.domain.states import WorkerName
from tradeterm.engine.core import Core
from tradeterm.engine.journal import Header, JournalWriter, Step, read_journal
from tradeterm.engine.lanes import Lane, OrderLanes
from tradeterm.engine.supervisor import Supervisor
from tradeterm.engine.urgency import PATIENCE_S, PRESSING_S, Urgency
from tradeterm.engine.view import Publisher

ORDER = next(fact for fact in facts() if isinstance(fact, Order))


class Hands:
    """A clock moved by hand."""

    now = 100.0

    def __call__(self) -> float:
        return self.now


def test_it_presses_from_the_last_step_on() -> None:
    clock = Hands()
    urgency = Urgency(clock)
    assert urgency.rest_s == 0
    urgency.press()
    clock.now += PRESSING_S / 2
    urgency.press()
    clock.now += PRESSING_S * 0.75
    assert urgency.rest_s == pytest.approx(PRESSING_S / 4)
    clock.now += PRESSING_S
    assert urgency.rest_s == 0


async def test_what_waits_is_not_put_off_for_ever() -> None:
    urgency = Urgency()

    async def keep_pressing() -> None:
        while True:
            urgency.press()
            await asyncio.sleep(0.001)

    pressing = asyncio.create_task(keep_pressing())
    await asyncio.sleep(0)
    started = time.monotonic()
    await urgency.over()
    waited = time.monotonic() - started
    pressing.cancel()
    assert PATIENCE_S <= waited < 10 * PATIENCE_S


class Live:
    failure = None

    def __init__(self) -> None:
        self.published: list[float] = []
        self.seen = asyncio.Event()

    def publish(self, view: object) -> None:
        self.published.append(time.monotonic())
        self.seen.set()


async def test_no_view_is_made_while_an_order_is_on_its_way() -> None:
    live, urgency = Live(), Urgency()
    publisher = Publisher(
        live,  # type: ignore[arg-type]
        lambda: None,  # type: ignore[arg-type, return-value]
        changes=lambda: len(live.published) + 1,
        interval_s=lambda: PRESSING_S / 4,
        urgency=urgency,
    )
    pressed = time.monotonic()
    urgency.press()
    running = asyncio.create_task(publisher.run())
    await live.seen.wait()
    running.cancel()
    assert live.published[0] - pressed >= PRESSING_S


class Ordering:
    """A desk that answers everything with an order."""

    def on(self, event: DeskEvent) -> list[DeskCommand]:
        return [SubmitOrder(order=ORDER)]


@pytest.mark.parametrize("lockstep", [True, False])
async def test_the_journal_is_packed_once_the_order_has_left(tmp_path: Path, lockstep: bool) -> None:
    sent: list[int] = []
    path = tmp_path / "j"
    journal = JournalWriter(path, Header(journal=1, version="1", config_hash="h", config=Config()))

    async def carry_out(command: DeskCommand) -> None:
        sent.append(len(list(read_journal(path)[1])))

    async def restart() -> None:
        pass

    moments = [0.0]
    urgency = Urgency(clock=lambda: moments[-1])
    lanes = OrderLanes(Supervisor(lambda *_: None), carry_out, restart)
    core = Core(
        Ordering(),  # type: ignore[arg-type]
        lockstep=lockstep,
        journal=journal,
        record=lambda ts, facts: None,
        reconcile=lambda command: None,
        urgency=urgency,
    )
    core.connect(Lane(WorkerName.GATE, Supervisor(lambda *_: None), carry_out), {(ORDER.venue, ORDER.account): lanes})
    tasks = [asyncio.create_task(work()) for work in (*(lane.run for lane in lanes.all), core.run)]
    core.post(Timer(ts=1))
    await core.settled()
    assert bool(urgency.rest_s) is not lockstep, "a recording has nothing to hurry for"
    if not lockstep:
        await asyncio.sleep(PRESSING_S)
        assert not [step for step in read_journal(path)[1] if isinstance(step, Step)], "the journal waits for the order"
    moments.append(PRESSING_S)
    async with asyncio.timeout(10):
        while not (steps := [step for step in read_journal(path)[1] if isinstance(step, Step)]):  # noqa: ASYNC110
            await asyncio.sleep(0.005)
    assert sent == [0], "the order did not wait for the journal"
    assert steps[0].event == Timer(ts=1)
    assert steps[0].commands and b"SubmitOrder" in steps[0].commands
    for task in tasks:
        task.cancel()
    await asyncio.gather(*tasks, return_exceptions=True)
    journal.close(None)
