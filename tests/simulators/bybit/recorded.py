"""Recorded candles: read from the bundled data, and played bar by bar."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Mapping, Sequence
from decimal import Decimal
from importlib.resources import as_file, files
from typing import TYPE_CHECKING

from simulators.bybit.model import Bar, Instrument
from tradeterm.feeds.recording import find_file, load_bars

if TYPE_CHECKING:
    from simulators.bybit.controls import Controls

DEMO_INTERVAL_MS = 300_000


def demo_bars(instrument: Instrument, count: int | None = None) -> list[Bar]:
    """The bundled 5-minute candles of an instrument, prices cut to its tick; the first `count` of them."""
    with as_file(files("tradeterm") / "demo") as folder:
        path = find_file(folder, "5m", instrument.symbol)
        if path is None:
            raise LookupError(f"no recorded bars of {instrument.symbol}")
        bars = load_bars(path, DEMO_INTERVAL_MS)
    columns = zip(bars.ts_open, bars.open, bars.high, bars.low, bars.close, bars.volume, strict=True)

    def cut(value: float) -> Decimal:
        return Decimal(repr(float(value))).quantize(instrument.tick)

    rows = [Bar(int(ts), cut(o), cut(h), cut(low), cut(c), Decimal(repr(float(v)))) for ts, o, h, low, c, v in columns]
    return rows[:count]


def path(bar: Bar) -> tuple[Decimal, Decimal, Decimal, Decimal]:
    """Open, the nearer extreme, the other extreme, close."""
    up_first = bar.high - bar.open <= bar.open - bar.low
    return (bar.open, bar.high, bar.low, bar.close) if up_first else (bar.open, bar.low, bar.high, bar.close)


async def playing(venue: Controls, bars: Mapping[str, Sequence[Bar]], interval_ms: int, seconds_per_bar: float) -> None:
    """Play candles of several symbols in step. Their times follow on from each history, whatever the clock says."""
    now = venue.exchange.clock.now_ms() // interval_ms * interval_ms
    starts = {}
    for symbol in bars:
        market = venue.market(symbol)
        if market.base_ms != interval_ms:
            market.bars.clear()
        market.driven, market.base_ms = True, interval_ms
        starts[symbol] = market.bars[-1].start_ms + interval_ms if market.bars else now
    for n in range(max(map(len, bars.values()), default=0)):
        due = time.monotonic() + seconds_per_bar
        for symbol, rows in bars.items():
            if n < len(rows):
                b = rows[n]
                start = starts[symbol] + n * interval_ms
                venue.play_bar(symbol, Bar(start, b.open, b.high, b.low, b.close, b.volume))
            await asyncio.sleep(0)
        await asyncio.sleep(max(due - time.monotonic(), 0))
