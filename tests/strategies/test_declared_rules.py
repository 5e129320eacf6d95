"""What declared rules do on prices that can be followed by hand: hourly bars of one instrument."""

from decimal import Decimal
from typing import Any

import numpy as np
import pytest

from tradeterm.domain.instrument import Instrument, InstrumentKind
from tradeterm.domain.market import HOUR_MS, Bar
from tradeterm.domain.signals import VerdictDecision
from tradeterm.strategies.declared.spec import Side
from tradeterm.strategies.declared.strategy import Declared, DeclaredParameters
from tradeterm.strategies.panel import Panel
from tradeterm.strategies.runner import StrategyRunner
from tradeterm.validators.rules import RulesValidator

START = 1_743_811_200_000  # 2025-04-05 00:00 UTC
CALM = 12


def panel(*closes: float, volume: float = 10.0) -> Panel:
    """Calm bars at 100, then bars that close at `closes`; NaN is a missing bar."""
    close = np.array([[100.0]] * CALM + [[price] for price in closes])
    fields = {name: close.copy() for name in ("open", "high", "low", "close")}
    rows = close.shape[0]
    return Panel(
        instruments=("X.V",),
        interval_ms=HOUR_MS,
        ts_open=START + HOUR_MS * np.arange(rows),
        volume=np.where(np.isnan(close), np.nan, volume),
        funding=np.full((rows, 1), np.nan),
        **fields,
    )


def declared(entry: dict[str, Any], side: Side = Side.LONG, out: dict[str, Any] | None = None) -> Declared:
    exits = {} if out is None else {"any": [out]}
    return Declared(DeclaredParameters(side=side, entry={"all": [entry]}, exit=exits), HOUR_MS)


def entries(strategy: Declared, *closes: float) -> list[int]:
    """The answers to `closes`; those to the calm before are nothing."""
    assert strategy.warmup <= CALM
    found = strategy.signals(panel(*closes)).entries[:, 0]
    assert not found[:CALM].any()
    return [int(one) for one in found[CALM:]]


CASES = [
    ({"op": ">", "value": 101}, (101, 102, 103, 101, 102), [0, 1, 0, 0, 1]),
    ({"op": ">=", "value": 101}, (100, 101, 102), [0, 1, 0]),
    ({"op": "<", "value": 99}, (99, 98, 98, 99, 98), [0, 1, 0, 0, 1]),
    ({"op": "<=", "value": 99}, (99, 98, 100, 99), [1, 0, 0, 1]),
    ({"op": "crosses_above", "value": 101}, (101, 102, 100, 105), [0, 1, 0, 1]),
    ({"op": "crosses_below", "value": 99}, (99, 98, 97, 100, 98), [0, 1, 0, 0, 1]),
    ({"op": "between", "low": 101, "high": 103}, (101, 102, 104, 103, 100), [1, 0, 0, 1, 0]),
    ({"op": "rising", "bars": 3}, (101, 102, 103, 104, 104, 105), [0, 0, 1, 0, 0, 0]),
    ({"op": "falling", "bars": 2}, (99, 98, 97, 98, 97, 96), [0, 1, 0, 0, 0, 1]),
    ({"op": ">", "of": {"ind": "close", "ago": 2}, "times": 1.02}, (101, 102, 103, 105), [0, 0, 0, 1]),
    ({"op": ">", "of": {"ind": "highest", "n": 3, "ago": 1}}, (100, 101, 101, 102), [0, 1, 0, 1]),
]


@pytest.mark.parametrize(("condition", "closes", "expected"), CASES, ids=lambda x: str(x)[:40])
def test_an_entry_is_where_the_condition_begins_to_hold(
    condition: dict[str, Any], closes: tuple[float, ...], expected: list[int]
) -> None:
    assert entries(declared({"ind": "close", **condition}), *closes) == expected


def test_equal_is_not_above_whatever_the_rounding() -> None:
    """0.1 added three times is not 0.3 in binary."""
    assert 0.1 + 0.1 + 0.1 > 0.3
    three = declared({"ind": "sma", "n": 3, "op": ">", "value": 0.1})
    assert entries(three, 0.1, 0.1, 0.1, 0.1, 0.2) == [0, 0, 0, 0, 1]


def test_shorts_are_entered_short() -> None:
    assert entries(declared({"ind": "close", "op": ">", "value": 101}, Side.SHORT), 102) == [-1]


def test_a_bar_on_which_both_sides_would_enter_enters_neither() -> None:
    entry = {
        "any": [
            {"ind": "return", "n": 1, "op": "<", "value": -0.01},
            {"ind": "return", "n": 2, "op": ">", "value": 0.01},
        ]
    }
    strategy = Declared(DeclaredParameters(side=Side.BOTH, entry=entry), HOUR_MS)
    found = strategy.signals(panel(98, 98, 98, 103, 103, 101.5)).entries[CALM:, 0]
    assert [int(x) for x in found] == [0, 0, 0, 0, 0, -1]


