"""The models of single instruments: the public indicators' values, no look ahead, nothing remembered over a hole."""

import math
from typing import Any

import msgspec
import numpy as np
import pytest
from hypothesis import given, settings
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
from tradeterm.indicators import adx, atr, ema, garman_klass, garman_klass_yang_zhang, rsi
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
@settings(max_examples=50)
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
@settings(max_examples=30)
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


def days(bars: list[Bar], session: int, gap: float = 0.0) -> list[Bar]:
    """The bars in sessions of so many from 09:15 India time on, each beginning `gap` (a log return) higher."""
    first = START // DAY_MS * DAY_MS + 3 * HOUR_MS + 45 * MINUTE_MS
    found = []
    for number, bar in enumerate(bars):
        day, place = divmod(number, session)
        opened, factor = first + day * DAY_MS + bar.interval_ms * place, math.exp(day * gap)
        prices = {field: getattr(bar, field) * factor for field in ("open", "high", "low", "close")}
        found.append(msgspec.structs.replace(bar, ts_open=opened, **prices))
    return found


def shut(bars: list[Bar], step: int = STEP) -> list[ModelUpdate]:
    """The same, of a market that shuts."""
    return judged(bars, InstrumentModels([instrument(NAME, Calendar.NSE)], step))


@pytest.mark.parametrize(("minutes", "session", "window"), [(5, 75, 75), (15, 25, 50), (60, 7, 56), (1440, 1, 50)])
def test_where_the_market_shuts_the_volatility_has_the_gaps_of_whole_sessions(
    minutes: int, session: int, window: int
) -> None:
    step = minutes * MINUTE_MS
    bars = days([bar for bar in walk(240, step=step) if bar.instrument == NAME], session, gap=0.03)
    said = shut(bars, step)
    o, h, low, c = (np.array([getattr(bar, field) for bar in bars]) for field in ("open", "high", "low", "close"))
    expected = garman_klass_yang_zhang(o, h, low, c, window, 252 * session)
    np.testing.assert_allclose([update.values["volatility"] or math.nan for update in said], expected, rtol=1e-9)
    assert said[window - 1].values["volatility"] is None
    nights = 0.03**2 * 252
    calm = shut(days([bar for bar in walk(240, step=step) if bar.instrument == NAME], session), step)
    for one_day, other in zip(said[window:], calm[window:], strict=True):
        seen, unseen = one_day.values["volatility"], other.values["volatility"]
        assert seen is not None
        assert unseen is not None
        assert seen**2 - unseen**2 == pytest.approx(nights, rel=1e-6), "a night a day, at any hour"


def test_a_session_follows_the_one_before() -> None:
    last, around_the_clock = shut(days(one(225), 75))[-1], judged(one(225))[-1]
    assert last.values["atr"] == around_the_clock.values["atr"]


def test_bars_that_do_not_move_have_no_volatility() -> None:
    bars = one(100)
    end = bars[-1]
    changes = {"open": end.close, "high": end.close, "low": end.close}
    flat = [
        msgspec.structs.replace(end, ts_open=end.ts_open + n * STEP, **changes) for n in range(1, VOLATILITY_BARS + 1)
    ]
    said = judged([*bars, *flat])
    assert said[-2].values["volatility"] is not None
    assert said[-1].values["volatility"] is None
    assert said[-1].values["regime"] is None


def test_a_year_belongs_to_the_calendar() -> None:
    assert periods_per_year(Calendar.ALWAYS, DAY_MS) == 365
    assert periods_per_year(Calendar.ALWAYS, HOUR_MS) == 365 * 24
    assert periods_per_year(Calendar.NSE, MINUTE_MS) == 252 * 375
    assert periods_per_year(Calendar.NSE, HOUR_MS) == 252 * 7
    assert periods_per_year(Calendar.NSE, DAY_MS) == 252
