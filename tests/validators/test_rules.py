"""The offline rules: each decision with its numbers, and nothing approved that is not known."""

from decimal import Decimal
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tradeterm.config import GateConfig
from tradeterm.domain.errors import ConfigError
from tradeterm.domain.orders import PositionSide
from tradeterm.domain.signals import Signal, SignalKind, Verdict, VerdictDecision, VerdictSource
from tradeterm.validators.registry import make_validator, validator_names
from tradeterm.validators.rules import RulesValidator

TS = 1_743_945_600_000


def signal(side: PositionSide = PositionSide.LONG, **explain: float | None) -> Signal:
    numbers = {"trend_4h": -0.03, "trend_1h": -0.01, "confirmations": 1.0, "funding_rate": 0.0001, **explain}
    return Signal(
        id="s0123456789abcde",
        book="crypto",
        strategy="eos",
        instrument="BTCUSDT.BINANCE",
        kind=SignalKind.ENTRY,
        side=side,
        price=Decimal(100),
        ts_bar=TS,
        reason="EOS",
        explain=numbers,
    )


def packet(drawdown: str | None = "0.01", limit: float | None = 0.08) -> dict[str, Any]:
    return {"portfolio": {"drawdown": drawdown}, "limits": {"drawdown": limit}}


async def judge(asked: Signal, context: dict[str, Any] | None = None) -> Verdict:
    return await RulesValidator().judge(asked, packet() if context is None else context, TS)


async def test_approval() -> None:
    found = await judge(signal())
    assert (found.decision, found.size_factor, found.reason_codes) == (VerdictDecision.APPROVE, Decimal(1), ())
    assert found.reasoning == (
        "The price ran 3.00% against this LONG in 4 h, with 1 confirmation. "
        "The book's drawdown is 1.0% of 8.0% allowed."
    )
    assert (found.source, found.model, found.confidence) == (VerdictSource.RULES, "rules", None)
    assert (found.id, found.signal_id, found.ts, found.latency_ms) == ("vs0123456789abcde", "s0123456789abcde", TS, 0)


async def test_an_accelerating_trend_against_one_confirmation_is_refused() -> None:
    for side, sign in ((PositionSide.LONG, -1), (PositionSide.SHORT, 1)):
        found = await judge(signal(side, trend_4h=sign * 0.05, trend_1h=sign * 0.03))
        assert (found.decision, found.code) == (VerdictDecision.REJECT, "TREND_ACCELERATES")
        assert found.size_factor == 0
        assert found.reasoning == (
            f"The price ran 5.00% against this {side} in 4 h, 3.00% of it in the last hour. "
            "1 confirmation is too few against that."
        )


@pytest.mark.parametrize(
    "calmer",
    [
        {"trend_4h": -0.0399},
        {"trend_4h": -0.05, "trend_1h": -0.0249},
        {"trend_4h": 0.05, "trend_1h": 0.03},  # it runs with the trade
        {"trend_4h": -0.05, "trend_1h": -0.03, "confirmations": 2.0},
    ],
)
async def test_a_calmer_one_is_not(calmer: dict[str, float]) -> None:
    assert (await judge(signal(**calmer))).decision is VerdictDecision.APPROVE


async def test_an_unknown_last_hour_counts_as_accelerating() -> None:
    found = await judge(signal(trend_4h=-0.05, trend_1h=None))
    assert found.decision is VerdictDecision.REJECT
    assert "the last hour is not known" in found.reasoning


async def test_unknown_funding_with_one_confirmation_is_halved() -> None:
    found = await judge(signal(funding_rate=None))
    assert (found.decision, found.size_factor) == (VerdictDecision.REDUCE, Decimal("0.5"))
    assert (found.code, found.reasoning) == (
        "FUNDING_UNKNOWN",
        "Funding is not known and there is 1 confirmation. Half the size.",
    )
    assert (await judge(signal(funding_rate=None, confirmations=2.0))).decision is VerdictDecision.APPROVE


async def test_over_half_of_the_drawdown_limit_is_halved() -> None:
    found = await judge(signal(), packet(drawdown="0.041"))
    assert (found.decision, found.reason_codes) == (VerdictDecision.REDUCE, ("DRAWDOWN",))
    assert found.reasoning == "The book's drawdown is 4.1% of 8.0% allowed, more than half. Half the size."
    assert (await judge(signal(), packet(drawdown="0.04"))).decision is VerdictDecision.APPROVE
    both = await judge(signal(funding_rate=None), packet(drawdown="0.041"))
    assert (both.size_factor, both.reason_codes) == (Decimal("0.5"), ("FUNDING_UNKNOWN", "DRAWDOWN"))


@pytest.mark.parametrize(
    ("asked", "context", "missing"),
    [
        (signal(trend_4h=None), packet(), "4 h trend"),
        (signal(confirmations=None), packet(), "confirmations"),
        (signal(), packet(drawdown=None), "drawdown"),
        (signal(), packet(drawdown="NaN"), "drawdown"),
        (signal(), packet(limit=None), "its limit"),
        (signal(), {}, "drawdown, its limit"),
    ],
)
async def test_what_is_not_known_denies(asked: Signal, context: dict[str, Any], missing: str) -> None:
    found = await judge(asked, context)
    assert (found.decision, found.code) == (VerdictDecision.REJECT, "MISSING_INPUT")
    assert found.reasoning == f"Not known: {missing}. Without it nothing speaks for this LONG."


FINITE = st.floats(-1, 1)


@given(
    st.sampled_from([PositionSide.LONG, PositionSide.SHORT]),
    st.none() | FINITE,
    st.none() | FINITE,
    st.none() | st.integers(0, 3).map(float),
    st.none() | FINITE,
    st.none() | st.floats(0, 1).map(str),
)
async def test_a_verdict_never_raises_the_size(
    side: PositionSide,
    trend: float | None,
    hour: float | None,
    confirmations: float | None,
    funding: float | None,
    drawdown: str | None,
) -> None:
    asked = signal(side, trend_4h=trend, trend_1h=hour, confirmations=confirmations, funding_rate=funding)
    found = await judge(asked, packet(drawdown))
    assert 0 <= found.size_factor <= 1
    assert (found.size_factor > 0) is (found.decision in (VerdictDecision.APPROVE, VerdictDecision.REDUCE))
    assert found == await judge(asked, packet(drawdown))
    if None in (trend, confirmations, drawdown):
        assert found.decision is VerdictDecision.REJECT


def test_the_gate_names_its_validator() -> None:
    assert validator_names() == ("claude", "openai-shaped", "recorded", "rules")
    assert make_validator(GateConfig()).label == "RULES (no AI)"
    with pytest.raises(ConfigError) as caught:
        make_validator(GateConfig(validator="oracle"))
    assert str(caught.value) == 'gate.validator: found "oracle", allowed claude, openai-shaped, recorded or rules'
