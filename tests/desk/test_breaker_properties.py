"""Whatever happens, in whatever order: the breaker rises at once, falls by its rules alone, and outlives a restart."""

from contextlib import closing
from itertools import pairwise
from pathlib import Path
from typing import Any

import msgspec
from breaker_kit import MINUTE, L, V, ask, changes, loose, refuse, rig_with
from desk_kit import BOOK, FIVE, T0, Rig, bar, entry, exit_signal, facts
from hypothesis import given, settings
from hypothesis import strategies as st

from tradeterm.config import BreakerConfig, HealthConfig
from tradeterm.desk import breaker
from tradeterm.desk.breaker_rules import rank
from tradeterm.desk.turn import Turn
from tradeterm.domain.commands import Record
from tradeterm.domain.events import Reconciled, Timer, VenueMeasured, VenueStatus
from tradeterm.domain.facts import BreakerFact, CommandAck, HealthFact, Trade
from tradeterm.domain.orders import PositionSide
from tradeterm.domain.snapshot import DeskSnapshot
from tradeterm.domain.states import BreakerLevel, CommandStatus, CommandVerb, Mode, TradingState, VenueState
from tradeterm.ledger import runs
from tradeterm.ledger.restore import load_snapshot
from tradeterm.ledger.store import open_ledger
from tradeterm.ledger.writer import LedgerWriter

ORDERS = 40
CONFIG = loose(BreakerConfig(cool_down_minutes=5, window_minutes=3, override_minutes=4))
COOL = 5 * MINUTE

refusals = st.tuples(st.just("refuse"), st.integers(1, 6))
pauses = st.tuples(st.just("wait"), st.sampled_from([1, 20, 61, 179, 180, 299, 300, 301, 700]))
commands = st.tuples(st.sampled_from([V.RESUME, V.RECOVER, V.OVERRIDE, V.HALT]), st.just(0))
latencies = st.tuples(st.just("latency"), st.sampled_from([100, 600, 1500, 4000]))
losses = st.tuples(st.just("lost"), st.integers(1, 3))
reconciliations = st.tuples(st.just("agreed"), st.integers(0, 1))
Step = tuple[Any, int]


class Story:
    """A desk to which steps happen; `ts` is its time."""

    def __init__(self) -> None:
        self.rig = rig_with(ORDERS, CONFIG)
        self.ts = T0
        self.refused = 0
        self.asked = 0

    def take(self, step: Step) -> None:
        """Let it happen; time has its Timer, as it has every second."""
        what, number = step
        if what == "wait":
            self.ts += number * 1000
        elif what == "refuse":
            for _ in range(min(number, ORDERS - self.refused)):
                refuse(self.rig, self.refused, self.ts)
                self.refused += 1
        elif what == "latency":
            self.rig.feed(*(VenueMeasured(ts=self.ts, venue="paper", latency_ms=float(number)) for _ in range(30)))
        elif what == "lost":
            for state in (VenueState.DISCONNECTED, VenueState.READY) * number:
                self.rig.feed(VenueStatus(ts=self.ts, venue="paper", state=state))
        elif what == "agreed":
            self.rig.feed(Reconciled(ts=self.ts, id="r", venue="paper", account=BOOK, agreed=bool(number), findings=()))
        else:
            self.asked += 1
            self.rig.feed(ask(what, self.ts, "because", self.asked))
        if not isinstance(what, CommandVerb):
            self.rig.feed(Timer(ts=self.ts))

    @property
    def level(self) -> BreakerLevel:
        return self.rig.desk.state.breaker

    def worst(self) -> BreakerLevel:
        causes = breaker.standing(Turn(self.rig.desk.state, self.ts, []))
        return causes[0].level if causes else L.CLOSED

    def obeyed(self, step: Step) -> bool:
        return facts(self.rig.commands, CommandAck)[-1].status is CommandStatus.DONE and step[0] is not V.HALT


@given(st.lists(st.one_of(refusals, pauses, commands, latencies, losses, reconciliations), max_size=40))
@settings(max_examples=150, deadline=None)
def test_it_rises_at_once_and_never_falls_without_its_rule(steps: list[Step]) -> None:
    story = Story()
    hot = T0  # when a cause at the present level or above was last there, or the level changed
    for step in steps:
        before = story.level
        story.take(step)
        after, worst = story.level, story.worst()
        by_word = isinstance(step[0], CommandVerb) and story.obeyed(step)
        assert rank(after) >= rank(worst), "at once, and never below what a present cause demands"
        if rank(after) < rank(before):
            if before is L.SHUTDOWN:
                assert by_word and step[0] is V.RECOVER
            elif before is L.HALT:
                assert by_word
            elif not (by_word and step[0] is V.OVERRIDE):
                assert rank(before) - rank(after) == 1
                assert story.ts - hot >= COOL
        if after is not before or rank(worst) >= rank(after):
            hot = story.ts
        if breaker.is_latched(after):
            assert story.rig.desk.state.trading_state is TradingState.HALTED
    last = facts(story.rig.commands, BreakerFact)
    assert not last or last[-1].to_level is story.level
    for one, other in pairwise(last):
        assert other.from_level is one.to_level, "the record has no gap"


