"""GBM, regimes, GARCH and several assets: moments, martingales, and each level back to GBM with its extra off."""

import math

import numpy as np
import pytest
from numpy.typing import NDArray
from scipy.special import ndtri, stdtr

from tradeterm.quant.barriers import prob_above
from tradeterm.quant.montecarlo import correlated_paths, garch_paths, gbm_paths, regime_paths
from tradeterm.quant.simulation import generator

Floats = NDArray[np.float64]

SPOT, DRIFT, VOLATILITY, HORIZON, STEPS = 100.0, 0.08, 0.5, 0.5, 48
MANY, SEED = 40_000, 20260101
STEP = HORIZON / STEPS
LOG_MEAN, LOG_DEVIATION = (DRIFT - VOLATILITY**2 / 2) * STEP, VOLATILITY * math.sqrt(STEP)


def gbm(paths: int = 1000, seed: int = SEED) -> Floats:
    """The paths everything collapses to."""
    return gbm_paths(SPOT, DRIFT, VOLATILITY, HORIZON, STEPS, paths, seed)


def within(values: Floats, expected: float, errors: float = 4.0) -> None:
    """The mean of independent values is what it should be, within that many standard errors."""
    error = float(values.std(ddof=1)) / math.sqrt(values.size)
    assert abs(float(values.mean()) - expected) < errors * error


def has_variance(values: Floats, expected: float, errors: float = 4.0) -> None:
    """So is the variance."""
    within((values - values.mean()) ** 2, expected, errors)


class TestGbm:
    def test_shape_start_and_type(self) -> None:
        paths = gbm_paths(SPOT, DRIFT, VOLATILITY, HORIZON, STEPS)
        assert paths.shape == (1000, STEPS + 1)
        assert paths.dtype == np.float64
        assert (paths[:, 0] == SPOT).all()
        assert (paths > 0).all()

    def test_the_same_seed_gives_the_same_paths_and_another_others(self) -> None:
        np.testing.assert_array_equal(gbm(), gbm())
        assert not np.array_equal(gbm(), gbm(seed=SEED + 1))

    def test_a_generator_is_used_up(self) -> None:
        rng = np.random.default_rng(3)
        first, second = (gbm_paths(SPOT, 0.0, VOLATILITY, HORIZON, 5, 10, rng) for _ in range(2))
        assert not np.array_equal(first, second)

    def test_log_moves_are_independent_normals(self) -> None:
        moves = np.diff(np.log(gbm(MANY)), axis=1)
        within(moves.ravel(), LOG_MEAN)
        has_variance(moves.ravel(), LOG_DEVIATION**2)
        within((moves[:, 1:] - LOG_MEAN).ravel() * (moves[:, :-1] - LOG_MEAN).ravel(), 0.0)

    def test_the_end_has_the_mean_variance_and_probability_of_the_closed_form(self) -> None:
        last = gbm(MANY)[:, -1]
        mean = SPOT * math.exp(DRIFT * HORIZON)
        within(last, mean)
        has_variance(last, mean**2 * math.expm1(VOLATILITY**2 * HORIZON))
        within((last > 110).astype(np.float64), prob_above(SPOT, 110, DRIFT, VOLATILITY, HORIZON))

    def test_the_discounted_price_is_a_martingale_at_every_step(self) -> None:
        paths = gbm(MANY)
        for step in range(1, STEPS + 1, 7):
            within(paths[:, step] * math.exp(-DRIFT * step * STEP), SPOT)

    def test_one_step_has_the_same_end(self) -> None:
        last = gbm_paths(SPOT, DRIFT, VOLATILITY, HORIZON, 1, MANY, SEED)[:, -1]
        within(np.log(last / SPOT), LOG_MEAN * STEPS)
        has_variance(np.log(last / SPOT), VOLATILITY**2 * HORIZON)

    def test_antithetic_paths_mirror_each_other(self) -> None:
        logs = np.log(gbm_paths(SPOT, DRIFT, VOLATILITY, HORIZON, STEPS, 1000, SEED, antithetic=True) / SPOT)
        middle = np.arange(STEPS + 1) * LOG_MEAN
        np.testing.assert_allclose((logs[:500] + logs[500:]) / 2, np.broadcast_to(middle, (500, STEPS + 1)), atol=1e-12)
        assert logs[:500].std() > 0

    def test_without_volatility_the_price_grows_by_its_drift(self) -> None:
        paths = gbm_paths(SPOT, DRIFT, 0.0, HORIZON, STEPS, 3, SEED)
        grown = SPOT * np.exp(DRIFT * STEP * np.arange(STEPS + 1))
        np.testing.assert_allclose(paths, np.broadcast_to(grown, paths.shape), rtol=1e-12)

    @pytest.mark.parametrize(
        ("change", "complaint"),
        [
            ({"spot": 0.0}, "spot must be above zero"),
            ({"spot": math.nan}, "spot must be a finite number"),
            ({"drift": math.inf}, "drift must be a finite number"),
            ({"volatility": -0.1}, "volatility must not be negative"),
            ({"horizon": 0.0}, "horizon must be above zero"),
            ({"steps": 0}, "steps must be a whole number"),
            ({"paths": 0}, "paths must be a whole number"),
            ({"paths": 999, "antithetic": True}, "must be even"),
            ({"seed": -1}, "a seed must be a whole number"),
        ],
    )
    def test_what_makes_no_sense_is_refused(self, change: dict[str, float], complaint: str) -> None:
        plain = {"spot": SPOT, "drift": DRIFT, "volatility": VOLATILITY, "horizon": HORIZON, "steps": STEPS}
        with pytest.raises(ValueError, match=complaint):
            gbm_paths(**(plain | change))  # type: ignore[arg-type]


