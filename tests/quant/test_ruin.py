"""Ruin and drawdowns: Feller, Brownian motion, Kelly; and resampled trades followed by hand."""

import math
from collections.abc import Sequence

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tradeterm.quant.bootstrap import block_bootstrap
from tradeterm.quant.ruin import (
    Sizing,
    drawdown_distribution,
    kelly_drawdown,
    risk_of_ruin,
    risk_of_ruin_brownian,
    survival,
)

TRADES = np.random.default_rng(12).normal(0.15, 1.0, 300)


def ruin_by_equations(p: float, payoff: int, bankroll: int, target: int) -> float:
    """The probability of ruin before the target from the linear equations of every bankroll in between."""
    system, known = np.eye(target + 1), np.zeros(target + 1)
    known[0] = 1.0
    for z in range(1, target):
        system[z, min(target, z + payoff)] -= p
        system[z, z - 1] -= 1 - p
    return float(np.linalg.solve(system, known)[bankroll])


class TestGambler:
    # Feller, "An Introduction to Probability Theory and Its Applications", vol. 1, ch. XIV, table 1.
    @pytest.mark.parametrize(
        ("p", "bankroll", "target", "ruin"),
        [
            (0.5, 9, 10, 0.1),
            (0.5, 90, 100, 0.1),
            (0.5, 900, 1000, 0.1),
            (0.5, 950, 1000, 0.05),
            (0.5, 8000, 10000, 0.2),
            (0.45, 9, 10, 0.210),
            (0.45, 90, 100, 0.866),
            (0.45, 99, 100, 0.182),
            (0.4, 90, 100, 0.983),
            (0.4, 99, 100, 0.333),
        ],
    )
    def test_fellers_table(self, p: float, bankroll: int, target: int, ruin: float) -> None:
        assert risk_of_ruin(p, 1, bankroll, target) == pytest.approx(ruin, abs=0.0006)

    @pytest.mark.parametrize("p", [0.3, 0.45, 0.5, 0.501, 0.6])
    def test_even_bets_are_exact(self, p: float) -> None:
        assert risk_of_ruin(p, 1, 7, 20) == pytest.approx(ruin_by_equations(p, 1, 7, 20), rel=1e-9)

    @pytest.mark.parametrize(("p", "payoff"), [(0.36, 2), (0.4, 2), (0.3, 3), (0.55, 1)])
    def test_whole_payoffs_without_a_target_are_exact(self, p: float, payoff: int) -> None:
        far = ruin_by_equations(p, payoff, 8, 1500)
        assert risk_of_ruin(p, payoff, 8) == pytest.approx(far, rel=1e-6)

    def test_even_bets_without_a_target_are_the_power_of_the_odds(self) -> None:
        assert risk_of_ruin(0.55, 1, 10) == pytest.approx((0.45 / 0.55) ** 10, rel=1e-12)

    def test_no_edge_is_ruin_in_the_end(self) -> None:
        assert risk_of_ruin(0.5, 1, 1000) == 1.0
        assert risk_of_ruin(0.3, 2, 1000) == 1.0

    def test_certain_bets(self) -> None:
        assert risk_of_ruin(1.0, 1, 5) == 0.0
        assert risk_of_ruin(0.0, 1, 5) == 1.0
        assert risk_of_ruin(1.0, 1, 5, 10) == 0.0
        assert risk_of_ruin(0.0, 1, 5, 10) == 1.0

    @given(st.floats(0.001, 0.999), st.floats(0.1, 20), st.floats(0.5, 500), st.floats(1.01, 100))
    def test_a_target_only_helps_and_more_capital_too(
        self, p: float, payoff: float, bankroll: float, times: float
    ) -> None:
        ever, before = risk_of_ruin(p, payoff, bankroll), risk_of_ruin(p, payoff, bankroll, bankroll * times)
        assert 0 <= before <= ever + 1e-9 <= 1 + 1e-9
        assert risk_of_ruin(p, payoff, bankroll * 2) <= ever + 1e-9

    @pytest.mark.parametrize(
        ("arguments", "complaint"),
        [
            ((1.1, 1, 10), "probability must lie between 0 and 1"),
            ((math.nan, 1, 10), "probability must lie between 0 and 1"),
            ((0.5, 0, 10), "payoff must be above zero"),
            ((0.5, 1, -1), "bankroll must be above zero"),
            ((0.5, 1, 10, 10), "target 10 must be above the bankroll"),
        ],
    )
    def test_what_makes_no_sense_is_refused(self, arguments: tuple[float, ...], complaint: str) -> None:
        with pytest.raises(ValueError, match=complaint):
            risk_of_ruin(*arguments)


