"""GARCH and GJR fits: the published benchmark, simulated series, nested models, refusals."""

from pathlib import Path

import numpy as np
import pytest

from tradeterm.quant import garch
from tradeterm.quant.garch import GarchModel, GarchParameters, fit_garch, garch_refusal

FILES = [parent / "shared" / "reference" / "data" / "dem_gbp_returns.csv" for parent in Path(__file__).parents]
DEM_GBP = next((file for file in FILES if file.is_file()), None)


def simulated(seed: int, n: int, parameters: GarchParameters) -> np.ndarray:
    mu, omega, alpha, gamma, beta = parameters
    variance = omega / (1 - parameters.persistence)
    out = []
    for z in np.random.default_rng(seed).standard_normal(n + 500):
        shock = z * variance**0.5
        out.append(mu + shock)
        variance = omega + (alpha + gamma * (shock < 0)) * shock**2 + beta * variance
    return np.array(out[500:])


TRUE = GarchParameters(0.05, 0.05, 0.04, 0.1, 0.87)


@pytest.mark.shared
@pytest.mark.skipif(DEM_GBP is None, reason="the shared reference data are not here")
def test_the_published_benchmark() -> None:
    """Fiorentini, Calzolari & Panattoni (1996), and its robust standard errors (McCullough & Renfro 1999)."""
    assert DEM_GBP is not None
    fit = fit_garch(np.loadtxt(DEM_GBP, skiprows=1))
    assert fit is not None and fit.converged
    assert fit.mu == pytest.approx(-0.00619041, rel=1e-5)
    assert fit.omega == pytest.approx(0.0107613, rel=2e-5)
    assert fit.alpha == pytest.approx(0.153134, rel=5e-6)
    assert fit.beta == pytest.approx(0.805974, rel=5e-6)
    assert fit.gamma == 0
    assert fit.loglikelihood == pytest.approx(-1106.608, abs=1e-3)
    errors = fit.standard_errors
    found = (errors.mu, errors.omega, errors.alpha, errors.beta)
    assert found == pytest.approx((0.00918935, 0.00649319, 0.0535317, 0.0724614), rel=1e-5)


@pytest.mark.parametrize("model", ["garch", "gjr"])
def test_the_parameters_of_a_simulated_series_come_back(model: GarchModel) -> None:
    true = TRUE if model == "gjr" else TRUE._replace(alpha=0.09, gamma=0.0)
    fit = fit_garch(simulated(1, 8000, true), model)
    assert fit is not None and fit.converged and not fit.nearly_integrated
    for name in ("mu", "omega", "alpha", "beta", *(["gamma"] if model == "gjr" else [])):
        error = getattr(fit.standard_errors, name)
        assert 0 < error < 0.05, name
        assert abs(getattr(fit, name) - getattr(true, name)) < 4 * error, name
    assert fit.persistence == pytest.approx(true.persistence, abs=0.03)
    assert np.std(fit.residuals) == pytest.approx(1, abs=0.02)


def test_the_variance_path_is_the_recursion() -> None:
    returns = simulated(2, 300, TRUE)
    fit = fit_garch(returns, "gjr")
    assert fit is not None
    shocks = returns - fit.mu
    variance = fit.omega + fit.persistence * np.mean(shocks**2)
    for t, shock in enumerate(shocks):
        assert fit.variances[t] == pytest.approx(variance, rel=1e-9)
        variance = fit.omega + (fit.alpha + fit.gamma * (shock < 0)) * shock**2 + fit.beta * variance
    assert fit.next_variance == pytest.approx(variance, rel=1e-9)
    assert fit.residuals == pytest.approx(shocks / np.sqrt(fit.variances), rel=1e-9)


def test_forecast_is_the_expected_recursion() -> None:
    fit = fit_garch(simulated(3, 1000, TRUE), "gjr")
    assert fit is not None
    variance = fit.next_variance
    for expected in fit.forecast(50):
        assert expected == pytest.approx(variance, rel=1e-9)
        variance = fit.omega + fit.persistence * variance
    assert fit.forecast(100_000)[-1] == pytest.approx(fit.unconditional_variance)
    with pytest.raises(ValueError, match="at least one bar"):
        fit.forecast(0)


@pytest.mark.parametrize("seed", range(4))
def test_the_larger_model_fits_at_least_as_well_and_nothing_nearby_fits_better(seed: int) -> None:
    returns = simulated(seed, 800, TRUE)
    symmetric, asymmetric = fit_garch(returns), fit_garch(returns, "gjr")
    assert symmetric is not None and asymmetric is not None
    assert asymmetric.loglikelihood >= symmetric.loglikelihood - 1e-6
    constant = -0.5 * returns.size * (np.log(2 * np.pi * returns.var()) + 1)
    assert symmetric.loglikelihood >= constant - 1e-6
    best = GarchParameters(asymmetric.mu, asymmetric.omega, asymmetric.alpha, asymmetric.gamma, asymmetric.beta)
    for name in best._fields:
        for factor in (0.98, 1.02):
            near = best._replace(**{name: getattr(best, name) * factor})
            if near.persistence < 1:
                residuals = returns - near.mu
                variances = garch._variances(residuals, near)
                assert garch._loglikelihood(residuals, variances) <= asymmetric.loglikelihood + 1e-6


