"""Returns by calendar month."""

from typing import NamedTuple

import numpy as np

from tradeterm.research.result import Equity


class Month(NamedTuple):
    """The return of the part of a UTC month that lies in the period; None where equity at its start was not above 0."""

    year: int
    month: int
    value: float | None


def months(equity: Equity) -> tuple[Month, ...]:
    """Each month's last equity over the month's before, minus 1. What stands at midnight belongs to the day before."""
    if len(equity.ts) < 2:
        return ()
    stamp = (equity.ts[1:] - 1).astype("datetime64[ms]").astype("datetime64[M]").astype(np.int64)
    last = np.flatnonzero(np.append(np.diff(stamp) != 0, True))
    ends = equity.value[1:][last]
    starts = np.concatenate((equity.value[:1], ends[:-1]))
    return tuple(
        Month(1970 + number // 12, number % 12 + 1, end / start - 1 if start > 0 else None)
        for number, start, end in zip(stamp[last].tolist(), starts.tolist(), ends.tolist(), strict=True)
    )
