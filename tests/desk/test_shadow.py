"""Shadows: what signals would have earned untouched by tier 2, and that following them changes nothing else."""

import random
from decimal import Decimal
from typing import Any

import msgspec
import pytest
from desk_kit import (
    BOOK,
    BTC,
    ETH,
    FIVE,
    T0,
    Rig,
    bar,
    book_config,
    config,
    d,
    entry,
    exit_signal,
    facts,
    instrument,
    model,
    models_again,
    verdict,
)
from hypothesis import given, settings
from hypothesis import strategies as st

from tradeterm.brokers.paper.prices import Costs, received
from tradeterm.config import Config, ExitsConfig, GateConfig, GateMode, LimitsConfig, PaperConfig
from tradeterm.desk import Desk, shadow
from tradeterm.desk.shadow_fills import fee, funding_paid, slipped
from tradeterm.domain.commands import DeskCommand, Record, RequestVerdict, SubmitOrder
from tradeterm.domain.events import BarClosed, DeskEvent, FundingUpdate, Timer
from tradeterm.domain.facts import AlertFact, ShadowTrade, SignalFact
from tradeterm.domain.market import FundingRate
from tradeterm.domain.orders import Liquidity, OrderSide, PositionSide
from tradeterm.domain.signals import SignalOutcome, VerdictDecision
from tradeterm.domain.snapshot import DeskSnapshot
from tradeterm.domain.states import Regime

FREE = PaperConfig(taker_fee=0.0, slippage=0.0)
EXITS = ExitsConfig(stop=0.02, target=0.04, trail=None, time_limit_hours=None, session_end=False)
LONG, SHORT = PositionSide.LONG, PositionSide.SHORT


def made(exits: ExitsConfig = EXITS, paper: PaperConfig = FREE, mode: GateMode = GateMode.ENFORCE) -> Config:
    limits = LimitsConfig(cool_down_minutes=0, daily_loss=1.0, drawdown=1.0)
    cfg = config(crypto=book_config(exits=exits, limits=limits))
    return msgspec.structs.replace(cfg, paper=paper, gate=GateConfig(mode=mode))


def shadowed(
    decision: VerdictDecision = VerdictDecision.REJECT, factor: object = 0, side: PositionSide = LONG, **changes: Any
) -> Rig:
    """A signal at 100, answered so."""
    rig = Rig(made(**changes))
    rig.decision, rig.factor = decision, factor
    rig.bars(100.0, T0, entry(T0, side, 100))
    return rig


def after(rig: Rig, *bars: BarClosed, extra: tuple[DeskEvent, ...] = ()) -> ShadowTrade:
    """The shadow after these bars, each with its Timer; `extra` comes with the first."""
    for number, event in enumerate(bars):
        rig.feed(event, *(extra if not number else ()), Timer(ts=event.ts))
    return last(rig)


def last(rig: Rig) -> ShadowTrade:
    trade: ShadowTrade = facts(rig.commands, ShadowTrade)[-1]
    return trade


def candle(number: int, opened: float, high: float, low: float, close: float) -> BarClosed:
    """The bar `number` after the signal's."""
    closed = bar(close, T0 + number * FIVE)
    return BarClosed(ts=closed.ts, bar=msgspec.structs.replace(closed.bar, open=opened, high=high, low=low))


