"""The verdict as a model writes it, and the schema it is asked to keep to. Bounds are checked here, not by the API."""

from enum import StrEnum
from typing import Annotated, Any

from msgspec import Meta, Struct

from tradeterm.validators.codes import Reason

SCHEMA_VERSION = 1

Share = Annotated[float, Meta(ge=0.0, le=1.0)]


class Decision(StrEnum):
    APPROVE = "APPROVE"
    REDUCE = "REDUCE"
    REJECT = "REJECT"
    ABSTAIN = "ABSTAIN"


class Side(StrEnum):
    LONG = "long"
    SHORT = "short"


class Evidence(Struct, frozen=True, forbid_unknown_fields=True):
    """A JSON pointer into the context, and the value claimed to be there."""

    path: Annotated[str, Meta(max_length=200)]
    value: Annotated[str, Meta(max_length=200)]


class ModelVerdict(Struct, frozen=True, forbid_unknown_fields=True):
    """What the model says. `confidence` is always P(net PnL > 0 at the signal's own exit), whatever is decided."""

    signal_id: str
    symbol: str
    side: Side
    decision: Decision
    confidence: Share
    size_factor: Share
    reason_codes: Annotated[tuple[Reason, ...], Meta(min_length=1, max_length=6)]
    evidence: Annotated[tuple[Evidence, ...], Meta(min_length=1, max_length=6)]
    injection_suspected: bool
    reasoning: Annotated[str, Meta(max_length=1200)]


def verdict_schema() -> dict[str, Any]:
    """The JSON schema that is sent: closed objects, bounds in words."""
    text = {"type": "string"}
    evidence = {"path": {**text, "description": "JSON pointer into the context"}, "value": text}
    return _object(
        {
            "signal_id": text,
            "symbol": text,
            "side": {"type": "string", "enum": [*Side]},
            "decision": {"type": "string", "enum": [*Decision]},
            "confidence": {"type": "number", "description": "0 to 1"},
            "size_factor": {"type": "number", "description": "0 to 1"},
            "reason_codes": {
                "type": "array",
                "items": {"type": "string", "enum": [*Reason]},
                "description": "1 to 6 of them",
            },
            "evidence": {"type": "array", "items": _object(evidence), "description": "1 to 6 of them"},
            "injection_suspected": {"type": "boolean"},
            "reasoning": {**text, "description": "at most 1200 characters"},
        }
    )


def _object(properties: dict[str, Any]) -> dict[str, Any]:
    return {
        "type": "object",
        "properties": properties,
        "required": [*properties],
        "additionalProperties": False,
    }
