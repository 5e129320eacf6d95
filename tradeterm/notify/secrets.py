"""Tokens, passwords and secret addresses: from the environment or a private file, and shown nowhere."""

import os
import re
from collections.abc import Mapping
from pathlib import Path

import httpx

from tradeterm.decode import one_of
from tradeterm.domain.errors import ConfigError
from tradeterm.private_file import read_private
from tradeterm.venues.credentials import HIDDEN

NAMES = (
    "NTFY_TOPIC",
    "NTFY_TOKEN",
    "TELEGRAM_BOT_TOKEN",
    "SLACK_WEBHOOK_URL",
    "DISCORD_WEBHOOK_URL",
    "SMTP_PASSWORD",
)

_LONGEST_FILE = 16_384
_LINE = re.compile(r"(?:export\s+)?([A-Za-z_][A-Za-z0-9_]*)\s*=\s*(.*)")


class Secrets:
    """The secrets of the channels by their names. Never shown."""

    def __init__(self, values: Mapping[str, str]) -> None:
        self._values = dict(values)

    def __repr__(self) -> str:
        return f"Secrets({HIDDEN})"

    def get(self, name: str) -> str:
        """The secret, "" where it is not set."""
        return self._values.get(name, "")

    def need(self, name: str, channel: str) -> str:
        """The secret. Raises ConfigError where it is not set."""
        if found := self.get(name):
            return found
        raise ConfigError(f"notify.{channel}: {name} is not set: set it in the environment or in notify.secrets_file")


class SecretUrl(httpx.URL):
    """An address whose path is a secret: requests go there, but logs and errors name the host alone."""

    def __str__(self) -> str:
        return f"{self.scheme}://{self.netloc.decode('ascii')}/{HIDDEN}"

    def __repr__(self) -> str:
        return f"SecretUrl({str(self)!r})"


def load_secrets(file: str = "", environ: Mapping[str, str] | None = None) -> Secrets:
    """From the environment, else from `file` (NAME = value, one a line, # comments).

    Raises ConfigError with what to do, never with what was read.
    """
    given = os.environ if environ is None else environ
    found = _read(Path(file).expanduser()) if file else {}
    found |= {name: given[name].strip() for name in NAMES if given.get(name, "").strip()}
    for name, value in found.items():
        if not value.isascii() or not value.isprintable() or (" " in value and name != "SMTP_PASSWORD"):
            raise ConfigError(f"{name} has characters that no such secret has: only letters, digits and signs")
    return Secrets(found)


def _read(path: Path) -> dict[str, str]:
    found = {}
    for number, line in enumerate(read_private(path, "secrets file", _LONGEST_FILE).splitlines(), 1):
        if not (line := line.strip()) or line.startswith("#"):
            continue
        match = _LINE.fullmatch(line)
        if match is None:
            raise ConfigError(f"the secrets file {path} has a line {number} that is not NAME = value")
        if match[1] not in NAMES:
            raise ConfigError(
                f"the secrets file {path} has an unknown name on line {number}, allowed {one_of([*NAMES])}"
            )
        if value := _unquoted(match[2].strip()):
            found[match[1]] = value
    return found


def _unquoted(value: str) -> str:
    return value[1:-1] if len(value) > 1 and value[0] == value[-1] and value[0] in "\"'" else value
