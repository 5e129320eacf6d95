"""Closed forms of a geometric Brownian motion against each other, known identities and fine simulations."""

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tradeterm.quant.barriers import brownian_touch, first_passage, prob_above, prob_touch
from tradeterm.quant.montecarlo import gbm_paths
from tradeterm.quant.simulation import Simulation

SPOT, DRIFT, VOLATILITY, HORIZON = 100.0, 0.05, 0.4, 0.25


def normal(x: float) -> float:
    """The normal distribution function."""
    return math.erfc(-x / math.sqrt(2)) / 2


def test_above_a_level_is_the_second_term_of_black_scholes() -> None:
    # Hull, "Options, Futures and Other Derivatives", example 15.6: S 42, K 40, r 10 %, sigma 20 %, half a year.
    assert prob_above(42, 40, 0.1, 0.2, 0.5) == pytest.approx(normal(0.6278), abs=1e-4)


def test_above_a_level_without_volatility_is_certain() -> None:
    assert prob_above(100, 104, 0.05, 0.0, 1.0) == 1.0
    assert prob_above(100, 106, 0.05, 0.0, 1.0) == 0.0


def test_touching_without_drift_of_the_logarithm_is_twice_ending_beyond() -> None:
    drift = VOLATILITY**2 / 2
    beyond = prob_above(SPOT, 120, drift, VOLATILITY, HORIZON)
    assert prob_touch(SPOT, 120, drift, VOLATILITY, HORIZON) == pytest.approx(2 * beyond, rel=1e-12)


def test_touching_below_mirrors_touching_above() -> None:
    drift = VOLATILITY**2 / 2
    up = prob_touch(SPOT, SPOT * 1.25, drift + 0.1, VOLATILITY, HORIZON)
    down = prob_touch(SPOT, SPOT / 1.25, drift - 0.1, VOLATILITY, HORIZON)
    assert up == pytest.approx(down, rel=1e-12)


def test_touching_where_one_stands_is_certain() -> None:
    assert prob_touch(SPOT, SPOT, DRIFT, VOLATILITY, HORIZON) == 1.0


def test_touching_is_what_fine_paths_do_when_watched_at_the_same_moments() -> None:
    steps, n = 200, 20_000
    paths = gbm_paths(SPOT, DRIFT, VOLATILITY, HORIZON, steps, n, seed=11)
    touched = float((paths.max(axis=1) >= 115).mean())
    error = math.sqrt(touched * (1 - touched) / n)
    assert abs(touched - prob_touch(SPOT, 115, DRIFT, VOLATILITY, HORIZON, checks=steps)) < 4 * error
    assert prob_touch(SPOT, 115, DRIFT, VOLATILITY, HORIZON) - touched > 4 * error  # and not what is seen continuously


def test_the_textbook_form_of_the_reflection_principle() -> None:
    nu, spread, b = DRIFT - VOLATILITY**2 / 2, VOLATILITY * math.sqrt(HORIZON), math.log(1.15)
    book = normal((-b + nu * HORIZON) / spread)
    book += math.exp(2 * nu * b / VOLATILITY**2) * normal((-b - nu * HORIZON) / spread)
    assert prob_touch(SPOT, 115, DRIFT, VOLATILITY, HORIZON) == pytest.approx(book, rel=1e-12)


def test_a_martingale_reaches_the_target_first_by_its_distance_to_the_stop() -> None:
    assert first_passage(100, 105, 97, 0.0, VOLATILITY).target == pytest.approx(3 / 8, rel=1e-12)
    assert first_passage(100, 97, 105, 0.0, VOLATILITY).target == pytest.approx(5 / 8, rel=1e-12)


def test_a_driftless_logarithm_reaches_the_target_first_by_log_distances() -> None:
    passage = first_passage(100, 110, 95, VOLATILITY**2 / 2, VOLATILITY)
    gain, risk = math.log(1.1), -math.log(0.95)
    assert passage.target == pytest.approx(risk / (gain + risk), rel=1e-12)
    assert passage.neither == 0.0


@pytest.mark.parametrize("drift", [-1.0, 0.0, 0.3, 2.0])
def test_a_long_horizon_comes_to_no_horizon(drift: float) -> None:
    ever = first_passage(100, 110, 95, drift, VOLATILITY)
    assert first_passage(100, 110, 95, drift, VOLATILITY, 50.0) == pytest.approx(ever, abs=1e-12)


@pytest.mark.parametrize("drift", [-1.0, 0.0, 2.0])
def test_a_stop_out_of_reach_leaves_touching_the_target(drift: float) -> None:
    passage = first_passage(100, 110, 1e-6, drift, VOLATILITY, HORIZON)
    assert passage.target == pytest.approx(prob_touch(100, 110, drift, VOLATILITY, HORIZON), abs=1e-12)
    assert passage.stop == pytest.approx(0.0, abs=1e-12)


