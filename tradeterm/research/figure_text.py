"""Figures as people read them, the same in every face and report."""

import math
from collections.abc import Callable
from datetime import UTC, datetime

from tradeterm.domain.market import DAY_MS, HOUR_MS, MINUTE_MS
from tradeterm.research.figure import Figure, Unit

NO_VALUE = "-"
_MOST = 1e15


def figure_text(figure: Figure, currency: str = "") -> str:
    """The figure's value with its unit: "12.34 %", "-1,234.50", "3 h 20 min"."""
    return value_text(figure.value, figure.unit, currency)


def value_text(value: float | None, unit: Unit, currency: str = "") -> str:
    """`value` in `unit`; "-" for no value. Of the `currency` only its grouping is used: lakh and crore for INR."""
    if value is None or not math.isfinite(value):
        return NO_VALUE
    return _unsigned_zero(_money(value, currency) if unit is Unit.MONEY else _WRITE[unit](value))


def _money(value: float, currency: str) -> str:
    if abs(value) >= _MOST:
        return f"{value:.3e}"
    text = f"{abs(value):,.2f}"
    if currency.upper() == "INR":
        text = _lakh(f"{abs(value):.2f}")
    return f"-{text}" if value < 0 else text


def _lakh(digits: str) -> str:
    whole, _, cents = digits.partition(".")
    head, tail = whole[:-3], whole[-3:]
    pairs = [head[max(0, end - 2) : end] for end in range(len(head), 0, -2)]
    return ",".join([*reversed(pairs), tail]) + f".{cents}"


def _fraction(value: float) -> str:
    return f"{value * 100:,.2f} %" if abs(value) < _MOST else f"{value * 100:.3e} %"


def _ratio(value: float) -> str:
    return f"{value:,.2f}" if abs(value) < _MOST else f"{value:.3e}"


def _time(ts: float) -> str:
    return f"{datetime.fromtimestamp(ts / 1000, UTC):%Y-%m-%d %H:%M}"


def _duration(ms: float) -> str:
    """In its two largest units: "35 d 4 h", "3 h 20 min", "5 min"."""
    minutes = round(ms / MINUTE_MS)
    days, rest = divmod(minutes, DAY_MS // MINUTE_MS)
    hours, minutes = divmod(rest, HOUR_MS // MINUTE_MS)
    if days:
        return f"{days:,} d {hours} h" if hours else f"{days:,} d"
    if hours:
        return f"{hours} h {minutes} min" if minutes else f"{hours} h"
    return f"{minutes} min" if minutes or not ms else f"{ms / 1000:.0f} s"


def _unsigned_zero(text: str) -> str:
    return text[1:] if text.startswith("-") and not any(digit in text for digit in "123456789") else text


_WRITE: dict[Unit, Callable[[float], str]] = {
    Unit.FRACTION: _fraction,
    Unit.RATIO: _ratio,
    Unit.COUNT: lambda value: f"{value:,.0f}",
    Unit.TIME: _time,
    Unit.DURATION: _duration,
    Unit.R: lambda value: f"{value:.2f} R",
    Unit.PER_YEAR: lambda value: f"{value:,.1f}",
}
