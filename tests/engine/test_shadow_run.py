"""Shadow trades of the whole engine: beside real ones on the paper venue, over a restart, and over a SIGKILL."""

import os
import signal
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest
from crash_kit import finish, start
from engine_kit import SIX, rows, short_run

from tradeterm.domain.facts import ShadowTrade, SignalFact, Trade
from tradeterm.domain.orders import Fill
from tradeterm.domain.signals import Verdict, VerdictDecision
from tradeterm.engine.replay import replay_journal

pytestmark = pytest.mark.usefixtures("fitted_here")
WHOLE = 1_743_811_200_000  # 2025-04-05 00:00 UTC, where the recording begins
COLUMNS = (
    "id, verdict_id, strategy, side, quantity, entry_price, exit_price, ts_opened, ts_closed, pnl, exit_reason, stop,"
    " target, fees, funding, regime, currency, held"
)
STEP = Decimal("1e-6")


def shadows() -> list[tuple[Any, ...]]:
    return rows(f"SELECT {COLUMNS} FROM shadow_trades ORDER BY id")


def test_the_shadow_of_an_approved_signal_is_its_trade() -> None:
    """On the recording nothing differs: the paper venue fills at the opens that the shadow's rule names. Of a reduced
    signal prices and reasons are the same, and the money is as much smaller as the size."""
    seen = short_run(start_ts=WHOLE)
    verdicts = {verdict.signal_id: verdict for verdict in seen.of(Verdict)}
    last = {shadow.signal_id: shadow for shadow in seen.of(ShadowTrade)}
    trades = [trade for trade in seen.of(Trade) if trade.signal_id in last]
    assert len(trades) == len(seen.of(Trade)) > 20
    approved = 0
    for trade in trades:
        shadow = last[trade.signal_id]
        assert (shadow.entry_price, shadow.exit_price) == (trade.entry_price, trade.exit_price)
        assert (shadow.exit_reason, shadow.side, shadow.ts_opened) == (trade.exit_reason, trade.side, trade.ts_opened)
        assert shadow.pnl is not None
        if verdicts[trade.signal_id].decision is VerdictDecision.APPROVE:
            approved += 1
            assert (shadow.quantity, shadow.pnl, shadow.fees) == (trade.quantity, trade.pnl, trade.fees)
        else:
            assert shadow.quantity > trade.quantity
            a_unit = (shadow.pnl / shadow.quantity, trade.pnl / trade.quantity)
            assert abs(a_unit[0] - a_unit[1]) < STEP * trade.entry_price
    assert approved > 5
    rejected = [name for name, verdict in verdicts.items() if verdict.decision is VerdictDecision.REJECT]
    assert len(rejected) > 5
    assert all(last[name].pnl is not None for name in rejected)
    answered = {fact.id for fact in seen.of(SignalFact) if fact.verdict_id is not None}
    assert last.keys() == answered
    (summary,) = seen.summaries
    assert replay_journal(Path(str(summary["journal"]))).identical


@pytest.mark.parametrize("count", [2, 9])
def test_an_interrupted_run_follows_its_shadows_to_the_same_end(count: int) -> None:
    short_run()
    whole = shadows()
    assert len(whole) > 3
    reading, writing = os.pipe()
    left = count

    def hook(ts: int, fact: object) -> None:
        nonlocal left
        if isinstance(fact, Fill):
            left -= 1
            if left == 0:
                os.close(writing)

    first = short_run(hook=hook, parent_fd=reading, speed=400_000.0)
    os.close(reading)
    assert first.summaries[0]["status"] == "INTERRUPTED"
    assert any(shadow.ts_closed is None for shadow in {s.id: s for s in first.of(ShadowTrade)}.values())
    short_run()
    assert shadows() == whole


@pytest.mark.parametrize(("point", "count"), [("after-commit", 2), ("after-fill", 2), ("at-venue-fill", 3)])
def test_a_killed_run_follows_its_shadows_to_the_same_end(home: Path, point: str, count: int) -> None:
    assert finish(start(home, str(SIX))) == 0
    whole = shadows()
    assert finish(start(home, str(SIX), point, str(count))) == -signal.SIGKILL
    assert shadows() != whole
    assert finish(start(home, str(SIX))) == 0
    assert shadows() == whole
