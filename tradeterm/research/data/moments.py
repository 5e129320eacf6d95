"""Times as people read them."""

from datetime import UTC, datetime


def utc(ts: int) -> str:
    """A moment (UTC ms), to the minute."""
    return f"{datetime.fromtimestamp(ts / 1000, UTC):%Y-%m-%d %H:%M}"


def date(ts: int) -> str:
    return f"{datetime.fromtimestamp(ts / 1000, UTC):%Y-%m-%d}"


def now() -> str:
    """This moment in ISO 8601, to the second."""
    return f"{datetime.now(UTC):%Y-%m-%dT%H:%M:%SZ}"
