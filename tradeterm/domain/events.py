"""Everything that may enter the desk. Time enters the desk only here: `ts` is the driver's clock, UTC ms."""

from decimal import Decimal

from msgspec import Struct

from tradeterm.domain.instrument import Instrument
from tradeterm.domain.market import Bar, FundingRate, Quote
from tradeterm.domain.orders import Cash, Fill, Order, OrderEventKind
from tradeterm.domain.signals import Signal, Verdict
from tradeterm.domain.snapshot import DeskSnapshot
from tradeterm.domain.states import CommandVerb, VenueState, WorkerName, WorkerState


class Event(Struct, frozen=True, kw_only=True, tag_field="event", tag=True):
    ts: int


class DeskRestored(Event, frozen=True, kw_only=True, tag=True):
    """Always the first event: the desk as the ledger knew it (empty for a new ledger), and what may be traded."""

    instruments: tuple[Instrument, ...]
    snapshot: DeskSnapshot


class SignalRaised(Event, frozen=True, kw_only=True, tag=True):
    signal: Signal


class BarClosed(Event, frozen=True, kw_only=True, tag=True):
    bar: Bar


class QuoteUpdate(Event, frozen=True, kw_only=True, tag=True):
    quote: Quote


class FundingUpdate(Event, frozen=True, kw_only=True, tag=True):
    funding: FundingRate


class VerdictReceived(Event, frozen=True, kw_only=True, tag=True):
    verdict: Verdict


class ModelUpdate(Event, frozen=True, kw_only=True, tag=True):
    """A finished model: a closed set of numbers by name, None where there is not enough data.

    `model` "instrument" (subject: an instrument): atr, rsi, adx, volatility (annualised, a fraction), regime (the
    position of a Regime in its enum). `model` "risk" (subject: a book, "" the desk): var_95, cvar_95, var_99, cvar_99
    (one day, fractions of equity).
    """

    model: str
    subject: str
    values: dict[str, float | None]


class CovarianceUpdate(Event, frozen=True, kw_only=True, tag=True):
    """How the instruments move together: the covariance of their daily simple returns (rows and columns as
    `instruments`), and the correlated group each belongs to. Instruments with too little history are not in it."""

    instruments: tuple[str, ...]
    covariance: tuple[tuple[float, ...], ...]
    groups: tuple[int, ...]
    observations: int


class RateUpdate(Event, frozen=True, kw_only=True, tag=True):
    """The price of one unit of `currency` in the reporting currency; `ts_rate` is when it held (UTC ms)."""

    currency: str
    rate: Decimal
    ts_rate: int


class VenueMeasured(Event, frozen=True, kw_only=True, tag=True):
    """How long the venue's API took to answer of late; posted about once a second for venues that are not simulated."""

    venue: str
    latency_ms: float


class OrderUpdate(Event, frozen=True, kw_only=True, tag=True):
    """What a venue (or our sending it) says of an order. Fills come as FillReceived only.

    `kind` REFUSED answers the pending request: a submit, or in PENDING_UPDATE and PENDING_CANCEL the amend or cancel.
    """

    client_order_id: str
    kind: OrderEventKind
    venue_order_id: str | None = None
    quantity: Decimal | None = None
    price: Decimal | None = None
    trigger_price: Decimal | None = None
    code: str = ""
    detail: str = ""


class OrderAdopted(Event, frozen=True, kw_only=True, tag=True):
    """An order found at the venue that we do not know; it enters in its venue state, owned by EXTERNAL."""

    order: Order


class FillReceived(Event, frozen=True, kw_only=True, tag=True):
    fill: Fill


class CashEvent(Event, frozen=True, kw_only=True, tag=True):
    cash: Cash


class AccountUpdate(Event, frozen=True, kw_only=True, tag=True):
    """The venue's own balance, for comparison; positions and cash are accounted from fills and cash events."""

    venue: str
    account: str
    currency: str
    balance: Decimal


class VenueStatus(Event, frozen=True, kw_only=True, tag=True):
    """Connection state of a venue. Entries are denied with RECONCILING unless it is READY."""

    venue: str
    state: VenueState
    detail: str = ""


class Reconciled(Event, frozen=True, kw_only=True, tag=True):
    """A reconciliation of (venue, account) ended. `agreed` false halts the desk.

    `findings` say, in plain words, what was found and done.
    """

    id: str
    venue: str
    account: str
    agreed: bool
    findings: tuple[str, ...]


class WorkerStatus(Event, frozen=True, kw_only=True, tag=True):
    """A worker of the driver changed state. While any worker is not RUNNING, entries are denied (ENGINE_DEGRADED)."""

    worker: WorkerName
    state: WorkerState
    detail: str = ""


class Timer(Event, frozen=True, kw_only=True, tag=True):
    """Time passes."""


class OperatorCommand(Event, frozen=True, kw_only=True, tag=True):
    """A row of the commands table. `book` and `instrument` narrow it; empty means all. `argument` is the verb's own."""

    id: int
    verb: CommandVerb
    actor: str
    book: str = ""
    instrument: str = ""
    argument: str = ""
    reason: str = ""


DeskEvent = (
    DeskRestored
    | SignalRaised
    | BarClosed
    | QuoteUpdate
    | FundingUpdate
    | VerdictReceived
    | ModelUpdate
    | CovarianceUpdate
    | RateUpdate
    | VenueMeasured
    | OrderUpdate
    | OrderAdopted
    | FillReceived
    | CashEvent
    | AccountUpdate
    | VenueStatus
    | Reconciled
    | WorkerStatus
    | Timer
    | OperatorCommand
)
MarketEvent = BarClosed | QuoteUpdate | FundingUpdate
BrokerEvent = OrderUpdate | FillReceived | CashEvent | AccountUpdate | VenueStatus
