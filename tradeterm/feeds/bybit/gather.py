"""What belongs to one instant leaves together: strategies judge the bars of all instruments at once."""

from collections.abc import Callable

from tradeterm.domain.market import Bar, FundingRate

Batch = list[Bar | FundingRate]


class _Slot:
    def __init__(self, since_s: float) -> None:
        self.since_s = since_s
        self.bars: list[Bar] = []
        self.funding: list[FundingRate] = []


class Gather:
    """Bars and funding by time, given out in time order. An instant waits until nothing is `missing` of it, but no
    longer than `window_s`, or `patience_s` while what is missing is `coming`. What comes later is a batch of its own.
    """

    def __init__(
        self,
        *,
        window_s: float,
        patience_s: float,
        missing: Callable[[int], bool],
        coming: Callable[[int], bool],
        clock: Callable[[], float],
    ) -> None:
        self._window_s = window_s
        self._patience_s = patience_s
        self._missing = missing
        self._coming = coming
        self._clock = clock
        self._slots: dict[int, _Slot] = {}

    def add(self, item: Bar | FundingRate) -> None:
        slot = self._slots.get(item.ts_event)
        if slot is None:
            slot = self._slots[item.ts_event] = _Slot(self._clock())
        if isinstance(item, Bar):
            slot.bars.append(item)
        else:
            slot.funding.append(item)

    def take(self) -> list[Batch]:
        """The batches that are ready, oldest first; within one all bars, then funding."""
        ready: list[Batch] = []
        for ts in sorted(self._slots):
            slot = self._slots[ts]
            if self._missing(ts) and self._left(ts, slot) > 0:
                break
            del self._slots[ts]
            ready.append([*slot.bars, *slot.funding])
        return ready

    def left_s(self) -> float | None:
        """Seconds until the oldest instant leaves whatever is missing; None when nothing waits."""
        if not self._slots:
            return None
        ts = min(self._slots)
        return max(0.0, self._left(ts, self._slots[ts]))

    def _left(self, ts: int, slot: _Slot) -> float:
        limit = self._patience_s if self._coming(ts) else self._window_s
        return slot.since_s + limit - self._clock()
