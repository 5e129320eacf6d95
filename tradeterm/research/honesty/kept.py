"""Tests of honesty as they were kept: what their commands answered, read back."""

from collections.abc import Mapping
from typing import Any

import msgspec

from tradeterm.domain.errors import LedgerError
from tradeterm.research.honesty.capacity import Capacity
from tradeterm.research.honesty.decay import Decay
from tradeterm.research.honesty.evidence import Finding
from tradeterm.research.honesty.look_ahead import LookAhead
from tradeterm.research.honesty.overfitting import Overfitting
from tradeterm.research.honesty.regimes import ByRegime
from tradeterm.research.honesty.robustness import Robustness
from tradeterm.research.honesty.stress import Stress
from tradeterm.research.honesty.walk_forward import WalkForward
from tradeterm.research.metrics.breakdown import Row

_PARTS: Mapping[str, Mapping[str, Any]] = {
    "walkforward": {"walk_forward": WalkForward, "overfitting": Overfitting},
    "robustness": {
        "robustness": Robustness,
        "decay": Decay,
        "regimes": ByRegime,
        "capacity": Capacity,
        "stress": Stress,
    },
}


def findings_of(command: str, answer: Mapping[str, Any]) -> list[Finding]:
    """What the command found, in its order. Raises LedgerError for an answer that is not understood."""
    try:
        if command == "lookahead":
            return [msgspec.convert(dict(answer), LookAhead)]
        return [_part(answer[name], kind) for name, kind in _PARTS[command].items()]
    except (KeyError, TypeError, msgspec.ValidationError) as error:
        raise LedgerError(f"a kept {command} is not understood: {error}") from None


def _part(plain: Any, kind: Any) -> Finding:
    if kind is ByRegime:
        return ByRegime(rows=tuple(Row(**row) for row in plain["rows"]), sentence=plain["sentence"])
    found: Finding = msgspec.convert(plain, kind)
    return found
