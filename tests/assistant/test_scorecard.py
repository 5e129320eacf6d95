"""What a scorecard says of tier 2, and above all what it does not say."""

import json
import random
from decimal import Decimal
from typing import Any

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from msgspec import structs
from scored import BTC, CLAUDE, START, D, asked, shadow, sixty, usage, verdict

from tradeterm.assistant.evidence import Evidence
from tradeterm.assistant.scorecard import By, Judge, Scorecard, Whose
from tradeterm.assistant.scorecard_text import scorecard_lines
from tradeterm.assistant.scoring import scorecard
from tradeterm.domain.market import DAY_MS
from tradeterm.domain.signals import Verdict, VerdictDecision, VerdictSource


def only(evidence: Evidence, currency: str = "USDT") -> Judge:
    (judge,) = scorecard(evidence, currency=currency).judges
    return judge


def card(shadows: list[Any], verdicts: list[Verdict], **more: Any) -> Scorecard:
    return scorecard(Evidence(shadows=shadows, verdicts=verdicts, **more), currency="USDT")


def test_sixty_outcomes_by_hand() -> None:
    judge = only(sixty())
    assert (judge.judged, judge.approved, judge.rejected, judge.resolved, judge.won) == (60, 40, 20, 60, 40)
    assert judge.value is not None
    assert (judge.value.ungated, judge.value.gated, judge.value.added) == (D(-40), D(160), D(200))
    assert judge.value.low is not None and judge.value.high is not None
    assert D(0) < judge.value.low < D(200) < judge.value.high
    assert judge.value.resampled == "signals"  # three days are too few to draw days
    assert judge.value.luck is not None and judge.value.luck < 0.001
    table = judge.two_by_two
    assert (table.losses_avoided, table.winners_missed, table.losses_taken, table.winners_taken) == (20, 0, 0, 40)
    assert (table.money_avoided, table.money_missed) == (D(200), D(0))
    assert judge.sentence.startswith("AI added money, more than as many vetoes at random would: +200.00 USDT")


@pytest.mark.parametrize(("outcomes", "told"), [(49, False), (50, True)])
def test_below_fifty_outcomes_no_figure_is_given(outcomes: int, told: bool) -> None:
    shadows = [shadow(n, 5 if n % 2 else -5) for n in range(outcomes)]
    shadows += [shadow(n, None, closed=False) for n in range(outcomes, outcomes + 30)]
    verdicts = [verdict(n, "REDUCE" if n % 4 else "APPROVE", confidence=0.6) for n in range(outcomes + 30)]
    judge = only(Evidence(shadows=shadows, verdicts=verdicts))
    assert (judge.resolved, judge.open, judge.judged) == (outcomes, 30, outcomes + 30)
    found = json.loads(msgspec.json.encode(judge))
    figures = [found["value"], found["calibration"], found["two_by_two"]["money_avoided"], found["cost"]["net"]]
    figures += [found["two_by_two"]["money_missed"], found["outages"]["forgone"], found["abstained"]["forgone"]]
    figures += [group["added"] for group in found["breakdown"] if group["by"] == By.STRATEGY]
    assert [figure is not None for figure in figures] == [told] * len(figures)
    assert judge.two_by_two.losses_avoided > 0
    text = "\n".join(scorecard_lines(card(shadows, verdicts)))
    assert ("not enough data (49 of 50)" in text) is not told


def test_a_shadow_whose_end_is_unknown_is_no_outcome() -> None:
    judge = card([shadow(0, None), shadow(1, 3), shadow(2, None, closed=False)], [verdict(n) for n in range(3)]).judges[
        0
    ]
    assert (judge.resolved, judge.unknown, judge.open) == (1, 1, 1)


