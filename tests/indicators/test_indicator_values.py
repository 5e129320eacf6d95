"""Published worksheets, values worked out by hand, and a plain rewriting of Wilder's directional system."""

from typing import Any

import numpy as np
import pytest

from tradeterm.indicators import (
    adx,
    atr,
    bollinger,
    cci,
    ema,
    garman_klass,
    garman_klass_yang_zhang,
    linreg_slope,
    macd,
    mfi,
    obv,
    rsi,
    sma,
    stochastic,
    vwap,
    zscore,
)

NAN = float("nan")


def same(found: np.ndarray, expected: list[float], within: float = 1e-12) -> None:
    np.testing.assert_allclose(found, expected, rtol=within, atol=within)


def first(values: np.ndarray) -> int:
    return int(np.flatnonzero(~np.isnan(values))[0])


def test_rsi_of_the_stockcharts_worksheet() -> None:
    # The closes of QQQQ in cs-rsi.xls, StockCharts ChartSchool, and its column of 14-day RSI.
    closes = (
        "44.3389 44.0902 44.1497 43.6124 44.3278 44.8264 45.0955 45.4245 45.8433 46.0826 45.8931 46.0328 45.6140 "
        "46.2820 46.2820 46.0028 46.0328 46.4116 46.2222 45.6439 46.2122 46.2521 45.7137 46.4515 45.7835 45.3548 "
        "44.0288 44.1783 44.2181 44.5672 43.4205 42.6628 43.1314"
    )
    published = (
        "70.5328 66.3186 66.5498 69.4063 66.3552 57.9749 62.9296 63.2571 56.0593 62.3771 54.7076 50.4228 39.9898 "
        "41.4605 41.8689 45.4632 37.3040 33.0795 37.7730"
    )
    found = rsi([float(close) for close in closes.split()])
    assert np.isnan(found[:14]).all()
    np.testing.assert_allclose(found[14:], [float(value) for value in published.split()], atol=6e-5)


def test_bollinger_of_the_stockcharts_worksheet() -> None:
    # The closes of SPY in cs-bbands.xls, StockCharts ChartSchool.
    closes = (
        "86.1557 89.0867 88.7829 90.3228 89.0671 91.1453 89.4397 89.1750 86.9302 87.6752 86.9596 89.4299 89.3221 "
        "88.7241 87.4497 87.2634 89.4985 87.9006 89.1260 90.7043 92.9001 92.9784 91.8021"
    )
    upper, middle, lower = bollinger([float(close) for close in closes.split()])
    assert first(upper) == first(middle) == first(lower) == 19
    np.testing.assert_allclose(middle[19:], [88.70794, 89.04516, 89.239745, 89.390705], atol=1e-6)
    np.testing.assert_allclose(upper[19:], [91.291862, 91.949268, 92.612595, 92.934200], atol=2e-6)
    np.testing.assert_allclose(lower[19:], [86.124018, 86.141052, 85.866895, 85.847210], atol=2e-6)


HIGHS = (
    "274 273.25 272 270.75 270 270.5 268.5 265.5 262.5 263.5 269.5 267.25 267.5 269.75 268.25 264 268 266 274 "
    "277.5 277 272 267.75 269.25 266 265 264.75 261 257.5 259 259.75 257.25 250 254.25 254 253.25 253.25 251.75 "
    "253 251.5 246.25"
)
LOWS = (
    "272 270.25 269.75 268 269 268 266.5 263 259 260 263 265 265.5 266 263.25 261.5 266.25 264.25 267 273.5 "
    "272.5 269.5 264 263 263.5 262 261.5 255.5 253 254 257.5 250 247 252.75 250.5 250.25 251 250.5 249.5 245.25 "
    "240"
)
CLOSES = (
    "272.75 270.75 270 269.25 269.75 270 266.5 263.25 260.25 263 266.5 267 265.75 268.5 264.25 264 266.5 265.25 "
    "273 276.75 273 270.25 266.75 263 265.5 262.25 262.75 255.5 253 257.5 257.5 250 249.75 253.75 251.25 250.5 "
    "253 251.5 250 245.75 242.75"
)
WILDERS = tuple(np.array([float(price) for price in column.split()]) for column in (HIGHS, LOWS, CLOSES))


