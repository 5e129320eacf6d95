"""What may go wrong on the wire: never delivered, refused, or unclear. And that nothing leaks."""

import asyncio
import logging
import re
import socket
import ssl
import threading
from collections.abc import Iterator
from contextlib import contextmanager, nullcontext
from datetime import UTC, datetime, timedelta
from http.client import HTTPConnection
from ipaddress import ip_address
from pathlib import Path

import msgspec
import pytest
from bybit_broker_kit import CREDENTIALS, trading
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec

from tradeterm.brokers.bybit import BybitVenue, transport
from tradeterm.brokers.bybit.clock import VenueClock
from tradeterm.brokers.bybit.limits import RATE_LIMITED, Lane, Limits
from tradeterm.brokers.bybit.rest import Rest
from tradeterm.brokers.bybit.transport import Client
from tradeterm.config import BybitConfig
from tradeterm.domain.errors import LedgerError, OutcomeUnclear, VenueError, VenueRefused, VenueUnavailable
from tradeterm.domain.states import VenueState
from tradeterm.venues.bybit.endpoints import endpoints


@contextmanager
def answering(
    reply: bytes | None, *, times: int = 1, certificate: str | None = None
) -> Iterator[tuple[str, list[bytes]]]:
    """A server that says the same to everybody (None: cuts the line) and keeps what it was sent."""
    tls = None
    if certificate is not None:
        tls = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        tls.load_cert_chain(certificate)
    heard: list[bytes] = []
    with socket.create_server(("127.0.0.1", 0)) as server:
        server.settimeout(5)

        def serve() -> None:
            for _ in range(times):
                try:
                    line, _ = server.accept()
                except OSError:
                    return
                with line:
                    line.settimeout(5)
                    with nullcontext(line) if tls is None else tls.wrap_socket(line, server_side=True) as spoken:
                        heard.append(spoken.recv(65536))
                        if reply is not None:
                            spoken.sendall(reply)

        thread = threading.Thread(target=serve, daemon=True)
        thread.start()
        yield f"http://127.0.0.1:{server.getsockname()[1]}", heard
    thread.join(6)


def http(status: str, body: bytes, *headers: str) -> bytes:
    more = "".join(f"{header}\r\n" for header in headers)
    return f"HTTP/1.1 {status}\r\nContent-Length: {len(body)}\r\nConnection: close\r\n{more}\r\n".encode() + body


async def submit_to(url: str) -> tuple[Exception | None, BybitVenue]:
    config = BybitConfig(rest_url=url)
    venue = BybitVenue(endpoints(config), config, CREDENTIALS)
    venue.rest.open()
    try:
        await venue.rest.once("place_order", Lane.ENTRY, category="linear", symbol="BTCUSDT")
    except VenueError as error:
        return error, venue
    finally:
        await venue.rest.close()
    return None, venue


