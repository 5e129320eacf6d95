"""Where market data comes from and orders go."""

from enum import StrEnum
from typing import Annotated

from msgspec import Meta, Struct


class PaperConfig(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Costs of the simulated venue; always against the trader."""

    taker_fee: Annotated[float, Meta(ge=0.0, le=0.05, description="fraction of notional")] = 0.00055
    maker_fee: Annotated[float, Meta(ge=-0.001, le=0.05, description="fraction of notional")] = 0.0002
    slippage: Annotated[float, Meta(ge=0.0, le=0.05, description="fraction of price on market and stop fills")] = 0.0002
    latency_ms: Annotated[int, Meta(ge=0, le=60_000)] = 100
    participation: Annotated[float, Meta(gt=0.0, le=1.0, description="largest share of a bar's volume")] = 0.05


class Environment(StrEnum):
    """Which Bybit. Demo and testnet trade with play money; a key belongs to one of the three."""

    DEMO = "demo"
    TESTNET = "testnet"
    MAINNET = "mainnet"


class MarginMode(StrEnum):
    CROSS = "cross"
    ISOLATED = "isolated"


class BybitConfig(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """The Bybit account. URLs other than the environment's own are for a proxy of yours or a test.

    Keys come from BYBIT_API_KEY and BYBIT_API_SECRET or from `key_file`, which only its owner may read.
    """

    environment: Environment = Environment.DEMO
    rest_url: str = ""
    public_url: str = ""
    private_url: str = ""
    key_file: str = ""
    margin_mode: MarginMode = MarginMode.ISOLATED
    leverage: Annotated[float, Meta(ge=1.0, le=10.0, description="set at the venue for every instrument")] = 2.0
    recv_window_ms: Annotated[int, Meta(ge=1000, le=20_000, description="how late a request may arrive")] = 5000
    max_skew_ms: Annotated[int, Meta(ge=50, le=1000, description="clock difference that denies entries")] = 500
    taker_fee: Annotated[
        float,
        Meta(ge=0.0, le=0.01, description="of your tier; reckoned with before, never booked"),
    ] = 0.00055


class VenuesConfig(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    bybit: BybitConfig = BybitConfig()


class FeedConfig(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Where market data comes from. `replay` plays recorded bars; an empty path is the bundled recording; `bybit` is
    that venue's live data, for which the other keys mean nothing.

    `speed` is recorded seconds per real second, 0 as fast as possible. `start` is a UTC time (ISO 8601) at which the
    replay begins to trade; bars before it are history. None begins once the strategies have their warm-up.
    """

    kind: str = "replay"
    path: str = ""
    speed: Annotated[float, Meta(ge=0.0, le=1e9)] = 1600.0
    start: str | None = None
