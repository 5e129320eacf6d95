"""Robustness: each variation changes one thing, the same seed gives the same answer, and prices stay prices."""

import numpy as np
import pytest
from honesty_kit import DAY_ROWS, hourly, piecewise, register, study_of, walk
from hypothesis import given
from hypothesis import strategies as st
from msgspec import structs
from research_kit import random_bars

from tradeterm.research.costs import Costs
from tradeterm.research.honesty.noise import noisy
from tradeterm.research.honesty.robustness import (
    CostTimes,
    Delay,
    ExitLevel,
    Noise,
    Parameter,
    robustness,
    trial,
    varied,
)
from tradeterm.research.honesty.summary import summary_of
from tradeterm.research.panels import check_panel, panel_of
from tradeterm.research.study import Study, run

PAID = Costs(fee=0.0005, slippage=0.0002)


@pytest.fixture(autouse=True)
def strategies(monkeypatch: pytest.MonkeyPatch) -> None:
    register(monkeypatch)


def random_study(**more: object) -> Study:
    return study_of(hourly(walk(1, 60 * DAY_ROWS, drift=0.0004)), parameters={"every": 24}, costs=PAID, **more)


def test_all_is_tried_and_each_is_a_run_of_its_own() -> None:
    study = random_study()
    found = robustness(study, noise_runs=2)
    assert found.base == summary_of(study)
    assert [each.variation for each in found.delays] == [Delay(bars) for bars in range(1, 6)]
    assert [each.variation for each in found.costs] == [CostTimes(factor) for factor in (1.5, 2.0, 3.0)]
    assert [each.variation for each in found.noise] == [Noise(0.001, 0), Noise(0.001, 1)]
    assert {each.variation.name for each in found.parameters} == {"every", "side", "phase", "scale"}
    assert {(each.variation.name, each.variation.value) for each in found.exits} == {
        ("stop", 0.04), ("stop", 0.06), ("trail_after", 0.008), ("trail_after", 0.012), ("time_limit_hours", 3.2),
        ("time_limit_hours", 4.8),
    }  # fmt: skip
    assert len(found.varied) == sum(
        len(group) for group in (found.parameters, found.exits, found.delays, found.noise, found.costs)
    )
    for each in found.varied:
        assert each.summary == trial(study, each.variation)


def test_the_same_seed_the_same_answer() -> None:
    study = random_study()
    one, same = (robustness(study, noise_runs=1, seed=5) for _ in range(2))
    assert one == same
    assert one != robustness(study, noise_runs=1, seed=6)


def test_a_variation_changes_one_thing() -> None:
    study = random_study()
    assert varied(study, Parameter("every", 7)).book.parameters == {"every": 7}
    wider = varied(study, ExitLevel("stop", 0.06))
    assert wider.book.exits.stop == 0.06
    assert structs.replace(wider, book=study.book) == study
    assert varied(study, Delay(2)) == structs.replace(study, delay=2)
    assert varied(structs.replace(study, delay=1), Delay(2)).delay == 3
    dearer = varied(study, CostTimes(2.0))
    assert dearer == structs.replace(study, costs=Costs(fee=0.001, slippage=0.0004))
    impact = structs.replace(study, costs=Costs(impact=1.0))
    assert varied(impact, CostTimes(2.0)).costs.impact == 2.0
    shaken = varied(study, Noise(0.001, 1))
    assert structs.replace(shaken, panel=study.panel) == study


def test_costs_only_ever_cost() -> None:
    found = robustness(random_study(), noise_runs=1)
    returns = [found.base.total_return, *(each.summary.total_return for each in found.costs)]
    assert returns == sorted(returns, reverse=True)


def test_skipping_trades() -> None:
    study = random_study()
    skipped = robustness(study, noise_runs=1, skip=0.1).skipped
    assert skipped is not None
    pnl = run(study).trades.pnl
    assert skipped.median == pytest.approx(0.9 * pnl.sum() / study.book.capital, rel=0.3)
    assert skipped.low < skipped.median < skipped.high
    none = robustness(study, noise_runs=1, skip=0.0).skipped
    assert none is not None
    assert none.low == pytest.approx(pnl.sum() / study.book.capital)
    assert none.low == pytest.approx(none.high)


def test_resampled_curves_of_a_sure_gain_and_a_sure_loss() -> None:
    for move, below in ((0.0005, 0.0), (-0.0005, 1.0)):
        study = study_of(hourly(piecewise((40, move))), parameters={"every": 24})
        resampled = robustness(study, noise_runs=1).resampled
        assert resampled is not None
        assert resampled.below_start == below
        assert resampled.worst_drawdown <= 0
        assert resampled.low <= resampled.median <= resampled.high
        assert resampled.paths == 1000


def test_too_few_days_are_not_resampled() -> None:
    study = study_of(hourly(piecewise((10, 0.0005))), parameters={"every": 24})
    assert robustness(study, noise_runs=1).resampled is None


def test_without_trades() -> None:
    found = robustness(study_of(hourly(piecewise((10, 0.0005))), parameters={"side": 0}), noise_runs=1)
    assert found.skipped is None
    assert found.sentence == "It made no trade, so there is nothing to shake."


def test_the_sentence_says_what_ends_the_profit() -> None:
    study = study_of(hourly(piecewise((40, 0.0005))), parameters={"every": 24}, costs=Costs(fee=0.0008, slippage=0.0))
    found = robustness(study, noise_runs=1)
    assert found.base.total_return > 0
    broken = next(each.variation for each in found.costs if each.summary.total_return <= 0)
    assert f"; {broken.factor:g} times the costs ends the profit;" in found.sentence


@given(seed=st.integers(0, 1000), size=st.sampled_from([0.0, 0.0001, 0.001, 0.05]), missing=st.sampled_from([0, 0.2]))
def test_noise_leaves_prices_sane(seed: int, size: float, missing: float) -> None:
    bars = random_bars(seed, 200, missing=missing)
    panel = panel_of(bars.open, bars.high, bars.low, bars.close, ts=bars.ts_open, interval="1h")
    found = noisy(panel, size, seed)
    check_panel(found)
    for name in ("open", "high", "low", "close"):
        before, after = getattr(panel, name), getattr(found, name)
        assert (np.isnan(before) == np.isnan(after)).all()
        assert (
            np.nan_to_num(np.abs(after / before - 1)) <= size * 1.0001 + (size if name in ("high", "low") else 0)
        ).all()
    if size == 0:
        assert np.array_equal(found.close, panel.close, equal_nan=True)
    with pytest.raises(ValueError, match="size"):
        noisy(panel, 1.0, seed)
