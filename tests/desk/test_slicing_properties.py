"""Whatever the market does: sums, spacing, caps, protection, and nothing after the end."""

import random
from decimal import Decimal
from itertools import pairwise

import msgspec
import pytest
from desk_kit import BTC, T0, Rig, d, instrument, only
from hypothesis import given, settings
from hypothesis import strategies as st
from slicing_kit import BASE, KEY, REST, SECOND, SlicingRig, sliced

from tradeterm.config import Algorithm, ExecutionConfig
from tradeterm.desk import Desk
from tradeterm.desk.parts import child_ms, due_quantity, duration_ms, least_quantity, part_quantity, plan
from tradeterm.domain.commands import DeskCommand, SubmitOrder
from tradeterm.domain.events import DeskEvent, OperatorCommand, Timer, VenueStatus
from tradeterm.domain.instrument import on_step
from tradeterm.domain.orders import OrderIntent
from tradeterm.domain.states import CommandVerb, VenueState

EVENTS = msgspec.json.Decoder(DeskEvent)
LOT = d("0.001")

executions = st.builds(
    ExecutionConfig,
    algorithm=st.sampled_from([Algorithm.TWAP, Algorithm.ICEBERG]),
    duration_minutes=st.floats(1, 20),
    slices=st.integers(1, 50),
    child_seconds=st.floats(30, 300),
    jitter=st.floats(0, 0.5),
    price_limit=st.floats(0.2, 1.0),
    max_open_orders=st.integers(3, 10),
    participation_per_order=st.floats(0.005, 0.05),
    participation_per_hour=st.floats(0.01, 0.10),
)
lots = st.integers(1, 200_000).map(lambda number: number * LOT)


@given(executions, lots, st.integers(1, 5_000).map(lambda number: number * LOT))
def test_a_plan_is_exact_and_in_time(execution: ExecutionConfig, quantity: Decimal, least: Decimal) -> None:
    parts = plan(execution, BASE, quantity, least, LOT, T0)
    sizes = [part.quantity for part in parts]
    assert sum(sizes) == quantity
    assert all(on_step(size, LOT) for size in sizes)
    assert max(sizes) - min(sizes) <= LOT
    assert len(parts) == 1 or min(sizes) >= least
    assert len(parts) <= execution.slices
    dues = [part.due for part in parts]
    assert dues[0] == T0
    assert dues == sorted(dues)
    assert dues[-1] <= T0 + duration_ms(execution)
    assert due_quantity(parts, T0 + duration_ms(execution)) == quantity
    assert parts == plan(execution, BASE, quantity, least, LOT, T0), "the jitter is a function of the name"
    if len(parts) > 1:
        assert duration_ms(execution) // len(parts) >= child_ms(execution)


@given(lots, lots, st.decimals(0, 300, places=5), st.integers(1, 5_000).map(lambda number: number * LOT))
def test_a_part_never_leaves_a_tail_that_cannot_be_sent(
    left: Decimal, want: Decimal, room: Decimal, least: Decimal
) -> None:
    quantity = part_quantity(left, min(want, left), room, least, instrument())
    assert d(0) <= quantity <= min(left, room)
    assert on_step(quantity, LOT)
    if quantity:
        assert quantity >= least
        assert left - quantity == 0 or left - quantity >= least
    elif left >= 2 * least:
        assert room < 2 * least or room < least + LOT, "there was no room for a part"


@given(st.decimals("0.001", 1_000_000, places=3))
def test_the_least_part_is_just_large_enough(price: Decimal) -> None:
    contract = instrument(min_quantity=d("0.01"), lot_size=LOT, min_notional=d(5))
    least = least_quantity(contract, price)
    assert on_step(least, LOT)
    assert least >= contract.min_quantity
    assert least * price >= contract.min_notional
    smaller = least - LOT
    assert smaller < contract.min_quantity or smaller * price < contract.min_notional


def drive(seed: int, execution: ExecutionConfig, paper: bool, bad: str) -> SlicingRig:
    """Twenty-five minutes of a random market, with one mishap or operator's word in it."""
    rng = random.Random(seed)
    costs = {"participation": rng.choice([0.002, 0.02, 1.0])} if paper else {}
    settings = {
        name: getattr(execution, name) for name in execution.__struct_fields__ if name not in ("algorithm", "jitter")
    }
    cfg = sliced(execution.algorithm.value, **{**settings, "jitter": execution.jitter})
    rig = SlicingRig(cfg, paper=paper, volume=rng.choice([50.0, 500.0, 5000.0]), bars=rng.choice([1, 12]), **costs)
    if not paper:
        rig.venue.cap = d(rng.choice(["0.5", "7", "1000"]))
    if bad == "refused":
        rig.venue.refuse.add(f"{BASE}c{rng.randint(2, 4)}")
    if bad == "silent":
        rig.venue.silent.add(f"{BASE}c{rng.randint(2, 4)}")
    rig.enter()
    price, moment = 100.0, rng.randrange(10, 900, 10)
    for second in range(10, 1510, 10):
        ts = T0 + second * SECOND
        price = round(price + rng.choice([-0.1, 0.0, 0.0, 0.1]), 1)
        rig.step(price, ts)
        if second == moment and bad in CommandVerb.__members__:
            rig.feed(OperatorCommand(ts=ts, id=1, verb=CommandVerb[bad], actor="me"))
        if second == moment and bad == "away":
            rig.feed(VenueStatus(ts=ts, venue="paper", state=VenueState.DISCONNECTED))
        if second == moment + 120 and bad == "away":
            rig.feed(VenueStatus(ts=ts, venue="paper", state=VenueState.READY))
        look(rig)
    return rig


