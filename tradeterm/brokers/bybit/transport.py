"""pybit for the paths and the signature, and nothing of its retries; every outcome as plain data."""

import threading
import time
from collections.abc import Callable, Mapping
from typing import Any

import requests
from msgspec import Struct
from pybit.exceptions import FailedRequestError, InvalidRequestError
from pybit.unified_trading import HTTP
from requests.adapters import HTTPAdapter
from requests.utils import get_environ_proxies
from urllib3.connection import HTTPConnection, HTTPSConnection
from urllib3.connectionpool import HTTPConnectionPool, HTTPSConnectionPool

from tradeterm.brokers.bybit.clock import VenueClock
from tradeterm.brokers.protocol import Recording
from tradeterm.venues.credentials import Credentials

CONNECT_S, READ_S = 3.0, 7.0
NO_SUCH_CODE = -99999
"""An empty set of retry codes would bring pybit's own back."""


class Outcome(Struct, frozen=True):
    """What became of one request. `code` is the venue's retCode (0: done), None without a readable answer.

    `status` is the HTTP status where it was not 200. `sent` False means that not one byte of the request left.
    `asked` is our time, UTC ms, when it was made.
    """

    asked: int
    elapsed_ms: float
    sent: bool
    code: int | None = None
    message: str = ""
    result: Mapping[str, object] = {}
    headers: Mapping[str, str] = {}
    status: int | None = None
    error: Exception | None = None


class _Progress:
    """Of the present request: whether bytes of it went out, since when they may, and what must be on the disk first."""

    sent = False
    begun = 0.0
    recording: Recording | None = None


class Client(HTTP):  # type: ignore[misc]
    """One thread's client. It signs with the venue's time."""

    def __init__(self, rest: str, credentials: Credentials, recv_window_ms: int, clock: VenueClock) -> None:
        super().__init__(
            api_key=credentials.key,
            api_secret=credentials.secret,
            timeout=(CONNECT_S, READ_S),
            recv_window=recv_window_ms,
            force_retry=False,
            retry_codes={NO_SUCH_CODE},
            max_retries=1,
            log_requests=False,
            return_response_headers=True,
        )
        self.endpoint = rest
        self._clock = clock
        self._progress = _Progress()
        self.logger.handlers.clear()  # pybit adds one of its own where the root logger has none
        self.logger.disabled = True
        self.client.proxies.update(get_environ_proxies(rest))
        self.client.trust_env = False  # read once: reading it for every request takes as long as signing and sending
        self.client.max_redirects = 0  # a redirected order would be sent a second time
        adapter = _watching_adapter(self._progress)
        self.client.mount("https://", adapter)
        self.client.mount("http://", adapter)

    def __repr__(self) -> str:
        return f"Client({self.endpoint})"

    def _prepare_headers(
        self, payload: str, recv_window: int, content_type: str = "application/json"
    ) -> dict[str, str]:
        timestamp = self._clock.now()
        return {
            "Content-Type": content_type,
            "X-BAPI-API-KEY": self.api_key,
            "X-BAPI-SIGN": self._auth(payload=payload, recv_window=recv_window, timestamp=timestamp),
            "X-BAPI-SIGN-TYPE": "2",
            "X-BAPI-TIMESTAMP": str(timestamp),
            "X-BAPI-RECV-WINDOW": str(recv_window),
        }

    def ask(self, endpoint: str, parameters: Mapping[str, object], recording: Recording | None = None) -> Outcome:
        """One request, whatever comes of it. Never raises for anything the network or the venue does, and LedgerError
        where nothing was sent because the `recording` failed."""
        self._progress.sent, self._progress.recording = False, recording
        asked, self._progress.begun = self._clock.wall(), time.monotonic()
        try:
            body, _, headers = getattr(self, endpoint)(**parameters)
        except InvalidRequestError as error:
            code = error.status_code
            answer: dict[str, Any] = {"code": code if isinstance(code, int) else None, "message": str(error.message)}
            headers, status, failed = error.resp_headers, None, None
        except FailedRequestError as error:
            answer, headers, status, failed = {}, error.resp_headers, error.status_code, None
        except (requests.RequestException, OSError, ValueError, LookupError, TypeError, AttributeError) as error:
            answer, headers, status, failed = {}, None, None, error  # also what pybit makes of an odd answer
        else:
            answer, status, failed = _read(body), None, None
        return Outcome(
            asked=asked,
            elapsed_ms=(time.monotonic() - self._progress.begun) * 1000,
            sent=self._progress.sent,
            headers=headers or {},
            status=status,
            error=failed,
            **answer,
        )

    def close(self) -> None:
        self.client.close()


