"""The values of each indicator of the catalogue at each bar of one instrument, NaN where there is none.

What `tradeterm.indicators` has over a window is used as it is; what is recursive there has a finite memory here.
"""

import numpy as np

from tradeterm.indicators import bollinger, linreg_slope, sma, stochastic, vwap
from tradeterm.indicators.rolling import lags
from tradeterm.strategies.declared.averages import Floats, ema, wilder
from tradeterm.strategies.declared.bars import Bars
from tradeterm.strategies.declared.spec import Operand, Source


def need(value: int | None) -> int:
    """An argument that reading has filled in."""
    assert value is not None
    return value


def source(bars: Bars, operand: Operand) -> Floats:
    """The series the operand is taken of."""
    match operand.source:
        case Source.OPEN:
            return bars.open
        case Source.HIGH:
            return bars.high
        case Source.LOW:
            return bars.low
        case Source.VOLUME:
            return bars.volume
    return bars.close


def ratio(x: Floats, y: Floats) -> Floats:
    """x / y, NaN where y is not above zero."""
    out = np.full(x.shape, np.nan)
    np.divide(x, y, out=out, where=y > 0)
    return out


def before(x: Floats, bars: int = 1) -> Floats:
    """The values as they stood so many bars earlier."""
    out = np.full(x.shape, np.nan)
    out[bars:] = x[:-bars]
    return out


def returns(bars: Bars, operand: Operand) -> Floats:
    return ratio(bars.close, before(bars.close, need(operand.n))) - 1


def session_move(bars: Bars, _: Operand) -> Floats:
    """Close over the open of the UTC day's first bar, less one."""
    first = np.flatnonzero(np.diff(bars.day, prepend=-1))
    opened = np.repeat(bars.open[first], np.diff(first, append=bars.day.size))
    return np.where(bars.whole, ratio(bars.close, opened) - 1, np.nan)


def day_vwap(bars: Bars, _: Operand) -> Floats:
    """Of the bars that the UTC day has had."""
    return np.where(bars.whole, vwap(bars.high, bars.low, bars.close, bars.volume, bars.day), np.nan)


def ema_slope(bars: Bars, operand: Operand) -> Floats:
    average = ema(bars.close, need(operand.n))
    return ratio(average, before(average)) - 1


def log_slope(bars: Bars, operand: Operand) -> Floats:
    """Of the logarithm, so that it is a fraction a bar."""
    logarithm = np.log(bars.close, out=np.full(bars.close.shape, np.nan), where=bars.close > 0)
    return linreg_slope(logarithm, need(operand.n))


def rsi(bars: Bars, operand: Operand) -> Floats:
    """`100 G / (G + D)`, Wilder's averages of gains and losses; none while no close has differed."""
    change = np.diff(bars.close, prepend=np.nan)
    gains, losses = np.maximum(change, 0), np.maximum(-change, 0)
    gain, loss = (wilder(part, need(operand.n)) for part in (gains, losses))
    return 100 * ratio(gain, gain + loss)


def macd_line(bars: Bars, operand: Operand) -> Floats:
    line = ema(bars.close, need(operand.fast)) - ema(bars.close, need(operand.slow))
    line[np.abs(line) <= 1e-11 * np.abs(bars.close)] = 0  # flat prices: what is left is rounding
    return line


def macd_signal(bars: Bars, operand: Operand) -> Floats:
    return ema(macd_line(bars, operand), need(operand.signal))


def macd_histogram(bars: Bars, operand: Operand) -> Floats:
    return macd_line(bars, operand) - macd_signal(bars, operand)


def bands(bars: Bars, operand: Operand) -> tuple[Floats, Floats, Floats]:
    assert operand.width is not None
    return bollinger(bars.close, need(operand.n), operand.width)


def bollinger_width(bars: Bars, operand: Operand) -> Floats:
    upper, middle, lower = bands(bars, operand)
    return ratio(upper - lower, middle)


def percent_b(bars: Bars, operand: Operand) -> Floats:
    upper, _, lower = bands(bars, operand)
    return ratio(bars.close - lower, upper - lower)


def atr(bars: Bars, operand: Operand) -> Floats:
    """Wilder's average of the true range, `max(H, C₋₁) - min(L, C₋₁)`."""
    last = before(bars.close)
    return wilder(np.maximum(bars.high, last) - np.minimum(bars.low, last), need(operand.n))


def atr_ratio(bars: Bars, operand: Operand) -> Floats:
    return ratio(atr(bars, operand), bars.close)


def adx(bars: Bars, operand: Operand) -> Floats:
    """Wilder's average of DX = 100 |W(+DM) - W(-DM)| / (W(+DM) + W(-DM)): the true range of the two DI cancels."""
    n = need(operand.n)
    up, down = np.diff(bars.high, prepend=np.nan), -np.diff(bars.low, prepend=np.nan)
    known = np.isfinite(up) & np.isfinite(down)
    rises, falls = (np.where((x > y) & (x > 0), x, np.where(known, 0, np.nan)) for x, y in ((up, down), (down, up)))
    plus, minus = wilder(rises, n), wilder(falls, n)
    return wilder(100 * ratio(np.abs(plus - minus), plus + minus), n)


def obv_slope(bars: Bars, operand: Operand) -> Floats:
    """Slope of the line through the last `n` on-balance volumes, over the mean volume of those bars.

    Taken from the changes within the window: the balance itself carries all history before.
    """
    n = need(operand.n)
    signed = np.sign(np.diff(bars.close, prepend=np.nan)) * bars.volume
    total = np.zeros(bars.close.size)
    for back, change in enumerate(lags(signed, n - 1)):
        total += change * ((n - 1 - back) * (back + 1) / 2)
    return ratio(total / (n * (n * n - 1) / 12), sma(bars.volume, n))


def k_and_d(bars: Bars, operand: Operand) -> tuple[Floats, Floats]:
    n, smooth, d = need(operand.n), need(operand.smooth), need(operand.d)
    return stochastic(bars.high, bars.low, bars.close, n, smooth, d)
