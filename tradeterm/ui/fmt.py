"""Numbers, ages and times as a trader reads them. Pure; every function answers None with a dash."""

import math
import re
from collections.abc import Sequence
from datetime import UTC, datetime, tzinfo
from decimal import ROUND_HALF_EVEN, Decimal
from zoneinfo import ZoneInfo

DASH = "—"
SECOND, MINUTE, HOUR, DAY = 1_000, 60_000, 3_600_000, 86_400_000

Number = Decimal | float | int

_MOST_DIGITS = 15
_POINT = re.compile(r"[.](?=\d)")


def _decimal(value: Number | None) -> Decimal | None:
    """The value exactly, or None for what is not a finite number."""
    if value is None:
        return None
    exact = value if isinstance(value, Decimal) else Decimal(str(value))
    return exact if exact.is_finite() else None


def _own_places(value: Decimal) -> int:
    """Places that show the value exactly, at most 12: 0.0310 has three, 5E+2 none."""
    exponent = value.normalize().as_tuple().exponent
    return min(12, max(0, -exponent)) if isinstance(exponent, int) else 0


def _places(step: Number | None) -> int | None:
    """Places of a step, None for one that is not a positive number."""
    exact = _decimal(step)
    return _own_places(exact) if exact is not None and exact > 0 else None


def _fixed(value: Decimal, places: int, currency: str = "") -> str:
    """Digits in groups (thousands, or lakh and crore for rupees) with fixed places; absurdly big ones as 1.23E+40."""
    if value.adjusted() > _MOST_DIGITS:
        return f"{value:.3E}"
    rounded = value.quantize(Decimal(1).scaleb(-places), rounding=ROUND_HALF_EVEN)
    return _unsigned_zero(_rupees(rounded) if currency.upper() == "INR" else f"{rounded:,f}")


def _rupees(value: Decimal) -> str:
    sign, digits = ("-", f"{-value:f}") if value < 0 else ("", f"{value:f}")
    whole, point, fraction = digits.partition(".")
    head, tail = whole[:-3], whole[-3:]
    pairs = [head[max(0, end - 2) : end] for end in range(len(head), 0, -2)]
    return sign + ",".join([*reversed(pairs), tail]) + point + fraction


def _significant_places(value: Decimal) -> int:
    """Places that show a price of unknown tick with about six significant digits."""
    if value == 0:
        return 2
    return min(8, max(2, 5 - value.adjusted())) if abs(value) < 1000 else 2


def price(value: Number | None, tick: Number | None = None, currency: str = "") -> str:
    """A price with the places of its tick; about six significant digits where no tick is known."""
    exact = _decimal(value)
    if exact is None:
        return DASH
    places = _places(tick)
    return _fixed(exact, _significant_places(exact) if places is None else places, currency)


def money(value: Number | None, currency: str = "", places: int = 2) -> str:
    """An amount, "10,184.20"; in lakh and crore for INR, "12,34,567.00"."""
    exact = _decimal(value)
    return DASH if exact is None else _fixed(exact, places, currency)


def signed_money(value: Number | None, currency: str = "", places: int = 2) -> str:
    """A gain or loss, "+18.83"; zero carries no sign."""
    return _signed(money(value, currency, places))


def quantity(value: Number | None, step: Number | None = None) -> str:
    """A size with the places of its lot step, or as exact as it is: "0.031", "500"."""
    exact = _decimal(value)
    if exact is None:
        return DASH
    places = _places(step)
    return _fixed(exact, _own_places(exact) if places is None else places)


def percent(fraction: Number | None, places: int = 1) -> str:
    """A fraction as percent: 0.314 is "31.4%"."""
    exact = _decimal(fraction)
    return DASH if exact is None else _fixed(exact * 100, places) + "%"


def signed_percent(fraction: Number | None, places: int = 2) -> str:
    """A return as percent with its sign: 0.0184 is "+1.84%"."""
    return _signed(percent(fraction, places))


def number(value: Number | None, places: int = 2) -> str:
    """Any plain number with fixed places."""
    exact = _decimal(value)
    return DASH if exact is None else _fixed(exact, places)


