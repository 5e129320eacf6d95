"""Exits under any market: never two at once, stops that only tighten, nothing that a restart could change."""

import random
from collections import defaultdict
from decimal import Decimal

import msgspec
from desk_kit import BOOK, BTC, ETH, FIVE, T0, Rig, bar, book_config, config, d, entry, exit_signal, facts, only, quote
from hypothesis import given as for_all
from hypothesis import settings
from hypothesis import strategies as st

from tradeterm.config import Config, ExitsConfig, LimitsConfig, RegimeExits
from tradeterm.desk.protection import is_protected, unprotected
from tradeterm.domain.commands import DeskCommand, Record, SubmitOrder
from tradeterm.domain.events import DeskEvent, ModelUpdate, Timer
from tradeterm.domain.facts import Trade
from tradeterm.domain.instrument import on_step
from tradeterm.domain.orders import Order, OrderIntent, OrderSide, PositionSide
from tradeterm.domain.snapshot import DeskSnapshot
from tradeterm.domain.states import Regime

LONG, SHORT = PositionSide.LONG, PositionSide.SHORT
TICK = d("0.1")
HOURS = {"hours_trend": 0.5, "hours_range": 0.25, "hours_chop": 0.17, "hours_volatile": 0.17}
EVERY_EXIT = ExitsConfig(
    stop=0.02,
    target=0.04,
    trail=0.015,
    trail_after=0.005,
    time_limit_hours=0.75,
    stop_atr=1.5,
    target_stops=2.0,
    thesis_rsi=75.0,
    one_sided=0.2,
    regimes=RegimeExits(enabled=True, **HOURS),
)


def every_exit() -> Config:
    limits = LimitsConfig(cool_down_minutes=0, daily_loss=1.0, drawdown=1.0)
    return config(crypto=book_config(exits=EVERY_EXIT, limits=limits))


def models(seed: int, step: int) -> list[DeskEvent]:
    """What the models say after bar `step`: now and then nothing, and a regime that lasts a few bars."""
    found: list[DeskEvent] = []
    for name in (BTC, ETH):
        lasting = random.Random(f"{seed}/regime/{name}/{step // 5}")
        code = lasting.choice([*range(len(Regime)), None])
        rng = random.Random(f"{seed}/model/{name}/{step}")
        values = {
            "regime": code,
            "rsi": rng.choice([None, rng.uniform(10, 90)]),
            "atr": rng.choice([None, rng.uniform(0.1, 3)]),
        }
        if rng.random() < 0.9:
            found.append(ModelUpdate(ts=T0 + step * FIVE, model="instrument", subject=name, values=values))
    return found


def prices_at(seed: int, step: int) -> dict[str, float]:
    rng = random.Random(f"{seed}/price/{step}")
    return {name: round(100 + rng.uniform(-2.5, 2.5), 1) for name in (BTC, ETH)}


def drive(rig: Rig, seed: int, steps: range) -> list[DeskCommand]:
    given: list[DeskCommand] = []
    for step in steps:
        rng = random.Random(f"{seed}/{step}")
        ts, prices = T0 + step * FIVE, prices_at(seed, step)
        events: list[DeskEvent] = [
            bar(price, ts, name, high=price + rng.uniform(0, 1), low=price - rng.uniform(0, 1))
            for name, price in prices.items()
        ]
        for name, price in prices.items():
            side = rng.choice([LONG, LONG, SHORT])
            if rng.random() < 0.5:
                events.append(entry(ts, side, price, id=f"g{step}{name[0]}", instrument=name))
            if rng.random() < 0.1:
                events.append(exit_signal(ts, side, id=f"o{step}{name[0]}", instrument=name))
        if rng.random() < 0.1:
            rig.venue.refuse.add(f"g{step}B-1s")
        given += rig.feed(*events, *models(seed, step), Timer(ts=ts))
        for name, price in prices.items():
            given += rig.quote(round(price + rng.uniform(-0.4, 0.4), 1), ts, name)
    return given


