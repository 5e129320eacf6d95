"""What holds for every indicator: causality, windows, missing bars, scale, and what may be given."""

import subprocess
import sys
from collections.abc import Callable
from typing import NamedTuple

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from tradeterm import indicators as ind

Bars = np.ndarray  # rows: open, high, low, close, volume


class Case(NamedTuple):
    of: Callable[[Bars], tuple[np.ndarray, ...]]
    first: int  # index of the first value of the latest output
    window: int | None  # bars a value depends on; None for recursions
    price_power: int  # how the outputs grow with the price


def one(values: np.ndarray) -> tuple[np.ndarray]:
    return (values,)


CASES = {
    "sma": Case(lambda b: one(ind.sma(b[3], 5)), 4, 5, 1),
    "bollinger": Case(lambda b: ind.bollinger(b[3], 6, 2.5), 5, 6, 1),
    "stochastic": Case(lambda b: ind.stochastic(b[1], b[2], b[3], 5, 3, 2), 7, 8, 0),
    "cci": Case(lambda b: one(ind.cci(b[1], b[2], b[3], 6)), 5, 6, 0),
    "mfi": Case(lambda b: one(ind.mfi(b[1], b[2], b[3], b[4], 5)), 5, 6, 0),
    "garman_klass": Case(lambda b: one(ind.garman_klass(*b[:4], 4, 252)), 3, 4, 0),
    "garman_klass_yang_zhang": Case(lambda b: one(ind.garman_klass_yang_zhang(*b[:4], 4, 252)), 4, 5, 0),
    "zscore": Case(lambda b: one(ind.zscore(b[3], 7)), 6, 7, 0),
    "linreg_slope": Case(lambda b: one(ind.linreg_slope(b[3], 5)), 4, 5, 1),
    "rsi": Case(lambda b: one(ind.rsi(b[3], 5)), 5, None, 0),
    "ema": Case(lambda b: one(ind.ema(b[3], 5)), 4, None, 1),
    "macd": Case(lambda b: ind.macd(b[3], 3, 6, 4), 8, None, 1),
    "atr": Case(lambda b: one(ind.atr(b[1], b[2], b[3], 5)), 5, None, 1),
    "adx": Case(lambda b: ind.adx(b[1], b[2], b[3], 4), 7, None, 0),
    "obv": Case(lambda b: one(ind.obv(b[3], b[4])), 0, None, 0),
    "vwap": Case(lambda b: one(ind.vwap(b[1], b[2], b[3], b[4], np.zeros(b.shape[1]))), 0, None, 1),
}
SOME = settings(max_examples=40)
EVERY = pytest.mark.parametrize("name", CASES)
WINDOWED = pytest.mark.parametrize("name", [name for name, case in CASES.items() if case.window])
RECURSIVE = pytest.mark.parametrize("name", [n for n, case in CASES.items() if not case.window and n != "vwap"])


@st.composite
def bars(draw: st.DrawFn, least: int = 1, most: int = 60) -> Bars:
    """Possible bars on a coarse grid, so that ties, flat stretches and bars without volume are common."""
    size = draw(st.integers(least, most))
    steps, gaps, above, below, volume = draw(arrays(np.int64, (5, size), elements=st.integers(0, 4)))
    close = 500 + np.cumsum(steps - 2)
    opened = close + gaps - 2
    high, low = np.maximum(opened, close) + above // 2, np.minimum(opened, close) - below // 2
    return np.array([opened, high, low, close, volume]) * 0.7


def equal(found: tuple[np.ndarray, ...], expected: tuple[np.ndarray, ...], at: slice = slice(None)) -> None:
    for one_found, one_expected in zip(found, expected, strict=True):
        np.testing.assert_array_equal(one_found[at], one_expected)


@EVERY
@SOME
@given(bars(), st.integers(0, 60))
def test_later_bars_change_nothing(name: str, b: Bars, cut: int) -> None:
    of = CASES[name].of
    equal(tuple(values[:cut] for values in of(b)), of(b[:, :cut]))


