"""Closed bars kept on disk as Parquet, one file an instrument and interval.

The files have the layout and columns of a recording, so that a folder of them can be replayed.
"""

import os
from collections.abc import Sequence
from pathlib import Path

import numpy as np

from tradeterm.domain.errors import DataError
from tradeterm.domain.market import Bar
from tradeterm.feeds.recording import RecordedBars, load_bars

MOST_BARS = 300_000
"""What a file keeps, the newest: more than two years of 5-minute bars."""


class BarCache:
    """Bars of one venue and interval. Every method blocks on the disk: call it off the loop.

    Nothing here is needed to trade: what cannot be read or written is said in `report` and fetched anew.
    """

    def __init__(self, folder: Path, interval: str, interval_ms: int) -> None:
        self._folder = folder / interval
        self._interval_ms = interval_ms
        self.report: list[str] = []

    def load(self, instrument: str, symbol: str, first: int) -> dict[int, Bar]:
        """The bars kept with ts_open >= `first`, by opening time. A file that is not in order, repeats itself or holds
        what cannot be right is put aside: it was not written like that, so nothing in it is trusted."""
        path = self._path(symbol)
        if not path.exists():
            return {}
        try:
            known = load_bars(path, self._interval_ms)
        except DataError as error:
            self._put_aside(path, str(error))
            return {}
        has_gap = bool((np.diff(known.ts_open) != self._interval_ms).any())
        if len(known.report) > has_gap:
            self._put_aside(path, known.report[0])
            return {}
        return {bar.ts_open: bar for bar in _bars(instrument, known, first)}

    def save(self, instrument: str, symbol: str, bars: Sequence[Bar]) -> None:
        """Add bars, which must be closed, to those that are kept; a bar that is kept already stays as it is."""
        path = self._path(symbol)
        merged = {bar.ts_open: bar for bar in bars} | self.load(instrument, symbol, 0)
        rows = [merged[ts] for ts in sorted(merged)][-MOST_BARS:]
        try:
            path.parent.mkdir(parents=True, exist_ok=True)
            _write(path, rows)
        except OSError as error:
            self.report.append(f"{path.name}: the bars cannot be kept: {error.strerror or error}")

    def _path(self, symbol: str) -> Path:
        return self._folder / f"{symbol}.parquet"

    def _put_aside(self, path: Path, why: str) -> None:
        aside = path.with_suffix(".damaged")
        self.report.append(f"{why}; put aside as {aside.name} and fetched anew")
        try:
            path.replace(aside)
        except OSError as error:
            self.report.append(f"{path.name}: cannot be put aside: {error.strerror or error}")


def _bars(instrument: str, known: RecordedBars, first: int) -> list[Bar]:
    cut = slice(int(np.searchsorted(known.ts_open, first)), None)
    columns = (known.ts_open, known.open, known.high, known.low, known.close, known.volume)
    rows = zip(*(column[cut].tolist() for column in columns), strict=True)
    length = known.interval_ms
    return [Bar(instrument, length, ts, o, h, low, c, v, ts + length) for ts, o, h, low, c, v in rows]


def _write(path: Path, bars: Sequence[Bar]) -> None:
    """Replace the file in one step: a crash leaves the old one or the new one."""
    import pyarrow
    from pyarrow import parquet

    columns = {
        "timestamp": pyarrow.array([bar.ts_open for bar in bars], pyarrow.timestamp("ms", tz="UTC")),
        **{name: [getattr(bar, name) for bar in bars] for name in ("open", "high", "low", "close", "volume")},
    }
    draft = path.with_suffix(f".{os.getpid()}.tmp")
    try:
        parquet.write_table(pyarrow.table(columns), draft)
        draft.replace(path)
    finally:
        draft.unlink(missing_ok=True)
