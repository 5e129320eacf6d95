"""A specification from a file or from plain data: every mistake is one sentence that names the place."""

import json
import re
import tomllib
from collections.abc import Sequence
from pathlib import Path
from typing import Any, TypeVar

import msgspec
from msgspec import Struct

from tradeterm.decode import convert, join, one_of, show
from tradeterm.domain.errors import ConfigError
from tradeterm.strategies.declared.check import mistakes_of
from tradeterm.strategies.declared.files import SUFFIXES
from tradeterm.strategies.declared.read_rules import Mistakes, read_entry, read_exit
from tradeterm.strategies.declared.spec import (
    AtrStop,
    Head,
    MultipleTarget,
    NoTarget,
    PercentStop,
    PercentTarget,
    Rules,
    Spec,
    Trail,
)

MOST_BYTES = 65_536
MOST_LEVELS = 8
MOST_TEXTS, LONGEST_TEXT = 20, 500
MOST_SYMBOLS = 100
_NAME = re.compile(r"[a-z][a-z0-9_-]{0,39}")
_SYMBOL = re.compile(r"[A-Z0-9&_-]{1,40}(\.[A-Z0-9]{1,16})?")
_QUOTES = ("USDT", "USDC", "USD")
_STOPS: dict[str, type[Struct]] = {"atr": AtrStop, "percent": PercentStop}
_TARGETS: dict[str, type[Struct]] = {"r": MultipleTarget, "percent": PercentTarget, "none": NoTarget}

T = TypeVar("T", bound=Struct)


