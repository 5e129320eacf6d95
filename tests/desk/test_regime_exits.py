"""Exits that follow an instrument's regime, and the one that follows its RSI."""

from typing import Any

import msgspec
import pytest
from desk_kit import BOOK, BTC, FIVE, T0, Rig, bar, book_config, config, d, entry, exit_signal, facts, only
from hypothesis import given as for_all
from hypothesis import strategies as st

from tradeterm.config import ExitsConfig, RegimeExits
from tradeterm.desk.regime_exits import longest_hours, speaks_against, trail_distance, turned_against
from tradeterm.domain.commands import AmendOrder, SubmitOrder
from tradeterm.domain.events import ModelUpdate, Timer
from tradeterm.domain.facts import Trade
from tradeterm.domain.market import HOUR_MS
from tradeterm.domain.orders import PositionSide
from tradeterm.domain.snapshot import DeskSnapshot, Position
from tradeterm.domain.states import Regime

KEY = (BOOK, BTC)
LONG, SHORT = PositionSide.LONG, PositionSide.SHORT
UP, DOWN, RANGE, CHOP, VOLATILE = Regime
ON = RegimeExits(enabled=True)
OFF: dict[str, Any] = {"target": None, "trail": None, "time_limit_hours": None, "session_end": False}

regimes = st.none() | st.sampled_from(Regime)
sides = st.sampled_from([LONG, SHORT])


def model(ts: int, regime: Regime | None = None, rsi: float | None = None) -> ModelUpdate:
    code = None if regime is None else float(list(Regime).index(regime))
    return ModelUpdate(ts=ts, model="instrument", subject=BTC, values={"regime": code, "rsi": rsi})


def opened(side: PositionSide = LONG, regime: Regime | None = RANGE, *, rsi: float | None = None, **exits: Any) -> Rig:
    """A position at 100, opened at T0 in `regime` at this RSI, with these exits alone; a model of T0 judges the next
    bar. Being one-sided is limited only afterwards: tier 1 would not have opened it."""
    wanted = ExitsConfig(**{**OFF, **exits})
    rig = Rig(config(crypto=book_config(exits=msgspec.structs.replace(wanted, one_sided=None))))
    rig.feed(model(T0 - FIVE, regime, rsi))
    rig.open_position(side=side)
    book = rig.desk.state.books[BOOK]
    book.config = msgspec.structs.replace(book.config, exits=wanted)
    return rig


def close(rig: Rig, number: int, price: float = 100.0, regime: Regime | None = None, rsi: float | None = None) -> str:
    """Bar `number` after the entry closes, judged by the numbers of the bar before; why it was left, "" if it was
    not."""
    ts = T0 + number * FIVE
    given = rig.feed(model(ts - FIVE, regime, rsi)) + rig.bars(price, ts)
    reasons = [command.order.reason for command in only(given, SubmitOrder)]
    return reasons[0] if reasons else ""


def again(rig: Rig, ts: int) -> Rig:
    """The same desk in a new process."""
    wire = msgspec.json.decode(msgspec.json.encode(rig.desk.snapshot()), type=DeskSnapshot)
    new = Rig(rig.config, wire, ts)
    new.venue = rig.venue
    return new


@pytest.mark.parametrize(
    ("regime", "level"), [(UP, "101.4"), (RANGE, "102.5"), (CHOP, "103.0"), (VOLATILE, "102.0"), (None, "102.0")]
)
def test_the_trailing_distance_is_the_regimes(regime: Regime | None, level: str) -> None:
    rig = opened(regime=None, regimes=RegimeExits(enabled=True, close_on_change=False), trail=0.02)
    assert close(rig, 1, 104.0, regime) == ""
    assert rig.desk.positions[KEY].stop_price == d(level)


def test_a_regime_that_trails_at_a_distance_needs_no_plain_one_and_arms_as_ever() -> None:
    rig = opened(regimes=ON, trail=None, trail_after=0.01)
    close(rig, 1, 100.9, RANGE)
    assert rig.desk.positions[KEY].stop_price == d(98)
    close(rig, 2, 101.0, RANGE)
    assert rig.desk.positions[KEY].stop_price == d("99.5")


