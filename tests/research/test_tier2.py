"""Verdicts of a record in simulated time."""

from pathlib import Path
from typing import Any

import pytest
from study_kit import demo_study

from tradeterm.domain.errors import ConfigError
from tradeterm.ledger.audit import AuditKind, AuditLog
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
    assert (replayed.count, replayed.contaminated, replayed.simulated) == (2, 0, 0)
    found = run(study, verdicts=replayed.verdicts)
    decided = {(each.ts, each.instrument): each for each in found.simulation.decided}
    assert decided[first.ts, first.instrument].why == "NEWS_ADVERSE"
    assert decided[second.ts, second.instrument].quantity == pytest.approx(second.quantity / 2, rel=0.01)


def test_what_a_model_may_have_known_is_counted(tmp_path: Path) -> None:
    path = record(
        tmp_path,
        decision(1, "A", "LONG", contaminated=True),
        decision(2, "A", "LONG", simulated=True, contaminated=True),
    )
    found = from_record(path)
    assert (found.count, found.contaminated, found.simulated) == (2, 2, 1)


def test_a_torn_last_line_is_of_a_crash_and_any_other_is_a_mistake(tmp_path: Path) -> None:
    path = record(tmp_path, decision(1, "A", "LONG"))
    whole = path.read_bytes()
    path.write_bytes(whole + whole[:40])
    assert from_record(path).count == 1
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
