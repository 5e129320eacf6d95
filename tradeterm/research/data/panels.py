"""Panels of kept series, time-aligned and memory-mapped: the columns of a set of instruments are laid out once on disk,
beside the Parquet they come from, and only what is looked at is ever read again.

A layout lies in `<folder>/.columns/<key>/`, where the key is a hash of the contents it was made of: it cannot be stale,
only unused. It can be deleted at any time.
"""

import hashlib
import os
import shutil
import tempfile
import time
from collections.abc import Sequence
from contextlib import suppress
from pathlib import Path

import msgspec
import numpy as np
from msgspec import Struct
from numpy.typing import NDArray

from tradeterm.domain.errors import DataError
from tradeterm.domain.market import DAY_MS, INTERVALS_MS
from tradeterm.research.bars import Settlements
from tradeterm.research.data.calendar import ALWAYS, Hours, hours_of
from tradeterm.research.data.check import Finding
from tradeterm.research.data.manifest import read_hash
from tradeterm.research.data.moments import date
from tradeterm.research.data.notable import notable, sessions_held
from tradeterm.research.data.resample import can_resample, resample
from tradeterm.research.data.series import FUNDING, Series, find_series
from tradeterm.resources import demo_folder
from tradeterm.strategies.panel import Panel

Floats = NDArray[np.float64]
Stamps = NDArray[np.int64]
FIELDS = ("open", "high", "low", "close", "volume")
COLUMNS = ".columns"
LAYOUT = 2
"""Part of every key: changes when what is laid out does."""
MOST_KEPT = 8
MOST_ROWS = 20_000_000
"""Almost forty years of minutes: more rows than that come from a time that is wrong."""
_TIMES, _NOTES, _DRAFT = "ts_open", "notes.json", ".draft-"
_SETTLED = ("settled_ts", "settled_rate")
_ABANDONED_NS = 3600 * 10**9  # a draft of that age is of a process that was killed


class Notes(Struct, frozen=True):
    """What a layout was made of. Rows before `first` and from `stop` on have no bar; `settled` is how many settlements
    there are of each instrument (None: it has no funding); `report` says what was left out, `findings` what is notable
    of each instrument."""

    instruments: tuple[str, ...]
    interval_ms: int
    first: int
    stop: int
    settled: tuple[int | None, ...]
    report: tuple[str, ...]
    findings: tuple[tuple[str, Finding], ...]


class Loaded(Struct, frozen=True):
    """A panel; `settlements` are those of each instrument (None: it has no funding), of all time; `data_hash` names the
    contents (the same data, the same hash, in whatever order), `report` says what was left out; `findings` are what is
    notable of an instrument's bars, of all time."""

    panel: Panel
    settlements: tuple[Settlements | None, ...]
    data_hash: str
    report: tuple[str, ...]
    findings: tuple[tuple[str, Finding], ...]


class _Laid(Struct, frozen=True):
    """What a layout holds."""

    panel: Panel
    settlements: tuple[Settlements | None, ...]
    report: tuple[str, ...]
    findings: tuple[tuple[str, Finding], ...]


class _Part(Struct, frozen=True):
    """Where one instrument's column comes from."""

    bars: Series
    bars_hash: str
    funding: Series | None
    funding_hash: str


def load_panel(
    root: Path, symbols: Sequence[str], interval: str, start: int | None = None, end: int | None = None
) -> Panel:
    """The panel of `load`."""
    return load(root, symbols, interval, start, end).panel


