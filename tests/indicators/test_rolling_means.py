import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from tradeterm import indicators
from tradeterm.indicators.rolling import sma

NUMBERS = st.floats(-1e6, 1e6) | st.just(float("nan"))


def test_mean_of_the_last_n() -> None:
    found = sma(np.array([1.0, 2.0, 3.0, 4.0]), 2)
    assert np.isnan(found[0])
    assert found[1:].tolist() == [1.5, 2.5, 3.5]


def test_each_column_on_its_own() -> None:
    found = sma(np.array([[1.0, 10.0], [3.0, 30.0]]), 2)
    assert found[1].tolist() == [2.0, 20.0]


def test_too_short_has_no_value() -> None:
    assert np.isnan(sma(np.array([1.0, 2.0]), 3)).all()


def test_a_missing_value_costs_its_own_windows_only() -> None:
    found = sma(np.array([1.0, np.nan, 3.0, 5.0, 7.0]), 2)
    assert np.isnan(found[:3]).all()
    assert found[3:].tolist() == [4.0, 6.0]


def test_no_window_is_a_mistake() -> None:
    with pytest.raises(ValueError, match="at least 1"):
        sma(np.array([1.0]), 0)


def test_the_public_one_takes_one_series() -> None:
    assert indicators.sma([1.0, 2.0, 3.0], 2)[1:].tolist() == [1.5, 2.5]
    for given_ in (1.0, np.ones((5, 2))):
        with pytest.raises(ValueError, match="one dimension"):
            indicators.sma(given_, 2)


@given(arrays(np.float64, st.integers(1, 60), elements=NUMBERS), st.integers(1, 20), st.integers(0, 30))
def test_history_before_the_window_changes_no_bit(x: np.ndarray, n: int, dropped: int) -> None:
    whole, part = sma(x, n), sma(x[dropped:], n)
    valid = part[n - 1 :]
    assert np.array_equal(whole[dropped + n - 1 :], valid, equal_nan=True)
