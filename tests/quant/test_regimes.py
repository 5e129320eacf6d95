"""Regime rules, and hysteresis that never looks ahead."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from tradeterm.domain.states import Regime
from tradeterm.quant.regimes import classify, code_of, hmm_labels, persist, regime_of

UP, DOWN, RANGE, CHOP, VOLATILE = (code_of(regime) for regime in Regime)
CODES = hnp.arrays(np.int8, st.integers(0, 40), elements=st.integers(-1, 4))


@pytest.mark.parametrize(
    ("adx", "averages", "volatility", "regime"),
    [
        (30.0, (3, 2, 1), 0.3, Regime.TREND_UP),
        (30.0, (1, 2, 3), 0.3, Regime.TREND_DOWN),
        (45.0, (3, 1, 2), 0.3, Regime.CHOP),
        (45.0, (2, 2, 1), 0.3, Regime.CHOP),
        (29.99, (3, 2, 1), 0.3, Regime.CHOP),
        (20.0, (3, 2, 1), 0.3, Regime.CHOP),
        (19.99, (3, 2, 1), 0.3, Regime.RANGE),
        (45.0, (3, 2, 1), 0.81, Regime.VOLATILE),
        (10.0, (3, 2, 1), 0.81, Regime.VOLATILE),
        (45.0, (3, 2, 1), 0.8, Regime.TREND_UP),
        (np.nan, (3, 2, 1), 0.9, None),
        (45.0, (3, 2, np.nan), 0.9, None),
        (45.0, (3, 2, 1), np.nan, None),
        (np.inf, (3, 2, 1), 0.3, None),
    ],
)
def test_the_rules(adx: float, averages: tuple[float, ...], volatility: float, regime: Regime | None) -> None:
    codes = classify([adx], *([value] for value in averages), [volatility])
    assert codes.dtype == np.int8
    assert regime_of(int(codes[0])) == regime


def test_thresholds_are_the_callers_and_shapes_stay() -> None:
    ones = np.ones((4, 3))
    codes = classify(25 * ones, 3 * ones, 2 * ones, ones, 0.5 * ones, trend_adx=25, volatile=0.6)
    assert codes.shape == (4, 3) and (codes == UP).all()
    assert classify([], [], [], [], []).shape == (0,)
    with pytest.raises(ValueError, match="may not lie above"):
        classify([1.0], [1.0], [1.0], [1.0], [1.0], trend_adx=20, range_adx=30)


def test_codes_and_regimes_are_one_to_one() -> None:
    assert [regime_of(code_of(regime)) for regime in Regime] == list(Regime)
    assert regime_of(-1) is None


def test_a_regime_counts_once_it_has_held() -> None:
    raw = [UP, UP, UP, DOWN, UP, DOWN, DOWN, DOWN, RANGE, RANGE, -1, RANGE, RANGE, RANGE]
    held = [-1, -1, UP, UP, UP, UP, UP, DOWN, DOWN, DOWN, -1, -1, -1, RANGE]
    assert persist(raw, 3).tolist() == held
    assert persist(raw, 1).tolist() == raw


@given(CODES, st.integers(1, 5), st.integers(0, 40))
def test_persistence_never_looks_ahead(codes: np.ndarray, bars: int, rows: int) -> None:
    assert np.array_equal(persist(codes[:rows], bars), persist(codes, bars)[:rows])


@given(CODES, st.integers(1, 5))
def test_persistence_step_by_step(codes: np.ndarray, bars: int) -> None:
    held, run, last, expected = -1, 0, -2, []
    for code in codes:
        run = run + 1 if code == last else 1
        last = code
        if code == -1 or run >= bars:
            held = code
        expected.append(held)
    assert persist(codes, bars).tolist() == expected


def test_persistence_takes_instruments_apart() -> None:
    codes = np.random.default_rng(1).integers(-1, 3, (50, 4)).astype(np.int8)
    assert np.array_equal(persist(codes, 2)[:, 2], persist(codes[:, 2], 2))


def test_labels_switch_when_sure_for_long_enough() -> None:
    calm = [0.9, 0.9, 0.4, 0.2, 0.2, 0.5, 0.2, 0.8, 0.2, 0.8, 0.8, np.nan, 0.8, 0.8]
    filtered = np.column_stack([calm, 1 - np.array(calm)])
    assert hmm_labels(filtered).tolist() == [-1, 0, 0, 0, 1, 1, 1, 1, 1, 1, 0, -1, -1, 0]
    assert hmm_labels(filtered, bars=1).tolist() == [0, 0, 0, 1, 1, 1, 1, 0, 1, 0, 0, -1, 0, 0]


def test_the_threshold_itself_is_not_enough() -> None:
    assert hmm_labels(np.tile([0.7, 0.3], (5, 1))).tolist() == [-1] * 5


@given(
    hnp.arrays(np.float64, st.tuples(st.integers(0, 30), st.just(3)), elements=st.floats(0.01, 1) | st.just(np.nan)),
    st.integers(1, 4),
    st.integers(0, 30),
)
def test_labels_never_look_ahead(weights: np.ndarray, bars: int, rows: int) -> None:
    filtered = weights / weights.sum(axis=1, keepdims=True)
    whole = hmm_labels(filtered, bars=bars)
    assert np.array_equal(hmm_labels(filtered[:rows], bars=bars), whole[:rows])
    assert ((whole == -1) | np.isfinite(filtered).all(axis=1)).all()


def test_wrong_use() -> None:
    with pytest.raises(ValueError, match="at least one bar"):
        persist([1], 0)
    with pytest.raises(ValueError, match="at least one bar"):
        hmm_labels(np.ones((1, 2)), bars=0)
    with pytest.raises(ValueError, match=r"between 0\.5 and 1"):
        hmm_labels(np.ones((1, 2)), threshold=0.3)
    with pytest.raises(ValueError, match="1 dimensions"):
        hmm_labels(np.ones(3))
