"""A model asked in simulated time: what it says is obeyed and kept, what fails blocks, nothing is asked twice."""

import copy
import json
from collections.abc import Callable
from datetime import date
from decimal import Decimal
from pathlib import Path
from typing import Any

import msgspec
import numpy as np
import pytest
from simulators.messages import Answer, Fault, MessagesServer, Step, served, text_answer
from simulators.messages.policy import policy, verdict
from study_kit import demo_study

from tradeterm.config import AiConfig, GateConfig, OfflinePolicy
from tradeterm.domain.errors import ConfigError, LedgerError
from tradeterm.domain.market import DAY_MS
from tradeterm.domain.signals import Signal
from tradeterm.ledger.audit import AuditLog, verify
from tradeterm.research.bars import Settlements
from tradeterm.research.result import Result
from tradeterm.research.sizers import Wanted
from tradeterm.research.study import Study, run
from tradeterm.research.tier1 import Judged
from tradeterm.research.tier2 import decisions, from_record
from tradeterm.research.tier2_live import LiveGate, folder_of, signal_times, typical_cost
from tradeterm.research.tier2_packet import Packets
from tradeterm.validators.budget import Limits, dollars
from tradeterm.validators.context import build_context

ENOUGH = Limits(Decimal(5), 10_000, 10**9)
WEEKS = 75
"""From the recording's week in April 2025 to one that came after the cut-off of the model."""
Answering = Callable[[dict[str, Any]], Answer]


