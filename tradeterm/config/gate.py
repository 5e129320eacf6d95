"""Tier 2 and the chat: who is asked, and for how much."""

from enum import StrEnum
from typing import Annotated

from msgspec import Meta, Struct


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
    aws_profile: Annotated[str, Meta(description="Bedrock without a key: signed by this AWS profile")] = ""
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
    """Plain language at the prompt. It asks the model of `gate.ai`, where `gate.validator` is one that asks a model."""

    max_tokens: Annotated[int, Meta(ge=512, le=16_384, description="longest reply, thinking included")] = 4096
    turn_usd: Annotated[float, Meta(ge=0.0, le=100.0, description="one question with all its look-ups")] = 0.25
    budget_usd: Annotated[float, Meta(ge=0.0, le=10_000.0, description="a UTC day")] = 2.0
