"""How much of a cross-sectional book may be in the market: a worse number never gives more, and what is not known is
the careful one."""

import math
from decimal import Decimal
from functools import reduce
from pathlib import Path
from typing import Any

import msgspec
import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from tradeterm.config import ExposureConfig, ExposureRange
from tradeterm.config_file import load_config
from tradeterm.desk.exposure_gates import (
    Exposure,
    ExposureInputs,
    ExposureState,
    MarketRegime,
    inputs_of,
    judge_anew,
    on_bar,
    on_rank_ic,
    on_trade,
    target_exposure,
)
from tradeterm.domain.errors import ConfigError
from tradeterm.resources import example_config

BULL, NEUTRAL, WEAK = MarketRegime
PLAIN = ExposureConfig(enabled=True)
GOOD = ExposureInputs(
    regime=BULL,
    breadth=1.0,
    drawdown=0.0,
    recovered=0.0,
    win_rate=0.55,
    win_rate_fall=0.0,
    rank_ic=0.04,
    panic_left=0,
)
FIVE = 300_000

fractions = st.floats(0, 1)
any_number = st.none() | st.floats(-2, 2) | st.sampled_from([math.nan, math.inf, -math.inf])


@st.composite
def configs(draw: st.DrawFn) -> ExposureConfig:
    """Ranges that are in order, as the configuration file's check wants them."""
    leasts = sorted(draw(st.lists(fractions, min_size=3, max_size=3)))
    mosts = sorted(draw(st.lists(fractions, min_size=3, max_size=3)))
    ranges = [ExposureRange(least=min(low, high), most=high) for low, high in zip(leasts, mosts, strict=True)]
    return ExposureConfig(
        weak=ranges[0],
        neutral=ranges[1],
        bull=ranges[2],
        drawdown=draw(st.floats(0.01, 1)),
        recovery=draw(fractions),
        least_win_rate=draw(fractions),
        win_rate_fall=draw(st.floats(0.01, 1)),
        least_rank_ic=draw(st.floats(-0.1, 0.1)),
    )


inputs = st.builds(
    ExposureInputs,
    regime=st.none() | st.sampled_from(MarketRegime),
    breadth=any_number,
    drawdown=any_number,
    recovered=any_number,
    win_rate=any_number,
    win_rate_fall=any_number,
    rank_ic=any_number,
    panic_left=st.integers(0, 5),
)

RANKS = {None: 0, WEAK: 0, NEUTRAL: 1, BULL: 2}
MORE_IS_BETTER = {"breadth": True, "drawdown": False, "recovered": True, "win_rate": True, "win_rate_fall": False}
MORE_IS_BETTER |= {"rank_ic": True, "panic_left": False}


def known(value: float | None) -> bool:
    return value is not None and math.isfinite(value)


def no_better(one: ExposureInputs, other: ExposureInputs) -> bool:
    """Whether no number of `one` is better than `other`'s; what cannot be compared (known and not) is not."""
    if RANKS[one.regime] > RANKS[other.regime]:
        return False
    for name, more in MORE_IS_BETTER.items():
        mine, theirs = getattr(one, name), getattr(other, name)
        if known(mine) != known(theirs):
            return False
        if known(mine) and (mine > theirs) == more and mine != theirs:
            return False
    return True


@st.composite
def worsened(draw: st.DrawFn) -> tuple[ExposureInputs, ExposureInputs]:
    """Inputs, and others of which some numbers are worse."""
    better = draw(inputs)
    changes: dict[str, Any] = {}
    if draw(st.booleans()) and better.regime is not None:
        worse = [regime for regime in (None, *MarketRegime) if RANKS[regime] <= RANKS[better.regime]]
        changes["regime"] = draw(st.sampled_from(worse))
    for name, more in MORE_IS_BETTER.items():
        value = getattr(better, name)
        if known(value) and draw(st.booleans()):
            by = draw(st.integers(0, 3)) if name == "panic_left" else draw(st.floats(0, 1))
            changes[name] = value - by if more else value + by
    return better, msgspec.structs.replace(better, **changes)