@pytest.mark.parametrize(
    ("reply", "kind", "said"),
    [
        (None, OutcomeUnclear, "cut|closed|cannot be reached"),
        (http("200 OK", b"<html>"), OutcomeUnclear, "cannot be read"),
        (http("200 OK", b"[]"), OutcomeUnclear, "cannot be read"),
        (http("200 OK", b'"text"'), OutcomeUnclear, "cannot be read"),
        (http("200 OK", b"{}"), OutcomeUnclear, "cannot be read"),
        (http("200 OK", b'{"retCode":0'), OutcomeUnclear, "cannot be read"),
        (http("200 OK", b'{"retCode":110007}'), OutcomeUnclear, "cannot be read"),  # pybit misses its retMsg
        (http("200 OK", b'{"retCode":"0","retMsg":""}'), OutcomeUnclear, "cannot be read"),
        (http("200 OK", b'{"retCode":777777,"retMsg":"new"}'), OutcomeUnclear, "not known here"),
        (http("500 Oops", b""), OutcomeUnclear, "HTTP 500"),
        (http("502 Bad Gateway", b"<html>"), OutcomeUnclear, "HTTP 502"),
        (http("404 Not Found", b""), OutcomeUnclear, "HTTP 404"),
        (http("429 Too Many", b""), VenueRefused, "HTTP 429"),
        (http("403 Forbidden", b""), VenueRefused, "10 minutes"),
        (http("401 Unauthorized", b""), VenueRefused, "API key"),
        (http("307 Moved", b"", "Location: http://127.0.0.1:9/other"), OutcomeUnclear, "another address"),
        (http("200 OK", b'{"retCode":110007,"retMsg":"ab"}'), VenueRefused, "balance is not enough"),
        (http("200 OK", b'{"retCode":10006,"retMsg":"many"}'), VenueRefused, "rate limit"),
        (
            http("200 OK", b'{"retCode":10006,"retMsg":"many"}', "X-Bapi-Limit-Reset-Timestamp: 1"),
            VenueRefused,
            "rate limit",
        ),
        (http("200 OK", b'{"retCode":10002,"retMsg":"time"}'), VenueRefused, "clock"),
        (http("200 OK", b'{"retCode":10016,"retMsg":"down"}'), OutcomeUnclear, "maintenance"),
        (http("200 OK", b'{"retCode":110079,"retMsg":"busy"}'), OutcomeUnclear, "still working"),
    ],
)
async def test_replies(reply: bytes | None, kind: type[Exception], said: str) -> None:
    with answering(reply) as (url, heard):
        error, _ = await submit_to(url)
    assert type(error) is kind
    assert re.search(said, str(error))
    assert len(heard) == 1  # one request, whatever came of it
    for secret in (CREDENTIALS.key, CREDENTIALS.secret):
        assert secret not in str(error)


async def test_a_name_that_is_none_and_a_port_nobody_listens_on() -> None:
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    error, venue = await submit_to(f"http://127.0.0.1:{port}")
    assert type(error) is VenueUnavailable
    assert "refused the connection" in str(error)
    assert venue.condition().state is VenueState.RESTRICTED


async def test_dns(monkeypatch: pytest.MonkeyPatch) -> None:
    def fail(*_: object, **__: object) -> None:
        raise socket.gaierror(-2, "Name or service not known")

    monkeypatch.setattr("urllib3.util.connection.socket.getaddrinfo", fail)
    error, _ = await submit_to("https://api-demo.bybit.invalid")
    assert type(error) is VenueUnavailable
    assert "cannot be resolved" in str(error)


async def test_tls_that_is_none() -> None:
    with answering(b"this is no TLS\r\n") as (url, _):
        error, _ = await submit_to(url.replace("http:", "https:"))
    assert type(error) is VenueUnavailable
    assert "TLS" in str(error)


async def test_a_proxy_that_is_not_there(monkeypatch: pytest.MonkeyPatch) -> None:
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    monkeypatch.setenv("HTTPS_PROXY", f"http://127.0.0.1:{port}")
    monkeypatch.delenv("NO_PROXY", raising=False)
    monkeypatch.delenv("no_proxy", raising=False)
    error, _ = await submit_to("https://api-demo.bybit.com")
    assert type(error) is VenueUnavailable
    assert "proxy" in str(error)


async def test_a_proxy_that_refuses_the_tunnel(monkeypatch: pytest.MonkeyPatch) -> None:
    with answering(http("407 Who", b"")) as (url, heard):
        monkeypatch.setenv("HTTPS_PROXY", url)
        monkeypatch.delenv("NO_PROXY", raising=False)
        monkeypatch.delenv("no_proxy", raising=False)
        error, _ = await submit_to("https://api-demo.bybit.com")
    assert type(error) is VenueUnavailable
    assert heard[0].startswith(b"CONNECT")


