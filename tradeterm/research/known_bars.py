"""Closed bars of one instrument to reckon from: of the configured feed, or of a file."""

from collections.abc import Sequence
from pathlib import Path

import numpy as np
from msgspec import Struct
from msgspec.structs import replace

from tradeterm.config import Config, enabled_books
from tradeterm.decode import one_of, show
from tradeterm.domain.errors import ConfigError, DataError
from tradeterm.domain.market import INTERVALS_MS, Bar
from tradeterm.feeds.recording import checked_bars, read_bars
from tradeterm.feeds.registry import make_feed
from tradeterm.feeds.replay import ReplayFeed
from tradeterm.feeds.table import Floats, Stamps


class KnownBars(Struct, frozen=True):
    """`ts` is when each bar closed (UTC ms), `close` its price; oldest first. `source` says where they are from."""

    instrument: str
    source: str
    interval_ms: int
    ts: Stamps
    close: Floats

    @property
    def returns(self) -> Floats:
        """Log returns from each bar to the next one that is known, over gaps too."""
        return np.diff(np.log(self.close))

    @property
    def gaps(self) -> int:
        """How often the next bar is not the very next one: missing bars, or the end of a session."""
        return int((np.diff(self.ts) != self.interval_ms).sum())


def find_instrument(config: Config, name: str) -> str:
    """The instrument of the enabled books that `name` means, an id or its symbol. Raises ConfigError."""
    books = enabled_books(config).books.values()
    known = list(dict.fromkeys(instrument for book in books for instrument in book.instruments))
    wanted = name.upper()
    found = [item for item in known if wanted in (item.upper(), item.rpartition(".")[0].upper())]
    if len(found) != 1:
        raise ConfigError(f"found {show(name)}, allowed {one_of(found or [*config.books, *known])}")
    return found[0]


async def feed_bars(config: Config, cache: Path, instrument: str, *, most: int, until: int | None = None) -> KnownBars:
    """The last `most` bars of the configured feed that had closed at `until` (None: the recording's end, or now).

    `cache` is the folder of what live feeds have fetched. Raises ConfigError, DataError or VenueError.
    """
    books = enabled_books(config).books.items()
    name, book = next((name, book) for name, book in books if instrument in book.instruments)
    feed = make_feed(replace(config, books={name: replace(book, instruments=(instrument,))}), cache)
    try:
        await feed.open()
        last = feed.last_ts if isinstance(feed, ReplayFeed) else feed.now()
        known = await feed.history(last if until is None else min(until, last), most)
    finally:
        await feed.close()
    bars = [item for item in known if isinstance(item, Bar)]
    source = feed.source if isinstance(feed, ReplayFeed) else f"live data of {config.feed.kind}"
    return _known(instrument, source, INTERVALS_MS[book.interval], bars)


def file_bars(path: Path, instrument: str, *, most: int, until: int | None = None) -> KnownBars:
    """The last `most` bars of a file that had closed at `until`; their usual distance is the interval.

    Raises DataError.
    """
    ts, values = read_bars(path)
    interval_ms = _interval(path, ts)
    bars = checked_bars(path, ts, values, interval_ms, int(ts[0]) % interval_ms)
    closed = bars.ts_open + interval_ms
    known = closed <= (closed[-1] if until is None else until)
    return KnownBars(instrument, path.name, interval_ms, closed[known][-most:], bars.close[known][-most:])


def _known(instrument: str, source: str, interval_ms: int, bars: Sequence[Bar]) -> KnownBars:
    ts = np.array([bar.ts_event for bar in bars], dtype=np.int64)
    return KnownBars(instrument, source, interval_ms, ts, np.array([bar.close for bar in bars], dtype=np.float64))


def _interval(path: Path, ts: Stamps) -> int:
    if ts.size < 2:
        raise DataError(f"{path}: found {ts.size} bars, allowed at least 2")
    distances, times = np.unique(np.diff(np.sort(ts)), return_counts=True)
    usual = int(distances[times.argmax()])
    if usual not in INTERVALS_MS.values():
        raise DataError(f"{path}: found bars {usual / 1000:g} s apart, allowed {one_of(list(INTERVALS_MS))}")
    return usual
