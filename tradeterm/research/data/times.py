"""Times as files give them (numbers, dates, text, with and without a zone) brought to UTC milliseconds."""

import re
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import numpy as np
from msgspec import Struct
from numpy.typing import NDArray

from tradeterm.domain.errors import DataError
from tradeterm.domain.market import DAY_MS, MINUTE_MS
from tradeterm.feeds.table import epoch_ms, values

Stamps = NDArray[np.int64]
EARLIEST, LATEST = 0, 4_102_444_800_000  # 1970 and 2100
_EPOCH = datetime(1970, 1, 1)  # noqa: DTZ001
_MONTH_NAMES = ("jan", "feb", "mar", "apr", "may", "jun", "jul", "aug", "sep", "oct", "nov", "dec")
_MONTHS = {m: i for i, m in enumerate(_MONTH_NAMES, 1)}
_WRITTEN = re.compile(
    r"(\d{1,4})[-/. ]?([A-Za-z]{3}|\d{1,2})[-/. ]?(\d{2,4})"
    r"(?:[ T,]+(\d{1,2}):?(\d{2})(?::?(\d{2})(?:\.(\d{1,9}))?)?\s*([AaPp][Mm])?)?\s*(Z|UTC|GMT)?"
)
_CLOCK = re.compile(r"(\d{1,2}):?(\d{2})(?::?(\d{2}))?(?:\.\d+)?")
_MARK_MS = 15 * MINUTE_MS  # every zone changes its clock at a quarter of an hour


class Times(Struct, frozen=True):
    """`ts` in ms: UTC where `zoned`, else as a clock on some wall showed it. `how` names the form that was found."""

    ts: Stamps
    zoned: bool
    how: str


def read_times(path: Path, name: str, column: Any) -> Times:
    """A column of times. Raises DataError naming what cannot be a time, or means two."""
    import pyarrow
    from pyarrow import compute, types

    if column.null_count:
        raise DataError(f"{path}: column {name}: found {column.null_count} rows without a time, allowed none")
    kind = column.type
    if types.is_timestamp(kind):
        ms = compute.cast(column, pyarrow.timestamp("ms", tz=kind.tz), safe=False)
        stamps = values(compute.cast(ms, pyarrow.int64()), np.int64)
        times = Times(stamps, kind.tz is not None, "times with a zone" if kind.tz else "times without a zone")
    elif types.is_date(kind):
        days = values(compute.cast(compute.cast(column, pyarrow.date64()), pyarrow.int64()), np.int64)
        times = Times(days, False, "dates")
    elif types.is_integer(kind) or types.is_floating(kind) or types.is_decimal(kind):
        times = _from_numbers(path, name, column)
    elif types.is_string(kind) or types.is_large_string(kind):
        times = _from_text(path, name, column)
    else:
        raise DataError(f"{path}: column {name}: found {kind}, allowed times or epoch numbers")
    wrong = (times.ts < EARLIEST) | (times.ts >= LATEST)
    if wrong.any():
        row = int(np.flatnonzero(wrong)[0])
        found = np.datetime64(int(times.ts[row]), "ms")
        raise DataError(f"{path}: column {name}: found {found} in row {row + 1}, allowed 1970 to 2099")
    return times


def read_clock(path: Path, name: str, column: Any) -> Stamps:
    """A column of times of day ("09:15", 09:15:00) as ms since midnight."""
    import pyarrow
    from pyarrow import compute, types

    if types.is_time(column.type) and not column.null_count:
        as_us = compute.cast(column, pyarrow.time64("us"))
        return values(compute.cast(as_us, pyarrow.int64()), np.int64) // 1000
    out = np.empty(len(column), dtype=np.int64)
    for row, text in enumerate(compute.cast(column, pyarrow.string()).to_pylist()):
        found = _CLOCK.fullmatch((text or "").strip().rjust(4, "0"))
        hour, minute, second = (int(part or 0) for part in found.groups()) if found else (99, 0, 0)
        if hour > 23 or minute > 59 or second > 59:
            raise DataError(
                f"{path}: column {name}: found {_shown(text)} in row {row + 1}, allowed a time such as 09:15"
            )
        out[row] = ((hour * 60 + minute) * 60 + second) * 1000
    return out


