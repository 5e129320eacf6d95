import asyncio
import os
import signal
import sqlite3
import subprocess
import sys
import threading
from contextlib import closing
from decimal import Decimal

import pytest
from ledger_facts import make_event, make_fill, make_order, make_signal

from tradeterm.domain.errors import LedgerError
from tradeterm.domain.facts import CommandAck, DeskStateFact
from tradeterm.domain.orders import Fill, Order, OrderStatus
from tradeterm.domain.states import CommandStatus, CommandVerb, Mode, TradingState
from tradeterm.ledger import queue, runs
from tradeterm.ledger.codec import select
from tradeterm.ledger.store import open_ledger
from tradeterm.ledger.writer import LedgerWriter


@pytest.fixture
def path(tmp_path):
    return tmp_path / "ledger.sqlite"


@pytest.fixture
def writer(path):
    writer = LedgerWriter(path, ["eos"])
    writer.start()
    yield writer
    writer.close()


def count(path, table):
    with closing(open_ledger(path, readonly=True)) as db:
        return db.execute(f"SELECT count(*) FROM {table}").fetchone()[0]


async def until(condition):
    for _ in range(1000):
        if condition():
            return
        await asyncio.sleep(0.005)
    raise AssertionError("waited 5 s in vain")


async def test_what_was_committed_is_there(writer, path):
    order = make_order()
    writer.write([make_signal(), order, make_event()])
    await writer.commit()
    with closing(open_ledger(path, readonly=True)) as db:
        assert select(db, Order) == [order]
        assert count(path, "signals") == count(path, "order_events") == count(path, "eos_orders") == 1


async def test_a_later_fact_with_the_same_key_replaces_the_earlier(writer, path):
    writer.write([make_order(), make_order(status=OrderStatus.SUBMITTED)])
    writer.write([make_order(status=OrderStatus.FILLED)])
    await writer.commit()
    with closing(open_ledger(path, readonly=True)) as db:
        assert [order.status for order in select(db, Order)] == [OrderStatus.FILLED]


async def test_a_fill_told_twice_is_one_fill(writer, path):
    writer.write([make_fill(), make_fill(), make_fill(price=Decimal(1))])
    writer.write([make_fill(account="other")])
    await writer.commit()
    with closing(open_ledger(path, readonly=True)) as db:
        assert [(fill.account, fill.price) for fill in select(db, Fill)] == [
            ("eos", Decimal("100.10")),
            ("other", Decimal("100.10")),
        ]


async def test_append_only_tables_keep_every_row_in_order(writer, path):
    for ts in range(50):
        writer.write([make_event(ts=ts)])
    await writer.commit()
    with closing(open_ledger(path, readonly=True)) as db:
        assert [row[0] for row in db.execute("SELECT ts FROM order_events ORDER BY row")] == list(range(50))


async def test_the_state_of_the_desk_is_one_row(writer, path):
    for state in TradingState:
        writer.write([DeskStateFact(ts=1, trading_state=state, trading_reason="", kill_pending=False)])
    await writer.commit()
    with closing(open_ledger(path, readonly=True)) as db:
        assert [fact.trading_state for fact in select(db, DeskStateFact)] == [TradingState.HALTED]


async def test_an_acknowledgement_moves_the_command_on(writer, path):
    with closing(open_ledger(path)) as db:
        first = queue.enqueue(db, CommandVerb.HALT, ts=5, actor="me", reason="why not")
        second = queue.enqueue(db, CommandVerb.PAUSE, ts=6, actor="me", book="eos")
    writer.write(
        [
            CommandAck(id=first, ts=9, verb=CommandVerb.HALT, status=CommandStatus.DONE, detail="halted"),
            CommandAck(id=second, ts=9, verb=CommandVerb.PAUSE, status=CommandStatus.ACCEPTED),
        ]
    )
    await writer.commit()
    with closing(open_ledger(path, readonly=True)) as db:
        (pending,) = queue.pending_commands(db)
        assert (pending.id, pending.status, pending.book) == (second, CommandStatus.ACCEPTED, "eos")
        assert queue.pending_commands(db, after=second) == []
        row = db.execute("SELECT status, detail, ts, ts_updated FROM commands WHERE id = ?", (first,)).fetchone()
        assert row == ("DONE", "halted", 5, 9)


