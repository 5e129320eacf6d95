"""How far and how one-sidedly the price has moved: RSI, MACD, stochastic, CCI."""

import numpy as np
from numpy.typing import ArrayLike, NDArray

from tradeterm.indicators import ta_lib
from tradeterm.indicators.bars import ROUNDING, Floats, bars, check_period, columns, numbers, run_by_run, typical_price
from tradeterm.indicators.rolling import above_mean, highest, lowest, mean_deviation, sma


def rsi(close: ArrayLike, n: int = 14) -> Floats:
    """Relative strength index, 0 to 100: Wilder's averages `100 G / (G + D)` of gains and losses. First value at n.

    Without a loss it is 100. While no close has differed from the first there is nothing to compare: NaN (TA-Lib says
    0, "oversold"). Source: Wilder 1978. Raises ValueError for n < 2.
    """
    check_period(n, least=2)

    def of(close: Floats) -> tuple[Floats]:
        talib = ta_lib.load()
        return (np.where(_has_moved(close), talib.RSI(close, n), np.nan),)

    (strength,) = run_by_run(of, 1, *columns(close))
    return strength


def macd(close: ArrayLike, fast: int = 12, slow: int = 26, signal: int = 9) -> tuple[Floats, Floats, Floats]:
    """Moving average convergence/divergence, in units of price: line, its signal, and their difference.

    The line is EMA(fast) - EMA(slow), both beginning at bar slow-1; the signal is the line's EMA. All three have
    their first value at slow+signal-2. Source: Appel. Raises ValueError unless 2 <= fast < slow and signal >= 1.
    """
    check_period(fast, least=2, name="fast period")
    check_period(slow, least=fast + 1, name="slow period")
    check_period(signal, name="signal period")

    def of(close: Floats) -> tuple[Floats, ...]:
        talib = ta_lib.load()
        found: tuple[Floats, ...] = talib.MACD(close, fast, slow, signal)
        return found

    line, average, histogram = run_by_run(of, 3, *columns(close))
    return line, average, histogram


@np.errstate(divide="ignore", invalid="ignore", over="ignore")
def stochastic(
    high: ArrayLike, low: ArrayLike, close: ArrayLike, k: int = 14, smooth: int = 3, d: int = 3
) -> tuple[Floats, Floats]:
    """Slow stochastic, 0 to 100: %K, the mean of `smooth` values of `100 (C - LL) / (HH - LL)`; %D, the mean of `d` %K.

    HH and LL are the extremes of the last `k` bars; where they are the same there is no value. Both lines are given
    together, first at k+smooth+d-3. Source: Lane. Raises ValueError for a period below 1.
    """
    for n, name in ((k, "%K period"), (smooth, "smoothing period"), (d, "%D period")):
        check_period(n, name=name)
    highs, lows, closes = bars(high, low, close)
    top, bottom = highest(highs, k), lowest(lows, k)
    slow_k = sma(100 * ((closes - bottom) / (top - bottom)), smooth)
    slow_d = sma(slow_k, d)
    return np.where(np.isnan(slow_d), np.nan, slow_k), slow_d


@np.errstate(divide="ignore", invalid="ignore", over="ignore")
def cci(high: ArrayLike, low: ArrayLike, close: ArrayLike, n: int = 20) -> Floats:
    """Commodity channel index: `(TP - SMA) / (0.015 MD)`, TP = (H + L + C) / 3. First value at n-1.

    MD is the mean distance of the window's TPs from the window's own mean; where it is 0 there is no value.
    Source: Lambert. Raises ValueError for n < 2.
    """
    check_period(n, least=2)
    typical = typical_price(*bars(high, low, close))
    distance = mean_deviation(typical, n)
    distance[distance <= ROUNDING * np.abs(typical)] = np.nan
    return numbers(above_mean(typical, n) / (0.015 * distance))


def _has_moved(close: Floats) -> NDArray[np.bool_]:
    """Whether a close up to this bar has differed from the one before it."""
    moved = np.zeros(close.size, dtype=np.bool_)
    moved[1:] = close[1:] != close[:-1]
    return np.maximum.accumulate(moved)
