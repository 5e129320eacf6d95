"""The desk's shared limits hold whatever happens in whatever order, and a restart changes nothing of it."""

import itertools
import random
from decimal import Decimal

import msgspec
import numpy as np
import pytest
from desk_kit import (
    BTC,
    ETH,
    FIVE,
    PLAIN,
    T0,
    Rig,
    bar,
    book_config,
    d,
    entry,
    exit_signal,
    facts,
    model,
    models_again,
    only,
    quote,
)
from hypothesis import given, settings
from hypothesis import strategies as st
from test_portfolio import covariance
from test_view import look

from tradeterm.config import Config, LimitsConfig, RiskConfig, SizingConfig
from tradeterm.desk import Desk
from tradeterm.desk.comovement import Z_99, Comovement, comovement, deviation, heat
from tradeterm.desk.portfolio import Portfolio, portfolio
from tradeterm.desk.risk_view import desk_limits, present_risk
from tradeterm.desk.state import DeskState, Health
from tradeterm.domain.commands import DeskCommand, SubmitOrder
from tradeterm.domain.events import DeskEvent, Timer, VerdictReceived
from tradeterm.domain.facts import SignalFact
from tradeterm.domain.orders import OrderIntent, PositionSide
from tradeterm.domain.signals import GateCode
from tradeterm.domain.snapshot import DeskSnapshot
from tradeterm.domain.states import HealthLevel

LONG, SHORT = PositionSide.LONG, PositionSide.SHORT
WIDE = LimitsConfig(
    cool_down_minutes=0,
    max_position_exposure=1.0,
    max_total_exposure=5.0,
    max_leverage=5.0,
    drawdown=1.0,
    daily_loss=1.0,
)
BIG = SizingConfig(
    risk_fraction=0.02,
    exploration_fraction=0.02,
    max_position_fraction=0.6,
    regimes=PLAIN.regimes,
    drawdown_dampening=False,
)
SECTORS = {"majors": (BTC, ETH)}


def desk_of(**risk: object) -> Config:
    books = {name: book_config(limits=WIDE, sizing=BIG, capital=capital) for name, capital in CAPITAL.items()}
    return Config(books=books, risk=RiskConfig(**{"max_heat": 1.0, "sectors": SECTORS, **risk}))


CAPITAL = {"a": 100_000.0, "b": 60_000.0, "c": 30_000.0}


def code(rig: Rig) -> str:
    last: SignalFact = facts(rig.commands, SignalFact)[-1]
    return last.outcome_code


def buy(rig: Rig, book: str, name: str = BTC, side: PositionSide = LONG, step: int = 0) -> SignalFact:
    ts = T0 + step * FIVE
    rig.bars(100.0, ts, entry(ts, side, id=f"{book}{name[:3]}{step}", book=book, instrument=name), id=name)
    rig.quote(100.0, ts, name)
    last: SignalFact = facts(rig.commands, SignalFact)[-1]
    return last


LOOSE = {"max_asset": 5.0, "max_group": 5.0, "max_sector": 5.0, "max_one_sided": 5.0, "max_var": 1.0}


@pytest.mark.parametrize(
    ("limit", "other", "denied", "says"),
    [
        ({"max_gross": 0.4}, ETH, GateCode.GROSS_EXPOSURE, "in the market"),
        ({"max_asset": 0.4}, BTC, GateCode.ASSET_EXPOSURE, "in BTCUSDT"),
        ({"max_group": 0.4}, ETH, GateCode.CORRELATED_EXPOSURE, "BTCUSDT, ETHUSDT, which move together"),
        ({"max_sector": 0.4}, ETH, GateCode.SECTOR_EXPOSURE, "in sector majors"),
        ({"max_one_sided": 0.4}, ETH, GateCode.ONE_SIDED, "long less short"),
        ({"max_heat": 0.008}, ETH, GateCode.PORTFOLIO_HEAT, "lost at all stops"),
        ({"max_var": 0.02}, ETH, GateCode.VAR_LIMIT, "VaR 99%"),
    ],
)
def test_what_one_book_holds_counts_against_another(
    limit: dict[str, float], other: str, denied: GateCode, says: str
) -> None:
    rig = Rig(desk_of(**{**LOOSE, **limit}))
    assert buy(rig, "a").outcome_code == "", "60,000 of 190,000"
    fact = buy(rig, "b", other)
    assert fact.outcome_code == denied, fact.outcome_text
    assert says in fact.outcome_text


