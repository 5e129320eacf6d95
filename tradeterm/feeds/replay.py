"""A recording played as if it were live, at an adjustable speed."""

import asyncio
import math
import time
from collections.abc import AsyncIterator, Iterator, Sequence

import numpy as np
from msgspec import Struct

from tradeterm.domain.errors import ConfigError
from tradeterm.domain.events import BarClosed, FundingUpdate, MarketEvent, QuoteUpdate
from tradeterm.domain.instrument import Instrument
from tradeterm.domain.market import DAY_MS, HOUR_MS, MINUTE_MS, Bar, FundingRate, Quote
from tradeterm.domain.view import ReplayView
from tradeterm.feeds.protocol import StreamAge
from tradeterm.feeds.recording import RecordedBars, RecordedFunding
from tradeterm.feeds.table import Stamps

SIMULATED = (
    "prices and funding are recorded, fills, fees and slippage are simulated; "
    "nothing between the recorded {bar} bars is invented"
)
SLOWEST, FASTEST = 1.0, 1e6
_LATE_S = 1.0
_BREATHE = 64


class Track(Struct, frozen=True):
    """One instrument's recording."""

    instrument: Instrument
    bars: RecordedBars
    funding: RecordedFunding | None = None


class ReplayFeed:
    """Yields, for every recorded instant, first what became known at it (bars that closed, funding that settled),
    then the opening prices of the bars that open at it.

    `speed` is recorded seconds a real second, 0 as fast as possible. `start_ts` is where trading begins; what lies
    before it is history.
    """

    def __init__(
        self, tracks: Sequence[Track], *, source: str, speed: float = 0.0, start_ts: int | None = None
    ) -> None:
        if not tracks:
            raise ValueError("a replay needs at least one recorded instrument")
        self._tracks = tuple(tracks)
        self.interval_ms = tracks[0].bars.interval_ms
        self.first_ts = min(int(t.bars.ts_open[0]) for t in tracks)
        self.last_ts = max(int(t.bars.ts_open[-1]) for t in tracks) + self.interval_ms
        self.start_ts = self.first_ts if start_ts is None else start_ts
        self.source = source
        self.finished = False
        self.report: tuple[str, ...] = tuple(
            line for t in tracks for line in (*t.bars.report, *(t.funding.report if t.funding else ()))
        )
        self._now = self.start_ts
        self._speed = speed
        self._last_finite_speed = speed or 1600.0
        self._paused = False
        self._changed = asyncio.Event()

    async def open(self) -> None:
        """Recordings are read when the feed is made."""

    async def close(self) -> None:
        """Nothing is open."""

    def streams(self) -> Sequence[StreamAge]:
        return ()

    def instruments(self) -> Sequence[Instrument]:
        return [track.instrument for track in self._tracks]

    def now(self) -> int:
        return self._now

    def view(self) -> ReplayView:
        hours, rest = divmod(self.interval_ms, HOUR_MS)
        bar = f"{self.interval_ms // MINUTE_MS}-minute" if rest else f"{hours}-hour"
        return ReplayView(
            source=self.source,
            ts_start=self.start_ts,
            ts_end=self.last_ts,
            ts_now=self._now,
            speed=self._speed,
            paused=self._paused,
            finished=self.finished,
            simulated=SIMULATED.format(bar=bar),
        )

    def set_speed(self, argument: str) -> None:
        """pause, resume, faster, slower, max, or a number of recorded seconds a real second (0 is max).

        Raises ConfigError with one sentence for anything else; nothing changes then.
        """
        match argument.strip().lower():
            case "pause":
                self._paused = True
            case "resume":
                self._paused = False
            case "faster":
                self._set(self._speed * 2 if self._speed * 2 <= FASTEST else 0.0)
            case "slower":
                self._set(max(SLOWEST, self._speed / 2) if self._speed else self._last_finite_speed)
            case "max":
                self._set(0.0)
            case text:
                self._set(_factor(text, argument))
        self._changed.set()

    def _set(self, speed: float) -> None:
        self._speed = speed
        if speed:
            self._last_finite_speed = speed

    async def history(self, until_ts: int, bars: int) -> Sequence[Bar | FundingRate]:
        """Bars and funding known at `until_ts`: of each instrument the last `bars` bars, and the settlements since
        the one before the first of them, in time order."""
        found: list[Bar | FundingRate] = []
        for track in self._tracks:
            stop = int(np.searchsorted(track.bars.ts_open, until_ts - self.interval_ms, side="right"))
            start = max(0, stop - bars)
            found += _bars(track, start, stop)
            if track.funding is not None:
                since = int(track.bars.ts_open[start]) if start < stop else until_ts
                first, last = _span(track.funding.ts, since, until_ts)
                found += _rates(track, max(0, first - 1), last)
        return sorted(found, key=lambda item: (item.ts_event, not isinstance(item, Bar)))

    async def stream(self, after_ts: int) -> AsyncIterator[Sequence[MarketEvent]]:
        """Every batch after `after_ts`, paced by the speed; ends with the recording."""
        after_ts = max(after_ts, self.first_ts)
        self._now = max(self._now, after_ts)
        self.finished = False
        anchor_wall, anchor_ts = time.monotonic(), after_ts
        for count, (ts, batches) in enumerate(self._instants(after_ts)):
            while (wait := self._wait(ts, anchor_wall, anchor_ts)) > 0:
                self._changed.clear()
                try:
                    await asyncio.wait_for(self._changed.wait(), None if wait == math.inf else wait)
                except TimeoutError:
                    break
                anchor_wall, anchor_ts = time.monotonic(), self._now
            if not self._speed or -wait > _LATE_S:  # a slept laptop or a slow reader must not cause a burst
                anchor_wall, anchor_ts = time.monotonic(), ts
            if count % _BREATHE == 0:
                await asyncio.sleep(0)
            self._now = ts
            for batch in batches:
                yield batch
        self.finished = True

    def _wait(self, ts: int, anchor_wall: float, anchor_ts: int) -> float:
        """Real seconds until `ts` is due; negative when it is late."""
        if self._paused:
            return math.inf
        if not self._speed:
            return 0.0
        return anchor_wall + (ts - anchor_ts) / 1000 / self._speed - time.monotonic()

    def _instants(self, after_ts: int) -> Iterator[tuple[int, list[list[MarketEvent]]]]:
        """Every instant after `after_ts` with its one or two batches, a day at a time."""
        for start in range(after_ts, self.last_ts, DAY_MS):
            known, opens = self._between(start, min(start + DAY_MS, self.last_ts))
            for ts in sorted(known.keys() | opens.keys()):
                yield ts, [batch for batch in (known.get(ts), opens.get(ts)) if batch]

    def _between(self, start: int, stop: int) -> tuple[dict[int, list[MarketEvent]], dict[int, list[MarketEvent]]]:
        """By time, start < ts <= stop: what became known (all bars, then funding), and the opening prices."""
        known: dict[int, list[MarketEvent]] = {}
        opens: dict[int, list[MarketEvent]] = {}
        for track in self._tracks:
            for bar in _bars(track, *_span(track.bars.ts_open, start - self.interval_ms, stop - self.interval_ms)):
                known.setdefault(bar.ts_event, []).append(BarClosed(ts=bar.ts_event, bar=bar))
            for bar in _bars(track, *_span(track.bars.ts_open, start, stop)):
                quote = Quote(bar.instrument, bar.ts_open, bar.ts_open, bar.open)
                opens.setdefault(bar.ts_open, []).append(QuoteUpdate(ts=bar.ts_open, quote=quote))
        for track in self._tracks:
            if track.funding is not None:
                for rate in _rates(track, *_span(track.funding.ts, start, stop)):
                    known.setdefault(rate.ts_event, []).append(FundingUpdate(ts=rate.ts_event, funding=rate))
        return known, opens


