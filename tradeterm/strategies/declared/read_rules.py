"""The conditions of a specification from plain data."""

import math
from collections.abc import Mapping, Sequence
from difflib import get_close_matches
from typing import Any

from tradeterm.decode import join, nearest, one_of, show
from tradeterm.strategies.declared.catalogue import INDICATORS, Argument, Bounds, Indicator, unit_of
from tradeterm.strategies.declared.mirror import has_side, mirrored
from tradeterm.strategies.declared.spec import (
    MOST_CONDITIONS,
    Condition,
    IndicatorName,
    Operand,
    Operator,
    Rules,
    Side,
    Source,
)

Mistakes = list[str]
MOST_AGO = 500
MOST_BARS = 100
MOST_HELD = 43_200
_TIMES = Argument(1.0, Bounds(0.01, 100.0))
_KEYS: Mapping[Operator, tuple[str, ...]] = {
    Operator.BETWEEN: ("low", "high"),
    Operator.RISING: ("bars",),
    Operator.FALLING: ("bars",),
}
_COMPARED = ("value", "of", "times")


def read_entry(data: dict[str, Any], side: object, mistakes: Mistakes) -> Rules:
    """The entry's conditions; at least one. Mistakes are added to `mistakes`."""
    before = len(mistakes)
    rules = _read_rules(data, "entry", mistakes)
    if len(mistakes) > before:
        return rules
    if not rules.conditions:
        mistakes.append("entry: found no condition, allowed all or any with at least one")
    elif side == Side.BOTH and not any(has_side(condition) for condition in rules.conditions):
        mistakes.append("side: found both, but no condition of entry tells a long from a short; allowed long or short")
    elif side == Side.BOTH:
        _check_mirrors(rules, "entry", range(MOST_CONDITIONS), mistakes)
    return rules


def read_exit(data: dict[str, Any], side: object, mistakes: Mistakes) -> tuple[Rules, int | None]:
    """The exit's conditions and, from an `any` with {bars_held}, the longest holding time in bars."""
    before = len(mistakes)
    listed = data.get("any")
    items = listed if isinstance(listed, list) else []
    places = [number for number, one in enumerate(items) if not (isinstance(one, dict) and "bars_held" in one)]
    held: int | None = None
    for number in sorted(set(range(len(items))) - set(places)):
        key = f"exit.any[{number}]"
        if held is not None:
            mistakes.append(f"{key}.bars_held: found a second one, allowed once")
        for name in items[number].keys() - {"bars_held"}:
            mistakes.append(f"{join(key, name)}: found beside bars_held, allowed alone")
        held = _whole(items[number]["bars_held"], f"{key}.bars_held", 1, MOST_HELD, mistakes)
    if len(places) < len(items):
        data = {**data, "any": [items[place] for place in places]}
    rules = _read_rules(data, "exit", mistakes, places)
    if side == Side.BOTH and len(mistakes) == before:
        _check_mirrors(rules, "exit", places if rules.any else range(MOST_CONDITIONS), mistakes)
    return rules, held


def _check_mirrors(rules: Rules, key: str, places: Sequence[int], mistakes: Mistakes) -> None:
    for place, condition in zip(places, rules.conditions, strict=False):
        try:
            mirrored(condition)
        except ValueError as error:
            mistakes.append(f"{key}.{'all' if rules.all else 'any'}[{place}]: {error}")


def _read_rules(data: dict[str, Any], key: str, mistakes: Mistakes, places: Sequence[int] = ()) -> Rules:
    """The rules of a table; `places` are those of the conditions of `any` in the file, where some are left out."""
    for name in data:
        if name not in ("all", "any"):
            mistakes.append(f"{join(key, name)}: found a key that is not known here; allowed all or any")
    if "all" in data and "any" in data:
        mistakes.append(f"{key}: found both all and any, allowed one of them")
    for name in ("all", "any"):
        if name not in data:
            continue
        found = data[name]
        if not isinstance(found, list):
            mistakes.append(f"{key}.{name}: found {show(found)}, allowed a list of conditions")
            continue
        if len(found) > MOST_CONDITIONS:
            mistakes.append(f"{key}.{name}: found {len(found)} conditions, allowed at most {MOST_CONDITIONS}")
            continue
        numbers = places if places and name == "any" else range(len(found))
        made = [_condition(one, f"{key}.{name}[{at}]", mistakes) for at, one in zip(numbers, found, strict=True)]
        read = tuple(one for one in made if one is not None)
        return Rules(all=read) if name == "all" else Rules(any=read)
    return Rules()


def _condition(data: object, key: str, mistakes: Mistakes) -> Condition | None:
    before = len(mistakes)
    if not isinstance(data, dict):
        mistakes.append(f"{key}: found {show(data)}, allowed a condition, a table with ind and op")
        return None
    if "bars_held" in data:
        mistakes.append(f"{key}.bars_held: found here, allowed in exit.any alone")
        return None
    if "op" not in data or data["op"] not in list(Operator):
        found = f"found {show(data['op'])}" if "op" in data else "missing"
        mistakes.append(f"{key}.op: {found}, allowed {one_of([str(one) for one in Operator])}")
        return None
    op = Operator(data["op"])
    wanted = _KEYS.get(op, _COMPARED)
    indicator = _indicator(data, key, mistakes, ("op", *wanted))
    if indicator is None:
        return None
    more = _compared(data, op, key, indicator, mistakes)
    made = _arguments(data, key, indicator, mistakes)
    if len(mistakes) > before:
        return None
    condition = Condition(**made, **more)
    if condition.of is not None and unit_of(condition) is not unit_of(condition.of):
        mistakes.append(
            f"{key}.of.ind: found {condition.of.ind} ({unit_of(condition.of)}) "
            f"to compare with {condition.ind} ({unit_of(condition)}), allowed one of the same kind"
        )
    return condition


