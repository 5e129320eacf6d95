"""What the ledger holds: one struct per table. The desk emits them inside Record commands.

A struct's tag is its table, its fields are the table's columns.
Decimals are stored as text, containers as JSON, times as integers in ms.
`Order`, `Fill`, `Cash`, `Position`, `DeskMoney`, `Verdict` (see their modules) are tables of their own as they are.
"""

from decimal import Decimal

from msgspec import Struct

from tradeterm.domain.orders import Cash, Fill, Order, OrderEventKind, OrderStatus, PositionSide
from tradeterm.domain.signals import GateCheck, SignalKind, SignalOutcome, Verdict
from tradeterm.domain.snapshot import DeskMoney, OpenShadow, Position
from tradeterm.domain.states import (
    AlertLevel,
    BookState,
    BreakerLevel,
    CommandStatus,
    CommandVerb,
    HealthLevel,
    Regime,
    TradingState,
)


class SizeFactors(Struct, frozen=True):
    """How a quantity came about: named factors in the order they were applied, and the binding cap."""

    factors: tuple[tuple[str, str], ...]
    binding: str


class SignalFact(Struct, frozen=True, kw_only=True, tag_field="table", tag="signals"):
    """Table `signals`, replaced by id as the signal moves on. `outcome_text` is one plain clause for the screen."""

    id: str
    ts: int
    book: str
    strategy: str
    instrument: str
    kind: SignalKind
    side: PositionSide
    price: Decimal
    ts_bar: int
    reason: str
    explain: dict[str, float | None]
    outcome: SignalOutcome
    outcome_code: str = ""
    outcome_text: str = ""
    checks: tuple[GateCheck, ...] = ()
    checks_after: tuple[GateCheck, ...] = ()
    verdict_id: str | None = None
    size: SizeFactors | None = None
    quantity: Decimal | None = None
    client_order_id: str | None = None


class OrderEventFact(Struct, frozen=True, kw_only=True, tag_field="table", tag="order_events"):
    """Table `order_events` (append-only)."""

    ts: int
    book: str
    client_order_id: str
    kind: OrderEventKind
    from_status: OrderStatus
    to_status: OrderStatus
    detail: str = ""
    anomaly: bool = False


class Trade(Struct, frozen=True, kw_only=True, tag_field="table", tag="trades"):
    """Table `trades`: one closed round trip. `pnl` is gross − fees − funding; `r_multiple` is pnl over initial risk.

    `slippage` is the fraction of the price the entry lost to the signal's price; None for a trade without a signal.
    """

    id: str
    book: str
    venue: str
    account: str
    instrument: str
    side: PositionSide
    quantity: Decimal
    entry_price: Decimal
    exit_price: Decimal
    ts_opened: int
    ts_closed: int
    gross_pnl: Decimal
    fees: Decimal
    funding: Decimal
    pnl: Decimal
    return_pct: Decimal
    r_multiple: Decimal | None
    exit_reason: str
    signal_id: str | None
    strategy: str = ""
    slippage: Decimal | None = None


class EquityPoint(Struct, frozen=True, kw_only=True, tag_field="table", tag="equity"):
    """Table `equity`, at most one a bar and book (book "" is the desk). Fractions, not percents, for ratios."""

    ts: int
    book: str
    equity: Decimal
    cash: Decimal
    unrealized_pnl: Decimal
    day_pnl: Decimal
    drawdown: Decimal
    exposure: Decimal


class DeskStateFact(Struct, frozen=True, kw_only=True, tag_field="table", tag="desk_state"):
    """Table `desk_state` (one row): what must survive a restart besides orders and positions."""

    ts: int
    trading_state: TradingState
    trading_reason: str
    kill_pending: bool


class BookStateFact(Struct, frozen=True, kw_only=True, tag_field="table", tag="book_state"):
    """Table `book_state`, one row a book; written whenever a member changes, at most once a bar for money."""

    ts: int
    book: str
    state: BookState
    cash: Decimal
    peak_equity: Decimal
    day: int
    day_start_equity: Decimal | None
    trades: int = 0
    wins: int = 0
    drawdown_from: int = 0


class BreakerFact(Struct, frozen=True, kw_only=True, tag_field="table", tag="breaker_events"):
    """Table `breaker_events` (append-only): a change of level, or of what holds it up at the same level.

    `rule` names the rule that measured `cause`. `quiet_since` is when the last cause at the level ended, None while one
    lasts: its cool-down runs from there. Until `override_until` the rules of `overridden` do not count up to a level.
    """

    ts: int
    from_level: BreakerLevel
    to_level: BreakerLevel
    cause: str
    numbers: dict[str, str]
    rule: str = ""
    quiet_since: int | None = None
    override_until: int = 0
    overridden: tuple[tuple[str, BreakerLevel], ...] = ()


class AlertFact(Struct, frozen=True, kw_only=True, tag_field="table", tag="alerts"):
    """Table `alerts` (append-only). `text` may quote outside text and is data, never markup."""

    ts: int
    level: AlertLevel
    code: str
    text: str
    book: str = ""
    instrument: str = ""


class ReconciliationFact(Struct, frozen=True, kw_only=True, tag_field="table", tag="reconciliations"):
    """Table `reconciliations`."""

    id: str
    ts: int
    venue: str
    account: str
    agreed: bool
    findings: tuple[str, ...]


class RiskSnapshotFact(Struct, frozen=True, kw_only=True, tag_field="table", tag="risk_snapshots"):
    """Table `risk_snapshots`: name → value of the risk numbers of a book, None where there is not enough data."""

    ts: int
    book: str
    values: dict[str, float | None]


