"""What tier 1 is made of: the request every check reads, and how a check answers."""

from collections.abc import Callable
from decimal import Decimal

from msgspec import Struct

from tradeterm.config import LimitsConfig, RiskConfig
from tradeterm.desk.rounding import ratio
from tradeterm.domain.instrument import Instrument
from tradeterm.domain.orders import PositionSide
from tradeterm.domain.signals import GateCheck, GateCode
from tradeterm.domain.states import BookState, BreakerLevel, HealthLevel, TradingState

Number = Decimal | int | None


class DeskRisk(Struct, frozen=True, kw_only=True):
    """The whole desk with this order and, as far as that is worse, every open entry order filled.

    Exposures, heat and VaR are fractions of the desk's equity; None means not known, and `missing` says why. `sectors`
    are those the instrument is in; `group_unknown` are those of `group_members` of which no covariance is known;
    `no_volatility` are instruments nothing is known of.
    """

    limits: RiskConfig
    rate_trouble: str = ""
    missing: tuple[str, ...] = ()
    no_volatility: tuple[str, ...] = ()
    gross: Decimal | None = None
    asset: Decimal | None = None
    group: Decimal | None = None
    group_members: tuple[str, ...] = ()
    group_unknown: tuple[str, ...] = ()
    sectors: tuple[tuple[str, Decimal | None], ...] = ()
    one_sided: Decimal | None = None
    heat: Decimal | None = None
    var: Decimal | None = None


class GateRequest(Struct, frozen=True, kw_only=True):
    """A proposed order and the desk as it stands: the whole input of tier 1, nothing else is looked at.

    Times are UTC ms, money is in quote currency, exposures are notional. None means not known, and denies where the
    number is needed. `worst_position` and `worst_total` count this order and every open entry order as filled. `bound`
    is what decided the size, `no_edge` why the book's own trades give it none ("": they give one). `leaning` is how
    one-sided the book may come to be, a fraction of its equity, and `most_leaning` where its own exits would close that
    again (None: nowhere).
    """

    ts: int
    second_pass: bool
    allowed: bool
    instrument: Instrument | None
    limits: LimitsConfig
    interval_ms: int
    side: PositionSide
    price: Decimal | None
    stop: Decimal | None
    target: Decimal | None
    quantity: Decimal | None
    signal_ts: int
    mark: Decimal | None
    mark_ts: int | None
    bar_ts: int | None
    equity: Decimal | None
    day_pnl: Decimal | None
    drawdown: Decimal | None
    worst_position: Decimal | None
    worst_total: Decimal | None
    positions: int
    open_orders: int
    desk: DeskRisk
    leaning: Decimal | None = None
    most_leaning: Decimal | None = None
    bound: str = ""
    no_edge: str = ""
    same_side: str = ""
    other_side: str = ""
    last_entry: int | None = None
    session_ends: bool = False
    trading_state: TradingState = TradingState.ACTIVE
    trading_reason: str = ""
    kill_pending: bool = False
    book_state: BookState = BookState.RUNNING
    reconciling: str = ""
    unknown_orders: tuple[str, ...] = ()
    degraded: tuple[str, ...] = ()
    unprotected: tuple[str, ...] = ()
    breaker: BreakerLevel = BreakerLevel.CLOSED
    breaker_reason: str = ""
    health: HealthLevel = HealthLevel.HEALTHY
    health_causes: tuple[str, ...] = ()


Check = Callable[[GateRequest], GateCheck]


def result(code: GateCode, passed: bool, text: str, **numbers: Number | str) -> GateCheck:
    return GateCheck(code, passed, {name: number_text(value) for name, value in numbers.items()}, text)


def number_text(value: Number | str) -> str:
    if value is None:
        return "none"
    return format(value, "f") if isinstance(value, Decimal) else str(value)


def exact(value: float) -> Decimal:
    """A configured limit as a decimal."""
    return Decimal(str(value))


def fraction(part: Decimal | None, whole: Decimal | None) -> Decimal | None:
    if part is None or whole is None or whole <= 0:
        return None
    return ratio(part, whole)


def within(code: GateCode, share: Decimal | None, limit: Decimal, what: str, unknown: str = "not known") -> GateCheck:
    """Whether a fraction is known and not above its limit."""
    ok = share is not None and share <= limit
    text = unknown if share is None else f"{percent(share)} {what}, limit {percent(limit)}"
    return result(code, ok, text, share=share, limit=limit)


def percent(value: Decimal) -> str:
    return f"{format((value * 100).quantize(Decimal('0.01')), 'f')}%"
