"""The compliance report: nothing that happened is left out, and a record that does not hold is said not to."""

import sqlite3
from contextlib import closing
from decimal import Decimal as D
from pathlib import Path
from typing import Any

import msgspec
import pytest
from msgspec import structs
from reports_kit import BTC, CONFIG, ETH, START, add_run, desk, made, order, point, signal, verdict, write

from tradeterm.assistant.reports.compliance import Compliance
from tradeterm.assistant.reports.configs import changed
from tradeterm.assistant.reports.kinds import Kind
from tradeterm.assistant.reports.record import Span, read_record
from tradeterm.assistant.reports.rules import RULES, limit_text
from tradeterm.assistant.reports.write import as_text
from tradeterm.config import Config, RiskConfig
from tradeterm.domain.errors import LedgerError
from tradeterm.domain.facts import AlertFact, BreakerFact, HealthFact, OrderEventFact, ReconciliationFact
from tradeterm.domain.market import DAY_MS, HOUR_MS
from tradeterm.domain.orders import Fill, Liquidity, OrderEventKind, OrderIntent, OrderSide, OrderStatus
from tradeterm.domain.signals import GateCheck, GateCode, SignalKind, SignalOutcome, Verdict, VerdictSource
from tradeterm.domain.states import AlertLevel, BreakerLevel, CommandVerb, HealthLevel
from tradeterm.engine.journal import open_journal
from tradeterm.ledger.archive import archive
from tradeterm.ledger.audit import AuditKind, AuditLog
from tradeterm.ledger.migrations import LEDGER_VERSION
from tradeterm.ledger.queue import enqueue
from tradeterm.ledger.runs import RunStatus
from tradeterm.ledger.store import LedgerMissing, open_ledger
from tradeterm.ledger.writer import LedgerWriter
from tradeterm.profile import Profile


def compliance(profile: Profile, **wanted: Any) -> Compliance:
    facts = made(profile, Kind.COMPLIANCE, **wanted).facts
    assert isinstance(facts, Compliance)
    return facts


def audit_file(profile: Profile) -> Path:
    return profile.audit / "ai_decisions.jsonl"


def check(code: GateCode, passed: bool) -> GateCheck:
    return GateCheck(code, passed, {}, "")


def test_every_rule_of_tier_1_is_told_with_a_limit_that_exists() -> None:
    assert {rule.code for rule in RULES} == set(GateCode)
    assert len(RULES) == len(GateCode)
    for rule in RULES:
        assert bool(limit_text(rule, CONFIG, "crypto")) == bool(rule.key), rule.code


def test_limits_are_read_as_people_read_them() -> None:
    told = {rule.code: limit_text(rule, CONFIG, "crypto") for rule in RULES}
    assert told[GateCode.DAILY_LOSS_LIMIT] == "5 %"
    assert told[GateCode.LEVERAGE_CAP] == "2 x"
    assert told[GateCode.COOL_DOWN] == "30 min"
    assert told[GateCode.NOTIONAL_EXCEEDS_MAX_PER_ORDER] == "1,000,000 USDT"
    assert told[GateCode.INSTRUMENT_NOT_ALLOWED] == "2 instruments"
    assert told[GateCode.GROSS_EXPOSURE] == "200 %"


def test_rules_count_what_was_asked_and_denied_before_and_after_the_verdict(profile: Profile) -> None:
    cool, loss = GateCode.COOL_DOWN, GateCode.DAILY_LOSS_LIMIT
    write(
        profile,
        [
            signal(0, checks=(check(cool, True), check(loss, True)), checks_after=(check(cool, True),)),
            signal(1, SignalOutcome.DENIED, outcome_code=cool.value, checks=(check(cool, False), check(loss, True))),
            signal(2, SignalOutcome.DENIED, outcome_code=loss.value, checks=(check(loss, False),)),
            signal(3, book="other", checks=(check(cool, False),)),
        ],
    )
    add_run(profile)
    found = compliance(profile)
    crypto, other = found.rules
    counted = {rule.code: (rule.asked, rule.denied) for rule in crypto.rules if rule.asked}
    assert counted == {"COOL_DOWN": (3, 1), "DAILY_LOSS_LIMIT": (3, 1)}
    assert {rule.code: (rule.asked, rule.denied) for rule in other.rules if rule.asked} == {"COOL_DOWN": (1, 1)}
    assert crypto.known
    assert [(row.outcome, row.code, row.signals) for row in found.outcomes if row.book == "crypto"] == [
        ("DENIED", "COOL_DOWN", 1), ("DENIED", "DAILY_LOSS_LIMIT", 1), ("ORDERED", "", 1),
    ]  # fmt: skip
    assert [event.why for event in found.violations] == ["DAILY_LOSS_LIMIT"]


