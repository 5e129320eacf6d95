"""How long to wait between attempts to reach a venue."""

import asyncio
import random
import time
from collections.abc import Awaitable, Callable


class Backoff:
    """Waits that double from `first_s` to `cap_s`, each spread by ±`jitter` of itself so that many clients do not come
    back together. A connection that stayed up for `healthy_s` starts the series anew; a shorter one does not, so a
    venue that accepts and drops at once is asked less and less often.
    """

    def __init__(
        self,
        *,
        first_s: float = 1.0,
        cap_s: float = 30.0,
        jitter: float = 0.3,
        healthy_s: float = 30.0,
        uniform: Callable[[float, float], float] = random.uniform,
        sleep: Callable[[float], Awaitable[None]] = asyncio.sleep,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        if not 0 < first_s <= cap_s or not 0 <= jitter < 1:
            raise ValueError("a back-off needs 0 < first_s <= cap_s and 0 <= jitter < 1")
        self._first_s = first_s
        self._cap_s = cap_s
        self._jitter = jitter
        self._healthy_s = healthy_s
        self._uniform = uniform
        self._sleep = sleep
        self._clock = clock
        self._failures = 0
        self._up_since: float | None = None

    def up(self) -> None:
        """The venue was reached."""
        self._up_since = self._clock()

    def next_s(self) -> float:
        """Seconds to wait before the next attempt; counts as a failure."""
        if self._up_since is not None and self._clock() - self._up_since >= self._healthy_s:
            self._failures = 0
        self._up_since = None
        plain = min(self._cap_s, self._first_s * 2.0 ** min(self._failures, 60))
        self._failures += 1
        return plain * self._uniform(1 - self._jitter, 1 + self._jitter)

    async def wait(self, at_least_s: float = 0.0) -> None:
        await self._sleep(max(at_least_s, self.next_s()))
