"""Jumps: none is GBM, the drift is compensated, Merton's moments; and what headlines and a calendar turn into."""

import math
from collections.abc import Sequence

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from numpy.typing import NDArray

from tradeterm.quant.events import CalendarEntry, Headline, Impact, Jumps, NewsEffect, event_paths, news_effect
from tradeterm.quant.montecarlo import gbm_paths

Floats = NDArray[np.float64]

SPOT, DRIFT, VOLATILITY, HORIZON, STEPS = 100.0, 0.06, 0.4, 0.25, 48
MANY, SEED = 40_000, 77
HOUR, DAY = 3_600_000, 86_400_000
START = 1_700_000_000_000


def within(values: Floats, expected: float) -> None:
    """The mean of independent values is what it should be, within four standard errors."""
    error = float(values.std(ddof=1)) / math.sqrt(values.size)
    assert abs(float(values.mean()) - expected) < 4 * error


def effect(headlines: Sequence[Headline], calendar: Sequence[CalendarEntry] = ()) -> NewsEffect:
    """What these items do to a day of hourly steps."""
    return news_effect(headlines, calendar, start=START, end=START + DAY, steps=24)


def test_without_jumps_it_is_gbm_to_the_last_bit() -> None:
    plain = gbm_paths(SPOT, DRIFT, VOLATILITY, HORIZON, STEPS, seed=SEED)
    np.testing.assert_array_equal(event_paths(SPOT, DRIFT, VOLATILITY, HORIZON, STEPS, seed=SEED), plain)
    never = [Jumps(0.0, -0.1, 0.2)]
    np.testing.assert_array_equal(event_paths(SPOT, DRIFT, VOLATILITY, HORIZON, STEPS, never, seed=SEED), plain)


def test_no_news_is_gbm_to_the_last_bit() -> None:
    nothing = effect([])
    assert nothing.jumps == ()
    paths = event_paths(
        SPOT, DRIFT, VOLATILITY, HORIZON, 24, nothing.jumps, seed=SEED, volatility_factor=nothing.volatility_factor
    )
    np.testing.assert_array_equal(paths, gbm_paths(SPOT, DRIFT, VOLATILITY, HORIZON, 24, seed=SEED))


@pytest.mark.parametrize("rate", [2.0, 60.0, 600.0])
def test_moments_are_mertons(rate: float) -> None:
    mean, deviation = -0.02, 0.03
    jumps = [Jumps(rate * HORIZON / STEPS, mean, deviation)]
    paths = event_paths(SPOT, DRIFT, VOLATILITY, HORIZON, STEPS, jumps, MANY, SEED)
    kappa = math.exp(mean + deviation**2 / 2) - 1
    last = np.log(paths[:, -1] / SPOT)
    expected = (DRIFT - rate * kappa - VOLATILITY**2 / 2) * HORIZON + rate * HORIZON * mean
    within(last, expected)
    within((last - expected) ** 2, VOLATILITY**2 * HORIZON + rate * HORIZON * (mean**2 + deviation**2))
    for step in (1, 20, STEPS):
        within(paths[:, step], SPOT * math.exp(DRIFT * HORIZON * step / STEPS))


def test_jumps_fall_where_they_are_expected() -> None:
    numbers = np.zeros(STEPS)
    numbers[10], numbers[30] = 0.5, 1.5
    paths = event_paths(SPOT, 0.0, 0.0, HORIZON, STEPS, [Jumps(numbers, 0.1, 0.0)], MANY, SEED)
    moves = np.diff(np.log(paths), axis=1)
    counts = np.round((moves + numbers * math.expm1(0.1)) / 0.1)
    for step, expected in ((10, 0.5), (30, 1.5)):
        within(counts[:, step], expected)
        within((counts[:, step] - expected) ** 2, expected)
    assert not counts[:, np.setdiff1d(np.arange(STEPS), [10, 30])].any()


def test_two_sources_add_up_to_one_of_both_rates() -> None:
    half = Jumps(0.05, -0.02, 0.03)
    last = np.log(event_paths(SPOT, 0.0, 0.1, 1.0, STEPS, [half, half], MANY, SEED)[:, -1] / SPOT)
    number, kappa = 0.1 * STEPS, math.exp(-0.02 + 0.03**2 / 2) - 1
    within(last, -number * kappa - 0.005 + number * -0.02)


def test_the_volatility_factor_acts_on_its_step() -> None:
    factor = np.ones(STEPS)
    factor[5] = 3.0
    rough = np.diff(np.log(event_paths(SPOT, 0.0, 0.2, 1.0, STEPS, seed=SEED, volatility_factor=factor)), axis=1)
    plain = np.diff(np.log(gbm_paths(SPOT, 0.0, 0.2, 1.0, STEPS, seed=SEED)), axis=1)
    variance = 0.2**2 / STEPS
    np.testing.assert_allclose(rough[:, 5] + 9 * variance / 2, 3 * (plain[:, 5] + variance / 2), atol=1e-12)
    np.testing.assert_allclose(np.delete(rough, 5, axis=1), np.delete(plain, 5, axis=1), atol=1e-12)


