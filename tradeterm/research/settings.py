"""One value inside plain data, by its path."""

from collections.abc import Sequence
from typing import Any

from tradeterm.decode import show
from tradeterm.domain.errors import ConfigError


def set_at(values: dict[str, Any], path: Sequence[str], value: Any, option: str) -> None:
    """Set what `path` names, making tables that are not there; a number is a place in a list that is. Raises
    ConfigError for another place, with `option` before its sentence."""
    table: Any = values
    for number, part in enumerate(path):
        last = number == len(path) - 1
        if isinstance(table, list):
            if not (part.isascii() and part.isdigit() and int(part) < len(table)):
                at = ".".join(path[: number + 1])
                raise ConfigError(f"{option}: {at}: found {show(part)}, allowed 0 to {len(table) - 1}")
            if last:
                table[int(part)] = value
            else:
                table = table[int(part)]
        elif isinstance(table, dict):
            if last:
                table[part] = value
            else:
                if table.get(part) is None:
                    table[part] = {}
                table = table[part]
        else:
            raise ConfigError(f"{option}: {'.'.join(path[:number])}: is one value, so it has no {show(part)} in it")
