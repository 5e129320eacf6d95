"""What is known of a kept file without opening it: a small JSON beside it, which a mere look can tell to be stale."""

import hashlib
import os
from pathlib import Path

import msgspec
from msgspec import Struct

from tradeterm.domain.errors import DataError
from tradeterm.research.data.series import Series

FORMAT = 1
METADATA_KEY = b"tradeterm"
"""Under this key the Parquet file carries its sources itself: a kill between file and manifest loses nothing."""
MOST_SOURCES = 50


class Source(Struct, frozen=True, kw_only=True):
    """One import: from where (a file, or `bybit:BTCUSDT`), when (ISO, UTC), rows given, and what was done to them."""

    source: str
    imported: str
    rows: int
    repaired: tuple[str, ...] = ()


class Manifest(Struct, frozen=True, kw_only=True):
    """Facts of one kept file; times are UTC ms. `size` and `mtime_ns` tell whether it still is that file."""

    format: int = FORMAT
    venue: str
    interval: str
    symbol: str
    rows: int
    first: int
    last: int
    sha256: str
    size: int
    mtime_ns: int
    sources: tuple[Source, ...] = ()


def read_manifest(series: Series) -> Manifest:
    """The manifest, made anew from the file where it is missing or of another file. Raises DataError."""
    return _noted(series) or make_manifest(series)


def read_hash(series: Series) -> str:
    """sha256 of the file, read only where the manifest is missing or of another file. Raises DataError."""
    known = _noted(series)
    return known.sha256 if known else file_hash(series.path)


def _noted(series: Series) -> Manifest | None:
    """The manifest beside the file, None where it does not tell of this very file: it is only a note."""
    try:
        stat = series.path.stat()
    except OSError as error:
        raise DataError(f"{series.path}: cannot be read: {error.strerror}") from None
    try:
        known = msgspec.json.decode(series.manifest.read_bytes(), type=Manifest)
    except (OSError, msgspec.DecodeError, UnicodeDecodeError):
        return None
    return known if (known.format, known.size, known.mtime_ns) == (FORMAT, stat.st_size, stat.st_mtime_ns) else None


def make_manifest(series: Series) -> Manifest:
    """The facts as the file itself tells them."""
    rows, first, last, sources = _facts(series.path)
    stat = series.path.stat()
    return Manifest(
        venue=series.venue,
        interval=series.kind,
        symbol=series.symbol,
        rows=rows,
        first=first,
        last=last,
        sha256=file_hash(series.path),
        size=stat.st_size,
        mtime_ns=stat.st_mtime_ns,
        sources=sources,
    )


def file_hash(path: Path) -> str:
    """sha256 of a file's bytes. Raises DataError."""
    try:
        with path.open("rb") as file:
            return hashlib.file_digest(file, "sha256").hexdigest()
    except OSError as error:
        raise DataError(f"{path}: cannot be read: {error.strerror}") from None


def with_source(sources: tuple[Source, ...], new: Source) -> tuple[Source, ...]:
    """A source that comes again takes the place of its earlier import; the newest are kept."""
    return (*(known for known in sources if known.source != new.source), new)[-MOST_SOURCES:]


def write_atomic(path: Path, data: bytes) -> None:
    """Put a whole file in place in one step."""
    draft = path.with_name(f".{path.name}.{os.getpid()}.tmp")
    try:
        with draft.open("wb") as file:
            file.write(data)
            file.flush()
            os.fsync(file.fileno())
        draft.replace(path)
    finally:
        draft.unlink(missing_ok=True)


def _facts(path: Path) -> tuple[int, int, int, tuple[Source, ...]]:
    """Rows, first and last time, and the sources a Parquet file of ours carries."""
    from pyarrow import parquet

    from tradeterm.feeds.table import plainly, read_table
    from tradeterm.research.data.times import read_times

    with plainly(path):
        table = read_table(path, only="timestamp")
        if "timestamp" not in table.names or table.rows == 0:
            raise DataError(f"{path}: column timestamp: found no times, allowed one a row")
        ts = read_times(path, "timestamp", table.column(table.names.index("timestamp"))).ts
        carried = (parquet.read_schema(path).metadata or {}).get(METADATA_KEY, b"[]")
    try:
        sources = msgspec.json.decode(carried, type=tuple[Source, ...])
    except msgspec.DecodeError:
        sources = ()
    return int(ts.size), int(ts.min()), int(ts.max()), sources