@pytest.mark.parametrize(
    ("decision", "factor"),
    [
        (VerdictDecision.APPROVE, 1),
        (VerdictDecision.REDUCE, "0.3"),
        (VerdictDecision.REJECT, 0),
        (VerdictDecision.ABSTAIN, 0),
        (VerdictDecision.FAILED_CLOSED, 0),
    ],
)
def test_every_answer_opens_the_same_shadow(decision: VerdictDecision, factor: object) -> None:
    rig = shadowed(decision, factor)
    trade = last(rig)
    assert trade.signal_id == f"s{T0 // 1000}"
    assert trade.verdict_id == f"vs{T0 // 1000}"
    assert (trade.strategy, trade.book, trade.currency, trade.side) == ("eos", BOOK, "USDT", LONG)
    assert (trade.stop, trade.target, trade.pnl, trade.ts_closed) == (d("98.0"), d("104.0"), None, None)
    whole = shadowed(VerdictDecision.APPROVE, 1)
    assert trade.quantity == facts(whole.commands, SignalFact)[-1].quantity
    ordered = facts(rig.commands, SignalFact)[-1]
    if decision is VerdictDecision.REDUCE:
        assert ordered.quantity < trade.quantity
    closed = after(rig, candle(1, 101, 101, 101, 101), candle(2, 102, 104.5, 101, 104))
    assert (closed.entry_price, closed.exit_price, closed.exit_reason) == (d(101), d(104), "TARGET")
    assert closed.pnl == 3 * trade.quantity
    assert (closed.ts_opened, closed.ts_closed) == (T0 + rig.config.paper.latency_ms, T0 + 2 * FIVE)
    assert closed.held is None
    assert len(rig.desk.state.shadows) == 0


def test_an_answer_that_never_came_is_followed_too() -> None:
    rig = Rig(made())
    rig.judge = False
    rig.bars(100.0, T0, entry(T0))
    rig.feed(Timer(ts=T0 + 10 * FIVE))
    assert facts(rig.commands, SignalFact)[-1].outcome_code == "VERDICT_TIMEOUT"
    assert last(rig).verdict_id == ""
    assert last(rig).quantity > 0


def test_a_verdict_with_an_unusable_factor_is_followed_and_not_named() -> None:
    rig = shadowed(VerdictDecision.APPROVE, "1.5")
    assert facts(rig.commands, SignalFact)[-1].outcome_code == "VERDICT_INVALID"
    assert last(rig).verdict_id == ""


def test_nobody_asked_no_shadow() -> None:
    assert facts(shadowed(VerdictDecision.APPROVE, 1, mode=GateMode.OFF).commands, ShadowTrade) == []


def test_tier_1_denies_without_a_shadow() -> None:
    rig = Rig(made())
    rig.bars(100.0, T0, entry(T0, price=100, ts_bar=T0 - FIVE))
    assert facts(rig.commands, SignalFact)[-1].outcome is SignalOutcome.DENIED
    assert facts(rig.commands, ShadowTrade) == []


def test_an_approval_that_tier_1_denies_afterwards_is_followed() -> None:
    rig = Rig(made())
    rig.judge = False
    rig.bars(100.0, T0, entry(T0))
    rig.feed(verdict(f"s{T0 // 1000}", T0 + 2 * FIVE))
    assert facts(rig.commands, SignalFact)[-1].outcome is SignalOutcome.DENIED
    assert last(rig).verdict_id == f"vs{T0 // 1000}"


def test_the_shadow_comes_after_the_order() -> None:
    commands = shadowed(VerdictDecision.APPROVE, 1).commands
    order = next(place for place, command in enumerate(commands) if isinstance(command, SubmitOrder))
    opened = next(
        place for place, c in enumerate(commands) if isinstance(c, Record) and isinstance(c.fact, ShadowTrade)
    )
    assert order < opened


@pytest.mark.parametrize(
    ("bars", "price", "reason"),
    [
        ([(100, 100, 97, 99)], "98.0", "STOP"),  # the bar it was entered in counts whole
        ([(100, 105, 97, 99)], "98.0", "STOP"),  # stop before target
        ([(100, 105, 99, 99)], "104.0", "TARGET"),
        ([(100, 101, 99, 99), (97, 99, 96, 98)], "97.0", "STOP"),  # a gap at the open
        ([(100, 101, 99, 99), (105, 106, 90, 98)], "105.0", "TARGET"),
        ([(97, 97.5, 96, 97)], "97.5", "STOP"),  # entered beyond its stop: no price better than the bar had
    ],
)
def test_prices_end_it(bars: list[tuple[float, ...]], price: str, reason: str) -> None:
    closed = after(shadowed(), *(candle(number, *row) for number, row in enumerate(bars, 1)))
    assert (closed.exit_price, closed.exit_reason) == (d(price), reason)
    assert closed.pnl == (d(price) - closed.entry_price) * closed.quantity


