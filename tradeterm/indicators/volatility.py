"""How much the price moves: ATR, Bollinger bands, z-score, Garman-Klass."""

import numpy as np
from numpy.typing import ArrayLike

from tradeterm.indicators import ta_lib
from tradeterm.indicators.bars import Floats, bars, check_period, check_positive, columns, numbers, run_by_run
from tradeterm.indicators.rolling import above_mean, deviation, sma


def atr(high: ArrayLike, low: ArrayLike, close: ArrayLike, n: int = 14) -> Floats:
    """Average true range, in units of price: Wilder's average of `max(H, C₋₁) - min(L, C₋₁)`. First value at n.

    The first bar has no previous close and does not count. Source: Wilder 1978. Raises ValueError for n < 1.
    """
    check_period(n)

    def of(high: Floats, low: Floats, close: Floats) -> tuple[Floats]:
        talib = ta_lib.load()
        return (talib.ATR(high, low, close, n),)

    (average,) = run_by_run(of, 1, *bars(high, low, close))
    return average


@np.errstate(invalid="ignore", over="ignore")
def bollinger(close: ArrayLike, n: int = 20, width: float = 2) -> tuple[Floats, Floats, Floats]:
    """Upper, middle and lower Bollinger band: `SMA ± width σ`, σ of the population (ddof 0). First value at n-1.

    On flat data the three are the same price. There are no bands where σ² leaves the range of a float. Raises
    ValueError for n < 1 and for a width that is not positive.
    """
    check_period(n)
    check_positive(width, "width")
    (series,) = columns(close)
    middle, half = sma(series, n), width * deviation(series, n, ddof=0)
    return numbers(middle + half), middle, numbers(middle - half)


@np.errstate(divide="ignore", invalid="ignore", over="ignore")
def zscore(x: ArrayLike, n: int = 20, ddof: int = 1) -> Floats:
    """Distance of the value from the mean of the last `n`, itself among them, in their deviations. First value at n-1.

    Never beyond (n-1)/√n with ddof 1, √(n-1) with ddof 0. Flat data have no value, nor have those
    whose σ² leaves the range of a float. Raises ValueError for n <= ddof.
    """
    if ddof not in (0, 1):
        raise ValueError(f"ddof is 0, of the population, or 1, of a sample, not {ddof}")
    check_period(n, least=ddof + 1)
    (series,) = columns(x)
    return numbers(above_mean(series, n) / deviation(series, n, ddof))


@np.errstate(divide="ignore", invalid="ignore", over="ignore")
def garman_klass(
    open: ArrayLike, high: ArrayLike, low: ArrayLike, close: ArrayLike, n: int, periods_per_year: float
) -> Floats:
    """Volatility a year, as a fraction, from the last `n` bars. First value at n-1.

    `v = ½ ln²(H/L) - (2 ln 2 - 1) ln²(C/O)`, σ = √(periods_per_year · mean v); a negative mean, which only impossible
    bars have, counts as 0. It supposes no drift and no gap between bars, so it fits markets that never close. Source:
    Garman & Klass, J. Business 53 (1980). Raises ValueError for n < 1 and for periods_per_year that are not positive.
    """
    highs, lows, opens, closes = _positive(*bars(high, low, open, close))
    return _annualised(_within_bar(opens, highs, lows, closes), n, periods_per_year)


@np.errstate(divide="ignore", invalid="ignore", over="ignore")
def garman_klass_yang_zhang(
    open: ArrayLike, high: ArrayLike, low: ArrayLike, close: ArrayLike, n: int, periods_per_year: float
) -> Floats:
    """Garman-Klass with the gap from the close before: `ln²(O/C₋₁)` is added to v. First value at n.

    For daily bars of markets that close overnight. Otherwise as `garman_klass`.
    """
    highs, lows, opens, closes = _positive(*bars(high, low, open, close))
    gap = np.full(opens.size, np.nan)
    gap[1:] = np.log(opens[1:] / closes[:-1])
    return _annualised(gap**2 + _within_bar(opens, highs, lows, closes), n, periods_per_year)


def _within_bar(opens: Floats, highs: Floats, lows: Floats, closes: Floats) -> Floats:
    return np.asarray(np.log(highs / lows) ** 2 / 2 - (2 * np.log(2) - 1) * np.log(closes / opens) ** 2)


def _positive(*prices: Floats) -> tuple[Floats, ...]:
    """A price at or below zero has no logarithm: no value."""
    return tuple(np.where(price > 0, price, np.nan) for price in prices)


def _annualised(variance: Floats, n: int, periods_per_year: float) -> Floats:
    check_period(n)
    check_positive(periods_per_year, "number of periods in a year")
    return numbers(np.sqrt(periods_per_year * np.maximum(sma(variance, n), 0)))
