"""Signed requests from the event loop: every outcome is a result or one of the three errors of a venue.

Nothing is sent again here unless repeating it is harmless and the method's name says so: `read` and `change` do,
`once` never does.
"""

import asyncio
from collections.abc import Callable, Mapping
from concurrent.futures import ThreadPoolExecutor
from urllib.parse import urlsplit

import requests

from tradeterm.brokers.bybit.clock import VenueClock
from tradeterm.brokers.bybit.health import Health
from tradeterm.brokers.bybit.limits import Lane, Limits
from tradeterm.brokers.bybit.transport import Client, Clients, Outcome
from tradeterm.brokers.protocol import DUPLICATE_CLIENT_ID, Recording
from tradeterm.domain.errors import OutcomeUnclear, VenueError, VenueRefused, VenueUnavailable
from tradeterm.venues.bybit import codes
from tradeterm.venues.bybit.codes import Meaning
from tradeterm.venues.bybit.endpoints import Endpoints
from tradeterm.venues.bybit.rows import Row, rows_of
from tradeterm.venues.credentials import Credentials
from tradeterm.venues.trouble import explain, explain_status, plain

Result = Mapping[str, object]

SERVER_TIME = "get_server_time"
_CLOCK_SAMPLES = 3
_READ_AGAIN_AFTER_S = (0.3, 1.0)
_CHANGE_AGAIN_AFTER_S = (0.3,)
_MOST_PAGES = 200
REPEATABLE = frozenset(
    {str(code) for code, meaning in codes.codes().items() if meaning in (Meaning.RATE, Meaning.CLOCK)}
)
_NOT_AT_WORK = (Meaning.RATE, Meaning.CLOCK, Meaning.UNCLEAR, Meaning.CREDENTIALS, Meaning.ACCOUNT)
_AT_WORK = frozenset(Meaning).difference(_NOT_AT_WORK)
"""Answers that only a venue in order gives to a key it knows."""

_FORBIDDEN, _UNAUTHORIZED, _TOO_MANY, _UNREADABLE = 403, 401, 429, 409