class TestBrownianEquity:
    def test_ever(self) -> None:
        assert risk_of_ruin_brownian(2.0, 10.0, 50.0) == pytest.approx(math.exp(-2 * 2 * 50 / 100))
        assert risk_of_ruin_brownian(0.0, 10.0, 50.0) == 1.0
        assert risk_of_ruin_brownian(-1.0, 10.0, 50.0) == 1.0

    def test_within_a_horizon(self) -> None:
        beyond = math.erfc(50 / (10 * math.sqrt(9)) / math.sqrt(2)) / 2
        assert risk_of_ruin_brownian(0.0, 10.0, 50.0, 9.0) == pytest.approx(2 * beyond, rel=1e-12)
        assert risk_of_ruin_brownian(2.0, 10.0, 50.0, 1e6) == pytest.approx(math.exp(-2), rel=1e-9)

    def test_without_volatility_only_the_drift_ruins(self) -> None:
        assert risk_of_ruin_brownian(-10.0, 0.0, 50.0, 5.0) == 1.0
        assert risk_of_ruin_brownian(-10.0, 0.0, 50.0, 4.9) == 0.0
        assert risk_of_ruin_brownian(10.0, 0.0, 50.0) == 0.0
        assert risk_of_ruin_brownian(0.0, 0.0, 50.0) == 0.0

    def test_small_bets_come_to_it(self) -> None:
        p, z = 0.502, 100
        edge, variance = 2 * p - 1, 1 - (2 * p - 1) ** 2
        assert risk_of_ruin(p, 1, z) == pytest.approx(risk_of_ruin_brownian(edge, math.sqrt(variance), z), rel=1e-3)


class TestKellyDrawdown:
    def test_full_kelly_halves_with_probability_one_half(self) -> None:
        assert kelly_drawdown(1.0, 0.5) == 0.5
        assert kelly_drawdown(1.0, 0.2) == pytest.approx(0.2)

    def test_half_kelly_halves_with_one_eighth(self) -> None:
        assert kelly_drawdown(0.5, 0.5) == pytest.approx(1 / 8)

    def test_twice_kelly_falls_anywhere(self) -> None:
        assert kelly_drawdown(2.0, 0.01) == kelly_drawdown(3.0, 0.01) == 1.0

    def test_it_is_the_ruin_of_the_logarithm(self) -> None:
        # At a fraction c of Kelly the log equity drifts by (c − c²/2)·s², with variance c²·s², s the Sharpe ratio.
        c, s = 0.7, 1.3
        touch = risk_of_ruin_brownian((c - c * c / 2) * s * s, c * s, -math.log(0.6))
        assert kelly_drawdown(c, 0.6) == pytest.approx(touch, rel=1e-12)


