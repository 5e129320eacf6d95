"""What a set of paths is said to show: counted by hand, with errors that hold up, and bands."""

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tradeterm.quant.montecarlo import gbm_paths
from tradeterm.quant.simulation import Simulation, first_touch

HAND = np.array(
    [
        [100.0, 104.0, 111.0, 94.0],  # target first
        [100.0, 95.0, 120.0, 120.0],  # stop first: touching is enough
        [100.0, 96.0, 109.0, 100.0],  # neither, and not up
        [100.0, 110.0, 90.0, 101.0],  # target first, by touching
    ]
)


def test_counted_by_hand() -> None:
    summary = Simulation(HAND, seed=3).summary(target=110, stop=95)
    assert (summary.n, summary.seed) == (4, 3)
    assert summary.target_first == (0.5, 0.25)
    assert summary.stop_first == (0.25, pytest.approx(math.sqrt(0.25 * 0.75 / 4)))
    assert summary.neither == (0.25, pytest.approx(math.sqrt(0.25 * 0.75 / 4)))
    assert summary.up == (0.5, 0.25)
    assert summary.mean == pytest.approx(103.75)
    assert summary.mean_error == pytest.approx(np.std([94, 120, 100, 101], ddof=1) / 2)


def test_a_short_is_the_other_way_round() -> None:
    np.testing.assert_array_equal(first_touch(HAND, target=95, stop=110), [-1, 1, 0, -1])
    np.testing.assert_array_equal(first_touch(HAND, target=110, stop=95), [1, -1, 0, 1])


def test_one_level_alone_is_watched_alone() -> None:
    np.testing.assert_array_equal(first_touch(HAND, target=110), [1, 1, 0, 1])
    np.testing.assert_array_equal(first_touch(HAND, target=94), [1, 0, 0, 1])
    np.testing.assert_array_equal(first_touch(HAND, stop=95), [-1, -1, 0, -1])
    np.testing.assert_array_equal(first_touch(HAND, stop=110), [-1, -1, 0, -1])
    np.testing.assert_array_equal(first_touch(HAND), [0, 0, 0, 0])


def test_no_levels_no_passages() -> None:
    summary = Simulation(HAND).summary()
    assert (summary.target_first, summary.stop_first, summary.neither) == (None, None, None)
    assert summary.seed is None


@pytest.mark.parametrize(("target", "stop"), [(110, 105), (95, 90), (100, 95), (110, 100)])
def test_levels_on_one_side_are_refused(target: float, stop: float) -> None:
    with pytest.raises(ValueError, match="must lie between"):
        first_touch(HAND, target, stop)


def test_bands_hold_their_share_of_the_ends() -> None:
    paths = gbm_paths(100, 0, 0.4, 1.0, 10, 20_000, seed=8)
    for band in Simulation(paths, 8).summary().bands:
        inside = (paths[:, -1] >= band.low) & (paths[:, -1] <= band.high)
        assert inside.mean() == pytest.approx(band.level, abs=1e-3)


def test_bands_are_those_of_the_lognormal() -> None:
    bands = Simulation(gbm_paths(100, 0, 0.4, 1.0, 1, 100_000, seed=9), 9).summary().bands
    assert [band.level for band in bands] == [0.70, 0.90, 0.95]
    for band, z in zip(bands, (1.036433, 1.644854, 1.959964), strict=True):
        assert math.log(band.high / 100) == pytest.approx(-0.08 + 0.4 * z, abs=0.012)
        assert math.log(band.low / 100) == pytest.approx(-0.08 - 0.4 * z, abs=0.012)


def test_the_fan_ends_in_the_summary_and_begins_at_the_start() -> None:
    simulation = Simulation(gbm_paths(100, 0, 0.4, 1.0, 10, seed=8), 8)
    fan = simulation.bands()
    assert fan.shape == (3, 2, 11)
    assert (fan[:, :, 0] == 100).all()
    ends = simulation.summary().bands
    np.testing.assert_allclose(fan[:, :, -1], [(band.low, band.high) for band in ends])


@pytest.mark.parametrize("antithetic", [False, True])
def test_the_errors_told_are_those_seen_over_many_seeds(antithetic: bool) -> None:
    summaries = [
        Simulation(gbm_paths(100, 0.1, 0.4, 1.0, 8, 200, seed, antithetic), seed, antithetic).summary(120, 85)
        for seed in range(600)
    ]
    for name in ("up", "target_first", "neither"):
        seen = np.std([getattr(summary, name).probability for summary in summaries], ddof=1)
        told = np.mean([getattr(summary, name).standard_error for summary in summaries])
        assert told == pytest.approx(seen, rel=0.12)  # the deviation of 600 has an error of 3 %
    assert np.mean([s.mean_error for s in summaries]) == pytest.approx(np.std([s.mean for s in summaries]), rel=0.12)


def test_mirrored_paths_halve_the_error_of_the_mean_at_least() -> None:
    plain = Simulation(gbm_paths(100, 0, 0.4, 1.0, 8, seed=1), 1).summary()
    mirrored = Simulation(gbm_paths(100, 0, 0.4, 1.0, 8, seed=1, antithetic=True), 1, antithetic=True).summary()
    assert mirrored.mean_error < plain.mean_error / 2


@given(st.integers(0, 2**32), st.floats(100.5, 140), st.floats(70, 99.5))
def test_the_three_ways_out_sum_to_one(seed: int, target: float, stop: float) -> None:
    summary = Simulation(gbm_paths(100, 0, 0.6, 1.0, 6, 50, seed), seed).summary(target, stop)
    ways = summary.target_first, summary.stop_first, summary.neither
    assert sum(way.probability for way in ways if way is not None) == pytest.approx(1.0)


@pytest.mark.parametrize(
    "paths",
    [
        np.array([100.0, 101.0]),
        np.empty((0, 3)),
        np.array([[100.0, math.nan]]),
        np.array([[100.0, 0.0]]),
        np.array([[100.0], [100.0]]),
        np.array([[100.0, 101.0], [99.0, 101.0]]),
    ],
    ids=["one row", "empty", "not finite", "zero", "no step", "two starts"],
)
def test_what_are_no_paths_is_refused(paths: np.ndarray) -> None:
    with pytest.raises(ValueError, match="paths"):
        Simulation(paths)


def test_levels_of_bands_lie_between_0_and_1() -> None:
    with pytest.raises(ValueError, match="between 0 and 1"):
        Simulation(HAND).bands([1.0])
