"""The numbers of a strategy, and what lies beside them within their bounds."""

import math
from collections.abc import Iterator, Mapping
from itertools import product
from typing import Any, NamedTuple

from msgspec import Struct, inspect, structs

from tradeterm.config import ExitsConfig
from tradeterm.decode import convert
from tradeterm.domain.errors import ConfigError
from tradeterm.research.study import Study
from tradeterm.strategies.registry import parameters_type

Changes = Mapping[str, Any]
INSTEAD = {"stop": "stop_atr", "target": "target_stops"}
"""Exits, and those that are taken in place of them where they are set."""


class Neighbour(NamedTuple):
    """A parameter, its present value, and another one near it."""

    name: str
    value: float
    other: float


def values_of(study: Study) -> dict[str, Any]:
    """All parameters of the study's strategy, those that the book leaves at their defaults too."""
    found, mistakes = convert(study.book.parameters, parameters_type(study.book.strategy))
    if found is None:
        raise ConfigError("\n".join(f"parameters.{mistake}" for mistake in mistakes))
    return structs.asdict(found)


def neighbours(study: Study, share: float = 0.2) -> tuple[Neighbour, ...]:
    """Every numeric parameter moved by `share` down and up, alone.

    Whole numbers are rounded and move by one at least. What lies outside the parameter's bounds is drawn to the bound;
    what then is no move, or what the strategy refuses, is left out. Raises ValueError unless 0 < share < 1.
    """
    kind = parameters_type(study.book.strategy)
    return tuple(near for near in _beside(kind, values_of(study), share) if _allowed(study, {near.name: near.other}))


def exit_neighbours(study: Study, share: float = 0.2) -> tuple[Neighbour, ...]:
    """The same of the book's exits, as far as they are on. What depends on a regime is left as it is."""
    exits = study.book.exits
    on = [name for name in exits.__struct_fields__ if name not in INSTEAD or getattr(exits, INSTEAD[name]) is None]
    return tuple(_beside(ExitsConfig, {name: getattr(exits, name) for name in on}, share))


def nearby(study: Study, share: float = 0.2) -> tuple[Changes, ...]:
    """The study's own parameters (no change), and each of its `neighbours`."""
    return ({}, *({near.name: near.other} for near in neighbours(study, share)))


def candidates_of(grid: Mapping[str, Any]) -> tuple[Changes, ...]:
    """Every combination of the grid's values: {"threshold": (0.03, 0.04), "stall_bars": (2, 3)} gives four."""
    return tuple(dict(zip(grid, values, strict=True)) for values in product(*grid.values()))


def _beside(kind: type[Struct], values: Mapping[str, Any], share: float) -> Iterator[Neighbour]:
    if not 0 < share < 1:
        raise ValueError(f"share: found {share}, allowed above 0 and below 1")
    info = inspect.type_info(kind)
    assert isinstance(info, inspect.StructType)
    kinds = {field.name: field.type for field in info.fields}
    for name, value in values.items():
        if isinstance(value, bool) or not isinstance(value, int | float):
            continue
        for sign in (-1, 1):
            other = _moved(value, sign * share, kinds[name])
            if other != value:
                yield Neighbour(name, value, other)


def _moved(value: float, share: float, kind: inspect.Type) -> float:
    bound = _bounds(kind)
    if isinstance(bound, inspect.IntType):
        step = round(abs(value) * share) or int(math.copysign(1, share))
        return int(_within(value + step, bound))
    return _within(float(f"{value + abs(value) * share:.12g}"), bound)


def _within(value: float, bound: inspect.IntType | inspect.FloatType) -> float:
    low = bound.ge if bound.ge is not None else -math.inf
    high = bound.le if bound.le is not None else math.inf
    return min(max(value, low), high)


def _bounds(kind: inspect.Type) -> inspect.IntType | inspect.FloatType:
    """The numeric type of a field, also of one that may be None or has a description."""
    if isinstance(kind, inspect.Metadata):
        return _bounds(kind.type)
    if isinstance(kind, inspect.UnionType):
        numeric = (inspect.IntType, inspect.FloatType, inspect.Metadata)
        return _bounds(next(member for member in kind.types if isinstance(member, numeric)))
    assert isinstance(kind, inspect.IntType | inspect.FloatType)
    return kind


def _allowed(study: Study, changes: Changes) -> bool:
    try:
        study.with_parameters(changes)
    except ConfigError:
        return False
    return True
