"""Close-to-close and exponentially weighted volatility."""

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tradeterm.quant.volatility import close_to_close, ewma_variance, ewma_volatility


def prices(seed: int, rows: int) -> np.ndarray:
    return 100 * np.exp(np.cumsum(0.01 * np.random.default_rng(seed).standard_normal(rows)))


def test_close_to_close_is_the_sample_deviation_annualised() -> None:
    close = prices(1, 60)
    out = close_to_close(close, 20, 365)
    returns = np.diff(np.log(close))
    assert np.isnan(out[:20]).all()
    for row in (20, 33, 59):
        assert out[row] == pytest.approx(returns[row - 20 : row].std(ddof=1) * math.sqrt(365), rel=1e-12)


def test_close_to_close_takes_columns_apart() -> None:
    both = np.column_stack([prices(1, 40), prices(2, 40)])
    assert np.array_equal(close_to_close(both, 5, 252)[:, 1], close_to_close(both[:, 1], 5, 252), equal_nan=True)


@pytest.mark.parametrize("bad", [np.nan, np.inf, 0.0, -1.0])
def test_a_bad_close_has_no_value_while_it_is_in_the_window(bad: float) -> None:
    close = prices(3, 40)
    close[15] = bad
    out = close_to_close(close, 5, 252)
    assert np.isnan(out[15:21]).all()
    assert np.isfinite(out[21:]).all() and np.isfinite(out[5:15]).all()


@pytest.mark.parametrize("rows", [0, 1, 5])
def test_too_short_is_all_missing(rows: int) -> None:
    assert np.isnan(close_to_close(np.ones(rows), 5, 252)).all()
    assert np.isnan(ewma_volatility(np.ones(rows))).all()


@given(st.integers(0, 1000), st.integers(0, 30), st.integers(21, 59))
def test_each_value_looks_only_at_its_own_past(seed: int, dropped: int, row: int) -> None:
    close = prices(seed, 60)
    whole = close_to_close(close, 20, 252)
    assert np.array_equal(close_to_close(close[: row + 1], 20, 252), whole[: row + 1], equal_nan=True)
    assert np.array_equal(close_to_close(close[dropped:], 20, 252)[20:], whole[dropped + 20 :])
    returns = np.diff(np.log(close))
    assert np.array_equal(ewma_variance(returns[:row]), ewma_variance(returns)[:row], equal_nan=True)


def test_ewma_is_the_weighted_mean_of_squares() -> None:
    returns = np.diff(np.log(prices(4, 80)))
    out = ewma_variance(returns, 0.94)
    weights = 0.94 ** np.arange(50)
    assert np.isnan(out[:19]).all()
    assert out[49] == pytest.approx(weights @ returns[49::-1] ** 2 / weights.sum(), rel=1e-12)
    assert ewma_volatility(returns, 0.94, 365.0)[49] == pytest.approx(math.sqrt(out[49] * 365), rel=1e-12)


def test_ewma_of_a_constant_size_is_that_size_from_the_first_value_on() -> None:
    assert np.allclose(ewma_volatility(np.tile([0.01, -0.01], 30))[19:], 0.01, rtol=1e-12)


def test_a_missing_return_has_no_weight_and_does_not_stay() -> None:
    returns = np.diff(np.log(prices(5, 80)))
    returns[40] = np.nan
    out = ewma_variance(returns)
    assert np.isnan(out[40])
    ages = np.delete(np.arange(50), 49 - 40)
    weights = 0.94**ages
    assert out[49] == pytest.approx(weights @ returns[49 - ages] ** 2 / weights.sum(), rel=1e-12)


def test_refusals() -> None:
    with pytest.raises(ValueError, match="one number has none"):
        close_to_close(5.0, 2, 252)
    with pytest.raises(ValueError, match="at least two returns"):
        close_to_close(np.ones(9), 1, 252)
    with pytest.raises(ValueError, match="periods per year"):
        close_to_close(np.ones(9), 3, 0)
    with pytest.raises(ValueError, match="decay"):
        ewma_variance(np.ones(9), 1.0)
