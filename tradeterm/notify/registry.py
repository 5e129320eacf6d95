"""Channels by the tables of `[notify]`. A new one is a file beside this, a name in CHANNELS and a line in `_makers`."""

import asyncio
import re
import sys
import time
from collections.abc import Callable, Iterable, Iterator, Mapping
from typing import NamedTuple, TextIO

import httpx

from tradeterm.config import EmailConfig, NotifyConfig, NtfyConfig, TelegramConfig
from tradeterm.decode import show
from tradeterm.domain.errors import ConfigError
from tradeterm.domain.states import AlertLevel
from tradeterm.notify.bell import Bell
from tradeterm.notify.email import Email
from tradeterm.notify.notifier import deliver
from tradeterm.notify.ntfy import Ntfy
from tradeterm.notify.protocol import Channel, Notification, NotifyError
from tradeterm.notify.secrets import Secrets, load_secrets
from tradeterm.notify.telegram import Telegram
from tradeterm.notify.webhook import Webhook, discord, slack

CHANNELS = ("bell", "ntfy", "telegram", "slack", "discord", "email")

_CHAT_ID = re.compile(r"-?\d{1,20}|@[A-Za-z0-9_]{1,64}")
_ADDRESS = re.compile(r"[!-~]+@[A-Za-z0-9.-]+")
_TOPIC = re.compile(r"[A-Za-z0-9_-]{1,64}")
_BOT_TOKEN = re.compile(r"[0-9]+:[A-Za-z0-9_-]+")
_HOST = re.compile(rb"[A-Za-z0-9.:-]+")
_LOOPBACK = {"localhost", "127.0.0.1", "::1"}


class ChannelResult(NamedTuple):
    """What became of a trial message: taken, or the sentence that says why not."""

    channel: str
    taken: bool
    text: str


def make_channels(
    config: NotifyConfig, environ: Mapping[str, str] | None = None, terminal: TextIO | None = None
) -> list[Channel]:
    """The channels that are enabled, ready to send. `environ` is the process's own unless given, `terminal` stderr.

    Raises ConfigError for a setting that does not fit and a secret that is missing, all of them at once.
    """
    made = make_each(config, environ, terminal).values()
    mistakes = [str(found) for found in made if isinstance(found, ConfigError)]
    if mistakes:
        raise ConfigError("\n".join(dict.fromkeys(mistakes)))
    return [found for found in made if not isinstance(found, ConfigError)]


def make_each(
    config: NotifyConfig, environ: Mapping[str, str] | None = None, terminal: TextIO | None = None
) -> dict[str, Channel | ConfigError]:
    """As `make_channels`, but each by its name, with its own mistake in the place of a channel that cannot be used."""
    makers = _makers(config, sys.stderr if terminal is None else terminal)
    found: dict[str, Channel | ConfigError] = {}
    for name in enabled_channels(config):
        try:
            if mistakes := list(_mistakes(config, name)):
                raise ConfigError("\n".join(mistakes))
            found[name] = makers[name](load_secrets(config.secrets_file, environ))
        except ConfigError as error:
            found[name] = error
    return found


def enabled_channels(config: NotifyConfig) -> list[str]:
    """The names of those that are enabled, in the order of the configuration."""
    return [name for name in CHANNELS if getattr(config, name).enabled]


def check_channels(config: NotifyConfig) -> None:
    """Raise ConfigError for every setting of an enabled channel that cannot work; reads no secret."""
    if mistakes := [mistake for name in enabled_channels(config) for mistake in _mistakes(config, name)]:
        raise ConfigError("\n".join(mistakes))


async def try_channels(channels: Iterable[Channel], source: str = "tradeterm") -> list[ChannelResult]:
    """Send one message to each at the same time, once, whatever their levels; they stay open."""
    message = Notification(
        level=AlertLevel.INFO,
        code="TEST",
        text="A test: alerts will arrive here.",
        ts=time.time_ns() // 1_000_000,
        source=source,
    )
    return list(await asyncio.gather(*(_try(channel, message) for channel in channels)))


async def _try(channel: Channel, message: Notification) -> ChannelResult:
    try:
        await deliver(channel, message)
    except NotifyError as error:
        return ChannelResult(channel.name, False, str(error))
    return ChannelResult(channel.name, True, "taken")


def _makers(config: NotifyConfig, terminal: TextIO) -> dict[str, Callable[[Secrets], Channel]]:
    return {
        "bell": lambda secrets: Bell(config.bell, terminal),
        "ntfy": lambda secrets: Ntfy(
            config.ntfy, _word("NTFY_TOPIC", "ntfy", secrets, _TOPIC), secrets.get("NTFY_TOKEN")
        ),
        "telegram": lambda secrets: Telegram(
            config.telegram, _word("TELEGRAM_BOT_TOKEN", "telegram", secrets, _BOT_TOKEN)
        ),
        "slack": lambda secrets: Webhook("slack", config.slack, _webhook_url("slack", secrets), slack),
        "discord": lambda secrets: Webhook("discord", config.discord, _webhook_url("discord", secrets), discord),
        "email": lambda secrets: Email(config.email, _password(config.email, secrets)),
    }


def _word(variable: str, name: str, secrets: Secrets, shape: re.Pattern[str]) -> str:
    word = secrets.need(variable, name)
    if not shape.fullmatch(word):
        raise ConfigError(f"notify.{name}: {variable} does not look like one: see that it was copied whole")
    return word


def _webhook_url(name: str, secrets: Secrets) -> str:
    variable = f"{name.upper()}_WEBHOOK_URL"
    url = secrets.need(variable, name)
    if not _is_safe_url(url):
        raise ConfigError(f"notify.{name}: {variable} is no address that begins with https://")
    return url


def _password(config: EmailConfig, secrets: Secrets) -> str:
    return secrets.need("SMTP_PASSWORD", "email") if config.username else ""


def _mistakes(config: NotifyConfig, name: str) -> Iterator[str]:
    match getattr(config, name):
        case NtfyConfig(url=url):
            yield from _url_mistakes(name, url)
        case TelegramConfig(url=url, chat_id=chat_id):
            yield from _url_mistakes(name, url)
            if not _CHAT_ID.fullmatch(chat_id):
                yield f"notify.telegram.chat_id: found {show(chat_id)}, allowed a number or @channel"
        case EmailConfig() as email:
            yield from _email_mistakes(email)


def _url_mistakes(name: str, url: str) -> Iterator[str]:
    if not _is_safe_url(url):
        yield f"notify.{name}.url: found {show(url)}, allowed an address that begins with https://"


def _email_mistakes(email: EmailConfig) -> Iterator[str]:
    if not email.host or not email.host.isascii() or not email.host.isprintable() or " " in email.host:
        yield f"notify.email.host: found {show(email.host)}, allowed the name of a mail server"
    if not _ADDRESS.fullmatch(email.sender):
        yield f"notify.email.sender: found {show(email.sender)}, allowed an address such as you@example.com"
    if not email.recipients:
        yield "notify.email.recipients: found none, allowed at least one address"
    for recipient in email.recipients:
        if not _ADDRESS.fullmatch(recipient):
            yield f"notify.email.recipients: found {show(recipient)}, allowed addresses such as you@example.com"


def _is_safe_url(text: str) -> bool:
    """Encrypted, or to this machine."""
    try:
        url = httpx.URL(text)
    except httpx.InvalidURL:
        return False
    return _HOST.fullmatch(url.raw_host) is not None and (
        url.scheme == "https" or (url.scheme == "http" and url.host in _LOOPBACK)
    )
