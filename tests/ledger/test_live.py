import sqlite3
from decimal import Decimal

import msgspec
import pytest

from tradeterm.domain.market import Bar
from tradeterm.domain.states import BreakerLevel, Mode, TradingState
from tradeterm.domain.view import DeskView, FeedView
from tradeterm.ledger.live import BARS_KEPT, LiveReader, LiveWriter

VIEW = DeskView(
    version=1,
    ts=1000,
    wall_ts=2000,
    started_ts=1,
    pid=1,
    run_id="r",
    mode=Mode.DEMO,
    trading_state=TradingState.ACTIVE,
    trading_reason="",
    breaker=BreakerLevel.CLOSED,
    breaker_reason="",
    kill_pending=False,
    currency="USDT",
    equity=Decimal("1000.10"),
    day_pnl=Decimal("-1.5"),
    day_return=Decimal(0),
    drawdown=Decimal(0),
    exposure=Decimal(0),
    unrealized_pnl=Decimal(0),
    unprotected=0,
    unknown_orders=0,
    open_orders=0,
    books=(),
    positions=(),
    limits=(),
    venues=(),
    feeds=(FeedView(instrument="X.Y", symbol="X", last=1.5, ts_last=1, stale=False),),
    workers=(),
)


def make_bar(number, instrument="X.Y", interval_ms=300_000):
    return Bar(instrument, interval_ms, number * interval_ms, 1.0, 2.0, 0.5, 1.5, 10.0, number)


@pytest.fixture
def path(tmp_path):
    return tmp_path / "live.sqlite"


@pytest.fixture
def writer(path):
    writer = LiveWriter(path)
    yield writer
    writer.close()


@pytest.fixture
def reader(path):
    reader = LiveReader(path)
    yield reader
    reader.close()


def test_before_an_engine_ran_there_is_nothing_to_see(reader, path):
    assert (reader.version(), reader.view(), list(reader.bars("X.Y"))) == (0, None, [])
    assert not path.exists()


def test_the_view_comes_through_as_it_was(writer, reader):
    writer.publish(VIEW)
    assert reader.view() == VIEW


def test_a_view_is_decoded_once_until_it_changes(writer, reader):
    writer.publish(VIEW)
    version, first = reader.version(), reader.view()
    assert reader.version() == version
    assert reader.view() is first
    changed = msgspec.structs.replace(VIEW, ts=1001)
    writer.publish(changed)
    assert reader.version() != version
    assert reader.view() == changed


def test_bars_go_out_with_the_view_and_are_a_ring(writer, reader):
    writer.add_bars(make_bar(i) for i in range(BARS_KEPT + 50))
    writer.add_bars([make_bar(0, "A.B")])
    assert list(reader.bars("X.Y")) == []
    writer.publish(VIEW)
    for i in range(BARS_KEPT + 50, BARS_KEPT + 100):
        writer.add_bars([make_bar(i)])
        writer.publish(VIEW)
    assert list(reader.bars("X.Y", limit=10_000)) == [make_bar(i) for i in range(100, BARS_KEPT + 100)]
    assert list(reader.bars("X.Y", limit=2)) == [make_bar(BARS_KEPT + 98), make_bar(BARS_KEPT + 99)]
    assert list(reader.bars("A.B")) == [make_bar(0, "A.B")]


def test_bars_are_of_the_shortest_interval(writer, reader):
    writer.add_bars([make_bar(1, interval_ms=3_600_000), make_bar(1)])
    writer.publish(VIEW)
    assert list(reader.bars("X.Y")) == [make_bar(1)]


def test_a_new_engine_starts_with_an_empty_file_and_readers_notice(writer, reader, path):
    writer.add_bars([make_bar(1)])
    writer.publish(VIEW)
    assert reader.view() == VIEW
    version = reader.version()
    writer.close()
    again = LiveWriter(path)
    later = msgspec.structs.replace(VIEW, pid=2)
    again.publish(later)
    assert reader.version() != version
    assert reader.view() == later
    assert list(reader.bars("X.Y")) == []
    again.close()


def test_a_spoilt_file_is_made_anew_with_all_its_bars(writer, reader, path):
    writer.add_bars([make_bar(1), make_bar(2)])
    writer.publish(VIEW)
    assert reader.view() == VIEW
    path.unlink()
    path.write_text("rubbish " * 1000)
    path.with_name("live.sqlite-wal").unlink()
    assert reader.view() is None
    assert list(reader.bars("X.Y")) == []
    writer.close()
    writer.publish(VIEW)
    assert reader.view() == VIEW
    assert list(reader.bars("X.Y")) == [make_bar(1), make_bar(2)]


def test_an_unreadable_view_is_no_view(writer, reader, path):
    writer.publish(VIEW)
    with sqlite3.connect(path) as db:
        db.execute("UPDATE view SET body = x'c1'")
    db.close()
    assert reader.view() is None
    writer.publish(VIEW)
    assert reader.view() == VIEW


def test_a_disk_that_refuses_is_said_and_does_not_stop_the_engine(tmp_path):
    writer = LiveWriter(tmp_path / "nowhere" / "live.sqlite")
    writer.add_bars([make_bar(1)])
    writer.publish(VIEW)
    assert writer.failure is not None
    assert "cannot be written" in writer.failure
    (tmp_path / "nowhere").mkdir()
    writer.publish(VIEW)
    assert writer.failure is None
    reader = LiveReader(writer.path)
    assert reader.view() == VIEW
    assert list(reader.bars("X.Y")) == [make_bar(1)]
    reader.close()
    writer.close()
