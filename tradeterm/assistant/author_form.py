"""A strategy by a form: plain fields, each with what is allowed in it, become the data of a specification."""

import re
from collections.abc import Callable, Mapping
from typing import Any, NamedTuple

from tradeterm.assistant.author_conditions import HELP, rules
from tradeterm.decode import show
from tradeterm.domain.errors import ConfigError
from tradeterm.strategies.declared.spec import Side, Timeframe

_NUMBER = r"\d+(?:\.\d+)?"
_OPTIONAL = ("exit", "bars_held", "target", "trail")


class Field(NamedTuple):
    """`allowed` is said beside it, `known` completes it, `default` is what stands there at first; `read` makes its part
    of the specification or raises ConfigError."""

    key: str
    label: str
    allowed: str
    default: str
    read: Callable[[str], dict[str, Any]]
    known: tuple[str, ...] = ()


def spec_of(values: Mapping[str, str]) -> dict[str, Any]:
    """What was typed, as a specification; a key that is not there has its default. Raises ConfigError, one sentence a
    mistake, each on its own line; what the parts say together is checked by whoever reads it."""
    spec: dict[str, Any] = {"v": 1}
    mistakes = []
    for field in FIELDS:
        try:
            for key, value in read(field, values.get(field.key, default_of(field, values))).items():
                spec[key] = _merged(spec[key], value) if isinstance(spec.get(key), dict) else value
        except ConfigError as error:
            mistakes += str(error).splitlines()
    if mistakes:
        raise ConfigError("\n".join(mistakes))
    return spec


def default_of(field: Field, values: Mapping[str, str]) -> str:
    """What stands there at first beside the other values: 48 bars of a day are held longer than is allowed."""
    return "20" if field.key == "bars_held" and values.get("timeframe") == Timeframe.D1 else field.default


def read(field: Field, text: str) -> dict[str, Any]:
    """The field's part. Raises ConfigError with its label."""
    text = text.strip()
    if not text and field.key in _OPTIONAL:
        return {}
    if not text:
        raise ConfigError(f"{field.label}: nothing is typed, allowed {field.allowed}")
    try:
        return field.read(text)
    except ConfigError as error:
        raise ConfigError(f"{field.label}: {error}") from None


def _merged(before: dict[str, Any], more: dict[str, Any]) -> dict[str, Any]:
    """Exits by conditions and after a time: any of them."""
    if "any" in before and "any" in more:
        return {**before, **more, "any": [*before["any"], *more["any"]]}
    if "all" in before and "any" in more:
        if len(before["all"]) > 1:
            raise ConfigError("Exit: several conditions joined by and cannot stand beside bars held; join them by or")
        return {"any": [*before["all"], *more["any"]]}
    return {**before, **more}


def _text(key: str) -> Callable[[str], dict[str, Any]]:
    return lambda text: {key: text}


def _symbols(text: str) -> dict[str, Any]:
    return {"symbols": [name.strip().upper() for name in text.split(",") if name.strip()]}


def _rules(key: str) -> Callable[[str], dict[str, Any]]:
    return lambda text: {key: rules(text)}


def _held(text: str) -> dict[str, Any]:
    if not (text.isascii() and text.isdigit() and len(text) < 7):
        raise ConfigError(f"found {show(text)}, allowed a whole number of bars")
    return {"exit": {"any": [{"bars_held": int(text)}]}}


def _stop(text: str) -> dict[str, Any]:
    found = re.fullmatch(rf"({_NUMBER})\s*(%|atr)", text.lower())
    if found is None:
        raise ConfigError(f"found {show(text)}, allowed such as 0.75 % or 1.5 atr")
    value = float(found[1])
    return {"stop": {"type": "percent", "pct": value} if found[2] == "%" else {"type": "atr", "mult": value}}


def _target(text: str) -> dict[str, Any]:
    if text.lower() == "none":
        return {"target": {"type": "none"}}
    found = re.fullmatch(rf"({_NUMBER})\s*(%|r)", text.lower())
    if found is None:
        raise ConfigError(f"found {show(text)}, allowed such as 2 r (times the stop), 3 % or none")
    value = float(found[1])
    return {"target": {"type": "percent", "pct": value} if found[2] == "%" else {"type": "r", "mult": value}}


def _trail(text: str) -> dict[str, Any]:
    found = re.fullmatch(rf"({_NUMBER})\s*%(?:\s*after\s*({_NUMBER})\s*%)?", text.lower())
    if found is None:
        raise ConfigError(f"found {show(text)}, allowed such as 1 % or 1 % after 0.5 %")
    return {"trail": {"pct": float(found[1]), **({"after_pct": float(found[2])} if found[2] else {})}}


def _risk(key: str, *, whole: bool = False) -> Callable[[str], dict[str, Any]]:
    def made(text: str) -> dict[str, Any]:
        bare = text.removesuffix("%").removesuffix("x").strip()
        if not re.fullmatch(r"\d{1,9}" if whole else _NUMBER, bare):
            raise ConfigError(f"found {show(text)}, allowed a {'whole ' if whole else ''}number")
        return {"risk": {key: int(bare) if whole else float(bare)}}

    return made


FIELDS = (
    Field("name", "Name", "1 to 40 of a-z, 0-9, _ and -, a letter first", "", _text("name")),
    Field("symbols", "Symbols", "such as BTC, or BTC, ETH", "BTC", _symbols, ("BTC", "ETH", "SOL", "BNB", "XRP")),
    Field("timeframe", "Bars", ", ".join(Timeframe), "15m", _text("timeframe"), tuple(Timeframe)),
    Field("side", "Side", f"{', '.join(Side)} (both mirrors the rules for shorts)", "long", _text("side"), tuple(Side)),
    Field("entry", "Enter when", HELP, "rsi(14) crosses_above 30", _rules("entry")),
    Field("exit", "Exit when", f"{HELP}; empty: by stop, target and time alone", "rsi(14) > 55", _rules("exit")),
    Field("bars_held", "Hold at most", "a whole number of bars; empty: no limit", "48", _held),
    Field("stop", "Stop", "0.75 % of the price, or 1.5 atr", "1 %", _stop),
    Field("target", "Target", "2 r (times the stop), 3 %, or none", "2 r", _target),
    Field("trail", "Trail", "1 %, or 1 % after 0.5 %; empty: no trailing stop", "", _trail),
    Field("risk_pct", "Risk %", "loss of one trade at its stop, % of equity, up to 2", "0.5", _risk("risk_pct")),
    Field(
        "max_leverage",
        "Leverage",
        "all positions / equity; clamped to the account",
        "1",
        _risk("max_leverage"),
    ),
    Field("max_positions", "Positions", "open at once, 1 to 500", "1", _risk("max_positions", whole=True)),
    Field("daily_loss_pct", "Day loss %", "loss of a day that ends entries, up to 20", "2", _risk("daily_loss_pct")),
)
