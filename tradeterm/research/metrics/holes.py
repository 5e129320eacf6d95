"""Positions held over holes in the bars of their instrument: nothing of that time is in the result."""

import numpy as np

from tradeterm.domain.instrument import Calendar
from tradeterm.domain.market import DAY_MS
from tradeterm.research.bars import Bars
from tradeterm.research.figure import Unit
from tradeterm.research.figure_text import value_text
from tradeterm.research.result import Result

_HOLE_MS = {Calendar.ALWAYS: DAY_MS, Calendar.NSE: 7 * DAY_MS}
"""Longer without a bar than the market is ever shut."""


def held_over_holes(result: Result) -> str:
    """A sentence that names the longest of them and counts the rest; "" without any."""
    trades, market = result.trades, result.simulation.market
    columns = (trades.instrument, trades.entry_row, trades.exit_row, trades.entry_ts, trades.exit_ts)
    found = []
    for number, first, last, entered, ended in zip(*(column.tolist() for column in columns), strict=True):
        bars = market[number]
        if ended - entered > _least(bars):  # a shorter one has no room for a hole
            longest = _longest_hole(bars, first, last)
            if longest > _least(bars):
                found.append((longest, bars.instrument, entered, ended))
    if not found:
        return ""
    longest, name, entered, ended = max(found)
    from_, to = value_text(entered, Unit.TIME), value_text(ended, Unit.TIME)
    rest = f" ({len(found) - 1} more over holes as well)" if len(found) > 1 else ""
    return (
        f"A position in {name} was held from {from_} to {to}, over {value_text(longest, Unit.DURATION)} without bars"
        f"{rest}: its stops and funding of that time are not in the result, and what was due then filled at the first"
        " open after it."
    )


def _least(bars: Bars) -> int:
    return max(_HOLE_MS.get(bars.calendar, 7 * DAY_MS), 2 * bars.interval_ms)


def _longest_hole(bars: Bars, first: int, last: int) -> int:
    """The longest time from the opening of a bar to that of the next, ms, in rows `first` to `last`."""
    close = bars.close[first : last + 1]
    opened = bars.ts_open[first : last + 1][close == close]
    return int(np.diff(opened).max(initial=0))
