"""Stops asking a provider that fails: five failures in two minutes open it for one, then a single call tries again."""

from collections import deque
from collections.abc import Callable

FAILURES = 5
WINDOW_S = 120.0
OPEN_S = 60.0


class CallBreaker:
    """`clock` is monotonic, in seconds."""

    def __init__(self, clock: Callable[[], float]) -> None:
        self._clock = clock
        self._failures: deque[float] = deque()
        self._opened: float | None = None
        self._probing = False

    @property
    def is_open(self) -> bool:
        return self._opened is not None

    def allows(self) -> bool:
        """Whether a call may go out now. While it is open, one call a minute may; it must report back."""
        if self._opened is None:
            return True
        if self._probing or self._clock() - self._opened < OPEN_S:
            return False
        self._probing = True
        return True

    def succeeded(self) -> bool:
        """A call was answered. True if that closes the breaker."""
        closes = self._opened is not None
        self._failures.clear()
        self._opened, self._probing = None, False
        return closes

    def failed(self) -> bool:
        """A call was not answered. True if that opens the breaker."""
        now = self._clock()
        if self._opened is not None:
            self._opened, self._probing = now, False
            return False
        self._failures.append(now)
        while now - self._failures[0] > WINDOW_S:
            self._failures.popleft()
        if len(self._failures) < FAILURES:
            return False
        self._opened = now
        return True

    def gave_up(self) -> None:
        """The call that was allowed never went out, or says nothing of the provider."""
        self._probing = False
