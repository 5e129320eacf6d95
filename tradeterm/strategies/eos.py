"""EOS on perpetuals: fade a session's move once it is large and looks exhausted.

Move = close / session open − 1. The first closed bar on which |move| reaches the threshold with enough confirmations
is the signal: LONG after a fall, SHORT after a rise. The next one of the same session needs the price to have come
back inside `rearm_fraction` of the threshold at a close.

Confirmations, each one point:
- volume: one of the last `volume_within` bars traded at least `volume_multiple` times its `volume_window`-bar mean;
- funding: the crowd of the move pays an extreme rate (rate >= funding_extreme: longs, confirms SHORT;
  rate <= −funding_extreme: shorts, confirms LONG);
- exhaustion: the bar closed in the quarter (`exhaustion_range`) of its range farthest from the move's extreme, so the
  extreme was refused within the bar; or no bar of the last `stall_bars` made a new session extreme.
"""

from typing import Annotated, NamedTuple

import numpy as np
from msgspec import Meta, Struct
from numpy.typing import NDArray

from tradeterm.domain.market import DAY_MS, HOUR_MS, MINUTE_MS
from tradeterm.indicators.rolling import sma
from tradeterm.strategies.panel import Flags, Floats, Panel
from tradeterm.strategies.protocol import ExitRule, Signals
from tradeterm.strategies.sessions import Sessions


