"""The risk worker: what it posts and when, over restarts and failures, without ever looking ahead."""

import asyncio
from itertools import pairwise

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from risk_kit import NAMES, START, STEP, Bench, Here, walk

from tradeterm.config import BookConfig
from tradeterm.domain.errors import ConfigError
from tradeterm.domain.events import CovarianceUpdate, ModelUpdate
from tradeterm.domain.facts import AlertFact, CorrelationFact, FanFact, StressFact
from tradeterm.domain.market import DAY_MS, HOUR_MS
from tradeterm.engine.models.models import RECORDED_REFRESHES
from tradeterm.feeds.registry import check_feed
from tradeterm.quant import desk_risk

EVERY = RECORDED_REFRESHES * HOUR_MS
MIDDLE = START + 4 * DAY_MS + HOUR_MS
END = MIDDLE + 8 * HOUR_MS
NEXT_DAY = START + 5 * DAY_MS + 2 * HOUR_MS
BARS = walk((NEXT_DAY - START) // STEP)


@pytest.fixture(autouse=True)
def no_fits(monkeypatch: pytest.MonkeyPatch) -> None:
    """They take most of the time, and have tests of their own."""
    monkeypatch.setattr(desk_risk, "_mood", lambda *_: {"market_volatility": None, "market_stress": None})


async def driven(after: int = MIDDLE, until: int = END, bars: object = None) -> Bench:
    bench = Bench()
    await bench.drive(BARS if bars is None else bars, after=after, until=until)  # type: ignore[arg-type]
    return bench


async def test_a_refresh_comes_at_the_start_and_at_every_full_interval() -> None:
    bench = await driven()
    found = bench.of(CovarianceUpdate)
    assert [event.ts for event in found] == list(range(MIDDLE // EVERY * EVERY, END + 1, EVERY))
    assert all(set(event.instruments) == set(NAMES) for event in found)
    assert all(b.observations == a.observations + 3 for a, b in pairwise(found))
    risk = [event for event in bench.of(ModelUpdate) if event.model == "risk"]
    assert [event.subject for event in risk[:2]] == ["", "crypto"]
    assert len(risk) == 2 * len(found)


async def test_models_come_before_the_refresh_of_their_instant_and_once_a_bar() -> None:
    bench = await driven()
    bars = [event for event in bench.of(ModelUpdate) if event.model == "instrument" and event.ts > MIDDLE]
    assert len(bars) == 3 * (END - MIDDLE) // STEP
    for place, event in enumerate(bench.posted[1:], 1):
        if isinstance(event, CovarianceUpdate) and event.ts > MIDDLE:
            assert bench.posted[place - 1].ts == event.ts


async def test_two_runs_post_the_same() -> None:
    first, second = await driven(), await driven()
    assert first.posted == second.posted
    assert first.facts == second.facts


@given(cut=st.integers(1, 7 * 12))
@settings(max_examples=10)
def test_no_look_ahead_whatever_comes_later_changes_nothing(cut: int) -> None:
    until = MIDDLE + cut * STEP
    known = [bar for bar in BARS if bar.ts_event <= until]

    async def compare() -> None:
        whole, cut_off = await driven(until=until), await driven(until=until, bars=known)
        assert whole.posted == cut_off.posted
        assert whole.facts == cut_off.facts

    asyncio.run(compare())


@given(cut=st.integers(1, 7 * 12))
@settings(max_examples=10)
def test_a_run_that_goes_on_posts_what_it_would_have_posted(cut: int) -> None:
    again = MIDDLE + cut * STEP

    async def compare() -> None:
        whole, resumed = await driven(), await driven(after=again)
        later = [event for event in whole.posted if event.ts > again]
        assert [event for event in resumed.posted if event.ts > again] == later
        covariances = [event for event in whole.of(CovarianceUpdate) if event.ts <= again]
        assert resumed.of(CovarianceUpdate)[0] == covariances[-1]
        for name in NAMES:
            before = [e for e in whole.of(ModelUpdate) if e.subject == name and e.ts <= again][-1]
            assert next(event for event in resumed.of(ModelUpdate) if event.subject == name) == before

    asyncio.run(compare())


async def test_a_failure_is_told_and_tried_again_with_the_same_result() -> None:
    calm = await driven()
    bench = Bench(Here(failures=2))
    await bench.drive(BARS, after=MIDDLE, until=END)
    assert bench.posted == calm.posted
    gone = "OSError: the process is gone"
    assert bench.states[-5:] == [
        ("FAILED", gone),
        ("STARTING", gone),
        ("FAILED", gone),
        ("STARTING", gone),
        ("RUNNING", ""),
    ]
    assert bench.told(AlertFact) == []


async def test_a_refresh_that_fails_three_times_is_left_out_loudly() -> None:
    bench = Bench(Here(failures=3))
    await bench.drive(BARS, after=MIDDLE, until=END)
    (alert,) = bench.told(AlertFact)
    assert alert.code == "RISK_FAILED"
    assert "the process is gone" in alert.text
    assert bench.states[-1] == ("RUNNING", "")
    assert bench.of(CovarianceUpdate)[0].ts == MIDDLE // EVERY * EVERY + EVERY


async def test_with_too_little_history_nothing_is_made_up() -> None:
    bench = await driven(after=START + HOUR_MS, until=START + 2 * HOUR_MS, bars=BARS[: 3 * 24])
    assert all(event.instruments == () for event in bench.of(CovarianceUpdate))
    values = bench.desk.state.risk["crypto"]
    assert values["market_volatility"] is None
    assert values["var_99"] == 0.0
    assert bench.told(CorrelationFact) == []
    assert [fact.numbers for fact in bench.told(FanFact)] == [{"trades": 0.0}]


async def test_facts_are_told_when_they_are_new() -> None:
    bench = await driven(until=NEXT_DAY)
    assert [fact.ts // DAY_MS for fact in bench.told(CorrelationFact)] == sorted(
        {event.ts // DAY_MS if event.ts > MIDDLE else MIDDLE // DAY_MS for event in bench.of(CovarianceUpdate)}
    )
    scenarios = [fact.scenario for fact in bench.told(StressFact) if fact.book == "crypto"]
    assert len(scenarios) == len(set(scenarios)) >= 8
    assert {fact.loss for fact in bench.told(StressFact)} == {0.0}
    assert len(bench.told(FanFact)) == 1


async def test_live_take_does_not_wait() -> None:
    class Never(Here):
        async def refresh(self, inputs: object) -> object:  # type: ignore[override]
            await asyncio.Event().wait()

    bench = Bench(Never(), lockstep=False)
    async with asyncio.timeout(10):
        await bench.drive(BARS, after=MIDDLE, until=END)
    assert bench.of(CovarianceUpdate) == []


@pytest.mark.parametrize("minutes", [1.0, 20.0, 1440.0])
async def test_the_interval_is_the_configured_one(minutes: float) -> None:
    bench = Bench(refresh_minutes=minutes)
    await bench.drive(BARS, after=MIDDLE, until=MIDDLE)
    every = RECORDED_REFRESHES * int(minutes * 60_000)
    (event,) = bench.of(CovarianceUpdate)
    assert event.ts == MIDDLE // every * every
    assert event.observations == (event.ts - START) // HOUR_MS - 1


def test_models_of_two_bar_lengths_are_refused() -> None:
    """Otherwise a book's ATR would be that of another one's bars; the feed refuses such a configuration first."""
    hourly = BookConfig(strategy="eos", venue="paper", instruments=NAMES, capital=100_000.0, interval="1h")
    bench = Bench()
    two = msgspec.structs.replace(bench.config, books={**bench.config.books, "slow": hourly})
    with pytest.raises(ConfigError):
        check_feed(two)
    with pytest.raises(ValueError, match="too many values"):
        bench.made(two)
