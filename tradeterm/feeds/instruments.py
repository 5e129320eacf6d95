"""instruments.toml: the contract facts of recorded instruments."""

import tomllib
from decimal import Decimal
from enum import StrEnum
from pathlib import Path
from typing import Any

import msgspec
from msgspec.structs import fields

from tradeterm.decode import one_of, show
from tradeterm.domain.errors import DataError
from tradeterm.domain.instrument import ZERO, Instrument

ONE = Decimal(1)


def load_instruments(path: Path) -> tuple[Instrument, ...]:
    """Every [[instruments]] table of the file, in its order; `id` is SYMBOL.VENUE where not given.

    Raises DataError: one sentence with file, instrument, key, found and allowed.
    """
    try:
        data = tomllib.loads(path.read_text(encoding="utf-8"))
    except FileNotFoundError:
        raise DataError(f"{path}: there is no such file; a recording needs its contract facts there") from None
    except OSError as error:
        raise DataError(f"{path}: cannot be read: {error.strerror}") from None
    except UnicodeDecodeError as error:
        raise DataError(f"{path}: found a byte at {error.start} that is not UTF-8, allowed UTF-8 text") from None
    except tomllib.TOMLDecodeError as error:
        raise DataError(f"{path}: not valid TOML: {error}") from None
    tables = data.get("instruments")
    if not isinstance(tables, list) or not tables:
        raise DataError(f"{path}: instruments: found none, allowed at least one [[instruments]] table")
    found = tuple(_instrument(path, number, table) for number, table in enumerate(tables, 1))
    names = [item.id for item in found]
    for name in names:
        if names.count(name) > 1:
            raise DataError(f"{path}: instrument {name}: found twice, allowed once")
    return found


def _instrument(path: Path, number: int, table: Any) -> Instrument:
    where = f"{path}: instrument {number}"
    if not isinstance(table, dict):
        raise DataError(f"{where}: found {show(table)}, allowed a table")
    values: dict[str, Any] = {}
    for field in fields(Instrument):
        if field.name == "id" and "id" not in table:
            continue  # made of symbol and venue below
        if field.name in table:
            values[field.name] = _value(f"{where}: {field.name}", table[field.name], field.type)
        elif field.required:
            raise DataError(f"{where}: {field.name}: missing, allowed {_allowed(field.type)}")
    for key in table.keys() - {field.name for field in fields(Instrument)}:
        raise DataError(f"{where}: {key}: found a key that is not known here")
    values.setdefault("id", f"{values['symbol']}.{values['venue']}")
    for key in ("tick_size", "lot_size", "multiplier", "max_leverage", "min_quantity", "min_notional"):
        value = values.get(key, ONE)
        if not value.is_finite() or value < ZERO or (value == ZERO and not key.startswith("min_")):
            least = "0 or more" if key.startswith("min_") else "a number above 0"
            raise DataError(f"{where} ({values['id']}): {key}: found {value}, allowed {least}")
    return Instrument(**values)


def _value(where: str, value: Any, kind: Any) -> Any:
    try:
        return msgspec.convert(value, kind)
    except msgspec.ValidationError:
        raise DataError(f"{where}: found {show(value)}, allowed {_allowed(kind)}") from None


def _allowed(kind: Any) -> str:
    if issubclass(kind, StrEnum):
        return one_of([member.value for member in kind])
    return {Decimal: 'a number in quotes such as "0.01"', int: "a whole number"}.get(kind, "a text in quotes")