class TestDrawdowns:
    def test_one_outcome_leaves_nothing_to_chance(self) -> None:
        result = drawdown_distribution([-0.1], trades=3, paths=4)
        np.testing.assert_allclose(result.drawdowns, 1 - 0.9**3)
        np.testing.assert_array_equal(result.under_water, np.full(5, 3))
        assert np.isnan(result.recovery).all()
        assert (result.recovered.probability, result.ruined.probability) == (0.0, 0.0)
        cash = drawdown_distribution([-0.1], trades=3, paths=4, sizing="fixed-cash")
        np.testing.assert_allclose(cash.drawdowns, 0.3)

    def test_gains_alone_have_no_drawdown(self) -> None:
        result = drawdown_distribution([0.1, 0.2], trades=10)
        assert (result.drawdowns == 0).all()
        assert (result.under_water == 0).all()
        assert np.isnan(result.recovery).all()
        assert result.recovered.probability == 1.0

    @pytest.mark.parametrize("sizing", list(Sizing))
    def test_each_path_followed_by_hand(self, sizing: Sizing) -> None:
        risk, trades = 0.02, 40
        result = drawdown_distribution(TRADES, trades, 200, sizing, risk, block=5.0, seed=9)
        rows = self.rows(200, trades, block=5.0, seed=9)
        worst, longest, waits = [], [], []
        for row in rows:
            equity = [1.0]
            for outcome in row:
                equity.append(
                    equity[-1] * (1 + risk * outcome)
                    if sizing is Sizing.FIXED_FRACTION
                    else equity[-1] + risk * outcome
                )
            depths, below, run = [], 0, 0
            for at, value in enumerate(equity):
                peak = max(equity[: at + 1])
                depths.append((peak - value) / peak)
                below = below + 1 if value < peak else 0
                run = max(run, below)
            deepest = max(range(len(depths)), key=depths.__getitem__)
            worst.append(depths[deepest])
            longest.append(run)
            former = max(equity[: deepest + 1])
            back = [at for at in range(deepest, len(equity)) if equity[at] >= former]
            if depths[deepest] > 0:
                waits.append(back[0] - deepest if back else math.inf)
        levels = [0.50, 0.75, 0.90, 0.95, 0.99]
        np.testing.assert_allclose(result.drawdowns, worst, atol=1e-12)
        np.testing.assert_allclose(result.max_drawdown, np.quantile(worst, levels), atol=1e-12)
        np.testing.assert_allclose(result.under_water, np.quantile(longest, levels))
        known = [np.quantile(np.sort(waits), level, method="higher") < math.inf for level in levels]
        assert any(known) and not all(known)
        np.testing.assert_allclose(result.recovery[known], np.quantile(np.nan_to_num(waits, posinf=1e9), levels)[known])
        assert np.isnan(result.recovery[np.logical_not(known)]).all()
        assert result.recovered.probability == np.isfinite(waits).mean()

    def test_a_recovery_that_fewer_reach_has_no_value(self) -> None:
        result = drawdown_distribution([0.2, -0.1], 20, 400, block=1, seed=3)
        assert (result.drawdowns > 0).all()
        assert 0.5 < result.recovered.probability < 0.75
        assert np.isfinite(result.recovery[0]) and np.isnan(result.recovery[1:]).all()

    @staticmethod
    def rows(paths: int, trades: int, block: float, seed: int) -> Sequence[Sequence[float]]:
        """The resampled trades themselves."""
        return block_bootstrap(TRADES, trades, block, "stationary", paths, seed).tolist()

    def test_an_equity_of_zero_stays_there(self) -> None:
        for sizing in Sizing:
            result = drawdown_distribution(TRADES, 60, 500, sizing, risk=0.6, block=2.0, seed=7)
            drawn = 0.6 * np.array(self.rows(500, 60, block=2.0, seed=7))
            gone = (drawn <= -1) if sizing is Sizing.FIXED_FRACTION else (1 + np.cumsum(drawn, axis=1) <= 0)
            ruined = gone.any(axis=1)
            assert 0.05 < ruined.mean() < 0.999
            assert result.ruined.probability == ruined.mean()
            np.testing.assert_array_equal(result.drawdowns == 1, ruined)

    def test_a_random_walk_has_the_expected_drawdown_less_what_trades_do_not_see(self) -> None:
        """Magdon-Ismail et al. 2004: √(π/2)·σ√T, seen discretely less about 2·0.5826·σ."""
        steps = np.random.default_rng(2).standard_normal(4000)
        steps -= steps.mean()
        result = drawdown_distribution(steps / steps.std() * 1e-4, 1000, 1000, "fixed-cash", block=1)
        expected = (math.sqrt(math.pi / 2 * 1000) - 2 * 0.5826) * 1e-4
        error = float(result.drawdowns.std()) / math.sqrt(1000)
        assert abs(result.drawdowns.mean() - expected) < 4 * error
        assert error < 0.02 * expected

    def test_blocks_see_the_drawdowns_of_trades_that_cluster(self) -> None:
        clustered = np.repeat(np.random.default_rng(4).normal(0.0, 0.01, 80), 5)
        clustered -= clustered.mean()
        blocks = drawdown_distribution(clustered, seed=1)
        alone = drawdown_distribution(clustered, block=1, seed=1)
        assert blocks.block > 3
        assert blocks.max_drawdown[1] > 1.3 * alone.max_drawdown[1]

    def test_the_chance_of_more_than_a_drawdown_agrees_with_the_quantiles(self) -> None:
        result = drawdown_distribution(TRADES, risk=0.01)
        for level, drawdown in zip((0.5, 0.75, 0.9, 0.95, 0.99), result.max_drawdown, strict=True):
            assert result.exceeds(float(drawdown)).probability == pytest.approx(1 - level, abs=0.002)
        assert result.exceeds(1.0).probability == 0.0

    @given(st.floats(0.001, 0.5), st.integers(0, 2**32))
    def test_drawdowns_are_fractions_and_again_alike(self, risk: float, seed: int) -> None:
        result = drawdown_distribution(TRADES[:30], 25, 20, risk=risk, seed=seed)
        assert ((result.drawdowns >= 0) & (result.drawdowns <= 1)).all()
        assert (result.under_water <= 25).all()
        again = drawdown_distribution(TRADES[:30], 25, 20, risk=risk, seed=seed)
        np.testing.assert_array_equal(result.drawdowns, again.drawdowns)

    def test_what_makes_no_sense_is_refused(self) -> None:
        with pytest.raises(ValueError, match="outcomes must hold finite numbers only"):
            drawdown_distribution([0.1, math.nan])
        with pytest.raises(ValueError, match="at least one value"):
            drawdown_distribution([])
        with pytest.raises(ValueError, match="'fixed-fraction' or 'fixed-cash'"):
            drawdown_distribution([0.1], sizing="kelly")
        with pytest.raises(ValueError, match="risk must be above zero"):
            drawdown_distribution([0.1], risk=0.0)


class TestSurvival:
    def test_by_capital(self) -> None:
        result = survival([2.0, 4.0, 8.0, 16.0, 1e6], TRADES, trades=200, seed=3)
        assert (np.diff(result.probability) >= 0).all()
        assert result.probability[0] < 0.8 < result.probability[-1] == 1.0
        assert result.standard_error[-1] == 0.0

    def test_bets_of_one_are_fellers(self) -> None:
        bets = np.array([1.0] * 52 + [-1.0] * 48)
        result = survival([5.0], bets, trades=1500, block=1, seed=3)
        assert abs(1 - result.probability[0] - risk_of_ruin(0.52, 1, 5)) < 4 * result.standard_error[0]

    def test_a_floor_is_capital_one_does_not_have(self) -> None:
        plain, floored = survival([5.0], TRADES, seed=1), survival([8.0], TRADES, floor=3.0, seed=1)
        assert plain.probability == floored.probability

    def test_what_makes_no_sense_is_refused(self) -> None:
        with pytest.raises(ValueError, match="above the floor"):
            survival([5.0, 0.0], TRADES)
        with pytest.raises(ValueError, match="pnl must hold finite numbers"):
            survival([5.0], [math.inf])
