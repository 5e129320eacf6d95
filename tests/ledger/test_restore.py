import asyncio
from contextlib import closing
from decimal import Decimal

import pytest
from ledger_facts import make_fill, make_order, make_signal, make_trade

from tradeterm.domain.facts import BookStateFact, BreakerFact, DeskStateFact, HealthFact, ShadowTrade
from tradeterm.domain.market import DAY_MS
from tradeterm.domain.orders import Cash, CashKind, OrderIntent, OrderStatus, PositionSide
from tradeterm.domain.signals import SignalOutcome
from tradeterm.domain.snapshot import (
    BookSnapshot,
    Decision,
    DeskMoney,
    DeskSnapshot,
    HealthSnapshot,
    OpenShadow,
    Position,
)
from tradeterm.domain.states import BookState, BreakerLevel, HealthLevel, Mode, TradingState
from tradeterm.ledger import runs
from tradeterm.ledger.restore import RESULTS, load_snapshot
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


def test_the_breaker_comes_back_with_its_exact_times(restored):
    throttled = {"from_level": BreakerLevel.ALERT, "to_level": BreakerLevel.THROTTLE}
    same = {"from_level": BreakerLevel.THROTTLE, "to_level": BreakerLevel.THROTTLE}
    covered = (("slippage", BreakerLevel.ALERT),)
    snapshot = restored(
        BreakerFact(ts=5, cause="refused", numbers={}, rule="refused", **throttled),
        BreakerFact(
            ts=9, cause="over", numbers={}, rule="refused", quiet_since=9, override_until=77, overridden=covered, **same
        ),
    )
    assert (snapshot.breaker, snapshot.breaker_rule, snapshot.breaker_reason) == (
        BreakerLevel.THROTTLE,
        "refused",
        "over",
    )
    assert (snapshot.breaker_ts, snapshot.breaker_quiet_since) == (5, 9), "when it rose, and since when it is quiet"
    assert (snapshot.breaker_override_until, snapshot.breaker_overridden) == (77, covered)


def test_the_last_trades_of_each_strategy_come_back_oldest_first(restored):
    own = {"signal_id": "s", "strategy": "eos"}
    snapshot = restored(
        make_trade("late", ts_closed=9, slippage=Decimal("0.001"), **own),
        make_trade("early", ts_closed=3, **own),
        make_trade("same-time", ts_closed=9, **own),
        make_trade("other-book", book="crypto", **own),
        make_trade("foreign", signal_id=None),
        make_trade("old", ts_closed=1, signal_id="s1"),
        make_signal("s1", strategy="pairs"),
        *(make_trade(f"p{n}", ts_closed=10 + n, signal_id="s", strategy="pairs") for n in range(RESULTS)),
    )
    eos = [result for result in snapshot.results["eos"] if result.strategy == "eos"]
    assert [result.trade_id for result in eos] == ["early", "late", "same-time"]
    assert eos[1].slippage == Decimal("0.001")
    pairs = [result.trade_id for result in snapshot.results["eos"] if result.strategy == "pairs"]
    assert pairs == [f"p{n}" for n in range(RESULTS)], "the oldest, known by its signal's strategy, is one too many"
    assert [result.trade_id for result in snapshot.results["crypto"]] == ["other-book"]


def test_a_trade_of_before_strategies_were_written_has_its_signals(restored):
    snapshot = restored(make_trade("old", signal_id="s1"), make_signal("s1", strategy="pairs"))
    assert [result.strategy for result in snapshot.results["eos"]] == ["pairs"]


def test_the_health_of_each_book_comes_back_since_its_level_changed(restored):
    severe, healthy = HealthLevel.SEVERE, HealthLevel.HEALTHY
    known = {"book": "eos", "strategy": "eos", "numbers": {"trades": 20.0}, "judged_from": 2}
    snapshot = restored(
        HealthFact(ts=4, from_level=healthy, to_level=severe, causes=("one",), **known),
        HealthFact(ts=6, from_level=severe, to_level=severe, causes=("two",), **known),
        HealthFact(ts=7, from_level=severe, to_level=healthy, causes=("anew",), **known | {"book": "b"}),
    )
    assert snapshot.health == (
        HealthSnapshot(book="b", strategy="eos", level=healthy, ts=7, judged_from=2),
        HealthSnapshot(book="eos", strategy="eos", level=severe, ts=4, causes=("two",), judged_from=2),
    )


def test_what_open_entries_and_positions_were_decided_by_is_known(restored):
    held = {"venue": "paper", "account": "eos", "book": "eos", "instrument": "B.X", "quantity": Decimal(1)}
    snapshot = restored(
        make_signal("held", price=Decimal("100.10")),
        make_signal("working", price=Decimal(5)),
        make_signal("done"),
        make_order("w", signal_id="working"),
        make_order("d", signal_id="done", status=OrderStatus.FILLED),
        Position(trade_id="t", signal_id="held", **held),
    )
    assert snapshot.decisions == {
        "held": Decision("eos", Decimal("100.10")),
        "working": Decision("eos", Decimal(5)),
    }


def test_the_books_money_comes_back(restored):
    money = {"cash": Decimal("999.5"), "peak_equity": Decimal(1001), "day": 7, "day_start_equity": Decimal(1000)}
    money["drawdown_from"] = 5
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


def test_the_desks_money_comes_back(restored):
    known = {"currency": "USDT", "books": ("a", "b"), "day": 7, "day_start_equity": None}
    first, last = (DeskMoney(ts=ts, peak_equity=Decimal(ts), **known) for ts in (1, 2))
    assert restored(first, last).money == last


def test_positions_that_are_not_flat_come_back(restored):
    held = {"venue": "paper", "account": "eos"}
    short = Position(book="eos", instrument="B.X", quantity=Decimal("-2.0"), trade_id="t", **held)
    flat = Position(book="eos", instrument="A.X", quantity=Decimal("0.00"), **held)
    assert restored(short, flat).positions == (short,)


def test_open_shadow_trades_come_back_as_they_were_last(restored):
    def shadow(name, ts_seen, ts_closed=None):
        position = Position(
            book="eos", venue="paper", account="eos", instrument="B.X", quantity=Decimal("-2"), trade_id=name
        )
        held = OpenShadow(
            position=position, price=Decimal(100), ts=1, ts_seen=ts_seen, settlements=((2, Decimal("0.1")),)
        )
        return ShadowTrade(
            id=name,
            signal_id="s",
            book="eos",
            instrument="B.X",
            side=PositionSide.SHORT,
            quantity=Decimal(2),
            entry_price=Decimal(100),
            exit_price=None,
            ts_opened=1,
            ts_closed=ts_closed,
            pnl=None,
            held=held if ts_closed is None else None,
        )

    last = shadow("b", 3)
    snapshot = restored(shadow("b", 2), shadow("a", 2), last, shadow("a", 3, ts_closed=3))
    assert snapshot.shadows == (last.held,)


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