async def test_the_cursor_moves_with_the_facts_before_it(writer, path):
    with closing(open_ledger(path)) as db:
        run = runs.start_run(db, ts=1, mode=Mode.DEMO, version="0", config_hash="x")
    writer.write([make_order()])
    writer.set_cursor(run.id, 777)
    await writer.commit()
    with closing(open_ledger(path, readonly=True)) as db:
        latest = runs.latest_run(db)
        assert latest is not None
        assert latest.cursor == 777


async def test_a_bad_number_is_refused_where_it_comes_from_and_nothing_of_it_is_queued(writer, path):
    with pytest.raises(ValueError, match="not a finite number"):
        writer.write([make_order(), make_fill(price=Decimal("NaN"))])
    await writer.commit()
    assert count(path, "orders") == 0


async def test_a_barrier_without_facts_syncs_what_was_written_lazily(writer, path):
    writer.write([make_order()])
    await until(lambda: count(path, "orders") == 1)
    log = path.with_name("ledger.sqlite-wal")
    before = log.stat().st_size
    await writer.commit()
    synced = log.stat().st_size
    assert synced > before
    await writer.commit()  # nothing is left to sync
    assert log.stat().st_size == synced


async def test_a_barrier_says_when_the_rows_are_written_and_when_the_disk_keeps_them(writer, path):
    writer.write([make_order()])
    barrier = writer.barrier()
    await asyncio.to_thread(barrier.wait_written)
    await asyncio.to_thread(barrier.wait_kept)
    assert count(path, "orders") == 1


async def test_a_barrier_told_of_written_rows_still_waits_for_the_commit(writer, path):
    held, told = threading.Event(), threading.Event()

    def slow(db):
        told.set()
        held.wait(5)

    writer.do(slow)
    writer.write([make_order()])
    barrier = writer.barrier()
    await asyncio.to_thread(told.wait, 5)
    assert not barrier._written.is_set()
    assert not barrier.kept.done()
    held.set()
    await asyncio.to_thread(barrier.wait_kept)
    assert count(path, "orders") == 1


async def test_a_barrier_of_a_failing_ledger_fails_and_the_next_is_refused(writer):
    writer.do(lambda db: db.execute("PRAGMA max_page_count = 1"))
    await writer.commit()
    writer.write([make_order(f"o{i}", reason="x" * 900) for i in range(300)])
    barrier = writer.barrier()
    with pytest.raises(LedgerError, match="no space is left"):
        await asyncio.to_thread(barrier.wait_kept)
    await asyncio.to_thread(barrier.wait_written)  # nobody is kept waiting
    with pytest.raises(LedgerError, match="no space is left"):
        writer.barrier()
    with writer._lock:
        writer._queue.insert(0, (lambda db: db.execute("PRAGMA max_page_count = 100000"), ()))
    await writer.retry()


async def test_who_withdrew_hears_that_it_must_not_go_on(writer, path):
    writer.write([make_order()])
    barrier = writer.barrier()
    barrier.withdraw()
    with pytest.raises(LedgerError, match="nobody waits"):
        await asyncio.to_thread(barrier.wait_kept)
    assert count(path, "orders") == 1


def test_nobody_waits_for_a_ledger_that_is_being_closed(path):
    writer = LedgerWriter(path)
    writer.start()
    held, closing_it = threading.Event(), threading.Thread(target=writer.close)
    writer.do(lambda db: held.wait(5))
    closing_it.start()
    while not writer._closing:
        pass
    with pytest.raises(LedgerError, match="is closed"):
        writer.barrier()
    held.set()
    closing_it.join(5)


async def test_rows_that_the_next_would_replace_are_not_written_but_for_who_may_read_them(writer, path):
    seen = []
    writer.do(lambda db: db.execute("CREATE TABLE told (status TEXT)") and None)
    writer.do(
        lambda db: (
            db.execute("CREATE TRIGGER tell AFTER UPDATE ON orders BEGIN INSERT INTO told VALUES (new.status); END")
            and None
        )
    )
    await writer.commit()
    held = threading.Event()
    writer.do(lambda db: held.wait(5) and None)
    await until(lambda: writer.pending == 1)
    writer.write([make_order(), make_order("other"), make_order(status=OrderStatus.SUBMITTED)])
    writer.do(lambda db: seen.extend(db.execute("SELECT client_order_id, status FROM orders ORDER BY rowid")))
    writer.write([make_order(status=OrderStatus.ACCEPTED), make_order(status=OrderStatus.FILLED)])
    held.set()
    await writer.commit()
    first = make_order().client_order_id
    assert seen == [(first, "SUBMITTED"), ("other", make_order("other").status.value)]
    with closing(open_ledger(path, readonly=True)) as db:
        assert db.execute("SELECT status FROM told").fetchall() == [("FILLED",)]


