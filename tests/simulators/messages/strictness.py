"""What the real API refuses with 400 or 404, so that a request it would refuse never passes a test."""

import json
import re
from typing import Any

NEWEST = ("claude-sonnet-5-5", "claude-opus-5-5", "claude-haiku-5-5")
OLDER = ("claude-sonnet-5", "claude-sonnet-4-5")
SIMULATED = "fake-"

_FORCED = ("tool", "any")
_NO_FORCED_TOOLS = ("claude-sonnet-5-5", "claude-opus-5-5", "claude-fable-5-1")
_SAMPLING = ("temperature", "top_p", "top_k")
_UNKNOWN_KEYWORDS = ("minimum", "maximum", "exclusiveMinimum", "exclusiveMaximum", "maxLength", "minLength", "maxItems")
_EFFORTS = ("low", "medium", "high", "xhigh", "max")


class Refused(Exception):
    """The status and the sentence of a refusal."""

    def __init__(self, status: int, text: str) -> None:
        super().__init__(text)
        self.status = status


def base_model(model: str) -> str:
    """A model's bare id: gateways put the maker before it."""
    return model.removeprefix("anthropic/").removeprefix("anthropic.")


def check_headers(headers: dict[str, str], *, version: bool) -> None:
    if not headers.get("authorization", "").removeprefix("Bearer ").strip():
        raise Refused(401, "authorization: a bearer token is required")
    if version and "anthropic-version" not in headers:
        raise Refused(400, "anthropic-version: header is required")


def check_message(body: dict[str, Any]) -> None:
    """Raise Refused for what the Messages API would refuse."""
    model = base_model(str(body.get("model", "")))
    if not model.startswith(SIMULATED) and model not in (*NEWEST, *OLDER):
        raise Refused(404, f"model: {model}")
    for name in _SAMPLING:
        if name in body:
            raise Refused(400, f"{name}: Extra inputs are not permitted")
    if not isinstance(body.get("max_tokens"), int) or body["max_tokens"] < 1:
        raise Refused(400, "max_tokens: Field required")
    if (body.get("tool_choice") or {}).get("type") in _FORCED and model in _NO_FORCED_TOOLS:
        raise Refused(400, "tool_choice: this model does not support forced tool use")
    _check_thinking(model, body.get("thinking") or {})
    _check_tools(body.get("tools") or [])
    _check_turns(body.get("messages") or [])
    _check_output(body.get("output_config") or {})


_COMPLETION_KEYS = ("model", "messages", "max_tokens", "stream", "stream_options", "tools", "tool_choice")


def check_completion(body: dict[str, Any]) -> None:
    """Raise Refused for what OpenAI's chat completions would refuse; a request for a verdict has a response_format."""
    if foreign := sorted(set(body) - {*_COMPLETION_KEYS, "response_format"}):
        raise Refused(400, f"Unrecognized request argument supplied: {foreign[0]}")
    if not body.get("model") or not isinstance(body.get("max_tokens", 1), int):
        raise Refused(400, "you must provide a model parameter")
    if "stream_options" in body and not body.get("stream"):
        raise Refused(400, "stream_options: only allowed when stream is enabled")
    for tool in body.get("tools") or ():
        if set(tool) != {"type", "function"} or tool["type"] != "function":
            raise Refused(400, "tools: a type and a function")
        _check_tools([{"name": tool["function"]["name"], "input_schema": tool["function"].get("parameters") or {}}])
    _check_completion_turns(body.get("messages") or [])


def _check_completion_turns(turns: list[dict[str, Any]]) -> None:
    """Every call is answered by a message of its own, right after, and nothing else is."""
    if not turns:
        raise Refused(400, "messages: too short")
    open_: list[str] = []
    for at, turn in enumerate(turns):
        role = turn.get("role")
        if role not in ("system", "user", "assistant", "tool") or (role == "system" and at):
            raise Refused(400, f"messages[{at}].role: {role}")
        if role == "tool":
            if turn.get("tool_call_id") not in open_ or not isinstance(turn.get("content"), str):
                raise Refused(
                    400, f"messages[{at}]: 'tool' must be a response to a preceding message with 'tool_calls'"
                )
            open_.remove(turn["tool_call_id"])
            continue
        if open_:
            raise Refused(400, f"messages[{at}]: tool_call_ids did not have response messages: {open_[0]}")
        calls = turn.get("tool_calls") or ()
        if not calls and not (isinstance(turn.get("content"), str) and turn["content"]):
            raise Refused(400, f"messages[{at}].content: expected a string")
        for call in calls:
            if call.get("type") != "function" or not isinstance(call["function"].get("arguments"), str):
                raise Refused(400, f"messages[{at}].tool_calls: arguments is a string of JSON")
            open_.append(call["id"])
    if open_ or turns[-1]["role"] == "assistant":
        raise Refused(400, "messages: the last one must be of the user or a tool")