class TestRegimes:
    MATRIX = ((0.9, 0.08, 0.02), (0.1, 0.8, 0.1), (0.05, 0.25, 0.7))
    MEANS, VOLATILITIES, START = (0.001, 0.0, -0.004), (0.004, 0.01, 0.03), (0.2, 0.3, 0.5)

    def test_one_state_is_gbm(self) -> None:
        paths = regime_paths(SPOT, [[1.0]], [LOG_MEAN], [LOG_DEVIATION], [1.0], STEPS, seed=SEED)
        np.testing.assert_allclose(paths, gbm(), rtol=1e-12)

    def test_states_that_are_alike_are_gbm(self) -> None:
        paths = regime_paths(SPOT, self.MATRIX, [LOG_MEAN] * 3, [LOG_DEVIATION] * 3, self.START, STEPS, seed=SEED)
        np.testing.assert_allclose(paths, gbm(), rtol=1e-12)

    def test_moments_of_every_step_follow_the_chain(self) -> None:
        paths = regime_paths(SPOT, self.MATRIX, self.MEANS, self.VOLATILITIES, self.START, 12, MANY, SEED)
        moves = np.diff(np.log(paths), axis=1)
        means, variances = np.array(self.MEANS), np.array(self.VOLATILITIES) ** 2
        chance = np.array(self.START)
        for step in range(12):
            chance = chance @ np.array(self.MATRIX)
            mean = float(chance @ means)
            within(moves[:, step], mean)
            has_variance(moves[:, step], float(chance @ (variances + means**2)) - mean**2)

    def test_moves_depend_on_each_other_as_the_transition_says(self) -> None:
        still = np.zeros(3)
        paths = regime_paths(SPOT, self.MATRIX, still, self.VOLATILITIES, self.START, 2, 200_000, SEED)
        moves = np.diff(np.log(paths), axis=1)
        matrix, variances = np.array(self.MATRIX), np.array(self.VOLATILITIES) ** 2
        chance = np.array(self.START) @ matrix
        within(moves[:, 0] ** 2 * moves[:, 1] ** 2, float((chance * variances) @ matrix @ variances))

    def test_the_first_return_is_one_transition_after_the_start(self) -> None:
        swap = [[0.0, 1.0], [1.0, 0.0]]
        moves = np.diff(np.log(regime_paths(SPOT, swap, [0.01, -0.02], [0.0, 0.0], [1.0, 0.0], 4, 5, SEED)), axis=1)
        np.testing.assert_allclose(moves, np.tile([-0.02, 0.01, -0.02, 0.01], (5, 1)), atol=1e-12)

    @pytest.mark.parametrize(
        ("matrix", "start", "complaint"),
        [
            ([[0.9, 0.2], [0.5, 0.5]], [0.5, 0.5], "each row of the transition matrix must sum to 1"),
            ([[1.1, -0.1], [0.5, 0.5]], [0.5, 0.5], "each row of the transition matrix must sum to 1"),
            ([[0.9, 0.1], [0.5, 0.5]], [0.5, 0.6], "the start probabilities must sum to 1"),
            ([[0.9, 0.1], [0.5, math.nan]], [0.5, 0.5], "finite numbers only"),
            ([[1.0]], [0.5, 0.5], "square transition"),
        ],
    )
    def test_what_is_no_chain_is_refused(self, matrix: list[list[float]], start: list[float], complaint: str) -> None:
        with pytest.raises(ValueError, match=complaint):
            regime_paths(SPOT, matrix, [0.0, 0.0], [0.01, 0.02], start, STEPS)


