"""What can be said of the sources of headlines before a start: mistakes, warnings, and whether they answer."""

import asyncio
from collections.abc import Iterator
from pathlib import Path

from tradeterm.config import Config, GateMode, NewsMode, enabled_books
from tradeterm.decode import show
from tradeterm.domain.errors import DataError
from tradeterm.engine.news import EVERYTHING
from tradeterm.engine.news_sources import FileTail, fetch, make_client
from tradeterm.engine.probe import Probed, Verdict
from tradeterm.feeds.headlines import host_of, is_feed_url
from tradeterm.feeds.registry import REPLAY
from tradeterm.validators.registry import READS_ALL


def reads_news(config: Config) -> bool:
    """Whether anybody would be shown a headline; a record of verdicts is searched by what was shown."""
    gate = config.gate
    return gate.validator in READS_ALL and gate.mode is not GateMode.OFF and gate.news_mode is not NewsMode.OFF


def news_mistakes(config: Config) -> Iterator[str]:
    """One sentence a mistake."""
    for url in config.news.feeds:
        if not is_feed_url(url):
            yield f"news.feeds: found {show(url)}, allowed addresses that begin with https://"
    traded = {name for book in enabled_books(config).books.values() for name in book.instruments} | {EVERYTHING}
    for name, words in config.news.words.items():
        if name not in traded:
            yield f'news.words: found {show(name)}, allowed an instrument of a book, or "{EVERYTHING}"'
        if not words or not all(word.strip() for word in words):
            yield f"news.words.{name}: found {show([*words])}, allowed words"


def news_warnings(config: Config) -> Iterator[str]:
    """What a person should know although the engine starts."""
    news = config.news
    if not (news.file or news.feeds):
        return
    if not reads_news(config):
        yield 'news: nobody reads headlines: that takes an AI as gate.validator and gate.news_mode = "veto_only"'
    elif news.feeds and config.feed.kind == REPLAY:
        yield "news.feeds: not asked on recorded data, their headlines are of another day"
    if news.file and not Path(news.file).expanduser().is_file():
        yield f"news.file: {news.file} does not exist yet"


async def probe_news(config: Config) -> list[Probed]:
    """A finding a source, none where there is none. A source that fails warns: nothing waits for headlines."""
    found = []
    if config.news.file:
        found.append(await asyncio.to_thread(_probe_file, config.news.file))
    if config.news.feeds:
        async with make_client() as client:
            for url in config.news.feeds:
                subject = f"news {host_of(url)}"
                try:
                    count = len(await fetch(client, url))
                    found.append(Probed(subject, Verdict.OK if count else Verdict.WARN, f"{count} headlines"))
                except DataError as error:
                    found.append(Probed(subject, Verdict.WARN, str(error)))
    return found


def _probe_file(name: str) -> Probed:
    path = Path(name).expanduser()
    try:
        read = FileTail(path).read()
    except OSError as error:
        return Probed("news file", Verdict.WARN, f"{path}: {error.strerror}")
    text = f"{path}: {len(read.headlines)} headlines"
    if read.unreadable:
        return Probed("news file", Verdict.WARN, f"{text}, {read.unreadable} lines that are none")
    return Probed("news file", Verdict.OK, text)
