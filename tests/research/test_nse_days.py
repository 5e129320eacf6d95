"""Daily bars of the exchange end with its session, not a day after they open."""

import numpy as np
import pytest
from research_kit import MONDAY, NSE_CLOSE, NSE_OPEN

from tradeterm.domain.instrument import Calendar
from tradeterm.domain.market import DAY_MS, HOUR_MS
from tradeterm.research import Costs, panel_of
from tradeterm.research.backtesting import backtest
from tradeterm.research.bars import Bars, bars_of
from tradeterm.research.equity import every_close
from tradeterm.research.fills import ExitPolicy
from tradeterm.research.metrics.figures import figures
from tradeterm.strategies.panel import Panel

WEEK = [0, 1, 2, 3, 4, 7, 8, 9, 10, 11]
FRIDAY = 4


def week(close: list[float] | None = None) -> Panel:
    prices = np.full(10, 100.0) if close is None else np.array(close)
    opened = np.concatenate([prices[:1], prices[:-1]])
    ts = MONDAY + NSE_OPEN + DAY_MS * np.array(WEEK)
    return panel_of(opened, np.maximum(opened, prices), np.minimum(opened, prices), prices, ts=ts, interval="1d")


def days() -> Bars:
    (bars,) = bars_of(week(), calendar=Calendar.NSE)
    return bars


def test_a_day_of_the_exchange_closes_at_half_past_three() -> None:
    bars = days()
    assert bars.closed(FRIDAY) == MONDAY + 4 * DAY_MS + NSE_CLOSE
    assert bars.first_closing(MONDAY + 4 * DAY_MS + NSE_CLOSE) == FRIDAY
    assert bars.first_closing(MONDAY + 4 * DAY_MS + NSE_CLOSE + 1) == FRIDAY + 1
    (around_the_clock,) = bars_of(week())
    assert around_the_clock.closed(0) == MONDAY + NSE_OPEN + DAY_MS


def test_regular_rows_close_alike() -> None:
    (bars,) = bars_of(week().window(0, 5), calendar=Calendar.NSE)
    assert bars.regular
    for row in range(5):
        close = MONDAY + row * DAY_MS + NSE_CLOSE
        assert (bars.closed(row), bars.first_closing(close), bars.first_closing(close + 1)) == (close, row, row + 1)


def test_shorter_bars_last_as_long_as_they_are() -> None:
    ts = MONDAY + NSE_OPEN + HOUR_MS * np.arange(3)
    (bars,) = bars_of(panel_of(*(np.full(3, 1.0) for _ in range(4)), ts=ts, interval="1h"), calendar=Calendar.NSE)
    assert bars.closed(0) == MONDAY + NSE_OPEN + HOUR_MS


def test_a_fridays_stop_is_a_fridays() -> None:
    panel = week([100, 100, 100, 100, 90, 90, 90, 90, 90, 90])
    found = backtest(
        panel, np.array([0, 0, 1, 0, 0, 0, 0, 0, 0, 0]), exits=ExitPolicy(stop=0.05), calendar=Calendar.NSE,
        costs=Costs(fee=0, slippage=0), capital=1000.0, size=1.0,
    )  # fmt: skip
    assert found.trades.exit_ts.tolist() == [MONDAY + 4 * DAY_MS + NSE_CLOSE]
    equity = dict(zip(found.equity.ts.tolist(), found.equity.value.tolist(), strict=True))
    assert equity[MONDAY + 5 * DAY_MS] == pytest.approx(950)  # Friday's end
    assert MONDAY + 6 * DAY_MS not in equity and MONDAY + 7 * DAY_MS not in equity
    times, values = every_close(found.simulation)
    assert times[1:].tolist() == [MONDAY + day * DAY_MS + NSE_CLOSE for day in WEEK]
    assert values[5] == pytest.approx(950)


def test_the_benchmark_is_bought_at_the_first_open() -> None:
    panel = week([100, 110, 110, 110, 110, 110, 110, 110, 110, 121])
    found = backtest(
        panel, np.zeros(10), exits=ExitPolicy(stop=0.05), calendar=Calendar.NSE, costs=Costs(fee=0, slippage=0)
    )
    (total,) = [figure for figure in figures(found) if figure.name == "total_return"]
    assert total.buy_and_hold == pytest.approx(0.21)
