"""Configuration: typed, bounded, checked whole before anything starts.

Reading a file and turning errors into sentences is `config_file.py`; this module is the shape alone.
"""

from enum import StrEnum
from typing import Annotated, Any

from msgspec import Meta, Struct, structs

from tradeterm.domain.states import AlertLevel, Mode

Fraction = Annotated[float, Meta(ge=0.0, le=1.0)]


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
        Annotated[float, Meta(ge=0.1, le=10.0, description="stop at so many ATR instead, if that is known")] | None
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


class GateMode(StrEnum):
    """OFF asks nobody, SHADOW asks and only records, ENFORCE lets tier 2 veto and shrink."""

    OFF = "off"
    SHADOW = "shadow"
    ENFORCE = "enforce"


class OfflinePolicy(StrEnum):
    """What judges where an AI is chosen and there is no key for it."""

    REJECT = "reject"
    RULES = "rules"


class NewsMode(StrEnum):
    """Whether headlines are shown to a second call, which can only lower what the first one said."""

    OFF = "off"
    VETO_ONLY = "veto_only"


class AiProvider(StrEnum):
    ANTHROPIC = "anthropic"
    OPENROUTER = "openrouter"
    BEDROCK = "bedrock"
    GEMINI = "gemini"
    OTHER = "other"


class Effort(StrEnum):
    """How much a model thinks before it answers, where it can be told."""

    LOW = "low"
    MEDIUM = "medium"
    HIGH = "high"
    XHIGH = "xhigh"
    MAX = "max"


