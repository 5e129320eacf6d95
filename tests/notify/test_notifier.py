import asyncio
import gc
import time
import zoneinfo
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from datetime import UTC, datetime
from typing import Any

import pytest
from aiohttp import web
from hypothesis import given
from hypothesis import strategies as st
from notify_kit import TS, FakeChannel, Pauses, Service, eventually
from patience import allowed

from tradeterm.config import NotifyConfig, NtfyConfig
from tradeterm.domain.states import AlertLevel
from tradeterm.notify import notifier as module
from tradeterm.notify.notifier import WAITING, ChannelNews, Notifier
from tradeterm.notify.ntfy import Ntfy
from tradeterm.notify.outbox import ATTEMPTS
from tradeterm.notify.protocol import Channel, Notification, NotifyRefused, NotifyUnavailable
from tradeterm.notify.quiet import QuietHours

INFO, WARNING, ERROR, CRITICAL = AlertLevel
CONFIG = NotifyConfig(per_minute=60)


@asynccontextmanager
async def serving(*channels: Channel, config: NotifyConfig = CONFIG, **more: Any) -> AsyncIterator[Notifier]:
    notifier = Notifier(channels, config, **more)
    running = asyncio.create_task(notifier.run())
    try:
        yield notifier
    finally:
        await notifier.close(1.0)
        await asyncio.wait_for(running, 1.0)


def acting(*outcomes: BaseException | None) -> Callable[[Notification], Any]:
    """Raises each outcome in turn, then nothing."""
    left = list(outcomes)

    async def act(_: Notification) -> None:
        if left and (outcome := left.pop(0)) is not None:
            raise outcome

    return act


async def forever(_: Notification) -> None:
    await asyncio.Event().wait()


async def test_each_channel_hears_its_levels() -> None:
    all_of_it, serious = FakeChannel("all"), FakeChannel("serious", ERROR)
    async with serving(all_of_it, serious, source="tradeterm live", clock=lambda: TS / 1000) as notifier:
        for level in AlertLevel:
            notifier.notify(level, "CODE", f"at {level}\x1b[31m")
        await eventually(lambda: len(all_of_it.taken) == 4)
    assert [told.level for told in serious.taken] == [CRITICAL, ERROR]
    first = all_of_it.taken[0]
    assert (first.source, first.ts, first.code, first.text) == ("tradeterm live", TS, "CODE", "at CRITICAL [31m")
    assert all_of_it.closed
    assert serious.closed


async def test_a_hanging_channel_delays_neither_the_others_nor_the_caller() -> None:
    stuck, well = FakeChannel("stuck", act=forever), FakeChannel("well")
    told: list[ChannelNews] = []
    config = NotifyConfig(per_minute=60, repeat_seconds=0.0)
    notifier = Notifier([stuck, well], config, tell=told.append)
    running = asyncio.create_task(notifier.run())
    notifier.notify(ERROR, "FIRST", "first")
    await eventually(lambda: len(well.taken) == 1)
    started = time.perf_counter()
    for number in range(3 * WAITING):
        notifier.notify(ERROR, "CODE", f"number {number}")
    assert time.perf_counter() - started < allowed(1.0)
    await eventually(lambda: len(well.taken) > 20)
    state = {state.channel: state for state in notifier.states()}
    assert state["stuck"].waiting == WAITING
    assert state["stuck"].dropped == 2 * WAITING
    assert state["well"].trouble == ""
    await notifier.close(0.05)
    await running
    assert ("stuck", f"stuck was not told of {WAITING} before the end", False) in told
    assert stuck.closed


async def test_a_channel_that_does_not_answer_in_time_is_tried_again(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "SEND_DEADLINE_S", 0.02)
    calls = []

    async def slow_once(_: Notification) -> None:
        calls.append(1)
        if len(calls) == 1:
            await asyncio.Event().wait()

    channel, told = FakeChannel(act=slow_once), []
    async with serving(channel, tell=told.append, sleep=Pauses().sleep) as notifier:
        notifier.notify(ERROR, "CODE", "text")
        await eventually(lambda: bool(channel.taken))
    assert told == [
        ("fake", "fake did not take the message within 0.02 s", False),
        ("fake", "fake takes messages again", True),
    ]


async def test_waits_double_with_jitter_and_heed_the_service() -> None:
    failures = [NotifyUnavailable("fake is away")] * 5 + [NotifyUnavailable("fake is busy", 42.0)]
    pauses, told = Pauses(), []
    channel = FakeChannel(act=acting(*failures))
    async with serving(
        channel, sleep=pauses.sleep, monotonic=pauses.clock, uniform=lambda low, high: high, tell=told.append
    ) as notifier:
        notifier.notify(ERROR, "CODE", "text")
        await eventually(lambda: bool(channel.taken))
        assert notifier.states()[0].sent == 1
        assert notifier.states()[0].trouble == ""
    assert pauses.asked == pytest.approx([1.3, 2.6, 5.2, 10.4, 13.0, 42.0])
    assert [news.text for news in told] == ["fake is away", "fake is busy", "fake takes messages again"]