def test_adx_of_wilders_worksheet() -> None:
    """The worksheet of Wilder 1978 is worked in whole numbers and seeds its sums with one day more."""
    found, _, _ = adx(*WILDERS)
    published = [17, 18, 18, 20, 22, 22, 23, 23, 24, 25, 25, 26, 27]
    np.testing.assert_allclose(found[28:], published, atol=1.5)


def directional_system(high: list[float], low: list[float], close: list[float], n: int) -> list[tuple[float, float]]:
    """+DI and -DI from bar n, by Wilder's running sums, without a library."""
    found = []
    ranges = ups = downs = 0.0
    for i in range(1, len(close)):
        up, down = high[i] - high[i - 1], low[i - 1] - low[i]
        moves = (up if up > down and up > 0 else 0.0, down if down > up and down > 0 else 0.0)
        true_range = max(high[i] - low[i], abs(high[i] - close[i - 1]), abs(low[i] - close[i - 1]))
        keep = 1.0 if i < n else 1 - 1 / n
        ranges, ups, downs = ranges * keep + true_range, ups * keep + moves[0], downs * keep + moves[1]
        if i >= n:
            found.append((100 * ups / ranges, 100 * downs / ranges))
    return found


@pytest.mark.parametrize("n", [2, 5, 14])
def test_adx_against_a_plain_rewriting(n: int) -> None:
    di = np.array(directional_system(*(column.tolist() for column in WILDERS), n))
    dx = 100 * abs(di[:, 0] - di[:, 1]) / di.sum(axis=1)
    smoothed = [dx[:n].mean()]
    for value in dx[n:]:
        smoothed.append((smoothed[-1] * (n - 1) + value) / n)
    found, plus, minus = adx(*WILDERS, n)
    assert (first(plus), first(minus), first(found)) == (n, n, 2 * n - 1)
    same(plus[n:], di[:, 0].tolist())
    same(minus[n:], di[:, 1].tolist())
    same(found[2 * n - 1 :], smoothed)


def test_equal_moves_up_and_down_count_to_neither_side() -> None:
    high, low = np.array([10.0, 11, 12, 13]), np.array([9.0, 8, 7, 6])
    found, plus, minus = adx(high, low, (high + low) / 2, 2)
    assert plus[2:].tolist() == minus[2:].tolist() == [0, 0]
    assert np.isnan(found).all()


def test_averages() -> None:
    same(sma([1, 2, 3, 5], 2), [NAN, 1.5, 2.5, 4])
    same(ema([1, 2, 3, 5, 9], 3), [NAN, NAN, 2, 3.5, 6.25])
    same(ema([1, 2, 3], 1), [1, 2, 3])


def test_macd_begins_both_averages_at_the_slow_ones_first_bar() -> None:
    """Closes 1 2 4 8 16 32, periods 2, 3, 2: the fast average is seeded with (2+4)/2 at bar 2, the slow with 7/3."""
    fast = [3, 3 + 2 / 3 * 5, 0, 0]
    slow = [7 / 3, (7 / 3 + 8) / 2, 0, 0]
    for i, close in ((2, 16), (3, 32)):
        fast[i] = fast[i - 1] + 2 / 3 * (close - fast[i - 1])
        slow[i] = (slow[i - 1] + close) / 2
    line = [a - b for a, b in zip(fast, slow, strict=True)]
    signal = [(line[0] + line[1]) / 2]
    for value in line[2:]:
        signal.append(signal[-1] + 2 / 3 * (value - signal[-1]))
    found = macd([1, 2, 4, 8, 16, 32], 2, 3, 2)
    same(found[0], [NAN] * 3 + line[1:])
    same(found[1], [NAN] * 3 + signal)
    same(found[2], [NAN] * 3 + [a - b for a, b in zip(line[1:], signal, strict=True)])