def test_what_happened_is_told_with_time_and_answer(profile: Profile) -> None:
    write(
        profile,
        [
            AlertFact(ts=START + 5, level=AlertLevel.CRITICAL, code="KILL", text="kill by anna: closing everything"),
            AlertFact(ts=START + 4, level=AlertLevel.WARNING, code="HALTED", text="halted by anna"),
            AlertFact(ts=START + 3, level=AlertLevel.INFO, code="DATA", text="fine"),
            BreakerFact(
                ts=START + 2, from_level=BreakerLevel.CLOSED, to_level=BreakerLevel.HALT, cause="lost 6 % today",
                numbers={"loss": "0.06"}, rule="daily_loss",
            ),
            HealthFact(
                ts=START + 1, book="crypto", strategy="eos", from_level=HealthLevel.HEALTHY,
                to_level=HealthLevel.SEVERE, causes=("10 losses in a row",), numbers={},
            ),
            ReconciliationFact(
                id="r1", ts=START, venue="bybit", account="crypto", agreed=False, findings=("a fill was missing",)
            ),
        ],
    )  # fmt: skip
    with closing(open_ledger(profile.ledger)) as db:
        enqueue(db, CommandVerb.HALT, ts=START + 9, actor="anna:1", reason="news", book="", instrument="", argument="")
    add_run(profile)
    found = compliance(profile)
    assert [(event.what, event.why) for event in found.alerts] == [
        ("CRITICAL KILL", "kill by anna: closing everything"), ("WARNING HALTED", "halted by anna"),
    ]  # fmt: skip
    (moved,) = found.breaker
    assert (moved.what, moved.about, moved.why, moved.answer) == (
        "CLOSED to HALT", "daily_loss", "lost 6 % today", "loss 0.06",
    )  # fmt: skip
    (asked,) = found.commands
    assert (asked.ts, asked.what, asked.about, asked.why) == (START + 9, "HALT", "the desk", "anna:1: news")
    assert asked.answer.startswith("QUEUED")
    assert found.health[0].what == "HEALTHY to SEVERE"
    assert found.reconciliations[0].findings == ("a fill was missing",)
    assert {"1 CRITICAL alert.", "1 reconciliation found a difference with the venue."} <= set(found.findings)


def test_every_decision_is_verified_against_its_audit_line(profile: Profile) -> None:
    desk(profile)
    found = compliance(profile)
    assert [(each.line, each.state) for each in found.decisions] == [
        (1, "VERIFIED"), (2, "VERIFIED"), (3, "VERIFIED"),
    ]  # fmt: skip
    assert len({each.hash for each in found.decisions}) == 3
    assert all(each.hash in audit_file(profile).read_text() for each in found.decisions)
    assert {file.name: file.state for file in found.audit}["ai_decisions.jsonl"] == "VERIFIED"
    assert found.audit[0].last_hash == found.decisions[-1].hash
    assert made(profile, Kind.COMPLIANCE).sound is (found.ledger.ok is not False)


