"""Gemini, OpenRouter and whatever else speaks OpenAI's chat completions, over plain httpx.

Their schemas know fewer words and bind less: what counts is the check of the answer.
"""

import logging
from collections.abc import Mapping
from typing import Any

import httpx

from tradeterm.config import AiConfig, AiProvider
from tradeterm.domain.errors import ConfigError
from tradeterm.validators.acceptance import Said, Usage
from tradeterm.validators.codes import Failure
from tradeterm.validators.provider import (
    CONNECT_S,
    READ_S,
    Question,
    Reply,
    count,
    disconnected,
    error_as_answer,
    is_loopback,
    refused,
    timed_out,
)
from tradeterm.validators.secrets import Key
from tradeterm.validators.untrusted import plain

_BASE_URLS = {
    AiProvider.GEMINI: "https://generativelanguage.googleapis.com/v1beta/openai",
    AiProvider.OPENROUTER: "https://openrouter.ai/api/v1",
}
_STOPS = {"stop": "end_turn", "length": "max_tokens", "content_filter": "refusal"}
_LONGEST_TEXT = 200


class OpenAiShaped:
    def __init__(self, ai: AiConfig, key: Key) -> None:
        url = ai.base_url or _BASE_URLS.get(ai.provider, "")
        if not url:
            raise ConfigError('gate.ai.base_url: found "", allowed the address that /chat/completions is under')
        for name in ("httpx", "httpcore"):
            logging.getLogger(name).setLevel(logging.WARNING)
        self.name = ai.provider.value
        self.sdk = f"httpx {httpx.__version__}"
        self.parameters: Mapping[str, Any] = {"model": ai.model, "max_tokens": ai.max_tokens}
        self._key = key
        self._url = httpx.URL(f"{url.rstrip('/')}/chat/completions")
        self.host = self._url.host
        self._client = httpx.AsyncClient(
            headers={"authorization": f"Bearer {key.value}"},
            timeout=httpx.Timeout(READ_S, connect=CONNECT_S),
            trust_env=not is_loopback(url),
        )

    async def ask(self, question: Question) -> Reply:
        schema = {"name": "verdict", "strict": True, "schema": question.schema}
        turns = [{"role": "system", "content": question.system}, {"role": "user", "content": question.user}]
        form = {"type": "json_schema", "json_schema": schema}
        body = {**self.parameters, "messages": turns, "response_format": form}
        try:
            answer = await self._client.post(self._url, json=body)
        except httpx.TimeoutException as error:
            return timed_out(error)
        except httpx.TransportError as error:
            return disconnected(error)
        except httpx.HTTPError as error:
            kind = type(error).__name__
            return Reply(Failure.MALFORMED, error_type=kind, text=f"the answer cannot be read: {kind}")
        if not answer.is_success:
            kind, text = self._error(_json(answer))
            said = f"{answer.status_code} {kind}".strip() + (f": {text}" if text else "")
            return refused(answer.status_code, answer.headers, error_type=kind, text=said)
        request_id = answer.headers.get("x-request-id", "")
        if (foreign := error_as_answer(_json(answer))) is not None:
            return foreign
        return Reply(None, body=answer.text, status=answer.status_code, request_id=request_id)

    def _error(self, body: Any) -> tuple[str, str]:
        """Kind and text of an error, whatever its shape."""
        body = body[0] if isinstance(body, list) and body else body
        error = body.get("error") if isinstance(body, dict) else None
        error = error if isinstance(error, dict) else {}
        kind, text = error.get("type") or error.get("status") or "", error.get("message") or ""
        return plain(str(kind))[:60], plain(self._key.hide(str(text)))[:_LONGEST_TEXT]

    def read(self, body: dict[str, Any]) -> Said:
        (choice,) = body["choices"]
        message, finish = choice["message"], choice["finish_reason"]
        if message.get("refusal"):
            finish = "content_filter"
        text = message.get("content")
        texts = () if text is None else (text,)
        return Said(_STOPS.get(finish, str(finish)), texts, str(body.get("model") or ""), str(body.get("id") or ""))

    def usage(self, body: dict[str, Any]) -> Usage | None:
        used = body.get("usage")
        if not isinstance(used, dict) or "completion_tokens" not in used:
            return None
        details = used.get("prompt_tokens_details")
        cached = count(details.get("cached_tokens")) if isinstance(details, dict) else 0
        asked = count(used.get("prompt_tokens"))
        return Usage(input=max(0, asked - cached), cache_read=cached, output=count(used["completion_tokens"]))

    async def close(self) -> None:
        await self._client.aclose()


def _json(answer: httpx.Response) -> Any:
    try:
        return answer.json()
    except (ValueError, RecursionError):
        return None