async def test_the_log_has_room_before_it_is_needed_and_a_crash_finds_no_more_in_it_than_was_written(path):
    writer = LedgerWriter(path, log_room=1_000_000)
    writer.start()
    log = path.with_name("ledger.sqlite-wal")
    assert log.stat().st_size == 1_000_000
    writer.write([make_order(f"o{i}") for i in range(20)])
    await writer.commit()
    assert log.stat().st_size == 1_000_000
    copy = path.with_name("crashed")
    copy.mkdir()
    for file in (path, log):
        (copy / file.name).write_bytes(file.read_bytes())
    writer.close()
    assert count(copy / path.name, "orders") == count(path, "orders") == 20
    with closing(sqlite3.connect(copy / path.name)) as db:
        assert db.execute("PRAGMA integrity_check").fetchone() == ("ok",)


async def test_an_order_does_not_wait_for_a_slow_disk_for_ever(writer, monkeypatch):
    monkeypatch.setattr("tradeterm.ledger.writer.PATIENCE_S", 0.01)
    held = threading.Event()
    writer.do(lambda db: held.wait(5))
    barrier = writer.barrier()
    with pytest.raises(LedgerError, match="slow to write"):
        await asyncio.to_thread(barrier.wait_written)
    with pytest.raises(LedgerError, match="slow to keep"):
        await asyncio.to_thread(barrier.wait_kept)
    held.set()
    await writer.commit()


async def test_a_full_disk_loses_nothing(writer, path):
    writer.do(lambda db: db.execute("PRAGMA max_page_count = 1"))  # SQLite sets it to the present size
    await writer.commit()
    facts = [make_order(f"o{i}", reason="x" * 900) for i in range(300)]
    writer.write(facts)
    with pytest.raises(LedgerError, match="no space is left"):
        await writer.commit()
    assert writer.failure is not None
    writer.write([make_order("late")])
    with pytest.raises(LedgerError, match="no space is left"):
        await writer.commit()
    with pytest.raises(LedgerError, match="no space is left"):
        await writer.retry()
    assert writer.pending == 301
    assert count(path, "orders") == 0
    with writer._lock:  # the disk has room again
        writer._queue.insert(0, (lambda db: db.execute("PRAGMA max_page_count = 100000"), ()))
    await writer.retry()
    assert writer.failure is None
    assert writer.pending == 0
    with closing(open_ledger(path, readonly=True)) as db:
        ids = [row[0] for row in db.execute("SELECT client_order_id FROM orders ORDER BY rowid")]
    assert ids == [*(f"o{i}" for i in range(300)), "late"]


async def test_a_locked_ledger_is_said_and_waits_for_a_retry(writer, path):
    writer.do(lambda db: db.execute("PRAGMA busy_timeout = 20"))
    await writer.commit()
    with closing(sqlite3.connect(path)) as other:
        other.execute("BEGIN IMMEDIATE")
        writer.write([make_order()])
        with pytest.raises(LedgerError, match="locked by another program"):
            await writer.commit()
        other.execute("ROLLBACK")
    await writer.retry()
    assert count(path, "orders") == 1


async def test_a_failure_without_a_waiter_shows_too(writer, path):
    writer.do(lambda db: db.execute("PRAGMA busy_timeout = 20"))
    await writer.commit()
    with closing(sqlite3.connect(path)) as other:
        other.execute("BEGIN IMMEDIATE")
        writer.write([make_order()])
        await until(lambda: writer.failure is not None)
    await writer.retry()
    assert count(path, "orders") == 1


def test_closing_writes_what_is_queued(path):
    writer = LedgerWriter(path)
    writer.write([make_order()])  # before the start already
    writer.start()
    writer.write([make_fill()])
    writer.close()
    assert count(path, "orders") == count(path, "fills") == 1
    writer.close()
    with pytest.raises(LedgerError, match="is closed"):
        writer.write([make_order()])


