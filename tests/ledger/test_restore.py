import asyncio
from contextlib import closing
from decimal import Decimal

import pytest
from ledger_facts import make_fill, make_order, make_signal

from tradeterm.domain.facts import BookStateFact, BreakerFact, DeskStateFact
from tradeterm.domain.market import DAY_MS
from tradeterm.domain.orders import Cash, CashKind, OrderIntent, OrderStatus
from tradeterm.domain.signals import SignalOutcome
from tradeterm.domain.snapshot import BookSnapshot, DeskSnapshot, Position
from tradeterm.domain.states import BookState, BreakerLevel, Mode, TradingState
from tradeterm.ledger import runs
from tradeterm.ledger.restore import load_snapshot
from tradeterm.ledger.store import open_ledger
from tradeterm.ledger.writer import LedgerWriter

NOW = 100 * DAY_MS


@pytest.fixture
def restored(tmp_path):
    """Writes facts into a new ledger whose desk time is NOW, and returns what a restart would know."""

    def restore(*facts):
        path = tmp_path / "ledger.sqlite"
        with closing(open_ledger(path)) as db:
            run = runs.start_run(db, ts=1, mode=Mode.PAPER, version="0", config_hash="x")
        writer = LedgerWriter(path)
        writer.start()
        writer.write(facts)
        writer.set_cursor(run.id, NOW)
        writer.close()
        return load_snapshot(path)

    return restore


def test_where_there_is_no_ledger_the_desk_is_new(tmp_path):
    assert load_snapshot(tmp_path / "ledger.sqlite") == DeskSnapshot()
    assert list(tmp_path.iterdir()) == []


def test_a_new_ledger_gives_a_new_desk(restored):
    assert restored() == DeskSnapshot()


def test_the_desks_state_comes_back(restored):
    snapshot = restored(
        DeskStateFact(ts=1, trading_state=TradingState.ACTIVE, trading_reason="", kill_pending=False),
        DeskStateFact(ts=2, trading_state=TradingState.HALTED, trading_reason="kill by me", kill_pending=True),
        BreakerFact(ts=1, from_level=BreakerLevel.CLOSED, to_level=BreakerLevel.HALT, cause="loss", numbers={}),
        BreakerFact(ts=2, from_level=BreakerLevel.HALT, to_level=BreakerLevel.ALERT, cause="cooled", numbers={}),
    )
    assert (snapshot.trading_state, snapshot.trading_reason) == (TradingState.HALTED, "kill by me")
    assert snapshot.kill_pending
    assert (snapshot.breaker, snapshot.breaker_reason) == (BreakerLevel.ALERT, "cooled")


def test_the_books_money_comes_back(restored):
    money = {"cash": Decimal("999.5"), "peak_equity": Decimal(1001), "day": 7, "day_start_equity": Decimal(1000)}
    snapshot = restored(
        *(
            BookStateFact(ts=ts, book=book, state=BookState.PAUSED, trades=ts, wins=1, **money)
            for ts in (1, 2)
            for book in ("b", "a")
        )
    )
    assert snapshot.books == tuple(
        BookSnapshot(book=book, state=BookState.PAUSED, trades=2, wins=1, **money) for book in ("a", "b")
    )


def test_positions_that_are_not_flat_come_back(restored):
    held = {"venue": "paper", "account": "eos"}
    short = Position(book="eos", instrument="B.X", quantity=Decimal("-2.0"), trade_id="t", **held)
    flat = Position(book="eos", instrument="A.X", quantity=Decimal("0.00"), **held)
    assert restored(short, flat).positions == (short,)


def test_orders_that_still_matter_come_back(restored):
    old, recent = NOW - 3 * DAY_MS, NOW - DAY_MS
    closed = {"status": OrderStatus.FILLED}
    snapshot = restored(
        make_order("open-and-old", status=OrderStatus.UNKNOWN, ts_updated=old),
        make_order("closed-lately", status=OrderStatus.CANCELED, ts_updated=recent),
        make_order("closed-and-old", ts_updated=old, **closed),
        make_order("entry", ts_updated=old, **closed),
        make_order("entry-stop", parent_id="entry", ts_updated=old, **closed),
        Position(book="eos", venue="p", account="a", instrument="X.Y", quantity=Decimal(1), trade_id="entry"),
    )
    assert [order.client_order_id for order in snapshot.orders] == [
        "closed-lately",
        "entry",
        "entry-stop",
        "open-and-old",
    ]


def test_signals_already_decided_are_known(restored):
    snapshot = restored(
        make_signal("decided", ts=NOW - DAY_MS, outcome=SignalOutcome.DENIED),
        make_signal("waiting", ts=NOW - DAY_MS, outcome=SignalOutcome.PENDING),
        make_signal("ancient", ts=NOW - 4 * DAY_MS),
    )
    assert snapshot.signals_seen == ("decided",)


def test_executions_already_booked_are_known_however_old(restored):
    cash = {"venue": "paper", "account": "eos", "book": "eos", "kind": CashKind.FUNDING, "currency": "USDT"}
    snapshot = restored(
        make_fill("e2", ts_event=NOW - DAY_MS),
        make_fill("e1", ts_event=NOW),
        make_fill("e0", ts_event=NOW - 8 * DAY_MS),
        Cash(id="f1", amount=Decimal("-0.5"), ts_event=NOW, **cash),
        Cash(id="f0", amount=Decimal("-0.5"), ts_event=NOW - 99 * DAY_MS, **cash),
    )
    assert snapshot.exec_ids == ("paper/eos/e0", "paper/eos/e1", "paper/eos/e2")
    assert snapshot.cash_ids == ("paper/eos/f0", "paper/eos/f1")


def test_the_last_entry_of_each_instrument_is_known(restored):
    snapshot = restored(
        make_order("a", ts_created=10),
        make_order("b", ts_created=20, status=OrderStatus.REJECTED),
        make_order("c", ts_created=30, status=OrderStatus.DENIED),
        make_order("d", ts_created=40, intent=OrderIntent.EXIT),
        make_order("e", ts_created=5, instrument="ETHUSDT.BINANCE"),
    )
    assert snapshot.last_entry == {"eos/BTCUSDT.BINANCE": 20, "eos/ETHUSDT.BINANCE": 5}


async def test_it_can_be_read_while_the_engine_writes(tmp_path):
    path = tmp_path / "ledger.sqlite"
    writer = LedgerWriter(path)
    writer.start()
    for i in range(20):
        writer.write([make_order(f"o{i}"), make_fill(f"e{i}", ts_event=i)])
        await writer.commit()
        snapshot = await asyncio.to_thread(load_snapshot, path)
        assert len(snapshot.orders) == len(snapshot.exec_ids) == i + 1
    writer.close()
