"""The plan that brings a desk to agree with its venue, on small pictures and on invented histories."""

from decimal import Decimal
from typing import Any

import msgspec
from hypothesis import given
from hypothesis import strategies as st

from tradeterm.brokers.protocol import VenueBalance, VenuePosition
from tradeterm.config import BookConfig, Config
from tradeterm.desk import Desk
from tradeterm.desk.state import exec_key
from tradeterm.domain.commands import AmendOrder, CancelOrder, SubmitOrder
from tradeterm.domain.events import CashEvent, DeskRestored, FillReceived, OrderAdopted, OrderUpdate
from tradeterm.domain.instrument import Instrument, InstrumentKind
from tradeterm.domain.orders import (
    Cash,
    CashKind,
    Fill,
    Liquidity,
    Order,
    OrderEventKind,
    OrderIntent,
    OrderSide,
    OrderStatus,
    OrderType,
)
from tradeterm.domain.snapshot import DeskSnapshot, Position
from tradeterm.domain.states import TradingState
from tradeterm.engine.reconcile import VenuePicture, cash_differences, plan, position_differences

BTC = Instrument(
    id="BTC.X",
    symbol="BTC",
    venue="X",
    kind=InstrumentKind.PERPETUAL,
    quote_currency="USDT",
    tick_size=Decimal("0.1"),
    lot_size=Decimal("0.01"),
    min_quantity=Decimal("0.01"),
    min_notional=Decimal(1),
)
CONFIG = Config(books={"crypto": BookConfig(strategy="eos", venue="paper", instruments=("BTC.X",), capital=10000.0)})
NOW = 2_000_000


def order(client_id: str = "e-1", status: OrderStatus = OrderStatus.SUBMITTED, **changes: Any) -> Order:
    plain = Order(
        client_order_id=client_id,
        book="crypto",
        venue="paper",
        account="crypto",
        instrument="BTC.X",
        side=OrderSide.BUY,
        type=OrderType.MARKET,
        quantity=Decimal(1),
        intent=OrderIntent.ENTRY,
        ts_created=1_000_000,
        ts_updated=1_000_000,
        status=status,
    )
    return msgspec.structs.replace(plain, **changes)


def fill(exec_id: str = "x1", client_id: str = "e-1", quantity: str = "1", **changes: Any) -> Fill:
    plain = Fill(
        exec_id=exec_id,
        venue="paper",
        account="crypto",
        book="crypto",
        instrument="BTC.X",
        client_order_id=client_id,
        venue_order_id="v1",
        side=OrderSide.BUY,
        quantity=Decimal(quantity),
        price=Decimal(100),
        fee=Decimal("0.1"),
        fee_currency="USDT",
        liquidity=Liquidity.TAKER,
        ts_event=1_500_000,
        ts_recv=1_500_000,
    )
    return msgspec.structs.replace(plain, **changes)


def picture(**changes: Any) -> VenuePicture:
    plain = VenuePicture(
        venue="paper",
        account="crypto",
        ts=NOW,
        orders=(),
        missing=frozenset(),
        executions=(),
        positions=(),
        balances=(),
    )
    return msgspec.structs.replace(plain, **changes)


def local(*orders: Order, **more: Any) -> DeskSnapshot:
    return DeskSnapshot(orders=orders, **more)


def kinds(snapshot: DeskSnapshot, venue: VenuePicture) -> list[str]:
    found = []
    for event in plan(snapshot, venue).events:
        kind = f"{event.kind} {event.code}".strip() if isinstance(event, OrderUpdate) else type(event).__name__
        found.append(kind)
    return found


def test_an_order_in_flight_that_arrived_is_acknowledged() -> None:
    there = order(status=OrderStatus.ACCEPTED, venue_order_id="v1")
    for status in (OrderStatus.SUBMITTED, OrderStatus.UNKNOWN):
        (event,) = plan(local(order(status=status)), picture(orders=(there,))).events
        assert isinstance(event, OrderUpdate)
        assert (event.kind, event.venue_order_id) == (OrderEventKind.ACKNOWLEDGED, "v1")


