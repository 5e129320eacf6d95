"""The canonical context and the evidence that must be found in it."""

import json
import math
from decimal import Decimal
from typing import Any

import pytest
from gate_kit import TS, packet, signal
from hypothesis import given
from hypothesis import strategies as st

from tradeterm.domain.events import BarClosed
from tradeterm.domain.instrument import Instrument, InstrumentKind
from tradeterm.domain.market import Bar
from tradeterm.domain.orders import PositionSide
from tradeterm.engine.gate import joined
from tradeterm.engine.situation import Situations
from tradeterm.validators.codes import Failure, GateFailure
from tradeterm.validators.context import LARGEST_TOKENS, build_context, context_hash, tokens_of
from tradeterm.validators.digest import canonical
from tradeterm.validators.grounding import is_grounded
from tradeterm.validators.prompt import GATE, NEWS, load_prompt
from tradeterm.validators.verdict import Evidence, ModelVerdict, verdict_schema


def known(asked: Any = None, **groups: Any) -> dict[str, Any]:
    return build_context(asked or signal(), packet(**groups), TS + 120).known


def test_every_ratio_is_worked_out() -> None:
    found = known()
    assert found["signal"] == {
        "id": "s0123456789abcde",
        "book": "crypto",
        "strategy": "eos",
        "symbol": "BTCUSDT.BYBIT",
        "side": "long",
        "price": "84250.5",
        "stop": "82565.4",
        "target": "86778.1",
        "quantity": "0.119",
        "stop_distance": "0.02000107",
        "target_distance": "0.03000101",
        "stop_atr": "2.000107",
        "target_atr": "3.000101",
        "reward_to_risk": "1.499970",
        "notional_of_equity": "0.1002581",
        "risk_of_equity": "0.002005269",
        "age_ms": 120,
    }
    assert found["portfolio"]["exposure_of_equity"] == "0.1"
    assert found["portfolio"]["day_pnl_of_equity"] == "-0.0015"
    assert found["portfolio"]["largest_positions"] == [
        {
            "symbol": "ETHUSDT.BYBIT",
            "side": "short",
            "notional": "8910",
            "profit_of_price": "0.01",
            "held_minutes": 60,
            "correlation": None,
        }
    ]
    assert found["tier1"] == {
        "passed": 2,
        "of": 2,
        "tight": [{"code": "EXPOSURE_LIMIT", "value": "0.9", "limit": "1"}],
    }


def test_what_is_absent_or_no_number_is_null_and_never_zero() -> None:
    found = known(market={"mark": None, "volatility": math.nan, "spread": "NaN", "depth": math.inf, "trend": "none"})
    assert set(found["market"].values()) == {None}
    bare = build_context(signal(), {}, TS).known
    assert bare["signal"]["stop"] is None
    assert bare["signal"]["risk_of_equity"] is None
    assert bare["portfolio"]["exposure_of_equity"] is None


def test_money_names_and_times_stay_at_home() -> None:
    text = canonical(known(account="UNIFIED-77", hostname="box", size={"path": "/home/x"}))
    assert not [word for word in ("UNIFIED", "box", "home", "90000", str(TS)[:9]) if word in text]


def test_the_same_situation_has_the_same_hash_whoever_asks_and_when() -> None:
    first = build_context(signal("s1"), packet(), TS)
    later = build_context(signal("s2"), packet(market={**packet()["market"], "age_ms": 9}), TS + 7)
    assert context_hash(first, model="m") == context_hash(later, model="m")
    other = build_context(signal("s1"), packet(market={**packet()["market"], "volatility": 0.53}), TS)
    assert context_hash(other, model="m") != context_hash(first, model="m") != context_hash(first, model="n")
    news = build_context(signal("s1"), packet(untrusted={"headlines": ["Rates rise"]}), TS)
    assert context_hash(news, model="m") != context_hash(first, model="m")


def test_a_large_context_is_refused_and_many_positions_are_summed_up() -> None:
    with pytest.raises(GateFailure) as caught:
        known(bars=[[84_250.5] * 6] * 400)
    assert caught.value.code is Failure.CONTEXT_TOO_LARGE
    rows = [{"instrument": f"T{n}USDT.BYBIT", "side": "LONG", "quantity": n, "mark": 1} for n in range(50)]
    found = known(portfolio={**packet()["portfolio"], "positions": rows})
    assert found["portfolio"]["long_positions"] == 50
    assert [row["notional"] for row in found["portfolio"]["largest_positions"]] == [str(n) for n in range(49, 41, -1)]
    assert tokens_of(canonical(found)) < LARGEST_TOKENS


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=30),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=12), inner, max_size=4),
    max_leaves=20,
)


@given(st.dictionaries(st.sampled_from([*packet(), "bars", "history", "untrusted"]), JSON))
def test_whatever_the_packet_holds_the_context_is_plain_or_refused(groups: dict[str, Any]) -> None:
    try:
        found = build_context(signal(), {**packet(), **groups}, TS)
    except GateFailure as failure:
        assert failure.code in (Failure.UNSAFE_NAME, Failure.CONTEXT_TOO_LARGE)
        return
    assert json.loads(found.text) == found.known
    assert found.text.isascii()
    assert " " not in found.text


CONTEXT = {
    "market": {"mark": "84250.5", "funding": "0.000123", "regime": "range", "open": True, "oi": None},
    "bars": [["1", "2"], ["3", "4"]],
    "a/b": {"m~n": "7"},
    "tight": [],
}


