"""Value at risk and expected shortfall: closed forms, published conventions, and the laws they must keep."""

import numpy as np
import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp
from scipy.special import ndtri, stdtrit

from tradeterm.quant.garch import fit_garch
from tradeterm.quant.tail import (
    TailMethod,
    _fit_student_t,
    component_var,
    portfolio_returns,
    var_after,
    var_cvar,
)

METHODS: list[TailMethod] = ["historical", "normal", "student_t", "cornish_fisher", "filtered", "monte_carlo"]
SCALING: list[TailMethod] = ["historical", "normal", "student_t", "cornish_fisher", "filtered"]
SERIES = hnp.arrays(np.float64, st.integers(20, 150), elements=st.floats(-0.5, 0.5, width=32))
RNG = np.random.default_rng(1)
NORMAL = 0.001 + 0.02 * RNG.standard_normal(2000)
FAT = 0.001 + 0.01 * RNG.standard_t(4, 4000)


def test_historical_is_the_linear_quantile_and_the_mean_below_it() -> None:
    """Of -0.50, -0.49 ... 0.49 the 5 % quantile lies 0.05 x 99 = 4.95 places up, at -0.4505; below it are 5 returns."""
    found = var_cvar(np.arange(-50, 50) / 100, 0.95)
    assert found.var == pytest.approx(0.4505)
    assert found.cvar == pytest.approx(0.48)
    assert (found.observations, found.enough) == (100, True)


def test_normal_is_the_textbook_formula() -> None:
    """z = 1.6449 and phi(z) / 0.05 = 2.0627 at 95 %; 2.3263 and 2.6652 at 99 % (McNeil, Frey & Embrechts 2005)."""
    mean, deviation = NORMAL.mean(), NORMAL.std(ddof=1)
    for level, z, beyond in ((0.95, 1.64485, 2.06271), (0.99, 2.32635, 2.66521)):
        found = var_cvar(NORMAL, level, "normal")
        assert found.var == pytest.approx(-mean + z * deviation, rel=1e-5)
        assert found.cvar == pytest.approx(-mean + beyond * deviation, rel=1e-5)


@pytest.mark.parametrize("method", METHODS)
def test_every_method_finds_the_tail_of_normal_returns(method: TailMethod) -> None:
    found = var_cvar(NORMAL, 0.95, method)
    assert found.enough and found.observations == 2000
    assert found.var == pytest.approx(-0.001 + 1.64485 * 0.02, rel=0.08)
    assert found.cvar == pytest.approx(-0.001 + 2.06271 * 0.02, rel=0.08)


def test_student_t_finds_a_fat_tail_that_the_normal_misses() -> None:
    """True scale 0.01, 4 degrees of freedom: quantile 3.7469 at 99 %, expected shortfall 5.2206."""
    location, scale, freedom = _fit_student_t(FAT)
    assert location == pytest.approx(0.001, abs=0.0005)
    assert scale == pytest.approx(0.01, rel=0.06)
    assert freedom == pytest.approx(4, rel=0.2)
    found = var_cvar(FAT, 0.99, "student_t")
    assert found.var == pytest.approx(-0.001 + 0.037469, rel=0.06)
    assert found.cvar == pytest.approx(-0.001 + 0.052206, rel=0.08)
    assert var_cvar(FAT, 0.99, "normal").cvar < 0.8 * found.cvar


@pytest.mark.parametrize("level", [0.9, 0.95, 0.99])
def test_fitted_shortfalls_are_the_mean_of_their_quantiles_beyond_the_level(level: float) -> None:
    """The closed forms of CVaR against integrating the VaR over levels."""
    tails = 1 - (1 - level) * (np.arange(20_000) + 0.5) / 20_000
    location, scale, freedom = _fit_student_t(FAT)
    mean_quantile = np.mean(-(location + scale * stdtrit(freedom, 1 - tails)))
    assert var_cvar(FAT, level, "student_t").cvar == pytest.approx(mean_quantile, rel=2e-3)
    r = NORMAL + 2 * NORMAL**2
    expansion = [var_cvar(r, float(tail), "cornish_fisher").var for tail in tails[::20]]
    assert var_cvar(r, level, "cornish_fisher").cvar == pytest.approx(np.mean(expansion), rel=5e-3)


