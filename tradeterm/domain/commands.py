"""Everything the desk may ask its driver to do, in order.

Records come before the order they announce: the driver commits every Record that precedes a SubmitOrder, AmendOrder
or CancelOrder durably (write-ahead) before it carries that command out.
"""

from decimal import Decimal
from typing import Any

from msgspec import Struct

from tradeterm.domain.facts import Fact
from tradeterm.domain.orders import Order
from tradeterm.domain.signals import Signal
from tradeterm.domain.states import AlertLevel


class Command(Struct, frozen=True, kw_only=True, tag_field="command", tag=True):
    pass


class Record(Command, frozen=True, kw_only=True, tag=True):
    """Write a fact to the ledger."""

    fact: Fact

    def __post_init__(self) -> None:  # a NaN must never reach the ledger; structs with Decimals are cheap to check
        for name in self.fact.__struct_fields__:
            value: Any = getattr(self.fact, name)
            if isinstance(value, Decimal) and not value.is_finite():
                raise ValueError(f"{type(self.fact).__name__}.{name} is {value}")


class RequestVerdict(Command, frozen=True, kw_only=True, tag=True):
    """Ask tier 2. `context` is the frozen packet of numbers it may look at."""

    signal: Signal
    context: dict[str, Any]


class SubmitOrder(Command, frozen=True, kw_only=True, tag=True):
    order: Order


class AmendOrder(Command, frozen=True, kw_only=True, tag=True):
    """Change a working order; None leaves a field as it is."""

    order: Order
    quantity: Decimal | None = None
    price: Decimal | None = None
    trigger_price: Decimal | None = None


class CancelOrder(Command, frozen=True, kw_only=True, tag=True):
    order: Order


class QueryOrder(Command, frozen=True, kw_only=True, tag=True):
    """Look an order up by its client id; answers come back as OrderUpdate and FillReceived events."""

    order: Order
    attempt: int


class RequestReconcile(Command, frozen=True, kw_only=True, tag=True):
    venue: str
    account: str
    reason: str


class RaiseAlert(Command, frozen=True, kw_only=True, tag=True):
    """Tell a person now (the matching AlertFact is recorded apart)."""

    level: AlertLevel
    code: str
    text: str


DeskCommand = (
    Record | RequestVerdict | SubmitOrder | AmendOrder | CancelOrder | QueryOrder | RequestReconcile | RaiseAlert
)