@pytest.mark.parametrize(
    ("path", "value", "grounded"),
    [
        ("/market/mark", "84250.5", True),
        ("/market/mark", "84250.50", True),
        ("/market/mark", "84251", True),
        ("/market/mark", "84250", True),
        ("/market/mark", "84000", False),  # not how a rounding to thousands is written
        ("/market/mark", "8.4e4", True),
        ("/market/mark", "84249", False),
        ("/market/mark", "8.43e4", True),
        ("/market/mark", "85100", False),
        ("/market/mark", "8425.05", False),
        ("/market/mark", "about 84250", False),
        ("/market/mark", "NaN", False),
        ("/market/funding", "0.000123", True),
        ("/market/funding", "0.00012", False),  # more than one per cent off
        ("/market/funding", "0", False),
        ("/market/funding", "-0.000123", False),
        ("/market/regime", "range", True),
        ("/market/regime", "trend", False),
        ("/market/open", "true", True),
        ("/market/open", "false", False),
        ("/market/oi", "null", True),
        ("/market/oi", "0", False),
        ("/bars/1/0", "3", True),
        ("/bars/2/0", "3", False),
        ("/bars/-1/0", "3", False),
        ("/bars/1", "3", False),
        ("/a~1b/m~0n", "7", True),
        ("/market", "", False),
        ("market/mark", "84250.5", False),
        ("", "x", False),
        ("/market/whale", "1", False),
        ("/market/mark", "1e999999", False),
    ],
)
def test_evidence(path: str, value: str, grounded: bool) -> None:
    assert is_grounded(Evidence(path, value), CONTEXT) is grounded


@given(st.decimals(allow_nan=False, allow_infinity=False, places=6), st.decimals(allow_nan=False, allow_infinity=False))
def test_a_claim_more_than_a_hundredth_away_is_never_grounded(real: Decimal, claim: Decimal) -> None:
    if is_grounded(Evidence("/n", str(claim)), {"n": str(real)}):
        assert abs(claim - real) <= abs(real) * Decimal("0.01")


def test_the_schema_that_is_sent_is_the_struct_that_is_checked() -> None:
    schema = verdict_schema()
    assert set(schema["properties"]) == set(ModelVerdict.__struct_fields__) == set(schema["required"])
    assert schema["additionalProperties"] is False
    assert set(schema["properties"]["evidence"]["items"]["properties"]) == set(Evidence.__struct_fields__)
    assert set(schema["properties"]["side"]["enum"]) == {side.value.lower() for side in PositionSide} - {"flat"}


@pytest.mark.parametrize("version", [GATE, NEWS])
def test_the_prompt_names_every_group_and_number(version: str) -> None:
    """What a model is shown without a word of what it means, it would have to guess."""
    text = load_prompt(version).text
    groups = {name for name in known() if name != "schema"}
    assert not [name for name in groups if name not in text]
    if version == GATE:
        contract = Instrument(
            id="BTCUSDT.BYBIT", symbol="BTCUSDT", venue="BYBIT", kind=InstrumentKind.PERPETUAL, quote_currency="USDT",
            tick_size=Decimal(1), lot_size=Decimal(1), min_quantity=Decimal(1), min_notional=Decimal(1),
        )  # fmt: skip
        told = Situations([contract], 300_000, source="bybit")
        bars = [Bar(contract.id, 300_000, TS + n * 300_000, 9, 10, 8, 9, 1, 0) for n in range(3)]
        for bar in bars:
            told.on_market(BarClosed(ts=bar.ts_event, bar=bar))
        found = known(**joined(packet(), told.of(contract.id, TS)))
        names = {*found["market"], *found["trend"], *found["data_quality"], *found["signal"]}
        own = {"book", "id", "strategy", "symbol", "quantity"}  # who and what: they say it themselves
        assert not [name for name in names - own if name not in text]


def test_a_full_context_stays_well_under_the_cap() -> None:
    """Every group as long as it gets: 30 bars, 8 of many positions, a quarter of tier 1's checks tight, 25 numbers."""
    row = {"instrument": "1000PEPEUSDT.BYBIT", "side": "LONG", "quantity": "123456.7", "mark": "0.01234567"}
    position = {**row, "average_price": "0.01200001", "ts_opened": 1, "correlation": 0.93}
    check = {
        "code": "NOTIONAL_EXCEEDS_MAX_PER_ORDER",
        "passed": True,
        "numbers": {"share": "0.4912345", "limit": "0.5"},
    }
    found = known(
        bars=[[-1234.5, -1234.5, -1234.5, 12.34]] * 30,
        trend=dict.fromkeys(("ema20_slope_atr", "ema50_slope_atr", "from_ema50_atr", "from_vwap"), -12.345),
        market={f"market_number_{n}": -0.01234567 for n in range(25)},
        explain={f"strategy_number_{n}": -0.01234567 for n in range(25)},
        limits={f"limit_of_the_book_{n}": 0.01234567 for n in range(11)},
        history={
            "trades": 30,
            "wins": 12,
            "win_rate": 0.4,
            "mean_r": -0.123,
            "loss_streak": 12,
            "last_r": [-1.23] * 10,
        },
        tier1=[check] * 10,
        portfolio={**packet()["portfolio"], "positions": [position] * 50},
    )
    assert tokens_of(canonical(found)) < LARGEST_TOKENS * 0.85