@WINDOWED
@SOME
@given(bars(), st.integers(0, 40), st.floats(1, 1e12))
def test_bars_before_the_window_change_no_bit(name: str, b: Bars, dropped: int, spike: float) -> None:
    of, window = CASES[name].of, CASES[name].window or 0
    spiked = b.copy()
    spiked[:, : dropped // 2] *= spike
    expected = tuple(values[window - 1 :] for values in of(b[:, dropped:]))
    equal(of(spiked), expected, slice(dropped + window - 1, None))


@EVERY
def test_the_first_value(name: str) -> None:
    walk = np.random.default_rng(4).normal(size=(5, 40)).cumsum(axis=1) * 0.1 + 50
    walk[1], walk[2] = walk[:4].max(axis=0) + 1, walk[:4].min(axis=0) - 1
    firsts = [int(np.flatnonzero(~np.isnan(values))[0]) for values in CASES[name].of(walk)]
    assert max(firsts) == CASES[name].first
    for values, start in zip(CASES[name].of(walk), firsts, strict=True):
        assert np.isfinite(values[start:]).all()


FIELDS = {
    "obv": (3, 4), "rsi": (3,), "ema": (3,), "macd": (3,), "sma": (3,), "bollinger": (3,), "zscore": (3,),
    "linreg_slope": (3,), "mfi": (1, 2, 3, 4), "vwap": (1, 2, 3, 4),
    "garman_klass": (0, 1, 2, 3), "garman_klass_yang_zhang": (0, 1, 2, 3),
}  # fmt: skip
HOLES = st.sampled_from([float("nan"), float("inf"), float("-inf")])


@WINDOWED
@SOME
@given(bars(least=2), st.data())
def test_a_missing_bar_costs_its_own_windows_only(name: str, b: Bars, data: st.DataObject) -> None:
    of, window = CASES[name].of, CASES[name].window or 0
    at = data.draw(st.integers(0, b.shape[1] - 1))
    holed = b.copy()
    holed[data.draw(st.sampled_from(FIELDS.get(name, (1, 2, 3)))), at] = data.draw(HOLES)
    for values, clean in zip(of(holed), of(b), strict=True):
        assert np.isnan(values[at : at + window]).all()
        np.testing.assert_array_equal(values[:at], clean[:at])
        np.testing.assert_array_equal(values[at + window :], clean[at + window :])


@RECURSIVE
@SOME
@given(bars(least=2), st.data())
def test_a_recursion_begins_anew_after_a_missing_bar(name: str, b: Bars, data: st.DataObject) -> None:
    of = CASES[name].of
    at = data.draw(st.integers(0, b.shape[1] - 1))
    holed = b.copy()
    holed[data.draw(st.sampled_from(FIELDS.get(name, (1, 2, 3)))), at] = data.draw(HOLES)
    found = of(holed)
    equal(found, of(b[:, :at]), slice(at))
    equal(found, of(b[:, at + 1 :]), slice(at + 1, None))
    assert all(np.isnan(values[at]) for values in found)


@EVERY
@SOME
@given(bars(), st.integers(1, 10))
def test_leading_nans_are_warm_up(name: str, b: Bars, leading: int) -> None:
    padded = np.concatenate([np.full((5, leading), np.nan), b], axis=1)
    found = CASES[name].of(padded)
    equal(found, CASES[name].of(b), slice(leading, None))
    assert all(np.isnan(values[:leading]).all() for values in found)


@EVERY
@SOME
@given(bars())
def test_no_infinity_and_the_length_of_the_input(name: str, b: Bars) -> None:
    before = b.copy()
    for values in CASES[name].of(b):
        assert values.shape == (b.shape[1],)
        assert values.dtype == np.float64
        assert not np.isinf(values).any()
    np.testing.assert_array_equal(b, before)


@EVERY
@SOME
@given(bars(), st.sampled_from([-50, -20, 30]))
def test_the_price_may_be_of_any_size(name: str, b: Bars, power: int) -> None:
    """A token at 1e-15 and an index at 1e12: no threshold takes small moves for none."""
    scaled = b.copy()
    scaled[:4] *= 2.0**power
    grown = 2.0 ** (power * CASES[name].price_power)
    for values, clean in zip(CASES[name].of(scaled), CASES[name].of(b), strict=True):
        np.testing.assert_allclose(values, clean * grown, rtol=1e-9, atol=1e-9 * grown)


@given(bars(least=20))
def test_bounds(b: Bars) -> None:
    bounded = (ind.rsi(b[3], 5), *ind.stochastic(*b[1:4], 5), ind.mfi(*b[1:], 5), *ind.adx(*b[1:4], 4))
    for values in bounded:
        present = values[~np.isnan(values)]
        assert ((present >= -1e-9) & (present <= 100 + 1e-9)).all()
    for ddof, limit in ((0, 9**0.5), (1, 9 / 10**0.5)):
        present = ind.zscore(b[3], 10, ddof)
        assert (np.abs(present[~np.isnan(present)]) <= limit + 1e-9).all()


@EVERY
@pytest.mark.parametrize("size", [0, 1, 2])
def test_too_few_bars(name: str, size: int) -> None:
    b = np.full((5, size), 5.0)
    for values in CASES[name].of(b):
        assert values.shape == (size,)
        assert np.isnan(values).all() or CASES[name].first < size


@EVERY
def test_only_missing_bars(name: str) -> None:
    assert all(np.isnan(values).all() for values in CASES[name].of(np.full((5, 30), np.nan)))


@EVERY
def test_what_overflows_has_no_value(name: str) -> None:
    b = np.array([[1e-300], [1e308], [1e-300], [1e308], [1e308]]) * np.linspace(1, 1.5, 30)
    assert not any(np.isinf(values).any() for values in CASES[name].of(b))


@EVERY
@SOME
@given(bars(), st.integers(-1050, 1000), st.integers(-1050, 1000))
def test_at_any_size_a_number_is_right_or_missing(name: str, b: Bars, price: int, volume: int) -> None:
    """Squares and products leave the range of a float long before the prices do."""
    scaled = np.ldexp(b, [[price]] * 4 + [[volume]])
    exact = np.ldexp(scaled, [[-price]] * 4 + [[-volume]]) == b  # what is subnormal has lost digits
    if not exact.all():
        return
    grown = price * CASES[name].price_power + (volume if name == "obv" else 0)
    for values, clean in zip(CASES[name].of(scaled), CASES[name].of(b), strict=True):
        assert np.isnan(values[np.isnan(clean)]).all()
        there = ~np.isnan(values)
        np.testing.assert_allclose(np.ldexp(values[there], -grown), clean[there], rtol=1e-9, atol=1e-9)


def test_deviations_whose_squares_leave_the_range_have_no_value() -> None:
    close = 100 + np.random.default_rng(3).normal(size=60)
    for size in (1e160, 1e300, 1e-200, 1e-300):
        assert np.isnan(ind.zscore(close * size)).all()
        upper, middle, lower = ind.bollinger(close * size)
        assert np.isnan(upper).all() and np.isnan(lower).all()
        np.testing.assert_allclose(middle[19:] / size, ind.sma(close, 20)[19:])
        flat = np.full(30, size)
        upper, middle, lower = ind.bollinger(flat)
        assert upper[-1] == middle[-1] == lower[-1] == pytest.approx(size)


def test_a_turnover_that_overflows_is_no_turnover_of_none() -> None:
    price = np.array([1e200, 2e200, 1e200, 1.5e200])
    assert np.isnan(ind.mfi(price, price, price, [1.0, 1.0, 1e200, 1.0], 3)).all()
    assert np.isnan(ind.vwap([1.0, 1.0], [1.0, 1.0], [1.0, 1.0], [1e308, 1e308], [0, 0])[1])


IMPOSSIBLE = {
    **dict.fromkeys(("stochastic", "cci", "atr", "adx", "garman_klass", "garman_klass_yang_zhang"), ("range",)),
    **dict.fromkeys(("mfi", "vwap"), ("range", "volume")),
    "obv": ("volume",),
}


@pytest.mark.parametrize(("name", "kind"), [(name, kind) for name, kinds in IMPOSSIBLE.items() for kind in kinds])
@SOME
@given(bars(least=2), st.data())
def test_an_impossible_bar_is_a_missing_bar(name: str, kind: str, b: Bars, data: st.DataObject) -> None:
    at = data.draw(st.integers(0, b.shape[1] - 1))
    wrong, missing = b.copy(), b.copy()
    missing[:, at] = np.nan
    if kind == "volume":
        wrong[4, at] = -1.0
    else:
        wrong[1, at] = np.nextafter(wrong[2, at], -np.inf)
    equal(CASES[name].of(wrong), CASES[name].of(missing))


def test_any_numbers_are_taken() -> None:
    close = [5, 7, 6, 8, 9, 4, 5, 6]
    expected = ind.rsi(np.array(close, dtype=np.float64), 3)
    wide = np.array([close, close], dtype=np.float64, order="F")
    for given_close in (close, tuple(close), np.array(close), np.array(close, dtype=np.float32), wide[0]):
        np.testing.assert_array_equal(ind.rsi(given_close, 3), expected)


def test_a_table_is_refused() -> None:
    table = np.ones((5, 2))
    for call in (
        lambda: ind.rsi(table),
        lambda: ind.zscore(table),
        lambda: ind.obv(table, table),
        lambda: ind.ema(5, 3),
    ):
        with pytest.raises(ValueError, match="one dimension"):
            call()


def test_fields_of_different_lengths_are_refused() -> None:
    with pytest.raises(ValueError, match="different lengths: 3, 3, 2"):
        ind.atr([1, 2, 3], [1, 2, 3], [1, 2])
    with pytest.raises(ValueError, match="2 bars need as many session labels, not 1"):
        ind.vwap([1, 2], [1, 2], [1, 2], [1, 2], [0])
    with pytest.raises(ValueError, match="label is missing"):
        ind.vwap([1, 2], [1, 2], [1, 2], [1, 2], [0, float("nan")])


@pytest.mark.parametrize(
    "call",
    [
        lambda x: ind.sma(x, 0),
        lambda x: ind.ema(x, 0),
        lambda x: ind.rsi(x, 1),
        lambda x: ind.atr(x, x, x, -1),
        lambda x: ind.adx(x, x, x, 1),
        lambda x: ind.cci(x, x, x, 1),
        lambda x: ind.mfi(x, x, x, x, 0),
        lambda x: ind.macd(x, 26, 12),
        lambda x: ind.macd(x, 12, 26, 0),
        lambda x: ind.stochastic(x, x, x, smooth=0),
        lambda x: ind.bollinger(x, 0),
        lambda x: ind.bollinger(x, 20, -1),
        lambda x: ind.bollinger(x, 20, float("nan")),
        lambda x: ind.zscore(x, 1),
        lambda x: ind.zscore(x, 20, ddof=2),
        lambda x: ind.linreg_slope(x, 1),
        lambda x: ind.garman_klass(x, x, x, x, 0, 252),
        lambda x: ind.garman_klass(x, x, x, x, 5, 0),
    ],
)
def test_impossible_parameters_are_refused(call: Callable[[list[float]], object]) -> None:
    with pytest.raises(ValueError, match=r"must be|ddof is"):
        call([1.0, 2.0, 3.0])


def test_a_period_is_a_whole_number() -> None:
    close = np.arange(50.0)
    for period in (2.5, 14.0, "14", None, [14]):
        with pytest.raises(ValueError, match="period must be a whole number of bars"):
            ind.rsi(close, period)  # type: ignore[arg-type]
    np.testing.assert_array_equal(ind.rsi(close, np.int64(14)), ind.rsi(close, 14))  # type: ignore[arg-type]


def test_importing_is_quick() -> None:
    """Heavy packages are imported when a value is first asked for."""
    code = "import sys, tradeterm.indicators; print(*sys.modules)"
    loaded = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout.split()
    assert not {"pandas", "scipy", "talib", "pyarrow"} & set(loaded)
