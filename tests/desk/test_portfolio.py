"""What all books hold together: worst cases, heat and VaR against brute force, and what is not known."""

import itertools
import math
from typing import Any

import msgspec
import numpy as np
import pytest
from desk_kit import BTC, ETH, FIVE, T0, Rig, book_config, config, d, entry, instrument, model, only, quote
from hypothesis import given
from hypothesis import strategies as st

from tradeterm.desk.comovement import VOLATILITY_AGE_MS, Comovement, comovement, deviation, heat, without_volatility
from tradeterm.desk.portfolio import Leg, Portfolio, portfolio
from tradeterm.domain.commands import SubmitOrder
from tradeterm.domain.events import CovarianceUpdate, Timer
from tradeterm.domain.instrument import Calendar

NAMES = ("A", "B", "C", "D")


def leg(name: str, value: object, loss: object = 0, *, entry: bool = False, asset: str = "") -> Leg:
    amount = d(value)
    sign = 1 if amount >= 0 else -1
    return Leg(
        book="x", instrument=name, asset=asset or name, sign=sign, notional=abs(amount), loss=d(loss), entry=entry
    )


def moves(matrix: Any, alone: dict[str, float] | None = None) -> Comovement:
    rows = tuple(tuple(float(cell) for cell in row) for row in matrix)
    return Comovement(
        place={name: n for n, name in enumerate(NAMES[: len(rows)])}, covariance=rows, alone=alone or {}, groups={}
    )


def covariances(seed: int) -> np.ndarray:
    rng = np.random.default_rng(seed)
    half = rng.normal(size=(3, 3)) * 0.02
    found: np.ndarray = half @ half.T + np.eye(3) * 1e-5
    return found


amounts = st.integers(-1000, 1000)
known = st.lists(st.tuples(st.sampled_from(NAMES[:3]), amounts, st.booleans()), max_size=6)


def test_notional_adds_up_and_sides_are_their_own_worst_case() -> None:
    whole = Portfolio(
        equity=d(100),
        legs=(leg("A", 40), leg("B", -10), leg("C", 20, entry=True), leg("B", -30, entry=True)),
    )
    assert whole.gross() == d(100)
    assert whole.gross(["B", "C"]) == d(60)
    assert whole.one_sided(1) == d(50), "the short entry may never fill"
    assert whole.one_sided(-1) == d(0)
    assert whole.positions().net() == d(30)


def test_one_symbol_at_two_venues_is_one_asset() -> None:
    whole = Portfolio(equity=d(1), legs=(leg("A.X", 3, asset="A"), leg("A.Y", -4, asset="A"), leg("B.X", 5, asset="B")))
    assert whole.of_asset("A") == d(7)


@given(known, st.integers(0, 50))
def test_the_deviation_is_the_worst_over_all_ways_entries_may_fill(legs: list[Any], seed: int) -> None:
    matrix = covariances(seed)
    built = [leg(name, value, entry=waiting) for name, value, waiting in legs]
    bound = deviation(built, moves(matrix))
    assert bound is not None
    held = np.zeros(3)
    waiting = []
    for each in built:
        vector = np.zeros(3)
        vector[NAMES.index(each.instrument)] = float(each.notional) * each.sign
        if each.entry:
            waiting.append(vector)
        else:
            held += vector
    worst = max(
        math.sqrt(max(0.0, float(x @ matrix @ x)))
        for n in range(len(waiting) + 1)
        for some in itertools.combinations(waiting, n)
        for x in [held + sum(some, np.zeros(3))]
    )
    assert bound >= worst * (1 - 1e-9)
    if not waiting:
        assert bound == pytest.approx(worst, rel=1e-9, abs=1e-9)


@given(known, st.integers(0, 50), st.sampled_from(NAMES[:3]), amounts)
def test_an_entry_order_never_lowers_the_deviation(legs: list[Any], seed: int, name: str, value: int) -> None:
    built, how = [leg(n, v, entry=w) for n, v, w in legs], moves(covariances(seed))
    before, after = deviation(built, how), deviation([*built, leg(name, value, entry=True)], how)
    assert before is not None
    assert after is not None
    assert after >= before * (1 - 1e-12)


def test_what_is_in_no_covariance_moves_one_for_one_with_the_rest() -> None:
    how = moves([[0.0004]], {"B": 0.03, "C": 0.01})
    legs = [leg("A", 100), leg("B", -50), leg("B", 20), leg("C", 10, entry=True)]
    assert deviation(legs, how) == pytest.approx(100 * 0.02 + 30 * 0.03 + 10 * 0.01)
    assert deviation([*legs, leg("D", 1)], how) is None
    assert without_volatility([*legs, leg("D", 1)], how) == ("D",)


