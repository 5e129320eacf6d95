from datetime import UTC
from decimal import Decimal
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tradeterm.ui import fmt

NAN, INF = float("nan"), float("inf")
D = Decimal


@pytest.mark.parametrize(
    ("value", "tick", "shown"),
    [
        (D("59812.5"), D("0.1"), "59,812.5"),
        (D("59812.55"), D("0.10"), "59,812.6"),
        (D("2411.1"), D("0.01"), "2,411.10"),
        (D("41.2"), D("0.05"), "41.20"),
        (24300.0, 50, "24,300"),
        (0.00001234, D("0.00000001"), "0.00001234"),
        (0.61237, D("0.0001"), "0.6124"),
        (D("-0.004"), D("0.01"), "0.00"),
        (59812.5, None, "59,812.50"),
        (0.612371234, None, "0.612371"),
        (0, None, "0.00"),
        (None, D("0.1"), "—"),
        (NAN, D("0.1"), "—"),
        (INF, None, "—"),
        (D("NaN"), None, "—"),
        (1.5, 0, "1.50000"),
        (1.5, NAN, "1.50000"),
    ],
)
def test_price(value, tick, shown):
    assert fmt.price(value, tick) == shown


@pytest.mark.parametrize(
    ("value", "currency", "shown"),
    [
        (D("10184.2"), "USDT", "10,184.20"),
        (D("1234567.891"), "INR", "12,34,567.89"),
        (D("-123456789"), "INR", "-12,34,56,789.00"),
        (D("100"), "inr", "100.00"),
        (D("1000"), "INR", "1,000.00"),
        (D("99999.999"), "INR", "1,00,000.00"),
        (D("-0.001"), "USDT", "0.00"),
        (D("1E+6"), "", "1,000,000.00"),
        (None, "INR", "—"),
    ],
)
def test_money(value, currency, shown):
    assert fmt.money(value, currency) == shown


@given(st.decimals(min_value=D("-1e15"), max_value=D("1e15"), allow_nan=False, places=2))
def test_grouping_loses_no_digit(value):
    for currency in ("INR", "USDT"):
        assert D(fmt.money(value, currency).replace(",", "")) == value


@pytest.mark.parametrize(
    ("value", "shown"),
    [(D("18.83"), "+18.83"), (D("-3850"), "-3,850.00"), (D(0), "0.00"), (D("0.001"), "0.00"), (None, "—")],
)
def test_signed_money(value, shown):
    assert fmt.signed_money(value) == shown


@pytest.mark.parametrize(
    ("value", "step", "shown"),
    [
        (D("0.0310"), None, "0.031"),
        (D("500.000"), None, "500"),
        (D("5E+2"), None, "500"),
        (D("0.84"), D("0.001"), "0.840"),
        (D("1234.5"), None, "1,234.5"),
        (None, None, "—"),
    ],
)
def test_quantity(value, step, shown):
    assert fmt.quantity(value, step) == shown


@pytest.mark.parametrize(
    ("fraction", "shown"), [(0.0184, "+1.84%"), (D("-0.006"), "-0.60%"), (0, "0.00%"), (-0.00001, "0.00%"), (None, "—")]
)
def test_signed_percent(fraction, shown):
    assert fmt.signed_percent(fraction) == shown


def test_percent_and_numbers():
    assert fmt.percent(D("0.314")) == "31.4%"
    assert fmt.percent(1.0, 0) == "100%"
    assert fmt.number(0.666) == "0.67"
    assert fmt.number(None) == "—"


@pytest.mark.parametrize(
    ("value", "shown"),
    [(950, "950"), (12_345, "12.3K"), (4.5e6, "4.5M"), (-1.2e9, "-1.2B"), (0.25, "0.25"), (7, "7"), (None, "—")],
)
def test_compact(value, shown):
    assert fmt.compact(value) == shown


@pytest.mark.parametrize(
    ("ms", "shown"),
    [
        (0, "0s"),
        (-50, "0s"),
        (3_999, "3s"),
        (60_000, "1m"),
        (4 * 60_000 + 59_000, "4m"),
        (72 * 60_000, "1h12"),
        (51 * 3_600_000, "2d3h"),
        (None, "—"),
        (NAN, "—"),
    ],
)
def test_age(ms, shown):
    assert fmt.age(ms) == shown


@pytest.mark.parametrize(
    ("ms", "shown"),
    [
        (38, "38ms"),
        (999.9, "999ms"),
        (2_450, "2.4s"),
        (245_000, "4m05s"),
        (72 * 60_000, "1h12m"),
        (27 * 3_600_000, "1d03h"),
        (None, "—"),
    ],
)
def test_duration(ms, shown):
    assert fmt.duration(ms) == shown


def test_times_in_zones():
    ts = 1_744_034_602_000
    assert fmt.clock(ts) == "14:03:22"
    assert fmt.clock(ts, ZoneInfo("Asia/Kolkata")) == "19:33:22"
    assert fmt.clock(ts, "Asia/Kolkata") == "19:33:22"
    assert fmt.short_clock(ts, UTC) == "14:03"
    assert fmt.day(ts) == "7 Apr"
    assert fmt.moment(ts) == "7 Apr 14:03:22"
    assert fmt.zone_name("Asia/Kolkata", ts) == "IST"
    assert fmt.zone_name("UTC") == "UTC"
    assert fmt.clock(None) == fmt.moment(None)[:1] == "—"


def test_decimal_points_stand_under_each_other():
    assert fmt.align_decimal(["59,812.5", "41.20", "500", "+1.84%", "—"]) == [
        "59,812.5  ",
        "    41.20 ",
        "   500    ",
        "    +1.84%",
        "     —    ",
    ]
    assert fmt.align_decimal([]) == []


@given(st.lists(st.decimals(min_value=-10_000, max_value=10_000, allow_nan=False, places=3), min_size=1, max_size=8))
def test_aligned_texts_have_one_width_and_one_point(values):
    aligned = fmt.align_decimal([f"{value:,}" for value in values])
    assert len({len(text) for text in aligned}) == 1
    assert len({text.index(".") for text in aligned}) == 1
