"""Orders and verdicts: every outcome of a request becomes exactly one event, and nothing is sent twice."""

import asyncio
from collections.abc import Callable
from decimal import Decimal
from typing import Any

import pytest
from test_reconcile import fill, order, restored_desk

from tradeterm.desk import Desk
from tradeterm.domain.commands import AmendOrder, CancelOrder, QueryOrder, RequestVerdict, SubmitOrder
from tradeterm.domain.errors import LedgerError, OutcomeUnclear, VenueRefused, VenueUnavailable
from tradeterm.domain.events import OrderUpdate, VerdictReceived
from tradeterm.domain.orders import Order, OrderStatus, PositionSide
from tradeterm.domain.signals import Signal, SignalKind, Verdict, VerdictDecision, VerdictSource
from tradeterm.domain.snapshot import DeskSnapshot
from tradeterm.engine.gate import Gate
from tradeterm.engine.orders import DUPLICATE, OrderCarrier
from tradeterm.engine.sightings import SECOND_LOOK_S, Sightings


class Venue:
    """A broker that answers as it is told, and remembers what reached it."""

    venue, account, simulated, lookup_is_final = "paper", "crypto", True, True

    def __init__(self, error: Exception | None = None) -> None:
        self.error = error
        self.sent: list[str] = []
        self.known: Order | None = None
        self.executed: list[Any] = []

    async def submit(self, order: Order) -> str:
        self.sent.append(order.client_order_id)
        if self.error is not None:
            raise self.error
        return "v1"

    async def amend(self, order: Order, **changes: Any) -> None:
        await self.submit(order)

    async def cancel(self, order: Order) -> None:
        await self.submit(order)

    async def order(self, client_order_id: str) -> Order | None:
        if self.error is not None:
            raise self.error
        return self.known

    async def open_orders(self) -> list[Order]:
        return []

    async def executions(self, since_ts: int) -> list[Any]:
        return self.executed


class ReadyVenue(Venue):
    """One that makes the request while the disk works; `disk` is what it hears from that."""

    def __init__(self, error: Exception | None = None, disk: Exception | None = None) -> None:
        super().__init__(error)
        self.disk = disk
        self.recordings: list[object] = []

    async def submit_recorded(self, order: Order, recording: object) -> str:
        self.recordings.append(recording)
        if self.disk is not None:
            raise self.disk
        return await self.submit(order)


class Bench:
    def __init__(self, venue: Venue, sent: Order) -> None:
        self.venue = venue
        self.events: list[Any] = []
        self.committed: list[int] = []
        self.failure: Exception | None = None
        self.recording: Any = "the barrier"
        self.now = 0.0
        self.desk: Desk = restored_desk(DeskSnapshot(orders=(sent,)))
        self.carrier = OrderCarrier(
            venue,  # type: ignore[arg-type]
            commit=self.commit,
            barrier=self.barrier,
            post=self.post,
            now=lambda: 7,
            desk=self.desk,
            sightings=Sightings(lambda: self.now),
        )

    async def commit(self) -> None:
        self.committed.append(len(self.venue.sent))

    def barrier(self) -> Any:
        if self.failure is not None:
            raise self.failure
        return self.recording

    def post(self, event: Any, still: Callable[[], bool] | None = None) -> None:
        if still is None or still():
            self.events.append(event)

    def told(self) -> list[str]:
        return [
            f"{event.kind} {event.code}".strip() if isinstance(event, OrderUpdate) else type(event).__name__
            for event in self.events
        ]


OUTCOMES = [
    (None, "ACKNOWLEDGED"),
    (VenueRefused("insufficient margin", "110007"), "REFUSED 110007"),
    (VenueRefused("it exists", DUPLICATE), f"UNCLEAR {DUPLICATE}"),
    (VenueUnavailable("no connection"), "REFUSED NOT_DELIVERED"),
    (OutcomeUnclear("no answer"), "UNCLEAR"),
]


@pytest.mark.parametrize(("error", "told"), OUTCOMES)
async def test_each_outcome_of_a_submit_is_one_event_after_the_write_ahead(error: Exception | None, told: str) -> None:
    bench = Bench(Venue(error), order())
    await bench.carrier.carry_out(SubmitOrder(order=order()))
    assert bench.committed == [0]  # nothing had been sent when the ledger was on disk
    assert bench.told() == [told]
    assert bench.venue.sent == ["e-1"]


