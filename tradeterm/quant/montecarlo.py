"""Simulated price paths: geometric Brownian motion, regimes, GARCH, several assets. Jumps are in `events`.

Every function draws its normals first and in one order, so that with its own feature switched off it gives the paths
`gbm_paths` gives for the same seed. The default is 1000 paths; the error of a probability is √(p(1−p)/paths).

Units. `gbm_paths` and `correlated_paths` take drift and volatility per year and the horizon in years (any other unit
does, if all three share it). `regime_paths` and `garch_paths` take the log return of one step, as fractions: there one
step is one bar of the data the model was fitted on.

Paths come back as (paths, steps + 1), the first column the start. In memory the steps are outermost, because every
recursion runs over them.
"""

import itertools
import math
from collections.abc import Iterator, Sequence
from functools import lru_cache
from typing import NamedTuple

import numpy as np
from numpy.polynomial import Chebyshev, Polynomial
from numpy.typing import ArrayLike
from scipy.special import ndtr, stdtrit

from tradeterm.quant import require
from tradeterm.quant.correlation import nearest_psd
from tradeterm.quant.require import Floats
from tradeterm.quant.simulation import Seed, generator

_ROUNDING = 1e-8
_BLOCK = 8192  # values
_MOST_STATES = 16  # their cells fit in a byte
_FURTHEST_NORMAL = 8.2  # one draw in 10^16
_CLOSE, _HIGHEST_POWER = 5e-5, 10


class CorrelatedPaths(NamedTuple):
    """`paths` is (paths, steps + 1, assets). `correlation` is the matrix that was used; `clipped` says that the one
    given was not positive semi-definite, so its negative eigenvalues were set to zero and its diagonal back to one."""

    paths: Floats
    correlation: Floats
    clipped: bool


