"""Every finding can be shown: a title, its sentence, tables whose rows fit, and a report takes it."""

import msgspec
import pytest
from honesty_kit import DAY_ROWS, hourly, register, study_of, walk

from tradeterm.research.honesty.capacity import capacity
from tradeterm.research.honesty.decay import decay
from tradeterm.research.honesty.evidence import Finding, shown
from tradeterm.research.honesty.look_ahead import look_ahead
from tradeterm.research.honesty.overfitting import candidate_returns, overfitting
from tradeterm.research.honesty.parameters import nearby
from tradeterm.research.honesty.regimes import by_regime
from tradeterm.research.honesty.robustness import robustness
from tradeterm.research.honesty.stress import stress
from tradeterm.research.honesty.walk_forward import Drift, walk_forward
from tradeterm.research.report import ReportFacts, html
from tradeterm.research.study import Study, run


@pytest.fixture
def study(monkeypatch: pytest.MonkeyPatch) -> Study:
    register(monkeypatch)
    close = walk(1, 30 * DAY_ROWS, 2)
    return study_of(hourly(close, volume=close * 10), parameters={"every": 24})


def findings(study: Study) -> tuple[Finding, ...]:
    candidates = nearby(study)
    return (
        walk_forward(study, train=10, test=5, candidates=candidates),
        robustness(study, noise_runs=1),
        look_ahead(study, cuts=5, rows=20),
        look_ahead(study_of(study.panel, "prophet"), cuts=5, rows=20),
        decay(study),
        capacity(study, (1.0, 10.0)),
        stress(study),
        by_regime(study),
        overfitting(candidate_returns(study, candidates)),
    )


def test_all_can_be_shown_and_reported(study: Study) -> None:
    evidence = [shown(found) for found in findings(study)]
    assert len({each.title for each in evidence}) == 8
    for each, found in zip(evidence, findings(study), strict=True):
        assert each.sentence == found.sentence
        assert each.sentence.endswith(".")
        for table in each.tables:
            assert table.rows
            assert {len(row) for row in table.rows} == {len(table.columns)}
        for curve in each.curves:
            assert len(curve.x) == len(curve.y) > 1
    facts = ReportFacts(
        title="plan", config="", data_hash="", code_version="", command="", start=0, end=1, instruments=(), created=0
    )
    page = html(run(study), facts, honesty=evidence)
    for each in evidence:
        assert each.title in page


def test_candidate_returns_are_those_of_their_runs(study: Study) -> None:
    table = candidate_returns(study, [{}, {"side": -1}])
    equity = run(study).equity.value
    assert table[:, 0] == pytest.approx(equity[1:] / equity[:-1] - 1)
    assert table.shape == (30, 2)
    assert not (table[:, 0] == table[:, 1]).all()


def test_the_drift_of_many_windows_stays_narrow(study: Study) -> None:
    walked = walk_forward(study, train=10, test=5, candidates=nearby(study))
    often = "0 (3x), 0.1 (3x), 0.2 (3x), 0.3 (3x), 0.4 (3x), 0.5 (3x) and 3 other"
    for values, cell in (((0.1, 0.2, 0.1), "0.1, 0.2, 0.1"), (tuple(0.1 * (n % 9) for n in range(27)), often)):
        drift = (Drift("every", values, 2, 0.1),)
        assert shown(msgspec.structs.replace(walked, drift=drift)).tables[-1].rows[0][1] == cell
