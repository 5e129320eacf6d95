"""Scales and ticks of plots. Pure."""

import math
from collections.abc import Sequence
from datetime import UTC, datetime, tzinfo

from msgspec import Struct

from tradeterm.domain.market import DAY_MS, HOUR_MS, MINUTE_MS

_TIME_STEPS = (
    *(m * MINUTE_MS for m in (1, 2, 5, 10, 15, 30)),
    *(h * HOUR_MS for h in (1, 2, 3, 4, 6, 8, 12)),
    *(d * DAY_MS for d in (1, 2, 7, 14, 28, 84, 365)),
)


class Scale(Struct, frozen=True):
    """Maps values to steps from the top: `high` is 0, `low` is `steps`."""

    low: float
    high: float
    steps: int

    def at(self, value: float) -> float:
        return (self.high - value) / (self.high - self.low) * self.steps

    def row(self, value: float, per_row: int) -> int:
        """The text row a value falls into, when a row has `per_row` steps; may lie outside."""
        return math.floor(min(max(self.at(value), -1e6), 1e6 * self.steps) / per_row)


def scale_of(low: float, high: float, steps: int, margin: float = 0.02) -> Scale:
    """A scale with a little room at both ends; a flat line gets a band around it."""
    if high <= low:
        room = abs(high) * 0.001 or 1.0
        return Scale(low - room, high + room, steps)
    room = (high - low) * margin
    return Scale(low - room, high + room, steps)


def nice_step(span: float, count: int) -> float:
    """The round step (1, 2, 2.5 or 5 times a power of ten) that cuts `span` into at most `count` parts."""
    if not (span > 0 and math.isfinite(span)) or count < 1:
        return 0.0
    rough = span / count
    power = 10.0 ** math.floor(math.log10(rough))
    return next((factor * power for factor in (1.0, 2.0, 2.5, 5.0) if factor * power >= rough * (1 - 1e-9)), 10 * power)


def nice_ticks(low: float, high: float, count: int, least: float = 0.0) -> list[float]:
    """Round values within [low, high], lowest first, at most `count` + 1, no closer than `least`."""
    step = max(nice_step(high - low, count), least)
    if step <= 0:
        return []
    first, last = math.ceil(low / step - 1e-9), math.floor(high / step + 1e-9)
    return [number * step for number in range(first, last + 1)]


def time_labels(columns: Sequence[int | None], width: int, tz: tzinfo = UTC) -> str:
    """A line of times under columns, given each column's time (None: nothing there); a new day shows its date."""
    known = [(at, ts) for at, ts in enumerate(columns) if ts is not None]
    if len(known) < 2 or width < 12:
        return " " * width
    (first, ts_first), (last, ts_last) = known[0], known[-1]
    per_column = (ts_last - ts_first) / max(1, last - first)
    step = next((step for step in _TIME_STEPS if step / max(per_column, 1e-9) >= 11), _TIME_STEPS[-1])
    line = [" "] * width
    free, day_before = 0, -1
    shift = _offset(ts_first, tz)
    before: int | None = None
    for at, ts in known:
        slot = (ts + shift) // step
        if before is not None and slot != before:
            day = (ts + shift) // DAY_MS
            text = _label(ts, tz, step, day != day_before)
            if at >= free and at + len(text) <= width:
                line[at : at + len(text)] = text
                free, day_before = at + len(text) + 2, day
        before = slot
    return "".join(line)


def _offset(ts: int, tz: tzinfo) -> int:
    offset = datetime.fromtimestamp(ts / 1000, tz).utcoffset()
    return int(offset.total_seconds() * 1000) if offset else 0


def _label(ts: int, tz: tzinfo, step: int, new_day: bool) -> str:
    at = datetime.fromtimestamp(ts / 1000, tz)
    if step >= DAY_MS or (new_day and at.hour * HOUR_MS + at.minute * MINUTE_MS < step):
        return f"{at.day} {at:%b}"
    return f"{at:%H:%M}"
