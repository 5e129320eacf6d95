"""What a sweep varies, and in which order it tries it."""

import pytest
from honesty_kit import hourly, register, study_of, walk

from tradeterm.domain.errors import ConfigError
from tradeterm.research.study import Study
from tradeterm.research.sweep.search import Method, OptunaSearch, RandomSearch, search_of
from tradeterm.research.sweep.space import Axis, check_axes, grid_of, parse_axis, with_changes


@pytest.fixture
def study(monkeypatch: pytest.MonkeyPatch) -> Study:
    register(monkeypatch)
    return study_of(hourly(walk(1, 200)))


@pytest.mark.parametrize(
    ("text", "values"),
    [
        ("a=1,2,3", (1, 2, 3)),
        ("a = 0.5, true ,null,word", (0.5, True, None, "word")),
        ("a=1,1,2", (1, 2)),
        ("a=1:5:2", (1, 3, 5)),
        ("a=1:6:2", (1, 3, 5)),
        ("a=0.1:0.3:0.1", (0.1, 0.2, 0.3)),
    ],
)
def test_values(text: str, values: tuple[object, ...]) -> None:
    axis = parse_axis(text)
    assert axis.values == values
    assert axis.name == "a" and not axis.is_range


def test_ranges() -> None:
    assert parse_axis("a=1:5") == Axis(name="a", low=1, high=5, whole=True)
    assert parse_axis("exits.stop=0.01:0.05") == Axis(name="exits.stop", low=0.01, high=0.05)


NO_AXIS = ("a", "a=", "=1", "a=,", "a=5:1", "a=1:1", "a=1:5:0", "a=1:5:-1", "a=1:2:3:4", "a=x:2", "a=1:nan")


@pytest.mark.parametrize("text", NO_AXIS)
def test_what_is_no_axis(text: str) -> None:
    with pytest.raises(ConfigError, match="--vary: found"):
        parse_axis(text)


def test_a_grid_has_every_combination_the_last_moving_fastest() -> None:
    grid = grid_of([parse_axis("a=1,2"), parse_axis("b=3,4")])
    assert grid == [{"a": 1, "b": 3}, {"a": 1, "b": 4}, {"a": 2, "b": 3}, {"a": 2, "b": 4}]


def test_a_grid_needs_steps_and_an_end() -> None:
    with pytest.raises(ConfigError, match=r"found a=1:2, allowed LOW:HIGH:STEP"):
        grid_of([parse_axis("a=1:2")])
    many = parse_axis("a=1:1000:1")
    with pytest.raises(ConfigError, match="found 1000000 combinations, allowed 100000"):
        grid_of([many, Axis(name="b", values=many.values)])


def test_changes_reach_the_strategy_and_the_book(study: Study) -> None:
    changed = with_changes(
        study, {"every": 6, "exits.stop": 0.03, "sizing.risk_fraction": 0.005, "limits.drawdown": 0.5}
    )
    assert changed.book.parameters == {"every": 6}
    assert changed.book.exits.stop == 0.03
    assert changed.book.sizing.risk_fraction == 0.005
    assert changed.book.limits.drawdown == 0.5
    assert changed.panel is study.panel
    assert study.book.exits.stop == 0.05, "and the study itself is as it was"


@pytest.mark.parametrize(
    ("axis", "text"),
    [
        ("evry=1,2", "evry: found a key that is not known here; did you mean every?"),
        ("every=0,2", "every: found 0, allowed"),
        ("every=1:5000", "every: found 5000, allowed"),
        ("exits.stop=2", "exits.stop: found 2"),
        ("exits.stp=0.1", "did you mean stop?"),
        ("venue.name=1", 'found "venue.name"'),
    ],
)
def test_what_the_study_does_not_take_is_said_before_anything_runs(study: Study, axis: str, text: str) -> None:
    with pytest.raises(ConfigError) as caught:
        check_axes(study, [parse_axis(axis)])
    assert text in str(caught.value)


def test_twice_the_same_key(study: Study) -> None:
    with pytest.raises(ConfigError, match="found every twice"):
        check_axes(study, [parse_axis("every=1,2"), parse_axis("every=3")])


AXES = (Axis(name="a", low=0.0, high=1.0), Axis(name="b", low=1, high=9, whole=True), Axis(name="c", values=("x", "y")))


def test_any_draw_can_be_drawn_again() -> None:
    first, second = RandomSearch(AXES, 5), RandomSearch(AXES, 5)
    drawn = [first.ask(number) for number in range(50)]
    assert second.ask(37) == drawn[37]
    assert RandomSearch(AXES, 6).ask(37) != drawn[37]
    assert all(0 <= each["a"] <= 1 and 1 <= each["b"] <= 9 and each["c"] in ("x", "y") for each in drawn)
    assert len({each["a"] for each in drawn}) == 50


def test_a_guided_search_goes_where_it_was_good_and_repeats_itself() -> None:
    def course(seed: int) -> list[float]:
        search = OptunaSearch(AXES[:1], seed)
        found = []
        for number in range(60):
            value = search.ask(number)["a"]
            search.tell(number, None if value > 0.95 else -((value - 0.3) ** 2))
            found.append(value)
        return found

    values = course(1)
    assert course(1) == values
    assert course(2) != values
    late = values[30:]
    assert sum(abs(value - 0.3) < 0.1 for value in late) > len(late) / 2


def test_how_many_trials() -> None:
    grid = [parse_axis("a=1,2"), parse_axis("b=1,2,3")]
    assert search_of(Method.GRID, grid, 100, 0)[1] == 6
    assert search_of(Method.RANDOM, AXES, 7, 0)[1] == 7
    with pytest.raises(ConfigError, match="--trials: found 0"):
        search_of(Method.OPTUNA, AXES, 0, 0)
