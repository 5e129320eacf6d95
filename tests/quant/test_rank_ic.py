import math

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from tradeterm.quant.ranks import rank_ic, summarise_rank_ic

SHAPES = st.tuples(st.integers(1, 6), st.integers(0, 25))
COARSE = st.integers(-4, 4).map(float) | st.just(math.nan)  # few values: many ties


def test_perfect_order_and_its_reverse() -> None:
    scores = np.vstack([np.arange(10.0)] * 2)
    returns = np.vstack([np.exp(np.arange(10.0)), -np.arange(10.0)])
    assert rank_ic(scores, returns).tolist() == [1.0, -1.0]


@given(st.data(), SHAPES)
def test_as_pandas_with_ties_and_holes(data: st.DataObject, shape: tuple[int, int]) -> None:
    scores, returns = (data.draw(arrays(np.float64, shape, elements=COARSE)) for _ in range(2))
    found = rank_ic(scores, returns)
    for row, one, other in zip(found, scores, returns, strict=True):
        known = ~(np.isnan(one) | np.isnan(other))
        x, y = pd.Series(one[known]), pd.Series(other[known])
        if len(x) < 10 or x.nunique() < 2 or y.nunique() < 2:
            assert math.isnan(row)
        else:
            assert row == pytest.approx(x.rank().corr(y.rank()))


@given(arrays(np.float64, (3, 15), elements=st.floats(-50, 50)), st.permutations(range(15)))
def test_neither_the_order_of_names_nor_a_rising_scale_matters(scores: np.ndarray, order: list[int]) -> None:
    returns = np.random.default_rng(0).normal(size=(3, 15))
    found = rank_ic(scores, returns)
    assert rank_ic(scores[:, order], returns[:, order]) == pytest.approx(found, nan_ok=True)
    assert rank_ic(scores * 4.0, returns) == pytest.approx(found, nan_ok=True)


def test_what_is_infinite_is_no_score() -> None:
    scores, returns = np.vstack([np.arange(11.0)] * 2), np.vstack([np.arange(11.0)] * 2)
    scores[0, 3], returns[1, 3] = math.inf, -math.inf
    assert rank_ic(scores, returns).tolist() == [1.0, 1.0]
    assert np.isnan(rank_ic(scores, returns, least_names=11)).all()


def test_refused() -> None:
    for one, other in ((np.zeros(5), np.zeros(5)), (np.zeros((2, 5)), np.zeros((5, 2)))):
        with pytest.raises(ValueError, match="same shape"):
            rank_ic(one, other)
    with pytest.raises(ValueError, match="two names"):
        rank_ic(np.zeros((2, 5)), np.zeros((2, 5)), least_names=1)
    for row in ([math.inf], [[0.1]]):
        with pytest.raises(ValueError, match="one row"):
            summarise_rank_ic(row)
    with pytest.raises(ValueError, match="lag"):
        summarise_rank_ic([0.1], lag=-1)


def test_summary_by_hand() -> None:
    found = summarise_rank_ic([0.1, math.nan, 0.3, -0.1, 0.1])
    assert found.dates == 4
    assert found.mean == pytest.approx(0.1)
    s = math.sqrt(0.08 / 3)
    assert found.deviation == pytest.approx(s)
    assert found.icir == pytest.approx(0.1 / s)
    assert found.t_statistic == pytest.approx(0.1 / s * 2)
    assert found.newey_west_t == pytest.approx(found.t_statistic)
    assert found.positive == 0.75


def test_newey_west_by_hand() -> None:
    """Deviations 1, 1, -1, -1: γ₀ = 4/4, γ₁ = 1/4; weight ½ gives (1 + 2·½·¼)/4·(4/3)."""
    found = summarise_rank_ic(np.array([1.0, 1.0, -1.0, -1.0]) + 3.0, lag=1)
    assert found.newey_west_t == pytest.approx(3.0 / math.sqrt((1 + 0.25) / 4 * 4 / 3))


def test_overlap_makes_less_sure() -> None:
    noise = np.random.default_rng(4).normal(0.05, 1, 2005)
    overlapping = np.convolve(noise, np.ones(5) / 5, mode="valid")
    found = summarise_rank_ic(overlapping, lag=4)
    assert found.newey_west_t < 0.7 * found.t_statistic


@pytest.mark.parametrize("ic", [[], [math.nan], [0.2], [0.2, 0.2, 0.2]])
def test_no_deviation_is_no_significance(ic: list[float]) -> None:
    found = summarise_rank_ic(ic, lag=2)
    for name in ("icir", "t_statistic", "newey_west_t"):
        assert math.isnan(getattr(found, name)), name