@pytest.mark.parametrize("side", [LONG, SHORT])
def test_a_change_of_regime_never_loosens_the_stop(side: PositionSide) -> None:
    rig = opened(side, CHOP, regimes=ON)
    sign = side.sign
    close(rig, 1, 100 + 2.0 * sign, CHOP)
    tight = rig.desk.positions[KEY].stop_price
    assert tight == (d("101.0") if side is LONG else d("98.9"))
    trend = UP if side is LONG else DOWN
    close(rig, 2, 100 + 2.0 * sign, trend)
    assert rig.desk.positions[KEY].stop_price == tight
    close(rig, 3, 100 + 4.0 * sign, trend)
    assert rig.desk.positions[KEY].stop_price == (d("103.0") if side is LONG else d("96.9")), "1 %, not 2.5 %"


def test_a_tighter_regime_that_the_price_is_beyond_already_ends_it_at_the_market() -> None:
    rig = opened(regime=UP, regimes=ON)
    assert close(rig, 1, 103.0, UP) == ""
    assert close(rig, 2, 101.8, UP) == ""
    assert close(rig, 3, 101.8, CHOP) == "TRAILING"


@pytest.mark.parametrize(("regime", "bars"), [(UP, 48), (RANGE, 24), (CHOP, 12), (None, 36)])
def test_the_holding_time_is_the_regimes_or_the_plain_one_if_that_is_shorter(regime: Regime | None, bars: int) -> None:
    rig = opened(regime=regime, regimes=ON, time_limit_hours=3.0)
    bars = min(bars, 36)
    for number in range(1, bars):
        assert close(rig, number, 100.0, regime) == ""
    assert close(rig, bars, 100.0, regime) == "TIME_LIMIT"


def test_the_holding_time_is_that_of_the_regime_at_the_moment() -> None:
    rig = opened(regime=RANGE, regimes=ON)
    for number in range(1, 14):
        assert close(rig, number, 100.0, RANGE) == ""
    assert close(rig, 14, 100.0, CHOP) == "TIME_LIMIT"


def test_a_restart_does_not_begin_the_holding_time_anew() -> None:
    rig = opened(time_limit_hours=1.0)
    for number in range(1, 7):
        assert close(rig, number) == ""
    new = again(rig, T0 + 6 * FIVE + 1000)
    for number in range(7, 12):
        assert close(new, number) == ""
    assert close(new, 12) == "TIME_LIMIT"


@pytest.mark.parametrize(
    ("side", "before", "now", "left"),
    [
        (LONG, RANGE, DOWN, True),
        (LONG, RANGE, UP, False),
        (SHORT, RANGE, UP, True),
        (SHORT, RANGE, DOWN, False),
        (LONG, UP, VOLATILE, True),
        (SHORT, CHOP, VOLATILE, True),
        (LONG, VOLATILE, VOLATILE, False),
        (LONG, DOWN, DOWN, False),
        (LONG, DOWN, VOLATILE, True),
        (LONG, None, DOWN, True),
        (SHORT, None, VOLATILE, True),
        (LONG, RANGE, CHOP, False),
        (LONG, RANGE, None, False),
    ],
)
def test_a_regime_that_turns_against_the_position_ends_it(
    side: PositionSide, before: Regime | None, now: Regime | None, left: bool
) -> None:
    rig = opened(side, before, regimes=ON)
    assert rig.desk.positions[KEY].entry_regime is before
    assert close(rig, 1, 100.0, now) == ("REGIME_CHANGE" if left else "")
    if left:
        rig.quote(100.0, T0 + FIVE)
        assert facts(rig.commands, Trade)[-1].exit_reason == "REGIME_CHANGE"


@pytest.mark.parametrize("restart", [False, True])
def test_a_regime_excused_at_the_entry_is_not_excused_when_it_comes_back(restart: bool) -> None:
    rig = opened(LONG, DOWN, regimes=ON)
    assert close(rig, 1, 100.0, DOWN) == ""
    assert close(rig, 2, 100.0, RANGE) == ""
    if restart:
        rig = again(rig, T0 + 2 * FIVE + 1000)
    assert close(rig, 3, 100.0, DOWN) == "REGIME_CHANGE"


