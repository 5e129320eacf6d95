"""Mail through the real smtplib to a small SMTP server on loopback, with real certificates."""

import asyncio
import base64
import datetime
import email
import email.policy
import ssl
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from ipaddress import ip_address
from pathlib import Path

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID
from notify_kit import message

from tradeterm.config import EmailConfig, MailSecurity
from tradeterm.notify import email as channel
from tradeterm.notify.email import Email
from tradeterm.notify.protocol import NotifyRefused, NotifyUnavailable

PASSWORD = "correct horse battery"


@pytest.fixture(scope="module")
def certificate(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "localhost")])
    now = datetime.datetime.now(datetime.UTC)
    made = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - datetime.timedelta(days=1))
        .not_valid_after(now + datetime.timedelta(days=1))
        .add_extension(
            x509.SubjectAlternativeName([x509.DNSName("localhost"), x509.IPAddress(ip_address("127.0.0.1"))]), False
        )
        .add_extension(x509.BasicConstraints(ca=True, path_length=None), True)
        .sign(key, hashes.SHA256())
    )
    file = tmp_path_factory.mktemp("tls") / "server.pem"
    file.write_bytes(
        key.private_bytes(serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption())
        + made.public_bytes(serialization.Encoding.PEM)
    )
    yield file


class MailServer:
    """Enough of RFC 5321 for smtplib; `answers` replaces a command's answer."""

    def __init__(self, context: ssl.SSLContext, answers: dict[str, bytes] | None = None) -> None:
        self.context = context
        self.answers = answers or {}
        self.commands: list[tuple[bool, str]] = []  # (encrypted, command)
        self.mail = b""
        self.refused = "nobody"

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            writer.write(self.answers.get("CONNECT", b"220 mail\r\n"))
            while line := (await reader.readline()).decode().strip():
                verb = line.split()[0].upper()
                secure = writer.get_extra_info("ssl_object") is not None
                self.commands.append((secure, line))
                answer = self.answers.get(verb) or self._usual(verb, secure)
                answer = b"550 unknown\r\n" if self.refused in line else answer
                writer.write(answer)
                await writer.drain()
                if verb == "STARTTLS" and answer.startswith(b"220"):
                    await writer.start_tls(self.context)
                elif verb == "DATA" and answer.startswith(b"354"):
                    self.mail = await reader.readuntil(b"\r\n.\r\n")
                    writer.write(self.answers.get("MAIL_DATA", b"250 taken\r\n"))
                elif verb == "QUIT":
                    return
        except (ConnectionError, asyncio.IncompleteReadError, ssl.SSLError):
            return
        finally:
            writer.close()

    @staticmethod
    def _usual(verb: str, secure: bool) -> bytes:
        match verb:
            case "EHLO":
                return b"250-mail\r\n250 AUTH PLAIN\r\n" if secure else b"250-mail\r\n250 STARTTLS\r\n"
            case "STARTTLS":
                return b"220 go\r\n"
            case "AUTH":
                return b"235 welcome\r\n"
            case "DATA":
                return b"354 go on\r\n"
            case "QUIT":
                return b"221 bye\r\n"
        return b"250 ok\r\n"


@asynccontextmanager
async def running(
    certificate: Path, *, tls: bool = False, answers: dict[str, bytes] | None = None
) -> AsyncIterator[tuple[MailServer, int]]:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(certificate)
    server = MailServer(context, answers)
    listening = await asyncio.start_server(server.serve, "127.0.0.1", 0, ssl=context if tls else None)
    async with listening:
        yield server, listening.sockets[0].getsockname()[1]


def sender(certificate: Path | None, port: int, **changes: object) -> Email:
    config = {
        "host": "127.0.0.1",
        "port": port,
        "username": "me",
        "sender": "desk@example.com",
        "recipients": ("a@example.com", "b@example.com"),
    }
    context = ssl.create_default_context(cafile=str(certificate)) if certificate is not None else None
    return Email(EmailConfig(**config | changes), PASSWORD, context)  # type: ignore[arg-type]


