"""The providers beside the Anthropic API, each through its real client, and what is asked of them."""

from importlib.util import find_spec
from pathlib import Path
from typing import Any

import pytest
from gate_kit import KEY, packet, rig, signal
from simulators.messages import Fault

from tradeterm.config import AiConfig, AiProvider, GateConfig, GateMode
from tradeterm.domain.errors import ConfigError
from tradeterm.domain.signals import VerdictDecision
from tradeterm.validators.claude import Claude
from tradeterm.validators.registry import Around, gate_warnings, make_validator
from tradeterm.validators.secrets import Key

OPENROUTER = {"environ": {"OPENROUTER_API_KEY": KEY}}
GEMINI = {"environ": {"GEMINI_API_KEY": KEY}}


async def test_what_is_asked_of_claude() -> None:
    async with rig() as made:
        await made.judge()
    (request,) = made.server.requests
    body = request.body
    assert (request.path, body["model"], body["max_tokens"]) == ("/v1/messages", "claude-sonnet-5-5", 1024)
    assert body["thinking"] == {"type": "between_tools"}
    assert body["output_config"]["effort"] == "low"
    assert body["system"][0]["cache_control"] == {"type": "ephemeral", "ttl": "1h"}
    assert not {"tools", "tool_choice", "metadata", "temperature", "stream"} & set(body)
    assert request.headers["anthropic-version"] == "2026-10-21"
    assert request.headers["x-stainless-retry-count"] == "0"


async def test_haiku_is_asked_as_haiku_can() -> None:
    async with rig(ai={"model": "claude-haiku-5-5"}) as made:
        assert (await made.judge()).decision is VerdictDecision.APPROVE
    assert made.server.asked[0]["thinking"] == {"type": "adaptive"}


async def test_openrouter_speaks_messages_under_its_own_address() -> None:
    async with rig(
        **OPENROUTER, ai={"provider": AiProvider.OPENROUTER, "model": "anthropic/claude-sonnet-5-5"}
    ) as made:
        found = await made.judge()
    assert (found.decision, found.source.value) == (VerdictDecision.APPROVE, "LIVE")
    assert made.server.requests[0].headers["authorization"] == f"Bearer {KEY}"
    assert made.records[0].cost_usd is None  # its prices are not known here: no number rather than a wrong one
    assert made.server.asked[0]["thinking"] == {"type": "between_tools"}


async def test_bedrock_needs_a_region_and_a_bearer_key() -> None:
    environ = {"AWS_BEARER_TOKEN_BEDROCK": KEY}
    ai: dict[str, Any] = {"provider": AiProvider.BEDROCK, "model": "anthropic.claude-sonnet-5-5"}
    async with rig(environ=environ, ai=ai) as made:
        assert (await made.judge()).decision is VerdictDecision.APPROVE
    assert made.server.requests[0].path.endswith("/v1/messages")
    with pytest.raises(ConfigError, match=r"gate\.ai\.region"):
        make_validator(GateConfig(validator="claude", ai=AiConfig(**ai)), Around(environ=environ))


def bedrock(**changes: Any) -> GateConfig:
    ai = {"provider": AiProvider.BEDROCK, "model": "anthropic.claude-sonnet-5-5", "region": "us-east-1", **changes}
    return GateConfig(validator="claude", ai=AiConfig(**ai))


