"""Every cell of the table, the rules beside it, and a random walk that must never leave it."""

from decimal import Decimal

import msgspec
import pytest
from desk_kit import K, d, fill_of
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, rule

from tradeterm.desk.order_machine import TRANSITIONS, Applied, Outcome, apply, apply_fill
from tradeterm.domain.errors import IllegalTransition
from tradeterm.domain.orders import TERMINAL, Order, OrderEventKind, OrderIntent, OrderSide, OrderStatus, OrderType

S = OrderStatus
FILLS = (K.PARTIAL_FILL, K.FULL_FILL)

# The table of the design, row by row: SENT ACK REFUSED UNCLEAR AMEND CANCEL TRIGGER PART FULL CANCELED EXPIRED.
COLUMNS = tuple(OrderEventKind)
TABLE = {
    S.INITIALIZED: "SUBMITTED - DENIED - - - - - - CANCELED -",
    S.SUBMITTED: "- ACCEPTED REJECTED UNKNOWN - PENDING_CANCEL TRIGGERED PARTIALLY_FILLED FILLED CANCELED EXPIRED",
    S.UNKNOWN: "- ACCEPTED REJECTED = - PENDING_CANCEL TRIGGERED PARTIALLY_FILLED FILLED CANCELED EXPIRED",
    S.ACCEPTED: "- = REJECTED = PENDING_UPDATE PENDING_CANCEL TRIGGERED PARTIALLY_FILLED FILLED CANCELED EXPIRED",
    S.TRIGGERED: "- = REJECTED = PENDING_UPDATE PENDING_CANCEL = PARTIALLY_FILLED FILLED CANCELED EXPIRED",
    S.PARTIALLY_FILLED: "- = - = PENDING_UPDATE PENDING_CANCEL = = FILLED CANCELED EXPIRED",
    S.PENDING_UPDATE: "- previous previous = - PENDING_CANCEL TRIGGERED PARTIALLY_FILLED FILLED CANCELED EXPIRED",
    S.PENDING_CANCEL: "- = previous = - = = PARTIALLY_FILLED FILLED CANCELED EXPIRED",
    S.CANCELED: "- - - - - - - late late = =",
    S.EXPIRED: "- - - - - - - late late = =",
    S.REJECTED: "- - - - - - - anomaly anomaly - -",
    S.DENIED: "- - - - - - - anomaly anomaly - -",
    S.FILLED: "- - - - - - - anomaly anomaly - -",
}
SPECIAL = {"=": Outcome.SAME, "previous": Outcome.PREVIOUS, "late": Outcome.LATE, "anomaly": Outcome.ANOMALY}
CELLS = [(status, kind, cell) for status, row in TABLE.items() for kind, cell in zip(COLUMNS, row.split(), strict=True)]


def order(status: OrderStatus = S.INITIALIZED, **changes: object) -> Order:
    base = Order(
        client_order_id="s1-1",
        book="crypto",
        venue="paper",
        account="crypto",
        instrument="BTCUSDT.BINANCE",
        side=OrderSide.BUY,
        type=OrderType.MARKET,
        quantity=d(10),
        intent=OrderIntent.ENTRY,
        ts_created=1,
        ts_updated=1,
    )
    return msgspec.structs.replace(base, status=status, **changes)


def happen(before: Order, kind: OrderEventKind) -> Applied:
    if kind in FILLS:
        left = before.leaves_quantity or d(1)
        quantity = left if kind is K.FULL_FILL else left / 2
        return apply_fill(before, fill_of(before, quantity, 100, 2, "x1").fill, ts=2)
    return apply(before, kind, ts=2)


def test_the_table_is_complete() -> None:
    assert set(TRANSITIONS) == set(TABLE) == set(S)


@pytest.mark.parametrize(("status", "kind", "cell"), CELLS, ids=lambda value: str(value))
def test_every_cell(status: OrderStatus, kind: OrderEventKind, cell: str) -> None:
    pending = status in (S.PENDING_UPDATE, S.PENDING_CANCEL)
    filled = status is S.FILLED
    before = order(status, previous_status=S.TRIGGERED if pending else None, filled_quantity=d(10 if filled else 0))
    expected = TRANSITIONS[status].get(kind)
    if cell == "-":
        assert expected is None
        with pytest.raises(IllegalTransition):
            happen(before, kind)
        return
    assert expected == SPECIAL.get(cell, cell)
    applied = happen(before, kind)
    after = applied.order.status
    assert applied.events[-1].kind is (K.FULL_FILL if filled else kind)
    assert applied.events[-1].to_status is after
    if cell == "=":
        assert after is status
    elif cell == "previous":
        assert (after, applied.order.previous_status) == (S.TRIGGERED, None)
    elif cell == "late":
        assert applied.late
        assert after is (S.FILLED if kind is K.FULL_FILL else status)
        assert applied.order.filled_quantity > 0
    elif cell == "anomaly":
        assert applied.anomaly
        assert after is status
    else:
        assert after is S[cell]


@pytest.mark.parametrize("kind", [K.TRIGGERED, K.CANCELED, K.EXPIRED, K.PARTIAL_FILL, K.FULL_FILL])
def test_a_missing_acknowledgement_is_implied(kind: OrderEventKind) -> None:
    applied = happen(order(S.SUBMITTED), kind)
    assert [(e.from_status, e.kind) for e in applied.events] == [(S.SUBMITTED, K.ACKNOWLEDGED), (S.ACCEPTED, kind)]


