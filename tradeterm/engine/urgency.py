"""While an order may be on its way, what can wait does: a view, the journal, the models of the next bar."""

import asyncio
import time
from collections.abc import Callable

PRESSING_S = 0.02
"""How long from the last step of a signal or an order; a step takes a few milliseconds."""
PATIENCE_S = 0.2
"""What waits is not put off for longer, however many orders follow each other."""


class Urgency:
    """`press` at every step of an order; `over` returns when none is pressing."""

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._until = 0.0

    def press(self) -> None:
        self._until = self._clock() + PRESSING_S

    @property
    def rest_s(self) -> float:
        """Seconds until nothing presses, 0 where nothing does."""
        return max(0.0, self._until - self._clock())

    async def over(self) -> None:
        patience = self._clock() + PATIENCE_S
        while (rest := min(self.rest_s, patience - self._clock())) > 0:  # noqa: ASYNC110 - it moves on
            await asyncio.sleep(rest)
