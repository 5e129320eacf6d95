"""Configuration: typed, bounded, checked whole before anything starts.

Reading a file and turning errors into sentences is `config_file.py`; this module is the shape alone.
"""

from enum import StrEnum
from typing import Annotated, Any

from msgspec import Meta, Struct, structs

from tradeterm.domain.states import Mode

Fraction = Annotated[float, Meta(ge=0.0, le=1.0)]


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


class SizingConfig(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    risk_fraction: Annotated[
        float, Meta(gt=0.0, le=0.02, description="book equity at risk between entry and stop, fraction")
    ] = 0.01
    max_position_fraction: Annotated[
        float, Meta(gt=0.0, le=1.0, description="largest notional of a position, fraction of book equity")
    ] = 0.10


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


class GateConfig(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Tier 2. `rules` is the offline rule set, shown as "RULES (no AI)"."""

    validator: str = "rules"
    deadline_seconds: Annotated[float, Meta(ge=1.0, le=60.0)] = 10.0


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


class LedgerConfig(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Ages, in days, after which live samples (equity) are rolled up. Facts are never pruned."""

    keep_samples_days: Annotated[float, Meta(gt=0.0, le=36_500.0)] = 7.0
    keep_minutes_days: Annotated[float, Meta(gt=0.0, le=36_500.0)] = 30.0
    keep_hours_days: Annotated[float, Meta(gt=0.0, le=36_500.0)] = 730.0
    journal: bool = True


class UiConfig(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    theme: str = "dark"
    glyphs: str = "auto"
    timezone: str = "UTC"
    paint_rate: Annotated[float, Meta(ge=0.5, le=10.0, description="repaints a second")] = 5.0
    mouse: bool = True


class Config(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Everything. `keys` maps action ids to keys."""

    mode: Mode = Mode.DEMO
    books: dict[str, BookConfig] = {}
    gate: GateConfig = GateConfig()
    paper: PaperConfig = PaperConfig()
    feed: FeedConfig = FeedConfig()
    venues: VenuesConfig = VenuesConfig()
    ledger: LedgerConfig = LedgerConfig()
    ui: UiConfig = UiConfig()
    keys: dict[str, str] = {}


def enabled_books(config: Config) -> Config:
    """The configuration with only the books that are enabled: those an engine trades and a face shows."""
    return structs.replace(config, books={name: book for name, book in config.books.items() if book.enabled})