@pytest.mark.parametrize(
    ("spoil", "states", "sentence"),
    [
        (
            lambda lines: [lines[0], lines[1].replace(b"fine", b"good"), lines[2]],
            "VNN",
            "breaks at line 2: its content",
        ),
        (lambda lines: [lines[0], lines[2]], "V-N", "breaks at line 2: it has number 3"),
        (lambda lines: lines[1:], "-NN", "breaks at line 1"),
        (lambda lines: [*lines[:2], lines[2][:-9]], "VV-", "breaks at line 3: the last line is unfinished"),
        (lambda lines: [*lines[:2], b"{}\n"], "VV-", "breaks at line 3: it is not a record"),
        (lambda lines: [lines[0], lines[1].replace(b"It", b"I\xf4"), lines[2]], "V-N", "breaks at line 2: it is not"),
        (lambda lines: [*lines, b'{"context_hash":"\xff"}\n'], "VVV", "breaks at line 4: it is not a record"),
        (lambda lines: [*lines, b"[" * 100_000 + b"\n"], "VVV", "breaks at line 4: it is not a record"),
        (lambda lines: [], "---", "3 decisions of tier 2: NO RECORD."),
    ],
)
def test_a_broken_chain_is_named_and_nothing_behind_it_is_verified(
    profile: Profile, spoil: Any, states: str, sentence: str
) -> None:
    desk(profile)
    lines = audit_file(profile).read_bytes().splitlines(keepends=True)
    audit_file(profile).write_bytes(b"".join(spoil(lines)))
    found = compliance(profile)
    names = {"V": "VERIFIED", "N": "NOT VERIFIED", "-": "NO RECORD"}
    assert [each.state for each in found.decisions] == [names[mark] for mark in states]
    assert any(sentence in finding for finding in found.findings)
    report = made(profile, Kind.COMPLIANCE)
    judged = made(profile, Kind.GATE)
    assert not report.sound
    assert not judged.sound
    missing = states.count("-")
    if missing:
        assert f"decisions {missing} NO RECORD" in found.sentences[0]
    if "breaks" not in sentence:
        assert "INCOMPLETE: decisions 3 NO RECORD." in found.sentences[0]
        assert "INCOMPLETE, verdicts 3 NO RECORD." in judged.facts.sentences[-1]
    if "breaks" in sentence:
        assert "BROKEN: ai_decisions.jsonl" in found.sentences[0]
        assert found.audit[0].last_hash == ""


@pytest.mark.parametrize(
    "change",
    [{"decision": "REJECT"}, {"size_factor": "0.9"}, {"code": "OTHER"}, {"signal_id": "s9"}, {"side": "SHORT"}],
)
def test_a_ledger_that_says_otherwise_than_the_audit_file_differs(profile: Profile, change: dict[str, str]) -> None:
    desk(profile)
    ((column, value),) = change.items()
    with closing(sqlite3.connect(profile.ledger)) as db, db:
        db.execute(f"UPDATE verdicts SET {column} = ? WHERE id = 'vs1'", (value,))
    found = compliance(profile)
    assert [each.state for each in found.decisions] == ["VERIFIED", "DIFFERS", "VERIFIED"]
    assert "1 decision of tier 2: DIFFERS." in found.findings
    assert "INCOMPLETE: decisions 1 DIFFERS." in found.sentences[0]
    assert not made(profile, Kind.COMPLIANCE).sound


def test_orders_in_doubt_refused_or_not_ours(profile: Profile) -> None:
    def event(name: str, ts: int, to: OrderStatus, **more: Any) -> OrderEventFact:
        return OrderEventFact(
            ts=START + ts, book="crypto", client_order_id=name, kind=OrderEventKind.UNCLEAR,
            from_status=OrderStatus.SUBMITTED, to_status=to, **more,
        )  # fmt: skip

    write(
        profile,
        [
            order("cleared"),
            event("cleared", 1, OrderStatus.UNKNOWN, detail="no answer"),
            event("cleared", 9, OrderStatus.FILLED),
            order("lost", status=OrderStatus.UNKNOWN, filled_quantity=D(0), ts_created=START - DAY_MS),
            event("lost", 2, OrderStatus.UNKNOWN),
            order("refused", status=OrderStatus.REJECTED, filled_quantity=D(0)),
            event("refused", 3, OrderStatus.REJECTED, detail="too small"),
            order("theirs", intent=OrderIntent.EXTERNAL, ts_created=START + 4),
            order("odd"),
            event("odd", 5, OrderStatus.FILLED, anomaly=True),
        ],
    )
    add_run(profile)
    found = compliance(profile, start=START)
    assert [(each.id, each.trouble.partition(":")[0], each.ended, each.still) for each in found.orders] == [
        ("cleared", "UNKNOWN", START + 9, False),
        ("lost", "UNKNOWN", None, True),
        ("refused", "REJECTED", None, False),
        ("theirs", "EXTERNAL", None, False),
        ("odd", "ANOMALY", None, False),
    ]
    assert "1 order still UNKNOWN." in found.findings


