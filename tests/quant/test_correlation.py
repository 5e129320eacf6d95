"""Correlation matrices, shrinkage, groups and the heat of a portfolio."""

import itertools

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from tradeterm.quant.correlation import (
    Linkage,
    ShrinkageTarget,
    aligned_log_returns,
    diversification_ratio,
    effective_bets,
    ewma_covariance,
    groups,
    heat,
    ledoit_wolf,
    nearest_psd,
    pearson,
    portfolio_volatility,
    risk_shares,
    spearman,
)


def panel(seed: int, rows: int = 200, names: int = 5) -> np.ndarray:
    rng = np.random.default_rng(seed)
    return 0.01 * (rng.standard_normal((rows, 1)) + rng.standard_normal((rows, names)) * np.linspace(0.5, 2, names))


def test_returns_are_aligned_on_common_times() -> None:
    times, returns = aligned_log_returns([[1, 2, 3, 4, 6], [2, 3, 4, 5, 6]], [[1, 2, 4, 8, 16], [1, 3, 9, np.nan, 27]])
    assert times.tolist() == [3, 4, 6]
    assert returns == pytest.approx(np.log([[2, 3], [2, 3], [2, 3]]))


def test_a_bad_close_is_left_out_for_all() -> None:
    times, returns = aligned_log_returns([[1, 2, 3], [1, 2, 3]], [[1, 0, 4], [1, 2, 3]])
    assert times.tolist() == [3] and returns == pytest.approx(np.log([[4, 3]]))
    times, returns = aligned_log_returns([[1, 2], [3, 4]], [[1, 2], [1, 2]])
    assert times.size == 0 and returns.shape == (0, 2)


def test_alignment_refuses_what_it_cannot_read() -> None:
    with pytest.raises(ValueError, match="ascend"):
        aligned_log_returns([[2, 1]], [[1, 2]])
    with pytest.raises(ValueError, match="do not fit"):
        aligned_log_returns([[1, 2]], [[1, 2, 3]])
    with pytest.raises(ValueError, match="do not fit"):
        aligned_log_returns([], [])


def test_pearson_is_the_textbook_correlation() -> None:
    r = panel(1)
    assert pearson(r) == pytest.approx(np.corrcoef(r.T), rel=1e-12)
    assert (np.diag(pearson(r)) == 1).all()


def test_spearman_is_of_mean_ranks() -> None:
    """Ten pupils, IQ and hours of television: the common textbook example, rho = -29/165; and ties by hand."""
    iq = [106, 86, 100, 101, 99, 103, 97, 113, 112, 110]
    hours = [7, 0, 27, 50, 28, 29, 20, 12, 6, 17]
    assert spearman(np.column_stack([iq, hours]), 10)[0, 1] == pytest.approx(-29 / 165)
    tied = np.column_stack([[1, 2, 2, 3], [1, 3, 2, 4]])
    assert spearman(tied, 4)[0, 1] == pytest.approx(np.corrcoef([1, 2.5, 2.5, 4], [1, 3, 2, 4])[0, 1])


def test_spearman_does_not_see_the_scale() -> None:
    r = panel(2)
    assert spearman(np.exp(20 * r)) == pytest.approx(spearman(r))


def test_ewma_covariance_is_the_recursion() -> None:
    r = panel(3, 60)
    top, weight = np.zeros((5, 5)), 0.0
    for row in r:
        top, weight = 0.94 * top + np.outer(row, row), 0.94 * weight + 1
    assert ewma_covariance(r) == pytest.approx(top / weight, rel=1e-10)
    with pytest.raises(ValueError, match="decay"):
        ewma_covariance(r, 1.0)


@pytest.mark.parametrize("measure", [pearson, spearman, ewma_covariance, lambda r: ledoit_wolf(r).covariance])
def test_short_and_constant_series_have_no_value(measure) -> None:  # type: ignore[no-untyped-def]
    r = panel(4, 40)
    assert np.isnan(measure(r[:19])).all() and measure(r[:19]).shape == (5, 5)
    r[:, 2] = 0.001
    found = measure(r)
    others = [0, 1, 3, 4]
    assert np.isnan(found[2]).all() and np.isnan(found[:, 2]).all()
    assert found[np.ix_(others, others)] == pytest.approx(measure(r[:, others]))
    assert np.isnan(measure(np.zeros((30, 3)))).all()
    with pytest.raises(ValueError, match="time, names"):
        measure(r[:, 0])


def test_rows_with_a_missing_value_are_left_out_for_all() -> None:
    r = panel(5)
    gap = r.copy()
    gap[7, 3] = np.nan
    assert pearson(gap) == pytest.approx(pearson(np.delete(r, 7, axis=0)))


