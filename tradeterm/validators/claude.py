"""Claude through the anthropic SDK: the Anthropic API, OpenRouter by its base address, Bedrock by its own client, with
a bearer key, which needs nothing of AWS installed, or signed by an AWS profile, which needs boto3.

The SDK neither looks for a key nor retries nor waits for longer than we say, and its answers are taken raw: the body is
judged by `acceptance`, not by the SDK's models.
"""

import json
import logging
from collections.abc import Mapping
from typing import Any

import anthropic
import httpx2
from anthropic import APIConnectionError, APIStatusError, APITimeoutError, AsyncAnthropic

from tradeterm.config import AiConfig, AiProvider
from tradeterm.domain.errors import ConfigError
from tradeterm.validators.acceptance import LARGEST_BODY, Said, Usage
from tradeterm.validators.codes import Failure
from tradeterm.validators.models import known_model
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

_BASE_URLS = {AiProvider.ANTHROPIC: "https://api.anthropic.com", AiProvider.OPENROUTER: "https://openrouter.ai/api"}
_MANTLE = "https://bedrock-mantle.{region}.api.aws/anthropic"
_LONGEST_TEXT = 200


class Claude:
    def __init__(self, ai: AiConfig, key: Key) -> None:
        self.name = ai.provider.value
        self.sdk = f"anthropic {anthropic.__version__}"
        self.parameters: Mapping[str, Any] = _parameters(ai)
        self._key = key
        self._client = client_of(ai, key, httpx2.Timeout(READ_S, connect=CONNECT_S))
        self.host = self._client.base_url.host

    async def ask(self, question: Question) -> Reply:
        system = [{"type": "text", "text": question.system, "cache_control": {"type": "ephemeral", "ttl": "1h"}}]
        form = {"type": "json_schema", "schema": question.schema}
        parameters: dict[str, Any] = dict(self.parameters)
        effort = parameters.pop("effort", None)
        output = {"format": form} if effort is None else {"effort": effort, "format": form}
        try:
            raw = await self._client.messages.with_raw_response.create(
                messages=[{"role": "user", "content": question.user}],
                system=system,
                output_config=output,
                **parameters,
            )
            body = await raw.text()
        except APITimeoutError as error:
            return timed_out(error.__cause__ or error)
        except APIConnectionError as error:
            return disconnected(error.__cause__ or error)
        except APIStatusError as error:
            return self._refused(error)
        except httpx2.TimeoutException as error:
            return timed_out(error)
        except Exception as error:  # noqa: BLE001 - the SDK lets errors of its transport and of its parsers through
            kind = type(error).__name__
            return Reply(Failure.MALFORMED, error_type=kind, text=f"the answer cannot be read: {kind}")
        if (foreign := error_as_answer(_json(body))) is not None:
            return foreign
        return Reply(None, body=body, status=raw.status_code, request_id=raw.request_id or "")

    def _refused(self, error: APIStatusError) -> Reply:
        said = plain(self._key.hide(error.api_message or ""))[:_LONGEST_TEXT]
        kind = error.type or ""
        return refused(
            error.status_code,
            error.response.headers,
            error_type=kind,
            error_code=error.error_code or "",
            text=f"{error.status_code} {kind}".strip() + (f": {said}" if said else ""),
        )

    def read(self, body: dict[str, Any]) -> Said:
        if body["type"] != "message":
            raise ValueError("no message")
        texts = tuple(block["text"] for block in body["content"] if block["type"] == "text")
        return Said(body["stop_reason"], texts, str(body["model"]), str(body["id"]))

    def usage(self, body: dict[str, Any]) -> Usage | None:
        used = body.get("usage")
        if not isinstance(used, dict) or "output_tokens" not in used:
            return None
        written = used.get("cache_creation")
        written = written if isinstance(written, dict) else {}
        hour = count(written.get("ephemeral_1h_input_tokens"))
        return Usage(
            input=count(used.get("input_tokens")),
            cache_write_5m=max(0, count(used.get("cache_creation_input_tokens")) - hour),
            cache_write_1h=hour,
            cache_read=count(used.get("cache_read_input_tokens")),
            output=count(used.get("output_tokens")),
        )

    async def close(self) -> None:
        await self._client.close()


def _json(body: str) -> Any:
    try:
        return json.loads(body) if len(body) <= LARGEST_BODY else None
    except (ValueError, RecursionError):
        return None


def _parameters(ai: AiConfig) -> dict[str, Any]:
    """What decides how the model answers; the quickest kind of thinking the model takes."""
    row = known_model(ai.model)
    thinking = {"thinking": {"type": row.thinking[0]}} if row is not None and row.thinking else {}
    return {"model": ai.model, "max_tokens": ai.max_tokens, "effort": ai.effort.value, **thinking}


def client_of(ai: AiConfig, key: Key, timeout: httpx2.Timeout) -> Any:
    """A client with everything given, so that the SDK takes nothing from the environment. Raises ConfigError."""
    for name in ("anthropic", "httpx2", "httpcore2"):  # at DEBUG they print whole prompts
        logging.getLogger(name).setLevel(logging.WARNING)
    url = ai.base_url or _BASE_URLS.get(ai.provider, "")
    given: dict[str, Any] = {
        "timeout": timeout,
        "max_retries": 0,
        "open_telemetry": False,
        # A plain client: the SDK's own takes proxies from the environment whatever it is told.
        "http_client": httpx2.AsyncClient(timeout=timeout, trust_env=not is_loopback(url)),
    }
    match ai.provider:
        case AiProvider.ANTHROPIC:
            return AsyncAnthropic(api_key=key.value, base_url=url, **given)
        case AiProvider.OPENROUTER:
            return AsyncAnthropic(auth_token=key.value, base_url=url, **given)
        case AiProvider.BEDROCK:
            if not ai.region and (ai.aws_profile or not url):
                raise ConfigError('gate.ai.region: found "", allowed the AWS region of Bedrock, such as "us-east-1"')
            signed: dict[str, Any] = {"aws_profile": ai.aws_profile} if ai.aws_profile else {"api_key": key.value}
            address = url or _MANTLE.format(region=ai.region)  # given, or the SDK takes it from the environment
            return anthropic.AsyncAnthropicBedrockMantle(
                aws_region=ai.region or None, base_url=address, **signed, **given
            )
    raise ConfigError(
        f'gate.ai.provider: found "{ai.provider.value}", allowed anthropic, openrouter or bedrock with claude'
    )
