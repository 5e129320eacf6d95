"""Walk-forward: chosen by the past alone, tested on what follows, and told as it was."""

import numpy as np
import pytest
from honesty_kit import DAY_ROWS, hourly, piecewise, register, study_of, walk
from msgspec import structs
from research_kit import MONDAY

from tradeterm.domain.errors import ConfigError
from tradeterm.domain.market import DAY_MS
from tradeterm.research.honesty.parameters import candidates_of, neighbours, values_of
from tradeterm.research.honesty.summary import Metric, summary_of
from tradeterm.research.honesty.walk_forward import walk_forward
from tradeterm.research.study import Study, run

SIDES = {"side": (1, -1)}


@pytest.fixture(autouse=True)
def strategies(monkeypatch: pytest.MonkeyPatch) -> None:
    register(monkeypatch)


def turning() -> Study:
    """Up for 20 days, down for 20, up for 21; a signal every six hours."""
    close = piecewise((20, 0.0005), (20, -0.0005), (21, 0.0005))
    close *= 1 + np.random.default_rng(1).normal(0, 0.0001, close.size)  # or no Sharpe ratio has a value
    return study_of(hourly(close), parameters={"every": 12})


def test_a_rule_that_follows_the_past_is_late_at_every_turn() -> None:
    found = walk_forward(turning(), train=10, test=10, purge=0, grid=SIDES)
    assert [fold.parameters["side"] for fold in found.folds] == [1, 1, -1, -1, 1]
    signs = [np.sign(fold.out_of_sample.total_return) for fold in found.folds]
    assert signs == [1, -1, 1, -1, 1]
    assert all(fold.in_sample.total_return > 0 for fold in found.folds)
    (drift,) = found.drift
    assert (drift.name, drift.values, drift.changes) == ("side", (1, 1, -1, -1, 1), 2)
    assert found.tried == 2
    assert "earned in 3 of 5 windows" in found.sentence
    assert "side changed 2 of 4 times" in found.sentence


def test_each_figure_is_that_of_a_run_of_its_own() -> None:
    study = turning()
    found = walk_forward(study, train=10, test=10, purge=1, grid=SIDES, metric=Metric.RETURN)
    for fold in found.folds:
        window, chosen = fold.window, study.with_parameters(fold.parameters)
        assert fold.in_sample == summary_of(chosen.between(window.train_start, window.train_end))
        assert fold.out_of_sample == summary_of(chosen.between(window.test_start, window.test_end))
        assert fold.unchanged == summary_of(study.between(window.test_start, window.test_end))
        best = max(
            summary_of(study.with_parameters({"side": side}).between(window.train_start, window.train_end)).total_return
            for side in (1, -1)
        )
        assert fold.in_sample.total_return == best


def test_the_joined_equity_compounds_the_tests() -> None:
    study = turning()
    found = walk_forward(study, train=10, test=10, purge=0, grid=SIDES)
    grown = np.prod([1 + fold.out_of_sample.total_return for fold in found.folds])
    assert found.equity[0] == study.book.capital
    assert found.equity[-1] == pytest.approx(study.book.capital * grown, rel=1e-12)
    assert found.out_of_sample.total_return == pytest.approx(grown - 1, rel=1e-9)
    assert found.ts[0] == found.folds[0].window.test_start
    assert found.ts[-1] == found.folds[-1].window.test_end
    assert (np.diff(found.ts) == DAY_MS).all()


def test_efficiency_is_growth_out_of_sample_over_growth_in_sample() -> None:
    rising = study_of(hourly(piecewise((61, 0.0005))), parameters={"every": 12})
    same = walk_forward(rising, train=10, test=10, purge=0, candidates=[{}])
    assert same.efficiency == pytest.approx(1.0, abs=0.05)
    falling = study_of(hourly(piecewise((61, -0.0005))), parameters={"every": 12})
    losing = walk_forward(falling, train=10, test=10, purge=0, candidates=[{}])
    assert losing.efficiency is None
    assert "no efficiency, as it did not earn in sample" in losing.sentence


def test_nothing_from_the_purge_on_can_be_seen_in_training() -> None:
    """Whatever follows a training part, its choice and its figures stay the same."""
    close = walk(3, 40 * DAY_ROWS)
    study = study_of(hourly(close), parameters={"every": 12})
    before = walk_forward(study, train=10, test=8, purge=2, grid=SIDES)
    window = before.folds[1].window
    changed = close.copy()
    row = (window.train_end - MONDAY) // (DAY_MS // DAY_ROWS)
    changed[row:] *= np.linspace(1, 3, changed.size - row)[:, None]
    after = walk_forward(structs.replace(study, panel=hourly(changed)), train=10, test=8, purge=2, grid=SIDES)
    for one, other in zip(before.folds[:2], after.folds[:2], strict=True):
        assert (one.parameters, one.in_sample) == (other.parameters, other.in_sample)
    assert before.folds[1].out_of_sample != after.folds[1].out_of_sample


