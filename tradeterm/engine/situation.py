"""What tier 2 is told of an instrument beyond what the desk knows: its bars, its quote, its funding.

The last bars of each instrument are kept as they close; what they say is worked out once a bar, when somebody asks, so
that a bar nobody asks about costs nothing and an order waits for less than a millisecond. It depends on the last bars
alone: a run that was interrupted goes on with the same numbers. What was told stands in the decision's record.
"""

import asyncio
import math
from collections import deque
from collections.abc import Callable, Iterable, Sequence
from typing import Any

import numpy as np

from tradeterm.desk.sessions import session_of
from tradeterm.domain.events import BarClosed, FundingUpdate, MarketEvent, QuoteUpdate
from tradeterm.domain.instrument import Instrument
from tradeterm.domain.market import HOUR_MS, Bar, FundingRate, Quote
from tradeterm.feeds.protocol import Feed
from tradeterm.indicators import ta_lib
from tradeterm.validators.situation_numbers import Bars, bars_known, makes_sense, numbers_of, until_settlement

_FIELDS = 6  # closed, session, high, low, close, volume
_BASIS_POINTS = 10_000


OpenInterest = Callable[[str], float | None]


def _unknown(instrument: str) -> float | None:
    """Of a recording."""
    return None


class Situations:
    """Give it all market data; `of` tells what is known of an instrument now. `source` names the feed."""

    def __init__(
        self,
        instruments: Sequence[Instrument],
        interval_ms: int,
        *,
        source: str,
        open_interest: OpenInterest = _unknown,
    ) -> None:
        self.length = bars_known(interval_ms)
        self._tapes = {item.id: _Tape(item, interval_ms, self.length) for item in instruments}
        self._interval_ms = interval_ms
        self._source = source
        self._open_interest = open_interest
        self._open: dict[str, deque[tuple[int, float]]] = {}
        self._quotes: dict[str, Quote] = {}
        self._settled: dict[str, int] = {}

    async def warm(self, feed: Feed, cursor: int) -> None:
        """Take the history before `cursor` in. Raises what the feed does."""
        history = await feed.history(cursor, self.length) if cursor > 0 else ()
        await asyncio.to_thread(self._take, history)

    def _take(self, history: Iterable[Bar | FundingRate]) -> None:
        ta_lib.load()  # now, so that the first signal does not wait for it
        for item in history:
            if isinstance(item, Bar):
                self._bar(item)
            else:
                self._funding(item)

    def on_market(self, event: MarketEvent) -> None:
        """May be shown the same event again."""
        match event:
            case QuoteUpdate():
                self._quotes[event.quote.instrument] = event.quote
            case BarClosed():
                self._bar(event.bar)
                self._sample(event.bar)
            case FundingUpdate():
                self._funding(event.funding)

    def of(self, instrument: str, ts: int) -> dict[str, Any]:
        """Groups of the context by name; empty for an instrument the feed does not have."""
        tape = self._tapes.get(instrument)
        if tape is None:
            return {}
        known, closed = tape.numbers(), tape.closed
        quote = self._quotes.get(instrument)
        quality = {
            "source": self._source,
            "bar_age_ms": None if closed is None else ts - closed,
            "quote_age_ms": None if quote is None else ts - quote.ts_event,
            **known.get("data_quality", {"bars": 0, "missing_bars": None}),
        }
        return {
            "market": {
                **_prices(quote, closed, tape.price),
                **known.get("market", {}),
                "funding_next_minutes": until_settlement(
                    self._settled.get(instrument), tape.instrument.funding_interval_ms, ts
                ),
                "open_interest_change_1h": self._opened_in_an_hour(instrument, closed),
            },
            "trend": known.get("trend", {}),
            "data_quality": quality,
            "bars": known.get("bars", []),
        }

    def _bar(self, bar: Bar) -> None:
        tape = self._tapes.get(bar.instrument)
        if tape is not None and bar.interval_ms == self._interval_ms:
            tape.put(bar)

    def _sample(self, bar: Bar) -> None:
        """What is open as each bar closes: a feed tells no history of it."""
        known = self._open_interest(bar.instrument)
        if known is not None:
            samples = self._open.setdefault(
                bar.instrument, deque(maxlen=HOUR_MS // min(self._interval_ms, HOUR_MS) + 1)
            )
            samples.append((bar.ts_event, known))

    def _opened_in_an_hour(self, instrument: str, closed: int | None) -> float | None:
        """Between two bars an hour apart, a fraction; None in the first hour of a run."""
        samples = dict(self._open.get(instrument, ()))
        if closed is None or closed not in samples or not samples.get(closed - HOUR_MS):
            return None
        return round(samples[closed] / samples[closed - HOUR_MS] - 1, 4)

    def _funding(self, rate: FundingRate) -> None:
        self._settled[rate.instrument] = max(rate.ts_event, self._settled.get(rate.instrument, 0))


class _Tape:
    """The last bars of one instrument, newest last; what makes no sense is left out and leaves a hole."""

    def __init__(self, instrument: Instrument, interval_ms: int, length: int) -> None:
        self.instrument = instrument
        self._interval_ms = interval_ms
        self._length = length
        self._data = np.empty((_FIELDS, 2 * length))
        self._end = 0
        self._numbers: dict[str, Any] | None = None

    @property
    def closed(self) -> int | None:
        """When the last bar did."""
        return int(self._data[0, self._end - 1]) if self._end else None

    @property
    def price(self) -> float | None:
        return float(self._data[4, self._end - 1]) if self._end else None

    def put(self, bar: Bar) -> None:
        """Does nothing for a bar that is not newer than the last."""
        if not makes_sense(bar.open, bar.high, bar.low, bar.close, bar.volume) or (
            self._end and bar.ts_event <= self._data[0, self._end - 1]
        ):
            return
        if self._end == self._data.shape[1]:
            self._data[:, : self._length] = self._data[:, self._length :].copy()
            self._end = self._length
        session = session_of(self.instrument.calendar, bar.ts_open)
        self._data[:, self._end] = (bar.ts_event, session, bar.high, bar.low, bar.close, bar.volume)
        self._end += 1
        self._numbers = None

    def numbers(self) -> dict[str, Any]:
        if self._numbers is None and self._end:
            rows = self._data[:, max(0, self._end - self._length) : self._end]
            closed, session, high, low, close, volume = rows
            self._numbers = numbers_of(
                Bars(
                    closed.astype(np.int64),
                    session.astype(np.int64),
                    high,
                    low,
                    close,
                    volume,
                    self._interval_ms,
                    self.instrument.calendar,
                )
            )
        return self._numbers or {}


def _prices(quote: Quote | None, closed: int | None, close: float | None) -> dict[str, float | None]:
    """The last price seen, and bid and ask where the feed has them; a bar that closed after the quote is newer."""
    if quote is None:
        return {"last": close, "bid": None, "ask": None, "spread_bps": None}
    last = close if closed is not None and closed > quote.ts_event else quote.last
    bid, ask = quote.bid, quote.ask
    spread = None
    if bid is not None and ask is not None and 0 < bid <= ask < math.inf:
        spread = round(2 * (ask - bid) / (ask + bid) * _BASIS_POINTS, 2)
    return {"last": last, "bid": bid, "ask": ask, "spread_bps": spread}