def gbm_paths(
    spot: float,
    drift: float,
    volatility: float,
    horizon: float,
    steps: int,
    paths: int = 1000,
    seed: Seed = 0,
    antithetic: bool = False,
) -> Floats:
    """Geometric Brownian motion, exact at the steps: (paths, steps + 1), with E[S_T] = spot·exp(drift·horizon).

    For a probability at the horizon alone `steps=1` draws all that is needed (and `barriers.prob_above` needs none).
    `antithetic` makes path i + paths/2 the mirror image of path i; tell `Simulation` so. A recent mean is no drift: its
    error is volatility/√years; use 0 or the risk-free rate.
    Raises ValueError for what is not finite, a price, horizon or count of zero or less, a negative volatility, an odd
    number of antithetic paths.
    """
    require.positive(spot=spot, horizon=horizon)
    require.finite(drift=drift)
    require.not_negative(volatility=volatility)
    require.count(steps=steps, paths=paths)
    if antithetic and paths % 2:
        raise ValueError("antithetic paths come in pairs: their number must be even")
    rng = generator(seed)
    out = np.empty((steps + 1, paths))
    moves = out[1:]
    if antithetic:
        drawn = rng.standard_normal((steps, paths // 2))
        moves[:, : paths // 2] = drawn
        np.negative(drawn, out=moves[:, paths // 2 :])
    else:
        rng.standard_normal(out=moves)
    step = horizon / steps
    moves *= volatility * math.sqrt(step)
    moves += (drift - volatility * volatility / 2) * step
    return compounded(out, spot)


def regime_paths(
    spot: float,
    transition: ArrayLike,
    means: ArrayLike,
    volatilities: ArrayLike,
    start: ArrayLike,
    steps: int,
    paths: int = 1000,
    seed: Seed = 0,
) -> Floats:
    """Markov switching between Gaussian states (Hamilton 1989): (paths, steps + 1).

    `transition[i, j]` is the probability of going from state i to j in one step, `means` and `volatilities` are those
    of the log return of one step in each state. `start` is the FILTERED probability of each state at the last bar known
    (not the likeliest state): the first simulated return is one transition later.
    Raises ValueError for shapes that do not fit and probabilities that do not sum to one.
    """
    require.positive(spot=spot)
    require.count(steps=steps, paths=paths)
    mean, volatility = require.finite_array("means", means), require.finite_array("volatilities", volatilities)
    matrix = require.finite_array("the transition matrix", transition, dimensions=2)
    first = require.finite_array("start", start)
    states = mean.size
    if states > _MOST_STATES:
        raise ValueError(f"at most {_MOST_STATES} states, not {states}")
    if volatility.size != states or first.size != states or matrix.shape != (states, states):
        raise ValueError(f"{states} means need as many volatilities and start probabilities and a square transition")
    if volatility.min() < 0:
        raise ValueError("a volatility must not be negative")
    _check_probabilities("each row of the transition matrix", matrix)
    _check_probabilities("the start probabilities", first[np.newaxis])
    rng = generator(seed)
    out = np.empty((steps + 1, paths))
    rng.standard_normal(out=out[1:])
    if states == 1:
        out[1:] *= volatility[0]
        out[1:] += mean[0]
        return compounded(out, spot)
    state = np.searchsorted(np.cumsum(first)[:-1], rng.random(paths), side="right")
    # The bounds of all rows cut [0, 1) into cells; a uniform draw's cell and the state one is in give the next state.
    bounds = np.cumsum(matrix, axis=1)[:, :-1]
    edges = np.sort(bounds, axis=None)
    cells = np.append(0.0, edges)
    successor = np.stack([np.searchsorted(row, cells, side="right") for row in bounds], axis=1).ravel()
    for moves in _blocks(out[1:]):
        uniform = rng.random(moves.shape)
        cell = np.zeros(moves.shape, dtype=np.uint8)
        for edge in edges:
            cell += (uniform >= edge).view(np.uint8)
        places = np.multiply(cell, states, dtype=np.intp)
        followed = np.empty(moves.shape, dtype=np.intp)
        for place, reached in zip(places, followed, strict=True):
            place += state
            state = successor.take(place, out=reached, mode="clip")
        moves *= volatility.take(followed, out=uniform, mode="clip")
        moves += mean.take(followed, out=uniform, mode="clip")
    return compounded(out, spot)


def garch_paths(
    spot: float,
    omega: float,
    alpha: float,
    gamma: float,
    beta: float,
    next_variance: float,
    steps: int,
    paths: int = 1000,
    seed: Seed = 0,
    *,
    mean: float = 0.0,
    residuals: ArrayLike | None = None,
) -> Floats:
    """GJR-GARCH(1,1): (paths, steps + 1). `mean` is that of the log return of a step, `next_variance` its first.

    h' = omega + (alpha + gamma·[e < 0])·e² + beta·h, e = √h·z (Bollerslev 1986; Glosten, Jagannathan & Runkle 1993), in
    fractions, not percent. z is normal, or drawn with replacement from `residuals`, the standardized residuals of the
    fit: filtered historical simulation (Barone-Adesi, Giannopoulos & Vosper 1999), which keeps their tails.
    Raises ValueError for negative coefficients and a persistence alpha + gamma/2 + beta above one.
    """
    require.positive(spot=spot)
    require.finite(gamma=gamma, mean=mean)
    require.not_negative(omega=omega, alpha=alpha, beta=beta, next_variance=next_variance)
    require.count(steps=steps, paths=paths)
    if alpha + gamma < 0:
        raise ValueError(f"alpha + gamma must not be negative, and is {alpha + gamma}")
    if alpha + gamma / 2 + beta > 1 + _ROUNDING:
        raise ValueError(
            f"the persistence must not be above 1, and is {alpha + gamma / 2 + beta}: the variance explodes"
        )
    rng = generator(seed)
    out = np.empty((steps + 1, paths))
    if residuals is None:
        rng.standard_normal(out=out[1:])
    else:
        known = require.finite_array("residuals", residuals)
        for moves in _blocks(out[1:]):
            known.take(rng.integers(known.size, size=moves.shape), out=moves, mode="clip")
    variance, spare = np.full(paths, next_variance), np.empty((max(1, _BLOCK // paths), paths))
    for moves in _blocks(out[1:]):
        # e² = h·z², so h' = omega + h·growth, and the growth of a whole block is known before the recursion.
        growth = moves * math.sqrt(alpha)
        np.maximum(growth, np.multiply(moves, -math.sqrt(alpha + gamma), out=spare[: len(moves)]), out=growth)
        growth *= growth
        growth += beta
        first = variance
        for row in growth:  # which becomes the variance of the step after
            row *= variance
            row += omega
            variance = row
        moves[0] *= np.sqrt(first)
        moves[1:] *= np.sqrt(growth[:-1], out=spare[: len(moves) - 1])
        moves += mean
    return compounded(out, spot)


def correlated_paths(
    spots: ArrayLike,
    drifts: ArrayLike,
    volatilities: ArrayLike,
    correlation: ArrayLike,
    horizon: float,
    steps: int,
    paths: int = 1000,
    seed: Seed = 0,
    *,
    degrees_of_freedom: float | None = None,
) -> CorrelatedPaths:
    """Several geometric Brownian motions whose log returns are correlated; one drift, volatility and spot for each.

    With `degrees_of_freedom` the returns of one step are joined by a Student-t copula instead of a normal one: large
    moves come together, while each asset alone stays a geometric Brownian motion (at twice the cost).
    A correlation matrix that is not positive semi-definite is repaired, and the result says so. Raises ValueError for
    shapes that do not fit and a matrix that is not symmetric with a unit diagonal.
    """
    spot, drift = require.finite_array("spots", spots), require.finite_array("drifts", drifts)
    volatility = require.finite_array("volatilities", volatilities)
    given = require.finite_array("the correlation", correlation, dimensions=2)
    require.positive(horizon=horizon)
    require.count(steps=steps, paths=paths)
    assets = spot.size
    if drift.size != assets or volatility.size != assets or given.shape != (assets, assets):
        raise ValueError(f"{assets} spots need as many drifts and volatilities and a square correlation matrix")
    if spot.min() <= 0 or volatility.min() < 0:
        raise ValueError("spots must be above zero and volatilities not negative")
    used, root, clipped = _factor(given)
    rng = generator(seed)
    step = horizon / steps
    spread = (volatility * math.sqrt(step))[:, np.newaxis]
    out = np.empty((steps + 1, assets, paths))
    if degrees_of_freedom is None:
        root = root * spread
        drawn = np.empty((assets, paths))
        for move in out[1:]:
            np.matmul(root, rng.standard_normal(out=drawn), out=move)
    else:
        require.finite(degrees_of_freedom=degrees_of_freedom)
        if degrees_of_freedom < 1:
            raise ValueError(f"degrees_of_freedom must be at least 1, not {degrees_of_freedom}")
        coefficients = _normal_of_student(degrees_of_freedom)
        drawn, squares = np.empty((assets, paths)), np.empty((assets, paths))
        for move in out[1:]:
            np.matmul(root, rng.standard_normal(out=drawn), out=move)
            shared = rng.chisquare(degrees_of_freedom, paths)
            np.copysign(_normal(move, shared, coefficients, squares, drawn), move, out=move)
            move *= spread
    out[1:] += ((drift - volatility * volatility / 2) * step)[:, np.newaxis]
    return CorrelatedPaths(_compound(out, spot[:, np.newaxis]).transpose(2, 0, 1), used, clipped)


def compounded(moves: Floats, spot: float) -> Floats:
    """Prices (paths, steps + 1) from log moves (steps + 1, paths), which are overwritten; their row 0 is ignored."""
    return _compound(moves, spot).T


def _compound(moves: Floats, spot: float | Floats) -> Floats:
    moves[0] = 0.0
    # Row by row: numpy's own accumulation along the outermost axis strides through memory.
    for before, after in itertools.pairwise(moves[1:]):
        after += before
    np.exp(moves, out=moves)
    moves *= spot
    return moves


def _blocks(moves: Floats) -> Iterator[Floats]:
    """A few steps at a time, so that what is computed beside them stays in the processor's cache."""
    rows = max(1, _BLOCK // moves.shape[1])
    for first in range(0, moves.shape[0], rows):
        yield moves[first : first + rows]


def _check_probabilities(what: str, rows: Floats) -> None:
    if rows.min() < 0 or np.abs(rows.sum(axis=1) - 1).max() > _ROUNDING:
        raise ValueError(f"{what} must sum to 1 and hold nothing negative")


def _factor(given: Floats) -> tuple[Floats, Floats, bool]:
    """The matrix used, a root of it (root·rootᵀ is the matrix), and whether it had to be clipped."""
    if not (np.allclose(given, given.T, rtol=0, atol=_ROUNDING) and np.allclose(np.diag(given), 1, atol=_ROUNDING)):
        raise ValueError("a correlation matrix must be symmetric with ones on its diagonal")
    if np.abs(given).max() > 1 + _ROUNDING:
        raise ValueError("a correlation must lie between -1 and 1")
    repaired = nearest_psd(given)
    used = repaired.matrix
    values, vectors = np.linalg.eigh(used)
    if values[0] > _ROUNDING:
        return used, np.asarray(np.linalg.cholesky(used), dtype=np.float64), repaired.clipped
    return used, vectors * np.sqrt(np.maximum(values, 0.0)), repaired.clipped


@lru_cache(maxsize=16)
def _normal_of_student(degrees: float) -> tuple[float, ...]:
    """Coefficients c, the highest first, by which √u·Σ cₖ uᵏ is the size of the normal variate of the same rank as a
    Student-t one x, with u = ln(1 + x²/degrees): within 1e-3, 1e-4 from 3 degrees of freedom on.

    √(degrees·u) is close to it (Wallace 1959), and the ratio of the two is smooth in u. The exact way, through both
    distribution functions, takes many times as long.
    """
    normal = _FURTHEST_NORMAL * (1 - np.cos(np.linspace(0.02, np.pi, 400))) / 2
    student = stdtrit(degrees, ndtr(-normal))
    u = np.log1p(student * student / degrees)
    root = np.sqrt(u)
    for power in range(1, _HIGHEST_POWER + 1):
        fit = Chebyshev.fit(u, normal / root, power)
        if np.abs(fit(u) * root - normal).max() < _CLOSE:
            break
    return tuple(fit.convert(kind=Polynomial).coef[::-1].tolist())


def _normal(joint: Floats, shared: Floats, coefficients: Sequence[float], u: Floats, out: Floats) -> Floats:
    """The sizes of the normal variates of x = joint·√(degrees/shared), in `out`; `u` is overwritten."""
    highest, following, *rest = coefficients
    np.square(joint, out=u)
    u *= 1.0 / shared
    u += 1.0
    np.log(u, out=u)
    np.multiply(u, highest, out=out)
    out += following
    for coefficient in rest:
        out *= u
        out += coefficient
    out *= np.sqrt(u, out=u)
    return out
