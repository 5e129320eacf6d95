"""The tools: read-only, typed, capped, with ids and units, and with errors that say what to call instead."""

import asyncio
import json
from collections.abc import Iterator
from typing import Any

import pytest
from chat_kit import KEY, Clock, config, running_desk
from hypothesis import given
from hypothesis import strategies as st

from tradeterm.assistant.chat.opening import open_conversation, why_offline
from tradeterm.assistant.chat.outside import quoted
from tradeterm.assistant.chat.tools.standing import standing_tools
from tradeterm.assistant.chat.tools.tool import Result, Tool, answered, call
from tradeterm.config import AiConfig, AiProvider, Config, GateConfig
from tradeterm.console.protocol import Console
from tradeterm.profile import Profile
from tradeterm.strategies.registry import strategy_names
from tradeterm.validators.secrets import Key

WANTED = {
    "get_portfolio", "get_positions", "get_orders", "get_performance", "get_trades", "get_risk_state", "get_signals",
    "get_decision", "explain_decision", "get_market", "list_strategies", "get_strategy", "get_costs", "propose_pause",
    "propose_params", "propose_strategy", "preview", "run_backtest", "gate_scorecard",
    "list_reports", "propose_report",
}  # fmt: skip


@pytest.fixture
def console(profile: Profile) -> Iterator[Console]:
    with running_desk(profile) as found:
        yield found


@pytest.fixture
def tools(console: Console) -> tuple[Tool[Any], ...]:
    conversation = open_conversation(config(), console, Clock(), {"ANTHROPIC_API_KEY": KEY})
    return conversation._tools


def run(tools: tuple[Tool[Any], ...], name: str, **values: Any) -> dict[str, Any]:
    result = call(tools, name, values, Key(KEY))
    assert not result.failed, result.brief
    return dict(json.loads(result.content))


def test_these_and_no_others(tools: tuple[Tool[Any], ...]) -> None:
    assert {tool.name for tool in tools} == WANTED
    for tool in tools:
        schema = tool.definition()["input_schema"]
        assert schema["type"] == "object"
        assert schema["additionalProperties"] is False
        assert "$ref" not in json.dumps(schema)


def test_every_reading_tool_leaves_the_desk_as_it_was(tools: tuple[Tool[Any], ...], console: Console) -> None:
    before = console.ledger_version()
    for name, values in {
        "get_portfolio": {}, "get_positions": {}, "get_orders": {"open_only": True}, "get_performance": {},
        "get_trades": {"order": "worst"}, "get_risk_state": {}, "get_signals": {"outcome": "DENIED"},
        "get_decision": {"id": "s1"}, "explain_decision": {"id": "v1"}, "get_market": {"symbol": "BTCUSDT"},
        "list_strategies": {}, "get_strategy": {"id": "eos"}, "get_costs": {"period": "7d"},
    }.items():  # fmt: skip
        assert run(tools, name, **values)
    assert console.ledger_version() == before
    assert console.commands() == []


@pytest.mark.parametrize("strategy", strategy_names())
def test_every_strategy_says_what_it_takes(tools: tuple[Tool[Any], ...], strategy: str) -> None:
    found = run(tools, "get_strategy", id=strategy)
    assert all(parameter["allowed"] for parameter in found["parameters"])


def test_money_with_its_currency_and_age(tools: tuple[Tool[Any], ...]) -> None:
    found = run(tools, "get_portfolio")
    assert (found["equity"], found["currency"], found["day_return_pct"]) == ("100126.39", "USDT", -0.0205)
    assert (found["as_of"], found["engine_running"]) == ("2025-04-06 18:01:00 UTC", True)


def test_performance_by_currency_and_group(tools: tuple[Tool[Any], ...]) -> None:
    found = run(tools, "get_performance", group_by="instrument", period="7d")
    (total,) = found["total"]
    assert (total["currency"], total["closed_trades"], total["won"], total["pnl"]) == ("USDT", 1, 0, "-12.67")
    assert total["worst"]["trade_id"] == "s3-1"
    assert found["rows"][0]["instrument"] == "ADAUSDT.BINANCE"
    assert run(tools, "get_trades", period="today")["count"] == 1


def test_why_a_signal_was_denied(tools: tuple[Tool[Any], ...]) -> None:
    found = run(tools, "explain_decision", id="s2")
    assert found["stopped_by"] == "tier 1, the rules: no order was sent"
    assert [check["code"] for check in found["checks_failed"]] == ["COOL_DOWN"]
    assert found["checks_failed"][0]["numbers"] == {"minutes": "12", "needed": "30"}


