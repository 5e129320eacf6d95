"""Tells people of alerts, whatever the channels do: the caller is never delayed and never hears of a failure."""

import asyncio
import logging
import random
import time
import zoneinfo
from collections.abc import Awaitable, Callable, Sequence
from typing import NamedTuple

from msgspec import Struct

from tradeterm.config import NotifyConfig
from tradeterm.domain.states import AlertLevel
from tradeterm.notify.outbox import Outbox
from tradeterm.notify.protocol import Channel, Notification, NotifyError, NotifyRefused, NotifyUnavailable
from tradeterm.notify.quiet import QuietHours
from tradeterm.notify.text import clean
from tradeterm.venues.backoff import Backoff

SEND_DEADLINE_S = 20.0
LONGEST_PAUSE_S = 10.0
WAITING = 100

_LOOK_S = 1.0

_log = logging.getLogger(__name__)


class ChannelState(Struct, frozen=True, kw_only=True):
    """How a channel fares. `trouble` is the last failure's sentence, "" once a message was taken again."""

    channel: str
    sent: int
    waiting: int
    dropped: int
    trouble: str


class ChannelNews(NamedTuple):
    """A channel got into trouble (or another one), or out of it: then `well` is true. `text` is one sentence."""

    channel: str
    text: str
    well: bool = False


def _log_news(news: ChannelNews) -> None:
    _log.log(logging.INFO if news.well else logging.WARNING, "notify: %s", news.text)


class _Lane:
    """A channel, what waits for it and how it fares."""

    def __init__(self, channel: Channel, outbox: Outbox) -> None:
        self.channel = channel
        self.outbox = outbox
        self.news = asyncio.Event()
        self.pause: Backoff | None = None
        self.sent = 0
        self.trouble = ""

    async def wait(self) -> None:
        """Until there is news, or for a moment where time alone may bring something to send."""
        try:
            async with asyncio.timeout(_LOOK_S if self.outbox.pending else None):
                await self.news.wait()
        except TimeoutError:
            return
        self.news.clear()


