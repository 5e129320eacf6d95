"""What history of any venue has in common: where it begins, and how it is kept piece by piece."""

from collections.abc import Callable, Sequence
from datetime import UTC, datetime
from pathlib import Path

import numpy as np
from msgspec import Struct

from tradeterm.domain.errors import DataError
from tradeterm.feeds.recording import checked_bars, checked_funding
from tradeterm.research.data.importer import Imported
from tradeterm.research.data.manifest import Source, read_manifest
from tradeterm.research.data.moments import now
from tradeterm.research.data.series import FUNDING, Series
from tradeterm.research.data.store import merge

Progress = Callable[[int, int], None]
"""Told how many bars, of how many, were asked for."""
Row = tuple[int, Sequence[float]]
"""Opening time (UTC ms), then open, high, low, close, volume; or a settlement's time and its rate."""


class Wanted(Struct, frozen=True, kw_only=True):
    """What to fetch, UTC ms. `first` None goes on where the kept bars end; `stop` is the first time not wanted."""

    symbol: str
    interval: str
    first: int | None
    stop: int
    replace: bool = False
    dry_run: bool = False


class Fetched:
    """One series as it grows, and the account of it."""

    def __init__(self, root: Path, series: Series, source: str, wanted: Wanted) -> None:
        self._root = root
        self._series = series
        self._source = source
        self._wanted = wanted
        self._done: list[Imported] = []

    def keep(self, rows: Sequence[Row]) -> None:
        """Check the rows and join them with what is kept: no interruption loses them. Raises DataError."""
        if not rows:
            return
        ts = np.array([row[0] for row in rows], dtype=np.int64)
        values = np.array([row[1] for row in rows], dtype=np.float64)
        series, path = self._series, Path(self._source)
        if series.kind == FUNDING:
            funding = checked_funding(path, ts, values[:, 0])
            ts, values, report = funding.ts, funding.rate[:, None], funding.report
        else:
            bars = checked_bars(path, ts, values, series.interval_ms)
            values = np.column_stack([bars.open, bars.high, bars.low, bars.close, bars.volume])
            ts, report = bars.ts_open, bars.report
        source = Source(source=self._source, imported=now(), rows=int(ts.size), repaired=report)
        merged = merge(
            self._root, series, ts, values, source, replace=self._wanted.replace, dry_run=self._wanted.dry_run
        )
        self._done.append(
            Imported(
                source=self._source,
                path=str(series.path),
                instrument=series.instrument,
                interval=series.kind,
                style="fetched",
                mapping={},
                times="epoch ms",
                zone="UTC",
                rows=int(ts.size),
                first=int(ts[0]),
                last=int(ts[-1]),
                added=merged.added,
                same=merged.same,
                replaced=merged.replaced,
                repaired=report,
            )
        )

    def imported(self) -> list[Imported]:
        """The account as one entry; none where the venue had nothing."""
        if not self._done:
            return []
        done = self._done
        total = Imported(
            source=self._source,
            path=done[0].path,
            instrument=done[0].instrument,
            interval=done[0].interval,
            style=done[0].style,
            mapping={},
            times=done[0].times,
            zone=done[0].zone,
            rows=sum(one.rows for one in done),
            first=done[0].first,
            last=done[-1].last,
            added=sum(one.added for one in done),
            same=sum(one.same for one in done),
            replaced=sum(one.replaced for one in done),
            repaired=tuple(line for one in done for line in one.repaired),
        )
        return [total]


def begin(wanted: Wanted, series: Series) -> int:
    """Where to begin: as asked for, else after the last bar that is kept. Raises DataError where nothing is."""
    if wanted.first is not None:
        return wanted.first // series.interval_ms * series.interval_ms
    if not series.path.exists():
        raise DataError(f"{series.instrument}: no {series.kind} bars are kept yet; say where to begin with --from")
    return read_manifest(series).last + series.interval_ms


def parse_time(option: str, text: str) -> int:
    """UTC ms of an ISO 8601 time or date; no zone means UTC. Raises DataError."""
    try:
        moment = datetime.fromisoformat(text)
    except ValueError:
        raise DataError(
            f"{option}: found {text[:60]!r}, allowed a time such as 2025-04-06 or 2025-04-06T12:00Z"
        ) from None
    return int((moment if moment.tzinfo else moment.replace(tzinfo=UTC)).timestamp() * 1000)