def test_cornish_fisher_without_skew_and_kurtosis_is_the_normal() -> None:
    """Two-sided normal scores with the tails stretched to a kurtosis of 3."""
    scores = ndtri((np.arange(5000) + 0.5) / 5000)
    scores /= np.mean(scores**4 / 3) ** 0.25
    r = 0.01 * scores
    assert var_cvar(r, 0.95, "cornish_fisher").var == pytest.approx(var_cvar(r, 0.95, "normal").var, rel=2e-3)
    left = -np.random.default_rng(2).gamma(8, 0.003, 4000)
    assert var_cvar(left, 0.99, "cornish_fisher").var > var_cvar(left, 0.99, "normal").var
    true = float(-np.quantile(left, 0.01))
    assert var_cvar(left, 0.99, "cornish_fisher").var == pytest.approx(true, rel=0.05)


def test_cornish_fisher_outside_its_domain_has_no_value() -> None:
    right = np.random.default_rng(3).gamma(0.1, 1.0, 1000)
    assert np.isnan(var_cvar(right, 0.95, "cornish_fisher").var)


def test_filtered_follows_the_volatility_of_now() -> None:
    rng = np.random.default_rng(4)
    variance, out = 1e-4, []
    for z in rng.standard_normal(1500):
        shock = z * variance**0.5
        out.append(shock)
        variance = 2e-6 + 0.1 * shock**2 + 0.88 * variance
    r = np.array(out)
    fit = fit_garch(r)
    assert fit is not None
    found = var_cvar(r, 0.95, "filtered")
    assert found.var == pytest.approx(1.645 * np.sqrt(fit.next_variance), rel=0.1)
    calm, storm = (np.append(r[:1000], size * rng.standard_normal(30)) for size in (0.002, 0.05))
    assert var_cvar(storm, 0.95, "filtered").var > 3 * var_cvar(calm, 0.95, "filtered").var
    assert var_cvar(storm, 0.95).var < 2 * var_cvar(calm, 0.95).var


def test_filtered_falls_back_where_there_is_no_fit() -> None:
    r = np.random.default_rng(5).standard_normal(99) * np.where(np.arange(99) < 80, 0.01, 0.05)
    assert fit_garch(r) is None
    assert var_cvar(r, 0.95, "filtered").var > 1.5 * var_cvar(r, 0.95).var


def test_a_simulation_is_decided_by_its_seed() -> None:
    one, same, other = (var_cvar(NORMAL, 0.95, "monte_carlo", seed=seed) for seed in (1, 1, 2))
    assert one == same != other
    assert one.var < 1


@pytest.mark.parametrize("method", METHODS)
@settings(max_examples=30)
@given(r=SERIES, level=st.floats(0.5, 0.99))
def test_the_shortfall_is_never_below_the_value_at_risk(method: TailMethod, r: np.ndarray, level: float) -> None:
    found = var_cvar(r, level, method, draws=1000)
    assert found.observations == r.size
    assert found.cvar >= found.var or (np.isnan(found.var) and np.isnan(found.cvar) and not found.enough)
    assert not np.isinf(found.var) and not np.isinf(found.cvar)


@pytest.mark.parametrize("method", SCALING)
@settings(max_examples=30)
@given(seed=st.integers(0, 50), factor=st.floats(1e-3, 1e3))
def test_twice_the_position_is_twice_the_risk(method: TailMethod, seed: int, factor: float) -> None:
    r = 0.01 * np.random.default_rng(seed).standard_t(5, 60)
    one, scaled = var_cvar(r, 0.9, method), var_cvar(factor * r, 0.9, method)
    assert np.isnan(one.var) == np.isnan(scaled.var)
    if not np.isnan(one.var):
        assert (scaled.var, scaled.cvar) == pytest.approx((factor * one.var, factor * one.cvar), rel=1e-3)


@given(st.integers(0, 200), st.floats(0.8, 0.97))
def test_shortfalls_of_parts_sum_to_at_least_that_of_the_whole(seed: int, level: float) -> None:
    r = 0.01 * np.random.default_rng(seed).standard_t(3, (80, 2))
    n = 80
    # Exact for tails of whole observations; the quantile's interpolation is kept out of it.
    level = 1 - max(1, round(n * (1 - level))) / n
    tail = round(n * (1 - level))
    worst = [np.sort(column)[:tail].mean() for column in (*r.T, r.sum(axis=1))]
    assert worst[0] + worst[1] <= worst[2] + 1e-15
    assert var_cvar(r.sum(axis=1), level).cvar <= -worst[2] + 1e-12


@pytest.mark.parametrize("method", METHODS)
def test_without_enough_data_there_is_no_value(method: TailMethod) -> None:
    few = NORMAL[:0] if method == "historical" else NORMAL[:19]
    for r in (np.zeros(0), few, np.append(NORMAL[:200], np.nan), np.append(NORMAL[:200], -np.inf)):
        found = var_cvar(r, 0.95, method)
        assert np.isnan(found.var) and np.isnan(found.cvar) and not found.enough
        assert found.observations == r.size


