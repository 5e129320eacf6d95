"""GARCH(1,1) and GJR-GARCH(1,1) by Gaussian (quasi) maximum likelihood.

r_t = mu + e_t,  h_t = omega + (alpha + gamma 1[e_{t-1} < 0]) e_{t-1}^2 + beta h_{t-1}
(Bollerslev 1986; Glosten, Jagannathan & Runkle 1993). Before the sample h = e^2 = the mean squared residual, the
convention of the published benchmark of Fiorentini, Calzolari & Panattoni (1996).
"""

from typing import Literal, NamedTuple

import msgspec
import numpy as np
from numpy.typing import ArrayLike, NDArray

from tradeterm.quant.samples import too_far, varies

Floats = NDArray[np.float64]
GarchModel = Literal["garch", "gjr"]

MINIMUM = 100
NEARLY_INTEGRATED = 0.999
ROUNDS = 500
TRIAL_ROUNDS = 12

# The search runs over (mu, ln omega, persistence p, share u, asymmetry v) of the standardised series, so that every
# constraint is a bound: beta = p (1 - u), alpha = p u v, gamma = 2 p u (1 - v), hence alpha + gamma/2 + beta = p,
# alpha >= 0 and alpha + gamma >= 0. v = 1 is the symmetric model.
BOUNDS = [(-1.0, 1.0), (np.log(1e-8), np.log(10.0)), (0.0, 0.99999), (0.0, 1.0), (0.0, 2.0)]
STARTS = [(p, u) for p in (0.6, 0.9, 0.98) for u in (0.05, 0.2)]


class GarchParameters(NamedTuple):
    """mu in units of the return, omega in squared units, the others plain numbers."""

    mu: float
    omega: float
    alpha: float
    gamma: float
    beta: float

    @property
    def persistence(self) -> float:
        return self.alpha + self.gamma / 2 + self.beta


class GarchFit(msgspec.Struct, frozen=True, eq=False):
    """A fitted model, in the units of the returns it was given.

    `variances[t]` is the variance of return t given the returns before it; `residuals` are standardised,
    (r - mu) / sqrt(variance); `next_variance` is the forecast for the bar after the last. `standard_errors` are the
    robust ones of Bollerslev & Wooldridge (1992), NaN where a parameter lies on its bound or the Hessian is singular.
    """

    mu: float
    omega: float
    alpha: float
    gamma: float
    beta: float
    loglikelihood: float
    persistence: float
    unconditional_variance: float
    variances: Floats
    residuals: Floats
    next_variance: float
    converged: bool
    standard_errors: GarchParameters

    @property
    def nearly_integrated(self) -> bool:
        """Persistence above 0.999: forecasts hardly return to the unconditional variance, which is then ill-defined."""
        return self.persistence > NEARLY_INTEGRATED

    def forecast(self, horizon: int) -> Floats:
        """Variances of the next `horizon` bars; their sum is the variance of the return over the horizon.

        Raises ValueError for horizon < 1.
        """
        if horizon < 1:
            raise ValueError(f"a forecast needs a horizon of at least one bar, not {horizon}")
        decay = np.power(self.persistence, np.arange(horizon), dtype=np.float64)
        return self.unconditional_variance + decay * (self.next_variance - self.unconditional_variance)


def garch_refusal(returns: ArrayLike) -> str | None:
    """Why `fit_garch` has no fit for this series, in one sentence; None where it has one.

    Raises ValueError for more than one series.
    """
    r = np.asarray(returns, dtype=np.float64)
    if r.ndim != 1:
        raise ValueError(f"a GARCH fit needs one series, not an array of {r.ndim} dimensions")
    if r.size < MINIMUM:
        return f"a GARCH fit needs at least {MINIMUM} returns, not {r.size}"
    if not np.isfinite(r).all():
        return "a return is missing or not finite"
    if not varies(r):
        return "the returns do not vary"
    if (size := too_far(r)) is not None:
        return f"the returns are too {size} for their squares"
    return None