@pytest.mark.parametrize("regime", [RANGE, DOWN])
def test_the_regime_at_the_entry_survives_a_restart(regime: Regime) -> None:
    rig = again(opened(LONG, regime, regimes=ON), T0 + 1000)
    assert rig.desk.positions[KEY].entry_regime is regime
    assert close(rig, 1, 100.0, DOWN) == ("REGIME_CHANGE" if regime is RANGE else "")


def test_the_model_of_the_same_instant_does_not_judge_the_bar() -> None:
    rig = opened(LONG, RANGE, regimes=ON, thesis_rsi=70.0)
    assert close(rig, 1, 100.0, RANGE, 50.0) == ""
    ts = T0 + 2 * FIVE
    assert not only(rig.feed(bar(100.0, ts), model(ts, DOWN, 90.0), Timer(ts=ts)), SubmitOrder)
    (submit,) = only(rig.bars(100.0, ts + FIVE), SubmitOrder)
    assert submit.order.reason == "REGIME_CHANGE"


def test_a_model_of_long_ago_ends_nothing() -> None:
    rig = opened(LONG, RANGE, regimes=ON, thesis_rsi=70.0, time_limit_hours=8.0)
    rig.feed(model(T0 + FIVE, VOLATILE, 99.0))
    assert not only(rig.bars(100.0, T0 + 5 * FIVE), SubmitOrder)
    assert not only(rig.bars(104.0, T0 + 30 * FIVE), AmendOrder), "nor does it trail"


def test_switched_off_regimes_end_nothing() -> None:
    rig = opened(LONG, RANGE)
    assert close(rig, 1, 104.0, DOWN) == ""
    assert rig.desk.positions[KEY].stop_price == d(98)
    kept = opened(LONG, RANGE, regimes=RegimeExits(enabled=True, close_on_change=False))
    assert close(kept, 1, 100.0, DOWN) == ""


@pytest.mark.parametrize(
    ("side", "rsi", "left"),
    [
        (LONG, 70.1, True),
        (LONG, 70.0, False),
        (LONG, 20.0, False),
        (LONG, None, False),
        (SHORT, 29.9, True),
        (SHORT, 30.0, False),
        (SHORT, 80.0, False),
    ],
)
def test_the_thesis_is_over(side: PositionSide, rsi: float | None, left: bool) -> None:
    rig = opened(side, rsi=29.9 if side is LONG else 70.1, thesis_rsi=70.0)
    assert close(rig, 1, 100.0, RANGE, 80.0 if side is LONG else 20.0) == "", "of the bar before the entry"
    assert close(rig, 2, 100.0, RANGE, rsi) == ("THESIS" if left else "")


@pytest.mark.parametrize("restarted", [False, True])
@pytest.mark.parametrize(
    ("side", "bought", "left"),
    [
        (LONG, 29.9, True),
        (LONG, 30.0, False),
        (LONG, 55.0, False),
        (LONG, 80.0, False),
        (LONG, None, False),
        (SHORT, 70.1, True),
        (SHORT, 70.0, False),
        (SHORT, 20.0, False),
    ],
)
def test_only_what_was_opened_at_the_other_extreme_has_a_thesis(
    side: PositionSide, bought: float | None, left: bool, restarted: bool
) -> None:
    rig = opened(side, rsi=bought, thesis_rsi=70.0)
    assert rig.desk.positions[KEY].entry_rsi == bought
    if restarted:
        rig = again(rig, T0 + FIVE + 1000)
    rig.feed(model(T0 + FIVE, RANGE, 90.0 if side is LONG else 10.0))
    given = rig.bars(100.0, T0 + 2 * FIVE)
    assert [command.order.reason for command in only(given, SubmitOrder)] == (["THESIS"] if left else [])


@pytest.mark.parametrize(("late", "left"), [(1500, False), (FIVE, True)])
def test_a_thesis_looks_at_bars_after_the_entry_however_late_their_numbers_come(late: int, left: bool) -> None:
    rig = opened(LONG, rsi=20.0, thesis_rsi=70.0)
    position = msgspec.structs.replace(rig.desk.positions[KEY], ts_opened=T0 + 1000)
    rig.desk.state.positions[KEY] = position
    rig.feed(model(T0 + late, RANGE, 90.0))
    given = rig.bars(100.0, T0 + 2 * FIVE)
    assert bool(only(given, SubmitOrder)) is left


