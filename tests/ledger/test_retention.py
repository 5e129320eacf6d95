import sqlite3
from contextlib import closing
from decimal import Decimal

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from ledger_facts import make_equity, make_fill
from sqlite_utils import Database

from tradeterm.config import LedgerConfig
from tradeterm.domain.facts import EquityPoint
from tradeterm.domain.market import DAY_MS, HOUR_MS, MINUTE_MS
from tradeterm.ledger.codec import codec_of, select
from tradeterm.ledger.retention import roll_up
from tradeterm.ledger.schema import create_tables, write_statement
from tradeterm.ledger.store import open_ledger

NOW = 1000 * DAY_MS
KEEP = LedgerConfig(keep_samples_days=1, keep_minutes_days=7, keep_hours_days=100)


@pytest.fixture
def db(tmp_path):
    with closing(open_ledger(tmp_path / "ledger.sqlite")) as db:
        yield db


def add(db, *points):
    with db:
        db.executemany(write_statement(EquityPoint), [codec_of(EquityPoint).encode(point) for point in points])


def rows(db, book=""):
    return db.execute("SELECT ts, resolution, equity FROM equity WHERE book = ? ORDER BY ts", (book,)).fetchall()


def test_young_samples_stay(db):
    add(db, *(make_equity(NOW - i * 1000) for i in range(100)))
    assert roll_up(db, KEEP, NOW) == 0
    assert len(rows(db)) == 100


def test_each_age_has_its_resolution(db):
    day, hour = NOW - 200 * DAY_MS, NOW - 50 * DAY_MS
    minute, live = NOW - 3 * DAY_MS, NOW - HOUR_MS
    for start in (day, hour, minute, live):
        add(db, *(make_equity(start + i * 20_000, str(i)) for i in range(6)))
    assert roll_up(db, KEEP, NOW) == 5 + 5 + 4
    assert rows(db) == [
        (day + 100_000, DAY_MS, "5"),
        (hour + 100_000, HOUR_MS, "5"),
        (minute + 40_000, MINUTE_MS, "2"),
        (minute + 100_000, MINUTE_MS, "5"),
        *((live + i * 20_000, 0, str(i)) for i in range(6)),
    ]


def test_a_stretch_keeps_its_last_sample_and_its_deepest_drawdown(db):
    start = NOW - 3 * DAY_MS
    falls = ["0.01", "0.100", "0.09"]
    add(db, *(make_equity(start + i, str(i), drawdown=Decimal(fall)) for i, fall in enumerate(falls)))
    roll_up(db, KEEP, NOW)
    (point,) = select(db, EquityPoint)
    assert (point.ts, point.equity, point.drawdown) == (start + 2, Decimal(2), Decimal("0.100"))


def test_books_are_rolled_up_apart(db):
    start = NOW - 3 * DAY_MS
    add(db, *(make_equity(start + i, str(i), book=book) for i in range(3) for book in ("", "eos")))
    roll_up(db, KEEP, NOW)
    assert rows(db) == rows(db, "eos") == [(start + 2, MINUTE_MS, "2")]


def test_a_late_sample_joins_the_stretch_it_belongs_to(db):
    start = NOW - 3 * DAY_MS
    add(db, make_equity(start, "1"))
    roll_up(db, KEEP, NOW)
    add(db, make_equity(start + 5, "2"))
    roll_up(db, KEEP, NOW)
    assert rows(db) == [(start + 5, MINUTE_MS, "2")]


def test_facts_are_never_pruned(db):
    fill = make_fill(ts_event=1)
    with db:
        db.execute(write_statement(type(fill)), codec_of(type(fill)).encode(fill))
    roll_up(db, KEEP, NOW)
    assert select(db, type(fill)) == [fill]


@settings(max_examples=30)
@given(ages=st.lists(st.integers(0, 300 * DAY_MS), max_size=40, unique=True), later=st.integers(0, 300 * DAY_MS))
def test_twice_is_once_and_going_in_steps_ends_at_the_same(tmp_path_factory, ages, later):
    def curve(*times):
        with closing(sqlite3.connect(":memory:")) as db:
            create_tables(Database(db))
            add(db, *(make_equity(NOW - age, str(age)) for age in ages))
            for now in times:
                with db:
                    roll_up(db, KEEP, now)
            return rows(db)

    end = NOW + later
    once = curve(end)
    assert once == curve(end, end) == curve(NOW, end)
    assert len(once) <= len(ages)
    if ages:
        assert (once[-1][0], once[-1][2]) == (NOW - min(ages), str(min(ages)))
