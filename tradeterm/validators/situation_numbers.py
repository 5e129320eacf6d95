"""What the last bars of one instrument say, for tier 2: returns, trend, volatility and volume against their own past.
A live desk and a backtest ask it alike.

Every number is None where the bars it needs are not there. Returns and volumes may look across a hole in the data, what
is averaged over bars does not: it begins anew behind the last one.
"""

import math
from typing import Any

import numpy as np
from msgspec import Struct
from numpy.typing import NDArray

from tradeterm.domain.instrument import Calendar
from tradeterm.domain.market import DAY_MS, HOUR_MS
from tradeterm.indicators import ta_lib

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]

LEAST_BARS = 600
SHOWN_BARS = 30
ATR_BARS, FAST, SLOW = 14, 20, 50
FAST_SLOPE_BARS, SLOW_SLOPE_BARS = 5, 10
WINDOW = 50
"""Bars of the volatility and of the volume that are compared with their own past."""
LEAST_WINDOWS = 200
"""A rank among fewer windows says little."""
_SPANS = (("return_1h", HOUR_MS), ("return_4h", 4 * HOUR_MS), ("return_24h", DAY_MS))
_STILL = 1e-14  # what stands still is not calm: nothing is known of it
_LONGEST_PAUSE_MS = 5 * DAY_MS  # a long weekend, where a market shuts
_SETTLEMENT_LATE_MS = HOUR_MS  # a settlement may be told so much after it was


class Bars(Struct, frozen=True):
    """Closed bars, oldest first. `closed` is when each closed (UTC ms), `session` the session it belongs to."""

    closed: Ints
    session: Ints
    high: Floats
    low: Floats
    close: Floats
    volume: Floats
    interval_ms: int
    calendar: Calendar

    @property
    def unbroken(self) -> int:
        """Where the last run without a hole begins; where a market shuts, one session follows another."""
        broken = np.diff(self.closed) != self.interval_ms
        if self.calendar is not Calendar.ALWAYS:
            broken &= np.diff(self.session) == 0
        holes = np.flatnonzero(broken)
        return int(holes[-1]) + 1 if holes.size else 0


