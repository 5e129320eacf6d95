"""Value at risk and expected shortfall (CVaR), of a series and of a portfolio.

Losses are positive, in the unit of the returns (simple returns: fractions of capital; returns in money: money), over
one bar of the series. A negative figure is a gain. `level` is the confidence, 0.95 by default. NaN means no value: too
few returns, a missing or infinite one, or nothing a method could be fitted to.
"""

from typing import Literal, NamedTuple

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy.special import gammaln, ndtri, psi, stdtrit

from tradeterm.quant import require
from tradeterm.quant.correlation import covariance_with_portfolio, portfolio_volatility
from tradeterm.quant.garch import fit_garch
from tradeterm.quant.samples import deviation, exponent, varies
from tradeterm.quant.volatility import ewma_variance

Floats = NDArray[np.float64]
TailMethod = Literal["historical", "normal", "student_t", "cornish_fisher", "filtered", "monte_carlo"]

MINIMUM = 20
ENOUGH_IN_TAIL = 5
FREEDOM = (2.05, 1000.0)
LEAST_SCALE = 1e-4  # of the deviation: there the likelihood only climbs a heap of equal values


class TailRisk(NamedTuple):
    """`enough`: at least 5 observations lie beyond the level on average, n (1 - level) >= 5. Otherwise the figure rests
    on a handful of bars (or, for the fitted methods, on the shape they assume): show it with that warning."""

    var: float
    cvar: float
    observations: int
    enough: bool


class RiskComponents(NamedTuple):
    """Of a portfolio, (names,) each: `marginal` is the change per unit of weight, `component` = weight x marginal. The
    components sum to `var` and `cvar`."""

    var: float
    cvar: float
    marginal_var: Floats
    component_var: Floats
    marginal_cvar: Floats
    component_cvar: Floats


class VarChange(NamedTuple):
    """A portfolio's figures before and after a trade."""

    var_before: float
    var_after: float
    cvar_before: float
    cvar_after: float


def var_cvar(
    returns: ArrayLike,
    level: float = 0.95,
    method: TailMethod = "historical",
    *,
    draws: int = 10_000,
    seed: int = 0,
) -> TailRisk:
    """VaR and CVaR of the next bar; CVaR >= VaR always.

    - historical: minus the linearly interpolated quantile (numpy's default), and minus the mean of the returns at or
      below it
    - normal: `-(m + s z)`, deviation with ddof 1
    - student_t: location, scale and degrees of freedom (2.05 to 1000) by maximum likelihood
    - cornish_fisher: the normal quantile corrected for skewness and excess kurtosis (Cornish & Fisher 1937), CVaR the
      mean of that quantile beyond the level; NaN where the corrected quantile is not monotone (Maillard 2012)
    - filtered: filtered historical simulation (Barone-Adesi, Giannopoulos & Vosper 1999): residuals standardised by
      GARCH(1,1), or by EWMA 0.94 where that has no converged fit, and scaled by the forecast for the next bar
    - monte_carlo: `draws` log-normal returns with the mean and deviation of the log returns, from `seed`; the
      historical formulas on them. Only for simple returns above -1.

    All but historical need 20 returns. Where there are fewer than 5 beyond the level on average, `enough` is False: 20
    returns at 99 % are hardly more than their worst one. Raises ValueError for an unknown method, a level outside
    0.5..1 or draws < 1000.
    """
    _check_level(level)
    r = np.asarray(returns, dtype=np.float64)
    if r.ndim != 1:
        raise ValueError(f"a tail needs one series of returns, not an array of {r.ndim} dimensions")
    n = r.size
    enough = n * (1 - level) >= ENOUGH_IN_TAIL - 1e-9
    if n < (1 if method == "historical" else MINIMUM) or not np.isfinite(r).all():
        return TailRisk(np.nan, np.nan, n, False)
    # Without this, squares of very large or small returns would leave the range of a float; no digit changes.
    power = 0 if method == "monte_carlo" else exponent(r)
    r = np.ldexp(r, -power)
    match method:
        case "historical":
            var, cvar = _historical(r, level)
        case "normal":
            var, cvar = _normal(float(r.mean()), float(r.std(ddof=1)), level)
        case "student_t":
            var, cvar = _student_t(r, level)
        case "cornish_fisher":
            var, cvar = _cornish_fisher(r, level)
        case "filtered":
            var, cvar = _historical(_filtered(r), level)
        case "monte_carlo":
            with np.errstate(over="ignore", invalid="ignore"):
                var, cvar = _historical(_simulated(r, draws, seed), level)
        case _:
            raise ValueError(f"unknown method {method!r}")
    with np.errstate(over="ignore"):
        var, cvar = np.ldexp([var, cvar], power).tolist()
    if not (np.isfinite(var) and np.isfinite(cvar)):
        return TailRisk(np.nan, np.nan, n, False)
    # The mean of equal numbers may differ from them in the last bit.
    return TailRisk(var, max(var, cvar), n, enough)


