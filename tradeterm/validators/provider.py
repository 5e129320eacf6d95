"""What tier 2 needs of an AI provider: ask once, and read its answer in the words of the Messages API."""

from collections.abc import Mapping
from email.utils import parsedate_to_datetime
from typing import Any, Protocol
from urllib.parse import urlsplit

from msgspec import Struct

from tradeterm.validators.acceptance import Said, Usage
from tradeterm.validators.codes import Failure

CONNECT_S = 2.0
READ_S = 6.0
SPEND_LIMITS = frozenset({"contract_spend_limit_reached", "enforced_spend_limit_reached"})
"""429s that waiting does not cure."""

_LOOPBACK = {"localhost", "127.0.0.1", "::1"}
_WAITING_HELPS = frozenset({408, 409, 429})


class Question(Struct, frozen=True):
    """One request for a verdict: `system` is stable and may be cached, `user` is the canonical context."""

    system: str
    user: str
    schema: dict[str, Any]


class Reply(Struct, frozen=True):
    """What came back: a body to be judged, or why there is none. `again`: the same request may succeed later; `sent`:
    it may have reached the provider.
    """

    failure: Failure | None
    body: str = ""
    status: int | None = None
    error_type: str = ""
    text: str = ""
    request_id: str = ""
    retry_after_s: float | None = None
    again: bool = False
    sent: bool = True


class Provider(Protocol):
    """`ask` answers whatever happens and keeps to no deadline but its reads'; only cancellation passes through it.

    `read` and `usage` take a parsed body; `read` may raise anything if the body is foreign, `usage` finds None then.
    """

    name: str
    host: str
    sdk: str
    parameters: Mapping[str, Any]

    async def ask(self, question: Question) -> Reply: ...
    def read(self, body: dict[str, Any]) -> Said: ...
    def usage(self, body: dict[str, Any]) -> Usage | None: ...
    async def close(self) -> None: ...


def status_failure(status: int, error_code: str = "") -> Failure:
    """The code of an answer that is not 2xx."""
    if status == 402 or error_code in SPEND_LIMITS:
        return Failure.BILLING
    return Failure.TRANSPORT if status in _WAITING_HELPS or status >= 500 else Failure.CONFIG


def refused(
    status: int, headers: Mapping[str, str], *, error_type: str = "", error_code: str = "", text: str = ""
) -> Reply:
    """The reply for an answer that is not 2xx; `x-should-retry` and `retry-after` are the server's own."""
    failure = status_failure(status, error_code)
    return Reply(
        failure,
        status=status,
        error_type=error_type,
        text=text,
        request_id=headers.get("request-id", headers.get("x-request-id", "")),
        retry_after_s=retry_after(headers),
        again=failure is Failure.TRANSPORT and headers.get("x-should-retry") != "false",
    )


def timed_out(cause: BaseException) -> Reply:
    """The reply where a connection or a read took too long."""
    kind = type(cause).__name__
    text = "the provider did not answer in time"
    return Reply(Failure.TIMEOUT, error_type=kind, text=text, sent=not kind.startswith("Connect"))


def disconnected(cause: BaseException) -> Reply:
    """The reply where there was no connection, or it ended before the answer did."""
    kind = type(cause).__name__
    sent = not kind.startswith("Connect")
    return Reply(Failure.TRANSPORT, error_type=kind, text=f"no connection: {kind}", again=True, sent=sent)


def error_as_answer(body: Any) -> Reply | None:
    """The reply where a gateway sends somebody else's error with status 200, None where the body is no error."""
    error = body.get("error") if isinstance(body, dict) else None
    if not error:
        return None
    code = error.get("code") if isinstance(error, dict) else None
    failure = status_failure(code) if isinstance(code, int) and code >= 400 else Failure.TRANSPORT
    text = f"an error came as an answer: {code}" if isinstance(code, int) else "an error came as an answer"
    return Reply(failure, status=200, error_type=str(code or "")[:60], text=text, again=failure is Failure.TRANSPORT)


def retry_after(headers: Mapping[str, str]) -> float | None:
    """Seconds the server asks to wait: retry-after-ms, or retry-after in seconds or as a date against `date`."""
    wait = headers.get("retry-after", "")
    try:
        if "retry-after-ms" in headers:
            return max(0.0, float(headers["retry-after-ms"]) / 1000)
        if wait.replace(".", "", 1).removeprefix("-").isdecimal():
            return max(0.0, float(wait))
        return max(0.0, (parsedate_to_datetime(wait) - parsedate_to_datetime(headers["date"])).total_seconds())
    except (KeyError, TypeError, ValueError):
        return None


def is_loopback(url: str) -> bool:
    return urlsplit(url).hostname in _LOOPBACK


def is_safe_url(url: str) -> bool:
    """Encrypted, or to this machine: the key travels there."""
    try:
        parts = urlsplit(url)
        usable = bool(parts.hostname) and parts.username is None and not parts.query and not parts.fragment
    except ValueError:
        return False
    return usable and (parts.scheme == "https" or (parts.scheme == "http" and is_loopback(url)))


def names_somebody(url: str) -> bool:
    """Whether a name or password stands in it, also in one that is no address otherwise."""
    return "@" in url


def count(value: Any) -> int:
    """A number of tokens in a usage; what is none counts as 0."""
    return value if isinstance(value, int) and not isinstance(value, bool) and value >= 0 else 0
