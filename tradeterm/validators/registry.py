"""Validators by the config's `gate.validator`. A new one is a file beside this and a line in `_validators`."""

import time
from collections.abc import Callable, Mapping
from datetime import UTC, date, datetime
from decimal import Decimal

from msgspec import Struct, structs

from tradeterm.config import AiProvider, GateConfig, GateMode, OfflinePolicy
from tradeterm.decode import one_of, show
from tradeterm.domain.errors import ConfigError, LedgerError
from tradeterm.validators.ai import AiValidator
from tradeterm.validators.asking import Asker
from tradeterm.validators.breaker import CallBreaker
from tradeterm.validators.budget import Budget, Limits, Spent
from tradeterm.validators.models import model_warnings
from tradeterm.validators.modes import DownValidator, OffValidator, ShadowValidator
from tradeterm.validators.protocol import Notice, Notify, Validator
from tradeterm.validators.provider import Provider, is_safe_url, names_somebody
from tradeterm.validators.record import DecisionRecord, Record
from tradeterm.validators.recorded import RecordedValidator
from tradeterm.validators.rules import RulesValidator
from tradeterm.validators.secrets import Key, key_variable, load_key, signing_key

RULES, CLAUDE, OPENAI_SHAPED, RECORDED = "rules", "claude", "openai-shaped", "recorded"
ASKS_A_MODEL = (CLAUDE, OPENAI_SHAPED)
READS_ALL = (*ASKS_A_MODEL, RECORDED)
"""Those that read more than the desk itself knows."""
_CLAUDES = (AiProvider.ANTHROPIC, AiProvider.OPENROUTER, AiProvider.BEDROCK)
_OPENAI_SHAPED = (AiProvider.GEMINI, AiProvider.OPENROUTER, AiProvider.OTHER)


async def _nowhere(record: DecisionRecord) -> None:
    raise LedgerError("no audit file was given")


def _unheard(notice: Notice) -> None:
    """For whoever only checks a configuration."""


def _wall_ms() -> int:
    return time.time_ns() // 1_000_000


class Around(Struct, frozen=True, kw_only=True):
    """What a validator needs of the house. Without `record` an AI blocks every entry: nothing unrecorded is allowed.

    `spent` is what the day's calls took before a restart; a `budget` takes the place of the day's. `environ` None
    is the process's own.
    """

    record: Record = _nowhere
    notify: Notify = _unheard
    spent: Spent | None = None
    budget: Budget | None = None
    environ: Mapping[str, str] | None = None
    now: Callable[[], int] = _wall_ms


def _validators() -> dict[str, Callable[[GateConfig, Around], Validator]]:
    return {
        RULES: lambda gate, around: RulesValidator(),
        CLAUDE: _ai,
        OPENAI_SHAPED: _ai,
        RECORDED: lambda gate, around: RecordedValidator(gate),
    }


def validator_names() -> tuple[str, ...]:
    return tuple(sorted(_validators()))


def make_validator(gate: GateConfig, around: Around | None = None) -> Validator:
    """The validator the gate asks. Raises ConfigError for an unknown name and for settings that cannot work.

    A missing key is not one of them: with `gate.offline_policy` reject every entry is blocked and `status` says why,
    with rules the offline rules judge and are named as such.
    """
    known = _validators()
    if gate.validator not in known:
        names = sorted(known)
        found = show(gate.validator)
        raise ConfigError(f"gate.validator: found {found}, allowed {one_of(names)}")
    if gate.mode is GateMode.SHADOW and gate.validator not in ASKS_A_MODEL:
        raise ConfigError(f'gate.mode: found "shadow", allowed off or enforce with validator = "{gate.validator}"')
    made = known[gate.validator](gate, around or Around())
    match gate.mode:
        case GateMode.OFF:
            return OffValidator()
        case GateMode.SHADOW:
            return ShadowValidator(made)
    return made


def asking(gate: GateConfig) -> GateConfig:
    """The same, asking the model of `gate.ai` and nobody in its place, whoever judges otherwise."""
    usual = CLAUDE if gate.ai.provider in _CLAUDES else OPENAI_SHAPED
    asked = gate.validator if gate.validator in ASKS_A_MODEL else usual
    return structs.replace(gate, validator=asked, mode=GateMode.ENFORCE, offline_policy=OfflinePolicy.REJECT)


def gate_warnings(gate: GateConfig, today: date | None = None) -> tuple[str, ...]:
    """What a person should know before the gate is used; nothing is asked of anybody."""
    if gate.validator not in ASKS_A_MODEL or gate.mode is GateMode.OFF:
        return ()
    day = datetime.now(UTC).date() if today is None else today
    found = model_warnings(gate.ai.provider.value, gate.ai.model, day)
    return tuple(f"gate.ai.model: {warning}" for warning in found)


def _ai(gate: GateConfig, around: Around) -> Validator:
    _check(gate)
    key = signing_key(gate.ai) or load_key(gate.ai, around.environ)
    if key is None and gate.offline_policy is OfflinePolicy.RULES:
        return RulesValidator()
    if key is None:
        where = f"set {key_variable(gate.ai.provider)}, or name a file in gate.ai.key_file"
        return DownValidator(f"{gate.ai.model} (no key)", f"no key for {gate.ai.provider.value}: {where}")
    provider = _provider(gate, key)
    limits = Limits(Decimal(repr(gate.ai.budget_usd)), gate.ai.budget_calls, gate.ai.budget_tokens)
    asker = Asker(
        provider,
        key,
        model=gate.ai.model,
        max_tokens=gate.ai.max_tokens,
        budget=around.budget or Budget(limits, around.now, around.spent),
        breaker=CallBreaker(time.monotonic),
        notify=around.notify,
        now=around.now,
    )
    return AiValidator(
        provider,
        asker,
        gate,
        record=around.record,
        notify=around.notify,
        now=around.now,
        enforced=gate.mode is GateMode.ENFORCE,
    )


def _provider(gate: GateConfig, key: Key) -> Provider:
    """The SDK and the HTTP client are imported here: only who asks an AI pays for them."""
    if gate.validator == CLAUDE:
        from tradeterm.validators.claude import Claude

        return Claude(gate.ai, key)
    from tradeterm.validators.openai_shaped import OpenAiShaped

    return OpenAiShaped(gate.ai, key)


def _check(gate: GateConfig) -> None:
    providers = _CLAUDES if gate.validator == CLAUDE else _OPENAI_SHAPED
    if gate.ai.provider not in providers:
        allowed = one_of([provider.value for provider in providers])
        found = show(gate.ai.provider.value)
        raise ConfigError(f'gate.ai.provider: found {found}, allowed {allowed} with validator = "{gate.validator}"')
    if names_somebody(gate.ai.base_url):
        raise ConfigError("gate.ai.base_url: found a name and password in the address, allowed an address without")
    if gate.ai.base_url and not is_safe_url(gate.ai.base_url):
        found = show(gate.ai.base_url)
        raise ConfigError(f"gate.ai.base_url: found {found}, allowed an address that begins with https://")