def fit_garch(returns: ArrayLike, model: GarchModel = "garch") -> GarchFit | None:
    """Maximum-likelihood fit of a series of returns, fractions or percent, oldest first.

    None where there is no fit: `garch_refusal` says why. Below about 500 returns the parameters are rough. Check
    `converged` and `nearly_integrated` before using the figures.

    Raises ValueError for an unknown model and for more than one series.
    """
    if model not in ("garch", "gjr"):
        raise ValueError(f"a model is garch or gjr, not {model!r}")
    if garch_refusal(returns) is not None:
        return None
    r = np.asarray(returns, dtype=np.float64)
    centre, scale = float(r.mean()), float(r.std())
    found, converged = _maximise((r - centre) / scale, model)
    natural = _natural(found)
    parameters = GarchParameters(
        natural.mu * scale + centre, natural.omega * scale**2, natural.alpha, natural.gamma, natural.beta
    )
    errors = _standard_errors((r - centre) / scale, natural, model)
    residuals = r - parameters.mu
    variances = _variances(residuals, parameters)
    last = float(residuals[-1])
    news = parameters.alpha + parameters.gamma * (last < 0)
    return GarchFit(
        *parameters,
        loglikelihood=_loglikelihood(residuals, variances),
        persistence=parameters.persistence,
        unconditional_variance=parameters.omega / (1 - parameters.persistence),
        variances=variances,
        residuals=residuals / np.sqrt(variances),
        next_variance=parameters.omega + news * last**2 + parameters.beta * float(variances[-1]),
        converged=converged,
        standard_errors=GarchParameters(errors.mu * scale, errors.omega * scale**2, *errors[2:]),
    )


def _maximise(x: Floats, model: GarchModel) -> tuple[Floats, bool]:
    """The best point of the search space for a standardised series.

    Of a grid of starts the best is followed to the end, the second for a while, and on if it has got further by then.
    """
    from scipy.optimize import minimize

    bounds = BOUNDS if model == "gjr" else [*BOUNDS[:4], (1.0, 1.0)]

    def climb(start: Floats, rounds: int) -> tuple[float, Floats, bool]:
        found = minimize(
            _cost,
            start,
            args=(x,),
            jac=True,
            method="L-BFGS-B",
            bounds=bounds,
            options={"ftol": 1e-12, "gtol": 1e-7, "maxiter": rounds},
        )
        return float(found.fun), np.asarray(found.x, dtype=np.float64), bool(found.success)

    grid = [np.array([0.0, np.log(1 - p), p, u, 1.0]) for p, u in STARTS]
    grid.sort(key=lambda start: -_loglikelihood(x, _variances(x, _natural(start))))
    cost, point, converged = climb(grid[0], ROUNDS)
    other_cost, other, _ = climb(grid[1], TRIAL_ROUNDS)
    if other_cost < cost:
        _, point, converged = climb(other, ROUNDS)
    return point, converged


def _natural(point: Floats) -> GarchParameters:
    mu, log_omega, p, u, v = (float(value) for value in point)
    return GarchParameters(mu, float(np.exp(log_omega)), p * u * v, 2 * p * u * (1 - v), p * (1 - u))


def _variances(residuals: Floats, parameters: GarchParameters) -> Floats:
    """The variance path, by a linear filter because the recursion is linear in h."""
    from scipy.signal import lfilter

    _, omega, alpha, gamma, beta = parameters
    squares = residuals**2
    before = float(squares.mean())
    shocks = np.empty_like(squares)
    shocks[0] = (alpha + gamma / 2) * before
    shocks[1:] = np.where(residuals[:-1] < 0, alpha + gamma, alpha) * squares[:-1]
    path, _ = lfilter([1.0], [1.0, -beta], omega + shocks, zi=[beta * before])
    return np.asarray(path, dtype=np.float64)


def _loglikelihood(residuals: Floats, variances: Floats) -> float:
    return -0.5 * float(np.sum(np.log(2 * np.pi * variances) + residuals**2 / variances))


def _gradient(residuals: Floats, variances: Floats, parameters: GarchParameters) -> Floats:
    """Gradient of the log-likelihood in natural parameters, by the adjoint of the variance recursion (one filter)."""
    from scipy.signal import lfilter

    _, _, alpha, gamma, beta = parameters
    squares = residuals**2
    by_variance = 0.5 * (squares / variances - 1) / variances
    adjoint = np.asarray(lfilter([1.0], [1.0, -beta], by_variance[::-1]))[::-1]
    first, rest = float(adjoint[0]), adjoint[1:]
    before, fell = float(squares.mean()), residuals[:-1] < 0
    news = rest * squares[:-1]
    slopes = rest * residuals[:-1] * np.where(fell, alpha + gamma, alpha)
    by_mu = np.sum(residuals / variances) - 2 * (slopes.sum() + first * parameters.persistence * residuals.mean())
    return np.array(
        [
            by_mu,
            adjoint.sum(),
            first * before + news.sum(),
            first * before / 2 + news @ fell,
            first * before + rest @ variances[:-1],
        ]
    )


