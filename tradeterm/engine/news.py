"""Headlines by instrument, for tier 2's second call. Whatever fails here is told and blocks nothing.

A headline is about an instrument if its source says so, or if one of the instrument's words is in it: its ticker as it
is written (LINK, not link), the names below, and those of the configuration in any case. On recorded data the file is
read once and counts by its own times, and feeds are not asked: their headlines are of another day.
"""

import asyncio
import logging
import re
from bisect import bisect_left, bisect_right, insort
from collections.abc import Awaitable, Callable, Iterable, Sequence
from contextlib import suppress
from operator import attrgetter
from pathlib import Path

from msgspec import Struct

from tradeterm.config import NewsConfig
from tradeterm.domain.errors import DataError
from tradeterm.domain.instrument import Instrument
from tradeterm.domain.market import HOUR_MS, MINUTE_MS
from tradeterm.domain.states import AlertLevel
from tradeterm.engine.news_sources import READ_AT_MOST, FileTail, fetch, make_client
from tradeterm.feeds.headlines import Headline, host_of
from tradeterm.validators.protocol import Notice, Notify
from tradeterm.validators.untrusted import MOST_ITEMS, clean

EVERYTHING = "*"
"""In `symbols` and in `news.words`: about all instruments."""
LOOK_EVERY_S = 5.0
START_S = 5.0
LARGEST_RECORD = 64 * READ_AT_MOST
_MOST_KEPT = 200
_FILE = "news.file"
_SAID = attrgetter("said")
_AT_ONCE = 10  # half a millisecond

_log = logging.getLogger(__name__)
_NAMES = {
    "ADA": ("cardano",),
    "BCH": ("bitcoin cash",),
    "BNB": ("binance coin",),
    "BTC": ("bitcoin",),
    "DOGE": ("dogecoin",),
    "ETH": ("ethereum", "ether"),
    "LINK": ("chainlink",),
    "LTC": ("litecoin",),
    "SOL": ("solana",),
    "XRP": ("ripple",),
    "BANKNIFTY": ("bank nifty", "nifty bank"),
}