def test_a_short_is_the_mirror() -> None:
    closed = after(shadowed(side=SHORT), candle(1, 100, 100.5, 95, 96))
    assert (closed.stop, closed.exit_price, closed.exit_reason) == (d("102.0"), d("96.0"), "TARGET")
    assert closed.pnl == 4 * closed.quantity


def test_a_trailing_stop_moves_from_bar_to_bar() -> None:
    exits = ExitsConfig(stop=0.02, target=0.5, trail=0.01, trail_after=0.0, time_limit_hours=None, session_end=False)
    rig = shadowed(exits=exits)
    moved = after(rig, candle(1, 100, 103, 100, 100), candle(2, 100, 103, 100, 102.5))
    assert moved.held is not None
    assert moved.held.position.peak_price == 103
    assert moved.held.position.stop_price == d("102.0")  # 1 % below, on the tick nearer to the price
    closed = after(rig, candle(3, 102.3, 102.4, 101, 101))
    assert (closed.exit_price, closed.exit_reason) == (d("102.0"), "TRAILING")


def test_what_a_close_makes_due_fills_at_the_next_open() -> None:
    rig = shadowed(exits=ExitsConfig(stop=0.02, target=0.04, trail=None, time_limit_hours=5 / 60, session_end=False))
    due = after(rig, candle(1, 100, 100, 100, 100), candle(2, 100, 100, 100, 100))
    assert due.held is not None
    assert due.held.position.exit_reason == "TIME_LIMIT"
    closed = after(rig, candle(3, 101.5, 110, 90, 100))
    assert (closed.exit_price, closed.exit_reason, closed.ts_closed) == (d("101.5"), "TIME_LIMIT", T0 + 2 * FIVE)


def test_a_strategy_ends_it_as_it_would_a_position() -> None:
    rig = shadowed()
    out, wrong = exit_signal(T0 + 2 * FIVE), exit_signal(T0 + FIVE, SHORT, id="other")
    after(rig, candle(1, 100, 100, 100, 100), extra=(wrong,))
    due = after(rig, candle(2, 100, 100, 100, 100), extra=(out,))
    assert due.held is not None
    assert due.held.position.exit_reason == "MEAN_CROSS"
    assert after(rig, candle(3, 103, 103, 103, 103)).exit_price == 103


def test_a_regime_that_turned_ends_it() -> None:
    exits = msgspec.structs.replace(EXITS, regimes=msgspec.structs.replace(EXITS.regimes, enabled=True))
    rig = Rig(made(exits))
    rig.decision, rig.factor = VerdictDecision.REJECT, 0
    rising, falling = (float(list(Regime).index(regime)) for regime in (Regime.TREND_UP, Regime.TREND_DOWN))
    rig.feed(model(T0, regime=rising))
    rig.bars(100.0, T0, entry(T0))
    assert last(rig).regime == Regime.TREND_UP.value
    after(rig, candle(1, 100, 100, 100, 100), extra=(model(T0 + FIVE, regime=falling),))
    due = after(rig, candle(2, 100, 100, 100, 100))
    assert due.held is not None
    assert due.held.position.exit_reason == "REGIME_CHANGE"


def test_costs_are_paid_at_both_ends() -> None:
    rig = shadowed(paper=PaperConfig(taker_fee=0.001, slippage=0.001))
    closed = after(rig, candle(1, 100, 104.5, 99, 104))
    assert (closed.entry_price, closed.exit_price) == (d("100.1"), d("103.8"))
    fees = (d("100.1") + d("103.8")) * closed.quantity * d("0.001")
    assert closed.fees == fees
    assert closed.pnl == (d("103.8") - d("100.1")) * closed.quantity - fees