def test_an_order_that_never_arrived_is_refused_only_where_a_look_up_is_final() -> None:
    snapshot = local(order())
    assert kinds(snapshot, picture(missing=frozenset({"e-1"}))) == ["REFUSED NEVER_ARRIVED"]
    assert kinds(snapshot, picture(missing=frozenset())) == []
    assert kinds(snapshot, picture()) == []  # nobody looked


def test_missed_fills_come_in_time_order_between_the_ack_and_the_end() -> None:
    there = order(status=OrderStatus.CANCELED, venue_order_id="v1")
    late, early = fill("x2", quantity="0.2", ts_event=1_600_000), fill("x1", quantity="0.3")
    events = plan(local(order()), picture(orders=(there,), executions=(late, early))).events
    assert [getattr(event, "kind", None) for event in events] == ["ACKNOWLEDGED", None, None, "CANCELED"]
    assert [event.fill.exec_id for event in events if isinstance(event, FillReceived)] == ["x1", "x2"]


def test_an_execution_is_booked_once_however_often_it_is_told() -> None:
    venue = picture(executions=(fill(), fill()), orders=(order(status=OrderStatus.FILLED),))
    assert kinds(local(order(status=OrderStatus.ACCEPTED)), venue) == ["FillReceived"]
    booked = local(order(status=OrderStatus.FILLED), exec_ids=(exec_key("paper", "crypto", "x1"),))
    assert kinds(booked, venue) == []


def test_the_same_execution_id_at_another_account_is_another_execution() -> None:
    snapshot = local(order(status=OrderStatus.ACCEPTED), exec_ids=(exec_key("paper", "other", "x1"),))
    assert kinds(snapshot, picture(executions=(fill(),))) == ["FillReceived"]


def test_funding_is_cash_and_never_a_fill() -> None:
    paid = Cash(
        id="f1",
        venue="paper",
        account="crypto",
        book="crypto",
        kind=CashKind.FUNDING,
        amount=Decimal("-1.5"),
        currency="USDT",
        ts_event=1_600_000,
    )
    (event,) = plan(local(), picture(executions=(paid,))).events
    assert isinstance(event, CashEvent)
    assert kinds(local(cash_ids=(exec_key("paper", "crypto", "f1"),)), picture(executions=(paid,))) == []


def test_a_strange_order_is_adopted_as_external_and_an_old_strange_one_is_not() -> None:
    strange = order("by-hand", OrderStatus.ACCEPTED, intent=OrderIntent.ENTRY)
    (event,) = plan(local(), picture(orders=(strange,))).events
    assert isinstance(event, OrderAdopted)
    assert event.order.intent is OrderIntent.EXTERNAL
    assert kinds(local(), picture(orders=(order("by-hand", OrderStatus.FILLED),))) == []


def test_a_fill_of_a_strange_order_comes_after_its_adoption() -> None:
    strange = order("by-hand", OrderStatus.FILLED)
    venue = picture(orders=(strange,), executions=(fill(client_id="by-hand"),))
    assert kinds(local(), venue) == ["OrderAdopted", "FillReceived"]


def test_a_strange_order_that_filled_is_booked_once_and_is_no_anomaly() -> None:
    strange = order("by-hand", OrderStatus.FILLED, filled_quantity=Decimal(1), average_price=Decimal(100))
    desk = Desk(CONFIG)
    desk.on(DeskRestored(ts=1_000_000, instruments=(BTC,), snapshot=DeskSnapshot()))
    for event in plan(desk.snapshot(), picture(orders=(strange,), executions=(fill(client_id="by-hand"),))).events:
        desk.on(event)
    assert desk.orders["by-hand"].filled_quantity == Decimal(1)
    assert desk.orders["by-hand"].status is OrderStatus.FILLED
    assert desk.positions["crypto", "BTC.X"].quantity == Decimal(1)
    assert desk.state.trading_state is TradingState.ACTIVE


