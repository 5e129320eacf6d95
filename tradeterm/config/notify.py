"""Who is told of alerts away from the screen."""

from enum import StrEnum
from typing import Annotated

from msgspec import Meta, Struct

from tradeterm.domain.states import AlertLevel


class ChannelConfig(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What every channel has. Alerts below `level` do not go to it."""

    enabled: bool = False
    level: Annotated[AlertLevel, Meta(description="least level that is told")] = AlertLevel.WARNING


class BellStyle(StrEnum):
    """A sound alone; or a desktop notification of the terminal besides (OSC 9: iTerm2, WezTerm, Windows Terminal,
    kitty; OSC 777: urxvt, foot, Ghostty, VTE)."""

    BELL = "bell"
    OSC9 = "osc9"
    OSC777 = "osc777"


class BellConfig(ChannelConfig, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """The terminal the engine runs in, where it runs in one."""

    style: BellStyle = BellStyle.BELL


class NtfyConfig(ChannelConfig, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """ntfy. The topic is as good as a password: the secret NTFY_TOPIC; and NTFY_TOKEN where the server wants one."""

    url: str = "https://ntfy.sh"


class TelegramConfig(ChannelConfig, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A Telegram bot; its token is the secret TELEGRAM_BOT_TOKEN. `chat_id` is a number or @channel."""

    chat_id: str = ""
    url: str = "https://api.telegram.org"


class SlackConfig(ChannelConfig, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A Slack incoming webhook; its address is the secret SLACK_WEBHOOK_URL."""


class DiscordConfig(ChannelConfig, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A Discord webhook; its address is the secret DISCORD_WEBHOOK_URL."""


class MailSecurity(StrEnum):
    TLS = "tls"
    STARTTLS = "starttls"


class EmailConfig(ChannelConfig, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Mail by SMTP, always encrypted; the password is the secret SMTP_PASSWORD, without `username` none is used."""

    host: str = ""
    port: Annotated[int, Meta(ge=1, le=65_535)] = 587
    security: Annotated[MailSecurity, Meta(description="tls (port 465) or starttls (port 587)")] = MailSecurity.STARTTLS
    username: str = ""
    sender: str = ""
    recipients: tuple[str, ...] = ()


class NotifyConfig(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Who is told of alerts away from the screen. Hours are of `ui.timezone`, 22.5 is half past ten.

    Secrets come from environment variables of the names above or from `secrets_file` (NAME = value, one a line), which
    only its owner may read.
    """

    repeat_seconds: Annotated[
        float, Meta(ge=0.0, le=86_400.0, description="the same alert within this time is counted, not sent again")
    ] = 300.0
    per_minute: Annotated[int, Meta(ge=1, le=60, description="messages a minute on each channel")] = 10
    quiet_from: Annotated[float, Meta(ge=0.0, le=24.0, description="hour from which only CRITICAL is sent")] | None = (
        None
    )
    quiet_to: Annotated[float, Meta(ge=0.0, le=24.0, description="hour at which that ends")] = 7.0
    secrets_file: str = ""
    bell: BellConfig = BellConfig()
    ntfy: NtfyConfig = NtfyConfig()
    telegram: TelegramConfig = TelegramConfig()
    slack: SlackConfig = SlackConfig()
    discord: DiscordConfig = DiscordConfig()
    email: EmailConfig = EmailConfig()
