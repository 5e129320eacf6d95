import os
import sqlite3
import zlib
from contextlib import closing
from decimal import Decimal

import pytest
import sqlite_utils
from ledger_facts import make_order, make_signal

from tradeterm.domain.errors import LedgerError
from tradeterm.domain.facts import AlertFact, ShadowTrade, SignalFact
from tradeterm.domain.orders import Order, PositionSide
from tradeterm.ledger.codec import FACT_TYPES, codec_of, select
from tradeterm.ledger.migrations import LEDGER_VERSION
from tradeterm.ledger.schema import create_views, tables, view_name, write_statement
from tradeterm.ledger.store import LedgerMissing, file_system, open_ledger

as_root = os.geteuid() == 0


def test_a_new_ledger_has_every_table_and_is_in_wal_mode(tmp_path):
    with closing(open_ledger(tmp_path / "ledger.sqlite")) as db:
        names = {row[0] for row in db.execute("SELECT name FROM sqlite_master WHERE type = 'table'")}
        assert names == {table.name for table in tables()}
        assert {codec_of(type_).table for type_ in FACT_TYPES} < names
        assert db.execute("PRAGMA journal_mode").fetchone() == ("wal",)
        assert db.execute("PRAGMA foreign_keys").fetchone() == (1,)
        assert db.execute("PRAGMA user_version").fetchone() == (LEDGER_VERSION,)
    assert (tmp_path / "ledger.sqlite").stat().st_mode & 0o077 == 0


def test_the_design_names_these_tables():
    names = """
        runs signals verdicts orders order_events fills cash_events positions trades equity breaker_events
        risk_snapshots shadow_trades alerts commands chat ai_usage reconciliations desk_state book_state desk_money
        health_events regimes correlations stress_results fans
    """
    assert {table.name for table in tables()} == set(names.split())


def test_a_change_of_columns_is_a_new_version():
    """Raise LEDGER_VERSION with this number, so that older files get their new columns."""
    columns = sorted((table.name, name) for table in tables() for name in table.columns)
    assert (LEDGER_VERSION, zlib.crc32(repr(columns).encode())) == (6, 1702800584)


def test_opening_again_changes_nothing(tmp_path):
    path = tmp_path / "ledger.sqlite"
    open_ledger(path).close()
    before = path.read_bytes()
    open_ledger(path).close()
    assert path.read_bytes() == before


def test_an_older_ledger_gets_what_it_lacks_and_keeps_its_rows(tmp_path):
    path = tmp_path / "ledger.sqlite"
    order, signal = make_order(), make_signal()
    with closing(open_ledger(path)) as db:
        for fact in (order, signal):
            db.execute(write_statement(type(fact)), codec_of(type(fact)).encode(fact))
        db.commit()
        for column in ("reason", "reduce_only", "filled_quantity", "average_price", "time_in_force"):
            db.execute(f"ALTER TABLE orders DROP COLUMN {column}")
        db.execute("ALTER TABLE signals DROP COLUMN checks")
        db.execute("DROP TABLE alerts")
        db.execute("PRAGMA user_version = 0")
    with pytest.raises(LedgerMissing, match="version 0"):
        open_ledger(path, readonly=True)
    with closing(open_ledger(path)) as db:
        assert select(db, Order) == [order]
        assert select(db, SignalFact) == [signal]
        assert select(db, AlertFact) == []
        assert db.execute("PRAGMA user_version").fetchone() == (LEDGER_VERSION,)


def test_a_newer_ledger_is_refused(tmp_path):
    path = tmp_path / "ledger.sqlite"
    with closing(open_ledger(path)) as db:
        db.execute("PRAGMA user_version = 99")
    for readonly in (True, False):
        with pytest.raises(LedgerError, match=r"written by a newer tradeterm \(ledger version 99") as caught:
            open_ledger(path, readonly)
        assert str(path) in str(caught.value)


def test_a_file_that_is_not_a_database_is_refused(tmp_path):
    path = tmp_path / "ledger.sqlite"
    path.write_text("dear diary, " * 500)
    for readonly in (True, False):
        with pytest.raises(LedgerError, match="is not a ledger"):
            open_ledger(path, readonly)
    assert path.read_text().startswith("dear diary")


def test_a_database_of_another_program_is_refused_and_kept(tmp_path):
    path = tmp_path / "ledger.sqlite"
    with closing(sqlite3.connect(path)) as db:
        db.execute("CREATE TABLE recipes (name TEXT)")
    for readonly in (True, False):
        with pytest.raises(LedgerError, match="not a tradeterm ledger"):
            open_ledger(path, readonly)
    with closing(sqlite3.connect(path)) as db:
        assert db.execute("SELECT name FROM sqlite_master").fetchall() == [("recipes",)]


def test_a_damaged_ledger_is_refused_with_a_sentence(tmp_path):
    path = tmp_path / "ledger.sqlite"
    open_ledger(path).close()
    whole = path.read_bytes()
    path.write_bytes(whole[:100] + bytes(4096) + whole[4196:])
    with pytest.raises(LedgerError, match="is damaged"):
        open_ledger(path)


def test_an_empty_file_becomes_a_ledger(tmp_path):
    path = tmp_path / "ledger.sqlite"
    path.touch()
    with pytest.raises(LedgerMissing):
        open_ledger(path, readonly=True)
    open_ledger(path).close()
    open_ledger(path, readonly=True).close()


def test_a_log_left_by_a_vanished_ledger_is_not_taken_for_the_new_ones(tmp_path):
    path = tmp_path / "ledger.sqlite"
    path.with_name("ledger.sqlite-wal").write_bytes(b"x" * 5000)
    with closing(open_ledger(path)) as db:
        assert db.execute("PRAGMA integrity_check").fetchone() == ("ok",)


