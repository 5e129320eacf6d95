from contextlib import closing
from decimal import Decimal

import pytest
from ledger_facts import make_event, make_fill, make_order, make_signal, make_trade

from tradeterm.desk.positions import rebuild
from tradeterm.domain.errors import LedgerError
from tradeterm.domain.facts import BookStateFact
from tradeterm.domain.orders import Cash, CashKind, OrderSide, OrderStatus
from tradeterm.domain.snapshot import Position
from tradeterm.domain.states import BookState
from tradeterm.ledger.audit import AuditKind, AuditLog
from tradeterm.ledger.check import check_ledger
from tradeterm.ledger.store import open_ledger
from tradeterm.ledger.writer import LedgerWriter

FILLED = {"status": OrderStatus.FILLED, "filled_quantity": Decimal("1.5")}
CLOSED_TRIP = (
    make_signal("s1", client_order_id="o1"),
    make_order("o1", signal_id="s1", **FILLED),
    make_event("o1"),
    make_fill("e1", client_order_id="o1", price=Decimal(100), fee=Decimal("0.07")),
    make_order("o2", side=OrderSide.SELL, **FILLED),
    make_event("o2"),
    make_fill("e2", client_order_id="o2", side=OrderSide.SELL, price=Decimal(102), fee=Decimal("0.07")),
    make_trade("o1"),
)
OPEN_TRIP = (
    make_order("p1", instrument="ETHUSDT.BINANCE", **FILLED),
    make_event("p1"),
    make_fill("e3", client_order_id="p1", instrument="ETHUSDT.BINANCE", price=Decimal(10), fee=Decimal("0.01")),
    Cash(
        id="f1",
        venue="paper",
        account="eos",
        book="eos",
        kind=CashKind.FUNDING,
        amount=Decimal("-0.02"),
        currency="USDT",
        ts_event=5000,
        instrument="ETHUSDT.BINANCE",
    ),
    Position(
        book="eos",
        venue="paper",
        account="eos",
        instrument="ETHUSDT.BINANCE",
        quantity=Decimal("1.5"),
        average_price=Decimal(10),
        fees=Decimal("0.01"),
        funding=Decimal("0.02"),
        entry_quantity=Decimal("1.5"),
        entry_value=Decimal(15),
        trade_id="p1",
    ),
)
MONEY = BookStateFact(
    ts=5000,
    book="eos",
    state=BookState.RUNNING,
    cash=Decimal("1002.83"),  # 1000 + 3 − 0.14 − 0.01 − 0.02
    peak_equity=Decimal(1010),
    day=0,
    day_start_equity=None,
)
GOOD = (*CLOSED_TRIP, *OPEN_TRIP, MONEY)


@pytest.fixture
def check(tmp_path):
    path = tmp_path / "ledger.sqlite"

    def check(*facts, sql=""):
        writer = LedgerWriter(path)
        writer.start()
        writer.write(facts)
        writer.close()
        with closing(open_ledger(path)) as db:
            db.executescript(sql)
        return check_ledger(path, rebuild, capitals={"eos": Decimal(1000)}, audit=tmp_path / "audit")

    return check


def test_a_new_ledger_is_in_order(check):
    report = check()
    assert (report.ok, report.findings) == (True, ())


def test_a_ledger_that_agrees_with_itself_is_in_order(check):
    report = check(*GOOD)
    assert (report.ok, report.findings) == (True, ())
    assert report.counts["fills"] == 3


@pytest.mark.parametrize(
    ("sql", "sentence"),
    [
        ("UPDATE positions SET quantity = '1.4'", "has quantity 1.4, its fills give 1.5"),
        ("UPDATE positions SET average_price = '11'", "has average_price 11, its fills give 10"),
        ("DELETE FROM positions", "position eos/ETHUSDT.BINANCE of 1.50 is not recorded"),
        ("DELETE FROM fills WHERE exec_id = 'e3'", "is not supported by fills"),
        ("UPDATE book_state SET cash = '1002.82'", "book eos has cash 1002.82"),
        ("DELETE FROM cash_events", "has funding 0.02, its fills give 0"),
        ("UPDATE orders SET filled_quantity = '1.6' WHERE client_order_id = 'o1'", "has filled 1.6, its fills sum to"),
        ("UPDATE orders SET status = 'CANCELED' WHERE client_order_id = 'o1'", "is CANCELED, its last event left it"),
        ("DELETE FROM orders WHERE client_order_id = 'o2'", "belong to order o2, which is not recorded"),
        ("DELETE FROM signals", "orders name signal s1, which is not recorded"),
        ("UPDATE trades SET pnl = '3'", "has pnl 3, not its gross pnl"),
        ("UPDATE trades SET fees = '0', pnl = gross_pnl", "have 0.14 more fees than"),
        ("UPDATE trades SET quantity = '1'", "more quantity than"),
        ("UPDATE fills SET price = 'NaN' WHERE exec_id = 'e1'", "has price NaN, which is not a finite number"),
        ("UPDATE fills SET side = 'UP' WHERE exec_id = 'e1'", "row 1 of fills cannot be read"),
        ("UPDATE signals SET explain = '{'", "of signals cannot be read"),
        (
            "INSERT INTO fills SELECT exec_id, venue, 'other', book, instrument, client_order_id, venue_order_id, side,"
            " quantity, price, fee, fee_currency, liquidity, ts_event, ts_recv, reconciliation FROM fills LIMIT 1",
            "execution e1 was booked 2 times",
        ),
    ],
)
def test_every_disagreement_is_one_sentence(check, sql, sentence):
    report = check(*GOOD, sql=sql)
    assert not report.ok
    assert any(sentence in finding for finding in report.findings), report.findings


def test_a_broken_audit_chain_is_found(check, tmp_path):
    log = AuditLog(tmp_path / "audit")
    log.append(AuditKind.PNL, {"value": 1}, ts=1)
    log.close()
    assert check().ok
    path = log.path(AuditKind.PNL)
    path.write_bytes(path.read_bytes().replace(b'"value":1', b'"value":2'))
    (finding,) = check().findings
    assert finding == f"{path}, line 1: its content was changed"


def test_damage_in_the_middle_of_the_file_is_found(check, tmp_path):
    check(*GOOD, *(make_event(f"x{i}", detail="z" * 500) for i in range(200)))
    path = tmp_path / "ledger.sqlite"
    whole = bytearray(path.read_bytes())
    middle = len(whole) // 2
    whole[middle : middle + 4096] = bytes(4096)
    path.write_bytes(whole)
    try:
        report = check_ledger(path)
    except LedgerError as error:
        assert "damaged" in str(error)
    else:
        assert any("damaged" in finding for finding in report.findings)


def test_a_ledger_that_is_not_there_is_one_sentence(tmp_path):
    with pytest.raises(LedgerError, match="there is no ledger"):
        check_ledger(tmp_path / "ledger.sqlite")
