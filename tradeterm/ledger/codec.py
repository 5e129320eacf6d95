"""Facts to rows and back. A struct's fields are the columns of its table, so one codec serves every fact.

Decimals become text, exactly as written; containers become JSON text; enums their text; flags 0 or 1.
"""

import sqlite3
import typing
from decimal import Decimal
from functools import cache
from types import NoneType
from typing import Any, Generic, Literal, TypeVar

import msgspec
from msgspec import Struct

from tradeterm.domain.facts import ChatRow, CommandRow, Fact, RunRow

F = TypeVar("F", bound=Struct)
Kind = Literal["text", "integer", "real", "decimal", "flag", "json"]

FACT_TYPES: tuple[type[Struct], ...] = typing.get_args(Fact)
_UNTAGGED: dict[type, str] = {CommandRow: "commands", ChatRow: "chat", RunRow: "runs"}
_KINDS: tuple[tuple[type, Kind], ...] = (
    (Decimal, "decimal"),
    (bool, "flag"),
    (int, "integer"),
    (float, "real"),
    (str, "text"),
)


class Column(Struct, frozen=True):
    """A column and how its values are stored; `required` columns are never NULL."""

    name: str
    kind: Kind
    required: bool


def _column(name: str, hint: Any) -> Column:
    members = typing.get_args(hint) if NoneType in typing.get_args(hint) else (hint,)
    main = next(member for member in members if member is not NoneType)
    kind: Kind = "json"
    if isinstance(main, type):
        kind = next((kind for base, kind in _KINDS if issubclass(main, base)), "json")
    return Column(name, kind, NoneType not in members)


class RowCodec(Generic[F]):
    """Rows of one struct type. `table` is its table, `names` the order of the values in a row."""

    def __init__(self, type_: type[F]) -> None:
        hints = typing.get_type_hints(type_)
        self.type = type_
        self.table = str(type_.__struct_config__.tag or _UNTAGGED[type_])
        self.columns = tuple(_column(name, hints[name]) for name in type_.__struct_fields__)
        self.names = tuple(column.name for column in self.columns)
        self._decimals = self._of("decimal")
        self._reals = self._of("real")
        self._flags = self._of("flag")
        self._jsons = self._of("json")
        self._required = tuple(column.name for column in self.columns if column.required)

    @property
    def defaults(self) -> dict[str, str | int | float]:
        """What the columns of fields with a default hold by default."""
        found: dict[str, str | int | float] = {}
        for column, field in zip(self.columns, msgspec.structs.fields(self.type), strict=True):
            if field.default not in (msgspec.NODEFAULT, None):
                plain = msgspec.to_builtins(field.default)
                if column.kind == "json":
                    plain = msgspec.json.encode(plain).decode()
                found[column.name] = int(plain) if column.kind == "flag" else plain
        return found

    def _of(self, kind: Kind) -> tuple[str, ...]:
        return tuple(column.name for column in self.columns if column.kind == kind)

    def encode(self, fact: F) -> tuple[Any, ...]:
        """The values of a fact in the order of `names`.

        Raises ValueError for a number that is not finite and for None where there must be a value.
        """
        for name in self._decimals:
            value = getattr(fact, name)
            if value is not None and not value.is_finite():
                raise ValueError(f"{self.table}.{name} is {value}, which is not a finite number")
        for name in self._reals:
            value = getattr(fact, name)
            if value is not None and value - value != 0.0:
                raise ValueError(f"{self.table}.{name} is {value}, which is not a finite number")
        plain: dict[str, Any] = msgspec.to_builtins(fact)
        for name in self._jsons:
            value = plain[name]
            if value is not None:
                plain[name] = msgspec.json.encode(value).decode()
        for name in self._required:
            if plain[name] is None:
                raise ValueError(f"{self.table}.{name} is missing")
        return tuple([plain[name] for name in self.names])

    def decode(self, row: typing.Sequence[Any]) -> F:
        """The struct of a row whose values come in the order of `names`. Raises msgspec.ValidationError."""
        plain = dict(zip(self.names, row, strict=True))
        for name in self._flags:
            plain[name] = bool(plain[name])
        for name in self._jsons:
            text = plain[name]
            if text is not None:
                plain[name] = msgspec.json.decode(text)
        return msgspec.convert(plain, self.type)


@cache
def codec_of(type_: type[F]) -> RowCodec[F]:
    """The codec of a struct type, made once."""
    return RowCodec(type_)


def select(db: sqlite3.Connection, type_: type[F], rest: str = "", *parameters: Any) -> list[F]:
    """The structs in a type's table; `rest` is the SQL that follows FROM <table>. Raises msgspec.ValidationError."""
    codec = codec_of(type_)
    names = ", ".join(f'"{name}"' for name in codec.names)
    return [codec.decode(row) for row in db.execute(f"SELECT {names} FROM {codec.table} {rest}", parameters).fetchall()]
