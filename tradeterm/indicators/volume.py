"""Price and volume together: MFI, OBV, VWAP."""

from itertools import pairwise

import numpy as np
from numpy.typing import ArrayLike

from tradeterm.indicators import ta_lib
from tradeterm.indicators.bars import (
    ROUNDING,
    SMALLEST,
    Floats,
    bars,
    check_period,
    columns,
    numbers,
    run_by_run,
    traded,
    typical_price,
)
from tradeterm.indicators.rolling import rolling_sum


@np.errstate(divide="ignore", invalid="ignore", over="ignore")
def mfi(high: ArrayLike, low: ArrayLike, close: ArrayLike, volume: ArrayLike, n: int = 14) -> Floats:
    """Money flow index, 0 to 100: `100 P / (P + N)` of the last `n` flows TP·V, TP = (H + L + C) / 3. First value at n.

    A flow counts to P where TP rose, to N where it fell, to neither where it stayed. Without either there is no value.
    Raises ValueError for n < 1.
    """
    check_period(n)
    highs, lows, closes, volumes = bars(high, low, close, traded(volume))
    typical = typical_price(highs, lows, closes)
    change = np.diff(typical, prepend=np.nan)
    change[np.abs(change) <= ROUNDING * np.abs(typical)] = 0
    flow = numbers(np.sign(change) * typical * volumes)
    rising = numbers(rolling_sum(np.maximum(flow, 0), n))
    falling = numbers(rolling_sum(np.maximum(-flow, 0), n))
    total = rising + falling
    return numbers(np.where(total >= SMALLEST, 100 * (rising / total), np.nan))


def obv(close: ArrayLike, volume: ArrayLike) -> Floats:
    """On-balance volume: the volume added where the close rose, taken away where it fell. First value at bar 0.

    It begins with the first bar's volume, and anew after a missing bar: use its changes, never its level.
    Source: Granville.
    """

    def of(close: Floats, volume: Floats) -> tuple[Floats]:
        talib = ta_lib.load()
        return (talib.OBV(close, volume),)

    (balance,) = run_by_run(of, 1, *columns(close, traded(volume)))
    return balance


@np.errstate(divide="ignore", invalid="ignore", over="ignore")
def vwap(high: ArrayLike, low: ArrayLike, close: ArrayLike, volume: ArrayLike, session: ArrayLike) -> Floats:
    """Volume-weighted average price since the session began: `Σ TP·V / Σ V`, TP = (H + L + C) / 3.

    `session` is a label for each bar, of any kind; the sums begin anew where it changes. There is no value while the
    session has no volume, and none from a missing bar to the session's end, for the sums would be of a part of it only.
    Raises ValueError for a missing label.
    """
    highs, lows, closes, volumes = bars(high, low, close, traded(volume))
    labels = np.asarray(session)
    if labels.shape != highs.shape:
        raise ValueError(f"{highs.size} bars need as many session labels, not {labels.size}")
    if (labels != labels).any():
        raise ValueError("a session label is missing")
    typical = typical_price(highs, lows, closes)
    average = np.full(highs.size, np.nan)
    first = int(np.argmin(np.isnan(typical))) if highs.size else 0
    starts = [first, *(np.flatnonzero(labels[first + 1 :] != labels[first:-1]) + first + 1).tolist(), highs.size]
    for start, end in pairwise(starts):
        total = numbers(np.cumsum(volumes[start:end]))
        turnover = np.cumsum(typical[start:end] * volumes[start:end])
        average[start:end] = np.where(np.abs(turnover) >= SMALLEST, turnover / total, np.nan)
    return numbers(average)
