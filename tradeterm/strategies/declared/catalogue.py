"""The closed list of indicators: the words, the unit and the arguments of each, and how many bars a value rests on."""

from collections.abc import Callable, Mapping
from enum import StrEnum
from types import MappingProxyType
from typing import NamedTuple

import numpy as np

from tradeterm.indicators import cci, mfi, sma, zscore
from tradeterm.indicators.rolling import highest, lowest
from tradeterm.strategies.declared import compute
from tradeterm.strategies.declared.averages import Floats, ema, ema_bars, wilder_bars
from tradeterm.strategies.declared.bars import Bars
from tradeterm.strategies.declared.compute import need, source
from tradeterm.strategies.declared.spec import IndicatorName, Operand, Source


class Unit(StrEnum):
    """What may be compared with what."""

    PRICE = "a price"
    DISTANCE = "a distance of prices"
    VOLUME = "a volume"
    PERCENT = "a number of 0 to 100"
    FRACTION = "a fraction"
    NUMBER = "a plain number"
    HOUR = "an hour"


class Bounds(NamedTuple):
    least: float
    most: float


class Argument(NamedTuple):
    """A number with its bounds, whole unless `default` is a float; or a Source, which has none."""

    default: int | float | Source
    bounds: Bounds = Bounds(0, 0)


class Indicator(NamedTuple):
    """`values(bars, operand)` is NaN where there is no value; it may be compared with a number within `bounds`.

    `bars` is how many bars a value rests on; where `of_day`, on all bars of their days before them too. `mirror` is the
    sum of a value and its mirror image as a trader of the other side sees it (0: the sign changes, 100: RSI 30 is 70),
    None where it has no side. A price has one, but only against another price.
    """

    words: str
    unit: Unit
    values: Callable[[Bars, Operand], Floats]
    bars: Callable[[Operand], int]
    bounds: Bounds
    arguments: Mapping[str, Argument] = MappingProxyType({})
    mirror: float | None = None
    of_day: bool = False


def unit_of(operand: Operand) -> Unit:
    """An average of volumes is a volume."""
    return Unit.VOLUME if operand.source is Source.VOLUME else INDICATORS[operand.ind].unit


def bars_needed(operand: Operand) -> int:
    """Bars that its value rests on, the ones it looks past among them."""
    return INDICATORS[operand.ind].bars(operand) + operand.ago


def values_of(bars: Bars, operand: Operand) -> Floats:
    """The operand at each bar, NaN where it has no value."""
    with np.errstate(divide="ignore", invalid="ignore", over="ignore"):
        values = INDICATORS[operand.ind].values(bars, operand)
    return compute.before(values, operand.ago) if operand.ago else values


def _one(_: Operand) -> int:
    return 1


def _n(operand: Operand) -> int:
    return need(operand.n)


def _n_and_one(operand: Operand) -> int:
    return need(operand.n) + 1


def _wilder_and_one(operand: Operand) -> int:
    return wilder_bars(need(operand.n)) + 1


def _macd_bars(operand: Operand) -> int:
    return ema_bars(need(operand.slow)) + ema_bars(need(operand.signal)) - 1


def _stochastic_bars(operand: Operand) -> int:
    return need(operand.n) + need(operand.smooth) + need(operand.d) - 2


def _period(default: int, least: int = 2, most: int = 500) -> dict[str, Argument]:
    return {"n": Argument(default, Bounds(least, most))}


def _source(default: Source) -> dict[str, Argument]:
    return {"source": Argument(default)}


