"""What changes the result of a test though no bar is wrong: splits, large holes, sessions missed, and who is absent."""

from collections.abc import Sequence

import numpy as np

from tradeterm.domain.market import DAY_MS
from tradeterm.research.data.calendar import Hours, Stamps
from tradeterm.research.data.check import Finding, Floats, Severity, check_gaps, check_splits
from tradeterm.research.data.moments import date

LEAST_FILES = 5
"""From so many files on, a set of instruments is taken for a universe."""
LARGE_HOLE_MS = 2 * DAY_MS
LEAST_SESSIONS = 5
ENDED_EARLY_MS = 30 * DAY_MS
MOST_ENDED = 0.05
"""A universe of which more than this share ended early is taken to have its failures in it."""


def notable(
    ts: Stamps, values: Floats, interval_ms: int, hours: Hours, market_days: Stamps | None = None
) -> list[Finding]:
    """Splits, bars missing for two days or more in all, and five missed sessions or more; of sound bars in time order,
    `values` as of `check_bars`."""
    holes = [
        finding
        for finding in check_gaps(ts, interval_ms, hours, market_days)
        if finding.severity is not Severity.NOTE
        and (
            finding.count >= LEAST_SESSIONS
            if finding.code == "SESSION"
            else finding.count * interval_ms >= LARGE_HOLE_MS
        )
    ]
    return [*holes, *(finding for finding in check_splits(ts, values, hours) if finding.code == "SPLIT")]


def sessions_held(files: Sequence[Stamps]) -> Stamps | None:
    """Days (numbers since 1970, rising in each file) on which half of the files that reach them have bars; None for too
    few files to tell."""
    if len(files) < LEAST_FILES:
        return None
    first, last = min(int(days[0]) for days in files), max(int(days[-1]) for days in files)
    having, reaching = np.zeros(last - first + 1), np.zeros(last - first + 1)
    for days in files:
        having[days - first] += 1
        reaching[days[0] - first : days[-1] - first + 1] += 1
    return np.asarray(np.flatnonzero((2 * having >= reaching) & (having > 0)) + first)


def survivorship(venue: str, interval: str, ends: Sequence[int]) -> str | None:
    """What has to be said where hardly any of many files ends before the others; `ends` are UTC ms."""
    count = len(ends)
    early = sum(max(ends) - end > ENDED_EARLY_MS for end in ends)
    if count < LEAST_FILES or early > MOST_ENDED * count:
        return None
    which, missing = (f"{count - early} of {count}", "hardly any") if early else (f"all {count}", "none")
    return (
        f"survivorship: {which} {interval} files of {venue} run to their end on {date(max(ends))}; "
        f"{missing} was delisted or failed on the way, so a test on them flatters every strategy that buys"
    )
