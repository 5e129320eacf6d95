"""Resampled series: what blocks keep, how long they are, and the automatic choice of a length."""

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from numpy.typing import NDArray

from tradeterm.quant.bootstrap import block_bootstrap, optimal_block

Floats = NDArray[np.float64]


def autoregressive(coefficient: float, size: int, seed: int = 1) -> Floats:
    """A series whose neighbours depend on each other."""
    noise = np.random.default_rng(seed).standard_normal(size)
    series = np.empty(size)
    last = 0.0
    for at, shock in enumerate(noise):
        series[at] = last = coefficient * last + shock
    return series


@pytest.mark.parametrize("method", ["stationary", "circular"])
def test_every_value_comes_from_the_series_equally_often(method: str) -> None:
    drawn = block_bootstrap(np.arange(10.0), 25, 4, method, paths=4000, seed=2)
    assert drawn.shape == (4000, 25)
    for column in drawn.T:
        counts = np.bincount(column.astype(int), minlength=10)
        assert ((counts - 400) ** 2 / 400).sum() < 40  # chi-square of 9: one in 10^5


def test_a_stationary_block_goes_on_with_the_probability_of_its_mean_length() -> None:
    drawn = block_bootstrap(np.arange(1000.0), 200, 8.0, "stationary", paths=500, seed=3)
    goes_on = (np.diff(drawn, axis=1) % 1000 == 1).ravel()
    expected = 7 / 8 + 1 / 8 / 1000
    assert abs(goes_on.mean() - expected) < 4 * math.sqrt(expected * (1 - expected) / goes_on.size)
    # Without a memory: going on twice in a row is independent (four errors of the square of the share above).
    assert abs((goes_on[1:] & goes_on[:-1]).mean() - expected**2) < 8 * math.sqrt(expected * (1 - expected) / 1e5)


def test_a_circular_block_has_one_length() -> None:
    drawn = block_bootstrap(np.arange(1000.0), 23, 5, "circular", paths=300, seed=3)
    goes_on = np.diff(drawn, axis=1) % 1000 == 1
    inside = np.arange(1, 23) % 5 != 0
    assert goes_on[:, inside].all()
    assert goes_on[:, ~inside].mean() < 0.02


def test_paths_begin_anew() -> None:
    drawn = block_bootstrap(np.arange(50.0), 10, 50.0, "stationary", paths=4000, seed=4)
    follows = (drawn[1:, 0] - drawn[:-1, -1]) % 50 == 1
    assert abs(follows.mean() - 1 / 50) < 4 * math.sqrt(0.02 * 0.98 / 3999)


def test_rows_stay_together() -> None:
    x = np.arange(40.0)
    drawn = block_bootstrap(np.column_stack([x, -x, 2 * x]), 15, 3, paths=20, seed=5)
    assert drawn.shape == (20, 15, 3)
    np.testing.assert_array_equal(drawn[:, :, 1], -drawn[:, :, 0])
    np.testing.assert_array_equal(drawn[:, :, 2], 2 * drawn[:, :, 0])


@pytest.mark.parametrize("method", ["stationary", "circular"])
def test_blocks_keep_the_error_of_a_mean_that_independent_draws_lose(method: str) -> None:
    """The mean of an AR(1) series of n values has the error σ/((1−φ)√n)."""
    series = autoregressive(0.6, 2000)
    blocks = block_bootstrap(series, method=method, paths=600, seed=6).mean(axis=1).std()
    alone = block_bootstrap(series, block=1, method=method, paths=600, seed=6).mean(axis=1).std()
    true = 1 / 0.4 / math.sqrt(2000)
    assert blocks == pytest.approx(true, rel=0.25)
    assert alone < true * 0.6


def test_the_automatic_length_is_that_of_the_corrected_rule() -> None:
    """Figures of arch 8.0.0, `optimal_block_length`, an implementation of Patton, Politis & White (2009)."""
    lengths = optimal_block(np.sin(np.arange(120) ** 1.3) + 0.3 * np.cos(np.arange(120) / 9))
    assert lengths == pytest.approx((2.1773726718974404, 2.492469508867403), rel=1e-9)
    trend = optimal_block(np.array([(at * 7919 % 101) / 101 + 0.02 * at for at in range(60)]))
    assert trend == pytest.approx((10.335150650113345, 11.830794148119073), rel=1e-9)


def test_the_automatic_length_grows_with_the_dependence() -> None:
    lengths = [optimal_block(autoregressive(coefficient, 1000)).stationary for coefficient in (0.0, 0.5, 0.9)]
    assert lengths[0] < 5 < lengths[1] < lengths[2]


def test_short_and_constant_series_fall_back_on_the_cube_root() -> None:
    assert optimal_block(np.arange(8.0)) == (pytest.approx(2.0), pytest.approx(2.0))
    assert optimal_block(np.full(64, 0.1)) == (pytest.approx(4.0), pytest.approx(4.0))


def test_several_columns_take_the_longest_length() -> None:
    quick, slow = autoregressive(0.0, 400, 1), autoregressive(0.9, 400, 2)
    assert optimal_block(np.column_stack([quick, slow])) == optimal_block(slow)


@given(
    st.lists(st.floats(-1e6, 1e6), min_size=1, max_size=60),
    st.integers(1, 40),
    st.sampled_from(["stationary", "circular"]),
    st.integers(0, 2**32),
)
def test_any_series_can_be_resampled_and_again_alike(x: list[float], size: int, method: str, seed: int) -> None:
    drawn = block_bootstrap(x, size, method=method, paths=7, seed=seed)
    assert drawn.shape == (7, size)
    assert np.isin(drawn, np.asarray(x)).all()
    np.testing.assert_array_equal(drawn, block_bootstrap(x, size, method=method, paths=7, seed=seed))


@pytest.mark.parametrize(
    ("arguments", "complaint"),
    [
        ({"x": []}, "at least one value"),
        ({"x": [1.0, math.inf]}, "finite numbers only"),
        ({"x": np.zeros((2, 2, 2))}, "dimension"),
        ({"x": [1.0, 2.0], "block": 0.5}, "a block must be between 1 and the 2"),
        ({"x": [1.0, 2.0], "block": 3}, "a block must be between 1 and the 2"),
        ({"x": [1.0, 2.0], "block": math.nan}, "a block must be between 1 and the 2"),
        ({"x": [1.0, 2.0], "method": "moving"}, "'stationary' or 'circular'"),
        ({"x": [1.0, 2.0], "size": 0}, "size must be a whole number"),
    ],
)
def test_what_makes_no_sense_is_refused(arguments: dict[str, object], complaint: str) -> None:
    with pytest.raises(ValueError, match=complaint):
        block_bootstrap(**arguments)  # type: ignore[arg-type]