def test_killed_runs_and_times_without_an_engine_are_gaps(profile: Profile) -> None:
    add_run(profile, START, hours=1)
    add_run(profile, START + 3 * HOUR_MS, hours=2, status=RunStatus.INTERRUPTED)
    add_run(profile, START + 5 * HOUR_MS, hours=None)
    found = compliance(profile)
    assert [gap.text.partition(" UTC")[0] for gap in found.gaps] == [
        "No engine ran from 2026-11-21 01:00:00 to 2026-11-21 03:00:00",
        f"Run {found.runs[1].id} was killed or crashed after 2026-11-21 03:00:00",
        f"Run {found.runs[2].id} has no end and no engine runs: it was killed or crashed.",
    ]
    assert set(found.findings) >= {gap.text for gap in found.gaps}
    assert "has no end: it was killed or crashed" in found.head.notes[-1]


def test_the_gap_of_a_killed_run_starts_at_its_last_sign(profile: Profile) -> None:
    signs = (HOUR_MS, 2 * HOUR_MS, 7 * HOUR_MS)
    write(profile, [point(START + ts, "1000") for ts in signs])
    add_run(profile, START, hours=6, status=RunStatus.INTERRUPTED)
    add_run(profile, START + 6 * HOUR_MS, hours=None)
    found = compliance(profile)
    assert [(gap.start, gap.end) for gap in found.gaps] == [
        (START + 2 * HOUR_MS, START + 6 * HOUR_MS), (START + 7 * HOUR_MS, None),
    ]  # fmt: skip
    assert "was killed or crashed after 2026-11-21 02:00:00 UTC" in found.gaps[0].text


def test_a_run_that_goes_on_is_no_gap(profile: Profile) -> None:
    from tradeterm.ledger.lock import EngineLock

    add_run(profile, hours=None)
    with EngineLock(profile.lock):
        found = compliance(profile)
    assert found.gaps == ()
    assert found.head.notes[-1].endswith("goes on: the record is as far as it came.")


def fill(n: int, side: OrderSide, quantity: str, price: str, instrument: str = BTC) -> Fill:
    return Fill(
        exec_id=f"e{n}", venue="paper", account="crypto", book="crypto", instrument=instrument,
        client_order_id=f"o{n}", venue_order_id="", side=side, quantity=D(quantity), price=D(price), fee=D(0),
        fee_currency="USDT", liquidity=Liquidity.TAKER, ts_event=START + n, ts_recv=START + n,
    )  # fmt: skip


def test_leverage_is_the_most_that_was_held(profile: Profile) -> None:
    write(
        profile,
        [
            point(START, "1000", exposure="0.05"),
            point(START + 2, "500", exposure="2.5"),
            point(START + 9, "1000", exposure="0.1"),
            fill(1, OrderSide.BUY, "1", "50"),
            fill(3, OrderSide.BUY, "1", "60"),
            fill(4, OrderSide.SELL, "3", "50"),
            fill(5, OrderSide.BUY, "1", "10", "DOGEUSDT.BYBIT"),
        ],
    )
    add_run(profile)
    found = compliance(profile)
    assert [
        (row.instrument, row.most, row.ts, row.limit, row.over) for row in found.leverage if row.book == "crypto"
    ] == [
        ("", D("2.5000"), START + 2, 2.0, True),
        (BTC, D("0.2400"), START + 3, 0.1, True),
        ("DOGEUSDT.BYBIT", D("0.0200"), START + 5, 0.1, False),
    ]
    allowed = {row.instrument: (row.allowed, row.fills) for row in found.instruments}
    assert allowed == {BTC: (True, 3), ETH: (True, 0), "DOGEUSDT.BYBIT": (False, 1)}
    assert "crypto traded DOGEUSDT.BYBIT, which its configuration does not allow." in found.findings


