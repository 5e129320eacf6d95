"""Orders, fills and the closed sets around them."""

from decimal import Decimal
from enum import StrEnum

from msgspec import Struct


class OrderSide(StrEnum):
    BUY = "BUY"
    SELL = "SELL"

    @property
    def sign(self) -> int:
        return 1 if self is OrderSide.BUY else -1

    @property
    def opposite(self) -> "OrderSide":
        return OrderSide.SELL if self is OrderSide.BUY else OrderSide.BUY


class PositionSide(StrEnum):
    LONG = "LONG"
    SHORT = "SHORT"
    FLAT = "FLAT"

    @property
    def sign(self) -> int:
        return {"LONG": 1, "SHORT": -1, "FLAT": 0}[self.value]

    @property
    def entry(self) -> OrderSide:
        """The order side that opens a position on this side."""
        return OrderSide.SELL if self is PositionSide.SHORT else OrderSide.BUY


class OrderType(StrEnum):
    MARKET = "MARKET"
    LIMIT = "LIMIT"
    STOP_MARKET = "STOP_MARKET"
    STOP_LIMIT = "STOP_LIMIT"
    TAKE_PROFIT_MARKET = "TAKE_PROFIT_MARKET"
    TRAILING_STOP = "TRAILING_STOP"


class TimeInForce(StrEnum):
    GTC = "GTC"
    IOC = "IOC"
    FOK = "FOK"
    DAY = "DAY"


class OrderStatus(StrEnum):
    INITIALIZED = "INITIALIZED"
    DENIED = "DENIED"
    SUBMITTED = "SUBMITTED"
    UNKNOWN = "UNKNOWN"
    ACCEPTED = "ACCEPTED"
    TRIGGERED = "TRIGGERED"
    PENDING_UPDATE = "PENDING_UPDATE"
    PENDING_CANCEL = "PENDING_CANCEL"
    PARTIALLY_FILLED = "PARTIALLY_FILLED"
    FILLED = "FILLED"
    CANCELED = "CANCELED"
    EXPIRED = "EXPIRED"
    REJECTED = "REJECTED"


TERMINAL = frozenset(
    {OrderStatus.DENIED, OrderStatus.FILLED, OrderStatus.CANCELED, OrderStatus.EXPIRED, OrderStatus.REJECTED}
)
OPEN_AT_VENUE = frozenset(
    {
        OrderStatus.ACCEPTED,
        OrderStatus.TRIGGERED,
        OrderStatus.PENDING_UPDATE,
        OrderStatus.PENDING_CANCEL,
        OrderStatus.PARTIALLY_FILLED,
    }
)


class OrderIntent(StrEnum):
    """Why the order exists. EXTERNAL orders were found at the venue and are not ours."""

    ENTRY = "ENTRY"
    PROTECTIVE_STOP = "PROTECTIVE_STOP"
    TAKE_PROFIT = "TAKE_PROFIT"
    EXIT = "EXIT"
    EXTERNAL = "EXTERNAL"


class OrderEventKind(StrEnum):
    """The columns of the order state machine (what happened to an order)."""

    SENT = "SENT"
    ACKNOWLEDGED = "ACKNOWLEDGED"
    REFUSED = "REFUSED"
    UNCLEAR = "UNCLEAR"
    AMEND_SENT = "AMEND_SENT"
    CANCEL_SENT = "CANCEL_SENT"
    TRIGGERED = "TRIGGERED"
    PARTIAL_FILL = "PARTIAL_FILL"
    FULL_FILL = "FULL_FILL"
    CANCELED = "CANCELED"
    EXPIRED = "EXPIRED"


RATE_LIMITED = "RATE_LIMITED"
"""Code of an order that our own limits held back until it was too late: the venue has nothing against it."""


class Order(Struct, frozen=True, kw_only=True, tag_field="table", tag="orders"):
    """Our intent at a venue, and what we know of it. Replaced, never changed, by the state machine.

    `stop_loss` and `take_profit` on an entry are attached protection: the venue creates them with the first fill,
    as orders with client ids `<entry id>s` and `<entry id>t`, sized to the position. `previous_status` is the state
    before a pending amend or cancel. `reference_price` is what a market order was expected to fill at when it left,
    None where no recent price was known; `ts_filled` is when it last filled. Prices are in quote currency, quantities
    in base units or contracts.
    """

    client_order_id: str
    book: str
    venue: str
    account: str
    instrument: str
    side: OrderSide
    type: OrderType
    quantity: Decimal
    intent: OrderIntent
    ts_created: int
    ts_updated: int
    price: Decimal | None = None
    trigger_price: Decimal | None = None
    time_in_force: TimeInForce = TimeInForce.GTC
    reduce_only: bool = False
    post_only: bool = False
    stop_loss: Decimal | None = None
    take_profit: Decimal | None = None
    signal_id: str | None = None
    parent_id: str | None = None
    status: OrderStatus = OrderStatus.INITIALIZED
    previous_status: OrderStatus | None = None
    venue_order_id: str | None = None
    filled_quantity: Decimal = Decimal(0)
    average_price: Decimal | None = None
    reason: str = ""
    reference_price: Decimal | None = None
    ts_filled: int | None = None

    @property
    def leaves_quantity(self) -> Decimal:
        """What may still fill; never negative, even after an over-fill."""
        return max(Decimal(0), self.quantity - self.filled_quantity)

    @property
    def is_closed(self) -> bool:
        return self.status in TERMINAL


class Liquidity(StrEnum):
    MAKER = "MAKER"
    TAKER = "TAKER"


class Fill(Struct, frozen=True, kw_only=True, tag_field="table", tag="fills"):
    """One execution. Unique by (venue, account, exec_id). `fee` is positive when we pay."""

    exec_id: str
    venue: str
    account: str
    book: str
    instrument: str
    client_order_id: str
    venue_order_id: str
    side: OrderSide
    quantity: Decimal
    price: Decimal
    fee: Decimal
    fee_currency: str
    liquidity: Liquidity
    ts_event: int
    ts_recv: int
    reconciliation: bool = False


class CashKind(StrEnum):
    FUNDING = "FUNDING"
    INTEREST = "INTEREST"
    DIVIDEND = "DIVIDEND"
    CHARGE = "CHARGE"
    DEPOSIT = "DEPOSIT"
    WITHDRAWAL = "WITHDRAWAL"


class Cash(Struct, frozen=True, kw_only=True, tag_field="table", tag="cash_events"):
    """Money that moved without a fill. `amount` is positive when the account gains; `id` is unique at the venue."""

    id: str
    venue: str
    account: str
    book: str
    kind: CashKind
    amount: Decimal
    currency: str
    ts_event: int
    instrument: str | None = None
    detail: str = ""