def test_both_gradients_are_the_slope_of_the_likelihood() -> None:
    returns = simulated(5, 200, TRUE)
    point = GarchParameters(0.02, 0.08, 0.06, 0.05, 0.8)

    def likelihood(at: GarchParameters) -> float:
        return garch._loglikelihood(returns - at.mu, garch._variances(returns - at.mu, at))

    residuals = returns - point.mu
    variances = garch._variances(residuals, point)
    gradient = garch._gradient(residuals, variances, point)
    assert garch._scores(residuals, variances, point).sum(axis=1) == pytest.approx(gradient, rel=1e-9)
    for index, name in enumerate(point._fields):
        up, down = (point._replace(**{name: getattr(point, name) + step}) for step in (1e-6, -1e-6))
        assert gradient[index] == pytest.approx((likelihood(up) - likelihood(down)) / 2e-6, rel=1e-4)


def test_percent_and_fractions_give_the_same_model() -> None:
    percent = simulated(6, 1000, TRUE)
    one, other = fit_garch(percent, "gjr"), fit_garch(percent / 100, "gjr")
    assert one is not None and other is not None
    assert other.mu == pytest.approx(one.mu / 100, rel=1e-4)
    assert other.omega == pytest.approx(one.omega / 1e4, rel=1e-4)
    assert (other.alpha, other.gamma, other.beta) == pytest.approx((one.alpha, one.gamma, one.beta), rel=1e-4)
    assert other.next_variance == pytest.approx(one.next_variance / 1e4, rel=1e-4)
    assert other.loglikelihood == pytest.approx(one.loglikelihood + 1000 * np.log(100), abs=1e-5)


def test_independent_returns_have_their_own_variance() -> None:
    returns = 0.01 * np.random.default_rng(7).standard_normal(2000)
    fit = fit_garch(returns)
    assert fit is not None
    assert fit.unconditional_variance == pytest.approx(returns.var(), rel=0.02)
    assert fit.next_variance == pytest.approx(returns.var(), rel=0.2)


def test_the_same_series_gives_the_same_fit_and_stays_as_it_is() -> None:
    returns = simulated(8, 300, TRUE)
    before = returns.copy()
    one, other = fit_garch(returns), fit_garch(list(returns))
    assert one is not None and other is not None
    assert one.loglikelihood == other.loglikelihood and np.array_equal(one.variances, other.variances)
    assert np.array_equal(returns, before)


@pytest.mark.parametrize(
    ("returns", "reason"),
    [
        (np.zeros(0), "at least 100 returns, not 0"),
        (np.random.default_rng(0).standard_normal(99), "at least 100 returns, not 99"),
        (np.full(200, 0.001), "do not vary"),
        (np.zeros(200), "do not vary"),
        (np.append(np.random.default_rng(0).standard_normal(200), np.nan), "not finite"),
        (np.append(np.random.default_rng(0).standard_normal(200), np.inf), "not finite"),
        (np.random.default_rng(0).standard_normal(200) * 1e200, "too large"),
        (np.random.default_rng(0).standard_normal(200) * 1e307, "too large"),
        (np.random.default_rng(0).standard_normal(200) * 1e-200, "too small"),
    ],
)
def test_no_fit_and_why(returns: np.ndarray, reason: str) -> None:
    assert fit_garch(returns) is None
    assert reason in str(garch_refusal(returns))


def test_a_usable_series_is_not_refused_and_an_unknown_model_is() -> None:
    returns = simulated(9, 100, TRUE)
    assert garch_refusal(returns) is None
    with pytest.raises(ValueError, match="garch or gjr"):
        fit_garch(returns, "egarch")  # type: ignore[arg-type]
    for call in (fit_garch, garch_refusal):
        for shape in ((200, 1), (200, 2), ()):
            with pytest.raises(ValueError, match="one series"):
                call(np.ones(shape))


@pytest.mark.parametrize("model", ["garch", "gjr"])
@pytest.mark.parametrize("kind", ["one crash", "mostly zero", "two values", "break", "fat"])
def test_awkward_series_give_finite_figures(kind: str, model: GarchModel) -> None:
    rng = np.random.default_rng(10)
    x = 0.01 * rng.standard_normal(300)
    if kind == "one crash":
        x[150] = -0.9
    elif kind == "mostly zero":
        x[rng.random(300) < 0.9] = 0
    elif kind == "two values":
        x = np.where(x > 0, 0.01, -0.01)
    elif kind == "break":
        x[150:] *= 50
    elif kind == "fat":
        x = 0.01 * rng.standard_t(1.5, 300)
    fit = fit_garch(x, model)
    assert fit is not None
    assert fit.omega > 0 and fit.alpha >= 0 and fit.beta >= 0 and fit.alpha + fit.gamma >= -1e-12
    assert fit.persistence < 1
    assert np.isfinite(fit.variances).all() and (fit.variances > 0).all()
    assert np.isfinite(fit.forecast(20)).all() and fit.next_variance > 0
