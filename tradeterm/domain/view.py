"""What is only worth seeing now. One encoded DeskView is all a face needs besides the ledger."""

from decimal import Decimal

from msgspec import Struct

from tradeterm.domain.orders import PositionSide
from tradeterm.domain.states import (
    BookState,
    BreakerLevel,
    GateState,
    HealthLevel,
    Mode,
    Regime,
    TradingState,
    VenueState,
    WorkerName,
    WorkerState,
)


class PositionView(Struct, frozen=True, kw_only=True):
    """An open position with its mark. `pnl` is unrealised, net of this round trip's fees and funding so far."""

    book: str
    instrument: str
    symbol: str
    side: PositionSide
    quantity: Decimal
    entry_price: Decimal
    mark: Decimal
    pnl: Decimal
    return_pct: Decimal
    stop_price: Decimal | None
    target_price: Decimal | None
    trailing: bool
    protected: bool
    ts_opened: int
    exiting: bool
    funding: Decimal = Decimal(0)
    fees: Decimal = Decimal(0)


class BookView(Struct, frozen=True, kw_only=True):
    """A book at a glance. Ratios are fractions. `tier2` says who judges, in words ("RULES (no AI)")."""

    book: str
    strategy: str
    venue: str
    currency: str
    state: BookState
    equity: Decimal
    cash: Decimal
    capital: Decimal
    unrealized_pnl: Decimal
    realized_pnl: Decimal
    day_pnl: Decimal
    day_return: Decimal
    drawdown: Decimal
    exposure: Decimal
    open_positions: int
    trades: int
    wins: int
    tier2: str


class GateView(Struct, frozen=True, kw_only=True):
    """Tier 2: who judges, in words, and what is wrong ("" while it is UP). What its model cost today (UTC): `calls`,
    and USD as far as prices are known, with the day's allowance; None where no model is asked."""

    label: str = ""
    state: GateState = GateState.UP
    detail: str = ""
    calls: int = 0
    spent_usd: Decimal | None = None
    budget_usd: Decimal | None = None


class LimitView(Struct, frozen=True, kw_only=True):
    """A limit and how much of it is used. `value` and `limit` are in `unit` ("%", "x", "count", a currency)."""

    name: str
    book: str
    value: float | None
    limit: float
    unit: str
    text: str = ""


class VenueView(Struct, frozen=True, kw_only=True):
    venue: str
    account: str
    state: VenueState
    simulated: bool
    latency_ms: float | None
    ts_last: int
    detail: str = ""
    skew_ms: float | None = None
    """How far our clock is ahead of the venue's; None where it was not measured."""


class VenueMeasure(Struct, frozen=True):
    """What the driver measured of a venue; None where it did not."""

    latency_ms: float | None = None
    skew_ms: float | None = None


class StreamView(Struct, frozen=True, kw_only=True):
    """A stream of market data: the machine's time of its last message (None: none yet), and what is wrong with it."""

    name: str
    ts_last: int | None
    detail: str = ""


class FeedView(Struct, frozen=True, kw_only=True):
    """Age of an instrument's last market data; `stale` as tier 1 judges it. `change` is since the session's open."""

    instrument: str
    symbol: str
    last: float
    ts_last: int
    stale: bool
    session_open: float | None = None
    change: float | None = None
    funding_rate: float | None = None
    interval_ms: int = 0


class WorkerView(Struct, frozen=True, kw_only=True):
    worker: WorkerName
    state: WorkerState
    restarts: int
    detail: str = ""


class RegimeView(Struct, frozen=True, kw_only=True):
    """What an instrument's price is doing, None where there is not enough data. `volatility` is annualised."""

    instrument: str
    regime: Regime | None
    since: int | None
    volatility: float | None
    multiplier: float


class ExpectancyView(Struct, frozen=True, kw_only=True):
    """A book's last closed trades, at most `window` of them, net of costs: a trade's mean profit in money and in units
    of its risk, each with its standard error. None where there is too little, or no risk known of one of them."""

    window: int
    trades: int
    win_rate: float | None
    payoff: float | None
    expectancy: float | None
    expectancy_se: float | None
    expectancy_r: float | None
    expectancy_r_se: float | None


class HealthView(Struct, frozen=True, kw_only=True):
    """A book's strategy by its own closed round trips: over the sizing window, None where there are too few.
    `expectancy_se` is the error of `expectancy_r`; `kelly` is the whole Kelly fraction, of which a part is taken;
    `risk_fraction` is what the next trade may risk before its factors."""

    book: str
    level: HealthLevel
    causes: tuple[str, ...]
    trades: int
    win_rate: float | None
    payoff: float | None
    expectancy_r: float | None
    expectancy_se: float | None
    kelly: float | None
    risk_fraction: float
    sizing: str
    """One clause: why this fraction ("exploring: 12 of 30 trades", "edge is negative: no size")."""

    windows: tuple[ExpectancyView, ...] = ()


class GroupView(Struct, frozen=True, kw_only=True):
    """Instruments that move together, or a configured sector, and what is at stake in them (fractions of equity)."""

    name: str
    instruments: tuple[str, ...]
    exposure: float | None
    limit: float


class RateView(Struct, frozen=True, kw_only=True):
    """The price of one unit of `currency` in the desk's, and when it held."""

    currency: str
    rate: Decimal | None
    ts: int | None


class RiskView(Struct, frozen=True, kw_only=True):
    """The desk's shared risk, fractions of its equity; None where something is not known."""

    gross: float | None = None
    net: float | None = None
    heat: float | None = None
    var_95: float | None = None
    var_99: float | None = None
    cvar_99: float | None = None
    regimes: tuple[RegimeView, ...] = ()
    health: tuple[HealthView, ...] = ()
    groups: tuple[GroupView, ...] = ()
    rates: tuple[RateView, ...] = ()


class ReplayView(Struct, frozen=True, kw_only=True):
    """The recording being replayed. `speed` is recorded time per real time (0: as fast as possible)."""

    source: str
    ts_start: int
    ts_end: int
    ts_now: int
    speed: float
    paused: bool
    finished: bool
    simulated: str


class DeskView(Struct, frozen=True, kw_only=True):
    """The whole live picture. `ts` is the desk's clock (recorded time in a replay), `wall_ts` the machine's."""

    version: int
    ts: int
    wall_ts: int
    started_ts: int
    pid: int
    run_id: str
    mode: Mode
    trading_state: TradingState
    trading_reason: str
    breaker: BreakerLevel
    breaker_reason: str
    kill_pending: bool
    currency: str
    equity: Decimal
    day_pnl: Decimal
    day_return: Decimal
    drawdown: Decimal
    exposure: Decimal
    unrealized_pnl: Decimal
    unprotected: int
    unknown_orders: int
    open_orders: int
    books: tuple[BookView, ...]
    positions: tuple[PositionView, ...]
    limits: tuple[LimitView, ...]
    venues: tuple[VenueView, ...]
    feeds: tuple[FeedView, ...]
    workers: tuple[WorkerView, ...]
    streams: tuple[StreamView, ...] = ()
    replay: ReplayView | None = None
    stopping: bool = False
    heartbeat_ms: int = 1000
    risk: RiskView = RiskView()
    breaker_since: int = 0
    breaker_override_until: int = 0
    gate: GateView = GateView()