@pytest.mark.parametrize("security", list(MailSecurity))
async def test_delivered_encrypted(certificate: Path, security: MailSecurity) -> None:
    async with running(certificate, tls=security is MailSecurity.TLS) as (server, port):
        await sender(certificate, port, security=security).send(message("Stop missing – look", count=3))
    mail = email.message_from_bytes(server.mail, policy=email.policy.default)
    assert mail["Subject"] == "tradeterm: ERROR STALE_DATA"
    assert mail["To"] == "a@example.com, b@example.com"
    assert mail.get_content().splitlines()[:2] == ["Stop missing – look", "18:00:00 UTC · ×3"]
    for secure, command in server.commands:
        assert secure or command.split()[0].upper() in ("EHLO", "STARTTLS"), command
    login = next(command for _, command in server.commands if command.startswith("AUTH"))
    assert base64.b64decode(login.split()[-1]).decode().split("\0") == ["", "me", PASSWORD]


async def test_no_sign_in_without_a_username(certificate: Path) -> None:
    async with running(certificate) as (server, port):
        await sender(certificate, port, username="").send(message())
    assert server.mail
    assert not any(command.startswith("AUTH") for _, command in server.commands)


async def test_a_line_break_adds_no_header(certificate: Path) -> None:
    async with running(certificate) as (server, port):
        await sender(certificate, port).send(message("x\r\n.\r\nQUIT", code="A\r\nBcc: evil@example.com"))
    mail = email.message_from_bytes(server.mail, policy=email.policy.default)
    assert mail["Bcc"] is None
    assert mail["Subject"] == "tradeterm: ERROR A Bcc: evil@example.com"


async def test_a_certificate_nobody_vouches_for_is_refused(certificate: Path) -> None:
    async with running(certificate) as (server, port):
        with pytest.raises(NotifyRefused, match="no trusted encryption"):
            await sender(None, port).send(message())
    assert not any(command.startswith(("AUTH", "mail", "MAIL")) for _, command in server.commands)


async def test_a_server_without_encryption_gets_neither_password_nor_mail(certificate: Path) -> None:
    async with running(certificate, answers={"EHLO": b"250-mail\r\n250 AUTH PLAIN\r\n"}) as (server, port):
        with pytest.raises(NotifyRefused, match="no trusted encryption"):
            await sender(certificate, port).send(message())
    assert {command.split()[0].upper() for _, command in server.commands} <= {"EHLO", "QUIT"}


@pytest.mark.parametrize(
    ("answers", "kind", "words"),
    [
        ({"AUTH": b"535 no\r\n"}, NotifyRefused, "username or SMTP_PASSWORD"),
        ({"RCPT": b"550 nobody\r\n"}, NotifyRefused, "recipients with SMTP status 550"),
        ({"RCPT": b"451 later\r\n"}, NotifyUnavailable, "recipients with SMTP status 451"),
        ({"MAIL": b"550 no\r\n"}, NotifyRefused, "message with SMTP status 550"),
        ({"MAIL_DATA": b"452 full\r\n"}, NotifyUnavailable, "message with SMTP status 452"),
        ({"CONNECT": b"421 busy\r\n"}, NotifyUnavailable, "message with SMTP status 421"),
    ],
)
async def test_refusals(certificate: Path, answers: dict[str, bytes], kind: type[Exception], words: str) -> None:
    echo = {verb: line.replace(b"\r\n", b" " + PASSWORD.encode() + b"\r\n") for verb, line in answers.items()}
    async with running(certificate, answers=echo) as (_, port):
        with pytest.raises(kind, match=words) as caught:
            await sender(certificate, port).send(message())
    assert PASSWORD not in str(caught.value)


async def test_a_recipient_that_is_refused_is_owned_up_to(certificate: Path) -> None:
    async with running(certificate) as (server, port):
        server.refused = "b@example.com"
        with pytest.raises(NotifyRefused, match="some of the recipients"):
            await sender(certificate, port).send(message())
    assert server.mail


async def test_nobody_there_and_silence(certificate: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(channel, "TIMEOUT_S", 0.1)
    async with running(certificate, answers={"CONNECT": b"\r"}) as (_, port):
        with pytest.raises(NotifyUnavailable, match="cannot be reached"):
            await sender(certificate, port).send(message())
    with pytest.raises(NotifyUnavailable, match="cannot be reached"):
        await sender(certificate, port).send(message())
