"""Each rule of `research/fills.py`, bar by bar. Positions are opened at 100 at the open of the first row."""

from typing import NamedTuple

import numpy as np
import pytest
from research_kit import MONDAY, candles

from tradeterm.config import ExitsConfig, RegimeExits
from tradeterm.domain.market import DAY_MS, HOUR_MS
from tradeterm.research.bars import Bars
from tradeterm.research.exits import Exit, ExitSignals, FirstExit, Moment, first_exit, first_exit_every_bar
from tradeterm.research.fills import ExitPolicy, policy_of

OPEN, INSIDE, CLOSE = Moment.OPEN, Moment.INSIDE, Moment.CLOSE
NAN = (float("nan"),) * 4
QUIET = (100.0, 100.5, 99.5, 100.0)
STOP, BOTH = ExitPolicy(stop=0.02), ExitPolicy(stop=0.02, target=0.03)
TRAIL = ExitPolicy(trail=0.02, trail_after=0.01)
ALL = ExitPolicy(stop=0.02, target=0.03, trail=0.015, trail_after=0.01)


class Case(NamedTuple):
    """A long, opened at 100 at the open of the first row."""

    name: str
    policy: ExitPolicy
    rows: tuple[tuple[float, float, float, float], ...]
    wanted: Exit
    signals: tuple[ExitSignals, ...] = ()


