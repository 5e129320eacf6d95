from desk_kit import BOOK, BTC, T0, Rig, d, entry, facts, only

from tradeterm.domain.commands import SubmitOrder
from tradeterm.domain.facts import SignalFact
from tradeterm.domain.orders import OrderStatus
from tradeterm.domain.signals import SignalOutcome


def test_a_signal_becomes_a_filled_and_protected_position() -> None:
    rig = Rig()
    given = rig.bars(100.0, T0, entry())
    assert [fact.outcome for fact in facts(given, SignalFact)] == [SignalOutcome.PENDING, SignalOutcome.ORDERED]
    (submit,) = only(given, SubmitOrder)
    assert submit.order.status is OrderStatus.SUBMITTED
    assert (submit.order.stop_loss, submit.order.take_profit) == (d(98), d(103))
    rig.quote(100.0, T0)
    position = rig.desk.positions[(BOOK, BTC)]
    assert position.quantity == d(100)
    assert position.ts_unprotected is None
    assert rig.desk.orders[position.trade_id + "s"].status is OrderStatus.ACCEPTED
