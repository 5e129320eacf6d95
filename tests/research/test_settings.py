"""One value inside plain data, by its path."""

import pytest

from tradeterm.domain.errors import ConfigError
from tradeterm.research.settings import set_at


def test_it_reaches_tables_and_lists_and_makes_tables() -> None:
    values = {"a": {"b": [{"n": 1}, {"n": 2}]}, "none": None}
    set_at(values, ("a", "b", "1", "n"), 3, "--set")
    set_at(values, ("none", "x"), 4, "--set")
    set_at(values, ("c", "d"), 5, "--set")
    set_at(values, ("a", "b", "0"), 6, "--set")
    assert values == {"a": {"b": [6, {"n": 3}]}, "none": {"x": 4}, "c": {"d": 5}}


@pytest.mark.parametrize(
    ("path", "text"),
    [
        (("a", "2"), '--set: a.2: found "2", allowed 0 to 1'),
        (("a", "x", "n"), '--set: a.x: found "x", allowed 0 to 1'),
        (("b", "n"), '--set: b: is one value, so it has no "n" in it'),
    ],
)
def test_a_place_that_is_not_there(path: tuple[str, ...], text: str) -> None:
    with pytest.raises(ConfigError) as caught:
        set_at({"a": [1, 2], "b": 1}, path, 0, "--set")
    assert str(caught.value) == text
