"""The public function: arrays, strategies and their mistakes."""

import subprocess
import sys
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray
from research_kit import MONDAY, random_bars

from tradeterm import research
from tradeterm.config import ExitsConfig
from tradeterm.domain.instrument import Calendar
from tradeterm.domain.market import DAY_MS, HOUR_MS, MINUTE_MS
from tradeterm.research import Costs, ExitPolicy, Liquidity, MaxPositions, RiskFraction, backtest, panel_of
from tradeterm.strategies.eos import Eos, EosParameters
from tradeterm.strategies.panel import Panel
from tradeterm.strategies.protocol import ExitRule, Signals

FREE = Costs(fee=0.0, slippage=0.0)
COLUMNS = ("open", "high", "low", "close")


def hours(count: int, **changes: Any) -> Panel:
    """A market that stands still, at 100."""
    given: dict[str, Any] = {name: np.full(count, 100.0) for name in COLUMNS}
    return panel_of(**{**given, "ts": MONDAY + HOUR_MS * np.arange(count), "interval": "1h", **changes})


def random_panel(seed: int, instruments: int = 3, rows: int = 2000, interval_ms: int = 5 * MINUTE_MS) -> Panel:
    bars = [random_bars(seed + i, rows, step=0.002, interval_ms=interval_ms) for i in range(instruments)]
    columns = {name: np.stack([getattr(b, name) for b in bars], axis=1) for name in COLUMNS}
    return panel_of(**columns, ts=bars[0].ts_open, interval=interval_ms)


def at(rows: int, *signals: tuple[int, int]) -> NDArray[np.int8]:
    found = np.zeros(rows, np.int8)
    for row, side in signals:
        found[row] = side
    return found


def test_an_external_rule_in_a_few_lines() -> None:
    close = np.array([100.0, 100, 102, 104, 104, 104])
    panel = panel_of(close, close + 0.5, close - 0.5, close, interval="1h")
    result = backtest(panel, at(6, (0, 1)), exits=ExitPolicy(target=0.03), costs=FREE, size=0.5, capital=1000.0)
    (trade,) = result.trades
    assert (trade.entry_row, trade.exit_row, trade.reason, trade.exit_price) == (1, 3, "TARGET", 104.0)
    assert trade.pnl == pytest.approx(20.0)
    assert result.equity.value[-1] == pytest.approx(1020.0)
    assert result.metrics.insufficient
    assert result.metrics.trades.average_bars == 3
    assert result.metrics.time_in_market == pytest.approx(0.5)
    assert repr(result) == "Result(1 trades, +20.00)"


@pytest.mark.parametrize("kind", (np.int8, np.int64, np.float64, bool))
def test_signals_of_any_kind(kind: type) -> None:
    panel = hours(6)
    found = backtest(panel, at(6, (1, 1)).astype(kind), exits=ExitPolicy(), costs=FREE)
    assert found.trades.entry_row.tolist() == [2]
    assert found.trades.side.tolist() == [1]


def test_shorts_and_several_instruments_on_one_capital() -> None:
    panel = random_panel(1)
    signals = np.zeros((panel.rows, 3), np.int8)
    signals[10::40, 0], signals[20::40, 1], signals[30::40, 2] = 1, -1, 1
    result = backtest(panel, signals, size=0.2, limits=(MaxPositions(2),))
    trades = result.trades
    assert set(trades.instrument.tolist()) == {0, 1, 2}
    assert result.ignored["LIMIT"] > 0
    assert result.equity.value[-1] == pytest.approx(100_000 + trades.pnl.sum())
    assert result.metrics.performance is not None
    assert result.metrics.performance.total_return == pytest.approx(trades.pnl.sum() / 100_000)
    assert result.metrics.fees == pytest.approx(trades.fees.sum())
    frame = result.to_frame()
    assert frame["instrument"].unique().tolist() == list(dict.fromkeys(t.instrument for t in trades))
    assert str(frame["entry_ts"].dt.tz) == "UTC"
    assert frame["pnl"].tolist() == trades.pnl.tolist()


def test_a_strategy_and_its_signals_are_the_same() -> None:
    panel = random_panel(7)
    eos = Eos(EosParameters(threshold=0.005, min_confirmations=0))
    one, other = backtest(panel, eos), backtest(panel, eos.signals(panel))
    assert len(one.trades) > 0
    assert list(map(repr, one.trades)) == list(map(repr, other.trades))
    assert "AVERAGE_CROSS" in one.trades.reason


def test_a_strategys_own_exits() -> None:
    panel = hours(6)
    out = np.zeros((6, 1), bool)
    out[3] = True
    rule = ExitRule(reason="ENOUGH", long=out, short=np.zeros_like(out))
    found = backtest(panel, Signals(entries=at(6, (0, 1))[:, None], exits=(rule,)), exits=ExitPolicy(), costs=FREE)
    assert [(trade.exit_row, trade.reason) for trade in found.trades] == [(4, "ENOUGH")]


