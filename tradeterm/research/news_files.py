"""Scored headlines and calendars as people keep them in files, for simulations with events."""

from pathlib import Path
from typing import Any

import numpy as np

from tradeterm.decode import one_of, show
from tradeterm.domain.errors import DataError
from tradeterm.feeds.recording import timestamps
from tradeterm.feeds.table import Stamps, Table, numbers, read_table
from tradeterm.quant.events import CalendarEntry, Headline, Impact

_SCORES = ("sentiment", "score")


def read_headlines(path: Path) -> list[Headline]:
    """Columns timestamp (when it was published) and sentiment or score (-1 to 1). Raises DataError."""
    table = read_table(path)
    column = next((name for name in _SCORES if name in table.names), None)
    if column is None:
        raise DataError(f"{path}: found no column {one_of(list(_SCORES))}")
    scores = numbers(path, column, _column(table, column))
    wrong = ~(np.abs(scores) <= 1)
    if wrong.any():
        row = int(wrong.argmax())
        raise DataError(f"{path}: column {column}: found {scores[row]:g} in row {row + 1}, allowed -1 to 1")
    return [Headline(ts, score) for ts, score in zip(_times(table, "timestamp"), scores.tolist(), strict=True)]


def read_calendar(path: Path) -> list[CalendarEntry]:
    """Columns timestamp (when it takes place), known (when that became known) and impact. Raises DataError."""
    table = read_table(path)
    impacts = []
    for row, text in enumerate(_column(table, "impact").to_pylist(), 1):
        try:
            impacts.append(Impact(str(text).strip().lower()))
        except ValueError:
            allowed = one_of(list(Impact))
            raise DataError(f"{path}: column impact: found {show(text)} in row {row}, allowed {allowed}") from None
    takes_place, known = _times(table, "timestamp"), _times(table, "known")
    return [CalendarEntry(*entry) for entry in zip(takes_place, known, impacts, strict=True)]


def _times(table: Table, name: str) -> list[int]:
    stamps: Stamps = timestamps(table.path, _column(table, name))
    found: list[int] = stamps.tolist()
    return found


def _column(table: Table, name: str) -> Any:
    if name not in table.names:
        raise DataError(f"{table.path}: column {name}: found only {', '.join(table.names)}")
    return table.column(table.names.index(name))
