"""The Gaussian hidden Markov model against enumeration, simulation and its own promises."""

import itertools

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tradeterm.quant import hmm
from tradeterm.quant.hmm import HmmFit, fit_hmm, hmm_refusal

TWO = np.array([[0.98, 0.02], [0.04, 0.96]])
THREE = np.array([[0.97, 0.02, 0.01], [0.03, 0.95, 0.02], [0.02, 0.04, 0.94]])


def simulated(seed: int, n: int, transition: np.ndarray, deviations: list[float]) -> tuple[np.ndarray, np.ndarray]:
    rng = np.random.default_rng(seed)
    path, state = [], 0
    for draw in rng.random(n):
        path.append(state)
        state = int(np.searchsorted(np.cumsum(transition[state]), draw))
    states = np.array(path)
    return states, np.array(deviations)[states] * rng.standard_normal(n)


def fitted(seed: int = 1, n: int = 1000) -> tuple[np.ndarray, np.ndarray, HmmFit]:
    states, x = simulated(seed, n, TWO, [0.006, 0.02])
    fit = fit_hmm(x)
    assert fit is not None
    return states, x, fit


def small() -> HmmFit:
    """A model small enough to enumerate."""
    return HmmFit(
        transition=np.array([[0.8, 0.2], [0.3, 0.7]]),
        means=np.array([0.1, -0.3]),
        variances=np.array([0.5, 2.0]),
        start=np.array([0.6, 0.4]),
        stationary=np.array([0.6, 0.4]),
        loglikelihood=0.0,
        converged=True,
    )


def joint(fit: HmmFit, x: np.ndarray) -> dict[tuple[int, ...], float]:
    """The probability density of every path of states together with x."""
    out = {}
    for path in itertools.product(range(fit.states), repeat=x.size):
        density = fit.start[path[0]]
        for t, state in enumerate(path):
            if t:
                density *= fit.transition[path[t - 1], state]
            variance = fit.variances[state]
            density *= np.exp(-0.5 * (x[t] - fit.means[state]) ** 2 / variance) / np.sqrt(2 * np.pi * variance)
        out[path] = float(density)
    return out


def test_filter_smooth_and_viterbi_agree_with_enumeration() -> None:
    fit, x = small(), np.array([0.3, -2.0, 1.5, 0.1, -0.2, 3.0])
    filtered, smoothed = fit.filter(x), fit.smooth(x)
    for t in range(x.size):
        for probabilities, seen in ((filtered, x[: t + 1]), (smoothed, x)):
            paths = joint(fit, seen)
            expected = [sum(p for path, p in paths.items() if path[t] == state) for state in (0, 1)]
            assert probabilities[t] == pytest.approx(np.array(expected) / sum(expected), rel=1e-10)
    paths = joint(fit, x)
    assert tuple(fit.viterbi(x)) == max(paths, key=lambda path: paths[path])


def test_two_regimes_are_found() -> None:
    states, x, fit = fitted()
    assert fit.converged
    assert np.sqrt(fit.variances) == pytest.approx([0.006, 0.02], rel=0.1)
    assert np.diag(fit.transition) == pytest.approx([0.98, 0.96], abs=0.03)
    assert np.mean(fit.viterbi(x) == states) > 0.95
    assert np.mean(fit.filter(x).argmax(axis=1) == states) > 0.9


def test_three_regimes_are_found() -> None:
    states, x = simulated(2, 2000, THREE, [0.004, 0.015, 0.05])
    fit = fit_hmm(x, states=3)
    assert fit is not None and fit.converged
    assert np.sqrt(fit.variances) == pytest.approx([0.004, 0.015, 0.05], rel=0.15)
    assert np.mean(fit.viterbi(x) == states) > 0.85


@pytest.mark.parametrize("states", [2, 3, 4])
def test_a_fit_is_a_model(states: int) -> None:
    _, x = simulated(3, 600, THREE, [0.004, 0.015, 0.05])
    fit = fit_hmm(x, states=states)
    assert fit is not None and fit.states == states
    assert (np.diff(fit.variances) >= 0).all() and (fit.variances > 0).all()
    assert (fit.transition > 0).all() and fit.transition.sum(axis=1) == pytest.approx(np.ones(states))
    assert fit.start.sum() == pytest.approx(1) and fit.stationary.sum() == pytest.approx(1)
    assert fit.stationary @ fit.transition == pytest.approx(fit.stationary, abs=1e-12)


def test_more_states_fit_better_and_one_normal_fits_worse() -> None:
    _, x, two = fitted(4)
    three = fit_hmm(x, states=3)
    assert three is not None
    normal = -0.5 * x.size * (np.log(2 * np.pi * x.var()) + 1)
    assert normal < two.loglikelihood < three.loglikelihood + 0.01


def test_the_likelihood_is_that_of_the_parameters() -> None:
    """Summed the long way, step by step."""
    _, x, fit = fitted(5, 300)
    predicted, total = fit.start, 0.0
    for value in x:
        density = np.exp(-0.5 * (value - fit.means) ** 2 / fit.variances) / np.sqrt(2 * np.pi * fit.variances)
        together = predicted * density
        total += float(np.log(together.sum()))
        predicted = together / together.sum() @ fit.transition
    assert fit.loglikelihood == pytest.approx(total, rel=1e-10)


@settings(max_examples=40)
@given(st.integers(1, 399), st.integers(0, 5))
def test_the_filter_never_looks_ahead(rows: int, seed: int) -> None:
    _, x = simulated(seed, 400, TWO, [0.006, 0.02])
    fit = HmmFit(
        transition=TWO,
        means=np.zeros(2),
        variances=np.array([0.006, 0.02]) ** 2,
        start=np.array([0.5, 0.5]),
        stationary=np.array([2 / 3, 1 / 3]),
        loglikelihood=0.0,
        converged=True,
    )
    whole = fit.filter(x)
    assert np.array_equal(fit.filter(x[:rows]), whole[:rows])
    changed = x.copy()
    changed[rows:] = 5.0
    assert np.array_equal(fit.filter(changed)[:rows], whole[:rows])