def compact(value: Number | None) -> str:
    """A big number in little room: "950", "12.3K", "4.5M", "1.2B"."""
    exact = _decimal(value)
    if exact is None:
        return DASH
    if exact.adjusted() > _MOST_DIGITS:
        return f"{exact:.1E}"
    for unit, name in ((Decimal(10**9), "B"), (Decimal(10**6), "M"), (Decimal(10**3), "K")):
        if abs(exact) >= unit:
            return f"{exact / unit:.1f}{name}"
    return f"{exact:.0f}" if abs(exact) >= 100 or exact == exact.to_integral_value() else f"{exact:.2f}"


def age(ms: Number | None) -> str:
    """How old something is, in its largest unit and a half: "0s", "3s", "4m", "1h12", "2d3h"."""
    if ms is None or not math.isfinite(ms):
        return DASH
    whole = max(0, int(ms))
    if whole < MINUTE:
        return f"{whole // SECOND}s"
    if whole < HOUR:
        return f"{whole // MINUTE}m"
    if whole < DAY:
        return f"{whole // HOUR}h{whole % HOUR // MINUTE:02d}"
    return f"{whole // DAY}d{whole % DAY // HOUR}h"


def duration(ms: Number | None) -> str:
    """How long something took, more exact than an age: "38ms", "2.4s", "4m05s", "1h12m"."""
    if ms is None or not math.isfinite(ms):
        return DASH
    whole = max(0, int(ms))
    if whole < SECOND:
        return f"{whole}ms"
    if whole < MINUTE:
        return f"{whole // 100 / 10:.1f}s"
    if whole < HOUR:
        return f"{whole // MINUTE}m{whole % MINUTE // SECOND:02d}s"
    if whole < DAY:
        return f"{whole // HOUR}h{whole % HOUR // MINUTE:02d}m"
    return f"{whole // DAY}d{whole % DAY // HOUR:02d}h"


def zone(name: str) -> tzinfo:
    """The time zone of that name. Raises ZoneInfoNotFoundError or ValueError for an unknown one."""
    return UTC if name.upper() == "UTC" else ZoneInfo(name)


def _local(ts: int, tz: tzinfo | str) -> datetime:
    return datetime.fromtimestamp(ts / 1000, zone(tz) if isinstance(tz, str) else tz)


def clock(ts: int | None, tz: tzinfo | str = UTC) -> str:
    """The time of day, "14:03:22"."""
    return DASH if ts is None else f"{_local(ts, tz):%H:%M:%S}"


def short_clock(ts: int | None, tz: tzinfo | str = UTC) -> str:
    """The time of day without seconds, "14:03"."""
    return DASH if ts is None else f"{_local(ts, tz):%H:%M}"


def day(ts: int | None, tz: tzinfo | str = UTC) -> str:
    """The date without its year, "7 Apr"."""
    return DASH if ts is None else f"{(at := _local(ts, tz)).day} {at:%b}"


def moment(ts: int | None, tz: tzinfo | str = UTC) -> str:
    """Date and time of day, "7 Apr 14:03:22"."""
    return DASH if ts is None else f"{day(ts, tz)} {clock(ts, tz)}"


def zone_name(tz: tzinfo | str, ts: int = 0) -> str:
    """The short name of a zone at a time, "UTC" or "IST"."""
    return _local(ts, tz).tzname() or ""


def align_decimal(texts: Sequence[str]) -> list[str]:
    """The texts padded to one width so that their decimal points stand under each other.

    A text without a point ends where the others have theirs; a trailing sign such as % stays with its number.
    """
    split = [_split_point(text) for text in texts]
    left = max((len(whole) for whole, _ in split), default=0)
    right = max((len(rest) for _, rest in split), default=0)
    return [whole.rjust(left) + rest.ljust(right) for whole, rest in split]


def _split_point(text: str) -> tuple[str, str]:
    """What stands before the decimal point, and the point with what follows."""
    match = _POINT.search(text)
    if match is not None:
        return text[: match.start()], text[match.start() :]
    end = len(text)
    while end and not (text[end - 1].isdigit() or text[end - 1] == DASH):
        end -= 1
    return (text[:end], text[end:]) if end else (text, "")


def _unsigned_zero(text: str) -> str:
    """Without the minus of a number that rounded to zero."""
    return text[1:] if text.startswith("-") and not any(digit in text for digit in "123456789") else text


def _signed(text: str) -> str:
    positive = text[:1].isdigit() and any(digit in text for digit in "123456789")
    return "+" + text if positive else text
