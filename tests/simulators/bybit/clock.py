"""The venue's clock: the machine's, plus an offset a test may set."""

import time
from dataclasses import dataclass


@dataclass
class Clock:
    offset_ms: int = 0

    def now_ms(self) -> int:
        """UTC now, as the venue sees it."""
        return time.time_ns() // 1_000_000 + self.offset_ms

    def now_ns(self) -> int:
        return time.time_ns() + self.offset_ms * 1_000_000
