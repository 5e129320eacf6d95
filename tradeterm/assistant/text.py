"""Numbers and times as words for people. Outside text is made harmless here: data, never markup or control codes."""

from datetime import UTC, datetime
from decimal import Decimal


def clean(text: str, length: int = 400) -> str:
    """One printable line of at most `length` characters, whatever came in."""
    line = " ".join("".join(mark if mark.isprintable() else " " for mark in text).split())
    return line if len(line) <= length else line[: length - 1] + "…"


def words(code: str) -> str:
    """A code as words: AVERAGE_CROSS is average cross; what is not a code stays as it is."""
    return clean(code).replace("_", " ").lower() if code.isupper() else clean(code)


def number(value: Decimal | float) -> str:
    """Exact digits without padding: 0.50 is 0.5, 1E+2 is 100; floats with six significant digits."""
    if isinstance(value, float):
        return f"{value:.6g}"
    return f"{value.normalize():f}" if value else "0"


def money(value: Decimal, currency: str = "", *, signed: bool = False) -> str:
    """1,234.50 USDT; with a sign where the sign matters."""
    text = f"{value:+,.2f}" if signed else f"{value:,.2f}"
    return f"{text} {currency}".rstrip()


def percent(fraction: Decimal | float, *, signed: bool = False) -> str:
    """0.0123 is 1.23 %."""
    value = float(fraction) * 100
    return f"{value:+.2f} %" if signed else f"{value:.2f} %"


def moment(ts: int) -> str:
    """A UTC time to the second; tables of recorded bars never need more."""
    return datetime.fromtimestamp(ts / 1000, UTC).strftime("%Y-%m-%d %H:%M:%S")


def span(ms: int) -> str:
    """A duration with its largest fitting unit: 0.4 s, 12 s, 3 min, 2.5 h, 4 days."""
    seconds = max(0, ms) / 1000
    for limit, unit, size in ((10, "s", 1), (120, "s", 1), (7200, "min", 60), (172800, "h", 3600)):
        if seconds < limit:
            value = seconds / size
            return f"{value:.1f} {unit}" if value < 10 and unit != "min" else f"{value:.0f} {unit}"
    return f"{seconds / 86400:.0f} days"


def count(n: int, noun: str) -> str:
    """1 position, 2 positions."""
    return f"{n} {noun}" if n == 1 else f"{n} {noun}s"
