"""The canonical context: what a model may know of a signal. Numbers and names alone, every ratio worked out here.

The desk's packet goes in; groups that are not listed, texts and absolute times stay out. A number is a text of at most
seven significant digits, a value that is absent or not finite is None.
"""

import re
from collections.abc import Mapping
from decimal import Context as Precision
from decimal import Decimal, InvalidOperation
from functools import lru_cache
from typing import Any

from msgspec import Struct

from tradeterm.domain.orders import PositionSide
from tradeterm.domain.signals import Signal
from tradeterm.validators.codes import Failure, GateFailure
from tradeterm.validators.digest import canonical, digest
from tradeterm.validators.untrusted import clean, is_suspicious

SCHEMA = 2
LARGEST_TOKENS = 2500
_CHARACTERS_A_TOKEN = 3  # JSON full of digits; prose has four

_GROUPS = ("explain", "trend", "limits", "history", "data_quality")
_SHOWN_POSITIONS = 8
_CORRELATED = Decimal("0.7")
_TIGHT = Decimal("0.75")
_DIGITS = Precision(prec=7)
_FARTHEST_DIGIT = 30  # beyond it a number is a mistake, and would be very long
_NAME = re.compile(r"[A-Za-z0-9_&.:/%+-]{1,48}")
_SHORT = re.compile(r"-?[0-9]{1,4}\.[0-9]{1,3}")
_NO_VALUE = frozenset({"none", "null", "nan", "snan", "inf", "infinity"})
_NUMBER = re.compile(r"-?[0-9]{1,40}(?:\.[0-9]{1,40})?")
_UNHASHED = (
    ("signal", "id"),
    ("signal", "age_ms"),
    ("market", "age_ms"),
    ("data_quality", "bar_age_ms"),
    ("data_quality", "quote_age_ms"),
)
"""Who asks and how long it took; the same situation is the same context."""


class GateContext(Struct, frozen=True):
    """`known` is all the approving call sees; `headlines` are cleaned, and `suspicious` says that some were dropped."""

    known: dict[str, Any]
    headlines: tuple[str, ...] = ()
    suspicious: bool = False

    @property
    def text(self) -> str:
        return canonical(self.known)


def build_context(signal: Signal, packet: Mapping[str, Any], ts: int, *, news: bool = True) -> GateContext:
    """The context of a signal. Raises GateFailure for a name that reads like a text, or if it becomes too large."""
    outside = packet.get("untrusted")
    headlines = outside.get("headlines") if news and isinstance(outside, Mapping) else ()
    found = clean(headlines if isinstance(headlines, list | tuple) else ())
    known = {
        "schema": SCHEMA,
        "signal": _signal(signal, packet, ts),
        "market": _market(signal, _group(packet, "market")),
        **{name: _plain(_group(packet, name)) for name in _GROUPS},
        "portfolio": _portfolio(signal, _group(packet, "portfolio"), ts),
        "tier1": _tier1(packet.get("tier1")),
    }
    _refuse_texts(known)
    known["bars"] = _bars(packet.get("bars"))  # numbers alone, and many
    context = GateContext(known, found.items, found.suspicious)
    if tokens_of(context.text) > LARGEST_TOKENS:
        text = f"the context has about {tokens_of(context.text)} tokens, allowed {LARGEST_TOKENS}"
        raise GateFailure(Failure.CONTEXT_TOO_LARGE, text)
    return context


def context_hash(context: GateContext, **asked: Any) -> str:
    """Names the situation and how it is asked (`asked`: model, prompts, parameters), not the signal's id or age."""
    known = {name: dict(value) if isinstance(value, dict) else value for name, value in context.known.items()}
    for group, name in _UNHASHED:
        known[group].pop(name, None)
    return digest(canonical({"context": known, "headlines": context.headlines, "asked": asked}))


