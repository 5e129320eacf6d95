"""A gate's record against figures worked out by hand, by brute force and by scipy."""

import math
from itertools import permutations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy import optimize, stats

from tradeterm.quant import scoring

PROFITS = st.floats(-1000, 1000, allow_nan=False).map(lambda value: round(value, 3))
GATED = st.lists(st.tuples(PROFITS, st.sampled_from([0.0, 0.25, 0.5, 1.0])), min_size=1, max_size=60)
SAID = st.lists(st.tuples(st.integers(0, 100).map(lambda n: n / 100), st.booleans()), min_size=1, max_size=80)


def test_value_added_by_hand() -> None:
    found = scoring.value_added([100, -40, -60, 20], [1, 0, 0.5, 0])
    assert (found.ungated, found.gated, found.added) == (20, 70, 50)  # +40 and +30 not lost, 20 not won


@given(GATED)
def test_what_was_avoided_less_what_was_missed_is_the_value_added(rows: list[tuple[float, float]]) -> None:
    pnl, factor = zip(*rows, strict=True)
    table = scoring.outcomes(pnl, factor)
    added = scoring.value_added(pnl, factor, draws=10).added
    assert table.money_avoided - table.money_missed == pytest.approx(added, abs=1e-6)
    assert table.money_avoided >= 0 and table.money_missed >= 0
    assert sum(table[:4]) == sum(profit != 0 for profit in pnl)


def test_two_by_two_by_hand() -> None:
    table = scoring.outcomes([100, -40, -60, 20, 0, -5], [1, 0, 0.5, 0, 0, 1])
    assert table == (2, 1, 1, 1, 70.0, 20.0)


@pytest.mark.parametrize("values", [np.random.default_rng(1).exponential(10, 80) - 6, [*range(-20, 40), 90]])
def test_the_interval_is_that_of_scipy(values: object) -> None:
    row = np.asarray(values, dtype=float)
    low, high = scoring.bca_interval(row, draws=20_000, seed=3)
    oracle = stats.bootstrap(
        (row,), lambda x, axis: x.sum(axis=axis), n_resamples=20_000, method="BCa", rng=np.random.default_rng(5)
    ).confidence_interval
    width = oracle.high - oracle.low
    assert low == pytest.approx(oracle.low, abs=0.03 * width)
    assert high == pytest.approx(oracle.high, abs=0.03 * width)


def test_the_interval_holds_the_truth_about_as_often_as_it_says() -> None:
    rng = np.random.default_rng(7)
    hits = 0
    for seed in range(300):
        low, high = scoring.bca_interval(rng.normal(1, 5, 60), draws=400, seed=seed)
        hits += low <= 60 <= high
    assert 0.90 <= hits / 300 <= 0.98


def test_days_drawn_whole_widen_an_interval_of_trades_that_go_together() -> None:
    rng = np.random.default_rng(2)
    days = np.repeat(np.arange(40), 5)
    pnl = np.repeat(rng.normal(0, 10, 40), 5)  # the five trades of a day are one trade
    alone = scoring.value_added(pnl, np.zeros(200))
    whole = scoring.value_added(pnl, np.zeros(200), days.tolist())
    assert whole.added == alone.added
    assert (whole.high - whole.low) / (alone.high - alone.low) == pytest.approx(math.sqrt(5), rel=0.15)


@pytest.mark.parametrize("pnl", [[], [5.0], [3.0, 3.0, 3.0]])
def test_no_interval_of_what_does_not_vary(pnl: list[float]) -> None:
    found = scoring.value_added(pnl, [0.0] * len(pnl))
    assert math.isnan(found.low) and math.isnan(found.high)
    assert found.added == -sum(pnl)


def test_who_lets_everything_through_adds_exactly_nothing() -> None:
    found = scoring.value_added([1.0, -2.0, 3.0], [1.0, 1.0, 1.0])
    assert found.added == 0 and math.isnan(found.low)


@given(GATED.filter(lambda rows: len(rows) <= 6))
def test_the_exact_test_is_brute_force(rows: list[tuple[float, float]]) -> None:
    pnl, factor = (np.array(column) for column in zip(*rows, strict=True))
    reached = pnl @ factor
    deals = [pnl @ np.array(deal) for deal in permutations(factor)]
    expected = np.mean([total >= reached - 1e-7 for total in deals])
    found = scoring.random_vetoes(pnl, factor)
    assert found.exact and found.p == pytest.approx(expected)