class HealthFact(Struct, frozen=True, kw_only=True, tag_field="table", tag="health_events"):
    """Table `health_events` (append-only): a book's strategy changed its health, with what was measured. Trades closed
    up to `judged_from` are not judged: an operator had it judged anew."""

    ts: int
    book: str
    strategy: str
    from_level: HealthLevel
    to_level: HealthLevel
    causes: tuple[str, ...]
    numbers: dict[str, float | None]
    judged_from: int = 0


class RegimeFact(Struct, frozen=True, kw_only=True, tag_field="table", tag="regimes"):
    """Table `regimes` (append-only): an instrument's regime from `ts` on; None where there is not enough data."""

    ts: int
    instrument: str
    regime: Regime | None
    numbers: dict[str, float | None] = {}


class CorrelationFact(Struct, frozen=True, kw_only=True, tag_field="table", tag="correlations"):
    """Table `correlations`: of daily returns as they were, and the group each instrument belongs to."""

    ts: int
    instruments: tuple[str, ...]
    correlation: tuple[tuple[float, ...], ...]
    groups: tuple[int, ...]
    observations: int


class StressFact(Struct, frozen=True, kw_only=True, tag_field="table", tag="stress_results"):
    """Table `stress_results`: what a scenario would cost a book ("" is the desk), in money and of equity."""

    ts: int
    book: str
    scenario: str
    loss: float
    share: float | None
    assumptions: str


class FanFact(Struct, frozen=True, kw_only=True, tag_field="table", tag="fans"):
    """Table `fans`: simulated equity of a book ahead. `bands` maps a quantile ("0.05") to equity at each of `steps`
    trades ahead; `paths` and `seed` repeat it; `numbers` are probabilities with their standard errors."""

    ts: int
    book: str
    steps: tuple[int, ...]
    bands: dict[str, tuple[float, ...]]
    paths: int
    seed: int
    numbers: dict[str, float | None]


class ShadowTrade(Struct, frozen=True, kw_only=True, tag_field="table", tag="shadow_trades"):
    """Table `shadow_trades`: what a signal that tier 2 answered would have earned untouched by it, whatever the answer
    was, all under one cost model (`desk/shadow.py`). Replaced by id: written when it opens, after each of its bars and
    when it closes.

    `quantity` is the size tier 1 gave it, `entry_price` the signal's price until it is entered, at the next bar's open.
    `fees` and `funding` are paid (funding received is negative). `pnl` is after both; it is None while the shadow is
    open, and for one whose result is not known: its `exit_reason` is GAP (it missed a bar while nothing ran), GONE (its
    book or contract is not configured any more) or CAP (too many were open), and `exit_price`, `fees` and `funding` are
    None too. `regime` is the instrument's at the verdict ("": not known). `verdict_id` is "" where no usable verdict
    came. `held` is what the desk goes on with, None once it is closed.
    """

    id: str
    signal_id: str
    book: str
    instrument: str
    side: PositionSide
    quantity: Decimal
    entry_price: Decimal
    exit_price: Decimal | None
    ts_opened: int
    ts_closed: int | None
    pnl: Decimal | None
    exit_reason: str = ""
    verdict_id: str = ""
    strategy: str = ""
    stop: Decimal | None = None
    target: Decimal | None = None
    fees: Decimal | None = None
    funding: Decimal | None = None
    regime: str = ""
    currency: str = ""
    held: OpenShadow | None = None


class AiUsage(Struct, frozen=True, kw_only=True, tag_field="table", tag="ai_usage"):
    """Table `ai_usage`: one request to a model, whatever came of it. `ts` is the machine's clock, UTC ms; `purpose` is
    gate, news or chat; `book` and `signal_id` are "" where it concerned none. Tokens are None where the answer named
    none, `cost` where the price is not known."""

    ts: int
    book: str
    purpose: str
    model: str
    signal_id: str
    input_tokens: int | None
    output_tokens: int | None
    cached_tokens: int | None
    cost: Decimal | None
    currency: str
    latency_ms: int


class CommandAck(Struct, frozen=True, kw_only=True, tag_field="table", tag="commands"):
    """Moves a row of the `commands` table on; faces insert the row, the engine acknowledges it."""

    id: int
    ts: int
    verb: CommandVerb
    status: CommandStatus
    detail: str = ""


Fact = (
    SignalFact
    | Verdict
    | Order
    | OrderEventFact
    | Fill
    | Cash
    | Position
    | Trade
    | EquityPoint
    | DeskStateFact
    | BookStateFact
    | DeskMoney
    | BreakerFact
    | AlertFact
    | ReconciliationFact
    | RiskSnapshotFact
    | HealthFact
    | RegimeFact
    | CorrelationFact
    | StressFact
    | FanFact
    | ShadowTrade
    | AiUsage
    | CommandAck
)


class CommandRow(Struct, frozen=True, kw_only=True):
    """A row of table `commands` as a face reads it."""

    id: int
    ts: int
    actor: str
    verb: CommandVerb
    book: str
    instrument: str
    argument: str
    reason: str
    status: CommandStatus
    detail: str
    ts_updated: int


class ChatRow(Struct, frozen=True, kw_only=True):
    """A row of table `chat`: `role` is "operator", "console" or "assistant"."""

    id: int
    ts: int
    role: str
    text: str


class RunRow(Struct, frozen=True, kw_only=True):
    """A row of table `runs`. `cursor` is the last market time wholly processed; `summary` is there once it ended.

    `status` is RUNNING, FINISHED (the recording ended), CLOSED (stopped cleanly) or INTERRUPTED (found dead).
    """

    id: str
    ts_started: int
    ts_ended: int | None
    status: str
    mode: str
    version: str
    config_hash: str
    pid: int
    cursor: int | None
    summary: dict[str, str | int | float | None] | None
