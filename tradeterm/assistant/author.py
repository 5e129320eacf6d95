"""A strategy that somebody has written, as it would be applied: checked, clamped, told in words made from it alone."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import msgspec
from msgspec import Struct
from msgspec.structs import replace

from tradeterm.config import BookConfig, Config
from tradeterm.decode import show
from tradeterm.domain.errors import ConfigError
from tradeterm.profile import Profile
from tradeterm.strategies.declared.book import book_of, why_not
from tradeterm.strategies.declared.check import MOST_LEVERAGE, stop_mistakes
from tradeterm.strategies.declared.files import find_file, known_files
from tradeterm.strategies.declared.read import parse, plain_spec, read_file, read_spec
from tradeterm.strategies.declared.spec import Spec
from tradeterm.strategies.declared.strategy import Declared
from tradeterm.strategies.declared.words import explain
from tradeterm.strategies.registry import strategy_names

CAPITAL = 100_000.0
"""What a preview and a paper book start with."""

_BYBIT = "bybit"


class Draft(Struct, frozen=True):
    """`words` say what it does, `notes` what differs from what was asked for; `blocked` are sentences on why it cannot
    be applied, and with none of them there is a `book`."""

    spec: Spec
    words: str
    notes: tuple[str, ...]
    blocked: tuple[str, ...]
    book: BookConfig | None

    @property
    def plain(self) -> dict[str, Any]:
        """What its file holds."""
        return plain_spec(self.spec)


def draft(data: Mapping[str, Any], config: Config) -> Draft:
    """The strategy in plain data. Raises ConfigError, one sentence a mistake, each on its own line."""
    return draft_of(read_spec(parse(msgspec.json.encode(data))), config)


def draft_of(spec: Spec, config: Config) -> Draft:
    """The same of one that was read already."""
    if taken := _taken(spec.name, config):
        raise ConfigError(f"name: found {show(spec.name)}, which is {taken}; allowed another name")
    cap = leverage_cap(config)
    notes = []
    if spec.risk.max_leverage > cap:
        asked = spec.risk.max_leverage
        whose = "the account" if _has_account(config) else "the program"
        notes.append(f"leverage CLAMPED: {asked:g}x was asked for, {cap:g}x is the most {whose} allows")
        spec = replace(spec, risk=replace(spec.risk, max_leverage=cap))
        if wrong := list(stop_mistakes(spec, cap)):
            raise ConfigError("\n".join(wrong))
    if not spec.applicable:
        return Draft(spec, explain(spec), tuple(notes), tuple(why_not(spec).splitlines()), None)
    made = book_of(spec, capital=CAPITAL, venue="paper", leverage_cap=cap)
    return Draft(spec, explain(spec), (*notes, *made.notes), (), made.book)


def _taken(name: str, config: Config) -> str:
    """Who has the name, so that a command would not find the file by it; "" for nobody, or for its own book."""
    if name in strategy_names():
        return "a strategy of the program"
    book = config.books.get(name)
    return "" if book is None or book.strategy == Declared.name else "a book of the configuration"


def leverage_cap(config: Config) -> float:
    """The account's, where a book trades one; else the most that any book's limits allow."""
    return min(config.venues.bybit.leverage, MOST_LEVERAGE) if _has_account(config) else MOST_LEVERAGE


def _has_account(config: Config) -> bool:
    return any(book.venue == _BYBIT for book in config.books.values())


def folder_of(profile: Profile) -> Path:
    """The person's own specifications, the same for every profile."""
    return profile.config_home / "strategies"


def known_names(profile: Profile) -> tuple[str, ...]:
    """The person's own and the examples."""
    return tuple(sorted(known_files(folder_of(profile))))


def named(name: str, profile: Profile) -> tuple[Path, Spec]:
    """The specification of a name. Raises ConfigError."""
    path = find_file(name, folder_of(profile))
    return path, read_file(path)


def live_symbols(spec: Spec) -> Spec | None:
    """The same on the instruments whose live prices need no key, Bybit's perpetuals; None where it trades others."""
    symbols = []
    for symbol in spec.symbols:
        name, _, venue = symbol.partition(".")
        if venue not in ("", "BYBIT", "BINANCE"):
            return None
        symbols.append(name)
    made = book_of(replace(spec, symbols=tuple(symbols)), capital=CAPITAL, venue=_BYBIT)
    return replace(spec, symbols=made.book.instruments)