def test_the_defaults_are_those_of_a_book() -> None:
    panel = random_panel(3, 1)
    signals = at(panel.rows, *((row, 1) for row in range(0, panel.rows, 50)))
    one, other = backtest(panel, signals), backtest(panel, signals, exits=ExitsConfig())
    assert list(map(repr, one.trades)) == list(map(repr, other.trades))
    assert one.trades.risk[0] == pytest.approx(0.02 * one.trades.entry_price[0] * one.trades.quantity[0])


def test_funding_of_the_panel_is_settled() -> None:
    rates = np.full(24, 0.001)
    panel = hours(24, funding=rates)
    more: dict[str, Any] = {"exits": ExitPolicy(time_limit_hours=10), "costs": FREE, "capital": 1000.0, "size": 1.0}
    assert backtest(panel, at(24, (2, 1)), **more).trades.funding.tolist() == pytest.approx([1.0])
    assert backtest(panel, at(24, (2, -1)), **more).trades.funding.tolist() == pytest.approx([-1.0])
    assert backtest(panel, at(24, (2, 1)), funding_hours=4.0, **more).trades.funding.tolist() == pytest.approx([3.0])
    found = backtest(panel, at(24, (2, 1)), funding_hours=None, **more)
    assert (found.trades.funding.tolist(), found.metrics.funding) == ([0.0], 0.0)


def test_impact_and_risk_sizing() -> None:
    known = {"X": Liquidity(np.array([0]), np.array([1e6]), np.array([0.02]))}
    panel = hours(6)
    found = backtest(
        panel, at(6, (0, 1)), exits=ExitPolicy(stop=0.02), costs=Costs(impact=1.0), size=RiskFraction(0.01),
        liquidity=known,
    )  # fmt: skip
    quantity = 100_000 * 0.01 / 2.0
    assert found.trades.quantity.tolist() == pytest.approx([quantity])
    assert found.trades.entry_price[0] == pytest.approx(100 * (1.0002 + 0.02 * (quantity / 1e6) ** 0.5))
    later = {"X": known["X"]._replace(ts=np.array([MONDAY + DAY_MS]))}
    unknown = backtest(panel, at(6, (0, 1)), costs=Costs(impact=1.0), liquidity=later)
    assert unknown.ignored == {"VOLUME_UNKNOWN": 1}


def test_ruin_has_no_performance() -> None:
    close = np.array([100.0, 100, 30, 30])
    opened = np.array([100.0, 100, 100, 30])
    panel = panel_of(opened, np.maximum(opened, close), np.minimum(opened, close), close, interval="1h")
    found = backtest(panel, at(4, (0, 1)), exits=ExitPolicy(), costs=FREE, size=2.0)
    assert found.metrics.performance is None
    assert found.metrics.trades.net == pytest.approx(-140_000)


def test_days_of_a_market_that_shuts() -> None:
    ts = MONDAY + DAY_MS * np.array([0, 1, 2, 3, 4, 7, 8])
    flat = np.full(7, 100.0)
    panel = panel_of(flat, flat, flat, flat, ts=ts.astype("datetime64[ms]"), interval="1d")
    found = backtest(panel, at(7, (4, 1)), exits=ExitPolicy(time_limit_hours=20), costs=FREE, calendar=Calendar.NSE)
    assert [(trade.entry_row, trade.exit_row) for trade in found.trades] == [(5, 6)]
    assert len(found.equity.ts) == 8


def panel_error(**changes: Any) -> str:
    with pytest.raises(ValueError) as caught:
        hours(4, **changes)
    return str(caught.value)


def test_what_is_wrong_with_a_panel() -> None:
    high, nan = np.full(4, 100.0), np.array([100.0, np.nan, 100, 100])
    assert panel_error(open=np.full(5, 100.0)) == "open: found shape (5, 1), allowed (4, 1) (rows, instruments)"
    assert panel_error(high=nan) == "X: row 1 has a bar with some prices missing"
    assert panel_error(close=np.array([100, 100, 100, 101.0])) == "X: row 3 has a high below the open or the close"
    assert panel_error(low=np.array([100, 100, 100, 101.0])) == "X: row 3 has a low above the open or the close"
    assert panel_error(low=high * 0) == "X: row 0 has a price that is not positive and finite"
    assert panel_error(high=high * np.inf) == "X: row 0 has a price that is not positive and finite"
    assert panel_error(volume=-high) == "X: row 0 has a volume below 0 or not finite"
    assert "ts: row 1 opens 0 ms after" in panel_error(ts=np.zeros(4, np.int64))
    assert "ts: row 2 opens -3600000 ms after" in panel_error(ts=HOUR_MS * np.array([0, 2, 1, 3]))
    assert "found shape" in panel_error(open=np.full(3, 1.0), ts=np.arange(3))
    assert "ts: found float64" in panel_error(ts=np.arange(4.0))
    assert panel_error(ts=np.array(["NaT"] * 4, dtype="datetime64[ms]")) == "ts: found a missing time"
    assert panel_error(interval="2h").startswith("interval: found '2h', allowed 1m, 3m")
    assert panel_error(interval=-5) == "interval: found -5 ms, allowed above 0"
    assert panel_error(instruments=("A", "B")).startswith("open: found shape (4, 1), allowed (4, 2)")
    assert panel_error(open=np.ones((4, 1, 1))).startswith("open: found 3 dimensions")
    two = {name: np.full((4, 2), 100.0) for name in COLUMNS}
    assert panel_error(**two, instruments=("A", "A")) == "instruments: found a name twice, allowed once each"
    assert hours(4, **dict.fromkeys(COLUMNS, nan)).rows == 4