CASES = (
    Case("stop in the entry's bar", STOP, ((100, 101, 98, 100), QUIET), Exit(0, 98, "STOP", INSIDE)),
    Case("stop touched exactly", STOP, (QUIET, (100, 100, 98, 99), QUIET), Exit(1, 98, "STOP", INSIDE)),
    Case("stop not reached", STOP, (QUIET, (100, 100, 98.01, 99)), Exit(1, 99, "DATA_END", CLOSE)),
    Case("gap through the stop", STOP, (QUIET, (95, 99, 94, 98), QUIET), Exit(1, 95, "STOP", INSIDE)),
    Case("open exactly at the stop", STOP, (QUIET, (98, 99, 97, 98), QUIET), Exit(1, 98, "STOP", INSIDE)),
    Case("target in the entry's bar", BOTH, ((100, 103, 99, 102), QUIET), Exit(0, 103, "TARGET", INSIDE)),
    Case("target touched exactly", BOTH, (QUIET, (100, 103, 99, 101), QUIET), Exit(1, 103, "TARGET", INSIDE)),
    Case(
        "gap through the target is a better price", BOTH, (QUIET, (105, 106, 104, 105)), Exit(1, 105, "TARGET", INSIDE)
    ),
    Case("stop before target", BOTH, (QUIET, (100, 104, 97, 103), QUIET), Exit(1, 98, "STOP", INSIDE)),
    Case("stop before target in the entry's bar", BOTH, ((100, 104, 97, 103), QUIET), Exit(0, 98, "STOP", INSIDE)),
    Case(
        "gap to the target before a fall to the stop", BOTH, (QUIET, (104, 104, 96, 97)), Exit(1, 104, "TARGET", INSIDE)
    ),
    Case(
        "a bar's own best price does not move its stop",
        TRAIL,
        (QUIET, (100, 104, 101, 103), (103, 103, 102, 102.5)),
        Exit(2, 102.5, "DATA_END", CLOSE),
    ),
    Case(
        "the best price of the bar before does",
        TRAIL,
        (QUIET, (100, 105, 102, 104), (104, 104, 102.8, 103), QUIET),
        Exit(2, 105 * 0.98, "TRAILING", INSIDE),
    ),
    Case(
        "not armed below the offset",
        TRAIL,
        (QUIET, (100, 100.9, 99, 100), (100, 100, 98, 99)),
        Exit(2, 99, "DATA_END", CLOSE),
    ),
    Case(
        "armed exactly at the offset",
        TRAIL,
        (QUIET, (100, 101, 100, 100.5), (100, 100, 98.9, 99), QUIET),
        Exit(2, 101 * 0.98, "TRAILING", INSIDE),
    ),
    Case(
        "gap through the trailing stop",
        TRAIL,
        (QUIET, (100, 105, 104, 105), (101, 102, 100, 101), QUIET),
        Exit(2, 101, "TRAILING", INSIDE),
    ),
    Case(
        "a close beyond the new level goes at the next open",
        TRAIL,
        (QUIET, (100, 105, 102, 102.5), (103.5, 105, 103, 104), QUIET),
        Exit(2, 103.5, "TRAILING", OPEN),
    ),
    Case(
        "a close exactly at the new level goes too",
        ExitPolicy(trail=0.25, trail_after=0.01),
        (QUIET, (100, 104, 100, 104), (104, 108, 81, 81), (82, 83, 82, 83), QUIET),
        Exit(3, 82, "TRAILING", OPEN),
    ),
    Case(
        "the target touched exactly by a position that trails",
        ALL,
        (QUIET, (100, 102, 100.5, 102), (102, 103, 101.5, 102), QUIET),
        Exit(2, 103, "TARGET", INSIDE),
    ),
    Case(
        "the stop stays where the trail has brought it",
        ALL,
        (QUIET, (100, 102, 100.5, 101.5), (101, 101.2, 100.6, 101), (101, 101, 99, 99.5), QUIET),
        Exit(3, 102 * 0.985, "TRAILING", INSIDE),
    ),
    Case(
        "a trail that is looser than the stop leaves the stop",
        ExitPolicy(stop=0.01, trail=0.05),
        (QUIET, (100, 103, 100, 102), (102, 102, 98, 99), QUIET),
        Exit(2, 99, "STOP", INSIDE),
    ),
    Case(
        "entry's bar: armed and back, just armed",
        TRAIL,
        ((100, 104, 98, 103), QUIET),
        Exit(0, 101 * 0.98, "TRAILING", INSIDE),
    ),
    Case(
        "entry's bar: not beyond the bar's worst price",
        TRAIL,
        ((100, 104, 99.5, 103), QUIET),
        Exit(0, 99.5, "TRAILING", INSIDE),
    ),
    Case(
        "entry's bar: the worst price stays above the level",
        TRAIL,
        ((100, 101.9, 99.9, 101), (101, 101, 100, 100.5)),
        Exit(1, 100.5, "DATA_END", CLOSE),
    ),
    Case(
        "entry's bar: not armed",
        TRAIL,
        ((100, 100.9, 96, 97), (97, 97, 96, 96)),
        Exit(1, 96, "DATA_END", CLOSE),
    ),
    Case("entry's bar: the stop before the trail", ALL, ((100, 102, 98, 99), QUIET), Exit(0, 98, "STOP", INSIDE)),
    Case(
        "entry's bar: the trail before the target",
        ALL,
        ((100, 103, 99, 102), QUIET),
        Exit(0, 101 * 0.985, "TRAILING", INSIDE),
    ),
    Case(
        "armed from the start without an offset",
        ExitPolicy(trail=0.02),
        ((100, 100, 98, 99), QUIET),
        Exit(0, 98, "TRAILING", INSIDE),
    ),
    Case(
        "time limit, at the next open",
        ExitPolicy(time_limit_hours=2),
        (QUIET, QUIET, (101, 102, 100, 101), QUIET),
        Exit(2, 101, "TIME_LIMIT", OPEN),
    ),
    Case(
        "a stop inside the bar of the time limit comes first",
        ExitPolicy(stop=0.02, time_limit_hours=2),
        (QUIET, (100, 100, 97, 99), QUIET),
        Exit(1, 98, "STOP", INSIDE),
    ),
    Case(
        "an exit on its way fills at the open, whatever the bar then does",
        ExitPolicy(stop=0.02, time_limit_hours=1),
        (QUIET, (97, 97, 90, 91), QUIET),
        Exit(1, 97, "TIME_LIMIT", OPEN),
    ),
    Case(
        "trailing before time limit",
        ExitPolicy(trail=0.02, trail_after=0.01, time_limit_hours=2),
        (QUIET, (100, 105, 102, 102.5), (102, 103, 101, 102)),
        Exit(2, 102, "TRAILING", OPEN),
    ),
    Case(
        "an exit waits for the next bar there is",
        ExitPolicy(stop=0.02, time_limit_hours=1),
        (QUIET, NAN, NAN, (101, 102, 90, 101), QUIET),
        Exit(3, 101, "TIME_LIMIT", OPEN),
    ),
    Case(
        "the time limit waits for a bar that closes",
        ExitPolicy(time_limit_hours=2),
        (QUIET, NAN, QUIET, (101, 102, 100, 101)),
        Exit(3, 101, "TIME_LIMIT", OPEN),
    ),
    Case(
        "an exit without a next bar ends with the data",
        ExitPolicy(time_limit_hours=2),
        (QUIET, (100, 101, 99, 100.5), NAN),
        Exit(1, 100.5, "DATA_END", CLOSE),
    ),
    Case(
        "an exit signal, at the next open",
        STOP,
        (QUIET, QUIET, (101, 101, 97, 98)),
        Exit(2, 101, "OUT", OPEN),
        (ExitSignals("OUT", np.array([1])),),
    ),
    Case(
        "an exit signal where there is no bar does not count",
        STOP,
        (QUIET, NAN, QUIET),
        Exit(2, 100, "DATA_END", CLOSE),
        (ExitSignals("OUT", np.array([1])),),
    ),
    Case(
        "profit must have been closed in before the signal's bar",
        ExitPolicy(),
        (QUIET, (100, 101, 99, 100.5), QUIET, (100, 100, 99, 99.5)),
        Exit(3, 100, "PROFIT", OPEN),
        (ExitSignals("PROFIT", np.array([0, 1, 2]), True),),
    ),
    Case(
        "of two signals at one close the first counts, and a time limit before both",
        ExitPolicy(time_limit_hours=3),
        (QUIET, QUIET, QUIET),
        Exit(2, 100, "ONE", OPEN),
        (ExitSignals("ONE", np.array([1, 2])), ExitSignals("TWO", np.array([1]))),
    ),
    Case(
        "a time limit before a signal of the same close",
        ExitPolicy(time_limit_hours=2),
        (QUIET, QUIET, QUIET),
        Exit(2, 100, "TIME_LIMIT", OPEN),
        (ExitSignals("ONE", np.array([1])),),
    ),
)


