"""What a study can be made of, and what may be written where: names, parameters with their bounds, series of data."""

from collections.abc import Iterator, Sequence
from typing import Any

import msgspec
from msgspec import Struct

from tradeterm.config import BookConfig, Config
from tradeterm.domain.errors import TradetermError
from tradeterm.domain.market import INTERVALS_MS
from tradeterm.ui import fmt
from tradeterm.ui.plain import plain

_GROUPS = ("exits", "sizing", "limits")
"""Parts of a book that --set reaches as GROUP.KEY."""
_COSTS = {
    "fee": "share of every fill's notional",
    "slippage": "share of every fill's price",
    "impact": "coefficient of the square-root law, about 1",
    "participation": "most of a bar's volume that an entry fills",
    "least_latency_ms": "how much later than its open an order arrives, at least",
    "most_latency_ms": "the same at most; 0: it is not late",
}


class Choice(Struct, frozen=True):
    """Something that can be set: a key, what it means with its bounds in words, and its value where none is given."""

    key: str
    words: str
    default: Any = None


class SeriesOf(Struct, frozen=True):
    """A series of `tradeterm data list`; times UTC ms."""

    instrument: str
    symbol: str
    interval: str
    rows: int
    first: int
    last: int


class DataListed(Struct, frozen=True):
    folder: str
    series: tuple[SeriesOf, ...]
    unreadable: tuple[str, ...] = ()


def decode_data(answer: bytes) -> DataListed:
    """The answer of `data list --json`. Raises TradetermError."""
    try:
        return msgspec.json.decode(answer, type=DataListed)
    except (msgspec.DecodeError, UnicodeDecodeError) as error:
        raise TradetermError(f"the list of data is not understood: {error}") from None


def names(config: Config) -> dict[str, str]:
    """Books of the configuration, then strategies, with what each is. A book hides the strategy of its name."""
    from tradeterm.strategies.registry import strategy_names

    books = {name: f"book, strategy {book.strategy}" for name, book in config.books.items()}
    return {**dict.fromkeys(strategy_names(), "strategy"), **books}


def settings_of(name: str, config: Config) -> tuple[Choice, ...]:
    """What can be set of the book or strategy, the strategy's own parameters first; () for an unknown name."""
    from tradeterm.strategies.registry import parameters_type, strategy_names

    book = config.books.get(name)
    strategy = book.strategy if book is not None else name
    if strategy not in strategy_names():
        return ()
    given = book.parameters if book is not None else {}
    own = [
        msgspec.structs.replace(choice, default=given.get(choice.key, choice.default))
        for choice in _choices_of(parameters_type(strategy), "")
    ]
    values = msgspec.to_builtins(book) if book is not None else {}
    return (*own, *_groups(values), *_costs(config))


def _costs(config: Config) -> Iterator[Choice]:
    """Of the simulated fills; what they are when nothing is set is in [paper] and [research]."""
    from tradeterm.research.costs import Costs, configured_costs

    configured = msgspec.to_builtins(configured_costs(config))
    for choice in _choices_of(Costs, "costs."):
        name = choice.key.partition(".")[2]
        words = "; ".join(part for part in (_COSTS.get(name, ""), choice.words) if part)
        yield Choice(choice.key, words, configured.get(name))


def _groups(values: dict[str, Any]) -> Iterator[Choice]:
    for field in msgspec.structs.fields(BookConfig):
        if field.name not in _GROUPS:
            continue
        for choice in _choices_of(field.type, f"{field.name}."):
            known = values.get(field.name, {}).get(choice.key.partition(".")[2], choice.default)
            yield msgspec.structs.replace(choice, default=known)


def _choices_of(kind: Any, prefix: str) -> Iterator[Choice]:
    """The plain values among the fields of a struct."""
    info = msgspec.inspect.type_info(kind)
    if not isinstance(info, msgspec.inspect.StructType):
        return
    for field in info.fields:
        default = None if field.default is msgspec.NODEFAULT else field.default
        if not isinstance(default, Struct) and field.default_factory is msgspec.NODEFAULT:
            yield Choice(prefix + field.encode_name, _words(field.type), default)


