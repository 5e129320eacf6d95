"""Jumping finds the exit that looking at every bar finds, in every market."""

from pathlib import Path

import numpy as np
import pyarrow.parquet as pq
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st
from research_kit import candles, policies, random_bars, random_signals

from tradeterm.desk.sessions import is_last_bar, session_of
from tradeterm.domain.instrument import Calendar
from tradeterm.domain.market import DAY_MS, HOUR_MS, MINUTE_MS
from tradeterm.research import exits
from tradeterm.research.bars import Bars
from tradeterm.research.exits import Exit, ExitSignals, Moment, first_exit, first_exit_every_bar, session_exit
from tradeterm.research.fills import ExitPolicy
from tradeterm.resources import demo_folder

CALENDARS = ((Calendar.ALWAYS, HOUR_MS), (Calendar.ALWAYS, 7 * MINUTE_MS), (Calendar.NSE, 15 * MINUTE_MS))


@given(
    seed=st.integers(0, 10**6),
    policy=policies,
    side=st.sampled_from((1, -1)),
    step=st.sampled_from((0.0, 0.0004, 0.002, 0.01)),
    missing=st.sampled_from((0.0, 0.1, 0.8)),
    market=st.sampled_from(CALENDARS),
    irregular=st.booleans(),
    signals=st.booleans(),
    slipped=st.sampled_from((0.0, 0.0002, 0.02)),
    window=st.sampled_from((1, 3, 16, 256)),
)
@settings(max_examples=500)
def test_jumping_changes_nothing(
    seed: int,
    policy: ExitPolicy,
    side: int,
    step: float,
    missing: float,
    market: tuple[Calendar, int],
    irregular: bool,
    signals: bool,
    slipped: float,
    window: int,
) -> None:
    calendar, interval = market
    bars = random_bars(
        seed, 400, step=step, missing=missing, calendar=calendar, interval_ms=interval, irregular=irregular
    )
    row = bars.next_bar(seed % 40)
    if row == bars.rows:
        return
    entry = float(bars.open[row]) * (1 + side * slipped)
    anchor = float(bars.open[row]) * (1 + (seed % 5 - 2) / 100)
    rules = random_signals(seed, 400, 0.004) if signals else ()
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(exits, "_FIRST_WINDOW", window)
        found = first_exit(bars, row, side, entry, policy, rules, anchor)
    assert found == first_exit_every_bar(bars, row, side, entry, policy, rules, anchor)


@given(
    seed=st.integers(0, 10**6),
    side=st.sampled_from((1, -1)),
    trail=st.sampled_from((0.004, 0.01, 0.03, 0.25)),
    after=st.sampled_from((0.0, 0.005, 0.02)),
    stop=st.sampled_from((None, 0.02)),
    target=st.sampled_from((None, 0.05)),
    missing=st.sampled_from((0.0, 0.3, 0.7)),
    window=st.sampled_from((1, 2, 3, 7)),
)
@settings(max_examples=400)
def test_jumping_changes_nothing_for_stops_that_trail(
    seed: int,
    side: int,
    trail: float,
    after: float,
    stop: float | None,
    target: float | None,
    missing: float,
    window: int,
) -> None:
    """Windows that begin and end anywhere, also among missing bars."""
    policy = ExitPolicy(stop=stop, target=target, trail=trail, trail_after=after)
    bars = random_bars(seed, 120, step=0.004, missing=missing)
    row = bars.next_bar(0)
    if row == bars.rows:
        return
    entry = float(bars.open[row])
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(exits, "_FIRST_WINDOW", window)
        patch.setattr(exits, "_GROWTH", 1)
        found = first_exit(bars, row, side, entry, policy)
    assert found == first_exit_every_bar(bars, row, side, entry, policy)


@given(
    seed=st.integers(0, 10**6),
    hours=st.sampled_from((None, 2.5, 12.0, 24.0, 40.0)),
    session_end=st.booleans(),
    holes=st.lists(st.tuples(st.integers(1, 100), st.integers(1, 60)), max_size=3),
    row=st.integers(0, 23),
    rate=st.sampled_from((0.0, 0.05)),
    regular=st.booleans(),
)
@settings(max_examples=400)
@example(seed=0, hours=8.0, session_end=True, holes=[(21, 19)], row=20, rate=0.0, regular=True)
def test_jumping_changes_nothing_over_holes(
    seed: int,
    hours: float | None,
    session_end: bool,
    holes: list[tuple[int, int]],
    row: int,
    rate: float,
    regular: bool,
) -> None:
    """Also where the rows of a hole are not there at all."""
    full = random_bars(seed, 200, step=0.002)
    there = np.ones(200, dtype=np.bool_)
    for first, length in holes:
        there[first : first + length] = False
    prices = [np.where(there, column, np.nan) for column in (full.open, full.high, full.low, full.close)]
    rules = random_signals(seed, 200, rate)
    ts = full.ts_open
    if not regular:
        ts, prices = ts[there], [column[there] for column in prices]
        rules = tuple(rule._replace(rows=rule.rows[rule.rows < len(ts)]) for rule in rules)
    bars = Bars("X", full.interval_ms, ts, *prices)
    policy = ExitPolicy(stop=0.1, trail=0.03, time_limit_hours=hours, session_end=session_end)
    row = bars.next_bar(row)
    entry = float(bars.open[row])
    assert first_exit(bars, row, 1, entry, policy, rules) == first_exit_every_bar(bars, row, 1, entry, policy, rules)