def tokens_of(text: str) -> int:
    """An estimate from above of the tokens of a canonical text."""
    return len(text) // _CHARACTERS_A_TOKEN + 1


def _signal(signal: Signal, packet: Mapping[str, Any], ts: int) -> dict[str, Any]:
    wanted = _group(packet, "signal")
    price, stop, target = signal.price, _decimal(wanted.get("stop")), _decimal(wanted.get("target"))
    quantity, equity = _decimal(wanted.get("quantity")), _decimal(_group(packet, "portfolio").get("equity"))
    atr = _decimal(_group(packet, "market").get("atr"))
    risked = None if stop is None else abs(price - stop)
    won = None if target is None else abs(target - price)
    return {
        "id": signal.id,
        "book": signal.book,
        "strategy": signal.strategy,
        "symbol": signal.instrument,
        "side": side_word(signal.side),
        "price": _number(price),
        "stop": _number(stop),
        "target": _number(target),
        "quantity": _number(quantity),
        "stop_distance": _ratio(risked, price),
        "target_distance": _ratio(won, price),
        "stop_atr": _ratio(risked, atr),
        "target_atr": _ratio(won, atr),
        "reward_to_risk": _ratio(won, risked),
        "notional_of_equity": _ratio(None if quantity is None else quantity * price, equity),
        "risk_of_equity": _ratio(None if quantity is None or risked is None else quantity * risked, equity),
        "age_ms": ts - signal.ts_bar,
    }


def side_word(side: PositionSide) -> str:
    return side.value.lower()


def _market(signal: Signal, packet: Mapping[str, Any]) -> dict[str, Any]:
    """`funding_paid` is what the position would pay at the next settlement, of its notional; below 0 it is paid."""
    rate = _decimal(packet.get("funding_rate"))
    return {
        **_plain({name: value for name, value in packet.items() if name != "atr"}),
        "atr_of_price": _ratio(_decimal(packet.get("atr")), signal.price),
        "funding_paid": None if rate is None else _number(rate * signal.side.sign),
    }


def _portfolio(signal: Signal, packet: Mapping[str, Any], ts: int) -> dict[str, Any]:
    positions = sorted((_position(row, ts) for row in _rows(packet.get("positions"))), key=_notional, reverse=True)
    sides = [row["side"] for row in positions]
    equity = _decimal(packet.get("equity"))
    rest = {name: value for name, value in packet.items() if name not in ("positions", "cash")}
    return {
        **_plain(rest),
        "exposure_of_equity": _ratio(_decimal(packet.get("exposure")), equity),
        "day_pnl_of_equity": _ratio(_decimal(packet.get("day_pnl")), equity),
        "long_positions": sides.count("long"),
        "short_positions": sides.count("short"),
        "correlated_positions": sum(_moves_with(row, signal) for row in positions),
        "largest_positions": positions[:_SHOWN_POSITIONS],
    }


def _position(row: Mapping[str, Any], ts: int) -> dict[str, Any]:
    price, mark, quantity = (_decimal(row.get(name)) for name in ("average_price", "mark", "quantity"))
    change = None if price is None or mark is None else mark - price
    side, opened = str(row.get("side", "")).lower(), row.get("ts_opened")
    sign = -1 if side == "short" else 1
    return {
        "symbol": str(row.get("instrument", "")),
        "side": side,
        "notional": None if quantity is None or mark is None else _number(quantity * mark),
        "profit_of_price": _ratio(None if change is None else change * sign, price),
        "held_minutes": (ts - opened) // 60_000 if isinstance(opened, int) else None,
        "correlation": _number(_decimal(row.get("correlation"))),
    }


def _moves_with(position: Mapping[str, Any], signal: Signal) -> bool:
    """Whether a position gains and loses with the one that is wanted."""
    correlation = _decimal(position["correlation"])
    sign = -1 if position["side"] == "short" else 1
    return correlation is not None and correlation * sign * signal.side.sign >= _CORRELATED


