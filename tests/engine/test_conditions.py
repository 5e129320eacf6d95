"""What a venue says it allows reaches the desk, and nothing makes it READY but a reconciliation."""

from types import SimpleNamespace
from typing import Any

from tradeterm.brokers.protocol import Condition
from tradeterm.config import Config
from tradeterm.desk import Desk
from tradeterm.desk.state import Venue
from tradeterm.domain.states import VenueState
from tradeterm.engine.conditions import Conditions

CLOCK = Condition(VenueState.RESTRICTED, "the clock is 0.8 s ahead")
KEY = Condition(VenueState.BLOCKED, "the key has expired")


class Bench:
    def __init__(self, state: VenueState) -> None:
        self.condition = Condition()
        self.said: list[tuple[VenueState, str]] = []
        self.asked: list[str] = []
        self.desk = Desk(Config())
        self.desk.state.venues["bybit"] = Venue(state, 1)
        broker: Any = SimpleNamespace(venue="bybit", account="crypto", condition=lambda: self.condition)
        self.conditions = Conditions(
            [broker],
            desk=self.desk,
            post=self._post,
            reconcile=lambda venue, account, reason: self.asked.append(account),
            now=lambda: 2,
        )

    def _post(self, event: Any) -> None:
        self.said.append((event.state, event.detail))
        self.desk.on(event)

    def look(self, condition: Condition) -> None:
        self.condition = condition
        self.conditions._look("bybit")


def test_each_change_is_told_once() -> None:
    bench = Bench(VenueState.READY)
    for condition in (Condition(), CLOCK, CLOCK, Condition()):
        bench.look(condition)
    assert bench.said == [(VenueState.RESTRICTED, CLOCK.detail), (VenueState.READY, "")]
    assert bench.asked == []


def test_a_blocked_venue_comes_back_through_a_reconciliation() -> None:
    bench = Bench(VenueState.READY)
    bench.look(KEY)
    bench.look(Condition())
    bench.look(Condition())
    assert bench.said == [(VenueState.BLOCKED, KEY.detail), (VenueState.RECONCILING, "")]
    assert bench.asked == ["crypto"]


def test_a_venue_that_is_not_reconciled_gets_no_better_from_here() -> None:
    for state in (VenueState.RECONCILING, VenueState.DISCONNECTED):
        bench = Bench(state)
        bench.look(Condition())
        bench.look(CLOCK)
        assert bench.said == []
        assert bench.conditions.reconciled("bybit").state is VenueState.READY or bench.condition is CLOCK
    assert bench.conditions.reconciled("bybit").detail == CLOCK.detail
