"""What tier 2 is told of an instrument: against plain arithmetic, across holes and restarts, and null where unknown."""

import json
import math
import random
import statistics
from decimal import Decimal
from itertools import pairwise
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tradeterm.domain.events import BarClosed, FundingUpdate, QuoteUpdate
from tradeterm.domain.instrument import Calendar, Instrument, InstrumentKind
from tradeterm.domain.market import DAY_MS, HOUR_MS, MINUTE_MS, Bar, FundingRate, Quote
from tradeterm.engine.gate import joined
from tradeterm.engine.situation import Situations
from tradeterm.validators.situation_numbers import SHOWN_BARS, WINDOW

STEP = 5 * MINUTE_MS
FIRST = 1_744_329_600_000  # 2025-04-11 00:00 UTC, a Friday
NSE_OPEN = FIRST + 3 * HOUR_MS + 45 * MINUTE_MS  # 09:15 in India
BTC, NIFTY = "BTCUSDT.BYBIT", "NIFTY.NSE"


def contract(name: str = BTC, **changes: Any) -> Instrument:
    symbol, venue = name.split(".")
    usual = {"kind": InstrumentKind.PERPETUAL, "quote_currency": "USDT", "funding_interval_ms": 8 * HOUR_MS}
    steps = {key: Decimal("0.1") for key in ("tick_size", "lot_size", "min_quantity", "min_notional")}
    return Instrument(**{"id": name, "symbol": symbol, "venue": venue, **usual, **steps, **changes})


NSE = contract(NIFTY, calendar=Calendar.NSE, kind=InstrumentKind.EQUITY, funding_interval_ms=0)


def walk(count: int, name: str = BTC, opened: int = FIRST, seed: int = 1, step: int = STEP) -> list[Bar]:
    found, price, dice = [], 1000.0, random.Random(seed)
    for number in range(count):
        first, price = price, price * math.exp(dice.gauss(0, 0.002))
        high, low = max(first, price) * 1.001, min(first, price) * 0.999
        ts = opened + number * step
        found.append(Bar(name, step, ts, first, high, low, price, dice.uniform(10, 90), ts + step))
    return found


def seeing(bars: list[Bar], *contracts: Instrument, interval_ms: int = STEP) -> Situations:
    known = Situations(contracts or (contract(),), interval_ms, source="bybit")
    for bar in bars:
        known.on_market(BarClosed(ts=bar.ts_event, bar=bar))
    return known


def told(bars: list[Bar], *contracts: Instrument, interval_ms: int = STEP) -> dict[str, Any]:
    return seeing(bars, *contracts, interval_ms=interval_ms).of(bars[-1].instrument, bars[-1].ts_event)


def test_returns_and_the_range_are_of_the_clock() -> None:
    bars = walk(400)
    market = told(bars)["market"]
    for name, back in (("return_1h", 12), ("return_4h", 48), ("return_24h", 288)):
        assert market[name] == pytest.approx(bars[-1].close / bars[-1 - back].close - 1, abs=6e-6)
    day = bars[-288:]
    low, high = min(bar.low for bar in day), max(bar.high for bar in day)
    assert market["range_24h_position"] == pytest.approx((bars[-1].close - low) / (high - low), abs=6e-4)


def test_volatility_is_ranked_and_volume_measured_against_its_own_past() -> None:
    bars = walk(500, seed=3)
    market = told(bars)["market"]
    logs = [math.log(b.close / a.close) for a, b in pairwise(bars)]
    realised = [math.fsum(x * x for x in logs[n - WINDOW : n]) for n in range(WINDOW, len(logs) + 1)]
    calmer = sum(value < realised[-1] for value in realised[:-1]) / (len(realised) - 1)
    assert market["volatility_percentile"] == pytest.approx(calmer, abs=6e-4)
    before = [bar.volume for bar in bars[-51:-1]]
    z = (bars[-1].volume - statistics.mean(before)) / statistics.stdev(before)
    assert market["volume_z"] == pytest.approx(z, abs=6e-3)


def average(bars: list[Bar], period: int) -> list[float]:
    """TA-Lib's: it begins with the plain mean of the first `period`."""
    found = [statistics.mean(bar.close for bar in bars[:period])]
    for bar in bars[period:]:
        found.append(found[-1] + (bar.close - found[-1]) * 2 / (period + 1))
    return found


