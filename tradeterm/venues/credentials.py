"""An API key and its secret: where they come from, and that they go nowhere else."""

import logging
import os
import re
from collections.abc import Iterable, Mapping
from pathlib import Path

from msgspec import Struct

from tradeterm.config import BybitConfig
from tradeterm.domain.errors import ConfigError
from tradeterm.private_file import read_private

HIDDEN = "[hidden]"
_LONGEST_FILE = 4096
_NAMED = re.compile(r"(?i)[a-z_]*(key|secret)\s*[=:]")
_PRINTABLE = re.compile(r"[!-~]{8,512}")
_SIGNATURE = re.compile(
    r"(?i)(\bsign(?:ature)?\b[\"']?\s*[:=,]\s*[\"']?)[0-9a-z+/=]{16,}|(?<![0-9a-z])[0-9a-f]{64}(?=\"?\])"
)


class Credentials(Struct, frozen=True):
    """The key names the account, the secret signs for it. Neither is ever shown."""

    key: str
    secret: str

    def __repr__(self) -> str:
        return f"Credentials(key={HIDDEN}, secret={HIDDEN})"

    __str__ = __repr__


class Redaction(logging.Filter):
    """Blots key, secret and signatures out of every record; attach it to handlers, so that no logger escapes it."""

    def __init__(self, credentials: Credentials) -> None:
        super().__init__()
        self._words = (credentials.secret, credentials.key)

    def filter(self, record: logging.LogRecord) -> bool:
        text = self.clean(record.getMessage())
        record.msg, record.args = text, None
        if record.exc_info:
            record.exc_text = self.clean(record.exc_text or logging.Formatter().formatException(record.exc_info))
        return True

    def clean(self, text: str) -> str:
        for word in self._words:
            text = text.replace(word, HIDDEN)
        return _SIGNATURE.sub(lambda found: (found[1] or "") + HIDDEN, text)


def bybit_credentials(config: BybitConfig) -> Credentials:
    """The key of the Bybit account. Raises ConfigError."""
    return load_credentials("bybit", config.key_file)


def load_credentials(venue: str, key_file: str = "", environ: Mapping[str, str] | None = None) -> Credentials:
    """From VENUE_API_KEY and VENUE_API_SECRET, or else from `key_file` (key and secret, one a line).

    Raises ConfigError with what to do, never with what was read.
    """
    given = os.environ if environ is None else environ
    names = (f"{venue.upper()}_API_KEY", f"{venue.upper()}_API_SECRET")
    values = [given.get(name, "").strip() for name in names]
    if any(values):
        for name, value in zip(names, values, strict=True):
            if not value:
                raise ConfigError(f"{name} is not set, the other one of {names[0]} and {names[1]} is: set both")
        return _checked(*values, where=f"{names[0]} and {names[1]}")
    if not key_file:
        raise ConfigError(
            f"no API key for {venue}: set {names[0]} and {names[1]}, or name a key file in venues.{venue}.key_file"
        )
    return _from_file(Path(key_file).expanduser())


def install(redaction: Redaction, loggers: Iterable[logging.Logger]) -> None:
    """Put the redaction on every handler of these loggers, once."""
    for logger in loggers:
        for handler in logger.handlers:
            if redaction not in handler.filters:
                handler.addFilter(redaction)


def remove(redaction: Redaction, loggers: Iterable[logging.Logger]) -> None:
    for logger in loggers:
        for handler in logger.handlers:
            handler.removeFilter(redaction)


def _from_file(path: Path) -> Credentials:
    lines = [line.strip() for line in read_private(path, "key file", _LONGEST_FILE).splitlines() if line.strip()]
    if len(lines) != 2:
        raise ConfigError(f"the key file {path} has {len(lines)} lines of text, it needs two: the key, then the secret")
    return _checked(*lines, where=f"the key file {path}")


def _checked(key: str, secret: str, *, where: str) -> Credentials:
    for name, value in (("key", key), ("secret", secret)):
        if not _PRINTABLE.fullmatch(value):
            raise ConfigError(f"the {name} in {where} is no API {name}: 8 to 512 letters, digits and signs, no spaces")
        if value[0] in "\"'" or _NAMED.match(value):
            raise ConfigError(f"the {name} in {where} has quotes or a name before it: write the bare {name} alone")
    if secret.startswith("-----BEGIN"):
        raise ConfigError(f"the secret in {where} is an RSA key: make an API key with a secret (HMAC) instead")
    return Credentials(key, secret)
