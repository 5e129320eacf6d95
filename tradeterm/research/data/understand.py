"""What a foreign file says: whose rows, in which columns, at what times. Nothing is repaired and nothing is kept."""

from pathlib import Path
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

import msgspec
import numpy as np
from msgspec import Struct
from numpy.typing import NDArray

from tradeterm.domain.errors import DataError
from tradeterm.domain.instrument import Calendar
from tradeterm.domain.market import DAY_MS, INTERVALS_MS
from tradeterm.feeds.table import Table, numbers, plainly, read_table
from tradeterm.research.data.calendar import NSE, Hours, hours_of
from tradeterm.research.data.mapping import BARS, Mapping, guess_mapping
from tradeterm.research.data.naming import clean_symbol, guess_interval, guess_symbol, guess_venue
from tradeterm.research.data.series import FUNDING
from tradeterm.research.data.times import Times, localise, read_clock, read_times, shown_twice

Floats = NDArray[np.float64]
Stamps = NDArray[np.int64]


class Wishes(Struct, frozen=True, kw_only=True):
    """What the person said about the files; "" and {} where it is to be guessed."""

    venue: str = ""
    symbol: str = ""
    interval: str = ""
    columns: dict[str, str] = {}
    timezone: str = ""


class Understood(Struct, frozen=True, kw_only=True):
    """The rows of one instrument. `ts` is UTC ms; `values` is (rows, 5) of open, high, low, close, volume, or (rows, 1)
    of rates where `interval` is "funding". `venue` and `symbol` are "" where nothing tells them. `mapping` is field →
    column; `zone` is what clocks were taken for ("UTC" where times name their zone)."""

    path: Path
    venue: str
    symbol: str
    interval: str
    style: str
    mapping: dict[str, str]
    times: str
    zone: str
    ts: Stamps
    values: Floats
    remarks: tuple[str, ...]

    @property
    def hours(self) -> Hours:
        return hours_of(self.venue)

    @property
    def is_funding(self) -> bool:
        return self.interval == FUNDING


def understand(path: Path, wishes: Wishes) -> Understood:
    """Read one file. Raises DataError, one sentence naming file and column, for what has no one meaning."""
    with plainly(path):
        return _understand(path, wishes)


def _understand(path: Path, wishes: Wishes) -> Understood:
    _check_wishes(wishes)
    table = read_table(path)
    if table.rows == 0:
        raise DataError(f"{path}: found no rows, allowed at least one")
    mapping = guess_mapping(table, wishes.columns)
    table, symbol = _of_symbol(table, mapping, wishes.symbol)
    symbol = symbol or clean_symbol(wishes.symbol or table.ticker.split(".")[0]) or guess_symbol(path)
    venue = (wishes.venue or guess_venue(path, mapping.style, table.ticker)).lower()
    hours, times = hours_of(venue), _times(table, mapping)
    zone, ts = _in_utc(times, hours, wishes.timezone)
    twice = None if times.zoned or zone == "UTC" else shown_twice(times.ts, zone)
    if twice is not None:
        raise DataError(
            f"{path}: column {table.names[mapping.columns['ts']]}: found {twice:%Y-%m-%d %H:%M} twice: clocks in "
            f"{zone} go back then and show that hour again; allowed times in UTC, or with an offset such as +02:00"
        )
    remarks: list[str] = []
    if mapping.is_funding:
        interval, values = FUNDING, _numbers(table, mapping, ("rate",))
    else:
        interval, values = _interval(path, ts, wishes.interval), _numbers(table, mapping, BARS[1:])
        if "volume" not in mapping.columns:
            remarks.append("there is no volume; 0 stands for it")
        ts, moved = _dated(ts, interval, hours)
        if moved:
            remarks.append(f"{moved} daily bars were stamped at the session's opening")
    return Understood(
        path=path,
        venue=venue,
        symbol=symbol,
        interval=interval,
        style=mapping.style,
        mapping=mapping.shown(table),
        times=times.how,
        zone=zone,
        ts=ts,
        values=values,
        remarks=tuple(remarks),
    )


