"""A sweep keeps what it has done, goes on from there, and finds the same on one core and on many."""

import functools
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from data_kit import START, save, walk
from honesty_kit import contract
from msgspec import structs

from tradeterm.config import BookConfig, SizingConfig, SizingMethod
from tradeterm.domain.market import MINUTE_MS
from tradeterm.research.honesty.summary import Metric, summary_of
from tradeterm.research.study import Study
from tradeterm.research.sweep.search import Method
from tradeterm.research.sweep.space import parse_axis, with_changes
from tradeterm.research.sweep.sweep import Plan, Sweep, attempt, key_of, sweep
from tradeterm.research.sweep.sweep import _judged as judged_of
from tradeterm.research.sweep.trials import Trials
from tradeterm.research.workers import Cancelled, PanelSource, study_pool

SYMBOL = "BTCUSDT.BINANCE"
STEP = 5 * MINUTE_MS
ROWS = 3000
AXES = (parse_axis("threshold=0.005,0.01,0.02"), parse_axis("exits.stop=0.01,0.02"))
GRID = Plan(axes=AXES, metric=Metric.RETURN, least_trades=0)
GUIDED = Plan(axes=(parse_axis("threshold=0.003:0.03"), parse_axis("stall_bars=1:6")), method=Method.OPTUNA, trials=20)


@pytest.fixture
def source(tmp_path: Path) -> PanelSource:
    save(tmp_path / "binance" / "5m" / "BTCUSDT.parquet", *walk(ROWS, step=STEP))
    return PanelSource(tmp_path, (SYMBOL,), "5m", START, START + ROWS * STEP)


@pytest.fixture
def study(source: PanelSource) -> Study:
    panel = structs.replace(source.load(), instruments=("BTC.OTHER",))
    book = BookConfig(
        strategy="eos", venue="paper", instruments=panel.instruments, capital=1e5, parameters={"threshold": 0.01},
        sizing=SizingConfig(method=SizingMethod.FIXED),
    )  # fmt: skip
    return Study(book=book, panel=panel, instruments=(contract("BTC.OTHER"),))


def swept(
    study: Study, plan: Plan, folder: Path, *, workers: int = 1, source: PanelSource | None = None, **more: Any
) -> Sweep:
    key = key_of(study, "hash", plan)
    with study_pool(study, workers, source) as submit:
        return sweep("eos", study, plan, Trials(folder, key[0]), key, submit, at_once=2 * workers, **more)


def same(one: Sweep, other: Sweep) -> bool:
    numbers = [(t.number, t.changes, t.score, t.summary, t.refused) for t in one.trials]
    return numbers == [(t.number, t.changes, t.score, t.summary, t.refused) for t in other.trials] and all(
        np.array_equal(a.returns, b.returns) for a, b in zip(one.trials, other.trials, strict=True)
    )


def stop_at(count: int) -> tuple[dict[str, Callable[..., Any]], list[int]]:
    """What cancels a sweep after so many trials of it."""
    seen: list[int] = []
    return {"progress": lambda done, of: seen.append(done), "cancelled": lambda: seen[-1] >= count}, seen


def test_each_trial_is_the_study_with_its_numbers(study: Study, tmp_path: Path) -> None:
    found = swept(study, GRID, tmp_path / "p")
    assert [trial.changes for trial in found.trials][:2] == [
        {"threshold": 0.005, "exits.stop": 0.01},
        {"threshold": 0.005, "exits.stop": 0.02},
    ]
    for trial in found.trials:
        assert trial.summary == summary_of(with_changes(study, trial.changes))
        assert trial.summary is not None and trial.score == trial.summary.total_return
        assert np.prod(1 + trial.returns) - 1 == pytest.approx(trial.summary.total_return)
    assert found.present == summary_of(study)
    assert any(trial.summary and trial.summary.trades for trial in found.trials)
    scores = [trial.score for trial in found.ranked]
    assert scores == sorted(scores, key=lambda value: -(value or 0.0))


def test_every_trial_counts_against_the_best(study: Study, tmp_path: Path) -> None:
    found = swept(study, GRID, tmp_path / "p")
    assert found.overfitting is not None
    assert found.overfitting.trials == 6
    assert found.sentence == found.overfitting.sentence


