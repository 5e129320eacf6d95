"""A desk is a function of its events: journals replay byte for byte, and a restart changes nothing that follows."""

import hashlib
import os
import random
import subprocess
import sys
from pathlib import Path
from typing import Any

import msgspec
import pytest
from desk_kit import (
    BOOK,
    BTC,
    DAY,
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
    models_again,
    only,
    quote,
    verdict,
)
from hypothesis import given, settings
from hypothesis import strategies as st

from tradeterm.config import LimitsConfig
from tradeterm.desk import Desk
from tradeterm.desk.positions import rebuild
from tradeterm.domain.commands import AmendOrder, CancelOrder, DeskCommand, QueryOrder, Record, SubmitOrder
from tradeterm.domain.events import CashEvent, DeskEvent, OperatorCommand, Timer
from tradeterm.domain.facts import SignalFact, Trade
from tradeterm.domain.orders import Cash, CashKind, Fill, Order, OrderStatus, PositionSide
from tradeterm.domain.snapshot import DeskSnapshot
from tradeterm.domain.states import CommandVerb, TradingState

KEY = (BOOK, BTC)
EVENTS = msgspec.json.Decoder(DeskEvent)
LOOSE = config(crypto=book_config(limits=LimitsConfig(cool_down_minutes=0)))


def drive(rig: Rig, seed: int, steps: range) -> list[list[DeskCommand]]:
    """A random but repeatable market with signals, commands, funding and refusals; the commands of each step."""
    given = []
    for step in steps:
        rng = random.Random(f"{seed}/{step}")
        ts = T0 + step * FIVE
        price = round(100 + rng.uniform(-4, 4), 1)
        other = round(50 + rng.uniform(-1, 1), 1)
        side = rng.choice([PositionSide.LONG, PositionSide.SHORT])
        rig.venue.cap = d(rng.choice([30, 1000]))
        rig.factor = rng.choice(["1", "0.5"])
        if rng.random() < 0.1:
            rig.venue.refuse.add(f"g{step}-1s")
        extra: list[DeskEvent] = []
        if rng.random() < 0.5:
            extra.append(entry(ts, side, price, id=f"g{step}"))
        if rng.random() < 0.2:
            extra.append(exit_signal(ts, side, id=f"o{step}"))
        if rng.random() < 0.1:
            extra.append(CashEvent(ts=ts, cash=funding(ts, rng.choice(["-0.5", "0.25"]))))
        if rng.random() < 0.1:
            verb = rng.choice([CommandVerb.FLATTEN, CommandVerb.STOP, CommandVerb.START, CommandVerb.RESUME])
            extra.append(OperatorCommand(ts=ts, id=step, verb=verb, actor="me"))
        bars = (bar(price, ts, high=price + 0.5, low=price - 0.5), bar(other, ts, ETH))
        commands = rig.feed(*bars, *extra, Timer(ts=ts))
        opening = round(price + rng.uniform(-0.5, 0.5), 1)
        commands += rig.quote(opening, ts)
        given.append(commands)
    return given


def funding(ts: int, amount: str) -> Cash:
    return Cash(
        id=f"f{ts}",
        venue="paper",
        account=BOOK,
        book=BOOK,
        kind=CashKind.FUNDING,
        amount=d(amount),
        currency="USDT",
        ts_event=ts,
        instrument=BTC,
    )


def encoded(commands: Any) -> bytes:
    return msgspec.json.encode(commands)


@pytest.mark.parametrize("seed", range(4))
def test_a_journal_gives_the_same_commands_byte_for_byte(seed: int) -> None:
    rig = Rig(LOOSE)
    drive(rig, seed, range(60))
    journal = [msgspec.json.encode(event) for event in rig.events]
    again = Desk(LOOSE)
    replayed = [command for line in journal for command in again.on(EVENTS.decode(line))]
    assert encoded(replayed) == encoded(rig.commands)
    assert again.digest() == rig.desk.digest()
    assert len(facts(rig.commands, Trade)) > 3


@pytest.mark.parametrize("seed", range(4))
def test_the_books_agree_with_their_fills(seed: int) -> None:
    rig = Rig(LOOSE)
    drive(rig, seed, range(80))
    fills, cash, trades = facts(rig.commands, Fill), facts(rig.commands, Cash), facts(rig.commands, Trade)
    rebuilt = rebuild(fills, cash, rig.desk.instruments)
    assert rebuilt.keys() == rig.desk.positions.keys()
    for key, position in rig.desk.positions.items():
        for name in ("quantity", "average_price", "realized_pnl", "fees", "trade_id", "ts_opened"):
            assert getattr(rebuilt[key], name) == getattr(position, name), name
    book = rig.desk.state.books[BOOK]
    open_pnl = sum(p.realized_pnl - p.fees for p in rig.desk.positions.values())
    gross = sum(t.gross_pnl - t.fees for t in trades)
    assert book.cash == d(100_000) + gross + open_pnl + sum(c.amount for c in cash)
    assert rig.venue.positions.get(KEY, d(0)) == getattr(rig.desk.positions.get(KEY), "quantity", d(0))
    sent = [command.order.client_order_id for command in only(rig.commands, SubmitOrder)]
    assert len(sent) == len(set(sent)), "nothing was ever sent twice"
    assert all(len(id) <= 36 for id in sent)


@pytest.mark.parametrize("seed", range(2))
def test_every_order_and_its_signal_are_written_before_it_leaves(seed: int) -> None:
    rig = Rig(LOOSE)
    written: set[tuple[str | None, OrderStatus]] = set()
    drive(rig, seed, range(40))
    for commands in replay(rig.events):
        left: set[str] = set()
        for command in commands:
            if isinstance(command, Record):
                about = getattr(command.fact, "client_order_id", None)
                assert not (isinstance(command.fact, SignalFact) and about in left)
                if isinstance(command.fact, Order):
                    written.add((about, command.fact.status))
            elif isinstance(command, SubmitOrder | AmendOrder | CancelOrder):
                left.add(command.order.client_order_id)
                assert (command.order.client_order_id, command.order.status) in written
    assert len(written) > 20


