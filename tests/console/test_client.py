import os
import sqlite3
from contextlib import closing
from decimal import Decimal

import msgspec
import pytest

from tradeterm.console.client import SqliteConsole, open_console
from tradeterm.domain.errors import LedgerError
from tradeterm.domain.facts import (
    AiUsage,
    AlertFact,
    CommandAck,
    CorrelationFact,
    EquityPoint,
    FanFact,
    OrderEventFact,
    RegimeFact,
    SignalFact,
    SizeFactors,
    StressFact,
)
from tradeterm.domain.market import Bar
from tradeterm.domain.orders import (
    Cash,
    CashKind,
    Fill,
    Liquidity,
    Order,
    OrderEventKind,
    OrderIntent,
    OrderSide,
    OrderStatus,
    OrderType,
    PositionSide,
)
from tradeterm.domain.signals import SignalKind, SignalOutcome
from tradeterm.domain.states import AlertLevel, BreakerLevel, CommandStatus, CommandVerb, Mode, Regime, TradingState
from tradeterm.domain.view import DeskView
from tradeterm.ledger.archive import archive
from tradeterm.ledger.live import LiveWriter
from tradeterm.ledger.lock import EngineLock
from tradeterm.ledger.queue import pending_commands
from tradeterm.ledger.runs import RunStatus, end_run, start_run
from tradeterm.ledger.store import LedgerMissing, open_ledger
from tradeterm.ledger.writer import LedgerWriter
from tradeterm.profile import Profile

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
    **dict.fromkeys(("equity", "day_pnl", "day_return", "drawdown", "exposure", "unrealized_pnl"), Decimal(1)),
    **dict.fromkeys(("unprotected", "unknown_orders", "open_orders"), 0),
    **dict.fromkeys(("books", "positions", "limits", "venues", "feeds", "workers"), ()),
)


@pytest.fixture
def profile(tmp_path):
    profile = Profile("demo", tmp_path / "demo", tmp_path)
    profile.create()
    return profile


@pytest.fixture
def console(profile):
    console = open_console(profile)
    yield console
    console.close()


@pytest.fixture
def write(profile):
    """Writes facts as an engine would, and waits for the disk."""

    def write(*facts):
        writer = LedgerWriter(profile.ledger, ["eos"])
        writer.start()
        writer.write(facts)
        writer.close()

    return write


def order(number, **changes):
    values = {
        "book": "eos",
        "venue": "paper",
        "account": "eos",
        "instrument": "X.Y",
        "side": OrderSide.BUY,
        "type": OrderType.MARKET,
        "quantity": Decimal(1),
        "intent": OrderIntent.ENTRY,
        "ts_created": number,
        "ts_updated": number,
    }
    return Order(client_order_id=f"o{number}", **values | changes)


def fill(number, **changes):
    values = {
        "venue": "paper",
        "account": "eos",
        "book": "eos",
        "instrument": "X.Y",
        "client_order_id": f"o{number}",
        "venue_order_id": "v",
        "side": OrderSide.BUY,
        "quantity": Decimal(1),
        "price": Decimal(100),
        "fee": Decimal(0),
        "fee_currency": "USDT",
        "liquidity": Liquidity.TAKER,
        "ts_event": number,
        "ts_recv": number,
    }
    return Fill(exec_id=f"e{number}", **values | changes)


def signal(number):
    return SignalFact(
        id=f"s{number}",
        ts=number,
        book="eos",
        strategy="eos",
        instrument="X.Y",
        kind=SignalKind.ENTRY,
        side=PositionSide.LONG,
        price=Decimal(1),
        ts_bar=number,
        reason="move",
        explain={"move": 0.05},
        outcome=SignalOutcome.DENIED,
    )