@given(configs(), worsened())
def test_a_worse_number_never_gives_more(config: ExposureConfig, pair: tuple[ExposureInputs, ExposureInputs]) -> None:
    better, worse = pair
    assert no_better(worse, better)
    more, less = target_exposure(config, better), target_exposure(config, worse)
    assert less.gross <= more.gross
    assert more.new_longs or not less.new_longs


@given(configs(), inputs, st.sampled_from([*MORE_IS_BETTER][:-1]), st.sampled_from([None, math.nan, math.inf]))
def test_to_know_less_never_gives_more_than_a_good_number(
    config: ExposureConfig, given_inputs: ExposureInputs, name: str, nothing: float | None
) -> None:
    best = {"breadth": 1.0, "drawdown": 0.0, "recovered": 1.0, "win_rate": 1.0, "win_rate_fall": 0.0, "rank_ic": 1.0}
    good = msgspec.structs.replace(given_inputs, **{name: best[name]})
    unknown = msgspec.structs.replace(given_inputs, **{name: nothing})
    more, less = target_exposure(config, good), target_exposure(config, unknown)
    assert less.gross <= more.gross
    assert more.new_longs or not less.new_longs


@given(configs(), inputs)
def test_it_is_a_number_within_the_regimes_range_and_says_why(config: ExposureConfig, given_inputs: Any) -> None:
    found = target_exposure(config, given_inputs)
    most = {BULL: config.bull, NEUTRAL: config.neutral}.get(given_inputs.regime, config.weak).most
    assert 0.0 <= found.gross <= most
    assert found.reasons
    assert not any("nan" in reason or "inf" in reason for reason in found.reasons)
    assert found.gross > 0 or not found.new_longs


def gross(config: ExposureConfig = PLAIN, **changes: Any) -> float:
    return target_exposure(config, msgspec.structs.replace(GOOD, **changes)).gross


@pytest.mark.parametrize(
    ("regime", "breadth", "expected"),
    [(BULL, 1.0, 1.0), (BULL, 0.0, 0.6), (NEUTRAL, 0.5, 0.5), (WEAK, 1.0, 0.3), (WEAK, 0.0, 0.0), (None, 1.0, 0.3)],
)
def test_the_range_of_the_regime(regime: MarketRegime | None, breadth: float, expected: float) -> None:
    assert gross(regime=regime, breadth=breadth) == pytest.approx(expected)


@pytest.mark.parametrize(("regime", "left"), [(BULL, 0.75), (NEUTRAL, 0.5), (WEAK, 1 - math.sqrt(0.5))])
def test_half_the_drawdown_costs_little_in_a_bull_market_and_much_in_a_weak_one(
    regime: MarketRegime, left: float
) -> None:
    assert gross(regime=regime, drawdown=0.05) / gross(regime=regime) == pytest.approx(left)


@pytest.mark.parametrize("regime", list(MarketRegime))
def test_at_the_drawdown_nothing_is_left_however_much_is_won_back(regime: MarketRegime) -> None:
    assert gross(regime=regime, drawdown=0.10, recovered=1.0) == 0.0
    assert gross(regime=regime, drawdown=math.nextafter(0.10, 0), recovered=0.5) > 0.0


@pytest.mark.parametrize(("recovered", "left"), [(0.0, 0.75), (0.5, 0.8125), (1.0, 0.875)])
def test_winning_back_takes_part_of_the_dampening_back(recovered: float, left: float) -> None:
    assert gross(drawdown=0.05, recovered=recovered) == pytest.approx(left)
    assert gross(drawdown=0.0, recovered=recovered) == 1.0, "never more than all"


@pytest.mark.parametrize(
    ("change", "reason"),
    [
        ({"win_rate": 0.349}, "win rate 34.9% is below 35.0%: nothing"),
        ({"win_rate_fall": 0.26}, "win rate fell by 26.0%, more than 25.0%: nothing"),
        ({"rank_ic": -0.0001}, "rank IC -0.0001 is below 0.0000: nothing"),
    ],
)
def test_what_kills(change: dict[str, float], reason: str) -> None:
    found = target_exposure(PLAIN, msgspec.structs.replace(GOOD, **change))
    assert (found.gross, found.new_longs) == (0.0, False)
    assert found.reasons[-1] == reason


