"""What a strategy wants, and what the two tiers of the gate said of it."""

from decimal import Decimal
from enum import StrEnum

from msgspec import Struct

from tradeterm.domain.orders import PositionSide


class SignalKind(StrEnum):
    ENTRY = "ENTRY"
    EXIT = "EXIT"


class Signal(Struct, frozen=True, kw_only=True):
    """A wish of a strategy, before any judgement. `id` follows it to the fill and is the same on every replay.

    `side` is the position side to open (ENTRY) or to close (EXIT). `price` is the bar's close, `ts_bar` the bar's
    close time. `explain` holds the named numbers behind it (None: no value). An exit with `requires_profit` only
    acts on a position that has been in profit at some earlier close.
    """

    id: str
    book: str
    strategy: str
    instrument: str
    kind: SignalKind
    side: PositionSide
    price: Decimal
    ts_bar: int
    reason: str
    explain: dict[str, float | None]
    requires_profit: bool = False


class SignalOutcome(StrEnum):
    """Where a signal stands. DENIED by tier 1, VETOED by tier 2, IGNORED: nothing to do (an exit without position)."""

    PENDING = "PENDING"
    DENIED = "DENIED"
    VETOED = "VETOED"
    BLOCKED = "BLOCKED"
    ORDERED = "ORDERED"
    IGNORED = "IGNORED"


class GateCode(StrEnum):
    """Stable codes of tier 1. Each names the condition that denies."""

    INSTRUMENT_NOT_ALLOWED = "INSTRUMENT_NOT_ALLOWED"
    STALE_DATA = "STALE_DATA"
    BAR_NOT_CLOSED = "BAR_NOT_CLOSED"
    MARKET_CLOSED = "MARKET_CLOSED"
    NOT_FINITE = "NOT_FINITE"
    PRICE_OFF_TICK = "PRICE_OFF_TICK"
    NO_EDGE = "NO_EDGE"
    QTY_OFF_LOT = "QTY_OFF_LOT"
    QTY_BELOW_MIN = "QTY_BELOW_MIN"
    NOTIONAL_BELOW_MIN = "NOTIONAL_BELOW_MIN"
    LEVERAGE_CAP = "LEVERAGE_CAP"
    POSITION_COUNT_CAP = "POSITION_COUNT_CAP"
    ORDER_COUNT_CAP = "ORDER_COUNT_CAP"
    DUPLICATE_SIGNAL = "DUPLICATE_SIGNAL"
    OPPOSITE_SIGNAL = "OPPOSITE_SIGNAL"
    COOL_DOWN = "COOL_DOWN"
    NOTIONAL_EXCEEDS_MAX_PER_ORDER = "NOTIONAL_EXCEEDS_MAX_PER_ORDER"
    POSITION_EXPOSURE_LIMIT = "POSITION_EXPOSURE_LIMIT"
    EXPOSURE_LIMIT = "EXPOSURE_LIMIT"
    DAILY_LOSS_LIMIT = "DAILY_LOSS_LIMIT"
    DRAWDOWN_LIMIT = "DRAWDOWN_LIMIT"
    TRADING_HALTED = "TRADING_HALTED"
    TRADING_STATE_REDUCING = "TRADING_STATE_REDUCING"
    RECONCILING = "RECONCILING"
    ORDER_UNKNOWN_PENDING = "ORDER_UNKNOWN_PENDING"
    BOOK_STOPPED = "BOOK_STOPPED"
    ENGINE_DEGRADED = "ENGINE_DEGRADED"
    UNPROTECTED_POSITION = "UNPROTECTED_POSITION"
    BREAKER = "BREAKER"
    SIGNAL_EXPIRED = "SIGNAL_EXPIRED"
    STRATEGY_HEALTH = "STRATEGY_HEALTH"
    RATE_STALE = "RATE_STALE"
    INSUFFICIENT_HISTORY = "INSUFFICIENT_HISTORY"
    GROSS_EXPOSURE = "GROSS_EXPOSURE"
    ASSET_EXPOSURE = "ASSET_EXPOSURE"
    CORRELATED_EXPOSURE = "CORRELATED_EXPOSURE"
    SECTOR_EXPOSURE = "SECTOR_EXPOSURE"
    ONE_SIDED = "ONE_SIDED"
    PORTFOLIO_HEAT = "PORTFOLIO_HEAT"
    VAR_LIMIT = "VAR_LIMIT"
    REDUCE_ONLY_WOULD_INCREASE = "REDUCE_ONLY_WOULD_INCREASE"


class GateCheck(Struct, frozen=True):
    """One tier-1 result. `numbers` are the values compared, so that the decision can be checked by hand."""

    code: GateCode
    passed: bool
    numbers: dict[str, str]
    text: str


class VerdictDecision(StrEnum):
    APPROVE = "APPROVE"
    REDUCE = "REDUCE"
    REJECT = "REJECT"
    ABSTAIN = "ABSTAIN"
    FAILED_CLOSED = "FAILED_CLOSED"


class VerdictSource(StrEnum):
    """Who judged. RULES is the offline rule set and is always shown as "RULES (no AI)"."""

    LIVE = "LIVE"
    CACHE = "CACHE"
    RECORDED = "RECORDED"
    RULES = "RULES"
    NONE = "NONE"


class Verdict(Struct, frozen=True, kw_only=True, tag_field="table", tag="verdicts"):
    """Tier 2's answer. `size_factor` in 0..1 can only shrink; `confidence` is None where nobody estimated one."""

    id: str
    signal_id: str
    book: str
    instrument: str
    side: PositionSide
    decision: VerdictDecision
    size_factor: Decimal
    confidence: float | None
    reason_codes: tuple[str, ...]
    reasoning: str
    source: VerdictSource
    model: str
    latency_ms: int
    ts: int
    code: str = ""
