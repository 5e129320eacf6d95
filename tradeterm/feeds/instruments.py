"""instruments.toml: the contract facts of recorded instruments."""

import tomllib
from pathlib import Path
from typing import Any

import msgspec

from tradeterm.domain.errors import DataError
from tradeterm.domain.instrument import ZERO, Instrument


def load_instruments(path: Path) -> tuple[Instrument, ...]:
    """Every [[instruments]] table of the file, in its order; `id` is SYMBOL.VENUE where not given.

    Raises DataError: one sentence with file, instrument, key, found and allowed.
    """
    try:
        data = tomllib.loads(path.read_text(encoding="utf-8"))
    except FileNotFoundError:
        raise DataError(f"{path}: there is no such file; a recording needs its contract facts there") from None
    except (OSError, UnicodeDecodeError) as error:
        raise DataError(f"{path}: cannot be read: {error}") from None
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
        raise DataError(f"{where}: found {table!r}, allowed a table")
    table = {"id": f"{table.get('symbol')}.{table.get('venue')}", **table}
    try:
        item = msgspec.convert(table, Instrument)
    except msgspec.ValidationError as error:
        raise DataError(f"{where} ({table['id']}): {error}") from None
    for key in ("tick_size", "lot_size", "multiplier", "max_leverage"):
        value = getattr(item, key)
        if not value.is_finite() or value <= ZERO:
            raise DataError(f"{where} ({item.id}): {key}: found {value}, allowed a number above 0")
    for key in ("min_quantity", "min_notional"):
        value = getattr(item, key)
        if not value.is_finite() or value < ZERO:
            raise DataError(f"{where} ({item.id}): {key}: found {value}, allowed 0 or more")
    return item