@pytest.mark.parametrize("drift", [-3.0, 0.0, 0.08, 5.0])
@pytest.mark.parametrize("width", [0.3, 1.0, 3.0])
def test_the_two_series_are_one_function(width: float, drift: float) -> None:
    """At width 1 the sum changes from one series to the other: no step may be seen there."""
    spread = VOLATILITY * math.sqrt(HORIZON)

    def near(factor: float) -> float:
        reach = spread * factor
        return first_passage(
            100, 100 * math.exp(0.4 * reach), 100 * math.exp(-0.6 * reach), drift, VOLATILITY, HORIZON
        ).target

    step = 1e-13
    assert near(width * (1 + step)) == pytest.approx(near(width * (1 - step)), abs=1e-11)
    below, above = near(width * 0.999), near(width * 1.001)
    assert near(width) == pytest.approx((below + above) / 2, abs=1e-5)


@pytest.mark.parametrize("horizon", [0.002, 0.05, 1.0])
def test_first_passage_is_what_fine_paths_do(horizon: float) -> None:
    steps, n = 400, 10_000
    paths = gbm_paths(100, 0.5, VOLATILITY, horizon, steps, n, seed=5)
    seen = Simulation(paths, 5).summary(target=104, stop=97)
    told = first_passage(100, 104, 97, 0.5, VOLATILITY, horizon, checks=steps)
    for estimate, exact in zip((seen.target_first, seen.stop_first, seen.neither), told, strict=True):
        assert estimate is not None
        assert abs(estimate.probability - exact) <= 4 * math.sqrt(exact * (1 - exact) / n) + 1e-9


def test_first_passage_without_volatility_goes_where_the_drift_goes() -> None:
    assert first_passage(100, 110, 95, 0.5, 0.0, 1.0) == (1, 0, 0)
    assert first_passage(100, 110, 95, -0.5, 0.0, 1.0) == (0, 1, 0)
    assert first_passage(100, 110, 95, 0.05, 0.0, 1.0) == (0, 0, 1)
    assert first_passage(100, 110, 95, 0.05, 0.0) == (1, 0, 0)
    assert first_passage(100, 110, 95, 0.0, 0.0) == (0, 0, 1)


@given(
    gain=st.floats(0.0001, 3),
    risk=st.floats(0.0001, 3),
    drift=st.floats(-20, 20),
    volatility=st.floats(1e-6, 50),
    horizon=st.floats(1e-6, 100),
)
def test_probabilities_are_probabilities(
    gain: float, risk: float, drift: float, volatility: float, horizon: float
) -> None:
    target, stop = 100 * math.exp(gain), 100 * math.exp(-risk)
    ever = first_passage(100, target, stop, drift, volatility)
    soon = first_passage(100, target, stop, drift, volatility, horizon)
    touch = prob_touch(100, target, drift, volatility, horizon)
    for passage in (ever, soon):
        assert all(0 <= p <= 1 for p in passage)
        assert sum(passage) == pytest.approx(1.0, abs=1e-12)
    assert soon.target <= ever.target + 1e-9
    assert soon.target <= touch + 1e-9
    assert 0 <= touch <= 1
    assert prob_above(100, target, drift, volatility, horizon) <= touch + 1e-9


@given(drift=st.floats(-5, 5), volatility=st.floats(0.01, 5), distance=st.floats(0.01, 5))
def test_more_time_never_makes_touching_less_likely(drift: float, volatility: float, distance: float) -> None:
    chances = [brownian_touch(distance, drift, volatility, horizon) for horizon in (0.01, 0.1, 1.0, 10.0, 1000.0)]
    chances.append(brownian_touch(distance, drift, volatility))
    assert np.diff(chances).min() > -1e-9


@pytest.mark.parametrize(
    ("arguments", "complaint"),
    [
        ((0.0, 110, 0.0, 0.4, 1.0), "spot must be above zero"),
        ((100, math.nan, 0.0, 0.4, 1.0), "level must be a finite number"),
        ((100, 110, math.inf, 0.4, 1.0), "drift must be a finite number"),
        ((100, 110, 0.0, -0.4, 1.0), "volatility must not be negative"),
        ((100, 110, 0.0, 0.4, 0.0), "horizon must be above zero"),
    ],
)
def test_what_makes_no_sense_is_refused(arguments: tuple[float, ...], complaint: str) -> None:
    for function in (prob_above, prob_touch):
        with pytest.raises(ValueError, match=complaint):
            function(*arguments)


def test_a_passage_needs_a_spot_in_between_and_a_horizon_for_its_checks() -> None:
    with pytest.raises(ValueError, match="must lie between"):
        first_passage(100, 110, 105, 0.0, 0.4, 1.0)
    with pytest.raises(ValueError, match="needs a horizon"):
        first_passage(100, 110, 95, 0.0, 0.4, checks=10)
    with pytest.raises(ValueError, match="checks must be a whole number"):
        first_passage(100, 110, 95, 0.0, 0.4, 1.0, checks=0)