def _words(kind: Any) -> str:
    """Meaning and bounds: "length of the volume mean, bars; a whole number from 2 to 500"."""
    parts = kind.types if isinstance(kind, msgspec.inspect.UnionType) else (kind,)
    schemas = [part.extra_json_schema or {} for part in parts if isinstance(part, msgspec.inspect.Metadata)]
    meaning = next((schema["description"] for schema in schemas if "description" in schema), "")
    return "; ".join(part for part in (meaning, _bounds(kind)) if part)


def _bounds(kind: Any) -> str:
    match kind:
        case msgspec.inspect.Metadata():
            return _bounds(kind.type)
        case msgspec.inspect.UnionType():
            return " or ".join(filter(None, (_bounds(each) for each in kind.types)))
        case msgspec.inspect.NoneType():
            return "null"
        case msgspec.inspect.BoolType():
            return "true or false"
        case msgspec.inspect.EnumType():
            return ", ".join(str(member.value) for member in kind.cls)
        case msgspec.inspect.LiteralType():
            return ", ".join(map(str, kind.values))
        case msgspec.inspect.IntType() | msgspec.inspect.FloatType():
            whole = "a whole number" if isinstance(kind, msgspec.inspect.IntType) else "a number"
            low = f"from {kind.ge:g}" if kind.ge is not None else f"above {kind.gt:g}" if kind.gt is not None else ""
            high = f"to {kind.le:g}" if kind.le is not None else f"below {kind.lt:g}" if kind.lt is not None else ""
            return " ".join(part for part in (whole, low, high) if part)
    return ""


def intervals() -> tuple[str, ...]:
    return tuple(INTERVALS_MS)


def data_words(listed: DataListed, name: str) -> str:
    """What there is, in a sentence: "bundled recording: 6 symbols of 5m bars, 5 Apr to 11 Apr 2025"."""
    bars = [series for series in listed.series if series.interval in INTERVALS_MS]
    if not bars:
        return f"{name}: no bars; `tradeterm data import FILE` brings some"
    symbols = len({series.instrument for series in bars})
    lengths = sorted({series.interval for series in bars}, key=lambda length: INTERVALS_MS[length])
    first, last = min(series.first for series in bars), max(series.last for series in bars)
    broken = f"; {len(listed.unreadable)} unreadable" if listed.unreadable else ""
    return (
        f"{name}: {symbols} symbol{'' if symbols == 1 else 's'}, bars of {', '.join(lengths)}, "
        f"{date(first)} to {date(last)}{broken}"
    )


def date(ts: int | None) -> str:
    """A day with its year, "5 Apr 2025", in UTC as all of research."""
    from datetime import UTC, datetime

    return fmt.DASH if ts is None else f"{fmt.day(ts)} {datetime.fromtimestamp(ts / 1000, UTC).year}"


def last_word(text: str) -> tuple[str, str]:
    """What stands before the word that is being typed, and that word; spaces and commas part words."""
    at = max(text.rfind(" "), text.rfind(",")) + 1
    return text[:at], text[at:]


def completed(text: str, known: Sequence[str]) -> str | None:
    """The text with its last word completed to the first of the known ones that begins with it."""
    before, word = last_word(text)
    found = next((name for name in known if word and name.casefold().startswith(word.casefold())), None)
    return None if found is None or found == word else before + word + found[len(word) :]


def meant(text: str, choices: Sequence[Choice]) -> Sequence[Choice]:
    """The choices the last word of the text can mean: the one whose value is being written, else all that fit."""
    _, word = last_word(text)
    key, equals, _ = word.partition("=")
    if equals:
        return [choice for choice in choices if choice.key == key.strip()]
    return [choice for choice in choices if key.casefold() in choice.key.casefold()]


def choice_words(choice: Choice) -> str:
    """One line on a choice."""
    default = "" if choice.default is None else f"; now {_plain_value(choice.default)}"
    return f"{choice.words}{default}".removeprefix("; ")


def _plain_value(value: Any) -> str:
    if isinstance(value, bool):
        return str(value).lower()
    return fmt.quantity(value) if isinstance(value, (int, float)) else plain(str(value))
