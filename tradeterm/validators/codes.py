"""Why tier 2 gave no answer that counts, and what it may name as its reasons."""

from enum import StrEnum


class Failure(StrEnum):
    """Codes of FAILED_CLOSED. None of them is a judgement of the model; all of them block."""

    CONFIG = "CONFIG"
    BILLING = "BILLING"
    TRANSPORT = "TRANSPORT"
    TIMEOUT = "TIMEOUT"
    MALFORMED = "MALFORMED"
    SCHEMA = "SCHEMA"
    ECHO = "ECHO"
    CONTRADICTION = "CONTRADICTION"
    UNGROUNDED = "UNGROUNDED"
    INJECTION = "INJECTION"
    LOW_CONFIDENCE = "LOW_CONFIDENCE"
    REFUSAL = "REFUSAL"
    LENGTH = "LENGTH"
    BUDGET = "BUDGET"
    BREAKER = "BREAKER"
    QUEUE = "QUEUE"
    STALE = "STALE"
    IN_FLIGHT = "IN_FLIGHT"
    CONTEXT_TOO_LARGE = "CONTEXT_TOO_LARGE"
    UNSAFE_NAME = "UNSAFE_NAME"
    SECRET_IN_PROMPT = "SECRET_IN_PROMPT"
    AUDIT = "AUDIT"
    CANCELLED = "CANCELLED"
    NOT_RECORDED = "NOT_RECORDED"
    BROKEN = "BROKEN"


DOWN = frozenset({Failure.CONFIG, Failure.BILLING})
"""Waiting does not cure these: nothing is asked until the configuration changes or the user tries again."""

OUTAGE = frozenset({Failure.TRANSPORT, Failure.TIMEOUT})
"""What the breaker counts."""

UNUSABLE = frozenset(
    {Failure.MALFORMED, Failure.SCHEMA, Failure.ECHO, Failure.CONTRADICTION, Failure.UNGROUNDED, Failure.INJECTION}
)
"""Answers that came and cannot be used; three in a row are told."""


class Reason(StrEnum):
    """What a verdict may give as its reasons."""

    SIGNAL_STRONG = "SIGNAL_STRONG"
    SIGNAL_WEAK = "SIGNAL_WEAK"
    TREND_ALIGNED = "TREND_ALIGNED"
    TREND_AGAINST = "TREND_AGAINST"
    VOLATILITY_NORMAL = "VOLATILITY_NORMAL"
    VOLATILITY_HIGH = "VOLATILITY_HIGH"
    VOLUME_THIN = "VOLUME_THIN"
    SPREAD_WIDE = "SPREAD_WIDE"
    FUNDING_FAVOURABLE = "FUNDING_FAVOURABLE"
    FUNDING_AGAINST = "FUNDING_AGAINST"
    REWARD_TOO_SMALL = "REWARD_TOO_SMALL"
    EXPOSURE_HIGH = "EXPOSURE_HIGH"
    CORRELATED = "CORRELATED"
    DRAWDOWN = "DRAWDOWN"
    LOSS_STREAK = "LOSS_STREAK"
    REGIME_UNFIT = "REGIME_UNFIT"
    MISSING_DATA = "MISSING_DATA"
    STALE_DATA = "STALE_DATA"
    NEWS_ADVERSE = "NEWS_ADVERSE"
    NEWS_HARMLESS = "NEWS_HARMLESS"
    INJECTION = "INJECTION"


class GateFailure(Exception):
    """The call ends here, with a code and one sentence for the screen and the audit."""

    def __init__(self, code: Failure, text: str) -> None:
        super().__init__(text)
        self.code = code
