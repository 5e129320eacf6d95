"""Webhooks of chat services: Slack and Discord. The address itself is the secret.

https://docs.slack.dev/messaging/sending-messages-using-incoming-webhooks
https://discord.com/developers/docs/resources/webhook#execute-webhook
"""

import re
from collections.abc import Callable
from typing import Any

from tradeterm.config import ChannelConfig
from tradeterm.notify.http import Poster
from tradeterm.notify.protocol import Notification
from tradeterm.notify.secrets import SecretUrl
from tradeterm.notify.text import body, title

_MARKDOWN = re.compile(r"([\\*_~`|<>\[\]()#@:-])")
_SUPPRESS_EMBEDS = 4

Payload = Callable[[Notification], dict[str, Any]]


class Webhook:
    def __init__(self, name: str, config: ChannelConfig, url: str, payload: Payload) -> None:
        self.name = name
        self.level = config.level
        self._payload = payload
        self._poster = Poster(name, SecretUrl(url), f"{name.upper()}_WEBHOOK_URL")

    async def send(self, message: Notification) -> None:
        await self._poster.post(self._payload(message))

    async def close(self) -> None:
        await self._poster.close()


def slack(message: Notification) -> dict[str, Any]:
    """Plain text: no formatting, no names turned into mentions, no previews."""
    text = f"{title(message)}\n{body(message)}"
    for mark, entity in (("&", "&amp;"), ("<", "&lt;"), (">", "&gt;")):
        text = text.replace(mark, entity)
    return {
        "text": text,
        "mrkdwn": False,
        "parse": "none",
        "link_names": False,
        "unfurl_links": False,
        "unfurl_media": False,
    }


def discord(message: Notification) -> dict[str, Any]:
    """Markdown escaped, nobody mentioned, nothing embedded."""
    return {
        "content": _MARKDOWN.sub(r"\\\1", f"{title(message)}\n{body(message)}"),
        "allowed_mentions": {"parse": []},
        "flags": _SUPPRESS_EMBEDS,
    }