class News:
    """`about` tells what is said of an instrument; `run` reads on until it is cancelled."""

    def __init__(
        self,
        config: NewsConfig,
        instruments: Sequence[Instrument],
        *,
        tell: Notify,
        now: Callable[[], int],
        recorded: bool,
    ) -> None:
        self._config = config
        self._topics = [
            Topic(item, config.words.get(item.id, ()), config.words.get(EVERYTHING, ())) for item in instruments
        ]
        self._kept: dict[str, list[_Kept]] = {item.id: [] for item in instruments}
        self._seen: dict[str, int] = {}
        self._tell_person = tell
        self._now = now
        self._recorded = recorded
        at_most = LARGEST_RECORD if recorded else READ_AT_MOST
        self._tail = FileTail(Path(config.file).expanduser(), at_most) if config.file else None
        self._failing: dict[str, str] = {}

    def about(self, instrument: str, ts: int) -> tuple[str, ...]:
        """What was said up to `ts` and is not too old, the newest first; of what reads like an instruction one, which
        is not shown either: it says that there was such a thing, and a flood of them hides nothing."""
        known = self._kept.get(instrument, [])
        oldest = bisect_left(known, ts - self._config.keep_hours * HOUR_MS, key=_SAID)
        kept = known[oldest : bisect_right(known, ts, key=_SAID)][::-1]
        shown = [item.text for item in kept if not item.suspicious][:MOST_ITEMS]
        return (*shown, *[item.text for item in kept if item.suspicious][:1])

    async def start(self) -> None:
        """Read what the file holds now; on recorded data that is all. A disk that hangs is not waited for."""
        with suppress(TimeoutError):
            async with asyncio.timeout(None if self._recorded else START_S):
                await self._read_file()

    async def run(self) -> None:
        """Read the file as it grows and the feeds every few minutes, until cancelled."""
        pause_s = self._config.poll_minutes * MINUTE_MS / 1000
        await asyncio.gather(self._every(LOOK_EVERY_S, self._read_file), self._every(pause_s, self._read_feeds))

    async def _every(self, seconds: float, read: Callable[[], Awaitable[None]]) -> None:
        while True:
            try:
                await read()
            except Exception as error:  # noqa: BLE001 - what strangers write may break anything but the engine
                _log.error("headlines: %s", type(error).__name__)
            await asyncio.sleep(seconds)

    async def _read_feeds(self) -> None:
        if not self._config.feeds:
            return
        async with make_client() as client:
            for url in self._config.feeds:
                try:
                    await self._take(await fetch(client, url))
                except DataError as error:
                    self._say(url, str(error))
                except Exception as error:  # noqa: BLE001 - one feed must not keep the others from being asked
                    self._say(url, type(error).__name__)
                else:
                    self._say(url, "")

    async def _read_file(self) -> None:
        if self._tail is None:
            return
        try:
            read = await asyncio.to_thread(self._tail.read)
        except OSError as error:
            self._say(_FILE, error.strerror or type(error).__name__)
            return
        await self._take(read.headlines)
        if read.cut:
            self._say(_FILE, f"it is larger than {self._tail.at_most >> 20} MB, what came before is left out")
            return
        lines = f"{read.unreadable} line{'' if read.unreadable == 1 else 's'}"
        self._say(_FILE, f"{lines} left out: no headline" if read.unreadable else "", some=True)

    async def _take(self, headlines: Iterable[Headline]) -> None:
        """A few at a time: whatever waits for the loop gets it in between."""
        now = self._now()
        oldest = now - self._config.keep_hours * HOUR_MS
        taken = 0
        for headline in headlines:
            said = now if headline.ts is None else headline.ts
            if not self._recorded:
                said = min(said, now)
                if said < oldest or headline.text in self._seen:
                    continue
                self._seen[headline.text] = said
            taken += 1
            if taken % _AT_ONCE == 0:
                await asyncio.sleep(0)
            item = _Kept(said, headline.text, clean([headline.text]).suspicious)
            for topic in self._topics:
                if topic.is_of(headline):
                    kept = self._kept[topic.instrument]
                    insort(kept, item, key=_SAID)
                    if not self._recorded:
                        self._drop(kept)
        if not self._recorded:
            self._seen = {text: said for text, said in self._seen.items() if said >= oldest}

    def _drop(self, kept: list["_Kept"]) -> None:
        """Of too many the oldest, suspicious ones first."""
        while len(kept) > _MOST_KEPT:
            kept.remove(next((item for item in kept if item.suspicious), kept[0]))

    def _say(self, source: str, trouble: str, *, some: bool = False) -> None:
        """Tell a person when a source begins to fail, in another way, or ends to; with `some` the rest was read."""
        before, name = self._failing.get(source, ""), source if source == _FILE else host_of(source)
        self._failing[source] = trouble
        if trouble and trouble != before:
            what = f"headlines of {name}: {trouble}" if some else f"headlines of {name} cannot be read: {trouble}"
            text = f"{what}; trading goes on without them"
            self._tell_person(Notice(AlertLevel.WARNING, "NEWS_FAILED", text))
        elif before and not trouble:
            self._tell_person(Notice(AlertLevel.INFO, "NEWS_BACK", f"headlines of {name} can be read again"))


class _Kept(Struct, frozen=True):
    said: int
    text: str
    suspicious: bool


class Topic:
    """What makes a headline one of an instrument."""

    def __init__(self, instrument: Instrument, words: Iterable[str], everywhere: Iterable[str]) -> None:
        self.instrument = instrument.id
        ticker = ticker_of(instrument)
        self._symbols = {EVERYTHING, instrument.id.upper(), instrument.symbol.upper(), ticker}
        names = [*_NAMES.get(ticker, ()), *words, *everywhere]
        self._ticker = _whole_word([ticker])
        self._words = _whole_word(names, re.IGNORECASE) if names else None

    def is_of(self, headline: Headline) -> bool:
        if any(symbol.upper() in self._symbols for symbol in headline.symbols):
            return True
        text = headline.text
        return self._ticker.search(text) is not None or (self._words is not None and bool(self._words.search(text)))


def ticker_of(instrument: Instrument) -> str:
    """What is traded: BTC of BTCUSDT, PEPE of 1000PEPEUSDT, NIFTY of NIFTY."""
    symbol = instrument.symbol.upper()
    bare = symbol.removesuffix(instrument.quote_currency.upper()) or symbol
    return re.sub(r"^10+(?=[A-Z])", "", bare)


def _whole_word(words: Iterable[str], flags: int = 0) -> re.Pattern[str]:
    return re.compile(rf"(?<!\w)(?:{'|'.join(re.escape(word) for word in words)})(?!\w)", flags)
