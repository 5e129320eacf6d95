"""What a tool is: a name, what it takes, and a function on plain facts. Results have ids, units and a cap on rows."""

import json
from collections.abc import Awaitable, Callable
from typing import Any, Generic, TypeVar

import msgspec
from msgspec import Struct

from tradeterm.assistant.chat.secrecy import holds_secret
from tradeterm.assistant.text import clean
from tradeterm.decode import convert
from tradeterm.validators.secrets import Key

MOST_ROWS = 50
_LARGEST = 24_000  # characters of a result
A = TypeVar("A", bound=Struct)


class ToolError(Exception):
    """The call cannot be answered; the sentence says what to call instead."""


class Nothing(Struct, frozen=True, forbid_unknown_fields=True):
    """A tool that takes nothing."""


class Tool(Struct, Generic[A], frozen=True):
    """`run` may raise ToolError. Its result is plain data with Decimals; a key that ends in _pct is a percentage.

    A `run` that takes longer than a look-up is a coroutine, which is cancelled with the answer. After more than
    `mistakes` failed calls in one turn the turn ends (None: they are bounded by its rounds alone).
    """

    name: str
    description: str
    takes: type[A]
    run: Callable[[A], dict[str, Any] | Awaitable[dict[str, Any]]]
    mistakes: int | None = None

    def definition(self) -> dict[str, Any]:
        """The tool as the API takes it."""
        return {"name": self.name, "description": self.description, "input_schema": _schema(self.takes)}


class Result(Struct, frozen=True):
    """`content` is what the model reads, `data` what numbers are checked against, `brief` what the person sees."""

    content: str
    data: Any
    brief: str
    failed: bool = False


def call(tools: tuple[Tool[Any], ...], name: str, values: Any, key: Key | None) -> Result:
    """Run a tool that only looks something up. Whatever is wrong with the call comes back as a failed result that says
    so."""
    found = _begun(tools, name, values)
    if isinstance(found, Result):
        return found
    if isinstance(found, Awaitable):
        raise TypeError(f"{name} is a tool to be awaited")
    return _told(found, key)


async def answered(tools: tuple[Tool[Any], ...], name: str, values: Any, key: Key | None) -> Result:
    """The same for any tool the model asked for."""
    found = _begun(tools, name, values)
    if isinstance(found, Result):
        return found
    try:
        return _told(await found if isinstance(found, Awaitable) else found, key)
    except ToolError as error:
        return _failed(str(error))


def _begun(tools: tuple[Tool[Any], ...], name: str, values: Any) -> dict[str, Any] | Awaitable[dict[str, Any]] | Result:
    """What the tool found, or will find; or what is wrong with the call."""
    tool = next((each for each in tools if each.name == name), None)
    if tool is None:
        return _failed(f"there is no tool {clean(name, 40)!r}; known: {', '.join(each.name for each in tools)}")
    if not isinstance(values, dict):
        return _failed("the input must be an object")
    taken, mistakes = convert(values, tool.takes)
    if taken is None:
        return _failed(clean("; ".join(mistakes)))
    try:
        return tool.run(taken)
    except ToolError as error:
        return _failed(str(error))


def _told(found: dict[str, Any], key: Key | None) -> Result:
    content = msgspec.json.encode(found).decode()
    if key is not None and holds_secret(key, content):
        return _failed("the result holds something with the form of a secret and was not sent")
    if len(content) > _LARGEST:
        return _failed(f"the result has {len(content)} characters, allowed {_LARGEST}; ask for fewer rows")
    return Result(content, json.loads(content), _brief(found))


def rows(found: list[dict[str, Any]], of: int, most: int) -> dict[str, Any]:
    """A capped list: how many there are, how many are shown."""
    shown = found[:most]
    return {"count": of, "shown": len(shown), "rows": shown}


def _failed(sentence: str) -> Result:
    return Result(json.dumps({"error": sentence}), {}, sentence, failed=True)


def _brief(found: dict[str, Any]) -> str:
    number = found.get("shown")
    if isinstance(number, int):
        return f"{number} row{'' if number == 1 else 's'}"
    return "done"


def _schema(takes: type[Struct]) -> dict[str, Any]:
    _, components = msgspec.json.schema_components([takes], ref_template="{name}")
    schema: dict[str, Any] = _inlined(components[takes.__name__], components)
    schema.pop("title", None)
    schema.pop("description", None)
    return schema


def _inlined(value: Any, components: dict[str, Any]) -> Any:
    if isinstance(value, dict):
        if "$ref" in value:
            return _inlined(components[value["$ref"]], components)
        return {name: _inlined(item, components) for name, item in value.items()}
    return [_inlined(item, components) for item in value] if isinstance(value, list) else value
