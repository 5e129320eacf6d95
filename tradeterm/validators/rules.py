"""Tier 2 without an AI: a few fixed rules, always shown as "RULES (no AI)". They can veto or shrink, never raise."""

from decimal import Decimal
from typing import Any

from tradeterm.domain.signals import Signal, Verdict, VerdictDecision, VerdictSource

LABEL = "RULES (no AI)"
MODEL = "rules"


class RulesValidator:
    label = LABEL

    async def judge(self, signal: Signal, context: dict[str, Any], ts: int) -> Verdict:
        return Verdict(
            id=f"v{signal.id}",
            signal_id=signal.id,
            book=signal.book,
            instrument=signal.instrument,
            side=signal.side,
            decision=VerdictDecision.APPROVE,
            size_factor=Decimal(1),
            confidence=None,
            reason_codes=(),
            reasoning="No rule speaks against it.",
            source=VerdictSource.RULES,
            model=MODEL,
            latency_ms=0,
            ts=ts,
        )
