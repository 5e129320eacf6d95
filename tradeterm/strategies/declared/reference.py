"""The closed list of indicators and operators, for whoever writes a specification."""

from typing import NamedTuple

from tradeterm.strategies.declared.catalogue import INDICATORS, Argument
from tradeterm.strategies.declared.spec import Operator, Source


class Entry(NamedTuple):
    """An indicator: its arguments with bounds and default, its unit, and the numbers it may be compared with."""

    name: str
    arguments: tuple[str, ...]
    unit: str
    least: float
    most: float


def indicators() -> tuple[Entry, ...]:
    return tuple(
        Entry(
            str(name),
            tuple(_argument(word, argument) for word, argument in indicator.arguments.items()),
            indicator.unit.removeprefix("a ").removeprefix("an "),
            *indicator.bounds,
        )
        for name, indicator in INDICATORS.items()
    )


def operators() -> tuple[tuple[str, str], ...]:
    """Each operator with the keys that go with it."""
    keys = {Operator.BETWEEN: "low, high", Operator.RISING: "bars", Operator.FALLING: "bars"}
    return tuple((str(one), keys.get(one, "value, or of (an indicator) and times")) for one in Operator)


def _argument(name: str, argument: Argument) -> str:
    if isinstance(argument.default, Source):
        return f"{name}={argument.default} ({', '.join(Source)})"
    return f"{name}={argument.default:g} ({argument.bounds.least:g} to {argument.bounds.most:g})"
