"""What tier 2 is told besides the desk's packet: the instrument's situation, and headlines under `untrusted` alone."""

import asyncio
from collections.abc import Callable
from typing import Any

from tradeterm.config import Config, GateMode, enabled_books
from tradeterm.domain.events import MarketEvent
from tradeterm.domain.market import INTERVALS_MS
from tradeterm.domain.signals import Signal
from tradeterm.engine.news import News
from tradeterm.engine.news_check import reads_news
from tradeterm.engine.situation import Situations
from tradeterm.feeds.protocol import Feed, KnowsOpenInterest
from tradeterm.validators.protocol import Notify
from tradeterm.validators.registry import READS_ALL


class Surroundings:
    """Keeps nothing where the validator reads only what the desk knows, as the offline rules do."""

    def __init__(
        self,
        config: Config,
        feed: Feed,
        *,
        tell: Notify,
        now: Callable[[], int],
        recorded: bool,
    ) -> None:
        self._feed = feed
        self._situations: Situations | None = None
        self._news: News | None = None
        books = enabled_books(config).books.values()
        if books and config.gate.validator in READS_ALL and config.gate.mode is not GateMode.OFF:
            interval_ms = min(INTERVALS_MS[book.interval] for book in books)
            self._situations = Situations(
                feed.instruments(),
                interval_ms,
                source=config.feed.kind,
                **({"open_interest": feed.open_interest} if isinstance(feed, KnowsOpenInterest) else {}),
            )
        if reads_news(config) and (config.news.file or config.news.feeds):
            self._news = News(config.news, feed.instruments(), tell=tell, now=now, recorded=recorded)

    def on_market(self, event: MarketEvent) -> None:
        if self._situations is not None:
            self._situations.on_market(event)

    def of(self, signal: Signal, ts: int) -> dict[str, Any]:
        found = {} if self._situations is None else self._situations.of(signal.instrument, ts)
        if self._news is not None and (headlines := self._news.about(signal.instrument, ts)):
            found["untrusted"] = {"headlines": headlines}
        return found

    async def start(self, cursor: int) -> None:
        """Take the history before `cursor` in, and the headlines of the file. Raises what the feed does."""
        if self._situations is not None:
            await self._situations.warm(self._feed, cursor)
        if self._news is not None:
            await self._news.start()

    async def run(self) -> None:
        """Read headlines until cancelled."""
        if self._news is None:
            await asyncio.Event().wait()
        else:
            await self._news.run()
