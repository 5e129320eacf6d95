import math

import numpy as np
import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from tradeterm.quant.expectancy import wilson
from tradeterm.quant.kelly import kelly_continuous, kelly_fraction, kelly_from_trades, kelly_optimum, shrunk

OUTCOMES = st.lists(st.floats(-1.0, 3.0).map(lambda x: round(x, 4)), min_size=2, max_size=40)


@pytest.mark.parametrize(
    ("win_rate", "payoff", "fraction"),
    [(0.6, 1.0, 0.2), (0.51, 1.0, 0.02), (0.5, 2.0, 0.25), (0.3, 2.0, 0.0), (0.0, 2.0, 0.0), (1.0, 2.0, 1.0)],
)
def test_the_classic_bet(win_rate: float, payoff: float, fraction: float) -> None:
    assert kelly_fraction(win_rate, payoff) == pytest.approx(fraction)


def test_no_value_in_no_value_out() -> None:
    assert math.isnan(kelly_fraction(math.nan, 2.0))
    assert math.isnan(kelly_fraction(0.5, math.nan))


@pytest.mark.parametrize(("win_rate", "payoff"), [(-0.1, 1.0), (1.1, 1.0), (0.5, 0.0), (0.5, -1.0), (0.5, math.inf)])
def test_no_such_bet(win_rate: float, payoff: float) -> None:
    with pytest.raises(ValueError, match=r"win rate|payoff"):
        kelly_fraction(win_rate, payoff)


def test_from_trades() -> None:
    trades = [2.0] * 5 + [-1.0] * 5 + [0.0] * 7
    assert kelly_from_trades(trades) == pytest.approx(0.25)
    assert kelly_from_trades(trades, prior_trades=30) == pytest.approx(0.25 * 10 / 40)
    low = wilson(5, 10)[0]
    assert kelly_from_trades(trades, z=1.96) == pytest.approx(max(0.0, low - (1 - low) / 2))


@pytest.mark.parametrize("trades", [[], [1.0], [1.0, 2.0], [-1.0], [-1.0, 0.0], [0.0]])
def test_all_wins_or_all_losses_are_no_number(trades: list[float]) -> None:
    assert math.isnan(kelly_from_trades(trades))
    assert math.isnan(kelly_optimum(trades))


def test_an_edge_that_is_none_stakes_nothing() -> None:
    assert kelly_from_trades([1.0, -2.0]) == 0.0
    assert kelly_optimum([1.0, -2.0]) == 0.0
    assert kelly_optimum([1.0, -1.0]) == 0.0
    assert kelly_continuous(0.01, 0.2, 0.05) == 0.0


def test_continuous_as_thorp() -> None:
    """Thorp (2006), section 7.1: the S&P with μ = 0.11, r = 0.06, s = 0.15 has f* = 2.22."""
    assert kelly_continuous(0.11, 0.15, 0.06) == pytest.approx(2.22, abs=0.005)


@pytest.mark.parametrize("numbers", [(0.1, 0.0), (math.nan, 0.2), (0.1, math.nan), (0.1, math.inf), (math.inf, 0.2)])
def test_continuous_without_a_value(numbers: tuple[float, float]) -> None:
    assert math.isnan(kelly_continuous(*numbers))


def test_refused() -> None:
    with pytest.raises(ValueError, match="not negative"):
        kelly_continuous(0.1, -0.2)
    for numbers in ((0.1, -1, 30.0), (0.1, 10, -1.0), (0.1, 10, math.nan)):
        with pytest.raises(ValueError, match="0 or more"):
            shrunk(*numbers)
    for function in (kelly_from_trades, kelly_optimum):
        with pytest.raises(ValueError, match="not finite"):
            function([1.0, math.nan])


def test_shrinking() -> None:
    assert shrunk(0.4, 30, 30) == 0.2
    assert shrunk(0.4, 30, 0) == 0.4
    assert math.isnan(shrunk(0.4, 0, 30))
    assert math.isnan(shrunk(0.4, 0, 0))


def test_the_optimum_of_a_coin_is_the_classic_bet() -> None:
    assert kelly_optimum([1.0] * 6 + [-1.0] * 4) == pytest.approx(0.2, abs=1e-12)
    assert kelly_optimum([0.02] * 6 + [-0.01] * 4) == pytest.approx((0.6 - 0.4 / 2) / 0.01, rel=1e-12)


@given(OUTCOMES)
def test_no_other_stake_grows_faster(returns: list[float]) -> None:
    row = np.array(returns)
    assume((row > 0).any() and (row < 0).any())
    best = kelly_optimum(row)
    limit = 1 / -row.min()
    assert 0 <= best < limit

    def growth(f: float) -> float:
        return float(np.mean(np.log1p(f * row)))

    for f in np.linspace(0, limit * 0.999, 50):
        assert growth(best) >= growth(f) - 1e-12


@given(OUTCOMES, st.floats(0.01, 100.0))
def test_the_optimum_scales_with_the_unit(returns: list[float], unit: float) -> None:
    one, other = kelly_optimum(returns), kelly_optimum(np.array(returns) * unit)
    assert other * unit == pytest.approx(one, rel=1e-9, abs=1e-9, nan_ok=True)


@given(OUTCOMES, st.floats(0.0, 200.0), st.floats(0.0, 3.0))
def test_doubt_never_raises_the_stake(returns: list[float], prior: float, z: float) -> None:
    plain = kelly_from_trades(returns)
    doubtful = kelly_from_trades(returns, prior_trades=prior, z=z)
    assert math.isnan(plain) == math.isnan(doubtful)
    assert math.isnan(plain) or 0 <= doubtful <= plain <= 1