ONLY_BTC = covariance(instruments=(BTC,), covariance=((4e-4,),), groups=(0,))


def test_an_instrument_in_no_covariance_counts_with_the_largest_group() -> None:
    rig = Rig(desk_of(**{**LOOSE, "max_group": 0.4}))
    rig.feed(ONLY_BTC)
    assert buy(rig, "a").outcome_code == "", "60,000 of 190,000"
    fact = buy(rig, "b", ETH)
    assert fact.outcome_code == GateCode.CORRELATED_EXPOSURE
    assert fact.outcome_text == (
        "50.53% of the desk's equity in BTCUSDT, ETHUSDT, which move together as far as is known,"
        " nothing is of ETHUSDT, limit 40.00%"
    )


def test_the_largest_group_counts_with_what_is_in_no_covariance() -> None:
    rig = Rig(desk_of(**{**LOOSE, "max_group": 0.4}))
    rig.feed(ONLY_BTC)
    assert buy(rig, "a", ETH).outcome_code == ""
    assert buy(rig, "b").outcome_code == GateCode.CORRELATED_EXPOSURE
    state = rig.desk.state
    groups = next(limit for limit in desk_limits(state, present_risk(state)) if limit.name == "largest group")
    assert groups.value == pytest.approx(100 * 60_000 / 190_000, rel=1e-2)


def test_a_smaller_group_is_left_alone_by_what_is_in_no_covariance() -> None:
    moves = Comovement(
        place={"A": 0, "B": 1, "C": 2},
        covariance=np.eye(3).tolist(),
        alone={},
        groups={"group 1": ("A", "B"), "group 2": ("C",), "unknown": ("X", "Y")},
    )
    held = {"A": d(50), "C": d(30), "X": d(20)}
    assert moves.counted_with("A", held) == (("A", "B", "X"), ("X",))
    assert moves.counted_with("C", held) == (("C",), ())
    assert moves.counted_with("C", {**held, "C": d(51)}) == (("C", "X"), ("X",))
    assert moves.counted_with("Y", held) == (("A", "B", "X", "Y"), ("X", "Y"))
    assert moves.counted_with("A", {"A": d(50)}) == (("A", "B"), ())
    nothing = msgspec.structs.replace(moves, place={})
    assert nothing.counted_with("X", held) == (("A", "C", "X"), ("A", "C", "X"))


def test_without_any_volatility_nothing_is_opened() -> None:
    rig = Rig()
    rig.modelled = False
    rig.bars(100.0, T0, entry())
    assert code(rig) == GateCode.INSUFFICIENT_HISTORY
    assert facts(rig.commands, SignalFact)[-1].outcome_text == f"no volatility known yet of {BTC}"
    rig.feed(model(T0))
    rig.bars(100.0, T0 + FIVE, entry(T0 + FIVE))
    assert code(rig) == ""


def test_an_ill_strategy_opens_nothing_but_closes() -> None:
    rig = Rig()
    rig.open_position()
    rig.desk.state.health["crypto"] = Health(HealthLevel.SEVERE, T0, ("10 losses in a row",))
    rig.bars(100.0, T0 + FIVE, entry(T0 + FIVE, id="again", instrument=ETH), exit_signal(T0 + FIVE), id=ETH)
    denied = next(fact for fact in facts(rig.commands, SignalFact) if fact.id == "again")
    codes = {check.code for check in denied.checks if not check.passed}
    assert GateCode.STRATEGY_HEALTH in codes
    assert only(rig.commands, SubmitOrder)[-1].order.intent is OrderIntent.EXIT


