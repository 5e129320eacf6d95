"""What a sweep varies: parameters of the strategy, and numbers of the book's exits, sizing and limits."""

import json
import math
from collections.abc import Mapping, Sequence
from itertools import product
from typing import Any

import msgspec
from msgspec import Struct, structs

from tradeterm.config import BookConfig
from tradeterm.decode import convert, show
from tradeterm.domain.errors import ConfigError
from tradeterm.research.honesty.parameters import INSTEAD
from tradeterm.research.settings import set_at
from tradeterm.research.study import Study

Changes = Mapping[str, Any]
_TABLES = ("parameters", "exits", "sizing", "limits")
_MOST_VALUES = 100_000


class Axis(Struct, frozen=True, kw_only=True):
    """One number: `values` to choose from, or with none of them all between `low` and `high`, whole ones if
    `whole`."""

    name: str
    values: tuple[Any, ...] = ()
    low: float = 0.0
    high: float = 0.0
    whole: bool = False

    @property
    def is_range(self) -> bool:
        return not self.values


def parse_axis(text: str) -> Axis:
    """KEY=VALUE,VALUE… is a choice, KEY=LOW:HIGH:STEP the values in steps, KEY=LOW:HIGH everything between.

    KEY is a parameter of the strategy (parameters.… inside a table of them), or exits.…, sizing.… or limits.….
    Raises ConfigError.
    """
    name, equals, values = (part.strip() for part in text.partition("="))
    if not (name and equals and values):
        raise ConfigError(f"--vary: found {show(text)}, allowed KEY=VALUE,VALUE or KEY=LOW:HIGH or KEY=LOW:HIGH:STEP")
    if ":" not in values:
        chosen = tuple(dict.fromkeys(_value(part.strip()) for part in values.split(",") if part.strip()))
        if not chosen:
            raise ConfigError(f"--vary: found {show(text)}, allowed at least one value")
        return Axis(name=name, values=chosen)
    numbers = [_number(part, text) for part in values.split(":")]
    if len(numbers) not in (2, 3) or not numbers[0] < numbers[1] or (len(numbers) == 3 and not numbers[2] > 0):
        raise ConfigError(f"--vary: found {show(text)}, allowed LOW:HIGH or LOW:HIGH:STEP, rising, STEP above 0")
    if len(numbers) == 2:
        return Axis(name=name, low=numbers[0], high=numbers[1], whole=all(isinstance(n, int) for n in numbers))
    return Axis(name=name, values=_steps(*numbers))


def grid_of(axes: Sequence[Axis]) -> list[dict[str, Any]]:
    """Every combination, the last axis moving fastest. Raises ConfigError for a range without steps, or too many."""
    endless = next((axis for axis in axes if axis.is_range), None)
    if endless is not None:
        text = f"{endless.name}={endless.low:g}:{endless.high:g}"
        raise ConfigError(f"--vary: found {text}, allowed LOW:HIGH:STEP or VALUE,VALUE in a grid")
    count = math.prod(len(axis.values) for axis in axes)
    if count > _MOST_VALUES:
        raise ConfigError(f"--vary: found {count} combinations, allowed {_MOST_VALUES}; search with --method random")
    names = [axis.name for axis in axes]
    return [dict(zip(names, values, strict=True)) for values in product(*(axis.values for axis in axes))]


def with_changes(study: Study, changes: Changes) -> Study:
    """The study with other numbers; a key with a dot is one of the book's tables. Raises ConfigError."""
    dotted = {name: value for name, value in changes.items() if "." in name}
    if dotted:
        book: dict[str, Any] = msgspec.json.decode(msgspec.json.encode(study.book))
        for name, value in dotted.items():
            table, *path = name.split(".")
            if table not in _TABLES:
                raise ConfigError(f"--vary: found {show(name)}, allowed a parameter, or exits.…, sizing.…, limits.…")
            set_at(book, (table, *path), value, "--vary")
        made, mistakes = convert(book, BookConfig)
        if made is None:
            raise ConfigError("\n".join(f"--vary: {mistake}" for mistake in mistakes))
        study = structs.replace(study, book=made)
    return study.with_parameters({name: value for name, value in changes.items() if "." not in name})


def check_axes(study: Study, axes: Sequence[Axis]) -> None:
    """Every value alone must be one that the study takes. Raises ConfigError."""
    names = [axis.name for axis in axes]
    twice = next((name for name in names if names.count(name) > 1), None)
    if twice:
        raise ConfigError(f"--vary: found {twice} twice, allowed once")
    for axis in axes:
        for value in axis.values or _ends(axis):
            with_changes(study, {axis.name: value})


def without_effect(study: Study, axes: Sequence[Axis]) -> list[str]:
    """A sentence on each exit that is varied and never matters: another one, set in every variant, is in its place."""
    varied = {axis.name: axis for axis in axes}
    said = []
    for name, other in INSTEAD.items():
        axis = varied.get(f"exits.{other}")
        always = getattr(study.book.exits, other) is not None if axis is None else None not in axis.values
        if f"exits.{name}" in varied and always:
            said.append(f"exits.{name} changes nothing: exits.{other} is set, which is taken instead")
    return said


def _ends(axis: Axis) -> tuple[float, float]:
    return (int(axis.low), int(axis.high)) if axis.whole else (axis.low, axis.high)


def _steps(low: float, high: float, step: float) -> tuple[float, ...]:
    count = math.floor((high - low) / step + 1e-9) + 1
    if count > _MOST_VALUES:
        raise ConfigError(f"--vary: found {count} steps, allowed {_MOST_VALUES}")
    if all(isinstance(number, int) for number in (low, high, step)):
        return tuple(range(int(low), int(high) + 1, int(step)))
    return tuple(float(f"{low + n * step:.12g}") for n in range(count))


def _number(text: str, whole: str) -> float:
    value = _value(text.strip())
    if isinstance(value, bool) or not isinstance(value, int | float) or not math.isfinite(value):
        raise ConfigError(f"--vary: found {show(whole)}, allowed numbers between the colons")
    return value


def _value(text: str) -> Any:
    """A number, true, false or null; what is none of them is a text."""
    try:
        return json.loads(text)
    except ValueError:
        return text
