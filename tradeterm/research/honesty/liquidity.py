"""Daily volume and volatility as they were known at the time, from a panel's own bars."""

from collections.abc import Mapping

import numpy as np
from numpy.typing import NDArray

from tradeterm.domain.market import DAY_MS
from tradeterm.research.bars import Liquidity
from tradeterm.strategies.panel import Floats, Panel

DAYS = 20


def liquidity_of(panel: Panel, days: int = DAYS) -> Mapping[str, Liquidity]:
    """By instrument: from each UTC day's end on, the mean volume of the last `days` days on which it traded and the
    deviation (ddof 1) of their log returns. NaN before there are so many, and where a volume is unknown.

    A first day that the panel joins late does not count, so a day's own volume is known only after it. Raises
    ValueError for days < 2.
    """
    if days < 2:
        raise ValueError(f"days: found {days}, allowed 2 or more")
    day, first = _days(panel)
    return {name: _of(panel, i, day, first, days) for i, name in enumerate(panel.instruments)}


def full_days(panel: Panel) -> Mapping[str, int]:
    """On how many UTC days each instrument traded, a first one that the panel joins late not among them."""
    day, first = _days(panel)
    there = np.isfinite(np.asarray(panel.close[first:]))
    return {name: np.unique(day[first:][there[:, i]]).size for i, name in enumerate(panel.instruments)}


def _days(panel: Panel) -> tuple[NDArray[np.int64], int]:
    """Each row's UTC day, and the first row of the first full one."""
    opened = np.asarray(panel.ts_open)
    day = opened // DAY_MS
    if day.size and opened[0] % DAY_MS and _trades_at_night(panel):
        return day, int(np.searchsorted(day, day[0] + 1))
    return day, 0


def _of(panel: Panel, column: int, day: np.ndarray, first: int, days: int) -> Liquidity:
    close = np.asarray(panel.close[first:, column])
    there = np.isfinite(close)
    traded, starts = np.unique(day[first:][there], return_index=True)
    if traded.size <= days:
        return Liquidity(np.empty(0, np.int64), np.empty(0), np.empty(0))
    volume = np.add.reduceat(np.asarray(panel.volume[first:, column])[there], starts)
    last = close[there][np.append(starts[1:], there.sum()) - 1]
    moves = np.concatenate(([np.nan], np.diff(np.log(last))))
    adv = _windows(volume, days).mean(axis=1)
    deviation = _windows(moves, days).std(axis=1, ddof=1)
    return Liquidity((traded[days - 1 :] + 1) * DAY_MS, np.where(adv > 0, adv, np.nan), deviation)


def _windows(x: Floats, n: int) -> Floats:
    return np.lib.stride_tricks.sliding_window_view(x, n)


def _trades_at_night(panel: Panel) -> bool:
    """Whether rows go on over midnight: a market with sessions opens late every day."""
    return panel.rows > 1 and bool((np.diff(panel.ts_open) <= panel.interval_ms).all())
