"""Recorded bars and funding: read from Parquet or CSV, checked, and said in plain sentences what was done to them."""

from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import numpy as np
from msgspec import Struct
from msgspec.structs import replace
from numpy.typing import NDArray

from tradeterm.domain.errors import DataError
from tradeterm.feeds.table import SECOND_MS, Floats, Stamps, epoch_ms, numbers, read_table, values

SUFFIXES = (".parquet", ".csv")
_PRICES = ("open", "high", "low", "close")


class RecordedBars(Struct, frozen=True):
    """Bars of one instrument in time order. `report` says what was repaired, refused or is missing."""

    path: Path
    interval_ms: int
    ts_open: Stamps
    open: Floats
    high: Floats
    low: Floats
    close: Floats
    volume: Floats
    report: tuple[str, ...]

    @property
    def rows(self) -> int:
        return int(self.ts_open.shape[0])


class RecordedFunding(Struct, frozen=True):
    """Funding settlements of one instrument in time order, stamped to the second."""

    path: Path
    ts: Stamps
    rate: Floats
    report: tuple[str, ...]


def find_file(folder: Path, kind: str, symbol: str) -> Path | None:
    """`<folder>/[<anything>/]<kind>/<symbol>.parquet` or `.csv`; `kind` is an interval such as "5m", or "funding"."""
    for suffix in SUFFIXES:
        for path in (folder / kind / f"{symbol}{suffix}", *sorted(folder.glob(f"*/{kind}/{symbol}{suffix}"))):
            if path.is_file():
                return path
    return None