def test_before_skips_a_missing_bar_but_not_too_many() -> None:
    strategy = declared({"ind": "close", "op": "crosses_above", "value": 101})
    assert entries(strategy, np.nan, 102) == [0, 1]
    gap = [np.nan] * strategy.warmup
    assert entries(strategy, *gap, 102) == [0] * (len(gap) + 1)


def test_exits_have_their_reasons_and_sides() -> None:
    strategy = declared({"ind": "close", "op": ">", "value": 101}, out={"ind": "close", "op": "<", "value": 99})
    (rule,) = strategy.signals(panel(100, 98, 97, 100)).exits
    assert rule.reason == "CLOSE_BELOW_99"
    assert [bool(x) for x in rule.long[CALM:, 0]] == [False, True, True, False]
    assert not rule.short.any() and not rule.requires_profit


def test_all_of_several_exits_is_one_exit() -> None:
    out = {"all": [{"ind": "close", "op": "<", "value": 99}, {"ind": "hour", "op": ">=", "value": 14}]}
    parameters = DeclaredParameters(
        side=Side.LONG, entry={"all": [{"ind": "close", "op": ">", "value": 101}]}, exit=out
    )
    (rule,) = Declared(parameters, HOUR_MS).signals(panel(98, 98, 98)).exits
    assert rule.reason == "CLOSE_BELOW_99_AND_HOUR_AT_LEAST_14"
    assert [bool(x) for x in rule.long[CALM:, 0]] == [False, True, True]


def test_the_numbers_behind_a_signal() -> None:
    entry = {"ind": "close", "op": "crosses_above", "of": {"ind": "sma", "n": 3}}
    strategy = declared(entry, out={"ind": "volume", "op": "<", "value": 5})
    numbers = strategy.explain(panel(97, 103), CALM + 1, 0)
    assert numbers == {
        "close": 103.0,
        "funding_rate": None,
        "trend_1h": pytest.approx(103 / 97 - 1),
        "trend_4h": pytest.approx(0.03),
        "confirmations": 1.0,
        "close_before": 97.0,
        "sma_3": 100.0,
        "sma_3_before": 99.0,
        "entry_1": 1.0,
        "volume": 10.0,
        "exit_1": 0.0,
    }
    missing = strategy.explain(panel(97, np.nan), CALM + 1, 0)
    assert set(missing.values()) == {None}


def test_exits_that_read_alike_are_told_apart() -> None:
    out = {"any": [{"ind": "close", "op": "<", "value": 99.0000001}, {"ind": "close", "op": "<", "value": 99.0000002}]}
    parameters = DeclaredParameters(
        side=Side.LONG, entry={"all": [{"ind": "close", "op": ">", "value": 101}]}, exit=out
    )
    reasons = [rule.reason for rule in Declared(parameters, HOUR_MS).signals(panel(98)).exits]
    assert reasons == ["CLOSE_BELOW_99", "CLOSE_BELOW_99_2"]


async def test_the_offline_rules_can_judge_it() -> None:
    """They ask for the trend and the confirmations by name; without them no entry would pass."""
    strategy = declared({"ind": "close", "op": "crosses_above", "value": 101})
    instrument = Instrument(
        id="X.V",
        symbol="X",
        venue="V",
        kind=InstrumentKind.PERPETUAL,
        quote_currency="USDT",
        tick_size=Decimal("0.1"),
        lot_size=Decimal("0.1"),
        min_quantity=Decimal(0),
        min_notional=Decimal(0),
        max_leverage=Decimal(10),
    )
    runner = StrategyRunner("b", strategy, [instrument], HOUR_MS)
    raised = []
    for row, close in enumerate([100.0] * CALM + [102.0]):
        opened = START + row * HOUR_MS
        raised += runner.on_bars([Bar("X.V", HOUR_MS, opened, close, close, close, close, 10.0, opened + HOUR_MS)])
    (signal,) = raised
    context = {"portfolio": {"drawdown": "0"}, "limits": {"drawdown": 0.08}}
    verdict = await RulesValidator().judge(signal, context, signal.ts_bar)
    assert verdict.decision is not VerdictDecision.REJECT


def test_bars_of_another_length_are_refused() -> None:
    strategy = Declared(DeclaredParameters(side=Side.LONG, entry={"all": [{"ind": "close", "op": ">", "value": 1}]}))
    with pytest.raises(ValueError, match="made for bars of 300000 ms, not 3600000 ms"):
        strategy.signals(panel(1))
    with pytest.raises(ValueError, match="a day is not a whole number of bars"):
        Declared(strategy.parameters, 7)
