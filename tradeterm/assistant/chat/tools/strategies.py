"""The strategies and the parameters each book runs them with."""

from typing import Any

import msgspec
from msgspec import Struct

from tradeterm.assistant.chat.outside import name
from tradeterm.assistant.chat.tools.tool import Nothing, Tool, ToolError
from tradeterm.config import BookConfig, Config
from tradeterm.decode import allowed
from tradeterm.domain.errors import ConfigError


class AboutStrategy(Struct, frozen=True, forbid_unknown_fields=True):
    id: str


def strategy_tools(config: Config) -> tuple[Tool[Any], ...]:
    """The registry is imported when a tool is called: it brings the numerical libraries."""
    return (
        Tool(
            "list_strategies",
            "The strategies there are, and which books run them on which instruments.",
            Nothing,
            lambda _: _strategies(config),
        ),
        Tool(
            "get_strategy",
            "A strategy: its parameters with meaning, unit and bounds, and the values each book runs it with.",
            AboutStrategy,
            lambda taken: _strategy(config, taken.id),
        ),
    )


def parameters_of(book: BookConfig) -> dict[str, Any]:
    """All parameters of a book's strategy, those the configuration leaves out with their defaults."""
    from tradeterm.strategies.registry import parameters_type

    given = msgspec.convert(book.parameters, parameters_type(book.strategy))
    values: dict[str, Any] = msgspec.to_builtins(given)
    return values


def _strategies(config: Config) -> dict[str, Any]:
    from tradeterm.strategies.registry import strategy_names

    return {
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
        ]
    }


def _strategy(config: Config, strategy: str) -> dict[str, Any]:
    from tradeterm.strategies.registry import parameters_type, strategy_names

    try:
        kind = parameters_type(strategy)
    except ConfigError:
        raise ToolError(f"unknown strategy {name(strategy)!r}; known: {', '.join(strategy_names())}") from None
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


def _default(field: msgspec.inspect.Field) -> Any:
    if field.required:
        return None
    made = field.default if field.default_factory is msgspec.NODEFAULT else field.default_factory()
    return msgspec.to_builtins(made)


def _meaning(info: msgspec.inspect.Type) -> str:
    schema = info.extra_json_schema if isinstance(info, msgspec.inspect.Metadata) else None
    return str((schema or {}).get("description", ""))
