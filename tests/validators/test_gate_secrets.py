"""The key and whatever looks like a secret: not in prompts, records, audit files, logs, errors or on the screen."""

import json
import logging
import traceback
from pathlib import Path
from typing import Any

import msgspec
import pytest
from gate_kit import KEY, Rig, packet, rig, signal
from simulators.messages import Answer, Fault, MessagesServer, policy, text_answer
from simulators.messages.policy import verdict

from tradeterm.config import AiConfig, AiProvider, GateConfig
from tradeterm.domain.errors import ConfigError
from tradeterm.ledger.audit import AuditKind, AuditLog, verify
from tradeterm.validators.prompt import GATE, NEWS, load_prompt
from tradeterm.validators.registry import Around, make_validator
from tradeterm.validators.secrets import Key, load_key

SECRETS = (
    "sk-or-v1-0123456789abcdef0123",
    "AIzaSyA0123456789abcdefghijklmnop",
    "AKIAIOSFODNN7EXAMPLE",
    "eyJhbGciOiJIUzI1NiJ9.eyJzdWIiOiIxMjM0In0.abc-DEF_123",
    "0123456789abcdef" * 4,
    "0x" + "ab" * 32,
    "legal winner thank year wave sausage worth useful legal winner thank yellow",
    "-----BEGIN RSA PRIVATE KEY",
    KEY,
)


def everything(made: Rig, caplog: pytest.LogCaptureFixture) -> str:
    """All that could be kept or shown."""
    shown = [made.validator.label, made.validator.status.text, repr(made.validator), repr(made.notices)]
    return "\n".join([*shown, msgspec.json.encode(made.records).decode(), repr(made.records), caplog.text])


def echoing(body: dict[str, Any]) -> Answer:
    """A model that says every secret it could know."""
    context = json.loads(body["messages"][0]["content"])
    return text_answer(json.dumps(verdict(context, reasoning=" ; ".join(SECRETS))))


@pytest.mark.parametrize("secret", SECRETS, ids=range(len(SECRETS)))
def test_each_form_is_found_and_hidden(secret: str) -> None:
    key = Key(KEY)
    assert key.is_leaked_by(f"before {secret} after")
    assert secret not in key.hide(f"before {secret} after")


def test_prompts_and_contexts_are_no_secrets() -> None:
    key = Key(KEY)
    for name in (GATE, NEWS):
        assert not key.is_leaked_by(load_prompt(name).text)
    assert repr(key) == str(key) == "Key([hidden])"


async def test_no_secret_is_kept_or_shown(caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.DEBUG)
    async with rig(MessagesServer(echoing)) as made:
        faults = [Fault("status", status=status) for status in (500, 500, 429, 429, 529, 529)]
        made.server.script(Fault("bad_json"), Fault("drop_before_headers"), Fault("drop_mid_body"), *faults)
        for _ in range(8):
            await made.judge()
        made.server.script(Fault("status", status=401))
        await made.judge()
        found = everything(made, caplog)
        assert not [secret for secret in SECRETS if secret in found]
        assert made.server.requests[0].headers["authorization"] == f"Bearer {KEY}"
        assert not any(KEY in json.dumps(request.body) for request in made.server.requests)


async def test_a_verdict_does_not_repeat_a_secret() -> None:
    async with rig(MessagesServer(echoing)) as made:
        found = await made.judge()
    assert not [secret for secret in SECRETS if secret in found.reasoning]
    assert "[hidden]" in found.reasoning


@pytest.mark.parametrize("secret", [*SECRETS[:2], SECRETS[6]], ids=["key", "google", "seed phrase"])
async def test_a_secret_on_its_way_out_stops_the_call(secret: str) -> None:
    async with rig() as made:
        context = packet(untrusted={"headlines": [f"Leak {secret[:180]}"]})
        found = await made.judge(signal(), context)
    assert all(secret not in json.dumps(request.body) for request in made.server.requests)
    assert found.size_factor in (0, 1)  # dropped by the screen before, or blocked here


async def test_a_secret_in_the_numbers_stops_the_call() -> None:
    async with rig() as made:
        found = await made.judge(signal(book="AKIAIOSFODNN7EXAMPLE"), packet())
    assert (found.code, made.server.requests, made.codes) == ("SECRET_IN_PROMPT", [], ["AI_SECRET"])