class EosParameters(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Bounds are part of the type; config, sweeps and forms all read them here."""

    threshold: Annotated[
        float, Meta(ge=0.001, le=1.0, description="move since the session's open that counts, fraction")
    ] = 0.04
    session_offset_hours: Annotated[
        int, Meta(ge=0, le=23, description="hour of the UTC day at which the session opens, hours")
    ] = 0
    volume_multiple: Annotated[
        float, Meta(gt=0.0, le=100.0, description="volume over its mean that confirms, ratio")
    ] = 2.0
    volume_window: Annotated[int, Meta(ge=2, le=500, description="length of the volume mean, bars")] = 20
    volume_within: Annotated[int, Meta(ge=1, le=50, description="how recent the volume may be, bars")] = 3
    funding_extreme: Annotated[
        float, Meta(gt=0.0, le=0.05, description="funding rate at which the crowd is extreme, fraction a settlement")
    ] = 0.0003
    exhaustion_range: Annotated[
        float, Meta(gt=0.0, le=1.0, description="part of the bar's range, far from the extreme, fraction")
    ] = 0.25
    stall_bars: Annotated[int, Meta(ge=1, le=100, description="bars without a new session extreme, bars")] = 2
    min_confirmations: Annotated[int, Meta(ge=0, le=3, description="confirmations a signal needs, count")] = 1
    average_window: Annotated[int, Meta(ge=2, le=500, description="length of the average of closes, bars")] = 20
    rearm_fraction: Annotated[
        float, Meta(ge=0.0, le=1.0, description="part of the threshold inside which the session re-arms, fraction")
    ] = 0.5


class _Moves(NamedTuple):
    """`of` each row's session, from its open to the row's close."""

    sessions: Sessions
    session_open: Floats
    of: Floats


class _Numbers(Struct, frozen=True):
    """What a decision rests on; arrays of shape (rows, instruments), NaN where there is no value."""

    session_open: Floats
    move: Floats
    volume_ratio: Floats
    close_in_range: Floats
    bars_since_extreme: Floats
    volume: Flags
    funding: Flags
    exhaustion: Flags

    @property
    def confirmations(self) -> NDArray[np.int8]:
        return self.volume.astype(np.int8) + self.funding.astype(np.int8) + self.exhaustion.astype(np.int8)


class Eos:
    """The strategy for bars of one length. `interval_ms` must divide the day.

    Exits: AVERAGE_CROSS, the close crosses its `average_window`-bar mean against a position that has been in profit;
    FUNDING_TURNED, a settlement makes the position's side the one that pays an extreme rate (a rate that was already
    extreme when the position was opened is no turn).
    """

    name = "eos"

    def __init__(self, parameters: EosParameters | None = None, interval_ms: int = 5 * MINUTE_MS) -> None:
        if interval_ms <= 0 or DAY_MS % interval_ms:
            raise ValueError(f"a day is not a whole number of bars of {interval_ms} ms")
        self.parameters = p = parameters or EosParameters()
        self.interval_ms = interval_ms
        volume_rows = p.volume_window + p.volume_within - 2  # what the session's first bar looks back on
        self._live: tuple[Panel, _Numbers] | None = None  # what a live run judged last, for who asks why
        self.warmup = max(DAY_MS // interval_ms + volume_rows, p.average_window + 1, 4 * HOUR_MS // interval_ms + 1, 2)

    def signals(self, panel: Panel) -> Signals:
        p = self.parameters
        moves, is_live = self._moves(panel), panel.rows <= self.warmup
        move = moves.of
        size = np.abs(move)  # comparisons with NaN are False: a bar without numbers neither signals nor re-arms
        wanted = size >= p.threshold
        n = self._numbers(panel, moves) if p.min_confirmations or is_live else None
        self._live = (panel, n) if n is not None and is_live else None
        if n is not None:
            wanted &= n.confirmations >= p.min_confirmations
        arms = size < p.threshold * p.rearm_fraction
        first = moves.sessions.first_since_armed(wanted, arms)
        entries = np.zeros(first.shape, dtype=np.int8)
        entries[first] = np.where(move[first] < 0, 1, -1)
        entries[: self.warmup - 1] = 0
        exits = (self._average_cross(panel), self._funding_turned(panel))
        return Signals(entries=entries, exits=exits)

    def explain(self, panel: Panel, row: int, instrument: int) -> dict[str, float | None]:
        if self._live is not None and self._live[0] is panel and row == panel.rows - 1:
            n, at = self._live[1], (-1, instrument)  # every number rests on its own column alone
            panel = panel.only(instrument)
        else:
            panel = panel.window(max(0, row + 1 - self.warmup), row + 1).only(instrument)
            n, at = self._numbers(panel, self._moves(panel)), (-1, 0)
        last = (-1, 0)
        return {
            "move": _value(n.move[at]),
            "session_open": _value(n.session_open[at]),
            "close": _value(panel.close[last]),
            "volume_ratio": _value(n.volume_ratio[at]),
            "funding_rate": _value(panel.funding[last]),
            "close_in_range": _value(n.close_in_range[at]),
            "bars_since_extreme": _value(n.bars_since_extreme[at]),
            "confirm_volume": float(n.volume[at]),
            "confirm_funding": float(n.funding[at]),
            "confirm_exhaustion": float(n.exhaustion[at]),
            "confirmations": float(n.confirmations[at]),
            "trend_1h": self._trend(panel.close[:, 0], HOUR_MS),
            "trend_4h": self._trend(panel.close[:, 0], 4 * HOUR_MS),
            "average": _value(
                sma(panel.close[-self.parameters.average_window :, 0], self.parameters.average_window)[-1]
            ),
        }

    def _moves(self, panel: Panel) -> _Moves:
        if panel.interval_ms != self.interval_ms:
            raise ValueError(f"made for bars of {self.interval_ms} ms, not {panel.interval_ms} ms")
        if panel.rows and int(panel.ts_open[-1] - panel.ts_open[0]) != (panel.rows - 1) * panel.interval_ms:
            raise ValueError("eos counts a session's rows, so it needs a market that is open around the clock")
        sessions = Sessions(panel, self.parameters.session_offset_hours)
        session_open = sessions.opening(panel.open)
        return _Moves(sessions, session_open, panel.close / session_open - 1)

    def _numbers(self, panel: Panel, moves: _Moves) -> _Numbers:
        p, move, sessions = self.parameters, moves.of, moves.sessions
        known, fell = np.isfinite(move), move < 0
        volume_ratio = _largest_of_last(_ratio(panel.volume, sma(panel.volume, p.volume_window)), p.volume_within)
        away = np.where(fell, panel.close - panel.low, panel.high - panel.close)  # from the move's extreme of the bar
        close_in_range = _ratio(away, panel.high - panel.low)
        since = np.where(fell, sessions.rows_since_record(-panel.low), sessions.rows_since_record(panel.high))
        extreme = np.where(fell, panel.funding <= -p.funding_extreme, panel.funding >= p.funding_extreme)
        return _Numbers(
            session_open=moves.session_open,
            move=move,
            volume_ratio=volume_ratio,
            close_in_range=close_in_range,
            bars_since_extreme=since,
            volume=known & (volume_ratio >= p.volume_multiple),
            funding=known & extreme,
            exhaustion=known & ((close_in_range >= 1 - p.exhaustion_range) | (since >= p.stall_bars)),
        )

    def _average_cross(self, panel: Panel) -> ExitRule:
        average = sma(panel.close, self.parameters.average_window)
        down, up = np.zeros(average.shape, dtype=np.bool_), np.zeros(average.shape, dtype=np.bool_)
        was, now = panel.close[:-1] - average[:-1], panel.close[1:] - average[1:]
        down[1:] = (was >= 0) & (now < 0)
        up[1:] = (was <= 0) & (now > 0)
        return self._exit("AVERAGE_CROSS", down, up, requires_profit=True)

    def _funding_turned(self, panel: Panel) -> ExitRule:
        limit = self.parameters.funding_extreme
        longs_pay, shorts_pay = panel.funding >= limit, panel.funding <= -limit
        long, short = np.zeros_like(longs_pay), np.zeros_like(shorts_pay)
        settled = np.isfinite(panel.funding[:-1]) & np.isfinite(panel.close[1:])
        long[1:] = settled & longs_pay[1:] & ~longs_pay[:-1]
        short[1:] = settled & shorts_pay[1:] & ~shorts_pay[:-1]
        return self._exit("FUNDING_TURNED", long, short)

    def _exit(self, reason: str, long: Flags, short: Flags, *, requires_profit: bool = False) -> ExitRule:
        long[: self.warmup - 1] = False
        short[: self.warmup - 1] = False
        return ExitRule(reason=reason, long=long, short=short, requires_profit=requires_profit)

    def _trend(self, close: Floats, span_ms: int) -> float | None:
        """Return over the last `span_ms`; None where bars are longer than that or too few."""
        rows = span_ms // self.interval_ms
        if rows == 0 or rows >= close.shape[0]:
            return None
        return _value(close[-1] / close[-1 - rows] - 1)


def _value(number: np.float64 | float) -> float | None:
    return float(number) if np.isfinite(number) else None


def _ratio(x: Floats, y: Floats) -> Floats:
    """x / y, NaN where y is not positive."""
    out = np.full(x.shape, np.nan)
    np.divide(x, y, out=out, where=y > 0)
    return out


def _largest_of_last(x: Floats, n: int) -> Floats:
    """Largest of the last `n` rows that have a value; NaN where none has."""
    out = x.copy()
    for back in range(1, min(n, x.shape[0])):
        out[back:] = np.fmax(out[back:], x[:-back])
    return out
