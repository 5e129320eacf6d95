"""Figures against calculations of the tests' own, with pandas and by hand."""

from dataclasses import dataclass

import numpy as np
import pandas as pd
import pytest
from numpy.typing import NDArray
from research_kit import MONDAY, random_bars

from tradeterm.domain.instrument import Calendar
from tradeterm.domain.market import DAY_MS, HOUR_MS, MINUTE_MS
from tradeterm.quant.significance import SharpeSample, deflated_sharpe
from tradeterm.research import Costs, ExitPolicy, Result, backtest, panel_of
from tradeterm.research.bars import Bars, Settlements
from tradeterm.research.figure import DEFINITIONS
from tradeterm.research.metrics import (
    By,
    Figure,
    Unit,
    breakdown,
    buy_and_hold,
    cautions,
    equal_weight,
    figure_text,
    figures,
    months,
    value_text,
)
from tradeterm.research.result import Equity
from tradeterm.research.simulate import InstrumentSignals, simulate
from tradeterm.research.sizers import EquityFraction
from tradeterm.strategies.panel import Panel

COLUMNS = ("open", "high", "low", "close")
FREE = Costs(fee=0.0, slippage=0.0)


def market(seed: int, instruments: int = 3, rows: int = 24 * 500, step: float = 0.004) -> Panel:
    bars = [random_bars(seed + i, rows, step=step) for i in range(instruments)]
    rates = np.round(np.random.default_rng(seed).normal(0, 1e-4, (rows, instruments)), 6)
    columns = {name: np.stack([getattr(b, name) for b in bars], axis=1) for name in COLUMNS}
    return panel_of(**columns, ts=bars[0].ts_open, interval="1h", funding=rates)


@pytest.fixture(scope="module")
def result() -> Result:
    panel = market(3)
    signals = np.zeros((panel.rows, 3), np.int8)
    for column in range(3):
        signals[7 * column :: 30 + column, column] = (1, -1, 1)[column]
    return backtest(panel, signals, exits=ExitPolicy(stop=0.01, target=0.02, time_limit_hours=20), size=0.3)


def by_name(result: Result, **options: int | bool) -> dict[str, Figure]:
    return {figure.name: figure for figure in figures(result, **options)}  # type: ignore[arg-type]


def test_returns_as_pandas_reckons_them(result: Result) -> None:
    found = by_name(result)
    equity = pd.Series(result.equity.value, index=pd.to_datetime(result.equity.ts, unit="ms", utc=True))
    returns = equity.pct_change().dropna()
    expected = {
        "total_return": equity.iloc[-1] / equity.iloc[0] - 1,
        "cagr": (equity.iloc[-1] / equity.iloc[0]) ** (365 / len(returns)) - 1,
        "volatility": returns.std() * 365**0.5,
        "sharpe": returns.mean() / returns.std() * 365**0.5,
        "sortino": returns.mean() / (returns.clip(upper=0) ** 2).mean() ** 0.5 * 365**0.5,
        "max_drawdown": (equity / equity.cummax() - 1).min(),
        "best_day": returns.max(),
        "worst_day": returns.min(),
        "tail_ratio": returns.quantile(0.95) / -returns.quantile(0.05),
        "kurtosis": ((returns - returns.mean()) ** 4).mean() / returns.var(ddof=0) ** 2,
        "drawdown_bottom": (equity / equity.cummax() - 1).idxmin().timestamp() * 1000,
    }
    assert {name: found[name].value for name in expected} == pytest.approx(expected)
    assert found["calmar"].value == pytest.approx(expected["cagr"] / -expected["max_drawdown"])
    held = pd.Series(buy_and_hold(result).value)
    assert found["market_correlation"].value == pytest.approx(
        held.pct_change().corr(pd.Series(equity.values).pct_change())
    )