def test_sources_are_never_mixed() -> None:
    verdicts = [
        verdict(0),
        verdict(1, source=VerdictSource.CACHE),
        verdict(2, source=VerdictSource.RULES, model="rules"),
        verdict(3, source=VerdictSource.RECORDED),
        verdict(4, model="fake-one (simulated AI)"),
        verdict(5),
    ]
    records = [asked(0), asked(5, contaminated=True)]
    judges = card([shadow(n, n) for n in range(6)], verdicts, asked=records).judges
    assert [(judge.whose, judge.judged) for judge in judges] == [
        (Whose.AI, 2), (Whose.PAST, 1), (Whose.RECORDED, 1), (Whose.SIMULATED, 1), (Whose.RULES, 1),
    ]  # fmt: skip
    assert [judge.label for judge in judges][-2:] == ["SIMULATED AI", "RULES (no AI)"]


def test_a_cached_verdict_is_whose_the_answer_was() -> None:
    verdicts = [
        verdict(0, model="fake-one (simulated AI)"),
        verdict(1, source=VerdictSource.CACHE),  # it names the model that was asked for
        verdict(2, "FAILED_CLOSED", source=VerdictSource.NONE, code="TIMEOUT"),
    ]
    (judge,) = card([shadow(n, n) for n in range(3)], verdicts).judges
    assert (judge.whose, judge.judged, judge.outages.count) == (Whose.SIMULATED, 2, 1)


def test_outages_and_abstentions_are_no_judgements() -> None:
    evidence = sixty()
    shadows = [*evidence.shadows, shadow(60, 30), shadow(61, 12), shadow(62, -7), shadow(63, 9, verdict_id="")]
    verdicts = [
        *evidence.verdicts,
        verdict(60, "FAILED_CLOSED", code="TIMEOUT", source=VerdictSource.NONE),
        verdict(61, "FAILED_CLOSED", code="TIMEOUT", source=VerdictSource.NONE),
        verdict(62, "ABSTAIN", code="MISSING_DATA"),
    ]
    judge = only(Evidence(shadows=shadows, verdicts=verdicts, codes={"s63": "VERDICT_TIMEOUT"}))
    before = only(evidence)
    assert judge.outages.codes == (("TIMEOUT", 2), ("VERDICT_TIMEOUT", 1))
    assert (judge.outages.count, judge.outages.forgone) == (3, D(51))
    assert (judge.abstained.count, judge.abstained.forgone) == (1, D(-7))
    assert (judge.judged, judge.rejected, judge.value) == (60, 20, before.value)
    assert judge.two_by_two == before.two_by_two and judge.breakdown == before.breakdown


def test_in_shadow_mode_the_watched_verdict_counts_and_is_said_to() -> None:
    verdicts = []
    for n in range(3):
        passed = verdict(n, code="SHADOW", source=VerdictSource.NONE, model="")
        verdicts += [passed, verdict(n, "REJECT", id=f"vs{n}-shadow", ts=passed.ts + 5000)]
    unanswered = verdict(3, code="SHADOW", source=VerdictSource.NONE, model="")
    found = card([shadow(n, -1) for n in range(4)], [*verdicts, unanswered])
    (judge,) = found.judges
    assert (judge.watched, judge.rejected, judge.label) == (True, 3, "AI (only watched)")
    assert (found.shadows, found.unjudged) == (4, 1)


def test_a_watched_judge_only_would_have_done_it() -> None:
    evidence = sixty()
    passed = [structs.replace(each, code="SHADOW", source=VerdictSource.NONE) for each in evidence.verdicts]
    aside = [structs.replace(each, id=f"{each.id}-shadow") for each in evidence.verdicts]
    judge = only(structs.replace(evidence, verdicts=[*passed, *aside]))
    assert judge.sentence.startswith("AI (only watched) would have added money, more than as many vetoes")


def test_watched_and_enforced_verdicts_are_apart() -> None:
    verdicts = [verdict(0), verdict(1, code="SHADOW", source=VerdictSource.NONE), verdict(1, id="vs1-shadow")]
    judges = card([shadow(0, 1), shadow(1, 1)], verdicts).judges
    assert [(judge.whose, judge.watched, judge.judged) for judge in judges] == [
        (Whose.AI, False, 1),
        (Whose.AI, True, 1),
    ]