def test_a_limit_the_market_breaks_denies_entries_is_shown_and_closes_nothing() -> None:
    rig = Rig(desk_of(max_asset=0.33))
    assert buy(rig, "a").outcome_code == ""
    rig.feed(quote(115.0, T0 + 1000))
    largest = next(row for row in look(rig).limits if row.name == "largest asset")
    assert (largest.book, largest.limit) == ("", 33.0)
    assert largest.value is not None
    assert largest.value > 33
    sent = len(only(rig.commands, SubmitOrder))
    assert buy(rig, "b", step=1).outcome_code == GateCode.ASSET_EXPOSURE
    assert len(only(rig.commands, SubmitOrder)) == sent


def test_an_entry_against_a_heavy_side_is_judged_by_its_own_side() -> None:
    rig = Rig(desk_of(**{**LOOSE, "max_one_sided": 0.33}))
    assert buy(rig, "a").outcome_code == ""
    rig.feed(quote(115.0, T0 + 1000))
    assert buy(rig, "b", ETH, LONG, 1).outcome_code == GateCode.ONE_SIDED
    assert buy(rig, "b", ETH, SHORT, 2).outcome_code == ""


def test_the_view_shows_the_shared_risk() -> None:
    rig = Rig(desk_of(**LOOSE))
    buy(rig, "a")
    rig.feed(covariance(T0))
    buy(rig, "b", ETH, SHORT, 1)
    view = look(rig)
    risk = view.risk
    state = rig.desk.state
    whole = portfolio(state)
    assert risk.gross == pytest.approx(float(whole.gross() / whole.equity))
    assert risk.net == pytest.approx(float(whole.net() / whole.equity))
    daily = deviation(whole.legs, comovement(state))
    assert daily is not None
    assert risk.var_99 == pytest.approx(Z_99 * daily / float(whole.equity))
    assert risk.var_95 is not None
    assert risk.cvar_99 is not None
    assert risk.var_95 < risk.var_99 < risk.cvar_99
    assert {group.name: group.limit for group in risk.groups} == {"group 1": 5.0, "majors": 5.0}
    assert [health.book for health in risk.health] == ["a", "b", "c"]
    assert risk.health[0].sizing == "exploring: 0 of 30 trades"
    assert {regime.instrument for regime in risk.regimes} == {BTC, ETH}
    rows = [row.name for row in view.limits if not row.book]
    assert rows[:2] == ["desk daily loss", "desk drawdown"]
    assert rows[2:] == ["gross", "one side", "largest asset", "largest group", "largest sector", "heat", "VaR 99%"]


def test_what_is_not_known_is_shown_as_that() -> None:
    rig = Rig()
    rig.open_position()
    again = Rig(snapshot=rig.desk.snapshot(), ts=T0 + 1000)
    view = look(again)
    assert view.risk.gross is view.risk.heat is view.risk.var_99 is None
    assert all(row.value is None for row in view.limits if not row.book)


TIGHT = desk_of(
    max_gross=0.9, max_asset=0.4, max_group=0.6, max_sector=0.7, max_one_sided=0.4, max_heat=0.012, max_var=0.022
)


def broken(state: DeskState) -> set[str]:
    """The limits that do not hold at present prices if some of the open entry orders fill, whichever."""
    limits, whole, moves = state.config.risk, portfolio(state), comovement(state)
    held, found = whole.positions().legs, set()
    entries = [leg for leg in whole.legs if leg.entry]
    for some in itertools.chain.from_iterable(itertools.combinations(entries, n) for n in range(len(entries) + 1)):
        filled = [msgspec.structs.replace(leg, entry=False) for leg in some]
        then = Portfolio(equity=whole.equity, legs=(*held, *filled))
        daily = deviation(then.legs, moves)
        assert daily is not None
        money = {
            "max_gross": then.gross(),
            "max_asset": max((then.of_asset(leg.asset) for leg in then.legs), default=0),
            "max_group": max(then.gross(ids) for ids in moves.groups.values()),
            "max_sector": max(then.gross(ids) for ids in limits.sectors.values()),
            "max_one_sided": abs(then.net()),
            "max_heat": d(heat(then.legs, moves) * (1 - 1e-6)),
            "max_var": d(Z_99 * daily * (1 - 1e-6)),
        }
        found |= {name for name, value in money.items() if value > d(getattr(limits, name)) * then.equity}
    return found


