"""The engine asks a model (the simulated one): what it answers is on the disk before an order, and is never trusted
further than it may be."""

from pathlib import Path
from typing import Any

import msgspec
import pytest
from engine_kit import Watcher, command, demo_profile, options, rows, run, send
from simulators.messages import Fault, MessagesServer, Step, served

from tradeterm.config import AiConfig, GateConfig, GateMode
from tradeterm.domain.facts import AiUsage, AlertFact, Fact, SignalFact
from tradeterm.domain.orders import Order
from tradeterm.domain.signals import SignalKind, SignalOutcome, Verdict, VerdictDecision, VerdictSource
from tradeterm.domain.states import AlertLevel, CommandVerb
from tradeterm.engine.check_config import trading_mistakes
from tradeterm.engine.decisions import prompt_warning
from tradeterm.ledger.audit import AuditKind, AuditLog, verify
from tradeterm.validators.prompt import GATE

KEY = "sk-ant-planted-0123456789abcdef"


@pytest.fixture(autouse=True)
def key(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("ANTHROPIC_API_KEY", KEY)


def asking(server: MessagesServer, mode: GateMode = GateMode.ENFORCE, **ai: Any) -> Any:
    gate = GateConfig(validator="claude", mode=mode, ai=AiConfig(base_url=server.url, **ai))
    return msgspec.structs.replace(options().config, gate=gate)


def decisions() -> list[dict[str, Any]]:
    path = AuditLog(demo_profile().audit).path(AuditKind.AI_DECISIONS)
    if not path.exists():
        return []
    assert verify(path) is None
    return [msgspec.json.decode(line)["record"] for line in path.read_bytes().splitlines()]


def entries(seen: Watcher) -> dict[str, SignalFact]:
    """The last state of every entry that was judged by tier 2."""
    facts = [fact for fact in seen.of(SignalFact) if fact.kind is SignalKind.ENTRY]
    return {fact.id: fact for fact in facts if fact.outcome is not SignalOutcome.DENIED}


def test_every_decision_is_on_the_disk_before_its_order() -> None:
    unproven: list[str] = []

    def hook(ts: int, fact: Fact) -> None:
        if isinstance(fact, Order) and not fact.reduce_only and fact.parent_id is None:
            known = {record["signal_id"] for record in decisions()}
            unproven.extend({fact.signal_id or ""} - known)

    with served() as server:
        seen = run(config=asking(server), hook=hook)
    assert seen.summaries[0]["status"] == "FINISHED"
    assert entries(seen)
    assert unproven == []
    verdicts = seen.of(Verdict)
    assert {verdict.source for verdict in verdicts} <= {VerdictSource.LIVE, VerdictSource.CACHE}
    assert all("simulated AI" in verdict.model for verdict in verdicts)
    records = decisions()
    assert [record["id"] for record in records] == [verdict.id for verdict in verdicts], "each once"
    usages = seen.of(AiUsage)
    assert len(usages) == len(server.asked) == len(verdicts)
    assert rows("SELECT count(*) FROM ai_usage") == [(len(usages),)]
    gate = GateConfig(validator="claude")
    assert prompt_warning(gate, AuditLog(demo_profile().audit).path(AuditKind.AI_DECISIONS)) == ()
    sent = [msgspec.json.decode(body["messages"][0]["content"]) for body in server.asked]
    assert [record["context"] for record in records] == sent, "the record holds exactly what was sent"
    for context in sent:
        assert len(context["bars"]) == 30
        assert context["bars"][-1][2] == "0.0"
        assert context["data_quality"]["source"] == "replay"
        assert context["market"]["last"] == context["signal"]["price"], "its own bar is among them"
        assert None not in (context["market"]["volatility_percentile"], context["trend"]["from_ema50_atr"])
        assert (context["market"]["bid"], context["market"]["spread_bps"]) == (None, None)
    assert KEY.encode() not in demo_profile().ledger.read_bytes()
    assert KEY not in msgspec.json.encode(records).decode()


def test_a_prompt_that_never_judged_here_is_said(tmp_path: Path) -> None:
    gate, file = GateConfig(validator="claude"), tmp_path / "ai_decisions.jsonl"
    (said,) = prompt_warning(gate, file)
    assert said.startswith(f"gate.mode: the prompt {GATE} has not judged anything here yet")
    file.write_bytes(b'{"record":{"prompt_version":"gate_v0"}}\n' + b" " * ((1 << 20) - 50))
    assert prompt_warning(gate, file) == (said,)
    with file.open("ab") as more:
        more.write(f'"prompt_version":"{GATE}"'.encode())  # across two pieces
    assert prompt_warning(gate, file) == ()
    for changes in ({"mode": GateMode.SHADOW}, {"mode": GateMode.OFF}, {"validator": "rules"}):
        assert prompt_warning(msgspec.structs.replace(gate, **changes), tmp_path / "none") == ()


def test_a_watched_model_decides_nothing() -> None:
    with served() as server:
        seen = run(config=asking(server, GateMode.SHADOW))
    watched = [verdict for verdict in seen.of(Verdict) if verdict.id.endswith("-shadow")]
    enforced = [verdict for verdict in seen.of(Verdict) if not verdict.id.endswith("-shadow")]
    assert watched and len(watched) <= len(enforced)
    assert {verdict.decision for verdict in enforced} == {VerdictDecision.APPROVE}
    assert {record["id"] for record in decisions()} >= {verdict.id for verdict in watched}


def test_a_model_that_gave_up_blocks_until_somebody_says_retry() -> None:
    sent: list[int] = []
    refused = Step(fault=Fault("status", status=401))

    def hook(ts: int, fact: Fact) -> None:
        if isinstance(fact, AlertFact) and fact.code == "AI_DOWN" and not sent:
            sent.append(send(CommandVerb.RETRY))

    with served(refused) as server:
        seen = run(config=asking(server), hook=hook)
    (alert,) = [fact for fact in seen.of(AlertFact) if fact.code == "AI_DOWN"]
    assert alert.level is AlertLevel.CRITICAL
    verdicts = seen.of(Verdict)
    assert verdicts[0].decision is VerdictDecision.FAILED_CLOSED
    assert verdicts[0].code == "CONFIG"
    assert command(sent[0])[0] == "DONE"


def test_without_a_key_every_entry_is_blocked_and_the_start_is_not(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("ANTHROPIC_API_KEY")
    with served() as server:
        config = asking(server)
        assert trading_mistakes(config) == []
        seen = run(config=config)
        assert server.asked == []
    blocked = entries(seen)
    assert blocked
    assert {fact.outcome for fact in blocked.values()} == {SignalOutcome.BLOCKED}
    assert seen.of(Order) == []
    assert {verdict.code for verdict in seen.of(Verdict)} == {"CONFIG"}


def test_what_was_spent_today_counts_after_a_restart() -> None:
    with served() as server:
        first = run(config=asking(server))
        calls = len(first.of(AiUsage))
        again = run(config=asking(server, budget_calls=calls + 1))
    after = again.of(Verdict)
    assert len(again.of(AiUsage)) == 1
    assert {verdict.code for verdict in after[1:]} == {"BUDGET"}
    assert {verdict.decision for verdict in after[1:]} == {VerdictDecision.FAILED_CLOSED}