def _notional(position: Mapping[str, Any]) -> Decimal:
    return abs(_decimal(position["notional"]) or Decimal(0))


def _tier1(checks: Any) -> dict[str, Any]:
    """How many checks passed, and those that did with little room left."""
    rows = _rows(checks)
    tight = []
    for row in rows:
        numbers = _group(row, "numbers")
        share, limit = _decimal(_first(numbers)), _decimal(numbers.get("limit"))
        if share is not None and limit is not None and limit > 0 and share >= limit * _TIGHT:
            tight.append({"code": str(row.get("code", "")), "value": _number(share), "limit": _number(limit)})
    return {"passed": sum(1 for row in rows if row.get("passed") is True), "of": len(rows), "tight": tight}


def _bars(value: Any) -> list[list[str | None]]:
    """Rows of numbers; whatever else stands among them becomes None."""
    rows = value if isinstance(value, list | tuple) else ()
    return [[_cell(item) for item in row] for row in rows if isinstance(row, list | tuple)]


def _cell(value: Any) -> str | None:
    if isinstance(value, float) and _SHORT.fullmatch(text := repr(value + 0.0)):
        return text  # what `_number` would say, without the detour
    return _number(value) if isinstance(value, int | float | Decimal) and not isinstance(value, bool) else None


def _rows(value: Any) -> list[Mapping[str, Any]]:
    return [row for row in value if isinstance(row, Mapping)] if isinstance(value, list | tuple) else []


def _first(numbers: Mapping[str, Any]) -> Any:
    return next((value for name, value in numbers.items() if name != "limit"), None)


def _group(packet: Mapping[str, Any], name: str) -> Mapping[str, Any]:
    value = packet.get(name)
    return value if isinstance(value, Mapping) else {}


def _plain(value: Any) -> Any:
    """Numbers as texts, names as they are, keys that are no names left out; a text becomes None."""
    match value:
        case bool() | None:
            return value
        case int() | float() | Decimal():
            return _number(value)
        case str():
            number = _decimal(value)
            if number is not None:
                return _number(number)
            return value if _NAME.fullmatch(value) and value.lower().lstrip("+-") not in _NO_VALUE else None
        case Mapping():
            return {name: _plain(item) for name, item in value.items() if _NAME.fullmatch(str(name))}
        case list() | tuple():
            return [_plain(item) for item in value]
    return None


def _refuse_texts(value: Any) -> None:
    """Every text is a number or a name, and no name reads like an instruction."""
    if isinstance(value, str):
        if not _NUMBER.fullmatch(value) and not _is_safe_name(value):
            raise GateFailure(
                Failure.UNSAFE_NAME, "a name in the context reads like a text; it is not shown to a model"
            )
    elif isinstance(value, dict):
        for name, item in value.items():
            if name not in _OWN_NAMES:
                _refuse_texts(name)
                _refuse_texts(item)
    elif isinstance(value, list):
        for item in value:
            _refuse_texts(item)


@lru_cache(4096)
def _is_safe_name(name: str) -> bool:
    """The same names come with every signal."""
    return _NAME.fullmatch(name) is not None and not is_suspicious(name.replace("_", " "))


_OWN_NAMES = frozenset({"max_leverage", "schema", "id"})
"""This program's own, which the screen might take for an instruction."""


def _decimal(value: Any) -> Decimal | None:
    if value is None or isinstance(value, bool):
        return None
    try:
        number = value if isinstance(value, Decimal) else Decimal(str(value))
    except InvalidOperation:
        return None
    return number if number.is_finite() and abs(number.adjusted()) <= _FARTHEST_DIGIT else None


def _number(value: float | Decimal | None) -> str | None:
    number = _decimal(value)
    return None if number is None else format(_DIGITS.plus(number), "f")


def _ratio(value: Decimal | None, of: Decimal | None) -> str | None:
    return None if value is None or of is None or of == 0 else _number(value / of)