def _check_wishes(wishes: Wishes) -> None:
    if wishes.interval and wishes.interval not in INTERVALS_MS:
        raise DataError(f"--interval: found {wishes.interval[:60]!r}, allowed {', '.join(INTERVALS_MS)}")
    if wishes.timezone:
        try:
            ZoneInfo(wishes.timezone)
        except (ZoneInfoNotFoundError, ValueError, OSError):
            raise DataError(
                f"--timezone: found {wishes.timezone[:60]!r}, allowed a name such as Asia/Kolkata or UTC"
            ) from None


def _of_symbol(table: Table, mapping: Mapping, wanted: str) -> tuple[Table, str]:
    """The rows of one symbol where a column names it, and its name ("" where none does)."""
    import pyarrow
    from pyarrow import compute, types

    if mapping.symbol is None:
        return table, ""
    column = table.column(mapping.symbol)
    if not (types.is_string(column.type) or types.is_large_string(column.type)):
        return table, ""
    known = [name for name in compute.unique(column).to_pylist() if name]
    if len(known) == 1:
        return table, clean_symbol(wanted or known[0])
    match = next((name for name in known if clean_symbol(name) == clean_symbol(wanted)), None) if wanted else None
    if match is None:
        shown = ", ".join(name[:20] for name in known[:5]) + (", …" if len(known) > 5 else "")
        raise DataError(
            f"{table.path}: column {table.names[mapping.symbol]}: found {len(known)} symbols ({shown}), "
            "allowed one; name it with --symbol"
        )
    rows = compute.equal(column, pyarrow.scalar(match, column.type))
    return msgspec.structs.replace(table, arrow=table.arrow.filter(rows)), clean_symbol(match)


def _times(table: Table, mapping: Mapping) -> Times:
    index = mapping.columns["ts"]
    times = read_times(table.path, table.names[index], table.column(index))
    if mapping.clock is None or times.zoned or (times.ts % DAY_MS).any():
        return times
    clock = read_clock(table.path, table.names[mapping.clock], table.column(mapping.clock))
    return Times(times.ts + clock, False, "dates and times of day")


def _in_utc(times: Times, hours: Hours, wanted: str) -> tuple[str, Stamps]:
    """What zone the times were taken for, and the times in UTC."""
    if times.zoned:
        return "UTC", times.ts
    zone = wanted or "UTC"
    if not wanted and hours.calendar is Calendar.NSE:
        # Clocks in Indian files show Indian time, unless the bars fill the session as UTC has it and not as India does.
        intraday = (times.ts % DAY_MS).any()
        fits_utc = not hours.outside(times.ts).any()
        fits_india = not hours.outside(times.ts - hours.offset_ms).any()
        zone = "UTC" if intraday and fits_utc and not fits_india else hours.zone
    return zone, localise(times.ts, zone) if zone != "UTC" else times.ts


def _interval(path: Path, ts: Stamps, wanted: str) -> str:
    """The interval the bars are apart, by their most frequent distance."""
    steps = np.diff(np.unique(ts))
    if steps.size == 0:
        found = wanted or guess_interval(path)
        if found not in INTERVALS_MS:
            raise DataError(f"{path}: one bar tells no interval; name it with --interval, such as --interval 5m")
        return found
    sizes, counts = np.unique(steps, return_counts=True)
    step = int(sizes[np.argmax(counts)])
    found = next((name for name, length in INTERVALS_MS.items() if length == step), "")
    if not found or (wanted and found != wanted):
        shown = found or (f"{step / DAY_MS:g} d" if step >= DAY_MS else f"{step / 1000:g} s")
        allowed = f"{wanted}, which --interval says" if wanted else ", ".join(INTERVALS_MS)
        raise DataError(f"{path}: found bars {shown} apart, allowed {allowed}")
    return found


def _numbers(table: Table, mapping: Mapping, fields: tuple[str, ...]) -> Floats:
    """A column a field; 0 for a volume that is not there."""
    at = mapping.columns
    columns = [
        numbers(table.path, table.names[at[field]], table.column(at[field])) if field in at else np.zeros(table.rows)
        for field in fields
    ]
    return np.column_stack(columns)


def _dated(ts: Stamps, interval: str, hours: Hours) -> tuple[Stamps, int]:
    """Daily bars of an exchange with hours are stamped at its opening, whatever hour the file gave their date; and how
    many that moved."""
    if interval != "1d" or hours is not NSE:
        return ts, 0
    opening = hours.date(ts) * DAY_MS + hours.open_ms
    return opening, int((opening != ts).sum())