def portfolio_returns(weights: ArrayLike, returns: ArrayLike) -> Floats:
    """Return of fixed weights, (time,), from returns (time, names). A missing return matters where there is weight."""
    w, r = _weights_and_returns(weights, returns)
    held = w != 0
    return np.asarray(r[:, held] @ w[held])


def component_var(
    weights: ArrayLike,
    *,
    covariance: ArrayLike | None = None,
    returns: ArrayLike | None = None,
    level: float = 0.95,
) -> RiskComponents:
    """VaR and CVaR of a portfolio split by name (Euler; Tasche 1999, Hallerbach 2003).

    From a covariance: normal, mean zero. From returns (time, names): historical; the marginal VaR is minus the name's
    return in the scenarios the quantile lies between, the marginal CVaR minus its mean return in the tail. NaN under 20
    returns, and under one beyond the level (100 at 99 %). A portfolio without risk has no marginal figures.

    Raises ValueError unless exactly one of the two is given.
    """
    _check_level(level)
    if (covariance is None) == (returns is None):
        raise ValueError("give either a covariance or returns")
    w = np.asarray(weights, dtype=np.float64)
    if covariance is not None:
        marginal_var, marginal_cvar = _normal_marginals(w, covariance, level)
    else:
        marginal_var, marginal_cvar = _historical_marginals(w, np.asarray(returns, dtype=np.float64), level)
    riskless = not w.any() or (covariance is not None and portfolio_volatility(w, covariance) == 0)
    component, shortfall = (
        np.where((w == 0) | riskless, 0.0, w * marginal) for marginal in (marginal_var, marginal_cvar)
    )
    return RiskComponents(
        float(component.sum()), float(shortfall.sum()), marginal_var, component, marginal_cvar, shortfall
    )


def var_after(
    weights: ArrayLike,
    change: ArrayLike,
    *,
    covariance: ArrayLike | None = None,
    returns: ArrayLike | None = None,
    level: float = 0.95,
) -> VarChange:
    """VaR and CVaR of the weights, and of the weights with `change` added: what a trade does to them before it is made.

    From a covariance or from returns, as in `component_var`. Raises ValueError as that does.
    """
    before = np.asarray(weights, dtype=np.float64)
    after = before + np.asarray(change, dtype=np.float64)
    if after.shape != before.shape:
        raise ValueError(f"a change of {np.size(change)} names does not fit {before.size} weights")
    old, new = (component_var(w, covariance=covariance, returns=returns, level=level) for w in (before, after))
    return VarChange(old.var, new.var, old.cvar, new.cvar)


def _check_level(level: float) -> None:
    require.number(level=level)
    if not 0.5 <= level < 1:
        raise ValueError(f"the level lies between 0.5 and 1, not at {level}")


def _historical(r: Floats, level: float) -> tuple[float, float]:
    if not r.size:
        return np.nan, np.nan
    quantile = float(np.quantile(r, 1 - level))
    return -quantile, -float(r[r <= quantile].mean())


def _normal(mean: float, deviation: float, level: float) -> tuple[float, float]:
    z = float(ndtri(1 - level))
    return -(mean + deviation * z), -mean + deviation * _density(z) / (1 - level)


def _density(z: float) -> float:
    return float(np.exp(-0.5 * z * z) / np.sqrt(2 * np.pi))


def _student_t(r: Floats, level: float) -> tuple[float, float]:
    if not varies(r):
        return np.nan, np.nan
    location, scale, freedom = _fit_student_t(r)
    if scale <= LEAST_SCALE * float(r.std()) * 1.01:
        return np.nan, np.nan
    t = float(stdtrit(freedom, 1 - level))
    log_density = (
        gammaln((freedom + 1) / 2)
        - gammaln(freedom / 2)
        - 0.5 * np.log(freedom * np.pi)
        - (freedom + 1) / 2 * np.log1p(t * t / freedom)
    )
    beyond = float(np.exp(log_density)) / (1 - level) * (freedom + t * t) / (freedom - 1)
    return -(location + scale * t), -location + scale * beyond


