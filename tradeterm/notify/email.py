"""Mail by SMTP, always encrypted and with the server's certificate checked."""

import smtplib
import ssl
from collections.abc import Callable
from email.message import EmailMessage

from tradeterm.config import EmailConfig, MailSecurity
from tradeterm.notify.aside import Aside
from tradeterm.notify.protocol import Notification, NotifyRefused, NotifyUnavailable
from tradeterm.notify.text import body, title

TIMEOUT_S = 10.0

_TRY_LATER = range(400, 500)


class Email:
    name = "email"

    def __init__(self, config: EmailConfig, password: str = "", context: ssl.SSLContext | None = None) -> None:
        self.level = config.level
        self._config = config
        self._password = password
        self._context = ssl.create_default_context() if context is None else context
        self._aside = Aside(self.name)

    async def send(self, message: Notification) -> None:
        mail = _mail(self._config, message)
        await self._aside.run(lambda: _judged(lambda: self._deliver(mail)))

    async def close(self) -> None:
        """A connection lives for one message only."""

    def _deliver(self, mail: EmailMessage) -> None:
        with self._connected() as server:
            if self._config.security is MailSecurity.STARTTLS:
                server.starttls(context=self._context)
            if self._config.username:
                server.login(self._config.username, self._password)
            if server.send_message(mail):
                raise NotifyRefused("email: the server refused some of the recipients: check notify.email.recipients")

    def _connected(self) -> smtplib.SMTP:
        host, port = self._config.host, self._config.port
        if self._config.security is MailSecurity.TLS:
            return smtplib.SMTP_SSL(host, port, timeout=TIMEOUT_S, context=self._context)
        return smtplib.SMTP(host, port, timeout=TIMEOUT_S)


def _mail(config: EmailConfig, message: Notification) -> EmailMessage:
    mail = EmailMessage()
    mail["From"] = config.sender
    mail["To"] = ", ".join(config.recipients)
    mail["Subject"] = title(message)
    mail["Auto-Submitted"] = "auto-generated"
    mail.set_content(body(message) + "\n")
    return mail


def _judged(work: Callable[[], None]) -> None:
    """What the server and the connection raise, as one of our own sentences: theirs may quote what was sent."""
    try:
        work()
    except smtplib.SMTPAuthenticationError:
        raise NotifyRefused("email: the server refused username or SMTP_PASSWORD") from None
    except (smtplib.SMTPNotSupportedError, ssl.SSLCertVerificationError):
        raise NotifyRefused(
            "email: the server offers no trusted encryption or sign-in: check notify.email.host, port and security"
        ) from None
    except smtplib.SMTPRecipientsRefused as error:
        codes = [code for code, _ in error.recipients.values()]
        raise _refusal(max(codes, default=550), "the recipients") from None
    except smtplib.SMTPResponseException as error:
        raise _refusal(error.smtp_code, "the message") from None
    except (smtplib.SMTPException, OSError):
        raise NotifyUnavailable("email: the server cannot be reached or went away") from None


def _refusal(code: int, what: str) -> NotifyRefused | NotifyUnavailable:
    sentence = f"email: the server refused {what} with SMTP status {code}"
    if code in _TRY_LATER:
        return NotifyUnavailable(sentence)
    return NotifyRefused(f"{sentence}: check notify.email")
