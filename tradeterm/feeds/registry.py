"""Feeds by the config's `feed.kind`. A new source is a file beside this and a line in `make_feed`."""

import re
from datetime import UTC, datetime
from pathlib import Path

from tradeterm.config import BookConfig, Config, enabled_books
from tradeterm.decode import one_of, show
from tradeterm.domain.errors import ConfigError, DataError
from tradeterm.domain.instrument import Instrument
from tradeterm.domain.market import INTERVALS_MS
from tradeterm.feeds.instruments import load_instruments
from tradeterm.feeds.protocol import Feed
from tradeterm.feeds.recording import find_file, load_bars, load_funding
from tradeterm.feeds.replay import ReplayFeed, Track
from tradeterm.resources import demo_folder
from tradeterm.venues.bybit.endpoints import endpoints

REPLAY, BYBIT = "replay", "bybit"
KINDS = [REPLAY, BYBIT]
BUNDLED = "bundled recording"
_BYBIT_INSTRUMENT = re.compile(r"[A-Z0-9]{1,30}USDT\.BYBIT")


def make_feed(config: Config, cache: Path) -> Feed:
    """The feed of the books that are enabled; live data it has fetched is kept in the folder `cache`.

    Raises ConfigError for a setting that does not fit, DataError for a recording that cannot be used.
    """
    check_feed(config)
    return _bybit(config, cache) if config.feed.kind == BYBIT else _replay(config)


def check_feed(config: Config) -> None:
    """Raise what `make_feed` would, without opening a connection."""
    if config.feed.kind not in KINDS:
        raise ConfigError(f"feed.kind: found {show(config.feed.kind)}, allowed {one_of(KINDS)}")
    books = enabled_books(config).books
    intervals = sorted({book.interval for book in books.values()})
    if len(intervals) != 1:
        raise ConfigError(f"books: found intervals {', '.join(intervals) or 'none'}, allowed one for all books")
    if config.feed.kind == REPLAY:
        _replay(config)
        return
    endpoints(config.venues.bybit)
    for name, book in books.items():
        for wanted in book.instruments:
            if not _BYBIT_INSTRUMENT.fullmatch(wanted):
                raise ConfigError(
                    f"books.{name}.instruments: found {show(wanted)}, allowed SYMBOL.BYBIT of a USDT perpetual, "
                    "such as BTCUSDT.BYBIT, with feed.kind bybit"
                )
        if book.currency != "USDT":
            raise ConfigError(f"books.{name}.currency: found {show(book.currency)}, allowed USDT with feed.kind bybit")


def _bybit(config: Config, cache: Path) -> Feed:
    from tradeterm.feeds.bybit import BybitFeed

    books = enabled_books(config).books.values()
    wanted = dict.fromkeys(instrument for book in books for instrument in book.instruments)
    interval = next(iter(books)).interval
    return BybitFeed(endpoints(config.venues.bybit), tuple(wanted), interval, cache)


def _replay(config: Config) -> ReplayFeed:
    books = enabled_books(config).books
    interval = next(iter(books.values())).interval
    wanted = dict.fromkeys(name for book in books.values() for name in book.instruments)
    folder = Path(config.feed.path) if config.feed.path else demo_folder()
    file = folder / "instruments.toml"
    known = {item.id: item for item in load_instruments(file)}
    for name, book in books.items():
        _check_book(name, book, known, file)
    tracks = load_tracks(folder, interval, tuple(wanted))
    source = folder.name if config.feed.path else BUNDLED
    start = None if config.feed.start is None else parse_time(config.feed.start)
    feed = ReplayFeed(tracks, source=source, speed=config.feed.speed, start_ts=start)
    if not feed.first_ts <= feed.start_ts < feed.last_ts:
        first, last = (datetime.fromtimestamp(ts / 1000, UTC) for ts in (feed.first_ts, feed.last_ts))
        raise ConfigError(
            f"feed.start: found {show(config.feed.start)}, allowed {first:%Y-%m-%dT%H:%MZ} to {last:%Y-%m-%dT%H:%MZ}"
        )
    return feed


def _check_book(name: str, book: BookConfig, known: dict[str, Instrument], file: Path) -> None:
    """A book trades what the recording has, in the currency its profit is paid in."""
    for wanted in book.instruments:
        instrument = known.get(wanted)
        if instrument is None:
            raise ConfigError(
                f"books.{name}.instruments: found {show(wanted)}, allowed those of {file}: {', '.join(known)}"
            )
        if instrument.quote_currency != book.currency:
            raise ConfigError(
                f"books.{name}.currency: found {show(book.currency)}, allowed {instrument.quote_currency}, "
                f"in which {wanted} trades"
            )


def parse_time(text: str) -> int:
    """UTC ms of an ISO 8601 time; no zone means UTC. Raises ConfigError."""
    try:
        moment = datetime.fromisoformat(text)
    except ValueError:
        raise ConfigError(f"feed.start: found {show(text)}, allowed a time such as 2025-04-06T12:00Z") from None
    return int((moment if moment.tzinfo else moment.replace(tzinfo=UTC)).timestamp() * 1000)


def load_tracks(folder: Path, interval: str, wanted: tuple[str, ...] = ()) -> tuple[Track, ...]:
    """The recordings of the `wanted` instruments (all of instruments.toml where empty) at `interval`."""
    known = {item.id: item for item in load_instruments(folder / "instruments.toml")}
    tracks = []
    for name in wanted or tuple(known):
        instrument = known.get(name)
        if instrument is None:
            raise DataError(f"{folder / 'instruments.toml'}: instrument {name}: not there; found {', '.join(known)}")
        bars = find_file(folder, interval, instrument.symbol)
        if bars is None:
            raise DataError(
                f"{folder}: no {interval} bars of {name}: looked for {interval}/{instrument.symbol}.parquet"
            )
        funding = find_file(folder, "funding", instrument.symbol)
        tracks.append(
            Track(instrument, load_bars(bars, INTERVALS_MS[interval]), load_funding(funding) if funding else None)
        )
    return tuple(tracks)
