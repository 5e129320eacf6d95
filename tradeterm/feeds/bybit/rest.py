"""Bybit's public REST: reads only, so what failed on the way is asked again."""

import asyncio
import time
from collections import deque
from collections.abc import Awaitable, Callable, Sequence
from types import TracebackType
from typing import Any
from urllib.parse import urlsplit

import httpx
import msgspec
from msgspec import Raw, Struct

from tradeterm.domain.errors import DataError, VenueRefused, VenueUnavailable
from tradeterm.domain.market import Bar
from tradeterm.feeds.bybit import decode
from tradeterm.venues.backoff import Backoff
from tradeterm.venues.trouble import FORBIDDEN, TOO_MANY, explain, explain_status, plain

TIMEOUT = httpx.Timeout(7.0, connect=3.0)
ATTEMPTS = 4
PAGE_INSTRUMENTS, PAGE_BARS, PAGE_FUNDING = 1000, 1000, 200
MOST_PAGES = 50
CLOCK_SAMPLES = 3
BUDGET, BUDGET_S = 100, 5.0
"""Our share of the venue's 600 requests in 5 s an address; the signed requests have the rest."""
BAN_S = 600.0
LONGEST_RESET_S = 10.0
FINAL_MS = 2_000
"""How long after its close a bar is final."""
RESET_HEADER = "X-Bapi-Limit-Reset-Timestamp"
LIMITED_CODES = frozenset({10006, 10018, 429, 10429, 20003})
BUSY_CODES = frozenset({10000, 10016, 10019})
INTERVALS = {
    "1m": "1", "3m": "3", "5m": "5", "15m": "15", "30m": "30", "1h": "60", "4h": "240", "1d": "D",
}  # fmt: skip


class _Envelope(Struct, rename="camel"):
    ret_code: int
    ret_msg: str = ""
    result: Raw = Raw(b"null")
    time: int | None = None


class _Time(Struct, rename="camel"):
    time_nano: str


class _Rows(Struct, rename="camel"):
    list: list[Any]
    next_page_cursor: str | None = None


class _Again(Exception):
    """This attempt failed in a way that may pass: why, and the least seconds to wait."""

    def __init__(self, error: VenueUnavailable | DataError, wait_s: float = 0.0) -> None:
        super().__init__(str(error))
        self.error = error
        self.wait_s = wait_s