def test_perfect_vetoes_among_ten_are_one_deal_of_252() -> None:
    found = scoring.random_vetoes([10, 11, 12, 13, 14, -1, -2, -3, -4, -5], [1] * 5 + [0] * 5)
    assert found == (1 / 252, 252, True)


def test_drawn_deals_agree_with_all_deals() -> None:
    rng = np.random.default_rng(11)
    pnl, factor = rng.normal(0, 1, 15), np.array([0.0] * 5 + [1.0] * 10)
    exact = scoring.random_vetoes(pnl, factor)  # 3 003 deals
    more = np.concatenate([pnl, np.zeros(15)]), np.concatenate([factor, np.ones(15)])
    assert exact.exact and not scoring.random_vetoes(*more).exact
    reached = pnl @ factor
    totals = [pnl @ rng.permutation(factor) for _ in range(20_000)]
    assert exact.p == pytest.approx(np.mean(totals >= reached - 1e-9), abs=0.015)


def test_random_vetoes_are_found_random() -> None:
    rng = np.random.default_rng(13)
    ps = [
        scoring.random_vetoes(rng.normal(0, 1, 80), rng.random(80) < 0.7, draws=200, seed=seed).p for seed in range(200)
    ]
    assert stats.kstest(ps, "uniform").pvalue > 0.001
    assert min(ps) >= 1 / 201


def test_a_seed_gives_the_same_figures() -> None:
    rng = np.random.default_rng(17)
    pnl, factor = rng.normal(0, 1, 300), (rng.random(300) < 0.5).astype(float)
    assert scoring.value_added(pnl, factor, seed=4) == scoring.value_added(pnl, factor, seed=4)
    assert scoring.random_vetoes(pnl, factor, seed=4) == scoring.random_vetoes(pnl, factor, seed=4)


def test_brier_log_loss_and_skill_by_hand() -> None:
    said, won = [0.9, 0.6, 0.2, 0.5], [1, 0, 0, 1]
    assert scoring.brier(said, won) == pytest.approx((0.01 + 0.36 + 0.04 + 0.25) / 4)
    expected = -(math.log(0.9) + math.log(0.4) + math.log(0.8) + math.log(0.5)) / 4
    assert scoring.log_loss(said, won) == pytest.approx(expected)
    assert scoring.brier_skill(said, won) == pytest.approx(1 - 0.165 / 0.25)


def test_certainty_that_was_wrong_costs_much_and_not_everything() -> None:
    assert scoring.log_loss([1.0], [0]) == pytest.approx(-math.log(0.001))
    assert scoring.log_loss([0.0], [0]) == pytest.approx(-math.log(0.999))


def test_skill_is_against_each_kind_of_its_own() -> None:
    won, kinds = [1, 1, 1, 0, 0, 0, 0, 1], ["a"] * 4 + ["b"] * 4
    said = [0.75] * 4 + [0.25] * 4
    assert scoring.brier_skill(said, won, kinds) == pytest.approx(0)
    assert scoring.brier_skill(said, won) == pytest.approx(1 - 0.1875 / 0.25)
    assert math.isnan(scoring.brier_skill([0.9, 0.9], [1, 1]))


@given(SAID)
def test_bins_hold_every_probability_once(rows: list[tuple[float, bool]]) -> None:
    said, won = zip(*rows, strict=True)
    bins = scoring.reliability(said, won)
    assert sum(each.trades for each in bins) == len(rows)
    for each in bins:
        mine = [(p, w) for p, w in rows if each.low <= p < each.high or (p == 1 and each.high == 1)]
        assert each.trades == len(mine)
        assert each.won == pytest.approx(sum(w for _, w in mine) / len(mine))
        interval = stats.binomtest(sum(w for _, w in mine), len(mine)).proportion_ci(0.95, "wilson")
        assert (each.won_low, each.won_high) == pytest.approx((interval.low, interval.high), abs=1e-4)
    distance = sum(each.trades * abs(each.said - each.won) for each in bins) / len(rows)
    assert scoring.expected_calibration_error(said, won) == pytest.approx(distance)


def test_coverage_by_hand() -> None:
    points = scoring.coverage([0.9, 0.6, 0.2, 0.5], [1, 0, 0, 1], [0.5, 0.6, 0.8, 0.95])
    assert points[0] == (0.5, 1.0, 0.75)
    assert points[1][:2] == (0.6, 0.75) and points[1].accuracy == pytest.approx(2 / 3)
    assert points[2] == (0.8, 0.5, 1.0)
    assert points[3][1] == 0 and math.isnan(points[3][2])