def every_list(console):
    return {
        "signals": console.signals(),
        "verdicts": console.verdicts(),
        "orders": console.orders(),
        "order_events": console.order_events("o1"),
        "fills": console.fills(),
        "cash_events": console.cash_events(),
        "trades": console.trades(),
        "shadow_trades": console.shadow_trades(),
        "equity": console.equity(),
        "alerts": console.alerts(),
        "breaker_events": console.breaker_events(),
        "reconciliations": console.reconciliations(),
        "risk_snapshots": console.risk_snapshots("eos"),
        "sized_signals": console.sized_signals(),
        "health_events": console.health_events(),
        "regimes": console.regimes(),
        "stress_results": console.stress_results(),
        "fans": console.fans(),
        "commands": console.commands(),
        "chat": console.chat(),
        "ai_usage": console.ai_usage(0),
        "runs": console.runs(),
        "log_lines": console.log_lines(),
        "bars": console.bars("X.Y"),
    }


def test_before_the_first_engine_everything_is_empty(console, profile):
    assert all(list(rows) == [] for rows in every_list(console).values())
    assert (console.signal("s"), console.verdict("v"), console.command(1), console.view()) == (None,) * 4
    assert (console.ledger_version(), console.view_version(), console.engine_alive()) == (0, 0, False)
    assert not profile.ledger.exists()
    with pytest.raises(LedgerMissing, match="no ledger"):
        console.send(CommandVerb.HALT)


def test_a_ledger_that_appears_later_is_found(console, write):
    assert list(console.orders()) == []
    write(order(1))
    assert console.ledger_version() > 0
    assert [row.client_order_id for row in console.orders()] == ["o1"]


def test_lists_are_newest_first_and_limited(console, write):
    write(*(order(i) for i in (1, 3, 2)), *(fill(i) for i in (1, 3, 2)), *(signal(i) for i in (1, 3, 2)))
    assert [row.ts_created for row in console.orders(limit=2)] == [3, 2]
    assert [row.ts_event for row in console.fills()] == [3, 2, 1]
    assert [row.ts for row in console.signals()] == [3, 2, 1]
    assert console.signal("s2") == signal(2)


def test_lists_can_be_narrowed(console, write):
    write(
        order(1, signal_id="s1"),
        order(2, signal_id="s2"),
        fill(1),
        fill(2, instrument="A.B"),
        fill(3, client_order_id="o1", instrument="A.B"),
    )
    assert [row.client_order_id for row in console.orders(signal_id="s2")] == ["o2"]
    assert [row.exec_id for row in console.fills(client_order_id="o1")] == ["e3", "e1"]
    assert [row.exec_id for row in console.fills(instrument="A.B")] == ["e3", "e2"]
    assert [row.exec_id for row in console.fills(client_order_id="o1", instrument="A.B")] == ["e3"]


def test_histories_are_oldest_first_and_end_now(console, write):
    point = {name: Decimal(1) for name in ("equity", "cash", "unrealized_pnl", "day_pnl", "drawdown", "exposure")}
    events = {"from_status": OrderStatus.INITIALIZED, "to_status": OrderStatus.SUBMITTED, "kind": OrderEventKind.SENT}
    write(
        *(EquityPoint(ts=ts, book=book, **point) for ts in (3, 1, 2) for book in ("", "eos")),
        *(OrderEventFact(ts=ts, book="eos", client_order_id="o1", **events) for ts in (1, 2)),
    )
    assert [row.ts for row in console.equity(limit=2)] == [2, 3]
    assert [row.book for row in console.equity("eos")] == ["eos"] * 3
    assert [row.ts for row in console.order_events("o1")] == [1, 2]


def test_alerts_and_cash_come_through(console, write):
    alert = AlertFact(ts=1, level=AlertLevel.ERROR, code="X", text="[b]not markup[/b]")
    cash = Cash(
        id="f",
        venue="paper",
        account="eos",
        book="eos",
        kind=CashKind.FUNDING,
        amount=Decimal("-0.10"),
        currency="USDT",
        ts_event=1,
    )
    write(alert, cash)
    assert list(console.alerts()) == [alert]
    assert list(console.cash_events()) == [cash]


