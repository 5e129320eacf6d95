"""Tier 1: every check denies on its own condition, and nothing passes on a missing number."""

from typing import Any

import msgspec
import pytest
from desk_kit import FIVE, T0, d, instrument
from hypothesis import given
from hypothesis import strategies as st

from tradeterm.config import LimitsConfig, RiskConfig
from tradeterm.desk.checks import DeskRisk, GateRequest
from tradeterm.desk.gate import ENTRY_CHECKS, denial, exit_denial, run
from tradeterm.domain.instrument import Calendar
from tradeterm.domain.orders import PositionSide
from tradeterm.domain.signals import GateCode
from tradeterm.domain.states import BookState, BreakerLevel, HealthLevel, TradingState

C = GateCode
SUNDAY = T0 - (T0 // 86_400_000 + 4) % 7 * 86_400_000


DESK = DeskRisk(
    limits=RiskConfig(),
    gross=d("0.1"),
    asset=d("0.1"),
    group=d("0.1"),
    group_members=("BTCUSDT", "ETHUSDT"),
    sectors=(("layer1", d("0.1")),),
    one_sided=d("0.1"),
    heat=d("0.002"),
    var=d("0.01"),
)


def desk(**changes: Any) -> dict[str, Any]:
    """The request's field for a desk that differs from a good one."""
    return {"desk": msgspec.structs.replace(DESK, **changes)}


def request(**changes: Any) -> GateRequest:
    base = GateRequest(
        ts=T0,
        second_pass=False,
        allowed=True,
        instrument=instrument(),
        limits=LimitsConfig(),
        interval_ms=FIVE,
        side=PositionSide.LONG,
        price=d(100),
        stop=d(98),
        target=d(103),
        quantity=d(100),
        signal_ts=T0,
        mark=d(100),
        mark_ts=T0,
        bar_ts=T0,
        equity=d(100_000),
        day_pnl=d(0),
        drawdown=d(0),
        worst_position=d(10_000),
        worst_total=d(10_000),
        positions=0,
        open_orders=0,
        desk=DESK,
    )
    return msgspec.structs.replace(base, **changes)


def code(**changes: Any) -> GateCode | None:
    found = denial(run(request(**changes), ENTRY_CHECKS))
    return found.code if found else None


def test_a_good_order_passes_every_check() -> None:
    results = run(request(), ENTRY_CHECKS)
    assert all(result.passed for result in results)
    assert len({result.code for result in results}) == len(ENTRY_CHECKS)
    assert {result.code for result in results} == set(GateCode) - {C.REDUCE_ONLY_WOULD_INCREASE}


def test_the_venue_says_when_a_bar_is_closed_though_our_clock_is_a_little_behind() -> None:
    assert code(ts=T0 - 1000) is None


LIMIT = LimitsConfig()
DENIED: list[tuple[GateCode, dict[str, Any]]] = [
    (C.INSTRUMENT_NOT_ALLOWED, {"allowed": False}),
    (C.INSTRUMENT_NOT_ALLOWED, {"instrument": None}),
    (C.TRADING_HALTED, {"trading_state": TradingState.HALTED}),
    (C.TRADING_HALTED, {"kill_pending": True}),
    (C.TRADING_STATE_REDUCING, {"trading_state": TradingState.REDUCING}),
    (C.BREAKER, {"breaker": BreakerLevel.THROTTLE}),
    (C.BREAKER, {"breaker": BreakerLevel.HALT}),
    (C.BOOK_STOPPED, {"book_state": BookState.STOPPED}),
    (C.BOOK_STOPPED, {"book_state": BookState.PAUSED}),
    (C.RECONCILING, {"reconciling": "venue paper is RECONCILING"}),
    (C.ENGINE_DEGRADED, {"degraded": ("gate",)}),
    (C.ORDER_UNKNOWN_PENDING, {"unknown_orders": ("s1-1",)}),
    (C.UNPROTECTED_POSITION, {"unprotected": ("ETHUSDT.BINANCE",)}),
    (C.NOT_FINITE, {"mark": None}),
    (C.NOT_FINITE, {"price": d("NaN")}),
    (C.NOT_FINITE, {"stop": d("Infinity")}),
    (C.NOT_FINITE, {"target": d("-Infinity")}),
    (C.NOT_FINITE, {"quantity": d("NaN")}),
    (C.NOT_FINITE, {"equity": d("NaN")}),
    (C.NOT_FINITE, {"price": d(0)}),
    (C.STALE_DATA, {"mark_ts": T0 - FIVE - 30_001}),
    (C.BAR_NOT_CLOSED, {"bar_ts": T0 - FIVE}),
    (C.BAR_NOT_CLOSED, {"bar_ts": None}),
    (C.BAR_NOT_CLOSED, {"signal_ts": T0 + FIVE, "bar_ts": T0 + FIVE}),
    (C.BAR_NOT_CLOSED, {"ts": T0 - 1001}),
    (
        C.MARKET_CLOSED,
        {
            "instrument": instrument(calendar=Calendar.NSE),
            "ts": SUNDAY,
            "signal_ts": SUNDAY,
            "bar_ts": SUNDAY,
            "mark_ts": SUNDAY,
        },
    ),
    (C.SIGNAL_EXPIRED, {"ts": T0 + 60_001}),
    (C.SIGNAL_EXPIRED, {"second_pass": True, "mark": d("98.9")}),
    (C.SIGNAL_EXPIRED, {"second_pass": True, "mark": d("101.1")}),
    (C.DUPLICATE_SIGNAL, {"same_side": "position of crypto"}),
    (C.OPPOSITE_SIGNAL, {"other_side": "s1-1"}),
    (C.COOL_DOWN, {"last_entry": T0 - 30 * 60_000 + 1}),
    (C.POSITION_COUNT_CAP, {"positions": LIMIT.max_positions}),
    (C.ORDER_COUNT_CAP, {"open_orders": LIMIT.max_open_orders}),
    (C.DAILY_LOSS_LIMIT, {"day_pnl": d(-5000), "equity": d(95_000)}),
    (C.DAILY_LOSS_LIMIT, {"day_pnl": None}),
    (C.DRAWDOWN_LIMIT, {"drawdown": d("0.08")}),
    (C.DRAWDOWN_LIMIT, {"drawdown": None}),
    (C.PRICE_OFF_TICK, {"stop": d("98.05")}),
    (C.PRICE_OFF_TICK, {"target": d("103.01")}),
    (C.NO_EDGE, {"quantity": d(0), "no_edge": "edge is negative over 30 trades: no size until 2026-02-03"}),
    (C.QTY_OFF_LOT, {"quantity": d("1.0005")}),
    (C.QTY_BELOW_MIN, {"quantity": d(0)}),
    (C.QTY_BELOW_MIN, {"instrument": instrument(min_quantity=d(101))}),
    (C.NOTIONAL_BELOW_MIN, {"instrument": instrument(min_notional=d(10_001))}),
    (C.NOTIONAL_EXCEEDS_MAX_PER_ORDER, {"limits": LimitsConfig(max_order_notional=9_999.0)}),
    (C.POSITION_EXPOSURE_LIMIT, {"worst_position": d("10000.01")}),
    (C.EXPOSURE_LIMIT, {"worst_total": d("100000.01")}),
    (C.LEVERAGE_CAP, {"worst_total": d(110_000), "limits": LimitsConfig(max_total_exposure=5, max_leverage=1)}),
    (
        C.LEVERAGE_CAP,
        {
            "worst_total": d(110_000),
            "limits": LimitsConfig(max_total_exposure=5),
            "instrument": instrument(max_leverage=d(1)),
        },
    ),
    (C.STRATEGY_HEALTH, {"health": HealthLevel.SEVERE}),
    (C.STRATEGY_HEALTH, {"health": HealthLevel.CRITICAL}),
    (C.RATE_STALE, desk(rate_trouble="no rate of INR in USDT")),
    (C.INSUFFICIENT_HISTORY, desk(no_volatility=("SOLUSDT.BINANCE",), var=None)),
    (C.GROSS_EXPOSURE, desk(gross=d("2.00000001"))),
    (C.GROSS_EXPOSURE, desk(gross=None, missing=("the price of SOLUSDT.BINANCE",))),
    (C.ASSET_EXPOSURE, desk(asset=d("0.40000001"))),
    (C.ASSET_EXPOSURE, desk(asset=None)),
    (C.CORRELATED_EXPOSURE, desk(group=d("0.60000001"))),
    (C.CORRELATED_EXPOSURE, desk(group=None)),
    (C.SECTOR_EXPOSURE, desk(sectors=(("a", d("0.2")), ("b", d("0.50000001"))))),
    (C.SECTOR_EXPOSURE, desk(sectors=(("a", d("0.9")), ("b", None)))),
    (C.ONE_SIDED, desk(one_sided=d("0.50000001"))),
    (C.ONE_SIDED, desk(one_sided=None)),
    (C.PORTFOLIO_HEAT, desk(heat=d("0.06000001"))),
    (C.PORTFOLIO_HEAT, desk(heat=None)),
    (C.VAR_LIMIT, desk(var=d("0.10000001"))),
    (C.VAR_LIMIT, desk(var=None)),
]


@pytest.mark.parametrize(("expected", "changes"), DENIED, ids=[f"{code}-{n}" for n, (code, _) in enumerate(DENIED)])
def test_each_condition_denies_with_its_code(expected: GateCode, changes: dict[str, Any]) -> None:
    assert code(**changes) == expected


def test_every_code_has_a_denial_here() -> None:
    assert {expected for expected, _ in DENIED} == set(GateCode) - {C.REDUCE_ONLY_WOULD_INCREASE}


@pytest.mark.parametrize(
    "name",
    [
        "instrument",
        "stop",
        "mark",
        "mark_ts",
        "bar_ts",
        "equity",
        "day_pnl",
        "drawdown",
        "worst_position",
        "worst_total",
    ],
)
@pytest.mark.parametrize("second_pass", [False, True])
def test_a_missing_number_denies(name: str, second_pass: bool) -> None:
    assert code(second_pass=second_pass, **{name: None}) is not None


BAD = st.sampled_from([d("NaN"), d("sNaN"), d("Infinity"), d("-Infinity"), None])


@given(
    st.dictionaries(
        st.sampled_from(["stop", "target", "mark", "equity", "day_pnl", "drawdown", "worst_position", "worst_total"]),
        BAD,
        min_size=1,
    ),
    st.booleans(),
)
def test_no_kind_of_bad_number_passes_or_breaks_the_gate(changes: dict[str, Any], second_pass: bool) -> None:
    found = code(second_pass=second_pass, **changes)
    assert found is not None or changes == {"target": None}


def test_the_limits_are_what_may_still_be_reached() -> None:
    assert code(last_entry=T0 - 30 * 60_000) is None
    assert code(mark_ts=T0 - FIVE - 30_000) is None
    assert code(ts=T0 + 60_000) is None
    assert code(positions=LIMIT.max_positions - 1) is None
    assert code(drawdown=d("0.0799")) is None
    assert code(second_pass=True, mark=d(99)) is None


def test_results_carry_their_numbers() -> None:
    results = {result.code: result for result in run(request(worst_total=d(50_000)), ENTRY_CHECKS)}
    assert results[C.EXPOSURE_LIMIT].numbers == {"share": "0.5", "limit": "1.0"}
    assert results[C.STALE_DATA].numbers == {"age_ms": "0", "limit_ms": "330000"}


@pytest.mark.parametrize(
    ("position", "change", "expected"),
    [
        (10, -10, None),
        (-10, 4, None),
        ("0.002", "-0.001", None),
        (10, -11, C.REDUCE_ONLY_WOULD_INCREASE),
        (10, 1, C.REDUCE_ONLY_WOULD_INCREASE),
        (0, -1, C.REDUCE_ONLY_WOULD_INCREASE),
        (10, 0, C.REDUCE_ONLY_WOULD_INCREASE),
        (10, "-0.0005", C.QTY_OFF_LOT),
        (10, "NaN", C.NOT_FINITE),
    ],
)
def test_exits_may_only_shrink(position: object, change: object, expected: GateCode | None) -> None:
    found = exit_denial(instrument(), d(position), d(change))
    assert (found.code if found else None) == expected


def test_an_exit_needs_its_contract_but_no_smallest_value() -> None:
    found = exit_denial(None, d(1), d(-1))
    assert found is not None
    assert found.code is C.INSTRUMENT_NOT_ALLOWED
    assert exit_denial(instrument(min_notional=d(10**9), min_quantity=d(10**9)), d(1), d(-1)) is None
