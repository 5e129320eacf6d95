"""Short names: of the numbers that explain a signal, and of the reason that ends a position."""

from tradeterm.strategies.declared.catalogue import INDICATORS
from tradeterm.strategies.declared.spec import Condition, Operand, Operator, Source

_WORDS = {
    Operator.ABOVE: "ABOVE",
    Operator.AT_LEAST: "AT_LEAST",
    Operator.BELOW: "BELOW",
    Operator.AT_MOST: "AT_MOST",
    Operator.CROSSES_ABOVE: "CROSSED_ABOVE",
    Operator.CROSSES_BELOW: "CROSSED_BELOW",
    Operator.BETWEEN: "BETWEEN",
    Operator.RISING: "ROSE",
    Operator.FALLING: "FELL",
}


def operand_code(operand: Operand) -> str:
    """Such as rsi_14, ema_200_volume, close_1_ago."""
    arguments = INDICATORS[operand.ind].arguments
    parts = [str(operand.ind)]
    for name, argument in arguments.items():
        value = getattr(operand, name)
        if not (isinstance(argument.default, Source) and value == argument.default):
            parts.append(f"{value:g}" if isinstance(value, int | float) else str(value))
    return "_".join([*parts, *([f"{operand.ago}_ago"] if operand.ago else [])])


def condition_code(condition: Condition) -> str:
    """Such as RSI_14_ABOVE_55."""
    parts = [operand_code(condition), _WORDS[condition.op]]
    if condition.of is not None:
        parts += [f"{condition.times:g}"] if condition.times != 1 else []
        parts.append(operand_code(condition.of))
    parts += [f"{x:g}" for x in (condition.value, condition.low, condition.high, condition.bars) if x is not None]
    return "_".join(parts).upper()