def test_those_markets_know_every_exit() -> None:
    policy = ExitPolicy(stop=0.03, target=0.02, trail=0.015, trail_after=0.01, time_limit_hours=20, session_end=True)
    seen = set()
    for seed in range(300):
        bars = random_bars(seed, 300, step=0.002 + 0.008 * (seed % 3 == 0))
        entry = float(bars.open[seed % 40])
        found = first_exit(bars, seed % 40, 1, entry, policy, random_signals(seed, 300, 0.01))
        seen.add((found.reason, found.moment))
    reasons = {"STOP", "TARGET", "TRAILING", "TIME_LIMIT", "SESSION_END", "PLAIN", "IN_PROFIT"}
    assert {reason for reason, _ in seen} >= reasons
    assert {moment for _, moment in seen} == {Moment.OPEN, Moment.INSIDE}


@pytest.mark.parametrize("side", (1, -1))
@pytest.mark.parametrize(
    "path", sorted((demo_folder() / "crypto" / "5m").glob("*.parquet")), ids=lambda path: path.stem
)
def test_jumping_changes_nothing_on_the_bundled_data(path: Path, side: int) -> None:
    table = pq.read_table(path)
    ts = table.column("timestamp").to_numpy().astype("datetime64[ms]").astype(np.int64)
    bars = Bars("X", 5 * MINUTE_MS, ts, *(table.column(name).to_numpy() for name in ("open", "high", "low", "close")))
    rng = np.random.default_rng(5)
    rules = (ExitSignals("PLAIN", np.flatnonzero(rng.random(bars.rows) < 0.001)),)
    for number, row in enumerate(rng.integers(0, bars.rows, 60).tolist()):
        policy = ExitPolicy(
            stop=0.02,
            target=0.03 if number % 2 else None,
            trail=0.015 if number % 3 else None,
            trail_after=0.01 if number % 3 else 0.0,
            time_limit_hours=8.0 if number % 5 == 0 else None,
            session_end=number % 4 == 0,
        )
        entry = float(bars.open[row])
        assert first_exit(bars, row, side, entry, policy, rules) == first_exit_every_bar(
            bars, row, side, entry, policy, rules
        )


@pytest.mark.parametrize(("calendar", "interval"), CALENDARS)
def test_sessions_end_as_on_the_desk(calendar: Calendar, interval: int) -> None:
    for seed in range(4):
        bars = random_bars(seed, 900, missing=0.2 * (seed % 2), calendar=calendar, interval_ms=interval)
        for row in range(0, 900, 7):
            if not bars.has_bar(row):
                continue
            opened = bars.opened(row)
            wanted = next(
                (
                    r
                    for r in range(row, bars.rows)
                    if bars.has_bar(r)
                    and (
                        is_last_bar(calendar, bars.closed(r), interval)
                        or session_of(calendar, opened) < session_of(calendar, bars.closed(r) - 1)
                    )
                ),
                bars.rows,
            )
            midnight = (session_of(calendar, opened) + 1) * DAY_MS
            late = 2 * interval if calendar is Calendar.ALWAYS else DAY_MS * 1000
            by_clock = wanted < bars.rows and bars.closed(wanted) - midnight >= late
            if by_clock:  # nobody waits for the bar after the hole
                wanted = bars.last_bar(wanted - 1)
            found = session_exit(bars, row)
            assert (found.row, found.reason, found.clock > 0) == (wanted, "SESSION_END", by_clock)
            assert not by_clock or 0 <= found.clock - midnight < interval


def test_a_row_of_days_without_bars_is_jumped() -> None:
    bars = random_bars(3, 9000, missing=1.0)
    for row in (0, 8999):
        for prices in (bars.open, bars.high, bars.low, bars.close):
            prices[row] = 100.0
    bars = Bars("X", bars.interval_ms, bars.ts_open, bars.open, bars.high, bars.low, bars.close)
    assert bars.next_bar(1) == 8999
    assert bars.last_close(bars.closed(8998)) == 100.0
    signals = (ExitSignals("OUT", np.array([0])),)
    assert first_exit(bars, 0, 1, 100.0, ExitPolicy(), signals) == Exit(8999, 100.0, "OUT", Moment.OPEN)


def test_the_anchor_moves_stop_and_target_but_not_the_trailing_stop() -> None:
    bars = candles((100, 100, 100, 100), (100, 101, 97.4, 98), (98, 99, 96, 97))
    policy = ExitPolicy(stop=0.02)
    assert first_exit(bars, 0, 1, 100.0, policy).price == 98.0
    assert first_exit(bars, 0, 1, 100.0, policy, anchor=99.0).price == 97.02