async def test_the_records_chain_in_an_audit_file(tmp_path: Path) -> None:
    log = AuditLog(tmp_path)

    async def record(kept: Any) -> None:
        log.append(AuditKind.AI_DECISIONS, kept, ts=kept.ts, durable=True)

    async with rig(MessagesServer(echoing), around={"record": record}) as made:
        made.server.script(Fault("nan"))
        for _ in range(3):
            await made.judge()
    log.close()
    path = log.path(AuditKind.AI_DECISIONS)
    text = path.read_text()
    assert verify(path) is None
    assert not [secret for secret in SECRETS if secret in text]
    lines = [json.loads(line)["record"] for line in text.splitlines()]
    assert [line["code"] for line in lines] == ["MALFORMED", "", ""]
    assert len({line["context_hash"] for line in lines}) == 3
    assert "[redacted]" not in text  # nothing that the redaction would spoil, such as a digest of 64 digits
    assert lines[0]["attempts"][0]["response_sha"]


async def test_errors_of_the_sdk_stay_inside() -> None:
    """They hold the request with its authorization."""
    async with rig(ai={"base_url": "http://127.0.0.1:9"}) as made:
        found = await made.judge()
        assert (found.code, found.reasoning) == ("TRANSPORT", "no connection: ConnectError")
        assert found.decision.value == "FAILED_CLOSED"
    assert made.records[0].cost_usd == 0  # nothing was sent


@pytest.mark.parametrize(
    ("value", "says"),
    [("sk-ant with space", "no API key"), ('"sk-ant-quoted-0123"', "no API key"), ("KEY=sk-ant-0123456", "no API key")],
)
def test_what_is_no_key_is_refused_without_being_shown(value: str, says: str) -> None:
    with pytest.raises(ConfigError, match=says) as caught:
        load_key(AiConfig(), {"ANTHROPIC_API_KEY": value})
    assert value not in "".join(traceback.format_exception(caught.value))


def test_a_key_file_is_its_owners_alone(tmp_path: Path) -> None:
    path = tmp_path / "key"
    path.write_text(f"{KEY}\n")
    path.chmod(0o600)
    found = load_key(AiConfig(key_file=str(path)), {})
    assert found is not None
    assert found.value == KEY
    path.chmod(0o644)
    with pytest.raises(ConfigError, match="chmod 600") as caught:
        load_key(AiConfig(key_file=str(path)), {})
    assert KEY not in str(caught.value)


def test_each_provider_has_a_variable_of_its_own() -> None:
    everywhere = {"ANTHROPIC_API_KEY": "sk-ant-the-wrong-one"}
    for provider in set(AiProvider) - {AiProvider.ANTHROPIC}:
        assert load_key(AiConfig(provider=provider), everywhere) is None


@pytest.mark.parametrize("url", ["http://api.anthropic.com", "ftp://x.y", "https://u:p@host", "https://h/?a=1", "x"])
def test_a_key_travels_encrypted_or_not_at_all(url: str) -> None:
    with pytest.raises(ConfigError, match=r"gate\.ai\.base_url: found"):
        make_validator(GateConfig(validator="claude", ai=AiConfig(base_url=url)), Around(environ={}))


@pytest.mark.parametrize("url", ["https://ann:hunter2@host", "http://ann:hunter2@host:x/", "ann:hunter2@host"])
def test_a_password_in_the_address_is_never_quoted(url: str) -> None:
    with pytest.raises(ConfigError, match="found a name and password in the address") as caught:
        make_validator(GateConfig(validator="claude", ai=AiConfig(base_url=url)), Around(environ={}))
    assert "hunter2" not in str(caught.value)
    assert "ann" not in str(caught.value)


async def test_the_environment_diverts_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    for name, value in {
        "ANTHROPIC_BASE_URL": "http://127.0.0.1:9",
        "ANTHROPIC_AUTH_TOKEN": "other",
        "HTTP_PROXY": "http://127.0.0.1:9",
        "ALL_PROXY": "http://127.0.0.1:9",
    }.items():
        monkeypatch.setenv(name, value)
    async with rig(MessagesServer(policy)) as made:
        assert (await made.judge()).size_factor == 1
    assert made.server.requests[0].headers["authorization"] == f"Bearer {KEY}"
