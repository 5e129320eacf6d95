"""A book that leans too far to one side closes its worst position of that side, one a bar."""

from decimal import Decimal
from typing import Any

import msgspec
import pytest
from desk_kit import BOOK, BTC, ETH, FIVE, T0, Rig, bar, book_config, config, d, entry, facts, instrument, only, quote
from hypothesis import given as for_all
from hypothesis import settings
from hypothesis import strategies as st

from tradeterm.config import ExitsConfig, PaperConfig
from tradeterm.desk.account import book_equity, notional_at_mark
from tradeterm.desk.one_sided import worst_position
from tradeterm.desk.state import DeskState, Mark, restored
from tradeterm.domain.commands import DeskCommand, SubmitOrder
from tradeterm.domain.events import DeskEvent, Timer
from tradeterm.domain.facts import SignalFact
from tradeterm.domain.orders import OrderIntent, PositionSide
from tradeterm.domain.signals import GateCode, SignalOutcome
from tradeterm.domain.snapshot import DeskSnapshot, Position
from tradeterm.domain.states import TradingState

LONG, SHORT = PositionSide.LONG, PositionSide.SHORT
NAMES = ("AAAUSDT.BINANCE", "BBBUSDT.BINANCE", "CCCUSDT.BINANCE", "DDDUSDT.BINANCE")


def lean(limit: float | None = 0.15, **more: Any) -> Rig:
    """A book that holds BTC and ETH, each a tenth of its equity, bought at 100."""
    off: dict[str, Any] = {"target": None, "trail": None, "time_limit_hours": None, "session_end": False, "stop": 0.2}
    rig = Rig(config(crypto=book_config(exits=ExitsConfig(**{**off, **more}))))
    rig.feed(bar(100.0, T0), bar(100.0, T0, ETH), entry(T0, id="btc"), entry(T0, id="eth", instrument=ETH))
    for name in (BTC, ETH):
        rig.quote(100.0, T0, name)
    for name in (BTC, ETH):  # as large as the limits allow, whatever the sizing
        position = msgspec.structs.replace(rig.desk.positions[(BOOK, name)], quantity=d(100))
        rig.desk.state.positions[(BOOK, name)] = position
        rig.venue.positions[(BOOK, name)] = d(100)
    book = rig.desk.state.books[BOOK]  # the limit comes later: tier 1 would have kept to it
    book.config = msgspec.structs.replace(
        book.config, exits=msgspec.structs.replace(book.config.exits, one_sided=limit)
    )
    rig.config = rig.desk.state.config = config(crypto=book.config)
    return rig


def left(commands: list[DeskCommand]) -> list[tuple[str, str]]:
    exits = [c.order for c in only(commands, SubmitOrder) if c.order.intent is OrderIntent.EXIT]
    return [(order.instrument, order.reason) for order in exits]


def both(rig: Rig, number: int, btc: float, eth: float) -> list[tuple[str, str]]:
    ts = T0 + number * FIVE
    return left(rig.feed(bar(btc, ts), bar(eth, ts, ETH), Timer(ts=ts)))


def test_the_worst_of_the_heavy_side_is_closed() -> None:
    rig = lean()
    assert both(rig, 1, 99.0, 98.0) == [(ETH, "ONE_SIDED")]
    assert both(rig, 2, 99.0, 98.0) == [], "what is being closed does not count"
    rig.quote(98.0, T0 + 2 * FIVE, ETH)
    assert list(rig.desk.positions) == [(BOOK, BTC)]
    assert both(rig, 3, 99.0, 98.0) == []


def wanted(limit: float | None, side: PositionSide, *, held: PositionSide = LONG, waiting: bool = False) -> SignalFact:
    """What becomes of an ETH entry of 5 % of equity, with 5 % of BTC held on a side, or on its way."""
    exits = {"target": None, "trail": None, "time_limit_hours": None, "session_end": False, "stop": 0.2}
    free = PaperConfig(taker_fee=0.0, slippage=0.0)
    cfg = config(crypto=book_config(exits=ExitsConfig(**{**exits, "one_sided": limit})))
    rig = Rig(msgspec.structs.replace(cfg, paper=free))
    rig.feed(bar(100.0, T0), bar(100.0, T0, ETH), entry(T0, held, id="btc"))
    if not waiting:
        rig.quote(100.0, T0)
    rig.feed(entry(T0, side, id="eth", instrument=ETH))
    fact: SignalFact = [fact for fact in facts(rig.commands, SignalFact) if fact.id == "eth"][-1]
    return fact


