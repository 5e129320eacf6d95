"""Headlines from outside: lines of a file, RSS and Atom. What is read is a stranger's text and stays one.

A feed is a title and a date an item; ElementTree reads both forms, so no library for feeds is needed. A document that
declares entities is refused: no feed needs them, and they are how a small one becomes a very large one.
"""

from collections.abc import Iterator
from contextlib import suppress
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from typing import Any
from urllib.parse import urlsplit
from xml.etree import ElementTree

import msgspec
from msgspec import Struct

from tradeterm.domain.errors import DataError

LARGEST_FEED = 1024 * 1024
LONGEST_TEXT = 2000
MOST_ITEMS = 500
TOO_LARGE = f"larger than {LARGEST_FEED // 1024 // 1024} MB"
_PIECE = 16 * 1024
_LOOPBACK = {"localhost", "127.0.0.1", "::1"}


class Headline(Struct, frozen=True):
    """`ts` is when it was published (UTC ms), None where nobody said so; `symbols` are what its source says it is
    about."""

    ts: int | None
    text: str
    symbols: tuple[str, ...] = ()


class _Line(Struct):
    ts: int | float | str
    text: str
    symbols: list[str] | str = []


_lines = msgspec.json.Decoder(_Line)


def read_line(raw: bytes) -> Headline:
    """A line of the file: `ts` as UTC milliseconds or ISO 8601, `text`, perhaps `symbols`. Raises DataError."""
    try:
        line = _lines.decode(raw)
        ts = _iso(line.ts) if isinstance(line.ts, str) else round(line.ts)
    except (msgspec.MsgspecError, ValueError, OverflowError, RecursionError) as error:
        raise DataError(f"no headline: {error}") from None
    if not line.text.strip():
        raise DataError("no headline: it is empty")
    symbols = [line.symbols] if isinstance(line.symbols, str) else line.symbols
    return Headline(ts, line.text[:LONGEST_TEXT], tuple(symbols[:50]))


def read_feed(document: bytes) -> list[Headline]:
    """The items of an RSS (0.9 to 2.0) or Atom document, in its order. Raises DataError for anything else."""
    if len(document) > LARGEST_FEED:
        raise DataError(TOO_LARGE)
    try:
        parser = ElementTree.XMLParser(target=_NoEntities())
        for start in range(0, len(document), _PIECE):  # a whole one at once would hold up every other thread
            parser.feed(document[start : start + _PIECE])
        root = parser.close()
    except ElementTree.ParseError as error:
        raise DataError(f"no XML: {error}") from None
    except (ValueError, LookupError) as error:
        raise DataError(f"cannot be read: {error}") from None
    kind = _bare(root.tag).lower()
    if kind not in ("rss", "rdf", "feed"):
        raise DataError("neither RSS nor Atom")
    return list(_items(root))


def is_feed_url(url: str) -> bool:
    """Encrypted, or on this machine, and without a user and a password in it."""
    try:
        parts = urlsplit(url)
        safe = parts.scheme == "https" or (parts.scheme == "http" and parts.hostname in _LOOPBACK)
        return safe and bool(parts.hostname) and parts.username is None and parts.password is None
    except ValueError:
        return False


def host_of(url: str) -> str:
    """How a feed is named to a person: the rest of its address may hold a token."""
    try:
        return urlsplit(url).hostname or "a feed"
    except ValueError:
        return "a feed"


class _NoEntities(ElementTree.TreeBuilder):
    def doctype(self, name: str, pubid: str | None, system: str | None) -> None:
        raise ValueError("it declares a document type")


def _items(root: Any) -> Iterator[Headline]:
    found = 0
    for element in root.iter():
        if _bare(element.tag) not in ("item", "entry"):
            continue
        parts = {_bare(child.tag): "".join(child.itertext()) for child in reversed(list(element))}
        text = parts.get("title", "").strip()
        if not text:
            continue
        dates = (parts.get(name) for name in ("pubDate", "published", "updated", "date"))
        yield Headline(next((ts for ts in map(_date, dates) if ts is not None), None), text[:LONGEST_TEXT])
        found += 1
        if found == MOST_ITEMS:
            return


def _bare(tag: Any) -> str:
    return tag.rpartition("}")[2] if isinstance(tag, str) else ""


def _date(text: str | None) -> int | None:
    if not text:
        return None
    for read in (parsedate_to_datetime, datetime.fromisoformat):  # RSS, Atom
        with suppress(TypeError, ValueError, OverflowError):
            return _ms(read(text.strip()))
    return None


def _iso(text: str) -> int:
    return _ms(datetime.fromisoformat(text))


def _ms(moment: datetime) -> int:
    """A time without a zone is taken as UTC."""
    known = moment if moment.tzinfo is not None else moment.replace(tzinfo=UTC)
    return round(known.timestamp() * 1000)
