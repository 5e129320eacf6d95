"""Writing into a folder of data: merged with what is there, in one step, by one process at a time."""

import hashlib
import os
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import msgspec
import numpy as np
from msgspec import Struct
from numpy.typing import NDArray

from tradeterm.domain.errors import DataError
from tradeterm.research.data.manifest import (
    METADATA_KEY,
    Manifest,
    Source,
    make_manifest,
    read_manifest,
    with_source,
    write_atomic,
)
from tradeterm.research.data.moments import utc
from tradeterm.research.data.series import FUNDING, Series

Floats = NDArray[np.float64]
Stamps = NDArray[np.int64]
BAR_COLUMNS = ("open", "high", "low", "close", "volume")
FUNDING_COLUMNS = ("funding_rate",)
_LOCK = ".lock"
_LOCK_PATIENCE_S = 120.0


class Merged(Struct, frozen=True):
    """What a merge did: rows kept afterwards, and of those given, how many are new, the same as before, replaced."""

    rows: int
    added: int
    same: int
    replaced: int


def columns_of(series: Series) -> tuple[str, ...]:
    return FUNDING_COLUMNS if series.kind == FUNDING else BAR_COLUMNS


def merge(
    root: Path, series: Series, ts: Stamps, values: Floats, source: Source, *, replace: bool, dry_run: bool = False
) -> Merged:
    """Join rows, in time order and checked, with those that are kept; the file changes in one step or not at all.

    Raises DataError where a row differs from the kept one of its time and `replace` is not set: then nothing changes.
    """
    if dry_run:
        return _joined(series, ts, values, source.source, replace)[0]
    with locked(root):
        merged, all_ts, all_values = _joined(series, ts, values, source.source, replace)
        if merged.added or merged.replaced:
            known = read_manifest(series).sources if series.path.exists() else ()
            write_series(series, all_ts, all_values, with_source(known, source))
        elif not series.manifest.exists():
            write_atomic(series.manifest, msgspec.json.encode(make_manifest(series)))
        return merged


def _joined(series: Series, ts: Stamps, values: Floats, source: str, replace: bool) -> tuple[Merged, Stamps, Floats]:
    if not series.path.exists():
        return Merged(ts.size, ts.size, 0, 0), ts, values
    old_ts, old = read_series(series)
    _, mine, theirs = np.intersect1d(old_ts, ts, assume_unique=True, return_indices=True)
    differs = (old[mine] != values[theirs]).any(axis=1)
    changed = int(differs.sum())
    if changed and not replace:
        row = int(np.flatnonzero(differs)[0])
        column = int(np.flatnonzero(old[mine[row]] != values[theirs[row]])[0])
        raise DataError(
            f"{source}: {series.symbol} {series.kind} at {utc(int(ts[theirs[row]]))} UTC: "
            f"{columns_of(series)[column]} is {values[theirs[row], column]:.15g} here and "
            f"{old[mine[row], column]:.15g} in {series.path} ({changed} of {mine.size} rows in both differ); "
            "--replace takes the new ones"
        )
    fresh = np.ones(ts.size, dtype=np.bool_)
    fresh[theirs] = False
    kept = old.copy()
    kept[mine] = values[theirs]
    all_ts = np.concatenate([old_ts, ts[fresh]])
    order = np.argsort(all_ts, kind="stable")
    merged = Merged(all_ts.size, int(fresh.sum()), mine.size - changed, changed)
    return merged, all_ts[order], np.concatenate([kept, values[fresh]])[order]


def read_series(series: Series) -> tuple[Stamps, Floats]:
    """A kept file as it is: times (UTC ms) and a column a field. Raises DataError for what cannot be read."""
    from tradeterm.feeds.table import numbers, plainly

    ts, names = read_timestamps(series), columns_of(series)
    values = np.empty((ts.size, len(names)), order="F")  # a column is one piece: nobody need copy it later
    with plainly(series.path):
        for i, name in enumerate(names):  # one at a time: memory is needed for one alone
            values[:, i] = numbers(series.path, name, _column(series, name))
    return ts, values


def read_timestamps(series: Series) -> Stamps:
    """The times of a kept file alone."""
    from tradeterm.feeds.table import plainly
    from tradeterm.research.data.times import read_times

    with plainly(series.path):
        return read_times(series.path, "timestamp", _column(series, "timestamp")).ts


def _column(series: Series, name: str) -> Any:
    from tradeterm.feeds.table import read_table

    table = read_table(series.path, only=name)
    if name not in table.names:
        found = ", ".join(read_table(series.path).names) or "no columns"
        allowed = ", ".join(("timestamp", *columns_of(series)))
        raise DataError(f"{series.path}: column {name}: found only {found}, allowed {allowed}")
    return table.column(table.names.index(name))


def write_series(series: Series, ts: Stamps, values: Floats, sources: tuple[Source, ...]) -> Manifest:
    """Put the file in place, then its manifest; the folder's lock must be held."""
    import pyarrow
    from pyarrow import parquet

    folder = series.path.parent
    folder.mkdir(parents=True, exist_ok=True)
    for left in folder.glob(".*.tmp"):  # of a process that was killed: the lock is ours
        left.unlink(missing_ok=True)
    stamps = pyarrow.array(ts, pyarrow.int64()).cast(pyarrow.timestamp("ms", tz="UTC"))
    columns = {name: pyarrow.array(values[:, i]) for i, name in enumerate(columns_of(series))}
    table = pyarrow.table({"timestamp": stamps, **columns})
    table = table.replace_schema_metadata({METADATA_KEY: msgspec.json.encode(sources)})
    draft = folder / f".{series.symbol}.{os.getpid()}.tmp"
    try:
        parquet.write_table(table, draft, compression="zstd")
        with draft.open("rb") as file:
            digest = hashlib.file_digest(file, "sha256").hexdigest()
            os.fsync(file.fileno())
        stat = draft.stat()
        draft.replace(series.path)
    except (OSError, pyarrow.ArrowException) as error:
        reason = getattr(error, "strerror", None) or str(error).splitlines()[0]
        raise DataError(f"{series.path}: cannot be written: {reason}") from None
    finally:
        draft.unlink(missing_ok=True)
    manifest = Manifest(
        venue=series.venue,
        interval=series.kind,
        symbol=series.symbol,
        rows=int(ts.size),
        first=int(ts[0]),
        last=int(ts[-1]),
        sha256=digest,
        size=stat.st_size,
        mtime_ns=stat.st_mtime_ns,
        sources=sources,
    )
    write_atomic(series.manifest, msgspec.json.encode(manifest))
    return manifest


@contextmanager
def locked(root: Path) -> Iterator[None]:
    """Alone in the folder, waiting while another process writes there. Raises DataError after two minutes."""
    import fcntl

    root.mkdir(parents=True, exist_ok=True, mode=0o700)
    descriptor = os.open(root / _LOCK, os.O_RDWR | os.O_CREAT, 0o600)
    try:
        give_up = time.monotonic() + _LOCK_PATIENCE_S
        while True:
            try:
                fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
                break
            except BlockingIOError:
                if time.monotonic() > give_up:
                    raise DataError(f"{root}: another process has been writing there for two minutes") from None
                time.sleep(0.02)
        yield
    finally:
        os.close(descriptor)