def localise(ts: Stamps, zone: str) -> Stamps:
    """UTC of what a clock in `zone` showed; the hour that autumn repeats is taken as its first."""
    place = ZoneInfo(zone)
    marks, where = np.unique(ts // _MARK_MS, return_inverse=True)
    offsets = [
        (_EPOCH + timedelta(milliseconds=int(mark) * _MARK_MS)).replace(tzinfo=place).utcoffset() or timedelta()
        for mark in marks
    ]
    shift = np.array([offset // timedelta(milliseconds=1) for offset in offsets], dtype=np.int64)
    return np.asarray(ts - shift[where])


def shown_twice(ts: Stamps, zone: str) -> datetime | None:
    """The first of `ts` that is there twice because a clock in `zone` showed its hour twice, in autumn."""
    found, counts = np.unique(ts, return_counts=True)
    place, again = ZoneInfo(zone), found[counts > 1]
    for mark in np.unique(again // _MARK_MS):
        moment = (_EPOCH + timedelta(milliseconds=int(mark) * _MARK_MS)).replace(tzinfo=place)
        if moment.utcoffset() > moment.replace(fold=1).utcoffset():  # type: ignore[operator]
            return _EPOCH + timedelta(milliseconds=int(again[again // _MARK_MS == mark][0]))
    return None


def _from_numbers(path: Path, name: str, column: Any) -> Times:
    import pyarrow
    from pyarrow import compute

    if pyarrow.types.is_integer(column.type):
        found = values(compute.cast(column, pyarrow.int64()), np.int64)
    else:
        raw = values(compute.cast(column, pyarrow.float64()), np.float64)
        if not np.isfinite(raw).all() or (np.abs(raw) >= 2**62).any():
            raise DataError(f"{path}: column {name}: found a number that is no time, allowed epoch numbers")
        if raw.size and raw.max() < 1e11 and (raw % 1 != 0).any():  # seconds with a fraction
            return Times(np.round(raw * 1000).astype(np.int64), True, "epoch s")
        found = np.round(raw).astype(np.int64)
    if found.size and found.min() >= 19700101 and found.max() <= 21001231:
        year, month, day = found // 10000, found // 100 % 100, found % 100
        if ((month >= 1) & (month <= 12) & (day >= 1) & (day <= 31)).all():
            months = ((year - 1970) * 12 + month - 1).astype("datetime64[M]").astype("datetime64[D]")
            return Times((months.astype(np.int64) + day - 1) * DAY_MS, False, "dates")
    stamps, unit = epoch_ms(path, name, found)
    return Times(stamps, True, f"epoch {unit}")


def _from_text(path: Path, name: str, column: Any) -> Times:
    """ISO in all its forms, and what brokers write: 26-Mar-2021 09:15, 26/03/2021 9:15 AM, 20210326 0915."""
    import pyarrow
    from pyarrow import compute

    texts = [text.strip() for text in column.to_pylist()]
    if texts and all(text.isascii() and text.isdigit() and len(text) > 8 for text in texts):
        return _from_numbers(path, name, compute.cast(pyarrow.array(texts), pyarrow.int64()))
    day_first: bool | None = None
    out = np.empty(len(texts), dtype=np.int64)
    zones = np.empty(len(texts), dtype=np.bool_)
    for row, text in enumerate(texts):
        try:
            moment = datetime.fromisoformat(text)
        except ValueError:
            if day_first is None:
                day_first = _day_first(path, name, texts)
            written = _written(text, day_first)
            if written is None:
                raise DataError(
                    f"{path}: column {name}: found {_shown(text)} in row {row + 1}, allowed a time"
                ) from None
            moment = written
        zones[row] = moment.tzinfo is not None
        naive = moment.astimezone(UTC).replace(tzinfo=None) if moment.tzinfo else moment
        out[row] = (naive - _EPOCH) // timedelta(milliseconds=1)
    if zones.any() and not zones.all():
        row = int(np.flatnonzero(zones != zones[0])[0])
        raise DataError(
            f"{path}: column {name}: found times with and without a zone ({_shown(texts[0])}, in row {row + 1} "
            f"{_shown(texts[row])}), allowed one or the other"
        )
    zoned = bool(zones.any())
    return Times(out, zoned, "text with a zone" if zoned else "text without a zone")


def _day_first(path: Path, name: str, texts: list[str]) -> bool:
    """Whether 3/4/2021 is in April, which only days above 12 can tell."""
    pairs = [(int(f[1]), int(f[2])) for t in texts if (f := _WRITTEN.fullmatch(t)) and len(f[1]) < 3 and f[2].isdigit()]
    first, second = (max((pair[i] for pair in pairs), default=0) for i in (0, 1))
    if pairs and first <= 12 and second <= 12 and any(a != b for a, b in pairs):
        raise DataError(
            f"{path}: column {name}: found {_shown(texts[0])}, whose day and month cannot be told apart, "
            "allowed dates such as 2021-03-26"
        )
    return second <= 12


def _written(text: str, day_first: bool) -> datetime | None:
    found = _WRITTEN.fullmatch(text)
    if not found:
        return None
    a, middle, c, hour, minute, second, fraction, half, zone = found.groups()
    if len(a) == 4:
        year, day = int(a), int(c)
    elif len(c) == 4 or not middle.isdigit():
        year, day = int(c) if len(c) == 4 else 2000 + int(c), int(a)
    else:
        return None
    month = int(middle) if middle.isdigit() else _MONTHS.get(middle.lower(), 0)
    if middle.isdigit() and len(a) != 4 and not day_first:
        day, month = month, day
    clock = int(hour or 0) % 12 + (12 if half.lower() == "pm" else 0) if half else int(hour or 0)
    millisecond = int((fraction or "0")[:3].ljust(3, "0"))
    try:
        return datetime(
            year, month, day, clock, int(minute or 0), int(second or 0), millisecond * 1000, UTC if zone else None
        )
    except ValueError:
        return None


def _shown(text: str | None) -> str:
    plain = "".join(mark if mark.isprintable() else "�" for mark in text or "")
    return f'"{plain[:40]}…"' if len(plain) > 40 else f'"{plain}"'
