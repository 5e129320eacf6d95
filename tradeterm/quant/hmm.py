"""Gaussian hidden Markov model of one series (Rabiner 1989; Hamilton 1989), fitted by Baum-Welch.

`filter` is the probability of each state given the data up to a bar: the only one fit for signals, live or in a
backtest. `smooth` and `viterbi` look at the whole series and change yesterday's answer tomorrow.
"""

import msgspec
import numpy as np
from numpy.typing import ArrayLike, NDArray

from tradeterm.quant import require
from tradeterm.quant.samples import too_far, varies

Floats = NDArray[np.float64]

MINIMUM_PER_STATE = 50
VARIANCE_FLOOR = 1e-3  # of the variance of the series: no state may collapse on a few equal values
TRANSITION_FLOOR = 1e-8
LIKELIHOOD_FLOOR = -650.0  # in logs, of a state against the best one at the same bar: no state is impossible
BLOCK = 32
TRIAL_ROUNDS = 6
ROUNDS = 500
TOLERANCE = 1e-3  # in log-likelihood, a round


class HmmFit(msgspec.Struct, frozen=True, eq=False):
    """A fitted model, in the units of the series it was given; states in ascending order of variance.

    `transition[i, j]` is the probability of state j after state i (rows sum to 1), `start` the distribution of the
    state at the first bar of the fitted series, `stationary` the long-run share of each state. K is their number.
    """

    transition: Floats
    means: Floats
    variances: Floats
    start: Floats
    stationary: Floats
    loglikelihood: float
    converged: bool

    @property
    def states(self) -> int:
        return self.means.size

    def filter(self, x: ArrayLike, start: ArrayLike | None = None) -> Floats:
        """P(state at t | x up to t), (T, K): row t never changes when later values are added.

        `start` is the distribution at the first bar, by default the stationary one. A missing value gives a row of NaN;
        the model carries on behind it.
        """
        known, density, first = self._prepare(x, start)
        if not known.size:
            return density
        probability = _chain(first * density[0], self.transition * density[1:, None, :])
        probability[~known] = np.nan
        return probability

    def smooth(self, x: ArrayLike, start: ArrayLike | None = None) -> Floats:
        """P(state at t | the whole of x), (T, K). NOT for signals: it looks ahead."""
        known, density, first = self._prepare(x, start)
        if not known.size:
            return density
        return _smoothed(first * density[0], self.transition * density[1:, None, :])[1]

    def viterbi(self, x: ArrayLike, start: ArrayLike | None = None) -> NDArray[np.int64]:
        """The likeliest path of states over the whole of x, (T,). NOT for signals: it looks ahead."""
        known, density, first = self._prepare(x, start)
        if not known.size:
            return np.empty(0, dtype=np.int64)
        with np.errstate(divide="ignore"):
            best, step = np.log(first), np.log(self.transition)
        logs = np.log(density)
        came_from = np.empty((known.size, self.states), dtype=np.int64)
        best = best + logs[0]
        for t in range(1, known.size):
            routes = best[:, None] + step
            came_from[t] = routes.argmax(axis=0)
            best = routes.max(axis=0) + logs[t]
        path = np.empty(known.size, dtype=np.int64)
        path[-1] = best.argmax()
        for t in range(known.size - 1, 0, -1):
            path[t - 1] = came_from[t, path[t]]
        return path

    def _prepare(self, x: ArrayLike, start: ArrayLike | None) -> tuple[NDArray[np.bool_], Floats, Floats]:
        """Which values are known, the relative density of each in each state, and the distribution at the start."""
        series = np.asarray(x, dtype=np.float64)
        if series.ndim != 1:
            raise ValueError(f"a model of one series cannot read an array of {series.ndim} dimensions")
        first = self.stationary if start is None else np.asarray(start, dtype=np.float64)
        if first.shape != self.means.shape or not (first >= 0).all() or abs(first.sum() - 1) > 1e-6:
            raise ValueError(f"the start must be {self.states} probabilities that sum to 1")
        known = np.isfinite(series)
        density, _ = _densities(np.where(known, series, 0.0), self.means, self.variances)
        density[~known] = 1.0
        return known, density, first


def hmm_refusal(x: ArrayLike, states: int = 2) -> str | None:
    """Why `fit_hmm` has no fit for this series, in one sentence; None where it has one.

    Raises ValueError for more than one series.
    """
    series = np.asarray(x, dtype=np.float64)
    if series.ndim != 1:
        raise ValueError(f"the model takes one series, not an array of {series.ndim} dimensions")
    if series.size < MINIMUM_PER_STATE * states:
        return f"{states} states need at least {MINIMUM_PER_STATE * states} values, not {series.size}"
    if not np.isfinite(series).all():
        return "a value is missing or not finite"
    if not varies(series):
        return "the series does not vary"
    if (size := too_far(series)) is not None:
        return f"the values are too {size} for their squares"
    return None