def test_the_limits_are_those_of_the_runs_own_configuration(profile: Profile) -> None:
    old = structs.replace(CONFIG, risk=RiskConfig(max_gross=1.5))
    write(profile, [signal(0)])
    first = add_run(profile, START, hours=1, config=old)
    add_run(profile, START + HOUR_MS, hours=1, config=CONFIG)
    open_journal(profile.journal, first, old).close(None)
    found = compliance(profile)
    assert [(each.source, each.changes) for each in found.configs] == [
        ("the journal of its run", ()),
        ("the configuration as it is now", (("risk.max_gross", "1.5", "2.0"),)),
    ]
    assert dict(found.desk_limits)["gross notional over equity (risk.max_gross)"] == "200 %"
    earlier = compliance(profile, end=START + HOUR_MS)
    assert dict(earlier.desk_limits)["gross notional over equity (risk.max_gross)"] == "150 %"


def test_limits_of_a_configuration_that_is_gone_are_not_made_up(profile: Profile) -> None:
    desk(profile)
    for config in (None, Config()):
        found = compliance(profile, config=config)
        assert not found.rules[0].known
        assert all(rule.limit is None for rule in found.rules[0].rules)
        assert found.desk_limits == ()
        assert all(row.limit is None for row in found.leverage)
        assert any("is not at hand" in finding for finding in found.findings)


def test_changes_of_screens_and_messages_are_not_told() -> None:
    other = structs.replace(CONFIG, ui=structs.replace(CONFIG.ui, theme="light"), keys={"a": "b"})
    assert changed(CONFIG, other) == ()


def test_no_ledger_an_empty_one_and_a_newer_one(profile: Profile) -> None:
    with pytest.raises(LedgerMissing, match="there is no ledger at"):
        compliance(profile)
    write(profile, [])
    found = compliance(profile)
    assert (found.runs, found.decisions, found.gaps, found.head.first) == ((), (), (), None)
    with closing(sqlite3.connect(profile.ledger)) as db:
        db.execute(f"PRAGMA user_version = {LEDGER_VERSION + 1}")
    with pytest.raises(LedgerError, match="was written by a newer tradeterm"):
        compliance(profile)


def test_an_older_ledger_is_read_and_left_as_it_is(profile: Profile) -> None:
    desk(profile)
    with closing(sqlite3.connect(profile.ledger)) as db:
        db.execute("DROP TABLE health_events")
        db.execute("PRAGMA user_version = 4")
        db.execute("PRAGMA wal_checkpoint(TRUNCATE)")
    before = profile.ledger.read_bytes()
    found = compliance(profile)
    assert len(found.decisions) == 3
    assert any("has the older version 4" in note for note in found.head.notes)
    assert found.ledger.ok is None
    assert profile.ledger.read_bytes() == before


def test_facts_that_were_put_aside_are_pointed_to_and_read_with_file(profile: Profile) -> None:
    desk(profile)
    put = archive(profile)
    assert put is not None
    later = START + 2 * DAY_MS
    write(profile, [signal(60), verdict(60)])
    add_run(profile, later, hours=1)
    now, then = read_record(profile.ledger, Span()), read_record(put, Span())
    assert ([each.id for each in now.signals], len(then.signals)) == (["s60"], 3)
    assert (len(now.runs), now.others, len(then.runs), then.others) == (1, 1, 1, 0)
    assert any("1 earlier run was put aside" in note for note in compliance(profile).head.notes)


def test_a_recordings_clock_does_not_narrow_what_the_machine_wrote(profile: Profile) -> None:
    long_ago = START - 500 * DAY_MS
    write(profile, [signal(0, ts=long_ago), point(long_ago, "1000")])
    add_run(profile, START, hours=1, cursor=long_ago)
    with closing(open_ledger(profile.ledger)) as db:
        enqueue(db, CommandVerb.HALT, ts=START + 9, actor="anna", reason="", book="", instrument="", argument="")
        enqueue(db, CommandVerb.HALT, ts=START - 9, actor="before", reason="", book="", instrument="", argument="")
    found = compliance(profile, start=long_ago, end=long_ago + HOUR_MS)
    assert len(found.runs) == 1
    assert [event.why for event in found.commands] == ["anna"]
    assert "The market was a recording" in found.head.notes[0]