@pytest.mark.parametrize(
    ("n", "level", "enough"),
    [(100, 0.95, True), (99, 0.95, False), (1, 0.95, False), (99, 0.99, False), (500, 0.99, True), (499, 0.99, False)],
)
def test_what_is_enough(n: int, level: float, enough: bool) -> None:
    found = var_cvar(NORMAL[:n], level)
    assert np.isfinite(found.var + found.cvar) and found.enough == enough


@given(hnp.arrays(np.float64, st.integers(1, 99), elements=st.floats(-0.5, 0.5)), st.floats(0.5, 0.999))
def test_a_short_history_is_reckoned_as_a_long_one_and_flagged(r: np.ndarray, level: float) -> None:
    found = var_cvar(r, level)
    quantile = float(np.quantile(r, 1 - level))
    assert found.var == -quantile
    assert found.cvar == pytest.approx(-r[r <= quantile].mean()) and found.cvar >= found.var
    assert found.enough == (r.size * (1 - level) >= 5 - 1e-9)


def test_a_filtered_tail_of_few_returns_is_flagged() -> None:
    found = var_cvar(NORMAL[:50], 0.99, "filtered")
    assert found.cvar >= found.var > 0 and not found.enough


@pytest.mark.parametrize("method", SCALING)
@pytest.mark.parametrize("power", [-1060, -600, -100, 100, 600, 1020])
def test_returns_of_any_size_have_the_tail_of_their_shape(method: TailMethod, power: int) -> None:
    r = np.ldexp(FAT[:300], power)
    one, scaled = var_cvar(FAT[:300], 0.95, method), var_cvar(r, 0.95, method)
    expected = np.ldexp([one.var, one.cvar], power)
    assert (scaled.var, scaled.cvar) == pytest.approx(expected, rel=1e-9 if power > -1000 else 0.1)


@pytest.mark.parametrize("size", [1e-300, 1e-160, 1e160, 1e300])
def test_simulated_returns_of_any_size_are_finite(size: float) -> None:
    found = var_cvar(size * np.abs(FAT[:300]), 0.95, "monte_carlo")
    assert np.isfinite(found.var + found.cvar) and found.cvar >= found.var
    if size < 1:
        small = var_cvar(1e-9 * np.abs(FAT[:300]), 0.95, "monte_carlo")
        assert found.var / size == pytest.approx(small.var / 1e-9, rel=1e-6)


@pytest.mark.parametrize("method", ["student_t", "cornish_fisher", "filtered"])
def test_constant_returns_have_no_shape(method: TailMethod) -> None:
    assert np.isnan(var_cvar(np.full(200, -0.01), 0.95, method).var)
    assert var_cvar(np.full(200, -0.01), 0.95).var == pytest.approx(0.01)


def test_a_heap_of_equal_returns_has_no_t_distribution() -> None:
    r = np.where(np.random.default_rng(6).random(400) < 0.9, 0.0, NORMAL[:400])
    assert np.isnan(var_cvar(r, 0.99, "student_t").var)
    assert var_cvar(r, 0.99).var > 0


def test_gains_only_are_a_negative_loss() -> None:
    found = var_cvar(np.linspace(0.01, 0.02, 200))
    assert -0.011 < found.var <= found.cvar < 0


def test_wrong_use() -> None:
    with pytest.raises(ValueError, match="level"):
        var_cvar(NORMAL, 0.05)
    with pytest.raises(ValueError, match="unknown method"):
        var_cvar(NORMAL, 0.95, "guess")  # type: ignore[arg-type]
    with pytest.raises(ValueError, match="2 dimensions"):
        var_cvar(np.ones((30, 2)))
    with pytest.raises(ValueError, match="1000 draws"):
        var_cvar(NORMAL, 0.95, "monte_carlo", draws=10)


def panel(seed: int, rows: int = 250, names: int = 4) -> np.ndarray:
    rng = np.random.default_rng(seed)
    return 0.01 * (rng.standard_t(4, (rows, 1)) + rng.standard_t(4, (rows, names)))


WEIGHTS = hnp.arrays(np.float64, 4, elements=st.floats(-2, 2, width=32))


def test_portfolio_returns() -> None:
    r = panel(1)
    w = np.array([0.5, -0.2, 0.0, 0.1])
    assert portfolio_returns(w, r) == pytest.approx(r @ w)
    r[3, 2], r[4, 1] = np.nan, np.nan
    found = portfolio_returns(w, r)
    assert np.isfinite(found[3]) and np.isnan(found[4])
    with pytest.raises(ValueError, match="3 weights"):
        portfolio_returns([1, 2, 3], r)


