"""So many requests of each endpoint in any second, by what the venue's headers say, with a reserve for getting out.

Windows slide: whatever second the venue counts in, it never sees more than its limit.
"""

import asyncio
import time
from collections import deque
from collections.abc import Callable, Mapping
from enum import Enum, auto

from tradeterm.domain.errors import VenueRefused, VenueUnavailable
from tradeterm.domain.orders import RATE_LIMITED

RESERVE = 0.4
"""Share of an endpoint's requests that only what shrinks exposure may use."""

_PER_SECOND = {
    "place_order": 10,
    "amend_order": 10,
    "cancel_order": 10,
    "cancel_all_orders": 10,
    "set_trading_stop": 10,
    "set_leverage": 10,
    "switch_position_mode": 10,
    "set_margin_mode": 5,
    "get_api_key_information": 10,
}
_READS_PER_SECOND = 50
_ADDRESS_REQUESTS, _ADDRESS_SECONDS = 500, 5.0
"""All requests of an IP address; the venue bans beyond 600 in 5 s."""

_SECOND = 1.1
"""A second as the venue counts it, and some for requests that arrive closer together than they left."""

_LONGEST_PAUSE_S = 10.0


class Lane(Enum):
    """Why a request is made: to look, to open, or to get out (or protect)."""

    READ = auto()
    ENTRY = auto()
    URGENT = auto()


_PATIENCE_S = {Lane.READ: 10.0, Lane.ENTRY: 3.0, Lane.URGENT: 5.0}


class Window:
    """At most `size` requests within any `seconds`."""

    def __init__(self, size: int, seconds: float) -> None:
        self.size = size
        self.paused_until = 0.0
        self._seconds = seconds
        self._sent: deque[float] = deque()

    def wait_s(self, reserve: float, now: float) -> float:
        """Seconds until one more may go out that leaves the reserve alone."""
        room = max(1, int(self.size * (1 - reserve)))
        wait = self._sent[-room] + self._seconds - now if self._used(now) >= room else 0.0
        return max(wait, self.paused_until - now, 0.0)

    def send(self, now: float) -> None:
        self._sent.append(now)

    def observe(self, left: int, now: float) -> None:
        """The venue says how many are left: somebody else may use the key too."""
        unseen = self.size - left - self._used(now)
        self._sent.extend([now] * min(max(unseen, 0), self.size))

    def _used(self, now: float) -> int:
        while self._sent and self._sent[0] <= now - self._seconds:
            self._sent.popleft()
        return len(self._sent)


class Limits:
    """Every request asks first. `take` waits a bounded time and then gives up: nothing was sent."""

    def __init__(self, monotonic: Callable[[], float] = time.monotonic) -> None:
        self._monotonic = monotonic
        self._address = Window(_ADDRESS_REQUESTS, _ADDRESS_SECONDS)
        self._windows: dict[str, Window] = {}

    async def take(self, endpoint: str, lane: Lane) -> None:
        """Raises VenueRefused (an entry) or VenueUnavailable (anything else) when there is no room in time."""
        deadline = self._monotonic() + _PATIENCE_S[lane]
        window = self._window(endpoint)
        while True:
            now = self._monotonic()
            own = window.wait_s(RESERVE if lane is Lane.ENTRY else 0.0, now)
            wait = max(own, self._address.wait_s(0.0 if lane is Lane.URGENT else RESERVE, now))
            if wait <= 0:
                window.send(now)
                self._address.send(now)
                return
            if now + wait > deadline:
                said = "too many requests to Bybit at this moment; this one was not sent"
                if lane is Lane.ENTRY:
                    raise VenueRefused(said, RATE_LIMITED)
                raise VenueUnavailable(said)
            await asyncio.sleep(wait)

    def observe(self, endpoint: str, headers: Mapping[str, str]) -> None:
        """Believe X-Bapi-Limit (how many a second) and X-Bapi-Limit-Status (how many are left of it)."""
        size, left = _number(headers, "X-Bapi-Limit"), _number(headers, "X-Bapi-Limit-Status")
        if size is None or left is None or not 0 < size <= 1000:
            return
        window = self._window(endpoint)
        window.size = size
        window.observe(left, self._monotonic())

    def exceeded(self, endpoint: str, headers: Mapping[str, str], venue_now: int) -> float:
        """The venue says it was too much: rest until its reset time. Returns for how many seconds.

        The reset time may lie in the past already, be absurd or be missing; the rest is 50 ms to 10 s whatever it says.
        """
        reset = _number(headers, "X-Bapi-Limit-Reset-Timestamp")
        left_s = 1.0 if reset is None else (reset - venue_now) / 1000
        pause = min(max(left_s, 0.05), _LONGEST_PAUSE_S)
        window = self._window(endpoint)
        window.paused_until = max(window.paused_until, self._monotonic() + pause)
        return pause

    def _window(self, endpoint: str) -> Window:
        if endpoint not in self._windows:
            self._windows[endpoint] = Window(_PER_SECOND.get(endpoint, _READS_PER_SECOND), _SECOND)
        return self._windows[endpoint]


def _number(headers: Mapping[str, str], name: str) -> int | None:
    value = headers.get(name, "")
    return int(value) if isinstance(value, str) and value.isascii() and value.isdigit() and len(value) < 20 else None
