"""What the name of a study means: a book of the configuration, a strategy, or a specification in a file."""

import argparse
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

from msgspec.structs import replace

from tradeterm.cli.output import note
from tradeterm.cli.session import config_of, profile_of
from tradeterm.domain.errors import ConfigError
from tradeterm.profile import user_path
from tradeterm.research.names import STRATEGY

if TYPE_CHECKING:
    from tradeterm.config import Config

FOLDER = "strategies"


class Named(NamedTuple):
    """`config` has the book `name`, or the strategy has it; `notes` are sentences a person must read."""

    name: str
    config: "Config"
    notes: tuple[str, ...] = ()


def named(options: argparse.Namespace) -> Named:
    """What `options.name` means, as `meaning` has it."""
    return meaning(options.name, options)


def meaning(name: str, options: argparse.Namespace) -> Named:
    """What a name means. A specification becomes the book that would trade it on paper. Where a book hides a strategy
    of its name, stderr says so; where both are named they are traded together, each as it is called there. Raises
    ConfigError for a name nothing has, and for a specification with mistakes."""
    from tradeterm.strategies.declared.files import known_files
    from tradeterm.strategies.registry import strategy_names

    config = config_of(options, profile_of(options))
    beside = getattr(options, "names", ())
    if name.startswith(STRATEGY):
        called, name = name, name.removeprefix(STRATEGY)
        if name in beside and name in strategy_names():
            return Named(called, config)
        config = replace(config, books={book: config.books[book] for book in config.books if book != name})
    elif name in config.books and name in strategy_names() and STRATEGY + name not in beside:
        note(f"tradeterm: {name}: the book of the configuration is taken; {STRATEGY}{name} is the strategy itself")
    if name in config.books or name in strategy_names():
        return Named(name, config)
    if is_file(name):
        return _of_file(user_path(name), config)
    files = known_files(strategies_folder(options))
    if name in files:
        return _of_file(files[name], config)

    from tradeterm.decode import nearest, one_of, show

    known = list(dict.fromkeys([*config.books, *strategy_names(), *sorted(files)]))
    hint = nearest(name, known) or f"; allowed {one_of(known)}, or a strategy's file"
    raise ConfigError(f"{show(name)}: is neither a book of the configuration nor a strategy{hint}")


def is_file(name: str) -> bool:
    """Whether it is written as the file of a specification is."""
    from tradeterm.strategies.declared.files import SUFFIXES

    return Path(name).suffix in SUFFIXES


def strategies_folder(options: argparse.Namespace) -> Path:
    """The user's own specifications, the same for every profile, as with themes."""
    return profile_of(options).config_home / FOLDER


def _of_file(path: Path, config: "Config") -> Named:
    from tradeterm.strategies.declared.book import book_name, book_of
    from tradeterm.strategies.declared.read import read_file

    spec = read_file(path)
    made = book_of(spec, capital=100_000.0, venue="paper")
    name = book_name(spec)
    return Named(name, replace(config, books={**config.books, name: made.book}), made.notes)
