"""The pump: the only owner of the desk. Events go in one by one, commands are carried out in order."""

import asyncio
from collections import deque
from collections.abc import Callable, Mapping, Sequence

from tradeterm.desk import Desk
from tradeterm.domain.commands import (
    AmendOrder,
    CancelOrder,
    DeskCommand,
    QueryOrder,
    RaiseAlert,
    Record,
    RequestReconcile,
    RequestVerdict,
    SubmitOrder,
)
from tradeterm.domain.events import DeskEvent
from tradeterm.domain.facts import Fact
from tradeterm.engine.journal import JournalWriter
from tradeterm.engine.lanes import Lane, OrderLanes
from tradeterm.engine.urgency import Urgency

PACK_AFTER_S = 0.02

Condition = Callable[[], bool]


class Core:
    """Drains the inbox into the desk.

    Facts are queued for the ledger as they come; the lane that sends an order waits until they are on disk. With
    `lockstep` (a replay) every command is carried out before the next event is looked at, so that a run depends on
    nothing but its data; otherwise a slow venue or model never holds up the desk.
    """

    def __init__(
        self,
        desk: Desk,
        *,
        lockstep: bool,
        journal: JournalWriter | None,
        record: Callable[[int, Sequence[Fact]], None],
        reconcile: Callable[[RequestReconcile], None],
        urgency: Urgency,
    ) -> None:
        self.desk = desk
        self.ts = 0
        self.changes = 0
        self._lockstep = lockstep
        self._journal = journal
        self._record = record
        self._reconcile = reconcile
        self._urgency = urgency
        self._gate: Lane | None = None
        self._orders: Mapping[tuple[str, str], OrderLanes] = {}
        self._inbox: deque[tuple[DeskEvent, Condition | None]] = deque()
        self._broken: BaseException | None = None
        self._packing = False
        self._waiting = asyncio.Event()
        self._settled = asyncio.Event()
        self._settled.set()

    def connect(self, gate: Lane, orders: Mapping[tuple[str, str], OrderLanes]) -> None:
        """`orders` has the lanes of each (venue, account)."""
        self._gate = gate
        self._orders = orders

    def post(self, event: DeskEvent, still: Condition | None = None) -> None:
        """Queue an event for the desk; one that is not `still` true when its turn comes is overtaken and dropped."""
        self._inbox.append((event, still))
        self._settled.clear()
        self._waiting.set()

    async def settled(self) -> None:
        """Returns when every event posted so far, and all that follow from it, has been looked at.

        Raises what broke the desk, once something has: nothing settles any more.
        """
        await self._settled.wait()
        if self._broken is not None:
            raise self._broken

    async def run(self) -> None:
        """Pump until cancelled. An error of the desk itself ends it: a restart from the ledger is the way back."""
        try:
            while True:
                await self._waiting.wait()
                self._waiting.clear()
                while self._inbox:
                    event, still = self._inbox.popleft()
                    if still is None or still():
                        await self._handle(event)
                self._pack_soon()
                self._settled.set()
        except BaseException as error:
            self._broken = error
            self._settled.set()
            raise

    def _pack_soon(self) -> None:
        """What a moment brings is packed together, once no order is on its way."""
        if self._journal is not None and not self._packing:
            self._packing = True
            asyncio.get_running_loop().call_later(PACK_AFTER_S, self._pack)

    def _pack(self) -> None:
        assert self._journal is not None
        if self._urgency.rest_s and not self._journal.is_full:
            asyncio.get_running_loop().call_later(self._urgency.rest_s, self._pack)
            return
        self._packing = False
        self._journal.flush()

    async def _handle(self, event: DeskEvent) -> None:
        if self._journal is not None:
            self._journal.event(event)
        self.ts = max(self.ts, event.ts)
        self.changes += 1
        commands = self.desk.on(event)
        if self._journal is not None:
            self._journal.commands(commands)
        # All facts of a turn reach the ledger in one piece: a crash keeps a fill and its position, or neither.
        facts = [command.fact for command in commands if isinstance(command, Record)]
        if facts:
            self._record(event.ts, facts)
        for command in commands:
            if not isinstance(command, Record):
                await self._carry_out(command)

    async def _carry_out(self, command: DeskCommand) -> None:
        match command:
            case RaiseAlert():
                pass  # its fact is among those recorded, and whoever watches them tells people
            case RequestReconcile():
                self._reconcile(command)
            case RequestVerdict():
                self._press()
                assert self._gate is not None
                await self._hand_over(self._gate, command)
            case SubmitOrder() | AmendOrder() | CancelOrder() | QueryOrder():
                self._press()
                lanes = self._orders[command.order.venue, command.order.account]
                await self._hand_over(lanes.lane(command), command)
                await asyncio.sleep(0)  # it is on its way to the disk while the desk goes on with the next instrument
            case _:
                raise TypeError(f"the driver does not know the command {type(command).__name__}")

    def _press(self) -> None:
        if not self._lockstep:  # a recording carries every command out before anything else happens
            self._urgency.press()

    async def _hand_over(self, lane: Lane, command: DeskCommand) -> None:
        await lane.put(command)
        if self._lockstep:
            await lane.idle()
