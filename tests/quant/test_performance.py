import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tradeterm.quant.performance import drawdown_series, performance, trade_statistics

RETURNS = st.lists(st.floats(-0.5, 0.5).map(lambda x: round(x, 6)), max_size=80)


def test_by_hand() -> None:
    found = performance([0.10, -0.05, 0.0, 0.02, -0.01], periods_per_year=252)
    r = np.array([0.10, -0.05, 0.0, 0.02, -0.01])
    total = 1.10 * 0.95 * 1.02 * 0.99 - 1
    s = math.sqrt(((r - 0.012) ** 2).sum() / 4)
    assert found.periods == 5
    assert found.years == 5 / 252
    assert found.total_return == pytest.approx(total)
    assert found.cagr == pytest.approx((1 + total) ** (252 / 5) - 1)
    assert found.volatility == pytest.approx(s * math.sqrt(252))
    assert found.sharpe == pytest.approx(0.012 / s * math.sqrt(252))
    assert found.sortino == pytest.approx(0.012 / math.sqrt((0.05**2 + 0.01**2) / 5) * math.sqrt(252))
    assert found.max_drawdown == pytest.approx(-0.05)
    assert found.drawdown_periods == 4
    assert math.isnan(found.recovery_periods)
    assert found.calmar == pytest.approx(found.cagr / 0.05)
    assert found.recovery_factor == pytest.approx(total / 0.05)
    assert found.profit_factor == pytest.approx(0.12 / 0.06)
    assert found.win_rate == 0.4
    assert found.exposure == 0.8
    assert found.tail_ratio == pytest.approx(np.quantile(r, 0.95) / -np.quantile(r, 0.05))
    z = (r - 0.012) / math.sqrt(((r - 0.012) ** 2).mean())
    assert found.skew == pytest.approx((z**3).mean())
    assert found.kurtosis == pytest.approx((z**4).mean())
    assert (found.best, found.worst) == (0.10, -0.05)


def test_sortino_and_sharpe_over_a_rate() -> None:
    r = np.array([0.01, -0.02, 0.03, 0.005])
    found = performance(r, periods_per_year=12, risk_free=0.06, mar=0.03)
    free, least = 1.06 ** (1 / 12) - 1, 1.03 ** (1 / 12) - 1
    assert found.sharpe == pytest.approx((r - free).mean() / r.std(ddof=1) * math.sqrt(12))
    shortfall = math.sqrt((np.minimum(r - least, 0) ** 2).mean())
    assert found.sortino == pytest.approx((r - least).mean() / shortfall * math.sqrt(12))


def test_a_loss_at_the_start_is_a_drawdown() -> None:
    found = performance([-0.1, 0.05], periods_per_year=252)
    assert found.max_drawdown == pytest.approx(-0.1)
    assert found.drawdown_periods == 2


def test_duration_is_the_longest_and_recovery_the_deepest() -> None:
    found = performance(equity=[100, 99, 98, 99, 99, 100, 80, 101, 102], periods_per_year=252)
    assert found.max_drawdown == pytest.approx(-0.2)
    assert found.drawdown_periods == 4
    assert found.recovery_periods == 1


def test_an_open_drawdown_counts_and_has_no_recovery() -> None:
    found = performance(equity=[100, 110, 90, 95, 96], periods_per_year=252)
    assert found.drawdown_periods == 3
    assert math.isnan(found.recovery_periods)


def test_coming_back_up_to_rounding_is_coming_back() -> None:
    assert (1 - 1 / 12) * (1 + 1 / 11) < 1
    found = performance([-1 / 12, 1 / 11, -1 / 8, 1 / 7], periods_per_year=252)
    assert found.drawdown_periods == 1
    assert found.recovery_periods == 1


def test_nothing_has_no_figures() -> None:
    for found in (performance([], periods_per_year=252), performance(equity=[100.0], periods_per_year=252)):
        assert found.periods == found.drawdown_periods == 0
        rest = found._asdict()
        for name in ("periods", "years", "drawdown_periods"):
            del rest[name]
        assert np.isnan(list(rest.values())).all(), rest


def test_one_return_has_no_deviation() -> None:
    found = performance([0.01], periods_per_year=252)
    assert found.total_return == pytest.approx(0.01)
    for name in ("volatility", "sharpe", "sortino", "calmar", "skew", "kurtosis", "profit_factor", "recovery_factor"):
        assert math.isnan(getattr(found, name)), name


@pytest.mark.parametrize("value", [-0.001, 0.0, 0.0007])
def test_constant_returns_have_no_sharpe(value: float) -> None:
    found = performance([value] * 50, periods_per_year=365)
    assert found.volatility == 0.0
    assert math.isnan(found.sharpe)
    assert math.isnan(found.skew)
    assert math.isnan(found.kurtosis)
    assert math.isnan(found.sortino) == (value >= 0)