def test_nothing_new_keeps_the_time_the_state_began() -> None:
    assert apply(order(S.UNKNOWN), K.UNCLEAR, ts=99).order.ts_updated == 1


def test_the_refusal_of_an_overtaken_amend_changes_nothing() -> None:
    asked = apply(order(S.ACCEPTED), K.AMEND_SENT, ts=2).order
    overtaken = apply(asked, K.TRIGGERED, ts=3).order
    after = apply(overtaken, K.REFUSED, ts=4).order
    assert (after.status, after.previous_status) == (S.TRIGGERED, None)
    with pytest.raises(IllegalTransition):
        apply(msgspec.structs.replace(after, status=S.FILLED), K.REFUSED, ts=5)


def test_the_refusal_of_a_cancel_that_came_too_late_changes_nothing() -> None:
    asked = apply(order(S.ACCEPTED), K.CANCEL_SENT, ts=2).order
    filled = apply_fill(asked, fill_of(asked, 10, 100, 3, "x1").fill, ts=3).order
    assert apply(filled, K.REFUSED, ts=4).order.status is S.FILLED


def test_a_refused_cancel_goes_back_to_an_unanswered_amend() -> None:
    asked = apply(order(S.ACCEPTED), K.AMEND_SENT, ts=2).order
    back = apply(apply(asked, K.CANCEL_SENT, ts=3).order, K.REFUSED, ts=4).order
    assert back.status is S.PENDING_UPDATE
    assert apply(back, K.REFUSED, ts=5).order.status is S.ACCEPTED


def test_an_ack_while_the_cancel_is_pending_is_remembered() -> None:
    asked = apply(order(S.SUBMITTED), K.CANCEL_SENT, ts=2).order
    known = apply(asked, K.ACKNOWLEDGED, ts=3).order
    assert known.status is S.PENDING_CANCEL
    assert apply(known, K.REFUSED, ts=4).order.status is S.ACCEPTED


def test_fills_are_not_ordinary_events() -> None:
    with pytest.raises(ValueError, match="apply_fill"):
        apply(order(S.ACCEPTED), K.FULL_FILL, ts=2)


def test_an_over_fill_is_booked_and_flagged() -> None:
    before = order(S.ACCEPTED)
    applied = apply_fill(before, fill_of(before, 11, 100, 2, "x1").fill, ts=2)
    assert applied.anomaly
    assert (applied.order.status, applied.order.filled_quantity) == (S.FILLED, d(11))
    assert applied.order.leaves_quantity == 0


@given(st.lists(st.tuples(st.integers(1, 1000), st.integers(1, 10**6)), min_size=1, max_size=6))
def test_the_average_price_is_the_weighted_one(parts: list[tuple[int, int]]) -> None:
    total = Decimal(sum(quantity for quantity, _ in parts))
    current = order(S.ACCEPTED, quantity=total)
    for number, (quantity, price) in enumerate(parts):
        current = apply_fill(current, fill_of(current, quantity, price, 2, f"x{number}").fill, ts=2).order
    exact = sum(Decimal(quantity) * price for quantity, price in parts) / total
    assert current.status is S.FILLED
    assert current.average_price is not None
    assert abs(current.average_price - exact) < Decimal("1e-9")


class Walk(RuleBasedStateMachine):
    """Any sequence of events: the order is always where the table says, or the event raised and nothing changed."""

    def __init__(self) -> None:
        super().__init__()
        self.order = order()
        self.number = 0

    @rule(kind=st.sampled_from([kind for kind in OrderEventKind if kind not in FILLS]))
    def event(self, kind: OrderEventKind) -> None:
        before = self.order
        try:
            applied = apply(before, kind, ts=before.ts_updated + 1)
        except IllegalTransition:
            assert kind not in TRANSITIONS[before.status]
            return
        assert applied.events[0].from_status is before.status
        assert applied.events[-1].to_status is applied.order.status
        assert applied.order.filled_quantity == before.filled_quantity
        if before.status in TERMINAL:
            assert applied.order.status is before.status
        self.order = applied.order

    @rule(quantity=st.integers(1, 12))
    def fill(self, quantity: int) -> None:
        before, self.number = self.order, self.number + 1
        execution = fill_of(before, quantity, 100, 2, f"x{self.number}").fill
        try:
            applied = apply_fill(before, execution, ts=before.ts_updated + 1)
        except IllegalTransition:
            assert before.status is S.INITIALIZED
            return
        assert applied.order.filled_quantity == before.filled_quantity + quantity
        assert applied.anomaly == (
            before.status in (S.FILLED, S.REJECTED, S.DENIED) or applied.order.filled_quantity > before.quantity
        )
        self.order = applied.order

    @invariant()
    def pending_states_know_where_to_return(self) -> None:
        if self.order.status in (S.PENDING_UPDATE, S.PENDING_CANCEL):
            assert self.order.previous_status not in (None, *TERMINAL)
        if self.order.status is S.FILLED:
            assert self.order.filled_quantity >= self.order.quantity


TestWalk = Walk.TestCase
