"""How long the venue takes to answer reaches the desk."""

import itertools

import pytest
from bybit_bench import bench, hurry

from tradeterm.desk import Desk
from tradeterm.domain.commands import DeskCommand
from tradeterm.domain.events import DeskEvent, VenueMeasured
from tradeterm.engine import rounds
from tradeterm.profile import Profile


async def test_it_is_told_every_second(profile: Profile, monkeypatch: pytest.MonkeyPatch) -> None:
    hurry(monkeypatch)
    monkeypatch.setattr(rounds, "TIMER_S", 0.05)
    heard: list[VenueMeasured] = []
    real = Desk.on

    def listening(self: Desk, event: DeskEvent) -> list[DeskCommand]:
        if isinstance(event, VenueMeasured):
            heard.append(event)
        return real(self, event)

    monkeypatch.setattr(Desk, "on", listening)
    async with bench(profile) as b:
        await b.started()
        await b.until(lambda: len(heard) >= 3, "measured three times")
        await b.stop()
    assert {event.venue for event in heard} == {"bybit"}
    assert all(0 < event.latency_ms < 10_000 for event in heard)
    assert all(one.ts <= other.ts for one, other in itertools.pairwise(heard))
