"""No look-ahead, no memory beyond the warm-up, and agreement with a slow version that a person can read."""

import math

import numpy as np
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from tradeterm.domain.market import DAY_MS, HOUR_MS
from tradeterm.strategies.eos import Eos, EosParameters
from tradeterm.strategies.panel import Panel
from tradeterm.strategies.protocol import Signals

START = 1_743_811_200_000
PARAMETERS = EosParameters(
    threshold=0.02, volume_window=5, average_window=6, funding_extreme=0.0002, session_offset_hours=3
)
STRATEGY = Eos(PARAMETERS, HOUR_MS)


@st.composite
def panels(draw: st.DrawFn) -> Panel:
    rows = draw(st.integers(1, 24 * 5))
    columns = draw(st.integers(1, 3))
    panel = random_panel(rows, columns, draw(st.integers(0, 2**32 - 1)), START + HOUR_MS * draw(st.integers(0, 30)))
    rng = np.random.default_rng(draw(st.integers(0, 2**32 - 1)))
    missing = rng.random((rows, columns)) < draw(st.sampled_from([0.0, 0.0, 0.05, 0.5]))
    for values in (panel.open, panel.high, panel.low, panel.close, panel.volume):
        values[missing] = np.nan
    panel.funding[: draw(st.integers(0, rows))] = np.nan
    return panel


