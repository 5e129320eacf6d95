"""Growth a year goes by the calendar."""

import math

import numpy as np
import pytest
from research_kit import MONDAY, NSE_OPEN

from tradeterm.domain.instrument import Calendar
from tradeterm.domain.market import DAY_MS
from tradeterm.quant.performance import performance
from tradeterm.research import Costs, panel_of
from tradeterm.research.backtesting import backtest
from tradeterm.research.fills import ExitPolicy
from tradeterm.research.metrics.figures import figures
from tradeterm.research.performance import YEAR_MS, performance_over

FREE = Costs(fee=0, slippage=0)


def test_days_around_the_clock_are_as_before() -> None:
    equity = np.array([100.0, 101, 99, 104])
    one = performance_over(np.arange(4) * DAY_MS, equity, 365)
    other = performance(equity=equity, periods_per_year=365)
    assert one == pytest.approx(other, nan_ok=True)


def test_two_years_of_few_periods_are_two_years() -> None:
    equity = np.array([100.0, 90.0, 144.0])
    found = performance_over(np.array([0, YEAR_MS // 3, 2 * YEAR_MS]), equity, 365)
    assert (found.years, found.cagr) == (2.0, pytest.approx(0.2))
    assert found.calmar == pytest.approx(0.2 / 0.1)
    assert found.sharpe == performance(equity=equity, periods_per_year=365).sharpe


def test_no_time_has_no_growth() -> None:
    assert math.isnan(performance_over(np.array([5]), np.array([100.0]), 365).cagr)
    minute = performance_over(np.array([0, 60_000]), np.array([100.0, 110.0]), 365)
    assert math.isnan(minute.cagr)


def test_a_year_of_business_days_with_a_hole_is_a_year() -> None:
    ts = MONDAY + NSE_OPEN + DAY_MS * np.array([day for day in range(365) if day % 7 < 5 and not 100 < day < 200])
    close = np.linspace(100, 120, ts.size)
    panel = panel_of(close, close, close, close, ts=ts, interval="1d")
    signals = np.zeros(ts.size)
    signals[0] = 1
    found = backtest(panel, signals, exits=ExitPolicy(), calendar=Calendar.NSE, costs=FREE, capital=1000.0, size=1.0)
    by_name = {figure.name: figure for figure in figures(found)}
    total = by_name["total_return"].value
    years = float(found.equity.ts[-1] - found.equity.ts[0]) / YEAR_MS
    assert total is not None and total > 0.15 and years == pytest.approx(1.0, abs=0.01)
    assert by_name["cagr"].value == pytest.approx((1 + total) ** (1 / years) - 1)
    assert by_name["cagr"].buy_and_hold == pytest.approx(total, rel=0.05)
    assert found.metrics.performance is not None and found.metrics.performance.cagr == by_name["cagr"].value