def test_what_the_environment_says_is_read_once(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("NO_PROXY", "no_proxy", "ALL_PROXY", "all_proxy", "http_proxy"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("HTTP_PROXY", "http://127.0.0.1:9")
    made = client()
    monkeypatch.setenv("NO_PROXY", "127.0.0.1")
    exempt = client()
    assert made.client.proxies["http"] == "http://127.0.0.1:9"
    assert "http" not in exempt.client.proxies
    assert not made.client.trust_env
    made.close()
    exempt.close()


@pytest.mark.parametrize("scheme", ["http", "https"])
def test_a_request_leaves_in_one_write(scheme: str, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    writes: list[bytes] = []
    plain = HTTPConnection.send

    def send(connection: HTTPConnection, data: bytes) -> None:
        writes.append(data)
        plain(connection, data)

    monkeypatch.setattr(HTTPConnection, "send", send)
    certificate = self_signed(tmp_path) if scheme == "https" else None
    done = b'{"retCode":0,"retMsg":"OK","result":{"orderId":"1"}}'
    with answering(http("200 OK", done), certificate=certificate) as (url, heard):
        made = Client(url.replace("http:", f"{scheme}:"), CREDENTIALS, 5000, VenueClock(lambda: 1_700_000_000_000))
        made.client.verify = certificate or True
        outcome = made.ask("place_order", {"category": "linear", "symbol": "BTCUSDT", "orderLinkId": "a-1"})
        made.close()
    assert (outcome.code, outcome.sent, outcome.error) == (0, True, None)
    assert writes == heard
    assert heard[0].startswith(b"POST /v5/order/create ")
    assert heard[0].endswith(b'"orderLinkId": "a-1"}')


def self_signed(folder: Path) -> str:
    """A file with a key and a certificate for 127.0.0.1."""
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, "127.0.0.1")])
    today = datetime.now(UTC)
    certificate = (
        x509.CertificateBuilder(name, name, key.public_key(), x509.random_serial_number())
        .not_valid_before(today - timedelta(days=1))
        .not_valid_after(today + timedelta(days=1))
        .add_extension(x509.SubjectAlternativeName([x509.IPAddress(ip_address("127.0.0.1"))]), critical=False)
        .sign(key, hashes.SHA256())
    )
    pem = serialization.Encoding.PEM
    private = key.private_bytes(pem, serialization.PrivateFormat.PKCS8, serialization.NoEncryption())
    path = folder / "server.pem"
    path.write_bytes(private + certificate.public_bytes(pem))
    return str(path)


def client() -> Client:
    return Client("http://127.0.0.1:1", CREDENTIALS, 5000, VenueClock(lambda: 1_700_000_000_000))


class Disk:
    """Facts on their way to a disk that is told when it has them."""

    def __init__(self, failure: LedgerError | None = None) -> None:
        self.failure = failure
        self.asked, self.has_them = threading.Event(), threading.Event()

    def wait_written(self) -> None:
        pass

    def wait_kept(self) -> None:
        self.asked.set()
        assert self.has_them.wait(5)
        if self.failure is not None:
            raise self.failure


async def test_not_one_byte_leaves_before_the_disk_has_the_facts() -> None:
    disk = Disk()
    with answering(http("200 OK", b'{"retCode":0,"retMsg":"","result":{"orderId":"v1"}}')) as (url, heard):
        config = BybitConfig(rest_url=url)
        venue = BybitVenue(endpoints(config), config, CREDENTIALS)
        venue.rest.open()
        sending = asyncio.create_task(
            venue.rest.once("place_order", Lane.ENTRY, disk, category="linear", symbol="BTCUSDT")
        )
        assert await asyncio.to_thread(disk.asked.wait, 5)
        await asyncio.sleep(0.05)
        assert heard == []
        disk.has_them.set()
        assert await sending == {"orderId": "v1"}
        await venue.rest.close()
    assert len(heard) == 1
    assert b"BTCUSDT" in heard[0]


