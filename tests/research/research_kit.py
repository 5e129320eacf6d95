"""Random markets for the kernel: coarse prices, so that levels are met exactly, with gaps and missing bars."""

import numpy as np
from hypothesis import strategies as st

from tradeterm.domain.instrument import Calendar
from tradeterm.domain.market import DAY_MS, HOUR_MS, MINUTE_MS
from tradeterm.research.bars import Bars, Settlements
from tradeterm.research.exits import ExitSignals
from tradeterm.research.fills import Anchor, EntryBar, ExitPolicy

MONDAY = 1_736_121_600_000  # 2025-01-06 00:00 UTC
NSE_OPEN, NSE_CLOSE = 3 * HOUR_MS + 45 * MINUTE_MS, 10 * HOUR_MS  # of the UTC day


def candles(*rows: tuple[float, float, float, float], interval_ms: int = HOUR_MS, start: int = MONDAY) -> Bars:
    """Bars from (open, high, low, close) rows."""
    ts = start + interval_ms * np.arange(len(rows), dtype=np.int64)
    return Bars("X", interval_ms, ts, *(np.array(column, dtype=np.float64) for column in zip(*rows, strict=True)))


def random_bars(
    seed: int, rows: int, *, step: float = 0.01, missing: float = 0.0, calendar: Calendar = Calendar.ALWAYS,
    interval_ms: int = HOUR_MS, name: str = "X", irregular: bool = False, funding: bool = False,
) -> Bars:  # fmt: skip
    """A walk whose steps and wicks are whole multiples of `step`/4 of the first price."""
    rng = np.random.default_rng(seed)
    unit = step / 4 * 100
    close = 100 + unit * np.cumsum(rng.integers(-4, 5, rows))
    close = np.maximum(close, 5 * unit)
    gap = unit * rng.integers(-2, 3, rows) * (rng.random(rows) < 0.3)
    opened = np.maximum(np.concatenate(([100.0], close[:-1])) + gap, 2 * unit)
    high = np.maximum(opened, close) + unit * rng.integers(0, 4, rows)
    low = np.maximum(np.minimum(opened, close) - unit * rng.integers(0, 4, rows), unit)
    ts = MONDAY + interval_ms * np.arange(rows, dtype=np.int64)
    if irregular:
        ts = ts + interval_ms * np.cumsum(rng.integers(0, 40, rows) * (rng.random(rows) < 0.05))
    gone = rng.random(rows) < missing
    if calendar is Calendar.NSE:
        of_day = ts % DAY_MS
        gone |= (of_day < NSE_OPEN) | (of_day >= NSE_CLOSE) | ((ts // DAY_MS + 3) % 7 >= 5)
    for prices in (opened, high, low, close):
        prices[gone] = np.nan
    rates = None
    if funding:
        times = np.arange(MONDAY, int(ts[-1]) + 2 * interval_ms, 90 * MINUTE_MS, dtype=np.int64)
        rates = Settlements(times, np.round(rng.normal(0, 0.001, len(times)), 4))
    return Bars(name, interval_ms, ts, opened, high, low, close, calendar=calendar, funding=rates)


def random_signals(seed: int, rows: int, share: float) -> tuple[ExitSignals, ...]:
    """Two exit rules, the second of which requires profit."""
    rng = np.random.default_rng(seed)
    return (
        ExitSignals("PLAIN", np.flatnonzero(rng.random(rows) < share)),
        ExitSignals("IN_PROFIT", np.flatnonzero(rng.random(rows) < 5 * share), True),
    )


trails = st.fixed_dictionaries(
    {"trail": st.sampled_from([0.005, 0.015, 0.04]), "trail_after": st.sampled_from([0.0, 0.01, 0.04])}
)
policies = st.builds(
    lambda trail, **more: ExitPolicy(**trail, **more),
    trail=st.just({}) | trails,
    stop=st.sampled_from([None, 0.01, 0.02, 0.05, 0.3]),
    target=st.sampled_from([None, 0.01, 0.03, 0.1, 1.5]),
    time_limit_hours=st.sampled_from([None, 1.0, 7.5, 100.0]),
    session_end=st.booleans(),
    anchor=st.sampled_from(Anchor),
    entry_bar=st.sampled_from(EntryBar),
)
