"""History of a USDT perpetual from Bybit's public REST: bars, settlements and contract facts."""

import asyncio
import time
from pathlib import Path

from tradeterm.config import BybitConfig
from tradeterm.domain.errors import DataError
from tradeterm.domain.market import DAY_MS
from tradeterm.feeds.bybit.instruments import contracts
from tradeterm.feeds.bybit.rest import PublicRest
from tradeterm.research.data.fetch import Fetched, Progress, Wanted, begin
from tradeterm.research.data.importer import Imported
from tradeterm.research.data.instruments_file import keep_instruments
from tradeterm.research.data.series import FUNDING, series_at
from tradeterm.venues.bybit.endpoints import endpoints

VENUE = "bybit"
PIECE = 20_000
"""Bars fetched before they are kept: what an interruption can cost."""
FUNDING_PIECE_MS = 60 * DAY_MS


def import_bybit(root: Path, config: BybitConfig, wanted: Wanted, progress: Progress) -> list[Imported]:
    """Fetch and keep what is wanted, in pieces: what is kept stays kept if the rest fails.

    Raises VenueError where the venue cannot be reached or says no, DataError where nothing tells where to begin.
    """
    return asyncio.run(_import(root, config, wanted, progress))


async def _import(root: Path, config: BybitConfig, wanted: Wanted, progress: Progress) -> list[Imported]:
    series = series_at(root, VENUE, wanted.interval, wanted.symbol)
    source = f"{VENUE}:{wanted.symbol}"
    first, step = begin(wanted, series), series.interval_ms
    bars, settled = (Fetched(root, one, source, wanted) for one in (series, series.of(FUNDING)))
    async with PublicRest(endpoints(config).public_rest, clock=_now) as rest:
        known = contracts(await rest.instruments(), [series.instrument], _now())
        if series.instrument not in known:
            raise DataError(f"{source}: Bybit has no USDT perpetual of that name")
        if not wanted.dry_run:
            keep_instruments(root, VENUE, [known[series.instrument].instrument])
        total = max(0, wanted.stop - first) // step
        for start in range(first, wanted.stop, PIECE * step):
            stop = min(wanted.stop, start + PIECE * step)
            found = await rest.bars(series.instrument, wanted.symbol, wanted.interval, step, start, stop)
            bars.keep([(bar.ts_open, (bar.open, bar.high, bar.low, bar.close, bar.volume)) for bar in found])
            progress((stop - first) // step, total)
        for start in range(first, wanted.stop, FUNDING_PIECE_MS):
            stop = min(wanted.stop, start + FUNDING_PIECE_MS)
            settled.keep([(ts, (rate,)) for ts, rate in await rest.funding(wanted.symbol, start, stop - 1)])
    return [*bars.imported(), *settled.imported()]


def _now() -> int:
    return time.time_ns() // 1_000_000
