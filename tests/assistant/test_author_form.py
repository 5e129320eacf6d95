"""A strategy typed by a person: fields and conditions become the same data a file holds."""

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tradeterm.assistant.ask import ask
from tradeterm.assistant.author import draft
from tradeterm.assistant.author_conditions import rules
from tradeterm.assistant.author_form import FIELDS, spec_of
from tradeterm.config import Config
from tradeterm.domain.errors import ConfigError
from tradeterm.profile import Profile
from tradeterm.strategies.declared.catalogue import INDICATORS
from tradeterm.strategies.declared.spec import Operator

NAMED = {"name": "dips"}


@pytest.mark.parametrize(
    ("text", "condition"),
    [
        ("rsi(14) crosses_above 30", {"ind": "rsi", "n": 14, "op": "crosses_above", "value": 30}),
        ("RSI < 30.5", {"ind": "rsi", "op": "<", "value": 30.5}),
        ("close>ema(200)", {"ind": "close", "op": ">", "of": {"ind": "ema", "n": 200}}),
        (
            "volume >= 1.5 * sma(20, source=volume)",
            {"ind": "volume", "op": ">=", "times": 1.5, "of": {"ind": "sma", "n": 20, "source": "volume"}},
        ),
        (
            "close crosses_above highest(55, ago=1)",
            {"ind": "close", "op": "crosses_above", "of": {"ind": "highest", "n": 55, "ago": 1}},
        ),
        ("macd_line(12, 26) > macd_signal(fast=12, slow=26, signal=9)", {
            "ind": "macd_line", "fast": 12, "slow": 26, "op": ">",
            "of": {"ind": "macd_signal", "fast": 12, "slow": 26, "signal": 9},
        }),
        ("adx between 20 to 40", {"ind": "adx", "op": "between", "low": 20, "high": 40}),
        ("return(5) between -0.05 to 0", {"ind": "return", "n": 5, "op": "between", "low": -0.05, "high": 0}),
        ("close rising 3", {"ind": "close", "op": "rising", "bars": 3}),
    ],
)  # fmt: skip
def test_conditions(text: str, condition: dict[str, Any]) -> None:
    assert rules(text) == {"all": [condition]}


def test_several_are_joined_by_and_or_by_or() -> None:
    assert [len(one) for one in rules("rsi < 30 and close > open and adx > 20").values()] == [3]
    assert list(rules("rsi < 30 or close > open")) == ["any"]
    assert rules("  ") == {}
    with pytest.raises(ConfigError, match="with and as well as or"):
        rules("rsi < 30 and close > open or adx > 20")


@pytest.mark.parametrize(
    ("text", "sentence"),
    [
        ("rsi is low", "allowed INDICATOR OPERATOR VALUE"),
        ("rsj(14) > 30", "did you mean rsi?"),
        ("rsi(14, 3) > 30", "allowed n or ago"),
        ("rsi(period=14) > 30", "allowed n or ago"),
        ("rsi(x) > 30", "allowed a number"),
        ("rsi > 30 40", "allowed a number or an indicator"),
        ("adx between 20", "between LOW to HIGH"),
        ("close rising fast", "rising BARS"),
        ("rsi > nan", "allowed"),
        ("rsi > 30; import os", "allowed"),
    ],
)
def test_mistakes_in_conditions_say_what_is_allowed(text: str, sentence: str) -> None:
    with pytest.raises(ConfigError) as found:
        rules(text)
    assert sentence in str(found.value)


@given(st.text(max_size=60))
def test_no_text_breaks_it(text: str) -> None:
    try:
        spec = spec_of({**NAMED, "entry": text})
        draft(spec, Config())
    except ConfigError as error:
        assert str(error)


@given(st.sampled_from(sorted(INDICATORS)), st.sampled_from(list(Operator)), st.integers(2, 60), st.integers(1, 12))
def test_what_can_be_typed_can_be_read(name: str, op: Operator, n: int, value: int) -> None:
    """Every indicator with every operator: it becomes a condition of that form, whatever its bounds say later."""
    right = {"between": f"{value} to {value + 1}", "rising": str(value), "falling": str(value)}.get(op, str(value))
    (condition,) = rules(f"{name} {op} {right}")["all"]
    assert (condition["ind"], condition["op"]) == (name, op)


def test_the_form_makes_a_whole_specification() -> None:
    spec = spec_of({
        **NAMED, "symbols": "btc, eth", "timeframe": "1h", "side": "both", "entry": "rsi crosses_above 30",
        "exit": "rsi > 55", "bars_held": "48", "stop": "0.75%", "target": "3 %", "trail": "1 % after 0.5 %",
        "risk_pct": "0.25 %", "max_leverage": "10x", "max_positions": "2", "daily_loss_pct": "1",
    })  # fmt: skip
    assert spec == {
        "v": 1, "name": "dips", "symbols": ["BTC", "ETH"], "timeframe": "1h", "side": "both",
        "entry": {"all": [{"ind": "rsi", "op": "crosses_above", "value": 30}]},
        "exit": {"any": [{"ind": "rsi", "op": ">", "value": 55}, {"bars_held": 48}]},
        "stop": {"type": "percent", "pct": 0.75}, "target": {"type": "percent", "pct": 3},
        "trail": {"pct": 1, "after_pct": 0.5},
        "risk": {"risk_pct": 0.25, "max_leverage": 10, "max_positions": 2, "daily_loss_pct": 1},
    }  # fmt: skip
    assert draft(spec, Config()).blocked == ()


def test_a_name_is_enough_and_what_is_optional_may_be_empty() -> None:
    assert draft(spec_of(NAMED), Config()).blocked == ()
    bare = {field.key: "" for field in FIELDS if field.key in ("exit", "bars_held", "target", "trail")}
    spec = spec_of({**NAMED, **bare})
    assert not {"exit", "target", "trail"} & set(spec)
    assert draft(spec, Config()).blocked == ()
    assert spec_of({**NAMED, "target": "none"})["target"] == {"type": "none"}
    assert spec_of({**NAMED, "stop": "1.5 atr"})["stop"] == {"type": "atr", "mult": 1.5}


def test_all_mistakes_are_said_at_once() -> None:
    with pytest.raises(ConfigError) as found:
        spec_of(
            {"stop": "far", "target": "2", "trail": "x", "bars_held": "-1", "max_positions": "1.5", "risk_pct": "a"}
        )
    labels = [line.partition(":")[0] for line in str(found.value).splitlines()]
    assert labels == ["Name", "Hold at most", "Stop", "Target", "Trail", "Risk %", "Positions"]


def test_several_exits_by_and_do_not_stand_beside_bars_held() -> None:
    with pytest.raises(ConfigError, match="join them by or"):
        spec_of({**NAMED, "exit": "rsi > 55 and close > open"})
    assert "all" in spec_of({**NAMED, "exit": "rsi > 55 and close > open", "bars_held": ""})["exit"]


def test_the_ask_line_explains_without_a_model(profile: Profile, console_of_nothing: Any) -> None:
    listed = ask(console_of_nothing, "strategies").text
    assert "rsi-oversold-btc  example" in listed
    told = ask(console_of_nothing, "explain rsi-oversold-btc").text
    assert "Buys BTC at the close of a 15-minute bar when RSI(14) crosses above 30" in told
    assert "is neither a file nor a strategy" in ask(console_of_nothing, "explain nothing").text
    assert "tradeterm strategy new" in ask(console_of_nothing, "new strategy").text


@pytest.fixture
def console_of_nothing(profile: Profile) -> Any:
    from tradeterm.console.client import open_console

    console = open_console(profile)
    yield console
    console.close()