def test_a_headline_does_what_its_row_says_and_half_of_it_six_hours_later() -> None:
    now, later = (effect([Headline(START - age, -0.9)]) for age in (1, 6 * HOUR + 1))
    (fresh,), (old,) = now.jumps, later.jumps
    assert fresh.deviation == old.deviation == 0.04
    assert fresh.mean == old.mean == -0.02
    assert np.asarray(fresh.per_step)[0] == pytest.approx(3 / 24, rel=0.06)
    np.testing.assert_allclose(np.asarray(fresh.per_step), 2 * np.asarray(old.per_step), rtol=1e-9)
    assert np.asarray(fresh.per_step)[6] == pytest.approx(np.asarray(fresh.per_step)[0] / 2)
    assert now.volatility_factor[0] == pytest.approx(1.5, abs=1e-6)
    assert now.volatility_factor[6] == pytest.approx(1.25, abs=1e-6)


def test_the_number_of_jumps_does_not_depend_on_the_steps() -> None:
    item = [Headline(START - HOUR, 0.7)]
    coarse, fine = (news_effect(item, [], start=START, end=START + DAY, steps=steps).jumps[0] for steps in (1, 96))
    assert np.sum(coarse.per_step) == pytest.approx(np.sum(fine.per_step), rel=1e-12)


def test_one_story_told_often_counts_once() -> None:
    often = [Headline(START - minute * 60_000, -0.7) for minute in range(1, 60)]
    told, once = effect(often), effect([often[0]])
    np.testing.assert_array_equal(told.jumps[0].per_step, once.jumps[0].per_step)
    assert len(told.jumps) == 1
    assert (told.used, told.ignored) == (59, 0)


def test_good_and_bad_news_are_two_sources() -> None:
    both = effect([Headline(START - HOUR, 0.7), Headline(START - HOUR, -0.7)])
    assert sorted(jumps.mean for jumps in both.jumps) == [-0.01, 0.01]


@pytest.mark.parametrize(
    "headline",
    [
        Headline(START, -1.0),
        Headline(START + 1, -1.0),
        Headline(START - 48 * HOUR - 1, -1.0),
        Headline(START - HOUR, 0.29),
    ],
    ids=["at the start", "after the start", "forgotten", "slight"],
)
def test_headlines_that_do_not_count(headline: Headline) -> None:
    result = effect([headline])
    assert result.jumps == ()
    assert (result.volatility_factor == 1).all()
    assert (result.used, result.ignored) == (0, 1)


def test_a_calendar_entry_jumps_in_its_step() -> None:
    due = CalendarEntry(START + 5 * HOUR, START - DAY, Impact.HIGH)
    (jumps,) = effect([], [due, due]).jumps
    numbers = np.asarray(jumps.per_step)
    assert numbers[5] == 1.5
    assert numbers.sum() == 1.5
    assert jumps.deviation == 0.02


@pytest.mark.parametrize(
    "entry",
    [
        CalendarEntry(START + HOUR, START, Impact.HIGH),
        CalendarEntry(START - HOUR, START - DAY, Impact.HIGH),
        CalendarEntry(START + DAY, START - DAY, Impact.HIGH),
    ],
    ids=["not yet known", "over", "after the end"],
)
def test_calendar_entries_that_do_not_count(entry: CalendarEntry) -> None:
    result = effect([], [entry])
    assert (result.jumps, result.used, result.ignored) == ((), 0, 1)


items = st.builds(Headline, ts=st.integers(START - 3 * DAY, START + DAY), score=st.floats(-1, 1))
entries = st.builds(
    CalendarEntry,
    ts=st.integers(START - DAY, START + 2 * DAY),
    ts_known=st.integers(START - DAY, START + DAY),
    impact=st.sampled_from(Impact),
)


@given(st.lists(items, max_size=8), st.lists(entries, max_size=8))
def test_nothing_from_after_the_start_changes_anything(
    headlines: list[Headline], calendar: list[CalendarEntry]
) -> None:
    everything = effect(headlines, calendar)
    known = effect(
        [item for item in headlines if item.ts < START], [item for item in calendar if item.ts_known < START]
    )
    assert everything.used == known.used
    assert everything.used + everything.ignored == len(headlines) + len(calendar)
    np.testing.assert_array_equal(everything.volatility_factor, known.volatility_factor)
    assert len(everything.jumps) == len(known.jumps)
    for one, other in zip(everything.jumps, known.jumps, strict=True):
        np.testing.assert_array_equal(one.per_step, other.per_step)


def test_what_makes_no_sense_is_refused() -> None:
    with pytest.raises(ValueError, match="score must lie between -1 and 1"):
        effect([Headline(START - HOUR, math.nan)])
    with pytest.raises(ValueError, match="the end must come after the start"):
        news_effect([], [], start=START, end=START, steps=4)
    with pytest.raises(ValueError, match="expected number of jumps must be finite and not negative"):
        event_paths(SPOT, 0.0, 0.2, 1.0, STEPS, [Jumps(-1.0, 0.0, 0.1)])
    with pytest.raises(ValueError, match="one number or one for each of the 48 steps"):
        event_paths(SPOT, 0.0, 0.2, 1.0, STEPS, [Jumps(np.ones(3), 0.0, 0.1)])
    with pytest.raises(ValueError, match="deviation must not be negative"):
        event_paths(SPOT, 0.0, 0.2, 1.0, STEPS, [Jumps(1.0, 0.0, -0.1)])
    with pytest.raises(ValueError, match="volatility factor must be finite"):
        event_paths(SPOT, 0.0, 0.2, 1.0, STEPS, volatility_factor=math.nan)
