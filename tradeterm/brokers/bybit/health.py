"""What the venue allows at this moment, from all that was heard of it."""

import time
from collections import deque
from collections.abc import Callable
from statistics import median

from tradeterm.brokers.bybit.clock import VenueClock
from tradeterm.brokers.protocol import Condition
from tradeterm.domain.states import VenueState

BAN_S = 600.0
"""After HTTP 403 nothing at all is sent for ten minutes."""

_TROUBLE_S = 30.0
_GRACE_S = 2.0
_NOTICE_S = 60.0
_REMEMBERED = 50


class Health:
    """Collects; `condition` concludes. The worst of what is known counts."""

    def __init__(self, clock: VenueClock, max_skew_ms: int, monotonic: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._max_skew_ms = max_skew_ms
        self._monotonic = monotonic
        self._latencies: deque[float] = deque(maxlen=_REMEMBERED)
        self._stream = "the private stream is not connected yet"
        self._refused = ""
        self._failed_check = ""
        self._ban = ""
        self._banned_until = 0.0
        self._trouble = ""
        self._trouble_since = 0.0
        self._trouble_until = 0.0
        self._notice = ""
        self._notice_until = 0.0

    def answered(self, latency_ms: float) -> None:
        """A signed request was carried out."""
        self._latencies.append(latency_ms)
        self._trouble = ""
        self._refused = ""

    def refused(self, sentence: str) -> None:
        """The venue does not let us in; the next request that succeeds ends it."""
        self._refused = sentence

    def check_failed(self, sentence: str) -> None:
        """The account is not as it must be; "" once it is."""
        self._failed_check = sentence

    def ban(self, sentence: str) -> None:
        """Send nothing at all for ten minutes."""
        self._ban = sentence
        self._banned_until = self._monotonic() + BAN_S

    def banned(self) -> str:
        """Why nothing may be sent just now, or ""."""
        return self._ban if self._monotonic() < self._banned_until else ""

    def trouble(self, sentence: str, seconds: float = _TROUBLE_S) -> None:
        """Something passing: entries wait until a request succeeds or the time is over. One request that fails among
        others that succeed is the repeating of that request, and nobody need hear of it."""
        now = self._monotonic()
        if not self._trouble or now >= self._trouble_until:
            self._trouble_since = now
        self._trouble = sentence
        self._trouble_until = now + seconds

    def notice(self, sentence: str) -> None:
        """Something a person must get to see, however well requests go: entries wait for a minute."""
        self._notice = sentence
        self._notice_until = self._monotonic() + _NOTICE_S

    def stream(self, why_down: str) -> None:
        """The private stream works ("") or is lost."""
        self._stream = why_down

    def condition(self) -> Condition:
        state, detail = self._state()
        return Condition(
            state=state,
            detail=detail,
            latency_ms=median(self._latencies) if self._latencies else None,
            skew_ms=self._clock.skew_ms,
        )

    def _state(self) -> tuple[VenueState, str]:
        for sentence in (self.banned(), self._refused, self._failed_check):
            if sentence:
                return VenueState.BLOCKED, sentence
        now = self._monotonic()
        troubled = self._trouble_since + _GRACE_S <= now < self._trouble_until
        passing = self._trouble if troubled else self._notice if now < self._notice_until else ""
        for complaint in (self._stream, self._clock.complaint(self._max_skew_ms), passing):
            if complaint:
                return VenueState.RESTRICTED, complaint
        return VenueState.READY, ""
