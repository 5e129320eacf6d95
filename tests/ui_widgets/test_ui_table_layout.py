import math
from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tradeterm.ui.widgets.table_layout import (
    GAP,
    Cell,
    Column,
    Measures,
    Row,
    Sort,
    fit_columns,
    fraction_width,
    matches,
    sorted_rows,
)

COLUMNS = (
    Column("symbol", "Symbol", 20, priority=100, min_width=8),
    Column("side", "Side", 5, priority=90),
    Column("pnl", "PnL", 6, "decimal", 80),
    Column("pct", "%", 5, "decimal", 30),
    Column("held", "Held", 5, "right", 20),
    Column("book", "Book", 8, priority=10),
)
NEEDED = (0, 0, 9, 5, 5, 0)


def keys(width):
    return [COLUMNS[at].key for at, _ in fit_columns(COLUMNS, NEEDED, width)]


def test_columns_go_by_priority():
    assert keys(200) == ["symbol", "side", "pnl", "pct", "held", "book"]
    assert keys(49) == ["symbol", "side", "pnl", "pct", "held"]
    assert keys(40) == ["symbol", "side", "pnl", "pct", "held"]
    assert keys(39) == ["symbol", "side", "pnl", "pct"]
    assert keys(32) == ["symbol", "side", "pnl"]
    assert keys(25) == ["symbol", "side"]
    assert keys(3) == ["symbol"]


def test_the_last_text_column_takes_what_is_left():
    fitted = dict(fit_columns(COLUMNS, NEEDED, 100))
    assert fitted[5] == 8 + 100 - sum([20, 5, 9, 5, 5, 8]) - 5 * GAP
    assert dict(fit_columns(COLUMNS[:3], NEEDED[:3], 60))[1] > 5


@given(st.integers(1, 250), st.lists(st.integers(0, 15), min_size=6, max_size=6))
def test_never_wider_than_the_room_and_no_number_is_cut(width, needed):
    fitted = fit_columns(COLUMNS, needed, width)
    assert fitted
    total = sum(cells for _, cells in fitted) + GAP * (len(fitted) - 1)
    assert total <= width
    if len(fitted) > 1:
        for at, cells in fitted:
            if COLUMNS[at].is_number:
                assert cells >= needed[at]


@pytest.mark.parametrize(
    ("text", "width"),
    [("1.50", 3), ("+1.84%", 4), ("500", 0), ("5%", 1), ("0.31x", 4), ("—", 0), ("", 0), ("a.b", 0), ("1,234", 0)],
)
def test_fraction_width(text, width):
    assert fraction_width(text) == width


def test_points_stand_under_each_other():
    columns = (Column("n", "N", 4, "decimal"),)
    measures = Measures(columns)
    texts = ["59,812.5", "41.20", "500", "—"]
    assert measures.grow(Row(text, (Cell(text),)) for text in texts)
    assert not measures.grow([Row("x", (Cell("1.1"),))])
    [width] = measures.needed
    placed = [measures.placed(text, 0, width) for text in texts]
    assert placed == ["59,812.5 ", "    41.20", "   500   ", "     —   "]


def test_texts_are_cut_and_numbers_set_right():
    columns = (Column("a", "A", 5), Column("b", "B", 5, "right"))
    measures = Measures(columns)
    assert measures.placed("abcdefgh", 0, 5) == "abcd…"
    assert measures.placed("42", 1, 5) == "   42"


def row(key, value, *texts):
    return Row(key, tuple(Cell(text) for text in texts), (value,))


def test_sorting_both_ways_keeps_missing_last():
    rows = [row("a", 2), row("b", None), row("c", Decimal(1)), row("d", math.nan), row("e", 3.5)]
    assert [r.key for r in sorted_rows(rows, Sort(0, False))] == ["c", "a", "e", "b", "d"]
    assert [r.key for r in sorted_rows(rows, Sort(0, True))] == ["e", "a", "c", "b", "d"]
    assert sorted_rows(rows, None) == rows


def test_equal_rows_keep_their_order_both_ways():
    rows = [row("a", 1), row("b", 1), row("c", 1)]
    for descending in (False, True):
        assert [r.key for r in sorted_rows(rows, Sort(0, descending))] == ["a", "b", "c"]


def test_without_sort_values_texts_are_compared():
    rows = [Row("1", (Cell("eth"),)), Row("2", (Cell("BTC"),)), Row("3", ())]
    assert [r.key for r in sorted_rows(rows, Sort(0, False))] == ["3", "2", "1"]


mixed = st.one_of(st.none(), st.integers(), st.floats(), st.decimals(), st.text(max_size=3), st.booleans())


@given(st.lists(mixed, max_size=12), st.booleans())
def test_any_mix_of_values_can_be_sorted(values, descending):
    rows = [row(str(at), value) for at, value in enumerate(values)]
    assert sorted(r.key for r in sorted_rows(rows, Sort(0, descending))) == sorted(r.key for r in rows)


def test_filter_wants_every_word():
    one = Row("a", (Cell("BTCUSDT"), Cell("LONG")))
    assert matches(one, [])
    assert matches(one, ["btc", "long"])
    assert not matches(one, ["btc", "short"])
