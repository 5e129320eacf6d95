"""From the body of an answer to a verdict that may count: every step in a fixed order, every failure with its code."""

import json
from collections.abc import Callable, Mapping
from typing import Any

import msgspec
from msgspec import Struct

from tradeterm.domain.signals import Signal
from tradeterm.validators.codes import Failure, GateFailure
from tradeterm.validators.context import side_word
from tradeterm.validators.grounding import is_grounded
from tradeterm.validators.untrusted import plain
from tradeterm.validators.verdict import Decision, ModelVerdict

LARGEST_BODY = 64 * 1024
_LENGTH = ("max_tokens", "model_context_window_exceeded")


class Usage(Struct, frozen=True):
    """Tokens as the provider counts them; `input` is what neither came from the cache nor went into it."""

    input: int = 0
    cache_write_5m: int = 0
    cache_write_1h: int = 0
    cache_read: int = 0
    output: int = 0

    @property
    def total(self) -> int:
        return self.input + self.cache_write_5m + self.cache_write_1h + self.cache_read + self.output


class Said(Struct, frozen=True):
    """An answer in the words of the Messages API, whichever API it came from."""

    stop_reason: str
    texts: tuple[str, ...]
    model: str
    message_id: str


def parse(text: str) -> Any:
    """JSON without duplicate keys, NaN and infinities. Raises ValueError, or RecursionError if it is too deep."""
    return json.loads(text, object_pairs_hook=_no_duplicates, parse_constant=_no_constant)


def accept(
    body: str,
    read: Callable[[dict[str, Any]], Said],
    signal: Signal,
    context: Mapping[str, Any],
    least_confidence: float,
) -> ModelVerdict:
    """The verdict in an answer. Raises GateFailure with the code of the first step that fails."""
    try:
        said = read(_object(body))
        verdict = _verdict(_only_text(said))
        _check_echo(verdict, signal)
        _check_consistency(verdict)
        _check_evidence(verdict, context)
    except GateFailure:
        raise
    except Exception as error:  # noqa: BLE001 - a hostile answer may break any step in any way
        raise GateFailure(Failure.MALFORMED, f"the answer cannot be read: {type(error).__name__}") from None
    if verdict.injection_suspected:
        raise GateFailure(Failure.INJECTION, "the model suspects that a text gives it instructions")
    if verdict.decision in (Decision.APPROVE, Decision.REDUCE) and verdict.confidence < least_confidence:
        text = f"confidence {verdict.confidence:g} is below {least_confidence:g}"
        raise GateFailure(Failure.LOW_CONFIDENCE, text)
    return msgspec.structs.replace(verdict, reasoning=plain(verdict.reasoning))


def _object(body: str) -> dict[str, Any]:
    if len(body) > LARGEST_BODY or len(body.encode()) > LARGEST_BODY:
        raise GateFailure(Failure.MALFORMED, f"the answer is larger than {LARGEST_BODY} bytes")
    found = parse(body)
    if not isinstance(found, dict):
        raise GateFailure(Failure.MALFORMED, "the answer is no JSON object")
    return found


def _only_text(said: Said) -> str:
    if said.stop_reason == "refusal":
        raise GateFailure(Failure.REFUSAL, "the model declined to answer")
    if said.stop_reason in _LENGTH:
        raise GateFailure(Failure.LENGTH, f"the answer was cut off: {said.stop_reason}")
    if said.stop_reason != "end_turn":
        raise GateFailure(Failure.MALFORMED, "the answer did not end as an answer does")
    if len(said.texts) != 1:
        raise GateFailure(Failure.MALFORMED, f"the answer has {len(said.texts)} texts, allowed one")
    return said.texts[0]


def _verdict(text: str) -> ModelVerdict:
    found = parse(text)
    try:
        return msgspec.convert(found, ModelVerdict, strict=True)
    except msgspec.ValidationError:
        raise GateFailure(Failure.SCHEMA, "the verdict does not have the form that was asked for") from None


def _check_echo(verdict: ModelVerdict, signal: Signal) -> None:
    asked = (signal.id, signal.instrument, side_word(signal.side))
    if (verdict.signal_id, verdict.symbol, verdict.side.value) != asked:
        raise GateFailure(Failure.ECHO, "the verdict names another signal, symbol or side")


def _check_consistency(verdict: ModelVerdict) -> None:
    factor = verdict.size_factor
    fits = {
        Decision.APPROVE: factor == 1,
        Decision.REDUCE: 0 < factor < 1,
        Decision.REJECT: factor == 0,
        Decision.ABSTAIN: factor == 0,
    }
    if not fits[verdict.decision]:
        text = f"{verdict.decision} with size factor {factor:g} contradicts itself"
        raise GateFailure(Failure.CONTRADICTION, text)


def _check_evidence(verdict: ModelVerdict, context: Mapping[str, Any]) -> None:
    for number, evidence in enumerate(verdict.evidence, 1):
        if not is_grounded(evidence, context):
            raise GateFailure(Failure.UNGROUNDED, f"evidence {number} of {len(verdict.evidence)} is not in the context")


def _no_duplicates(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    found = dict(pairs)
    if len(found) != len(pairs):
        raise ValueError("a key stands twice")
    return found


def _no_constant(name: str) -> Any:
    raise ValueError(f"{name} is no JSON")