async def test_a_connection_that_is_cut_while_the_disk_works_is_opened_anew() -> None:
    reply = http("200 OK", b'{"retCode":0,"retMsg":"","result":{"orderId":"v1"}}').replace(
        b"Connection: close\r\n", b""
    )
    cut, heard = threading.Event(), []
    with socket.create_server(("127.0.0.1", 0)) as server:
        server.settimeout(5)

        def serve() -> None:
            for waits in (True, False):
                line, _ = server.accept()
                with line:
                    heard.append(line.recv(65536))
                    line.sendall(reply)
                    if waits:
                        cut.wait(5)

        thread = threading.Thread(target=serve, daemon=True)
        thread.start()
        clock = VenueClock(lambda: 0)
        client = Client(f"http://127.0.0.1:{server.getsockname()[1]}", CREDENTIALS, 5000, clock)
        order = {"category": "linear", "symbol": "BTCUSDT"}
        assert (await asyncio.to_thread(client.ask, "place_order", order)).code == 0
        disk = Disk()
        asking = asyncio.create_task(asyncio.to_thread(client.ask, "place_order", order, disk))
        assert await asyncio.to_thread(disk.asked.wait, 5)
        cut.set()
        await asyncio.sleep(0.05)
        disk.has_them.set()
        outcome = await asking
        thread.join(6)
        client.close()
    assert (outcome.code, outcome.sent) == (0, True)
    assert [line.count(b"POST ") for line in heard] == [1, 1]


async def test_a_disk_that_fails_sends_nothing_and_the_next_request_is_whole() -> None:
    disk = Disk(LedgerError("no space is left"))
    disk.has_them.set()
    with answering(http("200 OK", b'{"retCode":0,"retMsg":"","result":{"orderId":"v1"}}')) as (url, heard):
        config = BybitConfig(rest_url=url)
        venue = BybitVenue(endpoints(config), config, CREDENTIALS)
        venue.rest.open()
        with pytest.raises(LedgerError, match="no space"):
            await venue.rest.once("place_order", Lane.ENTRY, disk, category="linear", symbol="BTCUSDT")
        assert heard == []
        assert await venue.rest.once("place_order", Lane.ENTRY, category="linear", symbol="BTCUSDT") == {
            "orderId": "v1"
        }
        await venue.rest.close()
    assert [line.count(b"POST ") for line in heard] == [1]


def test_pybit_is_on_a_leash() -> None:
    made = client()
    assert made.force_retry is False
    assert made.retry_codes == {transport.NO_SUCH_CODE}
    assert made.max_retries == 1
    assert made.timeout == (3.0, 7.0)
    assert made.log_requests is False
    assert CREDENTIALS.secret not in repr(made)
    assert CREDENTIALS.key not in repr(made)
    made.close()


