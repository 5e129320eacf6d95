"""ntfy: push messages by HTTP. https://docs.ntfy.sh/publish/#publish-as-json"""

import httpx

from tradeterm.config import NtfyConfig
from tradeterm.domain.states import AlertLevel
from tradeterm.notify.http import Poster
from tradeterm.notify.protocol import Notification
from tradeterm.notify.text import body, title

_PRIORITIES = {AlertLevel.INFO: 2, AlertLevel.WARNING: 3, AlertLevel.ERROR: 4, AlertLevel.CRITICAL: 5}


class Ntfy:
    """The topic goes in the body, not in the address, where a proxy or a log would see it."""

    name = "ntfy"

    def __init__(self, config: NtfyConfig, topic: str, token: str = "") -> None:
        self.level = config.level
        self._topic = topic
        headers = {"Authorization": f"Bearer {token}"} if token else None
        self._poster = Poster(self.name, httpx.URL(config.url), "NTFY_TOPIC, NTFY_TOKEN and notify.ntfy.url", headers)

    async def send(self, message: Notification) -> None:
        await self._poster.post(
            {
                "topic": self._topic,
                "title": title(message),
                "message": body(message),
                "priority": _PRIORITIES[message.level],
            }
        )

    async def close(self) -> None:
        await self._poster.close()