def test_atr_leaves_out_the_first_bar() -> None:
    # True ranges of bars 1 to 4: 2, 4 (gap from 11 up to 15), 3, 1.
    high, low, close = [50, 12, 15, 15, 13], [1, 10, 14, 12, 12], [11, 11, 14, 12, 13]
    same(atr(high, low, close, 2), [NAN, NAN, 3, 3, 2])


def test_stochastic_and_its_first_bars() -> None:
    high, low, close = [2, 4, 6, 8, 6], [0, 2, 4, 6, 2], [1, 4, 5, 6, 5]
    # Fast %K with k=2: 100, 75 (of 2 to 6), 50 (of 4 to 8), 50 (of 2 to 8).
    k, d = stochastic(high, low, close, k=2, smooth=2, d=2)
    same(k, [NAN, NAN, NAN, 62.5, 50])
    same(d, [NAN, NAN, NAN, 75, 56.25])
    found = stochastic(np.arange(30.0) + 1, np.arange(30.0), np.arange(30.0))
    assert [first(line) for line in found] == [17, 17]


def test_cci_is_about_the_current_mean() -> None:
    # Typical prices 1, 2, 6: mean 3, mean distance (2+1+3)/3 = 2.
    same(cci([1, 2, 6], [1, 2, 6], [1, 2, 6], 3), [NAN, NAN, 3 / 0.03])


def test_mfi_counts_a_flow_by_the_sign_of_the_typical_prices_change() -> None:
    price, volume = [1, 2, 2, 1, 3], [9, 10, 100, 4, 2]
    # Flows +20, 0, -4, +6.
    same(mfi(price, price, price, volume, 2), [NAN, NAN, 100, 0, 60])
    same(mfi(price, price, price, np.array(volume) * 1e-9, 2), [NAN, NAN, 100, 0, 60])


def test_equal_typical_prices_are_equal_whatever_the_rounding() -> None:
    high, low, close = [0.6593, 0.6599, 0.6593], [0.6593, 0.6590, 0.6593], [0.6593, 0.6590, 0.6593]
    assert len({sum(prices) for prices in zip(high, low, close, strict=True)}) > 1
    assert np.isnan(mfi(high, low, close, [1, 1, 1], 2)).all()
    assert np.isnan(cci(high, low, close, 3)).all()


def test_obv_begins_with_the_first_volume() -> None:
    same(obv([1, 2, 2, 1], [5, 3, 7, 4]), [5, 8, 8, 4])


def test_vwap_begins_anew_with_the_session() -> None:
    price, volume = [1, 4, 10, 20, 30], [1, 2, 0, 1, 3]
    same(vwap(price, price, price, volume, ["mon", "mon", "tue", "tue", "tue"]), [1, 3, NAN, 20, 27.5])
    same(vwap([3, 3], [0, 0], [3, 3], [1, 1], [0, 0]), [2, 2])


def test_vwap_of_a_session_with_a_missing_bar_is_not_that_of_a_part() -> None:
    price = [1, NAN, 3, 4, 5]
    same(vwap(price, price, price, [1] * 5, [0, 0, 0, 1, 1]), [1, NAN, NAN, 4, 4.5])
    price = [NAN, 2, 4, 4, 5]
    same(vwap(price, price, price, [1] * 5, [0, 0, 0, 1, 1]), [NAN, 2, 3, 4, 4.5])


