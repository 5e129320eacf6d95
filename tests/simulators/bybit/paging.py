"""Pages of rows, newest first. A cursor names the last row seen, so that new rows do not shift the pages."""

import re
from collections.abc import Callable, Sequence
from typing import TypeVar
from urllib.parse import unquote

from simulators.bybit.model import VenueError

T = TypeVar("T")
Query = dict[str, str]
WINDOW_MS = 7 * 86_400_000


def number(query: Query, name: str) -> int | None:
    value = query.get(name)
    if value in (None, ""):
        return None
    if not (value.isascii() and value.isdigit()):
        raise VenueError(10001, f"params error: {name} invalid")
    return int(value)


def limit_of(query: Query, usual: int, most: int) -> int:
    limit = number(query, "limit")
    if limit is None:
        return usual
    if not 1 <= limit <= most:
        raise VenueError(10001, f"params error: limit invalid, allowed 1 to {most}")
    return limit


def page(rows: Sequence[T], key: Callable[[T], int], query: Query, usual: int, most: int) -> tuple[list[T], str]:
    """One page of `rows`, whose `key` falls from row to row, and the cursor of the next page ("" at the end).

    The cursor is percent-encoded already, like the venue's: it goes back as it came.
    """
    limit = limit_of(query, usual, most)
    cursor = query.get("cursor")
    if cursor:
        found = re.match(r"(\d+):", unquote(unquote(cursor)))
        if found is None:
            raise VenueError(10001, "params error: cursor invalid")
        rows = [row for row in rows if key(row) < int(found[1])]
    taken = list(rows[:limit])
    more = len(rows) > len(taken)
    return taken, f"{key(taken[-1])}%3A{limit}%2C{key(taken[-1])}%3A{limit}" if more and taken else ""


def window(query: Query, now_ms: int) -> tuple[int, int]:
    """[startTime, endTime] of a look back, at most seven days."""
    start, end = number(query, "startTime"), number(query, "endTime")
    if start is not None and end is not None and not 0 <= end - start <= WINDOW_MS:
        raise VenueError(10001, "params error: the time range must be within 7 days")
    if start is None:
        end = end if end is not None else now_ms + 1000
        return end - WINDOW_MS, end
    return start, end if end is not None else start + WINDOW_MS
