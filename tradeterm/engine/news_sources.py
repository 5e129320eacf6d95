"""Where headlines are read: a file that anything may append to, and feeds."""

import asyncio
import errno
import logging
import os
import stat
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from msgspec import Struct

from tradeterm.domain.errors import DataError
from tradeterm.feeds.headlines import LARGEST_FEED, TOO_LARGE, Headline, is_feed_url, read_feed, read_line

if TYPE_CHECKING:
    import httpx

FETCH_S = 20.0
READ_AT_MOST = 1024 * 1024
_REDIRECTS = 3
_MOVED = frozenset({301, 302, 303, 307, 308})


class Read(Struct, frozen=True):
    """What was new, how many lines were no headlines, and whether there was more than is read at once."""

    headlines: Sequence[Headline]
    unreadable: int = 0
    cut: bool = False


class FileTail:
    """Reads what was appended since it looked last, the last `at_most` bytes of it; a file that was replaced or cut is
    read anew."""

    def __init__(self, path: Path, at_most: int = READ_AT_MOST) -> None:
        self.path = path
        self.at_most = at_most
        self._inode = -1
        self._offset = 0

    def read(self) -> Read:
        """Whole lines alone: one that is still being written comes with the next look. Raises OSError."""
        if not stat.S_ISREG(self.path.stat().st_mode):  # to open a pipe would wait for who writes to it
            raise OSError(errno.EINVAL, "it is no file")
        with self.path.open("rb") as file:
            state = os.fstat(file.fileno())
            cut = False
            if state.st_ino != self._inode or state.st_size < self._offset:
                self._inode, self._offset = state.st_ino, 0
            if state.st_size - self._offset > self.at_most:
                self._offset, cut = state.st_size - self.at_most, True
            file.seek(self._offset)
            whole, newline, _ = file.read(self.at_most).rpartition(b"\n")
        self._offset += len(whole) + len(newline)
        lines = whole.split(b"\n")[1 if cut else 0 :]
        found, unreadable = [], 0
        for line in lines:
            if line.strip():
                try:
                    found.append(read_line(line))
                except DataError:
                    unreadable += 1
        return Read(found, unreadable, cut)


def make_client() -> "httpx.AsyncClient":
    """Made here: only who reads feeds pays for the HTTP client."""
    import httpx

    for name in ("httpx", "httpcore"):  # at INFO they print whole addresses, which may hold a token
        logging.getLogger(name).setLevel(logging.WARNING)
    return httpx.AsyncClient(timeout=FETCH_S / 2, headers={"user-agent": "tradeterm"})


async def fetch(client: "httpx.AsyncClient", url: str) -> list[Headline]:
    """The items of a feed. Raises DataError with what went wrong, never with more of the address than its host."""
    import httpx

    try:
        async with asyncio.timeout(FETCH_S):
            return await asyncio.to_thread(read_feed, await _document(client, url))
    except TimeoutError:
        raise DataError(f"no answer within {FETCH_S:g} s") from None
    except (httpx.HTTPError, httpx.InvalidURL) as error:
        raise DataError(f"no connection: {type(error).__name__}") from None


async def _document(client: "httpx.AsyncClient", url: str) -> bytes:
    for _ in range(_REDIRECTS + 1):
        async with client.stream("GET", url) as answer:
            if answer.status_code in _MOVED:
                url = str(answer.url.join(answer.headers.get("location", "")))
                if not is_feed_url(url):
                    raise DataError("it was moved to an address that is not https")
                continue
            if answer.status_code != 200:
                raise DataError(f"the answer was {answer.status_code}")
            document = bytearray()
            async for chunk in answer.aiter_bytes():
                document += chunk
                if len(document) > LARGEST_FEED:
                    raise DataError(TOO_LARGE)
            return bytes(document)
    raise DataError(f"it was moved more than {_REDIRECTS} times")