@for_all(st.integers(0, 100_000))
@settings(max_examples=20, deadline=None)
def test_exits_never_double_and_stops_only_tighten(seed: int) -> None:
    rig = Rig(every_exit())
    drive(rig, seed, range(60))
    stops: dict[str, Decimal] = {}
    exits: dict[str, set[str]] = defaultdict(set)
    for command in rig.commands:
        if not isinstance(command, Record) or not isinstance(command.fact, Order):
            continue
        order = command.fact
        if order.intent is OrderIntent.PROTECTIVE_STOP and order.trigger_price is not None and order.parent_id:
            before = stops.get(order.parent_id, order.trigger_price)
            tightened = order.trigger_price - before
            assert tightened * (1 if order.side is OrderSide.SELL else -1) >= 0
            assert on_step(order.trigger_price, TICK)
            stops[order.parent_id] = order.trigger_price
        if order.intent is OrderIntent.EXIT and order.parent_id:
            (exits[order.parent_id].discard if order.is_closed else exits[order.parent_id].add)(order.client_order_id)
            assert len(exits[order.parent_id]) <= 1, "one exit order at a time"
    for command in only(rig.commands, SubmitOrder):
        order = command.order
        if order.intent is OrderIntent.ENTRY:
            signal_price = next(
                event.signal.price
                for event in rig.events
                if getattr(event, "signal", None) is not None and event.signal.id == order.signal_id
            )
            assert order.stop_loss is not None
            assert (signal_price - order.stop_loss) * order.side.sign > 0
            assert order.take_profit is not None
            assert (order.take_profit - signal_price) * order.side.sign > 0


@for_all(st.integers(0, 100_000))
@settings(max_examples=10, deadline=None)
def test_one_look_at_all_orders_finds_what_is_unprotected(seed: int) -> None:
    rig = Rig(every_exit())
    for step in range(20):
        drive(rig, seed, range(step, step + 1))
        state = rig.desk.state
        expected = [key[1] for key, position in sorted(state.positions.items()) if not is_protected(state, position)]
        assert list(unprotected(state, BOOK)) == expected


def test_that_market_knows_every_exit() -> None:
    reasons = set()
    for seed in range(8):
        rig = Rig(every_exit())
        drive(rig, seed, range(60))
        reasons |= {trade.exit_reason for trade in facts(rig.commands, Trade)}
    wanted = {"STOP", "TARGET", "TRAILING", "TIME_LIMIT", "REGIME_CHANGE", "THESIS", "ONE_SIDED", "MEAN_CROSS"}
    assert wanted <= reasons


@for_all(st.integers(0, 100_000), st.integers(1, 40))
@settings(max_examples=25, deadline=None)
def test_a_restart_changes_nothing_that_follows(seed: int, at: int) -> None:
    """The new process hears the prices and the models' numbers once, and goes on as the old one would have."""
    one, two = Rig(every_exit()), Rig(every_exit())
    drive(one, seed, range(at))
    drive(two, seed, range(at))
    if any(position.exit_reason or position.ts_unprotected for position in two.desk.positions.values()):
        return  # retries look at the clock of the last attempt
    ts = T0 + (at - 1) * FIVE
    wire = msgspec.json.decode(msgspec.json.encode(two.desk.snapshot()), type=DeskSnapshot)
    new = Rig(two.config, wire, ts)
    new.venue = two.venue
    new.feed(*(quote(two.desk.state.marks[name].price, ts, name) for name in (BTC, ETH)), Timer(ts=ts))
    new.desk.state.models = dict(two.desk.state.models)  # fitted again on the same bars
    assert new.desk.snapshot().positions == two.desk.snapshot().positions
    after = range(at, at + 15)
    assert msgspec.json.encode(orders(drive(new, seed, after))) == msgspec.json.encode(orders(drive(one, seed, after)))
    assert new.desk.positions.keys() == one.desk.positions.keys()


def orders(commands: list[DeskCommand]) -> list[Order]:
    """All that was said of orders; what is recorded of models and regimes begins anew."""
    return facts(commands, Order)