def _catalogue() -> dict[IndicatorName, Indicator]:
    name, unit = IndicatorName, Unit
    percent, change, sign = Bounds(0, 100), Bounds(-1, 10), Bounds(-1, 1)
    price, distance, positive = Bounds(0, 1e12), Bounds(-1e9, 1e9), Bounds(0, 10)
    wilder_period = _period(14, 2, 100)
    averages = {"fast": Argument(12, Bounds(2, 200)), "slow": Argument(26, Bounds(3, 400))}
    macd = {**averages, "signal": Argument(9, Bounds(1, 100))}
    stochastic = {
        "n": Argument(14, Bounds(1, 500)),
        "smooth": Argument(3, Bounds(1, 50)),
        "d": Argument(3, Bounds(1, 50)),
    }
    bands = {**_period(20), "width": Argument(2.0, Bounds(0.1, 10))}

    return {
        name.CLOSE: Indicator("the close", unit.PRICE, lambda b, _: b.close, _one, price),
        name.OPEN: Indicator("the open", unit.PRICE, lambda b, _: b.open, _one, price),
        name.HIGH: Indicator("the high", unit.PRICE, lambda b, _: b.high, _one, price),
        name.LOW: Indicator("the low", unit.PRICE, lambda b, _: b.low, _one, price),
        name.VOLUME: Indicator("the volume", unit.VOLUME, lambda b, _: b.volume, _one, Bounds(0, 1e15)),
        name.HOUR: Indicator("the hour (UTC)", unit.HOUR, lambda b, _: b.hour, _one, Bounds(0, 23)),
        name.FUNDING: Indicator(
            "the funding rate", unit.FRACTION, lambda b, _: b.funding, _one, Bounds(-0.05, 0.05), mirror=0
        ),
        name.RETURN: Indicator(
            "the return over {n} bars", unit.FRACTION, compute.returns, _n_and_one, change, _period(1, 1), mirror=0
        ),
        name.SESSION_MOVE: Indicator(
            "the move since the day's open", unit.FRACTION, compute.session_move, _one, change, mirror=0, of_day=True
        ),
        name.SMA: Indicator(
            "SMA({n})", unit.PRICE, lambda b, o: sma(source(b, o), need(o.n)), _n, price,
            {**_period(20, 1), **_source(Source.CLOSE)},
        ),
        name.EMA: Indicator(
            "EMA({n})", unit.PRICE, lambda b, o: ema(source(b, o), need(o.n)), lambda o: ema_bars(need(o.n)), price,
            {**_period(20), **_source(Source.CLOSE)},
        ),
        name.EMA_SLOPE: Indicator(
            "the change of EMA({n}) from bar to bar", unit.FRACTION, compute.ema_slope,
            lambda o: ema_bars(need(o.n)) + 1, sign, _period(20), mirror=0,
        ),
        name.LINREG_SLOPE: Indicator(
            "the slope per bar of {n} closes", unit.FRACTION, compute.log_slope, _n, sign, _period(10), mirror=0
        ),
        name.HIGHEST: Indicator(
            "the highest {source} of {n} bars", unit.PRICE, lambda b, o: highest(source(b, o), need(o.n)), _n, price,
            {**_period(20, 1), **_source(Source.HIGH)},
        ),
        name.LOWEST: Indicator(
            "the lowest {source} of {n} bars", unit.PRICE, lambda b, o: lowest(source(b, o), need(o.n)), _n, price,
            {**_period(20, 1), **_source(Source.LOW)},
        ),
        name.VWAP: Indicator("the day's VWAP", unit.PRICE, compute.day_vwap, _one, price, of_day=True),
        name.RSI: Indicator("RSI({n})", unit.PERCENT, compute.rsi, _wilder_and_one, percent, wilder_period, mirror=100),
        name.MFI: Indicator(
            "MFI({n})", unit.PERCENT, lambda b, o: mfi(b.high, b.low, b.close, b.volume, need(o.n)), _n_and_one,
            percent, _period(14), mirror=100,
        ),
        name.STOCHASTIC_K: Indicator(
            "stochastic %K({n}, {smooth})", unit.PERCENT, lambda b, o: compute.k_and_d(b, o)[0], _stochastic_bars,
            percent, stochastic, mirror=100,
        ),
        name.STOCHASTIC_D: Indicator(
            "stochastic %D({n}, {smooth}, {d})", unit.PERCENT, lambda b, o: compute.k_and_d(b, o)[1], _stochastic_bars,
            percent, stochastic, mirror=100,
        ),
        name.CCI: Indicator(
            "CCI({n})", unit.NUMBER, lambda b, o: cci(b.high, b.low, b.close, need(o.n)), _n, Bounds(-1000, 1000),
            _period(20), mirror=0,
        ),
        name.ZSCORE: Indicator(
            "the z-score of the close over {n} bars", unit.NUMBER, lambda b, o: zscore(b.close, need(o.n)), _n,
            Bounds(-22, 22), _period(20), mirror=0,
        ),
        name.MACD_LINE: Indicator(
            "the MACD line({fast}, {slow})", unit.DISTANCE, compute.macd_line, lambda o: ema_bars(need(o.slow)),
            distance, averages, mirror=0,
        ),
        name.MACD_SIGNAL: Indicator(
            "the MACD signal({fast}, {slow}, {signal})", unit.DISTANCE, compute.macd_signal, _macd_bars, distance,
            macd, mirror=0,
        ),
        name.MACD_HISTOGRAM: Indicator(
            "the MACD histogram({fast}, {slow}, {signal})", unit.DISTANCE, compute.macd_histogram, _macd_bars, distance,
            macd, mirror=0,
        ),
        name.BOLLINGER_UPPER: Indicator(
            "the upper Bollinger band({n}, {width})", unit.PRICE, lambda b, o: compute.bands(b, o)[0], _n, price, bands
        ),
        name.BOLLINGER_LOWER: Indicator(
            "the lower Bollinger band({n}, {width})", unit.PRICE, lambda b, o: compute.bands(b, o)[2], _n, price, bands
        ),
        name.BOLLINGER_WIDTH: Indicator(
            "the Bollinger width({n}, {width})", unit.FRACTION, compute.bollinger_width, _n, positive, bands
        ),
        name.PERCENT_B: Indicator(
            "Bollinger %b({n}, {width})", unit.NUMBER, compute.percent_b, _n, Bounds(-10, 11), bands, mirror=1
        ),
        name.ATR: Indicator(
            "ATR({n})", unit.DISTANCE, compute.atr, _wilder_and_one, Bounds(0, 1e9), wilder_period
        ),
        name.ATR_RATIO: Indicator(
            "ATR({n}) over the price", unit.FRACTION, compute.atr_ratio, _wilder_and_one, Bounds(0, 1), wilder_period
        ),
        name.ADX: Indicator(
            "ADX({n})", unit.PERCENT, compute.adx, lambda o: 2 * wilder_bars(need(o.n)), percent, wilder_period
        ),
        name.OBV_SLOPE: Indicator(
            "the slope of OBV over {n} bars", unit.NUMBER, compute.obv_slope, _n, Bounds(-2, 2), _period(20),
            mirror=0,
        ),
    }  # fmt: skip


INDICATORS: Mapping[IndicatorName, Indicator] = MappingProxyType(_catalogue())