def step_of(rig: Rig, seed: int, step: int) -> list[DeskCommand]:
    """Signals of all books at a price that stays, fills now or later, verdicts that shrink, models that come late."""
    rng = random.Random(f"{seed}/{step}")
    ts = T0 + step * FIVE
    rig.factor = rng.choice(["1", "0.5"])
    rig.venue.cap = rng.choice([None, Decimal(50)])
    events: list[DeskEvent] = [bar(100.0, ts), bar(100.0, ts, ETH)]
    for book in CAPITAL:
        name, side = rng.choice([BTC, ETH]), rng.choice([LONG, LONG, SHORT])
        if rng.random() < 0.6:
            events.append(entry(ts, side, id=f"{book}{step}", book=book, instrument=name))
        if rng.random() < 0.3:
            events.append(exit_signal(ts, side, id=f"x{book}{step}", book=book, instrument=name))
    if rng.random() < 0.2:
        events.append(covariance(ts))
    given = rig.feed(*events, Timer(ts=ts))
    for name in (BTC, ETH):
        if rng.random() < 0.6:
            given += rig.quote(100.0, ts, name)
    return given


@given(st.integers(0, 10_000))
@settings(max_examples=25, deadline=None)
def test_no_order_passes_that_breaks_a_limit_whatever_the_order_of_events(seed: int) -> None:
    rig = Rig(TIGHT)
    for step in range(12):
        step_of(rig, seed, step)
    desk = Desk(TIGHT)
    for event in rig.events:
        before = broken(desk.state) if isinstance(event, VerdictReceived) else set()
        sent = only(desk.on(event), SubmitOrder)
        if any(command.order.intent is OrderIntent.ENTRY for command in sent):
            assert broken(desk.state) <= before


def test_the_random_desks_trade_and_are_denied_by_each_limit() -> None:
    seen: set[str] = set()
    orders = 0
    for seed in range(12):
        rig = Rig(TIGHT)
        for step in range(12):
            step_of(rig, seed, step)
        orders += sum(command.order.intent is OrderIntent.ENTRY for command in only(rig.commands, SubmitOrder))
        seen |= {check.code for fact in facts(rig.commands, SignalFact) for check in fact.checks if not check.passed}
    assert orders > 50
    assert seen >= {
        GateCode.ASSET_EXPOSURE,
        GateCode.CORRELATED_EXPOSURE,
        GateCode.ONE_SIDED,
        GateCode.PORTFOLIO_HEAT,
        GateCode.VAR_LIMIT,
    }


@given(st.integers(0, 10_000), st.integers(1, 10))
@settings(max_examples=15, deadline=None)
def test_a_restart_changes_no_decision(seed: int, at: int) -> None:
    one, two = Rig(TIGHT), Rig(TIGHT)
    for step in range(at):
        step_of(one, seed, step)
        step_of(two, seed, step)
    ts = T0 + (at - 1) * FIVE
    for rig in (one, two):  # what still waits is over, so that both go on from the same venue
        rig.quote(100.0, ts)
        rig.quote(100.0, ts, ETH)
    entering = any(order.intent is OrderIntent.ENTRY for order in two.desk.state.working_orders())
    if entering or any(p.exit_reason or p.ts_unprotected for p in two.desk.positions.values()):
        return  # what is under way is tried again by the clock of its last attempt
    wire = msgspec.json.decode(msgspec.json.encode(two.desk.snapshot()), type=DeskSnapshot)
    again = Rig(TIGHT, wire, ts)
    again.venue = two.venue
    known = two.desk.state.covariance
    again.feed(*models_again(two), *([known] if known else []), quote(100.0, ts), quote(100.0, ts, ETH), Timer(ts=ts))
    for step in range(at, at + 6):
        assert msgspec.json.encode(step_of(again, seed, step)) == msgspec.json.encode(step_of(one, seed, step))