def _fit_student_t(r: Floats) -> tuple[float, float, float]:
    """Location, scale (not the deviation, which is scale sqrt(v / (v - 2))) and degrees of freedom v."""
    from scipy.optimize import minimize

    centre, unit = float(np.median(r)), float(r.std())
    x = (r - centre) / unit

    def cost(point: Floats) -> tuple[float, Floats]:
        """Mean negative log-likelihood over (location, ln scale, 1 / v), and its gradient."""
        location, scale, v = float(point[0]), float(np.exp(point[1])), 1 / float(point[2])
        z = (x - location) / scale
        weight = (v + 1) / (v + z**2)
        logs = np.log1p(z**2 / v)
        value = gammaln(v / 2) - gammaln((v + 1) / 2) + 0.5 * np.log(v * np.pi) + np.log(scale)
        by_v = 0.5 * (psi(v / 2) - psi((v + 1) / 2) + 1 / v + np.mean(logs - weight * z**2 / v))
        gradient = np.array([-np.mean(weight * z) / scale, 1 - np.mean(weight * z**2), -by_v * v**2])
        return float(value + (v + 1) / 2 * logs.mean()), gradient

    bounds = [(-10.0, 10.0), (np.log(LEAST_SCALE), 3.0), (1 / FREEDOM[1], 1 / FREEDOM[0])]
    found = minimize(cost, np.array([0.0, -0.25, 0.2]), jac=True, method="L-BFGS-B", bounds=bounds).x
    return float(found[0]) * unit + centre, float(np.exp(found[1])) * unit, 1 / float(found[2])


def _cornish_fisher(r: Floats, level: float) -> tuple[float, float]:
    if not varies(r):
        return np.nan, np.nan
    mean, deviation = float(r.mean()), float(r.std(ddof=1))
    standard = (r - mean) / float(r.std())
    skew, excess = float(np.mean(standard**3)), float(np.mean(standard**4)) - 3
    z = float(ndtri(1 - level))
    corrected = z + (z**2 - 1) * skew / 6 + (z**3 - 3 * z) * excess / 24 - (2 * z**3 - 5 * z) * skew**2 / 36
    deep = np.linspace(min(z, float(ndtri(1e-6))), z, 200)
    slope = 1 + deep * skew / 3 + (deep**2 - 1) * excess / 8 - (6 * deep**2 - 5) * skew**2 / 36
    if slope.min() <= 0:
        return np.nan, np.nan
    # The integral of a Hermite polynomial He_n times the density up to z is -He_{n-1}(z) times the density.
    beyond = 1 + z * skew / 6 + (z**2 - 1) * excess / 24 - (2 * z**2 - 1) * skew**2 / 36
    return -(mean + deviation * corrected), -mean + deviation * beyond * _density(z) / (1 - level)


def _filtered(r: Floats) -> Floats:
    """The returns as they would have been at the volatility forecast for the next bar."""
    if not varies(r):
        return np.empty(0)
    fit = fit_garch(r)
    if fit is not None and fit.converged:
        return np.asarray(fit.mu + fit.residuals * np.sqrt(fit.next_variance))
    mean = float(r.mean())
    variance = ewma_variance(r - mean)
    before, after = variance[:-1], float(variance[-1])
    usable = before > 1e-12 * after
    return np.asarray(mean + (r - mean)[1:][usable] * np.sqrt(after / before[usable]))


def _simulated(r: Floats, draws: int, seed: int) -> Floats:
    if draws < 1000:
        raise ValueError(f"a simulation needs at least 1000 draws, not {draws}")
    if (r <= -1).any():
        return np.empty(0)
    logs = np.log1p(r)
    z = np.random.default_rng(seed).standard_normal(draws)
    return np.asarray(np.expm1(logs.mean() + deviation(logs) * z))


def _weights_and_returns(weights: ArrayLike, returns: ArrayLike) -> tuple[Floats, Floats]:
    w, r = np.asarray(weights, dtype=np.float64), np.asarray(returns, dtype=np.float64)
    if r.ndim != 2 or w.shape != r.shape[1:]:
        raise ValueError(f"{w.size} weights do not fit returns of shape {r.shape}")
    return w, r


def _normal_marginals(w: Floats, covariance: ArrayLike, level: float) -> tuple[Floats, Floats]:
    volatility = portfolio_volatility(w, covariance)
    pull = covariance_with_portfolio(w, covariance)
    slope = pull / volatility if volatility > 0 else np.full(w.shape, np.nan)
    var, cvar = _normal(0.0, 1.0, level)
    return var * slope, cvar * slope


def _historical_marginals(w: Floats, r: Floats, level: float) -> tuple[Floats, Floats]:
    total = portfolio_returns(w, r)
    nothing = np.full(w.shape, np.nan)
    few = total.size < MINIMUM or total.size * (1 - level) < 1 - 1e-9
    if few or not w.any() or not np.isfinite(total).all():
        return nothing, nothing
    order = np.argsort(total, kind="stable")
    place = (total.size - 1) * (1 - level)
    low = int(place)
    share = place - low
    at = (1 - share) * r[order[low]] + share * r[order[low + 1]]
    tail = total <= np.quantile(total, 1 - level)
    return -at, -r[tail].mean(axis=0)
