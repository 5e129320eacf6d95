"""Joined bars against a plain loop, and what lies at the edges of sessions."""

import numpy as np
import pytest
from data_kit import NSE_OPEN, START, walk
from hypothesis import given
from hypothesis import strategies as st

from tradeterm.domain.market import DAY_MS, HOUR_MS, INTERVALS_MS, MINUTE_MS
from tradeterm.research.data.calendar import ALWAYS, NSE, Hours
from tradeterm.research.data.resample import resample


def by_hand(ts: np.ndarray, values: np.ndarray, step: int, to: int, hours: Hours) -> tuple[dict[int, list[float]], int]:
    parts: dict[int, list[np.ndarray]] = {}
    for at, bar in zip(ts.tolist(), values, strict=True):
        into = (at - hours.open_ms) % DAY_MS
        if into < hours.length_ms:
            parts.setdefault(at - into + into // to * to, []).append(bar)
    out, dropped = {}, 0
    for at, bars in parts.items():
        begin = (at - hours.open_ms) % DAY_MS
        wanted = len(range(begin, min(begin + to, hours.length_ms), step))
        if len(bars) == wanted:
            out[at] = [
                bars[0][0],
                max(b[1] for b in bars),
                min(b[2] for b in bars),
                bars[-1][3],
                sum(b[4] for b in bars),
            ]
        else:
            dropped += 1
    return out, dropped


@given(
    seed=st.integers(0, 1000),
    lost=st.sets(st.integers(0, 2999), max_size=20),
    to=st.sampled_from(["5m", "15m", "30m", "1h", "4h", "1d"]),
    hours=st.sampled_from([ALWAYS, NSE]),
    lead=st.integers(0, 1500),
)
def test_joined_bars_are_those_of_a_plain_loop(seed: int, lost: set[int], to: str, hours: Hours, lead: int) -> None:
    ts, values = walk(3000, seed, START + lead * MINUTE_MS)
    keep = np.setdiff1d(np.arange(3000), list(lost))
    ts, values = ts[keep], values[keep]
    found = resample(ts, values, MINUTE_MS, INTERVALS_MS[to], hours)
    wanted, dropped = by_hand(ts, values, MINUTE_MS, INTERVALS_MS[to], hours)
    assert found.ts_open.tolist() == list(wanted) and found.dropped == dropped
    if wanted:
        np.testing.assert_allclose(found.values, list(wanted.values()), rtol=1e-12)


def test_nse_hours_begin_at_the_opening() -> None:
    ts, values = walk(375, start=NSE_OPEN)
    hourly = resample(ts, values, MINUTE_MS, HOUR_MS, NSE)
    assert [(at - NSE_OPEN) // MINUTE_MS for at in hourly.ts_open] == [0, 60, 120, 180, 240, 300, 360]
    assert hourly.dropped == 0  # the last hour is the quarter of an hour the session still has
    daily = resample(ts, values, MINUTE_MS, DAY_MS, NSE)
    assert daily.ts_open.tolist() == [NSE_OPEN] and daily.values[0, 3] == values[-1, 3]
    assert resample(ts[1:], values[1:], MINUTE_MS, DAY_MS, NSE).dropped == 1


def test_lengths_that_do_not_fit() -> None:
    for from_ms, to_ms in ((3 * MINUTE_MS, 5 * MINUTE_MS), (5 * MINUTE_MS, 5 * MINUTE_MS), (DAY_MS, 7 * DAY_MS)):
        with pytest.raises(ValueError, match="cannot be joined"):
            resample(*walk(10), from_ms, to_ms, ALWAYS)
