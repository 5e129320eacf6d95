"""Verdicts of a record in simulated time."""

from pathlib import Path
from typing import Any

import pytest
from study_kit import demo_study

from tradeterm.domain.errors import ConfigError
from tradeterm.ledger.audit import AuditKind, AuditLog
from tradeterm.research.sizers import Wanted
from tradeterm.research.study import run
from tradeterm.research.tier2 import Recorded, from_record
from tradeterm.validators.record import DecisionRecord


def record(folder: Path, *decisions: dict[str, Any]) -> Path:
    log = AuditLog(folder)
    for decision in decisions:
        log.append(AuditKind.AI_DECISIONS, decision, ts=1)
    log.close()
    return log.path(AuditKind.AI_DECISIONS)


def decision(ts: int, name: str, side: str, **more: Any) -> dict[str, Any]:
    return {"ts_bar": ts, "instrument": name, "side": side, "decision": "APPROVE", "size_factor": "1", **more}


def test_recorded_verdicts_block_and_shrink_their_signals(tmp_path: Path) -> None:
    study = demo_study()
    plain = run(study)
    first, second = [each for each in plain.simulation.decided if not each.why][:2]
    names = study.panel.instruments
    side = {1: "LONG", -1: "SHORT"}
    path = record(
        tmp_path,
        decision(
            first.ts, names[first.instrument], side[first.side], decision="REJECT", size_factor="0", code="NEWS_ADVERSE"
        ),
        decision(second.ts, names[second.instrument], side[second.side], decision="REDUCE", size_factor="0.5"),
        {"code": "a rules' verdict, which has no bar"},
    )
    replayed = from_record(path)
    found = run(study, verdicts=replayed.verdicts)
    assert (replayed.count, replayed.applied, replayed.contaminated, replayed.simulated) == (2, 2, 0, 0)
    assert replayed.missed > 0, "signals it knows nothing of"
    decided = {(each.ts, each.instrument): each for each in found.simulation.decided}
    assert decided[first.ts, first.instrument].why == "NEWS_ADVERSE"
    assert decided[second.ts, second.instrument].quantity == pytest.approx(second.quantity / 2, rel=0.01)


def wanted(ts: int, name: str = "A") -> Wanted:
    return Wanted(0, name, ts, 1, 1.0, 1.0, 1.0, 1.0, 1.0, 0.0, 0, ())


def test_what_a_model_may_have_known_is_counted_where_it_was_applied(tmp_path: Path) -> None:
    path = record(
        tmp_path,
        decision(1, "A", "LONG", contaminated=True),
        decision(2, "A", "LONG", simulated=True, contaminated=True),
        decision(3, "A", "LONG", contaminated=True),
        decision(4, "A", "LONG", decision="FAILED_CLOSED", size_factor="0", code="TIMEOUT", contaminated=True),
    )
    found = from_record(path)
    assert [found.verdicts(wanted(ts)) is None for ts in (1, 2, 4, 5)] == [False, False, False, True]
    assert (found.count, found.applied, found.unjudged, found.missed) == (4, 2, 1, 1)
    assert (found.contaminated, found.simulated) == (2, 1)


def test_a_failure_does_not_supersede_an_answer(tmp_path: Path) -> None:
    failed = decision(1, "A", "LONG", decision="FAILED_CLOSED", size_factor="0", code="CONFIG")
    found = from_record(record(tmp_path, decision(1, "A", "LONG"), failed)).verdicts(wanted(1))
    assert found is not None and found.factor == 1


@pytest.mark.parametrize(
    ("said", "factor"),
    (
        ("REJECT", "1"),
        ("FAILED_CLOSED", "1"),
        ("ABSTAIN", "0.5"),
        ("REDUCE", "1"),
        ("REDUCE", "0"),
        ("APPROVE", "0.5"),
        ("APPROVE", "nan"),
        ("REDUCE", "nan"),
        ("REDUCE", "sNaN"),
        ("REDUCE", "-0.5"),
        ("APPROVE", "Infinity"),
        ("APPROVE", "abc"),
        ("APPROVE", ""),
    ),
)
def test_a_factor_that_does_not_fit_its_decision_is_refused(tmp_path: Path, said: str, factor: str) -> None:
    path = record(tmp_path, decision(1, "A", "LONG"), decision(2, "A", "LONG", decision=said, size_factor=factor))
    with pytest.raises(ConfigError, match=r"ai_decisions.jsonl: line 2 "):
        from_record(path)


def test_a_line_that_was_changed_or_taken_out_is_refused(tmp_path: Path) -> None:
    path = record(tmp_path, *(decision(ts, "A", "LONG", contaminated=True) for ts in (1, 2, 3)))
    whole = path.read_bytes()
    path.write_bytes(whole.replace(b'"ts_bar":2', b'"ts_bar":9'))
    with pytest.raises(ConfigError, match="line 2 cannot be believed: it was changed after it was written"):
        from_record(path)
    first, _, third = whole.splitlines(keepends=True)
    path.write_bytes(first + third)
    with pytest.raises(ConfigError, match="line 2 cannot be believed: it has number 3"):
        from_record(path)


def test_a_last_line_without_its_end_and_empty_ones_are_nothing_and_any_other_is_a_mistake(tmp_path: Path) -> None:
    path = record(tmp_path, decision(1, "A", "LONG"), decision(2, "A", "LONG"))
    whole = path.read_bytes()
    for torn in (whole[:-1], whole[:-40], whole + b"\n\n"):
        path.write_bytes(torn)
        count = from_record(path).count
        log = AuditLog(tmp_path)  # the chain's own rule
        log.append(AuditKind.AI_DECISIONS, {"x": 1}, ts=1)
        log.close()
        assert count == path.read_bytes().count(b'"ts_bar"')
    path.write_bytes(b"{}\n" + whole)
    with pytest.raises(ConfigError, match="line 1 is no record"):
        from_record(path)


def test_nothing_to_replay(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="holds no decision of a model"):
        from_record(record(tmp_path, {"x": 1}))
    with pytest.raises(ConfigError, match="cannot be read"):
        from_record(tmp_path / "none")


def test_decisions_are_read_by_the_names_the_engine_writes() -> None:
    assert set(Recorded.__struct_fields__) <= set(DecisionRecord.__struct_fields__)