def true_range(bars: list[Bar]) -> float:
    """Wilder's of 14."""
    ranges = [max(bar.high, before.close) - min(bar.low, before.close) for before, bar in pairwise(bars)]
    found = statistics.mean(ranges[:14])
    for value in ranges[14:]:
        found += (value - found) / 14
    return found


def test_the_trend_is_in_atrs() -> None:
    bars = walk(590, seed=5)
    trend, atr = told(bars)["trend"], true_range(bars)
    fast, slow = average(bars, 20), average(bars, 50)
    assert trend["ema20_slope_atr"] == pytest.approx((fast[-1] - fast[-6]) / atr, abs=1e-3)
    assert trend["ema50_slope_atr"] == pytest.approx((slow[-1] - slow[-11]) / atr, abs=1e-3)
    assert trend["from_ema50_atr"] == pytest.approx((bars[-1].close - slow[-1]) / atr, abs=1e-3)
    today = [bar for bar in bars if bar.ts_open // DAY_MS == bars[-1].ts_open // DAY_MS]
    value = math.fsum((bar.high + bar.low + bar.close) / 3 * bar.volume for bar in today)
    vwap = value / math.fsum(bar.volume for bar in today)
    assert trend["from_vwap"] == pytest.approx(bars[-1].close / vwap - 1, abs=6e-6)


def test_bars_are_relative_to_the_last_close() -> None:
    bars = walk(100)
    rows = told(bars)["bars"]
    assert len(rows) == SHOWN_BARS
    assert rows[-1][2] == 0.0
    mean = statistics.mean(bar.volume for bar in bars[-SHOWN_BARS:])
    for row, bar in zip(rows, bars[-SHOWN_BARS:], strict=True):
        for shown, price in zip(row, (bar.high, bar.low, bar.close), strict=False):
            assert shown == pytest.approx((price / bars[-1].close - 1) * 1e4, abs=0.051)
        assert row[3] == pytest.approx(bar.volume / mean, abs=0.0051)


def test_what_too_few_bars_cannot_say_is_null() -> None:
    found = told(walk(5))
    assert {value for name, value in found["market"].items() if name != "last"} == {None}
    assert set(found["trend"].values()) == {None}
    assert found["data_quality"] == {
        "source": "bybit", "bar_age_ms": 0, "quote_age_ms": None, "bars": 5, "missing_bars": 0,
    }  # fmt: skip
    nothing = Situations([contract()], STEP, source="replay").of(BTC, FIRST)
    assert (nothing["market"]["last"], nothing["trend"], nothing["bars"]) == (None, {}, [])
    assert nothing["data_quality"]["bar_age_ms"] is None
    assert nothing["data_quality"]["missing_bars"] is None
    assert seeing(walk(5)).of("ELSE.BYBIT", FIRST) == {}


def test_a_market_that_stands_still_is_not_calm() -> None:
    flat = [Bar(BTC, STEP, FIRST + n * STEP, 10, 10, 10, 10, 0, 0) for n in range(500)]
    market = told(flat)["market"]
    assert (market["volatility_percentile"], market["volume_z"], market["range_24h_position"]) == (None, None, None)
    assert market["return_1h"] == 0.0
    assert told(flat)["bars"][0] == [0.0, 0.0, 0.0, None]


def test_averages_begin_anew_behind_a_hole_and_returns_need_their_bar() -> None:
    bars = walk(450)
    holed = [*bars[:420], *bars[423:]]
    found = told(holed)
    assert found["data_quality"]["missing_bars"] == 3
    assert found["trend"]["ema50_slope_atr"] is None
    assert found["market"]["volatility_percentile"] is None
    assert found["market"]["return_4h"] is not None
    gone = [bar for bar in bars if bar.ts_event != bars[-1].ts_event - HOUR_MS]
    assert told(gone)["market"]["return_1h"] is None


def test_where_the_market_shuts_sessions_follow_one_another() -> None:
    days = [day for day in range(12) if day % 7 not in (1, 2)]  # the first is a Friday
    bars = [bar for day in days for bar in walk(75, NIFTY, NSE_OPEN + day * DAY_MS, seed=day)]
    found = told(bars, NSE)
    assert found["data_quality"]["missing_bars"] == 0
    assert found["trend"]["ema50_slope_atr"] is not None
    assert found["market"]["volatility_percentile"] is not None
    assert found["market"]["funding_next_minutes"] is None
    monday = [bar for day in (0, 3) for bar in walk(75 if day == 0 else 6, NIFTY, NSE_OPEN + day * DAY_MS, seed=day)]
    assert told(monday, NSE)["market"]["return_24h"] == pytest.approx(
        monday[-1].close / monday[74].close - 1, abs=6e-6
    ), "over the weekend: against Friday's last close"


def test_the_quote_and_the_next_settlement() -> None:
    known = seeing(walk(20))
    now = FIRST + 20 * STEP
    market = known.of(BTC, now)["market"]
    assert (market["bid"], market["spread_bps"], market["funding_next_minutes"]) == (None, None, None)
    quote = Quote(BTC, now + 500, now + 510, 1001.0, 1000.5, 1001.5)
    known.on_market(QuoteUpdate(ts=now + 510, quote=quote))
    known.on_market(FundingUpdate(ts=now, funding=FundingRate(BTC, FIRST, 0.0001, FIRST)))
    found = known.of(BTC, now + 1500)
    assert found["market"] | {"last": 1001.0, "bid": 1000.5, "ask": 1001.5, "spread_bps": 9.99} == found["market"]
    assert found["market"]["funding_next_minutes"] == 8 * 60 - 101  # 100 minutes and a moment later
    assert found["data_quality"]["quote_age_ms"] == 1000
    assert known.of(BTC, FIRST + 30 * HOUR_MS)["market"]["funding_next_minutes"] is None
    crossed = Quote(BTC, now + 600, now + 610, 1001.0, 1002.0, 1001.5)
    known.on_market(QuoteUpdate(ts=now + 610, quote=crossed))
    assert known.of(BTC, now + 700)["market"]["spread_bps"] is None
    later = walk(21)[-1]
    known.on_market(BarClosed(ts=later.ts_event, bar=later))
    assert known.of(BTC, later.ts_event)["market"]["last"] == later.close, "the newer of the two"


def test_open_interest_is_compared_with_the_bar_an_hour_before() -> None:
    open_now: dict[str, float | None] = {BTC: None}
    known = Situations([contract()], STEP, source="bybit", open_interest=open_now.get)
    changes = []
    for number, bar in enumerate(walk(30)):
        open_now[BTC] = None if number < 3 else 1000.0 + 10 * number
        known.on_market(BarClosed(ts=bar.ts_event, bar=bar))
        changes.append(known.of(BTC, bar.ts_event)["market"]["open_interest_change_1h"])
    assert changes[:15] == [None] * 15
    assert changes[15:] == [round((1000 + 10 * n) / (1000 + 10 * (n - 12)) - 1, 4) for n in range(15, 30)]


def test_bars_shown_again_or_without_sense_change_nothing() -> None:
    bars = walk(100)
    again = told([*bars, bars[50]])
    assert again["bars"] == told(bars)["bars"]
    broken = Bar(BTC, STEP, bars[-1].ts_event, 1, math.nan, 1, 1, 1, 0)
    other = Bar(BTC, MINUTE_MS, bars[-1].ts_event, 1, 1, 1, 1, 1, 0)
    for odd in (broken, other, Bar("ELSE.X", STEP, FIRST, 1, 1, 1, 1, 1, 0)):
        known = seeing([*bars, odd])
        assert known.of(BTC, bars[-1].ts_event) == told(bars)


def test_an_interrupted_run_goes_on_with_the_same_numbers() -> None:
    bars = walk(1900, seed=9)
    whole = seeing(bars)
    resumed = seeing(bars[max(0, 1300 - whole.length) : 1300])
    for bar in bars[1300:]:
        resumed.on_market(BarClosed(ts=bar.ts_event, bar=bar))
    assert whole.of(BTC, bars[-1].ts_event) == resumed.of(BTC, bars[-1].ts_event)


PRICES = st.floats(allow_nan=True, allow_infinity=True)


@given(st.lists(st.tuples(st.integers(0, 40), PRICES, PRICES, PRICES, PRICES, PRICES), max_size=60))
def test_whatever_bars_come_what_is_told_is_json(rows: list[tuple[int, float, float, float, float, float]]) -> None:
    known = seeing([Bar(BTC, STEP, FIRST + at * STEP, *prices, 0) for at, *prices in rows])  # type: ignore[misc]
    json.dumps(known.of(BTC, FIRST), allow_nan=False)


def test_the_desks_own_values_stand() -> None:
    found = joined({"market": {"mark": "1", "age_ms": 5}, "ts": 7}, {"market": {"mark": "2", "last": 3}, "bars": [[1]]})
    assert found == {"market": {"mark": "1", "age_ms": 5, "last": 3}, "ts": 7, "bars": [[1]]}
