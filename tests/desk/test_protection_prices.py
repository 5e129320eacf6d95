"""Where a stop and a target are put: by percent or by ATR, on the tick, on their own side of the price."""

import math
from decimal import Decimal

import pytest
from desk_kit import (
    BOOK,
    BTC,
    FIVE,
    T0,
    K,
    Rig,
    book_config,
    config,
    d,
    entry,
    facts,
    instrument,
    only,
    update,
    verdict,
)
from hypothesis import example
from hypothesis import given as for_all
from hypothesis import strategies as st

from tradeterm.config import ExitsConfig
from tradeterm.desk.models import current_model
from tradeterm.desk.protection import protection_prices
from tradeterm.desk.state import Book
from tradeterm.domain.commands import RequestVerdict, SubmitOrder
from tradeterm.domain.events import FillReceived, ModelUpdate, Timer
from tradeterm.domain.facts import SignalFact
from tradeterm.domain.instrument import on_step
from tradeterm.domain.orders import PositionSide
from tradeterm.domain.signals import GateCode
from tradeterm.domain.states import BookState, Regime

KEY = (BOOK, BTC)
LONG, SHORT = PositionSide.LONG, PositionSide.SHORT
TICK = instrument().tick_size

prices = st.decimals(min_value=10, max_value=100_000, places=4)
sides = st.sampled_from([LONG, SHORT])


def placed(side: PositionSide, price: object, atr: float | None = None, **exits: object) -> tuple[Decimal, object]:
    book = Book(BOOK, book_config(exits=ExitsConfig(**exits)), FIVE, BookState.RUNNING, d(1), d(1))
    return protection_prices(book, instrument(), side, d(price), atr)


def model(ts: int, id: str = BTC, **values: float | None) -> ModelUpdate:
    return ModelUpdate(ts=ts, model="instrument", subject=id, values=values)


@for_all(prices, sides, st.floats(0.001, 0.5), st.floats(0.001, 0.9))
def test_by_percent_it_is_never_further_than_configured_but_a_tick_away(
    price: Decimal, side: PositionSide, stop: float, target: float
) -> None:
    at, goal = placed(side, price, stop=stop, target=target)
    assert isinstance(goal, Decimal)
    assert on_step(at, TICK)
    assert on_step(goal, TICK)
    assert 0 < (price - at) * side.sign <= max(price * d(stop), TICK)
    assert 0 < (goal - price) * side.sign <= max(price * d(target), TICK)


@for_all(prices, sides, st.floats(0.1, 10), st.floats(1e-9, 1e6), st.floats(0.1, 20))
@example(Decimal(100), SHORT, 10.0, 1e6, 20.0)
@example(Decimal(100), LONG, 0.1, 1e-300, 0.1)
def test_by_atr_it_stays_within_its_bounds_on_its_side_and_on_the_tick(
    price: Decimal, side: PositionSide, stops: float, atr: float, times: float
) -> None:
    at, goal = placed(side, price, atr, stop_atr=stops, target_stops=times)
    away = (price - at) * side.sign
    assert on_step(at, TICK)
    assert max(price * d("0.001"), TICK) - TICK < away <= max(price * d("0.5"), TICK)
    assert away > 0
    assert away <= max(d(stops) * d(atr), price * d("0.001"), TICK)
    if goal is None:
        assert side is SHORT, "a long's target is always within reach"
        assert price - away * d(times) < TICK
    else:
        assert isinstance(goal, Decimal)
        assert on_step(goal, TICK)
        assert 0 < (goal - price) * side.sign <= max(away * d(times), TICK)


@pytest.mark.parametrize("atr", [None, 0.0, -1.0, math.nan, math.inf])
@pytest.mark.parametrize("side", [LONG, SHORT])
def test_without_a_usable_atr_the_percent_stop_counts(side: PositionSide, atr: float | None) -> None:
    at, goal = placed(side, 100, atr, stop=0.02, stop_atr=1.5, target_stops=2.5)
    assert at == 100 - 2 * side.sign
    assert goal == 100 + 5 * side.sign


def test_an_atr_alone_changes_nothing() -> None:
    assert placed(LONG, 100, 7.0) == placed(LONG, 100)


@pytest.mark.parametrize(("side", "stop", "target"), [(LONG, "97.0", "107.5"), (SHORT, "103.0", "92.5")])
def test_stop_and_target_by_atr(side: PositionSide, stop: str, target: str) -> None:
    assert placed(side, 100, 2.0, stop_atr=1.5, target_stops=2.5) == (d(stop), d(target))


