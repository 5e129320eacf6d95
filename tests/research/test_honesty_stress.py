"""Stress: the worst days, and scenarios on what was held."""

import numpy as np
import pytest
from honesty_kit import DAY_ROWS, hourly, names, register, study_of, walk
from research_kit import MONDAY

from tradeterm.domain.market import DAY_MS
from tradeterm.research.honesty.stress import stress
from tradeterm.research.study import Study, run


@pytest.fixture(autouse=True)
def strategies(monkeypatch: pytest.MonkeyPatch) -> None:
    register(monkeypatch)


def crashing() -> Study:
    """Three names walk for 30 days; on day 12 all of them lose a tenth within an hour."""
    close = walk(6, 30 * DAY_ROWS, 3)
    close[12 * DAY_ROWS + 5 :] *= 0.9
    volume = np.full(close.shape, 1e5)
    return study_of(hourly(close, volume=volume), parameters={"every": 6})


def test_the_worst_days_are_the_worst() -> None:
    study = crashing()
    found = stress(study)
    assert found.falls[0].ts == MONDAY + 12 * DAY_MS
    ends = study.panel.close[DAY_ROWS - 1 :: DAY_ROWS]
    moves = (ends[1:] / ends[:-1] - 1).mean(axis=1)
    assert [day.market for day in found.falls] == pytest.approx(np.sort(moves)[:5].tolist())
    equity = run(study).equity.value
    returns = equity[2:] / equity[1:-1] - 1
    assert [day.book for day in found.worst] == pytest.approx(np.sort(returns)[:5].tolist())


def test_scenarios_are_put_to_what_was_held_at_the_fullest() -> None:
    study = crashing()
    found, trades = stress(study), run(study).trades
    assert found.ts is not None
    held = (trades.entry_ts <= found.ts) & (trades.exit_ts > found.ts)
    assert sorted(name for name, _ in found.held) == sorted(trades.names[i] for i in trades.instrument[held])
    gross = sum(abs(share) for _, share in found.held)
    for ts in trades.entry_ts:
        then = (trades.entry_ts <= ts) & (trades.exit_ts > ts)
        assert (trades.quantity * trades.entry_price)[then].sum() / study.book.capital <= gross * 1.2
    losses = {loss.scenario: loss for loss in found.losses}
    assert losses["Flash crash"].share == pytest.approx(0.3 * sum(share for _, share in found.held))
    assert {"Liquidity crisis", "Correlation to one", "Venue outage", "2025-01-18 again"} <= set(losses)
    assert losses["2025-01-18 again"].share > 0.05 * gross
    assert losses["Venue outage"].share == pytest.approx(0.1 * gross, rel=0.3)
    assert losses["Liquidity crisis"].unknown == ()


def test_a_short_book_fears_the_other_way() -> None:
    found = stress(crashing().with_parameters({"side": -1}))
    losses = {loss.scenario: loss.share for loss in found.losses}
    assert all(share < 0 for _, share in found.held)
    assert losses["Flash crash"] < 0


def test_without_volume_what_needs_it_is_named() -> None:
    study = study_of(hourly(walk(6, 10 * DAY_ROWS, 2)), parameters={"every": 6})
    losses = {loss.scenario: loss for loss in stress(study).losses}
    assert losses["Liquidity crisis"].unknown == names(2)


def test_no_trades() -> None:
    found = stress(study_of(hourly(walk(6, 10 * DAY_ROWS)), parameters={"side": 0}))
    assert (found.ts, found.held, found.losses, found.worst) == (None, (), (), ())
    assert found.sentence == "It held nothing that could be stressed."


def test_the_sentence_is_made_of_its_numbers() -> None:
    found = stress(crashing())
    worst = max(found.losses, key=lambda loss: loss.share)
    assert worst.scenario in found.sentence
    assert f"costs {worst.share * 100:.2f} % of equity" in found.sentence
    assert f"lost {found.worst[0].book * 100:+.2f} %" in found.sentence


def test_days_that_make_no_sense() -> None:
    with pytest.raises(ValueError, match="days"):
        stress(crashing(), 0)