class TestGarch:
    OMEGA, ALPHA, GAMMA, BETA, NEXT = 2e-6, 0.04, 0.08, 0.88, 3e-4

    def moves(self, paths: int = MANY, **extra: object) -> Floats:
        """Log moves of the model above."""
        simulated = garch_paths(
            SPOT,
            self.OMEGA,
            self.ALPHA,
            self.GAMMA,
            self.BETA,
            self.NEXT,
            STEPS,
            paths,
            SEED,
            **extra,  # type: ignore[arg-type]
        )
        return np.diff(np.log(simulated), axis=1)

    def test_a_constant_variance_is_gbm(self) -> None:
        paths = garch_paths(SPOT, LOG_DEVIATION**2, 0, 0, 0, LOG_DEVIATION**2, STEPS, seed=SEED, mean=LOG_MEAN)
        np.testing.assert_allclose(paths, gbm(), rtol=1e-12)

    def test_each_path_follows_the_recursion(self) -> None:
        drawn = np.diff(np.log(garch_paths(SPOT, 1.0, 0, 0, 0, 1.0, STEPS, 20, SEED)), axis=1)
        expected = np.empty_like(drawn)
        for path, row in enumerate(drawn):
            h = self.NEXT
            for step, z in enumerate(row):
                e = expected[path, step] = math.sqrt(h) * z
                h = self.OMEGA + (self.ALPHA + self.GAMMA * (e < 0)) * e * e + self.BETA * h
        np.testing.assert_allclose(self.moves(20), expected, rtol=1e-7, atol=1e-12)

    def test_the_variance_of_each_step_is_the_forecast(self) -> None:
        moves = self.moves()
        persistence = self.ALPHA + self.GAMMA / 2 + self.BETA
        level = self.OMEGA / (1 - persistence)
        for step in range(0, STEPS, 5):
            within(moves[:, step] ** 2, level + persistence**step * (self.NEXT - level))

    def test_a_fall_is_followed_by_more_than_a_rise(self) -> None:
        moves = self.moves()
        fell = moves[:, 0] < 0
        rise = moves[~fell, 1] ** 2
        assert moves[fell, 1].var() - rise.mean() > 4 * rise.std() / math.sqrt(rise.size)

    def test_residuals_are_drawn_as_they_are(self) -> None:
        residuals = [-2.0, 0.5, 1.5]
        moves = np.diff(np.log(garch_paths(SPOT, 1e-4, 0, 0, 0, 1e-4, 200, 50, SEED, residuals=residuals)), axis=1)
        seen, counts = np.unique(np.round(moves * 100, 6), return_counts=True)
        np.testing.assert_allclose(seen, residuals)
        assert np.abs(counts / moves.size - 1 / 3).max() < 4 * math.sqrt(2 / 9 / moves.size)

    def test_many_normal_residuals_are_normal_draws(self) -> None:
        residuals = np.random.default_rng(5).standard_normal(50_000)
        residuals = (residuals - residuals.mean()) / residuals.std()
        within(self.moves(residuals=residuals)[:, 20] ** 2, float((self.moves() ** 2)[:, 20].mean()), 6)

    def test_moves_without_a_bound_on_the_variance_are_refused(self) -> None:
        with pytest.raises(ValueError, match="persistence must not be above 1"):
            garch_paths(SPOT, 1e-6, 0.2, 0.2, 0.8, 1e-4, STEPS)
        with pytest.raises(ValueError, match="alpha \\+ gamma must not be negative"):
            garch_paths(SPOT, 1e-6, 0.1, -0.2, 0.8, 1e-4, STEPS)
        with pytest.raises(ValueError, match="next_variance must not be negative"):
            garch_paths(SPOT, 1e-6, 0.1, 0.0, 0.8, -1e-4, STEPS)
        with pytest.raises(ValueError, match="residuals must hold finite numbers"):
            garch_paths(SPOT, 1e-6, 0.1, 0.0, 0.8, 1e-4, STEPS, residuals=[1.0, math.nan])

    def test_the_exponentially_weighted_average_is_allowed(self) -> None:
        moves = np.diff(np.log(garch_paths(SPOT, 0.0, 0.06, 0.0, 0.94, 1e-4, STEPS, MANY, SEED)), axis=1)
        within(moves[:, 10] ** 2, 1e-4)


