"""One foreign file brought into the store: understood, checked, merged; every step said."""

import os
from pathlib import Path

import numpy as np
from msgspec import Struct

from tradeterm.domain.errors import DataError
from tradeterm.feeds.recording import checked_bars, checked_funding, sane_bars
from tradeterm.feeds.table import CSV, FEATHER, PARQUET
from tradeterm.research.data.calendar import ALWAYS
from tradeterm.research.data.manifest import Source
from tradeterm.research.data.moments import now
from tradeterm.research.data.series import Series, series_at
from tradeterm.research.data.store import merge
from tradeterm.research.data.understand import Floats, Stamps, Understood, Wishes, understand

SUFFIXES = (*PARQUET, *FEATHER, *CSV)
MOST_WRONG = 0.01
"""A file of which more than this share cannot be right is refused: then it is rather misunderstood than damaged."""


class Imported(Struct, frozen=True, kw_only=True):
    """What became of one source. Times are UTC ms; `mapping` is field → column; `zone` is what clocks were taken for.
    Of the rows given, `added` are new, `same` were there already and `replaced` were there otherwise."""

    source: str
    path: str
    instrument: str
    interval: str
    style: str
    mapping: dict[str, str]
    times: str
    zone: str
    rows: int
    first: int
    last: int
    added: int
    same: int
    replaced: int
    repaired: tuple[str, ...]


def import_file(root: Path, path: Path, wishes: Wishes, *, replace: bool = False, dry_run: bool = False) -> Imported:
    """Import one file of bars or settlements into the folder `root`; `dry_run` tells what would become of it.

    Raises DataError, one sentence naming file and column, for whatever cannot be understood without guessing wrongly.
    """
    said = understand(path, wishes)
    if not said.symbol:
        raise DataError(f"{path}: the name tells no symbol; name it with --symbol")
    if not said.venue:
        raise DataError(f"{path}: nothing in it tells the venue; name it with --venue, such as --venue binance")
    series = series_at(root, said.venue, said.interval, said.symbol)
    ts, values, report = _checked(said, series)
    if ts.size == 0:
        raise DataError(f"{path}: no row is left after the checks: {'; '.join(report)}")
    repaired = (*said.remarks, *(line.removeprefix(f"{path.name}: ") for line in report))
    source = Source(source=str(path.absolute()), imported=now(), rows=int(ts.size), repaired=repaired)
    merged = merge(root, series, ts, values, source, replace=replace, dry_run=dry_run)
    return Imported(
        source=str(path),
        path=str(series.path),
        instrument=series.instrument,
        interval=series.kind,
        style=said.style,
        mapping=said.mapping,
        times=said.times,
        zone=said.zone,
        rows=int(ts.size),
        first=int(ts[0]),
        last=int(ts[-1]),
        added=merged.added,
        same=merged.same,
        replaced=merged.replaced,
        repaired=repaired,
    )


def data_files(folder: Path) -> list[Path]:
    """The tables of a folder and the folders in it, in order; a link to a folder is not followed."""
    found = []
    for where, names, files in os.walk(folder):
        names[:] = sorted(name for name in names if not name.startswith("."))
        known = sorted(name for name in files if not name.startswith(".") and name.lower().endswith(SUFFIXES))
        found += [Path(where) / name for name in known]
    return found


def _checked(said: Understood, series: Series) -> tuple[Stamps, Floats, tuple[str, ...]]:
    """The rows in order, without those that cannot be right, and what was done. Raises DataError for nonsense."""
    if said.is_funding:
        funding = checked_funding(said.path, said.ts, said.values[:, 0])
        return funding.ts, funding.rate[:, None], funding.report
    _refuse_nonsense(said, series)
    bars = checked_bars(said.path, said.ts, said.values, series.interval_ms, said.hours.open_ms)
    values = np.column_stack([bars.open, bars.high, bars.low, bars.close, bars.volume])
    return bars.ts_open, values, bars.report


def _refuse_nonsense(said: Understood, series: Series) -> None:
    ts, most = said.ts, MOST_WRONG * said.ts.size
    wrong = int((~sane_bars(said.values)).sum())
    if wrong > most:
        raise DataError(
            f"{said.path}: {wrong} of {ts.size} bars have prices or a volume that cannot be right; "
            "if columns are mistaken, name them with --columns"
        )
    off = int(((ts - said.hours.open_ms) % series.interval_ms != 0).sum())
    if off > most:
        raise DataError(
            f"{said.path}: {off} of {ts.size} bars do not open on a multiple of {series.kind} (times taken as "
            f"{said.zone}); name their zone with --timezone"
        )
    outside = 0 if said.hours is ALWAYS else int(said.hours.outside(ts).sum())
    if outside > most:
        raise DataError(
            f"{said.path}: {outside} of {ts.size} bars lie outside 09:15-15:30 India time (times taken as "
            f"{said.zone}); name their zone with --timezone"
        )
