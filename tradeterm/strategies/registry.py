"""Strategies by name. A new one is a file beside this, a function here that imports it and a line in `_strategies`."""

from collections.abc import Callable
from typing import Any

from msgspec import Struct

from tradeterm.decode import convert, one_of, show
from tradeterm.domain.errors import ConfigError
from tradeterm.domain.market import MINUTE_MS
from tradeterm.strategies.protocol import Strategy


class _Entry(Struct, frozen=True):
    parameters: type[Struct]
    make: Callable[[Any, int], Strategy]


def _eos() -> _Entry:
    from tradeterm.strategies.eos import Eos, EosParameters

    return _Entry(EosParameters, Eos)


def _declared() -> _Entry:
    from tradeterm.strategies.declared.strategy import Declared, DeclaredParameters

    return _Entry(DeclaredParameters, Declared)


def _strategies() -> dict[str, Callable[[], _Entry]]:
    """Each is imported when it is asked for."""
    return {"declared": _declared, "eos": _eos}


def strategy_names() -> tuple[str, ...]:
    return tuple(_strategies())


def parameters_type(name: str, where: str = "strategy") -> type[Struct]:
    """The parameters' struct, with bounds and units. Raises ConfigError for an unknown name."""
    return _entry(name, where).parameters


def make_strategy(name: str, parameters: dict[str, Any], where: str, interval_ms: int = 5 * MINUTE_MS) -> Strategy:
    """A strategy for bars of `interval_ms`. `where` is the book's key in the config, such as "books.crypto".

    Raises ConfigError for an unknown name or parameters out of bounds: one sentence a mistake, each on its own line.
    """
    entry = _entry(name, f"{where}.strategy")
    made, mistakes = convert(parameters, entry.parameters)
    if made is None:
        raise ConfigError("\n".join(f"{where}.parameters.{mistake}" for mistake in mistakes))
    try:
        return entry.make(made, interval_ms)
    except ConfigError as error:  # what the parameters say together
        raise ConfigError("\n".join(f"{where}.parameters.{mistake}" for mistake in str(error).splitlines())) from None


def _entry(name: str, where: str) -> _Entry:
    known = _strategies()
    if name not in known:
        raise ConfigError(f"{where}: found {show(name)}, allowed {one_of(list(known))}")
    return known[name]()
