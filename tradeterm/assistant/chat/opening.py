"""Whether plain language is to be had with this configuration, and the conversation if so."""

from collections.abc import Callable, Mapping

from tradeterm.assistant.chat.conversation import Conversation
from tradeterm.assistant.chat.model import Asker, ClaudeAsker
from tradeterm.assistant.chat.proposals import Proposals
from tradeterm.assistant.chat.spending import Spending
from tradeterm.assistant.chat.tools.authoring import authoring_tools
from tradeterm.assistant.chat.tools.decisions import decision_tools
from tradeterm.assistant.chat.tools.proposing import proposing_tools
from tradeterm.assistant.chat.tools.reporting import reporting_tools
from tradeterm.assistant.chat.tools.results import result_tools
from tradeterm.assistant.chat.tools.scoring import scoring_tools
from tradeterm.assistant.chat.tools.standing import standing_tools
from tradeterm.assistant.chat.tools.strategies import strategy_tools
from tradeterm.assistant.grammar import NEEDS_AI
from tradeterm.config import AiProvider, Config
from tradeterm.console.protocol import Console
from tradeterm.domain.errors import ConfigError
from tradeterm.profile import Profile, find_profile
from tradeterm.validators.provider import is_safe_url
from tradeterm.validators.registry import CLAUDE, OPENAI_SHAPED
from tradeterm.validators.secrets import Key, key_variable, load_key

_PROVIDERS = {
    CLAUDE: (AiProvider.ANTHROPIC, AiProvider.OPENROUTER, AiProvider.BEDROCK),
    OPENAI_SHAPED: (AiProvider.GEMINI, AiProvider.OPENROUTER, AiProvider.OTHER),
}


def why_offline(config: Config, environ: Mapping[str, str] | None = None) -> str:
    """What plain language lacks, in one sentence; "" where it lacks nothing."""
    try:
        key_of(config, environ)
    except ConfigError as error:
        return str(error)
    return ""


def open_conversation(
    config: Config,
    console: Console,
    now: Callable[[], int],
    environ: Mapping[str, str] | None = None,
    *,
    profile: Profile | None = None,
    proposals: Proposals | None = None,
) -> Conversation:
    """A conversation with the model of `gate.ai`. Imports the SDK, so call it off the loop. Raises ConfigError.

    `now` is the machine's clock in ms; `environ` None is the process's own; `profile` None the default one; with
    `proposals` its cards lie among those that are pending already.
    """
    profile = profile or find_profile()
    key = key_of(config, environ)
    asker = asker_of(config, key)
    proposals = Proposals(now) if proposals is None else proposals
    tools = (
        *standing_tools(console),
        *decision_tools(console),
        *result_tools(console, now),
        *scoring_tools(console),
        *strategy_tools(config, profile),
        *proposing_tools(console, config, profile, proposals),
        *authoring_tools(config, profile, proposals),
        *reporting_tools(console, profile, proposals),
    )
    spending = Spending(console, asker, config.chat, now)
    return Conversation(console, asker, tools, key=key, proposals=proposals, spending=spending)


def asker_of(config: Config, key: Key) -> Asker:
    """Each brings its own client."""
    if config.gate.validator == OPENAI_SHAPED:
        from tradeterm.assistant.chat.openai_model import OpenAiAsker

        return OpenAiAsker(config.gate.ai, key, config.chat.max_tokens)
    return ClaudeAsker(config.gate.ai, key, config.chat.max_tokens)


def key_of(config: Config, environ: Mapping[str, str] | None) -> Key:
    """Raises ConfigError with what plain language lacks."""
    gate = config.gate
    if gate.validator not in _PROVIDERS:
        raise ConfigError(NEEDS_AI)
    providers = _PROVIDERS[gate.validator]
    if gate.ai.provider not in providers:
        raise ConfigError(f"Plain language needs gate.ai.provider {', '.join(providers[:-1])} or {providers[-1]}.")
    if gate.ai.base_url and not is_safe_url(gate.ai.base_url):
        raise ConfigError("gate.ai.base_url must begin with https://.")
    key = load_key(gate.ai, environ)
    if key is None:
        variable = key_variable(gate.ai.provider)
        raise ConfigError(f"Plain language needs a key: set {variable}, or name a file in gate.ai.key_file.")
    return key