async def test_closing_says_what_could_not_be_written(path):
    writer = LedgerWriter(path)
    writer.start()
    writer.do(lambda db: db.execute("PRAGMA busy_timeout = 20"))
    await writer.commit()
    with closing(sqlite3.connect(path)) as other:
        other.execute("BEGIN IMMEDIATE")
        writer.write([make_order()])
        with pytest.raises(LedgerError, match="locked"):
            writer.close()
    assert writer.pending == 1


def test_a_damaged_ledger_is_not_written_to(path):
    with closing(open_ledger(path)) as db, db:
        db.executemany("INSERT INTO chat (ts, role, text) VALUES (1, 'a', ?)", [("x" * 900,)] * 100)
    whole = path.read_bytes()
    middle = len(whole) - 20 * 4096
    path.write_bytes(whole[:middle] + b"\xff" * 4096 + whole[middle + 4096 :])
    with pytest.raises(LedgerError, match="is damaged"):
        LedgerWriter(path).start()


async def test_waiting_without_a_started_writer_is_an_error(path):
    with pytest.raises(LedgerError, match="not open"):
        await LedgerWriter(path).commit()


@pytest.mark.filterwarnings("ignore::pytest.PytestUnhandledThreadExceptionWarning")
async def test_nobody_waits_for_a_writer_that_broke_down(path):
    writer = LedgerWriter(path)
    writer.start()
    writer.do(lambda db: {}["nothing"])
    with pytest.raises(LedgerError, match="broke down"):
        await writer.commit()
    with pytest.raises(LedgerError, match="broke down"):
        writer.close()


async def test_readers_never_stop_the_writer_nor_see_half_a_batch(writer, path):
    seen, stop = [], threading.Event()

    def read():
        with closing(open_ledger(path, readonly=True)) as db:
            while not stop.is_set():
                orders, fills = db.execute(
                    "SELECT (SELECT count(*) FROM orders), (SELECT count(*) FROM fills)"
                ).fetchone()
                seen.append((orders, fills))

    readers = [threading.Thread(target=read) for _ in range(2)]
    for reader in readers:
        reader.start()
    for i in range(60):
        writer.write([make_order(f"o{i}"), make_fill(f"e{i}")])
        await writer.commit()
    stop.set()
    for reader in readers:
        reader.join()
    assert seen
    assert all(orders == fills for orders, fills in seen)


async def test_commands_from_faces_do_not_disturb_the_writer(writer, path):
    def send():
        for _ in range(20):
            with closing(open_ledger(path)) as db:
                queue.enqueue(db, CommandVerb.STOP, ts=1, actor="face")

    faces = [threading.Thread(target=send) for _ in range(2)]
    for face in faces:
        face.start()
    for i in range(60):
        writer.write([make_order(f"o{i}")])
        await writer.commit()
    for face in faces:
        face.join()
    assert (count(path, "orders"), count(path, "commands")) == (60, 40)


CRASHING = """
import asyncio, sys
from pathlib import Path
sys.path.insert(0, sys.argv[2])
from ledger_facts import make_fill, make_order
from tradeterm.ledger.writer import LedgerWriter

async def main():
    writer = LedgerWriter(Path(sys.argv[1]))
    writer.start()
    for i in range(100_000):
        writer.write([make_order(f"o{i}"), make_fill(f"e{i}", client_order_id=f"o{i}")])
        if i % 3 == 0:
            await writer.commit()
            print(i, flush=True)

asyncio.run(main())
"""


def test_a_kill_loses_nothing_that_was_committed(path, request):
    here = str(request.path.parent)
    with subprocess.Popen(
        [sys.executable, "-c", CRASHING, str(path), here], stdout=subprocess.PIPE, text=True
    ) as child:
        last = 0
        for line in child.stdout:
            last = int(line)
            if last >= 90:
                os.kill(child.pid, signal.SIGKILL)
                break
        last = max([last, *(int(line) for line in child.stdout.read().split("\n")[:-1])])
    with closing(open_ledger(path, readonly=True)) as db:  # a face may be the first to look
        assert db.execute("PRAGMA integrity_check").fetchone() == ("ok",)
    with closing(open_ledger(path)) as db:
        orders = [row[0] for row in db.execute("SELECT client_order_id FROM orders ORDER BY rowid")]
        fills = [fill.client_order_id for fill in select(db, Fill, "ORDER BY rowid")]
    assert orders == fills  # what was queued together is there together
    assert orders == [f"o{i}" for i in range(len(orders))]
    assert len(orders) > last