def load_bars(path: Path, interval_ms: int) -> RecordedBars:
    """Read one file of bars: columns timestamp (the bar's opening time), open, high, low, close, volume.

    Repairs what has one meaning (order, exact repeats), drops bars that cannot be right (numbers that are not finite,
    not positive, or a high and low that do not hold the other prices), and says so. Raises DataError where nothing
    trustworthy is left or the file cannot be read.
    """
    bars = checked_bars(path, *read_bars(path), interval_ms)
    ts = bars.ts_open
    gaps = np.flatnonzero(np.diff(ts) != interval_ms)
    if not gaps.size:
        return bars
    missing = int((ts[-1] - ts[0]) // interval_ms + 1 - ts.size)
    first = datetime.fromtimestamp(int(ts[gaps[0]] + interval_ms) / 1000, UTC)
    said = (
        f"{path.name}: {missing} of {missing + ts.size} bars are missing, the first at {first:%Y-%m-%d %H:%M} UTC; "
        "nothing is invented for them"
    )
    return replace(bars, report=(*bars.report, said))


def read_bars(path: Path) -> tuple[Stamps, Floats]:
    """What a file of bars holds, unchecked: opening times (UTC ms) and (rows, 5) of open, high, low, close, volume."""
    table = _read(path, ("timestamp", *_PRICES, "volume"))
    ts = timestamps(path, table["timestamp"])
    return ts, np.column_stack([numbers(path, name, table[name]) for name in (*_PRICES, "volume")])


def checked_bars(path: Path, ts: Stamps, values: Floats, interval_ms: int, session_open_ms: int = 0) -> RecordedBars:
    """Bars of `path` repaired and refused as `load_bars` does; gaps are not looked for.

    A bar opens a whole number of intervals after `session_open_ms` of the UTC day.
    """
    if ts.size == 0:
        raise DataError(f"{path}: found no bars, allowed at least one")
    report: list[str] = []
    sane = sane_bars(values)
    if not sane.all():
        report.append(_said(path, int((~sane).sum()), "dropped", "whose prices or volume cannot be right"))
        ts, values = ts[sane], values[sane]
    off = (ts - session_open_ms) % interval_ms != 0
    if off.any():
        report.append(_said(path, int(off.sum()), "dropped", f"opening between multiples of {interval_ms} ms"))
        ts, values = ts[~off], values[~off]
    if ts.size == 0:
        raise DataError(f"{path}: no bar is left after the checks: {'; '.join(_facts(report))}")
    ts, values = _ordered(path, ts, values, report)
    o, h, low, c, v = (np.ascontiguousarray(values[:, i]) for i in range(values.shape[1]))
    return RecordedBars(path, interval_ms, ts, o, h, low, c, v, tuple(report))


def load_funding(path: Path) -> RecordedFunding:
    """Read one file of settlements: columns timestamp, funding_rate. Repairs and refuses as `load_bars` does."""
    table = _read(path, ("timestamp", "funding_rate"))
    rates = numbers(path, "funding_rate", table["funding_rate"])
    return checked_funding(path, timestamps(path, table["timestamp"]), rates)


def checked_funding(path: Path, ts: Stamps, rates: Floats) -> RecordedFunding:
    """Settlements of `path`, stamped to the second: venues stamp them a few ms late."""
    ts, values = (ts + SECOND_MS // 2) // SECOND_MS * SECOND_MS, rates[:, None]
    report: list[str] = []
    sane = (np.isfinite(values) & (np.abs(values) < 1)).all(axis=1)
    if not sane.all():
        report.append(_said(path, int((~sane).sum()), "dropped", "whose rate cannot be right", "settlement"))
        ts, values = ts[sane], values[sane]
    ts, values = _ordered(path, ts, values, report, "settlement")
    return RecordedFunding(path, ts, np.ascontiguousarray(values[:, 0]), tuple(report))


def sane_bars(values: Floats) -> NDArray[np.bool_]:
    """Which rows of open, high, low, close, volume can be right: finite, above zero, the high and low hold the rest."""
    o, h, low, c, v = values.T
    finite = np.isfinite(values).all(axis=1)
    holds = (low > 0) & (h >= np.maximum(o, c)) & (low <= np.minimum(o, c)) & (v >= 0)
    return np.asarray(finite & holds)


def _ordered(path: Path, ts: Stamps, values: Floats, report: list[str], noun: str = "bar") -> tuple[Stamps, Floats]:
    """Sorted by time, one row a time. Rows that differ at one time have no one meaning: DataError."""
    if (np.diff(ts) < 0).any():
        report.append(f"{path.name}: the {noun}s were out of order and were sorted by time")
        order = np.argsort(ts, kind="stable")
        ts, values = ts[order], values[order]
    repeats = np.concatenate([[False], np.diff(ts) == 0])
    if repeats.any():
        differs = repeats & np.concatenate([[False], (np.diff(values, axis=0) != 0).any(axis=1)])
        if differs.any():
            at = int(ts[np.flatnonzero(differs)[0]])
            raise DataError(f"{path}: timestamp: found two different {noun}s at {at}, allowed one a time")
        report.append(_said(path, int(repeats.sum()), "dropped", "given more than once", noun))
        ts, values = ts[~repeats], values[~repeats]
    return ts, values


def _said(path: Path, count: int, done: str, which: str, noun: str = "bar") -> str:
    return f"{path.name}: {done} {count} {noun}{'s' if count != 1 else ''} {which}"


def _facts(report: list[str]) -> list[str]:
    return [line.split(": ", 1)[1] for line in report]


def _read(path: Path, columns: tuple[str, ...]) -> dict[str, Any]:
    """The named columns as pyarrow arrays."""
    if path.is_file() and path.suffix not in SUFFIXES:
        raise DataError(f"{path}: found a {path.suffix or 'nameless'} file, allowed {' or '.join(SUFFIXES)}")
    table = read_table(path)
    for name in columns:
        if name not in table.names:
            found = ", ".join(table.names) or "no columns"
            raise DataError(f"{path}: column {name}: found only {found}, allowed {', '.join(columns)}")
    return {name: table.column(table.names.index(name)) for name in columns}


def timestamps(path: Path, column: Any) -> Stamps:
    """UTC ms from timestamps (no zone means UTC) or from epoch numbers, whose unit their size tells."""
    import pyarrow
    from pyarrow import compute, types

    if column.null_count:
        raise DataError(f"{path}: column timestamp: found {column.null_count} rows without a time, allowed none")
    if types.is_timestamp(column.type):
        ms = compute.cast(column, pyarrow.timestamp("ms", tz=column.type.tz), safe=False)
        return values(compute.cast(ms, pyarrow.int64()), np.int64)
    if types.is_integer(column.type):
        return epoch_ms(path, "timestamp", values(compute.cast(column, pyarrow.int64()), np.int64))[0]
    raise DataError(f"{path}: column timestamp: found {column.type}, allowed a time or epoch milliseconds")