@given(st.lists(st.one_of(refusals, pauses, commands), min_size=1, max_size=30), st.integers(0, 29))
@settings(max_examples=150, deadline=None)
def test_a_restart_neither_lowers_it_nor_touches_its_cool_down(steps: list[Step], at: int) -> None:
    one, two = Story(), Story()
    for number, step in enumerate(steps):
        if number == at:
            kept = two.rig.desk.snapshot()
            wire = msgspec.json.decode(msgspec.json.encode(kept), type=DeskSnapshot)
            again = Rig(CONFIG, wire, two.ts)
            assert again.desk.snapshot() == kept
            assert not facts(again.commands, BreakerFact)
            again.commands = [*two.rig.commands, *again.commands]
            two.rig = again
        one.take(step)
        two.take(step)
        assert facts(two.rig.commands, BreakerFact) == facts(one.rig.commands, BreakerFact)
    same(two.rig.desk.snapshot(), one.rig.desk.snapshot())


_KEPT = ("results", "health", "decisions", "trading_state", "trading_reason", "money")


def ledger_of(folder: Path, rig: Rig) -> DeskSnapshot:
    """What a restart would know of all that was recorded."""
    path = folder / "ledger.sqlite"
    with closing(open_ledger(path)) as db:
        runs.start_run(db, ts=1, mode=Mode.PAPER, version="0", config_hash="x")
    writer = LedgerWriter(path)
    writer.start()
    writer.write([command.fact for command in rig.commands if isinstance(command, Record)])
    writer.close()
    return load_snapshot(path)


def same(read: DeskSnapshot, kept: DeskSnapshot) -> None:
    for name in kept.__struct_fields__:
        if name.startswith("breaker") or name in _KEPT:
            assert getattr(read, name) == getattr(kept, name), name


@given(steps=st.lists(st.one_of(refusals, pauses, commands, latencies), max_size=25))
@settings(max_examples=25, deadline=None)
def test_the_ledger_knows_the_breaker_as_the_desk_does(tmp_path_factory: Any, steps: list[Step]) -> None:
    story = Story()
    for step in steps:
        story.take(step)
    same(ledger_of(tmp_path_factory.mktemp("ledger"), story.rig), story.rig.desk.snapshot())


def test_the_ledger_knows_the_track_record_and_the_health(tmp_path: Path) -> None:
    rig = Rig(loose(health=HealthConfig(least_trades=5)))
    for number in range(9):
        ts = T0 + number * 3 * FIVE
        side = PositionSide.LONG if number % 2 else PositionSide.SHORT
        filled = 100.01 if number % 2 else 99.99
        rig.feed(bar(100.0, ts), entry(ts, side, 100, id=f"r{number}"), Timer(ts=ts))
        rig.feed(*rig.venue.on_quote(filled, ts + 1), Timer(ts=ts + 1))
        out = ts + FIVE
        rig.feed(bar(filled, out), exit_signal(out, side, id=f"x{number}", price=filled), Timer(ts=out))
        rig.feed(*rig.venue.on_quote(filled, out + 1), Timer(ts=out + 1))
    ts = T0 + 30 * FIVE
    rig.feed(ask(V.START, ts, "looked at it", book=BOOK), bar(100.0, ts), entry(ts, price=100, id="last"), Timer(ts=ts))
    assert len(facts(rig.commands, Trade)) >= 5
    assert facts(rig.commands, HealthFact)
    kept = rig.desk.snapshot()
    assert kept.decisions
    read = ledger_of(tmp_path, rig)
    same(read, kept)
    again = Rig(rig.config, read, ts + 1)
    assert again.desk.state.results == rig.desk.state.results
    assert again.desk.state.health == rig.desk.state.health
    assert not facts(again.commands, HealthFact)


def test_a_breaker_that_was_up_is_up_after_a_restart_from_the_ledger(tmp_path: Path) -> None:
    story = Story()
    for step in (("refuse", 3), ("wait", 200), ("wait", 100)):
        story.take(step)
    assert changes(story.rig) == [L.ALERT, L.THROTTLE]
    quiet = story.rig.desk.state.breaker_quiet_since
    again = Rig(CONFIG, ledger_of(tmp_path, story.rig), story.ts + 1000)
    state = again.desk.state
    assert (state.breaker, state.breaker_ts, state.breaker_quiet_since) == (L.THROTTLE, T0, quiet)
    again.feed(Timer(ts=T0 + 200_000 + COOL - 1))
    assert changes(again) == []
    again.feed(Timer(ts=T0 + 200_000 + COOL))
    assert changes(again) == [L.ALERT]