def test_trades_as_pandas_reckons_them(result: Result) -> None:
    found, frame = by_name(result), result.to_frame()
    assert len(frame) > 500
    held = (frame["exit_ts"] - frame["entry_ts"]).dt.total_seconds() * 1000
    won, lost = frame["pnl"][frame["pnl"] > 0], frame["pnl"][frame["pnl"] < 0]
    mean_equity = result.equity.value.mean()
    span = result.equity.ts[-1] - result.equity.ts[0]
    years = (len(result.equity.ts) - 1) / 365
    expected = {
        "trades": len(frame),
        "win_rate": len(won) / len(frame),
        "payoff": won.mean() / -lost.mean(),
        "profit_factor": won.sum() / -lost.sum(),
        "expectancy": frame["pnl"].mean(),
        "expectancy_r": (frame["pnl"] / frame["risk"]).mean(),
        "average_duration": held.mean(),
        "median_duration": held.median(),
        "mean_gross": (frame["quantity"] * frame["entry_price"] * held).sum() / span / mean_equity,
        "turnover": (frame["quantity"] * (frame["entry_price"] + frame["exit_price"])).sum() / mean_equity / years,
        "net": frame["pnl"].sum(),
    }
    assert {name: found[name].value for name in expected} == pytest.approx(expected)
    minutes = np.zeros(span // HOUR_MS, bool)
    for entry, exit in zip(result.trades.entry_ts, result.trades.exit_ts, strict=True):
        minutes[(entry - MONDAY) // HOUR_MS : (exit - MONDAY) // HOUR_MS] = True
    assert found["time_in_market"].value == result.metrics.time_in_market == pytest.approx(minutes.mean())


def test_costs_stand_apart_and_add_up(result: Result) -> None:
    found = {name: figure.value or 0.0 for name, figure in by_name(result).items()}
    assert found["gross"] - found["slippage"] - found["fees"] - found["funding"] == pytest.approx(found["net"])
    assert found["net"] == pytest.approx(found["final_equity"] - 100_000)
    assert found["slippage"] > 0 < found["fees"] and found["funding"] != 0


def test_a_record_is_deflated_by_what_was_tried(result: Result) -> None:
    assert by_name(result)["deflated_sharpe"].value is None
    one, many = (by_name(result, trials=trials)["deflated_sharpe"].value for trials in (1, 100))
    equity = result.equity.value
    record = SharpeSample.of(equity[1:] / equity[:-1] - 1)
    assert one == by_name(result)["probabilistic_sharpe"].value
    assert many == pytest.approx(deflated_sharpe(record, 100, 1 / (record.observations - 1)))
    with pytest.raises(ValueError, match="trials: found 0"):
        figures(result, trials=0)


@dataclass
class Path:
    """Equity day by day from a panel of one instrument that is always held with all capital, without costs."""

    daily: list[float]

    def result(self) -> Result:
        close = np.array(self.daily, dtype=np.float64)
        opened = np.concatenate((close[:1], close[:-1]))
        ts = MONDAY + DAY_MS * np.arange(len(close))
        panel = panel_of(opened, np.maximum(opened, close), np.minimum(opened, close), close, None, ts, interval="1d")
        signals = np.zeros(len(close))
        signals[0] = 1
        return backtest(panel, signals, exits=ExitPolicy(), costs=FREE, size=1.0, capital=1000.0)


def test_the_drawdown_has_its_dates() -> None:
    found = by_name(Path([100, 100, 120, 90, 60, 80, 120, 119, 130, 125, 126, 127, 126]).result())
    day = [MONDAY + DAY_MS * (number + 1) for number in range(13)]
    assert found["max_drawdown"].value == pytest.approx(-0.5)
    assert found["drawdown_start"].value == day[2]
    assert found["drawdown_bottom"].value == day[4]
    assert found["drawdown_recovery"].value == day[6]
    assert found["drawdown_fall"].value == found["drawdown_climb"].value == 2 * DAY_MS
    assert found["longest_drawdown"].value == 4 * DAY_MS  # as long as the one that is open from day 8 to 12
    assert found["max_drawdown"].buy_and_hold == pytest.approx(-0.5)


def test_an_open_drawdown_counts_and_has_no_recovery() -> None:
    found = by_name(Path([100, 100, 120, 110, 115, 90, 95]).result())
    assert found["drawdown_recovery"].value is None and found["drawdown_climb"].value is None
    assert found["longest_drawdown"].value == 4 * DAY_MS
    rising = by_name(Path([100, 100, 110, 121]).result())
    assert rising["max_drawdown"].value == 0
    assert rising["drawdown_start"].value is None and rising["calmar"].value is None


def test_holding_all_the_time_is_the_benchmark() -> None:
    result = Path([100, 100, 120, 110, 115, 90, 95]).result()
    assert buy_and_hold(result).value == pytest.approx(result.equity.value)
    assert equal_weight(result).value == pytest.approx(result.equity.value)


def three(funding: bool = True) -> tuple[Bars, ...]:
    """Three markets, the second of which begins late and the third of which ends early."""
    found = []
    for number, part in enumerate((slice(0, 400), slice(130, 400), slice(0, 210))):
        bars = random_bars(number, 400, step=0.02)
        rates = Settlements(MONDAY + 8 * HOUR_MS * np.arange(60), np.full(60, 0.0004 * (number - 1)))
        columns = [getattr(bars, name)[part] for name in ("ts_open", *COLUMNS)]
        found.append(Bars("ABC"[number], HOUR_MS, *columns, funding=rates if funding else None))
    return tuple(found)


def test_buying_and_holding_costs_what_a_run_that_does_it_pays() -> None:
    """The kernel itself buys at the first open it can, which is that of the second bar, and sells at the last close;
    funding leaves its share of that."""
    costs = Costs(fee=0.001, slippage=0.003)
    market = three(funding=False)
    signals = [InstrumentSignals(np.array([0]), np.array([1], np.int8)) for _ in market]
    share = EquityFraction(1 / 3 / (1 + 0.003) / (1 + 0.001))
    run = simulate(market, signals, ExitPolicy(), costs=costs, capital=9000.0, sizer=share)
    late = tuple(
        Bars(b.instrument, HOUR_MS, b.ts_open[1:], *(getattr(b, name)[1:] for name in COLUMNS), funding=b.funding)
        for b in three()
    )
    idle = simulate(late, [InstrumentSignals(np.empty(0, np.intp), np.empty(0, np.int8))] * 3, ExitPolicy(),
                    costs=costs, capital=9000.0, sizer=share)  # fmt: skip
    held = buy_and_hold(Result(idle, 365.0))
    final = 0.0
    for trade, rate in zip(sorted(run.trades), (-0.0004, 0.0, 0.0004), strict=True):
        share = 3000 + trade.pnl * 3000 / (trade.quantity * trade.entry_price * 1.001)
        times = MONDAY + 8 * HOUR_MS * np.arange(60)
        final += share * (1 - rate) ** int(((times > trade.entry_ts) & (times < trade.exit_ts)).sum())
    assert held.value[0] == 9000
    assert held.value[-1] == pytest.approx(final)


def idle_in(bars: Bars, costs: Costs) -> Result:
    quiet = [InstrumentSignals(np.empty(0, np.intp), np.empty(0, np.int8))]
    return Result(simulate((bars,), quiet, ExitPolicy(), costs=costs, capital=1e5, sizer=EquityFraction(1)), 365.0)


@pytest.mark.parametrize("rate", [0.0004, 0.02, -0.01, 1.5])
def test_funding_is_paid_out_of_what_is_held(rate: float) -> None:
    """A fixed quantity would owe more than it is worth; one instrument has nothing to make equal."""
    paid = Settlements(MONDAY + 8 * HOUR_MS * np.arange(300), np.full(300, rate))
    source = random_bars(1, 2400, step=0.02)
    columns = [getattr(source, name) for name in ("ts_open", *COLUMNS)]
    result = idle_in(Bars("A", HOUR_MS, *columns, funding=paid), Costs(fee=0.001, slippage=0.002))
    held = buy_and_hold(result).value
    assert (held >= 0).all() and (np.diff(held)[held[:-1] == 0] == 0).all()
    assert equal_weight(result).value == pytest.approx(held, rel=1e-9)
    without = buy_and_hold(idle_in(Bars("A", HOUR_MS, *columns), Costs(fee=0.001, slippage=0.002))).value
    assert held[-1] == pytest.approx(without[-1] * max(1 - rate, 0.0) ** 299)


def test_equal_weights_step_by_step() -> None:
    market = three(funding=False)
    idle = simulate(market, [InstrumentSignals(np.empty(0, np.intp), np.empty(0, np.int8))] * 3, ExitPolicy(),
                    costs=FREE, capital=9000.0, sizer=EquityFraction(1))  # fmt: skip
    result = Result(idle, 365.0)
    frame = pd.DataFrame({b.instrument: pd.Series(b.close, index=b.ts_open + HOUR_MS) for b in market})
    daily = frame.ffill().reindex(result.equity.ts, method="ffill")
    daily.iloc[0] = [b.open[0] for b in market]
    daily.iloc[0, 1] = np.nan
    before_b = daily["B"].isna().sum() - 1
    daily.iloc[before_b, 1] = market[1].open[0]
    returns = daily.pct_change(fill_method=None).fillna(0.0)
    assert equal_weight(result).value == pytest.approx((9000 * (1 + returns.mean(axis=1)).cumprod()).to_numpy())


@pytest.mark.parametrize("irregular", [False, True])
@pytest.mark.parametrize("calendar", list(Calendar))
def test_gaps_are_marked_at_the_last_close(irregular: bool, calendar: Calendar) -> None:
    market = tuple(
        random_bars(seed, 900, missing=0.3, calendar=calendar, irregular=irregular, name=name)
        for seed, name in ((4, "A"), (5, "B"))
    )
    idle = simulate(market, [InstrumentSignals(np.empty(0, np.intp), np.empty(0, np.int8))] * 2, ExitPolicy(),
                    costs=FREE, capital=200.0, sizer=EquityFraction(1))  # fmt: skip
    result = Result(idle, 365.0)
    expected = np.zeros(len(result.equity.ts))
    for bars in market:
        has = ~np.isnan(bars.close)
        closes = pd.Series(bars.close[has], index=bars.ts_open[has] + HOUR_MS)
        marks = closes.reindex(result.equity.ts, method="ffill")
        expected += (100 * marks / bars.open[has][0]).fillna(100.0).to_numpy()
    assert buy_and_hold(result).value == pytest.approx(expected)


def test_rebalancing_is_not_free() -> None:
    bars = three(funding=False)[:1] * 2
    quiet = [InstrumentSignals(np.empty(0, np.intp), np.empty(0, np.int8))] * 2
    costs = Costs(fee=0.001, slippage=0.002)
    same = Result(simulate(bars, quiet, ExitPolicy(), costs=costs, capital=1.0, sizer=EquityFraction(1)), 365.0)
    # Two of the same never drift apart: bought and sold once, as when held.
    assert equal_weight(same).value[-1] == pytest.approx(buy_and_hold(same).value[-1], rel=1e-12)
    apart = three(funding=False)
    free, dear = (
        equal_weight(
            Result(simulate(apart, quiet + quiet[:1], ExitPolicy(), costs=c, capital=1.0, sizer=EquityFraction(1)), 365)
        ).value
        for c in (FREE, costs)
    )
    assert dear[-1] < free[-1] * (1 - 0.003) * (1 - 0.002)


def test_no_trades_no_figures_of_trades() -> None:
    panel = market(1, rows=100)
    found = by_name(backtest(panel, np.zeros((100, 3)), exits=ExitPolicy()))
    assert found["trades"].value == 0 and found["net"].value == 0 and found["time_in_market"].value == 0
    for name in ("sharpe", "win_rate", "expectancy", "payoff", "probabilistic_sharpe", "average_duration"):
        assert found[name].value is None
    assert found["total_return"].buy_and_hold is not None


def test_a_lost_account_still_has_figures() -> None:
    close = np.array([100.0, 100, 100, 20, 20])
    ts = MONDAY + DAY_MS * np.arange(5)
    panel = panel_of(close, close, close, close, None, ts, interval="1d")
    result = backtest(panel, np.array([1, 0, 0, 0, 0]), exits=ExitPolicy(), costs=FREE, size=2.0, capital=1000.0)
    found = by_name(result, trials=5)
    assert found["total_return"].value == found["max_drawdown"].value == -1.0
    assert found["cagr"].value is None and found["sharpe"].value is None and found["deflated_sharpe"].value is None
    assert found["total_return"].buy_and_hold == pytest.approx(-0.8)
    assert "the account was lost" in cautions(result)[0]


def test_cautions_name_what_is_missing(result: Result) -> None:
    assert cautions(result) == ()
    few = Path([100, 100, 120]).result()
    assert cautions(few) == (
        "There is only 1 trade: under 30 no figure says anything about the strategy.",
        "The period is 3 d, under a year: figures that are annualised, CAGR above all, mislead.",
    )


@pytest.mark.parametrize("by", [By.SYMBOL, By.SIDE, By.REASON, By.HOUR, By.MONTH])
def test_breakdowns_as_pandas_groups(result: Result, by: By) -> None:
    frame = result.to_frame()
    frame["key"] = {
        By.SYMBOL: frame["instrument"],
        By.SIDE: frame["side"].map({1: "long", -1: "short"}),
        By.REASON: frame["reason"],
        By.HOUR: frame["entry_ts"].dt.strftime("%H"),
        By.MONTH: (frame["exit_ts"] - pd.Timedelta(milliseconds=1)).dt.strftime("%Y-%m"),
    }[by]
    rows = breakdown(result, by)
    groups = dict(list(frame.groupby("key")))
    assert sorted(row.key for row in rows) == sorted(groups)
    for row in rows:
        mine = groups[row.key]
        assert row.trades == len(mine)
        assert row.net == pytest.approx(mine["pnl"].sum())
        assert row.win_rate == pytest.approx((mine["pnl"] > 0).mean())
        assert row.expectancy_r == pytest.approx((mine["pnl"] / mine["risk"]).mean())
        assert row.costs == pytest.approx((mine["slippage"] + mine["fees"] + mine["funding"]).sum())
        hours = (mine["exit_ts"] - mine["entry_ts"]).dt.total_seconds().mean() / 3600
        assert row.average_duration == pytest.approx(hours * HOUR_MS)
    assert type(rows[0].key) is str


def test_regimes_are_those_given(result: Result) -> None:
    words = ["bull" if number % 3 else "bear" for number in range(len(result.trades))]
    rows = breakdown(result, "regime", regimes=words)
    assert [row.key for row in rows] == ["bull", "bear"]
    assert sum(row.net for row in rows) == pytest.approx(result.trades.pnl.sum())
    for given in (None, words[1:]):
        with pytest.raises(ValueError, match="regimes: found"):
            breakdown(result, "regime", regimes=given)


def test_hours_are_those_of_the_exchange() -> None:
    rows = 75
    ts = MONDAY + 3 * HOUR_MS + 45 * MINUTE_MS + 5 * MINUTE_MS * np.arange(rows)  # 09:15 in India
    flat = np.full(rows, 100.0)
    panel = panel_of(flat, flat, flat, flat, None, ts, interval="5m")
    signals = np.zeros(rows)
    signals[10] = 1  # closes 10:10, fills there
    for calendar, hour in ((Calendar.NSE, "10"), (Calendar.ALWAYS, "04")):
        found = backtest(panel, signals, exits=ExitPolicy(), calendar=calendar)
        assert [row.key for row in breakdown(found, By.HOUR)] == [hour]


def test_months_multiply_to_the_whole(result: Result) -> None:
    rows = months(result.equity)
    values: NDArray[np.float64] = np.array([row.value for row in rows])
    assert float(np.prod(1 + values)) == pytest.approx(result.equity.value[-1] / result.equity.value[0])
    assert (rows[0].year, rows[0].month) == (2025, 1)
    index = pd.to_datetime(result.equity.ts - 1, unit="ms", utc=True).tz_localize(None)
    monthly = pd.Series(result.equity.value, index=index).resample("ME").last().pct_change().dropna()
    assert values[1:] == pytest.approx(monthly.to_numpy())


def test_a_months_last_day_ends_at_midnight() -> None:
    first = 1_738_368_000_000  # 2025-02-01 00:00 UTC
    ts = np.array([first - DAY_MS, first, first + DAY_MS])
    assert [(m.month, m.value) for m in months(Equity(ts, np.array([100.0, 110.0, 99.0])))] == [
        (1, pytest.approx(0.1)),
        (2, pytest.approx(-0.1)),
    ]
    assert months(Equity(ts[:1], np.array([1.0]))) == ()


def test_every_definition_is_of_its_own() -> None:
    names = [definition.name for definition in DEFINITIONS]
    assert len(names) == len(set(names)) == len({definition.label for definition in DEFINITIONS})
    assert all(definition.text for definition in DEFINITIONS)


@pytest.mark.parametrize(
    ("value", "unit", "text"),
    [
        (0.12345, Unit.FRACTION, "12.35 %"),
        (-0.00001, Unit.FRACTION, "0.00 %"),
        (None, Unit.FRACTION, "-"),
        (float("nan"), Unit.MONEY, "-"),
        (-1234.5, Unit.MONEY, "-1,234.50"),
        (1e40, Unit.MONEY, "1.000e+40"),
        (1.5, Unit.R, "1.50 R"),
        (41.0, Unit.COUNT, "41"),
        (0.0, Unit.DURATION, "0 min"),
        (5_000.0, Unit.DURATION, "5 s"),
        (90 * MINUTE_MS, Unit.DURATION, "1 h 30 min"),
        (3 * DAY_MS, Unit.DURATION, "3 d"),
        (MONDAY, Unit.TIME, "2025-01-06 00:00"),
    ],
)
def test_values_as_text(value: float | None, unit: Unit, text: str) -> None:
    assert value_text(value, unit) == text


def test_rupees_are_grouped_as_in_india() -> None:
    assert value_text(-12345678.9, Unit.MONEY, "INR") == "-1,23,45,678.90"
    assert value_text(999.0, Unit.MONEY, "INR") == "999.00"


def test_a_figure_writes_itself(result: Result) -> None:
    found = by_name(result)
    assert figure_text(found["trades"]) == f"{len(result.trades):,}"
    assert figure_text(found["deflated_sharpe"]) == "-"
