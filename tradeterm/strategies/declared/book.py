"""The book that trades a specification, and its text for a configuration file."""

import re
from collections.abc import Iterator
from typing import Any, NamedTuple

import msgspec
from msgspec import structs

from tradeterm.config import BookConfig, ExitsConfig, LimitsConfig, RegimeMultipliers, SizingConfig, SizingMethod
from tradeterm.decode import OFF, one_of
from tradeterm.domain.errors import ConfigError
from tradeterm.domain.instrument import Calendar
from tradeterm.strategies.declared.check import (
    DESK_ATR_BARS,
    MOST_LEVERAGE,
    held_hours,
    liquidation_distance,
    stop_mistakes,
)
from tradeterm.strategies.declared.read import pair_of, plain_spec
from tradeterm.strategies.declared.spec import AtrStop, MultipleTarget, PercentTarget, Spec
from tradeterm.strategies.declared.strategy import Declared

NSE = "NSE"
_LONGEST_NAME = 16


class Booked(NamedTuple):
    """A book, and sentences on where it differs from what was asked for."""

    book: BookConfig
    notes: tuple[str, ...]


def book_of(spec: Spec, *, capital: float, venue: str, leverage_cap: float = MOST_LEVERAGE) -> Booked:
    """The book that trades `spec` with `capital` at `venue`; `leverage_cap` is the account's.

    A symbol without its venue is a USDT perpetual of Bybit at venue bybit, of Binance's recordings elsewhere. Size
    follows the risk at the stop alone; desk rules that shrink it stay on. Raises ConfigError where the specification
    cannot be applied: something in it is unsupported or a question, the stop lies beyond the liquidation, or the
    symbols keep different hours.
    """
    if reason := why_not(spec):
        raise ConfigError(reason)
    leverage = min(spec.risk.max_leverage, leverage_cap, MOST_LEVERAGE)
    if wrong := list(stop_mistakes(spec, leverage)):
        raise ConfigError("\n".join(wrong))
    instruments = tuple(_instrument(symbol, venue) for symbol in spec.symbols)
    calendar = _calendar(instruments)
    plain = plain_spec(spec)
    out = plain["exit"]
    rules = {"any": [one for one in out["any"] if "bars_held" not in one]} if "any" in out else out
    parameters: dict[str, Any] = {"side": str(spec.side), "entry": plain["entry"]}
    if any(rules.values()):
        parameters["exit"] = rules
    if calendar is not Calendar.ALWAYS:
        parameters["calendar"] = str(calendar)
    book = BookConfig(
        strategy=Declared.name,
        venue=venue,
        instruments=instruments,
        capital=capital,
        currency="INR" if calendar is Calendar.NSE else "USDT",
        interval=str(spec.timeframe),
        parameters=parameters,
        exits=_exits(spec),
        sizing=_sizing(spec, leverage),
        limits=_limits(spec, leverage),
    )
    return Booked(book, tuple(_notes(spec, leverage)))


def why_not(spec: Spec) -> str:
    """The sentences for why it cannot be applied; the empty text where it can."""
    return "\n".join(
        [f"unsupported: {text}" for text in spec.unsupported] + [f"open question: {text}" for text in spec.questions]
    )


def book_name(spec: Spec) -> str:
    """The specification's name as a book may be called."""
    name = spec.name.replace("-", "_")
    while len(name) > _LONGEST_NAME:
        shorter = name.rpartition("_")[0]
        name = shorter or name[:_LONGEST_NAME]
    return name


def book_toml(name: str, book: BookConfig) -> str:
    """The book as a table of a configuration file; what is as by default is left out."""
    own = _differences(_plain(book), _defaults(book))
    return "\n".join(_table(f"books.{name}", own)) + "\n"


def _exits(spec: Spec) -> ExitsConfig:
    stop, target, trail = spec.stop, spec.target, spec.trail
    return ExitsConfig(
        stop=_fraction(stop.fallback_pct if isinstance(stop, AtrStop) else stop.pct),
        stop_atr=stop.mult if isinstance(stop, AtrStop) else None,
        target=_fraction(target.pct) if isinstance(target, PercentTarget) else None,
        target_stops=target.mult if isinstance(target, MultipleTarget) else None,
        trail=None if trail is None else _fraction(trail.pct),
        trail_after=0.01 if trail is None else _fraction(trail.after_pct),
        time_limit_hours=None if spec.bars_held is None else held_hours(spec),
        session_end=False,
    )


