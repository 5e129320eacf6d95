"""One request to Claude, streamed: text as it comes, then the whole reply as the API's own blocks."""

from collections.abc import AsyncGenerator
from typing import Any, Protocol

from msgspec import Struct

from tradeterm.config import AiConfig
from tradeterm.validators.acceptance import Usage
from tradeterm.validators.models import known_model
from tradeterm.validators.provider import count, retry_after, status_failure
from tradeterm.validators.secrets import Key
from tradeterm.validators.untrusted import plain

Block = dict[str, Any]
_CONNECT_S, _READ_S = 5.0, 30.0
_LONGEST_TEXT = 200
_WAITING_HELPS = ("TRANSPORT", "TIMEOUT")
_ERROR_EVENTS = {"overloaded_error": 529, "rate_limit_error": 429, "api_error": 500, "timeout_error": 504}
"""Statuses of errors that arrive inside a stream, whose own status is 200."""


class Request(Struct, frozen=True):
    """What is asked: `system` and `tools` stay the same through a conversation, `messages` only grow."""

    system: str
    tools: tuple[Block, ...]
    messages: tuple[Block, ...]


class Reply(Struct, frozen=True):
    """The whole reply. `content` is to be sent back as it is."""

    content: tuple[Block, ...]
    stop_reason: str | None
    model: str
    usage: Usage | None


class ModelFailed(Exception):
    """No whole reply came; why, in one sentence. `again`: the same request may succeed later."""

    def __init__(self, sentence: str, *, again: bool = False, retry_after_s: float | None = None, sent: bool = True):
        super().__init__(sentence)
        self.again = again
        self.retry_after_s = retry_after_s
        self.sent = sent


class Asker(Protocol):
    """`stream` yields texts and last a Reply; it raises ModelFailed whatever goes wrong, and keeps to no deadline."""

    provider: str
    model: str
    max_tokens: int

    def stream(self, request: Request) -> AsyncGenerator[str | Reply, None]: ...
    async def close(self) -> None: ...


class ClaudeAsker:
    """Imports the SDK, which takes a moment: make it off the loop."""

    def __init__(self, ai: AiConfig, key: Key, max_tokens: int) -> None:
        from httpx2 import Timeout

        from tradeterm.validators.claude import client_of

        self.provider = ai.provider.value
        self.model = ai.model
        self.max_tokens = max_tokens
        self._key = key
        self._client = client_of(ai, key, Timeout(_READ_S, connect=_CONNECT_S))
        row = known_model(ai.model)
        thinking = {"thinking": {"type": row.thinking[0]}} if row is not None and row.thinking else {}
        self._parameters: dict[str, Any] = {"output_config": {"effort": ai.effort.value}, **thinking}

    async def stream(self, request: Request) -> AsyncGenerator[str | Reply, None]:
        import httpx2
        from anthropic import APIConnectionError, APIStatusError, APITimeoutError

        try:
            async with self._client.messages.stream(
                model=self.model,
                max_tokens=self.max_tokens,
                system=[{"type": "text", "text": request.system, "cache_control": {"type": "ephemeral"}}],
                tools=list(request.tools),
                messages=list(request.messages),
                **self._parameters,
            ) as stream:
                async for event in stream:
                    if event.type == "text":
                        yield event.text
                message = await stream.get_final_message()
                reply = _reply(message)
            yield reply
        except (APITimeoutError, httpx2.TimeoutException) as error:
            sent = not type(error.__cause__ or error).__name__.startswith("Connect")
            raise ModelFailed("The model did not answer in time.", again=True, sent=sent) from None
        except (APIConnectionError, httpx2.TransportError) as error:
            kind = type(error.__cause__ or error).__name__
            sent = not kind.startswith("Connect")
            raise ModelFailed(f"The connection to the model broke: {kind}.", again=True, sent=sent) from None
        except APIStatusError as error:
            raise self._refused(error) from None
        except ModelFailed:
            raise
        except Exception as error:  # noqa: BLE001 - the SDK lets errors of its parsers through, and asserts on an empty stream
            raise ModelFailed(f"The model's answer cannot be read: {type(error).__name__}.") from None

    def _refused(self, error: Any) -> ModelFailed:
        status = _ERROR_EVENTS.get(error.type or "", 500) if error.status_code < 400 else error.status_code
        failure = status_failure(status, error.error_code or "")
        said = plain(self._key.hide(error.api_message or ""))[:_LONGEST_TEXT]
        kind = f"{status} {error.type or ''}".strip()
        sentence = f"The provider refused ({kind}{f': {said}' if said else ''})."
        wait = retry_after(error.response.headers)
        return ModelFailed(
            sentence, again=failure.value in _WAITING_HELPS, retry_after_s=wait, sent=error.status_code < 400
        )

    async def close(self) -> None:
        await self._client.close()


def _reply(message: Any) -> Reply:
    """Raises ModelFailed for what is no message: the SDK fills a foreign body with None."""
    if message.type != "message" or not isinstance(message.content, list):
        raise ModelFailed("The model's answer cannot be read: it is no message.")
    used = message.usage.to_dict() if message.usage is not None else {}
    written = used.get("cache_creation") or {}
    hour = count(written.get("ephemeral_1h_input_tokens"))
    usage = Usage(
        input=count(used.get("input_tokens")),
        cache_write_5m=max(0, count(used.get("cache_creation_input_tokens")) - hour),
        cache_write_1h=hour,
        cache_read=count(used.get("cache_read_input_tokens")),
        output=count(used.get("output_tokens")),
    )
    content = tuple(block.to_dict() for block in message.content)
    return Reply(content, message.stop_reason, str(message.model), usage if used else None)