def test_identity_shrinkage_is_the_published_formula() -> None:
    """Ledoit & Wolf (2004), lemma 3.2 to 3.4, term by term."""
    r = panel(6, 50)
    x = r - r.mean(axis=0)
    n, p = x.shape
    sample = x.T @ x / n
    mean = np.trace(sample) / p
    d2 = np.sum((sample - mean * np.eye(p)) ** 2) / p
    b2 = sum(np.sum((np.outer(row, row) - sample) ** 2) for row in x) / n**2 / p
    weight = min(b2, d2) / d2
    found = ledoit_wolf(r, "identity")
    assert 0 < weight < 1 and found.shrinkage == pytest.approx(weight)
    assert found.covariance == pytest.approx(weight * mean * np.eye(p) + (1 - weight) * sample)


def test_constant_correlation_shrinkage_is_the_published_formula() -> None:
    """Ledoit & Wolf, "Honey, I shrunk the sample covariance matrix", appendix B, term by term."""
    r = panel(7, 50, 4)
    r[:, 1] += 2 * r[:, 0]
    r[:, 3] -= r[:, 2]
    y = r - r.mean(axis=0)
    n, names = y.shape
    s = y.T @ y / n
    correlation = s / np.sqrt(np.outer(np.diag(s), np.diag(s)))
    mean = np.mean([correlation[i, j] for i, j in itertools.combinations(range(names), 2)])
    target = np.array(
        [[s[i, j] if i == j else mean * np.sqrt(s[i, i] * s[j, j]) for j in range(names)] for i in range(names)]
    )
    pi = np.mean([(np.outer(row, row) - s) ** 2 for row in y], axis=0)
    rho = np.trace(pi)
    for i, j in itertools.permutations(range(names), 2):
        theta_ii = np.mean([(row[i] ** 2 - s[i, i]) * (row[i] * row[j] - s[i, j]) for row in y])
        theta_jj = np.mean([(row[j] ** 2 - s[j, j]) * (row[i] * row[j] - s[i, j]) for row in y])
        rho += mean / 2 * (np.sqrt(s[j, j] / s[i, i]) * theta_ii + np.sqrt(s[i, i] / s[j, j]) * theta_jj)
    weight = (pi.sum() - rho) / np.sum((target - s) ** 2) / n
    found = ledoit_wolf(r)
    assert 0 < weight < 1 and found.shrinkage == pytest.approx(weight)
    assert found.covariance == pytest.approx(weight * target + (1 - weight) * s)


@pytest.mark.parametrize("target", ["constant_correlation", "identity"])
def test_shrinkage_keeps_more_names_than_rows_usable(target: ShrinkageTarget) -> None:
    r = panel(8, 30, 60)
    sample = np.cov(r.T, ddof=0)
    found = ledoit_wolf(r, target)
    assert np.linalg.eigvalsh(sample).min() < 1e-12 < np.linalg.eigvalsh(found.covariance).min()
    assert np.trace(found.covariance) == pytest.approx(np.trace(sample))


def test_shrinkage_of_one_and_two_names_is_the_sample() -> None:
    for names in (1, 2):
        r = panel(9, 100, 3)[:, :names]
        found = ledoit_wolf(r)
        assert found.shrinkage == 0
        assert found.covariance == pytest.approx(np.cov(r.T, ddof=0).reshape(names, names))
    with pytest.raises(ValueError, match="target"):
        ledoit_wolf(r, "zero")  # type: ignore[arg-type]


def test_an_impossible_correlation_is_clipped_and_says_so() -> None:
    impossible = np.array([[1, 0.9, -0.9], [0.9, 1, 0.9], [-0.9, 0.9, 1]])
    found = nearest_psd(impossible)
    assert found.clipped and found.least_eigenvalue == pytest.approx(-0.8)
    assert np.linalg.eigvalsh(found.matrix).min() > -1e-12
    assert np.diag(found.matrix) == pytest.approx(np.ones(3)) and np.array_equal(found.matrix, found.matrix.T)
    scaled = nearest_psd(impossible * np.outer([1, 2, 3], [1, 2, 3]))
    assert np.diag(scaled.matrix) == pytest.approx([1, 4, 9]) and scaled.clipped


def test_a_sound_matrix_is_left_alone() -> None:
    for matrix in (pearson(panel(10)), np.ones((3, 3)), 1e-10 * np.eye(2), np.zeros((0, 0))):
        found = nearest_psd(matrix)
        assert not found.clipped and np.array_equal(found.matrix, matrix)
    unknown = nearest_psd([[1, np.nan], [np.nan, 1]])
    assert np.isnan(unknown.matrix).all() and not unknown.clipped


def test_psd_refuses_what_is_no_covariance() -> None:
    for bad, why in (([[1, 0.5], [0.2, 1]], "symmetric"), ([[1, 2, 3]], "square"), ([[0, 0], [0, 1]], "positive")):
        with pytest.raises(ValueError, match=why):
            nearest_psd(bad)


CHAIN = np.array([[1, 0.8, 0.1, 0], [0.8, 1, 0.75, 0], [0.1, 0.75, 1, 0], [0, 0, 0, 1.0]])


