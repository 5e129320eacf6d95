"""The same conversation with whatever speaks OpenAI's chat completions: Gemini, OpenRouter and others.

Requests and replies stay in the words of the Messages API, so that the loop and its history know one form alone.
"""

import json
import logging
import secrets
from collections.abc import AsyncGenerator, AsyncIterator, Iterator
from typing import Any

import httpx

from tradeterm.assistant.chat.model import Block, ModelFailed, Reply, Request
from tradeterm.config import AiConfig, AiProvider
from tradeterm.domain.errors import ConfigError
from tradeterm.validators.acceptance import Usage
from tradeterm.validators.provider import count, is_loopback, retry_after, status_failure
from tradeterm.validators.secrets import Key
from tradeterm.validators.untrusted import plain

_BASE_URLS = {
    AiProvider.GEMINI: "https://generativelanguage.googleapis.com/v1beta/openai",
    AiProvider.OPENROUTER: "https://openrouter.ai/api/v1",
}
_STOPS = {"stop": "end_turn", "length": "max_tokens", "tool_calls": "tool_use", "content_filter": "refusal"}
_CONNECT_S, _READ_S = 5.0, 30.0
_LONGEST_TEXT, _LONGEST_LINE, _MOST_CHARACTERS = 200, 1_000_000, 4_000_000
_WAITING_HELPS = ("TRANSPORT", "TIMEOUT")
_UNREADABLE = "The model's answer cannot be read"


class OpenAiAsker:
    """See `Asker`. Raises ConfigError where the configuration names no address."""

    def __init__(self, ai: AiConfig, key: Key, max_tokens: int) -> None:
        url = ai.base_url or _BASE_URLS.get(ai.provider, "")
        if not url:
            raise ConfigError('gate.ai.base_url: found "", allowed the address that /chat/completions is under')
        for name in ("httpx", "httpcore"):  # at DEBUG they print headers
            logging.getLogger(name).setLevel(logging.WARNING)
        self.provider = ai.provider.value
        self.model = ai.model
        self.max_tokens = max_tokens
        self._key = key
        self._url = httpx.URL(f"{url.rstrip('/')}/chat/completions")
        self._client = httpx.AsyncClient(
            headers={"authorization": f"Bearer {key.value}"},
            timeout=httpx.Timeout(_READ_S, connect=_CONNECT_S),
            trust_env=not is_loopback(url),
        )

    async def stream(self, request: Request) -> AsyncGenerator[str | Reply, None]:
        body = {
            "model": self.model,
            "max_tokens": self.max_tokens,
            "stream": True,
            "stream_options": {"include_usage": True},
            "messages": [{"role": "system", "content": request.system}, *_turns(request.messages)],
            "tools": [_tool(tool) for tool in request.tools],
        }
        try:
            async with self._client.stream("POST", self._url, json=body) as answer:
                if not answer.is_success:
                    await answer.aread()
                    raise self._refused(answer.status_code, _parsed(answer.text), answer.headers)
                reply = _Growing(self.model)
                async for chunk in _chunks(answer.aiter_text()):
                    if chunk.get("error"):
                        raise self._failed_inside(chunk)
                    for text in reply.take(chunk):
                        yield text
            if (whole := reply.whole()) is not None:
                yield whole
        except httpx.TimeoutException as error:
            sent = not type(error).__name__.startswith("Connect")
            raise ModelFailed("The model did not answer in time.", again=True, sent=sent) from None
        except httpx.TransportError as error:
            kind = type(error).__name__
            raise ModelFailed(
                f"The connection to the model broke: {kind}.", again=True, sent=not kind.startswith("Connect")
            ) from None
        except httpx.HTTPError as error:
            raise ModelFailed(f"{_UNREADABLE}: {type(error).__name__}.") from None
        except (AttributeError, KeyError, TypeError, ValueError, RecursionError) as error:  # of a foreign body
            raise ModelFailed(f"{_UNREADABLE}: {type(error).__name__}.") from None

    def _refused(self, status: int, body: Any, headers: httpx.Headers) -> ModelFailed:
        kind, said = self._said(body)
        failure = status_failure(status)
        return ModelFailed(
            f"The provider refused ({f'{status} {kind}'.strip()}{f': {said}' if said else ''}).",
            again=failure.value in _WAITING_HELPS,
            retry_after_s=retry_after(headers),
            sent=False,
        )

    def _failed_inside(self, chunk: dict[str, Any]) -> ModelFailed:
        """An error that arrives in a stream, whose own status is 200."""
        kind, said = self._said(chunk)
        code = chunk["error"].get("code") if isinstance(chunk["error"], dict) else None
        status = code if isinstance(code, int) and code >= 400 else 500
        return ModelFailed(
            f"The provider refused ({f'{status} {kind}'.strip()}{f': {said}' if said else ''}).",
            again=status_failure(status).value in _WAITING_HELPS,
        )

    def _said(self, body: Any) -> tuple[str, str]:
        """Kind and text of an error, whatever its shape; never the key."""
        body = body[0] if isinstance(body, list) and body else body
        error = body.get("error") if isinstance(body, dict) else None
        error = error if isinstance(error, dict) else {"message": error or ""}
        kind, text = error.get("type") or error.get("status") or "", error.get("message") or ""
        return plain(self._key.hide(str(kind)))[:60], plain(self._key.hide(str(text)))[:_LONGEST_TEXT]

    async def close(self) -> None:
        await self._client.aclose()