def mirrored(case: Case) -> tuple[Bars, Exit]:
    """Prices p become 200 − p, so that a long's percent are a short's."""
    bars = candles(*((200 - o, 200 - low, 200 - h, 200 - c) for o, h, low, c in case.rows))
    return bars, case.wanted._replace(price=200 - case.wanted.price)


@pytest.mark.parametrize("exits", (first_exit, first_exit_every_bar))
@pytest.mark.parametrize("case", CASES, ids=lambda case: case.name)
def test_a_long(case: Case, exits: FirstExit) -> None:
    found = exits(candles(*case.rows), 0, 1, 100.0, case.policy, case.signals)
    assert found._replace(price=0) == case.wanted._replace(price=0)
    assert found.price == pytest.approx(case.wanted.price, rel=1e-12)


@pytest.mark.parametrize("exits", (first_exit, first_exit_every_bar))
@pytest.mark.parametrize("case", [case for case in CASES if case.policy.trail is None], ids=lambda case: case.name)
def test_a_short_is_its_mirror(case: Case, exits: FirstExit) -> None:
    bars, wanted = mirrored(case)
    found = exits(bars, 0, -1, 100.0, case.policy, case.signals)
    assert found._replace(price=0) == wanted._replace(price=0)
    assert found.price == pytest.approx(wanted.price, rel=1e-12)


FLAT = (100, 100, 99.5, 100)
SHORTS = (
    ("the low of the bar before", (FLAT, (100, 100, 95, 96), (96, 97, 96, 96.5)), Exit(2, 96.9, "TRAILING", INSIDE)),
    ("gap", (FLAT, (100, 100, 95, 95), (98, 99, 97, 98)), Exit(2, 98, "TRAILING", INSIDE)),
    ("close beyond the level", (FLAT, (100, 100, 95, 97.5), (97, 98, 96, 97)), Exit(2, 97, "TRAILING", OPEN)),
    ("entry's bar", ((100, 102, 96, 97), (97, 97, 97, 97)), Exit(0, 99 * 1.02, "TRAILING", INSIDE)),
    ("entry's bar, not beyond its high", ((100, 100.5, 96, 97), FLAT), Exit(0, 100.5, "TRAILING", INSIDE)),
    ("not armed", ((100, 101, 99.01, 100), (100, 101.5, 100, 101)), Exit(1, 101, "DATA_END", CLOSE)),
)


@pytest.mark.parametrize("exits", (first_exit, first_exit_every_bar))
@pytest.mark.parametrize(("name", "rows", "wanted"), SHORTS, ids=[name for name, _, _ in SHORTS])
def test_a_short_trails(
    name: str, rows: tuple[tuple[float, float, float, float], ...], wanted: Exit, exits: FirstExit
) -> None:
    found = exits(candles(*rows), 0, -1, 100.0, TRAIL)
    assert found._replace(price=0) == wanted._replace(price=0)
    assert found.price == pytest.approx(wanted.price, rel=1e-12)


def test_the_session_ends_at_midnight_and_fills_at_the_next_open() -> None:
    rows = [QUIET] * 24 + [(101.0, 102.0, 100.0, 101.0)] * 3
    bars = candles(*rows)
    policy = ExitPolicy(session_end=True)
    assert first_exit(bars, 3, 1, 100.0, policy) == Exit(24, 101, "SESSION_END", OPEN)
    assert first_exit(bars, 23, 1, 100.0, policy) == Exit(24, 101, "SESSION_END", OPEN)


@pytest.mark.parametrize("exits", (first_exit, first_exit_every_bar))
def test_what_is_due_in_a_hole_is_decided_there_and_fills_at_the_first_open_after_it(exits: FirstExit) -> None:
    after = [(101.0, 102.0, 100.0, 101.0), (103.0, 103.0, 103.0, 103.0)]
    session = candles(*[QUIET] * 22, *[NAN] * 4, *after)
    assert exits(session, 20, 1, 100.0, ExitPolicy(session_end=True), (), 100.0, 100.0) == (
        Exit(26, 101, "SESSION_END", OPEN)
    )
    limit, held = ExitPolicy(stop=0.02, time_limit_hours=6), candles(*[QUIET] * 5, *[NAN] * 4, *after)
    assert exits(held, 0, 1, 100.0, limit, (), 100.0, 100.0) == Exit(9, 101, "TIME_LIMIT", OPEN)


