"""What the model says, and how each API writes it: as a message, as server-sent events, as a chat completion."""

import json
from collections.abc import Iterator
from typing import Any

from msgspec import Struct, structs

Block = dict[str, Any]
_FINISH = {"end_turn": "stop", "max_tokens": "length", "refusal": "content_filter", "tool_use": "tool_calls"}
_PIECES = 7


class Answer(Struct, frozen=True):
    """Content blocks with the reason they end. `model` "" is the model that was asked."""

    content: tuple[Block, ...]
    stop_reason: str | None = "end_turn"
    model: str = ""
    stop_details: dict[str, Any] | None = None
    usage: dict[str, Any] = {}


def text_answer(*texts: str, thinking: str = "", **changes: Any) -> Answer:
    """One text block a text; a thinking block first where there is one."""
    before = ({"type": "thinking", "thinking": thinking, "signature": "c2ln"},) if thinking else ()
    return Answer((*before, *({"type": "text", "text": text} for text in texts)), **changes)


def tool_answer(
    *calls: tuple[str, dict[str, Any]], text: str = "", thinking: str = "", first: int = 1, **changes: Any
) -> Answer:
    """Calls of tools by name and input, after a text where there is one; `first` numbers their ids."""
    before = ({"type": "thinking", "thinking": thinking, "signature": "c2ln"},) if thinking else ()
    before += ({"type": "text", "text": text},) if text else ()
    tools = tuple(
        {"type": "tool_use", "id": f"toolu_{number:02}", "name": name, "input": values}
        for number, (name, values) in enumerate(calls, first)
    )
    return Answer((*before, *tools), **{"stop_reason": "tool_use", **changes})


def usage_of(answer: Answer, body: dict[str, Any]) -> dict[str, Any]:
    """Tokens at four characters each; what is marked for the cache is written on the first call."""
    used = {
        "input_tokens": len(json.dumps(body.get("messages", []))) // 4,
        "cache_creation_input_tokens": 0,
        "cache_read_input_tokens": 0,
        "output_tokens": max(1, len(json.dumps(answer.content)) // 4),
        "service_tier": "standard",
    }
    return {**used, **answer.usage}


def message(answer: Answer, body: dict[str, Any], number: int) -> dict[str, Any]:
    return {
        "id": f"msg_{number:06}",
        "type": "message",
        "role": "assistant",
        "model": answer.model or body.get("model", ""),
        "content": list(answer.content),
        "stop_reason": answer.stop_reason,
        "stop_sequence": None,
        "stop_details": answer.stop_details,
        "usage": usage_of(answer, body),
    }


def completion(answer: Answer, body: dict[str, Any], number: int) -> dict[str, Any]:
    """The same in the shape of OpenAI's chat completions."""
    text = "".join(block["text"] for block in answer.content if block["type"] == "text")
    choice = {
        "index": 0,
        "message": {"role": "assistant", "content": text},
        "finish_reason": _FINISH.get(answer.stop_reason or "", "stop"),
    }
    return {
        "id": f"chatcmpl-{number:06}",
        "object": "chat.completion",
        "model": answer.model or body.get("model", ""),
        "choices": [choice],
        "usage": _tokens(answer, body),
    }


def chunks(answer: Answer, body: dict[str, Any], number: int) -> Iterator[dict[str, Any]]:
    """The same streamed: texts, then each call's name and its arguments in pieces, the reason it ends, and the usage
    where it was asked for. A model's thinking is not told."""
    head = {
        "id": f"chatcmpl-{number:06}",
        "object": "chat.completion.chunk",
        "model": answer.model or body.get("model", ""),
    }

    def chunk(delta: dict[str, Any], finish: str | None = None) -> dict[str, Any]:
        return {**head, "choices": [{"index": 0, "delta": delta, "finish_reason": finish}]}

    yield chunk({"role": "assistant", "content": ""})
    for block in answer.content:
        if block["type"] == "text":
            yield from (chunk({"content": piece}) for piece in _cut(block["text"]))
    for index, block in enumerate(block for block in answer.content if block["type"] == "tool_use"):
        function = {"name": block["name"], "arguments": ""}
        call = {"index": index, "id": block["id"], "type": "function", "function": function}
        yield chunk({"tool_calls": [call]})
        for piece in _cut(json.dumps(block["input"])):
            yield chunk({"tool_calls": [{"index": index, "function": {"arguments": piece}}]})
    yield chunk({}, _FINISH.get(answer.stop_reason or "", "stop"))
    if (body.get("stream_options") or {}).get("include_usage"):
        yield {**head, "choices": [], "usage": _tokens(answer, body)}


def chunk_bytes(chunk: dict[str, Any]) -> bytes:
    return f"data: {json.dumps(chunk, ensure_ascii=False)}\n\n".encode()


def _tokens(answer: Answer, body: dict[str, Any]) -> dict[str, Any]:
    used = usage_of(answer, body)
    return {"prompt_tokens": used["input_tokens"], "completion_tokens": used["output_tokens"]}


def events(answer: Answer, body: dict[str, Any], number: int) -> Iterator[dict[str, Any]]:
    """The server-sent events of a streamed message, in order; a ping among them."""
    whole = message(answer, body, number)
    start = {**whole, "content": [], "stop_reason": None, "usage": {**whole["usage"], "output_tokens": 1}}
    yield {"type": "message_start", "message": start}
    yield {"type": "ping"}
    for index, block in enumerate(answer.content):
        empty, deltas = _opened(block)
        yield {"type": "content_block_start", "index": index, "content_block": empty}
        for delta in deltas:
            yield {"type": "content_block_delta", "index": index, "delta": delta}
        yield {"type": "content_block_stop", "index": index}
    delta = {"stop_reason": answer.stop_reason, "stop_sequence": None, "stop_details": answer.stop_details}
    yield {"type": "message_delta", "delta": delta, "usage": {"output_tokens": whole["usage"]["output_tokens"]}}
    yield {"type": "message_stop"}


def event_bytes(event: dict[str, Any]) -> bytes:
    return f"event: {event['type']}\ndata: {json.dumps(event, ensure_ascii=False)}\n\n".encode()


def _opened(block: Block) -> tuple[Block, list[Block]]:
    """A block as it starts, and the pieces it is sent in; JSON is cut wherever it falls."""
    match block["type"]:
        case "text":
            pieces = [{"type": "text_delta", "text": piece} for piece in _cut(block["text"])]
            return {"type": "text", "text": ""}, pieces
        case "thinking":
            pieces = [{"type": "thinking_delta", "thinking": piece} for piece in _cut(block["thinking"])]
            signed = {"type": "signature_delta", "signature": block["signature"]}
            return {"type": "thinking", "thinking": "", "signature": ""}, [*pieces, signed]
        case "tool_use":
            pieces = [{"type": "input_json_delta", "partial_json": piece} for piece in _cut(json.dumps(block["input"]))]
            return {**block, "input": {}}, pieces
    raise ValueError(f"no such block: {block['type']}")


def _cut(text: str) -> list[str]:
    size = max(1, len(text) // _PIECES)
    return [text[at : at + size] for at in range(0, len(text), size)]


def with_text(answer: Answer, text: str) -> Answer:
    """The answer with another text in its one text block."""
    blocks = tuple({**block, "text": text} if block["type"] == "text" else block for block in answer.content)
    return structs.replace(answer, content=blocks)