def test_the_variant_that_is_judged_is_the_one_shown_as_the_best(study: Study, tmp_path: Path) -> None:
    found = swept(study, GRID, tmp_path / "p")
    first = structs.replace(found.trials[0], summary=None, score=None, refused="these do not go together")
    chosen = structs.replace(found.trials[4], score=9.0)
    found = structs.replace(found, trials=(first, *found.trials[1:4], chosen, found.trials[5]))
    judged = judged_of(found, study)
    assert judged is not None and chosen.summary is not None
    assert judged.best == 4
    assert judged.sharpe == pytest.approx(chosen.summary.sharpe)
    assert any(trial.summary and (trial.summary.sharpe or 0) > judged.sharpe for trial in found.trials)


def test_a_variant_with_too_few_trades_is_never_the_best(study: Study, tmp_path: Path) -> None:
    few = structs.replace(GRID, least_trades=10_000)
    found = swept(study, few, tmp_path / "p")
    assert found.ranked == () and found.overfitting is None
    assert found.sentence == "No variant made 10000 trades and has a value of return: there is no best."
    assert key_of(study, "hash", few) != key_of(study, "hash", GRID)


@pytest.mark.parametrize("plan", [GRID, structs.replace(GUIDED, method=Method.RANDOM), GUIDED])
def test_a_sweep_that_was_given_up_goes_on(study: Study, tmp_path: Path, plan: Plan) -> None:
    whole = swept(study, plan, tmp_path / "whole")
    stopping, seen = stop_at(3)
    with pytest.raises(Cancelled):
        swept(study, plan, tmp_path / "parts", **stopping)
    done = len(Trials(tmp_path / "parts", key_of(study, "hash", plan)[0]).known())
    assert 3 <= done < len(whole.trials)
    seen.clear()
    again = swept(study, plan, tmp_path / "parts", progress=lambda now, of: seen.append(now))
    assert again.resumed == done
    assert seen[0] == done, "what was done is not done again"
    assert same(whole, again)


@pytest.mark.parametrize("plan", [GRID, GUIDED])
def test_many_cores_find_what_one_finds(study: Study, source: PanelSource, tmp_path: Path, plan: Plan) -> None:
    alone = swept(study, plan, tmp_path / "alone")
    together = swept(study, plan, tmp_path / "together", workers=2, source=source)
    assert same(alone, together)


def test_more_trials_of_the_same_search_go_on(study: Study, tmp_path: Path) -> None:
    first = swept(study, GUIDED, tmp_path / "p")
    more = swept(study, structs.replace(GUIDED, trials=24), tmp_path / "p")
    assert more.key == first.key
    assert (more.resumed, len(more.trials)) == (20, 24)
    assert same(structs.replace(more, trials=more.trials[:20]), first)


@pytest.mark.parametrize(
    "change",
    [
        {"seed": 1},
        {"metric": Metric.CALMAR},
        {"method": Method.RANDOM},
        {"axes": (parse_axis("threshold=0.003:0.03"),)},
    ],
)
def test_another_search_is_another_sweep(study: Study, change: dict[str, Any]) -> None:
    assert key_of(study, "hash", structs.replace(GUIDED, **change))[0] != key_of(study, "hash", GUIDED)[0]


def test_other_data_and_another_book_are_another_sweep(study: Study) -> None:
    key = key_of(study, "hash", GRID)
    assert key_of(study, "other", GRID)[0] != key[0]
    assert key_of(study.with_parameters({"threshold": 0.02}), "hash", GRID)[0] != key[0]
    assert key_of(structs.replace(study, delay=1), "hash", GRID)[0] != key[0]
    assert key_of(study, "hash", GRID) == key


def test_numbers_that_do_not_go_together_are_a_refused_trial(study: Study) -> None:
    found = attempt(study, {"threshold": 99})
    assert found.summary is None and "threshold" in found.refused


def test_a_cluster_finds_what_one_process_finds(study: Study, tmp_path: Path) -> None:
    distributed = pytest.importorskip("distributed")
    from tradeterm.research.sweep.cluster import cluster_pool

    alone = swept(study, GRID, tmp_path / "alone")
    with distributed.LocalCluster(n_workers=1, threads_per_worker=2, processes=False, dashboard_address=None) as there:
        key = key_of(study, "hash", GRID)
        with cluster_pool(study, there.scheduler_address) as submit:
            pool = functools.partial(sweep, at_once=4)
            found = pool("eos", study, GRID, Trials(tmp_path / "there", key[0]), key, submit)
    assert same(alone, found)
