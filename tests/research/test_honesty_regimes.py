"""Trades by the regime at entry: all of them, each under what was known."""

import numpy as np
import pytest
from honesty_kit import DAY_ROWS, hourly, register, study_of, walk

from tradeterm.domain.states import Regime
from tradeterm.research.honesty.regimes import UNKNOWN, by_regime
from tradeterm.research.regimes import Regimes
from tradeterm.research.study import Study, run


@pytest.fixture
def study(monkeypatch: pytest.MonkeyPatch) -> Study:
    """Quiet for 40 days, then a steep way up."""
    register(monkeypatch)
    close = walk(2, 80 * DAY_ROWS, step=0.001)
    close[40 * DAY_ROWS :] *= np.exp(0.003 * np.arange(40 * DAY_ROWS))[:, None]
    return study_of(hourly(close), parameters={"every": 6})


def test_every_trade_is_counted_once(study: Study) -> None:
    found, result = by_regime(study), run(study)
    assert sum(row.trades for row in found.rows) == len(result.trades)
    assert sum(row.net for row in found.rows) == pytest.approx(result.trades.pnl.sum())
    assert {row.key for row in found.rows} <= {UNKNOWN, *(regime.value for regime in Regime)}


def test_each_under_the_regime_known_when_it_was_decided(study: Study) -> None:
    found, result = by_regime(study), run(study)
    models, trades = Regimes(result.simulation.market), result.trades
    up = sum(models.at(0, row).regime is Regime.TREND_UP for row in trades.signal_row.tolist())
    (row,) = [row for row in found.rows if row.key == Regime.TREND_UP]
    assert row.trades == up > 100
    assert row.net > 0
    assert f"most in TREND_UP ({row.net:+,.2f} USDT in {row.trades} trades)" in found.sentence


def test_few_trades_are_called_so(study: Study) -> None:
    found = by_regime(study)
    few = [row.key for row in found.rows if row.trades < 30]
    assert few
    assert found.sentence.endswith(f"fewer than 30 trades, which prove nothing, in {', '.join(few)}.")


def test_no_trades(study: Study) -> None:
    found = by_regime(study.with_parameters({"side": 0}))
    assert (found.rows, found.sentence) == ((), "It made no trade in any regime.")