def bars_known(interval_ms: int) -> int:
    """How many of the last bars are looked at."""
    return max(LEAST_BARS, DAY_MS // interval_ms + SHOWN_BARS)


def makes_sense(open: Any, high: Any, low: Any, close: Any, volume: Any) -> Any:
    """Whether these can be a bar's, floats or whole arrays; what cannot is left out and leaves a hole."""
    priced = (low > 0) & (low <= open) & (open <= high) & (high < math.inf) & (low <= close) & (close <= high)
    return priced & (volume >= 0) & (volume < math.inf)


def until_settlement(settled: int | None, every_ms: int, ts: int) -> int | None:
    """Minutes from `ts` to the next settlement, the last one being at `settled` (UTC ms); None for what has no funding,
    and where that is too long ago to count from."""
    if settled is None or not every_ms or not 0 <= ts - settled <= every_ms + _SETTLEMENT_LATE_MS:
        return None
    return int((every_ms - (ts - settled) % every_ms) // 60_000)


def numbers_of(bars: Bars) -> dict[str, Any]:
    """The groups market, trend and data_quality, as far as bars tell them, and `bars`. There must be one bar."""
    start = bars.unbroken
    high, low, close = bars.high[start:], bars.low[start:], bars.close[start:]
    talib = ta_lib.load()
    atr = _last(talib.ATR(high, low, close, ATR_BARS)) if close.size > ATR_BARS else None
    price = float(close[-1])
    return {
        "market": {
            **{name: _return(bars, span) for name, span in _SPANS},
            "volatility_percentile": _volatility_rank(close),
            "volume_z": _volume_z(bars.volume[start:]),
            "range_24h_position": _range_position(bars),
        },
        "trend": {
            "ema20_slope_atr": _slope(talib, close, FAST, FAST_SLOPE_BARS, atr),
            "ema50_slope_atr": _slope(talib, close, SLOW, SLOW_SLOPE_BARS, atr),
            "from_ema50_atr": _from_average(talib, close, atr),
            "from_vwap": _from_vwap(bars, price),
        },
        "data_quality": {"bars": int(bars.close.size), "missing_bars": _missing(bars)},
        "bars": _compact(bars, price),
    }


def _return(bars: Bars, span_ms: int) -> float | None:
    """The last close over the close that was the last one `span_ms` before. Around the clock that bar must be there."""
    then = int(bars.closed[-1]) - span_ms
    place = int(np.searchsorted(bars.closed, then, side="right")) - 1
    if span_ms < bars.interval_ms or place < 0:
        return None
    late = then - int(bars.closed[place])
    if late > (0 if bars.calendar is Calendar.ALWAYS else _LONGEST_PAUSE_MS):
        return None
    return _round(bars.close[-1] / bars.close[place] - 1, 5)


def _volatility_rank(close: Floats) -> float | None:
    """The share of earlier windows that were calmer than the last, by realised variance: the sum of the squared log
    returns of 50 bars."""
    if close.size <= WINDOW + LEAST_WINDOWS:
        return None
    squares = np.cumsum(np.diff(np.log(close)) ** 2)
    windows = squares[WINDOW - 1 :].copy()
    windows[1:] -= squares[:-WINDOW]
    if not windows[-1] > _STILL:
        return None
    return _round(np.count_nonzero(windows[:-1] < windows[-1]) / (windows.size - 1), 3)


def _volume_z(volume: Floats) -> float | None:
    """How many standard deviations the last bar's volume is above the mean of the 50 bars before it."""
    if volume.size <= WINDOW:
        return None
    before = volume[-WINDOW - 1 : -1]
    deviation = float(before.std(ddof=1))
    return _round((volume[-1] - before.mean()) / deviation, 2) if deviation > 0 else None


def _range_position(bars: Bars) -> float | None:
    """Where the last close is in the range of the day up to it: 0 its low, 1 its high."""
    if bars.closed[-1] - bars.closed[0] < DAY_MS:
        return None
    day = bars.closed > bars.closed[-1] - DAY_MS
    low, high = float(bars.low[day].min()), float(bars.high[day].max())
    return _round((bars.close[-1] - low) / (high - low), 3) if high > low else None


def _slope(talib: Any, close: Floats, period: int, over: int, atr: float | None) -> float | None:
    """How far the average moved in the last `over` bars, in ATRs."""
    if atr is None or close.size < 2 * period + over:
        return None
    average = talib.EMA(close, period)
    return _round((average[-1] - average[-1 - over]) / atr, 3)


def _from_average(talib: Any, close: Floats, atr: float | None) -> float | None:
    if atr is None or close.size < 2 * SLOW:
        return None
    return _round((close[-1] - talib.EMA(close, SLOW)[-1]) / atr, 3)


def _from_vwap(bars: Bars, price: float) -> float | None:
    """The last close over the session's volume-weighted mean of typical prices; None if its first bar is not known."""
    first = int(np.searchsorted(bars.session, bars.session[-1]))
    volume = bars.volume[first:]
    total = float(volume.sum())
    if first == 0 or not total > 0:
        return None
    typical = (bars.high[first:] + bars.low[first:] + bars.close[first:]) / 3
    return _round(price / (float((typical * volume).sum()) / total) - 1, 5)


def _missing(bars: Bars) -> int:
    """Bars that are not there among the last thirty, within sessions."""
    closed, session = bars.closed[-SHOWN_BARS:], bars.session[-SHOWN_BARS:]
    steps = np.diff(closed) // bars.interval_ms - 1
    return int(steps[np.diff(session) == 0].sum() if bars.calendar is not Calendar.ALWAYS else steps.sum())


def _compact(bars: Bars, price: float) -> list[list[float | None]]:
    """High, low and close in basis points from the last close, and the volume over the mean of those shown."""
    basis = [np.round((column[-SHOWN_BARS:] / price - 1) * 1e4, 1) for column in (bars.high, bars.low, bars.close)]
    volume = bars.volume[-SHOWN_BARS:]
    mean = float(volume.mean())
    relative: list[float | None] = np.round(volume / mean, 2).tolist() if mean > 0 else [None] * volume.size
    high, low, close = (column.tolist() for column in basis)
    return [list(row) for row in zip(high, low, close, relative, strict=True)]


def _last(values: Floats) -> float | None:
    value = float(values[-1])
    return value if math.isfinite(value) and value > 0 else None


def _round(value: float, digits: int) -> float | None:
    return round(float(value), digits) + 0.0 if math.isfinite(value) else None