def test_the_heat_counts_correlation_but_never_a_hedge() -> None:
    half = moves([[1e-4, 1e-4], [1e-4, 4e-4]])  # correlation one half
    assert heat([leg("A", 9, 3), leg("B", 9, 4)], half) == pytest.approx(math.sqrt(9 + 16 + 2 * 0.5 * 12))
    assert heat([leg("A", 9, 3), leg("B", -9, 4)], half) == pytest.approx(5.0)
    against = moves([[1e-4, -1e-4], [-1e-4, 4e-4]])
    assert heat([leg("A", 9, 3), leg("B", -9, 4)], against) == pytest.approx(math.sqrt(9 + 16 + 12))
    assert heat([leg("C", 9, 3), leg("D", -9, 4)], half) == pytest.approx(7.0), "unknown counts as one"
    assert heat([], half) == 0


@given(known, st.lists(st.integers(0, 100), min_size=7, max_size=7), st.integers(0, 50))
def test_the_heat_lies_between_the_largest_loss_and_their_sum_and_only_grows(
    legs: list[Any], losses: list[int], seed: int
) -> None:
    how = moves(covariances(seed))
    built = [leg(name, value or 1, loss) for (name, value, _), loss in zip(legs, losses, strict=False)]
    found = heat(built, how)
    assert max((float(each.loss) for each in built), default=0) * (1 - 1e-9) <= found
    assert found <= sum(float(each.loss) for each in built) * (1 + 1e-9)
    assert heat([*built, leg("A", 1, losses[-1])], how) >= found * (1 - 1e-12)


def covariance(ts: int = T0, **changes: Any) -> CovarianceUpdate:
    base = CovarianceUpdate(
        ts=ts,
        instruments=(BTC, ETH),
        covariance=((4e-4, 3e-4), (3e-4, 9e-4)),
        groups=(0, 0),
        observations=300,
    )
    return msgspec.structs.replace(base, **changes)


def test_positions_and_entries_of_all_books_are_legs() -> None:
    rig = Rig(config(a=book_config(), b=book_config(capital=50_000.0)))
    rig.bars(100.0, T0, entry(book="a", id="s1"), entry(book="b", id="s2", side=entry().signal.side.SHORT))
    rig.quote(100.0, T0)
    rig.bars(50.0, T0, entry(book="a", id="s3", instrument=ETH, price=50), id=ETH)
    rig.feed(quote(101.0, T0 + 1000))
    whole = portfolio(rig.desk.state)
    shown = [(each.book, each.instrument, each.sign, each.entry) for each in whole.legs]
    assert shown == [("a", BTC, 1, False), ("b", BTC, -1, False), ("a", ETH, 1, True)]
    assert [(each.notional, each.loss) for each in whole.legs[:2]] == [(d(10_100), d(300)), (d(5050), d(50))]
    waiting = only(rig.commands, SubmitOrder)[-1].order.quantity
    assert (whole.legs[2].notional, whole.legs[2].loss) == (waiting * 50, waiting * 1)
    assert whole.missing == ()


def test_a_price_that_is_not_known_makes_the_desk_unknown() -> None:
    rig = Rig()
    rig.open_position()
    again = Rig(snapshot=rig.desk.snapshot(), ts=T0 + 1000)
    missing = portfolio(again.desk.state).missing
    assert missing == ("the equity of crypto", f"the price of {BTC}")


def test_a_position_without_a_stop_may_lose_all_of_itself() -> None:
    rig = Rig()
    rig.open_position()
    key = ("crypto", BTC)
    state = rig.desk.state
    state.positions[key] = msgspec.structs.replace(state.positions[key], stop_price=None)
    (held,) = portfolio(state).legs
    assert held.loss == held.notional


def test_groups_come_from_the_covariance_and_the_unknown_stand_together() -> None:
    rig = Rig()
    assert comovement(rig.desk.state).groups == {"unknown USDT perpetual": (BTC, ETH)}
    rig.feed(covariance(groups=(0, 1)))
    assert comovement(rig.desk.state).groups == {"group 1": (BTC,), "group 2": (ETH,)}
    rig.feed(covariance(instruments=(BTC,), covariance=((4e-4,),), groups=(0,)))
    assert comovement(rig.desk.state).groups == {"group 1": (BTC,), "unknown USDT perpetual": (ETH,)}
    rig.feed(Timer(ts=T0 + 3 * 3_600_000 + FIVE + 1))
    assert comovement(rig.desk.state).place == {}, "older than three refreshes and a bar"


def test_volatility_of_an_instrument_alone_is_that_of_a_day_and_holds_over_a_weekend() -> None:
    rig = Rig()
    state = rig.desk.state
    state.instruments[ETH] = instrument(ETH, calendar=Calendar.NSE)
    rig.feed(model(T0, BTC, volatility=0.5), model(T0, ETH, volatility=0.5))
    assert comovement(state).alone == {BTC: 0.5 / math.sqrt(365), ETH: 0.5 / math.sqrt(252)}
    rig.feed(Timer(ts=T0 + VOLATILITY_AGE_MS))
    assert comovement(state).alone.keys() == {BTC, ETH}
    rig.feed(Timer(ts=T0 + VOLATILITY_AGE_MS + 1))
    assert comovement(state).alone == {}
    rig.feed(model(state.ts, BTC, volatility=0.0), model(state.ts, ETH, volatility=None))
    assert comovement(state).alone == {}, "no movement is no measurement"
