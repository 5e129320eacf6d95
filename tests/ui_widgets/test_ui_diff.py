from hypothesis import given
from hypothesis import strategies as st
from msgspec import Struct

from tradeterm.ui.diff import changed_lines, diff_rows


class Item(Struct, frozen=True):
    key: str
    value: int


def rows(**values: int) -> list[Item]:
    return [Item(key, value) for key, value in values.items()]


def test_equal_rows_are_no_change():
    change = diff_rows(rows(a=1, b=2), rows(a=1, b=2))
    assert not change
    assert change.in_place


def test_added_removed_changed_and_moved_are_told_apart():
    change = diff_rows(rows(a=1, b=2, c=3), rows(c=3, b=5, d=4))
    assert change.added == {"d"}
    assert change.removed == {"a"}
    assert change.changed == {"b"}
    assert change.moved
    assert not change.in_place


def test_a_changed_value_stays_in_place():
    change = diff_rows(rows(a=1, b=2), rows(a=1, b=3))
    assert change.in_place and change.changed == {"b"}


values = st.dictionaries(st.sampled_from("abcdef"), st.integers(0, 2))


@given(values, values)
def test_the_difference_leads_from_old_to_new(old, new):
    change = diff_rows(rows(**old), rows(**new))
    rebuilt = {key: value for key, value in old.items() if key not in change.removed}
    rebuilt |= {key: new[key] for key in change.added | change.changed}
    assert rebuilt == new
    assert bool(change) == (list(old.items()) != list(new.items()))


def test_changed_lines():
    assert changed_lines(["a", "b", "c"], ["a", "x"]) == [1, 2]
    assert changed_lines([], []) == []
    assert changed_lines(["a"], ["a", "b"]) == [1]