class AiConfig(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """The AI that tier 2 asks. Keys are never written here: environment variables, or `key_file`."""

    provider: AiProvider = AiProvider.ANTHROPIC
    model: str = "claude-sonnet-5-5"
    base_url: Annotated[str, Meta(description='"" is the provider\'s own address')] = ""
    region: Annotated[str, Meta(description="AWS region of Bedrock")] = ""
    key_file: Annotated[str, Meta(description="the key alone; readable by you alone")] = ""
    effort: Effort = Effort.LOW
    max_tokens: Annotated[int, Meta(ge=256, le=8192, description="longest answer, thinking included")] = 1024
    least_confidence: Annotated[float, Meta(ge=0.0, le=1.0, description="below it nothing is let through")] = 0.5
    budget_usd: Annotated[float, Meta(ge=0.0, le=10_000.0, description="a UTC day")] = 5.0
    budget_calls: Annotated[int, Meta(ge=0, le=100_000, description="a UTC day")] = 1000
    budget_tokens: Annotated[int, Meta(ge=0, le=1_000_000_000, description="a UTC day")] = 5_000_000


class OnMiss(StrEnum):
    """What happens to a signal that the record of verdicts does not know."""

    REJECT = "reject"
    PASS = "pass"
    RULES = "rules"


class RecordedConfig(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Tier 2 from a record of live verdicts."""

    file: Annotated[str, Meta(description="an audit file, ai_decisions.jsonl")] = ""
    on_miss: OnMiss = OnMiss.REJECT


class GateConfig(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Tier 2. `rules` is the offline rule set, shown as "RULES (no AI)"."""

    validator: str = "rules"
    mode: GateMode = GateMode.ENFORCE
    deadline_seconds: Annotated[float, Meta(ge=1.0, le=60.0)] = 10.0
    offline_policy: OfflinePolicy = OfflinePolicy.REJECT
    news_mode: NewsMode = NewsMode.VETO_ONLY
    ai: AiConfig = AiConfig()
    recorded: RecordedConfig = RecordedConfig()


class ChatConfig(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Plain language at the prompt. It asks the model of `gate.ai`, and only where `gate.validator` is "claude"."""

    max_tokens: Annotated[int, Meta(ge=512, le=16_384, description="longest reply, thinking included")] = 4096
    turn_usd: Annotated[float, Meta(ge=0.0, le=100.0, description="one question with all its look-ups")] = 0.25
    budget_usd: Annotated[float, Meta(ge=0.0, le=10_000.0, description="a UTC day")] = 2.0


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
        float, Meta(ge=0.0, le=0.01, description="of your fee tier; part of what a trade may lose, booked is the venue's")
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


class ChannelConfig(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What every channel has. Alerts below `level` do not go to it."""

    enabled: bool = False
    level: Annotated[AlertLevel, Meta(description="least level that is told")] = AlertLevel.WARNING


class BellStyle(StrEnum):
    """A sound alone; or a desktop notification of the terminal besides (OSC 9: iTerm2, WezTerm, Windows Terminal,
    kitty; OSC 777: urxvt, foot, Ghostty, VTE)."""

    BELL = "bell"
    OSC9 = "osc9"
    OSC777 = "osc777"


class BellConfig(ChannelConfig, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """The terminal the engine runs in, where it runs in one."""

    style: BellStyle = BellStyle.BELL


class NtfyConfig(ChannelConfig, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """ntfy. The topic is as good as a password: the secret NTFY_TOPIC; and NTFY_TOKEN where the server wants one."""

    url: str = "https://ntfy.sh"


class TelegramConfig(ChannelConfig, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A Telegram bot; its token is the secret TELEGRAM_BOT_TOKEN. `chat_id` is a number or @channel."""

    chat_id: str = ""
    url: str = "https://api.telegram.org"


class SlackConfig(ChannelConfig, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A Slack incoming webhook; its address is the secret SLACK_WEBHOOK_URL."""


class DiscordConfig(ChannelConfig, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A Discord webhook; its address is the secret DISCORD_WEBHOOK_URL."""


class MailSecurity(StrEnum):
    TLS = "tls"
    STARTTLS = "starttls"


class EmailConfig(ChannelConfig, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Mail by SMTP, always encrypted; the password is the secret SMTP_PASSWORD, without `username` none is used."""

    host: str = ""
    port: Annotated[int, Meta(ge=1, le=65_535)] = 587
    security: Annotated[MailSecurity, Meta(description="tls (port 465) or starttls (port 587)")] = MailSecurity.STARTTLS
    username: str = ""
    sender: str = ""
    recipients: tuple[str, ...] = ()


class NotifyConfig(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Who is told of alerts away from the screen. Hours are of `ui.timezone`, 22.5 is half past ten.

    Secrets come from environment variables of the names above or from `secrets_file` (NAME = value, one a line), which
    only its owner may read.
    """

    repeat_seconds: Annotated[
        float, Meta(ge=0.0, le=86_400.0, description="the same alert within this time is counted, not sent again")
    ] = 300.0
    per_minute: Annotated[int, Meta(ge=1, le=60, description="messages a minute on each channel")] = 10
    quiet_from: Annotated[float, Meta(ge=0.0, le=24.0, description="hour from which only CRITICAL is sent")] | None = (
        None
    )
    quiet_to: Annotated[float, Meta(ge=0.0, le=24.0, description="hour at which that ends")] = 7.0
    secrets_file: str = ""
    bell: BellConfig = BellConfig()
    ntfy: NtfyConfig = NtfyConfig()
    telegram: TelegramConfig = TelegramConfig()
    slack: SlackConfig = SlackConfig()
    discord: DiscordConfig = DiscordConfig()
    email: EmailConfig = EmailConfig()


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
    chat: ChatConfig = ChatConfig()
    risk: RiskConfig = RiskConfig()
    breaker: BreakerConfig = BreakerConfig()
    paper: PaperConfig = PaperConfig()
    feed: FeedConfig = FeedConfig()
    venues: VenuesConfig = VenuesConfig()
    notify: NotifyConfig = NotifyConfig()
    ledger: LedgerConfig = LedgerConfig()
    ui: UiConfig = UiConfig()
    keys: dict[str, str] = {}


def enabled_books(config: Config) -> Config:
    """The configuration with only the books that are enabled: those an engine trades and a face shows."""
    return structs.replace(config, books={name: book for name, book in config.books.items() if book.enabled})