def test_the_version_changes_with_the_ledger_only(console, write):
    write(order(1))
    before = console.ledger_version()
    console.orders()
    assert console.ledger_version() == before
    write(order(2))
    assert console.ledger_version() != before


def test_a_command_is_queued_for_the_engine_and_shows_its_acknowledgement(console, profile, write):
    write()
    number = console.send(CommandVerb.PAUSE, book="eos", reason="lunch")
    with closing(open_ledger(profile.ledger)) as db:
        (row,) = pending_commands(db)
    assert (row.id, row.verb, row.book, row.reason, row.status) == (
        number,
        CommandVerb.PAUSE,
        "eos",
        "lunch",
        CommandStatus.QUEUED,
    )
    assert row.actor.endswith(f":{os.getpid()}")
    assert console.command(number) == row
    write(CommandAck(id=number, ts=7, verb=CommandVerb.PAUSE, status=CommandStatus.REFUSED, detail="no such book"))
    acknowledged = console.command(number)
    assert (acknowledged.status, acknowledged.detail) == (CommandStatus.REFUSED, "no such book")
    assert list(console.commands()) == [acknowledged]


def test_the_conversation_is_kept_oldest_first(console, write):
    write()
    ids = [console.say("operator", "why BTC?"), console.say("console", "because")]
    assert [(row.id, row.role, row.text) for row in console.chat()] == [
        (ids[0], "operator", "why BTC?"),
        (ids[1], "console", "because"),
    ]
    assert [row.text for row in console.chat(limit=1)] == ["because"]


def test_what_the_chat_took_is_booked(console, write):
    write()
    usage = AiUsage(
        ts=5,
        book="",
        purpose="chat",
        model="m",
        signal_id="",
        input_tokens=1,
        output_tokens=2,
        cached_tokens=None,
        cost=Decimal("0.10"),
        currency="USD",
        latency_ms=9,
    )
    console.book_usage(usage)
    assert list(console.ai_usage(5)) == [usage]
    assert list(console.ai_usage(6)) == []


def test_the_live_view_and_bars_come_through(console, profile):
    live = LiveWriter(profile.live)
    bar = Bar("X.Y", 300_000, 0, 1.0, 2.0, 0.5, 1.5, 10.0, 300_000)
    live.add_bars([bar])
    live.publish(VIEW)
    assert console.view() == VIEW
    assert console.view() is console.view()
    assert list(console.bars("X.Y")) == [bar]
    live.close()


def test_an_engine_is_alive_while_it_holds_the_lock(console, profile):
    with EngineLock(profile.lock):
        assert console.engine_alive()
    assert not console.engine_alive()


def test_the_tail_of_the_log(console, profile):
    assert list(console.log_lines()) == []
    profile.log.write_text("".join(f"line {i} — ü\n" for i in range(20_000)))
    assert list(console.log_lines(limit=3)) == [f"line {i} — ü" for i in (19_997, 19_998, 19_999)]
    assert len(console.log_lines(limit=15_000)) == 15_000
    assert len(console.log_lines(limit=50_000)) == 20_000
    profile.log.write_bytes(b"bad \xff byte, no end")
    assert list(console.log_lines()) == ["bad � byte, no end"]


def test_a_run_put_aside_makes_room_without_reopening(console, profile, write):
    write(order(1))
    with closing(open_ledger(profile.ledger)) as db:
        run = start_run(db, ts=1, mode=Mode.DEMO, version="0", config_hash="x")
        end_run(db, run.id, ts=2, status=RunStatus.FINISHED, summary={"trades": 1})
    assert len(console.orders()) == 1
    before = console.ledger_version()
    archive(profile)
    assert console.ledger_version() != before
    assert list(console.orders()) == []
    assert [row.id for row in console.runs()] == [run.id]


