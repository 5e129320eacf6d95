"""A book's equity ahead, and the days on record."""

import math
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tradeterm.domain.instrument import Calendar
from tradeterm.quant.crash_days import CRASH_DAYS, returns_of
from tradeterm.quant.equity_fan import LEAST_TRADES, QUANTILES, STEPS, equity_fan, trade_returns

FOLDERS = [parent / "shared" / "data" / "crypto" / "binance_usdm" / "1h" for parent in Path(__file__).parents]
pnl = st.lists(st.floats(-500, 500), min_size=LEAST_TRADES, max_size=80)


def test_returns_are_on_the_equity_each_trade_began_with() -> None:
    found = trade_returns(1089.0, [100.0, -110.0, 99.0])  # 1000, 1100, 990, 1089
    assert found is not None
    np.testing.assert_allclose(found, [0.1, -0.1, 0.1])


@pytest.mark.parametrize(
    ("equity", "trades"), [(100.0, [200.0, 1.0]), (-1.0, [-2.0]), (0.0, [-5.0]), (5.0, [math.nan])]
)
def test_no_returns_without_equity(equity: float, trades: list[float]) -> None:
    assert trade_returns(equity, trades) is None


@pytest.mark.parametrize("count", [0, 1, LEAST_TRADES - 1])
def test_no_fan_under_thirty_trades(count: int) -> None:
    assert equity_fan(1000.0, [1.0] * count, 0.1) is None


@given(trades=pnl, seed=st.integers(0, 5))
def test_a_fan_is_ordered_starts_at_the_equity_and_repeats(trades: list[float], seed: int) -> None:
    fan = equity_fan(100_000.0, trades, 0.05, seed=seed)
    assert fan is not None
    bands = np.array(fan.bands)
    assert bands.shape == (len(QUANTILES), len(STEPS))
    np.testing.assert_allclose(bands[:, 0], 100_000.0)
    assert (np.diff(bands, axis=0) >= -1e-6).all()
    assert np.isfinite(bands).all()
    assert 0 <= fan.profit.probability <= 1
    assert fan.drawdowns[0] <= fan.drawdowns[1] <= fan.drawdowns[2] < 1
    assert fan == equity_fan(100_000.0, trades, 0.05, seed=seed)


def test_trades_that_always_win_cannot_lose() -> None:
    fan = equity_fan(2000.0, [10.0] * 40, 0.05)
    assert fan is not None
    assert (fan.profit.probability, fan.deep.probability, fan.drawdowns) == (1.0, 0.0, (0.0, 0.0, 0.0))


def test_a_fair_coin_ends_up_about_half_the_time_with_its_error() -> None:
    rng = np.random.default_rng(2)
    fan = equity_fan(100_000.0, rng.permutation([100.0] * 100 + [-100.0] * 100), 0.01)
    assert fan is not None
    assert abs(fan.profit.probability - 0.5) < 0.1
    assert fan.profit.standard_error == pytest.approx(
        math.sqrt(fan.profit.probability * (1 - fan.profit.probability) / 1000)
    )


def test_the_days_on_record_are_falls() -> None:
    for day in CRASH_DAYS:
        symbols = tuple(day.falls)
        falls = returns_of(day, (*symbols, "SOMETHING"))
        assert falls.shape == (2, len(symbols) + 1)
        assert (falls[0] < 0).all()
        assert (falls > -1).all()
        assert tuple(falls[:, -1]) == day.worst
    assert returns_of(CRASH_DAYS[0], ()).shape == (2, 0)


@pytest.mark.shared
@pytest.mark.parametrize(
    ("number", "start", "end"),
    [
        (0, "2021-05-19", "2021-05-19 23:00"),
        (1, "2022-11-08", "2022-11-09 23:00"),
        (2, "2024-08-05", "2024-08-05 23:00"),
    ],
)
def test_the_days_on_record_are_those_of_the_data(number: int, start: str, end: str) -> None:
    data = next((folder for folder in FOLDERS if folder.is_dir()), None)
    if data is None:
        pytest.skip("needs the market data outside the repository")
    import pandas as pd

    day = CRASH_DAYS[number]
    assert day.calendar is Calendar.ALWAYS
    paths = {}
    for symbol in day.falls:
        bars = pd.read_parquet(data / f"{symbol}.parquet")
        times = pd.to_datetime(bars["timestamp"], utc=True)
        within = bars[(times >= pd.Timestamp(start, tz="UTC")) & (times <= pd.Timestamp(end, tz="UTC"))]
        paths[symbol] = (within["close"] / within["open"].iloc[0]).to_numpy()
    worst = int(np.mean(list(paths.values()), axis=0).argmin())
    for symbol, (fall, after) in day.falls.items():
        assert paths[symbol][worst] - 1 == pytest.approx(fall, abs=6e-5)
        assert paths[symbol][-1] / paths[symbol][worst] - 1 == pytest.approx(after, abs=6e-5)


def test_a_short_of_a_name_not_on_record_is_no_hedge_beyond_the_mildest_fall() -> None:
    for day in CRASH_DAYS:
        known = next(iter(day.falls))
        falls = returns_of(day, (known, "SOMETHING", "SOMETHING"), (True, True, False))
        assert tuple(falls[:, 0]) == day.falls[known]
        assert falls[0, 1] == max(fall for fall, _ in day.falls.values())
        assert falls[0, 2] == min(fall for fall, _ in day.falls.values())
    with pytest.raises(ValueError, match="zip"):
        returns_of(CRASH_DAYS[0], ("SOMETHING",), (True, False))