@pytest.mark.parametrize("early", [True, False])
@pytest.mark.parametrize(
    ("third", "settled"),
    [((100, 104.5, 99, 104), 1), ((100, 101, 99, 100), 2), ((97, 98, 96, 97), 1)],
    ids=["ended inside the bar", "held on", "ended at the open"],
)
def test_funding_is_paid_on_what_was_held(early: bool, third: tuple[float, ...], settled: int) -> None:
    """At the entry's instant nothing is held; a settlement may come before or after the bar that closes with it."""
    rig = shadowed()
    rig.feed(settlement(T0))
    after(rig, candle(1, 100, 100, 100, 100), extra=(settlement(T0 + FIVE), settlement(T0 + FIVE)))
    events = [candle(2, *third), settlement(T0 + 2 * FIVE)]
    rig.feed(*(reversed(events) if early else events), Timer(ts=T0 + 2 * FIVE))
    trade = after(rig, candle(3, 100, 100, 100, 100)) if settled == 2 else last(rig)
    rates = {1: [100], 2: [100, 100]}[settled]
    assert trade.funding == sum(price * d("0.0001") * trade.quantity for price in rates)
    assert (trade.pnl is None) == (settled == 2)


def settlement(ts: int) -> FundingUpdate:
    return FundingUpdate(ts=ts, funding=FundingRate(BTC, ts, 0.0001, ts))


def test_bars_of_before_the_order_and_of_other_lengths_do_not_count() -> None:
    rig = shadowed()
    hour = msgspec.structs.replace(candle(1, 100, 200, 1, 100).bar, interval_ms=12 * FIVE)
    rig.feed(BarClosed(ts=T0 + FIVE, bar=hour), candle(0, 100, 200, 1, 100), Timer(ts=T0 + FIVE))
    assert last(rig).ts_closed is None
    assert after(rig, candle(1, 100, 101, 99, 100)).entry_price == 100


def test_a_late_answer_is_entered_in_the_bar_of_its_time() -> None:
    rig = Rig(made())
    rig.judge = False
    rig.bars(100.0, T0, entry(T0))
    rig.feed(candle(1, 101, 101, 101, 101))
    rig.feed(verdict(f"s{T0 // 1000}", T0 + FIVE + 1000, 0, VerdictDecision.REJECT), Timer(ts=T0 + FIVE + 1000))
    assert after(rig, candle(2, 102, 102, 102, 102)).entry_price == 102