class Clients:
    """One client a thread, closed together."""

    def __init__(self, make: Callable[[], Client]) -> None:
        self._make = make
        self._mine = threading.local()
        self._all: list[Client] = []
        self._lock = threading.Lock()

    def ask(self, endpoint: str, parameters: Mapping[str, object], recording: Recording | None = None) -> Outcome:
        """Run in a worker thread."""
        if recording is not None:
            recording.wait_written()  # before that, making the request ready would only keep the ledger's thread off
        client: Client | None = getattr(self._mine, "client", None)
        if client is None:
            client = self._mine.client = self._make()
            with self._lock:
                self._all.append(client)
        return client.ask(endpoint, parameters, recording)

    def close(self) -> None:
        with self._lock:
            for client in self._all:
                client.close()
            self._all.clear()


def _read(body: object) -> dict[str, Any]:
    """Code, message and result of an answer; no code where it is none of the venue's."""
    if not isinstance(body, dict) or not isinstance(body.get("retCode"), int) or isinstance(body["retCode"], bool):
        return {}
    result = body.get("result")
    return {
        "code": body["retCode"],
        "message": str(body.get("retMsg", "")),
        "result": result if isinstance(result, dict) else {},
    }


def _watching_adapter(progress: _Progress) -> HTTPAdapter:
    """An adapter whose connections note when the first byte of a request leaves: DNS, connecting, a proxy's tunnel and
    the TLS handshake come before that, and whatever fails there was certainly not delivered."""

    class Whole(HTTPConnection):
        """Head and body leave in one write, once what must be on the disk is there. urllib3 writes them apart: two
        packets, and between them a chance for the machine to run something else."""

        _held: list[bytes] | None = None

        def connect(self) -> None:
            try:
                super().connect()
            finally:
                progress.sent = False

        def request(self, *args: Any, **kwargs: Any) -> None:
            held: list[bytes] = []
            self._held = held
            try:
                super().request(*args, **kwargs)
            finally:
                self._held = None
            if progress.recording is not None:
                progress.recording.wait_kept()
                if self.sock is not None and not self.is_connected:  # cut meanwhile; `send` opens another
                    self.sock.close()
                    self.sock = None
                progress.begun = time.monotonic()
            self.send(b"".join(held))

        def send(self, data: Any) -> None:
            if self._held is not None:
                self._held.append(bytes(data))
                return
            if self.sock is None:
                self.connect()
            progress.sent = True
            super().send(data)

    class Secure(Whole, HTTPSConnection):
        pass

    class PlainPool(HTTPConnectionPool):
        ConnectionCls = Whole

    class SecurePool(HTTPSConnectionPool):
        ConnectionCls = Secure

    pools = {"http": PlainPool, "https": SecurePool}

    class Adapter(HTTPAdapter):
        def init_poolmanager(self, *args: Any, **kwargs: Any) -> None:
            super().init_poolmanager(*args, **kwargs)
            self.poolmanager.pool_classes_by_scheme = pools

        def proxy_manager_for(self, *args: Any, **kwargs: Any) -> Any:
            manager = super().proxy_manager_for(*args, **kwargs)
            manager.pool_classes_by_scheme = pools
            return manager

    return Adapter()
