"""Direction: ADX and the slope of a line through the closes."""

import numpy as np
from numpy.typing import ArrayLike

from tradeterm.indicators import ta_lib
from tradeterm.indicators.averages import wilder
from tradeterm.indicators.bars import Floats, bars, check_period, columns, numbers, run_by_run
from tradeterm.indicators.rolling import lags


@np.errstate(divide="ignore", invalid="ignore", over="ignore")
def adx(high: ArrayLike, low: ArrayLike, close: ArrayLike, n: int = 14) -> tuple[Floats, Floats, Floats]:
    """Average directional index and the directional indicators +DI and -DI, 0 to 100.

    DI = 100 W(DM) / W(TR); DX = 100 |+DI - -DI| / (+DI + -DI); ADX is Wilder's average of DX. Equal moves up and down
    count to neither side. First values at n (DI) and 2n-1 (ADX). While there was no range there is no DI, and while
    there was no movement to either side no DX. Source: Wilder 1978. Raises ValueError for n < 2.
    """
    check_period(n, least=2)

    def of(high: Floats, low: Floats, close: Floats) -> tuple[Floats, Floats]:
        talib = ta_lib.load()
        ranged = np.maximum.accumulate(talib.TRANGE(high, low, close) > 0)
        plus, minus = talib.PLUS_DI(high, low, close, n), talib.MINUS_DI(high, low, close, n)
        return np.where(ranged, plus, np.nan), np.where(ranged, minus, np.nan)

    plus, minus = run_by_run(of, 2, *bars(high, low, close))
    return wilder(100 * (np.abs(plus - minus) / (plus + minus)), n), plus, minus


@np.errstate(invalid="ignore", over="ignore")
def linreg_slope(x: ArrayLike, n: int = 10) -> Floats:
    """Slope, per bar, of the least-squares line through the last `n` values. First value at n-1.

    To compare instruments take it of the logarithm of the price. Raises ValueError for n < 2.
    """
    check_period(n, least=2)
    (series,) = columns(x)
    total = np.zeros(series.size)
    for back, lag in enumerate(lags(series, n)):
        total += ((n - 1) / 2 - back) * (lag - series)
    return numbers(total / (n * (n * n - 1) / 12))
