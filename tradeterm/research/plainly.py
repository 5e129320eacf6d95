"""What a caller gives, taken for what it plainly is; a ValueError of one sentence for everything else."""

from decimal import Decimal
from enum import StrEnum
from numbers import Real
from typing import TypeVar

Choice = TypeVar("Choice", bound=StrEnum)


def mistake(name: str, found: object, allowed: str) -> ValueError:
    """What to raise: the sentence for a thing that is not what it should be."""
    return ValueError(f"{name}: found {found!r}, allowed {allowed}")


def number(name: str, value: object) -> float:
    """A number as a float: Python's own, numpy's, a Decimal. A truth or a text is none."""
    if isinstance(value, bool) or not isinstance(value, Real | Decimal):
        raise mistake(name, value, "a number")
    return float(value)


def choice(name: str, value: object, kind: type[Choice]) -> Choice:
    """One of a closed choice, by itself or by its word."""
    for one in kind:
        if value == one:
            return one
    raise mistake(name, value, " or ".join(kind))