class _Outline(Head, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """The same with the tables whose shape depends on what is in them."""

    entry: dict[str, Any]
    exit: dict[str, Any] = msgspec.field(default_factory=dict)
    stop: dict[str, Any]
    target: dict[str, Any] = msgspec.field(default_factory=dict)
    trail: dict[str, Any] = msgspec.field(default_factory=dict)


def read_file(path: Path) -> Spec:
    """The specification in a .json or .toml file. Raises ConfigError, one sentence a mistake, each on its own line."""
    if path.suffix not in SUFFIXES:
        raise ConfigError(f"{path}: found a file of another kind, allowed {one_of(list(SUFFIXES))}")
    try:
        with path.open("rb") as file:
            data = file.read(MOST_BYTES + 1)
    except OSError as error:
        raise ConfigError(f"{path}: cannot be read: {error.strerror or error}") from None
    try:
        return read_spec(parse(data, toml=path.suffix == ".toml"))
    except ConfigError as error:
        raise ConfigError("\n".join(f"{path}: {mistake}" for mistake in str(error).splitlines())) from None


def parse(data: bytes, *, toml: bool = False) -> dict[str, Any]:
    """Plain data from JSON or TOML. Raises ConfigError for what is too large, too deep, no table, or says a key twice
    or a number that is none."""
    if len(data) > MOST_BYTES:
        raise ConfigError(f"the file: found more than {MOST_BYTES} bytes, allowed at most that many")
    try:
        text = data.decode("utf-8-sig")
        plain = tomllib.loads(text) if toml else json.loads(text, object_pairs_hook=_once, parse_constant=_no_number)
        json.dumps(plain, ensure_ascii=False, default=str).encode()  # half of a surrogate pair is no text
    except UnicodeDecodeError as error:
        raise ConfigError(f"the file: found a byte at {error.start} that is not UTF-8, allowed UTF-8 text") from None
    except RecursionError:
        raise ConfigError(_too_deep()) from None
    except ValueError as error:  # both parsers' own errors are of this kind
        raise ConfigError(_printable(f"the file: not valid {'TOML' if toml else 'JSON'}: {error}")) from None
    if not isinstance(plain, dict):
        raise ConfigError(f"the file: found {show(plain)}, allowed a table")
    if _levels(plain, MOST_LEVELS + 1) > MOST_LEVELS:
        raise ConfigError(_too_deep())
    return plain


def read_spec(data: dict[str, Any]) -> Spec:
    """The specification in plain data. Raises ConfigError, one sentence a mistake, each on its own line."""
    outline, mistakes = convert(data, _Outline)
    entry = read_entry(data["entry"], data.get("side"), mistakes) if isinstance(data.get("entry"), dict) else Rules()
    out, bars_held = Rules(), None
    if isinstance(data.get("exit"), dict):
        out, bars_held = read_exit(data["exit"], data.get("side"), mistakes)
    stop = _variant(data.get("stop"), "stop", _STOPS, mistakes)
    target = _variant(data["target"], "target", _TARGETS, mistakes) if "target" in data else NoTarget()
    trail = _struct(data["trail"], "trail", Trail, mistakes) if isinstance(data.get("trail"), dict) else None
    mistakes += _texts(data)
    if mistakes or outline is None:
        raise ConfigError("\n".join(map(_printable, mistakes)))
    assert isinstance(stop, AtrStop | PercentStop)
    assert isinstance(target, MultipleTarget | PercentTarget | NoTarget)
    plain = {name: getattr(outline, name) for name in Head.__struct_fields__}
    spec = Spec(entry=entry, exit=out, bars_held=bars_held, stop=stop, target=target, trail=trail, **plain)
    if wrong := mistakes_of(spec):
        raise ConfigError("\n".join(wrong))
    return spec


def plain_spec(spec: Spec) -> dict[str, Any]:
    """Plain data that `read_spec` reads as the same specification."""
    head: dict[str, Any] = msgspec.json.decode(msgspec.json.encode(spec))
    bars_held, exits = head.pop("bars_held"), head.pop("exit")
    if bars_held is not None:
        exits = {"any": [*exits.get("any", []), {"bars_held": bars_held}]}
    return {**{key: value for key, value in head.items() if value not in (None, [])}, "exit": exits}


def _variant(data: object, key: str, kinds: dict[str, type[Struct]], mistakes: Mistakes) -> Struct | None:
    """The struct that the table's `type` names. What is no table at all is another's sentence."""
    if not isinstance(data, dict):
        return None
    found = data.get("type")
    if not isinstance(found, str) or found not in kinds:
        wrong = f"found {show(found)}" if "type" in data else "missing"
        mistakes.append(f"{key}.type: {wrong}, allowed {one_of(list(kinds))}")
        return None
    return _struct({name: value for name, value in data.items() if name != "type"}, key, kinds[found], mistakes)


def _struct(data: dict[str, Any], key: str, kind: type[T], mistakes: Mistakes) -> T | None:
    made, wrong = convert(data, kind)
    mistakes += [f"{key}.{one}" for one in wrong]
    return made


def _texts(data: dict[str, Any]) -> Mistakes:
    """What is wrong with the names and the sentences; their types are another's sentence."""
    mistakes = []
    name = data.get("name")
    if isinstance(name, str) and not _NAME.fullmatch(name):
        mistakes.append(f"name: found {show(name)}, allowed 1 to 40 of a-z, 0-9, _ and -, a letter first")
    symbols = [symbol for symbol in _list(data.get("symbols")) if isinstance(symbol, str)]
    for number, symbol in enumerate(symbols):
        if not _SYMBOL.fullmatch(symbol):
            mistakes.append(
                f"symbols[{number}]: found {show(symbol)}, allowed one such as BTC, BTCUSDT or RELIANCE.NSE"
            )
        elif symbol in symbols[:number]:
            mistakes.append(f"symbols[{number}]: found {show(symbol)} more than once, allowed once")
        elif same := next((one for one in symbols[:number] if _market(one) == _market(symbol)), ""):
            mistakes.append(
                f"symbols[{number}]: found {show(symbol)}, another name of {show(same)}, allowed an instrument once"
            )
    if len(symbols) > MOST_SYMBOLS:
        mistakes.append(f"symbols: found {len(symbols)}, allowed at most {MOST_SYMBOLS}")
    for key in ("assumptions", "unsupported", "questions"):
        texts = _list(data.get(key))
        if len(texts) > MOST_TEXTS:
            mistakes.append(f"{key}: found {len(texts)} texts, allowed at most {MOST_TEXTS}")
        for number, text in enumerate(texts):
            if isinstance(text, str) and not (text.isprintable() and 0 < len(text) <= LONGEST_TEXT):
                mistakes.append(f"{key}[{number}]: found {show(text)}, allowed one line of 1 to {LONGEST_TEXT} letters")
    return mistakes


def pair_of(symbol: str) -> str:
    """A coin by its perpetual: BTC and BTCUSDT are BTCUSDT."""
    return symbol if symbol.endswith(_QUOTES) and symbol not in _QUOTES else f"{symbol}USDT"


def _market(symbol: str) -> str:
    """The same for every name of an instrument; a paper book trades Binance's perpetuals as Bybit's."""
    name, _, venue = symbol.partition(".")
    return pair_of(name) if venue in ("", "BYBIT", "BINANCE") else symbol


def _printable(mistake: str) -> str:
    """What it quotes is from outside: nothing in it may steer a terminal or turn the reading direction."""
    return "".join(sign if sign.isprintable() else "\N{REPLACEMENT CHARACTER}" for sign in mistake)


def _list(value: object) -> Sequence[object]:
    return value if isinstance(value, list) else ()


def _once(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    found = dict(pairs)
    if len(found) < len(pairs):
        names = [name for name, _ in pairs]
        twice = next(name for name in names if names.count(name) > 1)
        raise ValueError(f"{join('', twice)} stands twice in one table")
    return found


def _no_number(name: str) -> float:
    raise ValueError(f"{name} is no number")


def _too_deep() -> str:
    return f"the file: found more than {MOST_LEVELS} levels of tables, allowed at most that many"


def _levels(value: object, most: int) -> int:
    """How deep it is, counted up to `most`."""
    inside = value.values() if isinstance(value, dict) else value if isinstance(value, list) else None
    if inside is None or most == 0:
        return 0
    return 1 + max((_levels(item, most - 1) for item in inside), default=0)
