"""Alerts on their way to people: every one the engine records goes to the channels of `[notify]` that are enabled."""

import asyncio
import logging
import time
from collections.abc import Callable, Sequence

from msgspec.structs import astuple

from tradeterm.config import Config
from tradeterm.domain.errors import TradetermError
from tradeterm.domain.facts import AlertFact, Fact
from tradeterm.domain.states import AlertLevel, Mode
from tradeterm.engine.options import RunStarted, Summary
from tradeterm.notify.notifier import ChannelNews, Notifier
from tradeterm.notify.protocol import Channel

NOTIFY_FAILED = "NOTIFY_FAILED"
CLOSE_S = 2.0
TOLD_AGAIN_S = 3600.0

_log = logging.getLogger(__name__)


def channels_of(config: Config) -> list[Channel]:
    """The channels that are enabled; a demo has none. Raises ConfigError for one that cannot be used."""
    if config.mode is Mode.DEMO or not any(getattr(part, "enabled", False) for part in astuple(config.notify)):
        return []
    from tradeterm.notify.registry import make_channels  # an HTTP client, which most engines never need

    return make_channels(config.notify)


class Notices:
    """Watches the engine's facts as an Observer. Nothing here delays or stops the engine.

    A channel that fails is recorded as an alert, once an hour for each thing it says, and told on the other channels.
    """

    def __init__(
        self,
        channels: Sequence[Channel],
        config: Config,
        *,
        profile: str,
        record: Callable[[AlertFact], None],
        now: Callable[[], int],
        monotonic: Callable[[], float] = time.monotonic,
    ) -> None:
        self._notifier = Notifier(
            channels,
            config.notify,
            timezone=config.ui.timezone,
            source=f"tradeterm {config.mode} {profile}",
            tell=self._hear,
        )
        self._any = bool(channels)
        self._record = record
        self._now = now
        self._monotonic = monotonic
        self._told: dict[tuple[str, str], float] = {}
        self._serving: asyncio.Task[None] | None = None

    def start(self) -> None:
        if self._any:
            self._serving = asyncio.create_task(self._serve(), name="notices")

    async def close(self, broken: BaseException | None = None) -> None:
        """Tell what still waits, and what broke the engine; takes CLOSE_S at most."""
        if isinstance(broken, Exception):
            why = str(broken) if isinstance(broken, TradetermError) else type(broken).__name__
            text = f"the engine broke and trades no more, stops rest at the venue: {why}"
            self._notifier.notify(AlertLevel.CRITICAL, "ENGINE_BROKE", text)
        await asyncio.sleep(0)  # an engine that broke at once: let the channels begin
        await self._notifier.close(CLOSE_S)
        if self._serving is not None:
            await self._serving

    # as an Observer

    def started(self, run: RunStarted) -> None:
        """No alert."""

    def fact(self, ts: int, fact: Fact) -> None:
        if isinstance(fact, AlertFact) and fact.code != NOTIFY_FAILED:
            self._notifier.notify(fact.level, fact.code, _sentence(fact))

    def ended(self, summary: Summary) -> None:
        """No alert."""

    # within

    async def _serve(self) -> None:
        try:
            await self._notifier.run()
        except Exception as error:  # noqa: BLE001 - a mistake here must not end trading
            _log.error("notifications ended", exc_info=error)
            self._hear(ChannelNews("", f"notifications ended: {type(error).__name__}"))

    def _hear(self, news: ChannelNews) -> None:
        if news.well:
            _log.info("notify: %s", news.text)
            return
        condition, now_s = (news.channel, news.text), self._monotonic()
        if now_s - self._told.get(condition, -TOLD_AGAIN_S) < TOLD_AGAIN_S:
            return
        self._told[condition] = now_s
        self._record(AlertFact(ts=self._now(), level=AlertLevel.WARNING, code=NOTIFY_FAILED, text=news.text))
        self._notifier.notify(AlertLevel.WARNING, NOTIFY_FAILED, news.text, besides=news.channel)


def _sentence(alert: AlertFact) -> str:
    """The alert's text, with the book and the instrument where it does not name them itself."""
    missing = [name for name in (alert.instrument, alert.book) if name and name not in alert.text]
    return f"{' '.join(missing)}: {alert.text}" if missing else alert.text
