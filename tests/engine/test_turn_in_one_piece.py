"""A turn's facts reach the ledger together, before its other commands are carried out; then its orders set out."""

import asyncio
from collections.abc import Sequence

import msgspec
from seeded import facts

from tradeterm.domain.commands import DeskCommand, RaiseAlert, Record, RequestReconcile, SubmitOrder
from tradeterm.domain.events import DeskEvent, Timer
from tradeterm.domain.facts import AlertFact, Fact
from tradeterm.domain.orders import Order
from tradeterm.domain.states import AlertLevel, WorkerName
from tradeterm.engine.core import Core
from tradeterm.engine.lanes import Lane, OrderLanes
from tradeterm.engine.supervisor import Supervisor
from tradeterm.engine.urgency import Urgency


def seeded_order() -> Order:
    return next(fact for fact in facts() if isinstance(fact, Order))


class ScriptedDesk:
    """Answers any event with fact, alert, fact."""

    def on(self, event: DeskEvent) -> list[DeskCommand]:
        first, second = (Record(fact=AlertFact(ts=1, level=AlertLevel.INFO, code=code, text="")) for code in "ab")
        alert = RaiseAlert(level=AlertLevel.INFO, code="x", text="")
        return [first, alert, RequestReconcile(venue="paper", account="crypto", reason="x"), second]


async def test_facts_of_a_turn_are_written_in_one_piece_and_first() -> None:
    seen: list[str] = []

    def record(ts: int, facts: Sequence[Fact]) -> None:
        seen.append("facts " + "".join(fact.code for fact in facts if isinstance(fact, AlertFact)))

    core = Core(
        ScriptedDesk(),  # type: ignore[arg-type]  # `on` is all it uses
        lockstep=True,
        journal=None,
        record=record,
        reconcile=lambda command: seen.append("reconcile"),
        urgency=Urgency(),
    )
    await core._handle(Timer(ts=1))
    assert seen == ["facts ab", "reconcile"]


async def test_an_order_sets_out_before_the_desk_is_through_with_the_others() -> None:
    seen: list[str] = []

    class Ordering:
        def on(self, event: DeskEvent) -> list[DeskCommand]:
            seen.append(f"judged {event.ts}")
            order = msgspec.structs.replace(seeded_order(), client_order_id=f"s{event.ts}")
            return [SubmitOrder(order=order)]

    async def carry_out(command: DeskCommand) -> None:
        assert isinstance(command, SubmitOrder)
        seen.append(f"sent {command.order.client_order_id}")

    async def restart() -> None:
        pass

    order = seeded_order()
    lanes = OrderLanes(Supervisor(lambda *_: None), carry_out, restart)
    core = Core(
        Ordering(),  # type: ignore[arg-type]
        lockstep=False,
        journal=None,
        record=lambda ts, facts: None,
        reconcile=lambda command: None,
        urgency=Urgency(),
    )
    gate = Lane(WorkerName.GATE, Supervisor(lambda *_: None), carry_out)
    core.connect(gate, {(order.venue, order.account): lanes})
    tasks = [asyncio.create_task(work()) for work in (*(lane.run for lane in lanes.all), core.run)]
    await asyncio.sleep(0)
    for ts in (1, 2):
        core.post(Timer(ts=ts))
    await core.settled()
    for lane in lanes.all:
        await lane.idle()
    for task in tasks:
        task.cancel()
    await asyncio.gather(*tasks, return_exceptions=True)
    assert seen == ["judged 1", "sent s1", "judged 2", "sent s2"]