def load(
    root: Path,
    symbols: Sequence[str],
    interval: str,
    start: int | None = None,
    end: int | None = None,
    *,
    cache: bool = True,
) -> Loaded:
    """Bars of `symbols` (SYMBOL or SYMBOL.VENUE) with start <= ts_open < end (UTC ms), from the folder of data `root`.

    Around the clock there is a row for every interval from the first bar to the last, with hours a row for every
    interval of each session in which any of the instruments traded; NaN where an instrument has no bar. Where the
    interval itself is not kept, it is joined from the longest shorter one that is. `funding` is the last rate settled
    at or before a row's close. The arrays are read-only and mapped from disk, an instrument's column in one piece;
    with `cache` they are kept beside the data, if it is not the bundled recording.
    Raises DataError where a series is missing or unusable, or the instruments keep different hours.
    """
    parts = [_part(root, symbol, interval) for symbol in symbols]
    if not parts:
        raise DataError("symbols: found none, allowed at least one")
    names = [part.bars.instrument for part in parts]
    twice = next((name for name in names if names.count(name) > 1), None)
    if twice:
        raise DataError(f"symbols: found {twice} twice, allowed once")
    hours = {hours_of(part.bars.venue) for part in parts}
    if len(hours) > 1:
        raise DataError(f"symbols: found {', '.join(names)}, which keep different trading hours, allowed one kind")
    key = _key(parts, interval)
    laid = _mapped(root, key, parts, interval, hours.pop(), cache and root != demo_folder())
    panel = laid.panel
    first, stop = np.searchsorted(panel.ts_open, [-(2**62) if start is None else start, 2**62 if end is None else end])
    if first >= stop:
        raise DataError(f"{', '.join(names)}: found no {interval} bars in the time asked for")
    digest = _digest(parts, interval, int(panel.ts_open[first]), int(panel.ts_open[stop - 1]))
    return Loaded(panel.window(int(first), int(stop)), laid.settlements, digest, laid.report, laid.findings)


def hash_of(root: Path, symbols: Sequence[str], interval: str, first: int, last: int) -> str:
    """The `data_hash` of a panel of `symbols`, in any order and however often each, whose first and last rows open
    then (UTC ms). Raises DataError where a series is missing."""
    return _digest([_part(root, symbol, interval) for symbol in sorted(set(symbols))], interval, first, last)


def _digest(parts: Sequence[_Part], interval: str, first: int, last: int) -> str:
    key = _key(sorted(parts, key=lambda part: part.bars.instrument), interval)
    return hashlib.sha256(f"{key} {first} {last}".encode()).hexdigest()


def _part(root: Path, symbol: str, interval: str) -> _Part:
    wanted = INTERVALS_MS.get(interval)
    if wanted is None:
        raise DataError(f"interval: found {interval[:60]!r}, allowed {', '.join(INTERVALS_MS)}")
    shorter = [name for name, length in INTERVALS_MS.items() if can_resample(length, wanted)]
    found = find_series(root, symbol, (interval, *reversed(shorter)))
    if not found:
        raise DataError(f"{symbol}: there are no {interval} bars in {root}; `tradeterm data list` shows what there is")
    bars = found[0]
    funding = bars.of(FUNDING)
    has_funding = funding.path.is_file()
    return _Part(bars, read_hash(bars), funding if has_funding else None, read_hash(funding) if has_funding else "")


def _key(parts: Sequence[_Part], interval: str) -> str:
    facts = [(part.bars.instrument, part.bars.kind, part.bars_hash, part.funding_hash) for part in parts]
    return hashlib.sha256(msgspec.json.encode((LAYOUT, interval, facts))).hexdigest()


def _mapped(root: Path, key: str, parts: Sequence[_Part], interval: str, hours: Hours, cache: bool) -> _Laid:
    """What is in the layout `key`, laid out now where it is missing or damaged."""
    kept = root / COLUMNS / key[:32]
    if cache:
        found = _open(kept)
        if found is not None:
            return found
    home = _home(root) if cache else None
    with tempfile.TemporaryDirectory(prefix=_DRAFT, dir=home, ignore_cleanup_errors=True) as draft:
        made = Path(draft) / "columns"
        try:
            made.mkdir()
            _lay_out(made, parts, INTERVALS_MS[interval], hours)
            if home is not None:
                _put_in_place(made, kept)
        except OSError as error:
            raise DataError(f"{error.filename or made}: cannot be written: {error.strerror or error}") from None
        found = _open(kept) if home is not None else _open(made)  # a mapping outlives the file's name
    if found is None:
        raise DataError(f"{kept}: was laid out and cannot be read back")
    return found


def _home(root: Path) -> Path | None:
    """The folder of layouts, None where nothing can be written there: then a layout lives as long as its panel."""
    try:
        (root / COLUMNS).mkdir(mode=0o700, exist_ok=True)
    except OSError:
        return None
    return root / COLUMNS if os.access(root / COLUMNS, os.W_OK | os.X_OK) else None