def test_garman_klass() -> None:
    # High over low e, close on open: v = ½, so one bar a year has a volatility of √½.
    e = float(np.e)
    same(garman_klass([1], [e], [1], [1], 1, 1), [0.5**0.5])
    # Close at the high: v = ½ - (2 ln 2 - 1).
    same(garman_klass([1], [e], [1], [e], 1, 252), [(252 * (1.5 - 2 * float(np.log(2)))) ** 0.5])
    found = garman_klass([1] * 3, [e, e, 1], [1] * 3, [1] * 3, 2, 365)
    same(found, [NAN, (365 / 2) ** 0.5, (365 / 4) ** 0.5])


def test_garman_klass_with_the_overnight_gap() -> None:
    # No range within the bars, but each opens at e times the last close: all of the variance, 1 a bar, is in the gaps.
    price = np.exp(np.arange(3.0))
    same(garman_klass_yang_zhang(price, price, price, price, 2, 252), [NAN, NAN, 252**0.5])


def test_garman_klass_of_impossible_bars() -> None:
    same(garman_klass([1, 1], [1, 1], [1, 1], [9, 0], 1, 252), [0, NAN])


def test_zscore_and_slope() -> None:
    same(zscore([1, 2, 6], 3), [NAN, NAN, 3 / 7**0.5])
    same(zscore([1, 2, 6], 3, ddof=0), [NAN, NAN, 3 / (14 / 3) ** 0.5])
    same(linreg_slope([1, 2, 6], 3), [NAN, NAN, 2.5])
    same(linreg_slope(3.0 * np.arange(12) - 7, 10), [NAN] * 9 + [3] * 3)


def test_deviations_at_a_high_price() -> None:
    """Prices around a million that move in the sixth decimal: a difference of sums of squares would know nothing."""
    steps = np.array([3.0, -1, 4, 1, -5, 9, -2, 6, -5, 3]) * 2.0**-20
    same(zscore(steps + 2.0**20, 10), zscore(steps, 10).tolist())
    upper, middle, _ = bollinger(steps + 2.0**20, 10)
    assert upper[-1] - middle[-1] == pytest.approx(2 * steps.std(), rel=1e-3)


@pytest.mark.parametrize("price", [5.0, 0.1, 1e-9])
def test_flat_data_have_no_value_where_they_divide_by_zero(price: float) -> None:
    flat, volume = np.full(60, price), np.full(60, 2.0)
    no_value: list[Any] = [
        rsi(flat),
        *stochastic(flat, flat, flat),
        *adx(flat, flat, flat),
        cci(flat, flat, flat),
        mfi(flat, flat, flat, volume),
        zscore(flat),
        vwap(flat, flat, flat, flat * 0, flat),
    ]
    for found in no_value:
        assert np.isnan(found).all()
    for band in bollinger(flat):
        same(band[19:] / price, [1] * 41)
    assert (atr(flat, flat, flat)[14:] == 0).all()
    assert (linreg_slope(flat)[9:] == 0).all()
    assert (garman_klass(flat, flat, flat, flat, 5, 252)[4:] == 0).all()


def test_rsi_of_one_direction_and_of_a_halt() -> None:
    assert (rsi(np.arange(40.0))[14:] == 100).all()
    assert (rsi(-np.arange(40.0))[14:] == 0).all()
    halted = rsi(np.concatenate([[1.0, 2, 1.5, 3], np.full(600, 2.5)]), 3)
    same(halted[4:] / halted[4], [1] * 600)
    opened = rsi(np.concatenate([np.full(30, 2.5), [3.0, 2.0]]), 3)
    assert first(opened) == 30
    assert opened[30] == 100


def test_no_movement_to_either_side_before_the_first_puts_adx_off() -> None:
    high, low = np.array([2.0] * 20 + [3, 4, 5, 6]), np.array([1.0] * 20 + [2, 3, 4, 5])
    found, plus, minus = adx(high, low, low, 2)
    assert (plus[2:20] == 0).all()
    assert (minus[2:] == 0).all()
    assert first(found) == 21
    assert (found[21:] == 100).all()