async def test_waits_start_anew_after_a_success() -> None:
    away, pauses = NotifyUnavailable("away"), Pauses()
    channel = FakeChannel(act=acting(away, away, None, away))
    async with serving(channel, sleep=pauses.sleep, uniform=lambda low, high: 1.0, tell=lambda _: None) as notifier:
        for number in range(2):
            notifier.notify(ERROR, "CODE", str(number))
        await eventually(lambda: len(channel.taken) == 2)
    assert pauses.asked == [1.0, 2.0, 1.0]


async def test_tried_so_often_then_the_next_says_what_was_missed() -> None:
    pauses = Pauses()
    channel = FakeChannel(act=acting(*[NotifyUnavailable("away")] * ATTEMPTS))
    async with serving(channel, sleep=pauses.sleep, monotonic=pauses.clock, tell=lambda _: None) as notifier:
        notifier.notify(ERROR, "LOST", "lost")
        await eventually(lambda: channel.tried == ATTEMPTS)
        notifier.notify(ERROR, "NEXT", "next")
        await eventually(lambda: bool(channel.taken))
    assert channel.tried == ATTEMPTS + 1
    (taken,) = channel.taken
    assert (taken.code, taken.missed) == ("NEXT", 1)
    assert max(pauses.asked) <= 13.0


async def test_after_a_pause_the_most_important_goes_first() -> None:
    channel = FakeChannel()
    notifier: Notifier

    async def busy(_: Notification) -> None:
        if channel.tried == 1:
            notifier.notify(CRITICAL, "STOP", "stop is missing")
            raise NotifyUnavailable("away")

    channel._act = busy
    async with serving(channel, sleep=Pauses().sleep, tell=lambda _: None) as notifier:
        notifier.notify(INFO, "NEWS", "bar closed")
        await eventually(lambda: len(channel.taken) == 2)
    assert [taken.code for taken in channel.taken] == ["STOP", "NEWS"]


@pytest.mark.parametrize("failure", [NotifyRefused("fake: check the key"), RuntimeError("token 123"), KeyError("x")])
async def test_a_refusal_is_final_and_told_once(failure: Exception) -> None:
    channel, told = FakeChannel(act=acting(failure, failure)), []
    async with serving(channel, tell=told.append) as notifier:
        for number in range(3):
            notifier.notify(ERROR, "CODE", str(number))
        await eventually(lambda: len(channel.taken) == 1)
        assert notifier.states()[0].dropped == 2
    assert channel.tried == 3
    assert channel.taken[0].missed == 2
    assert len(told) == 2
    assert "123" not in told[0].text
    assert told[1] == ("fake", "fake takes messages again", True)


async def test_repeats_are_counted() -> None:
    pauses, channel = Pauses(), FakeChannel()
    async with serving(channel, monotonic=pauses.clock) as notifier:
        for _ in range(4):
            notifier.notify(ERROR, "CODE", "again")
        await eventually(lambda: len(channel.taken) == 1)
        pauses.now_s += 300.0
        await eventually(lambda: len(channel.taken) == 2)
    assert [taken.count for taken in channel.taken] == [1, 3]


async def test_what_is_counted_goes_at_the_end() -> None:
    channel = FakeChannel()
    async with serving(channel) as notifier:
        for _ in range(3):
            notifier.notify(ERROR, "CODE", "again")
        await eventually(lambda: len(channel.taken) == 1)
    assert [taken.count for taken in channel.taken] == [1, 2]


async def test_quiet_hours_are_of_the_time_zone() -> None:
    hour = {"now": datetime(2025, 7, 1, 21, 30, tzinfo=UTC).timestamp()}  # 23:30 in Paris
    channel = FakeChannel()
    config = NotifyConfig(quiet_from=22.5, quiet_to=7.0)
    async with serving(channel, config=config, timezone="Europe/Paris", clock=lambda: hour["now"]) as notifier:
        notifier.notify(ERROR, "LATE", "not now")
        notifier.notify(WARNING, "LATE", "nor this")
        notifier.notify(CRITICAL, "STOP", "now")
        await eventually(lambda: len(channel.taken) == 1)
        await asyncio.sleep(0.05)
        assert [taken.code for taken in channel.taken] == ["STOP"]
        hour["now"] += 8 * 3600
        await eventually(lambda: len(channel.taken) == 2)
    assert channel.taken[1].code == "QUIET_HOURS"
    assert channel.taken[1].count == 2


@given(st.floats(0.0, 24.0), st.floats(0.0, 24.0), st.integers(0, 86_399))
def test_every_second_is_quiet_or_not(start: float, end: float, second: int) -> None:
    ts = datetime(2025, 1, 1, tzinfo=UTC).timestamp() + second
    zone = zoneinfo.ZoneInfo("UTC")
    there, complement = (QuietHours(*hours, zone).at(ts) for hours in ((start, end), (end, start)))
    assert there != complement or (start == end and not there)


