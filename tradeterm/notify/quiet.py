"""Quiet hours: when only what is critical is told."""

from datetime import datetime, tzinfo

from msgspec import Struct


class QuietHours(Struct, frozen=True):
    """From one hour of the day to another in a time zone, over midnight if need be; the same hour twice is never."""

    start: float
    end: float
    zone: tzinfo

    def at(self, ts: float) -> bool:
        """Whether the UTC time `ts`, in seconds, lies within them."""
        local = datetime.fromtimestamp(ts, self.zone)
        hour = local.hour + local.minute / 60 + local.second / 3600
        if self.start <= self.end:
            return self.start <= hour < self.end
        return hour >= self.start or hour < self.end