def as_messages(body: dict[str, Any]) -> dict[str, Any]:
    """A request for a completion as a Messages request, for whoever answers by what was asked."""
    turns: list[dict[str, Any]] = []
    for turn in body["messages"]:
        match turn["role"]:
            case "tool":
                result = {"type": "tool_result", "tool_use_id": turn["tool_call_id"], "content": turn["content"]}
                turns.append({"role": "user", "content": [result]})
            case "assistant":
                text = [{"type": "text", "text": turn["content"]}] if turn.get("content") else []
                calls = [
                    {
                        "type": "tool_use",
                        "id": call["id"],
                        "name": call["function"]["name"],
                        "input": json.loads(call["function"]["arguments"]),
                    }
                    for call in turn.get("tool_calls") or ()
                ]
                turns.append({"role": "assistant", "content": [*text, *calls]})
            case "user" if "tools" in body:
                turns.append({"role": "user", "content": [{"type": "text", "text": turn["content"]}]})
            case _:
                turns.append(turn)
    return {**body, "messages": turns}


def _check_thinking(model: str, thinking: dict[str, Any]) -> None:
    kind = thinking.get("type")
    allowed = {"claude-sonnet-5-5": ("adaptive", "between_tools"), "claude-haiku-5-5": ("adaptive",)}
    if kind is not None and kind not in allowed.get(model, (kind,)):
        raise Refused(400, f"thinking.type: {kind} is not supported by this model")


def _check_tools(tools: list[dict[str, Any]]) -> None:
    names = [tool.get("name", "") for tool in tools]
    if len(set(names)) < len(names):
        raise Refused(400, "tools: names must be unique")
    for tool in tools:
        if not re.fullmatch(r"[A-Za-z0-9_-]{1,128}", tool.get("name", "")):
            raise Refused(400, f"tools: name {tool.get('name')}")
        if (tool.get("input_schema") or {}).get("type") != "object" or "$ref" in json.dumps(tool["input_schema"]):
            raise Refused(400, f"tools.{tool['name']}.input_schema: an object without references")


def _check_turns(turns: list[dict[str, Any]]) -> None:
    if not turns:
        raise Refused(400, "messages: at least one message is required")
    if turns[-1]["role"] == "assistant":
        raise Refused(400, "messages: prefilling the assistant's turn is not supported")
    asked: set[str] = set()
    for turn in turns:
        if not turn["content"]:
            raise Refused(400, "messages: all messages must have non-empty content")
        blocks = turn["content"] if isinstance(turn["content"], list) else []
        answered = {block.get("tool_use_id") for block in blocks if block.get("type") == "tool_result"}
        if answered - asked:
            raise Refused(400, "messages: tool_result without a matching tool_use")
        if asked - answered:
            raise Refused(400, "messages: tool_use ids were found without tool_result blocks immediately after")
        for block in blocks:
            if block.get("type") == "thinking" and not block.get("signature"):
                raise Refused(400, "messages: thinking blocks must be returned as they were")
            if block.get("type") == "text" and not block.get("text"):
                raise Refused(400, "messages: text content blocks must be non-empty")
        asked = {block["id"] for block in blocks if block.get("type") == "tool_use"}


def _check_output(config: dict[str, Any]) -> None:
    if config.get("effort", "low") not in _EFFORTS:
        raise Refused(400, f"output_config.effort: {config['effort']}")
    form = config.get("format")
    if form is not None:
        if form.get("type") != "json_schema":
            raise Refused(400, "output_config.format.type")
        check_schema(form["schema"])


def check_schema(schema: Any) -> None:
    """Objects are closed, and bounds are left to the caller."""
    if isinstance(schema, list):
        for item in schema:
            check_schema(item)
        return
    if not isinstance(schema, dict):
        return
    for word in _UNKNOWN_KEYWORDS:
        if word in schema and not isinstance(schema[word], dict):
            raise Refused(400, f"output_config.format.schema: {word} is not supported")
    if schema.get("type") == "object" and schema.get("additionalProperties") is not False:
        raise Refused(400, "output_config.format.schema: additionalProperties must be false")
    for item in schema.values():
        check_schema(item)
