"""Session edges (India has no summer time; the clock of the machine plays no part) and decimals as they are shown."""

from datetime import UTC, datetime

import pytest
from desk_kit import d
from hypothesis import given
from hypothesis import strategies as st

from tradeterm.desk.rounding import rounded
from tradeterm.desk.sessions import is_last_bar, is_open, last_close, session_of
from tradeterm.domain.instrument import Calendar

FIVE = 300_000


def at(text: str) -> int:
    return int(datetime.fromisoformat(text).replace(tzinfo=UTC).timestamp() * 1000)


@pytest.mark.parametrize(
    ("utc", "expected"),
    [
        ("2025-04-07T03:44:59", False),
        ("2025-04-07T03:45:00", True),
        ("2025-04-07T09:59:59", True),
        ("2025-04-07T10:00:00", False),
        ("2025-04-05T05:00:00", False),
        ("2025-04-06T05:00:00", False),
        ("2025-10-27T03:45:00", True),
    ],
)
def test_nse_hours(utc: str, expected: bool) -> None:
    assert is_open(Calendar.NSE, at(utc)) is expected


def test_around_the_clock_is_always_open_with_a_day_per_session() -> None:
    assert is_open(Calendar.ALWAYS, at("2025-04-06T05:00:00"))
    assert session_of(Calendar.ALWAYS, at("2025-04-06T00:00:00")) == session_of(Calendar.ALWAYS, at("2025-04-05")) + 1
    assert is_last_bar(Calendar.ALWAYS, at("2025-04-06T00:00:00"), FIVE)
    assert not is_last_bar(Calendar.ALWAYS, at("2025-04-05T23:55:00"), FIVE)


def test_the_last_nse_bar_still_leaves_time_to_trade() -> None:
    assert is_last_bar(Calendar.NSE, at("2025-04-07T09:55:00"), FIVE)
    assert not is_last_bar(Calendar.NSE, at("2025-04-07T09:50:00"), FIVE)
    assert session_of(Calendar.NSE, at("2025-04-06T18:30:00")) == session_of(Calendar.NSE, at("2025-04-07T09:55:00"))


@pytest.mark.parametrize(
    ("utc", "minutes", "closed"),
    [
        ("2025-04-07T03:49:59", 5, "2025-04-04T10:00:00"),  # a Monday, nothing closed yet: Friday's last
        ("2025-04-07T03:50:00", 5, "2025-04-07T03:50:00"),
        ("2025-04-07T05:59:00", 60, "2025-04-07T05:45:00"),
        ("2025-04-07T09:59:59", 60, "2025-04-07T09:45:00"),
        ("2025-04-07T10:00:00", 60, "2025-04-07T10:00:00"),
        ("2025-04-06T05:00:00", 5, "2025-04-04T10:00:00"),
        ("2025-04-08T09:00:00", 1440, "2025-04-07T10:00:00"),
    ],
)
def test_when_the_newest_nse_bar_closed(utc: str, minutes: int, closed: str) -> None:
    assert last_close(Calendar.NSE, at(utc), minutes * 60_000) == at(closed)


def test_around_the_clock_bars_end_at_whole_intervals() -> None:
    assert last_close(Calendar.ALWAYS, at("2025-04-06T05:04:59"), FIVE) == at("2025-04-06T05:00:00")
    assert last_close(Calendar.ALWAYS, at("2025-04-06T05:05:00"), FIVE) == at("2025-04-06T05:05:00")


@pytest.mark.parametrize(("value", "shown"), [("1500.00", "1500"), ("0E-8", "0"), ("1.230", "1.23"), ("1E+3", "1000")])
def test_derived_decimals_are_plain(value: str, shown: str) -> None:
    assert str(rounded(d(value), d("1e-8"))) == shown


@given(st.decimals(min_value=-(10**9), max_value=10**9, places=15))
def test_rounding_is_within_half_a_step(value: object) -> None:
    assert abs(rounded(d(value), d("1e-12")) - d(value)) <= d("0.5e-12")