def test_an_order_the_venue_cut_and_filled_ends_once_its_fills_are_booked() -> None:
    cut = order(status=OrderStatus.FILLED, quantity=Decimal("0.6"), filled_quantity=Decimal("0.6"))
    here = order(status=OrderStatus.PENDING_CANCEL, filled_quantity=Decimal("0.6"))
    assert kinds(local(here), picture(orders=(cut,))) == ["CANCELED REDUCED_AT_VENUE"]
    missing = msgspec.structs.replace(here, filled_quantity=Decimal("0.5"))
    assert kinds(local(missing), picture(orders=(cut,))) == []


def test_protection_that_its_entrys_missed_fill_made_is_not_taken_for_a_strange_order() -> None:
    entry = order(stop_loss=Decimal(98))
    stop = order("e-1s", OrderStatus.ACCEPTED, intent=OrderIntent.PROTECTIVE_STOP)
    venue = picture(orders=(order(status=OrderStatus.FILLED), stop), executions=(fill(),))
    assert kinds(local(entry), venue) == ["ACKNOWLEDGED", "FillReceived"]


def test_protection_does_not_exist_before_its_entrys_first_fill() -> None:
    entry = order(status=OrderStatus.ACCEPTED, stop_loss=Decimal(98))
    child = order("e-1s", OrderStatus.INITIALIZED, intent=OrderIntent.PROTECTIVE_STOP, parent_id="e-1")
    venue = picture(orders=(order(status=OrderStatus.ACCEPTED),), missing=frozenset({"e-1s"}))
    assert kinds(local(entry, child), venue) == []
    filled = msgspec.structs.replace(entry, status=OrderStatus.FILLED, filled_quantity=Decimal(1))
    assert kinds(local(filled, child), venue) == ["REFUSED NEVER_ARRIVED"]


def test_requests_that_were_not_carried_out_fall_back() -> None:
    there = (order(status=OrderStatus.ACCEPTED, trigger_price=Decimal(98)),)
    assert kinds(local(order(status=OrderStatus.PENDING_CANCEL)), picture(orders=there)) == ["REFUSED NOT_CARRIED_OUT"]
    (event,) = plan(local(order(status=OrderStatus.PENDING_UPDATE)), picture(orders=there)).events
    assert isinstance(event, OrderUpdate)
    assert (event.kind, event.trigger_price) == (OrderEventKind.ACKNOWLEDGED, Decimal(98))


def test_an_order_touched_a_moment_ago_is_left_alone() -> None:
    snapshot = local(order(status=OrderStatus.PENDING_CANCEL, ts_updated=NOW - 1))
    there = (order(status=OrderStatus.ACCEPTED),)
    assert kinds(snapshot, picture(orders=there, untouched_since=NOW - 5000)) == []
    assert kinds(snapshot, picture(orders=there, untouched_since=NOW)) == ["REFUSED NOT_CARRIED_OUT"]


def test_positions_are_compared_at_lot_precision() -> None:
    here = Position(book="crypto", venue="paper", account="crypto", instrument="BTC.X", quantity=Decimal("1.000"))
    instruments = {"BTC.X": BTC}

    def differences(quantity: str) -> tuple[str, ...]:
        there = (VenuePosition("BTC.X", Decimal(quantity), None),)
        return position_differences(local(positions=(here,)), picture(positions=there), instruments)

    assert differences("1") == ()
    assert differences("1.005") == ()
    assert differences("0.99") == ("position BTC.X: 1.000 here, 0.99 at paper",)
    assert position_differences(local(), picture(), instruments) == ()
    assert position_differences(local(positions=(here,)), picture(), instruments)


def test_cash_drift_beyond_a_cent_is_named() -> None:
    desk = restored_desk(local())
    there = picture(balances=(VenueBalance("USDT", Decimal("10000.005")), VenueBalance("BTC", Decimal(3))))
    assert cash_differences(desk.snapshot(), there, ("crypto",), "USDT") == ()
    there = picture(balances=(VenueBalance("USDT", Decimal(9000)),))
    assert cash_differences(desk.snapshot(), there, ("crypto",), "USDT") == (
        "cash: 10000.00 here, 9000.00 USDT at paper",
    )


