"""Whether a piece of evidence is in the context: its path exists and its value is the one there, within rounding."""

from collections.abc import Mapping
from decimal import Decimal, InvalidOperation
from typing import Any

from tradeterm.validators.verdict import Evidence

_FARTHEST = Decimal("0.01")
"""A rounded number may be this far from the real one, relative to it: "0" is no rounding of a small number."""
_MISSING = object()


def is_grounded(evidence: Evidence, context: Mapping[str, Any]) -> bool:
    found = at(context, evidence.path)
    if found is _MISSING or isinstance(found, (Mapping, list)):
        return False
    claimed = evidence.value.strip()
    match found:
        case None:
            return claimed.lower() in ("null", "none")
        case bool():
            return claimed.lower() == str(found).lower()
    number, claim = _decimal(str(found)), _decimal(claimed)
    if number is None or claim is None:
        return claimed == str(found)
    return _is_rounding(claim, number)


def at(value: Any, pointer: str) -> Any:
    """The value a JSON pointer (RFC 6901) leads to; a private mark where it leads nowhere."""
    if not pointer.startswith("/"):
        return _MISSING
    for part in pointer[1:].split("/"):
        name = part.replace("~1", "/").replace("~0", "~")
        if isinstance(value, Mapping) and name in value:
            value = value[name]
        elif isinstance(value, list) and name.isascii() and name.isdigit() and len(name) < 5 and int(name) < len(value):
            value = value[int(name)]
        else:
            return _MISSING
    return value


def _is_rounding(claim: Decimal, number: Decimal) -> bool:
    """Less than one in the claim's last place away, and not far off."""
    exponent = claim.as_tuple().exponent
    if claim == number:
        return True
    away = abs(claim - number)
    return isinstance(exponent, int) and away < Decimal(1).scaleb(exponent) and away <= abs(number) * _FARTHEST


def _decimal(text: str) -> Decimal | None:
    try:
        number = Decimal(text)
    except InvalidOperation:
        return None
    return number if number.is_finite() else None
