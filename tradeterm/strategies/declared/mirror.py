"""The same rules as a trader of the other side would write them: RSI below 30 becomes RSI above 70."""

from collections.abc import Mapping
from types import MappingProxyType

from msgspec import structs

from tradeterm.strategies.declared.catalogue import INDICATORS, Unit, unit_of
from tradeterm.strategies.declared.spec import Condition, IndicatorName, Operand, Operator, Rules, Source

_OPPOSITE: Mapping[Operator, Operator] = MappingProxyType(
    {
        Operator.ABOVE: Operator.BELOW,
        Operator.AT_LEAST: Operator.AT_MOST,
        Operator.BELOW: Operator.ABOVE,
        Operator.AT_MOST: Operator.AT_LEAST,
        Operator.CROSSES_ABOVE: Operator.CROSSES_BELOW,
        Operator.CROSSES_BELOW: Operator.CROSSES_ABOVE,
        Operator.BETWEEN: Operator.BETWEEN,
        Operator.RISING: Operator.FALLING,
        Operator.FALLING: Operator.RISING,
    }
)
_NAMES: Mapping[IndicatorName, IndicatorName] = MappingProxyType(
    {
        IndicatorName.HIGH: IndicatorName.LOW,
        IndicatorName.LOW: IndicatorName.HIGH,
        IndicatorName.HIGHEST: IndicatorName.LOWEST,
        IndicatorName.LOWEST: IndicatorName.HIGHEST,
        IndicatorName.BOLLINGER_UPPER: IndicatorName.BOLLINGER_LOWER,
        IndicatorName.BOLLINGER_LOWER: IndicatorName.BOLLINGER_UPPER,
    }
)
_SOURCES: Mapping[Source, Source] = MappingProxyType({Source.HIGH: Source.LOW, Source.LOW: Source.HIGH})


def has_side(operand: Operand) -> bool:
    """Whether its mirror image differs: prices and what has a sign or a middle, not volumes or volatilities."""
    return unit_of(operand) is Unit.PRICE or INDICATORS[operand.ind].mirror is not None


def mirrored_rules(rules: Rules) -> Rules:
    """Raises ValueError for a condition without a mirror image, in words."""
    return Rules(all=tuple(map(mirrored, rules.all)), any=tuple(map(mirrored, rules.any)))


def mirrored(condition: Condition) -> Condition:
    """The condition of the other side. Raises ValueError, in words, where there is none."""
    if not has_side(condition):
        return condition
    flipped = structs.replace(
        condition, ind=_NAMES.get(condition.ind, condition.ind), source=_source(condition), op=_OPPOSITE[condition.op]
    )
    if condition.of is not None:
        return structs.replace(flipped, of=_operand(condition.of), times=_times(condition))
    if condition.bars is not None:
        return flipped
    total = INDICATORS[condition.ind].mirror
    if total is None:
        raise ValueError("a fixed price has no mirror image for shorts; allowed with side long or short")
    if condition.low is not None and condition.high is not None:
        return structs.replace(flipped, low=total - condition.high, high=total - condition.low)
    assert condition.value is not None
    return structs.replace(flipped, value=total - condition.value)


def _operand(operand: Operand) -> Operand:
    return structs.replace(operand, ind=_NAMES.get(operand.ind, operand.ind), source=_source(operand))


def _source(operand: Operand) -> Source | None:
    return None if operand.source is None else _SOURCES.get(operand.source, operand.source)


def _times(condition: Condition) -> float:
    """1.02 times a price is as far above it as 0.98 times is below."""
    if condition.times == 1 or INDICATORS[condition.ind].mirror == 0:
        return condition.times
    if unit_of(condition) is Unit.PRICE and condition.times < 2:
        return float(f"{2 - condition.times:.12g}")
    raise ValueError(f"{condition.times:g} times has no mirror image for shorts; allowed with side long or short")
