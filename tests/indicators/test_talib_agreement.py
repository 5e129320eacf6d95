"""On whole, real data the indicators are TA-Lib's, from the same first bar on."""

from pathlib import Path

import numpy as np
import pytest
import talib
from pyarrow import parquet

import tradeterm
from tradeterm import indicators as ind

DEMO = Path(tradeterm.__file__).parent / "demo" / "crypto" / "5m"


@pytest.fixture(scope="module", params=["BTCUSDT", "ADAUSDT"])
def bars(request: pytest.FixtureRequest) -> tuple[np.ndarray, ...]:
    table = parquet.read_table(DEMO / f"{request.param}.parquet")
    return tuple(np.array(table[name].to_pylist()) for name in ("high", "low", "close", "volume"))


def agree(found: object, expected: object) -> None:
    np.testing.assert_allclose(np.array(found), np.array(expected), rtol=1e-8, atol=1e-8)


def test_recursions(bars: tuple[np.ndarray, ...]) -> None:
    high, low, close, volume = bars
    agree(ind.rsi(close), talib.RSI(close, 14))
    agree(ind.ema(close, 50), talib.EMA(close, 50))
    agree(ind.macd(close), talib.MACD(close, 12, 26, 9))
    agree(ind.atr(high, low, close), talib.ATR(high, low, close, 14))
    agree(ind.obv(close, volume), talib.OBV(close, volume))
    directions = (
        talib.ADX(high, low, close, 14),
        talib.PLUS_DI(high, low, close, 14),
        talib.MINUS_DI(high, low, close, 14),
    )
    agree(ind.adx(high, low, close), directions)


def test_windows(bars: tuple[np.ndarray, ...]) -> None:
    high, low, close, volume = bars
    agree(ind.sma(close, 20), talib.SMA(close, 20))
    agree(ind.bollinger(close), talib.BBANDS(close, 20, 2, 2))
    agree(ind.stochastic(high, low, close), talib.STOCH(high, low, close, 14, 3, 0, 3, 0))
    agree(ind.cci(high, low, close), talib.CCI(high, low, close, 20))
    agree(ind.mfi(high, low, close, volume), talib.MFI(high, low, close, volume, 14))
    agree(ind.linreg_slope(close), talib.LINEARREG_SLOPE(close, 10))