@pytest.mark.parametrize(
    ("signals", "more", "text"),
    (
        (np.zeros(5), {}, "signals: found shape (5, 1), allowed (4, 1)"),
        (np.array([0, 2, 0, 0]), {}, "signals: found 2 in row 1, allowed -1, 0 and 1"),
        (np.array([0, np.nan, 0, 0]), {}, "signals: found nan in row 1"),
        (np.array(["a"] * 4), {}, "signals: found <U1"),
        (np.zeros(4), {"capital": 0.0}, "capital: found 0.0"),
        (np.zeros(4), {"capital": float("nan")}, "capital: found nan"),
        (np.zeros(4), {"size": -0.1}, "fraction: found -0.1"),
        (np.zeros(4), {"funding_hours": 7.0}, "funding_hours: found 7.0"),
        (np.zeros(4), {"exits": ExitsConfig(stop_atr=2.0)}, "exits.stop_atr is on"),
    ),
)
def test_what_is_wrong_with_a_call(signals: NDArray[Any], more: dict[str, Any], text: str) -> None:
    with pytest.raises(ValueError) as caught:
        backtest(hours(4), signals, **more)
    assert str(caught.value).startswith(text)


def test_costs_have_bounds() -> None:
    for wrong in ({"fee": -0.1}, {"slippage": 1.0}, {"impact": -1.0}, {"fee": float("nan")}):
        with pytest.raises(ValueError, match=f"{next(iter(wrong))}: found"):
            Costs(**wrong)


def test_days_and_session_ends_do_not_go_together() -> None:
    flat = np.full(4, 100.0)
    with pytest.raises(ValueError, match="switch it off"):
        backtest(panel_of(flat, flat, flat, flat, interval="1d"), np.zeros(4))


def test_a_strategy_needs_rows_without_gaps() -> None:
    panel = hours(4, ts=MONDAY + HOUR_MS * np.array([0, 1, 3, 4]))
    with pytest.raises(ValueError, match="rows without gaps"):
        backtest(panel, Eos(interval_ms=HOUR_MS))


def test_the_package_is_light_until_it_is_used() -> None:
    heavy = "numpy", "pandas", "pyarrow", "scipy", "tradeterm.desk"
    code = f"import sys, tradeterm.research; print([name for name in {heavy} if name in sys.modules])"
    assert subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout == "[]\n"
    code = f"import sys; from tradeterm.research import backtest; print([n for n in {heavy[1:4]} if n in sys.modules])"
    assert subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout == "[]\n"
    assert all(getattr(research, name) is not None for name in research.__all__)
    with pytest.raises(AttributeError, match="has no attribute 'nothing'"):
        _ = research.nothing


def test_a_function_that_sees_each_bar_trades_as_its_signals_do() -> None:
    panel = random_panel(7)
    change = np.diff(panel.close, axis=0, prepend=np.nan) / panel.close
    signals = np.where(change < -0.0019, 1, np.where(change > 0.0019, -1, 0))

    def rule(name: str) -> Callable[[int, tuple[float, ...], int], int]:
        last = [np.nan]

        def on_bar(row: int, prices: tuple[float, ...], side: int) -> int:
            change, last[0] = (prices[3] - last[0]) / prices[3], prices[3]
            return 1 if change < -0.0019 else -1 if change > 0.0019 else 0

        return on_bar

    terms: dict[str, Any] = {"exits": ExitPolicy(stop=0.01, target=0.01, trail=0.005, trail_after=0.005), "size": 0.3}
    seen, given = backtest(panel, rule, **terms), backtest(panel, signals, **terms)
    assert len(given.trades) > 50
    assert list(seen.trades) == list(given.trades)


def test_a_function_leaves_when_it_says_so() -> None:
    panel = hours(8)
    result = backtest(panel, lambda name: lambda row, prices, side: 2 if side else 1, costs=FREE, exits=ExitPolicy())
    first = next(iter(result.trades))
    assert (first.entry_row, first.exit_row, first.reason) == (1, 2, "EXIT")


def test_a_rule_with_a_wrong_answer_or_no_function() -> None:
    with pytest.raises(ValueError, match="the function answered 7 at row 0, allowed 0, 1, -1 and 2"):
        backtest(hours(4), lambda name: lambda row, prices, side: 7)
    with pytest.raises(ValueError, match="signals"):
        backtest(hours(4), lambda name: 1)  # type: ignore[arg-type, return-value]
