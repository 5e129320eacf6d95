"""Network trouble in one sentence a person understands."""

import socket
import ssl
import unicodedata
from collections.abc import Iterator

from websockets.exceptions import ConnectionClosed, InvalidHandshake, InvalidProxy, InvalidStatus, ProxyError

LONGEST_TEXT = 200
FORBIDDEN, TOO_MANY = 403, 429


def plain(text: str) -> str:
    """Text of a venue without control characters and line breaks, cut to a readable length: data, nothing more."""
    kept = "".join(" " if unicodedata.category(char)[0] in "CZ" else char for char in text)
    kept = " ".join(kept.split())
    return kept if len(kept) <= LONGEST_TEXT else kept[: LONGEST_TEXT - 1] + "…"


def explain(error: BaseException, host: str) -> str:
    """What went wrong on the way to `host`, and what to look at. Looks through errors that wrap others."""
    causes = list(_causes(error))
    for cause in causes:
        if sentence := _known(cause, host):
            return sentence
    last = causes[-1]
    return f"{host} cannot be reached: {plain(str(last)) or type(last).__name__}"


def explain_status(status: int, host: str) -> str:
    """What an HTTP status other than 200 means there."""
    if status == FORBIDDEN:
        return (
            f"{host} refused this address (HTTP 403): it was asked too often, or the venue does not serve this region; "
            "all requests rest for 10 minutes"
        )
    if status == TOO_MANY:
        return f"{host} was asked too often (HTTP 429)"
    if status == 407:
        return "the proxy wants a user name and password (HTTP 407): check the proxy settings"
    if status >= 500:
        return f"{host} is not working at the moment (HTTP {status})"
    return f"{host} answered with HTTP {status}"


def _known(error: BaseException, host: str) -> str:
    match error:
        case socket.gaierror():
            return f"the name {host} cannot be resolved: check the network and DNS"
        case ssl.SSLCertVerificationError():
            why = plain(getattr(error, "verify_message", None) or str(error))
            return f"the TLS certificate of {host} was not accepted: {why}; check clock and proxy"
        case ssl.SSLError():
            return f"no TLS connection to {host}: {plain(getattr(error, 'reason', None) or str(error))}"
        case InvalidStatus():
            return explain_status(error.response.status_code, host)
        case ProxyError() | InvalidProxy():
            return f"the proxy did not connect to {host}: {plain(str(error))}; check the proxy settings"
        case ImportError():
            return f"the proxy for {host} needs a package that is not installed: {plain(str(error))}"
        case ConnectionRefusedError():
            return f"{host} refused the connection"
        case TimeoutError():
            return f"{host} did not answer in time"
        case ConnectionClosed():
            code = f"{error.rcvd.code} {plain(error.rcvd.reason)}".strip() if error.rcvd else "without a goodbye"
            return f"{host} closed the connection ({code})"
        case ConnectionResetError() | BrokenPipeError() | EOFError():
            return f"the connection to {host} was cut"
        case InvalidHandshake() if error.__cause__ is None:
            return f"{host} did not answer as a websocket: {plain(str(error))}"
        case OSError() if error.strerror:
            return f"{host} cannot be reached: {plain(error.strerror)}"
    return ""


def _causes(error: BaseException) -> Iterator[BaseException]:
    """The error and what it was raised from, outermost first."""
    seen: BaseException | None = error
    for _ in range(10):
        if seen is None:
            return
        yield seen
        if isinstance(seen, BaseExceptionGroup):
            seen = seen.exceptions[0]
        else:
            seen = seen.__cause__ or (None if seen.__suppress_context__ else seen.__context__)