def test_the_oldest_is_given_up_where_there_are_too_many(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(shadow, "MOST_OPEN", 2)
    rig = shadowed()
    for number in range(1, 5):
        ts = T0 + number * FIVE
        rig.bars(100.0, ts, entry(ts))
    closed = [trade for trade in facts(rig.commands, ShadowTrade) if trade.ts_closed is not None]
    assert [(trade.signal_id, trade.exit_reason) for trade in closed] == [
        (f"s{(T0 + number * FIVE) // 1000}", "CAP") for number in range(3)
    ]
    assert all((trade.pnl, trade.fees, trade.funding, trade.exit_price) == (None,) * 4 for trade in closed)
    assert len(rig.desk.state.shadows) == 2
    assert [alert.code for alert in facts(rig.commands, AlertFact)].count("SHADOW_CAP") == 1


def again(rig: Rig, cfg: Config | None = None) -> Rig:
    """The desk after a restart, its snapshot on a disk in between."""
    wire = msgspec.json.decode(msgspec.json.encode(rig.desk.snapshot()), type=DeskSnapshot)
    second = Rig(cfg or rig.config, wire, rig.ts)
    second.venue = rig.venue
    second.feed(*models_again(rig))
    return second


@pytest.mark.parametrize("entered", [0, 1, 2])
def test_a_restart_goes_on_with_the_next_bar(entered: int) -> None:
    exits = ExitsConfig(stop=0.02, target=0.04, trail=0.01, trail_after=0.0, time_limit_hours=None, session_end=False)
    bars = [candle(1, 100, 101, 100, 101), candle(2, 101, 103, 101, 102.5), candle(3, 102.3, 102.4, 101, 101)]
    whole, rig = shadowed(exits=exits), shadowed(exits=exits)
    after(rig, *bars[:entered])
    assert after(again(rig), *bars[entered:]) == after(whole, *bars)


@pytest.mark.parametrize("entered", [0, 1])
def test_a_bar_missed_in_a_restart_ends_it_without_a_number(entered: int) -> None:
    rig = shadowed()
    after(rig, *[candle(1, 100, 101, 100, 101)][:entered])
    closed = after(again(rig), candle(entered + 2, 100, 110, 90, 100))
    assert (closed.exit_reason, closed.pnl, closed.exit_price, closed.fees) == ("GAP", None, None, None)
    assert closed.ts_closed == T0 + (entered + 2) * FIVE


def test_a_bar_that_is_missing_while_it_runs_is_left_out() -> None:
    closed = after(shadowed(), candle(1, 100, 101, 100, 101), candle(5, 105, 106, 105, 105))
    assert (closed.exit_reason, closed.exit_price) == ("TARGET", d(105))


def test_bars_that_are_filled_in_after_a_restart_count() -> None:
    rig = shadowed()
    closed = after(again(rig), candle(1, 100, 101, 100, 101), candle(2, 101, 105, 101, 102))
    assert (closed.exit_reason, closed.exit_price) == ("TARGET", d(104))


def test_bars_and_settlements_shown_twice_after_a_crash_count_once() -> None:
    rig = shadowed()
    after(rig, candle(1, 100, 101, 100, 101), extra=(settlement(T0 + FIVE),))
    before = rig.desk.snapshot().shadows
    second = again(rig)
    second.feed(candle(1, 100, 101, 100, 101), settlement(T0 + FIVE), Timer(ts=T0 + FIVE))
    assert second.desk.snapshot().shadows == before


def test_nobody_follows_a_contract_that_is_gone() -> None:
    rig = shadowed()
    other = msgspec.structs.replace(rig.config, books={"other": rig.config.books[BOOK]})
    closed = last(again(rig, other))
    assert (closed.exit_reason, closed.pnl) == ("GONE", None)


def test_slippage_fees_and_funding_are_those_of_the_paper_venue() -> None:
    rng = random.Random(1)
    contract = instrument(multiplier=d("0.01"))
    for _ in range(300):
        config_ = PaperConfig(taker_fee=rng.choice([0.0, 0.00055, rng.random() / 50]), slippage=rng.random() / 50)
        costs, price = Costs.of(config_), d(rng.randint(1, 10**6)) / 10
        for side in OrderSide:
            assert slipped(config_, price, side, contract) == costs.slipped(price, side, contract)
        assert fee(config_, price) == costs.fee(price, Liquidity.TAKER)
        quantity, rate = d(rng.randint(-(10**6), 10**6)) / 1000, rng.uniform(-0.01, 0.01)
        amount = received(-quantity * price * contract.multiplier * Decimal(repr(rate)))
        assert funding_paid(quantity, price, rate, contract) == -amount


def wander(rig: Rig, seed: int, steps: range) -> list[DeskCommand]:
    """A random market with signals, exits, regimes, funding and every kind of answer."""
    given_: list[DeskCommand] = []
    for step in steps:
        rng, ts = random.Random(f"{seed}/{step}"), T0 + step * FIVE
        rig.decision = rng.choice(list(VerdictDecision))
        factors = {VerdictDecision.APPROVE: "1", VerdictDecision.REDUCE: "0.4"}
        rig.factor = factors.get(rig.decision, "0")
        price = round(100 + rng.uniform(-2, 2), 1)
        events: list[DeskEvent] = [
            bar(price, ts, name, high=price + rng.uniform(0, 2), low=price - rng.uniform(0, 2)) for name in (ETH, BTC)
        ]
        side = rng.choice([LONG, SHORT])
        signalled = [name for name in (BTC, ETH) if rng.random() < 0.6]
        events += [entry(ts, side, price, id=f"g{step}{name[0]}", instrument=name) for name in signalled]
        if rng.random() < 0.3:
            events.append(exit_signal(ts, side, id=f"o{step}"))
        if rng.random() < 0.3:
            events.insert(rng.randint(0, 2), settlement(ts))
        events.append(model(ts, regime=rng.choice([None, 0.0, 1.0, 2.0, 3.0]), rsi=rng.uniform(10, 90)))
        given_ += rig.feed(*events, Timer(ts=ts))
        given_ += rig.quote(round(price + rng.uniform(-0.5, 0.5), 1), ts)
    return given_


def everything() -> Config:
    exits = ExitsConfig(stop=0.02, target=0.03, trail=0.01, trail_after=0.004, time_limit_hours=0.5, thesis_rsi=70.0)
    exits = msgspec.structs.replace(exits, regimes=msgspec.structs.replace(exits.regimes, enabled=True))
    return made(exits, PaperConfig())


def others(commands: list[DeskCommand]) -> list[DeskCommand]:
    return [c for c in commands if not (isinstance(c, Record) and isinstance(c.fact, ShadowTrade))]


@given(st.integers(0, 10**6))
@settings(max_examples=15, deadline=None)
def test_shadows_change_nothing_else(seed: int) -> None:
    """The same events to a desk that opens none give the same commands, and the same state but for the shadows."""
    rig = Rig(everything())
    wander(rig, seed, range(30))
    assert facts(rig.commands, ShadowTrade)
    without = Desk(msgspec.structs.replace(rig.config, gate=GateConfig(mode=GateMode.OFF)))
    commands = [command for event in rig.events for command in without.on(event)]
    assert others(rig.commands) == commands
    assert any(isinstance(command, RequestVerdict) for command in commands)
    assert msgspec.structs.replace(rig.desk.snapshot(), shadows=()) == without.snapshot()


@given(st.integers(0, 10**6))
@settings(max_examples=15, deadline=None)
def test_a_replay_answers_byte_for_byte(seed: int) -> None:
    rig = Rig(everything())
    wander(rig, seed, range(25))
    desk = Desk(rig.config)
    wire = [msgspec.json.encode(desk.on(event)) for event in rig.events]
    assert b"".join(wire).count(b'"shadow_trades"') == len(facts(rig.commands, ShadowTrade))
    assert desk.digest() == rig.desk.digest()
    assert desk.snapshot().shadows == rig.desk.snapshot().shadows


@given(st.integers(0, 10**6), st.integers(1, 20))
@settings(max_examples=15, deadline=None)
def test_a_restart_changes_no_shadow(seed: int, at: int) -> None:
    one, two = Rig(everything()), Rig(everything())
    wander(one, seed, range(at))
    wander(two, seed, range(at))
    second = again(two)
    wander(one, seed, range(at, at + 8))
    wander(second, seed, range(at, at + 8))
    kept = {shadow_.position.trade_id for shadow_ in two.desk.snapshot().shadows}

    def ends(rig: Rig) -> dict[str, ShadowTrade]:
        return {trade.id: trade for trade in facts(rig.commands, ShadowTrade) if trade.id in kept and trade.ts_closed}

    assert {name: trade for name, trade in ends(one).items() if name in ends(second)} == ends(second)
    assert {s.position.trade_id for s in second.desk.snapshot().shadows} & kept == {
        s.position.trade_id for s in one.desk.snapshot().shadows
    } & kept


@given(st.integers(0, 10**6))
@settings(max_examples=15, deadline=None)
def test_a_closed_shadow_adds_up(seed: int) -> None:
    rig = Rig(everything())
    wander(rig, seed, range(40))
    for trade in facts(rig.commands, ShadowTrade):
        assert (trade.ts_closed is None) == (trade.pnl is None) == (trade.held is not None)
        if trade.pnl is not None:
            assert trade.exit_price is not None
            assert trade.fees is not None
            assert trade.funding is not None
            gross = (trade.exit_price - trade.entry_price) * trade.quantity * trade.side.sign
            assert trade.pnl == gross - trade.fees - trade.funding
            assert trade.ts_opened <= (trade.ts_closed or 0) + rig.config.paper.latency_ms
