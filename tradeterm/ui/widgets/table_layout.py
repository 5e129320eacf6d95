"""Which columns of a table fit, how wide they are, and in which order rows stand. Pure."""

import math
from collections.abc import Iterable, Sequence
from decimal import Decimal
from typing import Literal

from msgspec import Struct

from tradeterm.ui.plain import fit

Align = Literal["left", "right", "decimal"]
GAP = 2


class Column(Struct, frozen=True):
    """A column. Those with the lowest `priority` are dropped first when the width is short.

    A text column takes `width` cells, shrinks down to `min_width` (0: it never shrinks) and is cut with an ellipsis.
    A number column is at least `width` wide and grows with its numbers: a number is never cut.
    """

    key: str
    title: str
    width: int
    align: Align = "left"
    priority: int = 50
    min_width: int = 0

    @property
    def is_number(self) -> bool:
        return self.align != "left"


class Cell(Struct, frozen=True):
    """A text and its tone."""

    text: str
    style: str = ""


class Row(Struct, frozen=True):
    """One row. `sort` holds one comparable value per cell (None sorts last); without it the texts are compared."""

    key: str
    cells: tuple[Cell, ...]
    sort: tuple[object, ...] | None = None


class Sort(Struct, frozen=True):
    column: int
    descending: bool


def fit_columns(columns: Sequence[Column], needed: Sequence[int], available: int) -> tuple[tuple[int, int], ...]:
    """The columns that fit, as (index, width). `needed` is the widest content of each number column so far.

    Text columns shrink before a column is dropped; what is left over goes to the last text column.
    """
    wanted = [_wanted(column, need) for column, need in zip(columns, needed, strict=True)]
    least = [_least(column, want) for column, want in zip(columns, wanted, strict=True)]
    shown = list(range(len(columns)))
    while len(shown) > 1 and sum(least[at] for at in shown) + GAP * (len(shown) - 1) > available:
        shown.remove(min(shown, key=lambda at: (columns[at].priority, -at)))
    widths = {at: least[at] for at in shown}
    spare = available - sum(widths.values()) - GAP * (len(shown) - 1)
    for at in sorted(shown, key=lambda at: -columns[at].priority):
        extra = min(max(0, spare), wanted[at] - widths[at])
        widths[at] += extra
        spare -= extra
    texts = [at for at in shown if not columns[at].is_number]
    if texts and spare > 0:
        widths[texts[-1]] += spare
    if len(shown) == 1:
        widths[shown[0]] = min(widths[shown[0]], max(0, available))
    return tuple((at, widths[at]) for at in shown)


def _wanted(column: Column, needed: int) -> int:
    return max(column.width, needed, len(column.title)) if column.is_number else max(column.width, column.min_width, 1)


def _least(column: Column, wanted: int) -> int:
    return wanted if column.is_number or not column.min_width else min(wanted, column.min_width)


class Measures:
    """How wide the numbers of each column have been so far, before and from the decimal point; they only grow."""

    def __init__(self, columns: Sequence[Column]) -> None:
        self._columns = columns
        self._wholes = [0] * len(columns)
        self._fractions = [0] * len(columns)

    @property
    def needed(self) -> list[int]:
        """Cells each number column needs; 0 for text columns."""
        return [whole + fraction for whole, fraction in zip(self._wholes, self._fractions, strict=True)]

    def grow(self, rows: Iterable[Row]) -> bool:
        """Take new rows in; whether a column became wider."""
        grown = False
        numbers = [(at, column.align == "decimal") for at, column in enumerate(self._columns) if column.is_number]
        for row in rows:
            for at, by_point in numbers:
                text = row.cells[at].text if at < len(row.cells) else ""
                fraction = fraction_width(text) if by_point else 0
                whole = len(text) - fraction
                if fraction > self._fractions[at] or whole > self._wholes[at]:
                    self._fractions[at] = max(fraction, self._fractions[at])
                    self._wholes[at] = max(whole, self._wholes[at])
                    grown = True
        return grown

    def placed(self, text: str, at: int, cells: int, ellipsis: str = "…") -> str:
        """A text in exactly its cells: words to the left, numbers to the right or on their decimal point."""
        column = self._columns[at]
        if not column.is_number:
            return fit(text, cells, ellipsis)
        if column.align == "decimal":
            text += " " * (self._fractions[at] - fraction_width(text))
        return fit(text.rjust(cells), cells, ellipsis)


def fraction_width(text: str) -> int:
    """Cells from the decimal point to the end of a number, sign of percent and all; 0 for a text without a digit."""
    point = text.rfind(".")
    if point >= 0 and point + 1 < len(text) and text[point + 1].isdigit():
        return len(text) - point
    end = len(text)
    while end and not text[end - 1].isdigit():
        end -= 1
    return len(text) - end if end else 0


def sorted_rows(rows: Sequence[Row], sort: Sort | None) -> list[Row]:
    """The rows in order; rows without a value come last either way, equal ones keep their order."""
    if sort is None:
        return list(rows)
    valued = [(key, row) for row in rows if (key := _sort_key(row, sort.column)) is not None]
    missing = [row for row in rows if _sort_key(row, sort.column) is None]
    valued.sort(key=lambda pair: pair[0], reverse=sort.descending)
    return [row for _, row in valued] + missing


def _sort_key(row: Row, column: int) -> tuple[int, float | Decimal, str] | None:
    """A key that compares with any other: numbers before texts."""
    if row.sort is None:
        text = row.cells[column].text if column < len(row.cells) else ""
        return (1, 0, text.casefold())
    value = row.sort[column] if column < len(row.sort) else None
    if isinstance(value, (int, float, Decimal)):
        finite = value.is_finite() if isinstance(value, Decimal) else isinstance(value, int) or math.isfinite(value)
        return (0, value, "") if finite else None
    return None if value is None else (1, 0, str(value).casefold())


def matches(row: Row, words: Sequence[str]) -> bool:
    """Whether every word (already casefolded) occurs somewhere in the row."""
    if not words:
        return True
    text = " ".join(cell.text for cell in row.cells).casefold()
    return all(word in text for word in words)
