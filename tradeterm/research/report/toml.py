"""Configuration as TOML text."""

import json
import math
from collections.abc import Mapping
from typing import Any


def toml_text(table: Mapping[str, Any], name: str) -> str:
    """`table`, of texts, numbers, truths, lists and tables of these, as the TOML table `name` (dotted: of a table).

    None is left out, as TOML has no word for it. Raises ValueError for numbers that are not finite.
    """
    own = [f"{key_text(key)} = {_value(value)}" for key, value in table.items() if _is_value(value)]
    parts = ["\n".join([f"[{name}]", *own])] if own else []
    parts += [
        toml_text(value, f"{name}.{key_text(key)}").rstrip("\n")
        for key, value in table.items()
        if isinstance(value, Mapping) and value
    ]
    return "\n\n".join(part for part in parts if part) + "\n"


def _is_value(value: object) -> bool:
    return value is not None and not isinstance(value, Mapping)


def key_text(key: str) -> str:
    """In quotes where it needs them."""
    return key if key.replace("_", "").replace("-", "").isalnum() and key.isascii() else _text(key)


def _value(value: object) -> str:
    match value:
        case bool():
            return "true" if value else "false"
        case int():
            return str(value)
        case float() if math.isfinite(value):
            return repr(value)
        case str():
            return _text(value)
        case list() | tuple():
            return f"[{', '.join(_inline(item) for item in value)}]"
    raise ValueError(f"found {value!r}, which TOML does not know")


def _inline(value: object) -> str:
    if isinstance(value, Mapping):
        cells = ", ".join(f"{key_text(key)} = {_inline(cell)}" for key, cell in value.items() if cell is not None)
        return f"{{{cells}}}"
    return _value(value)


def _text(text: str) -> str:
    """JSON's escapes are TOML's, but for one character that JSON leaves as it is."""
    return json.dumps(text, ensure_ascii=False).replace("\x7f", "\\u007f")
