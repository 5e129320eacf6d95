"""Plain data (TOML, JSON) into a typed struct, with the exact key of every mistake.

msgspec alone stops at the first mistake and does not name the key of a table it met inside a mapping.
"""

import difflib
import math
import re
from collections.abc import Iterator
from typing import Any, TypeVar

import msgspec
from msgspec import inspect

OFF = "off"
"""How a file switches off what may be None: TOML has no null."""

T = TypeVar("T", bound=msgspec.Struct)


def convert(data: dict[str, Any], kind: type[T]) -> tuple[T | None, list[str]]:
    """`data` as a `kind`, or None and the mistakes, each as "key: found …, allowed …"."""
    info = inspect.type_info(kind)
    plain = _switched_off(data, info)
    mistakes = list(_mistakes(plain, info, ""))
    return (None, mistakes) if mistakes else (msgspec.convert(plain, kind), [])


def _switched_off(value: Any, info: inspect.Type) -> Any:
    """`value` with every "off" that stands for None replaced."""
    info = _bare(info)
    if isinstance(info, inspect.UnionType):
        return None if value == OFF and _has_off(info) else value
    if isinstance(info, inspect.StructType) and isinstance(value, dict):
        fields = {field.encode_name: field.type for field in info.fields}
        return {key: _switched_off(item, fields[key]) if key in fields else item for key, item in value.items()}
    if isinstance(info, inspect.DictType) and isinstance(value, dict):
        return {key: _switched_off(item, info.value_type) for key, item in value.items()}
    return value


def _mistakes(value: Any, info: inspect.Type, key: str) -> Iterator[str]:
    info = _bare(info)
    if isinstance(info, inspect.StructType):
        yield from _struct_mistakes(value, info, key)
    elif isinstance(info, inspect.DictType):
        if not isinstance(value, dict):
            yield _sentence(key, value, info)
            return
        for name, item in value.items():
            yield from _mistakes(item, info.value_type, join(key, name))
    elif not _fits(value, info):
        yield _sentence(key, value, info)


def _struct_mistakes(value: Any, info: inspect.StructType, key: str) -> Iterator[str]:
    if not isinstance(value, dict):
        yield _sentence(key, value, info)
        return
    fields = {field.encode_name: field for field in info.fields}
    for name, item in value.items():
        if name in fields:
            yield from _mistakes(item, fields[name].type, join(key, name))
        else:
            yield _unknown(join(key, name), name, list(fields))
    for name, field in fields.items():
        if field.required and name not in value:
            yield f"{join(key, name)}: missing, allowed {allowed(field.type)}"


def _fits(value: Any, info: inspect.Type) -> bool:
    """Whether a leaf value is of the type and within its bounds, as msgspec judges it (a float may be whole)."""
    match info:
        case inspect.UnionType(types=members):
            return any(_fits(value, _bare(member)) for member in members)
        case inspect.NoneType():
            return value is None
        case inspect.BoolType():
            return isinstance(value, bool)
        case inspect.StrType():
            return isinstance(value, str)
        case inspect.EnumType(cls=members):
            return value in [member.value for member in members]
        case inspect.IntType():
            return isinstance(value, int) and not isinstance(value, bool) and _within(value, info)
        case inspect.FloatType():
            return isinstance(value, (int, float)) and not isinstance(value, bool) and _within(value, info)
        case inspect.VarTupleType(item_type=item, min_length=least):
            return isinstance(value, list) and len(value) >= (least or 0) and all(_fits(x, _bare(item)) for x in value)
        case inspect.AnyType():
            return True
    raise AssertionError(f"the configuration has a type this reader does not know: {info}")


def _within(value: float, info: inspect.IntType | inspect.FloatType) -> bool:
    return (
        _finite(value)
        and (info.ge is None or value >= info.ge)
        and (info.gt is None or value > info.gt)
        and (info.le is None or value <= info.le)
        and (info.lt is None or value < info.lt)
    )


def _finite(value: float) -> bool:
    try:
        return math.isfinite(value)
    except OverflowError:  # a whole number too large for a float
        return False


def allowed(info: inspect.Type) -> str:
    """What a key of that type may hold, in words: "0.001 to 0.5", "demo, paper or live"."""
    info = _bare(info)
    match info:
        case inspect.UnionType(types=members):
            words = [allowed(member) for member in members if not isinstance(_bare(member), inspect.NoneType)]
            return " or ".join([*words, f'"{OFF}"'] if _has_off(info) else words)
        case inspect.BoolType():
            return "true or false"
        case inspect.StrType():
            return "a text in quotes"
        case inspect.EnumType(cls=members):
            return one_of([str(member.value) for member in members])
        case inspect.IntType():
            return _range(info, "a whole number")
        case inspect.FloatType():
            return _range(info, "a number")
        case inspect.VarTupleType():
            return "a list of texts" if not info.min_length else "a list of at least one text"
        case inspect.StructType() | inspect.DictType():
            return "a table"
    return "any value"


def one_of(names: list[str]) -> str:
    """ "a", "a or b", "a, b or c"."""
    return " or ".join([", ".join(names[:-1]), names[-1]] if len(names) > 1 else names)


def nearest(name: str, known: list[str]) -> str:
    """`; did you mean X?` for the known name most like `name`, else the empty text."""
    close = difflib.get_close_matches(name, known, n=1, cutoff=0.5)
    return f"; did you mean {close[0]}?" if close else ""


def _range(info: inspect.IntType | inspect.FloatType, noun: str) -> str:
    whole = "a whole number, " if isinstance(info, inspect.IntType) else ""
    low, high = info.ge if info.ge is not None else info.gt, info.le if info.le is not None else info.lt
    if low is None and high is None:
        return noun
    if high is None:
        return f"{noun} {'above' if info.gt is not None else 'of at least'} {low:g}"
    if info.gt is not None:
        return f"{whole}above {low:g} and up to {high:g}"
    return f"{whole}{low:g} to {high:g}"


def _sentence(key: str, value: Any, info: inspect.Type) -> str:
    return f"{key or 'the file'}: found {show(value)}, allowed {allowed(info)}"


def _unknown(key: str, name: str, known: list[str]) -> str:
    hint = nearest(name, known) or f"; allowed {one_of(known)}"
    return f"{key}: found a key that is not known here{hint}"


def show(value: Any) -> str:
    """A found value as TOML would write it, cut to a readable length."""
    match value:
        case bool():
            return "true" if value else "false"
        case str():
            text = msgspec.json.encode(value).decode()
        case dict():
            return "a table"
        case list():
            text = f"[{', '.join(show(item) for item in value)}]"
        case _:
            text = str(value)
    return text if len(text) <= 60 else text[:57] + "…"


def _bare(info: inspect.Type) -> inspect.Type:
    return info.type if isinstance(info, inspect.Metadata) else info


def _has_off(info: inspect.UnionType) -> bool:
    kinds = [_bare(member) for member in info.types]
    return any(isinstance(kind, inspect.NoneType) for kind in kinds) and not any(
        isinstance(kind, inspect.StrType) for kind in kinds
    )


def join(key: str, name: str) -> str:
    name = name if re.fullmatch(r"[A-Za-z0-9_-]+", name) else msgspec.json.encode(name).decode()
    return f"{key}.{name}" if key else name