@pytest.mark.parametrize(("error", "told"), OUTCOMES)
async def test_an_order_made_ready_early_waits_for_the_disk_itself(error: Exception | None, told: str) -> None:
    venue = ReadyVenue(error)
    bench = Bench(venue, order())
    await bench.carrier.carry_out(SubmitOrder(order=order()))
    assert venue.recordings == ["the barrier"]
    assert bench.committed == []
    assert bench.told() == [told]
    assert venue.sent == ["e-1"]


async def test_an_order_whose_carrier_is_cancelled_is_withdrawn() -> None:
    waiting, withdrawn = asyncio.Event(), asyncio.Event()

    class Recording:
        def withdraw(self) -> None:
            withdrawn.set()

    class Slow(ReadyVenue):
        async def submit_recorded(self, order: Order, recording: object) -> str:
            waiting.set()
            await asyncio.sleep(60)
            return await self.submit(order)

    bench = Bench(Slow(), order())
    bench.recording = Recording()
    carrying = asyncio.create_task(bench.carrier.carry_out(SubmitOrder(order=order())))
    await waiting.wait()
    carrying.cancel()
    with pytest.raises(asyncio.CancelledError):
        await carrying
    assert withdrawn.is_set()
    assert bench.told() == []


@pytest.mark.parametrize("told_at_once", [True, False])
async def test_where_the_disk_fails_the_order_waits_for_the_ledgers_worker_and_leaves_once(told_at_once: bool) -> None:
    failure = LedgerError("no space is left")
    venue = ReadyVenue(disk=None if told_at_once else failure)
    bench = Bench(venue, order())
    bench.failure = failure if told_at_once else None
    await bench.carrier.carry_out(SubmitOrder(order=order()))
    assert bench.committed == [0]
    assert bench.told() == ["ACKNOWLEDGED"]
    assert venue.sent == ["e-1"]


async def test_a_submit_that_broke_midway_is_never_sent_again() -> None:
    bench = Bench(Venue(OSError("who knows")), order())
    with pytest.raises(OSError, match="who knows"):
        await bench.carrier.carry_out(SubmitOrder(order=order()))
    assert bench.told() == []
    await bench.carrier.carry_out(SubmitOrder(order=order()))
    assert bench.venue.sent == ["e-1"]
    assert bench.told() == ["UNCLEAR"]


async def test_an_acknowledgement_that_the_stream_has_overtaken_is_dropped() -> None:
    for status in (OrderStatus.ACCEPTED, OrderStatus.FILLED):
        bench = Bench(Venue(), order(status=status))
        await bench.carrier.carry_out(SubmitOrder(order=order()))
        assert bench.told() == []


async def test_amends_are_acknowledged_with_their_values_and_cancels_by_the_stream() -> None:
    pending = order(status=OrderStatus.PENDING_UPDATE)
    bench = Bench(Venue(), pending)
    await bench.carrier.carry_out(AmendOrder(order=pending, trigger_price=Decimal(99)))
    assert bench.told() == ["ACKNOWLEDGED"]
    assert bench.events[0].trigger_price == Decimal(99)
    canceling = order(status=OrderStatus.PENDING_CANCEL)
    bench = Bench(Venue(), canceling)
    await bench.carrier.carry_out(CancelOrder(order=canceling))
    assert bench.told() == []
    assert bench.committed == [0]


@pytest.mark.parametrize(("error", "told"), OUTCOMES[1:2] + OUTCOMES[3:])
async def test_refused_and_unclear_amends_and_cancels_are_told(error: Exception, told: str) -> None:
    for command, status in ((AmendOrder, OrderStatus.PENDING_UPDATE), (CancelOrder, OrderStatus.PENDING_CANCEL)):
        pending = order(status=status)
        bench = Bench(Venue(error), pending)
        await bench.carrier.carry_out(command(order=pending))
        assert bench.told() == [told]