def test_a_good_minute_is_no_good_year() -> None:
    found = performance([0.05], periods_per_year=252 * 375)
    assert math.isnan(found.cagr)
    assert math.isnan(found.calmar)


def test_the_base_of_the_year_matters() -> None:
    r = np.sin(np.arange(40.0)) / 100
    at = {periods: performance(r, periods_per_year=periods).sharpe for periods in (252, 365)}
    assert at[365] / at[252] == pytest.approx(math.sqrt(365 / 252))


@pytest.mark.parametrize(
    ("given_", "words"),
    [
        ({"returns": [0.1], "equity": [1.0, 1.1]}, "not both"),
        ({}, "give returns or equity"),
        ({"returns": [0.1, math.nan]}, "not finite"),
        ({"returns": [-1.0]}, "no capital"),
        ({"returns": [1e200, 1e200]}, "not finite"),
        ({"returns": [-0.999999999] * 60}, "above 0"),
        ({"returns": [[0.1]]}, "one row"),
        ({"equity": [1.0, 0.0]}, "above 0"),
        ({"equity": [1.0, math.inf]}, "not finite"),
        ({"returns": [0.1], "periods_per_year": 0}, "periods_per_year"),
        ({"returns": [0.1], "periods_per_year": None}, "periods_per_year"),
        ({"returns": [0.1], "periods_per_year": [252]}, "periods_per_year"),
        ({"returns": [0.1], "periods_per_year": math.nan}, "periods_per_year"),
        ({"returns": [0.1], "risk_free": -1.0}, "yearly rate"),
        ({"returns": [0.1], "mar": math.nan}, "yearly rate"),
    ],
)
def test_refused(given_: dict[str, object], words: str) -> None:
    with pytest.raises(ValueError, match=words):
        performance(**{"periods_per_year": 252, **given_})  # type: ignore[call-overload]


def test_the_periods_in_a_year_may_be_given_by_place() -> None:
    assert performance([0.1, -0.05], 252) == performance([0.1, -0.05], periods_per_year=252)
    with pytest.raises(ValueError, match="periods_per_year"):
        performance([0.1, -0.05])  # type: ignore[call-overload]


@given(RETURNS)
def test_never_infinite_and_the_same_from_equity(returns: list[float]) -> None:
    found = performance(returns, periods_per_year=252)
    assert not np.isinf(found).any()
    equity = 5e4 * np.concatenate(([1.0], np.cumprod(1 + np.array(returns))))
    other = performance(equity=equity, periods_per_year=252)
    for name in ("total_return", "volatility", "max_drawdown", "worst"):
        assert getattr(other, name) == pytest.approx(getattr(found, name), rel=1e-6, abs=1e-9, nan_ok=True), name


@given(RETURNS)
def test_drawdown_is_below_every_peak_before(returns: list[float]) -> None:
    equity = np.concatenate(([1.0], np.cumprod(1 + np.array(returns))))
    found = drawdown_series(equity)
    slow = [equity[i] / equity[: i + 1].max() - 1 for i in range(equity.size)]
    assert found.tolist() == slow
    assert ((found <= 0) & (found > -1)).all()


def test_drawdown_of_nothing() -> None:
    assert drawdown_series([]).size == 0
    with pytest.raises(ValueError, match="above 0"):
        drawdown_series([1.0, -1.0])


def test_trades_by_hand() -> None:
    found = trade_statistics([10, 20, -5, -5, -5, 0, 30], bars=[1, 2, 3, 4, 5, 6, 7])
    assert found.trades == 7
    assert (found.net, found.gross_profit, found.gross_loss) == (45, 60, 15)
    assert found.profit_factor == 4.0
    assert found.win_rate == pytest.approx(3 / 7)
    assert (found.best, found.worst, found.median) == (30, -5, 0)
    assert (found.win_streak, found.loss_streak) == (2, 3)
    assert found.max_drawdown == -15
    assert found.recovery_factor == 3.0
    assert found.average_bars == 4.0


def test_trades_that_lose_from_the_start() -> None:
    found = trade_statistics([-4.0, 1.0])
    assert found.max_drawdown == -4.0
    assert found.recovery_factor == -0.75
    assert math.isnan(found.average_bars)


def test_no_trades() -> None:
    found = trade_statistics([])
    assert (found.trades, found.net, found.win_streak) == (0, 0.0, 0)
    for name in ("profit_factor", "win_rate", "average", "best", "max_drawdown", "recovery_factor"):
        assert math.isnan(getattr(found, name)), name
    with pytest.raises(ValueError, match="one holding time"):
        trade_statistics([1.0], bars=[])
