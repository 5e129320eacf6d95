"""One JSON request, and what its answer means for a message."""

import math
from collections.abc import Mapping
from typing import Any

import httpx

from tradeterm.domain.errors import ConfigError
from tradeterm.notify.protocol import NotifyRefused, NotifyUnavailable

TIMEOUT_S = 10.0
_LONGEST_WAIT_S = 300.0


class Poster:
    """Posts JSON to one address of a channel. `hint` says what to look at when the service refuses."""

    def __init__(self, name: str, url: httpx.URL, hint: str, headers: Mapping[str, str] | None = None) -> None:
        self._name = name
        self._url = url
        self._hint = hint
        try:
            self._client = httpx.AsyncClient(timeout=TIMEOUT_S, headers=headers)
        except (ImportError, ValueError, httpx.InvalidURL):  # of the proxy variables, which may hold a password
            raise ConfigError(
                f"notify.{name}: the proxy of the environment (HTTPS_PROXY, ALL_PROXY) is unusable"
            ) from None

    async def post(self, payload: Mapping[str, Any]) -> None:
        """Raises NotifyRefused or NotifyUnavailable; neither holds anything the service said, which may be a secret."""
        request = self._client.build_request("POST", self._url, json=payload)
        request.url = self._url  # the client makes a plain copy, which logs would show whole
        try:
            answer = await self._client.send(request)
        except httpx.TimeoutException:
            raise NotifyUnavailable(f"{self._name} did not answer within {TIMEOUT_S:g} s") from None
        except (httpx.HTTPError, httpx.InvalidURL, OSError):
            raise NotifyUnavailable(f"{self._name} cannot be reached") from None
        if answer.is_success:
            return
        sentence = f"{self._name} refused the message with HTTP status {answer.status_code}"
        if answer.status_code == httpx.codes.TOO_MANY_REQUESTS:
            raise NotifyUnavailable(f"{self._name} asks for fewer messages (HTTP status 429)", _retry_after_s(answer))
        if answer.is_server_error or answer.status_code == httpx.codes.REQUEST_TIMEOUT:
            raise NotifyUnavailable(sentence, _retry_after_s(answer))
        raise NotifyRefused(f"{sentence}: check {self._hint}")

    async def close(self) -> None:
        await self._client.aclose()


def _retry_after_s(answer: httpx.Response) -> float:
    """Seconds of the Retry-After header or of Telegram's and Discord's own field; 0 where there is none."""
    found: Any = answer.headers.get("retry-after")
    if found is None:
        try:
            fields = answer.json()
            found = fields.get("retry_after") or fields.get("parameters", {}).get("retry_after")
        except (ValueError, AttributeError):
            return 0.0
    try:
        seconds = float(found)
    except (TypeError, ValueError):  # none, or a date
        return 0.0
    return min(max(0.0, seconds), _LONGEST_WAIT_S) if math.isfinite(seconds) else 0.0
