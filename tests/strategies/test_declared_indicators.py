"""The indicators of declared strategies against those of `tradeterm.indicators`, and how far back they look."""

from collections.abc import Callable

import numpy as np
import pytest
from declared_panels import random_panel

from tradeterm import indicators
from tradeterm.strategies.declared.averages import ema_bars, wilder_bars
from tradeterm.strategies.declared.bars import Bars, bars_of
from tradeterm.strategies.declared.catalogue import INDICATORS, bars_needed, values_of
from tradeterm.strategies.declared.spec import IndicatorName, Operand, Source

BARS = bars_of(random_panel(rows=4000, columns=1, seed=1, step=0.004), 0)
CLOSE = BARS.close
Reference = Callable[[Bars], np.ndarray]


def operand(name: str, **changes: int | float | Source) -> Operand:
    indicator = INDICATORS[IndicatorName(name)]
    defaults = {key: argument.default for key, argument in indicator.arguments.items()}
    return Operand(ind=IndicatorName(name), **{**defaults, **changes})  # type: ignore[arg-type]  # by name


RECURSIVE: list[tuple[Operand, Reference]] = [
    (operand("ema", n=50), lambda b: indicators.ema(b.close, 50)),
    (operand("ema", n=200), lambda b: indicators.ema(b.close, 200)),
    (operand("rsi", n=14), lambda b: indicators.rsi(b.close, 14)),
    (operand("rsi", n=50), lambda b: indicators.rsi(b.close, 50)),
    (operand("atr", n=14), lambda b: indicators.atr(b.high, b.low, b.close, 14)),
    (operand("adx", n=14), lambda b: indicators.adx(b.high, b.low, b.close, 14)[0]),
]


@pytest.mark.parametrize(("mine", "reference"), RECURSIVE, ids=lambda x: str(getattr(x, "ind", "")))
def test_a_finite_memory_is_within_one_part_in_a_million(mine: Operand, reference: Reference) -> None:
    found, expected = values_of(BARS, mine), reference(BARS)
    known = np.isfinite(found) & (np.arange(found.size) > 3000)
    assert known.sum() > 900
    assert np.max(np.abs(found[known] / expected[known] - 1)) < 1e-6


def test_macd_differs_by_less_than_a_millionth_of_the_price() -> None:
    for name, expected in zip(
        ("macd_line", "macd_signal", "macd_histogram"), indicators.macd(CLOSE, 12, 26, 9), strict=True
    ):
        found = values_of(BARS, operand(name))
        assert np.nanmax(np.abs(found - expected)[3000:] / CLOSE[3000:]) < 1e-6


WINDOWED: list[tuple[Operand, Reference]] = [
    (operand("sma", n=20), lambda b: indicators.sma(b.close, 20)),
    (operand("sma", n=20, source=Source.VOLUME), lambda b: indicators.sma(b.volume, 20)),
    (operand("mfi"), lambda b: indicators.mfi(b.high, b.low, b.close, b.volume, 14)),
    (operand("cci"), lambda b: indicators.cci(b.high, b.low, b.close, 20)),
    (operand("zscore"), lambda b: indicators.zscore(b.close, 20)),
    (operand("stochastic_k"), lambda b: indicators.stochastic(b.high, b.low, b.close)[0]),
    (operand("stochastic_d"), lambda b: indicators.stochastic(b.high, b.low, b.close)[1]),
    (operand("bollinger_upper"), lambda b: indicators.bollinger(b.close)[0]),
    (operand("bollinger_lower"), lambda b: indicators.bollinger(b.close)[2]),
    (operand("linreg_slope"), lambda b: indicators.linreg_slope(np.log(b.close), 10)),
    (operand("vwap"), lambda b: indicators.vwap(b.high, b.low, b.close, b.volume, b.day)),
    (operand("return", n=5), lambda b: np.concatenate([np.full(5, np.nan), b.close[5:] / b.close[:-5] - 1])),
]


@pytest.mark.parametrize(("mine", "reference"), WINDOWED, ids=lambda x: str(getattr(x, "ind", "")))
def test_what_has_a_window_is_the_indicator_itself(mine: Operand, reference: Reference) -> None:
    np.testing.assert_array_equal(values_of(BARS, mine), reference(BARS))


def test_the_slope_of_obv_is_the_line_through_it() -> None:
    balance = indicators.obv(CLOSE, BARS.volume)
    expected = indicators.linreg_slope(balance, 20) / indicators.sma(BARS.volume, 20)
    found = values_of(BARS, operand("obv_slope"))
    np.testing.assert_allclose(found[20:], expected[20:], rtol=1e-9, atol=1e-9)


def test_bands_as_numbers() -> None:
    upper, middle, lower = indicators.bollinger(CLOSE)
    np.testing.assert_allclose(values_of(BARS, operand("bollinger_width")), (upper - lower) / middle)
    np.testing.assert_allclose(values_of(BARS, operand("percent_b")), (CLOSE - lower) / (upper - lower))


def test_the_move_since_the_day_opened() -> None:
    found = values_of(BARS, operand("session_move"))
    for row in (30, 47, 48, 3999):
        first = row - row % 24
        assert found[row] == pytest.approx(CLOSE[row] / BARS.open[first] - 1)


def test_the_hour_is_that_of_the_close() -> None:
    assert list(values_of(BARS, operand("hour"))[:3]) == [1, 2, 3]
    assert values_of(BARS, operand("hour"))[23] == 0


def test_as_it_stood_bars_ago() -> None:
    now, then = values_of(BARS, operand("rsi")), values_of(BARS, operand("rsi", ago=7))
    np.testing.assert_array_equal(then[7:], now[:-7])
    assert np.isnan(then[:7]).all()


@pytest.mark.parametrize("name", [name for name, one in INDICATORS.items() if not one.of_day])
def test_a_value_rests_on_the_bars_it_says_and_on_no_fewer(name: IndicatorName) -> None:
    """Bit for bit: a value of a long history is that of the bars it needs alone."""
    mine = operand(name, ago=2)
    needed = bars_needed(mine)
    whole = values_of(BARS, mine)
    for end in (needed, 2500, 4000):
        part = Bars(*(field[end - needed : end] for field in BARS))
        assert values_of(part, mine)[-1] == whole[end - 1]
    fewer = Bars(*(field[2500 - needed + 1 : 2500] for field in BARS))
    assert np.isnan(values_of(fewer, mine)).all()


def test_flat_prices_have_no_strength_and_no_trend() -> None:
    flat = BARS._replace(**{name: np.full(CLOSE.size, 100.1) for name in ("open", "high", "low", "close")})
    for name in ("rsi", "adx", "zscore", "percent_b", "stochastic_k", "cci"):
        assert np.isnan(values_of(flat, operand(name))).all(), name
    for name in ("macd_line", "macd_histogram", "atr", "session_move", "return"):
        values = values_of(flat, operand(name))
        assert (values[np.isfinite(values)] == 0).all(), name


def test_memory_in_bars() -> None:
    assert (ema_bars(200), wilder_bars(14)) == (1612, 218)