def random_panel(rows: int, columns: int, seed: int, start: int = START) -> Panel:
    rng, shape = np.random.default_rng(seed), (rows, columns)
    close = 100 * np.exp(np.cumsum(rng.normal(0, 0.012, shape), axis=0))
    opened = np.vstack([np.full((1, columns), 100.0), close[:-1]])
    high = np.maximum(opened, close) * (1 + rng.random(shape) * 0.01)
    low = np.minimum(opened, close) * (1 - rng.random(shape) * 0.01)
    volume = rng.lognormal(2, 0.8, shape)
    funding = np.repeat(rng.normal(0, 0.0003, (rows // 8 + 1, columns)), 8, axis=0)[:rows]
    fields = {"open": opened, "high": high, "low": low, "close": close, "volume": volume}
    names = tuple(f"I{i}.V" for i in range(columns))
    return Panel(
        instruments=names, interval_ms=HOUR_MS, ts_open=start + HOUR_MS * np.arange(rows), funding=funding, **fields
    )


def masks(found: Signals) -> list[np.ndarray]:
    return [found.entries, *(mask for rule in found.exits for mask in (rule.long, rule.short))]


@given(panels(), st.data())
def test_later_bars_change_no_earlier_signal(panel: Panel, data: st.DataObject) -> None:
    cut = data.draw(st.integers(1, panel.rows))
    whole, part = masks(STRATEGY.signals(panel)), masks(STRATEGY.signals(panel.window(0, cut)))
    assert all(np.array_equal(a[:cut], b) for a, b in zip(whole, part, strict=True))
    row, column = cut - 1, data.draw(st.integers(0, len(panel.instruments) - 1))
    assert STRATEGY.explain(panel, row, column) == STRATEGY.explain(panel.window(0, cut), row, column)


@given(panels(), st.data())
def test_history_before_the_warm_up_changes_nothing(panel: Panel, data: st.DataObject) -> None:
    assume(panel.rows > STRATEGY.warmup)
    dropped = data.draw(st.integers(1, panel.rows - STRATEGY.warmup))
    whole, part = masks(STRATEGY.signals(panel)), masks(STRATEGY.signals(panel.window(dropped, panel.rows)))
    valid = STRATEGY.warmup - 1
    assert all(np.array_equal(a[dropped + valid :], b[valid:]) for a, b in zip(whole, part, strict=True))
    assert not any(mask[:valid].any() for mask in part)
    last = panel.rows - 1
    assert STRATEGY.explain(panel, last, 0) == STRATEGY.explain(panel.window(dropped, panel.rows), last - dropped, 0)


@given(panels())
def test_what_was_just_judged_is_explained_as_if_it_were_not(panel: Panel) -> None:
    live = panel.window(max(0, panel.rows - STRATEGY.warmup), panel.rows)
    judged = Eos(PARAMETERS, HOUR_MS)
    judged.signals(live)
    for row in {0, live.rows - 1}:
        for column in range(len(panel.instruments)):
            asked_alone = Eos(PARAMETERS, HOUR_MS).explain(live, row, column)
            assert judged.explain(live, row, column) == asked_alone


def test_the_warm_up_is_long_enough_for_every_first_row() -> None:
    """Only volume confirms here, and its window reaches before the session: the farthest the strategy looks back."""
    looks_far = EosParameters(
        threshold=0.005, volume_window=20, volume_within=6, volume_multiple=2.5, stall_bars=30, exhaustion_range=0.0001
    )
    strategy = Eos(looks_far, HOUR_MS)
    signals = 0
    for seed in range(4):
        panel = random_panel(rows=24 * 40, columns=3, seed=seed)
        whole = strategy.signals(panel).entries
        for start in range(panel.rows - strategy.warmup):
            part = strategy.signals(panel.window(start, start + strategy.warmup)).entries
            assert np.array_equal(part[-1], whole[start + strategy.warmup - 1])
            signals += int(np.abs(part[-1]).sum())
    assert signals > 50


@given(panels())
def test_a_missing_bar_never_signals(panel: Panel) -> None:
    missing = np.isnan(panel.close)
    assert not any(mask[missing].any() for mask in masks(STRATEGY.signals(panel)))


@given(panels())
def test_instruments_do_not_touch_each_other(panel: Panel) -> None:
    whole = masks(STRATEGY.signals(panel))
    for column in range(len(panel.instruments)):
        alone = masks(STRATEGY.signals(panel.only(column)))
        assert all(np.array_equal(a[:, [column]], b) for a, b in zip(whole, alone, strict=True))


@given(panels())
@settings(max_examples=60)
def test_it_agrees_with_a_loop_over_bars(panel: Panel) -> None:
    found = STRATEGY.signals(panel).entries
    for column in range(len(panel.instruments)):
        expected = slow_entries(panel, column)
        assert [int(x) for x in found[STRATEGY.warmup - 1 :, column]] == expected[STRATEGY.warmup - 1 :]


def slow_entries(panel: Panel, i: int) -> list[int]:
    """The rules of the strategy, one bar after another."""
    p, out = PARAMETERS, []
    session_open = lowest = highest = math.nan
    since_low = since_high = 0
    armed = True
    for row in range(panel.rows):
        o, h, low, c = (float(x[row, i]) for x in (panel.open, panel.high, panel.low, panel.close))
        into = (int(panel.ts_open[row]) - p.session_offset_hours * HOUR_MS) % DAY_MS
        if into == 0:
            session_open, lowest, highest, since_low, since_high, armed = o, math.inf, -math.inf, 0, 0, True
        elif row == 0:
            session_open, lowest, highest = math.nan, math.inf, -math.inf
        since_low, since_high = since_low + 1, since_high + 1
        if low < lowest:
            lowest, since_low = low, 0
        if h > highest:
            highest, since_high = h, 0
        move = c / session_open - 1
        out.append(0)
        if math.isnan(move):
            continue
        if abs(move) < p.threshold * p.rearm_fraction:
            armed = True
        volume = any(_loud(panel, back, i) for back in range(max(0, row - p.volume_within + 1), row + 1))
        rate = float(panel.funding[row, i])
        fell = move < 0
        crowd = rate <= -p.funding_extreme if fell else rate >= p.funding_extreme
        back = (c - low) / (h - low) if fell else (h - c) / (h - low)
        stalled = (since_low if fell else since_high) >= p.stall_bars
        points = volume + crowd + (back >= 1 - p.exhaustion_range or stalled)
        if abs(move) >= p.threshold and points >= p.min_confirmations and armed:
            armed = False
            out[-1] = 1 if fell else -1
    return out


def _loud(panel: Panel, row: int, i: int) -> bool:
    p = PARAMETERS
    window = panel.volume[max(0, row + 1 - p.volume_window) : row + 1, i]
    if len(window) < p.volume_window or np.isnan(window).any():
        return False
    return bool(panel.volume[row, i] / np.mean(window) >= p.volume_multiple)
