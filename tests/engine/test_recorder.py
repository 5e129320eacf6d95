"""What happens to a fact at once, and what a moment later."""

import asyncio
import logging
import sys

import pytest
from engine_kit import Watcher, demo_profile, options

from tradeterm.domain.facts import AlertFact
from tradeterm.domain.states import AlertLevel
from tradeterm.engine import run
from tradeterm.engine.audit import AuditTrail
from tradeterm.engine.recorder import LOG_AFTER_S, Recorder
from tradeterm.engine.supervisor import Supervisor
from tradeterm.ledger.audit import AuditLog
from tradeterm.ledger.writer import LedgerWriter


def alert(text: str) -> AlertFact:
    return AlertFact(ts=1, level=AlertLevel.CRITICAL, code="TOLD", text=text)


@pytest.fixture
def watcher() -> Watcher:
    return Watcher()


@pytest.fixture
def recorder(watcher: Watcher) -> Recorder:
    profile = demo_profile()
    profile.create()
    writer = LedgerWriter(profile.ledger)
    writer.start()
    supervisor = Supervisor(lambda *_: None)
    return Recorder(writer, AuditTrail(AuditLog(profile.audit)), None, (watcher,), supervisor)


async def test_the_log_speaks_when_the_order_has_left(
    recorder: Recorder, watcher: Watcher, caplog: pytest.LogCaptureFixture
) -> None:
    first, second = alert("first"), alert("second")
    recorder.record(1, [first, second])
    assert watcher.facts == [first, second]
    assert not caplog.records
    assert "first" in next(demo_profile().audit.iterdir()).read_text()
    await recorder.commit()
    await asyncio.sleep(2 * LOG_AFTER_S)
    assert [record.getMessage().rpartition(" ")[2] for record in caplog.records] == ["first", "second"]
    recorder.record(2, [alert("third")])
    await asyncio.sleep(2 * LOG_AFTER_S)
    assert len(caplog.records) == 3
    recorder.close()


async def test_nothing_is_left_unsaid_at_the_end(recorder: Recorder, caplog: pytest.LogCaptureFixture) -> None:
    recorder.record(1, [alert("last")])
    recorder.close()
    assert [(record.levelno, record.getMessage()[-4:]) for record in caplog.records] == [(logging.CRITICAL, "last")]
    await asyncio.sleep(2 * LOG_AFTER_S)
    assert len(caplog.records) == 1


def test_threads_wait_less_while_an_engine_runs() -> None:
    usual = sys.getswitchinterval()
    seen: list[float] = []
    run.run_engine(options(Watcher(lambda *_: seen.append(sys.getswitchinterval())), duration=0.0))
    assert seen
    assert max(seen) < usual == sys.getswitchinterval()
