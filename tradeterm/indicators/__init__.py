"""Indicators on series of closed bars; the first axis is time, and the value at a bar uses that bar and earlier ones.

Whatever numpy can read as numbers is taken and never changed; float64 of the same length is returned, NaN where there
is no value: in the warm-up, on flat data that divide by zero, and around a missing bar. A bar is missing where one of
the fields given is NaN or infinite, its high is below its low, or its volume is negative. An indicator over a window
has no value while the window holds a missing bar, and its values depend on nothing before the window. A recursive one
(ema, rsi, macd, atr, adx, obv) begins anew after it, with the whole warm-up; it depends on where it began, for some
multiple of its period.

The recursions are TA-Lib's. It is imported on first use, because it imports pandas (0.3 s).
"""

from tradeterm.indicators.averages import ema, sma
from tradeterm.indicators.momentum import cci, macd, rsi, stochastic
from tradeterm.indicators.trend import adx, linreg_slope
from tradeterm.indicators.volatility import atr, bollinger, garman_klass, garman_klass_yang_zhang, zscore
from tradeterm.indicators.volume import mfi, obv, vwap

__all__ = [
    "adx",
    "atr",
    "bollinger",
    "cci",
    "ema",
    "garman_klass",
    "garman_klass_yang_zhang",
    "linreg_slope",
    "macd",
    "mfi",
    "obv",
    "rsi",
    "sma",
    "stochastic",
    "vwap",
    "zscore",
]
