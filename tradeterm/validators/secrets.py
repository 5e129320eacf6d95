"""The key of the AI provider: where it comes from, and that neither it nor another secret goes anywhere else."""

import os
import re
from collections.abc import Mapping
from importlib.util import find_spec
from pathlib import Path

from tradeterm.config import AiConfig, AiProvider
from tradeterm.decode import show
from tradeterm.domain.errors import ConfigError
from tradeterm.private_file import read_private

HIDDEN = "[hidden]"
_LONGEST_FILE = 4096
_KEY = re.compile(r"[!-~]{8,4096}")
_VARIABLES = {
    AiProvider.ANTHROPIC: "ANTHROPIC_API_KEY",
    AiProvider.OPENROUTER: "OPENROUTER_API_KEY",
    AiProvider.BEDROCK: "AWS_BEARER_TOKEN_BEDROCK",
    AiProvider.GEMINI: "GEMINI_API_KEY",
    AiProvider.OTHER: "TRADETERM_AI_KEY",
}
_SECRET = re.compile(
    r"\b(?:"  # once for all: a request is searched while an order waits
    r"sk-[A-Za-z0-9_-]{8,}"  # AI providers
    r"|AIza[A-Za-z0-9_-]{20,}|A(?:KIA|SIA|BSK)[A-Za-z0-9+/=_-]{12,}|gh[pousr]_[A-Za-z0-9]{20,}|xox[a-z]-[\w-]{10,}"
    r"|eyJ[A-Za-z0-9_-]{5,}\.[A-Za-z0-9_-]{5,}\.[A-Za-z0-9_-]*"  # JSON web tokens
    r"|(?:0x)?[0-9a-fA-F]{64}\b"  # private keys, HMAC signatures
    r"|(?:[a-z]{3,8}[ ,]+){11,}[a-z]{3,8}\b"  # seed phrases: twelve short words or more
    r")|-----BEGIN [A-Z ]*PRIVATE KEY"
)


class Key:
    """The provider's key. Never shown. "" where requests are signed by credentials that are never seen here."""

    def __init__(self, value: str) -> None:
        self.value = value

    def __repr__(self) -> str:
        return f"Key({HIDDEN})"

    def is_leaked_by(self, text: str) -> bool:
        """Whether a text on its way out holds the key, or anything with the form of a secret."""
        return (self.value != "" and self.value in text) or _SECRET.search(text) is not None

    def hide(self, text: str) -> str:
        """The text without the key and without anything with the form of a secret."""
        return _SECRET.sub(HIDDEN, text.replace(self.value, HIDDEN) if self.value else text)


def key_variable(provider: AiProvider) -> str:
    return _VARIABLES[provider]


def load_key(ai: AiConfig, environ: Mapping[str, str] | None = None) -> Key | None:
    """From the provider's variable, else the first line of `ai.key_file`; None where neither is set.

    Raises ConfigError with what to do, never with what was read.
    """
    variable = _VARIABLES[ai.provider]
    value, where = (os.environ if environ is None else environ).get(variable, "").strip(), variable
    if not value and ai.key_file:
        value = read_private(Path(ai.key_file).expanduser(), "key file", _LONGEST_FILE).strip()
        where = f"the key file {ai.key_file}"
    elif not value:
        return None
    if not _KEY.fullmatch(value) or value[0] in "\"'" or "=" in value[:24].rstrip("="):
        raise ConfigError(f"the key in {where} is no API key: write the bare key alone, without name, quotes or spaces")
    return Key(value)


def signing_key(ai: AiConfig) -> Key | None:
    """What stands for a key where an AWS profile signs; None where none does. Raises ConfigError where it cannot."""
    if not ai.aws_profile:
        return None
    found = f"gate.ai.aws_profile: found {show(ai.aws_profile)}"
    if ai.provider is not AiProvider.BEDROCK:
        raise ConfigError(f'{found}, allowed with provider = "bedrock" alone')
    if find_spec("boto3") is None:
        raise ConfigError(f'{found}, which needs boto3: pip install "tradeterm[bedrock]"')
    return Key("")
