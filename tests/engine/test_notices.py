"""Every alert of the engine reaches the channels that are enabled, and no channel reaches the engine."""

import asyncio
import time
from collections.abc import Callable
from typing import Any

import msgspec
import pytest
from engine_kit import LAST_HOURS, Watcher, demo_profile, options, send

from tradeterm.config import Config, NotifyConfig, NtfyConfig
from tradeterm.domain.errors import ConfigError, LedgerError
from tradeterm.domain.facts import AlertFact, DeskStateFact
from tradeterm.domain.states import AlertLevel, CommandVerb, Mode, TradingState
from tradeterm.engine import driver as driver_module
from tradeterm.engine import run as run_module
from tradeterm.engine.notices import CLOSE_S, NOTIFY_FAILED, TOLD_AGAIN_S, Notices, channels_of
from tradeterm.engine.run import run_engine
from tradeterm.notify.protocol import Channel, Notification, NotifyUnavailable

pytestmark = pytest.mark.usefixtures("fitted_here")

INFO, WARNING, ERROR, CRITICAL = AlertLevel


class Mailbox:
    """A channel that takes everything, or fails as told."""

    level = INFO

    def __init__(self, name: str, failure: Exception | None = None) -> None:
        self.name = name
        self.failure = failure
        self.taken: list[Notification] = []
        self.closed = False

    async def send(self, message: Notification) -> None:
        if self.failure is not None:
            raise self.failure
        self.taken.append(message)

    async def close(self) -> None:
        self.closed = True


class Bench:
    """Notices with what they record and a clock that is set by hand."""

    def __init__(self, *channels: Channel) -> None:
        self.recorded: list[AlertFact] = []
        self.now_s = 0.0
        config = Config(mode=Mode.PAPER, notify=NotifyConfig(per_minute=60, repeat_seconds=0.0))
        self.notices = Notices(
            channels, config, profile="mine", record=self._record, now=lambda: 7, monotonic=lambda: self.now_s
        )

    def _record(self, alert: AlertFact) -> None:
        """As the recorder does: whoever watches sees it too."""
        self.recorded.append(alert)
        self.notices.fact(alert.ts, alert)


def alert(text: str, level: AlertLevel = ERROR, **more: str) -> AlertFact:
    return AlertFact(ts=1, level=level, code="CODE", text=text, **more)


async def until(condition: Callable[[], bool]) -> None:
    for _ in range(2500):
        if condition():
            return
        await asyncio.sleep(0.002)
    raise TimeoutError


async def test_alerts_and_nothing_else_are_told_with_who_and_where() -> None:
    box = Mailbox("box")
    bench = Bench(box)
    notices = bench.notices
    notices.fact(1, alert("before the start", INFO))
    notices.start()
    notices.fact(1, DeskStateFact(ts=1, trading_state=TradingState.HALTED, trading_reason="x", kill_pending=False))
    notices.fact(1, alert("no stop", CRITICAL, book="crypto", instrument="BTCUSDT.BINANCE"))
    notices.fact(1, alert("BTCUSDT.BINANCE of crypto is late", book="crypto", instrument="BTCUSDT.BINANCE"))
    await notices.close()
    assert [(told.level, told.text) for told in box.taken] == [
        (CRITICAL, "BTCUSDT.BINANCE crypto: no stop"),
        (ERROR, "BTCUSDT.BINANCE of crypto is late"),
        (INFO, "before the start"),
    ]
    assert {told.source for told in box.taken} == {"tradeterm paper mine"}
    assert box.closed
    assert bench.recorded == []


async def test_a_failing_channel_is_one_alert_and_the_others_hear_of_it() -> None:
    ill, well = Mailbox("ill", NotifyUnavailable("ill cannot be reached")), Mailbox("well")
    bench = Bench(ill, well)
    bench.notices.start()
    for number in range(3):
        bench.notices.fact(1, alert(f"number {number}", CRITICAL))
    await until(lambda: len(well.taken) == 4)
    await bench.notices.close()
    texts = ["ill cannot be reached", "ill was not told of 3 before the end"]
    assert [(fact.ts, fact.level, fact.code) for fact in bench.recorded[:1]] == [(7, WARNING, NOTIFY_FAILED)]
    assert bench.recorded[0].text == texts[0]
    assert len(bench.recorded) <= 2
    assert [told.text for told in well.taken if told.code == NOTIFY_FAILED] == texts[:1]