def look(rig: SlicingRig) -> None:
    """What holds at every moment."""
    state = rig.desk.state
    position = state.positions.get(KEY)
    execution = rig.config.books["crypto"].execution
    at_venue = [order for order in state.working_orders() if order.venue != "desk" and order.status != "INITIALIZED"]
    assert len([order for order in at_venue if order.intent is OrderIntent.ENTRY]) <= execution.max_open_orders - 2
    if position is not None and not position.exit_reason:
        assert position.ts_unprotected is None, "no part is naked once its fill and the answer to it were heard"
    if state.schedules:
        assert sum(rig.sent) + rig.rest.quantity <= d(100)
    stops = [o for o in at_venue if o.intent is OrderIntent.PROTECTIVE_STOP]
    assert len(stops) <= 1
    if REST in state.orders and rig.rest.is_closed:
        assert not state.schedules


MISHAPS = ["none", "refused", "silent", "away", "HALT", "KILL", "STOP", "FLATTEN"]


@settings(max_examples=150)
@given(st.integers(0, 10**6), executions, st.booleans(), st.sampled_from(MISHAPS))
def test_whatever_happens(seed: int, execution: ExecutionConfig, paper: bool, bad: str) -> None:
    rig = drive(seed, execution, paper, bad)
    sent, times = rig.sent, rig.times
    assert sum(sent) <= d(100), "never more than was approved"
    assert all(on_step(quantity, LOT) and quantity * 100 >= 5 for quantity in sent)
    assert all(later - sooner >= 30 for sooner, later in pairwise(times))
    assert all(at * SECOND <= duration_ms(execution) for at in times)
    share = Decimal(str(execution.participation_per_order)) * d(rig.volume)  # of a bar, which has 300 seconds
    gaps = [duration_ms(execution) / SECOND, *[b - a for a, b in pairwise(times)]]
    assert all(quantity * 300 <= share * d(gap) for quantity, gap in zip(sent, gaps, strict=False))
    hourly = Decimal(str(execution.participation_per_hour)) * d(rig.volume) * 12
    assert sum(sent) <= hourly
    if rig.parts:
        assert rig.rest.is_closed, "the time is over for everybody"
        reason = rig.rest.reason
        entries = [o for o in rig.desk.state.working_orders() if o.intent is OrderIntent.ENTRY]
        assert not entries
        if reason.startswith("COMPLETE") and "SLICING_CUT" not in rig.alerts:
            assert sum(sent) == d(100)
        if bad in ("KILL", "FLATTEN") and not reason.startswith("COMPLETE"):
            assert rig.held == 0
            assert not rig.desk.state.working


@settings(max_examples=30)
@given(st.integers(0, 10**6), executions, st.booleans(), st.sampled_from(MISHAPS))
def test_the_same_journal_gives_the_same_commands(seed: int, execution: ExecutionConfig, paper: bool, bad: str) -> None:
    rig = drive(seed, execution, paper, bad)
    desk = Desk(rig.config)
    again: list[DeskCommand] = []
    for event in rig.events:
        again += desk.on(EVENTS.decode(msgspec.json.encode(event)))
    assert msgspec.json.encode(again) == msgspec.json.encode(rig.commands)
    assert desk.digest() == rig.desk.digest()
    assert desk.state.schedules == rig.desk.state.schedules


@pytest.mark.parametrize("verb", [CommandVerb.HALT, CommandVerb.KILL])
@pytest.mark.parametrize("algorithm", ["twap", "iceberg"])
@pytest.mark.parametrize("paper", [False, True])
def test_after_a_halt_or_kill_at_any_moment_no_entry_is_open_or_sent(
    algorithm: str, verb: CommandVerb, paper: bool
) -> None:
    for moment in range(0, 700, 50):
        rig = SlicingRig(sliced(algorithm), paper=paper)
        rig.enter()
        rig.go(moment, price=99.9)
        before = len(rig.parts)
        rig.feed(OperatorCommand(ts=rig.ts, id=1, verb=verb, actor="me"))
        rig.feed(Timer(ts=rig.ts + SECOND))
        rig.go(120, price=99.9)
        assert len(rig.parts) == before
        assert not [order for order in rig.desk.state.working_orders() if order.intent is OrderIntent.ENTRY]
        if verb is CommandVerb.KILL:
            assert rig.held == 0


def test_a_market_book_sends_what_it_always_sent() -> None:
    rig = Rig()
    rig.open_position()
    (order,) = [c.order for c in only(rig.commands, SubmitOrder)]
    assert (order.client_order_id, order.parent_id, order.quantity) == (BASE, None, d(100))
    assert REST not in rig.desk.orders
    assert order.instrument == BTC
