"""The models of single instruments: the public indicators' values, no look ahead, nothing remembered over a hole."""

import math
from typing import Any

import msgspec
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from risk_kit import INSTRUMENTS, NAMES, START, STEP, instants, instrument, walk

from tradeterm.domain.events import ModelUpdate
from tradeterm.domain.instrument import Calendar
from tradeterm.domain.market import DAY_MS, HOUR_MS, MINUTE_MS, Bar
from tradeterm.engine.models.instruments import (
    AVERAGES,
    HISTORY_BARS,
    PERIOD,
    REGIME_BARS,
    RUN_BARS,
    VOLATILITY_BARS,
    InstrumentModels,
    periods_per_year,
)
from tradeterm.indicators import adx, atr, ema, garman_klass, rsi
from tradeterm.quant.regimes import NO_REGIME, classify, persist

NAME = NAMES[0]
FIRST = ("atr", "rsi", "adx", "volatility")


def models() -> InstrumentModels:
    return InstrumentModels(INSTRUMENTS, STEP)


def judged(bars: list[Bar], on: InstrumentModels | None = None) -> list[ModelUpdate]:
    """Bar by bar, what is said of the first instrument."""
    on = on or models()
    found = [update for batch in instants(bars).values() for update in on.on_bars(batch)]
    return [update for update in found if update.subject == NAME]


def one(rows: int, seed: int = 0) -> list[Bar]:
    return [bar for bar in walk(rows, seed=seed) if bar.instrument == NAME]


def numbers(update: ModelUpdate) -> list[float]:
    return [math.nan if value is None else value for value in update.values.values()]


@given(seed=st.integers(0, 1000), rows=st.sampled_from([1, 14, 15, 28, 50, 53, 200, RUN_BARS]))
def test_the_values_are_those_of_the_public_indicators(seed: int, rows: int) -> None:
    bars = one(rows, seed)
    opens, highs, lows, closes = (
        np.array([getattr(bar, field) for bar in bars]) for field in ("open", "high", "low", "close")
    )
    per_year = 365 * 288
    strength = adx(highs, lows, closes, PERIOD)[0]
    volatility = garman_klass(opens, highs, lows, closes, VOLATILITY_BARS, per_year)
    codes = persist(classify(strength, *(ema(closes, n) for n in AVERAGES), volatility))
    expected = [
        atr(highs, lows, closes, PERIOD)[-1],
        rsi(closes, PERIOD)[-1],
        strength[-1],
        volatility[-1],
        math.nan if codes[-1] == NO_REGIME else codes[-1],
    ]
    np.testing.assert_allclose(numbers(judged(bars)[-1]), expected, rtol=1e-9)


@given(seed=st.integers(0, 100), cut=st.integers(1, 140))
def test_nothing_later_changes_what_was_said(seed: int, cut: int) -> None:
    bars = walk(140, seed=seed)
    assert judged([bar for bar in bars if bar.ts_event <= START + cut * STEP]) == judged(bars)[:cut]


@pytest.mark.parametrize("rows", [1, 30, REGIME_BARS, 300, HISTORY_BARS + 40])
def test_warmed_with_history_it_says_what_it_would_have_said(rows: int) -> None:
    bars = walk(rows + 5)
    whole, resumed = models(), models()
    until = START + rows * STEP
    before = judged([bar for bar in bars if bar.ts_event <= until], whole)[-1]
    history = [bar for bar in bars if until - HISTORY_BARS * STEP < bar.ts_event <= until]
    assert next(update for update in resumed.warm(history) if update.subject == NAME) == before
    later = [bar for bar in bars if bar.ts_event > until]
    assert judged(later, resumed) == judged(later, whole)


def bad(bar: Bar, **changes: float) -> Bar:
    return msgspec.structs.replace(bar, **changes)


@pytest.mark.parametrize(
    "changes",
    [
        {"close": math.nan},
        {"high": math.inf},
        {"low": 0.0},
        {"open": -1.0},
        {"high": 1.0},
    ],
)
def test_a_bar_that_makes_no_sense_says_nothing_and_ends_the_run(changes: dict[str, Any]) -> None:
    bars = one(400)
    bars[300] = bad(bars[300], **changes)
    said = judged(bars)
    assert said[299].values["atr"] is not None
    assert set(said[300].values.values()) == {None}
    assert [update.values for update in said[301:]] == [update.values for update in judged(bars[301:])]
    assert all(value is None or math.isfinite(value) for update in said for value in update.values.values())


def test_after_a_missing_bar_everything_begins_anew() -> None:
    bars = one(300)
    del bars[200]
    said = judged(bars)
    assert [update.values for update in said[200:]] == [update.values for update in judged(bars[200:])]


def test_a_regime_needs_three_bars_and_a_run_of_fifty() -> None:
    said = judged(one(120))
    first = next(number for number, update in enumerate(said) if update.values["regime"] is not None)
    assert first >= VOLATILITY_BARS + 1


def test_what_is_not_newer_says_nothing() -> None:
    on = models()
    bars = one(60)
    said = judged(bars, on)
    assert on.on_bars(bars[-1:]) == []
    assert on.on_bars(bars[10:11]) == []
    assert on.on_bars([msgspec.structs.replace(bars[-1], instrument="ZZZ.X")]) == []
    assert on.on_bars([msgspec.structs.replace(bars[-1], interval_ms=MINUTE_MS)]) == []
    assert said[-1].ts == bars[-1].ts_event


def test_a_price_that_does_not_move_has_no_model() -> None:
    flat = [Bar(NAME, STEP, START + STEP * row, 5.0, 5.0, 5.0, 5.0, 1.0, 0) for row in range(200)]
    assert {value for update in judged(flat) for value in update.values.values()} == {None}


def test_a_session_follows_the_one_before() -> None:
    nse = InstrumentModels([instrument(NAME, Calendar.NSE)], STEP)
    open_utc = 3 * HOUR_MS + 45 * MINUTE_MS
    bars = one(225)
    days = [
        msgspec.structs.replace(bar, ts_open=START // DAY_MS * DAY_MS + day * DAY_MS + open_utc + STEP * place)
        for number, bar in enumerate(bars)
        for day, place in [divmod(number, 75)]
    ]
    (last,) = [update for bar in days for update in nse.on_bars([bar])][-1:]
    around_the_clock = judged(bars)[-1]
    assert last.values["atr"] == around_the_clock.values["atr"]
    assert last.values["volatility"] == pytest.approx(
        around_the_clock.values["volatility"] * math.sqrt(252 * 75 / (365 * 288))
    )


def test_a_year_belongs_to_the_calendar() -> None:
    assert periods_per_year(Calendar.ALWAYS, DAY_MS) == 365
    assert periods_per_year(Calendar.ALWAYS, HOUR_MS) == 365 * 24
    assert periods_per_year(Calendar.NSE, MINUTE_MS) == 252 * 375
    assert periods_per_year(Calendar.NSE, DAY_MS) == 252