@given(w=WEIGHTS, seed=st.integers(0, 20), level=st.floats(0.8, 0.98))
def test_components_sum_to_the_whole(w: np.ndarray, seed: int, level: float) -> None:
    assume(np.abs(w).max() > 1e-3)
    r = panel(seed)
    found = component_var(w, returns=r, level=level)
    assert found.var == found.component_var.sum() and found.cvar == found.component_cvar.sum()
    whole = var_cvar(portfolio_returns(w, r), level)
    assert (found.var, found.cvar) == pytest.approx((whole.var, whole.cvar), rel=1e-9)
    covariance = np.cov(r.T)
    normal = component_var(w, covariance=covariance, level=level)
    deviation = np.sqrt(w @ covariance @ w)
    assert normal.var == normal.component_var.sum() == pytest.approx(ndtri(level) * deviation, rel=1e-9)
    assert normal.cvar == normal.component_cvar.sum() >= normal.var


@pytest.mark.parametrize("source", ["returns", "covariance"])
def test_marginal_is_the_slope(source: str) -> None:
    r, w = panel(2), np.array([0.5, -0.2, 0.3, 0.1])
    given_ = {"returns": r} if source == "returns" else {"covariance": np.cov(r.T)}
    found = component_var(w, **given_)  # type: ignore[arg-type]
    for name in range(4):
        step = np.eye(4)[name] * 1e-7
        change = var_after(w - step, 2 * step, **given_)  # type: ignore[arg-type]
        assert found.marginal_var[name] == pytest.approx((change.var_after - change.var_before) / 2e-7, rel=1e-4)
        assert found.marginal_cvar[name] == pytest.approx((change.cvar_after - change.cvar_before) / 2e-7, rel=1e-4)


@given(w=WEIGHTS, order=st.permutations(range(4)))
def test_the_order_of_names_does_not_matter(w: np.ndarray, order: list[int]) -> None:
    assume(np.abs(w).max() > 1e-3)
    covariance = np.cov(panel(3).T)
    one = component_var(w, covariance=covariance)
    other = component_var(w[order], covariance=covariance[np.ix_(order, order)])
    assert other.component_var == pytest.approx(one.component_var[order], rel=1e-9, abs=1e-15)


def test_before_and_after_a_trade() -> None:
    r, w = panel(4), np.array([0.5, 0.0, 0.3, 0.1])
    change = np.array([0.0, 0.4, 0.0, 0.0])
    found = var_after(w, change, returns=r)
    assert found.var_before == pytest.approx(var_cvar(r @ w).var)
    assert found.var_after == pytest.approx(var_cvar(r @ (w + change)).var) and found.var_after > found.var_before
    closing = var_after(w, -w, covariance=np.cov(r.T))
    assert closing.var_after == 0 == closing.cvar_after and closing.var_before > 0
    assert var_after(np.zeros(4), w, returns=r).var_before == 0


def test_a_perfect_hedge_has_no_risk_and_no_marginal() -> None:
    found = component_var([1.0, -1.0], covariance=np.full((2, 2), 1e-4))
    assert found.var == 0 == found.cvar
    assert np.isnan(found.marginal_var).all() and (found.component_var == 0).all()


def test_a_name_without_weight_may_be_unknown_one_with_weight_may_not() -> None:
    covariance = np.diag([1e-4, np.nan])
    covariance[0, 1] = covariance[1, 0] = np.nan
    assert component_var([1.0, 0.0], covariance=covariance).var == pytest.approx(0.0164485, rel=1e-5)
    assert np.isnan(component_var([1.0, 0.1], covariance=covariance).var)
    r = panel(5)
    r[10, 3] = np.nan
    assert component_var([1.0, 0, 0, 0], returns=r).var > 0
    assert np.isnan(component_var([1.0, 0, 0, 1.0], returns=r).var)
    assert np.isnan(component_var([1.0, 0, 0, 0], returns=r[:19]).var)


def test_a_covariance_that_is_none_has_no_value() -> None:
    assert np.isnan(component_var([1.0, -1.0], covariance=[[1.0, 2.0], [2.0, 1.0]]).var)


def test_wrong_use_of_a_portfolio() -> None:
    with pytest.raises(ValueError, match="either"):
        component_var([1.0])
    with pytest.raises(ValueError, match="either"):
        component_var([1.0], covariance=[[1.0]], returns=[[1.0]])
    with pytest.raises(ValueError, match="2 weights"):
        component_var([1.0, 1.0], covariance=[[1.0]])
    with pytest.raises(ValueError, match="does not fit"):
        var_after([1.0], [1.0, 2.0], covariance=[[1.0]])