@pytest.mark.parametrize("exits", (first_exit, first_exit_every_bar))
def test_where_one_bar_is_missing_the_next_one_still_counts(exits: FirstExit) -> None:
    """The clock ends it within that bar, at a price nobody recorded: the first one known after it is taken."""
    limit = ExitPolicy(stop=0.02, time_limit_hours=6)
    after = [(101.0, 102.0, 100.0, 101.0), (103.0, 103.0, 103.0, 103.0)]
    bars = candles(*[QUIET] * 5, NAN, *after)
    assert exits(bars, 0, 1, 100.0, limit, (), 100.0, 100.0) == Exit(7, 103, "TIME_LIMIT", OPEN)
    stopped = candles(*[QUIET] * 5, NAN, (101.0, 102.0, 97.0, 101.0), after[1])
    assert exits(stopped, 0, 1, 100.0, limit, (), 100.0, 100.0) == Exit(6, 98, "STOP", INSIDE)


@pytest.mark.parametrize("exits", (first_exit, first_exit_every_bar))
def test_what_was_decided_at_the_close_before_the_hole_came_first(exits: FirstExit) -> None:
    bars = candles(*[QUIET] * 5, *[NAN] * 4, QUIET, QUIET)
    signals = (ExitSignals("OUT", np.array([4])),)
    limit = ExitPolicy(time_limit_hours=6)
    assert exits(bars, 0, 1, 100.0, limit, signals, 100.0, 100.0) == Exit(9, 100, "OUT", OPEN)
    assert exits(bars, 0, 1, 100.0, limit, (ExitSignals("OUT", np.array([9])),), 100.0, 100.0).reason == "TIME_LIMIT"


@pytest.mark.parametrize("exits", (first_exit, first_exit_every_bar))
def test_data_that_ends_in_a_hole_ends_the_position_at_its_last_close(exits: FirstExit) -> None:
    bars = candles(*[QUIET] * 5, *[NAN] * 4)
    limit = ExitPolicy(time_limit_hours=6, session_end=True)
    assert exits(bars, 0, 1, 100.0, limit, (), 100.0, 100.0) == Exit(4, 100, "DATA_END", Moment.CLOSE)


def test_a_short_has_no_target_below_zero() -> None:
    bars = candles(QUIET, (100, 100, 0.001, 1), QUIET)
    assert first_exit(bars, 0, -1, 100.0, ExitPolicy(target=1.5)).reason == "DATA_END"
    assert first_exit(bars, 0, -1, 100.0, ExitPolicy(target=0.9)).reason == "TARGET"


def test_irregular_times_are_those_of_the_bars() -> None:
    bars = candles(QUIET, QUIET, QUIET)
    ts = np.array([MONDAY, MONDAY + 5 * HOUR_MS, MONDAY + DAY_MS], dtype=np.int64)
    later = Bars("X", HOUR_MS, ts, bars.open, bars.high, bars.low, bars.close)
    assert first_exit(later, 0, 1, 100.0, ExitPolicy(time_limit_hours=6)) == Exit(2, 100, "TIME_LIMIT", OPEN)


@pytest.mark.parametrize(
    "wrong",
    (
        {"stop": 0.0},
        {"stop": 1.0},
        {"stop": float("nan")},
        {"target": -0.1},
        {"trail": 1.5},
        {"trail_after": -0.01},
        {"trail_after": float("inf")},
        {"time_limit_hours": 0.0},
    ),
)
def test_bounds(wrong: dict[str, float]) -> None:
    with pytest.raises(ValueError, match=f"{next(iter(wrong))}: found"):
        ExitPolicy(**wrong)


def test_a_books_exits_become_a_policy() -> None:
    assert policy_of(ExitsConfig()) == ExitPolicy(
        stop=0.02, target=0.03, trail=0.015, trail_after=0.01, time_limit_hours=8.0, session_end=True
    )
    assert policy_of(ExitsConfig(stop=0.02, target_stops=2.5)).target == 0.05


@pytest.mark.parametrize(
    ("exits", "name"),
    (
        (ExitsConfig(stop_atr=2.0), "stop_atr"),
        (ExitsConfig(thesis_rsi=70.0), "thesis_rsi"),
        (ExitsConfig(one_sided=0.5), "one_sided"),
        (ExitsConfig(regimes=RegimeExits(enabled=True)), "regimes"),
    ),
)
def test_exits_that_need_models_are_refused(exits: ExitsConfig, name: str) -> None:
    with pytest.raises(ValueError, match=name):
        policy_of(exits)