def test_trades_of_training_end_before_the_purge() -> None:
    study = turning()
    for fold in walk_forward(study, train=10, test=10, purge=3, grid=SIDES).folds:
        trades = run(study.between(fold.window.train_start, fold.window.train_end)).trades
        assert trades.exit_ts.max() <= fold.window.test_start - 3 * DAY_MS
        tests = run(study.between(fold.window.test_start, fold.window.test_end)).trades
        assert tests.entry_ts.min() >= fold.window.test_start
        assert tests.exit_ts.max() <= fold.window.test_end


def test_without_a_value_of_the_metric_nothing_is_chosen() -> None:
    still = study_of(hourly(np.full(40 * DAY_ROWS, 100.0)), parameters={"side": 0})
    found = walk_forward(still, train=10, test=10, purge=0, candidates=[{"every": 12}, {"every": 8}])
    assert not any(fold.chosen for fold in found.folds)
    assert all(fold.parameters == {} for fold in found.folds)
    assert found.out_of_sample.total_return == 0


def test_what_hardly_traded_is_not_chosen() -> None:
    candidates = [{"every": 96}, {"every": 12, "side": -1}]
    few = walk_forward(turning(), train=10, test=10, purge=0, candidates=candidates, least_trades=0)
    assert few.folds[0].parameters == {"every": 96}
    assert few.folds[0].in_sample.trades < 10
    many = walk_forward(turning(), train=10, test=10, purge=0, candidates=candidates)
    assert {fold.parameters["every"] for fold in many.folds} == {12}
    none = walk_forward(turning(), train=10, test=10, purge=0, candidates=candidates, least_trades=1000)
    assert not any(fold.chosen for fold in none.folds)


def test_equal_candidates_the_first() -> None:
    found = walk_forward(turning(), train=10, test=10, purge=0, candidates=[{"label": "a"}, {"label": "b"}])
    assert {fold.parameters["label"] for fold in found.folds} == {"a"}


def test_by_default_the_neighbours_are_tried() -> None:
    study = turning()
    found = walk_forward(study, train=10, test=10, purge=0)
    assert found.tried == 1 + len(neighbours(study))


def test_too_little_data() -> None:
    with pytest.raises(ValueError, match=r"found 60\.0 days of data, needed 76 for one window"):
        walk_forward(turning(), train=60, test=15)


def test_no_candidates() -> None:
    with pytest.raises(ValueError, match="candidates: found none"):
        walk_forward(turning(), train=10, test=10, candidates=[])


def test_an_unknown_parameter() -> None:
    with pytest.raises(ConfigError, match="sid"):
        walk_forward(turning(), train=10, test=10, grid={"sid": (1,)})


def test_since_is_kept() -> None:
    study = structs.replace(turning(), since=MONDAY + 12 * DAY_MS + 1)
    found = walk_forward(study, train=10, test=10, purge=0, grid=SIDES)
    assert found.folds[0].window.train_start == MONDAY + 13 * DAY_MS


def test_neighbours_keep_type_and_bounds() -> None:
    study = study_of(hourly(piecewise((3, 0.0))), parameters={"every": 3, "phase": 0})
    found = {(near.name, near.other) for near in neighbours(study)}
    assert found == {("every", 2), ("every", 4), ("side", 0), ("phase", 1), ("scale", 0.8), ("scale", 1.1)}
    assert all(type(near.other) is type(near.value) for near in neighbours(study))
    assert values_of(study) == {"every": 3, "side": 1, "phase": 0, "scale": 1.0, "label": "plan"}
    with pytest.raises(ValueError, match="share"):
        neighbours(study, 1.0)


def test_a_grid_is_every_combination() -> None:
    assert candidates_of({"a": (1, 2), "b": ("x",)}) == ({"a": 1, "b": "x"}, {"a": 2, "b": "x"})


def test_history_longer_than_the_data_is_said() -> None:
    study = turning()
    short = structs.replace(study, panel=study.panel.window(0, study.strategy.warmup - 1))
    with pytest.raises(ValueError, match=rf"needs {study.strategy.warmup} bars of history, the data has"):
        walk_forward(short, train=1, test=1)


def test_few_trades_out_of_sample_are_insufficient() -> None:
    study = turning()
    many = walk_forward(study, train=10, test=10, purge=0, grid=SIDES)
    assert many.out_of_sample.trades >= 30 and not many.insufficient and "nsufficient" not in many.sentence
    few = walk_forward(study, train=55, test=2, purge=0, grid=SIDES)
    assert 0 < few.out_of_sample.trades < 30 and few.insufficient
    assert few.sentence.startswith(f"Insufficient: {few.out_of_sample.trades} trades of at least 30. Out of sample")


def test_the_joined_profit_factor_is_of_the_tests_trades() -> None:
    study = turning()
    one = walk_forward(study, train=10, test=40, purge=0, grid=SIDES)
    (fold,) = one.folds
    assert one.out_of_sample.profit_factor == pytest.approx(fold.out_of_sample.profit_factor)
    found = walk_forward(study, train=10, test=10, purge=0, grid=SIDES).out_of_sample.profit_factor
    assert found is not None and found > 0