@pytest.mark.parametrize("waiting", [False, True])
@pytest.mark.parametrize("held", [LONG, SHORT])
def test_an_entry_that_would_be_closed_at_once_is_denied(held: PositionSide, waiting: bool) -> None:
    fact = wanted(0.09, held, held=held, waiting=waiting)
    assert fact.outcome_code == GateCode.ONE_SIDED
    way = "long less short" if held is LONG else "short less long"
    assert fact.outcome_text.endswith(f"% of the book's equity {way}: it would be closed, limit 9.00%")
    for limit in (0.101, None):
        assert wanted(limit, held, held=held, waiting=waiting).outcome is SignalOutcome.ORDERED


def test_an_entry_against_the_heavy_side_leans_less() -> None:
    assert wanted(0.06, SHORT).outcome is SignalOutcome.ORDERED
    assert wanted(0.04, SHORT, waiting=True).outcome_code == GateCode.ONE_SIDED, "the other one may never fill"


def test_inside_the_limit_and_switched_off_nothing_happens() -> None:
    assert both(lean(0.25), 1, 90.0, 90.0) == []
    assert both(lean(None), 1, 90.0, 90.0) == []


def test_one_a_bar_until_it_is_inside() -> None:
    rig = lean(0.05)
    assert both(rig, 1, 99.0, 98.0) == [(ETH, "ONE_SIDED")]
    rig.quote(98.0, T0 + FIVE, ETH)
    assert left(rig.feed(bar(98.5, T0 + FIVE))) == [], "this bar has had its one"
    assert left(rig.bars(99.0, T0 + 2 * FIVE)) == [(BTC, "ONE_SIDED")]


def test_the_next_one_waits_for_the_one_before() -> None:
    rig = lean(0.05)
    assert both(rig, 1, 99.0, 98.0) == [(ETH, "ONE_SIDED")]
    assert both(rig, 2, 99.0, 98.0) == []


@pytest.mark.parametrize("first", [BTC, ETH])
def test_the_order_of_the_bars_changes_nothing(first: str) -> None:
    """BTC's own bar would say so already; the book is judged once both have come."""
    rig = lean()
    prices = {BTC: 99.0, ETH: 98.0}
    second = ETH if first == BTC else BTC
    assert left(rig.feed(bar(prices[first], T0 + FIVE, first))) == []
    assert left(rig.feed(bar(prices[second], T0 + FIVE, second))) == [(ETH, "ONE_SIDED")]


def test_an_instrument_without_bars_is_waited_for_once() -> None:
    rig = lean()
    assert left(rig.bars(99.0, T0 + FIVE)) == []
    assert left(rig.bars(99.0, T0 + 2 * FIVE)) == [(BTC, "ONE_SIDED")]


def test_without_a_price_of_everything_nothing_is_decided() -> None:
    rig = lean()
    rig.feed(quote(float("nan"), T0 + 1, ETH))
    assert both(rig, 1, 99.0, float("nan")) == []


def test_an_exit_that_another_rule_takes_in_the_same_bar_counts_first() -> None:
    rig = lean(time_limit_hours=1.0)
    state = rig.desk.state
    older = msgspec.structs.replace(state.positions[(BOOK, BTC)], ts_opened=T0 - 12 * FIVE)
    state.positions[(BOOK, BTC)] = older
    assert both(rig, 1, 99.0, 98.0) == [(BTC, "TIME_LIMIT")]


def test_a_halted_desk_still_leans_back() -> None:
    rig = lean()
    rig.desk.state.trading_state = TradingState.HALTED
    assert both(rig, 1, 99.0, 98.0) == [(ETH, "ONE_SIDED")]


@pytest.mark.parametrize("at", [1, 2])
def test_a_restart_changes_nothing(at: int) -> None:
    def go(rig: Rig, number: int) -> list[tuple[str, str]]:
        found = both(rig, number, 99.0, 98.0)
        for name, price in ((BTC, 99.0), (ETH, 98.0)):
            rig.quote(price, T0 + number * FIVE, name)
        return found

    one, two = lean(0.05), lean(0.05)
    before = [go(rig, number) for rig in (one, two) for number in range(1, at)]
    wire = msgspec.json.decode(msgspec.json.encode(two.desk.snapshot()), type=DeskSnapshot)
    ts = T0 + (at - 1) * FIVE
    new = Rig(two.config, wire, ts)
    new.venue = two.venue
    seen: list[DeskEvent] = [bar(99.0, ts)] if (BOOK, ETH) not in new.desk.positions else []
    assert left(new.feed(*seen, *seen)) == [], "a bar seen again is not another bar"
    assert [go(new, number) for number in range(at, 4)] == [go(one, number) for number in range(at, 4)]
    assert at == 1 or before == [[(ETH, "ONE_SIDED")]] * 2