def test_smoothing_does_look_ahead() -> None:
    """What the filter's name promises would mean nothing if it were true of both."""
    _, x, fit = fitted(6, 400)
    assert not np.allclose(fit.smooth(x[:200]), fit.smooth(x)[:200])
    assert fit.smooth(x)[-1] == pytest.approx(fit.filter(x)[-1])


def test_a_missing_value_is_a_missing_row_and_tells_nothing() -> None:
    fit, x = small(), np.array([0.3, np.nan, 1.5])
    filtered = fit.filter(x)
    assert np.isnan(filtered[1]).all()
    before = filtered[0] @ fit.transition @ fit.transition
    density = np.exp(-0.5 * (1.5 - fit.means) ** 2 / fit.variances) / np.sqrt(fit.variances)
    assert filtered[2] == pytest.approx(before * density / (before @ density))
    assert np.isfinite(fit.smooth(x)).all() and fit.viterbi(x).shape == (3,)


def test_an_outlier_is_finite() -> None:
    _, x, fit = fitted(7, 300)
    x[100] = 1e6
    filtered = fit.filter(x)
    assert np.isfinite(filtered).all()
    assert filtered[100].argmax() == 1
    assert filtered.sum(axis=1) == pytest.approx(np.ones(300))


@pytest.mark.parametrize("rows", [0, 1, 2])
def test_short_series_are_filtered_too(rows: int) -> None:
    x = np.full(rows, 0.1)
    fit = small()
    assert fit.filter(x).shape == (rows, 2) == fit.smooth(x).shape
    assert fit.viterbi(x).shape == (rows,)
    if rows:
        density = np.exp(-0.5 * (0.1 - fit.means) ** 2 / fit.variances) / np.sqrt(fit.variances)
        assert fit.filter(x)[0] == pytest.approx(fit.stationary * density / (fit.stationary @ density))


def test_percent_and_fractions_give_the_same_model() -> None:
    _, x, fit = fitted(8)
    percent = fit_hmm(100 * x)
    assert percent is not None
    assert percent.variances == pytest.approx(1e4 * fit.variances, rel=1e-6)
    assert percent.filter(100 * x) == pytest.approx(fit.filter(x), abs=1e-6)
    assert percent.loglikelihood == pytest.approx(fit.loglikelihood - x.size * np.log(100), abs=1e-3)


def test_the_seed_decides() -> None:
    _, x, fit = fitted(9, 300)
    again = fit_hmm(x, seed=0)
    assert again is not None
    assert again.loglikelihood == fit.loglikelihood and np.array_equal(again.transition, fit.transition)


def test_returns_that_are_mostly_zero_give_a_finite_model() -> None:
    rng = np.random.default_rng(11)
    x = np.where(rng.random(500) < 0.9, 0.0, 0.01 * rng.standard_normal(500))
    for states in (2, 3, 4):
        fit = fit_hmm(x, states)
        assert fit is not None
        assert (fit.variances > 0).all() and np.isfinite(fit.filter(x)).all()


@pytest.mark.parametrize(
    ("x", "states", "reason"),
    [
        (np.random.default_rng(0).standard_normal(99), 2, "at least 100 values, not 99"),
        (np.random.default_rng(0).standard_normal(149), 3, "at least 150 values, not 149"),
        (np.full(300, 0.01), 2, "does not vary"),
        (np.zeros(300), 2, "does not vary"),
        (np.append(np.random.default_rng(0).standard_normal(300), np.nan), 2, "not finite"),
        (np.random.default_rng(0).standard_normal(300) * 1e200, 2, "too large"),
        (np.random.default_rng(0).standard_normal(300) * 1e307, 2, "too large"),
        (np.random.default_rng(0).standard_normal(300) * 1e-200, 2, "too small"),
    ],
)
def test_no_fit_and_why(x: np.ndarray, states: int, reason: str) -> None:
    assert fit_hmm(x, states) is None
    assert reason in str(hmm_refusal(x, states))


def test_wrong_use() -> None:
    fit = small()
    for states in (1, 5):
        with pytest.raises(ValueError, match="2 to 4 states"):
            fit_hmm(np.zeros(300), states)
    for call in (fit_hmm, hmm_refusal):
        for shape in ((300, 1), (300, 2), ()):
            with pytest.raises(ValueError, match="one series"):
                call(np.ones(shape))
    with pytest.raises(ValueError, match="one series"):
        fit.filter(np.zeros((3, 2)))
    with pytest.raises(ValueError, match="2 probabilities"):
        fit.filter(np.zeros(3), start=[0.5, 0.6])


@pytest.mark.parametrize("states", [2, 3])
def test_the_leaps_end_where_baum_welch_ends(states: int) -> None:
    _, x = simulated(12, 800, THREE, [0.004, 0.015, 0.05])
    fit = fit_hmm(x, states)
    assert fit is not None and fit.converged
    z = (x - x.mean()) / x.std()
    model = hmm._Model(
        transition=fit.transition,
        means=(fit.means - x.mean()) / x.std(),
        variances=fit.variances / x.var(),
        start=fit.start,
    )
    first, _ = hmm._round(z, model)
    likelihood = first
    for _ in range(300):
        reached, model = hmm._round(z, model)
        assert reached >= likelihood - 1e-7
        likelihood = reached
    assert likelihood - first < 0.05