def _scores(residuals: Floats, variances: Floats, parameters: GarchParameters) -> Floats:
    """The gradient of every observation's log-likelihood, (5, T); it sums to `_gradient`."""
    from scipy.signal import lfilter

    _, _, alpha, gamma, beta = parameters
    squares = residuals**2
    before, before_slope = float(squares.mean()), -2 * float(residuals.mean())
    fell = residuals[:-1] < 0
    inputs = np.empty((5, residuals.size))
    inputs[0, 0] = (alpha + gamma / 2) * before_slope
    inputs[0, 1:] = -2 * np.where(fell, alpha + gamma, alpha) * residuals[:-1]
    inputs[1] = 1.0
    inputs[2, 0], inputs[2, 1:] = before, squares[:-1]
    inputs[3, 0], inputs[3, 1:] = before / 2, squares[:-1] * fell
    inputs[4, 0], inputs[4, 1:] = before, variances[:-1]
    carried = np.zeros((5, 1))
    carried[0] = beta * before_slope
    slopes, _ = lfilter([1.0], [1.0, -beta], inputs, axis=1, zi=carried)
    scores = 0.5 * np.asarray(slopes, dtype=np.float64) * (squares / variances - 1) / variances
    scores[0] += residuals / variances
    return scores


def _cost(point: Floats, x: Floats) -> tuple[float, Floats]:
    """Mean negative log-likelihood and its gradient in the search space."""
    parameters = _natural(point)
    residuals = x - parameters.mu
    variances = _variances(residuals, parameters)
    gradient = _gradient(residuals, variances, parameters)
    by_mu, by_omega, by_alpha, by_gamma, by_beta = (float(slope) for slope in gradient)
    _, _, p, u, v = (float(value) for value in point)
    by_news = v * by_alpha + 2 * (1 - v) * by_gamma
    slopes = [
        by_mu,
        by_omega * parameters.omega,
        u * by_news + (1 - u) * by_beta,
        p * (by_news - by_beta),
        p * u * (by_alpha - 2 * by_gamma),
    ]
    return -_loglikelihood(residuals, variances) / x.size, -np.array(slopes) / x.size


def _standard_errors(x: Floats, parameters: GarchParameters, model: GarchModel) -> GarchParameters:
    """Sandwich H^-1 (sum of score products) H^-1; the Hessian H by central differences of the exact gradient."""
    errors = np.full(5, np.nan)
    inside = (
        parameters.alpha > 1e-6
        and parameters.alpha + parameters.gamma > 1e-6
        and parameters.beta > 1e-6
        and parameters.omega > 2e-8
        and parameters.persistence < BOUNDS[2][1] - 1e-6
    )
    if not inside:
        return GarchParameters(*errors.tolist())
    free = [0, 1, 2, 4] if model == "garch" else [0, 1, 2, 3, 4]
    point = np.array(parameters)
    steps = 1e-5 * np.maximum(np.abs(point), 1e-2)
    steps[1:3] = np.minimum(steps[1:3], point[1:3] / 2)

    def slope(index: int, step: float) -> Floats:
        moved = point.copy()
        moved[index] += step
        near = GarchParameters(*moved.tolist())
        return _gradient(x - near.mu, _variances(x - near.mu, near), near)

    hessian = np.array([(slope(i, steps[i]) - slope(i, -steps[i]))[free] / (2 * steps[i]) for i in free])
    residuals = x - parameters.mu
    scores = _scores(residuals, _variances(residuals, parameters), parameters)[free]
    try:
        inverse = np.linalg.inv((hessian + hessian.T) / 2)
    except np.linalg.LinAlgError:
        return GarchParameters(*errors.tolist())
    # Not `scores @ scores.T`: for so little work the threads of a linear algebra library cost more than they bring.
    products = np.einsum("it,jt->ij", scores, scores)
    squares = np.diag(inverse @ products @ inverse)
    errors[free] = np.sqrt(np.where(squares > 0, squares, np.nan))
    return GarchParameters(*errors.tolist())