async def test_a_look_up_brings_what_happened() -> None:
    bench = Bench(Venue(), order(status=OrderStatus.UNKNOWN))
    bench.venue.known = order(status=OrderStatus.PARTIALLY_FILLED, venue_order_id="v1")
    bench.venue.executed = [fill(quantity="0.4"), fill("other", "somebody-else")]
    await bench.carrier.carry_out(QueryOrder(order=order(), attempt=1))
    assert bench.told() == ["ACKNOWLEDGED", "FillReceived"]


async def test_a_look_up_that_fails_says_nothing() -> None:
    bench = Bench(Venue(OutcomeUnclear("no answer")), order(status=OrderStatus.UNKNOWN))
    await bench.carrier.carry_out(QueryOrder(order=order(), attempt=1))
    assert bench.told() == []


async def test_not_found_is_final_at_once_only_where_the_venue_says_so() -> None:
    bench = Bench(Venue(), order(status=OrderStatus.UNKNOWN))
    await bench.carrier.carry_out(QueryOrder(order=order(), attempt=1))
    assert bench.told() == ["REFUSED NEVER_ARRIVED"]


async def test_elsewhere_it_takes_two_looks_ten_seconds_apart() -> None:
    venue = Venue()
    venue.lookup_is_final = False
    bench = Bench(venue, order(status=OrderStatus.UNKNOWN))
    query = QueryOrder(order=order(), attempt=1)
    await bench.carrier.carry_out(query)
    bench.now = SECOND_LOOK_S - 0.1
    await bench.carrier.carry_out(query)
    assert bench.told() == []
    venue.executed = [fill(quantity="0.4")]  # it traded, so it cannot have been lost
    bench.now = 2 * SECOND_LOOK_S
    await bench.carrier.carry_out(query)
    assert bench.told() == []
    venue.executed = []
    await bench.carrier.carry_out(query)
    assert bench.told() == ["REFUSED NEVER_ARRIVED"]


SIGNAL = Signal(
    id="s1",
    book="crypto",
    strategy="eos",
    instrument="BTC.X",
    kind=SignalKind.ENTRY,
    side=PositionSide.LONG,
    price=Decimal(100),
    ts_bar=7,
    reason="EOS",
    explain={},
)
REQUEST = RequestVerdict(signal=SIGNAL, context={})


class Judge:
    label = "TEST"

    def __init__(self, answer: Callable[[], Verdict], wait: float = 0.0) -> None:
        self._answer, self._wait = answer, wait

    async def judge(self, signal: Signal, context: dict[str, Any], ts: int) -> Verdict:
        await asyncio.sleep(self._wait)
        return self._answer()


def approval() -> Verdict:
    return Verdict(
        id="v1",
        signal_id="s1",
        book="crypto",
        instrument="BTC.X",
        side=PositionSide.LONG,
        decision=VerdictDecision.APPROVE,
        size_factor=Decimal(1),
        confidence=None,
        reason_codes=(),
        reasoning="",
        source=VerdictSource.RULES,
        model="m",
        latency_ms=0,
        ts=7,
    )


def broken() -> Verdict:
    raise ValueError("not a verdict")


def gate(judge: Judge, events: list[Any]) -> Gate:
    return Gate(lambda: judge, deadline_s=0.02, post=events.append, now=lambda: 7)


async def test_a_verdict_in_time_is_passed_on() -> None:
    events: list[Any] = []
    await gate(Judge(approval), events).carry_out(REQUEST)
    assert events == [VerdictReceived(ts=7, verdict=approval())]


async def test_no_verdict_in_time_blocks() -> None:
    events: list[Any] = []
    await gate(Judge(approval, wait=5), events).carry_out(REQUEST)
    (event,) = events
    assert (event.verdict.decision, event.verdict.code) == (VerdictDecision.FAILED_CLOSED, "TIMEOUT")
    assert event.verdict.size_factor == 0


async def test_a_validator_that_breaks_blocks_once_and_fails_its_worker() -> None:
    events: list[Any] = []
    blocked = gate(Judge(broken), events)
    with pytest.raises(ValueError, match="not a verdict"):
        await blocked.carry_out(REQUEST)
    await blocked.restart()
    await blocked.carry_out(REQUEST)  # the supervisor tries the same work again
    (event,) = events
    assert (event.verdict.decision, event.verdict.code) == (VerdictDecision.FAILED_CLOSED, "VALIDATOR_FAILED")
