"""Which series there are in a folder of data, and where each is kept: `<folder>/<venue>/<interval>/<symbol>.parquet`.

Funding settlements lie in `<venue>/funding/`, contract facts in `<venue>/instruments.toml`. A folder that is itself a
venue's (`<folder>/<interval>/…`) is read as one. Nothing here reads a table, so that a listing is quick.
"""

import os
import re
from pathlib import Path

from msgspec import Struct

from tradeterm.domain.errors import DataError
from tradeterm.domain.market import INTERVALS_MS

FUNDING = "funding"
SUFFIX = ".parquet"
INSTRUMENTS = "instruments.toml"
_SYMBOL = re.compile(r"[A-Z0-9][A-Z0-9&._-]{0,39}", re.IGNORECASE)
_VENUE = re.compile(r"[a-z0-9][a-z0-9_-]{0,31}")


class Series(Struct, frozen=True):
    """Bars (`kind` an interval such as "5m") or settlements (`kind` "funding") of one symbol at one venue."""

    venue: str
    kind: str
    symbol: str
    folder: Path
    """The venue's folder."""

    @property
    def path(self) -> Path:
        return self.folder / self.kind / f"{self.symbol}{SUFFIX}"

    @property
    def manifest(self) -> Path:
        return self.path.with_suffix(".json")

    @property
    def instrument(self) -> str:
        return f"{self.symbol}.{self.venue.upper()}"

    @property
    def interval_ms(self) -> int:
        """0 for funding."""
        return INTERVALS_MS.get(self.kind, 0)

    def of(self, kind: str) -> "Series":
        """Another series of the same instrument."""
        return Series(self.venue, kind, self.symbol, self.folder)


def series_at(root: Path, venue: str, kind: str, symbol: str) -> Series:
    """The series of that name, there or not. Raises DataError for names that cannot be kept as files."""
    if not _VENUE.fullmatch(venue):
        raise DataError(f"venue: found {venue[:60]!r}, allowed 1 to 32 of a-z, 0-9, _ and -")
    if not _SYMBOL.fullmatch(symbol):
        raise DataError(f"symbol: found {symbol[:60]!r}, allowed 1 to 40 of letters, digits, &, ., _ and -")
    if kind not in INTERVALS_MS and kind != FUNDING:
        raise DataError(f"interval: found {kind[:60]!r}, allowed {', '.join(INTERVALS_MS)}")
    return Series(venue, kind, symbol, root / venue)


def all_series(root: Path) -> list[Series]:
    """Every series of the folder by venue, interval and symbol; [] where there is no such folder."""
    found = []
    for folder in (root, *_folders(root)):
        for kind in (*INTERVALS_MS, FUNDING):
            names = sorted(name for name in _files(folder / kind) if name.endswith(SUFFIX))
            venue = folder.name if folder != root else folder.absolute().name
            found += [Series(venue.lower(), kind, name.removesuffix(SUFFIX), folder) for name in names]
    return found


def find_series(root: Path, name: str, kinds: tuple[str, ...]) -> list[Series]:
    """The series that `name` (SYMBOL or SYMBOL.VENUE, in any case) means, of the first of `kinds` there is.

    Raises DataError where the name means instruments of several venues.
    """
    wanted = name.upper()
    known = [
        series
        for series in all_series(root)
        if wanted in (series.symbol.upper(), series.instrument.upper()) and series.kind in kinds
    ]
    instruments = sorted({series.instrument for series in known})
    if len(instruments) > 1:
        raise DataError(f"{name}: found {' and '.join(instruments)}, allowed one; name the venue with the symbol")
    return sorted(known, key=lambda series: kinds.index(series.kind))


def _folders(root: Path) -> list[Path]:
    try:
        with os.scandir(root) as entries:
            return sorted(Path(entry) for entry in entries if entry.is_dir() and not entry.name.startswith("."))
    except (FileNotFoundError, NotADirectoryError):
        return []


def _files(folder: Path) -> list[str]:
    try:
        with os.scandir(folder) as entries:
            return [entry.name for entry in entries if entry.is_file() and not entry.name.startswith(".")]
    except (FileNotFoundError, NotADirectoryError):
        return []