def test_no_variable_of_the_environment_leads_elsewhere(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("ANTHROPIC_BASE_URL", "ANTHROPIC_BEDROCK_MANTLE_BASE_URL", "ANTHROPIC_BEDROCK_BASE_URL"):
        monkeypatch.setenv(name, "https://evil.example")
    hosts = {
        AiProvider.ANTHROPIC: "api.anthropic.com",
        AiProvider.OPENROUTER: "openrouter.ai",
        AiProvider.BEDROCK: "bedrock-mantle.us-east-1.api.aws",
    }
    assert {provider: Claude(bedrock(provider=provider).ai, Key(KEY)).host for provider in hosts} == hosts


@pytest.mark.skipif(find_spec("boto3") is not None, reason="the extra is installed")
def test_a_missing_extra_is_said_at_the_start() -> None:
    with pytest.raises(ConfigError, match=r'gate\.ai\.aws_profile: found "desk", which needs .*tradeterm\[bedrock\]'):
        make_validator(bedrock(aws_profile="desk"), Around(environ={}))


def test_an_aws_profile_is_bedrocks_and_needs_a_region(monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(ConfigError, match=r'allowed with provider = "bedrock" alone'):
        make_validator(bedrock(provider=AiProvider.ANTHROPIC, aws_profile="desk"), Around(environ={}))
    monkeypatch.setattr("tradeterm.validators.secrets.find_spec", lambda name: name)
    with pytest.raises(ConfigError, match=r"gate\.ai\.region"):
        make_validator(bedrock(aws_profile="desk", region="", base_url="http://127.0.0.1:9"), Around(environ={}))


async def test_a_profile_signs_and_no_key_is_sent(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    pytest.importorskip("boto3")
    file = tmp_path / "credentials"
    file.write_text("[desk]\naws_access_key_id = AKIAPLANTEDPLANTED12\naws_secret_access_key = planted-secret\n")
    monkeypatch.setenv("AWS_SHARED_CREDENTIALS_FILE", str(file))
    monkeypatch.setenv("AWS_BEARER_TOKEN_BEDROCK", KEY)
    ai = {"provider": AiProvider.BEDROCK, "model": "anthropic.claude-sonnet-5-5", "region": "us-east-1"}
    async with rig(ai={**ai, "aws_profile": "desk"}) as made:
        assert (await made.judge()).decision is VerdictDecision.APPROVE
    (request,) = made.server.requests
    assert request.headers["authorization"].startswith("AWS4-HMAC-SHA256 Credential=AKIAPLANTEDPLANTED12/")
    assert KEY not in str(request.headers)
    assert "planted-secret" not in str(request) + str(made.records)


@pytest.mark.parametrize("provider", [AiProvider.GEMINI, AiProvider.OTHER])
async def test_chat_completions(provider: AiProvider) -> None:
    environ = {"GEMINI_API_KEY": KEY, "TRADETERM_AI_KEY": KEY}
    ai = {"provider": provider, "model": "gemini-3-pro"}
    async with rig(environ=environ, validator="openai-shaped", ai=ai) as made:
        found = await made.judge()
    assert (found.decision, found.size_factor) == (VerdictDecision.APPROVE, 1)
    (request,) = made.server.requests
    assert request.path == "/chat/completions"
    assert request.headers["authorization"] == f"Bearer {KEY}"
    assert request.body["response_format"]["type"] == "json_schema"
    assert [turn["role"] for turn in request.body["messages"]] == ["system", "user"]
    usage = made.records[0].attempts[0].usage
    assert usage is not None
    assert (usage.input > 0, usage.output > 0) == (True, True)


@pytest.mark.parametrize(
    ("faults", "code", "calls"),
    [
        (("bad_json",), "MALFORMED", 1),
        (("html_200",), "MALFORMED", 1),
        (("foreign_json_200",), "MALFORMED", 1),
        (("deep",), "MALFORMED", 1),
        (("refusal",), "REFUSAL", 1),
        (("max_tokens",), "LENGTH", 1),
        (("nan",), "MALFORMED", 1),
        (("dup_keys",), "MALFORMED", 1),
        (("ungrounded",), "UNGROUNDED", 1),
        (("error_in_200", "error_in_200"), "TRANSPORT", 2),
        (("drop_before_headers", "drop_mid_body"), "TRANSPORT", 2),
        (("drop_before_headers",), "", 2),
    ],
)
async def test_chat_completions_fail_as_messages_do(faults: tuple[str, ...], code: str, calls: int) -> None:
    async with rig(**GEMINI, validator="openai-shaped", ai={"provider": AiProvider.GEMINI, "model": "g"}) as made:
        made.server.script(*(Fault(name) for name in faults))
        found = await made.judge()
    assert (found.code, len(made.server.requests)) == (code, calls)


@pytest.mark.parametrize(("status", "code"), [(400, "CONFIG"), (401, "CONFIG"), (402, "BILLING"), (404, "CONFIG")])
async def test_chat_completions_refused(status: int, code: str) -> None:
    async with rig(**GEMINI, validator="openai-shaped", ai={"provider": AiProvider.GEMINI, "model": "g"}) as made:
        made.server.script(Fault("status", status=status))
        assert (await made.judge()).code == code
        assert made.validator.status.state.value == "DOWN"


@pytest.mark.parametrize(
    ("validator", "provider"), [("claude", AiProvider.GEMINI), ("openai-shaped", AiProvider.ANTHROPIC)]
)
def test_a_provider_that_does_not_fit_is_refused(validator: str, provider: AiProvider) -> None:
    with pytest.raises(ConfigError, match=r"gate\.ai\.provider: found"):
        make_validator(GateConfig(validator=validator, ai=AiConfig(provider=provider)), Around(environ={}))


async def test_a_simulated_ai_is_named_as_one() -> None:
    async with rig(ai={"model": "fake-policy-1"}) as made:
        assert made.validator.label == "SIMULATED AI (fake-policy-1)"
        found = await made.judge()
    assert found.model == "fake-policy-1 (simulated AI)"
    assert made.records[0].simulated


async def test_one_that_hides_behind_a_real_name_is_named_after_its_first_answer() -> None:
    async with rig() as made:
        assert made.validator.label == "claude-sonnet-5-5 (anthropic)"
        await made.judge()
        assert made.validator.label == "SIMULATED AI (claude-sonnet-5-5)"


async def test_off_asks_nobody() -> None:
    async with rig(mode=GateMode.OFF) as made:
        found = await made.judge()
        assert made.validator.label == "OFF (tier 1 alone)"
    assert (found.decision, found.size_factor, found.source.value) == (VerdictDecision.APPROVE, 1, "NONE")
    assert (made.server.requests, made.records) == ([], [])


async def test_shadow_lets_through_at_once_and_records_what_would_have_been() -> None:
    async with rig(mode=GateMode.SHADOW) as made:
        made.server.script(Fault("delay", seconds=0.2))
        found = await made.judge(signal("sa"), packet(explain={"trend_4h": -0.06}))
        assert (found.decision, found.size_factor, found.code) == (VerdictDecision.APPROVE, 1, "SHADOW")
        assert made.records == []
        await made.validator.idle()  # type: ignore[attr-defined]
        (record,) = made.records
        assert (record.enforced, record.decision, record.id) == (False, VerdictDecision.REJECT, "vsa-shadow")
        assert made.validator.label == "SHADOW SIMULATED AI (claude-sonnet-5-5)"


def test_shadow_of_the_rules_is_refused() -> None:
    with pytest.raises(ConfigError, match=r"gate\.mode: found"):
        make_validator(GateConfig(mode=GateMode.SHADOW))


def test_without_a_place_for_records_an_ai_is_made_and_blocks() -> None:
    made = make_validator(GateConfig(validator="claude"), Around(environ={"ANTHROPIC_API_KEY": KEY}))
    assert made.label == "claude-sonnet-5-5 (anthropic)"


def test_warnings_are_the_ais_alone() -> None:
    assert gate_warnings(GateConfig()) == ()
    (warning,) = gate_warnings(GateConfig(validator="claude", ai=AiConfig(model="claude-next")))
    assert warning.startswith("gate.ai.model: the price of claude-next at anthropic is not known")
