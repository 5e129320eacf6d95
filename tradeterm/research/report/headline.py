"""The line below a report's title."""

from datetime import UTC, datetime

from tradeterm.domain.market import DAY_MS
from tradeterm.research.report.facts import ReportFacts

_MOST_NAMED = 6


def headline(facts: ReportFacts) -> str:
    """Which instruments, from when to when, how long."""
    start, end = (f"{datetime.fromtimestamp(ts / 1000, UTC):%Y-%m-%d}" for ts in (facts.start, facts.end - 1))
    names = ", ".join(facts.instruments[:_MOST_NAMED])
    more = len(facts.instruments) - _MOST_NAMED
    days = (facts.end - facts.start) / DAY_MS
    length = f"{days:,.0f} day{'' if round(days) == 1 else 's'}"
    return f"{names}{f' and {more} more' if more > 0 else ''} · {start} to {end} · {length}"