def replay(events: list[DeskEvent]) -> list[list[DeskCommand]]:
    desk = Desk(LOOSE)
    return [desk.on(event) for event in events]


def restart(rig: Rig, ts: int, last: list[DeskEvent]) -> Rig:
    """A new process on the same ledger and venue, which hears of the models and the present prices again."""
    wire = msgspec.json.decode(msgspec.json.encode(rig.desk.snapshot()), type=DeskSnapshot)
    again = Rig(rig.config, wire, ts)
    again.venue, rig.venue = rig.venue, again.venue
    again.feed(*models_again(rig), *last, Timer(ts=ts))
    return again


@given(st.integers(0, 10_000), st.integers(1, 40))
@settings(max_examples=40, deadline=None)
def test_a_restart_changes_nothing_that_follows(seed: int, at: int) -> None:
    one, two = Rig(LOOSE), Rig(LOOSE)
    drive(one, seed, range(at))
    drive(two, seed, range(at))
    if any(position.exit_reason or position.ts_unprotected for position in two.desk.positions.values()):
        return  # retries look at the clock of the last attempt; covered below
    ts = T0 + (at - 1) * FIVE
    prices = [quote(two.desk.state.marks[name].price, ts, name) for name in (BTC, ETH)]
    before = two.desk.snapshot()
    restarted = restart(two, ts, prices)
    assert restarted.desk.snapshot() == before
    assert encoded(drive(restarted, seed, range(at, at + 15))) == encoded(drive(one, seed, range(at, at + 15)))


def test_an_order_sent_but_not_answered_is_unknown_after_a_restart() -> None:
    rig = Rig()
    rig.feed(bar(100.0, T0))
    rig.venue.orders.clear()
    rig.judge = False
    rig.feed(entry())
    sent = rig.desk.on(verdict(entry().signal.id, T0))
    (submit,) = only(sent, SubmitOrder)
    id = submit.order.client_order_id
    again = Rig(snapshot=rig.desk.snapshot(), ts=T0 + 1000)
    assert again.desk.orders[id].status is OrderStatus.UNKNOWN
    assert not only(again.commands, SubmitOrder), "never sent again"
    assert [query.order.client_order_id for query in only(again.feed(Timer(ts=T0 + 1500)), QueryOrder)] == [id]
    assert again.feed(entry(T0)) == [], "the signal was decided before"


def test_an_exit_goes_on_after_a_restart() -> None:
    rig = Rig()
    trade = rig.open_position()
    rig.venue.refuse.add(trade + "x1")
    rig.bars(100.5, T0 + FIVE, exit_signal(T0 + FIVE))
    again = Rig(snapshot=rig.desk.snapshot(), ts=T0 + FIVE + 5000)
    given = again.feed(Timer(ts=T0 + FIVE + 5000))
    assert [command.order.client_order_id for command in only(given, SubmitOrder)] == [trade + "x2"]


def test_a_bar_seen_again_after_a_restart_changes_nothing() -> None:
    rig = Rig()
    rig.open_position()
    rig.bars(102.0, T0 + FIVE)
    stop = rig.desk.positions[KEY].stop_price
    again = Rig(snapshot=rig.desk.snapshot(), ts=T0 + FIVE)
    given = again.feed(bar(102.0, T0 + FIVE))
    assert again.desk.positions[KEY].stop_price == stop
    assert not only(given, SubmitOrder)
    assert not only(given, AmendOrder)


def test_a_position_nobody_is_configured_for_halts_the_desk() -> None:
    rig = Rig()
    rig.open_position()
    other = Rig(config(another=book_config()), rig.desk.snapshot(), T0 + FIVE)
    assert other.desk.state.trading_state is TradingState.HALTED
    assert "does not have it" in other.desk.state.trading_reason


def fingerprint() -> str:
    rig = Rig(LOOSE)
    drive(rig, 7, range(30))
    return hashlib.sha256(encoded(rig.commands)).hexdigest()


def test_commands_do_not_depend_on_the_order_of_hashes() -> None:
    script = "import sys; sys.path[:0] = sys.argv[1:]; from test_desk_restart import fingerprint; print(fingerprint())"
    folder, seed = Path(__file__).parent, "1" if os.environ.get("PYTHONHASHSEED") != "1" else "2"
    there = subprocess.run(
        [sys.executable, "-c", script, str(folder)],
        env={**os.environ, "PYTHONHASHSEED": seed},
        capture_output=True,
        text=True,
        check=True,
    )
    assert there.stdout.strip() == fingerprint()


def test_old_closed_orders_are_forgotten_but_not_those_of_an_open_trade() -> None:
    rig = Rig(config(crypto=book_config(limits=LimitsConfig(cool_down_minutes=0))))
    rig.open_position()
    rig.quote(103.5, T0 + FIVE)
    old = set(rig.desk.orders)
    assert old
    rig.feed(quote(100.0, T0 + 3 * 86_400_000), Timer(ts=T0 + 3 * 86_400_000))
    assert not old & set(rig.desk.orders)
    rig.bars(100.0, T0 + 4 * DAY, entry(T0 + 4 * DAY))
    rig.quote(100.0, T0 + 4 * DAY)
    held = set(rig.desk.orders)
    rig.feed(quote(100.0, T0 + 8 * DAY), Timer(ts=T0 + 8 * DAY))
    assert held <= set(rig.desk.orders)
