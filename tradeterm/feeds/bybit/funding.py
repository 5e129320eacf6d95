"""Funding settlements of one instrument, each exactly once: by the venue's history, or failing that by its forecast."""

from collections.abc import Iterable

from tradeterm.domain.market import MINUTE_MS, FundingRate

FRESH_MS = MINUTE_MS
"""A forecast counts if the ticker was heard this shortly before the settlement."""

NEAR_MS = 5_000


class Settlements:
    """`settled` is the time of the last settlement given out. Nothing is invented: a settlement that neither the
    history nor a fresh forecast tells of is not given out."""

    def __init__(self, instrument: str, after_ts: int) -> None:
        self.instrument = instrument
        self.settled = after_ts
        self._next: int | None = None
        self._forecast: float | None = None
        self._seen = 0
        self._due: dict[int, float | None] = {}
        self._unconfirmed: dict[int, float] = {}

    def see(self, next_ts: int | None, rate: float | None, ts: int) -> None:
        """The ticker's forecast at `ts`. Once its settlement has passed it stands."""
        known = self._next
        if next_ts == known and rate == self._forecast and (known is None or ts < known):
            self._seen = ts
            return
        ahead = NEAR_MS if next_ts != self._next else 0  # the venue's clocks need not agree to the millisecond
        if self._next is not None and self._next <= ts + ahead:
            if self._next > self.settled:
                self._due.setdefault(self._next, self._forecast if self._next - self._seen <= FRESH_MS else None)
            if self._next == next_ts:
                return
        self._next, self._forecast, self._seen = next_ts, rate, ts

    def tell(self, now: int) -> None:
        """Time at the venue: what was forecast becomes due."""
        if self._next is None or min(now, self._seen + FRESH_MS) < self._next:  # our clock may have jumped
            return
        if self._next > self.settled:
            self._due.setdefault(self._next, self._forecast)

    def owes(self, ts: int) -> bool:
        """Whether a settlement of exactly that time is still to be given out."""
        return ts > self.settled and (ts == self._next or ts in self._due)

    def due(self) -> list[int]:
        """Times of settlements that passed and were not given out, or were by their forecast alone."""
        return sorted({*self._due, *self._unconfirmed})

    def history(self, rows: Iterable[tuple[int, float]], ts_recv: int) -> tuple[list[FundingRate], list[str]]:
        """Settlements that the venue's history adds, in time order, and in words what it says otherwise than the
        forecasts that were given out."""
        found, said = [], []
        for ts, rate in sorted(rows):
            forecast = self._unconfirmed.pop(ts, None)
            if forecast is not None and forecast != rate:
                said.append(f"{self.instrument}: funding was given as {forecast:.6%}, the venue settled {rate:.6%}")
            if ts > self.settled:
                found.append(self._give(ts, rate, ts_recv))
        return found, said

    def forecast(self, ts: int, ts_recv: int) -> FundingRate | None:
        """Give a due settlement out by its forecast, if there was a fresh one."""
        rate = self._due.get(ts)
        if rate is None or ts <= self.settled:
            return None
        self._unconfirmed[ts] = rate
        return self._give(ts, rate, ts_recv)

    def forget(self, ts: int) -> bool:
        """Ask no more about a settlement; whether it was never given out."""
        self._unconfirmed.pop(ts, None)
        return ts in self._due and self._due.pop(ts, 0.0) is None

    def _give(self, ts: int, rate: float, ts_recv: int) -> FundingRate:
        self.settled = ts
        self._due = {when: known for when, known in self._due.items() if when > ts}
        return FundingRate(self.instrument, ts, rate, ts_recv)