def fit_hmm(x: ArrayLike, states: int = 2, seed: int = 0) -> HmmFit | None:
    """Fit 2 to 4 states to a series such as log returns, oldest first, fractions or percent.

    Several starts (quantiles of the size, of the local size and of the value, and random ones from `seed`) run a few
    rounds each; the best goes on until a round gains less than 0.001 in log-likelihood. None where there is no fit:
    `hmm_refusal` says why.

    Raises ValueError for states outside 2..4 and for more than one series.
    """
    require.count(states=states)
    if not 2 <= states <= 4:
        raise ValueError(f"a model has 2 to 4 states, not {states}")
    if hmm_refusal(x, states) is not None:
        return None
    series = np.asarray(x, dtype=np.float64)
    centre, scale = float(series.mean()), float(series.std())
    z = (series - centre) / scale
    trials = [_climb(z, start, TRIAL_ROUNDS) for start in _starts(z, states, np.random.default_rng(seed))]
    best = _climb(z, max(trials, key=lambda trial: trial.loglikelihood), ROUNDS)
    order = np.argsort(best.variances, kind="stable")
    transition = best.transition[np.ix_(order, order)]
    return HmmFit(
        transition=transition,
        means=best.means[order] * scale + centre,
        variances=best.variances[order] * scale**2,
        start=best.start[order],
        stationary=_stationary(transition),
        loglikelihood=best.loglikelihood - series.size * float(np.log(scale)),
        converged=best.converged,
    )


class _Model(msgspec.Struct, frozen=True, eq=False):
    """Parameters on the way, of the standardised series."""

    transition: Floats
    means: Floats
    variances: Floats
    start: Floats
    loglikelihood: float = -np.inf
    converged: bool = False


def _climb(z: Floats, model: _Model, rounds: int) -> _Model:
    """Baum-Welch rounds until one gains little, two of them followed by a leap ahead (SQUAREM, Varadhan & Roland 2008)
    that is taken back where it does not pay. The log-likelihood is that of the parameters returned."""
    likelihood, once = _round(z, model)
    for _ in range(0, rounds, 2):
        once_likelihood, twice = _round(z, once)
        if once_likelihood - likelihood < TOLERANCE:
            return msgspec.structs.replace(once, loglikelihood=once_likelihood, converged=True)
        leap = _leap(model, once, twice)
        leap_likelihood, after = _round(z, leap)
        if leap_likelihood > once_likelihood:
            model, likelihood, once = leap, leap_likelihood, after
        else:
            model, likelihood, once = once, once_likelihood, twice
    return msgspec.structs.replace(model, loglikelihood=likelihood)


def _round(z: Floats, model: _Model) -> tuple[float, _Model]:
    """The log-likelihood of a model, and the model one round of Baum-Welch later."""
    density, scale = _densities(z, model.means, model.variances)
    moves = model.transition * density[1:, None, :]
    forward, smoothed, backward = _smoothed(model.start * density[0], moves)
    predicted = np.concatenate([model.start[None], forward[:-1] @ model.transition])
    likelihood = float(np.sum(np.log(np.sum(predicted * density, axis=1)) + scale))
    pairs = forward[:-1, :, None] * moves * backward[1:, None, :]
    pairs = pairs.reshape(len(pairs), -1)
    pairs = (1 / pairs.sum(axis=1)) @ pairs
    weight = smoothed.sum(axis=0)
    means = z @ smoothed / weight
    variances = np.einsum("tk,tk->k", smoothed, (z[:, None] - means) ** 2) / weight
    return likelihood, _Model(
        transition=_rows(pairs.reshape(model.transition.shape)),
        means=means,
        variances=np.maximum(variances, VARIANCE_FLOOR),
        start=smoothed[0],
    )


