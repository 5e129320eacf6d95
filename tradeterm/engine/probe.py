"""What the doctor asks of the venues of a configuration. Nothing is traded and nothing is changed there."""

import asyncio
import os
import time
from collections.abc import Sequence
from enum import StrEnum
from pathlib import Path
from urllib.parse import urlsplit

from msgspec import Struct

from tradeterm.brokers.registry import BYBIT
from tradeterm.config import BybitConfig, Config, enabled_books
from tradeterm.domain.errors import ConfigError, TradetermError, VenueError
from tradeterm.venues.bybit.endpoints import Endpoints, endpoints

LONGEST_S = 30.0


class Verdict(StrEnum):
    OK = "OK"
    WARN = "WARN"
    FAIL = "FAIL"


class Probed(Struct, frozen=True):
    """One sentence on one subject, such as "bybit key"."""

    subject: str
    verdict: Verdict
    text: str


async def probe(config: Config, cache: Path) -> list[Probed]:
    """Each finding, in the order asked; empty where the configuration meets no venue. `cache` is the feed's folder.

    Never raises for what a venue, the network or a missing key does. A venue that no book trades at can warn at worst.
    """
    trades = any(book.venue == BYBIT for book in enabled_books(config).books.values())
    if config.feed.kind != BYBIT and not trades:
        return []
    try:
        where = endpoints(config.venues.bybit)
    except ConfigError as error:
        return [Probed("bybit", Verdict.FAIL, str(error))]
    found = [await _market_data(config, cache, trades=trades)]
    if not trades:
        return found
    return [_environment(where), *found, *await _account(config.venues.bybit, where)]


def _environment(where: Endpoints) -> Probed:
    money = "REAL MONEY" if where.real_money else "play money"
    return Probed("bybit", Verdict.OK, f"{where.environment}, {money}, at {urlsplit(where.rest).netloc}")


async def _market_data(config: Config, cache: Path, *, trades: bool) -> Probed:
    from tradeterm.feeds.bybit import BybitFeed

    subject = "bybit data"
    books = enabled_books(config).books.values()
    wanted = tuple(dict.fromkeys(name for book in books for name in book.instruments))
    feed = BybitFeed(endpoints(config.venues.bybit), wanted, next(iter(books)).interval, cache)
    began = time.monotonic()
    try:
        async with asyncio.timeout(LONGEST_S):
            await feed.open()
    except TimeoutError:
        return _missed(subject, f"no answer within {LONGEST_S:g} s", trades=trades)
    except VenueError as error:
        return _missed(subject, str(error), trades=trades)
    except TradetermError as error:
        return Probed(subject, Verdict.FAIL, str(error).splitlines()[0])
    finally:
        await feed.close()
    known = f"{len(wanted)} instrument{'s' if len(wanted) > 1 else ''} traded there, {time.monotonic() - began:.1f} s"
    skew = -feed.offset_ms
    if not trades and abs(skew) > config.venues.bybit.max_skew_ms:
        way = "ahead of" if skew > 0 else "behind"
        said = f"{known}; this computer's clock is {abs(skew) / 1000:.1f} s {way} Bybit's: set it by NTP"
        return Probed(subject, Verdict.WARN, said)
    return Probed(subject, Verdict.OK, known)


def _missed(subject: str, why: str, *, trades: bool) -> Probed:
    """Without the venue paper trading waits; a book that trades there has nobody to trade with."""
    return Probed(subject, Verdict.FAIL if trades else Verdict.WARN, why)


async def _account(settings: BybitConfig, where: Endpoints) -> Sequence[Probed]:
    from tradeterm.brokers.bybit.probe import probe as probe_account
    from tradeterm.venues.credentials import bybit_credentials

    try:
        credentials = bybit_credentials(settings)
    except ConfigError as error:
        return [Probed("bybit key", Verdict.FAIL, str(error))]
    named = any(os.environ.get(name) for name in ("BYBIT_API_KEY", "BYBIT_API_SECRET"))
    source = "BYBIT_API_KEY and BYBIT_API_SECRET" if named else f"{settings.key_file}, private"
    found = [Probed("bybit key source", Verdict.OK, f"from {source}")]
    try:
        async with asyncio.timeout(LONGEST_S):
            answers = await probe_account(where, settings, credentials)
    except TimeoutError:
        return [*found, Probed("bybit account", Verdict.FAIL, f"no answer within {LONGEST_S:g} s")]
    return [*found, *(Probed(f"bybit {item.name}", Verdict(item.verdict), item.text) for item in answers)]