def test_a_ledger_replaced_by_another_file_is_noticed(console, profile, write):
    write(order(1))
    assert len(console.orders()) == 1
    before = console.ledger_version()
    profile.ledger.rename(profile.root / "elsewhere.sqlite")
    assert list(console.orders()) == []
    assert console.ledger_version() == 0
    write(order(2))
    assert console.ledger_version() not in (0, before)
    assert [row.client_order_id for row in console.orders()] == ["o2"]


def test_a_newer_ledger_is_refused_at_once(profile, write):
    write()
    with closing(sqlite3.connect(profile.ledger)) as db:
        db.execute("PRAGMA user_version = 99")
    with pytest.raises(LedgerError, match="newer tradeterm"):
        open_console(profile)


def test_reading_goes_on_while_the_engine_writes(console, profile):
    writer = LedgerWriter(profile.ledger)
    writer.start()
    for i in range(300):
        writer.write([order(i), fill(i)])
        console.ledger_version()
        assert len(console.orders(limit=5)) <= 5
    writer.close()
    assert len(console.orders(limit=1000)) == 300


def test_the_console_does_not_import_what_it_does_not_need():
    import subprocess
    import sys

    code = (
        "import sys, tradeterm.console.client; print({'sqlite_utils', 'pandas', 'textual', 'numpy'} & set(sys.modules))"
    )
    answer = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert answer.stdout.strip() == "set()"


def test_it_is_the_console_of_the_protocol(profile):
    assert isinstance(open_console(profile), SqliteConsole)


def test_an_owner_without_a_name_is_called_by_number(profile, monkeypatch):
    def nobody(*_):
        raise KeyError("getpwuid(): uid not found")

    monkeypatch.setattr("pwd.getpwuid", nobody)
    for name in ("USER", "LOGNAME", "LNAME", "USERNAME"):
        monkeypatch.delenv(name, raising=False)
    open_ledger(profile.ledger).close()
    with closing(open_console(profile)) as console:
        command = console.send(CommandVerb.HALT)
        assert console.command(command).actor == f"{os.getuid()}:{os.getpid()}"


def test_the_risk_engines_newest_findings(console, write):
    def stress(ts, book, scenario):
        return StressFact(ts=ts, book=book, scenario=scenario, loss=1.5, share=None, assumptions="")

    def fan(ts, book):
        return FanFact(ts=ts, book=book, steps=(0, 10), bands={"0.50": (1.0, 2.0)}, paths=9, seed=1, numbers={})

    def correlation(ts):
        return CorrelationFact(ts=ts, instruments=("X.Y",), correlation=((1.0,),), groups=(0,), observations=ts)

    assert console.correlation() is None
    write(stress(1, "", "old"), stress(2, "", "crash"), stress(2, "", "crisis"), stress(1, "eos", "crash"))
    write(fan(1, "eos"), fan(2, "eos"), fan(1, "other"), correlation(5), correlation(7))
    write(*(RegimeFact(ts=ts, instrument="X.Y", regime=Regime.CHOP) for ts in (1, 2, 3)))
    assert [(row.ts, row.book, row.scenario) for row in console.stress_results()] == [
        (2, "", "crash"),
        (2, "", "crisis"),
        (1, "eos", "crash"),
    ]
    assert [(row.ts, row.book) for row in console.fans()] == [(2, "eos"), (1, "other")]
    assert console.fans()[0].bands == {"0.50": (1.0, 2.0)}
    assert console.correlation().observations == 7
    assert [row.ts for row in console.regimes(2)] == [3, 2]


def test_only_what_was_sized(console, write):
    size = SizeFactors((("risk", "1"),), "risk")
    write(*(msgspec.structs.replace(signal(at), size=size if at % 2 else None) for at in range(1, 8)))
    assert [row.id for row in console.sized_signals()] == ["s7", "s5", "s3", "s1"]
    assert [row.id for row in console.sized_signals(1)] == ["s7"]
    assert console.sized_signals(1)[0].size == size
