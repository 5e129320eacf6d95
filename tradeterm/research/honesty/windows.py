"""Which stretches of time a walk-forward learns on and is tested on."""

import math
from typing import NamedTuple

from tradeterm.domain.market import DAY_MS

_MOST = 10_000


class Window(NamedTuple):
    """Learn on [train_start, train_end), be tested on [test_start, test_end). UTC ms, the ends excluded."""

    train_start: int
    train_end: int
    test_start: int
    test_end: int


def windows(
    start: int, end: int, train: float, test: float, purge: float = 0.0, anchored: bool = False
) -> tuple[Window, ...]:
    """The windows that fit into [start, end), UTC ms, in time; lengths are in days.

    The first test begins `train` + `purge` days after `start`, and each test begins where the one before ended, so that
    the tests join without a gap and without an overlap. Training ends `purge` days before its test begins and is
    `train` days long; `anchored`, it always begins at `start` and grows. A last test that would end after `end` is left
    out, so what is left over at the end is not tested; there may be no window at all. Raises ValueError for lengths
    that are not above 0, a purge below 0 and more than 10 000 windows.
    """
    for name, days in (("train", train), ("test", test)):
        if not (0 < days < math.inf and round(days * DAY_MS)):
            raise ValueError(f"{name}: found {days} days, allowed above 0, a millisecond at least")
    if not 0 <= purge < math.inf:
        raise ValueError(f"purge: found {purge} days, allowed 0 or more")
    learn, try_out, gap = (round(days * DAY_MS) for days in (train, test, purge))
    first = start + learn + gap
    count = max(0, (end - first) // try_out)
    if count > _MOST:
        raise ValueError(f"test: found {test} days, which makes {count:,} windows, allowed {_MOST:,}")
    return tuple(
        Window(start if anchored else begin - gap - learn, begin - gap, begin, begin + try_out)
        for begin in range(first, first + count * try_out, try_out)
    )