@pytest.fixture(autouse=True)
def key(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("ANTHROPIC_API_KEY", "sk-ant-planted-0123456789abcdef")


@pytest.fixture(scope="module")
def study() -> Study:
    return demo_study(("ADAUSDT", "SUIUSDT"))


def asking(server: MessagesServer, **ai: Any) -> GateConfig:
    return GateConfig(validator="claude", deadline_seconds=1.0, ai=AiConfig(base_url=server.url, **ai))


def live(
    study: Study, server: MessagesServer, folder: Path, *, limits: Limits = ENOUGH, **ai: Any
) -> tuple[Result, LiveGate]:
    with LiveGate(asking(server, **ai), folder, limits) as gate:
        return run(study, verdicts=gate.of(Packets(study, "mine"))), gate


def written(gate: LiveGate) -> Path:
    path = gate.write_run()
    assert path is not None
    return path


def all_of(result: Result) -> tuple[Any, ...]:
    return tuple(result.trades), result.simulation.decided


def sent(server: MessagesServer) -> list[dict[str, Any]]:
    return [json.loads(body["messages"][0]["content"]) for body in server.asked]


def saying(*changes: dict[str, Any]) -> Answering:
    """The first answers as they are given, then those of the policy."""
    coming = list(changes)

    def answer(body: dict[str, Any]) -> Answer:
        if not coming:
            return policy(body)
        return text_answer(json.dumps(verdict(json.loads(body["messages"][0]["content"]), **coming.pop(0))))

    return answer


APPROVE = {"decision": "APPROVE", "size_factor": 1.0, "confidence": 0.7, "reason_codes": ["SIGNAL_STRONG"]}
VETO = {"decision": "REJECT", "size_factor": 0.0, "reason_codes": ["VOLUME_THIN"]}
HALF = {"decision": "REDUCE", "size_factor": 0.5, "confidence": 0.6, "reason_codes": ["DRAWDOWN"]}
UNSURE = {"decision": "APPROVE", "size_factor": 1.0, "confidence": 0.2, "reason_codes": ["SIGNAL_WEAK"]}


def test_what_it_says_is_obeyed_kept_and_repeated_without_asking(study: Study, tmp_path: Path) -> None:
    plain = [each for each in run(study).simulation.decided if not each.why]
    with served(answering=saying(APPROVE, VETO, HALF, UNSURE)) as server:
        found, gate = live(study, server, tmp_path / "x")
        asked = len(server.asked)
        again, twice = live(study, server, tmp_path / "x")
        assert len(server.asked) == asked, "nothing is asked twice"
    decided = [each for each in found.simulation.decided if each.why not in ("COOL_DOWN", "DUPLICATE_SIGNAL")]
    assert [each.why for each in decided[:4]] == ["", "VOLUME_THIN", "", "LOW_CONFIDENCE"]
    assert decided[0] == plain[0]
    assert decided[2].quantity == pytest.approx(plain[2].quantity / 2, rel=0.02)
    assert all_of(again) == all_of(found)
    assert (gate.spent.calls, twice.spent.calls, gate.kept, twice.kept) == (asked, 0, asked, asked)
    assert verify(gate.path) is None
    assert verify(written(gate)) is None
    replayed = from_record(written(gate))
    assert all_of(run(study, verdicts=replayed.verdicts)) == all_of(found)
    assert (replayed.count, replayed.applied, replayed.unjudged, replayed.missed) == (asked, asked, 0, 0)
    records = [msgspec.json.decode(whole) for _, whole in decisions(gate.path)]
    assert [record["context"] for record in records] == sent(server)
    assert {record["book"] for record in records} == {"mine"}


def test_what_fails_blocks_is_told_and_is_asked_again(study: Study, tmp_path: Path) -> None:
    faults = (Fault("bad_json"), Fault("refusal"), Fault("delay", seconds=3.0), Fault("status", status=529))
    with served(*faults, Fault("status", status=529)) as server:
        found, gate = live(study, server, tmp_path / "x")
        whys = [each.why for each in found.simulation.decided][:4]
        assert whys == ["MALFORMED", "REFUSAL", "TIMEOUT", "TRANSPORT"]
        (told,) = [note for note in gate.notes(None) if "not judged" in note]
        assert told.startswith("4 of ")
        assert "1 REFUSAL from 2025-04-0" in told
        assert told.endswith("the same command asks them again")
        repeated = from_record(written(gate))
        assert all_of(run(study, verdicts=repeated.verdicts)) == all_of(found), "what was blocked stays blocked"
        assert repeated.unjudged == 4
        healed, _ = live(study, server, tmp_path / "x")
    with served() as server:
        clean, _ = live(study, server, tmp_path / "y")
    assert all_of(healed) == all_of(clean)


def test_a_spent_budget_blocks_the_rest_and_the_next_run_goes_on(study: Study, tmp_path: Path) -> None:
    with served() as server:
        clean, whole = live(study, server, tmp_path / "clean")
        in_all = len(server.asked)
        found, gate = live(study, server, tmp_path / "x", limits=Limits(Decimal("0.04"), 10_000, 10**9))
        first = len(server.asked) - in_all
        assert 0 < first < in_all
        assert Decimal(0) < gate.spent.usd <= Decimal("0.04")
        blocked = [each for each in found.simulation.decided if each.why == "BUDGET"]
        (told,) = [note for note in gate.notes(None) if f"{len(blocked)} BUDGET" in note]
        assert "what is left does not cover the next question's worst case ($0.02" in told
        assert all_of(run(study, verdicts=from_record(written(gate)).verdicts)) == all_of(found), "a stopped run too"
        _, gate = live(study, server, tmp_path / "x", limits=Limits(Decimal(1), 2, 10**9))
        assert gate.spent.calls == 2
        assert any("all 2 requests are taken" in note for note in gate.notes(None))
        rest, _ = live(study, server, tmp_path / "x")
        assert len(server.asked) == 2 * in_all, "each question once"
    assert all_of(rest) == all_of(clean)
    assert len({json.dumps(context["signal"]) for context in sent(server)}) == in_all == whole.kept


def test_a_line_that_a_kill_left_unfinished_is_asked_again(study: Study, tmp_path: Path) -> None:
    with served() as server:
        clean, gate = live(study, server, tmp_path / "x")
        lines = gate.path.read_bytes().splitlines(keepends=True)
        gate.path.write_bytes(b"".join(lines[:3]) + lines[3][:200])
        found, again = live(study, server, tmp_path / "x")
    assert again.spent.calls == len(lines) - 3
    assert all_of(found) == all_of(clean)
    assert verify(again.path) is None


def test_the_record_of_a_run_is_its_own_whatever_is_asked_later(study: Study, tmp_path: Path) -> None:
    other = msgspec.structs.replace(study, book=msgspec.structs.replace(study.book, capital=50_000.0))
    with served(answering=saying(VETO)) as server:
        first, gate = live(study, server, tmp_path)
        path = written(gate)
        content = path.read_bytes()
        second, later = live(other, server, tmp_path)
        assert written(later) != path
        asked = len(server.asked)
        again, gate = live(study, server, tmp_path)
        assert len(server.asked) == asked
        assert written(gate) == path, "the same run is the same file"
    assert all_of(again) == all_of(first)
    assert path.read_bytes() == content
    assert sorted(each.name for each in (tmp_path / "runs").iterdir()) == sorted(
        [path.parent.name, written(later).parent.name]
    )
    assert all_of(run(study, verdicts=from_record(path).verdicts)) == all_of(first)
    assert all_of(run(other, verdicts=from_record(written(later)).verdicts)) == all_of(second)
    with served(Fault("status", status=401)) as server, pytest.raises(ConfigError):
        live(
            msgspec.structs.replace(other, book=msgspec.structs.replace(study.book, capital=7_000.0)), server, tmp_path
        )
    assert path.read_bytes() == content


def test_a_run_without_a_question_has_no_record(tmp_path: Path) -> None:
    with served() as server, LiveGate(asking(server), tmp_path, ENOUGH) as gate:
        assert gate.write_run() is None
    assert not (tmp_path / "runs").exists()


@pytest.mark.parametrize(
    ("fault", "times", "sentence"),
    ((Fault("status", status=401), 1, "401|key"), (Fault("status", status=500), 5, "the run was ended")),
)
def test_a_provider_that_refuses_or_is_away_ends_the_run(
    study: Study, tmp_path: Path, fault: Fault, times: int, sentence: str
) -> None:
    with served(*[Step()] * 2, *[fault] * 20) as server:
        with pytest.raises(ConfigError, match=sentence) as ended:
            live(study, server, tmp_path)
        assert "2 answers are kept in" in str(ended.value)
        assert str(ended.value).endswith("the same command goes on there")
        assert 2 + times <= len(server.asked) <= 2 + 2 * times, "nothing is asked after it"
    assert not (tmp_path / "runs").exists()
    with served() as server:
        _, gate = live(study, server, tmp_path)
        assert len(server.asked) == gate.kept - 2


def test_nothing_is_asked_of_an_entry_that_cannot_be(study: Study, tmp_path: Path) -> None:
    dear = msgspec.structs.replace(study, costs=msgspec.structs.replace(study.costs, impact=1.0))
    plain = run(dear)
    assert {each.why for each in plain.simulation.decided} >= {"VOLUME_UNKNOWN"}
    could = [each for each in plain.simulation.decided if not each.why]
    with served(answering=saying(*[APPROVE] * 100)) as server:
        found, _ = live(dear, server, tmp_path)
        assert len(server.asked) == len(could)
    assert all_of(found) == all_of(plain)


def test_a_budget_below_one_question_is_refused_before_anything_is_sent(study: Study, tmp_path: Path) -> None:
    with served() as server:
        with pytest.raises(ConfigError, match=r"--ai-budget: found \$0.02, allowed at least \$0.0\d+") as refused:
            live(study, server, tmp_path, limits=Limits(Decimal("0.02"), 10_000, 10**9))
        assert not server.asked
        least = Decimal(str(refused.value).partition("at least $")[2].partition(":")[0])
        _, gate = live(study, server, tmp_path, limits=Limits(least, 10_000, 10**9))
        assert server.asked
        assert 0 < gate.spent.usd <= least


@pytest.mark.parametrize(
    ("usd", "text"),
    (
        ("0", "$0.00"),
        ("0.00001234", "$0.000012"),
        ("0.001", "$0.001"),
        ("0.025", "$0.025"),
        ("0.5", "$0.50"),
        ("0.99999", "$1.00"),
        ("2.5", "$2.50"),
        ("1234", "$1,234.00"),
    ),
)
def test_an_amount_under_a_cent_is_not_nothing(usd: str, text: str) -> None:
    assert dollars(Decimal(usd)) == text


def test_empty_lines_at_the_end_of_the_answers_are_nothing(study: Study, tmp_path: Path) -> None:
    with served() as server:
        live(study, server, tmp_path, limits=Limits(Decimal(1), 3, 10**9))
        path = tmp_path / "ai_decisions.jsonl"
        path.write_bytes(path.read_bytes() + b"\n\n")
        _, gate = live(study, server, tmp_path)
        assert len(server.asked) == gate.kept
    assert verify(path) is None


def test_answers_that_were_changed_are_not_used(study: Study, tmp_path: Path) -> None:
    with served() as server:
        _, gate = live(study, server, tmp_path)
        gate.path.write_bytes(gate.path.read_bytes().replace(b'"contaminated":true', b'"contaminated":false', 1))
        with pytest.raises(ConfigError, match="line 1 cannot be believed: it was changed after it was written"):
            live(study, server, tmp_path)


def test_a_model_that_may_have_known_is_said_to_be_contaminated(study: Study, tmp_path: Path) -> None:
    later = msgspec.structs.replace(study.panel, ts_open=study.panel.ts_open + WEEKS * 7 * DAY_MS)
    with served() as server:
        _, before = live(study, server, tmp_path / "before")
        _, after = live(msgspec.structs.replace(study, panel=later), server, tmp_path / "after")
    count = before.kept
    assert before.label == "LIVE, CONTAMINATED"
    assert before.notes(None)[0] == (
        f"tier 2: LIVE, CONTAMINATED: {count} of {count} verdicts are of a model that may have known what came after"
    )
    replayed = from_record(written(before))
    run(study, verdicts=replayed.verdicts)
    assert replayed.contaminated == count
    assert after.label == "LIVE"
    assert after.kept > 0
    assert not any("CONTAMINATED" in note for note in after.notes(None))
    replayed = from_record(written(after))
    run(msgspec.structs.replace(study, panel=later), verdicts=replayed.verdicts)
    assert (replayed.contaminated, replayed.applied) == (0, after.kept)


def test_no_key_is_refused_before_anything_runs(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("ANTHROPIC_API_KEY")
    gate = GateConfig(offline_policy=OfflinePolicy.RULES)  # the rules are no answer of the model's
    with pytest.raises(ConfigError, match=r"^no key for anthropic: set ANTHROPIC_API_KEY, or name a file"):
        LiveGate(gate, tmp_path / "x", ENOUGH)
    assert not (tmp_path / "x").exists()


def test_an_answer_that_cannot_be_kept_ends_the_run(
    study: Study, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(*_: Any, **__: Any) -> None:
        raise LedgerError("no space left on the disk")

    monkeypatch.setattr(AuditLog, "append", full)
    with served() as server:
        with pytest.raises(LedgerError, match="no space left"):
            live(study, server, tmp_path)
        assert len(server.asked) == 1, "nothing more is paid for"


def test_one_run_at_a_time(study: Study, tmp_path: Path) -> None:
    with served() as server, LiveGate(asking(server), tmp_path, ENOUGH):
        second = LiveGate(asking(server), tmp_path, ENOUGH)
        with pytest.raises(LedgerError, match="another run"):
            second.__enter__()


def test_where_it_is_kept_and_what_it_may_cost(study: Study, tmp_path: Path) -> None:
    gate = GateConfig(ai=AiConfig(model="anthropic/claude sonnet"))
    folder = folder_of(tmp_path, "a + b", "0123456789abcdef", gate)
    assert folder == tmp_path / "research" / "a-+-b_0123456789ab_anthropic-claude-sonnet_gate_v2"
    today = date(2026, 11, 22)
    assert typical_cost(gate, today) is None
    assert Decimal("0.003") < (typical_cost(GateConfig(), today) or 0) < Decimal("0.01")
    times = signal_times(study)
    assert times.tolist() == sorted(each.ts for each in run(study).simulation.decided)


def contexts(study: Study) -> dict[tuple[int, str], str]:
    """What would be sent of each signal, by the close of its bar."""
    packets, found = Packets(study, "mine"), {}

    def judge(wanted: Wanted) -> Judged | None:
        signal, packet = packets.of(wanted)
        found[wanted.ts, wanted.name] = build_context(signal, packet, wanted.ts).text
        return None

    run(study, verdicts=judge)
    return found


def changed_after(study: Study, ts: int) -> Study:
    """Other prices, volumes and funding in every bar that closes later."""
    panel = study.panel
    row = int(np.searchsorted(panel.ts_open + panel.interval_ms, ts, side="right"))
    fields = {}
    for name, factor in (("open", 2.0), ("high", 2.5), ("low", 1.5), ("close", 2.0), ("volume", 7.0), ("funding", 9.0)):
        fields[name] = np.array(getattr(panel, name))
        fields[name][row:] *= factor
    funding = {
        name: Settlements(each.ts[each.ts <= ts], each.rate[each.ts <= ts])
        for name, each in (study.funding or {}).items()
    }
    return msgspec.structs.replace(study, panel=msgspec.structs.replace(panel, **fields), funding=funding)


def test_a_packet_knows_nothing_that_came_after_its_bar() -> None:
    study = demo_study(("BTCUSDT", "ADAUSDT", "SUIUSDT"))
    every = np.arange(int(study.panel.ts_open[0]), int(study.panel.ts_open[-1]), 8 * 3_600_000)
    settled = Settlements(every, np.full(every.size, 0.0001))
    study = msgspec.structs.replace(study, funding=dict.fromkeys(study.panel.instruments, settled))
    whole = contexts(study)
    moments = sorted({ts for ts, _ in whole})
    for ts in moments[:: len(moments) // 5]:
        known = {signal: text for signal, text in whole.items() if signal[0] <= ts}
        then = contexts(changed_after(study, ts))
        assert {signal: text for signal, text in then.items() if signal[0] <= ts} == known
        earlier = contexts(changed_after(study, ts - study.panel.interval_ms))
        assert all(earlier.get(signal) != text for signal, text in known.items() if signal[0] == ts), "it does look"
    assert any('"funding_next_minutes":"' in text for text in whole.values())
    assert any(json.loads(text)["portfolio"]["largest_positions"] for text in whole.values())


def test_data_without_volumes_has_no_bars_to_show() -> None:
    study = demo_study(("ADAUSDT",))
    volume = np.full_like(study.panel.volume, np.nan)
    found = contexts(msgspec.structs.replace(study, panel=msgspec.structs.replace(study.panel, volume=volume)))
    assert found
    for text in found.values():
        told = json.loads(text)
        assert (told["bars"], told["trend"], told["data_quality"]["bars"]) == ([], {}, "0")


def test_equal_contexts_of_two_bars_are_two_signals(study: Study, tmp_path: Path) -> None:
    """A market that repeats itself: the record has a line for each bar."""
    with served() as server, LiveGate(asking(server), tmp_path, ENOUGH) as gate:
        packets = Packets(study, "mine")
        seen: list[Wanted] = []
        run(study, verdicts=lambda wanted: seen.append(wanted._replace(held={}, closed=())))
        wanted = seen[0]
        signal, packet = packets.of(wanted)

        class Same(Packets):
            def of(self, wanted: Wanted) -> tuple[Signal, dict[str, Any]]:
                return msgspec.structs.replace(signal, id=f"s{wanted.ts}", ts_bar=wanted.ts), packet

        judge = gate.of(Same(study, "mine"))
        assert judge(wanted) == judge(wanted._replace(ts=wanted.ts + 300_000)) == judge(wanted)
        assert gate.kept == 2
    assert from_record(gate.path).count == 2


def test_asking_changes_nothing_of_the_simulated_book(study: Study) -> None:
    packets, seen = Packets(study, "mine"), []

    def judge(wanted: Wanted) -> Judged | None:
        before = copy.deepcopy((dict(wanted.held), list(wanted.closed)))
        packets.of(wanted)
        seen.append(before == (dict(wanted.held), list(wanted.closed)))
        return None

    assert all_of(run(study, verdicts=judge)) == all_of(run(study))
    assert seen and all(seen)