def test_who_only_lets_pass_judges_nothing() -> None:
    off = [verdict(n, code="OFF", source=VerdictSource.NONE, model="") for n in range(3)]
    found = card([shadow(n, 1) for n in range(3)], off)
    assert (found.judges, found.unjudged) == ((), 3)


def test_the_latest_verdict_of_a_signal_counts() -> None:
    first = verdict(0, "REJECT", id="early", ts=START)
    judge = card([shadow(0, 5)], [verdict(0, ts=START + 5), first]).judges[0]
    assert (judge.approved, judge.rejected) == (1, 0)


def test_currencies_are_apart() -> None:
    evidence = sixty()
    rupees = [structs.replace(shadow(n, 1000), currency="INR") for n in (61, 62)]
    both = Evidence(shadows=[*rupees, *evidence.shadows], verdicts=[*evidence.verdicts, verdict(61), verdict(62)])
    assert both.currencies == ("USDT", "INR")
    found = scorecard(both, currency="USDT")
    assert found.elsewhere == {"INR": 2}
    assert found.judges == scorecard(evidence, currency="USDT").judges
    assert only(both, "INR").judged == 2


def test_a_losing_strategy_makes_any_veto_look_good() -> None:
    dice = random.Random(3)
    shadows = [shadow(n, dice.gauss(-8, 4)) for n in range(120)]
    verdicts = [verdict(n, dice.choice(["REJECT", "APPROVE"])) for n in range(120)]
    judge = only(Evidence(shadows=shadows, verdicts=verdicts))
    assert judge.value is not None and judge.value.low is not None and judge.value.low > 0
    assert judge.value.luck is not None and judge.value.luck > 0.05
    assert "as many vetoes at random do as well in" in judge.sentence


def test_harm_is_called_harm() -> None:
    evidence = sixty()
    turned = [structs.replace(each, pnl=-(each.pnl or D(0))) for each in evidence.shadows]
    assert only(structs.replace(evidence, shadows=turned)).sentence.startswith("AI cost money: -200.00 USDT")


def test_who_let_everything_through_changed_nothing() -> None:
    judge = only(Evidence(shadows=[shadow(n, n - 20) for n in range(60)], verdicts=[verdict(n) for n in range(60)]))
    assert judge.sentence == "AI let all 60 signals through whole, so it changed nothing."
    assert judge.value is not None
    assert (judge.value.added, judge.value.low, judge.value.luck) == (D(0), None, None)


def test_equal_changes_have_no_interval() -> None:
    shadows = [shadow(n, -2) for n in range(60)]
    judge = only(Evidence(shadows=shadows, verdicts=[verdict(n, "REDUCE") for n in range(60)]))
    assert judge.sentence == "AI may have helped or harmed: +60.00 USDT over 60 outcomes (no interval)."