class Notifier:
    """One queue and one worker a channel, so that a slow or broken one delays nobody.

    `tell` hears when a channel gets into trouble or out of it; it must not raise. `source` names this engine in every
    message, `timezone` is that of the quiet hours. Use it from the loop's own thread.
    """

    def __init__(
        self,
        channels: Sequence[Channel],
        config: NotifyConfig,
        *,
        timezone: str = "UTC",
        source: str = "tradeterm",
        tell: Callable[[ChannelNews], None] = _log_news,
        clock: Callable[[], float] = time.time,
        monotonic: Callable[[], float] = time.monotonic,
        sleep: Callable[[float], Awaitable[None]] = asyncio.sleep,
        uniform: Callable[[float, float], float] = random.uniform,
    ) -> None:
        self._lanes = [
            _Lane(
                channel,
                Outbox(channel.level, repeat_s=config.repeat_seconds, per_minute=config.per_minute, size=WAITING),
            )
            for channel in channels
        ]
        self._quiet = None
        if config.quiet_from is not None:
            self._quiet = QuietHours(config.quiet_from, config.quiet_to, zoneinfo.ZoneInfo(timezone))
        self._source = source
        self._tell = tell
        self._clock = clock
        self._monotonic = monotonic
        self._sleep = sleep
        self._uniform = uniform
        self._workers: list[asyncio.Task[None]] = []
        self._closing = False
        self._closed = asyncio.Event()

    def notify(self, level: AlertLevel, code: str, text: str, besides: str = "") -> None:
        """Have it told on every channel that wants this level, but not on `besides`. Returns at once, never raises."""
        message = Notification(
            level=level, code=clean(code), text=clean(text), ts=round(self._clock() * 1000), source=self._source
        )
        now_s = self._monotonic()
        for lane in self._lanes:
            if lane.channel.name != besides:
                lane.outbox.put(message, now_s)
                lane.news.set()

    def states(self) -> tuple[ChannelState, ...]:
        return tuple(
            ChannelState(
                channel=lane.channel.name,
                sent=lane.sent,
                waiting=lane.outbox.waiting,
                dropped=lane.outbox.dropped,
                trouble=lane.trouble,
            )
            for lane in self._lanes
        )

    async def run(self) -> None:
        """Serve every channel until `close`."""
        async with asyncio.TaskGroup() as group:
            self._workers = [
                group.create_task(self._serve(lane), name=f"notify-{lane.channel.name}") for lane in self._lanes
            ]
            await self._closed.wait()

    async def close(self, timeout_s: float = 5.0) -> None:
        """Send what waits and let the channels go; what is left after `timeout_s` seconds is dropped and told.

        A channel that hangs or pauses after a failure has half of that time; in the other half it is given what is
        CRITICAL once more.
        """
        self._closing = True
        for lane in self._lanes:
            lane.outbox.hurry()
            lane.news.set()
        if self._workers:
            _, late = await asyncio.wait(self._workers, timeout=timeout_s / 2)
            for worker in late:
                worker.cancel()
            await asyncio.gather(*late, return_exceptions=True)
            lanes = [lane for lane, worker in zip(self._lanes, self._workers, strict=True) if worker in late]
            await asyncio.gather(*(self._try_once_more(lane, timeout_s / 2) for lane in lanes))
        for lane in self._lanes:
            if left := lane.outbox.clear():
                name = lane.channel.name
                self._tell(ChannelNews(name, f"{name} was not told of {left} before the end"))
        await asyncio.gather(*(lane.channel.close() for lane in self._lanes))
        self._closed.set()

    async def _try_once_more(self, lane: _Lane, timeout_s: float) -> None:
        try:
            async with asyncio.timeout(timeout_s):
                while message := lane.outbox.take(self._monotonic(), quiet=True):  # CRITICAL alone
                    if await self._attempt(lane, message) is not None:
                        lane.outbox.give_up()
        except TimeoutError:
            return  # what is left is counted

    async def _serve(self, lane: _Lane) -> None:
        while True:
            message = lane.outbox.take(self._monotonic(), quiet=self._is_quiet())
            if message is not None:
                await self._send(lane, message)
            elif self._closing and not lane.outbox.waiting:
                return
            else:
                await lane.wait()

    async def _send(self, lane: _Lane, message: Notification) -> None:
        """One attempt. After a failure the channel pauses; what is most important by then goes next."""
        failure = await self._attempt(lane, message)
        if isinstance(failure, NotifyUnavailable):
            lane.outbox.give_back()
            await self._pause(lane, failure.retry_after_s)
        elif failure is not None:
            lane.outbox.give_up()

    async def _attempt(self, lane: _Lane, message: Notification) -> NotifyError | None:
        """Why it was not taken, None where it was."""
        try:
            await deliver(lane.channel, message)
        except NotifyError as error:
            if lane.trouble != str(error):
                lane.trouble = str(error)
                self._tell(ChannelNews(lane.channel.name, lane.trouble))
            return error
        except asyncio.CancelledError:
            lane.outbox.give_up()
            raise
        lane.sent += 1
        lane.pause = None
        if lane.trouble:
            lane.trouble = ""
            self._tell(ChannelNews(lane.channel.name, f"{lane.channel.name} takes messages again", well=True))
        return None

    async def _pause(self, lane: _Lane, at_least_s: float) -> None:
        if lane.pause is None:
            lane.pause = Backoff(cap_s=LONGEST_PAUSE_S, uniform=self._uniform, sleep=self._sleep)
        await lane.pause.wait(at_least_s=at_least_s)

    def _is_quiet(self) -> bool:
        return self._quiet is not None and self._quiet.at(self._clock())


async def deliver(channel: Channel, message: Notification) -> None:
    """One attempt within a deadline. Raises NotifyError alone, whatever the channel raises."""
    try:
        async with asyncio.timeout(SEND_DEADLINE_S):
            await channel.send(message)
    except TimeoutError:
        raise NotifyUnavailable(f"{channel.name} did not take the message within {SEND_DEADLINE_S:g} s") from None
    except NotifyError:
        raise
    except Exception as error:  # noqa: BLE001 - a mistake in one channel must not silence it or the others
        raise NotifyRefused(f"{channel.name} failed: {type(error).__name__}") from None