def _open(folder: Path) -> _Laid | None:
    """A layout; None where it is not there, not whole or not of this form."""
    try:
        notes = msgspec.json.decode((folder / _NOTES).read_bytes(), type=Notes)
        ts_open: Stamps = np.asarray(np.load(folder / f"{_TIMES}.npy", mmap_mode="r"))
        shape = (len(notes.instruments), ts_open.shape[0])
        columns: dict[str, Floats] = {field: _map(folder, field) for field in FIELDS}
        has_funding = any(count is not None for count in notes.settled)
        columns["funding"] = _map(folder, "funding") if has_funding else np.broadcast_to(np.nan, shape)
        settlements = _settlements(folder, notes.settled) if has_funding else (None,) * len(notes.settled)
    except (OSError, ValueError, msgspec.DecodeError):
        return None
    if any(column.shape != shape or column.dtype != np.float64 for column in columns.values()):
        return None
    panel = Panel(
        instruments=notes.instruments,
        interval_ms=notes.interval_ms,
        ts_open=ts_open,
        open=columns["open"].T,
        high=columns["high"].T,
        low=columns["low"].T,
        close=columns["close"].T,
        volume=columns["volume"].T,
        funding=columns["funding"].T,
    )
    with suppress(OSError):  # in somebody else's folder it may be looked at, not marked
        os.utime(folder)
    return _Laid(panel.window(notes.first, notes.stop), settlements, notes.report, notes.findings)


def _settlements(folder: Path, counts: Sequence[int | None]) -> tuple[Settlements | None, ...]:
    """They lie one instrument after the other. Raises ValueError where they are not as many as there should be."""
    ts, rate = (np.load(folder / f"{name}.npy") for name in _SETTLED)
    sizes = [count or 0 for count in counts]
    if ts.shape != rate.shape or ts.shape != (sum(sizes),):
        raise ValueError(f"found {ts.shape} settlements, allowed {sum(sizes)}")
    ends = np.cumsum(sizes).tolist()
    parts = zip(counts, ends, strict=True)
    return tuple(
        None if count is None else Settlements(ts[end - count : end], rate[end - count : end]) for count, end in parts
    )


def _map(folder: Path, name: str) -> Floats:
    return np.asarray(np.load(folder / f"{name}.npy", mmap_mode="r"))


def _lay_out(folder: Path, parts: Sequence[_Part], interval_ms: int, hours: Hours) -> None:
    """Write the columns, one instrument after the other: memory is needed for one alone."""
    report: list[str] = []
    findings: list[tuple[str, Finding]] = []
    spans = [_span(part, interval_ms, hours) for part in parts]
    ts_open = _rows(spans, interval_ms, hours)
    market_days = None if hours is ALWAYS else sessions_held([hours.day(span) for span in spans])
    first, stop = ts_open.size, 0
    np.save(folder / f"{_TIMES}.npy", ts_open)
    has_funding = any(part.funding for part in parts)
    names = (*FIELDS, "funding") if has_funding else FIELDS
    settled: list[Settlements | None] = []
    files = {name: (folder / f"{name}.npy").open("wb") for name in names}
    header = {"descr": "<f8", "fortran_order": False, "shape": (len(parts), ts_open.size)}
    try:
        for file in files.values():
            np.lib.format.write_array_header_1_0(file, header)
        for part in parts:
            ts, columns, said = _bars(part.bars, interval_ms, hours)
            report += said
            seen = notable(ts, np.column_stack(columns), interval_ms, hours, market_days)
            findings += [(part.bars.instrument, finding) for finding in seen]
            at = np.searchsorted(ts_open, ts)
            first, stop = min(first, int(at[0])), max(stop, int(at[-1]) + 1)
            for name, values in zip(FIELDS, columns, strict=True):
                column = np.full(ts_open.size, np.nan)
                column[at] = values
                column.tofile(files[name])
            settled.append(_settled(part, report))
            if has_funding:
                _rates(settled[-1], ts_open + interval_ms).tofile(files["funding"])
    finally:
        for file in files.values():
            file.close()
    known = [each for each in settled if each is not None]
    if known:
        for name, parted in zip(_SETTLED, zip(*known, strict=True), strict=True):
            np.save(folder / f"{name}.npy", np.concatenate(parted))
    instruments = tuple(part.bars.instrument for part in parts)
    counts = tuple(None if each is None else len(each.ts) for each in settled)
    notes = Notes(instruments, interval_ms, first, stop, counts, tuple(report), tuple(findings))
    (folder / _NOTES).write_bytes(msgspec.json.encode(notes))


