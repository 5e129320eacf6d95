"""The desk's shared limits, and what raises its circuit breaker."""

from typing import Annotated

from msgspec import Meta, Struct

Fraction = Annotated[float, Meta(ge=0.0, le=1.0)]


class RiskConfig(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """The desk's shared limits, fractions of the equity of all books in `currency`."""

    currency: str = "USDT"
    max_asset: Annotated[float, Meta(gt=0.0, le=10.0, description="one instrument, over all books")] = 0.40
    max_group: Annotated[float, Meta(gt=0.0, le=10.0, description="instruments that move together")] = 0.60
    max_sector: Annotated[float, Meta(gt=0.0, le=10.0, description="instruments of a sector")] = 0.50
    max_one_sided: Annotated[float, Meta(gt=0.0, le=10.0, description="long less short, either way")] = 0.50
    max_gross: Annotated[float, Meta(gt=0.0, le=10.0, description="gross notional")] = 2.0
    max_heat: Annotated[float, Meta(gt=0.0, le=1.0, description="lost if every stop were hit, correlation counted")] = (
        0.06
    )
    max_var: Annotated[float, Meta(gt=0.0, le=1.0, description="one-day 99 % VaR after the order")] = 0.10
    group_correlation: Annotated[float, Meta(gt=0.0, lt=1.0, description="correlation that makes a group")] = 0.70
    refresh_minutes: Annotated[float, Meta(ge=1.0, le=1440.0, description="between two fits of the models")] = 60.0
    rate_max_age_days: Annotated[float, Meta(gt=0.0, le=365.0, description="an older exchange rate is unknown")] = 7.0
    sectors: dict[str, tuple[str, ...]] = {}
    rates: dict[str, Annotated[float, Meta(gt=0.0, le=1e9)]] = {}
    """What one unit of a currency costs in `currency`."""

    rates_day: str = ""
    """The UTC day on which `rates` held, YYYY-MM-DD."""


Seconds = Annotated[float, Meta(gt=0.0, le=3600.0)]
Orders = Annotated[int, Meta(ge=1, le=1000)]


class LatencySteps(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """How long a venue's API may take to answer, seconds, before the breaker stands at each level."""

    alert: Seconds = 0.5
    throttle: Seconds = 1.0
    halt: Seconds = 3.0


class RefusedSteps(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Orders refused or failed within the window, before the breaker stands at each level."""

    alert: Orders = 2
    throttle: Orders = 3
    halt: Orders = 5
    shutdown: Orders = 10


class SlippageSteps(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Mean slippage of the window's fills, fraction of the price, before the breaker stands at each level."""

    alert: Fraction = 0.001
    throttle: Fraction = 0.003
    halt: Fraction = 0.005


class BreakerConfig(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What raises the circuit breaker, and how long it stays up."""

    cool_down_minutes: Annotated[float, Meta(ge=1.0, le=1440.0, description="quiet time before it falls a level")] = (
        15.0
    )
    window_minutes: Annotated[float, Meta(ge=1.0, le=1440.0, description="time over which trouble is counted")] = 10.0
    daily_loss: Annotated[float, Meta(gt=0.0, le=1.0, description="of the desk; HALT, twice it SHUTDOWN")] = 0.05
    drawdown: Annotated[float, Meta(gt=0.0, le=1.0, description="of the desk; HALT, twice it SHUTDOWN")] = 0.08
    override_minutes: Annotated[float, Meta(ge=1.0, le=1440.0, description="how long an override lasts")] = 60.0
    latency_seconds: LatencySteps = LatencySteps()
    refused_orders: RefusedSteps = RefusedSteps()
    slippage: SlippageSteps = SlippageSteps()
