"""A Telegram bot. https://core.telegram.org/bots/api#sendmessage"""

import re

import httpx

from tradeterm.config import TelegramConfig
from tradeterm.domain.states import AlertLevel
from tradeterm.notify.http import Poster
from tradeterm.notify.protocol import Notification
from tradeterm.notify.secrets import SecretUrl
from tradeterm.notify.text import body, title

_MENTION_OR_COMMAND = re.compile(r"(?<!\w)([@/])(?=\w)")


class Telegram:
    """Sends plain text (no parse_mode), so that there is no markup to escape; mentions and commands are broken up."""

    name = "telegram"

    def __init__(self, config: TelegramConfig, token: str) -> None:
        self.level = config.level
        self._chat_id = config.chat_id
        base = httpx.URL(config.url)
        url = SecretUrl(base.copy_with(path=f"{base.path.rstrip('/')}/bot{token}/sendMessage"))
        self._poster = Poster(self.name, url, "TELEGRAM_BOT_TOKEN and notify.telegram.chat_id")

    async def send(self, message: Notification) -> None:
        await self._poster.post(
            {
                "chat_id": self._chat_id,
                "text": _inert(f"{title(message)}\n{body(message)}"),
                "link_preview_options": {"is_disabled": True},
                "disable_notification": message.level is AlertLevel.INFO,
            }
        )

    async def close(self) -> None:
        await self._poster.close()


def _inert(text: str) -> str:
    """An invisible mark keeps @name from calling a person and /word from being a command to tap."""
    return _MENTION_OR_COMMAND.sub("\\1\u2060", text)
