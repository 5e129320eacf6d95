"""History of bars from any exchange that ccxt knows, where ccxt is installed; it is no dependency of the program."""

import importlib
from pathlib import Path
from typing import Any

from tradeterm.domain.errors import DataError
from tradeterm.research.data.fetch import Fetched, Progress, Wanted, begin
from tradeterm.research.data.importer import Imported
from tradeterm.research.data.naming import clean_symbol
from tradeterm.research.data.series import series_at

PAGE = 1000


def import_ccxt(root: Path, exchange: str, wanted: Wanted, progress: Progress) -> list[Imported]:
    """Fetch and keep what is wanted, page by page; funding and contract facts are not fetched.

    Raises DataError, one sentence, where ccxt is not installed, does not know the exchange, or the exchange fails.
    """
    try:
        ccxt: Any = importlib.import_module("ccxt")
    except ImportError:
        raise DataError(
            f"{exchange}: history of this venue needs ccxt, which is not installed: pip install ccxt"
        ) from None
    if exchange not in ccxt.exchanges:
        raise DataError(f"{exchange}:{wanted.symbol}: there is no such file, and no such exchange in ccxt")
    series = series_at(root, exchange, wanted.interval, clean_symbol(wanted.symbol))
    first, step = begin(wanted, series), series.interval_ms
    bars, at = Fetched(root, series, f"{exchange}:{wanted.symbol}", wanted), first
    client = getattr(ccxt, exchange)({"enableRateLimit": True})
    try:
        while at < wanted.stop:
            page = client.fetch_ohlcv(wanted.symbol, wanted.interval, since=at, limit=PAGE)
            stop = min(wanted.stop, client.milliseconds() - step)  # a bar that is not closed is not kept
            rows = [(int(row[0]), [float(cell) for cell in row[1:6]]) for row in page if at <= row[0] < stop]
            if not rows:
                break
            bars.keep(rows)
            at = rows[-1][0] + step
            progress((at - first) // step, (wanted.stop - first) // step)
    except (ccxt.BaseError, TypeError, ValueError, IndexError) as error:
        said = " ".join(str(error).split())[:200]
        raise DataError(f"{exchange}:{wanted.symbol}: {type(error).__name__}: {said}") from None
    return bars.imported()