class Rest:
    """Workers of its own for getting out, so that reads and entries that hang cannot hold up a cancel."""

    def __init__(
        self,
        endpoints: Endpoints,
        credentials: Credentials,
        recv_window_ms: int,
        clock: VenueClock,
        health: Health,
        limits: Limits,
    ) -> None:
        self._host = urlsplit(endpoints.rest).hostname or endpoints.rest
        self._clock = clock
        self._health = health
        self._limits = limits
        self._make: Callable[[], Client] = lambda: Client(endpoints.rest, credentials, recv_window_ms, clock)
        self._clients = Clients(self._make)
        self._ordinary: ThreadPoolExecutor | None = None
        self._urgent: ThreadPoolExecutor | None = None
        self.clock_doubted = asyncio.Event()
        """Set when the venue refused a request for its time."""

    def open(self) -> None:
        if self._ordinary is None:
            self._ordinary = ThreadPoolExecutor(4, thread_name_prefix="bybit")
            self._urgent = ThreadPoolExecutor(3, thread_name_prefix="bybit-urgent")

    async def close(self) -> None:
        """Waits for requests on their way: they end within their time-outs."""
        pools = [pool for pool in (self._ordinary, self._urgent) if pool is not None]
        self._ordinary = self._urgent = None
        for pool in pools:
            await asyncio.to_thread(pool.shutdown, cancel_futures=True)
        self._clients.close()
        self._clients = Clients(self._make)

    async def once(
        self, endpoint: str, lane: Lane, recording: Recording | None = None, /, **parameters: object
    ) -> Result:
        """Exactly one request, which leaves once `recording` is on the disk. Raises VenueRefused, VenueUnavailable or
        OutcomeUnclear, and LedgerError where nothing was sent because that failed."""
        return self._judge(endpoint, await self._ask(endpoint, lane, parameters, recording))

    async def _ask(
        self, endpoint: str, lane: Lane, parameters: Mapping[str, object], recording: Recording | None = None
    ) -> Outcome:
        if banned := self._health.banned():
            raise VenueUnavailable(banned)
        await self._limits.take(endpoint, lane)
        pool = self._urgent if lane is Lane.URGENT else self._ordinary
        if pool is None:
            raise VenueUnavailable(f"{self._host} is not connected")
        asked = asyncio.get_running_loop().run_in_executor(pool, self._clients.ask, endpoint, parameters, recording)
        try:
            return await asked
        except asyncio.CancelledError:
            task = asyncio.current_task()
            if task is None or task.cancelling() or not asked.cancelled():
                raise
            raise VenueUnavailable(f"the connection to {self._host} was closed; the request was not sent") from None
        except RuntimeError as error:  # the pool was shut down meanwhile
            raise OutcomeUnclear(f"the connection to {self._host} was closed: {plain(str(error))}") from None

    async def read(self, endpoint: str, /, **parameters: object) -> Result:
        """Asked again a little later when it fails in passing; a read changes nothing. Never raises OutcomeUnclear."""
        try:
            return await self._again(endpoint, Lane.READ, _READ_AGAIN_AFTER_S, parameters)
        except OutcomeUnclear as error:
            raise VenueUnavailable(str(error)) from None

    async def change(self, endpoint: str, lane: Lane = Lane.URGENT, /, **parameters: object) -> Result:
        """A request that does the same however often it arrives. Asked again once if it certainly had no effect."""
        return await self._again(endpoint, lane, _CHANGE_AGAIN_AFTER_S, parameters)

    async def pages(self, endpoint: str, /, **parameters: object) -> list[Row]:
        """All rows of a list, page by page. Raises VenueUnavailable if it has no end."""
        found: list[Row] = []
        cursor = ""
        for _ in range(_MOST_PAGES):
            more = {"cursor": cursor} if cursor else {}
            result = await self.read(endpoint, **parameters, **more)
            rows = list(rows_of(result.get("list")))
            found.extend(rows)
            following = result.get("nextPageCursor")
            if not rows or not isinstance(following, str) or following in ("", cursor):
                return found
            cursor = following
        raise VenueUnavailable(f"{self._host} does not come to the end of its list of {endpoint}")

    async def measure_clock(self) -> None:
        """Ask the venue's time a few times. Raises what `read` raises."""
        samples = []
        for _ in range(_CLOCK_SAMPLES):
            outcome = await self._ask(SERVER_TIME, Lane.READ, {})
            samples.append((outcome.asked, outcome.elapsed_ms, _server_ms(self._judge(SERVER_TIME, outcome))))
        self._clock.measured(samples)

    async def _again(
        self, endpoint: str, lane: Lane, waits: tuple[float, ...], parameters: Mapping[str, object]
    ) -> Result:
        for wait in waits:
            try:
                return await self.once(endpoint, lane, **parameters)
            except VenueRefused as error:
                if error.code not in REPEATABLE:
                    raise
                await self._clock_refused(error)
            except OutcomeUnclear:
                if lane is not Lane.READ:
                    raise
            except VenueUnavailable:
                if self._health.banned() or self._ordinary is None:
                    raise
            await asyncio.sleep(wait)
        return await self.once(endpoint, lane, **parameters)

    async def _clock_refused(self, error: VenueRefused) -> None:
        if codes.meaning(int(error.code)) is Meaning.CLOCK:
            try:
                await self.measure_clock()
            except VenueError:
                return

    def _judge(self, endpoint: str, outcome: Outcome) -> Result:
        """The result of an outcome, or the error it means."""
        self._limits.observe(endpoint, outcome.headers)
        if outcome.status is not None:
            raise self._http_error(endpoint, outcome.status, outcome.headers)
        if outcome.error is not None or outcome.code is None:
            raise self._network_error(outcome)
        meaning = codes.meaning(outcome.code)
        said = codes.sentence(outcome.code, outcome.message)
        if meaning in _AT_WORK and endpoint != SERVER_TIME:
            self._health.answered(outcome.elapsed_ms)
        if meaning in (Meaning.OK, Meaning.NOT_MODIFIED):
            return outcome.result
        if meaning is Meaning.DUPLICATE:
            raise VenueRefused(said, DUPLICATE_CLIENT_ID)
        if meaning is Meaning.RATE:
            self._rate_limited(endpoint, outcome.headers, said)
        elif meaning is Meaning.CLOCK:
            self.clock_doubted.set()
        elif meaning in codes.STOPS_EVERYTHING:
            self._health.refused(said)
        elif meaning is Meaning.UNCLEAR:
            self._health.trouble(said)
        if meaning in codes.REFUSALS:
            raise VenueRefused(said, str(outcome.code))
        raise OutcomeUnclear(said)

    def _http_error(self, endpoint: str, status: int, headers: Mapping[str, str]) -> VenueError:
        said = explain_status(status, self._host)
        if status == _FORBIDDEN:
            self._health.ban(said)
            return VenueRefused(said, str(status))
        if status == _UNAUTHORIZED:
            said = codes.sentence(status)
            self._health.refused(said)
            return VenueRefused(said, str(status))
        if status == _TOO_MANY:
            self._rate_limited(endpoint, headers, said)
            return VenueRefused(said, str(status))
        if status == _UNREADABLE:
            said = f"{self._host} gave an answer that cannot be read"
        self._health.trouble(said)
        return OutcomeUnclear(said)

    def _network_error(self, outcome: Outcome) -> VenueError:
        error = outcome.error
        if error is None or isinstance(
            error, (requests.exceptions.JSONDecodeError, LookupError, TypeError, AttributeError)
        ):
            said = f"{self._host} gave an answer that cannot be read"
        elif isinstance(error, requests.exceptions.ProxyError):
            said = f"the proxy did not connect to {self._host}: check the proxy settings"
        elif isinstance(error, requests.exceptions.ReadTimeout):
            said = f"{self._host} did not answer in time"
        elif isinstance(error, requests.exceptions.TooManyRedirects):
            said = f"{self._host} sent us to another address; requests are not sent there"
        else:
            said = explain(error, self._host)
        self._health.trouble(said)
        return OutcomeUnclear(said) if outcome.sent else VenueUnavailable(said)

    def _rate_limited(self, endpoint: str, headers: Mapping[str, str], said: str) -> None:
        pause = self._limits.exceeded(endpoint, headers, self._clock.now())
        self._health.trouble(said, pause)


def _server_ms(result: Result) -> int:
    nanoseconds = result.get("timeNano")
    if isinstance(nanoseconds, str) and nanoseconds.isascii() and nanoseconds.isdigit() and len(nanoseconds) < 25:
        return int(nanoseconds) // 1_000_000
    return 0
