"""How far this computer's clock is from the venue's."""

from collections.abc import Callable

MOST_BELIEVABLE_MS = 10 * 365 * 86_400_000.0


class VenueClock:
    """`wall` is our clock, UTC ms. What is signed carries the venue's time; how wrong ours is stays on show."""

    def __init__(self, wall: Callable[[], int]) -> None:
        self._wall = wall
        self.skew_ms: float | None = None
        """How far our clock is ahead of the venue's; None until it was measured."""
        self._uncertain_ms = 0.0

    def wall(self) -> int:
        return self._wall()

    def now(self) -> int:
        """The venue's time, as well as we know it."""
        return self.to_venue(self._wall())

    def to_venue(self, ts: int) -> int:
        return ts if self.skew_ms is None else round(ts - self.skew_ms)

    def measured(self, samples: list[tuple[int, float, int]]) -> None:
        """Take the sample with the shortest round trip: (our time when asked, round trip in ms, the venue's time).

        Half the trip is taken for each way, so the skew is exact to within half the round trip. A blunt sample that
        agrees with a sharper one, within what it cannot know, leaves that one as it is.
        """
        usable = [sample for sample in samples if sample[2] > 0 and abs(sample[0] - sample[2]) < MOST_BELIEVABLE_MS]
        if usable:
            asked, trip, venue = min(usable, key=lambda sample: sample[1])
            skew, uncertain = asked + trip / 2 - venue, trip / 2
            agrees = self.skew_ms is not None and abs(skew - self.skew_ms) <= uncertain + self._uncertain_ms
            if not agrees or uncertain <= self._uncertain_ms:
                self.skew_ms, self._uncertain_ms = skew, uncertain

    def complaint(self, limit_ms: int) -> str:
        """A sentence if the clock is off by more than the limit, else ""."""
        if self.skew_ms is None or abs(self.skew_ms) - self._uncertain_ms <= limit_ms:
            return ""
        way = "ahead of" if self.skew_ms > 0 else "behind"
        return (
            f"this computer's clock is {abs(self.skew_ms) / 1000:.1f} s {way} Bybit's "
            f"(allowed {limit_ms / 1000:g} s): set it by NTP"
        )