def held(name: str, quantity: int, average: Decimal, stop: Decimal | None, exit_reason: str) -> Position:
    return Position(
        book=BOOK,
        venue="paper",
        account=BOOK,
        instrument=name,
        quantity=d(quantity),
        average_price=average,
        initial_stop=stop,
        exit_reason=exit_reason,
    )


price = st.decimals(min_value=1, max_value=200, places=1)
one_position = st.tuples(
    st.integers(-300, 300).filter(bool), price, st.none() | price, st.sampled_from(["", "", "TIME_LIMIT"]), price
)


@for_all(st.lists(one_position, max_size=4), st.sampled_from([0.01, 0.1, 0.5, 2.0]), st.permutations(NAMES))
@settings(max_examples=200)
def test_it_is_the_worst_of_the_heavy_side_and_always_the_same(
    positions: list[Any], limit: float, order: list[str]
) -> None:
    def build(names: list[str]) -> DeskState:
        cfg = config(crypto=book_config(exits=ExitsConfig(one_sided=limit)))
        state = restored(cfg, {name: instrument(name) for name in NAMES}, DeskSnapshot(), T0)
        for name in names:
            found = dict(zip(NAMES, positions, strict=False)).get(name)
            if found is not None:
                quantity, average, stop, exit_reason, mark = found
                state.positions[(BOOK, name)] = held(name, quantity, average, stop, exit_reason)
                state.marks[name] = Mark(float(mark), T0)
        return state

    state = build(list(NAMES))
    book = state.books[BOOK]
    worst = worst_position(state, book, d(limit))
    other = build(order)
    assert worst_position(other, other.books[BOOK], d(limit)) == worst
    counted = [p for p in state.positions.values() if not p.exit_reason]
    value = {p.instrument: notional_at_mark(state, p.instrument, p.quantity) or d(0) for p in counted}
    net = sum((value[p.instrument] * p.side.sign for p in counted), d(0))
    equity = book_equity(state, book)
    assert equity is not None
    if worst is None:
        assert not net or abs(net) <= d(limit) * equity
        return
    assert abs(net) > d(limit) * equity
    assert worst in counted
    assert worst.side.sign * net > 0
    heavy = [p for p in counted if p.side is worst.side]
    if not all(p.initial_stop is not None and p.initial_stop != p.average_price for p in heavy):
        gains = {
            p.instrument: (d(state.marks[p.instrument].price) / p.average_price - 1) * p.side.sign
            for p in heavy
            if p.average_price
        }
        assert gains[worst.instrument] <= min(gains.values()) + d("1e-20")


def test_by_units_of_risk_where_every_stop_is_known() -> None:
    """ETH lost more of its price, BTC more of what was risked."""
    rig = lean()
    positions = rig.desk.state.positions
    positions[(BOOK, BTC)] = msgspec.structs.replace(positions[(BOOK, BTC)], initial_stop=d(98))
    positions[(BOOK, ETH)] = msgspec.structs.replace(positions[(BOOK, ETH)], initial_stop=d(80))
    assert both(rig, 1, 99.0, 97.0) == [(BTC, "ONE_SIDED")]
    rig = lean()
    positions = rig.desk.state.positions
    positions[(BOOK, BTC)] = msgspec.structs.replace(positions[(BOOK, BTC)], initial_stop=None)
    assert both(rig, 1, 99.0, 97.0) == [(ETH, "ONE_SIDED")]


def test_a_tie_is_broken_by_size_then_by_name() -> None:
    rig = lean()
    assert both(rig, 1, 99.0, 99.0) == [(BTC, "ONE_SIDED")]
    rig = lean()
    positions = rig.desk.state.positions
    positions[(BOOK, ETH)] = msgspec.structs.replace(positions[(BOOK, ETH)], quantity=d(101))
    assert both(rig, 1, 99.0, 99.0) == [(ETH, "ONE_SIDED")]


@pytest.mark.parametrize("side", [LONG, SHORT])
def test_winners_go_too_if_there_is_nothing_worse(side: PositionSide) -> None:
    rig = lean()
    state = rig.desk.state
    for name in (BTC, ETH):
        position = state.positions[(BOOK, name)]
        state.positions[(BOOK, name)] = msgspec.structs.replace(position, quantity=d(100) * side.sign)
    assert both(rig, 1, 100 + 2.0 * side.sign, 100 + 1.0 * side.sign) == [(ETH, "ONE_SIDED")]
