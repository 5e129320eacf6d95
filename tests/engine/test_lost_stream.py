"""The venue's stream loses events: orders are chased, fills are found, and nothing is booked twice."""

import random
from typing import Any

import pytest
from engine_kit import LAST_DAY, demo_profile, rows, run

from tradeterm.brokers.paper.broker import PaperBroker
from tradeterm.config_file import load_config
from tradeterm.domain.events import FillReceived, OrderUpdate
from tradeterm.domain.facts import ReconciliationFact
from tradeterm.engine.check import check

from crash_kit import differences_from_venue, duplicate_entries  # isort: skip


pytestmark = pytest.mark.usefixtures("fitted_here")


def lossy(monkeypatch: pytest.MonkeyPatch, share: float, seed: int) -> list[Any]:
    """Every event of the stream is lost with that probability."""
    chance, lost = random.Random(seed), []
    real = PaperBroker.connect

    async def connect(self: PaperBroker, sink: Any, known: Any = ()) -> None:
        def leaky(event: Any) -> None:
            if chance.random() < share:
                lost.append(event)
            else:
                sink(event)

        await real(self, leaky, known)

    monkeypatch.setattr(PaperBroker, "connect", connect)
    return lost


@pytest.mark.parametrize("seed", [0, 1, 3, 4])  # a desk that halts at once loses nothing more
def test_a_restart_finds_whatever_the_stream_lost(monkeypatch: pytest.MonkeyPatch, seed: int) -> None:
    with monkeypatch.context() as patch:
        lost = lossy(patch, 0.4, seed)
        run()
    assert any(isinstance(event, FillReceived) for event in lost)
    assert any(isinstance(event, OrderUpdate) for event in lost)
    rows_before = rows("SELECT count(*) FROM fills")
    with monkeypatch.context() as patch:  # closed, not interrupted: go on with it all the same
        patch.setattr("tradeterm.engine.startup._ENDED_DEMO", frozenset())
        seen = run(start_ts=LAST_DAY)
    assert rows("SELECT count(*) FROM fills") >= rows_before
    profile = demo_profile()
    assert differences_from_venue(profile) == []
    assert duplicate_entries(profile) == []
    assert list(check(profile.ledger, load_config(None, "demo"), audit=profile.audit).findings) == []
    first = seen.of(ReconciliationFact)[0]
    assert first.agreed
    assert first.findings


def test_a_venue_that_holds_something_else_halts_the_desk(monkeypatch: pytest.MonkeyPatch) -> None:
    from decimal import Decimal

    from tradeterm.brokers.protocol import VenuePosition

    async def positions(self: PaperBroker) -> list[VenuePosition]:
        return [VenuePosition("BTCUSDT.BINANCE", Decimal(1), Decimal(80000))]

    monkeypatch.setattr(PaperBroker, "positions", positions)
    seen = run()
    (fact, *_) = seen.of(ReconciliationFact)
    assert not fact.agreed
    assert fact.findings[-1] == "position BTCUSDT.BINANCE: 0 here, 1 at paper"
    assert rows("SELECT trading_state FROM desk_state") == [("HALTED",)]
    assert rows("SELECT count(*) FROM orders") == [(0,)]