def _span(stamps: Stamps, start: int, stop: int) -> tuple[int, int]:
    """Rows with start < stamp <= stop."""
    return int(np.searchsorted(stamps, start, side="right")), int(np.searchsorted(stamps, stop, side="right"))


def _factor(text: str, argument: str) -> float:
    try:
        factor = float(text)
    except ValueError:
        factor = math.nan
    if factor == 0 or SLOWEST <= factor <= FASTEST:
        return factor
    raise ConfigError(
        f"speed: found {argument!r}, allowed pause, resume, faster, slower, max or {SLOWEST:.0f} to {FASTEST:.0f}"
    )


def _bars(track: Track, start: int, stop: int) -> list[Bar]:
    bars, name, length = track.bars, track.instrument.id, track.bars.interval_ms
    cut = slice(start, stop)
    rows = zip(
        bars.ts_open[cut].tolist(),
        bars.open[cut].tolist(),
        bars.high[cut].tolist(),
        bars.low[cut].tolist(),
        bars.close[cut].tolist(),
        bars.volume[cut].tolist(),
        strict=True,
    )
    return [Bar(name, length, ts, o, h, low, c, v, ts + length) for ts, o, h, low, c, v in rows]


def _rates(track: Track, start: int, stop: int) -> list[FundingRate]:
    assert track.funding is not None
    stamps, rates = track.funding.ts[start:stop].tolist(), track.funding.rate[start:stop].tolist()
    return [FundingRate(track.instrument.id, ts, rate, ts) for ts, rate in zip(stamps, rates, strict=True)]