def test_reading_where_there_is_no_ledger_creates_nothing(tmp_path):
    with pytest.raises(LedgerMissing, match="there is no ledger"):
        open_ledger(tmp_path / "ledger.sqlite", readonly=True)
    assert list(tmp_path.iterdir()) == []


def test_a_missing_folder_is_one_sentence(tmp_path):
    with pytest.raises(LedgerError, match="cannot be opened: check that its folder exists"):
        open_ledger(tmp_path / "nowhere" / "ledger.sqlite")


def test_readers_cannot_write(tmp_path):
    path = tmp_path / "ledger.sqlite"
    open_ledger(path).close()
    with closing(open_ledger(path, readonly=True)) as db, pytest.raises(sqlite3.OperationalError, match="readonly"):
        db.execute("DELETE FROM orders")


def test_a_folder_that_may_not_be_looked_into_is_one_sentence(tmp_path, monkeypatch):
    def refuse(*args, **kwargs):
        raise PermissionError(13, "Permission denied")

    monkeypatch.setattr(type(tmp_path), "exists", refuse)
    for readonly in (True, False):
        with pytest.raises(LedgerError, match="cannot be opened: Permission denied"):
            open_ledger(tmp_path / "ledger.sqlite", readonly)


@pytest.mark.skipif(as_root, reason="root may write everywhere")
def test_a_read_only_folder_is_refused_for_writing_and_readable(tmp_path):
    path = tmp_path / "ledger.sqlite"
    open_ledger(path).close()
    tmp_path.chmod(0o500)
    try:
        with pytest.raises(LedgerError, match="read-only"):
            open_ledger(path)
        open_ledger(path, readonly=True).close()
        with pytest.raises(LedgerError, match=r"cannot be (opened|created|written)"):
            open_ledger(tmp_path / "other.sqlite")
    finally:
        tmp_path.chmod(0o700)


def test_a_read_only_folder_as_the_system_reports_it(tmp_path, monkeypatch):
    """The same for a root user, to whom permissions do not apply: the system's answer is what counts."""
    path = tmp_path / "ledger.sqlite"
    open_ledger(path).close()
    monkeypatch.setattr(os, "access", lambda where, mode: mode != os.W_OK)
    with pytest.raises(LedgerError, match="read-only"):
        open_ledger(path)
    open_ledger(path, readonly=True).close()


def test_network_file_systems_are_recognised(tmp_path):
    mounts = "/dev/sda1 / ext4 rw 0 0\nserver:/home /home/her\\040files nfs4 rw 0 0\n"
    assert file_system(type(tmp_path)("/home/her files/state"), mounts) == "nfs4"
    assert file_system(type(tmp_path)("/home/his"), mounts) == "ext4"
    assert file_system(type(tmp_path)("/x"), "") == ""


def test_every_book_has_its_views(tmp_path):
    with closing(open_ledger(tmp_path / "ledger.sqlite")) as db:
        create_views(sqlite_utils.Database(db), ["eos", "multi-factor"])
        create_views(sqlite_utils.Database(db), ["eos"])
        views = {row[0] for row in db.execute("SELECT name FROM sqlite_master WHERE type = 'view'")}
        assert {"eos_positions", "eos_orders", "eos_fills", "eos_trades", "multi_factor_orders"} <= views
        assert len(views) == 8


@pytest.mark.parametrize(
    ("books", "sentence"),
    [
        (["a b"], "is not a name"),
        (["x'; drop table orders"], "is not a name"),
        (["shadow"], "would hide the table"),
        (["a-b", "a_b"], "need different names"),
    ],
)
def test_names_that_cannot_be_views_are_refused(tmp_path, books, sentence):
    with closing(open_ledger(tmp_path / "ledger.sqlite")) as db, pytest.raises(LedgerError, match=sentence):
        create_views(sqlite_utils.Database(db), books)


def test_a_view_is_named_after_book_and_table():
    assert view_name("multi-factor", "trades") == "multi_factor_trades"


def test_a_ledger_of_version_2_gets_usage_rows_that_are_numbered(tmp_path):
    path = tmp_path / "ledger.sqlite"
    with closing(open_ledger(path)) as db:
        db.execute("DROP TABLE ai_usage")
        db.execute("CREATE TABLE ai_usage (id INTEGER PRIMARY KEY NOT NULL, ts INTEGER NOT NULL, book TEXT NOT NULL)")
        db.execute("PRAGMA user_version = 2")
        db.commit()
    with closing(open_ledger(path)) as db:
        names = [row[1] for row in db.execute("PRAGMA table_info(ai_usage)")]
    assert "row" in names and "id" not in names and "signal_id" in names


def test_a_ledger_of_version_5_keeps_its_shadow_trades(tmp_path):
    path = tmp_path / "ledger.sqlite"
    shadow = ShadowTrade(
        id="xs1",
        signal_id="s1",
        book="eos",
        instrument="BTCUSDT.BINANCE",
        side=PositionSide.LONG,
        quantity=Decimal("0.10"),
        entry_price=Decimal("100.0"),
        exit_price=None,
        ts_opened=1000,
        ts_closed=None,
        pnl=None,
    )
    later = ["verdict_id", "strategy", "stop", "target", "fees", "funding", "regime", "currency", "held"]
    with closing(open_ledger(path)) as db:
        db.execute(write_statement(ShadowTrade), codec_of(ShadowTrade).encode(shadow))
        db.commit()
        for column in later:
            db.execute(f"ALTER TABLE shadow_trades DROP COLUMN {column}")
        db.execute("PRAGMA user_version = 5")
    with closing(open_ledger(path)) as db:
        assert select(db, ShadowTrade) == [shadow]