class PublicRest:
    """A client. Every method raises VenueUnavailable when the venue cannot be reached, VenueRefused for a definite
    no, and DataError for an answer that cannot be understood, each one sentence.
    """

    def __init__(
        self,
        url: str,
        *,
        clock: Callable[[], int],
        transport: httpx.AsyncBaseTransport | None = None,
        sleep: Callable[[float], Awaitable[None]] = asyncio.sleep,
        monotonic: Callable[[], float] = time.monotonic,
    ) -> None:
        self._url = url
        self._host = urlsplit(url).hostname or url
        self._clock = clock
        self._transport = transport
        self._sleep = sleep
        self._monotonic = monotonic
        self._client: httpx.AsyncClient | None = None
        self._sent: deque[float] = deque(maxlen=BUDGET)
        self._rest_until = 0.0
        self._banned_until = 0.0

    async def __aenter__(self) -> "PublicRest":
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self.close()

    async def close(self) -> None:
        client, self._client = self._client, None
        if client is not None:
            await client.aclose()

    async def clock_offset(self) -> int:
        """Milliseconds by which the venue's clock is ahead of ours: of a few measurements the quickest, halving the way
        there and back."""
        measured = []
        for _ in range(CLOCK_SAMPLES):
            sent = self._clock()
            answer = await self._get("/v5/market/time", {}, _Time)
            back = self._clock()
            there = decode.milliseconds(answer.time_nano[:-6])
            if there is None:
                raise DataError(f"{self._host} gave a time that is none: {plain(answer.time_nano)}")
            measured.append((back - sent, there - (sent + back) // 2))
        return min(measured)[1]

    async def instruments(self) -> Sequence[object]:
        """A row for every linear contract."""
        rows: list[object] = []
        cursor = ""
        for _ in range(MOST_PAGES):
            more = {"cursor": cursor} if cursor else {}
            page = await self._get(
                "/v5/market/instruments-info", {"category": "linear", "limit": str(PAGE_INSTRUMENTS), **more}, _Rows
            )
            rows += page.list
            if not page.next_page_cursor or not page.list:
                return rows
            cursor = page.next_page_cursor
        raise DataError(f"{self._host} lists its instruments on more than {MOST_PAGES} pages")

    async def bars(
        self, instrument: str, symbol: str, interval: str, interval_ms: int, first: int, stop: int
    ) -> list[Bar]:
        """Bars with first <= ts_open < stop in time order, as far as the venue has them; those that cannot be right,
        and those that had not closed FINAL_MS before the venue answered, are left out."""
        found: dict[int, Bar] = {}
        for start in range(first, stop, PAGE_BARS * interval_ms):
            end = min(stop, start + PAGE_BARS * interval_ms) - 1
            page, answered = await self._get_dated(
                "/v5/market/kline",
                {
                    "category": "linear",
                    "symbol": symbol,
                    "interval": INTERVALS[interval],
                    "start": str(start),
                    "end": str(end),
                    "limit": str(PAGE_BARS),
                },
                _Rows,
            )
            now = self._clock()
            for row in page.list:
                bar = _bar(instrument, interval_ms, row, now)
                if bar is not None and start <= bar.ts_open <= end and bar.ts_event + FINAL_MS <= answered:
                    found[bar.ts_open] = bar
        return [found[ts] for ts in sorted(found)]

    async def funding(self, symbol: str, first: int, last: int) -> list[tuple[int, float]]:
        """Settlements with first <= ts <= last as (ts, rate) in time order, stamped to the second."""
        found: dict[int, float] = {}
        end = last
        for _ in range(MOST_PAGES):
            page = await self._get(
                "/v5/market/funding/history",
                {
                    "category": "linear",
                    "symbol": symbol,
                    "startTime": str(first),
                    "endTime": str(end),
                    "limit": str(PAGE_FUNDING),
                },
                _Rows,
            )
            known = [settlement for row in page.list if (settlement := _settlement(row)) is not None]
            found.update((ts, rate) for ts, rate in known if first <= ts <= last)
            oldest = min((ts for ts, _ in known), default=first)
            if len(page.list) < PAGE_FUNDING or oldest <= first or oldest > end:
                break
            end = oldest - 1
        return sorted(found.items())

    async def _get(self, path: str, params: dict[str, str], kind: type[Any]) -> Any:
        return (await self._get_dated(path, params, kind))[0]

    async def _get_dated(self, path: str, params: dict[str, str], kind: type[Any]) -> tuple[Any, int]:
        """The result, and the time at the venue when it answered (ours where it does not say)."""
        backoff = Backoff(first_s=0.5, cap_s=8.0, sleep=self._sleep, clock=self._monotonic)
        for attempt in range(1, ATTEMPTS + 1):
            await self._take_turn()
            try:
                return await self._once(path, params, kind)
            except _Again as again:
                if attempt == ATTEMPTS:
                    raise again.error from None
                await backoff.wait(again.wait_s)
        raise AssertionError("the last attempt returns or raises")

    async def _once(self, path: str, params: dict[str, str], kind: type[Any]) -> tuple[Any, int]:
        try:
            answer = await self._http().get(path, params=params)
        except (httpx.HTTPError, OSError, TimeoutError) as error:
            raise _Again(VenueUnavailable(explain(error, self._host))) from None
        status = answer.status_code
        if status == FORBIDDEN:
            self._banned_until = self._monotonic() + BAN_S
            raise VenueUnavailable(explain_status(status, self._host))
        if status == TOO_MANY:
            raise self._limited(answer, explain_status(status, self._host))
        if status >= 500:
            raise _Again(VenueUnavailable(explain_status(status, self._host)))
        if status != 200:
            raise VenueRefused(explain_status(status, self._host), str(status))
        try:
            envelope = msgspec.json.decode(answer.content, type=_Envelope)
        except decode.UNREADABLE:
            raise _Again(DataError(f"{self._host} answered {path} with something that is no JSON of its own")) from None
        self._judge(envelope, answer, path)
        try:
            return msgspec.json.decode(envelope.result, type=kind), envelope.time or self._clock()
        except decode.UNREADABLE as error:
            raise DataError(
                f"{self._host} answered {path} in a form that is not known here: {plain(str(error))}"
            ) from None

    def _judge(self, envelope: _Envelope, answer: httpx.Response, path: str) -> None:
        code, said = envelope.ret_code, plain(envelope.ret_msg)
        if code == 0:
            return
        if code in LIMITED_CODES:
            raise self._limited(answer, f"{self._host} was asked too often ({code})")
        if code in BUSY_CODES:
            raise _Again(VenueUnavailable(f"{self._host} is busy or under maintenance ({code} {said})"))
        raise VenueRefused(f"{self._host} refused {path}: {said} ({code})", str(code))

    def _limited(self, answer: httpx.Response, sentence: str) -> _Again:
        """Everybody waits until the time the venue names, or a second."""
        reset = decode.milliseconds(answer.headers.get(RESET_HEADER))
        wait_s = 1.0 if reset is None else min(LONGEST_RESET_S, max(0.2, (reset - self._clock()) / 1000))
        self._rest_until = max(self._rest_until, self._monotonic() + wait_s)
        return _Again(VenueUnavailable(sentence), wait_s)

    async def _take_turn(self) -> None:
        """Wait for a place in our share of the requests; raises VenueUnavailable while the address is banned."""
        while True:
            now = self._monotonic()
            if now < self._banned_until:
                minutes = (self._banned_until - now) / 60
                raise VenueUnavailable(
                    f"{self._host} refused this address (HTTP 403); nothing is asked for another {minutes:.0f} minutes"
                )
            full = self._sent[0] + BUDGET_S if len(self._sent) == BUDGET else 0.0
            wait_s = max(self._rest_until, full) - now
            if wait_s <= 0:
                self._sent.append(now)
                return
            await self._sleep(wait_s)

    def _http(self) -> httpx.AsyncClient:
        if self._client is None:
            try:
                self._client = httpx.AsyncClient(base_url=self._url, timeout=TIMEOUT, transport=self._transport)
            except (ImportError, ValueError, httpx.InvalidURL) as error:  # of the proxy variables
                raise VenueUnavailable(
                    f"the proxy settings cannot be used: {plain(str(error))}; check HTTPS_PROXY and ALL_PROXY"
                ) from None
        return self._client


def _bar(instrument: str, interval_ms: int, row: object, now: int) -> Bar | None:
    if not isinstance(row, list) or len(row) < 6 or not all(isinstance(value, (str, int, float)) for value in row):
        return None
    start, numbers = decode.milliseconds(row[0]), [decode.number(value) for value in row[1:6]]
    found = [value for value in numbers if value is not None]
    if start is None or len(found) < 5:
        return None
    o, h, low, c, v = found
    return decode.bar(instrument, interval_ms, start, o, h, low, c, v, now)


def _settlement(row: object) -> tuple[int, float] | None:
    if not isinstance(row, dict):
        return None
    stamp, rate = row.get("fundingRateTimestamp"), row.get("fundingRate")
    if not isinstance(stamp, (str, int)) or not isinstance(rate, (str, int, float)):
        return None
    ts, value = decode.milliseconds(stamp), decode.number(rate)
    if ts is None or value is None or abs(value) >= 1:
        return None
    return (ts + 500) // 1000 * 1000, value
