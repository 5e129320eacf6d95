"""What a live desk's models say of an instrument when a signal is decided, worked out where one is.

The models are those of `engine.models.instruments`, bar by bar: Garman-Klass volatility, ADX and three averages of the
bars since the last hole, the rules of `quant.regimes`, and a regime that counts once it has held for three bars. A
signal is judged by the models of the bar before; models older than three bars count as unknown. A test compares the
two on every bar.
"""

import math
from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
from numpy.lib.stride_tricks import sliding_window_view
from numpy.typing import NDArray

from tradeterm.desk.sessions import session_of
from tradeterm.domain.instrument import Calendar
from tradeterm.domain.market import DAY_MS, MINUTE_MS
from tradeterm.domain.states import Regime
from tradeterm.indicators import ta_lib
from tradeterm.quant.regimes import classify, persist, regime_of
from tradeterm.research.bars import Bars
from tradeterm.strategies.panel import Floats

HISTORY_BARS = 664
"""What was before has left no trace in the averages, nor in the regime."""

_PERIOD, _AVERAGES, _VOLATILITY_BARS, _REGIME_BARS = 14, (9, 21, 50), 50, 64
_CURRENT_BARS = 3
_NSE_DAYS, _NSE_MINUTES = 252, 375


class Model(NamedTuple):
    """None is "not known". `volatility` is annualised, a fraction."""

    regime: Regime | None = None
    volatility: float | None = None


class Strength(NamedTuple):
    """Of 14 bars: the average true range (price), the relative strength and the directional movement; None is "not
    known"."""

    atr: float | None = None
    rsi: float | None = None
    adx: float | None = None


class Regimes:
    """The models of a market's instruments at any row."""

    def __init__(self, market: Sequence[Bars]) -> None:
        self._market = tuple(market)

    def at(self, number: int, row: int) -> Model:
        """What is known of an instrument to a decision at the close of `row`."""
        found, bars = self.newest(number, row), self._market[number]
        if found is None or bars.closed(row) - found[0] > _CURRENT_BARS * bars.interval_ms:
            return Model()
        return found[1]

    def atr(self, number: int, row: int) -> float | None:
        """The average true range (price) of 14 bars, known to a decision at the close of `row`; None: it is not."""
        bars = self._market[number]
        last = bars.last_bar(row - 1)
        if last < 0 or bars.closed(row) - bars.closed(last) > _CURRENT_BARS * bars.interval_ms:
            return None
        return self.strength(number, row).atr

    def newest(self, number: int, row: int) -> tuple[int, Model] | None:
        """The same however old it is, and of when it is (UTC ms); None before the first bar."""
        bars = self._market[number]
        last = bars.last_bar(row - 1)
        return None if last < 0 else (bars.closed(last), _model(bars, last))

    def strength(self, number: int, row: int) -> Strength:
        """What TA-Lib says by the same bars as `newest`."""
        bars = self._market[number]
        last = bars.last_bar(row - 1)
        rows = _run(bars, last) if last >= 0 else slice(0)
        high, low, close = (column[rows] for column in (bars.high, bars.low, bars.close))
        if close.size <= _PERIOD or not np.ptp(close) > 0:
            return Strength()
        talib = ta_lib.load()
        found = talib.ATR(high, low, close, _PERIOD), talib.RSI(close, _PERIOD), talib.ADX(high, low, close, _PERIOD)
        return Strength(*(float(values[-1]) if math.isfinite(values[-1]) else None for values in found))


def _model(bars: Bars, last: int) -> Model:
    """By the run of bars that ends at `last`."""
    rows = _run(bars, last)
    opened, high, low, close = (column[rows] for column in (bars.open, bars.high, bars.low, bars.close))
    if close.size <= _PERIOD or not np.ptp(close) > 0:
        return Model()
    volatility = _volatility(bars, opened, high, low, close)
    talib = ta_lib.load()
    tail = slice(-len(volatility), None)
    fast, middle, slow = (talib.EMA(close, n)[tail] for n in _AVERAGES)
    codes = classify(talib.ADX(high, low, close, _PERIOD)[tail], fast, middle, slow, volatility)
    known = float(volatility[-1])
    return Model(regime_of(int(persist(codes)[-1])), known if math.isfinite(known) else None)


def _run(bars: Bars, last: int) -> slice | NDArray[np.intp]:
    """The rows of the bars without a hole that end at `last`, at most HISTORY_BARS of them. Where a market shuts, the
    first bar of a session follows the last one of the session before."""
    if bars.regular and bars.calendar is Calendar.ALWAYS:
        first = max(0, last + 1 - HISTORY_BARS)
        holes = np.flatnonzero(np.isnan(bars.close[first : last + 1]))
        return slice(first + int(holes[-1]) + 1 if holes.size else first, last + 1)
    start = max(0, last + 1 - 6 * HISTORY_BARS)  # nights and weekends may have rows
    rows = start + np.flatnonzero(~np.isnan(bars.close[start : last + 1]))[-HISTORY_BARS:]
    ts = bars.ts_open[rows]
    follows = np.diff(ts) == bars.interval_ms
    if bars.calendar is not Calendar.ALWAYS:
        follows |= np.diff([session_of(bars.calendar, int(moment)) for moment in ts]) > 0
    holes = np.flatnonzero(~follows)
    return rows[int(holes[-1]) + 1 :] if holes.size else rows


def _volatility(bars: Bars, opened: Floats, high: Floats, low: Floats, close: Floats) -> Floats:
    """At each of the last rows: of Garman & Klass (1980), where the market shuts with the gap before each bar on top
    (Yang & Zhang 2000); NaN where it does not reach back far enough."""
    window, per_year = _VOLATILITY_BARS, 365 * DAY_MS / bars.interval_ms
    if bars.calendar is not Calendar.ALWAYS:
        session = -(-_NSE_MINUTES * MINUTE_MS // bars.interval_ms)
        window, per_year = -(-_VOLATILITY_BARS // session) * session, float(_NSE_DAYS * session)
    count = min(_REGIME_BARS, close.size)
    since = max(0, close.size - count - window + 1)
    part = slice(since, None)
    variance = np.log(high[part] / low[part]) ** 2 / 2 - (2 * math.log(2) - 1) * np.log(close[part] / opened[part]) ** 2
    if bars.calendar is not Calendar.ALWAYS:
        before = np.concatenate(([close[since - 1] if since else math.nan], close[since:-1]))
        variance += np.log(opened[part] / before) ** 2
    found = np.full(count, np.nan)
    if variance.size >= window:
        means = sliding_window_view(variance, window).mean(axis=1)
        found[count - len(means) :] = np.sqrt(per_year * np.where(means > 0, means, np.nan))
    return found
