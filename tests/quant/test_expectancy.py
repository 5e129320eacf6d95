import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tradeterm.quant.expectancy import expectancy, wilson

PROFITS = st.lists(st.floats(-1e6, 1e6), max_size=60)


def test_by_hand() -> None:
    found = expectancy([200.0, -100.0, 100.0, 0.0, -50.0], risk=[100.0, 100.0, 50.0, 50.0, 50.0])
    assert (found.trades, found.wins, found.losses, found.scratches) == (5, 2, 2, 1)
    assert found.win_rate == 0.4
    assert found.average_win == 150.0
    assert found.average_loss == 75.0
    assert found.payoff == 2.0
    assert found.expectancy == 30.0
    spread = math.sqrt((170**2 + 130**2 + 70**2 + 30**2 + 80**2) / 4)
    assert found.standard_error == pytest.approx(spread / math.sqrt(5))
    assert found.t_statistic == pytest.approx(30.0 / (spread / math.sqrt(5)))
    assert found.expectancy_r == pytest.approx((2 - 1 + 2 + 0 - 1) / 5)
    assert found.standard_error_r == pytest.approx(np.std([2, -1, 2, 0, -1], ddof=1) / math.sqrt(5))
    assert (found.win_rate_low, found.win_rate_high) == wilson(2, 5)


@pytest.mark.parametrize("power", [-900, -600, 600, 900])
def test_the_size_of_the_money_does_not_matter(power: int) -> None:
    pnl = np.array([200.0, -100.0, 100.0, 0.0, -50.0])
    one, scaled = expectancy(pnl), expectancy(np.ldexp(pnl, power))
    assert scaled.t_statistic == one.t_statistic
    assert math.ldexp(scaled.standard_error, -power) == one.standard_error


def test_no_trades_have_no_figures() -> None:
    found = expectancy([])
    assert found[:4] == (0, 0, 0, 0)
    assert np.isnan(found[4:]).all()


def test_one_trade_has_no_error() -> None:
    found = expectancy([5.0])
    assert (found.expectancy, found.win_rate, found.average_win) == (5.0, 1.0, 5.0)
    for name in ("average_loss", "payoff", "standard_error", "t_statistic", "expectancy_r"):
        assert math.isnan(getattr(found, name)), name


def test_constant_profits_have_no_t_statistic() -> None:
    found = expectancy([0.1] * 7)
    assert found.standard_error == 0.0
    assert math.isnan(found.t_statistic)


@pytest.mark.parametrize(
    ("pnl", "risk", "words"),
    [
        ([1.0, math.nan], None, "not finite"),
        ([1.0, math.inf], None, "not finite"),
        ([[1.0]], None, "one row"),
        ([1.0, 2.0], [1.0], "one risk a trade"),
        ([1.0], [0.0], "above 0"),
        ([1.0], [-1.0], "above 0"),
        ([1.0], [math.nan], "not finite"),
    ],
)
def test_refused(pnl: list[float], risk: list[float] | None, words: str) -> None:
    with pytest.raises(ValueError, match=words):
        expectancy(pnl, risk)


@pytest.mark.parametrize(
    ("wins", "n", "low", "high"),
    [  # Newcombe, Statistics in Medicine 17 (1998), table I, method 3
        (81, 263, 0.2553, 0.3662),
        (15, 148, 0.0624, 0.1605),
        (0, 20, 0.0, 0.1611),
        (1, 29, 0.0061, 0.1718),
    ],
)
def test_wilson_as_published(wins: int, n: int, low: float, high: float) -> None:
    assert wilson(wins, n) == pytest.approx((low, high), abs=5e-5)


def test_wilson_at_the_ends() -> None:
    assert wilson(0, 10)[0] == 0.0
    assert wilson(10, 10)[1] == 1.0
    assert np.isnan(wilson(0, 0)).all()
    assert wilson(3, 4, z=0.0) == (0.75, 0.75)


@pytest.mark.parametrize(("wins", "n", "z"), [(3, 2, 1.96), (-1, 2, 1.96), (1, 2, -1.0), (1, 2, math.nan)])
def test_wilson_refuses(wins: int, n: int, z: float) -> None:
    with pytest.raises(ValueError, match="must be"):
        wilson(wins, n, z)


@given(PROFITS)
def test_the_parts_make_the_whole(pnl: list[float]) -> None:
    found = expectancy(pnl)
    assert found.wins + found.losses + found.scratches == found.trades == len(pnl)
    assert not np.isinf(found).any()
    if found.wins and found.losses:
        parts = found.win_rate * found.average_win - found.losses / found.trades * found.average_loss
        assert found.expectancy == pytest.approx(parts, abs=1e-6)
    if pnl:
        assert 0 <= found.win_rate_low <= found.win_rate <= found.win_rate_high <= 1


@given(PROFITS.filter(bool), st.integers(-10, 10))
def test_the_unit_of_money_does_not_matter_to_what_has_none(pnl: list[float], power: int) -> None:
    row = np.where(np.abs(pnl) < 1e-200, 0.0, pnl)
    one, other = expectancy(row), expectancy(row * 2.0**power)
    for name in ("win_rate", "payoff", "t_statistic"):
        assert getattr(one, name) == pytest.approx(getattr(other, name), nan_ok=True), name