@given(SAID)
def test_the_isotonic_map_is_that_of_scipy(rows: list[tuple[float, bool]]) -> None:
    rows = sorted(rows)
    said, won = (np.array(column, dtype=float) for column in zip(*rows, strict=True))
    found = scoring.isotonic(said, won)
    x = np.unique(said)
    weights = np.array([(said == each).sum() for each in x], dtype=float)
    means = np.array([won[said == each].mean() for each in x])
    assert found(x) == pytest.approx(optimize.isotonic_regression(means, weights=weights).x)
    assert (np.diff(found.y) >= -1e-12).all()


def test_a_map_learns_only_from_what_was_known_before() -> None:
    rng = np.random.default_rng(19)
    said = np.round(rng.random(500), 2)
    won = rng.random(500) < said**2
    asked = np.arange(500.0)
    mapped = scoring.walk_forward_map(said, won, asked, asked + 10)
    assert np.isnan(mapped[:210]).all() and not np.isnan(mapped[210:]).any()
    assert mapped[210] == pytest.approx(scoring.isotonic(said[:200], won[:200])(said[210]))
    changed = won.copy()
    changed[300:] = ~changed[300:]
    again = scoring.walk_forward_map(said, changed, asked, asked + 10)
    assert (again[210:310] == mapped[210:310]).all()
    judged = slice(210, None)
    assert scoring.brier(mapped[judged], won[judged]) < scoring.brier(said[judged], won[judged])


def test_two_hundred_outcomes_known_only_later_give_no_map() -> None:
    said, won, asked = np.full(300, 0.5), np.arange(300) % 2, np.arange(300.0)
    assert np.isnan(scoring.walk_forward_map(said, won, asked, asked + 1000)).all()


@pytest.mark.parametrize(
    ("call", "sentence"),
    [
        (lambda: scoring.value_added([1, 2], [1]), "one factor a trade"),
        (lambda: scoring.value_added([1], [1.5]), "a factor is from 0 to 1"),
        (lambda: scoring.value_added([math.nan], [1]), "not finite"),
        (lambda: scoring.value_added([1.0, 2.0], [1, 0], ["monday"]), "one name a trade"),
        (lambda: scoring.bca_interval([1.0, 2.0], level=1), "a level is between"),
        (lambda: scoring.brier([0.5], [0.5]), "an outcome is won"),
        (lambda: scoring.brier([1.2], [1]), "a probability is from 0 to 1"),
        (lambda: scoring.brier([0.2, 0.3], [1]), "one outcome a probability"),
        (lambda: scoring.log_loss([0.2], [1], 0.7), "the least probability"),
        (lambda: scoring.reliability([0.2], [1], 0), "bins must be"),
        (lambda: scoring.isotonic([], []), "at least one outcome"),
        (lambda: scoring.walk_forward_map([0.5], [1], [1, 2], [1]), "one time asked"),
    ],
)
def test_wrong_use_is_one_sentence(call: object, sentence: str) -> None:
    assert callable(call)
    with pytest.raises(ValueError, match=sentence):
        call()


def test_nothing_judged_is_no_value() -> None:
    assert math.isnan(scoring.brier([], [])) and math.isnan(scoring.log_loss([], []))
    assert math.isnan(scoring.brier_skill([], [])) and math.isnan(scoring.expected_calibration_error([], []))
    assert math.isnan(scoring.random_vetoes([], []).p) and scoring.reliability([], []) == ()


def test_figures_are_plain_numbers() -> None:
    """What is told on as JSON must hold no number of numpy's."""
    pnl, factor = np.arange(60.0) - 20, np.tile([0.0, 0.5, 1.0], 20)
    said, won = np.tile([0.25, 0.8], 30), np.tile([0, 1], 30)
    kinds = ["a", "b"] * 30
    found = [*scoring.value_added(pnl, factor, kinds), *scoring.random_vetoes(pnl, factor)]
    found += [*scoring.outcomes(pnl, factor), scoring.brier(said, won), scoring.log_loss(said, won)]
    found += [scoring.brier_skill(said, won, kinds), scoring.expected_calibration_error(said, won)]
    found += [value for each in scoring.reliability(said, won) for value in each]
    found += [value for each in scoring.coverage(said, won, [0.5, 0.9]) for value in each]
    assert {type(value) for value in found} <= {float, int, bool}
