"""The report on tier 2: the scorecard as it is, and whether the record of the verdicts holds."""

from typing import Any

from reports_kit import CONFIG, START, add_run, made, signal, verdict, write
from scored import shadow

from tradeterm.assistant.reports.gate import Gate
from tradeterm.assistant.reports.gate_sections import gate_sections
from tradeterm.assistant.reports.kinds import Kind
from tradeterm.assistant.reports.write import as_page, as_text
from tradeterm.domain.market import HOUR_MS
from tradeterm.domain.signals import VerdictSource
from tradeterm.profile import Profile


def gate(profile: Profile, **wanted: Any) -> Gate:
    facts = made(profile, Kind.GATE, **wanted).facts
    assert isinstance(facts, Gate)
    return facts


def judged(profile: Profile, count: int, **changed: Any) -> None:
    """Every second signal vetoed, of which every second would have lost."""
    facts: list[Any] = []
    for n in range(count):
        veto = n % 2 == 1
        at = START + n * HOUR_MS
        facts += [
            signal(n),
            verdict(n, "REJECT" if veto else "APPROVE", "0" if veto else "1", confidence=0.3 + n % 5 / 10, **changed),
            shadow(n, -10 if n % 4 == 3 else 4, ts_opened=at, ts_closed=at + 1),
        ]
    write(profile, facts)
    add_run(profile, hours=count)


def test_enough_outcomes_give_a_value_with_its_interval(profile: Profile) -> None:
    judged(profile, 60)
    found = gate(profile)
    (card,) = found.cards
    (judge,) = card.judges
    assert (judge.judged, judge.rejected, judge.resolved) == (60, 30, 60)
    assert judge.value is not None
    assert judge.value.added == 15 * 10 - 15 * 4
    text = as_text(found.head, gate_sections(found))
    assert "| Value added | +90.00 |" in text
    assert "Brier score" in text
    assert "| Vetoed or reduced | 15 (150.00) | 15 (60.00) |" in text
    assert found.chain == {"VERIFIED": 60}
    page = as_page(found.head, gate_sections(found))
    assert page.count("<svg ") == 2
    assert "Reliability" in page


def test_too_few_give_counts_and_no_value(profile: Profile) -> None:
    judged(profile, 49)
    text = as_text(gate(profile).head, gate_sections(gate(profile)))
    assert "| Value added | not enough data (49 of 50) |" in text
    assert "Brier score" not in text
    assert "49: 25 approved, 0 reduced, 24 rejected" in text


def test_the_rules_are_never_called_an_ai(profile: Profile) -> None:
    judged(profile, 4, source=VerdictSource.RULES, model="rules")
    text = as_text(gate(profile).head, gate_sections(gate(profile)))
    assert "## RULES \\(no AI\\)" in text or "## RULES (no AI)" in text
    assert "## AI" not in text


def test_the_span_narrows_it(profile: Profile) -> None:
    judged(profile, 10)
    (card,) = gate(profile, start=START + 4 * HOUR_MS).cards
    assert card.judges[0].judged == 6


def test_a_broken_chain_is_said_first(profile: Profile) -> None:
    judged(profile, 4)
    path = profile.audit / "ai_decisions.jsonl"
    path.write_bytes(path.read_bytes().replace(b"It is fine.", b"It is good.", 1))
    report = made(profile, Kind.GATE)
    assert not report.sound
    assert isinstance(report.facts, Gate)
    assert report.facts.chain == {"NOT VERIFIED": 4}
    assert "BROKEN at line 1, its content was changed." in report.facts.sentences[-1]


def test_nothing_to_score(profile: Profile) -> None:
    write(profile, [])
    found = gate(profile, config=CONFIG)
    assert (found.cards, found.verdicts, found.audit.state) == ((), 0, "NO FILE")
    assert "there is nothing to score" in as_text(found.head, gate_sections(found))
