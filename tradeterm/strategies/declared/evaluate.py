"""Whether conditions hold, bar by bar."""

import numpy as np

from tradeterm.strategies.declared.averages import Floats
from tradeterm.strategies.declared.bars import Bars
from tradeterm.strategies.declared.catalogue import bars_needed, values_of
from tradeterm.strategies.declared.spec import Condition, Operand, Operator, Rules
from tradeterm.strategies.panel import Flags

_SAME, _NOTHING = 1e-9, 1e-12
"""Numbers nearer to each other than one part in 10⁹ are equal: what lies between them is rounding."""


class Evaluation:
    """The conditions of a strategy on one instrument's bars; an indicator that several look at is computed once."""

    def __init__(self, bars: Bars) -> None:
        self.bars = bars
        self._values: dict[Operand, Floats] = {}

    def values(self, operand: Operand) -> Floats:
        """The operand (also of a condition) at each bar."""
        if isinstance(operand, Condition):
            operand = operand_of(operand)
        if operand not in self._values:
            self._values[operand] = values_of(self.bars, operand)
        return self._values[operand]

    def rules(self, rules: Rules) -> Flags:
        """Whether all, or any, of the rules hold; never where there are none."""
        if not rules.conditions:
            return np.zeros(self.bars.rows.size, dtype=np.bool_)
        holding = np.array([self.holds(condition) for condition in rules.conditions])
        return np.asarray(holding.all(axis=0) if rules.all else holding.any(axis=0))

    def holds(self, condition: Condition) -> Flags:
        """Whether the condition holds; not where a number is unknown."""
        x = self.values(condition)
        match condition.op:
            case Operator.RISING:
                return _on_each(_since_second(_compare(x[1:], x[:-1]) > 0, x.size), condition.bars or 1)
            case Operator.FALLING:
                return _on_each(_since_second(_compare(x[1:], x[:-1]) < 0, x.size), condition.bars or 1)
            case Operator.BETWEEN:
                return (_compare(x, condition.low) >= 0) & (_compare(x, condition.high) <= 0)
        other = condition.value if condition.of is None else condition.times * self.values(condition.of)
        sign = _compare(x, other)
        match condition.op:
            case Operator.ABOVE:
                return sign > 0
            case Operator.AT_LEAST:
                return sign >= 0
            case Operator.BELOW:
                return sign < 0
            case Operator.AT_MOST:
                return sign <= 0
            case Operator.CROSSES_ABOVE:
                return _since_second((sign[:-1] <= 0) & (sign[1:] > 0), x.size)
        return _since_second((sign[:-1] >= 0) & (sign[1:] < 0), x.size)


def operand_of(condition: Condition) -> Operand:
    """What the condition looks at, without what it compares it with."""
    return Operand(**{name: getattr(condition, name) for name in Operand.__struct_fields__})


def memory(rules: Rules) -> int:
    """Bars that the answer to all of the rules rests on."""
    return max((_memory(condition) for condition in rules.conditions), default=1)


def _memory(condition: Condition) -> int:
    most = max(bars_needed(condition), 1 if condition.of is None else bars_needed(condition.of))
    if condition.op in (Operator.CROSSES_ABOVE, Operator.CROSSES_BELOW):
        return most + 1
    return most + (condition.bars or 0)


def _compare(x: Floats, y: Floats | float | None) -> Floats:
    """1, 0 or -1 where x is above, at or below y; NaN where one of them is."""
    assert y is not None
    away = x - y
    with np.errstate(invalid="ignore"):
        near = np.abs(away) <= _SAME * np.maximum(np.abs(x), np.abs(y)) + _NOTHING
        return np.where(near, 0.0, np.sign(away))


def _since_second(flags: Flags, size: int) -> Flags:
    """Flags that begin with the second bar, on all bars."""
    out = np.zeros(size, dtype=np.bool_)
    out[1:] = flags
    return out


def _on_each(flags: Flags, count: int) -> Flags:
    """Whether it was so on each of the last `count` bars."""
    out = flags.copy()
    for back in range(1, count):
        out[back:] &= flags[: max(0, flags.size - back)]
        out[:back] = False
    return out