def test_at_the_thresholds_it_lives() -> None:
    assert gross(win_rate=0.35, win_rate_fall=0.25, rank_ic=0.0) == 1.0


@pytest.mark.parametrize("name", ["win_rate", "win_rate_fall", "rank_ic"])
def test_what_cannot_be_judged_yet_gets_the_lower_end(name: str) -> None:
    found = target_exposure(PLAIN, msgspec.structs.replace(GOOD, **{name: None}))
    assert found.gross == 0.6
    assert "not enough data" in found.reasons[-1]


def test_nothing_known_is_nothing() -> None:
    found = target_exposure(PLAIN, ExposureInputs())
    assert (found.gross, found.new_longs) == (0.0, False)
    assert "drawdown is not known: nothing" in found.reasons


def test_the_reasons_in_words() -> None:
    found = target_exposure(PLAIN, msgspec.structs.replace(GOOD, breadth=0.5, drawdown=0.05, panic_left=3))
    assert found == Exposure(
        pytest.approx(0.6),
        False,
        (
            "bull market, 60% to 100%: 80.0% at breadth 50%",
            "drawdown 5.0% of 10.0%: times 0.75",
            "no new longs on this bar and the next 2",
        ),
    )


def step(state: ExposureState, number: int, equity: Any = 100, move: Any = 0.0, wild: Any = 1.0) -> ExposureState:
    money = None if equity is None else Decimal(str(equity))
    return on_bar(PLAIN, state, number * FIVE, money, move, wild)


def test_a_panic_lasts_its_bars_and_a_new_one_begins_them_anew() -> None:
    state = step(ExposureState(), 1)
    assert state.panic_left == 0
    state = step(state, 2, move=-0.05)
    barred = [state.panic_left > 0]
    for number in range(3, 20):
        state = step(state, number)
        barred.append(state.panic_left > 0)
    assert barred == [True] * 12 + [False] * 6
    state = step(step(state, 20, wild=2.5), 21, move=-0.2)
    assert state.panic_left == 12


@pytest.mark.parametrize(("move", "wild"), [(None, 1.0), (0.0, None), (math.nan, 1.0), (0.0, math.inf)])
def test_a_bar_without_the_markets_numbers_lets_no_new_long_through(move: Any, wild: Any) -> None:
    state = step(step(ExposureState(), 1), 2, move=move, wild=wild)
    assert state.panic_left == 1
    assert step(state, 3).panic_left == 0


@given(st.integers(0, 15), any_number, any_number, st.floats(0, 1), st.floats(0, 3))
def test_a_worse_market_never_shortens_a_panic(left: int, move: Any, wild: Any, fall: float, rise: float) -> None:
    state = ExposureState(panic_left=left)
    worse_move = move - fall if known(move) else move
    worse_wild = wild + rise if known(wild) else wild
    assert step(state, 1, 100, worse_move, worse_wild).panic_left >= step(state, 1, 100, move, wild).panic_left


def test_drawdown_and_recovery_from_the_equity() -> None:
    state = ExposureState()
    for number, equity in enumerate((100, 110, 99, 104.5), 1):
        state = step(state, number, equity)
    found = inputs_of(PLAIN, state, BULL, 1.0)
    assert found.drawdown == pytest.approx(0.05)
    assert found.recovered == pytest.approx(0.5)
    state = step(step(state, 5, 110), 6, 104.5)
    assert inputs_of(PLAIN, state, BULL, 1.0).recovered == 0.0, "back at the peak, the old trough is history"
    found = inputs_of(PLAIN, step(state, 7, 120), BULL, 1.0)
    assert (found.drawdown, found.recovered) == (0.0, 0.0)


@pytest.mark.parametrize("equity", [None, "NaN", "Infinity"])
def test_an_equity_that_is_no_number_is_an_unknown_drawdown_until_the_next(equity: Any) -> None:
    state = step(step(ExposureState(), 1, 100), 2, equity)
    assert inputs_of(PLAIN, state, BULL, 1.0).drawdown is None
    assert inputs_of(PLAIN, step(state, 3, 95), BULL, 1.0).drawdown == pytest.approx(0.05)