def _span(part: _Part, interval_ms: int, hours: Hours) -> Stamps:
    """Opening times between which an instrument's bars lie; with hours, the opening of each of its sessions."""
    from tradeterm.research.data.store import read_timestamps

    ts = read_timestamps(part.bars)
    if ts.size == 0:
        raise DataError(f"{part.bars.path}: found no bars, allowed at least one")
    if hours is ALWAYS:
        return np.array([ts.min(), ts.max()]) // interval_ms * interval_ms
    return np.unique(hours.day(ts)) * DAY_MS + hours.open_ms


def _rows(spans: Sequence[Stamps], interval_ms: int, hours: Hours) -> Stamps:
    known = np.unique(np.concatenate(spans))
    if (known[-1] - known[0]) // interval_ms > MOST_ROWS:
        raise DataError(
            f"found bars from {date(int(known[0]))} to {date(int(known[-1]))}, allowed {MOST_ROWS} intervals"
        )
    if hours is ALWAYS:
        return np.arange(known[0], known[-1] + 1, interval_ms)
    within = np.arange(hours.slots(interval_ms)) * interval_ms
    return np.asarray((known[:, None] + within).ravel())


def _bars(series: Series, interval_ms: int, hours: Hours) -> tuple[Stamps, list[Floats], list[str]]:
    """Checked bars of the interval wanted, a column a field, and what was left out of them."""
    from tradeterm.feeds.recording import checked_bars
    from tradeterm.research.data.store import read_series

    found = checked_bars(series.path, *read_series(series), series.interval_ms, hours.open_ms)
    ts, columns = found.ts_open, [found.open, found.high, found.low, found.close, found.volume]
    said = [f"{series.instrument}: {line.removeprefix(f'{series.path.name}: ')}" for line in found.report]
    outside = hours.outside(ts)
    if outside.any():
        said.append(f"{series.instrument}: left out {int(outside.sum())} bars outside trading hours")
        ts, columns = ts[~outside], [column[~outside] for column in columns]
    if series.interval_ms != interval_ms:
        joined = resample(ts, np.column_stack(columns), series.interval_ms, interval_ms, hours)
        ts, columns = joined.ts_open, list(joined.values.T)
        if joined.dropped:
            said.append(f"{series.instrument}: left out {joined.dropped} bars of which {series.kind} parts are missing")
    if ts.size == 0:
        raise DataError(f"{series.path}: no bar is left: {'; '.join(said)}")
    return ts, columns, said


def _settled(part: _Part, report: list[str]) -> Settlements | None:
    """What was settled, checked; None without a file of it."""
    from tradeterm.feeds.recording import checked_funding
    from tradeterm.research.data.store import read_series

    if part.funding is None:
        return None
    ts, values = read_series(part.funding)
    settled = checked_funding(part.funding.path, ts, values[:, 0])
    name = f"{part.funding.path.name}: "
    report += [f"{part.funding.instrument} funding: {line.removeprefix(name)}" for line in settled.report]
    return Settlements(settled.ts, settled.rate)


def _rates(settled: Settlements | None, closes: Stamps) -> Floats:
    """The last rate settled at or before each close; NaN before the first."""
    if settled is None or settled.ts.size == 0:
        return np.full(closes.size, np.nan)
    last = np.searchsorted(settled.ts, closes, side="right") - 1
    return np.where(last >= 0, settled.rate[np.maximum(last, 0)], np.nan)


def _put_in_place(made: Path, kept: Path) -> None:
    """Give the layout its name in one step; another process may have been quicker, or a damaged one be in the way."""
    try:
        made.rename(kept)
    except OSError:
        if _open(kept) is not None:
            return
        shutil.rmtree(kept, ignore_errors=True)
        made.rename(kept)
    layouts = sorted(kept.parent.iterdir(), key=_used, reverse=True)
    left = [path for path in layouts if path.name.startswith(_DRAFT) and time.time_ns() - _used(path) > _ABANDONED_NS]
    old = [path for path in layouts if not path.name.startswith(".")][MOST_KEPT:]
    for path in (*old, *left):
        shutil.rmtree(path, ignore_errors=True)


def _used(path: Path) -> int:
    try:
        return path.stat().st_mtime_ns
    except FileNotFoundError:
        return 0
