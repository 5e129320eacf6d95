"""Tier 2 of the gate: may veto or shrink, never raise, choose or trigger."""

from typing import Any, Protocol

from tradeterm.domain.signals import Signal, Verdict


class Validator(Protocol):
    """`label` is how the screen names it, for instance "RULES (no AI)"."""

    label: str

    async def judge(self, signal: Signal, context: dict[str, Any], ts: int) -> Verdict: ...