async def test_before_run_and_without_channels() -> None:
    channel = FakeChannel()
    notifier = Notifier([channel], CONFIG)
    notifier.notify(ERROR, "EARLY", "before it runs")
    running = asyncio.create_task(notifier.run())
    await eventually(lambda: len(channel.taken) == 1)
    await notifier.close()
    await running
    none = Notifier([], CONFIG)
    running = asyncio.create_task(none.run())
    none.notify(ERROR, "CODE", "nobody hears")
    assert none.states() == ()
    await none.close()
    await running


async def test_closed_without_having_run() -> None:
    channel, told = FakeChannel(), []
    notifier = Notifier([channel], CONFIG, tell=told.append)
    notifier.notify(ERROR, "CODE", "text")
    await notifier.close()
    assert channel.closed
    assert told == [("fake", "fake was not told of 1 before the end", False)]


async def test_cancelling_run_is_heard_and_it_can_run_again() -> None:
    channel = FakeChannel()
    notifier = Notifier([channel], CONFIG)
    running = asyncio.create_task(notifier.run())
    await asyncio.sleep(0)
    running.cancel()
    with pytest.raises(asyncio.CancelledError):
        await running
    running = asyncio.create_task(notifier.run())
    notifier.notify(ERROR, "CODE", "text")
    await eventually(lambda: len(channel.taken) == 1)
    await notifier.close()
    await running


async def test_over_a_real_service_that_limits_and_drops() -> None:
    answers = [web.Response(status=429, headers={"Retry-After": "3"}), web.Response(status=502), web.json_response({})]
    pauses = Pauses()
    async with (
        Service(*answers) as service,
        serving(
            Ntfy(NtfyConfig(url=service.url), "topic-1"),
            sleep=pauses.sleep,
            uniform=lambda low, high: 1.0,
            tell=lambda _: None,
        ) as notifier,
    ):
        notifier.notify(CRITICAL, "STOP", "stop is missing")
        await eventually(lambda: notifier.states()[0].sent == 1)
    assert len(service.requests) == 3
    assert pauses.asked == [3.0, 2.0]


async def test_what_is_not_meant_for_a_channel_does_not_reach_it() -> None:
    one, other = FakeChannel("one"), FakeChannel("other")
    async with serving(one, other) as notifier:
        notifier.notify(ERROR, "CODE", "text", besides="one")
        await eventually(lambda: len(other.taken) == 1)
    assert one.tried == 0


async def test_at_the_end_a_channel_that_pauses_is_given_what_is_critical_once_more() -> None:
    channel, told = FakeChannel(act=acting(NotifyUnavailable("fake is busy", 300.0))), []
    notifier = Notifier([channel], CONFIG, tell=told.append)
    running = asyncio.create_task(notifier.run())
    notifier.notify(WARNING, "NEWS", "not that important")
    await eventually(lambda: channel.tried == 1)
    notifier.notify(CRITICAL, "STOP", "stop is missing")
    notifier.notify(CRITICAL, "KILL", "closing everything")
    await notifier.close(0.2)
    await running
    assert [taken.code for taken in channel.taken] == ["STOP", "KILL"]
    assert told[-1] == ("fake", "fake was not told of 1 before the end", False)


async def test_at_the_end_a_channel_that_still_fails_is_tried_once_a_message_in_its_time() -> None:
    async def away(_: Notification) -> None:
        raise NotifyUnavailable("fake is away", 300.0)

    failing, stuck, told = FakeChannel("failing", act=away), FakeChannel("stuck", act=forever), []
    notifier = Notifier([failing, stuck], CONFIG, tell=told.append)
    running = asyncio.create_task(notifier.run())
    for number in range(3):
        notifier.notify(CRITICAL, "STOP", f"number {number}")
    await eventually(lambda: failing.tried == stuck.tried == 1)
    started = time.perf_counter()
    await notifier.close(0.2)
    await running
    assert time.perf_counter() - started < allowed(1.0)
    assert (failing.tried, stuck.tried) == (1 + 3, 1 + 1)
    assert failing.closed
    assert stuck.closed


async def test_close_keeps_its_time_and_leaves_no_task() -> None:
    channels = [FakeChannel(str(number), act=forever) for number in range(3)]
    notifier = Notifier(channels, CONFIG, tell=lambda _: None)
    running = asyncio.create_task(notifier.run())
    notifier.notify(ERROR, "CODE", "text")
    await asyncio.sleep(0.01)
    started = time.perf_counter()
    await notifier.close(0.05)
    await running
    assert time.perf_counter() - started < allowed(1.0)
    gc.collect()
    assert asyncio.all_tasks() == {asyncio.current_task()}
