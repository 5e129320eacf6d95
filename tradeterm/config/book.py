"""A book: a strategy, its universe and money, what ends a position, how large and how far it may go."""

from enum import StrEnum
from typing import Annotated, Any

from msgspec import Meta, Struct

TrailDistance = Annotated[float, Meta(ge=0.001, le=0.5, description="trailing distance, fraction of the best price")]
Hours = Annotated[float, Meta(gt=0.0, le=720.0, description="longest holding time, hours")]


class RegimeExits(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Exits that follow the instrument's regime; what is known replaces `trail` and shortens `time_limit_hours`."""

    enabled: bool = False
    trail_trend: TrailDistance = 0.025
    trail_range: TrailDistance = 0.015
    trail_chop: TrailDistance = 0.01
    trail_volatile: TrailDistance = 0.02
    hours_trend: Hours = 4.0
    hours_range: Hours = 2.0
    hours_chop: Hours = 1.0
    hours_volatile: Hours = 1.0
    close_on_change: Annotated[bool, Meta(description="close when the regime turns against the position")] = True


class ExitsConfig(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What ends any position. Fractions of price; hours; None switches an exit off. The stop cannot be switched off."""

    stop: Annotated[float, Meta(ge=0.001, le=0.5, description="protective stop, fraction of the entry price")] = 0.02
    target: Annotated[float, Meta(ge=0.001, le=5.0, description="take-profit, fraction of the entry price")] | None = (
        0.03
    )
    trail: (
        Annotated[float, Meta(ge=0.001, le=0.5, description="trailing distance, fraction of the best price")] | None
    ) = 0.015
    trail_after: Annotated[float, Meta(ge=0.0, le=1.0, description="profit that arms the trailing stop")] = 0.01
    time_limit_hours: Annotated[float, Meta(gt=0.0, le=720.0, description="longest holding time, hours")] | None = 8.0
    session_end: Annotated[bool, Meta(description="close everything at the session's last bar")] = True
    stop_atr: (
        Annotated[float, Meta(ge=0.1, le=10.0, description="stop at so many ATR instead; no entry while it is unknown")]
        | None
    ) = None
    target_stops: (
        Annotated[float, Meta(ge=0.1, le=20.0, description="target at so many times the stop's distance instead")]
        | None
    ) = None
    thesis_rsi: (
        Annotated[
            float,
            Meta(
                gt=50.0,
                lt=100.0,
                description="close what was bought at an RSI below 100-x once it is above x; shorts the other way",
            ),
        ]
        | None
    ) = None
    one_sided: (
        Annotated[float, Meta(gt=0.0, le=10.0, description="net exposure of the book that closes its worst position")]
        | None
    ) = None
    regimes: RegimeExits = RegimeExits()


class SizingMethod(StrEnum):
    """KELLY sizes by what the book's own closed trades have earned; FIXED always risks the same fraction."""

    KELLY = "kelly"
    FIXED = "fixed"


Multiplier = Annotated[float, Meta(ge=0.0, le=2.0)]


class RegimeMultipliers(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What the size is multiplied by in each regime; an unknown regime counts as the smallest."""

    trend: Multiplier = 1.3
    range: Multiplier = 0.8
    chop: Multiplier = 0.4
    volatile: Multiplier = 0.3


class SizingConfig(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """How large an entry may be. Fractions of the book's equity, lost if the stop is hit."""

    method: Annotated[SizingMethod, Meta(description="kelly or fixed")] = SizingMethod.KELLY
    risk_fraction: Annotated[
        float, Meta(gt=0.0, le=0.02, description="most that one trade may risk between entry and stop")
    ] = 0.01
    max_position_fraction: Annotated[
        float, Meta(gt=0.0, le=1.0, description="largest notional of a position, fraction of book equity")
    ] = 0.10
    kelly_fraction: Annotated[float, Meta(gt=0.0, le=0.5, description="part of the full Kelly fraction taken")] = 0.25
    exploration_fraction: Annotated[
        float, Meta(gt=0.0, le=0.02, description="risked while there are fewer than least_trades closed trades")
    ] = 0.005
    least_trades: Annotated[int, Meta(ge=10, le=500, description="closed trades before Kelly is believed")] = 30
    window: Annotated[int, Meta(ge=30, le=500, description="closed trades looked back at")] = 100
    forget_days: Annotated[
        float, Meta(ge=1.0, le=3650.0, description="older trades do not count for the edge: the way back from none")
    ] = 90.0
    volatility_target: (
        Annotated[float, Meta(gt=0.0, le=5.0, description="annualised; above it the size shrinks in proportion")] | None
    ) = None
    drawdown_dampening: Annotated[bool, Meta(description="shrink with the drawdown, to nothing at limits.drawdown")] = (
        True
    )
    regimes: RegimeMultipliers = RegimeMultipliers()


class HealthConfig(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """When a strategy counts as ill, by its own closed trades. `expected_*` are a backtest's; None switches that
    comparison off."""

    least_trades: Annotated[int, Meta(ge=5, le=500, description="closed trades before it is judged")] = 30
    win_rate: Annotated[float, Meta(ge=0.0, le=1.0, description="critical below it")] = 0.35
    losses_in_a_row: Annotated[int, Meta(ge=3, le=100, description="severe from so many on")] = 10
    slippage: Annotated[float, Meta(gt=0.0, le=0.1, description="mean entry slippage, fraction of price")] = 0.002
    expected_win_rate: Annotated[float, Meta(gt=0.0, lt=1.0)] | None = None
    expected_r: Annotated[float, Meta(ge=-5.0, le=5.0, description="expectancy in units of risk")] | None = None


class LimitsConfig(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Tier 1's limits for a book. Exposure is notional over equity."""

    max_leverage: Annotated[float, Meta(gt=0.0, le=10.0, description="gross notional / book equity")] = 2.0
    max_positions: Annotated[int, Meta(ge=1, le=500, description="open positions of the book")] = 10
    max_open_orders: Annotated[int, Meta(ge=1, le=1000, description="open orders of the book")] = 50
    max_total_exposure: Annotated[float, Meta(gt=0.0, le=10.0, description="gross notional / book equity")] = 1.0
    max_position_exposure: Annotated[float, Meta(gt=0.0, le=1.0, description="notional of one position / equity")] = (
        0.10
    )
    max_order_notional: Annotated[float, Meta(gt=0.0, le=1e12, description="largest order, `currency`")] = 1_000_000.0
    daily_loss: Annotated[float, Meta(gt=0.0, le=1.0, description="loss since the day's start that stops entries")] = (
        0.05
    )
    drawdown: Annotated[float, Meta(gt=0.0, le=1.0, description="loss from the peak that stops entries")] = 0.08
    cool_down_minutes: Annotated[float, Meta(ge=0.0, le=1440.0, description="between entries of an instrument")] = 30.0
    stale_after_seconds: Annotated[
        float,
        Meta(
            gt=0.0, le=86400.0, description="market data older than this denies entries (beyond the bar's own length)"
        ),
    ] = 30.0
    signal_max_age_seconds: Annotated[
        float, Meta(gt=0.0, le=3600.0, description="a signal older than this after the verdict is dropped")
    ] = 60.0


class Algorithm(StrEnum):
    """How an approved entry is sent: at once, in equal parts over a time, or one small visible part after the other."""

    MARKET = "market"
    TWAP = "twap"
    ICEBERG = "iceberg"


class ExecutionConfig(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """How an approved entry is sent. All but `algorithm` matter for twap and iceberg alone."""

    algorithm: Annotated[Algorithm, Meta(description="market, twap or iceberg")] = Algorithm.MARKET
    duration_minutes: Annotated[
        float, Meta(ge=1.0, le=1440.0, description="time for all parts; what is not sent by then is dropped")
    ] = 30.0
    slices: Annotated[
        int, Meta(ge=1, le=50, description="equal parts; fewer where a part would be too small for the venue")
    ] = 6
    child_seconds: Annotated[float, Meta(ge=30.0, le=3600.0, description="shortest time between two parts")] = 30.0
    jitter: Annotated[
        float, Meta(ge=0.0, le=0.5, description="shifts the parts of a twap, fraction of their spacing")
    ] = 0.2
    price_limit: Annotated[
        float, Meta(gt=0.0, le=1.0, description="price move from the signal that ends it, fraction of the stop's way")
    ] = 0.5
    max_open_orders: Annotated[
        int, Meta(ge=3, le=10, description="open orders of the instrument, its stop and target included")
    ] = 10
    participation_per_order: Annotated[
        float, Meta(gt=0.0, le=0.05, description="largest part, fraction of the volume since the part before")
    ] = 0.05
    participation_per_hour: Annotated[
        float, Meta(gt=0.0, le=0.10, description="all we trade of the instrument, fraction of the last hour's volume")
    ] = 0.10


Gross = Annotated[float, Meta(ge=0.0, le=2.0, description="gross notional / book equity")]


class ExposureRange(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Between what a market's regime lets the exposure move."""

    least: Gross
    most: Gross


class ExposureConfig(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """How much of a cross-sectional book may be in the market; the formulas are in `desk/exposure_gates.py`."""

    enabled: bool = False
    bull: ExposureRange = ExposureRange(least=0.6, most=1.0)
    neutral: ExposureRange = ExposureRange(least=0.3, most=0.7)
    weak: ExposureRange = ExposureRange(least=0.0, most=0.3)
    drawdown: Annotated[float, Meta(gt=0.0, le=1.0, description="drawdown that leaves nothing")] = 0.10
    recovery: Annotated[float, Meta(ge=0.0, le=1.0, description="part of the dampening that winning back undoes")] = 0.5
    trades: Annotated[int, Meta(ge=20, le=500, description="round trips looked back at")] = 60
    least_win_rate: Annotated[float, Meta(ge=0.0, le=1.0, description="nothing below it")] = 0.35
    win_rate_fall: Annotated[float, Meta(gt=0.0, le=1.0, description="older half less newer half; nothing above")] = (
        0.25
    )
    rank_ic_dates: Annotated[int, Meta(ge=20, le=500, description="dates the rank IC is averaged over")] = 60
    least_rank_ic: Annotated[float, Meta(ge=-1.0, le=1.0, description="nothing below it")] = 0.0
    panic_drop: Annotated[float, Meta(gt=0.0, le=1.0, description="fall of the market in a bar")] = 0.05
    panic_volatility: Annotated[float, Meta(gt=1.0, le=100.0, description="volatility over the usual")] = 2.5
    panic_bars: Annotated[int, Meta(ge=1, le=10_000, description="bars without new longs from then on")] = 12


class BookConfig(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A strategy, its universe, its own capital and a venue. `parameters` are checked by the strategy."""

    strategy: str
    venue: str
    instruments: Annotated[tuple[str, ...], Meta(min_length=1)]
    capital: Annotated[float, Meta(ge=1.0, le=1e12, description="starting money, `currency`")]
    currency: str = "USDT"
    interval: str = "5m"
    enabled: bool = True
    parameters: dict[str, Any] = {}
    exits: ExitsConfig = ExitsConfig()
    sizing: SizingConfig = SizingConfig()
    limits: LimitsConfig = LimitsConfig()
    execution: ExecutionConfig = ExecutionConfig()
    health: HealthConfig = HealthConfig()
    exposure: ExposureConfig = ExposureConfig()
