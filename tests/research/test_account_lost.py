"""A run ends where equity is gone: no later close brings it back, and nothing is entered after it."""

from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from research_kit import candles, policies, random_bars

from tradeterm.research import ExitPolicy, backtest
from tradeterm.research.bars import Bars
from tradeterm.research.costs import Costs
from tradeterm.research.equity import daily_equity, every_close
from tradeterm.research.every_bar import simulate_every_bar
from tradeterm.research.exits import ExitSignals
from tradeterm.research.honesty.summary import Metric, Summary, score
from tradeterm.research.metrics import cautions, figures
from tradeterm.research.panels import panel_of
from tradeterm.research.simulate import InstrumentSignals, Simulation, simulate
from tradeterm.research.sizers import FixedQuantity

FREE = Costs(fee=0.0, slippage=0.0)


def test_a_short_that_cost_everything_does_not_end_with_a_profit() -> None:
    close = np.r_[np.full(5, 100.0), np.linspace(100, 2000, 50), np.linspace(2000, 50, 50)]
    opened = np.r_[100, close[:-1]]
    panel = panel_of(opened, np.maximum(opened, close), np.minimum(opened, close), close, interval="1d")
    signals = np.zeros(len(close), int)
    signals[[2, 60, 70]] = -1
    result = backtest(panel, signals, exits=ExitPolicy(), size=1.0)
    found = {figure.name: figure.value for figure in figures(result)}
    assert (found["final_equity"], found["total_return"], found["max_drawdown"]) == (0.0, -1.0, -1.0)
    assert found["sharpe"] is None and found["cagr"] is None
    (trade,) = result.trades
    assert trade.reason == "ACCOUNT_LOST" and close[trade.exit_row] < 300
    assert sum(result.ignored.values()) == 2
    assert cautions(result)[0].startswith("Equity fell to 0")
    assert (result.equity.value[result.equity.ts >= trade.exit_ts] == 0).all()


def test_a_loss_taken_at_a_gap_counts_as_well() -> None:
    bars = candles((100, 100, 100, 100), (100, 100, 100, 100), (300, 300, 90, 90), (90, 90, 90, 90), (90, 90, 90, 90))
    signals = [InstrumentSignals(np.array([0, 2]), np.array([-1, 1], np.int8))]
    found = simulate(
        [bars], signals, ExitPolicy(stop=0.1), costs=FREE, capital=100.0, sizer=FixedQuantity(1.0)
    )  # fmt: skip
    assert [trade.reason for trade in found.trades] == ["STOP"]
    assert found.ignored == {"ACCOUNT_LOST": 1}
    assert found.lost_at == bars.closed(2)
    assert daily_equity(found)[1][-1] == 0.0


@pytest.mark.parametrize("metric", Metric)
def test_a_lost_account_has_no_score(metric: Metric) -> None:
    lost = Summary(total_return=-1.0, sharpe=None, max_drawdown=None, profit_factor=2.0, trades=40, refused=0)
    assert score(lost, metric) is None


def on_bar(signals: InstrumentSignals) -> Any:
    wanted = dict(zip(signals.rows.tolist(), signals.sides.tolist(), strict=True))
    return lambda row, prices, side: wanted.get(row, 0)


def traded(found: Simulation) -> list[tuple[Any, ...]]:
    return [tuple(trade)[:-1] for trade in found.trades]


@given(
    seed=st.integers(0, 10_000), count=st.integers(1, 3), policy=policies, quantity=st.sampled_from((1.0, 20.0, 90.0)),
    missing=st.sampled_from((0.0, 0.2)), funding=st.booleans(),
)  # fmt: skip
@settings(max_examples=150, deadline=None)
def test_both_kernels_end_at_the_first_close_without_equity(
    seed: int, count: int, policy: ExitPolicy, quantity: float, missing: float, funding: bool
) -> None:
    market: list[Bars] = [
        random_bars(seed + n, 120, missing=missing, name=f"B{n}", funding=funding) for n in range(count)
    ]
    rng, signals = np.random.default_rng(seed), []
    for _ in market:
        rows = np.flatnonzero(rng.random(120) < 0.1)
        nothing = (ExitSignals("EXIT", np.empty(0, np.intp)),)
        signals.append(InstrumentSignals(rows, rng.choice([-1, 1], rows.size).astype(np.int8), nothing, nothing))
    terms: dict[str, Any] = {"costs": FREE, "capital": 1000.0, "sizer": FixedQuantity(quantity)}
    jumped = simulate(market, signals, policy, **terms)
    stepped = simulate_every_bar(market, [on_bar(each) for each in signals], policy, **terms)
    assert traded(jumped) == traded(stepped)
    assert jumped.lost_at == stepped.lost_at
    assert {**jumped.ignored, "NO_BAR": 0} == {**stepped.ignored, "NO_BAR": 0}  # it is not asked where there is no bar
    ts, equity = every_close(jumped)
    if jumped.lost_at is None:
        assert (equity > 0).all()
    else:
        assert (equity[ts >= jumped.lost_at] == 0).all()
        assert (equity[ts < jumped.lost_at] > 0).all()
        assert (jumped.trades.entry_ts <= jumped.lost_at).all()
        assert all(decided.why for decided in jumped.decided if decided.ts >= jumped.lost_at)