def _compared(data: dict[str, Any], op: Operator, key: str, indicator: Indicator, mistakes: Mistakes) -> dict[str, Any]:
    """What the indicator is compared with, as fields of a Condition."""
    more: dict[str, Any] = {"op": op}
    if op in (Operator.RISING, Operator.FALLING):
        more["bars"] = _whole(data.get("bars"), f"{key}.bars", 1, MOST_BARS, mistakes)
    elif op is Operator.BETWEEN:
        more["low"], more["high"] = (_value(data, name, key, indicator, mistakes) for name in ("low", "high"))
        if None not in more.values() and more["low"] >= more["high"]:
            mistakes.append(f"{key}.low: found {show(more['low'])}, allowed below high, which is {show(more['high'])}")
    elif "value" in data and "of" in data:
        mistakes.append(f"{key}: found both value and of, allowed one of them")
    elif "value" not in data and "of" not in data:
        mistakes.append(f"{key}.value: missing, allowed a number here, or an indicator in of")
    elif "of" in data:
        more["of"] = _operand(data["of"], f"{key}.of", mistakes)
        if "times" in data:
            more["times"] = _number(data["times"], f"{key}.times", _TIMES, mistakes)
    else:
        more["value"] = _value(data, "value", key, indicator, mistakes)
        if "times" in data:
            mistakes.append(f"{key}.times: found beside value, allowed beside of")
    return more


def _operand(data: object, key: str, mistakes: Mistakes) -> Operand | None:
    before = len(mistakes)
    if not isinstance(data, dict):
        mistakes.append(f"{key}: found {show(data)}, allowed a table with ind")
        return None
    indicator = _indicator(data, key, mistakes, ())
    made = {} if indicator is None else _arguments(data, key, indicator, mistakes)
    return Operand(**made) if len(mistakes) == before else None


def _indicator(data: dict[str, Any], key: str, mistakes: Mistakes, more: tuple[str, ...]) -> Indicator | None:
    """The indicator that `ind` names; keys that neither it nor `more` knows are mistakes."""
    name = data.get("ind")
    names = [str(one) for one in IndicatorName]
    if name not in names:
        found = f"found {show(name)}" if "ind" in data else "missing"
        near = get_close_matches(name, names, n=3, cutoff=0.5) if isinstance(name, str) else []
        mistakes.append(
            f"{key}.ind: {found}{f'; did you mean {one_of(near)}?' if near else f', allowed {one_of(names)}'}"
        )
        return None
    indicator = INDICATORS[IndicatorName(name)]
    known = ["ind", *indicator.arguments, "ago", *more]
    for other in data:
        if other not in known:
            hint = nearest(other, known) or f"; allowed {one_of(known)}"
            mistakes.append(f"{join(key, other)}: found a key that is not known here{hint}")
    return indicator


def _arguments(data: dict[str, Any], key: str, indicator: Indicator, mistakes: Mistakes) -> dict[str, Any]:
    made: dict[str, Any] = {"ind": IndicatorName(data["ind"])}
    for name, argument in indicator.arguments.items():
        where = f"{key}.{name}"
        if name not in data:
            made[name] = argument.default
        elif isinstance(argument.default, Source):
            made[name] = _source(data[name], where, mistakes)
        else:
            made[name] = _number(data[name], where, argument, mistakes)
    if "ago" in data:
        made["ago"] = _whole(data["ago"], f"{key}.ago", 0, MOST_AGO, mistakes)
    if isinstance(made.get("fast"), int) and isinstance(made.get("slow"), int) and made["fast"] >= made["slow"]:
        mistakes.append(f"{key}.fast: found {made['fast']}, allowed below slow, which is {made['slow']}")
    return made


def _value(data: dict[str, Any], name: str, key: str, indicator: Indicator, mistakes: Mistakes) -> float | None:
    bounds = Argument(0.0, indicator.bounds)
    return _number(data.get(name), f"{key}.{name}", bounds, mistakes, missing=name not in data)


def _source(value: object, key: str, mistakes: Mistakes) -> Source | None:
    if value not in list(Source):
        mistakes.append(f"{key}: found {show(value)}, allowed {one_of([str(one) for one in Source])}")
        return None
    return Source(str(value))


def _whole(value: object, key: str, least: int, most: int, mistakes: Mistakes) -> int | None:
    found = _number(value, key, Argument(least, Bounds(least, most)), mistakes, missing=value is None)
    return None if found is None else int(found)


def _number(
    value: object, key: str, argument: Argument, mistakes: Mistakes, *, missing: bool = False
) -> int | float | None:
    """The value where it is a number within the bounds (and whole where it must be)."""
    whole = isinstance(argument.default, int)
    if isinstance(value, int if whole else int | float) and not isinstance(value, bool):
        with_bounds = (
            argument.bounds.least <= value <= argument.bounds.most
        )  # also for a whole number no float can hold
        if with_bounds and math.isfinite(value):
            return value if whole else float(value)
    kind = "a whole number, " if whole else ""
    found = "missing" if missing else f"found {show(value)}"
    mistakes.append(f"{key}: {found}, allowed {kind}{argument.bounds.least:g} to {argument.bounds.most:g}")
    return None
