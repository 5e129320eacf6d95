"""Configuration: typed, bounded, checked whole before anything starts.

Reading a file and turning errors into sentences is `config_file.py`; this package is the shape alone.
"""

from typing import Annotated

from msgspec import Meta, Struct, structs

from tradeterm.config.book import (
    Algorithm,
    BookConfig,
    ExecutionConfig,
    ExitsConfig,
    ExposureConfig,
    ExposureRange,
    HealthConfig,
    LimitsConfig,
    RegimeExits,
    RegimeMultipliers,
    SizingConfig,
    SizingMethod,
)
from tradeterm.config.gate import (
    AiConfig,
    AiProvider,
    ChatConfig,
    Effort,
    GateConfig,
    GateMode,
    NewsMode,
    OfflinePolicy,
    OnMiss,
    RecordedConfig,
)
from tradeterm.config.news import NewsConfig
from tradeterm.config.notify import (
    BellConfig,
    BellStyle,
    ChannelConfig,
    DiscordConfig,
    EmailConfig,
    MailSecurity,
    NotifyConfig,
    NtfyConfig,
    SlackConfig,
    TelegramConfig,
)
from tradeterm.config.research import ResearchConfig
from tradeterm.config.risk import (
    BreakerConfig,
    LatencySteps,
    RefusedSteps,
    RiskConfig,
    SlippageSteps,
)
from tradeterm.config.venues import (
    BybitConfig,
    Environment,
    FeedConfig,
    MarginMode,
    PaperConfig,
    VenuesConfig,
)
from tradeterm.domain.states import Mode

__all__ = [
    "AiConfig",
    "AiProvider",
    "Algorithm",
    "BellConfig",
    "BellStyle",
    "BookConfig",
    "BreakerConfig",
    "BybitConfig",
    "ChannelConfig",
    "ChatConfig",
    "Config",
    "DiscordConfig",
    "Effort",
    "EmailConfig",
    "Environment",
    "ExecutionConfig",
    "ExitsConfig",
    "ExposureConfig",
    "ExposureRange",
    "FeedConfig",
    "GateConfig",
    "GateMode",
    "HealthConfig",
    "LatencySteps",
    "LedgerConfig",
    "LimitsConfig",
    "MailSecurity",
    "MarginMode",
    "NewsConfig",
    "NewsMode",
    "NotifyConfig",
    "NtfyConfig",
    "OfflinePolicy",
    "OnMiss",
    "PaperConfig",
    "RecordedConfig",
    "RefusedSteps",
    "RegimeExits",
    "RegimeMultipliers",
    "ResearchConfig",
    "RiskConfig",
    "SizingConfig",
    "SizingMethod",
    "SlackConfig",
    "SlippageSteps",
    "TelegramConfig",
    "UiConfig",
    "VenuesConfig",
    "enabled_books",
]


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
    news: NewsConfig = NewsConfig()
    risk: RiskConfig = RiskConfig()
    breaker: BreakerConfig = BreakerConfig()
    paper: PaperConfig = PaperConfig()
    research: ResearchConfig = ResearchConfig()
    feed: FeedConfig = FeedConfig()
    venues: VenuesConfig = VenuesConfig()
    notify: NotifyConfig = NotifyConfig()
    ledger: LedgerConfig = LedgerConfig()
    ui: UiConfig = UiConfig()
    keys: dict[str, str] = {}


def enabled_books(config: Config) -> Config:
    """The configuration with only the books that are enabled: those an engine trades and a face shows."""
    return structs.replace(config, books={name: book for name, book in config.books.items() if book.enabled})
