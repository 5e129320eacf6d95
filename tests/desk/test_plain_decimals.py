"""Equal numbers look equal: no trailing zeros, no exponent."""

from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tradeterm.desk.rounding import plain


@pytest.mark.parametrize(
    ("value", "text"),
    [("0E-8", "0"), ("0.00", "0"), ("1.5E+3", "1500"), ("1500.00", "1500"), ("-0.0120", "-0.012"), ("7", "7")],
)
def test_a_number_is_written_plainly(value: str, text: str) -> None:
    assert str(plain(Decimal(value))) == text


@given(st.decimals(min_value=-(10**12), max_value=10**12, places=12))
def test_the_value_stays(value: Decimal) -> None:
    assert plain(value) == value
    assert "E" not in str(plain(value)) or abs(value) < Decimal("1e-6")