def _leap(model: _Model, once: _Model, twice: _Model) -> _Model:
    """Where the path of two rounds points to."""
    here, there, beyond = (
        np.concatenate([np.log(at.transition).ravel(), at.means, np.log(at.variances)]) for at in (model, once, twice)
    )
    step = there - here
    bend = beyond - there - step
    length = max(1.0, float(np.sqrt(np.sum(step**2) / max(float(np.sum(bend**2)), 1e-300))))
    point = here + 2 * length * step + length**2 * bend
    states = model.means.size
    transition, means, variances = np.split(point, [states**2, states**2 + states])
    return _Model(
        transition=_rows(np.exp(np.clip(transition.reshape(states, states), -50.0, 50.0))),
        means=np.clip(means, -50.0, 50.0),
        variances=np.clip(np.exp(np.clip(variances, -50.0, 50.0)), VARIANCE_FLOOR, 1e6),
        start=twice.start,
    )


def _starts(z: Floats, states: int, rng: np.random.Generator) -> list[_Model]:
    """Where to begin: groups by size, by local size and by value, and two random ones."""
    size = np.abs(z)
    local = np.convolve(size, np.ones(11) / 11, mode="same")

    def grouped(key: Floats) -> _Model:
        group = np.searchsorted(np.quantile(key, np.arange(1, states) / states), key)
        members = [z[group == state] if np.any(group == state) else z for state in range(states)]
        return _sticky(np.array([part.mean() for part in members]), np.array([part.var() for part in members]), 0.95)

    def drawn() -> _Model:
        return _sticky(0.5 * rng.standard_normal(states), np.exp(rng.uniform(-2, 1.5, states)), rng.uniform(0.6, 0.98))

    return [*(grouped(key) for key in (size, local, z)), drawn(), drawn()]


def _sticky(means: Floats, variances: Floats, stay: float) -> _Model:
    states = means.size
    return _Model(
        transition=_rows(np.eye(states) * stay + (1 - stay) / states),
        means=means,
        variances=np.maximum(variances, VARIANCE_FLOOR),
        start=np.full(states, 1 / states),
    )


def _rows(weights: Floats) -> Floats:
    """Rows scaled to probabilities, none of them zero."""
    rows = np.maximum(weights / np.maximum(weights.sum(axis=1, keepdims=True), 1e-300), TRANSITION_FLOOR)
    return np.asarray(rows / rows.sum(axis=1, keepdims=True))


def _stationary(transition: Floats) -> Floats:
    """pi with pi P = pi, from the linear system with one equation replaced by sum(pi) = 1."""
    states = transition.shape[0]
    system = np.vstack([(transition.T - np.eye(states))[:-1], np.ones(states)])
    share = np.clip(np.linalg.solve(system, np.eye(states)[-1]), 0.0, None)
    return np.asarray(share / share.sum())


def _densities(x: Floats, means: Floats, variances: Floats) -> tuple[Floats, Floats]:
    """Normal density of each value in each state, (T, K), relative to the best one; and the log of what was divided."""
    logs = -0.5 * (np.log(2 * np.pi * variances) + (x[:, None] - means) ** 2 / variances)
    best = logs.max(axis=1, keepdims=True) if x.size else np.zeros((0, 1))
    return np.exp(np.maximum(logs - best, LIKELIHOOD_FLOOR)), best[:, 0]


def _smoothed(first: Floats, moves: Floats) -> tuple[Floats, Floats, Floats]:
    """Forward, smoothed and backward probabilities, each (T, K) with rows that sum to 1."""
    forward = _chain(first, moves)
    backward = _chain(np.ones_like(first), moves[::-1].transpose(0, 2, 1))[::-1]
    both = forward * backward
    return forward, both / both.sum(axis=1, keepdims=True), backward


def _chain(first: Floats, moves: Floats) -> Floats:
    """Rows v_0 = first, v_t = v_{t-1} @ moves_t, each scaled to sum to 1.

    In blocks: the products within all blocks at once, then from block to block, so that T steps take about 2 sqrt(T)
    calls. Every row of a move (forwards) has an entry of at least 1e-8 and none above 1, so that a product of 32 cannot
    underflow. Blocks begin at the first row, so that a row is the same, bit for bit, however many follow.
    """
    states, steps = first.size, moves.shape[0]
    blocks = -(-steps // BLOCK)
    products = np.empty((blocks, BLOCK, states, states))
    products.reshape(-1, states, states)[:steps] = moves
    products.reshape(-1, states, states)[steps:] = np.eye(states)
    for step in range(1, BLOCK):
        products[:, step] = products[:, step - 1] @ products[:, step]
    entries = np.empty((blocks, 1, 1, states))
    row = first / first.sum()
    for block in range(blocks):
        entries[block, 0, 0] = row
        row = row.dot(products[block, -1])
        row /= row.sum()
    rows = (entries @ products).reshape(-1, states)[:steps]
    return np.concatenate([first[None] / first.sum(), rows / rows.sum(axis=1, keepdims=True)])