class TestSeveralAssets:
    SPOTS, DRIFTS, VOLATILITIES = (100.0, 20.0, 3000.0), (0.0, 0.1, -0.2), (0.3, 0.5, 0.9)
    CORRELATION = ((1.0, 0.6, 0.2), (0.6, 1.0, -0.3), (0.2, -0.3, 1.0))

    def moves(self, paths: Floats) -> Floats:
        """Log moves, (paths · steps, assets)."""
        return np.diff(np.log(paths), axis=1).reshape(-1, paths.shape[2])

    def test_one_asset_is_gbm(self) -> None:
        result = correlated_paths([SPOT], [DRIFT], [VOLATILITY], [[1.0]], HORIZON, STEPS, seed=SEED)
        np.testing.assert_allclose(result.paths[:, :, 0], gbm(), rtol=1e-12)
        assert not result.clipped

    @pytest.mark.parametrize("degrees", [None, 4.0])
    def test_each_asset_alone_is_gbm(self, degrees: float | None) -> None:
        result = correlated_paths(
            self.SPOTS,
            self.DRIFTS,
            self.VOLATILITIES,
            self.CORRELATION,
            1.0,
            12,
            MANY,
            SEED,
            degrees_of_freedom=degrees,
        )
        assert result.paths.shape == (MANY, 13, 3)
        for asset, (spot, drift, volatility) in enumerate(zip(self.SPOTS, self.DRIFTS, self.VOLATILITIES, strict=True)):
            last = result.paths[:, -1, asset]
            assert (result.paths[:, 0, asset] == spot).all()
            within(last, spot * math.exp(drift))
            within(np.log(last / spot), drift - volatility**2 / 2)
            has_variance(np.log(last / spot), volatility**2)
            within((last > spot).astype(np.float64), prob_above(spot, spot, drift, volatility, 1.0))

    def test_moves_have_the_correlation_asked_for(self) -> None:
        result = correlated_paths(self.SPOTS, self.DRIFTS, self.VOLATILITIES, self.CORRELATION, 1.0, 12, 10_000, SEED)
        seen = np.corrcoef(self.moves(result.paths), rowvar=False)
        assert np.abs(seen - self.CORRELATION).max() < 4 / math.sqrt(120_000)

    def test_a_student_copula_has_its_rank_correlation_and_its_joint_tails(self) -> None:
        pair = [[1.0, 0.5], [0.5, 1.0]]
        both = [(100, 100), (0, 0), (0.3, 0.3), pair, 1.0, 20, 10_000, SEED]
        joined = self.moves(correlated_paths(*both, degrees_of_freedom=3.0).paths)  # type: ignore[arg-type]
        plain = self.moves(correlated_paths(*both).paths)  # type: ignore[arg-type]
        # Kendall's tau of an elliptical copula is 2/pi·asin(rho): concordance of independent pairs of draws.
        first, second = np.split(joined, 2)
        concordant = np.sign((first - second).prod(axis=1))
        within(concordant, 2 / math.pi * math.asin(0.5))
        low = [np.mean((moves < np.quantile(moves, 0.005, axis=0)).all(axis=1)) for moves in (joined, plain)]
        assert low[0] > 2 * low[1]

    @pytest.mark.parametrize(("degrees", "error"), [(1.0, 1e-3), (3.0, 1e-4), (5.0, 1e-4), (50.0, 1e-4), (1e6, 1e-4)])
    def test_the_copula_keeps_ranks_as_the_distribution_functions_do(self, degrees: float, error: float) -> None:
        """One asset that moves by its copula variate alone: the normal quantile of the Student-t probability."""
        move = correlated_paths([1.0], [0.5], [1.0], [[1.0]], 1.0, 1, MANY, SEED, degrees_of_freedom=degrees)
        rng = generator(SEED)
        student = rng.standard_normal(MANY) * np.sqrt(degrees / rng.chisquare(degrees, MANY))
        exact = np.copysign(ndtri(stdtr(degrees, -np.abs(student))), student)
        np.testing.assert_allclose(np.log(move.paths[:, 1, 0]), exact, atol=error)

    def test_many_degrees_of_freedom_are_the_normal_copula(self) -> None:
        both = [self.SPOTS, self.DRIFTS, self.VOLATILITIES, self.CORRELATION, 1.0, 12, 10_000, SEED]
        moves = self.moves(correlated_paths(*both, degrees_of_freedom=1e7).paths)  # type: ignore[arg-type]
        assert np.abs(np.corrcoef(moves, rowvar=False) - self.CORRELATION).max() < 4 / math.sqrt(120_000)

    def test_perfect_correlation_is_no_repair(self) -> None:
        result = correlated_paths([100, 50], [0, 0], [0.3, 0.3], [[1, 1], [1, 1]], 1.0, 12, 50, SEED)
        assert not result.clipped
        np.testing.assert_allclose(result.paths[:, :, 0], 2 * result.paths[:, :, 1], rtol=1e-9)

    def test_an_impossible_matrix_is_repaired_and_said_to_be(self) -> None:
        impossible = [[1, 0.9, -0.9], [0.9, 1, 0.9], [-0.9, 0.9, 1]]
        result = correlated_paths([100] * 3, [0] * 3, [0.3] * 3, impossible, 1.0, 12, 10_000, SEED)
        assert result.clipped
        np.testing.assert_allclose(np.diag(result.correlation), 1.0)
        assert np.linalg.eigvalsh(result.correlation).min() > -1e-12
        seen = np.corrcoef(self.moves(result.paths), rowvar=False)
        assert np.abs(seen - result.correlation).max() < 4 / math.sqrt(120_000)

    @pytest.mark.parametrize(
        ("correlation", "complaint"),
        [
            ([[1.0, 0.5], [0.4, 1.0]], "symmetric"),
            ([[1.0, 0.5], [0.5, 0.9]], "ones on its diagonal"),
            ([[1.0, 1.5], [1.5, 1.0]], "between -1 and 1"),
            ([[1.0]], "square correlation matrix"),
            ([[1.0, math.nan], [math.nan, 1.0]], "finite numbers only"),
        ],
    )
    def test_what_is_no_correlation_is_refused(self, correlation: list[list[float]], complaint: str) -> None:
        with pytest.raises(ValueError, match=complaint):
            correlated_paths([100, 100], [0, 0], [0.3, 0.3], correlation, 1.0, STEPS)

    def test_less_than_one_degree_of_freedom_is_refused(self) -> None:
        for degrees in (0.5, 0.0, math.nan):
            with pytest.raises(ValueError, match="degrees_of_freedom must be"):
                correlated_paths([100], [0], [0.3], [[1.0]], 1.0, STEPS, degrees_of_freedom=degrees)