def test_a_decision_of_a_model_is_told_with_how_it_was_asked(profile: Profile) -> None:
    write(profile, [signal(0)])
    given = verdict(0)
    record = {**msgspec.to_builtins(given), "enforced": False, "contaminated": True, "prompt_version": "gate_v3"}
    with closing(AuditLog(profile.audit)) as log:
        log.append(AuditKind.AI_DECISIONS, record, ts=given.ts)
    add_verdict_alone(profile, given)
    report = made(profile, Kind.COMPLIANCE)
    assert isinstance(report.facts, Compliance)
    (decision,) = report.facts.decisions
    assert (decision.prompt_version, decision.watched, decision.contaminated) == ("gate_v3", True, True)
    assert decision.state == "VERIFIED"
    text = as_text(report.head, report.sections)
    assert "APPROVE (watched) | - | claude-sonnet-5-5, CONTAMINATED | gate\\_v3 |" in text


@pytest.mark.parametrize("left", [0, 1, 2, None])
def test_a_file_that_was_cut_or_taken_away_is_not_sound(profile: Profile, left: int | None) -> None:
    desk(profile)
    if left is None:
        audit_file(profile).unlink()
    else:
        lines = audit_file(profile).read_bytes().splitlines(keepends=True)
        audit_file(profile).write_bytes(b"".join(lines[:left]))
    report, judged = made(profile, Kind.COMPLIANCE), made(profile, Kind.GATE)
    told = f"decisions {3 - (left or 0)} NO RECORD."
    assert told in report.facts.sentences[0]
    assert not any("VERIFIED" in text for text in report.facts.sentences)
    assert (report.sound, judged.sound) == (False, False)


def test_what_passed_while_tier_2_was_watched_is_no_decision(profile: Profile) -> None:
    def passed(n: int) -> Verdict:
        return verdict(
            n, id=f"v-s{n}", source=VerdictSource.NONE, code="SHADOW", model="", confidence=None, latency_ms=0
        )

    write(profile, [fact for n in range(3) for fact in (signal(n), passed(n), verdict(n, "REJECT", "0"))])
    add_run(profile)
    found = compliance(profile)
    assert [(each.id, each.model) for each in found.decisions] == [
        (f"vs{n}", "claude-sonnet-5-5") for n in range(3)
    ]  # fmt: skip
    assert "3 decisions of tier 2" in found.sentences[0]


def test_signals_are_told_as_entries_and_exits(profile: Profile) -> None:
    write(profile, [signal(0), signal(1), signal(2, kind=SignalKind.EXIT), signal(3, SignalOutcome.DENIED)])
    add_run(profile)
    assert "4 signals (entries 3, exits 1; 1 denied, 3 ordered), " in compliance(profile).sentences[0]


def add_verdict_alone(profile: Profile, given: Verdict) -> None:
    """Into the ledger, not into the audit file."""
    writer = LedgerWriter(profile.ledger)
    writer.start()
    writer.write([given])
    writer.close()


def test_what_an_earlier_configuration_allowed_was_allowed(profile: Profile) -> None:
    doge = "DOGEUSDT.BYBIT"
    wider = structs.replace(CONFIG.books["crypto"], instruments=(BTC, ETH, doge))
    before = structs.replace(CONFIG, books={**CONFIG.books, "crypto": wider})
    write(profile, [fill(1, OrderSide.BUY, "1", "10", doge)])
    first = add_run(profile, START, hours=1, config=before)
    add_run(profile, START + HOUR_MS, hours=1, config=CONFIG)

    def allowed() -> bool | None:
        return {row.instrument: row.allowed for row in compliance(profile).instruments}[doge]

    assert allowed() is None  # the first run's configuration is nowhere
    open_journal(profile.journal, first, before).close(None)
    assert allowed() is True
