"""The strategies and the parameters each book runs them with."""

from typing import Any

import msgspec
from msgspec import Struct

from tradeterm.assistant.chat.outside import name, quoted
from tradeterm.assistant.chat.tools.tool import MOST_ROWS, Nothing, Tool, ToolError
from tradeterm.config import BookConfig, Config
from tradeterm.decode import allowed
from tradeterm.domain.errors import ConfigError
from tradeterm.profile import Profile


class AboutStrategy(Struct, frozen=True, forbid_unknown_fields=True):
    id: str


def strategy_tools(config: Config, profile: Profile) -> tuple[Tool[Any], ...]:
    """The registry is imported when a tool is called: it brings the numerical libraries."""
    return (
        Tool(
            "list_strategies",
            "The strategies there are, and which books run them on which instruments; and those declared in files, the "
            "operator's own and examples.",
            Nothing,
            lambda _: _strategies(config, profile),
        ),
        Tool(
            "get_strategy",
            "A strategy: its parameters with meaning, unit and bounds, and the values each book runs it with. Of one "
            "declared in a file: what it does in words, and its spec.",
            AboutStrategy,
            lambda taken: _strategy(config, profile, taken.id),
        ),
    )


def parameters_of(book: BookConfig) -> dict[str, Any]:
    """All parameters of a book's strategy, those the configuration leaves out with their defaults."""
    from tradeterm.strategies.registry import parameters_type

    given = msgspec.convert(book.parameters, parameters_type(book.strategy))
    values: dict[str, Any] = msgspec.to_builtins(given)
    return values


def _strategies(config: Config, profile: Profile) -> dict[str, Any]:
    from tradeterm.assistant.author import folder_of
    from tradeterm.strategies.declared.files import known_files
    from tradeterm.strategies.registry import strategy_names

    folder = folder_of(profile)
    declared = known_files(folder)
    return {
        "declared": [
            {"strategy_id": name(key), "from": "own" if path.parent == folder else "example"}
            for key, path in sorted(declared.items())[:MOST_ROWS]
        ],
        "declared_count": len(declared),
        "strategies": [
            {
                "strategy_id": strategy,
                "books": [
                    {"book": key, "venue": book.venue, "interval": book.interval, "instruments": [*book.instruments]}
                    for key, book in config.books.items()
                    if book.strategy == strategy
                ],
            }
            for strategy in strategy_names()
        ],
    }


def _strategy(config: Config, profile: Profile, strategy: str) -> dict[str, Any]:
    from tradeterm.assistant.author import known_names
    from tradeterm.strategies.registry import parameters_type, strategy_names

    declared = known_names(profile)
    if strategy in declared and strategy not in strategy_names():
        return _declared(config, profile, strategy)
    try:
        kind = parameters_type(strategy)
    except ConfigError:
        known = [*strategy_names(), *map(name, declared[:MOST_ROWS])]
        raise ToolError(f"unknown strategy {name(strategy)!r}; known: {', '.join(known)}") from None
    fields = msgspec.inspect.type_info(kind)
    assert isinstance(fields, msgspec.inspect.StructType)
    return {
        "strategy_id": strategy,
        "parameters": [
            {"parameter": field.name, "meaning": _meaning(field.type), "allowed": allowed(field.type)}
            | {"default": _default(field), "required": field.required}
            for field in fields.fields
        ],
        "books": {key: parameters_of(book) for key, book in config.books.items() if book.strategy == strategy},
    }


def _declared(config: Config, profile: Profile, strategy: str) -> dict[str, Any]:
    """What a file says; its own texts are quotations."""
    from tradeterm.assistant.author import draft_of, folder_of, named
    from tradeterm.strategies.declared.read import plain_spec
    from tradeterm.strategies.declared.words import explain

    try:
        path, spec = named(strategy, profile)
        made = draft_of(spec, config)
    except ConfigError as error:
        raise ToolError("; ".join(str(error).splitlines())[:600]) from None
    bare = msgspec.structs.replace(spec, assumptions=(), unsupported=(), questions=())
    texts = {key: [quoted(text) for text in getattr(spec, key)] for key in ("assumptions", "unsupported", "questions")}
    return {
        "strategy_id": spec.name,
        "from": "own" if path.parent == folder_of(profile) else "example",
        "in_words": explain(bare),
        "notes": list(made.notes),
        "can_be_applied": not made.blocked,
        "spec": {**plain_spec(bare), **texts},
    }


def _default(field: msgspec.inspect.Field) -> Any:
    if field.required:
        return None
    made = field.default if field.default_factory is msgspec.NODEFAULT else field.default_factory()
    return msgspec.to_builtins(made)


def _meaning(info: msgspec.inspect.Type) -> str:
    schema = info.extra_json_schema if isinstance(info, msgspec.inspect.Metadata) else None
    return str((schema or {}).get("description", ""))