def test_groups_by_chain_and_by_pair() -> None:
    assert groups(CHAIN, 0.7, "single").tolist() == [0, 0, 0, 1]
    assert groups(CHAIN, 0.7, "complete").tolist() == [0, 0, 1, 2]
    assert groups(CHAIN, 0.8).tolist() == [0, 0, 1, 2] and groups(CHAIN, 0.81).tolist() == [0, 1, 2, 3]
    assert groups(np.zeros((0, 0))).tolist() == []


def test_a_hedge_and_an_unknown_name_are_no_members() -> None:
    assert groups([[1, -0.9], [-0.9, 1]]).tolist() == [0, 1]
    unknown = np.full((3, 3), np.nan)
    unknown[:2, :2] = [[1, 0.9], [0.9, 1]]
    assert groups(unknown).tolist() == [0, 0, -1]
    with pytest.raises(ValueError, match="linkage"):
        groups(CHAIN, 0.7, "average")  # type: ignore[arg-type]


@settings(max_examples=50)
@given(seed=st.integers(0, 10_000), linkage=st.sampled_from(["complete", "single"]), data=st.data())
def test_groups_do_not_depend_on_the_order_of_names(seed: int, linkage: Linkage, data: st.DataObject) -> None:
    matrix = np.corrcoef(panel(seed, 30, 7).T)
    order = np.array(data.draw(st.permutations(range(7))))
    labels, shuffled = groups(matrix, 0.4, linkage), groups(matrix[np.ix_(order, order)], 0.4, linkage)
    for one, other in itertools.combinations(range(7), 2):
        assert (shuffled[one] == shuffled[other]) == (labels[order[one]] == labels[order[other]])
        if linkage == "complete" and labels[one] == labels[other]:
            assert matrix[one, other] >= 0.4
        if linkage == "single" and labels[one] != labels[other]:
            assert matrix[one, other] < 0.4


def test_heat_of_equal_and_of_independent_risks() -> None:
    """Two names of 20 %, half and half: 20 % when they move together, 14.14 % when they do not."""
    together, apart = heat([0.5, 0.5], np.full((2, 2), 0.04)), heat([0.5, 0.5], 0.04 * np.eye(2))
    assert (together.volatility, together.diversification_ratio, together.effective_bets) == pytest.approx((0.2, 1, 1))
    assert (apart.volatility, apart.diversification_ratio, apart.effective_bets) == pytest.approx(
        (0.2 / 2**0.5, 2**0.5, 2)
    )
    assert apart.shares == pytest.approx([0.5, 0.5])


COVARIANCE = ledoit_wolf(panel(11)).covariance
WEIGHTS = hnp.arrays(np.float64, 5, elements=st.floats(-1, 1, width=32).filter(lambda w: w == 0 or abs(w) > 1e-3))


@given(w=WEIGHTS, order=st.permutations(range(5)), factor=st.floats(0.1, 10))
def test_heat_laws(w: np.ndarray, order: list[int], factor: float) -> None:
    found = heat(w, COVARIANCE)
    if not w.any():
        assert found.volatility == 0
        assert np.isnan([*found.shares, found.diversification_ratio, found.effective_bets]).all()
        return
    assert found.volatility == pytest.approx(np.sqrt(w @ COVARIANCE @ w))
    assert found.shares.sum() == pytest.approx(1)
    assert found.diversification_ratio >= 1 - 1e-9
    assert 1 - 1e-9 <= found.effective_bets <= np.count_nonzero(w) + 1e-9
    scaled, shuffled = heat(factor * w, COVARIANCE), heat(w[order], COVARIANCE[np.ix_(order, order)])
    assert scaled.volatility == pytest.approx(factor * found.volatility)
    assert scaled.shares == pytest.approx(found.shares) and shuffled.shares == pytest.approx(found.shares[order])
    for changed in (scaled, shuffled):
        assert changed[2:] == pytest.approx(found[2:])


def test_effective_bets_are_the_eigenvalues() -> None:
    matrix = pearson(panel(12))
    values = np.linalg.eigvalsh(matrix)
    assert effective_bets(matrix) == pytest.approx(values.sum() ** 2 / np.sum(values**2))
    assert np.isnan(effective_bets(np.full((2, 2), np.nan))) and np.isnan(effective_bets(np.zeros((0, 0))))


def test_unknown_risk_has_no_value_unless_nothing_is_held_there() -> None:
    covariance = np.array([[0.04, np.nan], [np.nan, np.nan]])
    assert heat([1, 0], covariance).volatility == pytest.approx(0.2)
    assert heat([1, 0], covariance).shares == pytest.approx([1, 0])
    unknown = heat([1, 0.1], covariance)
    assert np.isnan([unknown.volatility, *unknown.shares, unknown.diversification_ratio, unknown.effective_bets]).all()


def test_a_hedged_portfolio_has_volatility_0_and_no_shares() -> None:
    covariance = np.full((2, 2), 0.04)
    assert portfolio_volatility([1, -1], covariance) == 0
    assert np.isnan(risk_shares([1, -1], covariance)).all() and np.isnan(diversification_ratio([1, -1], covariance))
    with pytest.raises(ValueError, match="3 weights"):
        portfolio_volatility([1, 2, 3], covariance)