def test_the_order_of_the_exits() -> None:
    """All at once; each one that is taken away lets the next one through."""
    exits: dict[str, Any] = {
        "trail": 0.001,
        "trail_after": 0.0,
        "time_limit_hours": 0.01,
        "regimes": RegimeExits(enabled=True, trail_trend=0.001, trail_range=0.001),
        "thesis_rsi": 70.0,
        "one_sided": 0.01,
    }
    less: list[tuple[str, dict[str, Any]]] = [
        ("TRAILING", {}),
        ("TIME_LIMIT", {"trail_after": 1.0}),
        ("REGIME_CHANGE", {"time_limit_hours": None}),
        ("THESIS", {"regimes": RegimeExits()}),
        ("ONE_SIDED", {"thesis_rsi": None}),
        ("MEAN_CROSS", {"one_sided": None}),
    ]
    ts = T0 + 2 * FIVE
    for reason, change in less:
        exits |= change
        rig = opened(LONG, RANGE, rsi=20.0, **exits)
        rig.feed(model(T0 + FIVE, DOWN, 90.0))
        given = rig.bars(100.0, ts, exit_signal(ts), high=100.5)
        assert [command.order.reason for command in only(given, SubmitOrder)] == [reason]


def test_the_session_end_comes_before_a_change_of_regime() -> None:
    rig = opened(LONG, RANGE, regimes=RegimeExits(enabled=True, hours_trend=100.0), session_end=True)
    midnight = (T0 // (24 * HOUR_MS) + 1) * 24 * HOUR_MS
    rig.feed(model(midnight - FIVE, DOWN, 50.0))
    (submit,) = only(rig.bars(100.0, midnight), SubmitOrder)
    assert submit.order.reason == "SESSION_END"


@for_all(regimes, regimes, st.none() | st.floats(0.001, 0.5))
def test_the_distance_is_the_tighter_of_both_regimes(
    entry: Regime | None, now: Regime | None, plain: float | None
) -> None:
    exits = ExitsConfig(trail=plain, regimes=ON)
    distance = trail_distance(exits, entry, now)
    assert trail_distance(ExitsConfig(trail=plain), entry, now) == plain
    if now is None:
        assert distance == plain
    else:
        assert distance is not None
        alone = trail_distance(exits, None, now)
        assert alone is not None
        assert 0.01 <= distance <= alone <= 0.025


@for_all(regimes, st.none() | st.floats(0.01, 720))
def test_a_regime_never_lengthens_the_holding_time(now: Regime | None, plain: float | None) -> None:
    hours = longest_hours(ExitsConfig(time_limit_hours=plain, regimes=ON), now)
    if plain is None:
        assert hours is None or now is not None
    else:
        assert hours is not None
        assert hours <= plain


@for_all(sides, regimes, regimes)
def test_what_does_not_speak_against_a_position_never_ends_it(
    side: PositionSide, entry: Regime | None, now: Regime | None
) -> None:
    turned = turned_against(ExitsConfig(regimes=ON), side, entry, now)
    assert turned == (speaks_against(side, now) and now is not entry)
    assert not turned_against(ExitsConfig(), side, entry, now)


def test_a_fill_that_was_on_its_way_while_the_model_came_knows_its_regime() -> None:
    rig = Rig(config(crypto=book_config(exits=ExitsConfig(**OFF, regimes=ON))))
    rig.bars(100.0, T0, entry())
    rig.feed(model(T0 + 2, DOWN))
    rig.feed(*rig.venue.on_quote(100.0, T0 + 1), Timer(ts=T0 + 3))
    assert rig.desk.positions[KEY].entry_regime is DOWN


def test_a_flat_position_forgets_its_regime() -> None:
    rig = opened(LONG, RANGE)
    rig.quote(97.0, T0 + FIVE)
    last = [fact for fact in facts(rig.commands, Position) if fact.instrument == BTC][-1]
    assert (last.quantity, last.entry_regime) == (0, None)
