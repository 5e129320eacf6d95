"""Token buckets, one an endpoint, that follow what the venue's headers say and keep a reserve for getting out."""

import asyncio
import time
from collections.abc import Callable, Mapping
from enum import Enum, auto

from tradeterm.domain.errors import VenueRefused, VenueUnavailable

RATE_LIMITED = "RATE_LIMITED"
RESERVE = 0.4
"""Share of an endpoint's tokens that only what shrinks exposure may take."""

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

_LONGEST_PAUSE_S = 10.0


class Lane(Enum):
    """Why a request is made: to look, to open, or to get out (or protect)."""

    READ = auto()
    ENTRY = auto()
    URGENT = auto()


_PATIENCE_S = {Lane.READ: 10.0, Lane.ENTRY: 1.0, Lane.URGENT: 5.0}


class Bucket:
    def __init__(self, capacity: float, per_second: float, now: float) -> None:
        self.capacity = capacity
        self.tokens = capacity
        self.per_second = per_second
        self.paused_until = now
        self._at = now

    def refill(self, now: float) -> None:
        self.tokens = min(self.capacity, self.tokens + max(0.0, now - self._at) * self.per_second)
        self._at = now

    def wait_s(self, reserve: float, now: float) -> float:
        """Seconds until a token above the reserve is there."""
        self.refill(now)
        missing = 1.0 + reserve - self.tokens
        return max(self.paused_until - now, missing / self.per_second if missing > 0 else 0.0)


class Limits:
    """Every request takes a token first. `take` waits a bounded time and then gives up: nothing was sent."""

    def __init__(self, monotonic: Callable[[], float] = time.monotonic) -> None:
        self._monotonic = monotonic
        self._address = Bucket(_ADDRESS_REQUESTS, _ADDRESS_REQUESTS / _ADDRESS_SECONDS, monotonic())
        self._buckets: dict[str, Bucket] = {}

    async def take(self, endpoint: str, lane: Lane) -> None:
        """Raises VenueRefused (an entry) or VenueUnavailable (anything else) when no token comes in time."""
        deadline = self._monotonic() + _PATIENCE_S[lane]
        bucket = self._bucket(endpoint)
        while True:
            now = self._monotonic()
            reserve = bucket.capacity * RESERVE if lane is Lane.ENTRY else 0.0
            common = 0.0 if lane is Lane.URGENT else self._address.capacity * RESERVE
            wait = max(bucket.wait_s(reserve, now), self._address.wait_s(common, now))
            if wait <= 0:
                bucket.tokens -= 1
                self._address.tokens -= 1
                return
            if now + wait > deadline:
                said = "too many requests to Bybit at this moment; this one was not sent"
                if lane is Lane.ENTRY:
                    raise VenueRefused(said, RATE_LIMITED)
                raise VenueUnavailable(said)
            await asyncio.sleep(wait)

    def observe(self, endpoint: str, headers: Mapping[str, str], venue_now: int) -> None:
        """Believe X-Bapi-Limit (the size) and X-Bapi-Limit-Status (what is left)."""
        size, left = _number(headers, "X-Bapi-Limit"), _number(headers, "X-Bapi-Limit-Status")
        if size is None or left is None or not 0 < size <= 1000:
            return
        bucket = self._bucket(endpoint)
        bucket.refill(self._monotonic())
        bucket.capacity = bucket.per_second = float(size)
        bucket.tokens = min(bucket.tokens, float(left), bucket.capacity)
        if left <= 0:
            self.exceeded(endpoint, headers, venue_now)

    def exceeded(self, endpoint: str, headers: Mapping[str, str], venue_now: int) -> float:
        """The venue says it was too much: rest until its reset time. Returns for how many seconds.

        The reset time may lie in the past already, be absurd or be missing; the rest is 50 ms to 10 s whatever it says.
        """
        reset = _number(headers, "X-Bapi-Limit-Reset-Timestamp")
        left_s = 1.0 if reset is None else (reset - venue_now) / 1000
        pause = min(max(left_s, 0.05), _LONGEST_PAUSE_S)
        bucket = self._bucket(endpoint)
        bucket.paused_until = max(bucket.paused_until, self._monotonic() + pause)
        return pause

    def _bucket(self, endpoint: str) -> Bucket:
        if endpoint not in self._buckets:
            size = _PER_SECOND.get(endpoint, _READS_PER_SECOND)
            self._buckets[endpoint] = Bucket(size, size, self._monotonic())
        return self._buckets[endpoint]


def _number(headers: Mapping[str, str], name: str) -> int | None:
    value = headers.get(name, "")
    return int(value) if isinstance(value, str) and value.isascii() and value.isdigit() and len(value) < 20 else None