def restored_desk(snapshot: DeskSnapshot) -> Desk:
    desk = Desk(CONFIG)
    desk.on(DeskRestored(ts=1_000_000, instruments=(BTC,), snapshot=snapshot))
    return desk


STATES_HERE = (OrderStatus.SUBMITTED, OrderStatus.UNKNOWN, OrderStatus.ACCEPTED, OrderStatus.PENDING_CANCEL)
STATES_THERE = (OrderStatus.ACCEPTED, OrderStatus.PARTIALLY_FILLED, OrderStatus.CANCELED, OrderStatus.EXPIRED, None)


@st.composite
def histories(draw: st.DrawFn) -> tuple[DeskSnapshot, VenuePicture]:
    """Entries we remember in some state, and how the venue knows them now: perhaps filled in parts, perhaps ended."""
    orders, there, executions = [], [], []
    absent = set()
    held = Decimal(0)
    for number in range(draw(st.integers(1, 4))):
        client_id = f"e{number}-1"
        side = draw(st.sampled_from(list(OrderSide)))
        orders.append(order(client_id, draw(st.sampled_from(STATES_HERE)), side=side))
        status = draw(st.sampled_from(STATES_THERE))
        if status is None:
            absent.add(client_id)
            continue
        parts = draw(st.lists(st.integers(1, 40), max_size=2)) if status is not OrderStatus.ACCEPTED else []
        for part, lots in enumerate(parts):
            quantity = Decimal(lots) / 100
            executions.append(
                fill(f"x{number}-{part}", client_id, str(quantity), side=side, ts_event=draw(st.integers(1, NOW)))
            )
            held += quantity * side.sign
        filled = sum((one.quantity for one in executions if one.client_order_id == client_id), Decimal(0))
        there.append(order(client_id, status, side=side, filled_quantity=filled, venue_order_id=f"v{number}"))
    venue = picture(
        orders=tuple(there),
        missing=frozenset(absent),
        executions=tuple(draw(st.permutations(executions))),
        positions=(VenuePosition("BTC.X", held, None),) if held else (),
    )
    return local(*orders), venue


def apply(desk: Desk, venue: VenuePicture) -> tuple[list[Any], VenuePicture]:
    """Follow the plan; the venue carries out the cancels the desk asks for meanwhile."""
    commands: list[Any] = []
    for event in plan(desk.snapshot(), venue).events:
        commands += desk.on(event)
    canceled = {command.order.client_order_id for command in commands if isinstance(command, CancelOrder)}
    orders = [
        msgspec.structs.replace(there, status=OrderStatus.CANCELED) if there.client_order_id in canceled else there
        for there in venue.orders
    ]
    for client_id in sorted(canceled):
        desk.on(OrderUpdate(ts=NOW, client_order_id=client_id, kind=OrderEventKind.CANCELED))
    return commands, msgspec.structs.replace(venue, orders=tuple(orders))


@given(histories())
def test_any_history_ends_in_agreement_and_a_second_look_finds_nothing(
    history: tuple[DeskSnapshot, VenuePicture],
) -> None:
    snapshot, before = history
    desk = restored_desk(snapshot)
    commands, venue = apply(desk, before)
    assert position_differences(desk.snapshot(), venue, {"BTC.X": BTC}) == ()
    assert plan(desk.snapshot(), venue).events == ()
    digest = desk.digest()
    assert apply(desk, venue) == ([], venue)
    assert desk.digest() == digest
    sent = [command.order for command in commands if isinstance(command, SubmitOrder | AmendOrder)]
    assert all(sent_order.reduce_only for sent_order in sent)


@given(histories())
def test_a_warm_and_a_cold_restart_give_the_same_positions(history: tuple[DeskSnapshot, VenuePicture]) -> None:
    snapshot, before = history
    warm = restored_desk(snapshot)
    _, venue = apply(warm, before)
    cold = restored_desk(warm.snapshot())
    assert plan(cold.snapshot(), venue).events == ()
    assert dict(cold.positions) == dict(warm.positions)