def _sizing(spec: Spec, leverage: float) -> SizingConfig:
    """No regime makes a trade larger than declared."""
    return SizingConfig(
        method=SizingMethod.FIXED,
        risk_fraction=_fraction(spec.risk.risk_pct),
        max_position_fraction=min(1.0, leverage),
        regimes=RegimeMultipliers(trend=1.0),
    )


def _limits(spec: Spec, leverage: float) -> LimitsConfig:
    return LimitsConfig(
        max_leverage=leverage,
        max_total_exposure=leverage,
        max_position_exposure=min(1.0, leverage),
        max_positions=spec.risk.max_positions,
        daily_loss=_fraction(spec.risk.daily_loss_pct),
    )


def _notes(spec: Spec, leverage: float) -> Iterator[str]:
    if leverage < spec.risk.max_leverage:
        yield f"risk.max_leverage: {spec.risk.max_leverage:g} is clamped to {leverage:g}, the most the account allows"
    if leverage > 1:
        yield (
            f"one position is at most as large as the book's equity; {leverage:g} times is for all positions together"
        )
    if isinstance(spec.stop, AtrStop) and leverage > 1:
        widest = liquidation_distance(leverage) / spec.stop.mult
        yield (
            f"the stop's distance is known at the entry alone: once ATR({DESK_ATR_BARS}) is above {100 * widest:.3g} % "
            f"of the price, a position with margin for {leverage:g}x is liquidated before its stop"
        )


def _instrument(symbol: str, venue: str) -> str:
    if "." in symbol:
        return symbol
    return f"{pair_of(symbol)}.{'BYBIT' if venue == 'bybit' else 'BINANCE'}"


def _calendar(instruments: tuple[str, ...]) -> Calendar:
    venues = {name.partition(".")[2] for name in instruments}
    if venues == {NSE}:
        return Calendar.NSE
    if NSE in venues:
        raise ConfigError(f"symbols: found {one_of(list(instruments))}, which keep different hours, allowed one kind")
    return Calendar.ALWAYS


def _fraction(percent: float) -> float:
    """Without the rounding of a division: 0.3 % is 0.003."""
    return float(f"{percent / 100:.12g}")


def _defaults(book: BookConfig) -> dict[str, Any]:
    """The book with everything at its default that has one."""
    required = {field.name: getattr(book, field.name) for field in structs.fields(book) if field.required}
    return {name: value for name, value in _plain(BookConfig(**required)).items() if name not in required}


def _plain(book: BookConfig) -> dict[str, Any]:
    """As a file would hold it: lists, no tuples."""
    plain: dict[str, Any] = msgspec.json.decode(msgspec.json.encode(book))
    return plain


def _differences(values: dict[str, Any], defaults: dict[str, Any]) -> dict[str, Any]:
    out: dict[str, Any] = {}
    for key, value in values.items():
        if key in defaults and value == defaults[key]:
            continue
        nested = isinstance(value, dict) and isinstance(defaults.get(key), dict)
        out[key] = _differences(value, defaults[key]) if nested else value
    return out


def _table(name: str, values: dict[str, Any]) -> Iterator[str]:
    """A table and the ones in it, which come last as TOML wants it."""
    yield f"[{name}]"
    for key, value in values.items():
        if not isinstance(value, dict):
            yield f"{_key(key)} = {_value(value)}"
    for key, value in values.items():
        if isinstance(value, dict):
            yield ""
            yield from _table(f"{name}.{_key(key)}", value)


def _value(value: object) -> str:
    match value:
        case None:
            return _value(OFF)
        case dict():
            return f"{{ {', '.join(f'{_key(key)} = {_value(item)}' for key, item in value.items())} }}"
        case list() if any(isinstance(item, dict) for item in value):
            return "[\n" + "".join(f"    {_value(item)},\n" for item in value) + "]"
        case list():
            return f"[{', '.join(map(_value, value))}]"
    return msgspec.json.encode(value).decode()  # of texts, numbers and truths JSON is TOML


def _key(name: str) -> str:
    return name if re.fullmatch(r"[A-Za-z0-9_-]+", name) else msgspec.json.encode(name).decode()
