"""Shorter bars joined into longer ones, aligned to sessions; a bar that is not whole is dropped, and that is said."""

import numpy as np
from msgspec import Struct
from numpy.typing import NDArray

from tradeterm.domain.market import DAY_MS
from tradeterm.research.data.calendar import Hours

Floats = NDArray[np.float64]
Stamps = NDArray[np.int64]


class Resampled(Struct, frozen=True):
    """`values` is (rows, 5): open, high, low, close, volume. `dropped` bars lacked at least one of their parts."""

    ts_open: Stamps
    values: Floats
    dropped: int


def can_resample(from_ms: int, to_ms: int) -> bool:
    """Whether bars of one length make up bars of the other, within a day."""
    return 0 < from_ms < to_ms <= DAY_MS and to_ms % from_ms == 0


def resample(ts: Stamps, values: Floats, from_ms: int, to_ms: int, hours: Hours) -> Resampled:
    """Bars of `to_ms` from bars of `from_ms`, which are in time order and on their grid.

    Long bars are counted from the session's opening (crypto: midnight UTC; NSE: 09:15 India time); the last of a
    session ends with it, so NSE's last hour is 15:15-15:30. Bars outside the session's hours are left out. ValueError
    where the lengths do not fit.
    """
    if not can_resample(from_ms, to_ms):
        raise ValueError(f"bars of {from_ms} ms cannot be joined into bars of {to_ms} ms")
    inside = ~hours.outside(ts)
    ts, values = ts[inside], values[inside]
    if ts.size == 0:
        return Resampled(ts, values, 0)
    begin = hours.into(ts) // to_ms * to_ms
    opens = hours.day(ts) * DAY_MS + hours.open_ms + begin
    first = np.flatnonzero(np.concatenate([[True], np.diff(opens) != 0]))
    found = np.diff(np.append(first, ts.size))
    parts = -(-np.minimum(to_ms, hours.length_ms - begin[first]) // from_ms)
    whole = found == parts
    last = np.append(first[1:], ts.size) - 1
    joined = np.column_stack(
        [
            values[first, 0],
            np.maximum.reduceat(values[:, 1], first),
            np.minimum.reduceat(values[:, 2], first),
            values[last, 3],
            np.add.reduceat(values[:, 4], first),
        ]
    )
    return Resampled(opens[first][whole], joined[whole], int((~whole).sum()))
