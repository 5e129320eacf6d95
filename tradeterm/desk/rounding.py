"""Rounding of derived decimals: half to even, without trailing zeros, so that equal values look equal everywhere."""

from decimal import Decimal

PRICE_STEP = Decimal("1e-12")
RATIO_STEP = Decimal("1e-8")
_ONE = Decimal(1)


def rounded(value: Decimal, step: Decimal) -> Decimal:
    """`value` on a decimal step, in plain notation."""
    return plain(value.quantize(step))


def plain(value: Decimal) -> Decimal:
    """The same number without trailing zeros or exponent: 1500 and 0, never 1.5E+3 or 0E-8."""
    shortest = value.normalize()
    return shortest.quantize(_ONE) if "E+" in str(shortest) else shortest  # its text is found faster than its exponent


def ratio(part: Decimal, whole: Decimal) -> Decimal:
    """part / whole to 8 decimal places; 0 of nothing."""
    return rounded(part / whole, RATIO_STEP) if whole > 0 else Decimal(0)
