"""Text of tables and titles, much of which comes from outside."""

import math
import re

from tradeterm.research.report.facts import Cell

_NUMBER = re.compile(r"[+-]?[\d,]*\.?\d+(e[+-]\d+)?( ?(%|R|d|h|min|s)( \d+ (h|min))?)?|-|no value|")
_WHOLE, _MOST = 1000, 1e15
_DATE = re.compile(r"\d{4}-\d{2}-\d{2}( \d{2}:\d{2})?")


def cell_text(cell: Cell) -> str:
    """A cell as it is shown; "-" for no value. Numbers have four significant digits, or all before the point."""
    if cell is None or (isinstance(cell, float) and not math.isfinite(cell)):
        return "-"
    if isinstance(cell, str):
        return cell
    return f"{cell:,.0f}" if isinstance(cell, int) or _WHOLE <= abs(cell) < _MOST else f"{cell:.4g}"


def is_number(text: str) -> bool:
    """Whether it stands to the right in its column."""
    return bool(_NUMBER.fullmatch(text) or _DATE.fullmatch(text))


def signed(value: float, places: int = 2) -> str:
    """With its sign; zero, also what rounds to it, has none."""
    text = f"{value:+,.{places}f}"
    return text if any(digit in text for digit in "123456789") else text[1:]


def heading(text: str) -> str:
    """The name of a column, with a capital."""
    return text[:1].upper() + text[1:]


def printable(text: str, *, lines: bool = False) -> str:
    """Without control, direction and hidden characters, of which names can be made that look like others."""
    if lines:
        return "\n".join(printable(line) for line in text.expandtabs(4).splitlines())
    return "".join(mark if mark.isprintable() else " " for mark in text)