def test_days_are_drawn_whole_once_there_are_ten() -> None:
    dice = random.Random(5)
    days = [structs.replace(shadow(n, dice.gauss(0, 5)), ts_opened=START + n * DAY_MS // 5) for n in range(60)]
    judge = only(Evidence(shadows=days, verdicts=[verdict(n, dice.choice(["REJECT", "APPROVE"])) for n in range(60)]))
    assert judge.value is not None and judge.value.resampled == "days"


def test_probabilities_against_what_came() -> None:
    shadows = [shadow(n, 4 if n % 4 else -10) for n in range(60)]
    said = [verdict(n, confidence=0.75, reason_codes=("SIGNAL_STRONG", "TREND_ALIGNED")) for n in range(60)]
    judge = only(Evidence(shadows=shadows, verdicts=said))
    found = judge.calibration
    assert found is not None
    assert (found.outcomes, found.base_rate) == (60, 0.75)
    assert found.brier == pytest.approx(0.1875)
    assert found.skill == pytest.approx(0) and found.expected_error == pytest.approx(0)
    assert [(each.low, each.count, each.won) for each in found.bins] == [(0.7, 60, 0.75)]
    assert [each.coverage for each in found.coverage] == [1, 1, 1, 0, 0]
    assert found.coverage[0].accuracy == pytest.approx(0.75) and found.coverage[-1].accuracy is None
    assert (found.mapped, found.mapped_brier) == (0, None)


def test_a_map_comes_with_two_hundred_outcomes() -> None:
    dice = random.Random(7)
    shadows = [shadow(n, 1 if dice.random() < 0.3 else -1) for n in range(260)]
    judge = only(Evidence(shadows=shadows, verdicts=[verdict(n, confidence=0.8) for n in range(260)]))
    assert judge.calibration is not None and judge.calibration.mapped == 60
    assert judge.calibration.mapped_brier is not None and judge.calibration.mapped_brier < judge.calibration.brier


def test_rules_give_no_probability_and_that_is_said() -> None:
    text = "\n".join(scorecard_lines(scorecard(sixty(source=VerdictSource.RULES, model="rules"), currency="USDT")))
    assert "probability of a win: none is given" in text
    assert text.startswith("RULES (no AI): 60 signals judged")


def test_requests_are_shown_apart_where_the_currency_differs() -> None:
    evidence = structs.replace(sixty(), usage=[*(usage(n) for n in range(60)), usage(900), usage(1, purpose="chat")])
    apart = only(evidence)
    assert (apart.cost.requests, apart.cost.cost, apart.cost.currency, apart.cost.net) == (60, D("0.60"), "USD", None)
    assert "less 0.60 USD for its requests" in apart.sentence
    dollars = [structs.replace(each, currency="USD") for each in evidence.shadows]
    same = only(structs.replace(evidence, shadows=dollars), "USD")
    assert same.cost.net == D("199.40")
    unpriced = only(structs.replace(evidence, shadows=dollars, usage=[usage(1), usage(2, None)]), "USD")
    assert (unpriced.cost.unpriced, unpriced.cost.net) == (1, None)


def test_breakdowns_count_every_signal() -> None:
    evidence = sixty(reason_codes=("SIGNAL_WEAK", "VOLUME_THIN", "SIGNAL_WEAK"))
    judge = only(structs.replace(evidence, asked=[asked(n, prompt_version=f"gate_v{n % 2 + 1}") for n in range(60)]))
    found = {(group.by, group.key): group for group in judge.breakdown}
    assert found[By.DECISION, "REJECT"].judged == 20 and found[By.DECISION, "REJECT"].added is None
    assert found[By.REASON, "SIGNAL_WEAK"].judged == found[By.REASON, "VOLUME_THIN"].judged == 60
    assert found[By.SYMBOL, BTC].added == D(200) and found[By.STRATEGY, "eos"].won == 40
    assert found[By.REGIME, "RANGE"].judged == 60 and found[By.MODEL, CLAUDE].judged == 60
    assert found[By.PROMPT, "gate_v1"].judged == found[By.PROMPT, "gate_v2"].judged == 30
    assert (judge.models, set(judge.prompts)) == ((CLAUDE,), {"gate_v1", "gate_v2"})


def test_the_cheap_gate_is_held_against_it() -> None:
    loud = [asked(n, volatility=0.9 if n % 3 == 0 and n < 30 else 0.4) for n in range(60)]
    baseline = only(structs.replace(sixty(), asked=loud)).baseline
    assert (baseline.known, baseline.vetoed, baseline.same) == (60, 10, D(200))
    assert baseline.value is not None and baseline.value.added == D(100)
    absent = only(sixty()).baseline
    assert (absent.value, absent.why) == (None, "no record of a decision tells the volatility's percentile")


def test_flips_are_counted_where_a_context_was_asked_again() -> None:
    veto = VerdictDecision.REJECT
    records = [
        asked(0, context_hash="a"),
        asked(1, context_hash="a", decision=veto),
        asked(2, context_hash="a", decision=veto),
        asked(3, context_hash="b"),
        asked(4, context_hash="a", source=VerdictSource.CACHE),
        asked(99, context_hash="b", simulated=True, decision=veto),
    ]
    judge = only(structs.replace(sixty(), asked=records))
    assert (judge.reasked, judge.flip_rate, judge.flip_why) == (2, 0.5, "")
    never = only(sixty())
    assert (never.flip_rate, never.flip_why) == (None, "no recorded context was asked about twice")


def test_nothing_asked_yet() -> None:
    found = card([], [])
    assert found.judges == () and scorecard_lines(found) == ["Tier 2 has not been asked about a signal yet."]


def test_an_outage_from_the_start_is_said() -> None:
    silent = [verdict(n, "FAILED_CLOSED", code="CONFIG", source=VerdictSource.NONE) for n in range(2)]
    judge = card([shadow(0, 5), shadow(1, 5)], silent).judges[0]
    assert judge.sentence == "AI has judged nothing: it gave no answer to 2 signals."


def test_outside_text_is_one_plain_line() -> None:
    evil = "x\x1b[31m\n[bold]" * 20
    verdicts = [verdict(0, model=evil, reason_codes=(evil,)), verdict(1, "FAILED_CLOSED", code=evil)]
    found = card([shadow(0, 1), shadow(1, 1)], verdicts)
    for line in scorecard_lines(found):
        assert line.isprintable()
    assert all(group.key.isprintable() and len(group.key) <= 60 for group in found.judges[0].breakdown)


PNL = st.one_of(st.none(), st.integers(-50, 50))
DECISION = st.sampled_from(["APPROVE", "REDUCE", "REJECT", "ABSTAIN", "FAILED_CLOSED"])
SOURCE = st.sampled_from([*VerdictSource])


@given(st.lists(st.tuples(PNL, DECISION, SOURCE, st.booleans()), max_size=25))
def test_every_shadow_is_counted_once(rows: list[tuple[int | None, str, VerdictSource, bool]]) -> None:
    shadows = [shadow(n, pnl, closed=closed or pnl is not None) for n, (pnl, _, _, closed) in enumerate(rows)]
    verdicts = [verdict(n, decision, source=source) for n, (_, decision, source, _) in enumerate(rows)]
    found = card(shadows, verdicts)
    counted = sum(judge.judged + judge.abstained.count + judge.outages.count for judge in found.judges)
    assert counted + found.unjudged == found.shadows == len(rows)
    for judge in found.judges:
        assert judge.judged == judge.approved + judge.reduced + judge.rejected
        assert judge.judged == judge.resolved + judge.open + judge.unknown
        assert judge.value is None and judge.two_by_two.money_avoided is None
    assert scorecard(Evidence(shadows=shadows[::-1], verdicts=verdicts[::-1]), currency="USDT") == found


@settings(max_examples=20)
@given(st.lists(st.tuples(st.integers(-50, 50), st.integers(0, 100)), min_size=50, max_size=70))
def test_money_adds_up_exactly(rows: list[tuple[int, int]]) -> None:
    shadows = [shadow(n, pnl) for n, (pnl, _) in enumerate(rows)]
    verdicts = [verdict(n, "REDUCE", str(Decimal(share) / 100)) for n, (_, share) in enumerate(rows)]
    judge = only(Evidence(shadows=shadows, verdicts=verdicts))
    expected = sum((D(pnl) * (D(share) / 100 - 1) for pnl, share in rows), D(0))
    assert judge.value is not None and judge.value.added == expected
    table = judge.two_by_two
    assert table.money_avoided is not None and table.money_missed is not None
    assert table.money_avoided - table.money_missed == expected
