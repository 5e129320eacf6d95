"""Closed bars of one instrument in order, each exactly once, whether they came by stream or by REST."""

from collections.abc import Iterable

from tradeterm.domain.market import Bar

MOST_HELD = 20_000


class Join:
    """Where the series of one instrument stands. `next_open` is the opening time of the bar that comes next.

    Bars that came too early are held until what lies before them is fetched.
    """

    def __init__(self, interval_ms: int, after_ts: int) -> None:
        self._interval_ms = interval_ms
        self.next_open = after_ts // interval_ms * interval_ms
        self._held: dict[int, Bar] = {}

    @property
    def next_close(self) -> int:
        return self.next_open + self._interval_ms

    def streamed(self, bar: Bar) -> list[Bar]:
        """The bars that are due now that this one has come: none if one is missing before it, or if it is old."""
        if bar.ts_open == self.next_open and not self._held:
            self.next_open += self._interval_ms
            return [bar]
        self._hold([bar])
        return self._due()

    def fetched(self, bars: Iterable[Bar]) -> tuple[list[Bar], int]:
        """The bars that are due after everything the venue has from `next_open` on, and how many it does not have."""
        known = list(bars)
        self._hold(known)
        due = self._due()
        newest = max((bar.ts_open for bar in known), default=-1)
        missing = 0
        while self.next_open < newest:  # the venue has later bars, so it will never have these
            ahead = min(self._held)
            missing += (ahead - self.next_open) // self._interval_ms
            self.next_open = ahead
            due += self._due()
        return due, missing

    def _hold(self, bars: Iterable[Bar]) -> None:
        for bar in bars:
            if bar.ts_open >= self.next_open and len(self._held) < MOST_HELD:
                self._held.setdefault(bar.ts_open, bar)

    def _due(self) -> list[Bar]:
        due = []
        while (bar := self._held.pop(self.next_open, None)) is not None:
            due.append(bar)
            self.next_open += self._interval_ms
        return due
