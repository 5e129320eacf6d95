"""Verdicts found again by context: what is used of a record, and what happens to the rest."""

from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest
from gate_kit import TS, Rig, packet, rig, signal
from simulators.messages import Answer, Fault, MessagesServer, policy

from tradeterm.config import AiConfig, GateConfig, OnMiss, RecordedConfig
from tradeterm.domain.errors import ConfigError
from tradeterm.domain.signals import VerdictDecision
from tradeterm.ledger.audit import AuditKind, AuditLog
from tradeterm.validators.recorded import RecordedValidator, load_recorded

BAD_DRAWDOWN = {**packet()["portfolio"], "drawdown": "0.05"}


def real(body: dict[str, Any]) -> Answer:
    """The policy under a model's real name: a simulated AI is never replayed."""
    found = policy(body)
    return Answer(found.content, found.stop_reason, body["model"])


def kept(folder: Path, made: Rig) -> Path:
    log = AuditLog(folder)
    for record in made.records:
        log.append(AuditKind.AI_DECISIONS, record, ts=record.ts)
    log.close()
    return log.path(AuditKind.AI_DECISIONS)


def recorded(path: Path, on_miss: OnMiss = OnMiss.REJECT, **ai: Any) -> RecordedValidator:
    gate = GateConfig(validator="recorded", ai=AiConfig(**ai), recorded=RecordedConfig(file=str(path), on_miss=on_miss))
    return RecordedValidator(gate)


async def test_a_verdict_is_found_again_by_its_context(tmp_path: Path) -> None:
    async with rig(MessagesServer(real)) as made:
        live = await made.judge(signal("live"), packet(portfolio=BAD_DRAWDOWN))
    replay = recorded(kept(tmp_path, made))
    found = await replay.judge(signal("later"), packet(portfolio=BAD_DRAWDOWN), TS + 999)
    assert (found.decision, found.size_factor, found.confidence) == (live.decision, Decimal("0.5"), live.confidence)
    assert (found.source.value, found.model, found.signal_id) == ("RECORDED", "claude-sonnet-5-5", "later")
    missed = await replay.judge(signal("other"), packet(), TS)
    assert (missed.decision, missed.code) == (VerdictDecision.FAILED_CLOSED, "NOT_RECORDED")
    assert replay.coverage == "1 of 2 signals were in the record"
    assert replay.label == "RECORDED (claude-sonnet-5-5)"


async def test_another_model_or_prompt_is_another_question(tmp_path: Path) -> None:
    async with rig(MessagesServer(real)) as made:
        await made.judge(signal("live"), packet())
    path = kept(tmp_path, made)
    for changed in ({"model": "claude-haiku-5-5"}, {"least_confidence": 0.9}, {"max_tokens": 2048}):
        assert (await recorded(path, **changed).judge(signal("b"), packet(), TS)).code == "NOT_RECORDED"


async def test_what_a_miss_does(tmp_path: Path) -> None:
    path = tmp_path / "empty.jsonl"
    path.touch()
    passed = await recorded(path, OnMiss.PASS).judge(signal(), packet(), TS)
    assert (passed.decision, passed.size_factor, passed.code) == (VerdictDecision.APPROVE, 1, "NOT_RECORDED")
    ruled = await recorded(path, OnMiss.RULES).judge(signal(), packet(), TS)
    assert ruled.source.value == "RULES"


async def test_simulated_contaminated_and_outages_are_not_replayed(tmp_path: Path) -> None:
    async with rig() as made:
        await made.judge(signal("simulated"), packet())
        assert load_recorded(kept(tmp_path / "a", made)) == {}
    async with rig(MessagesServer(real)) as made:
        made.server.script(Fault("status", status=500, should_retry="false"))
        await made.judge(signal("outage"), packet())
        old = signal("old", ts_bar=TS - 400 * 86_400_000)
        await made.judge(old, packet())
        assert [record.contaminated for record in made.records] == [False, True]
        assert load_recorded(kept(tmp_path / "b", made)) == {}


async def test_an_unusable_answer_blocks_again(tmp_path: Path) -> None:
    async with rig(MessagesServer(real)) as made:
        made.server.script(Fault("refusal", 0.0))
        await made.judge(signal("a"), packet())
    (record,) = made.records
    assert record.code == "REFUSAL"
    found = await recorded(kept(tmp_path, made)).judge(signal("b"), packet(), TS)
    assert (found.decision, found.code, found.size_factor) == (VerdictDecision.FAILED_CLOSED, "REFUSAL", 0)


def test_a_file_that_is_none_is_named(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match=r"gate\.recorded\.file: found"):
        RecordedValidator(GateConfig(validator="recorded"))
    with pytest.raises(ConfigError, match=r"gate\.recorded\.file: .* cannot be read"):
        recorded(tmp_path / "none.jsonl")
    path = tmp_path / "bad.jsonl"
    path.write_text('{"record":{"context_hash":1}}\n')
    with pytest.raises(ConfigError, match="line 1 of"):
        recorded(path)
