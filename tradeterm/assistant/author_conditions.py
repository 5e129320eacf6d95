"""Conditions as a person types them: `rsi(14) crosses_above 30 and close > ema(200)`."""

import re
from typing import Any

from tradeterm.decode import nearest, one_of, show
from tradeterm.domain.errors import ConfigError
from tradeterm.strategies.declared.catalogue import INDICATORS
from tradeterm.strategies.declared.spec import IndicatorName, Operator, Source

HELP = (
    "INDICATOR OPERATOR VALUE, such as rsi(14) crosses_above 30, close > ema(200), volume > 2 * sma(20, source=volume),"
    " adx between 20 to 40, close rising 3; several are joined by and, or by or"
)
_NUMBER = r"-?\d+(?:\.\d+)?"
_OPERAND = r"[a-z_]+(?:\([^()]*\))?"
_OPERATOR = "|".join(re.escape(op) for op in sorted(Operator, key=len, reverse=True))
_CONDITION = re.compile(rf"(?P<left>{_OPERAND})\s*(?P<op>{_OPERATOR})\s*(?P<right>.+)")
_RANGE = re.compile(rf"({_NUMBER})\s*(?:to|,)?\s+({_NUMBER})")
_OTHER = re.compile(rf"(?:({_NUMBER})\s*\*\s*)?({_OPERAND})")


def rules(text: str) -> dict[str, list[dict[str, Any]]]:
    """The table of a specification; empty where nothing is typed. Raises ConfigError; bounds are checked later."""
    line = " ".join(text.lower().split())
    if not line:
        return {}
    both = [word for word in ("and", "or") if f" {word} " in f" {line} "]
    if len(both) == 2:
        raise ConfigError(f"found {show(text)} with and as well as or, allowed one of them")
    parts = re.split(r"\s+(?:and|or)\s+", line)
    return {"any" if both == ["or"] else "all": [_condition(part.strip()) for part in parts]}


def _condition(text: str) -> dict[str, Any]:
    found = _CONDITION.fullmatch(text)
    if found is None:
        raise ConfigError(f"found {show(text)}, allowed {HELP}")
    condition = {**_operand(found["left"]), "op": found["op"]}
    right = found["right"].strip()
    match Operator(found["op"]):
        case Operator.BETWEEN:
            bounds = _RANGE.fullmatch(right)
            if bounds is None:
                raise ConfigError(f"found {show(text)}, allowed between LOW to HIGH, such as between 20 to 40")
            return {**condition, "low": _number(bounds[1]), "high": _number(bounds[2])}
        case Operator.RISING | Operator.FALLING:
            if not right.isdecimal():
                raise ConfigError(f"found {show(text)}, allowed {found['op']} BARS, such as {found['op']} 3")
            return {**condition, "bars": int(right)}
    if re.fullmatch(_NUMBER, right):
        return {**condition, "value": _number(right)}
    other = _OTHER.fullmatch(right)
    if other is None:
        raise ConfigError(f"found {show(right)} in {show(text)}, allowed a number or an indicator")
    times = {} if other[1] is None else {"times": _number(other[1])}
    return {**condition, "of": _operand(other[2]), **times}


def _operand(text: str) -> dict[str, Any]:
    """`sma(20, source=volume)`: arguments in their order, or by name."""
    word, _, inside = text.partition("(")
    if word not in set(IndicatorName):
        hint = nearest(word, list(IndicatorName)) or f"; allowed {one_of(list(IndicatorName))}"
        raise ConfigError(f"found {show(word)}, which is no indicator{hint}")
    known = [*INDICATORS[IndicatorName(word)].arguments]
    operand: dict[str, Any] = {"ind": word}
    given = [part.strip() for part in inside.rstrip(")").split(",") if part.strip()]
    for at, part in enumerate(given):
        key, equals, value = (piece.strip() for piece in part.partition("="))
        if not equals:
            if at >= len(known):
                raise ConfigError(f"found {show(part)} in {show(text)}, allowed {one_of([*known, 'ago'])}")
            key, value = known[at], key
        if key not in (*known, "ago"):
            raise ConfigError(f"found {show(key)} in {show(text)}, allowed {one_of([*known, 'ago'])}")
        operand[key] = value if value in set(Source) else _number(value)
    return operand


def _number(text: str) -> int | float:
    if not re.fullmatch(_NUMBER, text):
        raise ConfigError(f"found {show(text)}, allowed a number")
    value = float(text)
    return int(value) if value.is_integer() and "." not in text else value