async def test_two_channels_that_fail_do_not_talk_of_each_other_for_ever() -> None:
    channels = [Mailbox(name, RuntimeError()) for name in ("one", "two")]
    bench = Bench(*channels)
    bench.notices.start()
    bench.notices.fact(1, alert("text"))
    await until(lambda: len(bench.recorded) == 2)
    await asyncio.sleep(0.05)
    assert sorted(fact.text for fact in bench.recorded) == ["one failed: RuntimeError", "two failed: RuntimeError"]
    await bench.notices.close()


async def test_the_same_trouble_is_an_alert_once_an_hour() -> None:
    box = Mailbox("box")
    bench = Bench(box)
    states = bench.notices._notifier.states
    bench.notices.start()
    for moment, alerts in ((0.0, 1), (TOLD_AGAIN_S - 1, 1), (TOLD_AGAIN_S, 2)):
        bench.now_s = moment
        box.failure = RuntimeError()
        bench.notices.fact(1, alert(f"at {moment}"))
        await until(lambda: bool(states()[0].trouble))
        box.failure = None
        bench.notices.fact(1, alert(f"again at {moment}"))
        await until(lambda: not states()[0].trouble)
        assert len(bench.recorded) == alerts
    await bench.notices.close()


async def test_what_broke_the_engine_is_told_without_quoting_it() -> None:
    for error, words in ((LedgerError("the disk is full"), "the disk is full"), (KeyError("token"), "KeyError")):
        box = Mailbox("box")
        notices = Bench(box).notices
        notices.start()
        await notices.close(error)
        assert [told.code for told in box.taken] == ["ENGINE_BROKE"]
        assert box.taken[0].text.endswith(f": {words}")
    box = Mailbox("box")
    await Bench(box).notices.close(asyncio.CancelledError())
    assert box.taken == []


async def test_without_channels_nothing_is_started() -> None:
    notices = Bench().notices
    before = asyncio.all_tasks()
    notices.start()
    notices.fact(1, alert("text"))
    assert asyncio.all_tasks() == before
    await notices.close()


def test_the_demo_never_notifies_and_a_missing_secret_stops_the_start(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("NTFY_TOPIC", raising=False)
    notify = NotifyConfig(ntfy=NtfyConfig(enabled=True))
    assert channels_of(Config(mode=Mode.DEMO, notify=notify)) == []
    with pytest.raises(ConfigError, match=r"notify\.ntfy: NTFY_TOPIC is not set"):
        channels_of(Config(mode=Mode.PAPER, notify=notify))
    paper = msgspec.structs.replace(options().config, mode=Mode.PAPER, notify=notify)
    with pytest.raises(ConfigError, match="NTFY_TOPIC"):
        run_engine(options(config=paper))
    assert not demo_profile().ledger.exists()


def engine_run(monkeypatch: pytest.MonkeyPatch, *channels: Mailbox, **changes: Any) -> Watcher:
    monkeypatch.setattr(run_module, "channels_of", lambda config: list(channels))
    watcher = Watcher()
    assert run_engine(options(watcher, start_ts=LAST_HOURS, **changes)) == 0
    return watcher


def test_a_run_tells_every_alert_it_records(monkeypatch: pytest.MonkeyPatch) -> None:
    box = Mailbox("box")
    config = msgspec.structs.replace(options().config, notify=NotifyConfig(per_minute=60))
    demo_profile().create()
    send(CommandVerb.HALT)
    seen = engine_run(monkeypatch, box, config=config)
    recorded = {(fact.level, fact.code) for fact in seen.of(AlertFact)}
    assert recorded
    assert {(told.level, told.code) for told in box.taken} == recorded
    assert box.closed


def test_a_channel_that_hangs_costs_a_run_its_end_alone(monkeypatch: pytest.MonkeyPatch) -> None:
    class Stuck(Mailbox):
        async def send(self, message: Notification) -> None:
            await asyncio.Event().wait()

    started = time.monotonic()
    engine_run(monkeypatch, Mailbox("well"))
    plain_s = time.monotonic() - started
    started = time.monotonic()
    stuck = Stuck("stuck")
    seen = engine_run(monkeypatch, stuck)
    assert time.monotonic() - started < plain_s + CLOSE_S + 2.0
    assert seen.summaries[0]["status"] == "FINISHED"
    assert stuck.closed


def test_a_broken_engine_is_told(monkeypatch: pytest.MonkeyPatch) -> None:
    async def broken(self: object) -> None:
        raise ValueError("with a secret in it")

    box = Mailbox("box")
    monkeypatch.setattr(driver_module.Driver, "_trade", broken)
    monkeypatch.setattr(run_module, "channels_of", lambda config: [box])
    with pytest.raises(Exception, match="the engine broke"):
        run_engine(options())
    (told,) = [message for message in box.taken if message.code == "ENGINE_BROKE"]
    assert told.level is CRITICAL
    assert "secret" not in told.text