class _Growing:
    """A reply as far as it has come."""

    def __init__(self, model: str) -> None:
        self._model = model
        self._text: list[str] = []
        self._calls: dict[int, _Call] = {}
        self._finish: str | None = None
        self._usage: Usage | None = None
        self._size = 0

    def take(self, chunk: dict[str, Any]) -> Iterator[str]:
        """One chunk; yields the text in it. Raises what a foreign shape raises."""
        self._model = str(chunk.get("model") or self._model)
        if isinstance(used := chunk.get("usage"), dict):
            self._usage = _usage(used)
        for choice in chunk.get("choices") or ():
            if choice.get("index", 0) != 0:
                continue
            delta = choice.get("delta") or {}
            for call in delta.get("tool_calls") or ():
                self._take_call(call)
            text = delta.get("content")
            if delta.get("refusal"):
                self._finish = "content_filter"
            if text:
                self._grow(len(text))
                self._text.append(str(text))
                yield str(text)
            self._finish = choice.get("finish_reason") or self._finish

    def _take_call(self, call: dict[str, Any]) -> None:
        """A piece of a call; some providers send each whole and number none."""
        at = call.get("index")
        new = str(call.get("id") or "")
        if not isinstance(at, int) or (at in self._calls and new and self._calls[at].id not in ("", new)):
            at = len(self._calls)
        known = self._calls.setdefault(at, _Call())
        function = call.get("function") or {}
        known.id = known.id or new
        known.name += str(function.get("name") or "")
        pieces = str(function.get("arguments") or "")
        self._grow(len(pieces))
        known.arguments += pieces

    def _grow(self, length: int) -> None:
        self._size += length
        if self._size > _MOST_CHARACTERS:
            raise ValueError("too long")

    def whole(self) -> Reply | None:
        """The reply in blocks of the Messages API; None where it broke off before it said why it ends."""
        if self._finish is None:
            return None
        content: list[Block] = [{"type": "text", "text": "".join(self._text)}] if self._text else []
        content += [call.block() for call in self._calls.values()]
        stop = _STOPS.get(self._finish, self._finish)
        if stop in ("end_turn", "tool_use"):  # some say the one and mean the other
            stop = "tool_use" if self._calls else "end_turn"
        return Reply(tuple(content), stop, self._model, self._usage)


class _Call:
    def __init__(self) -> None:
        self.id = ""
        self.name = ""
        self.arguments = ""

    def block(self) -> Block:
        """What is no object stays a text: the tool refuses it in a sentence."""
        return {
            "type": "tool_use",
            "id": self.id or f"call_{secrets.token_hex(6)}",
            "name": self.name,
            "input": _parsed(self.arguments or "{}", self.arguments),
        }


def _turns(messages: tuple[Block, ...]) -> Iterator[Block]:
    """Messages in the other form: results of tools are messages of their own there."""
    for message in messages:
        blocks = message["content"]
        texts = "\n\n".join(block["text"] for block in blocks if block["type"] == "text")
        if message["role"] == "assistant":
            calls = [_call(block) for block in blocks if block["type"] == "tool_use"]
            yield {"role": "assistant", "content": texts or None, **({"tool_calls": calls} if calls else {})}
            continue
        for block in blocks:
            if block["type"] == "tool_result":
                yield {"role": "tool", "tool_call_id": block["tool_use_id"], "content": block["content"]}
        if texts:
            yield {"role": "user", "content": texts}


def _call(block: Block) -> Block:
    values = block["input"]
    arguments = values if isinstance(values, str) else json.dumps(values)
    return {"id": block["id"], "type": "function", "function": {"name": block["name"], "arguments": arguments}}


def _tool(tool: Block) -> Block:
    function = {"name": tool["name"], "description": tool["description"], "parameters": tool["input_schema"]}
    return {"type": "function", "function": function}


async def _chunks(texts: AsyncIterator[str]) -> AsyncIterator[dict[str, Any]]:
    """The JSON of each `data:` line until [DONE]. Raises ValueError and TypeError for what is none."""
    async for line in _lines(texts):
        if not line.startswith("data:"):
            if line and not line.startswith((":", "event:", "id:", "retry:")):
                raise ValueError("no event stream")
            continue
        data = line.removeprefix("data:").strip()
        if data == "[DONE]":
            return
        chunk = json.loads(data, parse_constant=_no_number)
        if not isinstance(chunk, dict):
            raise TypeError("no object")
        yield chunk


async def _lines(texts: AsyncIterator[str]) -> AsyncIterator[str]:
    """Whole lines, however they are cut; the last one may lack its end."""
    rest = ""
    async for text in texts:
        *lines, rest = (rest + text).split("\n")
        if len(rest) > _LONGEST_LINE:
            raise ValueError("a line without an end")
        for line in lines:
            yield line.rstrip("\r")
    yield rest.rstrip("\r")


def _usage(used: dict[str, Any]) -> Usage | None:
    if "completion_tokens" not in used:
        return None
    details = used.get("prompt_tokens_details")
    cached = count(details.get("cached_tokens")) if isinstance(details, dict) else 0
    asked = count(used.get("prompt_tokens"))
    return Usage(input=max(0, asked - cached), cache_read=cached, output=count(used["completion_tokens"]))


def _parsed(text: str, otherwise: Any = None) -> Any:
    try:
        return json.loads(text, parse_constant=_no_number)
    except (ValueError, RecursionError):
        return otherwise


def _no_number(name: str) -> float:
    raise ValueError(f"{name} is no number")