def test_pybit_adds_no_handler(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(logging.getLogger(), "handlers", [])
    made = client()
    assert made.logger.handlers == []
    assert made.logger.disabled
    made.close()


def test_signing_uses_the_venues_time() -> None:
    made = client()
    made._clock.skew_ms = 3000.0
    headers = made._prepare_headers("a=1", 5000)
    assert headers["X-BAPI-TIMESTAMP"] == str(1_700_000_000_000 - 3000)
    made.close()


async def test_logs_hold_no_secret(caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.DEBUG)
    async with trading() as desk:
        await desk.broker.positions()
    text = "\n".join(f"{record.getMessage()} {record.args}" for record in caplog.records)
    for secret in (CREDENTIALS.key, CREDENTIALS.secret):
        assert secret not in text


# limits


@pytest.fixture
def hurried(monkeypatch: pytest.MonkeyPatch) -> None:
    """Nobody waits for room: the time stands still in these tests."""
    monkeypatch.setattr("tradeterm.brokers.bybit.limits._PATIENCE_S", dict.fromkeys(Lane, 0.0))


class Time:
    def __init__(self) -> None:
        self.now = 100.0

    def __call__(self) -> float:
        return self.now


async def test_entries_may_use_six_of_ten_and_exits_all(hurried: None) -> None:
    limits = Limits(Time())
    for _ in range(6):
        await limits.take("place_order", Lane.ENTRY)
    with pytest.raises(VenueRefused) as refused:
        await limits.take("place_order", Lane.ENTRY)
    assert refused.value.code == RATE_LIMITED
    for _ in range(4):
        await limits.take("place_order", Lane.URGENT)


async def test_what_others_use_of_the_key_counts(hurried: None) -> None:
    time = Time()
    limits = Limits(time)
    limits.observe("place_order", {"X-Bapi-Limit": "10", "X-Bapi-Limit-Status": "3"})
    with pytest.raises(VenueRefused):
        await limits.take("place_order", Lane.ENTRY)
    time.now += 1.2
    await limits.take("place_order", Lane.ENTRY)
    limits.observe("place_order", {"X-Bapi-Limit": "odd", "X-Bapi-Limit-Status": "-4"})
    limits.observe("place_order", {})


@pytest.mark.parametrize(
    ("header", "seconds"),
    [("", 1.0), ("1", 0.05), ("1700000000500", 0.5), ("99999999999999", 10.0), ("-5", 1.0), ("soon", 1.0)],
)
def test_the_reset_header_may_hold_anything(header: str, seconds: float) -> None:
    limits = Limits(Time())
    found = limits.exceeded("x", {"X-Bapi-Limit-Reset-Timestamp": header}, 1_700_000_000_000)
    assert found == pytest.approx(seconds)


async def test_reads_never_bring_the_address_near_its_ban(hurried: None) -> None:
    limits = Limits(Time())
    sent = 0
    with pytest.raises(VenueUnavailable):
        for number in range(1000):
            await limits.take(f"read{number}", Lane.READ)
            sent += 1
    assert sent == 300
    for number in range(200):
        await limits.take(f"exit{number}", Lane.URGENT)


# clock


def test_the_shortest_round_trip_tells_the_time() -> None:
    clock = VenueClock(lambda: 10_000_000)
    clock.measured([(10_000_000, 400.0, 10_000_900), (10_000_500, 20.0, 10_000_010), (10_001_000, 90.0, 0)])
    assert clock.skew_ms == 500.0
    assert clock.now() == 9_999_500
    assert "0.5 s ahead of" in clock.complaint(400)
    assert clock.complaint(500) == ""
    clock.measured([(1, 1.0, 0), (1, 1.0, 1 << 62)])
    assert clock.skew_ms == 500.0


def test_pages_end() -> None:
    class Endless(Rest):
        def __init__(self) -> None:
            self.asked = 0

        async def read(self, endpoint: str, /, **parameters: object) -> dict[str, object]:
            self.asked += 1
            cursors = {"": "a", "a": "b", "b": "b"}
            return {"list": [{"n": self.asked}, "odd"], "nextPageCursor": cursors[str(parameters.get("cursor", ""))]}

    rest = Endless()
    assert asyncio.run(rest.pages("x")) == [{"n": 1}, {"n": 2}, {"n": 3}]
    assert msgspec.json.encode(rest.asked) == b"3"


def test_a_slow_venue_is_no_wrong_clock() -> None:
    clock = VenueClock(lambda: 1_000_000)
    clock.measured([(1_000_000, 4.0, 1_000_002)])
    clock.measured([(1_000_000, 5004.0, 1_000_002)])  # slow on the way back: nothing is known better than before
    assert (clock.skew_ms, clock.complaint(500)) == (0.0, "")
    clock.measured([(1_000_000, 10.0, 997_000)])  # but a clock that was moved is noticed at once
    assert clock.skew_ms == 3005.0
    assert "3.0 s ahead of" in clock.complaint(500)


def test_a_clock_is_not_blamed_for_what_a_slow_answer_cannot_tell() -> None:
    clock = VenueClock(lambda: 1_000_000)
    clock.measured([(1_000_000, 5004.0, 1_000_002)])
    assert clock.complaint(500) == ""