def test_text_from_outside_is_a_quotation_or_left_out(tools: tuple[Tool[Any], ...]) -> None:
    verdict = run(tools, "get_decision", id="v1")["verdict"]
    assert verdict["reasoning"] == {"left_out": verdict["reasoning"]["left_out"]}  # it has a terminal escape
    assert "\x1b" not in json.dumps(verdict)
    assert quoted("Volume is thin;\nhalf size\u202e") == {"quoted": "Volume is thin; half size"}
    assert quoted(" \u200b") is None


@pytest.mark.parametrize(
    ("name", "values", "sentence"),
    [
        ("place_order", {"size": 1}, "there is no tool 'place_order'; known: get_portfolio"),
        ("get_market", {}, "symbol: missing, allowed a text in quotes"),
        ("get_market", {"symbol": "DOGE"}, "unknown symbol 'DOGE'; known: ADAUSDT, BTCUSDT, ETHUSDT"),
        ("get_trades", {"limit": 500}, "limit: found 500, allowed a whole number, 1 to 50"),
        ("get_trades", {"period": "yesterday"}, 'period: found "yesterday", allowed today, 1d, 7d, 30d or all'),
        ("get_decision", {"id": "s99"}, "there is no decision with the id 's99'; get_signals lists ids"),
        ("get_strategy", {"id": "x"}, "unknown strategy 'x'; known: "),
        ("propose_pause", {"book": "x"}, "unknown book 'x'; known: crypto"),
        ("get_portfolio", {"force": True}, "force: found a key that is not known here"),
        ("get_portfolio", [], "the input must be an object"),
    ],
)
def test_errors_say_what_to_do(tools: tuple[Tool[Any], ...], name: str, values: Any, sentence: str) -> None:
    result = call(tools, name, values, Key(KEY))
    assert result.failed
    assert sentence in json.loads(result.content)["error"]


def test_before_the_first_engine(profile: Profile) -> None:
    from tradeterm.console.client import open_console

    console = open_console(profile)
    result = call(standing_tools(console), "get_portfolio", {}, None)
    console.close()
    assert result == Result(result.content, {}, result.brief, failed=True)
    assert "no engine has shown itself" in result.brief


@given(
    st.sampled_from(sorted(WANTED - {"preview", "run_backtest"})),  # those start a process
    st.dictionaries(
        st.sampled_from(["symbol", "id", "book", "changes", "period", "limit", "outcome", "open_only"]),
        st.one_of(st.text(max_size=20), st.integers(), st.floats(), st.none(), st.booleans(), st.dictionaries(
            st.text(max_size=10), st.one_of(st.floats(), st.text(max_size=5)), max_size=2)),
        max_size=3,
    ),
)  # fmt: skip
def test_no_input_breaks_a_tool(tmp_path_factory: pytest.TempPathFactory, name: str, values: dict[str, Any]) -> None:
    from tradeterm.console.client import open_console

    folder = tmp_path_factory.getbasetemp() / "fuzzed"
    profile = Profile("default", folder / "state", folder / "config")
    if not profile.ledger.exists():
        from seeded import seed

        seed(profile)
    console = open_console(profile)
    conversation = open_conversation(config(), console, Clock(), {"ANTHROPIC_API_KEY": KEY})
    result = asyncio.run(answered(conversation._tools, name, values, Key(KEY)))
    assert isinstance(json.loads(result.content), dict)
    console.close()


@pytest.mark.parametrize(
    ("gate", "environ", "sentence"),
    [
        (
            GateConfig(),
            {"ANTHROPIC_API_KEY": KEY},
            'Plain language needs an AI and its key: [gate] validator = "claude".',
        ),
        (GateConfig(validator="claude"), {}, "Plain language needs a key: set ANTHROPIC_API_KEY, or name a file"),
        (GateConfig(validator="claude"), {"ANTHROPIC_API_KEY": "x"}, "the key in ANTHROPIC_API_KEY is no API key"),
        (
            GateConfig(validator="claude", ai=AiConfig(provider=AiProvider.GEMINI)),
            {"GEMINI_API_KEY": KEY},
            "Plain language needs gate.ai.provider anthropic, openrouter or bedrock.",
        ),
        (
            GateConfig(validator="claude", ai=AiConfig(base_url="http://example.org")),
            {"ANTHROPIC_API_KEY": KEY},
            "gate.ai.base_url must begin with https://.",
        ),
        (GateConfig(validator="claude"), {"ANTHROPIC_API_KEY": KEY}, ""),
    ],
)
def test_what_plain_language_lacks(gate: GateConfig, environ: dict[str, str], sentence: str) -> None:
    found = why_offline(Config(gate=gate), environ)
    assert found.startswith(sentence)
    assert bool(found) is bool(sentence)
    assert KEY not in found