def traded(wins: list[bool]) -> ExposureInputs:
    state = reduce(lambda before, won: on_trade(PLAIN, before, won=won), wins, ExposureState())
    return inputs_of(PLAIN, state, BULL, 1.0)


def test_the_win_rate_of_the_last_trades_and_its_fall() -> None:
    assert traded([True] * 59).win_rate is None
    found = traded([False] * 50 + [True] * 30 + [False] * 20 + [True] * 10)
    assert found.win_rate == pytest.approx(40 / 60)
    assert found.win_rate_fall == pytest.approx(20 / 30)
    assert traded([True] * 60).win_rate_fall == 0.0


def test_a_person_lets_a_killed_book_begin_again() -> None:
    state = reduce(lambda before, _: on_trade(PLAIN, before, won=False), range(60), step(ExposureState(), 1))
    for _ in range(60):
        state = on_rank_ic(PLAIN, state, 0.03)
    assert target_exposure(PLAIN, inputs_of(PLAIN, state, BULL, 1.0)).gross == 0.0
    anew = judge_anew(state)
    assert target_exposure(PLAIN, inputs_of(PLAIN, anew, BULL, 1.0)).gross == 0.6


def test_the_rank_ic_rolls_and_dates_without_one_are_left_out() -> None:
    state = ExposureState()
    for rank_ic in [1.0] * 30 + [0.05] * 59:
        state = on_rank_ic(PLAIN, on_rank_ic(PLAIN, state, math.nan), rank_ic)
    assert inputs_of(PLAIN, state, BULL, 1.0).rank_ic == pytest.approx((1.0 + 59 * 0.05) / 60)
    assert len(state.rank_ics) == 60


happenings = st.one_of(
    st.tuples(st.just("bar"), st.floats(50, 150), any_number, any_number),
    st.tuples(st.just("trade"), st.booleans()),
    st.tuples(st.just("ic"), any_number),
)


def happen(state: ExposureState, ts: int, happening: tuple[Any, ...]) -> ExposureState:
    match happening:
        case ("bar", equity, move, wild):
            return on_bar(PLAIN, state, ts, Decimal(str(equity)), move, wild)
        case ("trade", won):
            return on_trade(PLAIN, state, won=won)
        case _:
            return on_rank_ic(PLAIN, state, happening[1])


@given(st.lists(happenings, max_size=40), st.integers(0, 40))
def test_kept_and_read_back_it_goes_on_as_before(events: list[Any], at: int) -> None:
    one = two = ExposureState()
    for number, event in enumerate(events):
        if number == at:
            two = msgspec.json.decode(msgspec.json.encode(two), type=ExposureState)
            two = step(two, two.bar_ts // FIVE, 1, -1.0, 9.0)  # a bar seen before changes nothing
        one, two = happen(one, number * FIVE, event), happen(two, number * FIVE, event)
    assert one == two
    assume(events)
    found = inputs_of(PLAIN, one, NEUTRAL, 0.5)
    assert target_exposure(PLAIN, found) == target_exposure(PLAIN, inputs_of(PLAIN, two, NEUTRAL, 0.5))
    for name in ("drawdown", "recovered"):
        value = getattr(found, name)
        assert value is None or 0.0 <= value <= 1.0


@pytest.mark.parametrize(
    ("key", "value", "sentence"),
    [
        ("[books.crypto.exposure.bull]", "least = 1.5", "bull.least: found 1.5, allowed at most bull.most, which is 1"),
        ("[books.crypto.exposure.weak]", "most = 0.9", "weak.most: found 0.9, allowed at most that of the better mark"),
    ],
)
def test_ranges_out_of_order_are_named(tmp_path: Path, key: str, value: str, sentence: str) -> None:
    text = example_config().read_text(encoding="utf-8")
    name = value.split(" = ")[0]
    at = text.index(key)
    start = text.index(f"\n{name} = ", at) + 1
    file = tmp_path / "config.toml"
    file.write_text(text[:start] + value + text[text.index("\n", start) :], encoding="utf-8")
    with pytest.raises(ConfigError) as caught:
        load_config(file)
    assert f"books.crypto.exposure.{sentence}" in str(caught.value)