def test_a_target_in_stops_needs_no_percent_target() -> None:
    assert placed(LONG, 100, target=None, target_stops=2.0) == (d(98), d(104))


def test_a_target_a_short_cannot_reach_is_not_sent() -> None:
    assert placed(SHORT, 100, target=2.0) == (d(102), None)


def atr_rig() -> Rig:
    return Rig(config(crypto=book_config(exits=ExitsConfig(stop_atr=1.5, target_stops=2.0))))


def test_the_stop_that_is_sized_judged_and_sent_is_one() -> None:
    rig = atr_rig()
    rig.judge = False
    rig.feed(model(T0 - FIVE, atr=2.0))
    (asked,) = only(rig.bars(100.0, T0, entry()), RequestVerdict)
    rig.feed(model(T0, atr=4.0))  # of the signal's own bar, and after it
    (submit,) = only(rig.feed(verdict(asked.signal.id, T0)), SubmitOrder)
    order = submit.order
    assert (order.stop_loss, order.take_profit) == (d(97), d(106))
    risk = d(100_000) * d("0.01")
    assert order.quantity * 3 <= risk
    rig.quote(100.0, T0)
    position = rig.desk.positions[KEY]
    assert (position.initial_stop, position.stop_price, position.target_price) == (d(97), d(97), d(106))


def test_a_model_of_more_than_three_bars_ago_is_unknown() -> None:
    rig = atr_rig()
    rig.feed(model(T0 - 4 * FIVE, atr=2.0))
    assert not only(rig.bars(100.0, T0, entry()), SubmitOrder)


@pytest.mark.parametrize("atr", [None, 0.0, math.nan, math.inf])
def test_nothing_is_opened_where_the_atr_for_its_stop_is_not_known(atr: float | None) -> None:
    rig = atr_rig()
    rig.feed(model(T0 - FIVE, atr=atr))
    given = rig.bars(100.0, T0, entry())
    assert not only(given, SubmitOrder)
    assert not only(given, RequestVerdict)
    (fact,) = facts(given, SignalFact)
    assert fact.outcome_code == GateCode.NOT_FINITE
    assert fact.outcome_text == "missing or not a number: stop (the ATR for the stop is not known)"
    assert fact.quantity in (None, 0)


def test_a_stop_placed_anew_keeps_its_price_whatever_the_atr_has_become() -> None:
    rig = atr_rig()
    rig.feed(model(T0 - FIVE, atr=2.0))
    trade = rig.open_position()
    rig.feed(model(T0, atr=8.0))
    del rig.venue.orders[trade + "s"]
    rig.feed(update(trade + "s", K.CANCELED, T0 + 1000))
    assert rig.desk.orders[trade + "s2"].trigger_price == d(97)


def test_a_position_that_came_without_a_stop_gets_one_by_the_atr_of_now() -> None:
    rig = atr_rig()
    rig.feed(model(T0 - FIVE, atr=2.0))
    trade = rig.open_position()
    fill = next(event for event in rig.events if isinstance(event, FillReceived)).fill
    assert fill.client_order_id == trade
    other = type(fill)(
        **{name: getattr(fill, name) for name in fill.__struct_fields__}
        | {"exec_id": "theirs", "client_order_id": "theirs", "instrument": "ETHUSDT.BINANCE"}
    )
    rig.feed(model(T0, "ETHUSDT.BINANCE", atr=2.0))
    rig.feed(FillReceived(ts=T0 + 1, fill=other), Timer(ts=T0 + 2))
    assert rig.desk.positions[(BOOK, "ETHUSDT.BINANCE")].stop_price == d(97)


@for_all(st.integers(-10 * FIVE, 10 * FIVE), st.sampled_from(Regime))
def test_a_model_is_known_within_three_bars_and_while_the_clock_can_be_trusted(age: int, regime: Regime) -> None:
    rig = Rig()
    rig.feed(model(T0, atr=1.0, regime=float(list(Regime).index(regime))))
    state = rig.desk.state
    known = current_model(state, BTC, T0 + age, FIVE)
    assert (known.atr, known.regime) == ((1.0, regime) if -FIVE < age <= 3 * FIVE else (None, None))


@pytest.mark.parametrize("code", [None, -1.0, 5.0, 0.5, math.nan])
def test_a_code_that_is_no_regime_is_none(code: float | None) -> None:
    rig = Rig()
    rig.feed(model(T0, regime=code))
    assert rig.desk.state.models[BTC].regime is None
