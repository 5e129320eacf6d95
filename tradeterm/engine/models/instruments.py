"""The models of single instruments, bar by bar: how far it moves, how one-sidedly, and what regime that is.

One model an instrument, on the bars of the feed, which are the same for all books. Each depends on the last
`HISTORY_BARS` closed bars and on nothing else, so that a run that was interrupted goes on with the same numbers.

ModelUpdate "instrument": atr (14 bars, price), rsi (14), adx (14), volatility (Garman-Klass over 50 bars, annualised by
the instrument's calendar, a fraction), regime (a Regime's place in its enum; by the rules of `quant.regimes` from ADX,
the averages of 9, 21 and 50 bars and the volatility; a new one counts once it held for 3 bars). None where the bars
since the last hole are too few, or do not move: what stands still is not calm, nothing is known of it.

Where the market shuts, the volatility has the gap from the close before each bar on top (Yang & Zhang), and looks back
at whole sessions that have 50 bars at least, so that at any hour its window holds one night a session.
"""

import math
from collections.abc import Iterable, Sequence
from typing import NamedTuple

import numpy as np

from tradeterm.domain.events import ModelUpdate
from tradeterm.domain.instrument import Calendar, Instrument
from tradeterm.domain.market import DAY_MS, MINUTE_MS, Bar
from tradeterm.engine.models.runs import Run, Runs
from tradeterm.indicators import ta_lib
from tradeterm.quant.regimes import NO_REGIME, Codes, classify, persist

PERIOD = 14
AVERAGES = (9, 21, 50)
VOLATILITY_BARS = 50
RUN_BARS = 600
"""After so many bars nothing is left of where an average of 50, or Wilder's of 14, began."""
REGIME_BARS = 64
"""How far back a regime that still counts may have held for long enough."""
HISTORY_BARS = RUN_BARS + REGIME_BARS

_NSE_DAYS, _NSE_MINUTES = 252, 375


class _Numbers(NamedTuple):
    atr: float
    rsi: float
    adx: float
    fast: float
    middle: float
    slow: float
    volatility: float


_NOTHING = _Numbers(*[math.nan] * 7)


def periods_per_year(calendar: Calendar, interval_ms: int) -> float:
    """Bars of that length in a year: around the clock 365 days, on the NSE 252 days of 375 minutes (the last bar of a
    session may be a short one, and counts)."""
    if calendar is Calendar.ALWAYS:
        return 365 * DAY_MS / interval_ms
    return _NSE_DAYS * _session_bars(interval_ms)


def volatility_bars(calendar: Calendar, interval_ms: int) -> int:
    """Bars the volatility looks back at."""
    if calendar is Calendar.ALWAYS:
        return VOLATILITY_BARS
    session = _session_bars(interval_ms)
    return -(-VOLATILITY_BARS // session) * session


class InstrumentModels:
    """Give it every closed bar once they are in order; ask for what the last ones say."""

    def __init__(self, instruments: Sequence[Instrument], interval_ms: int) -> None:
        self._column = {instrument.id: column for column, instrument in enumerate(instruments)}
        self._names = tuple(self._column)
        self._per_year = [periods_per_year(instrument.calendar, interval_ms) for instrument in instruments]
        self._windows = [volatility_bars(instrument.calendar, interval_ms) for instrument in instruments]
        self._interval_ms = interval_ms
        self._runs = Runs(instruments, interval_ms, RUN_BARS)
        self._codes: Codes = np.full((REGIME_BARS, len(self._names)), NO_REGIME, dtype=np.int8)
        self._ts = [0] * len(self._names)
        self._numbers = [_NOTHING] * len(self._names)

    def warm(self, history: Iterable[Bar]) -> list[ModelUpdate]:
        """Take bars in time order; what they say of each instrument at its last bar."""
        by_column: dict[int, list[Bar]] = {}
        for bar in history:
            if bar.interval_ms == self._interval_ms and bar.instrument in self._column:
                by_column.setdefault(self._column[bar.instrument], []).append(bar)
        for column, bars in by_column.items():
            for bar in bars[:-REGIME_BARS]:
                self._runs.put(column, bar)
        for back in range(REGIME_BARS, 0, -1):
            self.on_bars([bars[-back] for bars in by_column.values() if len(bars) >= back])
        return self._updates(sorted(by_column))

    def on_bars(self, bars: Iterable[Bar]) -> list[ModelUpdate]:
        """What these bars, newer than those before, say of their instruments; nothing of a bar that is not newer."""
        columns = []
        for bar in bars:
            column = self._column.get(bar.instrument)
            if column is None or bar.interval_ms != self._interval_ms or not self._runs.put(column, bar):
                continue
            self._ts[column] = bar.ts_event
            self._numbers[column] = _look(self._runs.run(column), self._windows[column], self._per_year[column])
            columns.append(column)
        if columns:
            self._classify(columns)
        return self._updates(columns)

    def _classify(self, columns: list[int]) -> None:
        numbers = np.array([self._numbers[column] for column in columns])
        self._codes[:-1, columns] = self._codes[1:, columns]
        self._codes[-1, columns] = classify(*numbers[:, 2:].T)

    def _updates(self, columns: list[int]) -> list[ModelUpdate]:
        regimes = persist(self._codes[:, columns])[-1] if columns else ()
        return [
            ModelUpdate(
                ts=self._ts[column],
                model="instrument",
                subject=self._names[column],
                values={
                    "atr": _known(numbers.atr),
                    "rsi": _known(numbers.rsi),
                    "adx": _known(numbers.adx),
                    "volatility": _known(numbers.volatility),
                    "regime": None if regime == NO_REGIME else float(regime),
                },
            )
            for column, numbers, regime in zip(
                columns, (self._numbers[column] for column in columns), regimes, strict=True
            )
        ]


def _look(run: Run, window: int, per_year: float) -> _Numbers:
    """The last values of `tradeterm.indicators`, by TA-Lib itself: those look for holes, of which a run has none, and
    take ten times as long. The tests compare them."""
    talib = ta_lib.load()
    high, low, close = run.high, run.low, run.close
    if close.size <= PERIOD or not np.ptp(close) > 0:
        return _NOTHING
    fast, middle, slow = (talib.EMA(close, n)[-1] for n in AVERAGES)
    variance = float(run.variance[-window:].mean()) if close.size >= window else math.nan
    return _Numbers(
        atr=talib.ATR(high, low, close, PERIOD)[-1],
        rsi=talib.RSI(close, PERIOD)[-1],
        adx=talib.ADX(high, low, close, PERIOD)[-1],
        fast=fast,
        middle=middle,
        slow=slow,
        volatility=math.sqrt(per_year * variance) if variance > 0 else math.nan,
    )


def _session_bars(interval_ms: int) -> int:
    return -(-_NSE_MINUTES * MINUTE_MS // interval_ms)


def _known(value: float) -> float | None:
    return float(value) if math.isfinite(value) else None
