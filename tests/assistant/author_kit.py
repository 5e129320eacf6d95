"""A strategy that trades on the bundled recording, and what goes with it."""

from typing import Any

SPEC: dict[str, Any] = {
    "v": 1, "name": "dips", "symbols": ["ADA"], "timeframe": "5m", "side": "both",
    "entry": {"all": [{"ind": "rsi", "n": 14, "op": "crosses_above", "value": 30}]},
    "exit": {"any": [{"ind": "rsi", "n": 14, "op": ">", "value": 55}, {"bars_held": 48}]},
    "stop": {"type": "percent", "pct": 1.5}, "target": {"type": "r", "mult": 2},
    "risk": {"risk_pct": 0.5, "max_leverage": 2},
}  # fmt: skip


def changed(**changes: Any) -> dict[str, Any]:
    """The strategy with other values; None takes a key away."""
    return {key: value for key, value in {**SPEC, **changes}.items() if value is not None}


def risking(**changes: Any) -> dict[str, Any]:
    return changed(risk={**SPEC["risk"], **changes})
